//! Several axes into one.

use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{axis_of, dense, shape_text};
use crate::{Error, Real, Result, Tensor};
use ndarray::IxDyn;
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Z = X with the axes `start_dim` to `end_dim` as one**: the same values in the same order, in another shape.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, d₁, …, dₖ) | input |
/// | Z | (n, d₁·…·dₖ) | output, with the default axes 1 to −1 |
///
/// Derivative: every value is handed on, so **∂L/∂X = δ in the shape of X**.
///
/// Panics when X has no such axes. From axis 0 on it takes the batch in: by itself it is that function, in training and
/// prediction it is refused ([`Module::sliced_shape`]).
///
/// ```
/// use limpide::{Tape, layers::Flatten, module::Module, zeros};
/// let z = Flatten::new().forward(&zeros::<f32>(&[2, 3, 4, 5]), &mut Tape::new());
/// assert_eq!(z.shape(), [2, 60]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flatten {
    /// The first of the axes, 1 by default; negative counts from the end.
    pub start_dim: isize,
    /// The last of the axes, −1 by default; negative counts from the end.
    pub end_dim: isize,
}

impl Flatten {
    /// A sample into a row: everything but the batch axis.
    pub fn new() -> Self {
        Flatten { start_dim: 1, end_dim: -1 }
    }

    /// The first and the last of the axes.
    fn axes(&self, input: &[usize]) -> Result<(usize, usize)> {
        let axes = axis_of(self.start_dim, input.len()).zip(axis_of(self.end_dim, input.len()));
        axes.filter(|(start, end)| start <= end).ok_or_else(|| {
            let wanted = format!("an input with axes {} to {}, in this order", self.start_dim, self.end_dim);
            Error::shape(self, wanted, input)
        })
    }
}

impl Default for Flatten {
    fn default() -> Self {
        Self::new()
    }
}

/// The values of x in another shape.
pub(super) fn reshaped<T: Real>(x: &Tensor<T>, shape: &[usize]) -> Tensor<T> {
    let count = x.len();
    dense(x)
        .into_shape_with_order(IxDyn(shape))
        .unwrap_or_else(|_| panic!("{count} values do not fill the shape {}", shape_text(shape)))
}

impl<T: Real> Module<T> for Flatten {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let (start, end) = self.axes(input)?;
        Ok([&input[..start], &[input[start..=end].iter().product()], &input[end + 1..]].concat())
    }

    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        match self.axes(input)? {
            (0, end) if end > 0 => Err(super::mixing(self, input)),
            _ => Module::<T>::output_shape(self, input),
        }
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let z = reshaped(input, &checked_output_shape::<T>(self, input.shape()));
        tape.record(input, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        reshaped(delta, tape.input().shape())
    }
}

impl fmt::Display for Flatten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start_dim, self.end_dim) {
            (1, -1) => write!(f, "Flatten"),
            (start, end) => write!(f, "Flatten({start}, {end})"),
        }
    }
}
