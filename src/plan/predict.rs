//! Predictions through a plan: no allocation for one row, slices in parallel for many.

use super::Plan;
use super::dense::product;
use super::stage::{Slot, Stage, free};
use super::step::Step;
use super::train::Shared;
use crate::kernels::{Aligned, Workers};
use crate::module::{Module, Tape};
use crate::{Error, Real, Result};
use std::ops::Range;
use std::sync::Mutex;

/// A network ready to predict: its plan, and what the plan works out from the parameters, worked out once.
///
/// ```
/// use limpide::{Sequential, layers::{Linear, Tanh}, plan::Predictor};
/// let network = Sequential::<f32>::new().push(Linear::new(3, 8)).push(Tanh).push(Linear::new(8, 2)).seed(1);
/// let mut predictor = Predictor::new(&network, &[3], 1)?;
/// let z: &[f32] = predictor.predict(&[0.1, 0.2, 0.3])?;
/// assert_eq!(z.len(), 2);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct Predictor<'a, T: Real> {
    plan: Plan<T>,
    network: &'a dyn Module<T>,
    tape: Tape<T>,
    ways: Vec<Mutex<Way<T>>>,
    output: Vec<T>,
}

/// What one thread needs for some samples on their way through all stages.
#[derive(Debug)]
pub(crate) struct Way<T: Real> {
    slots: Vec<Slot<T>>,
    x: Aligned<T>,
    /// What each stage gave, where it is not in the stage's slot.
    z: Vec<Aligned<T>>,
}

/// Samples that are predicted together: enough for a matrix product, few enough for a core's cache.
const ROWS: usize = 32;

impl<'a, T: Real> Predictor<'a, T> {
    /// For samples of a shape, up to so many in one call of [`Predictor::predict`].
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the network does not take such samples, or mixes those of a batch.
    pub fn new(network: &'a dyn Module<T>, sample: &[usize], rows: usize) -> Result<Self> {
        let input = [&[rows], sample].concat();
        let mut plan = Plan::new(network, &input)?;
        let tape = Tape::off();
        let shared = Shared::new(network, &tape);
        for stage in &mut plan.stages {
            if let Stage::Chain(chain) = stage {
                chain.pack(&shared);
            }
        }
        Ok(Predictor { plan, network, tape, ways: Vec::new(), output: Vec::new() })
    }

    /// The shape of one sample's output.
    pub fn output_shape(&self) -> &[usize] {
        &self.plan.output
    }

    /// The outputs of the samples in `x`, row-major, one after the other. Allocates nothing after the first call, but
    /// for residual blocks that hold a batch norm and for modules that the plan has no step of its own for.
    ///
    /// # Errors
    /// [`Error::Option`] when `x` is not whole samples, or more of them than the predictor is for.
    pub fn predict(&mut self, x: &[T]) -> Result<&[T]> {
        let (input, output) = (self.plan.input_len(), self.plan.output_len());
        if !x.len().is_multiple_of(input.max(1)) {
            let wanted = format!("whole samples of {input} numbers");
            return Err(Error::option("Predictor: the input", wanted, format!("{} numbers", x.len())));
        }
        let rows = x.len().checked_div(input).unwrap_or(0);
        self.plan.check_rows(rows)?;
        self.output.resize(rows * output, T::zero());
        self.make_ways(1);
        let shared = Shared::new(self.network, &self.tape);
        let way = self.ways[0].get_mut().expect("no panic");
        way.x.take(x.len()).copy_from_slice(x);
        way.run(&self.plan, &shared, rows, &mut self.output);
        Ok(&self.output)
    }

    /// The outputs of many samples, slices of them in parallel: `fill` writes the inputs of a range of samples, `take` is
    /// given their outputs.
    pub fn predict_slices<R: Send>(
        &mut self,
        workers: &mut Workers,
        samples: usize,
        fill: &(dyn Fn(Range<usize>, &mut [T]) + Sync),
        take: &(dyn Fn(Range<usize>, &[T]) -> R + Sync),
    ) -> Vec<R> {
        let (input, output) = (self.plan.input_len(), self.plan.output_len());
        self.make_ways(workers.threads());
        let shared = Shared::new(self.network, &self.tape);
        let slices: Vec<Range<usize>> = super::stage::slices(samples, ROWS).collect();
        let results: Vec<Mutex<Option<R>>> = slices.iter().map(|_| Mutex::new(None)).collect();
        let outputs: Vec<Mutex<Vec<T>>> = self.ways.iter().map(|_| Mutex::default()).collect();
        workers.run(slices.len(), &|slice| {
            let range = slices[slice].clone();
            let (place, mut way) = free(&self.ways);
            fill(range.clone(), way.x.take(range.len() * input));
            let mut z = outputs[place].lock().expect("as free as the way");
            z.resize(range.len() * output, T::zero());
            way.run(&self.plan, &shared, range.len(), &mut z);
            *results[slice].lock().expect("no other task writes here") = Some(take(range, &z));
        });
        let result = |result: Mutex<Option<R>>| result.into_inner().expect("no panic").expect("every slice has run");
        results.into_iter().map(result).collect()
    }

    fn make_ways(&mut self, count: usize) {
        let stages = &self.plan.stages;
        while self.ways.len() < count {
            let slots = stages.iter().map(|stage| match stage {
                Stage::Chain(chain) => chain.slot(),
                // These are one step on their way alone.
                Stage::Norm(_) | Stage::Whole(_) => Slot::new(1),
                Stage::Split(split) => Slot::new(split.head().map_or(0, |_| 2)),
                Stage::Join(_) => Slot::new(0),
            });
            let z = stages.iter().map(|_| Aligned::default()).collect();
            self.ways.push(Mutex::new(Way { slots: slots.collect(), x: Aligned::default(), z }));
        }
    }
}

impl<T: Real> Way<T> {
    /// z ← the outputs of the `rows` samples in `self.x`.
    fn run(&mut self, plan: &Plan<T>, shared: &Shared<'_, T>, rows: usize, z: &mut [T]) {
        T::run_way(self, plan, shared, rows, z);
    }

    pub(crate) fn run_here(&mut self, plan: &Plan<T>, shared: &Shared<'_, T>, rows: usize, z: &mut [T]) {
        let mut x = &self.x[..rows * plan.input_len()];
        // What goes around some stages, the innermost last; without any, nothing is allocated.
        let mut around = Vec::new();
        let own = self.slots.iter_mut().zip(&mut self.z);
        for ((place, stage), (slot, own)) in plan.stages.iter().enumerate().zip(own) {
            around.extend(plan.ways_around().filter(|&(from, _)| from == place).map(|_| x));
            match stage {
                Stage::Join(join) => {
                    let z = own.take(rows * join.len);
                    let around = around.pop().expect("a way around that has begun");
                    z.iter_mut().zip(around.iter().zip(x)).for_each(|(z, (&x, &fx))| *z = x + fx);
                    x = z;
                }
                Stage::Chain(chain) => {
                    chain.forward(shared, 0..rows, x, slot, None);
                    x = chain.output(slot, x, rows);
                }
                Stage::Split(split) => {
                    let z = own.take(rows * split.options.out_features);
                    product(&split.options, &shared.parameters[split.parameters.clone()], x, z);
                    x = match split.head() {
                        Some(head) => head.predict(shared, z, slot),
                        None => z,
                    };
                }
                Stage::Norm(norm) => {
                    let z = own.take(rows * norm.sizes().1);
                    norm.predict(shared.network, x, z, &mut slot.rooms[0]);
                    x = z;
                }
                Stage::Whole(whole) => {
                    let z = own.take(rows * whole.output_len);
                    whole.step.forward(&whole.pass(shared, rows), x, z, &mut slot.rooms[0]);
                    x = z;
                }
            }
        }
        z.copy_from_slice(x);
    }
}
