//! Activations as functions on slices, whichever they are.

use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::layers::{Elementwise, Elu, Gelu, Hardswish, LeakyRelu, Relu, Selu, Sigmoid, Silu, Softplus, Tanh};
use crate::module::Module;
use std::any::Any;
use std::fmt::Debug;

/// [`Elementwise`] for one type of numbers, behind a pointer.
pub(super) trait Function<T>: Debug + Send + Sync {
    /// z ← f(x).
    fn apply(&self, x: &[T], z: &mut [T]);
    /// d ← f′(x)·d, with z = f(x).
    fn times_derivative(&self, x: &[T], z: &[T], d: &mut [T]);
}

impl<T: Real, A: Elementwise> Function<T> for A {
    fn apply(&self, x: &[T], z: &mut [T]) {
        self.f(x, z);
    }

    fn times_derivative(&self, x: &[T], z: &[T], d: &mut [T]) {
        self.times_df(x, z, d);
    }
}

/// The function that a module is, if it is one of these.
pub(super) fn function<T: Real>(module: &dyn Module<T>) -> Option<Box<dyn Function<T>>> {
    fn of<T: Real, A: Elementwise + Clone>(module: &dyn Module<T>) -> Option<Box<dyn Function<T>>> {
        let any: &dyn Any = module;
        any.downcast_ref::<A>().map(|layer| Box::new(layer.clone()) as Box<dyn Function<T>>)
    }
    of::<T, Relu>(module)
        .or_else(|| of::<T, LeakyRelu>(module))
        .or_else(|| of::<T, Silu>(module))
        .or_else(|| of::<T, Gelu>(module))
        .or_else(|| of::<T, Elu>(module))
        .or_else(|| of::<T, Selu>(module))
        .or_else(|| of::<T, Softplus>(module))
        .or_else(|| of::<T, Hardswish>(module))
        .or_else(|| of::<T, Tanh>(module))
        .or_else(|| of::<T, Sigmoid>(module))
}

/// Z = f(X), entry by entry, for those whose derivative wants what went in.
#[derive(Debug)]
pub(super) struct Entrywise<T> {
    pub function: Box<dyn Function<T>>,
    /// Numbers of a sample.
    pub len: usize,
}

impl<T: Real> Step<T> for Entrywise<T> {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn output_len(&self) -> usize {
        self.len
    }

    fn forward(&self, _: &Pass<'_, T>, x: &[T], z: &mut [T], _: &mut Room<T>) {
        self.function.apply(x, z);
    }

    fn backward(&self, _: &Pass<'_, T>, io: Backward<'_, T>, _: &mut [T], _: &mut Room<T>) {
        let Some(dx) = io.dx else { return };
        dx.copy_from_slice(io.dz);
        self.function.times_derivative(io.x, io.z, dx);
    }
}
