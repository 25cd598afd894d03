//! Cross-entropy on probabilities, the partner of a `Softmax` output.

use super::classes::{ClassRule, in_rows};
use super::{Loss, Reduction, Takes, in_place};
use crate::data::{IGNORE_INDEX, Target, TargetSlice};
use crate::metrics::Decision;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Lᵢ = −Σ_c y_c·ln max(p_c, τ)** for every sample i, where τ is the smallest normal number of the scalar type.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | p | (n, C) or (n, C, d…) | probabilities; c runs along axis 1 |
/// | y | (n,) or (n, d…); or the shape of p | class numbers, meant as y_c = 1 for the class and 0 for the others; or a share for each class |
///
/// Derivative: **∂Lᵢ/∂p_c = −y_c / max(p_c, τ)**. Through the Jacobian of `Softmax` this becomes
/// pₖ(−yₖ/pₖ + Σ_c y_c) = pₖ·Σ_c y_c − yₖ, the slope of [`super::CrossEntropyLoss`].
///
/// Libraries disagree on the clamp: Keras raises every probability to 10⁻⁷, which stops a network from learning on the
/// samples that it gets most wrong. Here τ is 1.2·10⁻³⁸ in f32 and 2.2·10⁻³⁰⁸ in f64, so p = 0 costs 87 or 708 and the two
/// pairings agree for every p ≥ τ. Where `Softmax` has rounded p to 0 the logits get no gradient through
/// it: prefer [`super::CrossEntropyLoss`] on the logits. The mean divides by the number of terms (n·d…), a class number of
/// −100 not counted.
///
/// [`Loss::check`] errs, and the other methods panic, when shapes differ or a class number is neither in 0..C nor −100.
///
/// ```
/// use limpide::{data::Target, loss::{CrossEntropyOnProbabilities, Loss}, tensor};
/// let (p, y) = (tensor(&[2, 2], vec![0.25, 0.75, 1.0, 0.0]), Target::classes(vec![0, 0]));
/// let loss = CrossEntropyOnProbabilities::new();
/// assert!((loss.forward(&p, &y).sum() - 4.0f64.ln() / 2.0).abs() < 1e-15);
/// assert_eq!(loss.backward(&p, &y), tensor(&[2, 2], vec![-4.0 / 2.0, 0.0, -1.0 / 2.0, 0.0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropyOnProbabilities {
    reduction: Reduction,
}

impl CrossEntropyOnProbabilities {
    /// The mean cross-entropy.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another reduction; `Sum` is the report's.
    pub fn reduction(self, reduction: Reduction) -> Self {
        CrossEntropyOnProbabilities { reduction }
    }
}

impl<T: Real> Loss<T> for CrossEntropyOnProbabilities {
    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn takes(&self) -> Takes {
        Takes::Probabilities
    }

    fn decision(&self) -> Option<Decision> {
        Some(Decision::Argmax)
    }

    fn check(&self, output: &[usize], target: &Target<T>) -> Result<()> {
        ClassRule::default().check(self, output, target)
    }

    fn over_classes(&self) -> bool {
        true
    }

    fn ignored_class(&self) -> Option<i64> {
        Some(IGNORE_INDEX)
    }

    fn measure(&self, p: &[T], shape: &[usize], target: TargetSlice<'_, T>, terms: &mut [T], slope: &mut [T]) {
        let (tau, classes) = (T::min_positive_value(), shape[1]);
        // Written so that NaN stays NaN, which `max` would hide.
        let clamped = |p: T| if p < tau { tau } else { p };
        in_rows(p, shape, target, slope, |p, target, slope| {
            slope.iter_mut().zip(p).for_each(|(s, &p)| *s = clamped(p));
            in_place(T::ln_slice, slope);
            for (row, (term, slope)) in terms.iter_mut().zip(slope.chunks_exact_mut(classes)).enumerate() {
                *term = T::zero();
                ClassRule::default().each(classes, target, row, |class, q| *term -= q * slope[class]);
                slope.fill(T::zero());
                ClassRule::default().each(classes, target, row, |class, q| {
                    slope[class] = -q * (T::one() / clamped(p[row * classes + class]));
                });
            }
        });
    }

    fn slice_denominator(&self, shape: &[usize], target: TargetSlice<'_, T>) -> T {
        ClassRule::default().denominator(shape, target)
    }
}

impl fmt::Display for CrossEntropyOnProbabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrossEntropyOnProbabilities({:?})", self.reduction)
    }
}
