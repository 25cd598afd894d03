//! The Kullback–Leibler divergence between two distributions.

use super::{Loss, Reduction};
use crate::Real;
use crate::data::TargetSlice;
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = yᵢ(ln yᵢ − xᵢ)** for every entry: summed over a distribution, KL(y ‖ eˣ) = Σ y ln(y / eˣ).
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | any | output: logarithms of probabilities, from a `LogSoftmax` |
/// | y | the same | target probabilities; with `log_target` their logarithms ℓ, and then Lᵢ = e^ℓ(ℓ − x) |
///
/// Derivative: **∂Lᵢ/∂xᵢ = −yᵢ**. An entry with y = 0 adds nothing: 0·ln 0 = 0.
///
/// As in PyTorch the mean is over all entries, which is not the divergence; [`KlReduction::BatchMean`] divides by the number
/// of samples and is. Unlike there, y = 0 adds nothing even where x = −∞. The order of the arguments is that of the losses,
/// the reverse of the mathematical notation. Panics when y has not the shape of x.
///
/// ```
/// use limpide::{data::Target, loss::{KlDivLoss, KlReduction, Loss}, tensor};
/// // y = (1, 0) against p = (1/4, 3/4): ln 4
/// let x = tensor(&[1, 2], vec![0.25f64.ln(), 0.75f64.ln()]);
/// let y = Target::Values(tensor(&[1, 2], vec![1.0, 0.0]));
/// let loss = KlDivLoss::new().reduction(KlReduction::BatchMean);
/// assert!((loss.forward(&x, &y).sum() - 4.0f64.ln()).abs() < 1e-15);
/// assert_eq!(loss.backward(&x, &y), tensor(&[1, 2], vec![-1.0, 0.0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KlDivLoss {
    reduction: KlReduction,
    log_target: bool,
}

/// How the terms of [`KlDivLoss`] become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KlReduction {
    /// Σ terms / the number of entries, PyTorch's default.
    #[default]
    Mean,
    /// Σ terms / the number of samples: the mean divergence.
    BatchMean,
    /// Σ terms.
    Sum,
    /// The terms themselves.
    None,
}

impl KlDivLoss {
    /// The mean over all entries of targets that are probabilities.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: KlReduction) -> Self {
        KlDivLoss { reduction, ..self }
    }

    /// Whether the targets are logarithms of probabilities.
    pub fn log_target(self, yes: bool) -> Self {
        KlDivLoss { log_target: yes, ..self }
    }
}

impl<T: Real> Loss<T> for KlDivLoss {
    fn reduction(&self) -> Reduction {
        match self.reduction {
            KlReduction::Mean | KlReduction::BatchMean => Reduction::Mean,
            KlReduction::Sum => Reduction::Sum,
            KlReduction::None => Reduction::None,
        }
    }

    fn takes(&self) -> super::Takes {
        super::Takes::LogProbabilities
    }

    fn measure(&self, x: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        // e^ℓ or ln y waits where the slope will stand.
        let function = if self.log_target { T::exp_slice } else { T::ln_slice };
        function(target.values(), slope);
        for ((term, s), (&x, &target)) in terms.iter_mut().zip(slope).zip(x.iter().zip(target.values())) {
            let (y, log_y) = if self.log_target { (*s, target) } else { (target, *s) };
            (*term, *s) = if y == T::zero() { (T::zero(), T::zero()) } else { (y * (log_y - x), -y) };
        }
    }

    fn slice_denominator(&self, shape: &[usize], _: TargetSlice<'_, T>) -> T {
        match self.reduction {
            KlReduction::BatchMean => super::entries(&shape[..1]),
            _ => super::entries(shape),
        }
    }
}

impl fmt::Display for KlDivLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KlDivLoss({:?})", self.reduction)?;
        if self.log_target {
            write!(f, ".log_target(true)")?;
        }
        Ok(())
    }
}
