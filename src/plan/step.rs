//! What a plan is made of: steps that may each do the work of several modules, on plain slices.

use super::behind::Scratch;
use crate::kernels::Aligned;
use crate::module::{Module, Tape};
use crate::{Real, Tensor};
use std::fmt::Debug;
use std::ops::Range;

/// The arithmetic of one module or of a few neighbours, for some samples (rows) of a batch, forward and back.
///
/// A step keeps no numbers itself: parameters are the network's, activations and everything else belong to the [`Room`]
/// and the slices that it is handed. Gradients are written, not added: each slice of a batch has its own.
pub(super) trait Step<T: Real>: Debug + Send + Sync {
    /// What it is called in a printed plan.
    fn name(&self) -> &'static str;

    /// How the numbers of its output lie, as a printed plan says it.
    fn layout(&self) -> &'static str {
        "as the modules"
    }

    /// Numbers that one sample's output takes.
    fn output_len(&self) -> usize;

    /// The fewest samples of a slice that it is still fast on.
    fn least_rows(&self) -> usize {
        1
    }

    /// Numbers that are worked out from the parameters once for all slices.
    fn packed_len(&self) -> usize {
        0
    }

    /// Works them out.
    fn pack(&self, _parameters: &[&[T]], _packed: &mut [T]) {}

    /// z ← f(x), and in the room what the way back needs.
    fn forward(&self, pass: &Pass<'_, T>, x: &[T], z: &mut [T], room: &mut Room<T>);

    /// gradient ← ∂L/∂θ, the parameters one after the other; dx ← ∂L/∂x where it is wanted. dz = ∂L/∂z may be overwritten.
    fn backward(&self, pass: &Pass<'_, T>, io: Backward<'_, T>, gradient: &mut [T], room: &mut Room<T>);
}

/// What every step of a pass over some samples is told.
pub(super) struct Pass<'a, T: Real> {
    /// The network, for steps that call a module of it.
    pub network: &'a dyn Module<T>,
    /// The parameters of the step, in the order of the module's.
    pub parameters: &'a [&'a [T]],
    /// What [`Step::pack`] wrote.
    pub packed: &'a [T],
    /// The samples' numbers in their batch.
    pub rows: Range<usize>,
    /// The tape that a module's pass is recorded on: its kind says whether this is training, and it carries the random key.
    pub tape: &'a Tape<T>,
}

/// What the way back reads and writes.
pub(super) struct Backward<'a, T> {
    pub x: &'a [T],
    pub z: &'a [T],
    pub dz: &'a mut [T],
    pub dx: Option<&'a mut [T]>,
}

/// What a step keeps from the way forward for the way back, and buffers that it uses again and again: one room a step and
/// slice. A step takes what it needs.
#[derive(Debug)]
pub(super) struct Room<T> {
    pub scratch: Aligned<T>,
    pub bytes: Vec<u8>,
    pub indices: Vec<u32>,
    pub planes: Scratch<T>,
    pub masks: Vec<u64>,
    pub tape: Tape<T>,
    pub gradients: Vec<Tensor<T>>,
}

impl<T: Real> Room<T> {
    pub fn new() -> Self {
        Room {
            scratch: Aligned::default(),
            bytes: Vec::new(),
            indices: Vec::new(),
            planes: Scratch::default(),
            masks: Vec::new(),
            tape: Tape::new(),
            gradients: Vec::new(),
        }
    }
}
