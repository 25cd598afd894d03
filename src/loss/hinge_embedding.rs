//! A hinge on distances: pairs that belong together are pulled, others pushed apart up to a margin.

use super::{Loss, Reduction, check_number, check_signs, check_values, positive_part};
use crate::data::{Target, TargetSlice};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = xᵢ where yᵢ = 1, max(0, m − xᵢ) where yᵢ = −1**, for every entry.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | any | distances between the two members of a pair |
/// | y | the same | 1 for a pair that belongs together, −1 for one that does not |
/// | m | | `margin`, 1 unless given |
///
/// Derivative: **∂Lᵢ/∂xᵢ = 1 where yᵢ = 1; −1 where yᵢ = −1 and xᵢ < m; else 0**.
///
/// Source: PyTorch's `HingeEmbeddingLoss`; it is not the hinge of a classifier, which is [`super::HingeLoss`]. The mean is
/// over all entries. [`Loss::check`] errs, and the other methods panic, when y has not the shape of x, a target is neither 1
/// nor −1 (where PyTorch adds both terms), or the margin is not finite.
///
/// ```
/// use limpide::{data::Target, loss::{HingeEmbeddingLoss, Loss}, tensor};
/// let (x, y) = (tensor(&[2], vec![3.0, 0.25]), Target::Values(tensor(&[2], vec![1.0, -1.0])));
/// assert_eq!(HingeEmbeddingLoss::new().forward(&x, &y).sum(), (3.0 + 0.75) / 2.0);
/// assert_eq!(HingeEmbeddingLoss::new().backward(&x, &y), tensor(&[2], vec![0.5, -0.5]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HingeEmbeddingLoss {
    reduction: Reduction,
    margin: f64,
}

impl Default for HingeEmbeddingLoss {
    fn default() -> Self {
        HingeEmbeddingLoss { reduction: Reduction::Mean, margin: 1.0 }
    }
}

impl HingeEmbeddingLoss {
    /// The mean, with a margin of 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        HingeEmbeddingLoss { reduction, ..self }
    }

    /// The same with another margin.
    pub fn margin(self, margin: f64) -> Self {
        HingeEmbeddingLoss { margin, ..self }
    }
}

impl<T: Real> Loss<T> for HingeEmbeddingLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
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
            let short = margin - x;
            if y == T::one() {
                (x, T::one())
            } else {
                (positive_part(short), if short <= T::zero() { T::zero() } else { -T::one() })
            }
        });
    }
}

impl fmt::Display for HingeEmbeddingLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HingeEmbeddingLoss({:?})", self.reduction)?;
        if self.margin != 1.0 {
            write!(f, ".margin({})", self.margin)?;
        }
        Ok(())
    }
}
