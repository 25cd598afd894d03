//! Pooling by the average to a given size, whatever the size of the image.

use super::pair::Pair;
use crate::kernels::sum;
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// **Zᵢⱼ = the average of X over rows ⌊i·h/h′⌋ to ⌈(i + 1)·h/h′⌉ and columns likewise**, in every channel of every image.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, c, h, w) | images of any size |
/// | Z | (n, c, h′, w′) | the `output_size` |
///
/// Derivative: Zᵢⱼ depends on each of the Nᵢⱼ inputs of its window through 1/Nᵢⱼ, so **∂L/∂X = Σ δᵢⱼ/Nᵢⱼ over the windows that
/// see it**. Where h′ does not divide h, windows overlap by a row.
///
/// Source: the windows are PyTorch's; for the average of whole channels see [`GlobalAvgPool2d`].
/// Panics when X is not (n, c, h, w) with a pixel.
///
/// ```
/// use limpide::{Tape, layers::AdaptiveAvgPool2d, module::Module, tensor};
/// let z = AdaptiveAvgPool2d::new([1, 2]).forward(&tensor(&[1, 1, 1, 3], vec![1.0, 3.0, 9.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 1, 2], vec![2.0, 6.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveAvgPool2d {
    /// The sizes.
    pub options: AdaptiveAvgPool2dOptions,
}

/// The option of [`AdaptiveAvgPool2d`], by PyTorch's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAvgPool2dOptions {
    /// Height and width of the output.
    pub output_size: Pair,
}

/// **Z = the average of each channel of each image**: from (n, c, h, w) to (n, c, 1, 1).
///
/// Derivative: **∂L/∂X = δ/(h·w)** for every pixel of the channel.
///
/// Source: Lin, Chen and Yan, *Network in network*, 2014, section 3.2.
/// Panics when X is not (n, c, h, w) with a pixel.
///
/// ```
/// use limpide::{Tape, layers::GlobalAvgPool2d, module::Module, tensor};
/// let z = GlobalAvgPool2d.forward(&tensor(&[1, 2, 1, 2], vec![1.0, 3.0, 9.0, 2.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 2, 1, 1], vec![2.0, 5.5]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GlobalAvgPool2d;

impl AdaptiveAvgPool2d {
    /// A pooling to one size for both axes or `[height, width]`. Panics when one is 0.
    pub fn new(output_size: impl Into<Pair>) -> Self {
        Self::with_options(AdaptiveAvgPool2dOptions { output_size: output_size.into() })
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A pooling from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a size is 0.
    pub fn with_options(options: AdaptiveAvgPool2dOptions) -> Result<Self> {
        if options.output_size.h == 0 || options.output_size.w == 0 {
            return Err(Error::option("AdaptiveAvgPool2d: output_size", "at least 1", options.output_size));
        }
        Ok(AdaptiveAvgPool2d { options })
    }
}

/// The output's shape of a pooling to a size.
fn pooled_shape(layer: &impl fmt::Display, size: Pair, input: &[usize]) -> Result<Vec<usize>> {
    match *input {
        [n, c, h, w] if h > 0 && w > 0 => Ok(vec![n, c, size.h, size.w]),
        _ => Err(Error::shape(layer, "(n, c, h, w) with h ≥ 1 and w ≥ 1", input)),
    }
}

/// The inputs that an output sees along one axis.
fn window(index: usize, outputs: usize, inputs: usize) -> Range<usize> {
    index * inputs / outputs..((index + 1) * inputs).div_ceil(outputs)
}

/// Calls `visit` with every output of a plane: its place, and the rows and columns of its window.
fn each_window(shape: &[usize], size: Pair, mut visit: impl FnMut(usize, Range<usize>, Range<usize>)) {
    for i in 0..size.h {
        for j in 0..size.w {
            visit(i * size.w + j, window(i, size.h, shape[2]), window(j, size.w, shape[3]));
        }
    }
}

fn pool<T: Real>(x: &Tensor<T>, size: Pair, z: &mut Tensor<T>) {
    let shape = x.shape();
    let planes = values(x).chunks_exact(shape[2] * shape[3]);
    for (x, z) in planes.zip(values_mut(z).chunks_exact_mut(size.h * size.w)) {
        each_window(shape, size, |place, rows, columns| {
            let count = T::of((rows.len() * columns.len()) as f64);
            z[place] = rows.map(|row| sum(&x[row * shape[3]..][columns.clone()])).sum::<T>() / count;
        });
    }
}

fn spread<T: Real>(delta: &Tensor<T>, size: Pair, shape: &[usize]) -> Tensor<T> {
    let mut result = zeros(shape);
    let planes = values_mut(&mut result).chunks_exact_mut(shape[2] * shape[3]);
    for (d, x) in values(delta).chunks_exact(size.h * size.w).zip(planes) {
        each_window(shape, size, |place, rows, columns| {
            let share = d[place] / T::of((rows.len() * columns.len()) as f64);
            for row in rows {
                x[row * shape[3]..][columns.clone()].iter_mut().for_each(|x| *x += share);
            }
        });
    }
    result
}

impl<T: Real> Module<T> for AdaptiveAvgPool2d {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        pooled_shape(self, self.options.output_size, input)
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape::<T>(self, input.shape()));
        let x = dense(input);
        pool(&x, self.options.output_size, &mut z);
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        spread(&dense(delta), self.options.output_size, tape.input().shape())
    }
}

impl<T: Real> Module<T> for GlobalAvgPool2d {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        pooled_shape(self, Pair::ones(), input)
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape::<T>(self, input.shape()));
        let x = dense(input);
        pool(&x, Pair::ones(), &mut z);
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        spread(&dense(delta), Pair::ones(), tape.input().shape())
    }
}

impl fmt::Display for AdaptiveAvgPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdaptiveAvgPool2d({})", self.options.output_size)
    }
}

impl fmt::Display for GlobalAvgPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GlobalAvgPool2d")
    }
}
