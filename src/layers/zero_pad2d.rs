//! Zeros around an image.

use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Tensor, zeros};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// **Z = X with zeros around it**, in every channel of every image.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, c, h, w) | images |
/// | Z | (n, c, top + h + bottom, left + w + right) | X in the middle |
///
/// Derivative: each pixel is handed on, so **∂L/∂X = the middle of δ**.
///
/// Panics when X is not (n, c, h, w).
///
/// ```
/// use limpide::{Tape, layers::ZeroPad2d, module::Module, tensor};
/// // Left, right, top, bottom.
/// let z = ZeroPad2d::new([1, 2, 0, 1]).forward(&tensor(&[1, 1, 1, 2], vec![3.0, 4.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 2, 5], vec![0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ZeroPad2d {
    /// The sizes.
    pub options: ZeroPad2dOptions,
}

/// The option of [`ZeroPad2d`], by PyTorch's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroPad2dOptions {
    /// Zeros on every side: one number, or `[left, right, top, bottom]`.
    #[serde(deserialize_with = "one_or_four")]
    pub padding: [usize; 4],
}

fn one_or_four<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<[usize; 4], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number of zeros, or four of them: [left, right, top, bottom]")]
    enum Sides {
        One(usize),
        Four([usize; 4]),
    }
    Ok(match Sides::deserialize(deserializer)? {
        Sides::One(zeros) => [zeros; 4],
        Sides::Four(sides) => sides,
    })
}

impl ZeroPad2d {
    /// This many zeros on the left, the right, the top and the bottom. Panics beyond 65,535.
    pub fn new(padding: [usize; 4]) -> Self {
        Self::with_options(ZeroPad2dOptions { padding }).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a size is too large.
    pub fn with_options(options: ZeroPad2dOptions) -> Result<Self> {
        if options.padding.iter().any(|&zeros| zeros > 65_535) {
            let found = format!("{:?}", options.padding);
            return Err(Error::option("ZeroPad2d: padding", "from 0 to 65535", found));
        }
        Ok(ZeroPad2d { options })
    }

    /// Calls `visit` with where each row of the images begins, without and with zeros around it, and its length.
    fn each_row(&self, shape: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
        let [left, right, top, bottom] = self.options.padding;
        let &[n, c, h, w] = shape else { unreachable!("the shape was checked") };
        let (height, width) = (top + h + bottom, left + w + right);
        for plane in 0..n * c {
            for row in 0..h {
                visit((plane * h + row) * w, (plane * height + top + row) * width + left, w);
            }
        }
    }
}

impl<T: Real> Module<T> for ZeroPad2d {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [left, right, top, bottom] = self.options.padding;
        match *input {
            [n, c, h, w] => Ok(vec![n, c, top + h + bottom, left + w + right]),
            _ => Err(Error::shape(self, "(n, c, h, w)", input)),
        }
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape::<T>(self, input.shape()));
        let x = dense(input);
        let (from, to) = (values(&x), values_mut(&mut z));
        self.each_row(x.shape(), |x, z, len| to[z..z + len].copy_from_slice(&from[x..x + len]));
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (mut result, delta) = (zeros(tape.input().shape()), dense(delta));
        let (from, to) = (values(&delta), values_mut(&mut result));
        self.each_row(tape.input().shape(), |x, z, len| to[x..x + len].copy_from_slice(&from[z..z + len]));
        result
    }
}

impl fmt::Display for ZeroPad2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZeroPad2d({:?})", self.options.padding)
    }
}
