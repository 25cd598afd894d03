//! The absolute error with a rounded tip.

use super::{Loss, Reduction, check_number, sign};
use crate::data::TargetSlice;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = d²/(2β) where |d| < β, else |d| − β/2**, d = ŷᵢ − yᵢ, for every entry.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | ŷ | any | output |
/// | y | the same | target values |
/// | β | | where the square ends, 1 unless given; 0 is [`super::L1Loss`] |
///
/// Derivative: **∂Lᵢ/∂ŷᵢ = d/β where |d| < β, else the sign of d**.
///
/// Source: Girshick, *Fast R-CNN*, 2015, equation 3. It is [`super::HuberLoss`] with δ = β, divided by β. The mean is over all
/// entries. [`Loss::check`] errs, and the other methods panic, when y has not the shape of ŷ or β is negative.
///
/// ```
/// use limpide::{data::Target, loss::{Loss, SmoothL1Loss}, tensor};
/// let (output, target) = (tensor(&[2], vec![1.0, 5.0]), Target::Values(tensor(&[2], vec![0.0, 0.0])));
/// let loss = SmoothL1Loss::new().beta(2.0);
/// assert_eq!(loss.forward(&output, &target).sum(), (1.0 / 4.0 + (5.0 - 1.0)) / 2.0);
/// assert_eq!(loss.backward(&output, &target), tensor(&[2], vec![0.5 / 2.0, 1.0 / 2.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothL1Loss {
    reduction: Reduction,
    beta: f64,
}

impl Default for SmoothL1Loss {
    fn default() -> Self {
        SmoothL1Loss { reduction: Reduction::Mean, beta: 1.0 }
    }
}

impl SmoothL1Loss {
    /// The mean, with β = 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        SmoothL1Loss { reduction, ..self }
    }

    /// The same with another β.
    pub fn beta(self, beta: f64) -> Self {
        SmoothL1Loss { beta, ..self }
    }
}

impl<T: Real> Loss<T> for SmoothL1Loss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self) -> Result<()> {
        check_number(self, "beta", self.beta, "finite and at least 0", self.beta >= 0.0)
    }

    fn measure(&self, output: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (beta, half) = (T::of(self.beta), T::of(0.5));
        super::each_entry(output, target, terms, slope, |p, y| {
            let d = p - y;
            if d.abs() < beta { (half * d * d / beta, d / beta) } else { (d.abs() - half * beta, sign(d)) }
        });
    }
}

impl fmt::Display for SmoothL1Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmoothL1Loss({:?})", self.reduction)?;
        if self.beta != 1.0 {
            write!(f, ".beta({})", self.beta)?;
        }
        Ok(())
    }
}
