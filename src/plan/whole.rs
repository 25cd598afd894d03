//! A module that sees the batch as a whole, such as a batch norm in training, as a stage of its own.
//!
//! A batch norm is divided by channels, each of which is normalised by itself: every part is a smaller layer of the same kind,
//! whose own verbs do the work.

use super::plain::Plain;
use super::split::columns;
use super::step::{Backward, Pass, Room, Step};
use super::train::Shared;
use crate::kernels::{Aligned, MatrixMut, Workers};
use crate::layers::BatchNorm;
use crate::module::{Gradients, Module, Tape};
use crate::tensor::{dense, values, values_mut};
use crate::{Real, Tensor, tensor, zeros};
use std::any::Any;
use std::ops::Range;
use std::sync::Mutex;

/// The most parts of a batch norm, and the fewest channels of one.
const MOST_PARTS: usize = 8;
const LEAST_CHANNELS: usize = 8;

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
    /// The parts of a batch norm; none of any other module.
    pub parts: Vec<Mutex<Part<T>>>,
}

/// Some channels of a batch norm, and what its passes leave.
#[derive(Debug)]
pub(super) struct Part<T: Real> {
    channels: Range<usize>,
    /// The layer of these channels in the step under way.
    layer: Option<Box<dyn Module<T>>>,
    tape: Tape<T>,
    gradients: Vec<Tensor<T>>,
}

/// The parts of a module: those of a batch norm, whatever the threads.
pub(super) fn parts<T: Real>(module: &dyn Module<T>, channels: usize) -> Vec<Mutex<Part<T>>> {
    let count = (channels / LEAST_CHANNELS).min(MOST_PARTS);
    if count < 2 || layer_of(module, 0..channels).is_none() {
        return Vec::new();
    }
    let at = |part: usize| part * channels / count;
    let part = |part| Part { channels: at(part)..at(part + 1), layer: None, tape: Tape::new(), gradients: Vec::new() };
    (0..count).map(part).map(Mutex::new).collect()
}

/// The layer of some channels of a batch norm; none for other modules.
fn layer_of<T: Real>(module: &dyn Module<T>, channels: Range<usize>) -> Option<Box<dyn Module<T>>> {
    let any: &dyn Any = module;
    match (any.downcast_ref::<BatchNorm<T, 1>>(), any.downcast_ref::<BatchNorm<T, 2>>()) {
        (Some(norm), _) => Some(Box::new(norm.part(channels))),
        (_, Some(norm)) => Some(Box::new(norm.part(channels))),
        _ => None,
    }
}

/// Puts the running averages of a part into the batch norm that it is a part of.
fn set_averages<T: Real>(norm: &mut dyn Module<T>, channels: &Range<usize>, part: &dyn Module<T>) {
    fn set<T: Real, const AXES: usize>(norm: &mut dyn Any, channels: &Range<usize>, part: &dyn Any) {
        let both = (norm.downcast_mut::<BatchNorm<T, AXES>>(), part.downcast_ref::<BatchNorm<T, AXES>>());
        if let (Some(norm), Some(part)) = both {
            norm.set_averages(channels.clone(), part);
        }
    }
    set::<T, 1>(norm, channels, part);
    set::<T, 2>(norm, channels, part);
}

impl<T: Real> Whole<T> {
    pub fn pass<'a>(&self, shared: &'a Shared<'_, T>, rows: usize) -> Pass<'a, T> {
        let parameters = &shared.parameters[self.parameters.clone()];
        Pass { network: shared.network, parameters, packed: &[], rows: 0..rows, tape: shared.tape }
    }

    /// Whether a pass is divided: a batch norm's in training.
    fn is_divided(&self, shared: &Shared<'_, T>) -> bool {
        shared.tape.is_training() && !self.parts.is_empty()
    }

    pub fn forward(&mut self, workers: &mut Workers, shared: &Shared<'_, T>, rows: usize, x: &[T], z: &mut [T]) {
        if !self.is_divided(shared) {
            let pass = self.pass(shared, rows);
            return self.step.forward(&pass, x, z, &mut self.room);
        }
        let module = self.step.find(shared.network);
        let blocks = self.blocks(z, rows);
        workers.run(self.parts.len(), &|task| {
            let part = &mut *self.parts[task].lock().expect("no other task takes this part");
            let layer = layer_of(module, part.channels.clone()).expect("a batch norm when it was planned");
            part.tape = Tape::new();
            let output = layer.forward(&self.entries(x, rows, &part.channels), &mut part.tape);
            scatter(&output, &mut blocks[task].lock().expect("no other task takes this block"));
            part.layer = Some(layer);
        });
    }

    /// gradients ← ∂L/∂θ, and ∂L/∂x where it is wanted.
    pub fn backward(
        &mut self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        rows: usize,
        io: Backward<'_, T>,
        gradients: &mut Gradients<T>,
    ) {
        let total = &mut gradients[self.parameters.clone()];
        if self.is_divided(shared) {
            return self.backward_in_parts(workers, rows, io, total);
        }
        let pass = self.pass(shared, rows);
        let own = self.gradient.take(self.gradient_len);
        self.step.backward(&pass, io, own, &mut self.room);
        let mut rest: &[T] = own;
        for tensor in total {
            let (from, behind) = rest.split_at(tensor.len());
            values_mut(tensor).copy_from_slice(from);
            rest = behind;
        }
    }

    fn backward_in_parts(&self, workers: &mut Workers, rows: usize, io: Backward<'_, T>, total: &mut [Tensor<T>]) {
        let blocks = io.dx.map(|dx| self.blocks(dx, rows));
        workers.run(self.parts.len(), &|task| {
            let part = &mut *self.parts[task].lock().expect("no other task takes this part");
            let layer = part.layer.as_ref().expect("the way back comes after the way forward");
            part.gradients.clear();
            layer.each_parameter(&mut |parameter| part.gradients.push(zeros(parameter.shape())));
            let delta = self.entries(io.dz, rows, &part.channels);
            match &blocks {
                Some(blocks) => {
                    let dx = layer.backward(&mut part.tape, &delta, &mut part.gradients);
                    scatter(&dx, &mut blocks[task].lock().expect("no other task takes this block"));
                }
                None => layer.backward_update_gradient(&mut part.tape, &delta, &mut part.gradients),
            }
        });
        for part in &self.parts {
            let part = part.lock().expect("no task is left");
            for (total, own) in total.iter_mut().zip(&part.gradients) {
                values_mut(total)[part.channels.clone()].copy_from_slice(values(own));
            }
        }
    }

    /// Numbers of one channel of a sample.
    fn plane(&self) -> usize {
        self.step.input[1..].iter().product()
    }

    /// A batch's entries of some channels.
    fn entries(&self, batch: &[T], rows: usize, channels: &Range<usize>) -> Tensor<T> {
        let own = channels.start * self.plane()..channels.end * self.plane();
        let entries = batch.chunks_exact(self.input_len.max(1)).flat_map(|sample| &sample[own.clone()]).copied();
        let shape = [&[rows, channels.len()], &self.step.input[1..]].concat();
        tensor(&shape, entries.collect())
    }

    /// The columns of a batch that belong to each part.
    fn blocks<'a>(&self, batch: &'a mut [T], rows: usize) -> Vec<Mutex<MatrixMut<'a, T>>> {
        let channels = |part: &Mutex<Part<T>>| part.lock().expect("no task is under way").channels.clone();
        let own = |range: Range<usize>| range.start * self.plane()..range.end * self.plane();
        let ranges: Vec<_> = self.parts.iter().map(channels).map(own).collect();
        columns(MatrixMut::new(batch, rows, self.input_len), &ranges)
    }

    /// Moves the module's buffers by what its last training pass left.
    pub fn update_buffers(&self, network: &mut dyn Module<T>) {
        let module = self.step.find_mut(network);
        if self.parts.is_empty() {
            return module.update_buffers(&self.room.tape);
        }
        for part in &self.parts {
            let part = &mut *part.lock().expect("no task is left");
            if let Some(layer) = &mut part.layer {
                layer.update_buffers(&part.tape);
                set_averages(module, &part.channels, layer.as_ref());
            }
        }
    }
}

/// Writes a part's result, row by row.
fn scatter<T: Real>(part: &Tensor<T>, block: &mut MatrixMut<'_, T>) {
    let part = dense(part);
    for (row, from) in values(&part).chunks_exact(block.column_count().max(1)).enumerate() {
        block.row_mut(row).copy_from_slice(from);
    }
}
