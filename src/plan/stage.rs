//! The stages of a plan and the buffers of each.

use super::join::Join;
use super::norm::Norm;
use super::split::Split;
use super::step::{Room, Step};
use super::whole::Whole;
use crate::Real;
use crate::kernels::Aligned;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// A part of a pass that begins and ends with all threads together.
#[derive(Debug)]
pub(super) enum Stage<T: Real> {
    /// Steps that each slice of the batch takes one after the other.
    Chain(Chain<T>),
    /// A dense layer whose outputs are divided.
    Split(Split<T>),
    /// A batch norm, whose channels are divided.
    Norm(Norm<T>),
    /// Another module that sees the batch as a whole.
    Whole(Box<Whole<T>>),
    /// The end of a way around some stages.
    Join(Join),
}

impl<T: Real> Stage<T> {
    /// Whether what it does with a sample depends on the others of a batch in training.
    pub fn couples_samples(&self) -> bool {
        matches!(self, Stage::Norm(_) | Stage::Whole(_))
    }

    /// Whether it has its input written, some samples at a time, just before it reads them.
    pub fn fills_its_input(&self) -> bool {
        matches!(self, Stage::Chain(_) | Stage::Split(_))
    }

    /// Numbers of one sample, in and out.
    pub fn sizes(&self) -> (usize, usize) {
        match self {
            Stage::Chain(chain) => (chain.input_len, chain.output_len),
            Stage::Split(split) => (split.options.in_features, split.output_len()),
            Stage::Norm(norm) => norm.sizes(),
            Stage::Whole(whole) => (whole.input_len, whole.output_len),
            Stage::Join(join) => (join.len, join.len),
        }
    }
}

/// Steps that each slice of the batch takes one after the other.
#[derive(Debug)]
pub(super) struct Chain<T: Real> {
    pub steps: Vec<Planned<T>>,
    /// Numbers of a sample, in and out.
    pub input_len: usize,
    pub output_len: usize,
    /// What a sample costs, forward and back, in additions and multiplications.
    pub work: u64,
    pub packed: Aligned<T>,
    /// What slices work in: one for each slice when they come back in a later part of the pass, else one a thread.
    pub slots: Vec<Mutex<Slot<T>>>,
    /// The gradients of each slice.
    pub gradients: Vec<Mutex<Aligned<T>>>,
}

/// A step with its place in the network.
#[derive(Debug)]
pub(super) struct Planned<T: Real> {
    pub step: Box<dyn Step<T>>,
    /// The modules whose work it does, as a printed plan shows them.
    pub modules: String,
    /// Their places in the network: `encoder.0`.
    pub places: Vec<String>,
    /// Its parameters among all of the network; an empty range says nothing about a place.
    pub parameters: Range<usize>,
    /// Its part of a slice's gradients.
    pub gradient: Range<usize>,
    /// Its part of what is packed once for all slices.
    pub packed: Range<usize>,
    /// Numbers of a sample, in and out.
    pub input_len: usize,
    pub output_len: usize,
    /// Additions and multiplications of a sample's way forward.
    pub flops: u64,
}

/// The buffers of one slice on its way.
#[derive(Debug)]
pub(super) struct Slot<T: Real> {
    /// The output of each step.
    pub z: Vec<Aligned<T>>,
    pub rooms: Vec<Room<T>>,
    /// ∂L/∂ of the output and of the input of the step that is at work, in turn.
    pub deltas: [Aligned<T>; 2],
    /// The terms of the loss, and the shape of the output.
    pub terms: Vec<T>,
    pub shape: Vec<usize>,
}

/// Activations and deltas of the whole batch where one stage hands over to the next.
#[derive(Debug, Default)]
pub(super) struct Boundary<T> {
    pub z: Aligned<T>,
    pub delta: Aligned<T>,
}

/// Additions and multiplications that are worth a slice of their own: some microseconds.
const SLICE_WORK: u64 = 250_000;
/// The most slices of a batch. More would keep more cores busy, and cost more additions of gradients.
const MOST_SLICES: usize = 8;

impl<T: Real> Chain<T> {
    pub fn new(input_len: usize) -> Self {
        Chain {
            steps: Vec::new(),
            input_len,
            output_len: input_len,
            work: 0,
            packed: Aligned::default(),
            slots: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// A slot for a slice at work.
    pub fn slot(&self) -> Slot<T> {
        Slot::new(self.steps.len())
    }

    /// Samples of a slice, for a batch of so many.
    pub fn slice_rows(&self, rows: usize) -> usize {
        let slices = (self.work * rows as u64 / SLICE_WORK).clamp(1, MOST_SLICES as u64) as usize;
        let least = self.steps.iter().map(|planned| planned.step.least_rows()).max();
        rows.div_ceil(slices).max(least.unwrap_or(1))
    }

    /// Numbers of a slice's gradients.
    pub fn gradient_len(&self) -> usize {
        self.steps.last().map_or(0, |last| last.gradient.end)
    }

    /// The parameters of all steps among those of the network, where they follow one another.
    pub fn parameters(&self) -> Range<usize> {
        // A step without any, such as a turn at the beginning, has no place among them.
        let own = self.steps.iter().map(|planned| &planned.parameters).filter(|own| !own.is_empty());
        own.cloned().reduce(|all, next| all.start..next.end).unwrap_or(0..0)
    }

    /// Numbers of what is packed once for all slices.
    pub fn packed_len(&self) -> usize {
        self.steps.last().map_or(0, |last| last.packed.end)
    }

    /// Room for at least so many slices at work and so many slices' gradients.
    pub fn make_room(&mut self, slots: usize, gradients: usize) {
        while self.slots.len() < slots {
            self.slots.push(Mutex::new(self.slot()));
        }
        if self.gradients.len() < gradients {
            self.gradients.resize_with(gradients, Default::default);
        }
    }
}

impl<T: Real> Slot<T> {
    /// Buffers for so many steps.
    pub fn new(steps: usize) -> Self {
        let (z, rooms) = (0..steps).map(|_| (Aligned::default(), Room::new())).unzip();
        Slot { z, rooms, deltas: Default::default(), terms: Vec::new(), shape: Vec::new() }
    }
}

/// The ranges of slices of `size` rows.
pub(super) fn slices(rows: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows.div_ceil(size)).map(move |slice| slice * size..rows.min((slice + 1) * size))
}

/// Buffers that no other task works in, and their place; there must be as many as threads, so that some are free.
pub(super) fn free<B>(buffers: &[Mutex<B>]) -> (usize, MutexGuard<'_, B>) {
    loop {
        for (place, buffer) in buffers.iter().enumerate() {
            match buffer.try_lock() {
                Ok(own) => return (place, own),
                // A task has panicked in them. They are written anew, and the others must end too for its panic to be seen.
                Err(TryLockError::Poisoned(own)) => return (place, own.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        std::hint::spin_loop();
    }
}
