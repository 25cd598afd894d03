//! What a network should answer: real values or class numbers, one row a sample.

use super::dataset::each_row;
use crate::tensor::{Real, Tensor, dense, shape_text, values, values_mut};
use crate::{Error, Result};
use ndarray::{ArcArray, Axis, IxDyn};
use std::ops::Range;

/// The class number of a sample, or a place of one, that has no class: losses over classes leave it out. PyTorch's number.
pub const IGNORE_INDEX: i64 = -100;

/// The wanted outputs of a batch or of a data set; the first axis is the sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Target<T> {
    /// Real values, (n, …): regression values, probabilities, one-hot rows, or the inputs again for an autoencoder.
    Values(Tensor<T>),
    /// Class numbers from 0, (n,) or (n, d₁, …); [`IGNORE_INDEX`] where there is none.
    Classes(ArcArray<i64, IxDyn>),
}

/// A target's numbers as one slice in row-major order, for arithmetic that allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetSlice<'a, T> {
    /// Real values.
    Values(&'a [T]),
    /// Class numbers from 0.
    Classes(&'a [i64]),
}

impl<'a, T> TargetSlice<'a, T> {
    /// The values. Panics when they are class numbers.
    pub fn values(self) -> &'a [T] {
        match self {
            TargetSlice::Values(values) => values,
            TargetSlice::Classes(_) => panic!("target values, got class numbers"),
        }
    }

    /// The numbers of a range of the `samples` samples.
    pub fn samples(self, range: Range<usize>, samples: usize) -> Self {
        fn part<A>(all: &[A], range: Range<usize>, samples: usize) -> &[A] {
            let len = all.len() / samples.max(1);
            &all[range.start * len..range.end * len]
        }
        match self {
            TargetSlice::Values(values) => TargetSlice::Values(part(values, range, samples)),
            TargetSlice::Classes(labels) => TargetSlice::Classes(part(labels, range, samples)),
        }
    }
}

/// The entries of a target, row-major, to write to.
#[derive(Debug, PartialEq)]
pub enum TargetRows<'a, T> {
    /// Those of [`Target::Values`].
    Values(&'a mut [T]),
    /// Those of [`Target::Classes`].
    Classes(&'a mut [i64]),
}

impl<T: Real> Target<T> {
    /// Class numbers as a target of shape (n,).
    pub fn classes(labels: Vec<i64>) -> Self {
        Target::Classes(crate::tensor(&[labels.len()], labels))
    }

    /// The shape, samples first.
    pub fn shape(&self) -> &[usize] {
        match self {
            Target::Values(values) => values.shape(),
            Target::Classes(labels) => labels.shape(),
        }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.shape().first().copied().unwrap_or(0)
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same target in row-major order without gaps; free when it already is.
    pub fn dense(&self) -> Self {
        match self {
            Target::Values(values) => Target::Values(dense(values)),
            Target::Classes(labels) => Target::Classes(dense(labels)),
        }
    }

    /// The numbers of a [`Target::dense`] target as one slice.
    ///
    /// Panics when they are not in row-major order.
    pub fn as_slice(&self) -> TargetSlice<'_, T> {
        match self {
            Target::Values(all) => TargetSlice::Values(values(all)),
            Target::Classes(labels) => TargetSlice::Classes(values(labels)),
        }
    }

    /// A copy of the samples at `indices`, in that order; an index may occur more than once.
    ///
    /// Panics when an index is not below [`Target::len`].
    pub fn select(&self, indices: &[usize]) -> Self {
        match self {
            Target::Values(values) => Target::Values(values.select(Axis(0), indices).into_shared()),
            Target::Classes(labels) => Target::Classes(labels.select(Axis(0), indices).into_shared()),
        }
    }

    /// Room for the targets of `samples` samples: zeros of this kind and shape.
    pub fn room(&self, samples: usize) -> Self {
        let mut shape = self.shape().to_vec();
        shape[0] = samples;
        match self {
            Target::Values(_) => Target::Values(crate::zeros(&shape)),
            Target::Classes(_) => Target::Classes(ArcArray::zeros(IxDyn(&shape))),
        }
    }

    /// The entries to write to; copies them first when they are shared or not row-major.
    pub fn rows_mut(&mut self) -> TargetRows<'_, T> {
        match self {
            Target::Values(values) => TargetRows::Values(values_mut(values)),
            Target::Classes(labels) => TargetRows::Classes(values_mut(labels)),
        }
    }

    /// Writes the samples at `indices` one after the other into `out`, row-major: [`Target::select`] without new memory.
    ///
    /// Panics when an index is not below [`Target::len`], or `out` is of the other kind or does not hold exactly those
    /// samples.
    pub fn gather_into(&self, indices: &[usize], out: TargetRows<'_, T>) {
        match (self, out) {
            (Target::Values(all), TargetRows::Values(out)) => {
                each_row(all, indices, out, |from, to| to.copy_from_slice(from));
            }
            (Target::Classes(all), TargetRows::Classes(out)) => {
                each_row(all, indices, out, |from, to| to.copy_from_slice(from));
            }
            _ => panic!("{self} and the room for them are of the same kind"),
        }
    }

    /// Class numbers as rows of zeros with a one at the class: (n,) becomes (n, classes), and (n, d₁, …) becomes
    /// (n, classes, d₁, …). Values stay as they are.
    ///
    /// Errs when a class number is negative or not below `classes`.
    ///
    /// ```
    /// use limpide::data::Target;
    /// let target = Target::<f32>::classes(vec![2, 0]).one_hot(3)?;
    /// assert_eq!(target, Target::Values(limpide::tensor(&[2, 3], vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0])));
    /// # Ok::<(), limpide::Error>(())
    /// ```
    pub fn one_hot(&self, classes: usize) -> Result<Self> {
        let Target::Classes(labels) = self else { return Ok(self.clone()) };
        let samples = self.len();
        let inner: usize = labels.shape()[1..].iter().product();
        let mut rows = vec![T::zero(); samples * classes * inner];
        for (at, &label) in values(&dense(labels)).iter().enumerate() {
            let class = class_below(label, classes)?;
            rows[(at / inner * classes + class) * inner + at % inner] = T::one();
        }
        let mut shape = labels.shape().to_vec();
        shape.insert(1, classes);
        Ok(Target::Values(crate::tensor(&shape, rows)))
    }

    /// Class weights for a loss that make every class count the same: n / (classes · samples of the class), n of all classes
    /// together, one for each of the class numbers below `classes`; 0 for a class without a sample, and none where there are no
    /// class numbers.
    ///
    /// ```
    /// use limpide::data::Target;
    /// let target = Target::<f32>::classes(vec![0, 0, 0, 1]);
    /// assert_eq!(target.class_weights(2), Some(vec![4.0 / 6.0, 4.0 / 2.0]));
    /// ```
    pub fn class_weights(&self, classes: usize) -> Option<Vec<f64>> {
        let Target::Classes(labels) = self else { return None };
        let count = |class: usize| labels.iter().filter(|&&label| label == class as i64).count();
        let counts: Vec<usize> = (0..classes).map(count).collect();
        let all = counts.iter().sum::<usize>() as f64;
        let weight = |&count: &usize| if count == 0 { 0.0 } else { all / (classes * count) as f64 };
        Some(counts.iter().map(weight).collect())
    }

    /// The class of every sample where there is one class a sample: class numbers of shape (n,), [`IGNORE_INDEX`] among them.
    pub fn labels(&self) -> Option<Vec<i64>> {
        match self {
            Target::Classes(labels) if labels.ndim() == 1 => Some(labels.iter().copied().collect()),
            _ => None,
        }
    }
}

/// A class number as an index, or an error that names the range.
pub(crate) fn class_below(label: i64, classes: usize) -> Result<usize> {
    match usize::try_from(label) {
        Ok(class) if class < classes => Ok(class),
        _ if classes == 0 => Err(Error::option("the number of classes", "at least 1 for targets of classes", classes)),
        _ => Err(Error::option("class number", format!("from 0 to {}", classes as i64 - 1), label)),
    }
}

impl<T: Real> std::fmt::Display for Target<T> {
    /// `values (60, 3)` or `classes (60,)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self {
            Target::Values(_) => "values",
            Target::Classes(_) => "classes",
        };
        write!(f, "{kind} {}", shape_text(self.shape()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_copies_rows_in_the_order_asked() {
        let target = Target::Values(crate::tensor(&[3, 2], vec![0.0, 1.0, 10.0, 11.0, 20.0, 21.0]));
        let got = target.select(&[2, 0, 2]);
        assert_eq!(got, Target::Values(crate::tensor(&[3, 2], vec![20.0, 21.0, 0.0, 1.0, 20.0, 21.0])));
        assert_eq!(Target::<f64>::classes(vec![5, 6, 7]).select(&[1]), Target::classes(vec![6]));
    }

    #[test]
    fn one_hot_puts_the_class_axis_second() {
        // Two samples of two places each: (2, 2) becomes (2, 3, 2).
        let target = Target::<f64>::Classes(crate::tensor(&[2, 2], vec![0, 2, 1, 1]));
        let Target::Values(hot) = target.one_hot(3).unwrap() else { panic!("one_hot gives values") };
        assert_eq!(hot.shape(), &[2, 3, 2]);
        for (sample, place, class) in [(0, 0, 0), (0, 1, 2), (1, 0, 1), (1, 1, 1)] {
            for other in 0..3 {
                assert_eq!(hot[[sample, other, place]], if other == class { 1.0 } else { 0.0 });
            }
        }
        assert_eq!(Target::<f64>::classes(vec![]).one_hot(3).unwrap().shape(), &[0, 3]);
    }

    #[test]
    fn a_class_out_of_range_is_named() {
        for label in [-1, 3] {
            let error = Target::<f32>::classes(vec![0, label]).one_hot(3).unwrap_err().to_string();
            assert_eq!(error, format!("class number must be from 0 to 2, got {label}"));
        }
        let error = Target::<f32>::classes(vec![0]).one_hot(0).unwrap_err().to_string();
        assert_eq!(error, "the number of classes must be at least 1 for targets of classes, got 0");
    }
}
