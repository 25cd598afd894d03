//! How good a network is on a data set.

use super::Engine;
use super::engine::BatchScore;
use crate::data::{Dataset, Inputs, Targets};
use crate::loss::Loss;
use crate::module::Module;
use crate::plan::Predictor;
use crate::{Error, Real, Result, Tensor, tensor};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Mutex;

/// Mean loss and accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Σ terms / denominator over all samples: the mean loss, whatever the loss's own reduction.
    #[serde(with = "super::exact")]
    pub loss: f64,
    /// Samples predicted right, 0 to 1 of those that have a class ([`IGNORE_INDEX`](crate::data::IGNORE_INDEX) is none), when the
    /// loss is about classes and each sample has one: none for a class at every pixel (n, C, h, w), or for several questions of yes
    /// and no (n, k).
    pub accuracy: Option<f64>,
}

impl Score {
    /// The score of batches together.
    pub(super) fn of<'a, T: Real>(batches: impl IntoIterator<Item = &'a BatchScore<T>>) -> Score {
        let mut totals = Totals::default();
        batches.into_iter().for_each(|batch| totals.add(batch));
        totals.score()
    }
}

/// The sums over batches of which a [`Score`] is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Totals {
    sum: f64,
    denominator: f64,
    samples: usize,
    /// Samples of an ignored class; checkpoints from before there were such have none.
    #[serde(default)]
    ignored: usize,
    correct: Option<usize>,
}

impl Default for Totals {
    fn default() -> Self {
        Totals { sum: 0.0, denominator: 0.0, samples: 0, ignored: 0, correct: Some(0) }
    }
}

impl Totals {
    pub fn add<T: Real>(&mut self, batch: &BatchScore<T>) {
        self.sum += batch.sum.to_f64();
        self.denominator += batch.denominator.to_f64();
        self.samples += batch.samples;
        self.ignored += batch.samples.saturating_sub(batch.counted);
        self.correct = self.correct.zip(batch.correct).map(|(all, correct)| all + correct);
    }

    pub fn samples(&self) -> usize {
        self.samples
    }

    pub fn score(&self) -> Score {
        let counted = self.samples - self.ignored;
        let accuracy = self.correct.filter(|_| counted > 0).map(|correct| correct as f64 / counted as f64);
        Score { loss: self.sum / self.denominator, accuracy }
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
/// A shape error when network, loss and data do not fit together; [`Error::Option`] for data without a sample, and where the loss is
/// no number because one of the data is none, or because the loss does not take such an output; [`Error::Io`] for samples on disk
/// that cannot be read.
pub fn evaluate<T: Real>(
    network: &dyn Module<T>,
    loss: &dyn Loss<T>,
    data: &Dataset<T>,
    engine: &mut Engine<T>,
) -> Result<Score> {
    T::evaluate(network, loss, data, engine)
}

pub(crate) fn evaluate_here<T: Real>(
    network: &dyn Module<T>,
    loss: &dyn Loss<T>,
    data: &Dataset<T>,
    engine: &mut Engine<T>,
) -> Result<Score> {
    if data.is_empty() {
        return Err(Error::option(format!("evaluate: samples of {}", data.name), "at least 1", 0));
    }
    check(network, loss, data)?;
    let mut predictor = Predictor::new(network, data.sample_shape(), data.len())?;
    let sample = predictor.output_shape().to_vec();
    let fill = |range: Range<usize>, to: &mut [T]| data.inputs.gather_into(&range.collect::<Vec<_>>(), to);
    // What the loss refuses first, with where it begins.
    let refused: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let batches = predictor.predict_slices(engine.workers(), data.len(), &fill, &|range, z| {
        let samples = range.len();
        if let Err(error) = loss.check_output(z) {
            let mut first = refused.lock().expect("no panic while it is held");
            if first.as_ref().is_none_or(|(start, _)| range.start < *start) {
                *first = Some((range.start, error));
            }
        }
        let output = tensor(&[&[samples], sample.as_slice()].concat(), z.to_vec());
        let mut target = data.target_room(samples);
        data.gather_targets_into(&range.collect::<Vec<_>>(), target.rows_mut());
        BatchScore {
            sum: loss.terms(&output, &target).sum(),
            denominator: loss.denominator(output.shape(), &target),
            correct: loss.correct(z, output.shape(), target.as_slice()),
            samples,
            counted: loss.counted(output.shape(), target.as_slice()),
        }
    });
    if let Some(error) = data.inputs.failure() {
        return Err(error);
    }
    let score = Score::of(&batches);
    if !score.loss.is_finite() {
        // Was it the data, or the network?
        data.check_finite()?;
        let refused = refused.into_inner().expect("no panic while it is held");
        refused.map_or(Ok(()), |(_, error)| Err(error))?;
    }
    Ok(score)
}

/// The outputs of a network for every sample, in order.
///
/// # Errors
/// A shape error when the network does not take such inputs; [`Error::Io`](crate::Error::Io) for samples on disk that cannot
/// be read.
pub fn predict<T: Real>(network: &dyn Module<T>, inputs: &Inputs<T>, engine: &mut Engine<T>) -> Result<Tensor<T>> {
    T::predict(network, inputs, engine)
}

pub(crate) fn predict_here<T: Real>(
    network: &dyn Module<T>,
    inputs: &Inputs<T>,
    engine: &mut Engine<T>,
) -> Result<Tensor<T>> {
    let shape = network.output_shape(inputs.shape())?;
    let mut predictor = Predictor::new(network, &inputs.shape()[1..], inputs.len())?;
    let fill = |range: Range<usize>, to: &mut [T]| inputs.gather_into(&range.collect::<Vec<_>>(), to);
    let parts = predictor.predict_slices(engine.workers(), inputs.len(), &fill, &|_, z| z.to_vec());
    match inputs.failure() {
        Some(error) => Err(error),
        None => Ok(tensor(&shape, parts.concat())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Inputs, Target};
    use crate::layers::{Linear, Reshape};
    use crate::loss::{BceWithLogitsLoss, CrossEntropyLoss};
    use crate::optim::Sgd;
    use crate::train::Trainer;
    use crate::{Sequential, zeros};

    /// A sample with an answer at each of several places, or to several questions, is neither right nor wrong.
    #[test]
    fn an_accuracy_wants_one_class_a_sample() {
        let (classes, yes_no) = (CrossEntropyLoss::new(), BceWithLogitsLoss::new());
        let (labels, values) =
            (|shape: &[usize]| Target::Classes(Tensor::zeros(shape)), |shape: &[usize]| Target::Values(zeros(shape)));
        for (shape, loss, target, wanted) in [
            (&[6][..], &classes as &dyn Loss<f32>, labels(&[4]), true),
            (&[6], &classes, values(&[4, 6]), true),
            (&[6, 1, 1], &classes, labels(&[4, 1, 1]), true),
            (&[3, 2], &classes, labels(&[4, 2]), false),
            (&[3, 2], &classes, values(&[4, 3, 2]), false),
            (&[6], &yes_no, values(&[4, 6]), false),
            (&[1, 6], &yes_no, values(&[4, 1, 6]), false),
            (&[1], &yes_no, values(&[4, 1]), true),
            // Neither is what is no yes and no no, nor the only class.
            (&[1], &yes_no, Target::Values(tensor(&[4, 1], vec![0.0, 1.0, 0.3, 1.0])), false),
            (&[1], &classes, values(&[4, 1]), false),
        ] {
            let outputs = shape.iter().product::<isize>() as usize;
            let network = Sequential::new().push(Linear::new(5, outputs));
            let mut network = network.push(Reshape::new(shape.to_vec()));
            let data = Dataset::new("answers", Inputs::Real(zeros(&[4, 5])), target, 6).unwrap();
            let score = evaluate(&network, loss, &data, &mut Engine::new(1)).unwrap();
            let history = Trainer::new(Sgd::new(0.1).unwrap()).fit(&mut network, loss, &data).unwrap();
            let (x, target) = data.gather(&[0, 1, 2, 3]);
            let mut gradients = crate::Gradients::zeros_for(&network);
            let pass = Engine::new(1).gradients(&network, loss, &x, &target, &mut gradients).unwrap();
            let got = [score.accuracy.is_some(), !history.train_accuracies().is_empty(), pass.correct.is_some()];
            assert_eq!(got, [wanted; 3], "{loss} on {shape:?}");
        }
    }

    #[test]
    fn a_score_that_is_no_number_comes_back_from_json() {
        for loss in [0.1 + 0.2, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX, -0.0] {
            let score = Score { loss, accuracy: Some(1.0 / 3.0) };
            assert_eq!(serde_json::from_str::<Score>(&serde_json::to_string(&score).unwrap()).unwrap(), score);
        }
        let text = serde_json::to_string(&Score { loss: f64::NAN, accuracy: None }).unwrap();
        assert_eq!(text, r#"{"loss":"NaN","accuracy":null}"#);
        assert!(serde_json::from_str::<Score>(&text).unwrap().loss.is_nan());
    }
}
