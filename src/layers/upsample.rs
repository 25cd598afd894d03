//! Images made larger by a whole factor.

use super::pair::Pair;
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Z = A·X·Bᵀ** in every channel of every image: A and B say how much of which rows and columns of X each row and
/// column of Z takes.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, c, h, w) | images |
/// | A | (h·s, h) | `nearest`: row i is a 1 at ⌊i/s⌋; `bilinear`: 1 − t and t at the rows p and p + 1 around (i + ½)/s − ½ = p + t, which is held within the image |
/// | B | (w·s, w) | the same for columns |
/// | Z | (n, c, h·s, w·s) | s the `scale_factor` |
///
/// Derivative: Z is linear in X, so **∂L/∂X = Aᵀ·δ·B**.
///
/// Source: the rows of A are those of PyTorch with `align_corners` off.
/// Panics when X is not (n, c, h, w).
///
/// ```
/// use limpide::{Tape, layers::{Upsample, Upsampling}, module::Module, tensor};
/// let x = tensor(&[1, 1, 1, 2], vec![0.0, 4.0]);
/// let z = Upsample::new([1, 2]).forward(&x, &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 1, 4], vec![0.0, 0.0, 4.0, 4.0]));
/// let z = Upsample::new([1, 2]).mode(Upsampling::Bilinear).forward(&x, &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 1, 4], vec![0.0, 1.0, 3.0, 4.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Upsample {
    /// The factor, and how it is filled in.
    pub options: UpsampleOptions,
}

/// The options of [`Upsample`], by PyTorch's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpsampleOptions {
    /// How many times as high and as wide.
    pub scale_factor: Pair,
    /// What lies between the pixels.
    #[serde(default)]
    pub mode: Upsampling,
}

/// What an [`Upsample`] puts between the pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upsampling {
    /// The nearest pixel.
    #[default]
    Nearest,
    /// A line from one pixel to the next, along rows and columns.
    Bilinear,
}

/// An entry of a row of A: two inputs and their parts.
pub(crate) type Mix<T> = [(usize, T); 2];

impl Upsample {
    /// Larger by one factor or by `[down, across]`, with the nearest pixel between. Panics when one is 0.
    pub fn new(scale_factor: impl Into<Pair>) -> Self {
        Self::with_options(UpsampleOptions { scale_factor: scale_factor.into(), mode: Upsampling::Nearest })
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a factor is 0 or beyond 1024.
    pub fn with_options(options: UpsampleOptions) -> Result<Self> {
        let Pair { h, w } = options.scale_factor;
        if [h, w].iter().any(|factor| !(1..=1024).contains(factor)) {
            let found = options.scale_factor;
            return Err(Error::option("Upsample: scale_factor", "whole numbers from 1 to 1024", found));
        }
        Ok(Upsample { options })
    }

    /// The same with something else between the pixels.
    pub fn mode(mut self, mode: Upsampling) -> Self {
        self.options.mode = mode;
        self
    }

    /// The rows of A for an axis of `inputs` pixels.
    fn mixes<T: Real>(&self, inputs: usize, factor: usize) -> Vec<Mix<T>> {
        let mix = |output: usize| match self.options.mode {
            Upsampling::Nearest => [(output / factor, T::one()), (output / factor, T::zero())],
            Upsampling::Bilinear => {
                let place = ((output as f64 + 0.5) / factor as f64 - 0.5).max(0.0);
                let first = (place as usize).min(inputs - 1);
                let part = T::of(place - first as f64);
                [(first, T::one() - part), ((first + 1).min(inputs - 1), part)]
            }
        };
        (0..inputs * factor).map(mix).collect()
    }

    /// The rows of A and of B for images of a shape.
    pub(crate) fn matrices<T: Real>(&self, shape: &[usize]) -> [Vec<Mix<T>>; 2] {
        let Pair { h: down, w: across } = self.options.scale_factor;
        [self.mixes(shape[2], down), self.mixes(shape[3], across)]
    }
}

/// Calls `visit` with the input pixel, the output pixel and its part, for every entry of A and B that is not 0. Input rows
/// have `width` pixels.
fn each_part<T: Real>([a, b]: &[Vec<Mix<T>>; 2], width: usize, mut visit: impl FnMut(usize, usize, T)) {
    let not_zero = |(_, part): &&(usize, T)| *part != T::zero();
    for (i, rows) in a.iter().enumerate() {
        for &(row, of_row) in rows.iter().filter(not_zero) {
            for (j, columns) in b.iter().enumerate() {
                for &(column, of_column) in columns.iter().filter(not_zero) {
                    visit(row * width + column, i * b.len() + j, of_row * of_column);
                }
            }
        }
    }
}

impl<T: Real> Module<T> for Upsample {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let Pair { h: down, w: across } = self.options.scale_factor;
        match *input {
            [n, c, h, w] => Ok(vec![n, c, h * down, w * across]),
            _ => Err(Error::shape(self, "(n, c, h, w)", input)),
        }
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape::<T>(self, input.shape()));
        let x = dense(input);
        let (inputs, outputs) = planes(&x, &z);
        let (matrices, width) = (self.matrices::<T>(x.shape()), x.shape()[3]);
        for (x, z) in values(&x).chunks_exact(inputs).zip(values_mut(&mut z).chunks_exact_mut(outputs)) {
            each_part(&matrices, width, |from, to, part| z[to] += part * x[from]);
        }
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (mut result, delta) = (zeros(tape.input().shape()), dense(delta));
        let (inputs, outputs) = planes(&result, &delta);
        let (matrices, width) = (self.matrices::<T>(result.shape()), result.shape()[3]);
        let images = values_mut(&mut result).chunks_exact_mut(inputs);
        for (x, d) in images.zip(values(&delta).chunks_exact(outputs)) {
            each_part(&matrices, width, |from, to, part| x[from] += part * d[to]);
        }
        result
    }
}

/// Pixels of a plane of each of two batches of images; 1 where there are none.
fn planes<T>(x: &Tensor<T>, z: &Tensor<T>) -> (usize, usize) {
    let pixels = |shape: &[usize]| (shape[2] * shape[3]).max(1);
    (pixels(x.shape()), pixels(z.shape()))
}

impl fmt::Display for Upsample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upsample({})", self.options.scale_factor)?;
        match self.options.mode {
            Upsampling::Nearest => Ok(()),
            Upsampling::Bilinear => write!(f, ".mode(Upsampling::Bilinear)"),
        }
    }
}
