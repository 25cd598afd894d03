//! The absolute error.

use super::{Loss, Reduction, sign};
use crate::Real;
use crate::data::TargetSlice;
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = |ŷᵢ − yᵢ|** for every entry; the mean is over all entries, not over samples.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | ŷ | any | output |
/// | y | the same | target values |
///
/// Derivative: **∂Lᵢ/∂ŷᵢ = 1 where ŷᵢ > yᵢ, −1 where ŷᵢ < yᵢ**, and 0 at the kink. It pulls a far value no harder than a near
/// one, so outliers count less than with [`super::MseLoss`].
///
/// Panics when y has not the shape of ŷ.
///
/// ```
/// use limpide::{data::Target, loss::{L1Loss, Loss}, tensor};
/// let (output, target) = (tensor(&[2], vec![1.0, 5.0]), Target::Values(tensor(&[2], vec![2.0, 2.0])));
/// assert_eq!(L1Loss::new().forward(&output, &target).sum(), (1.0 + 3.0) / 2.0);
/// assert_eq!(L1Loss::new().backward(&output, &target), tensor(&[2], vec![-0.5, 0.5]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct L1Loss {
    reduction: Reduction,
}

impl L1Loss {
    /// The mean absolute error.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        L1Loss { reduction }
    }
}

impl<T: Real> Loss<T> for L1Loss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn measure(&self, output: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        super::each_entry(output, target, terms, slope, |p, y| ((p - y).abs(), sign(p - y)));
    }
}

impl fmt::Display for L1Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L1Loss({:?})", self.reduction)
    }
}
