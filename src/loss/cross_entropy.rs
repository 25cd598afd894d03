//! Cross-entropy on logits, fused with the softmax so that neither can overflow.

use super::classes::{ClassRule, IGNORED, axes, first_entry};
use super::{Loss, Reduction};
use crate::data::Target;
use crate::metrics::Decision;
use crate::tensor::{dense, values, values_mut};
use crate::{Real, Result, Tensor};
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
        CrossEntropyLoss { reduction: Reduction::Mean, weight: None, label_smoothing: 0.0, ignore_index: IGNORED }
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

/// ln p and p along axis 1, the exponentials in one call for the whole batch.
fn log_softmax<T: Real>(x: &Tensor<T>) -> (Vec<T>, Vec<T>) {
    let (samples, classes, inner) = axes(x.shape());
    let (lines, last) = (samples * inner, (classes - 1) * inner);
    let entries = |line| (0..=last).step_by(inner).map(move |c| first_entry(line, classes, inner) + c);
    let mut log_p = values(&dense(x)).to_vec();
    for line in 0..lines {
        let m = entries(line).fold(T::neg_infinity(), |m, at| m.max(log_p[at]));
        entries(line).for_each(|at| log_p[at] -= m);
    }
    let mut p = vec![T::zero(); log_p.len()];
    T::exp_slice(&log_p, &mut p);
    let sums: Vec<T> = (0..lines).map(|line| entries(line).map(|at| p[at]).sum()).collect();
    let mut log_sums = vec![T::zero(); lines];
    T::ln_slice(&sums, &mut log_sums);
    for line in 0..lines {
        for at in entries(line) {
            log_p[at] -= log_sums[line];
            p[at] /= sums[line];
        }
    }
    (log_p, p)
}

impl<T: Real> Loss<T> for CrossEntropyLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
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

    fn terms(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        self.terms_and_slope(output, target).0
    }

    fn slope(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        self.terms_and_slope(output, target).1
    }

    fn terms_and_slope(&self, output: &Tensor<T>, target: &Target<T>) -> (Tensor<T>, Tensor<T>) {
        self.check(output.shape(), target).unwrap_or_else(|error| panic!("{error}"));
        let (log_p, p) = log_softmax(output);
        // ∂Lᵢ/∂ln p_c = −q_c, then through ln p: −qₖ − pₖ·Σ_c(−q_c)
        let (terms, mut slope) = self.rule().negative_log(output.shape(), target, &log_p, |_| T::one());
        let (samples, classes, inner) = axes(output.shape());
        let slopes = values_mut(&mut slope);
        for line in 0..samples * inner {
            let first = first_entry(line, classes, inner);
            let minus_q: T = (0..classes).map(|c| slopes[first + c * inner]).sum();
            for at in (0..classes).map(|c| first + c * inner) {
                slopes[at] -= p[at] * minus_q;
            }
        }
        (terms, slope)
    }

    fn denominator(&self, output: &[usize], target: &Target<T>) -> T {
        self.rule().denominator(output, target)
    }
}

impl fmt::Display for CrossEntropyLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrossEntropyLoss({:?})", self.reduction)?;
        self.rule().fmt_options(f)
    }
}
