//! The training pass of a plan: forward through the stages, the loss, back through them, gradients added up.

use super::Plan;
use super::join::Join;
use super::moves::Moves;
use super::norm::Normalised;
use super::phases::{Coming, LossPhase, SliceScore};
use super::split::{Back, Input, Split};
use super::stage::{Boundary, Planned, Stage};
use super::step::{Backward, Pass};
use crate::data::Target;
use crate::kernels::{ByteRows, Workers};
use crate::loss::Loss;
use crate::module::{Gradients, Module, Tape};
use crate::tensor::{shape_text, values};
use crate::train::BatchScore;
use crate::{Error, Real, Result};
use std::ops::Range;
use std::sync::Mutex;

/// Samples that one task gathers.
const GATHERED: usize = 16;

/// Where the inputs of a batch come from; asked from several threads, each for its own samples. A closure like
/// [`Fill::fill`] is one.
pub trait Fill<T: Real>: Sync {
    /// Writes the inputs of a range of samples, row-major.
    fn fill(&self, samples: Range<usize>, to: &mut [T]);

    /// The inputs of all samples as they are stored, where that is as bytes in memory, of which some layers need no numbers.
    fn bytes(&self) -> Option<ByteRows<'_, T>> {
        None
    }
}

impl<T: Real, F: Fn(Range<usize>, &mut [T]) + Sync> Fill<T> for F {
    fn fill(&self, samples: Range<usize>, to: &mut [T]) {
        self(samples, to);
    }
}

/// The samples of a step, and where their numbers come from.
pub struct Batch<'a, T: Real> {
    /// How many samples.
    pub rows: usize,
    /// Their inputs.
    pub fill: &'a dyn Fill<T>,
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

    /// The parameters of a divided layer and its head, wherever W is.
    pub(super) fn of_split<'b>(&'b self, split: &Split<T>, moves: Option<&'b Moves<'_, T>>) -> Vec<&'b [T]> {
        let mut own = self.parameters[split.all_parameters()].to_vec();
        if let Some(weight) = moves.and_then(|moves| moves.weight(split)) {
            own[0] = values(weight);
        }
        own
    }

    pub(super) fn pass<'b>(&'b self, planned: &Planned<T>, packed: &'b [T], rows: Range<usize>) -> Pass<'b, T> {
        Pass {
            network: self.network,
            parameters: &self.parameters[planned.parameters.clone()],
            packed: &packed[planned.packed.clone()],
            rows,
            tape: self.tape,
        }
    }
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
        self.pass(workers, network, loss, batch, tape, gradients, None)
    }

    #[allow(clippy::too_many_arguments)] // as above
    pub(super) fn pass(
        &mut self,
        workers: &mut Workers,
        network: &dyn Module<T>,
        loss: &dyn Loss<T>,
        batch: &Batch<'_, T>,
        tape: &Tape<T>,
        gradients: &mut Gradients<T>,
        mut moves: Option<&mut Moves<'_, T>>,
    ) -> Result<BatchScore<T>> {
        let rows = batch.rows;
        self.check_rows(rows)?;
        let output: Vec<usize> = std::iter::once(rows).chain(self.output.iter().copied()).collect();
        // What sees a batch as a whole can want more of it than its shape.
        if tape.is_training() && self.stages.iter().any(Stage::couples_samples) {
            network.training_shape(&[&[rows], self.input.as_slice()].concat())?;
        }
        loss.check(&output, batch.target)?;
        let target = batch.target.dense();
        let denominator = loss.slice_denominator(&output, target.as_slice());
        let counted = loss.counted(&output, target.as_slice());
        let scale = loss.gradient_scale(denominator);
        let shared = Shared::new(network, tape);
        let input_len = self.input_len();
        let last = self.stages.len() - 1;
        let own_slots = last > 0;

        // What is not gathered by slices of a chain or rows of a divided layer is gathered before the first stage.
        if self.stages[0].couples_samples() {
            let x = self.x.take(rows * input_len);
            let parts: Vec<_> = x.chunks_mut((GATHERED * input_len).max(1)).map(Mutex::new).collect();
            workers.run(parts.len(), &|part| {
                let first = part * GATHERED;
                let mut x = parts[part].lock().expect("no other task takes this part");
                batch.fill.fill(first..rows.min(first + GATHERED), &mut x);
            });
        }

        // A divided layer can do with the bytes that its input is stored as, if nothing else reads it.
        let around: Vec<_> = self.ways_around().collect();
        let bytes = match &self.stages[0] {
            Stage::Split(_) if around.iter().all(|&(from, _)| from > 0) => batch.fill.bytes(),
            _ => None,
        };

        for stage in &mut self.stages {
            if let Stage::Norm(norm) = stage {
                norm.begin(rows, workers.threads());
            }
        }

        // Forward; the last stage goes on through the loss and back.
        let mut scores = Vec::new();
        for place in 0..self.stages.len() {
            let (stages_before, stages) = self.stages.split_at_mut(place);
            let (stage, stages_behind) = stages.split_first_mut().expect("this stage");
            let (before, behind) = self.boundaries.split_at_mut(place);
            // What goes into the stage and where ∂L/∂ of it goes, what went into those before it, and into the first.
            let (x, dx, before, first) = match before.split_last_mut() {
                Some((last_boundary, before)) => {
                    let Boundary { z, delta } = last_boundary;
                    let len = rows * stage.sizes().0;
                    (z.take(len), (place == last).then(|| delta.take(len)), &*before, &self.x[..])
                }
                None => (self.x.take(rows * input_len), None, &[][..], &[][..]),
            };
            // From a batch norm before it, a stage that can takes its input as it goes; a chain shows its output to one behind it.
            let normalised = match stages_before.last() {
                Some(Stage::Norm(norm)) if stage.fills_its_input() => {
                    Some(Normalised { norm, x: before.last().map_or(first, |boundary| &boundary.z) })
                }
                _ => None,
            };
            let fill = match &normalised {
                Some(normalised) => Some(normalised as &dyn Fill<T>),
                None => (place == 0).then_some(batch.fill),
            };
            let seer = match stages_behind.first() {
                Some(Stage::Norm(norm)) if tape.is_training() => Some(norm),
                _ => None,
            };
            match stage {
                Stage::Split(split) => {
                    let z = behind[0].z.take(rows * split.output_len());
                    let bytes = bytes.as_ref().filter(|_| place == 0);
                    split.look_through(workers, x, fill, bytes);
                    split.forward(workers, &shared.of_split(split, moves.as_deref()), Input { x, bytes }, z);
                }
                Stage::Norm(norm) => {
                    let seen = matches!(stages_before.last(), Some(Stage::Chain(_)));
                    let z = behind[0].z.take(rows * norm.sizes().1);
                    norm.forward(workers, &shared, seen, x, (!stages_behind[0].fills_its_input()).then_some(z));
                }
                Stage::Whole(whole) => {
                    let z = behind[0].z.take(rows * whole.output_len);
                    whole.forward(&shared, rows, x, z);
                }
                Stage::Join(join) => {
                    let z = behind[0].z.take(rows * join.len);
                    let went_around = match join.from {
                        0 => first,
                        from => &before[from - 1].z,
                    };
                    Join::forward(workers, went_around, x, z);
                }
                Stage::Chain(chain) => {
                    let size = chain.slice_rows(rows);
                    let count = rows.div_ceil(size);
                    chain.make_room(if own_slots { count } else { workers.threads() }, count);
                    chain.pack(&shared);
                    if place < last {
                        let z = behind[0].z.take(rows * chain.output_len);
                        chain.forward_phase(workers, &shared, size, x, z, fill, seer);
                    } else {
                        let job = LossPhase { loss, target: target.as_slice(), rows, output: &self.output, scale };
                        scores = chain.loss_phase(workers, &shared, &job, size, x, dx, fill, own_slots);
                    }
                }
            }
        }

        let sum = scores.iter().fold(T::zero(), |sum, score: &SliceScore<T>| sum + score.sum);
        let correct = loss.decision().and_then(|_| scores.iter().map(|score| score.correct).sum());
        let score = BatchScore { sum, denominator, correct, samples: rows, counted };
        if let Some(moves) = &mut moves {
            // Gradients of a loss that is no number would spoil every parameter and hide where it began.
            if !sum.is_finite() {
                return Ok(score);
            }
            moves.optimizer.begin();
        }

        // A chain before a batch norm takes ∂L/∂x from it as it goes, unless more is to be added to that.
        let through = |place: usize| {
            let both = place > 0 && matches!(self.stages[place - 1..=place], [Stage::Chain(_), Stage::Norm(_)]);
            both && around.iter().all(|&(from, _)| from != place)
        };
        let through: Vec<_> = (0..self.stages.len()).map(through).collect();

        // Back through the stages before the last.
        for place in (0..last).rev() {
            let (before, behind) = self.boundaries.split_at_mut(place);
            let (stages, stages_behind) = self.stages.split_at_mut(place + 1);
            let (x, dx) = match before.last_mut() {
                Some(before) => {
                    let len = rows * stages[place].sizes().0;
                    let Boundary { z, delta } = before;
                    (&z[..len], (!through[place]).then(|| delta.take(len)))
                }
                None => (&self.x[..rows * input_len], None),
            };
            match &mut stages[place] {
                Stage::Split(split) => {
                    let len = rows * split.output_len();
                    let own = &mut gradients[split.all_parameters()];
                    let (own, of_head) = own.split_at_mut(split.parameters.len());
                    let d = split.delta(&behind[0].delta[..len], &shared.parameters, of_head);
                    let input = Input { x, bytes: bytes.as_ref().filter(|_| place == 0) };
                    let back = Back { input, d, dx };
                    match moves.as_mut().and_then(|moves| moves.of_split(split)) {
                        Some((weight, optimizer)) => split.step(workers, back, weight, &mut own[1..], optimizer),
                        None => split.gradients(workers, shared.parameters[split.parameters.start], back, own),
                    }
                }
                Stage::Norm(norm) => {
                    let len = rows * norm.sizes().1;
                    let io = Backward { x, z: &behind[0].z[..len], dz: behind[0].delta.take(len), dx };
                    norm.backward(workers, &shared, io, gradients);
                }
                Stage::Whole(whole) => {
                    let len = rows * whole.output_len;
                    let io = Backward { x, z: &behind[0].z[..len], dz: behind[0].delta.take(len), dx };
                    whole.backward(&shared, rows, io, gradients);
                }
                Stage::Chain(chain) => {
                    let size = chain.slice_rows(rows);
                    let len = rows * chain.output_len;
                    let (z, behind) = behind.split_first_mut().expect("the last stage is behind this one");
                    let coming = match &stages_behind[0] {
                        Stage::Norm(norm) if through[place + 1] => {
                            Coming::Through(norm, &behind[0].delta[..rows * norm.sizes().1])
                        }
                        _ => Coming::Whole(z.delta.take(len)),
                    };
                    chain.backward_phase(workers, &shared, size, x, &z.z[..len], coming, dx);
                }
                Stage::Join(join) => {
                    let dz = &behind[0].delta[..rows * join.len];
                    Join::backward(workers, dz, dx.expect("f's last stage stands before it"));
                }
            }
            // What went around this stage and others comes back to where it left.
            for (_, end) in around.iter().filter(|&&(from, _)| from == place && from > 0) {
                let (before, behind) = self.boundaries.split_at_mut(place);
                let dx = before.last_mut().expect("a stage before").delta.take(rows * self.stages[place].sizes().0);
                Join::end(workers, &behind[end - place].delta[..dx.len()], dx);
            }
        }
        for stage in &mut self.stages {
            if let Stage::Chain(chain) = stage {
                let size = chain.slice_rows(rows);
                chain.add_up(workers, rows.div_ceil(size), gradients);
            }
        }
        Ok(score)
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
