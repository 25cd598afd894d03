//! Binary cross-entropy on probabilities, the partner of a `Sigmoid` output.

use super::{Loss, Reduction, checked_values, ln_1p};
use crate::data::Target;
use crate::metrics::Decision;
use crate::tensor::{dense, values};
use crate::{Real, Result, Tensor, tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = −(yᵢ·ln pᵢ + (1 − yᵢ)·ln(1 − pᵢ))** for every entry, each logarithm raised to at least −100.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | p | any | probabilities of a yes |
/// | y | the same | 1 for yes, 0 for no, or a share between them |
///
/// Derivative: −y/p + (1−y)/(1−p) over one denominator, **∂Lᵢ/∂pᵢ = (pᵢ − yᵢ) / max(pᵢ(1 − pᵢ), 10⁻¹²)**.
///
/// Both clamps are PyTorch's; others clamp p itself (Keras at 10⁻⁷). A p of exactly 0 or 1 thus costs 0 when right and
/// 100 when wrong, and the mean is over all entries, not over samples. A p outside \[0, 1\] gives NaN.
/// Panics when y has not the shape of p.
///
/// ```
/// use limpide::{data::Target, loss::{BceLoss, Loss}, tensor};
/// let (p, y) = (tensor(&[2], vec![0.25, 0.0]), Target::Values(tensor(&[2], vec![1.0, 1.0])));
/// assert!((BceLoss::new().forward(&p, &y).sum() - (4.0f64.ln() + 100.0) / 2.0).abs() < 1e-14);
/// assert_eq!(BceLoss::new().backward(&p, &y)[[0]], (0.25 - 1.0) / (0.25 * 0.75) / 2.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BceLoss {
    reduction: Reduction,
}

impl BceLoss {
    /// The mean binary cross-entropy.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        BceLoss { reduction }
    }
}

/// The larger of the two; NaN stays NaN, which `max` would hide.
fn at_least<T: Real>(least: f64, x: T) -> T {
    let least = T::of(least);
    if x < least { least } else { x }
}

impl<T: Real> Loss<T> for BceLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Threshold(0.5))
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        super::check_values(self, output, target)
    }

    fn terms(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        let (p, y) = (dense(output), checked_values(self, output, target));
        let mut log_yes = vec![T::zero(); p.len()];
        T::ln_slice(values(&p), &mut log_yes);
        let mut log_no: Vec<T> = values(&p).iter().map(|&p| -p).collect();
        ln_1p(&mut log_no);
        let logs = log_yes.iter().zip(&log_no);
        let terms = values(&y).iter().zip(logs).map(|(&y, (&yes, &no))| {
            // −(y·ln p + (1 − y)·ln(1 − p))
            (y - T::one()) * at_least(-100.0, no) - y * at_least(-100.0, yes)
        });
        tensor(p.shape(), terms.collect())
    }

    fn slope(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        super::zip_entries(self, output, target, |p, y| (p - y) / at_least(1e-12, p * (T::one() - p)))
    }

    fn denominator(&self, output: &[usize], _target: &Target<T>) -> T {
        super::entries(output)
    }
}

impl fmt::Display for BceLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BceLoss({:?})", self.reduction)
    }
}
