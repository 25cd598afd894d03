//! What every layer and parameter does in one pass: the figures that [`super::judge`] looks at.

use super::pairing::{kind, place};
use crate::Result;
use crate::data::Target;
use crate::loss::Loss;
use crate::module::{Gradients, Module, Tape};
use crate::tensor::{Real, Tensor, dense, values};
use serde::{Deserialize, Serialize};

/// The figures of one layer on a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerStatistics {
    /// `layer 3, Relu`.
    pub place: String,
    /// The name of its type: `Relu`.
    pub kind: String,
    /// The mean of its outputs.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// The part of its outputs that is exactly 0.
    pub zeros: f64,
    /// The part of its outputs in the flat ends of a tanh (|z| > 0.99) or sigmoid (z < 0.01 or z > 0.99).
    pub saturated: f64,
    /// Units (features of (n, features), channels of (n, channels, …)).
    pub units: usize,
    /// Units that gave the same number everywhere in the batch.
    pub dead: usize,
    /// Outputs of each unit that were looked at.
    pub seen: usize,
    /// The root mean square of ∂L/∂output.
    pub delta: f64,
}

/// The figures of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterStatistics {
    /// `3.weight`.
    pub name: String,
    /// How many axes it has: 1 for a bias.
    pub rank: usize,
    /// The root mean square of its numbers.
    pub size: f64,
    /// The root mean square of its gradient.
    pub gradient: f64,
    /// How far one step moves it, relative to its size: ‖θ − θ_before‖ / ‖θ_before‖; about 10⁻³ is healthy.
    pub update: Option<f64>,
}

/// The figures of a whole network on a batch; one for each epoch makes a picture of the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Layers in order, containers left out.
    pub layers: Vec<LayerStatistics>,
    /// Parameters in order.
    pub parameters: Vec<ParameterStatistics>,
}

/// The parameters as they were before a step, for [`ParameterStatistics::update`].
#[derive(Clone, Debug)]
pub struct Snapshot<T> {
    parameters: Vec<Tensor<T>>,
}

impl<T: Real> Snapshot<T> {
    /// The parameters as they are; free until the network's next step, which then copies them.
    pub fn of(network: &dyn Module<T>) -> Self {
        Snapshot { parameters: network.parameters().into_iter().map(|(_, value)| value.clone()).collect() }
    }
}

/// Runs a batch through the network as it predicts, and back, and sums up what every layer and parameter saw. A few hundred
/// samples are enough. With `before`, a snapshot from one step ago, the size of that step is told too.
///
/// # Errors
/// A shape error when network, loss, batch and target do not fit together.
pub fn observe<T: Real>(
    network: &dyn Module<T>,
    loss: &dyn Loss<T>,
    x: &Tensor<T>,
    target: &Target<T>,
    before: Option<&Snapshot<T>>,
) -> Result<Observation> {
    loss.check(&network.output_shape(x.shape())?, target)?;
    let (mut tape, mut gradients) = (Tape::evaluating(), Gradients::zeros_for(network));
    let output = network.forward(x, &mut tape);
    loss.check_output(values(&dense(&output)))?;
    network.backward_update_gradient(&mut tape, &loss.backward(&output, target), &mut gradients);
    Ok(Observation::of(network, &tape, &gradients, before))
}

impl Observation {
    /// The figures of a pass that has been made: its tape, after the backward pass, and its gradients.
    pub fn of<T: Real>(
        network: &dyn Module<T>,
        tape: &Tape<T>,
        gradients: &Gradients<T>,
        before: Option<&Snapshot<T>>,
    ) -> Self {
        let mut layers = Vec::new();
        walk(network, tape, "", &mut layers);
        let parameters = network.parameters().into_iter().zip(gradients.named()).enumerate();
        let parameters = parameters.map(|(at, ((name, value), (_, gradient)))| ParameterStatistics {
            name,
            rank: value.ndim(),
            size: rms(value.iter().copied()),
            gradient: rms(gradient.iter().copied()),
            update: before.map(|before| {
                let before = &before.parameters[at];
                rms(value.iter().zip(before.iter()).map(|(&now, &then)| now - then)) / rms(before.iter().copied())
            }),
        });
        Observation { layers, parameters: parameters.collect() }
    }
}

fn walk<T: Real>(module: &dyn Module<T>, tape: &Tape<T>, name: &str, layers: &mut Vec<LayerStatistics>) {
    let children = module.children();
    if children.is_empty() {
        layers.extend(tape.output.as_ref().map(|output| layer(module, tape, name, output)));
    }
    for ((child_name, child), tape) in children.into_iter().zip(&tape.children) {
        let dot = if name.is_empty() { "" } else { "." };
        walk(child, tape, &format!("{name}{dot}{child_name}"), layers);
    }
}

fn layer<T: Real>(module: &dyn Module<T>, tape: &Tape<T>, name: &str, output: &Tensor<T>) -> LayerStatistics {
    let kind = kind(module);
    let flat = |z: f64| match kind.as_str() {
        "Tanh" => z.abs() > 0.99,
        "Sigmoid" => !(0.01..=0.99).contains(&z),
        _ => false,
    };
    let output = crate::tensor::dense(output);
    let shape = output.shape();
    let units = shape.get(1).copied().unwrap_or(1);
    let inner: usize = shape.iter().skip(2).product();
    let mut range = vec![(f64::INFINITY, f64::NEG_INFINITY); units];
    let (mut sum, mut zeros, mut saturated) = (0.0, 0, 0);
    for (at, &z) in values(&output).iter().enumerate() {
        let z = z.to_f64();
        sum += z;
        zeros += usize::from(z == 0.0);
        saturated += usize::from(flat(z));
        let (least, most) = &mut range[at / inner.max(1) % units];
        (*least, *most) = (least.min(z), most.max(z));
    }
    let count = output.len().max(1) as f64;
    let mean = sum / count;
    let variance = values(&output).iter().map(|&z| (z.to_f64() - mean) * (z.to_f64() - mean)).sum::<f64>() / count;
    LayerStatistics {
        place: place(name, module),
        kind,
        mean,
        deviation: variance.sqrt(),
        zeros: zeros as f64 / count,
        saturated: saturated as f64 / count,
        units,
        dead: range.iter().filter(|(least, most)| least == most).count(),
        seen: output.len() / units.max(1),
        delta: tape.delta.as_ref().map_or(f64::NAN, |delta| rms(delta.iter().copied())),
    }
}

fn rms<T: Real>(x: impl ExactSizeIterator<Item = T>) -> f64 {
    let count = x.len().max(1) as f64;
    (x.map(|x| x.to_f64() * x.to_f64()).sum::<f64>() / count).sqrt()
}
