//! The activations: functions f and their derivatives f′, applied entry by entry.
//!
//! The table is two files: [`Relu`] and others made of straight pieces or bent at 0, and the smooth ones around [`Tanh`].

mod bent;
mod smooth;

pub use bent::{Elu, Hardswish, LeakyRelu, Relu, Selu};
pub use smooth::{Approximation, Gelu, Sigmoid, Silu, Softplus, Tanh};

use crate::module::{Module, Tape};
use crate::tensor::{dense, values, values_mut};
use crate::{Real, Result, Tensor, zeros};
use std::fmt::{Debug, Display};

/// A function of one number and its derivative. Everything that implements it is a [`Module`]:
/// **Zᵢ = f(Xᵢ)** and **∂L/∂Xᵢ = f′(Xᵢ)·δᵢ**, for any shape.
pub trait Elementwise: Display + Debug + Send + Sync + 'static {
    /// z ← f(x).
    fn f<T: Real>(&self, x: &[T], z: &mut [T]);
    /// f′(x), which may use z = f(x) where that is cheaper.
    fn df<T: Real>(&self, x: T, z: T) -> T;
    /// d ← f′(x)·d. For an f′ with functions that are fast on slices alone.
    fn times_df<T: Real>(&self, x: &[T], z: &[T], d: &mut [T]) {
        d.iter_mut().zip(x.iter().zip(z)).for_each(|(d, (&x, &z))| *d *= self.df(x, z));
    }
}

impl<T: Real, A: Elementwise> Module<T> for A {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let x = dense(input);
        let mut z = zeros(x.shape());
        self.f(values(&x), values_mut(&mut z));
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let mut result = dense(delta);
        self.times_df(values(tape.input()), values(tape.output()), values_mut(&mut result));
        result
    }
}

/// Entries that are worked on at a time by what needs room for intermediate results.
const BLOCK: usize = 256;

/// Calls `job` on the same entries of x and y, a block at a time, with room for three intermediate results of each.
fn in_blocks<T: Real>(x: &[T], y: &mut [T], mut job: impl FnMut(&[T], &mut [T], [&mut [T]; 3])) {
    let mut room = [[T::zero(); BLOCK]; 3];
    for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
        job(x, y, room.each_mut().map(|room| &mut room[..x.len()]));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
