//! The squared error.

use super::{Loss, Reduction};
use crate::Real;
use crate::data::TargetSlice;
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = (ŷᵢ − yᵢ)²** for every entry; the mean is over all entries, not over samples.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | ŷ | any | output |
/// | y | the same | target values |
///
/// Derivative: **∂Lᵢ/∂ŷᵢ = 2(ŷᵢ − yᵢ)**.
///
/// Panics when y has not the shape of ŷ. Libraries disagree on the factor: some halve the square, PyTorch and this one
/// do not.
///
/// ```
/// use limpide::{data::Target, loss::{Loss, MseLoss}, tensor};
/// let (output, target) = (tensor(&[2], vec![1.0, 5.0]), Target::Values(tensor(&[2], vec![0.0, 2.0])));
/// assert_eq!(MseLoss::new().forward(&output, &target).sum(), (1.0 + 9.0) / 2.0);
/// assert_eq!(MseLoss::new().backward(&output, &target), tensor(&[2], vec![1.0, 3.0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MseLoss {
    reduction: Reduction,
}

impl MseLoss {
    /// The mean squared error.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        MseLoss { reduction }
    }
}

impl<T: Real> Loss<T> for MseLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn measure(&self, output: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        super::each_entry(output, target, terms, slope, |p, y| ((p - y) * (p - y), (p - y) + (p - y)));
    }
}

impl fmt::Display for MseLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MseLoss({:?})", self.reduction)
    }
}
