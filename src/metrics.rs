//! Figures that say how good predictions are.

use crate::data::Target;
use crate::tensor::{dense, values};
use crate::{Real, Tensor};

/// How an output becomes a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// The class with the largest entry along axis 1; the first one of equals.
    Argmax,
    /// One number a sample: class 1 where it is greater than this, else class 0.
    Threshold(f64),
}

/// The predicted class of every sample. Outputs are (n, classes), or (n, 1) for a threshold.
pub fn classes<T: Real>(decision: Decision, output: &Tensor<T>) -> Vec<usize> {
    let output = dense(output);
    let columns = output.len() / output.shape()[0].max(1);
    let class = |row: &[T]| match decision {
        Decision::Argmax => (1..row.len()).fold(0, |best, j| if row[j] > row[best] { j } else { best }),
        Decision::Threshold(threshold) => usize::from(row[0] > T::of(threshold)),
    };
    values(&output).chunks_exact(columns.max(1)).map(class).collect()
}

/// The true class of every sample: class numbers as they are, rows of values by the same decision.
pub fn true_classes<T: Real>(decision: Decision, target: &Target<T>) -> Vec<usize> {
    match target {
        Target::Classes(labels) => labels.iter().map(|&label| label.max(0) as usize).collect(),
        Target::Values(rows) => match decision {
            Decision::Argmax => classes(decision, rows),
            Decision::Threshold(_) => classes(Decision::Threshold(0.5), rows),
        },
    }
}

/// How many samples are predicted right.
///
/// ```
/// use limpide::{data::Target, metrics::{Decision, correct}, tensor};
/// let output = tensor(&[2, 3], vec![0.1, 0.7, 0.2, 0.9, 0.0, 0.1]);
/// assert_eq!(correct(Decision::Argmax, &output, &Target::classes(vec![1, 2])), 1);
/// ```
pub fn correct<T: Real>(decision: Decision, output: &Tensor<T>, target: &Target<T>) -> usize {
    let pairs = classes(decision, output).into_iter().zip(true_classes(decision, target));
    pairs.filter(|(predicted, truth)| predicted == truth).count()
}

/// How often class `row` was predicted as class `column`.
pub fn confusion(classes: usize, truth: &[usize], predicted: &[usize]) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; classes]; classes];
    truth.iter().zip(predicted).for_each(|(&row, &column)| counts[row][column] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_decides_single_columns() {
        let output = crate::tensor(&[3, 1], vec![0.6f32, 0.4, 0.5]);
        let target = Target::Values(crate::tensor(&[3, 1], vec![1.0, 1.0, 0.0]));
        assert_eq!(correct(Decision::Threshold(0.5), &output, &target), 2);
    }

    #[test]
    fn a_confusion_matrix_has_truth_in_rows() {
        assert_eq!(confusion(2, &[0, 0, 1], &[0, 1, 1]), [[1, 1], [0, 1]]);
    }
}
