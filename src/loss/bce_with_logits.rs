//! Binary cross-entropy on logits, fused with the sigmoid so that neither can overflow.

use super::{Loss, Reduction, check_weights, checked_values, ln_1p};
use crate::data::Target;
use crate::metrics::Decision;
use crate::tensor::{dense, shape_text, values};
use crate::{Error, Real, Result, Tensor, tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = w·yᵢ·s(−xᵢ) + (1 − yᵢ)·s(xᵢ), s(x) = ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)**, for every entry.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | x | any | logits of a yes |
/// | y | the same | 1 for yes, 0 for no, or a share between them |
/// | w | one number, or one for each place of the last axis | `pos_weight`: what a yes counts, 1 unless given |
///
/// With σ the sigmoid, s(−x) = −ln σ(x) and s(x) = −ln(1 − σ(x)): this is [`super::BceLoss`] after a sigmoid, without a clamp.
/// Derivative: s′ = σ, so **∂Lᵢ/∂xᵢ = (1 − yᵢ)·σ(xᵢ) − w·yᵢ·σ(−xᵢ)**, which is σ(x) − y for w = 1.
///
/// As in PyTorch the mean is over all entries, whatever w, and a list of weights runs along the last axis.
/// [`Loss::check`] errs, and the other methods panic, when y has not the shape of x, the number of weights is neither 1 nor the
/// length of the last axis, or a weight is negative.
///
/// ```
/// use limpide::{data::Target, loss::{BceWithLogitsLoss, Loss}, tensor};
/// // σ(ln 3) = 3/4
/// let (x, y) = (tensor(&[2], vec![3.0f64.ln(), 1e4]), Target::Values(tensor(&[2], vec![1.0, 0.0])));
/// let loss = BceWithLogitsLoss::new();
/// assert!((loss.forward(&x, &y).sum() - ((4.0f64 / 3.0).ln() + 1e4) / 2.0).abs() < 1e-12);
/// assert!((loss.backward(&x, &y)[[0]] - (0.75 - 1.0) / 2.0).abs() < 1e-15);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BceWithLogitsLoss {
    reduction: Reduction,
    #[serde(skip_serializing_if = "Option::is_none")]
    pos_weight: Option<Vec<f64>>,
}

impl BceWithLogitsLoss {
    /// The mean binary cross-entropy; yes and no count the same.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction.
    pub fn reduction(self, reduction: Reduction) -> Self {
        BceWithLogitsLoss { reduction, ..self }
    }

    /// The same where a yes counts more or less than a no: one number, or one for each place of the last axis.
    pub fn pos_weight(self, weight: &[f64]) -> Self {
        BceWithLogitsLoss { pos_weight: Some(weight.to_vec()), ..self }
    }

    /// w of the entry `at`.
    fn weight<T: Real>(&self, at: usize) -> T {
        self.pos_weight.as_ref().map_or(T::one(), |weight| T::of(weight[at % weight.len()]))
    }
}

/// e^−|x| for every entry.
fn exp_minus_abs<T: Real>(x: &Tensor<T>) -> Vec<T> {
    let minus_abs: Vec<T> = values(x).iter().map(|x| -x.abs()).collect();
    let mut e = vec![T::zero(); x.len()];
    T::exp_slice(&minus_abs, &mut e);
    e
}

impl<T: Real> Loss<T> for BceWithLogitsLoss {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Threshold(0.0))
    }

    fn check_options(&self) -> Result<()> {
        check_weights(self, "pos_weight", self.pos_weight.as_deref().unwrap_or_default())
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        Loss::<T>::check_options(self)?;
        super::check_values(self, output, target)?;
        match &self.pos_weight {
            Some(weight) if weight.len() != 1 && output.last() != Some(&weight.len()) => {
                let wanted = format!("1 number, or one for each place of the last axis of {}", shape_text(output));
                Err(Error::option(format!("{self}: pos_weight"), wanted, weight.len()))
            }
            _ => Ok(()),
        }
    }

    fn terms(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        let (x, y) = (dense(output), checked_values(self, output, target));
        let mut log = exp_minus_abs(&x);
        ln_1p(&mut log);
        let entries = values(&x).iter().zip(values(&y)).zip(&log).enumerate();
        let terms = entries.map(|(at, ((&x, &y), &log))| {
            // w·y·s(−x) + (1 − y)·s(x): no difference of large numbers
            self.weight::<T>(at) * y * ((-x).max(T::zero()) + log) + (T::one() - y) * (x.max(T::zero()) + log)
        });
        tensor(x.shape(), terms.collect())
    }

    fn slope(&self, output: &Tensor<T>, target: &Target<T>) -> Tensor<T> {
        let (x, y) = (dense(output), checked_values(self, output, target));
        let e = exp_minus_abs(&x);
        let entries = values(&x).iter().zip(values(&y)).zip(&e).enumerate();
        let slopes = entries.map(|(at, ((&x, &y), &e))| {
            // σ(|x|) and σ(−|x|), to be swapped for x < 0
            let (large, small) = (T::one() / (T::one() + e), e / (T::one() + e));
            let (yes, no) = if x < T::zero() { (small, large) } else { (large, small) };
            (T::one() - y) * yes - self.weight::<T>(at) * y * no
        });
        tensor(x.shape(), slopes.collect())
    }

    fn denominator(&self, output: &[usize], _target: &Target<T>) -> T {
        super::entries(output)
    }
}

impl fmt::Display for BceWithLogitsLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BceWithLogitsLoss({:?})", self.reduction)?;
        match &self.pos_weight {
            Some(weight) => write!(f, ".pos_weight(&{weight:?})"),
            None => Ok(()),
        }
    }
}
