//! Figures that say how good predictions are.
//!
//! | figure | of | function |
//! | --- | --- | --- |
//! | accuracy, precision, recall, F1, confusion | predicted classes | [`ConfusionMatrix`] |
//! | top-k accuracy | scores of classes | [`top_k`] |
//! | ROC-AUC, average precision | scores of a yes, or of classes | [`roc_auc`], [`average_precision`] and their `_one_vs_rest` |
//! | calibration error | probabilities | [`calibration`], [`calibration_error`] |
//! | MSE, MAE, R² | values | [`mean_squared_error`], [`mean_absolute_error`], [`r2`] |

mod calibration;
mod confusion;
mod ranking;
mod regression;
#[cfg(test)]
mod tests;

pub use calibration::{ConfidenceBin, calibration, calibration_error, confidences};
pub use confusion::{Average, ClassFigures, ConfusionMatrix, confusion};
pub use ranking::{average_precision, average_precision_one_vs_rest, roc_auc, roc_auc_one_vs_rest, top_k};
pub use regression::{mean_absolute_error, mean_squared_error, r2};

use crate::data::{Target, TargetSlice};
use crate::tensor::{dense, shape_text, values};
use crate::{Real, Tensor};

/// How an output becomes a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// The class with the largest entry along axis 1; the first one of equals.
    Argmax,
    /// One number a sample: class 1 where it is greater than this, else class 0.
    Threshold(f64),
}

impl Decision {
    /// Whether each sample of an output of that shape has one class: (n, C) for argmax, (n, 1) or (n,) for a threshold. Where
    /// it has several, one at each pixel or one an entry, there is no counting of samples that are right.
    pub fn is_one_a_sample(self, output: &[usize]) -> bool {
        let covered = match self {
            Decision::Argmax => 2,
            Decision::Threshold(_) => 1,
        };
        output.len() >= covered && output[covered..].iter().product::<usize>() == 1
    }

    /// Panics unless each sample of that shape has one class.
    fn expect_one_a_sample(self, whose: &str, shape: &[usize]) {
        let wanted = match self {
            Decision::Argmax => "(n, classes)",
            Decision::Threshold(_) => "(n, 1) or (n,)",
        };
        let found = shape_text(shape);
        assert!(self.is_one_a_sample(shape), "{self:?} wants {whose} {wanted}, one class a sample, got {found}");
    }

    /// The class for one sample's numbers.
    fn class<T: Real>(self, row: &[T]) -> usize {
        match self {
            Decision::Argmax => (1..row.len()).fold(0, |best, j| if row[j] > row[best] { j } else { best }),
            Decision::Threshold(threshold) => usize::from(row[0] > T::of(threshold)),
        }
    }

    /// The same decision for target values, where yes is 1 and no is 0 whatever scale the outputs have.
    fn for_targets(self) -> Self {
        match self {
            Decision::Argmax => Decision::Argmax,
            Decision::Threshold(_) => Decision::Threshold(0.5),
        }
    }
}

/// The predicted class of every sample, for outputs with one class each.
///
/// Panics when they have not ([`Decision::is_one_a_sample`]).
pub fn classes<T: Real>(decision: Decision, output: &Tensor<T>) -> Vec<usize> {
    decision.expect_one_a_sample("outputs", output.shape());
    rows(values(&dense(output)), output.shape()[0]).map(|row| decision.class(row)).collect()
}

/// The true class of every sample: class numbers as they are, rows of values by the same decision.
///
/// Panics for a class number below 0: samples without a class ([`IGNORE_INDEX`](crate::data::IGNORE_INDEX)) are to be left out before.
pub fn true_classes<T: Real>(decision: Decision, target: &Target<T>) -> Vec<usize> {
    match target {
        Target::Classes(labels) => labels
            .iter()
            .map(|&label| usize::try_from(label).unwrap_or_else(|_| panic!("class numbers from 0, got {label}")))
            .collect(),
        Target::Values(rows) => classes(decision.for_targets(), rows),
    }
}

/// How many samples are predicted right, for outputs with one class each.
///
/// Panics when outputs, or targets of values, have not ([`Decision::is_one_a_sample`]), and unless there is one target an output.
///
/// ```
/// use limpide::{data::Target, metrics::{Decision, correct}, tensor};
/// let output = tensor(&[2, 3], vec![0.1, 0.7, 0.2, 0.9, 0.0, 0.1]);
/// assert_eq!(correct(Decision::Argmax, &output, &Target::classes(vec![1, 2])), 1);
/// ```
pub fn correct<T: Real>(decision: Decision, output: &Tensor<T>, target: &Target<T>) -> usize {
    decision.expect_one_a_sample("outputs", output.shape());
    let (samples, targets) = (
        output.shape()[0],
        match target {
            Target::Classes(labels) => labels.len(),
            Target::Values(rows) => {
                decision.expect_one_a_sample("targets", rows.shape());
                target.len()
            }
        },
    );
    assert!(targets == samples, "one target an output: {samples} outputs, and targets {target}");
    correct_in_slices(decision, values(&dense(output)), output.shape()[0], target.dense().as_slice(), None)
}

/// [`correct`] on the slices of `samples` rows, without those of the class number `ignored`; allocates nothing. A class number that
/// is negative is never right.
pub fn correct_in_slices<T: Real>(
    decision: Decision,
    output: &[T],
    samples: usize,
    target: TargetSlice<'_, T>,
    ignored: Option<i64>,
) -> usize {
    let predicted = rows(output, samples).map(|row| decision.class(row));
    match target {
        TargetSlice::Classes(labels) => {
            let right =
                |(class, label): &(usize, &i64)| i64::try_from(*class) == Ok(**label) && ignored != Some(**label);
            predicted.zip(labels).filter(right).count()
        }
        TargetSlice::Values(truth) => {
            let truth = rows(truth, samples).map(|row| decision.for_targets().class(row));
            predicted.zip(truth).filter(|(class, truth)| class == truth).count()
        }
    }
}

fn rows<T>(numbers: &[T], samples: usize) -> impl Iterator<Item = &[T]> {
    numbers.chunks_exact((numbers.len() / samples.max(1)).max(1))
}
