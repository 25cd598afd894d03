//! Softmax and its logarithm along one axis, each with its true Jacobian.

use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{axis_of, dense, values, values_mut};
use crate::{Error, Real, Result, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Zⱼ = e^(Xⱼ−m) / Σₖ e^(Xₖ−m)**, m = maxₖ Xₖ: numbers to probabilities along the axis `dim`.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X, Z | (n, …); j and k run along `dim` | logits, probabilities |
///
/// Derivative: ∂Zⱼ/∂Xₖ = Zⱼ([j=k] − Zₖ), so **∂L/∂Xₖ = Zₖ(δₖ − Σⱼ δⱼZⱼ)**.
///
/// Source: Bridle, *Probabilistic interpretation of feedforward classification network outputs*, 1990.
/// Panics when X has no axis `dim`. Along the first axis it mixes the samples of a batch: by itself it is that function, in
/// training and prediction it is refused ([`Module::sliced_shape`]).
///
/// ```
/// use limpide::{Tape, layers::Softmax, module::Module, tensor};
/// let z = Softmax::new().forward(&tensor(&[1, 2], vec![0.0, 3.0f64.ln()]), &mut Tape::new());
/// assert!((z[[0, 1]] - 0.75).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Softmax {
    /// The axis, which is not that of the batch, 0; negative counts from the end. −1 by default.
    pub dim: isize,
}

/// **Zⱼ = Xⱼ − m − ln Σₖ e^(Xₖ−m)**, m = maxₖ Xₖ: the logarithm of [`Softmax`] without ever forming a probability of 0.
///
/// Derivative: ∂Zⱼ/∂Xₖ = [j=k] − e^Zₖ, so **∂L/∂Xₖ = δₖ − e^Zₖ Σⱼ δⱼ**.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSoftmax {
    /// The axis, which is not that of the batch, 0; negative counts from the end. −1 by default.
    pub dim: isize,
}

impl Softmax {
    /// Softmax along the last axis.
    pub fn new() -> Self {
        Softmax { dim: -1 }
    }
}

impl LogSoftmax {
    /// Log-softmax along the last axis.
    pub fn new() -> Self {
        LogSoftmax { dim: -1 }
    }
}

impl Default for Softmax {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for LogSoftmax {
    fn default() -> Self {
        Self::new()
    }
}

/// The axis `dim` of a shape, negative from the end.
fn axis(module: &impl fmt::Display, dim: isize, shape: &[usize]) -> Result<usize> {
    axis_of(dim, shape.len()).ok_or_else(|| Error::shape(module, format!("an input with an axis {dim}"), shape))
}

/// The shape of an output whose samples stay apart.
fn sliced(module: &impl fmt::Display, dim: isize, input: &[usize]) -> Result<Vec<usize>> {
    match axis(module, dim, input)? {
        0 => Err(super::mixing(module, input)),
        _ => Ok(input.to_vec()),
    }
}

/// Calls `rows(x, z)` with each line of entries along `axis`; lines that are not contiguous are gathered and scattered.
fn along<T: Real>(x: &Tensor<T>, axis: usize, mut row: impl FnMut(&[T], &mut [T])) -> Tensor<T> {
    let length = x.shape()[axis];
    let inner: usize = x.shape()[axis + 1..].iter().product();
    let mut z = zeros(x.shape());
    if x.is_empty() {
        return z;
    }
    let (from, to) = (values(x), values_mut(&mut z));
    if inner == 1 {
        from.chunks_exact(length).zip(to.chunks_exact_mut(length)).for_each(|(x, z)| row(x, z));
        return z;
    }
    let (mut line, mut result) = (vec![T::zero(); length], vec![T::zero(); length]);
    for start in (0..x.len() / length).map(|k| k / inner * inner * length + k % inner) {
        line.iter_mut().enumerate().for_each(|(j, value)| *value = from[start + j * inner]);
        row(&line, &mut result);
        result.iter().enumerate().for_each(|(j, &value)| to[start + j * inner] = value);
    }
    z
}

/// [`along`] for two tensors of one shape: `row(z, delta, result)`.
fn along_two<T: Real>(z: &Tensor<T>, delta: &Tensor<T>, axis: usize, row: impl Fn(&[T], &[T], &mut [T])) -> Tensor<T> {
    // The lines of delta are gathered in the same order as those of z.
    let mut lines = Vec::with_capacity(delta.len());
    along(&dense(delta), axis, |line, _| lines.extend_from_slice(line));
    let mut next = lines.chunks_exact(z.shape()[axis].max(1));
    along(z, axis, |z, result| row(z, next.next().expect("as many lines in delta as in z"), result))
}

fn maximum<T: Real>(x: &[T]) -> T {
    x.iter().copied().fold(T::neg_infinity(), |m, x| if x > m || x.is_nan() { x } else { m })
}

/// z ← x − max x; Σ eᶻ, with `scratch` left holding eᶻ.
fn shifted<T: Real>(x: &[T], z: &mut [T], scratch: &mut Vec<T>) -> T {
    let m = maximum(x);
    z.iter_mut().zip(x).for_each(|(z, &x)| *z = x - m);
    scratch.resize(x.len(), T::zero());
    T::exp_slice(z, scratch);
    scratch.iter().copied().sum()
}

impl<T: Real> Module<T> for Softmax {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        axis(self, self.dim, input).map(|_| input.to_vec())
    }

    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        sliced(self, self.dim, input)
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        checked_output_shape::<T>(self, input.shape());
        let x = dense(input);
        let axis = axis(self, self.dim, x.shape()).expect("the shape was checked");
        let mut e = Vec::new();
        let z = along(&x, axis, |x, z| {
            let sum = shifted(x, z, &mut e);
            z.iter_mut().zip(&e).for_each(|(z, &e)| *z = e / sum);
        });
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let z = tape.output();
        let axis = axis(self, self.dim, z.shape()).expect("the shape was checked");
        along_two(z, delta, axis, |z, d, result| {
            // Σⱼ δⱼZⱼ, then Zₖ(δₖ − Σ)
            let dot: T = z.iter().zip(d).map(|(&z, &d)| z * d).sum();
            result.iter_mut().zip(z.iter().zip(d)).for_each(|(r, (&z, &d))| *r = z * (d - dot));
        })
    }
}

impl<T: Real> Module<T> for LogSoftmax {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        axis(self, self.dim, input).map(|_| input.to_vec())
    }

    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        sliced(self, self.dim, input)
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        checked_output_shape::<T>(self, input.shape());
        let x = dense(input);
        let axis = axis(self, self.dim, x.shape()).expect("the shape was checked");
        let mut e = Vec::new();
        let z = along(&x, axis, |x, z| {
            let log_sum = shifted(x, z, &mut e).ln();
            z.iter_mut().for_each(|z| *z -= log_sum);
        });
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let z = tape.output();
        let axis = axis(self, self.dim, z.shape()).expect("the shape was checked");
        along_two(z, delta, axis, |z, d, result| {
            // δₖ − e^Zₖ Σⱼ δⱼ
            let sum: T = d.iter().copied().sum();
            T::exp_slice(z, result);
            result.iter_mut().zip(d).for_each(|(r, &d)| *r = d - *r * sum);
        })
    }
}

impl fmt::Display for Softmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Softmax({})", self.dim)
    }
}

impl fmt::Display for LogSoftmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSoftmax({})", self.dim)
    }
}
