//! The activations whose derivative wants what went in.

use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::layers::{Elementwise, Elu, Gelu, Hardswish, LeakyRelu, Selu, Silu, Softplus};
use crate::module::Module;
use std::any::Any;

/// Z = f(X), entry by entry.
#[derive(Debug)]
struct Entrywise<A> {
    layer: A,
    /// Numbers of a sample.
    len: usize,
}

/// The step of a module that is one of these activations.
pub(super) fn entrywise<T: Real>(module: &dyn Module<T>, len: usize) -> Option<Box<dyn Step<T>>> {
    fn of<T: Real, A: Elementwise + Clone>(module: &dyn Module<T>, len: usize) -> Option<Box<dyn Step<T>>> {
        let any: &dyn Any = module;
        any.downcast_ref::<A>().map(|layer| Box::new(Entrywise { layer: layer.clone(), len }) as Box<dyn Step<T>>)
    }
    of::<T, Silu>(module, len)
        .or_else(|| of::<T, Gelu>(module, len))
        .or_else(|| of::<T, Elu>(module, len))
        .or_else(|| of::<T, Selu>(module, len))
        .or_else(|| of::<T, Softplus>(module, len))
        .or_else(|| of::<T, Hardswish>(module, len))
        .or_else(|| of::<T, LeakyRelu>(module, len))
}

impl<T: Real, A: Elementwise> Step<T> for Entrywise<A> {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn output_len(&self) -> usize {
        self.len
    }

    fn forward(&self, _: &Pass<'_, T>, x: &[T], z: &mut [T], _: &mut Room<T>) {
        self.layer.f(x, z);
    }

    fn backward(&self, _: &Pass<'_, T>, io: Backward<'_, T>, _: &mut [T], _: &mut Room<T>) {
        let Some(dx) = io.dx else { return };
        dx.copy_from_slice(io.dz);
        self.layer.times_df(io.x, io.z, dx);
    }
}
