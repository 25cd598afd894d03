//! Cross-entropy that looks away from what is already right, for several classes.

use super::classes::{ClassRule, in_rows, softmax_rows};
use super::{Loss, Reduction, Takes, check_number};
use crate::data::{IGNORE_INDEX, Target, TargetSlice};
use crate::metrics::Decision;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = −Σ_c q_c·(1 − p_c)^γ·ln p_c**, p = softmax x, for every sample i.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | (n, C) or (n, C, d…) | logits; c and k run along axis 1 |
/// | y | (n,) or (n, d…); or the shape of x | class numbers, meant as y_c = 1 for the class and 0 for the others; or a share for each class |
/// | w | (C,) | class weights, the paper's α; 1 unless given |
/// | q | the shape of x | w_c·y_c: what each class counts |
/// | γ | | how little an easy sample counts, 2 unless given; 0 is [`super::CrossEntropyLoss`] |
///
/// Derivative: from ∂ln p_c/∂xₖ = \[c=k\] − pₖ, with g_c = (1−p_c)^γ·(1 − γ·p_c·ln p_c/(1−p_c)),
/// **∂Lᵢ/∂xₖ = pₖ·Σ_c q_c·g_c − qₖ·gₖ**. For p → 1 the quotient ln p/(1−p) goes to −1.
///
/// Source: Lin et al., *Focal loss for dense object detection*, 2017, equation 4; [`super::SigmoidFocalLoss`] is the paper's
/// case of yes and no. The mean divides as that of cross-entropy does: by Σᵢ w of the sample's class over the class numbers
/// that are not ignored, or by the number of terms for shares. [`Loss::check`] errs, and the other methods panic, as for
/// cross-entropy, and when γ is negative.
///
/// ```
/// use limpide::{data::Target, loss::{FocalLoss, Loss}, tensor};
/// // p = (1/4, 3/4), class 1: (1/4)²·ln(4/3)
/// let (x, y) = (tensor(&[1, 2], vec![0.0, 3.0f64.ln()]), Target::classes(vec![1]));
/// assert!((FocalLoss::new().forward(&x, &y).sum() - (4.0f64 / 3.0).ln() / 16.0).abs() < 1e-15);
/// // g = (1/4)²·(1 + 2·3·ln(4/3))
/// let g = (1.0 + 6.0 * (4.0f64 / 3.0).ln()) / 16.0;
/// assert!((FocalLoss::new().backward(&x, &y)[[0, 0]] - 0.25 * g).abs() < 1e-15);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FocalLoss {
    reduction: Reduction,
    gamma: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<Vec<f64>>,
    ignore_index: i64,
}

impl Default for FocalLoss {
    fn default() -> Self {
        FocalLoss { reduction: Reduction::Mean, gamma: 2.0, weight: None, ignore_index: IGNORE_INDEX }
    }
}

impl FocalLoss {
    /// The mean, with γ = 2; every class counts the same, −100 is ignored.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        FocalLoss { reduction, ..self }
    }

    /// The same with another γ.
    pub fn gamma(self, gamma: f64) -> Self {
        FocalLoss { gamma, ..self }
    }

    /// The same with a weight for each class.
    pub fn class_weights(self, weight: &[f64]) -> Self {
        FocalLoss { weight: Some(weight.to_vec()), ..self }
    }

    /// The same with another class number that marks targets to be left out.
    pub fn ignore_index(self, ignore_index: i64) -> Self {
        FocalLoss { ignore_index, ..self }
    }

    fn rule(&self) -> ClassRule<'_> {
        ClassRule { weight: self.weight.as_deref(), ignore_index: self.ignore_index, ..ClassRule::default() }
    }
}

impl<T: Real> Loss<T> for FocalLoss {
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
        check_number(self, "gamma", self.gamma, "finite and at least 0", self.gamma >= 0.0)?;
        self.rule().check_options(self)
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        Loss::<T>::check_options(self)?;
        self.rule().check(self, output, target)
    }

    fn over_classes(&self) -> bool {
        true
    }

    fn ignored_class(&self) -> Option<i64> {
        Some(self.ignore_index)
    }

    fn measure(&self, x: &[T], shape: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (rule, classes, gamma) = (self.rule(), shape[1], T::of(self.gamma));
        // (c, q_c·g_c) of a row
        let mut pulls = Vec::with_capacity(classes);
        in_rows(x, shape, target, slope, |x, target, slope| {
            softmax_rows(x, classes, slope, |row, log_p, p| {
                let (mut term, mut total) = (T::zero(), T::zero());
                pulls.clear();
                rule.each(classes, target, row, |class, q| {
                    let log = log_p(class);
                    let rest = all_but(p, class);
                    let power = rest.powf(gamma);
                    let quotient = if rest == T::zero() { -T::one() } else { log / rest };
                    let pull = q * power * (T::one() - gamma * p[class] * quotient);
                    term -= q * power * log;
                    total += pull;
                    pulls.push((class, pull));
                });
                terms[row] = term;
                p.iter_mut().for_each(|p| *p = if pulls.is_empty() { T::zero() } else { *p * total });
                pulls.iter().for_each(|&(class, pull)| p[class] -= pull);
            });
        });
    }

    fn slice_denominator(&self, shape: &[usize], target: TargetSlice<'_, T>) -> T {
        self.rule().denominator(shape, target)
    }
}

/// 1 − p_c: summed from the others where the difference would lose digits.
fn all_but<T: Real>(p: &[T], class: usize) -> T {
    if p[class] < T::of(0.5) {
        return T::one() - p[class];
    }
    p[..class].iter().chain(&p[class + 1..]).copied().sum()
}

impl fmt::Display for FocalLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FocalLoss({:?})", self.reduction)?;
        if self.gamma != 2.0 {
            write!(f, ".gamma({})", self.gamma)?;
        }
        self.rule().fmt_options(f)
    }
}
