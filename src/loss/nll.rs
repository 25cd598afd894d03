//! The negative log-likelihood of log-probabilities, the partner of a `LogSoftmax` output.

use super::classes::{ClassRule, in_rows};
use super::{Loss, Reduction, Takes};
use crate::data::{IGNORE_INDEX, Target, TargetSlice};
use crate::metrics::Decision;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = −Σ_c w_c·y_c·z_c** for every sample i, z being logarithms of probabilities.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | z | (n, C) or (n, C, d…) | log-probabilities; c runs along axis 1 |
/// | y | (n,) or (n, d…); or the shape of z | class numbers, meant as y_c = 1 for the class and 0 for the others; or a share for each class |
/// | w | (C,) | class weights, 1 unless given |
///
/// Derivative: Lᵢ is linear in z, so **∂Lᵢ/∂z_c = −w_c·y_c**. (A `LogSoftmax` before it turns that into p − y.)
///
/// Libraries disagree on the mean. As in PyTorch it divides by Σᵢ w of the sample's class over the class numbers that are
/// not ignored, and by the number of terms (n·d…) for shares, which PyTorch does not take here. With every target ignored the
/// mean is 0/0 = NaN and its gradient zero. A share of 0 on a log-probability of −∞ adds 0.
///
/// [`Loss::check`] errs, and the other methods panic, when shapes differ, a class number is neither in 0..C nor
/// ignored, the number of weights is not C, a weight is negative, or shares come with an `ignore_index` ≥ 0.
///
/// ```
/// use limpide::{data::Target, loss::{Loss, NllLoss}, tensor};
/// let z = tensor(&[2, 2], vec![-1.0, -2.0, -3.0, -4.0]);
/// let (loss, y) = (NllLoss::new().class_weights(&[1.0, 3.0]), Target::classes(vec![1, 0]));
/// assert_eq!(loss.forward(&z, &y).sum(), (3.0 * 2.0 + 1.0 * 3.0) / (3.0 + 1.0));
/// assert_eq!(loss.backward(&z, &y), tensor(&[2, 2], vec![0.0, -0.75, -0.25, 0.0]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NllLoss {
    reduction: Reduction,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<Vec<f64>>,
    ignore_index: i64,
}

impl Default for NllLoss {
    fn default() -> Self {
        NllLoss { reduction: Reduction::Mean, weight: None, ignore_index: IGNORE_INDEX }
    }
}

impl NllLoss {
    /// The mean negative log-likelihood; every class counts the same, −100 is ignored.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        NllLoss { reduction, ..self }
    }

    /// The same with a weight for each class, for classes that are rare or costly.
    pub fn class_weights(self, weight: &[f64]) -> Self {
        NllLoss { weight: Some(weight.to_vec()), ..self }
    }

    /// The same with another class number that marks targets to be left out.
    pub fn ignore_index(self, ignore_index: i64) -> Self {
        NllLoss { ignore_index, ..self }
    }

    fn rule(&self) -> ClassRule<'_> {
        ClassRule { weight: self.weight.as_deref(), ignore_index: self.ignore_index, ..ClassRule::default() }
    }
}

impl<T: Real> Loss<T> for NllLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn takes(&self) -> Takes {
        Takes::LogProbabilities
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Argmax)
    }

    fn check_options(&self) -> Result<()> {
        self.rule().check_options(self)
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        self.rule().check(self, output, target)
    }

    fn over_classes(&self) -> bool {
        true
    }

    fn ignored_class(&self) -> Option<i64> {
        Some(self.ignore_index)
    }

    fn measure(&self, z: &[T], shape: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (rule, classes) = (self.rule(), shape[1]);
        in_rows(z, shape, target, slope, |z, target, slope| {
            slope.fill(T::zero());
            for (row, term) in terms.iter_mut().enumerate() {
                *term = T::zero();
                rule.each(classes, target, row, |class, q| {
                    let at = row * classes + class;
                    *term -= q * z[at];
                    slope[at] = -q;
                });
            }
        });
    }

    fn slice_denominator(&self, shape: &[usize], target: TargetSlice<'_, T>) -> T {
        self.rule().denominator(shape, target)
    }
}

impl fmt::Display for NllLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NllLoss({:?})", self.reduction)?;
        self.rule().fmt_options(f)
    }
}
