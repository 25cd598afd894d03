//! The squared error that goes on as a straight line.

use super::{Loss, Reduction, check_number, sign};
use crate::data::TargetSlice;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = d²/2 where |d| < δ, else δ(|d| − δ/2)**, d = ŷᵢ − yᵢ, for every entry.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | ŷ | any | output |
/// | y | the same | target values |
/// | δ | | where the square ends, 1 unless given |
///
/// Derivative: **∂Lᵢ/∂ŷᵢ = d where |d| < δ, else δ times the sign of d**.
///
/// Source: Huber, *Robust estimation of a location parameter*, 1964. The mean is over all entries. [`Loss::check`] errs, and
/// the other methods panic, when y has not the shape of ŷ or δ is not positive.
///
/// ```
/// use limpide::{data::Target, loss::{HuberLoss, Loss}, tensor};
/// let (output, target) = (tensor(&[2], vec![1.0, 5.0]), Target::Values(tensor(&[2], vec![0.0, 0.0])));
/// let loss = HuberLoss::new().delta(2.0);
/// assert_eq!(loss.forward(&output, &target).sum(), (0.5 + 2.0 * (5.0 - 1.0)) / 2.0);
/// assert_eq!(loss.backward(&output, &target), tensor(&[2], vec![1.0 / 2.0, 2.0 / 2.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HuberLoss {
    reduction: Reduction,
    delta: f64,
}

impl Default for HuberLoss {
    fn default() -> Self {
        HuberLoss { reduction: Reduction::Mean, delta: 1.0 }
    }
}

impl HuberLoss {
    /// The mean, with δ = 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        HuberLoss { reduction, ..self }
    }

    /// The same with another δ.
    pub fn delta(self, delta: f64) -> Self {
        HuberLoss { delta, ..self }
    }
}

impl<T: Real> Loss<T> for HuberLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn check_options(&self) -> Result<()> {
        check_number(self, "delta", self.delta, "finite and above 0", self.delta > 0.0)
    }

    fn measure(&self, output: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (delta, half) = (T::of(self.delta), T::of(0.5));
        super::each_entry(output, target, terms, slope, |p, y| {
            let d = p - y;
            if d.abs() < delta { (half * d * d, d) } else { (delta * (d.abs() - half * delta), delta * sign(d)) }
        });
    }
}

impl fmt::Display for HuberLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HuberLoss({:?})", self.reduction)?;
        if self.delta != 1.0 {
            write!(f, ".delta({})", self.delta)?;
        }
        Ok(())
    }
}
