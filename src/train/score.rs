//! How good a network is on a data set.

use super::Engine;
use super::engine::BatchScore;
use crate::data::{Dataset, Inputs, Targets};
use crate::loss::Loss;
use crate::metrics::correct;
use crate::module::Module;
use crate::plan::Predictor;
use crate::{Real, Result, Tensor, tensor};
use serde::{Deserialize, Serialize};
use std::ops::Range;

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
    let mut predictor = Predictor::new(network, data.sample_shape(), data.len())?;
    let sample = predictor.output_shape().to_vec();
    let fill = |range: Range<usize>, to: &mut [T]| data.inputs.gather_into(&range.collect::<Vec<_>>(), to);
    let batches = predictor.predict_slices(engine.workers(), data.len(), &fill, &|range, z| {
        let samples = range.len();
        let output = tensor(&[&[samples], sample.as_slice()].concat(), z.to_vec());
        let mut target = data.target_room(samples);
        data.gather_targets_into(&range.collect::<Vec<_>>(), target.rows_mut());
        BatchScore {
            sum: loss.terms(&output, &target).sum(),
            denominator: loss.denominator(output.shape(), &target),
            correct: loss.decision().map(|decision| correct(decision, &output, &target)),
            samples,
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
    let mut predictor = Predictor::new(network, &inputs.shape()[1..], inputs.len())?;
    let fill = |range: Range<usize>, to: &mut [T]| inputs.gather_into(&range.collect::<Vec<_>>(), to);
    let parts = predictor.predict_slices(engine.workers(), inputs.len(), &fill, &|_, z| z.to_vec());
    Ok(tensor(&shape, parts.concat()))
}
