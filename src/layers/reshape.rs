//! Samples in another shape.

use super::flatten::reshaped;
use crate::module::{Module, Tape, checked_output_shape};
use crate::{Error, Real, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Z = X with each sample in another shape**: the same values in the same order.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, …) | input |
/// | Z | (n, s) | s the `shape`, in which one size can be −1: what is left over |
///
/// Derivative: every value is handed on, so **∂L/∂X = δ in the shape of X**.
///
/// Panics when the values of a sample do not fill s.
///
/// ```
/// use limpide::{Tape, layers::Reshape, module::Module, zeros};
/// let z = Reshape::new([8, -1, 4]).forward(&zeros::<f32>(&[5, 128]), &mut Tape::new());
/// assert_eq!(z.shape(), [5, 8, 4, 4]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reshape {
    /// The shape.
    pub options: ReshapeOptions,
}

/// The option of [`Reshape`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReshapeOptions {
    /// The sizes of a sample's axes, without the batch axis; one of them can be −1.
    pub shape: Vec<isize>,
}

impl Reshape {
    /// Samples of that shape. Panics when a size is 0 or two are negative.
    pub fn new(shape: impl Into<Vec<isize>>) -> Self {
        Self::with_options(ReshapeOptions { shape: shape.into() }).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a size is 0 or two are negative.
    pub fn with_options(options: ReshapeOptions) -> Result<Self> {
        let left_over = options.shape.iter().filter(|&&size| size == -1).count();
        if left_over > 1 || options.shape.iter().any(|&size| size < -1 || size == 0) {
            let found = format!("{:?}", options.shape);
            return Err(Error::option("Reshape: shape", "sizes from 1, one of them -1 at most", found));
        }
        Ok(Reshape { options })
    }
}

impl<T: Real> Module<T> for Reshape {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let wrong = || {
            let sizes: String = self.options.shape.iter().map(|size| format!(", {size}")).collect();
            Error::shape(self, format!("samples that fill (n{sizes})"), input)
        };
        let (&samples, sample) = input.split_first().ok_or_else(wrong)?;
        let count: usize = sample.iter().product();
        let known = self.options.shape.iter().filter(|&&size| size > 0).map(|&size| size as usize);
        let known = known.fold(1, usize::saturating_mul);
        let size = |&size: &isize| if size > 0 { size as usize } else { count / known };
        let sizes: Vec<usize> = self.options.shape.iter().map(size).collect();
        if sizes.iter().copied().fold(1, usize::saturating_mul) != count {
            return Err(wrong());
        }
        Ok([&[samples], sizes.as_slice()].concat())
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let z = reshaped(input, &checked_output_shape::<T>(self, input.shape()));
        tape.record(input, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        reshaped(delta, tape.input().shape())
    }
}

impl fmt::Display for Reshape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reshape({:?})", self.options.shape)
    }
}
