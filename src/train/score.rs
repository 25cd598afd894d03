//! How good a network is on a data set.

use super::Engine;
use super::engine::BatchScore;
use crate::data::{Dataset, Inputs, Targets};
use crate::loss::Loss;
use crate::metrics::correct;
use crate::module::{Module, Tape};
use crate::{Real, Result, Tensor};
use serde::{Deserialize, Serialize};

/// Mean loss and accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Σ terms / denominator over all samples: the mean loss, whatever the loss's own reduction.
    pub loss: f64,
    /// Samples predicted right, 0 to 1, when the loss is about classes.
    pub accuracy: Option<f64>,
}

impl Score {
    /// The score of all batches together.
    pub(super) fn of<T: Real>(batches: &[BatchScore<T>]) -> Score {
        let total = |f: fn(&BatchScore<T>) -> f64| batches.iter().map(f).sum::<f64>();
        let loss = total(|batch| batch.sum.to_f64()) / total(|batch| batch.denominator.to_f64());
        let samples = total(|batch| batch.samples as f64);
        let correct: Option<usize> = batches.iter().map(|batch| batch.correct).sum();
        Score { loss, accuracy: correct.map(|correct| correct as f64 / samples) }
    }
}

/// Whether network, loss and data fit together.
///
/// # Errors
/// A shape error, or [`crate::Error::Option`] for a class number out of range.
pub(super) fn check<T: Real>(network: &dyn Module<T>, loss: &dyn Loss<T>, data: &Dataset<T>) -> Result<()> {
    match &data.targets {
        Targets::Given(target) => loss.check(&network.output_shape(data.inputs.shape())?, target),
        // What holds for one sample holds for all.
        Targets::Inputs => {
            let (x, target) = data.gather(if data.is_empty() { &[] } else { &[0] });
            loss.check(&network.output_shape(x.shape())?, &target)
        }
    }
}

/// Mean loss and accuracy of a network on a data set.
///
/// # Errors
/// A shape error when network, loss and data do not fit together.
pub fn evaluate<T: Real>(
    network: &dyn Module<T>,
    loss: &dyn Loss<T>,
    data: &Dataset<T>,
    engine: &mut Engine<T>,
) -> Result<Score> {
    check(network, loss, data)?;
    let batches = engine.map_slices(data.len(), |range| {
        let indices: Vec<usize> = range.collect();
        let (x, target) = data.gather(&indices);
        let output = network.forward(&x, &mut Tape::off());
        BatchScore {
            sum: loss.terms(&output, &target).sum(),
            denominator: loss.denominator(output.shape(), &target),
            correct: loss.decision().map(|decision| correct(decision, &output, &target)),
            samples: indices.len(),
        }
    });
    Ok(Score::of(&batches))
}

/// The outputs of a network for every sample, in order.
///
/// # Errors
/// A shape error when the network does not take such inputs.
pub fn predict<T: Real>(network: &dyn Module<T>, inputs: &Inputs<T>, engine: &mut Engine<T>) -> Result<Tensor<T>> {
    let shape = network.output_shape(inputs.shape())?;
    let parts = engine.map_slices(inputs.len(), |range| {
        let x = inputs.gather(&range.collect::<Vec<_>>());
        crate::tensor::dense(&network.forward(&x, &mut Tape::off()))
    });
    let mut all = Vec::with_capacity(shape.iter().product());
    parts.iter().for_each(|part| all.extend_from_slice(crate::tensor::values(part)));
    Ok(crate::tensor(&shape, all))
}
