//! Cross-entropy on logits, fused with the softmax so that neither can overflow.

use super::classes::{ClassRule, in_rows, softmax_rows};
use super::{Loss, Reduction, Takes};
use crate::data::{IGNORE_INDEX, Target, TargetSlice};
use crate::metrics::Decision;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = −Σ_c q_c·ln p_c, ln p_c = x_c − m − ln Σₖ e^(xₖ−m)**, m = maxₖ xₖ, for every sample i.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | (n, C) or (n, C, d…) | logits; c and k run along axis 1 |
/// | y | (n,) or (n, d…); or the shape of x | class numbers, meant as y_c = 1 for the class and 0 for the others; or a share for each class |
/// | w | (C,) | class weights, 1 unless given |
/// | e | | label smoothing, 0 unless given |
/// | q | the shape of x | w_c·((1−e)·y_c + e/C): what each class counts |
///
/// Derivative: ∂ln p_c/∂xₖ = \[c=k\] − pₖ, so **∂Lᵢ/∂xₖ = pₖ·Σ_c q_c − qₖ**, which is p − y for plain one-hot targets.
///
/// Source: Bridle, *Probabilistic interpretation of feedforward classification network outputs*, 1990; label smoothing:
/// Szegedy et al., *Rethinking the Inception architecture for computer vision*, 2016, section 7.
///
/// Libraries disagree on the mean. As in PyTorch it divides by Σᵢ w of the sample's class over the class numbers that are
/// not ignored, label smoothing or not, and by the number of terms (n·d…) for shares, whatever the weights. With every
/// target ignored the mean is 0/0 = NaN and its gradient zero. Unlike PyTorch, a share of 0 on a logit of −∞ adds 0, not NaN.
///
/// [`Loss::check`] errs, and the other methods panic, when shapes differ, a class number is neither in 0..C nor
/// ignored, the number of weights is not C, a weight is negative, e is outside \[0, 1\], or shares come with an
/// `ignore_index` ≥ 0.
///
/// ```
/// use limpide::{data::Target, loss::{CrossEntropyLoss, Loss}, tensor};
/// // p = (1/4, 3/4)
/// let (x, y) = (tensor(&[1, 2], vec![0.0, 3.0f64.ln()]), Target::classes(vec![1]));
/// let loss = CrossEntropyLoss::new();
/// assert!((loss.forward(&x, &y).sum() - (4.0f64 / 3.0).ln()).abs() < 1e-15);
/// let slope = loss.backward(&x, &y);
/// assert!((slope[[0, 0]] - 0.25).abs() < 1e-15 && (slope[[0, 1]] - (0.75 - 1.0)).abs() < 1e-15);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropyLoss {
    reduction: Reduction,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<Vec<f64>>,
    label_smoothing: f64,
    ignore_index: i64,
}

impl Default for CrossEntropyLoss {
    fn default() -> Self {
        CrossEntropyLoss { reduction: Reduction::Mean, weight: None, label_smoothing: 0.0, ignore_index: IGNORE_INDEX }
    }
}

impl CrossEntropyLoss {
    /// The mean cross-entropy; every class counts the same, −100 is ignored.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        CrossEntropyLoss { reduction, ..self }
    }

    /// The same with a weight for each class, for classes that are rare or costly.
    pub fn class_weights(self, weight: &[f64]) -> Self {
        CrossEntropyLoss { weight: Some(weight.to_vec()), ..self }
    }

    /// The same with the part `e` of each target spread evenly over all classes.
    pub fn label_smoothing(self, e: f64) -> Self {
        CrossEntropyLoss { label_smoothing: e, ..self }
    }

    /// The same with another class number that marks targets to be left out.
    pub fn ignore_index(self, ignore_index: i64) -> Self {
        CrossEntropyLoss { ignore_index, ..self }
    }

    fn rule(&self) -> ClassRule<'_> {
        ClassRule {
            weight: self.weight.as_deref(),
            label_smoothing: self.label_smoothing,
            ignore_index: self.ignore_index,
        }
    }
}

impl<T: Real> Loss<T> for CrossEntropyLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn takes(&self) -> Takes {
        Takes::Logits
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

    fn measure(&self, x: &[T], shape: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (rule, classes) = (self.rule(), shape[1]);
        in_rows(x, shape, target, slope, |x, target, slope| {
            softmax_rows(x, classes, slope, |row, log_p, p| {
                let (mut term, mut total) = (T::zero(), T::zero());
                rule.each(classes, target, row, |class, q| {
                    term -= q * log_p(class);
                    total += q;
                });
                terms[row] = term;
                // pₖ·Σ_c q_c − qₖ, and nothing at all for a row that does not count
                p.iter_mut().for_each(|p| *p = if total == T::zero() { T::zero() } else { *p * total });
                rule.each(classes, target, row, |class, q| p[class] -= q);
            });
        });
    }

    fn slice_denominator(&self, shape: &[usize], target: TargetSlice<'_, T>) -> T {
        self.rule().denominator(shape, target)
    }
}

impl fmt::Display for CrossEntropyLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrossEntropyLoss({:?})", self.reduction)?;
        self.rule().fmt_options(f)
    }
}
