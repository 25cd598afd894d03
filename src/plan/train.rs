//! The training pass of a plan: forward through the stages, the loss, back through them, gradients added up.

use super::Plan;
use super::stage::{Boundary, Chain, Planned, Slot, Stage, slices};
use super::step::{Backward, Pass};
use crate::data::{Target, TargetSlice};
use crate::kernels::Workers;
use crate::loss::Loss;
use crate::module::{Gradients, Module, Tape};
use crate::tensor::{shape_text, values, values_mut};
use crate::train::BatchScore;
use crate::{Error, Real, Result};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

/// Gradient entries that one task adds up.
const CHUNK: usize = 16 * 1024;
/// Fewer additions than this are not worth a second thread.
const FEW: usize = 32 * 1024;
/// Samples that one task gathers.
const GATHERED: usize = 16;

/// The samples of a step, and where their numbers come from.
pub struct Batch<'a, T: Real> {
    /// How many samples.
    pub rows: usize,
    /// Writes the inputs of a range of samples, row-major; called from several threads, each for its own samples.
    pub fill: &'a (dyn Fn(Range<usize>, &mut [T]) + Sync),
    /// The targets of all samples.
    pub target: &'a Target<T>,
}

/// What all threads read in a pass.
pub(crate) struct Shared<'a, T: Real> {
    pub network: &'a dyn Module<T>,
    pub parameters: Vec<&'a [T]>,
    pub tape: &'a Tape<T>,
}

impl<'a, T: Real> Shared<'a, T> {
    pub fn new(network: &'a dyn Module<T>, tape: &'a Tape<T>) -> Self {
        let mut parameters = Vec::new();
        network.each_parameter(&mut |parameter| parameters.push(values(parameter)));
        Shared { network, parameters, tape }
    }

    fn pass<'b>(&'b self, planned: &Planned<T>, packed: &'b [T], rows: Range<usize>) -> Pass<'b, T> {
        Pass {
            network: self.network,
            parameters: &self.parameters[planned.parameters.clone()],
            packed: &packed[planned.packed.clone()],
            rows,
            tape: self.tape,
        }
    }
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

    /// Leaves the output of every step in the slot.
    pub fn forward(&self, shared: &Shared<'_, T>, rows: Range<usize>, x: &[T], slot: &mut Slot<T>) {
        let packed = self.packed.get(self.packed_len());
        let count = rows.len();
        for (place, planned) in self.steps.iter().enumerate() {
            let (before, own) = slot.z.split_at_mut(place);
            let x = before.last().map_or(x, |before| before.get(count * planned.input_len));
            let z = own[0].take(count * planned.output_len);
            let pass = shared.pass(planned, packed, rows.clone());
            planned.step.forward(&pass, x, z, &mut slot.rooms[place]);
        }
    }

    /// The output of the last step for so many samples, given the chain's input.
    pub fn output<'a>(&self, slot: &'a Slot<T>, x: &'a [T], rows: usize) -> &'a [T] {
        slot.z.last().map_or(x, |z| z.get(rows * self.output_len))
    }

    /// gradient ← ∂L/∂θ from ∂L/∂output in the slot's first delta. Gives ∂L/∂x, or nothing when it is not wanted.
    fn backward<'a>(
        &self,
        shared: &Shared<'_, T>,
        rows: Range<usize>,
        x: &[T],
        slot: &'a mut Slot<T>,
        gradient: &mut [T],
        wanted: bool,
    ) -> &'a [T] {
        let packed = self.packed.get(self.packed_len());
        let count = rows.len();
        let Slot { z, rooms, deltas: [dz, dx], .. } = slot;
        let (mut dz, mut dx) = (dz, dx);
        // Nobody reads the deltas in front of the first parameters.
        let first = if wanted { 0 } else { self.steps.iter().take_while(|step| step.gradient.is_empty()).count() };
        for (place, planned) in self.steps.iter().enumerate().skip(first).rev() {
            let x = if place == 0 { x } else { z[place - 1].get(count * planned.input_len) };
            let io = Backward {
                x,
                z: z[place].get(count * planned.output_len),
                dz: dz.take(count * planned.output_len),
                dx: (wanted || place > first).then(|| dx.take(count * planned.input_len)),
            };
            let pass = shared.pass(planned, packed, rows.clone());
            planned.step.backward(&pass, io, &mut gradient[planned.gradient.clone()], &mut rooms[place]);
            std::mem::swap(&mut dz, &mut dx);
        }
        if wanted { dz.get(count * self.input_len) } else { &[] }
    }

    /// A slot to work in: the slice's own where there is one for each slice, else any that is free.
    fn free_slot(&self, slice: usize, own: bool) -> MutexGuard<'_, Slot<T>> {
        if own {
            return self.slots[slice].lock().expect("no slice has panicked");
        }
        // There are as many as threads, so one is free.
        loop {
            if let Some(slot) = self.slots.iter().find_map(|slot| slot.try_lock().ok()) {
                return slot;
            }
            std::hint::spin_loop();
        }
    }
}

/// What the loss of one slice gave.
#[derive(Clone, Copy)]
struct SliceScore<T> {
    sum: T,
    correct: Option<usize>,
}

impl<T: Real> Plan<T> {
    /// One forward and backward pass: sets `gradients` to ∂L/∂θ of the batch and gives its loss.
    ///
    /// The tape is not written to; its kind says whether this is training, and it carries the random key.
    ///
    /// # Errors
    /// When the loss does not take the output with the target, or there are more samples than the plan is for.
    pub fn gradients(
        &mut self,
        workers: &mut Workers,
        network: &dyn Module<T>,
        loss: &dyn Loss<T>,
        batch: &Batch<'_, T>,
        tape: &Tape<T>,
        gradients: &mut Gradients<T>,
    ) -> Result<BatchScore<T>> {
        T::gradients(self, workers, network, loss, batch, tape, gradients)
    }

    pub(crate) fn gradients_here(
        &mut self,
        workers: &mut Workers,
        network: &dyn Module<T>,
        loss: &dyn Loss<T>,
        batch: &Batch<'_, T>,
        tape: &Tape<T>,
        gradients: &mut Gradients<T>,
    ) -> Result<BatchScore<T>> {
        let rows = batch.rows;
        self.check_rows(rows)?;
        let output: Vec<usize> = std::iter::once(rows).chain(self.output.iter().copied()).collect();
        // What sees a batch as a whole can want more of it than its shape.
        if tape.is_training() && self.stages.iter().any(|stage| matches!(stage, Stage::Whole(_))) {
            network.training_shape(&[&[rows], self.input.as_slice()].concat())?;
        }
        loss.check(&output, batch.target)?;
        let target = batch.target.dense();
        let denominator = loss.slice_denominator(&output, target.as_slice());
        let scale = loss.gradient_scale(denominator);
        let shared = Shared::new(network, tape);
        let input_len = self.input_len();
        let last = self.stages.len() - 1;
        let own_slots = last > 0;

        // What is not gathered by the slices of a chain is gathered before the first stage.
        let x = self.x.take(rows * input_len);
        let gathers = matches!(self.stages[0], Stage::Chain(_));
        if !gathers {
            let parts: Vec<_> = x.chunks_mut((GATHERED * input_len).max(1)).map(Mutex::new).collect();
            workers.run(parts.len(), &|part| {
                let first = part * GATHERED;
                let mut x = parts[part].lock().expect("no other task takes this part");
                (batch.fill)(first..rows.min(first + GATHERED), &mut x);
            });
        }

        // Forward; the last stage goes on through the loss and back.
        let mut scores = Vec::new();
        for place in 0..self.stages.len() {
            let (before, behind) = self.boundaries.split_at_mut(place);
            let gathered = place == 0 && gathers;
            let (x, dx) = match before.last_mut() {
                Some(before) => {
                    let len = rows * self.stages[place].input_len();
                    (before.z.take(len), Some(before.delta.take(len)))
                }
                None => (self.x.take(rows * input_len), None),
            };
            match &mut self.stages[place] {
                Stage::Split(split) => {
                    let z = behind[0].z.take(rows * split.options.out_features);
                    split.forward(workers, &shared.parameters[split.parameters.clone()], x, z);
                }
                Stage::Whole(whole) => {
                    let z = behind[0].z.take(rows * whole.output_len);
                    whole.forward(&shared, rows, x, z);
                }
                Stage::Chain(chain) => {
                    let size = chain.slice_rows(rows);
                    let count = rows.div_ceil(size);
                    chain.make_room(if own_slots { count } else { workers.threads() }, count);
                    chain.pack(&shared);
                    let gathered = gathered.then_some(batch.fill);
                    if place < last {
                        let z = behind[0].z.take(rows * chain.output_len);
                        chain.forward_phase(workers, &shared, size, x, z, gathered);
                    } else {
                        let job = LossPhase { loss, target: target.as_slice(), rows, output: &self.output, scale };
                        scores = chain.loss_phase(workers, &shared, &job, size, x, dx, gathered, own_slots);
                    }
                }
            }
        }

        // Back through the stages before the last.
        for place in (0..last).rev() {
            let (before, behind) = self.boundaries.split_at_mut(place);
            let (x, dx) = match before.last_mut() {
                Some(before) => {
                    let len = rows * self.stages[place].input_len();
                    let Boundary { z, delta } = before;
                    (z.get(len), Some(delta.take(len)))
                }
                None => (self.x.get(rows * input_len), None),
            };
            match &mut self.stages[place] {
                Stage::Split(split) => {
                    let delta = behind[0].delta.get(rows * split.options.out_features);
                    let own = &mut gradients[split.parameters.clone()];
                    split.backward(workers, &shared.parameters[split.parameters.clone()], x, delta, dx, own);
                }
                Stage::Whole(whole) => {
                    let len = rows * whole.output_len;
                    let io = Backward { x, z: behind[0].z.get(len), dz: behind[0].delta.take(len), dx };
                    whole.backward(&shared, rows, io, gradients);
                }
                Stage::Chain(chain) => {
                    let size = chain.slice_rows(rows);
                    let delta = behind[0].delta.get(rows * chain.output_len);
                    chain.backward_phase(workers, &shared, size, x, delta, dx);
                }
            }
        }
        for stage in &mut self.stages {
            if let Stage::Chain(chain) = stage {
                let size = chain.slice_rows(rows);
                chain.add_up(workers, rows.div_ceil(size), gradients);
            }
        }
        let sum = scores.iter().fold(T::zero(), |sum, score: &SliceScore<T>| sum + score.sum);
        let correct = loss.decision().and_then(|_| scores.iter().map(|score| score.correct).sum());
        Ok(BatchScore { sum, denominator, correct, samples: rows })
    }

    /// Whether a batch is not larger than the plan is for.
    pub(super) fn check_rows(&self, rows: usize) -> Result<()> {
        if rows <= self.rows {
            return Ok(());
        }
        let wanted = format!("at most {} samples of shape {}", self.rows, shape_text(&self.input));
        Err(Error::option("Plan: the batch", wanted, rows))
    }
}

/// What the end of the last stage wants to know.
#[derive(Clone, Copy)]
struct LossPhase<'a, T: Real> {
    loss: &'a dyn Loss<T>,
    /// Of the whole batch, of so many rows.
    target: TargetSlice<'a, T>,
    rows: usize,
    /// The shape of one sample's output.
    output: &'a [usize],
    scale: T,
}

type Fill<'a, T> = &'a (dyn Fn(Range<usize>, &mut [T]) + Sync);

/// The parts of a batch's numbers that belong to slices of `size` rows, each to be written by one task.
fn parts<T>(numbers: &mut [T], size: usize, len: usize) -> Vec<Mutex<&mut [T]>> {
    numbers.chunks_mut((size * len).max(1)).map(Mutex::new).collect()
}

impl<T: Real> Chain<T> {
    fn forward_phase(
        &self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        size: usize,
        x: &mut [T],
        z: &mut [T],
        fill: Option<Fill<'_, T>>,
    ) {
        let rows = z.len() / self.output_len.max(1);
        let ranges: Vec<_> = slices(rows, size).collect();
        let (xs, zs) = (parts(x, size, self.input_len), parts(z, size, self.output_len));
        workers.run(ranges.len(), &|slice| {
            let range = ranges[slice].clone();
            let mut x = xs[slice].lock().expect("no other task takes this slice");
            if let Some(fill) = fill {
                fill(range.clone(), &mut x);
            }
            let mut slot = self.free_slot(slice, true);
            self.forward(shared, range.clone(), &x, &mut slot);
            let output = self.output(&slot, &x, range.len());
            zs[slice].lock().expect("no other task takes this slice").copy_from_slice(output);
        });
    }

    fn backward_phase(
        &self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        size: usize,
        x: &[T],
        delta: &[T],
        dx: Option<&mut [T]>,
    ) {
        let rows = delta.len() / self.output_len.max(1);
        let ranges: Vec<_> = slices(rows, size).collect();
        let dxs = dx.map(|dx| parts(dx, size, self.input_len));
        workers.run(ranges.len(), &|slice| {
            let range = ranges[slice].clone();
            let x = &x[range.start * self.input_len..range.end * self.input_len];
            let mut slot = self.free_slot(slice, true);
            let own = &delta[range.start * self.output_len..range.end * self.output_len];
            slot.deltas[0].take(own.len()).copy_from_slice(own);
            let mut gradient = self.gradients[slice].lock().expect("no other task takes this slice");
            let gradient = gradient.take(self.gradient_len());
            let result = self.backward(shared, range, x, &mut slot, gradient, dxs.is_some());
            if let Some(dxs) = &dxs {
                dxs[slice].lock().expect("no other task takes this slice").copy_from_slice(result);
            }
        });
    }

    #[allow(clippy::too_many_arguments)] // the phase in which everything meets
    fn loss_phase(
        &self,
        workers: &mut Workers,
        shared: &Shared<'_, T>,
        job: &LossPhase<'_, T>,
        size: usize,
        x: &mut [T],
        dx: Option<&mut [T]>,
        fill: Option<Fill<'_, T>>,
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
                fill(range.clone(), &mut x);
            }
            let mut slot = self.free_slot(slice, own_slots);
            self.forward(shared, range.clone(), &x, &mut slot);
            let score = self.loss(job, range.clone(), &x, &mut slot);
            *scores[slice].lock().expect("no other task takes this slice") = Some(score);
            let mut gradient = self.gradients[slice].lock().expect("no other task takes this slice");
            let gradient = gradient.take(self.gradient_len());
            let result = self.backward(shared, range, &x, &mut slot, gradient, dxs.is_some());
            if let Some(dxs) = &dxs {
                dxs[slice].lock().expect("no other task takes this slice").copy_from_slice(result);
            }
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
        let z = z.last().map_or(x, |z| z.get(count * self.output_len));
        shape.clear();
        shape.extend(std::iter::once(count).chain(output.iter().copied()));
        let delta = deltas[0].take(z.len());
        let sum = loss.slope_into(z, shape, target, delta, terms);
        if scale != T::one() {
            delta.iter_mut().for_each(|d| *d *= scale);
        }
        let correct = loss.correct(z, count, target);
        SliceScore { sum, correct }
    }

    /// total ← the sum of the slices' gradients in their order.
    fn add_up(&self, workers: &mut Workers, slices: usize, total: &mut Gradients<T>) {
        let len = self.gradient_len();
        if len == 0 {
            return;
        }
        let parts: Vec<_> = self.gradients[..slices].iter().map(|part| part.lock().expect("no panic")).collect();
        let parts: Vec<&[T]> = parts.iter().map(|part| part.get(len)).collect();
        let add = |total: &mut [T], start: usize| {
            let (first, others) = parts.split_first().expect("a slice at least");
            total.copy_from_slice(&first[start..start + total.len()]);
            for part in others {
                let part = &part[start..start + total.len()];
                total.iter_mut().zip(part).for_each(|(total, &part)| *total += part);
            }
        };
        if parts.is_empty() {
            self.steps.iter().flat_map(|step| step.parameters.clone()).for_each(|at| {
                values_mut(&mut total[at]).fill(T::zero());
            });
            return;
        }
        // Where each tensor of the network lies in the slices' gradients.
        let mut start = 0;
        let own = self.steps[0].parameters.start..self.steps[self.steps.len() - 1].parameters.end;
        let tensors = total[own].iter_mut().map(|tensor| {
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

impl<T: Real> Stage<T> {
    fn input_len(&self) -> usize {
        match self {
            Stage::Chain(chain) => chain.input_len,
            Stage::Split(split) => split.options.in_features,
            Stage::Whole(whole) => whole.input_len,
        }
    }
}
