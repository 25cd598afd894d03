//! Binary cross-entropy on probabilities, the partner of a `Sigmoid` output.

use super::{Loss, Reduction, Takes, ln_1p};
use crate::data::TargetSlice;
use crate::metrics::Decision;
use crate::{Error, Real, Result};
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
/// 100 when wrong, and the mean is over all entries, not over samples. [`Loss::check_output`]
/// errs for a p outside \[0, 1\], and the other methods panic, as they do when y has not the shape of p.
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

    fn takes(&self) -> Takes {
        Takes::YesNoProbabilities
    }

    fn check_output(&self, p: &[T]) -> Result<()> {
        // NaN has another reason, which its own error tells.
        match p.iter().find(|&&p| p < T::zero() || p > T::one()) {
            None => Ok(()),
            Some(p) => {
                let wanted = "a probability, 0 to 1 (end the network with Sigmoid, or use BCEWithLogitsLoss)";
                Err(Error::option(format!("{self}: each output"), wanted, p))
            }
        }
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Threshold(0.5))
    }

    fn measure(&self, p: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let y = target.values();
        assert_eq!(y.len(), p.len(), "target values, one an output entry");
        // ln p and ln(1 − p) wait where their results will stand.
        T::ln_slice(p, terms);
        slope.iter_mut().zip(p).for_each(|(s, &p)| *s = -p);
        ln_1p(slope);
        // PyTorch keeps this constant as an f32, whatever the type of the tensors.
        let least = f64::from(1e-12f32);
        for ((term, s), (&p, &y)) in terms.iter_mut().zip(slope).zip(p.iter().zip(y)) {
            // −(y·ln p + (1 − y)·ln(1 − p))
            *term = (y - T::one()) * at_least(-100.0, *s) - y * at_least(-100.0, *term);
            *s = (p - y) / at_least(least, p * (T::one() - p));
        }
    }
}

impl fmt::Display for BceLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BceLoss({:?})", self.reduction)
    }
}
