//! The engine: a batch is cut into slices, each runs through the whole network and back, gradients add up in slice order.
//!
//! The cut depends on the network and the batch alone, never on the number of threads, so a run gives the same bits for
//! any number of them.

use crate::data::Target;
use crate::kernels::Workers;
use crate::loss::Loss;
use crate::metrics;
use crate::module::{Gradients, Module, Tape};
use crate::tensor::{values, values_mut};
use crate::{Real, Result, Stream, Tensor};
use std::ops::Range;
use std::sync::Mutex;

/// Bytes of activations that a slice may take: about a core's second-level cache.
const SLICE_BYTES: usize = 1024 * 1024;
/// A batch with less work than this (about multiply-adds in its dense part) is not worth a second thread.
const SMALL_WORK: usize = 200_000;
/// Gradient entries that one task adds up.
const CHUNK: usize = 16 * 1024;
/// Samples of one slice when nothing is trained.
const PREDICT_ROWS: usize = 64;

/// What a pass over a batch measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchScore<T> {
    /// Σ terms.
    pub sum: T,
    /// What the mean divides by; see [`Loss::denominator`].
    pub denominator: T,
    /// Samples predicted right, when the loss is about classes.
    pub correct: Option<usize>,
    /// Samples in the batch.
    pub samples: usize,
}

/// Threads, and the buffers that slices use again and again.
#[derive(Debug)]
pub struct Engine<T: Real> {
    workers: Workers,
    slots: Vec<Mutex<Slot<T>>>,
    /// Slices of the last batch.
    slices: usize,
    /// What the random numbers of the next pass are a function of.
    random: Stream,
}

/// What one slice works on.
#[derive(Debug)]
struct Slot<T> {
    tape: Tape<T>,
    gradients: Gradients<T>,
    sum: T,
    correct: Option<usize>,
}

impl<T: Real> Engine<T> {
    /// An engine on that many threads.
    pub fn new(threads: usize) -> Self {
        Engine { workers: Workers::new(threads), slots: Vec::new(), slices: 0, random: Stream::new(0) }
    }

    /// Keys the random numbers of the next pass (what a dropout drops) by the stream of (seed, epoch, step).
    pub fn set_random(&mut self, step: Stream) {
        self.random = step;
    }

    /// The threads, for what comes between two passes.
    pub fn workers(&mut self) -> &mut Workers {
        &mut self.workers
    }

    /// One forward and backward pass: sets `gradients` to ∂L/∂θ of the batch and gives its loss.
    ///
    /// # Errors
    /// A shape error when the network does not take `x`, or the loss does not take the output with `target`.
    pub fn gradients(
        &mut self,
        network: &dyn Module<T>,
        loss: &dyn Loss<T>,
        x: &Tensor<T>,
        target: &Target<T>,
        gradients: &mut Gradients<T>,
    ) -> Result<BatchScore<T>> {
        let output = network.training_shape(x.shape())?;
        loss.check(&output, target)?;
        let denominator = loss.denominator(&output, target);
        let scale = loss.gradient_scale(denominator);
        let samples = x.shape()[0];
        let rows = slice_rows(network, x.shape())?.max(1);
        let slices = samples.div_ceil(rows);
        if self.slots.len() < slices {
            let gradients = Gradients::zeros_for(network);
            let slot = || Slot { tape: Tape::new(), gradients: gradients.clone(), sum: T::zero(), correct: None };
            self.slots.resize_with(slices, || Mutex::new(slot()));
        }
        self.slices = slices;
        let (slots, random) = (&self.slots, &self.random);
        self.workers.run(slices, &|slice| {
            let range = slice * rows..samples.min((slice + 1) * rows);
            let mut slot = slots[slice].lock().expect("a slot whose slice did not panic");
            let Slot { tape, gradients, sum, correct } = &mut *slot;
            network.zero_grad(gradients);
            tape.set_random(random, range.start);
            let (x, target) = (part(x, range.clone()), target_part(target, range));
            let output = network.forward(&x, tape);
            let (terms, mut delta) = loss.terms_and_slope(&output, &target);
            *sum = terms.sum();
            *correct = loss.decision().map(|decision| metrics::correct(decision, &output, &target));
            delta.mapv_inplace(|d| d * scale);
            network.backward_update_gradient(tape, &delta, gradients);
        });
        let slots: Vec<_> =
            self.slots[..slices].iter_mut().map(|slot| slot.get_mut().expect("no slice panicked")).collect();
        let sum = slots.iter().fold(T::zero(), |sum, slot| sum + slot.sum);
        let correct = loss.decision().and_then(|_| slots.iter().map(|slot| slot.correct).sum());
        let parts: Vec<&Gradients<T>> = slots.iter().map(|slot| &slot.gradients).collect();
        add_up(&mut self.workers, &parts, gradients);
        Ok(BatchScore { sum, denominator, correct, samples })
    }

    /// Moves the network's buffers by what the last pass left, slice by slice.
    pub fn update_buffers(&mut self, network: &mut dyn Module<T>) {
        for slot in &mut self.slots[..self.slices] {
            network.update_buffers(&slot.get_mut().expect("no slice panicked").tape);
        }
    }

    /// Runs `job` on slices of `samples` samples, in parallel, and gives the results in order.
    pub fn map_slices<R: Send>(&mut self, samples: usize, job: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
        let slices = samples.div_ceil(PREDICT_ROWS);
        let results: Vec<Mutex<Option<R>>> = (0..slices).map(|_| Mutex::new(None)).collect();
        self.workers.run(slices, &|slice| {
            let result = job(slice * PREDICT_ROWS..samples.min((slice + 1) * PREDICT_ROWS));
            *results[slice].lock().expect("no other task writes here") = Some(result);
        });
        let take = |result: Mutex<Option<R>>| result.into_inner().expect("no panic").expect("every slice has run");
        results.into_iter().map(take).collect()
    }
}

/// total ← the sum of the parts in their order, the entries divided among the workers.
fn add_up<T: Real>(workers: &mut Workers, parts: &[&Gradients<T>], total: &mut Gradients<T>) {
    let mut chunks = Vec::new();
    for (tensor, total) in total.iter_mut().enumerate() {
        for (chunk, total) in values_mut(total).chunks_mut(CHUNK).enumerate() {
            chunks.push(Mutex::new((tensor, chunk * CHUNK, total)));
        }
    }
    workers.run(chunks.len(), &|task| {
        let mut chunk = chunks[task].lock().expect("no other task takes this chunk");
        let (tensor, start, total) = &mut *chunk;
        if parts.is_empty() {
            total.fill(T::zero());
        }
        for (index, part) in parts.iter().enumerate() {
            let part = &values(&part[*tensor])[*start..*start + total.len()];
            if index == 0 {
                total.copy_from_slice(part);
            } else {
                total.iter_mut().zip(part).for_each(|(total, &part)| *total += part);
            }
        }
    });
}

/// How many samples a slice holds.
fn slice_rows<T: Real>(network: &dyn Module<T>, input: &[usize]) -> Result<usize> {
    let samples = input[0].max(1);
    if network.couples_samples() {
        return Ok(samples);
    }
    let mut parameters = 0;
    network.each_parameter(&mut |value| parameters += value.len());
    let per_sample = activations(network, input)? / samples;
    if samples * (parameters + per_sample) < SMALL_WORK {
        return Ok(samples);
    }
    let slices = (samples * per_sample * size_of::<T>()).div_ceil(SLICE_BYTES).max(2);
    Ok(samples.div_ceil(slices))
}

/// How many numbers the layers inside a module put out for an input shape.
fn activations<T: Real>(module: &dyn Module<T>, input: &[usize]) -> Result<usize> {
    let mut shape = input.to_vec();
    let mut total = 0;
    for (_, child) in module.children() {
        total += activations(child, &shape)?;
        shape = child.output_shape(&shape)?;
    }
    if module.children().is_empty() {
        total = module.output_shape(input)?.iter().product();
    }
    Ok(total)
}

/// Samples of a batch, sharing its memory.
fn part<A: Clone>(x: &Tensor<A>, range: Range<usize>) -> Tensor<A> {
    let mut x = x.clone();
    x.slice_axis_inplace(ndarray::Axis(0), range.into());
    x
}

fn target_part<T: Real>(target: &Target<T>, range: Range<usize>) -> Target<T> {
    match target {
        Target::Values(values) => Target::Values(part(values, range)),
        Target::Classes(labels) => Target::Classes(part(labels, range)),
    }
}
