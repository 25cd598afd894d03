//! What the outputs of a network mean: classes with probabilities, or values in their own units.

use super::Predictions;
use crate::kernels::Kernels;
use crate::loss::LossDescription;
use crate::tensor::{values, values_mut};
use crate::{Error, Result, Tensor};
use serde::{Deserialize, Serialize};

/// What comes out of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Output {
    /// One of some classes.
    Classes {
        /// In the order of the outputs. A network with one output tells two classes apart: it is the probability of the second.
        names: Vec<String>,
        /// What makes probabilities of the outputs.
        activation: Activation,
    },
    /// A yes or no for each output, of which a sample may have any number.
    Labels {
        /// What a yes says; empty when they have no names.
        names: Vec<String>,
        /// What makes the probability of a yes of an output.
        activation: Activation,
    },
    /// Numbers; y = output · std + mean.
    Values {
        /// What the numbers are; empty when they have no names.
        names: Vec<String>,
        /// As many as numbers, or empty for 0.
        mean: Vec<f64>,
        /// As many as numbers, or empty for 1.
        std: Vec<f64>,
    },
}

impl Default for Output {
    /// Numbers without names, as they are.
    fn default() -> Self {
        Output::Values { names: Vec::new(), mean: Vec::new(), std: Vec::new() }
    }
}

/// What makes probabilities of a network's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// exp zᵢ / Σ exp zⱼ: the outputs are logits.
    Softmax,
    /// exp z: the outputs are logarithms of probabilities.
    Exp,
    /// 1 / (1 + exp −z), of each output by itself.
    Sigmoid,
    /// Nothing: the outputs are probabilities, or scores that are none.
    None,
}

impl Activation {
    /// The one that fits what a loss takes for outputs.
    pub fn of(loss: &LossDescription) -> Self {
        match loss {
            LossDescription::CrossEntropy(_) | LossDescription::Focal(_) => Activation::Softmax,
            LossDescription::Nll(_) | LossDescription::KlDiv(_) => Activation::Exp,
            LossDescription::BceWithLogits(_) | LossDescription::SigmoidFocal(_) => Activation::Sigmoid,
            // A score whose sign decides: this puts the border at one half.
            LossDescription::Hinge(_) => Activation::Sigmoid,
            LossDescription::SampleWeighted(weighted) => Activation::of(&weighted.loss),
            _ => Activation::None,
        }
    }

    /// Replaces the outputs of one sample by probabilities, by the functions of the layers. `room` is scratch.
    fn apply(self, z: &mut [f32], room: &mut Vec<f32>) {
        room.clear();
        room.extend_from_slice(z);
        match self {
            Activation::Softmax => {
                let largest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                room.iter_mut().for_each(|x| *x -= largest);
                f32::exp_slice(room, z);
                let sum: f32 = z.iter().sum();
                z.iter_mut().for_each(|z| *z /= sum);
            }
            Activation::Exp => f32::exp_slice(room, z),
            Activation::Sigmoid => f32::sigmoid_slice(room, z),
            Activation::None => {}
        }
    }
}

impl Output {
    /// The names of the classes, or of labels or values where they have some.
    pub fn names(&self) -> &[String] {
        match self {
            Output::Classes { names, .. } | Output::Labels { names, .. } | Output::Values { names, .. } => names,
        }
    }

    /// What makes probabilities of the outputs; none for values.
    pub fn activation(&self) -> Option<Activation> {
        match self {
            Output::Classes { activation, .. } | Output::Labels { activation, .. } => Some(*activation),
            Output::Values { .. } => None,
        }
    }

    /// Whether a network that gives so many numbers a sample gives this.
    pub(crate) fn check(&self, outputs: usize) -> Result<()> {
        let wrong = |wanted: String| Err(Error::option("the network's outputs", wanted, outputs));
        match self {
            Output::Classes { names, .. } if names.len() == outputs && outputs != 1 => Ok(()),
            Output::Classes { names, activation } if names.len() == 2 && outputs == 1 => match activation {
                Activation::Sigmoid | Activation::None => Ok(()),
                _ => wrong(format!("two for 2 classes where {activation:?} makes probabilities of them")),
            },
            Output::Classes { names, .. } => wrong(format!("one for each of {} classes", names.len())),
            Output::Labels { names, .. } if !names.is_empty() && names.len() != outputs => {
                wrong(format!("one for each of {} labels", names.len()))
            }
            Output::Labels { .. } => Ok(()),
            Output::Values { names, mean, std } => {
                match [names.len(), mean.len(), std.len()].into_iter().find(|&len| len > 0 && len != outputs) {
                    Some(len) => wrong(format!("{len}, as there are names or scales")),
                    None => Ok(()),
                }
            }
        }
    }

    /// The outputs of a network, (n, …), as what they mean.
    pub(super) fn read(&self, mut outputs: Tensor<f32>) -> Predictions {
        let samples = outputs.shape()[0];
        let each = outputs.len().checked_div(samples).unwrap_or(0);
        if let Some(activation) = self.activation() {
            let mut room = Vec::new();
            values_mut(&mut outputs).chunks_exact_mut(each.max(1)).for_each(|z| activation.apply(z, &mut room));
        }
        let (classes, mean, std): (_, &[f64], &[f64]) = match self {
            Output::Classes { names, .. } => {
                if each == 1 && names.len() == 2 {
                    let both = outputs.iter().flat_map(|&second| [1.0 - second, second]).collect();
                    outputs = crate::tensor(&[samples, 2], both);
                }
                (names.clone(), &[], &[])
            }
            Output::Labels { .. } => (Vec::new(), &[], &[]),
            Output::Values { mean, std, .. } => (Vec::new(), mean, std),
        };
        Predictions { values: in_units(&outputs, mean, std), classes, unseen: Vec::new() }
    }
}

/// Standardised values (n, …) in their own units, **y = z · std + mean** in `f64`, number by number of a sample. `mean` and `std`
/// are as long as a sample, or empty for 0 and 1.
///
/// ```
/// use limpide::pipeline::in_units;
/// let z = limpide::tensor(&[2, 2], vec![0.0, 1.0, 0.5, -1.0]);
/// let y = in_units(&z, &[1e9, 0.0], &[0.25, 1.0]);
/// assert_eq!(y, limpide::tensor(&[2, 2], vec![1e9, 1.0, 1_000_000_000.125, -1.0]));
/// ```
pub fn in_units(z: &Tensor<f32>, mean: &[f64], std: &[f64]) -> Tensor<f64> {
    let each = mean.len().max(std.len()).max(1);
    let of = |numbers: &[f64], place: usize, default: f64| numbers.get(place % each).copied().unwrap_or(default);
    let dense = crate::tensor::dense(z);
    let all = values(&dense).iter().enumerate();
    // Far from 0 the digits of an `f32` end before those that differ. Adding −0 changes no number, adding 0 does: −0.
    let y = all.map(|(place, &z)| f64::from(z) * of(std, place, 1.0) + of(mean, place, -0.0)).collect();
    crate::tensor(z.shape(), y)
}
