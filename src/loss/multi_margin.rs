//! The hinge loss of several classes.

use super::classes::{ClassRule, in_rows};
use super::{Loss, Reduction, Takes, check_number, positive_part};
use crate::data::{IGNORE_INDEX, Target, TargetSlice};
use crate::metrics::Decision;
use crate::{Error, Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = (w_y / C)·Σ_{c≠y} max(0, m − x_y + x_c)ᵖ** for every sample i of class y.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | (n, C) or (n, C, d…) | scores; c runs along axis 1 |
/// | y | (n,) or (n, d…) | class numbers |
/// | w | (C,) | class weights, 1 unless given |
/// | m, p | | `margin` and power (1 or 2), both 1 unless given |
///
/// Derivative: with h_c = max(0, m − x_y + x_c) and g_c = p·h_cᵖ⁻¹ where h_c > 0, else 0, **∂Lᵢ/∂x_c = w_y·g_c/C** and
/// **∂Lᵢ/∂x_y = −(w_y/C)·Σ_{c≠y} g_c**.
///
/// Source: Weston and Watkins, *Support vector machines for multi-class pattern recognition*, 1999. As in PyTorch the terms
/// are divided by C and the mean by the number of samples, whatever the weights; as in the other losses here, a class number
/// of −100 is not counted. [`Loss::check`] errs, and the other methods panic, when the target is not class numbers, a class
/// is out of range, the number of weights is not C, a weight is negative, p is neither 1 nor 2, or the margin is not finite.
///
/// ```
/// use limpide::{data::Target, loss::{Loss, MultiMarginLoss}, tensor};
/// let (x, y) = (tensor(&[1, 4], vec![0.25, 0.5, 0.0, -1.0]), Target::classes(vec![1]));
/// // the margins missed are 0.75, 0.5 and −0.5
/// assert_eq!(MultiMarginLoss::new().forward(&x, &y).sum(), (0.75 + 0.5) / 4.0);
/// assert_eq!(MultiMarginLoss::new().backward(&x, &y), tensor(&[1, 4], vec![0.25, -0.5, 0.25, 0.0]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiMarginLoss {
    reduction: Reduction,
    p: u32,
    margin: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<Vec<f64>>,
}

impl Default for MultiMarginLoss {
    fn default() -> Self {
        MultiMarginLoss { reduction: Reduction::Mean, p: 1, margin: 1.0, weight: None }
    }
}

impl MultiMarginLoss {
    /// The mean, with a margin of 1, not squared; every class counts the same.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        MultiMarginLoss { reduction, ..self }
    }

    /// The same with another power: 1 or 2.
    pub fn power(self, p: u32) -> Self {
        MultiMarginLoss { p, ..self }
    }

    /// The same with another margin.
    pub fn margin(self, margin: f64) -> Self {
        MultiMarginLoss { margin, ..self }
    }

    /// The same with a weight for each class.
    pub fn class_weights(self, weight: &[f64]) -> Self {
        MultiMarginLoss { weight: Some(weight.to_vec()), ..self }
    }

    fn rule(&self) -> ClassRule<'_> {
        ClassRule { weight: self.weight.as_deref(), ..ClassRule::default() }
    }
}

impl<T: Real> Loss<T> for MultiMarginLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn takes(&self) -> Takes {
        Takes::Margins
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Argmax)
    }

    fn check_options(&self) -> Result<()> {
        check_number(self, "p", f64::from(self.p), "1 or 2", self.p == 1 || self.p == 2)?;
        check_number(self, "margin", self.margin, "finite", true)?;
        self.rule().check_options(self)
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        Loss::<T>::check_options(self)?;
        if let Target::Values(_) = target {
            return Err(Error::option(format!("{self}: target"), "class numbers", target));
        }
        self.rule().check(self, output, target)
    }

    fn over_classes(&self) -> bool {
        true
    }

    fn ignored_class(&self) -> Option<i64> {
        Some(IGNORE_INDEX)
    }

    fn measure(&self, x: &[T], shape: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (rule, classes, margin) = (self.rule(), shape[1], T::of(self.margin));
        in_rows(x, shape, target, slope, |x, target, slope| {
            slope.fill(T::zero());
            let rows = x.chunks_exact(classes).zip(slope.chunks_exact_mut(classes));
            for ((row, (x, slope)), term) in rows.enumerate().zip(terms) {
                *term = T::zero();
                rule.each(classes, target, row, |y, weight| {
                    let share = weight / T::of(classes as f64);
                    for class in (0..classes).filter(|&class| class != y) {
                        let h = positive_part(margin - x[y] + x[class]);
                        let g = match self.p {
                            1 if h == T::zero() => T::zero(),
                            1 => T::one(),
                            _ => h + h,
                        };
                        *term += share * if self.p == 1 { h } else { h * h };
                        slope[class] = share * g;
                        slope[y] -= share * g;
                    }
                });
            }
        });
    }

    fn slice_denominator(&self, shape: &[usize], target: TargetSlice<'_, T>) -> T {
        ClassRule::default().denominator(shape, target)
    }
}

impl fmt::Display for MultiMarginLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MultiMarginLoss({:?})", self.reduction)?;
        if self.p != 1 {
            write!(f, ".power({})", self.p)?;
        }
        if self.margin != 1.0 {
            write!(f, ".margin({})", self.margin)?;
        }
        self.rule().fmt_options(f)
    }
}
