//! How a chain takes its slices through a pass, one task each: forward, through the loss, and back.

use super::norm::Norm;
use super::stage::{Chain, Slot, free, slices};
use super::step::Backward;
use super::train::{Fill, Shared};
use crate::Real;
use crate::data::TargetSlice;
use crate::kernels::Workers;
use crate::loss::Loss;
use crate::module::Gradients;
use crate::tensor::values_mut;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

/// Gradient entries that one task adds up.
const CHUNK: usize = 16 * 1024;
/// Fewer additions than this are not worth a second thread.
const FEW: usize = 32 * 1024;

/// What the loss of one slice gave.
#[derive(Clone, Copy)]
pub(super) struct SliceScore<T> {
    pub sum: T,
    pub correct: Option<usize>,
}

/// What the end of the last stage wants to know.
#[derive(Clone, Copy)]
pub(super) struct LossPhase<'a, T: Real> {
    pub loss: &'a dyn Loss<T>,
    /// Of the whole batch, of so many rows.
    pub target: TargetSlice<'a, T>,
    pub rows: usize,
    /// The shape of one sample's output.
    pub output: &'a [usize],
    pub scale: T,
}

/// The parts of a batch's numbers that belong to slices of `size` rows, each to be written by one task.
fn parts<T>(numbers: &mut [T], size: usize, len: usize) -> Vec<Mutex<&mut [T]>> {
    numbers.chunks_mut((size * len).max(1)).map(Mutex::new).collect()
}

impl<T: Real> Chain<T> {
    /// Works out what the steps want to have of the parameters.
    pub fn pack(&mut self, shared: &Shared<'_, T>) {
        let len = self.packed_len();
        let packed = self.packed.take(len);
        for planned in self.steps.iter().filter(|planned| !planned.packed.is_empty()) {
            let parameters = &shared.parameters[planned.parameters.clone()];
            planned.step.pack(parameters, &mut packed[planned.packed.clone()]);
        }
    }

    /// Leaves the output of every step in the slot, that of the last one in `last` where it is given.
    pub fn forward(
        &self,
        shared: &Shared<'_, T>,
        rows: Range<usize>,
        x: &[T],
        slot: &mut Slot<T>,
        mut last: Option<&mut [T]>,
    ) {
        let packed = &self.packed[..self.packed_len()];
        let count = rows.len();
        for (place, planned) in self.steps.iter().enumerate() {
            let (before, own) = slot.z.split_at_mut(place);
            let x = before.last().map_or(x, |before| &before[..count * planned.input_len]);
            let z = match last.take_if(|_| place + 1 == self.steps.len()) {
                Some(last) => last,
                None => own[0].take(count * planned.output_len),
            };
            let pass = shared.pass(planned, packed, rows.clone());
            planned.step.forward(&pass, x, z, &mut slot.rooms[place]);
        }
    }

    /// The output of the last step for so many samples, given the chain's input.
    pub fn output<'a>(&self, slot: &'a Slot<T>, x: &'a [T], rows: usize) -> &'a [T] {
        slot.z.last().map_or(x, |z| &z[..rows * self.output_len])
    }

    /// gradient ← ∂L/∂θ, and result ← ∂L/∂x where it is wanted. The output and ∂L/∂output are in the slot, the latter as its first
    /// delta, or in `last`.
    #[allow(clippy::too_many_arguments)] // what the way forward has, and what comes back
    fn backward(
        &self,
        shared: &Shared<'_, T>,
        rows: Range<usize>,
        x: &[T],
        slot: &mut Slot<T>,
        mut last: Option<(&[T], &mut [T])>,
        gradient: &mut [T],
        mut result: Option<&mut [T]>,
    ) {
        let packed = &self.packed[..self.packed_len()];
        let count = rows.len();
        let Slot { z, rooms, deltas: [dz, dx], .. } = slot;
        let (mut dz, mut dx) = (dz, dx);
        // Nobody reads the deltas in front of the first parameters.
        let without = || self.steps.iter().take_while(|step| step.gradient.is_empty()).count();
        let first = if result.is_some() { 0 } else { without() };
        for (place, planned) in self.steps.iter().enumerate().skip(first).rev() {
            let x = if place == 0 { x } else { &z[place - 1][..count * planned.input_len] };
            let (output, delta) = match last.take() {
                Some(last) => last,
                None => (&z[place][..count * planned.output_len], dz.take(count * planned.output_len)),
            };
            let io = Backward {
                x,
                z: output,
                dz: delta,
                dx: if place > first { Some(dx.take(count * planned.input_len)) } else { result.take() },
            };
            let pass = shared.pass(planned, packed, rows.clone());
            planned.step.backward(&pass, io, &mut gradient[planned.gradient.clone()], &mut rooms[place]);
            std::mem::swap(&mut dz, &mut dx);
        }
        // Of no steps at all, the result is what came.
        if let Some(result) = result {
            result.copy_from_slice(last.map_or(&dz[..result.len()], |(_, dz)| dz));
        }
    }

    /// A slot to work in: the slice's own where there is one for each slice, else any that is free.
    fn free_slot(&self, slice: usize, own: bool) -> MutexGuard<'_, Slot<T>> {
        if own {
            return self.slots[slice].lock().expect("no slice has panicked");
        }
        free(&self.slots).1
    }
}

/// ∂L/∂z of a chain's last step.
pub(super) enum Coming<'a, T: Real> {
    /// Of all samples.
    Whole(&'a mut [T]),
    /// What a batch norm behind it makes of that.
    Through(&'a Norm<T>, &'a [T]),
}

impl<T: Real> Chain<T> {
    /// z ← the output of the last step. `fill` writes x first, and a batch norm behind the chain sees z as it comes.
    #[allow(clippy::too_many_arguments)] // as above
    pub fn forward_phase(
        &self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        size: usize,
        x: &mut [T],
        z: &mut [T],
        fill: Option<&dyn Fill<T>>,
        behind: Option<&Norm<T>>,
    ) {
        let rows = z.len() / self.output_len.max(1);
        let ranges: Vec<_> = slices(rows, size).collect();
        let (xs, zs) = (parts(x, size, self.input_len), parts(z, size, self.output_len));
        workers.run(ranges.len(), &|slice| {
            let range = ranges[slice].clone();
            let mut x = xs[slice].lock().expect("no other task takes this slice");
            if let Some(fill) = fill {
                fill.fill(range.clone(), &mut x);
            }
            let mut z = zs[slice].lock().expect("no other task takes this slice");
            self.forward(shared, range.clone(), &x, &mut self.free_slot(slice, true), Some(&mut z));
            if let Some(norm) = behind {
                norm.see(range, &z);
            }
        });
    }

    #[allow(clippy::too_many_arguments)] // as above
    pub fn backward_phase(
        &self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        size: usize,
        x: &[T],
        z: &[T],
        coming: Coming<'_, T>,
        dx: Option<&mut [T]>,
    ) {
        let rows = z.len() / self.output_len.max(1);
        let ranges: Vec<_> = slices(rows, size).collect();
        let (deltas, norm) = match coming {
            Coming::Whole(delta) => (parts(delta, size, self.output_len), None),
            Coming::Through(norm, d) => (Vec::new(), Some((norm, d, norm.sizes().1))),
        };
        let dxs = dx.map(|dx| parts(dx, size, self.input_len));
        workers.run(ranges.len(), &|slice| {
            let range = ranges[slice].clone();
            let x = &x[range.start * self.input_len..range.end * self.input_len];
            let mut slot = self.free_slot(slice, true);
            let z = &z[range.start * self.output_len..range.end * self.output_len];
            let mut gradient = self.gradients[slice].lock().expect("no other task takes this slice");
            let gradient = gradient.take(self.gradient_len());
            let mut dx = dxs.as_ref().map(|dxs| dxs[slice].lock().expect("no other task takes this slice"));
            let dx = dx.as_mut().map(|dx| &mut ***dx);
            let back = |delta: &mut [T]| {
                self.backward(shared, range.clone(), x, &mut slot, Some((z, delta)), gradient, dx);
            };
            match norm {
                Some((norm, d, len)) => norm.with_delta(range.clone(), z, &d[range.start * len..range.end * len], back),
                None => back(&mut deltas[slice].lock().expect("no other task takes this slice")),
            }
        });
    }

    #[allow(clippy::too_many_arguments)] // the phase in which everything meets
    pub fn loss_phase(
        &self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        job: &LossPhase<'_, T>,
        size: usize,
        x: &mut [T],
        dx: Option<&mut [T]>,
        fill: Option<&dyn Fill<T>>,
        own_slots: bool,
    ) -> Vec<SliceScore<T>> {
        let rows = job.rows;
        let ranges: Vec<_> = slices(rows, size).collect();
        let xs = parts(x, size, self.input_len);
        let dxs = dx.map(|dx| parts(dx, size, self.input_len));
        let scores: Vec<Mutex<Option<SliceScore<T>>>> = ranges.iter().map(|_| Mutex::new(None)).collect();
        workers.run(ranges.len(), &|slice| {
            let range = ranges[slice].clone();
            let mut x = xs[slice].lock().expect("no other task takes this slice");
            if let Some(fill) = fill {
                fill.fill(range.clone(), &mut x);
            }
            let mut slot = self.free_slot(slice, own_slots);
            self.forward(shared, range.clone(), &x, &mut slot, None);
            let score = self.loss(job, range.clone(), &x, &mut slot);
            *scores[slice].lock().expect("no other task takes this slice") = Some(score);
            let mut gradient = self.gradients[slice].lock().expect("no other task takes this slice");
            let gradient = gradient.take(self.gradient_len());
            let mut dx = dxs.as_ref().map(|dxs| dxs[slice].lock().expect("no other task takes this slice"));
            self.backward(shared, range, &x, &mut slot, None, gradient, dx.as_mut().map(|dx| &mut ***dx));
        });
        let taken = |score: Mutex<Option<SliceScore<T>>>| score.into_inner().expect("no panic").expect("a score");
        scores.into_iter().map(taken).collect()
    }

    /// The loss of a slice, and ∂L/∂output into the slot's first delta.
    fn loss(&self, job: &LossPhase<'_, T>, range: Range<usize>, x: &[T], slot: &mut Slot<T>) -> SliceScore<T> {
        let LossPhase { loss, target, rows, output, scale } = *job;
        let count = range.len();
        let target = target.samples(range, rows);
        let Slot { z, terms, shape, deltas, .. } = slot;
        let z = z.last().map_or(x, |z| &z[..count * self.output_len]);
        shape.clear();
        shape.extend(std::iter::once(count).chain(output.iter().copied()));
        let delta = deltas[0].take(z.len());
        let sum = loss.slope_into(z, shape, target, delta, terms);
        if scale != T::one() {
            delta.iter_mut().for_each(|d| *d *= scale);
        }
        let correct = loss.correct(z, shape, target);
        SliceScore { sum, correct }
    }

    /// total ← the sum of the slices' gradients in their order.
    pub fn add_up(&self, workers: &mut Workers, slices: usize, total: &mut Gradients<T>) {
        let len = self.gradient_len();
        if len == 0 {
            return;
        }
        let parts: Vec<_> = self.gradients[..slices].iter().map(|part| part.lock().expect("no panic")).collect();
        let parts: Vec<&[T]> = parts.iter().map(|part| &part[..len]).collect();
        let add = |total: &mut [T], start: usize| {
            let (first, others) = parts.split_first().expect("a slice at least");
            total.copy_from_slice(&first[start..start + total.len()]);
            for part in others {
                let part = &part[start..start + total.len()];
                total.iter_mut().zip(part).for_each(|(total, &part)| *total += part);
            }
        };
        if parts.is_empty() {
            return total[self.parameters()].iter_mut().for_each(|total| values_mut(total).fill(T::zero()));
        }
        // Where each tensor of the network lies in the slices' gradients.
        let mut start = 0;
        let tensors = total[self.parameters()].iter_mut().map(|tensor| {
            let at = start;
            start += tensor.len();
            (at, values_mut(tensor))
        });
        if len * slices < FEW {
            return tensors.for_each(|(at, total)| add(total, at));
        }
        let chunks = tensors.flat_map(|(at, total)| {
            total.chunks_mut(CHUNK).enumerate().map(move |(chunk, total)| Mutex::new((at + chunk * CHUNK, total)))
        });
        let chunks: Vec<_> = chunks.collect();
        workers.run(chunks.len(), &|task| {
            let (start, total) = &mut *chunks[task].lock().expect("no other task takes this chunk");
            add(total, *start);
        });
    }
}
