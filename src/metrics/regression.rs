//! How far values are from their targets. Everything is summed in f64.

use crate::Tensor;
use crate::tensor::{Real, dense, values};

/// **Σ (ŷ − y)² / N** over all N entries. NaN without entries.
///
/// Panics when the shapes differ.
pub fn mean_squared_error<T: Real>(output: &Tensor<T>, target: &Tensor<T>) -> f64 {
    mean(output, target, |d| d * d)
}

/// **Σ |ŷ − y| / N** over all N entries. NaN without entries.
///
/// Panics when the shapes differ.
pub fn mean_absolute_error<T: Real>(output: &Tensor<T>, target: &Tensor<T>) -> f64 {
    mean(output, target, f64::abs)
}

/// The coefficient of determination, **R² = 1 − Σ(ŷ − y)² / Σ(y − ȳ)²**, the mean over the columns of (n, …).
///
/// 1 is perfect, 0 as good as always answering the mean, below 0 worse. As in scikit-learn a column whose target is constant
/// has 1 when it is met exactly and else 0. NaN without entries. Panics when the shapes differ.
///
/// ```
/// use limpide::{metrics::{mean_absolute_error, mean_squared_error, r2}, tensor};
/// let (output, target) = (tensor(&[3, 1], vec![1.0, 2.0, 5.0]), tensor(&[3, 1], vec![1.0, 2.0, 3.0]));
/// assert_eq!(r2(&output, &target), 1.0 - 4.0 / 2.0);
/// assert_eq!(mean_squared_error(&output, &target), 4.0 / 3.0);
/// assert_eq!(mean_absolute_error(&output, &target), 2.0 / 3.0);
/// ```
pub fn r2<T: Real>(output: &Tensor<T>, target: &Tensor<T>) -> f64 {
    let (output, target) = checked(output, target);
    let samples = target.shape().first().copied().unwrap_or(0);
    let columns = target.len() / samples.max(1);
    let column = |x: &Tensor<T>, at: usize| -> Vec<f64> {
        values(x).iter().skip(at).step_by(columns).map(|&x| x.to_f64()).collect()
    };
    let of_column = |at: usize| {
        let (z, y) = (column(&output, at), column(&target, at));
        let mean = y.iter().sum::<f64>() / samples as f64;
        let left: f64 = z.iter().zip(&y).map(|(z, y)| (z - y) * (z - y)).sum();
        let all: f64 = y.iter().map(|y| (y - mean) * (y - mean)).sum();
        match (left == 0.0, all == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => 1.0 - left / all,
        }
    };
    (0..columns).map(of_column).sum::<f64>() / columns as f64
}

fn mean<T: Real>(output: &Tensor<T>, target: &Tensor<T>, f: impl Fn(f64) -> f64) -> f64 {
    let (output, target) = checked(output, target);
    let errors = values(&output).iter().zip(values(&target)).map(|(&z, &y)| f(z.to_f64() - y.to_f64()));
    errors.sum::<f64>() / target.len() as f64
}

fn checked<T: Real>(output: &Tensor<T>, target: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
    assert_eq!(output.shape(), target.shape(), "shapes of output and target");
    (dense(output), dense(target))
}
