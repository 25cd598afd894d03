//! The normalisations: numbers brought to mean 0 and variance 1, over the batch or within a sample.

mod batch;
mod rows;
mod within;

pub use batch::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNormOptions};
pub(crate) use batch::{Channel, Slope};
pub use within::{GroupNorm, GroupNormOptions, LayerNorm, LayerNormOptions};

use crate::kernels::{level, sum, totals};
use crate::{Error, Real, Result, Tensor, zeros};
use std::fmt;

/// Mean and biased variance of all entries of some slices, in two passes: E[x²] − E[x]² would lose every digit where the mean is
/// large. 0 and 0 of no entries.
pub(crate) fn mean_and_variance<'a, T: Real>(slices: impl Iterator<Item = &'a [T]> + Clone, count: usize) -> (T, T) {
    let (level, average) = (level(), |total: f64| total / count.max(1) as f64);
    // The sums of the slices are added in f64, so that many slices round no worse than one.
    let mean = T::of(average(slices.clone().map(|x| Real::to_f64(sum(x))).sum()));
    let squares = |x: &[T]| Real::to_f64(totals(level, [x], |[x]| [(x - mean) * (x - mean)])[0]);
    (mean, T::of(average(slices.map(squares).sum())))
}

/// 1/√(variance + ε).
fn inverse_deviation<T: Real>(variance: T, eps: f64) -> T {
    T::one() / (variance + T::of(eps)).sqrt()
}

/// Ones and zeros: the weight and bias of a normalisation at the start.
fn affine<T: Real>(wanted: bool, shape: &[usize]) -> (Option<Tensor<T>>, Option<Tensor<T>>) {
    (wanted.then(|| Tensor::ones(shape)), wanted.then(|| zeros(shape)))
}

/// γ and β by their names, when they are there.
fn named<'a, T>(weight: &'a Option<Tensor<T>>, bias: &'a Option<Tensor<T>>) -> Vec<(String, &'a Tensor<T>)> {
    let named = [("weight", weight), ("bias", bias)];
    named.into_iter().filter_map(|(name, value)| Some((name.to_string(), value.as_ref()?))).collect()
}

/// Writes the builder's calls for what is not the default.
fn write_changes(f: &mut fmt::Formatter<'_>, eps: f64, affine: bool) -> fmt::Result {
    if eps != hundred_thousandth() {
        write!(f, ".eps({eps})")?;
    }
    if affine { Ok(()) } else { write!(f, ".without_affine()") }
}

/// Serde's default for ε.
fn hundred_thousandth() -> f64 {
    1e-5
}

/// ε is what keeps the division finite.
fn check_eps(layer: &str, eps: f64) -> Result<()> {
    if eps.is_finite() && eps >= 0.0 {
        return Ok(());
    }
    Err(Error::option(format!("{layer}: eps"), "a finite number, 0 or more", eps))
}

#[cfg(test)]
mod tests;
