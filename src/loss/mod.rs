//! The losses: how wrong an output is, and ∂L/∂output.
//!
//! A loss is written as one *term* for each thing that can be wrong (an entry for [`MseLoss`], a sample for
//! cross-entropy) and the slope of the terms' sum. Mean, sum and no reduction are then the same for every loss, and a batch
//! cut into slices needs only the whole batch's [`Loss::denominator`].

mod bce;
mod bce_with_logits;
mod classes;
mod cross_entropy;
mod cross_entropy_on_probabilities;
mod description;
mod focal;
mod hinge;
mod hinge_embedding;
mod huber;
mod kl_div;
mod l1;
mod mse;
mod multi_margin;
mod nll;
mod sample_weighted;
mod sigmoid_focal;
mod smooth_l1;
#[cfg(test)]
mod tests;

pub use bce::BceLoss;
pub use bce_with_logits::BceWithLogitsLoss;
pub use cross_entropy::CrossEntropyLoss;
pub use cross_entropy_on_probabilities::CrossEntropyOnProbabilities;
pub use description::{LOSSES, LossDescription, Weighted};
pub use focal::FocalLoss;
pub use hinge::HingeLoss;
pub use hinge_embedding::HingeEmbeddingLoss;
pub use huber::HuberLoss;
pub use kl_div::{KlDivLoss, KlReduction};
pub use l1::L1Loss;
pub use mse::MseLoss;
pub use multi_margin::MultiMarginLoss;
pub use nll::NllLoss;
pub use sample_weighted::{SampleWeighted, weighted_target};
pub use sigmoid_focal::SigmoidFocalLoss;
pub use smooth_l1::SmoothL1Loss;

use crate::data::{Target, TargetSlice};
use crate::metrics::{Decision, correct_in_slices};
use crate::tensor::{dense, shape_text, values, values_mut};
use crate::{Error, Real, Result, Tensor, tensor, zeros};
use ndarray::aview1;
use serde::{Deserialize, Serialize};
use std::fmt::{Debug, Display};

/// How the terms of a batch become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduction {
    /// Σ terms / denominator.
    #[default]
    Mean,
    /// Σ terms, as the report's cross-entropy does.
    Sum,
    /// The terms themselves.
    None,
}

/// What a loss takes an output for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Real values of any size.
    Values,
    /// A score for each class along axis 1, of any size; the loss takes their softmax.
    Logits,
    /// A probability for each class along axis 1.
    Probabilities,
    /// The logarithm of a probability for each class along axis 1.
    LogProbabilities,
    /// One score for a yes, above 0, or a no; the loss takes its sigmoid.
    YesNoLogits,
    /// One probability of a yes.
    YesNoProbabilities,
    /// A score for each class along axis 1; the right one should lead by a margin.
    Margins,
    /// One score for a yes, above 0 by a margin, or a no, below it.
    YesNoMargins,
}

/// A measure of how far an output is from its target.
///
/// `Display` prints the loss as its constructor is written: `MseLoss(Sum)`.
///
/// One of your own needs `reduction` and `measure`, and says by `takes` what it wants of a network where that is not values; the example
/// `07_own_parts` writes one.
pub trait Loss<T: Real>: Display + Debug + Send + Sync {
    /// How the terms become one number.
    fn reduction(&self) -> Reduction;

    /// Whether the options are in range, as far as that can be said without data. [`Loss::check`] asks it too.
    ///
    /// # Errors
    /// [`crate::Error::Option`].
    fn check_options(&self) -> Result<()> {
        Ok(())
    }

    /// Whether options, output and target fit together: shapes, and class numbers in range. Unless a loss says otherwise, it
    /// wants target values in the shape of the output.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] or [`crate::Error::Option`].
    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        self.check_options()?;
        check_values(self, output, target)
    }

    /// Whether the numbers of an output are such as the loss takes, where others would give no number.
    ///
    /// # Errors
    /// [`crate::Error::Option`].
    fn check_output(&self, _output: &[T]) -> Result<()> {
        Ok(())
    }

    /// What the outputs mean to this loss, so that a wrong last layer can be told ([`crate::diagnose`]).
    fn takes(&self) -> Takes {
        Takes::Values
    }

    /// Whether a term covers axis 1 of the output, the classes of one sample; else each entry has its own term.
    fn over_classes(&self) -> bool {
        false
    }

    /// The arithmetic of the loss, on slices: the terms, and ∂(Σ terms)/∂output in the order of the output. Allocates
    /// nothing unless the output has axes behind the classes. The target must have passed [`Loss::check`].
    ///
    /// Panics when the slices do not have the sizes that the shape wants.
    fn measure(&self, output: &[T], shape: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]);

    /// What the mean divides by: the number of terms, or their summed weights. The target must have passed [`Loss::check`].
    /// Unless a loss says otherwise, each entry has its own term and counts once.
    fn slice_denominator(&self, shape: &[usize], _target: TargetSlice<'_, T>) -> T {
        entries(shape)
    }

    /// Σ terms, with ∂(Σ terms)/∂output written to `slope`: [`Loss::measure`] for a training step. `scratch` holds the terms
    /// and grows at the first call.
    fn slope_into(
        &self,
        output: &[T],
        shape: &[usize],
        target: TargetSlice<'_, T>,
        slope: &mut [T],
        scratch: &mut Vec<T>,
    ) -> T {
        scratch.resize(term_axes(self.over_classes(), shape).product(), T::zero());
        self.measure(output, shape, target, scratch, slope);
        aview1(scratch).sum()
    }

    /// The terms: for entry-wise losses in the shape of the output, for class losses without its class axis (axis 1).
    ///
    /// Panics with the message of [`Loss::check`] when the two do not fit.
    fn terms(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        self.terms_and_slope(output, target).0
    }

    /// ∂(Σ terms)/∂output, in the shape of the output.
    fn slope(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        self.terms_and_slope(output, target).1
    }

    /// Both of them: [`Loss::measure`] on tensors.
    fn terms_and_slope(&self, output: &Tensor<T>, target: &Target<T>) -> (Tensor<T>, Tensor<T>) {
        let shape = output.shape();
        self.check(shape, target).unwrap_or_else(|error| panic!("{error}"));
        let mut terms = zeros(&term_axes(self.over_classes(), shape).collect::<Vec<_>>());
        let mut slope = zeros(shape);
        let (output, target) = (dense(output), target.dense());
        self.measure(values(&output), shape, target.as_slice(), values_mut(&mut terms), values_mut(&mut slope));
        (terms, slope)
    }

    /// [`Loss::slice_denominator`] of a target in a tensor.
    fn denominator(&self, output: &[usize], target: &Target<T>) -> T {
        self.slice_denominator(output, target.dense().as_slice())
    }

    /// The loss of a batch: one number (shape `[]`), or the terms when nothing is reduced.
    ///
    /// Panics with the message of [`Loss::check`] or [`Loss::check_output`] when it does not take them.
    fn forward(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        self.check_output(values(&dense(output))).unwrap_or_else(|error| panic!("{error}"));
        let terms = self.terms(output, target);
        match self.reduction() {
            Reduction::None => terms,
            _ => tensor(&[], vec![self.reduce(terms.sum(), self.denominator(output.shape(), target))]),
        }
    }

    /// The terms' sum as one number by the reduction; without a reduction, the sum.
    fn reduce(&self, sum: T, denominator: T) -> T {
        if self.reduction() == Reduction::Mean { sum / denominator } else { sum }
    }

    /// How an output becomes a class, or each of its entries one, for a loss about classes.
    fn decision(&self) -> Option<Decision> {
        None
    }

    /// The class number of samples that do not count, for a loss that takes class numbers.
    fn ignored_class(&self) -> Option<i64> {
        None
    }

    /// How many samples count among those that are right or wrong: all but those of the ignored class.
    fn counted(&self, shape: &[usize], target: TargetSlice<'_, T>) -> usize {
        match (target, self.ignored_class()) {
            (TargetSlice::Classes(labels), Some(ignored)) => labels.iter().filter(|&&label| label != ignored).count(),
            _ => shape[0],
        }
    }

    /// How many samples of those that count are predicted right, for a loss about classes and an output with one class a sample
    /// ([`Decision::is_one_a_sample`]); none for others, nor where a target is neither yes nor no. Allocates nothing.
    fn correct(&self, output: &[T], shape: &[usize], target: TargetSlice<'_, T>) -> Option<usize> {
        let decision = self.decision().filter(|decision| decision.is_one_a_sample(shape))?;
        // One class is always right; a share of a yes, or a value, is neither right nor wrong.
        let no_answer = match (target, self.takes()) {
            (TargetSlice::Values(_), _) if self.over_classes() => shape[1] < 2,
            (TargetSlice::Values(y), Takes::YesNoLogits | Takes::YesNoProbabilities) => {
                y.iter().any(|&y| y != T::zero() && y != T::one())
            }
            _ => false,
        };
        if no_answer {
            return None;
        }
        Some(correct_in_slices(decision, output, shape[0], target, self.ignored_class()))
    }

    /// ∂L/∂output, the first delta of a backward pass; without a reduction, of the sum of the terms.
    ///
    /// Panics as [`Loss::forward`] does.
    fn backward(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        self.check_output(values(&dense(output))).unwrap_or_else(|error| panic!("{error}"));
        // The slope first: it checks the target.
        let mut slope = self.slope(output, target);
        let scale = self.gradient_scale(self.denominator(output.shape(), target));
        if scale != T::one() {
            values_mut(&mut slope).iter_mut().for_each(|s| *s *= scale);
        }
        slope
    }

    /// The factor from the slope of the terms' sum to ∂L/∂output, for a batch with this denominator.
    fn gradient_scale(&self, denominator: T) -> T {
        match self.reduction() {
            // Nothing counts (every target ignored): the mean is 0/0, its gradient is zero.
            Reduction::Mean if denominator == T::zero() => T::zero(),
            Reduction::Mean => T::one() / denominator,
            Reduction::Sum | Reduction::None => T::one(),
        }
    }
}

/// ∂L/∂output when ∂L/∂term is given for each term (reduction `None`): each entry of the slope times its term's weight.
pub fn backward_terms<T: Real>(
    loss: &dyn Loss<T>,
    output: &Tensor<T>,
    target: &Target<T>,
    upstream: &Tensor<T>,
) -> Tensor<T> {
    let mut slope = loss.slope(output, target);
    let upstream = dense(upstream);
    let (covered, inner) =
        if loss.over_classes() { (output.shape()[1], output.shape()[2..].iter().product()) } else { (1, 1) };
    for (index, s) in values_mut(&mut slope).iter_mut().enumerate() {
        *s *= values(&upstream)[index / (covered * inner) * inner + index % inner];
    }
    slope
}

/// The check of every entry-wise loss: target values in the shape of the output.
fn check_values<T: Real>(loss: &(impl Display + ?Sized), output: &[usize], target: &Target<T>) -> Result<()> {
    match target {
        Target::Values(values) if values.shape() == output => Ok(()),
        Target::Values(values) => Err(Error::shape(
            loss,
            format!("target values in the output's shape {}", shape_text(output)),
            values.shape(),
        )),
        Target::Classes(_) => Err(Error::option(format!("{loss}: target"), "values, one an output entry", target)),
    }
}

/// The axes of the terms for an output of that shape.
fn term_axes(over_classes: bool, output: &[usize]) -> impl Iterator<Item = usize> {
    output.iter().enumerate().filter(move |(axis, _)| !(over_classes && *axis == 1)).map(|(_, &size)| size)
}

/// `(term, slope) = f(output, target)` entry by entry, for a loss that takes values.
fn each_entry<T: Real>(
    output: &[T],
    target: TargetSlice<'_, T>,
    terms: &mut [T],
    slope: &mut [T],
    f: impl Fn(T, T) -> (T, T),
) {
    let target = target.values();
    let n = output.len();
    assert_eq!((target.len(), terms.len(), slope.len()), (n, n, n), "entries of target, terms and slope");
    for i in 0..n {
        (terms[i], slope[i]) = f(output[i], target[i]);
    }
}

/// The check of weights, of classes or entries: none of them negative, infinite or NaN.
fn check_weights(loss: &impl Display, name: &str, weights: &[f64]) -> Result<()> {
    match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        None => Ok(()),
        Some(at) => Err(Error::option(format!("{loss}: {name} {at}"), "finite and at least 0", weights[at])),
    }
}

/// The number of entries, as the denominator of an entry-wise loss.
fn entries<T: Real>(output: &[usize]) -> T {
    T::of(output.iter().product::<usize>() as f64)
}

/// The check of an option that is a number.
fn check_number(loss: &impl Display, name: &str, value: f64, wanted: &str, fits: bool) -> Result<()> {
    if fits && value.is_finite() { Ok(()) } else { Err(Error::option(format!("{loss}: {name}"), wanted, value)) }
}

/// The check of a loss between two sides: every target value is 1 or −1.
fn check_signs<T: Real>(loss: &impl Display, target: &Target<T>) -> Result<()> {
    let Target::Values(values) = target else { return Ok(()) };
    match values.iter().find(|y| y.abs() != T::one()) {
        None => Ok(()),
        Some(y) => Err(Error::option(format!("{loss}: target value"), "1 or -1", y)),
    }
}

/// −1, 0 or 1; NaN stays NaN.
fn sign<T: Real>(x: T) -> T {
    if x > T::zero() {
        T::one()
    } else if x < T::zero() {
        -T::one()
    } else {
        x * T::zero()
    }
}

/// max(x, 0); NaN stays NaN, which `max` would hide.
fn positive_part<T: Real>(x: T) -> T {
    if x <= T::zero() { T::zero() } else { x }
}

/// Entries that are worked on together, in arrays on the stack.
const BLOCK: usize = 64;

/// x ← f(x), for a kernel that reads one slice and writes another.
fn in_place<T: Real>(f: impl Fn(&[T], &mut [T]), x: &mut [T]) {
    let mut copy = [T::zero(); BLOCK];
    for x in x.chunks_mut(BLOCK) {
        let copy = &mut copy[..x.len()];
        copy.copy_from_slice(x);
        f(copy, x);
    }
}

/// x ← ln(1 + x), also right where 1 + x rounds to 1 (x ≥ −1).
///
/// Source: Goldberg, *What every computer scientist should know about floating-point arithmetic*, 1991, theorem 4.
fn ln_1p<T: Real>(x: &mut [T]) {
    let (mut sums, mut logs) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
    for x in x.chunks_mut(BLOCK) {
        let (sums, logs) = (&mut sums[..x.len()], &mut logs[..x.len()]);
        sums.iter_mut().zip(&*x).for_each(|(sum, &x)| *sum = T::one() + x);
        T::ln_slice(sums, logs);
        for (x, (&sum, &log)) in x.iter_mut().zip(sums.iter().zip(&*logs)) {
            // The rounding error of the sum cancels in ln(sum)/(sum − 1), which changes slowly.
            let scaled = *x * (log / (sum - T::one()));
            *x = if sum == T::one() { *x } else { scaled };
        }
    }
}
