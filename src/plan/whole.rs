//! A module that sees the batch as a whole, as a stage of its own.

use super::plain::Plain;
use super::step::{Backward, Pass, Room, Step};
use super::train::Shared;
use crate::Real;
use crate::kernels::Aligned;
use crate::module::{Gradients, Module};
use crate::tensor::values_mut;
use std::ops::Range;

/// The module, and what its passes leave.
#[derive(Debug)]
pub(super) struct Whole<T: Real> {
    pub step: Plain,
    /// The module, as a printed plan shows it.
    pub module: String,
    /// Its parameters among all of the network, and their numbers.
    pub parameters: Range<usize>,
    pub gradient_len: usize,
    pub input_len: usize,
    pub output_len: usize,
    pub room: Room<T>,
    pub gradient: Aligned<T>,
}

impl<T: Real> Whole<T> {
    pub fn pass<'a>(&self, shared: &'a Shared<'_, T>, rows: usize) -> Pass<'a, T> {
        let parameters = &shared.parameters[self.parameters.clone()];
        Pass { network: shared.network, parameters, packed: &[], rows: 0..rows, tape: shared.tape }
    }

    pub fn forward(&mut self, shared: &Shared<'_, T>, rows: usize, x: &[T], z: &mut [T]) {
        let pass = self.pass(shared, rows);
        self.step.forward(&pass, x, z, &mut self.room);
    }

    /// gradients ← ∂L/∂θ, and ∂L/∂x where it is wanted.
    pub fn backward(&mut self, shared: &Shared<'_, T>, rows: usize, io: Backward<'_, T>, gradients: &mut Gradients<T>) {
        let pass = self.pass(shared, rows);
        let own = self.gradient.take(self.gradient_len);
        self.step.backward(&pass, io, own, &mut self.room);
        let mut rest: &[T] = own;
        for tensor in &mut gradients[self.parameters.clone()] {
            let (from, behind) = rest.split_at(tensor.len());
            values_mut(tensor).copy_from_slice(from);
            rest = behind;
        }
    }

    /// Moves the module's buffers by what its last training pass left.
    pub fn update_buffers(&self, network: &mut dyn Module<T>) {
        self.step.find_mut(network).update_buffers(&self.room.tape);
    }
}
