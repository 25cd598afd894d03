//! The activations that a plan knows: those whose derivative follows from their value, so that what went in need not be kept.

use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::layers::{Elementwise, LeakyRelu, Relu, Sigmoid, Tanh};
use crate::module::Module;
use std::any::Any;

/// z = f(x) with f′ as a function of z; every one is monotone, so that it may change places with a max-pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activation {
    Tanh(Tanh),
    Sigmoid(Sigmoid),
    Relu(Relu),
    LeakyRelu(LeakyRelu),
}

impl Activation {
    /// The activation that a module is, if it is one of these.
    pub fn of<T: Real>(module: &dyn Module<T>) -> Option<Activation> {
        let any: &dyn Any = module;
        if let Some(&layer) = any.downcast_ref::<Tanh>() {
            Some(Activation::Tanh(layer))
        } else if let Some(&layer) = any.downcast_ref::<Sigmoid>() {
            Some(Activation::Sigmoid(layer))
        } else if let Some(&layer) = any.downcast_ref::<Relu>() {
            Some(Activation::Relu(layer))
        } else {
            // With a slope of 0 or less the sign of z no longer tells the sign of x.
            any.downcast_ref::<LeakyRelu>()
                .filter(|layer| layer.negative_slope > 0.0)
                .copied()
                .map(Activation::LeakyRelu)
        }
    }

    /// z ← f(x).
    pub fn apply<T: Real>(&self, x: &[T], z: &mut [T]) {
        match self {
            Activation::Tanh(layer) => layer.f(x, z),
            Activation::Sigmoid(layer) => layer.f(x, z),
            Activation::Relu(layer) => layer.f(x, z),
            Activation::LeakyRelu(layer) => layer.f(x, z),
        }
    }

    /// d ← f′(x)·d, from z = f(x).
    pub fn backward<T: Real>(&self, z: &[T], d: &mut [T]) {
        fn each<T: Real>(layer: &impl Elementwise, z: &[T], d: &mut [T]) {
            // z has the sign of x, and that is all that a derivative here wants to know of x.
            d.iter_mut().zip(z).for_each(|(d, &z)| *d *= layer.df(z, z));
        }
        match self {
            Activation::Tanh(layer) => each(layer, z, d),
            Activation::Sigmoid(layer) => each(layer, z, d),
            Activation::Relu(layer) => each(layer, z, d),
            Activation::LeakyRelu(layer) => each(layer, z, d),
        }
    }

    /// dx ← f′(x)·dz, from z = f(x).
    pub fn backward_into<T: Real>(&self, z: &[T], dz: &[T], dx: &mut [T]) {
        fn each<T: Real>(layer: &impl Elementwise, z: &[T], dz: &[T], dx: &mut [T]) {
            dx.iter_mut().zip(dz).zip(z).for_each(|((dx, &dz), &z)| *dx = dz * layer.df(z, z));
        }
        match self {
            Activation::Tanh(layer) => each(layer, z, dz, dx),
            Activation::Sigmoid(layer) => each(layer, z, dz, dx),
            Activation::Relu(layer) => each(layer, z, dz, dx),
            Activation::LeakyRelu(layer) => each(layer, z, dz, dx),
        }
    }
}

/// An activation by itself.
#[derive(Debug)]
pub(super) struct Activate {
    pub activation: Activation,
    /// Numbers of a sample.
    pub len: usize,
}

impl<T: Real> Step<T> for Activate {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn output_len(&self) -> usize {
        self.len
    }

    fn forward(&self, _: &Pass<'_, T>, x: &[T], z: &mut [T], _: &mut Room<T>) {
        self.activation.apply(x, z);
    }

    fn backward(&self, _: &Pass<'_, T>, io: Backward<'_, T>, _: &mut [T], _: &mut Room<T>) {
        let Some(dx) = io.dx else { return };
        self.activation.backward_into(io.z, io.dz, dx);
    }
}
