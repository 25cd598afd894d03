//! Binary cross-entropy on logits that looks away from what is already right.

use super::{BLOCK, Loss, Reduction, Takes, check_number, ln_1p};
use crate::data::TargetSlice;
use crate::metrics::Decision;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = α·yᵢ·(1−p)^γ·s(−xᵢ) + (1−α)·(1−yᵢ)·p^γ·s(xᵢ)**, p = σ(x), s(x) = ln(1 + eˣ), for every entry.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | any | logits of a yes |
/// | y | the same | 1 for yes, 0 for no, or a share between them |
/// | α | | what a yes counts, 0.25 unless given; −1 leaves both factors α and 1−α out |
/// | γ | | how little an easy entry counts, 2 unless given |
///
/// Derivative: with s(−x) = −ln p, s(x) = −ln(1−p) and p′ = p(1−p),
/// **∂Lᵢ/∂xᵢ = −α·y·(1−p)^γ·(1 − p + γ·p·s(−x)) + (1−α)·(1−y)·p^γ·(p + γ·(1−p)·s(x))**.
///
/// Source: Lin et al., *Focal loss for dense object detection*, 2017, equation 5, with torchvision's name and defaults (except
/// that its reduction is `none`). The mean is over all entries, where the paper divides by the number of yeses. For a share
/// strictly between 0 and 1 this is the mixture of the two terms, where torchvision mixes p and α instead. [`Loss::check`] errs,
/// and the other methods panic, when y has not the shape of x, α is neither in \[0, 1\] nor −1, or γ is negative.
///
/// ```
/// use limpide::{data::Target, loss::{Loss, SigmoidFocalLoss}, tensor};
/// // p = 3/4: a yes costs (1/4)·(1/4)²·ln(4/3)
/// let (x, y) = (tensor(&[1], vec![3.0f64.ln()]), Target::Values(tensor(&[1], vec![1.0])));
/// let log = (4.0f64 / 3.0).ln();
/// assert!((SigmoidFocalLoss::new().forward(&x, &y).sum() - log / 64.0).abs() < 1e-15);
/// assert!((SigmoidFocalLoss::new().backward(&x, &y)[[0]] + (0.25 + 2.0 * 0.75 * log) / 64.0).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigmoidFocalLoss {
    reduction: Reduction,
    alpha: f64,
    gamma: f64,
}

impl Default for SigmoidFocalLoss {
    fn default() -> Self {
        SigmoidFocalLoss { reduction: Reduction::Mean, alpha: 0.25, gamma: 2.0 }
    }
}

impl SigmoidFocalLoss {
    /// The mean, with α = 0.25 and γ = 2.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        SigmoidFocalLoss { reduction, ..self }
    }

    /// The same with another α; −1 for none.
    pub fn alpha(self, alpha: f64) -> Self {
        SigmoidFocalLoss { alpha, ..self }
    }

    /// The same with another γ.
    pub fn gamma(self, gamma: f64) -> Self {
        SigmoidFocalLoss { gamma, ..self }
    }
}

impl<T: Real> Loss<T> for SigmoidFocalLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn takes(&self) -> Takes {
        Takes::YesNoLogits
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Threshold(0.0))
    }

    fn check_options(&self) -> Result<()> {
        let fits = (0.0..=1.0).contains(&self.alpha) || self.alpha == -1.0;
        check_number(self, "alpha", self.alpha, "from 0 to 1, or -1 for none", fits)?;
        check_number(self, "gamma", self.gamma, "finite and at least 0", self.gamma >= 0.0)
    }

    fn measure(&self, x: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (one, gamma) = (T::one(), T::of(self.gamma));
        let (yes, no) = if self.alpha < 0.0 { (one, one) } else { (T::of(self.alpha), T::of(1.0 - self.alpha)) };
        let [mut p, mut not_p, mut softplus, mut work] = [[T::zero(); BLOCK]; 4];
        let blocks = x.chunks(BLOCK).zip(target.values().chunks(BLOCK));
        for ((x, y), (terms, slope)) in blocks.zip(terms.chunks_mut(BLOCK).zip(slope.chunks_mut(BLOCK))) {
            let n = x.len();
            let [p, not_p, softplus, work] =
                [&mut p, &mut not_p, &mut softplus, &mut work].map(|array| &mut array[..n]);
            T::sigmoid_slice(x, p);
            work.iter_mut().zip(x).for_each(|(w, &x)| *w = -x);
            T::sigmoid_slice(work, not_p);
            // ln(1 + e^−|x|), the part that s(x) and s(−x) have in common
            work.iter_mut().zip(x).for_each(|(w, &x)| *w = -x.abs());
            T::exp_slice(work, softplus);
            ln_1p(softplus);
            for i in 0..n {
                let (right, wrong) = ((-x[i]).max(T::zero()) + softplus[i], x[i].max(T::zero()) + softplus[i]);
                let (missed, alarmed) = (not_p[i].powf(gamma), p[i].powf(gamma));
                let (q_yes, q_no) = (yes * y[i], no * (one - y[i]));
                terms[i] = q_yes * missed * right + q_no * alarmed * wrong;
                slope[i] = q_no * alarmed * (p[i] + gamma * not_p[i] * wrong)
                    - q_yes * missed * (not_p[i] + gamma * p[i] * right);
            }
        }
    }
}

impl fmt::Display for SigmoidFocalLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigmoidFocalLoss({:?})", self.reduction)?;
        if self.alpha != 0.25 {
            write!(f, ".alpha({})", self.alpha)?;
        }
        if self.gamma != 2.0 {
            write!(f, ".gamma({})", self.gamma)?;
        }
        Ok(())
    }
}
