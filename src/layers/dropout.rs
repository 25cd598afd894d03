//! Training with units left out at random: single entries, or whole channels.

use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Z = X·M / (1 − p) in training, Z = X in evaluation**: each entry is left out with probability p, and the others are
/// raised, so that the mean of Z is X.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X, Z | any, samples first | input, output |
/// | M | that of X | `mask` on the tape: 1 where an entry is kept, else 0 |
///
/// Derivative: **∂L/∂X = δ·M / (1 − p)**, or δ.
///
/// The mask is a function of seed, epoch, step, the layer's place and the sample's place in the batch ([`Tape::random`]): the same for
/// any number of threads. A loop of one's own calls [`Tape::set_random`] before every pass, or the same entries are left out
/// in every step.
///
/// Source: Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, 2014, section 4; raised
/// in training rather than lowered in evaluation, as everywhere today.
/// Panics never; p out of range is refused when the layer is made.
///
/// ```
/// use limpide::{Tape, layers::Dropout, module::Module, tensor};
/// let (layer, x) = (Dropout::new(0.75), tensor(&[1, 8], vec![2.0; 8]));
/// let z = layer.forward(&x, &mut Tape::new());
/// assert!(z.iter().all(|&z| z == 0.0 || z == 8.0));
/// assert_eq!(layer.forward(&x, &mut Tape::off()), x);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    /// The probability.
    pub options: DropoutOptions,
}

/// [`Dropout`] of whole channels: **one entry of M for all of X[n, c, :, :]**, since the pixels of a channel tell much the same.
///
/// X is (n, c, h, w), the `mask` on the tape (n, c, 1, 1).
///
/// Source: Tompson et al., *Efficient object localization using convolutional networks*, 2015, section 3.2.
/// Panics when X is not (n, c, h, w).
///
/// ```
/// use limpide::{Tape, layers::Dropout2d, module::Module, tensor};
/// let z = Dropout2d::new(0.5).forward(&tensor(&[1, 1, 1, 2], vec![3.0, 4.0]), &mut Tape::new());
/// assert!([tensor(&[1, 1, 1, 2], vec![6.0, 8.0]), tensor(&[1, 1, 1, 2], vec![0.0, 0.0])].contains(&z));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout2d {
    /// The probability.
    pub options: DropoutOptions,
}

/// The option of [`Dropout`] and [`Dropout2d`], by PyTorch's name and with its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DropoutOptions {
    /// The probability of being left out, from 0 to 1; 0.5 by default.
    pub p: f64,
}

impl Default for DropoutOptions {
    fn default() -> Self {
        DropoutOptions { p: 0.5 }
    }
}

impl DropoutOptions {
    fn checked(self, layer: &str) -> Result<Self> {
        if (0.0..=1.0).contains(&self.p) {
            return Ok(self);
        }
        Err(Error::option(format!("{layer}: p"), "a probability, from 0 to 1", self.p))
    }

    /// A mask with units of each sample kept or not.
    fn draw<T: Real>(&self, shape: &[usize], tape: &Tape<T>) -> Tensor<T> {
        let mut mask = zeros(shape);
        let units = mask.len() / shape.first().copied().unwrap_or(1).max(1);
        if units == 0 {
            return mask;
        }
        // Of 2³² values of a draw, p·2³² leave the unit out.
        let least = (self.p * (1u64 << 32) as f64).round() as u64;
        let mut draws = vec![0; units];
        for (sample, mask) in values_mut(&mut mask).chunks_exact_mut(units).enumerate() {
            tape.random(sample).fill_u32(&mut draws);
            for (m, &draw) in mask.iter_mut().zip(&draws) {
                *m = if u64::from(draw) >= least { T::one() } else { T::zero() };
            }
        }
        mask
    }

    /// x·m / (1 − p), one entry of the mask for as many entries of x as it has more.
    fn masked<T: Real>(&self, x: &Tensor<T>, mask: &Tensor<T>) -> Tensor<T> {
        let scale = if self.p < 1.0 { T::of(1.0 / (1.0 - self.p)) } else { T::zero() };
        let mut z = zeros(x.shape());
        let run = x.len() / mask.len().max(1);
        let (x, to, mask) = (values(x), values_mut(&mut z), values(mask));
        match run {
            0 => {}
            1 => to.iter_mut().zip(x).zip(mask).for_each(|((z, &x), &m)| *z = x * (m * scale)),
            _ => {
                for ((z, x), &m) in to.chunks_exact_mut(run).zip(x.chunks_exact(run)).zip(mask) {
                    z.iter_mut().zip(x).for_each(|(z, &x)| *z = x * (m * scale));
                }
            }
        }
        z
    }

    fn forward<T: Real>(&self, input: &Tensor<T>, mask_shape: &[usize], tape: &mut Tape<T>) -> Tensor<T> {
        if !tape.is_training() {
            return tape.record(input, input.clone());
        }
        let mask = self.draw(mask_shape, tape);
        self.forward_masked(input, mask, tape)
    }

    fn forward_masked<T: Real>(&self, input: &Tensor<T>, mask: Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let x = dense(input);
        let z = self.masked(&x, &mask);
        tape.keep("mask", mask);
        tape.record(&x, z)
    }

    fn backward_delta<T: Real>(&self, tape: &Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        match tape.kept("mask") {
            Some(mask) => self.masked(&dense(delta), mask),
            None => delta.clone(),
        }
    }
}

impl Dropout {
    /// Entries are left out with this probability. Panics when it is not one, from 0 to 1.
    pub fn new(p: f64) -> Self {
        Self::with_options(DropoutOptions { p }).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when p is no probability.
    pub fn with_options(options: DropoutOptions) -> Result<Self> {
        Ok(Dropout { options: options.checked("Dropout")? })
    }

    /// The training pass with a given mask, 1 where an entry is kept and else 0, in place of a drawn one.
    ///
    /// Panics when the mask has not the shape of the input.
    pub fn forward_masked<T: Real>(&self, input: &Tensor<T>, mask: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        assert_eq!(mask.shape(), input.shape(), "the shape of a dropout's mask is that of its input");
        self.options.forward_masked(input, dense(mask), tape)
    }
}

impl Dropout2d {
    /// Channels are left out with this probability. Panics when it is not one, from 0 to 1.
    pub fn new(p: f64) -> Self {
        Self::with_options(DropoutOptions { p }).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when p is no probability.
    pub fn with_options(options: DropoutOptions) -> Result<Self> {
        Ok(Dropout2d { options: options.checked("Dropout2d")? })
    }
}

impl<T: Real> Module<T> for Dropout {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        self.options.forward(input, input.shape(), tape)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        self.options.backward_delta(tape, delta)
    }
}

impl<T: Real> Module<T> for Dropout2d {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        match input {
            [_, _, _, _] => Ok(input.to_vec()),
            _ => Err(Error::shape(self, "(n, c, h, w)", input)),
        }
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let shape = checked_output_shape::<T>(self, input.shape());
        self.options.forward(input, &[shape[0], shape[1], 1, 1], tape)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        self.options.backward_delta(tape, delta)
    }
}

impl fmt::Display for Dropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dropout({})", self.options.p)
    }
}

impl fmt::Display for Dropout2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dropout2d({})", self.options.p)
    }
}

#[cfg(test)]
#[path = "dropout_tests.rs"]
mod tests;
