//! Binary cross-entropy on logits, fused with the sigmoid so that neither can overflow.

use super::{Loss, Reduction, Takes, check_weights, ln_1p};
use crate::data::{Target, TargetSlice};
use crate::metrics::Decision;
use crate::tensor::shape_text;
use crate::{Error, Real, Result};
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

impl<T: Real> Loss<T> for BceWithLogitsLoss {
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

    fn measure(&self, x: &[T], _: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let y = target.values();
        assert_eq!(y.len(), x.len(), "target values, one an output entry");
        // e^−|x| and its ln(1 + …) wait where their results will stand.
        terms.iter_mut().zip(x).for_each(|(term, &x)| *term = -x.abs());
        T::exp_slice(terms, slope);
        terms.copy_from_slice(slope);
        ln_1p(terms);
        let entries = terms.iter_mut().zip(slope).zip(x.iter().zip(y)).enumerate();
        for (at, ((term, s), (&x, &y))) in entries {
            let (w, log, e) = (self.weight::<T>(at), *term, *s);
            // w·y·s(−x) + (1 − y)·s(x): no difference of large numbers
            *term = w * y * ((-x).max(T::zero()) + log) + (T::one() - y) * (x.max(T::zero()) + log);
            // σ(|x|) and σ(−|x|), to be swapped for x < 0
            let (large, small) = (T::one() / (T::one() + e), e / (T::one() + e));
            let (yes, no) = if x < T::zero() { (small, large) } else { (large, small) };
            *s = (T::one() - y) * yes - w * y * no;
        }
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
