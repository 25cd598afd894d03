//! Any loss with a weight for each sample, which travels in the target.

use super::{Loss, Reduction, Takes};
use crate::data::{Target, TargetSlice};
use crate::metrics::Decision;
use crate::tensor::{dense, shape_text, values};
use crate::{Error, Real, Result, tensor};
use std::fmt;

/// **wᵢ·Lᵢ** for the terms Lᵢ of sample i of another loss, with the mean **Σᵢ wᵢ·Σ Lᵢ / Σᵢ wᵢ·dᵢ**, where dᵢ is what sample i adds
/// to that loss's own denominator (1 for a class number, the number of entries for values).
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | output | that of the other loss | |
/// | target | (n, 1 + m) | wᵢ, then the m numbers of sample i's target: values in row-major order, or class numbers |
///
/// Derivative: **wᵢ times that of the other loss**. A sample of weight 0 adds nothing, not even NaN.
///
/// So that weights follow their samples through shuffling, batches and slices, they stand in the target: [`weighted_target`]
/// puts them there. As with class weights, the mean divides by the weights that count, not by the number of samples (which is
/// Keras's choice): weights of 2 and 2 are weights of 1 and 1. [`Loss::check`] errs, and the other methods panic, when a weight
/// is negative or not finite, the numbers behind it do not fit, or the other loss refuses them.
///
/// ```
/// use limpide::{data::Target, loss::{Loss, MseLoss, SampleWeighted, weighted_target}, tensor};
/// let x = tensor(&[2, 1], vec![1.0, 5.0]);
/// let y = weighted_target(&[3.0, 1.0], &Target::Values(tensor(&[2, 1], vec![0.0, 2.0])))?;
/// let loss = SampleWeighted::new(MseLoss::new());
/// assert_eq!(loss.forward(&x, &y).sum(), (3.0 * 1.0 + 1.0 * 9.0) / (3.0 + 1.0));
/// assert_eq!(loss.backward(&x, &y), tensor(&[2, 1], vec![3.0 * 2.0 / 4.0, 6.0 / 4.0]));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct SampleWeighted<T: Real> {
    loss: Box<dyn Loss<T>>,
}

/// A target with a weight for each sample, for [`SampleWeighted`]: (n, …) becomes values (n, 1 + m), class numbers as numbers.
///
/// # Errors
/// [`Error::Option`] when there is not one weight for each sample.
pub fn weighted_target<T: Real>(weights: &[f64], target: &Target<T>) -> Result<Target<T>> {
    let samples = target.len();
    if weights.len() != samples {
        return Err(Error::option("sample weights", format!("{samples} in number, one a sample"), weights.len()));
    }
    let numbers: Vec<T> = match target {
        Target::Values(all) => values(&dense(all)).to_vec(),
        Target::Classes(labels) => labels.iter().map(|&label| T::of(label as f64)).collect(),
    };
    let size = numbers.len() / samples.max(1);
    let mut rows = Vec::with_capacity(numbers.len() + samples);
    for (sample, &weight) in weights.iter().enumerate() {
        rows.push(T::of(weight));
        rows.extend_from_slice(&numbers[sample * size..(sample + 1) * size]);
    }
    Ok(Target::Values(tensor(&[samples, 1 + size], rows)))
}

/// The target of the other loss.
enum Inner<T> {
    Values(Vec<T>),
    Classes(Vec<i64>),
}

impl<T> Inner<T> {
    fn as_slice(&self) -> TargetSlice<'_, T> {
        match self {
            Inner::Values(values) => TargetSlice::Values(values),
            Inner::Classes(labels) => TargetSlice::Classes(labels),
        }
    }
}

impl<T: Real> SampleWeighted<T> {
    /// The loss with weights; its reduction is that of `loss`.
    pub fn new(loss: impl Loss<T> + 'static) -> Self {
        Self::from_boxed(Box::new(loss))
    }

    /// The same for a loss that is known only when the program runs.
    pub fn from_boxed(loss: Box<dyn Loss<T>>) -> Self {
        SampleWeighted { loss }
    }

    /// The weights, and the rest of the target for `entries` output entries a sample: a class loss with fewer numbers than
    /// entries has class numbers.
    fn unpack(&self, samples: usize, entries: usize, target: &[T]) -> (Vec<T>, Inner<T>) {
        let size = target.len() / samples.max(1);
        let rows = target.chunks_exact(size.max(1));
        let weights = rows.clone().map(|row| row[0]).collect();
        let numbers = rows.flat_map(|row| row[1..].iter().copied());
        let classes = self.loss.over_classes() && size < 1 + entries;
        let inner = match classes {
            true => Inner::Classes(numbers.map(|label| label.to_f64() as i64).collect()),
            false => Inner::Values(numbers.collect()),
        };
        (weights, inner)
    }
}

/// The entries of one sample.
fn entries_of(shape: &[usize]) -> usize {
    shape[1..].iter().product()
}

/// x ← w·x for the entries of each sample; a weight of 0 gives 0.
fn weigh<T: Real>(x: &mut [T], weights: &[T]) {
    let size = (x.len() / weights.len().max(1)).max(1);
    for (x, &w) in x.chunks_exact_mut(size).zip(weights) {
        x.iter_mut().for_each(|x| *x = if w == T::zero() { w } else { *x * w });
    }
}

impl<T: Real> Loss<T> for SampleWeighted<T> {
    fn reduction(&self) -> Reduction {
        self.loss.reduction()
    }

    fn takes(&self) -> Takes {
        self.loss.takes()
    }

    fn decision(&self) -> Option<Decision> {
        self.loss.decision()
    }

    fn over_classes(&self) -> bool {
        self.loss.over_classes()
    }

    fn check_options(&self) -> Result<()> {
        self.loss.check_options()
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        self.check_options()?;
        let Target::Values(rows) = target else {
            let wanted = "values, each sample's weight before its numbers (see `weighted_target`)";
            return Err(Error::option(format!("{self}: target"), wanted, target));
        };
        if output.is_empty() || rows.ndim() != 2 || rows.shape()[0] != output[0] || rows.shape()[1] == 0 {
            let wanted = format!("one row (weight, target) for each sample of an output {}", shape_text(output));
            return Err(Error::shape(self, wanted, rows.shape()));
        }
        if output[0] == 0 {
            return Ok(()); // no sample tells classes from shares, and none can be wrong
        }
        let rows = dense(rows);
        let (weights, inner) = self.unpack(output[0], entries_of(output), values(&rows));
        if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= T::zero())) {
            return Err(Error::option(format!("{self}: sample weight"), "finite and at least 0", weight));
        }
        let shape: Vec<usize> = match inner {
            Inner::Values(_) => output.to_vec(),
            Inner::Classes(_) => super::term_axes(true, output).collect(),
        };
        if shape.iter().skip(1).product::<usize>() + 1 != rows.shape()[1] {
            let wanted = format!("1 + {} numbers a sample for {}", entries_of(&shape), shape_text(&shape));
            return Err(Error::shape(self, wanted, rows.shape()));
        }
        let mut numbers = values(&rows).chunks_exact(rows.shape()[1]).flat_map(|row| &row[1..]);
        if let (Inner::Classes(_), Some(number)) = (&inner, numbers.find(|number| number.fract() != T::zero())) {
            return Err(Error::option(format!("{self}: class number"), "a whole number", number));
        }
        let inner = match inner {
            Inner::Values(values) => Target::Values(tensor(&shape, values)),
            Inner::Classes(labels) => Target::Classes(tensor(&shape, labels)),
        };
        self.loss.check(output, &inner).map_err(|error| error.within(self.to_string()))
    }

    fn check_output(&self, output: &[T]) -> Result<()> {
        self.loss.check_output(output)
    }

    fn measure(&self, output: &[T], shape: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (weights, inner) = self.unpack(shape[0], entries_of(shape), target.values());
        self.loss.measure(output, shape, inner.as_slice(), terms, slope);
        weigh(terms, &weights);
        weigh(slope, &weights);
    }

    fn slice_denominator(&self, shape: &[usize], target: TargetSlice<'_, T>) -> T {
        let (weights, inner) = self.unpack(shape[0], entries_of(shape), target.values());
        let one = [&[1], &shape[1..]].concat();
        let size = target.values().len() / shape[0].max(1) - usize::from(shape[0] > 0);
        let sample = |sample: usize| {
            let range = sample * size..(sample + 1) * size;
            let inner = match inner.as_slice() {
                TargetSlice::Values(values) => TargetSlice::Values(&values[range]),
                TargetSlice::Classes(labels) => TargetSlice::Classes(&labels[range]),
            };
            self.loss.slice_denominator(&one, inner)
        };
        weights.iter().enumerate().map(|(at, &weight)| weight * sample(at)).sum()
    }

    fn counted(&self, shape: &[usize], target: TargetSlice<'_, T>) -> usize {
        let (_, inner) = self.unpack(shape[0], entries_of(shape), target.values());
        self.loss.counted(shape, inner.as_slice())
    }

    fn correct(&self, output: &[T], shape: &[usize], target: TargetSlice<'_, T>) -> Option<usize> {
        let (_, inner) = self.unpack(shape[0], entries_of(shape), target.values());
        self.loss.correct(output, shape, inner.as_slice())
    }
}

impl<T: Real> fmt::Display for SampleWeighted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampleWeighted({})", self.loss)
    }
}
