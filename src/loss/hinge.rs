//! The hinge loss of a yes or no, as support vector machines have it.

use super::{Loss, Reduction, Takes, check_number, check_signs, check_values, positive_part};
use crate::data::{Target, TargetSlice};
use crate::metrics::Decision;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = max(0, m − yᵢxᵢ)** for every entry: nothing once the score is on the right side by the margin m.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | any | scores; above 0 means yes |
/// | y | the same | 1 for yes, −1 for no |
/// | m | | `margin`, 1 unless given |
///
/// Derivative: **∂Lᵢ/∂xᵢ = −yᵢ where yᵢxᵢ < m, else 0**.
///
/// Source: Cortes and Vapnik, *Support-vector networks*, 1995. PyTorch has it for several classes only
/// ([`super::MultiMarginLoss`]). The mean is over all entries. [`Loss::check`] errs, and the other methods panic, when y has not
/// the shape of x, a target is neither 1 nor −1, or the margin is not finite.
///
/// ```
/// use limpide::{data::Target, loss::{HingeLoss, Loss}, tensor};
/// let (x, y) = (tensor(&[2], vec![0.25, 3.0]), Target::Values(tensor(&[2], vec![-1.0, 1.0])));
/// assert_eq!(HingeLoss::new().forward(&x, &y).sum(), 1.25 / 2.0);
/// assert_eq!(HingeLoss::new().backward(&x, &y), tensor(&[2], vec![0.5, 0.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HingeLoss {
    reduction: Reduction,
    margin: f64,
}

impl Default for HingeLoss {
    fn default() -> Self {
        HingeLoss { reduction: Reduction::Mean, margin: 1.0 }
    }
}

impl HingeLoss {
    /// The mean, with a margin of 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        HingeLoss { reduction, ..self }
    }

    /// The same with another margin.
    pub fn margin(self, margin: f64) -> Self {
        HingeLoss { margin, ..self }
    }
}

impl<T: Real> Loss<T> for HingeLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn takes(&self) -> Takes {
        Takes::YesNoMargins
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Threshold(0.0))
    }

    fn check_options(&self) -> Result<()> {
        check_number(self, "margin", self.margin, "finite", true)
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        Loss::<T>::check_options(self)?;
        check_values(self, output, target)?;
        check_signs(self, target)
    }

    fn measure(&self, x: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let margin = T::of(self.margin);
        super::each_entry(x, target, terms, slope, |x, y| {
            let short = margin - y * x;
            (positive_part(short), if short <= T::zero() { T::zero() } else { -y })
        });
    }
}

impl fmt::Display for HingeLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HingeLoss({:?})", self.reduction)?;
        if self.margin != 1.0 {
            write!(f, ".margin({})", self.margin)?;
        }
        Ok(())
    }
}
