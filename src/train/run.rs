//! The training loop: epochs of mini-batches, validation, callbacks, checkpoints.

use super::callback::{Callback, Flow, Progress};
use super::checkpoint::{Checkpoint, Position, RunSettings};
use super::checkpoints::Writer;
use super::engine::BatchScore;
use super::samples::Samples;
use super::score::Totals;
use super::{Epoch, History, Score};
use crate::data::{Batches, Dataset, Loader, Target};
use crate::loss::Loss;
use crate::module::{Module, Tape};
use crate::optim::Optim;
use crate::plan::Batch;
use crate::tensor::{dense, values};
use crate::{Error, Real, Result, Stream, Tensor};
use std::collections::VecDeque;
use std::time::Instant;

/// Steps that the score of a [`Progress`] covers.
const RECENT: usize = 50;

/// A run under way.
pub(super) struct Run<'a, 'b, T: Real> {
    pub optim: Optim<'b, T>,
    pub epochs: usize,
    pub train: &'b Dataset<T>,
    pub loader: Option<Loader<'b, T>>,
    pub batches: Batches,
    pub validation: Option<&'a Dataset<T>>,
    pub callbacks: Vec<Box<dyn Callback<T> + 'a>>,
    pub writer: Option<Writer>,
    pub settings: RunSettings,
    pub position: Position,
}

impl<T: Real> Run<'_, '_, T> {
    /// Trains until the last epoch or until a callback stops the run.
    pub fn finish(mut self) -> Result<History> {
        for callback in &mut self.callbacks {
            callback.on_start(&self.position.history, self.optim.network())?;
        }
        while !self.position.ended && self.position.epoch <= self.epochs {
            if self.steps()? == Flow::Stop {
                self.write_checkpoint()?;
                return Ok(self.position.history);
            }
            self.end_epoch()?;
        }
        self.optim.swap_averages();
        for callback in &mut self.callbacks {
            callback.on_end(&self.position.history, self.optim.network_mut())?;
        }
        Ok(self.position.history)
    }

    /// The steps that are left of the epoch under way; whether a callback stopped within it.
    fn steps(&mut self) -> Result<Flow> {
        let Run { optim, train, loader, batches, callbacks, position, .. } = self;
        let (number, before) = (position.epoch, position.seconds);
        let (epoch, loader) = (number as u64, loader.as_ref());
        let total = train.len().min(batches.len() * self.settings.batch_size);
        let room = |rows| loader.map_or_else(|| train.target_room(rows), |loader| loader.target_room(rows));
        let start = Instant::now();
        let random = Stream::new(self.settings.seed).at(&[u64::from_be_bytes(*b"training"), epoch]);
        optim.set_random(random, position.step as u64);
        let mut recent: VecDeque<BatchScore<T>> = VecDeque::with_capacity(RECENT);
        let mut target = room(0);
        let mut batches = batches.epoch(epoch).skip(position.step).peekable();
        while let Some(indices) = batches.next() {
            let next: &[usize] = batches.peek().map_or(&[], |next| next);
            train.inputs.ahead(next);
            if target.len() != indices.len() {
                target = room(indices.len());
            }
            match loader {
                Some(loader) => loader.fill_targets(epoch, indices, 0..indices.len(), target.rows_mut()),
                None => train.gather_targets_into(indices, target.rows_mut()),
            }
            let fill = Samples { inputs: &train.inputs, loader, epoch, indices, next };
            let batch = Batch { rows: indices.len(), fill: &fill, target: &target };
            let score = optim.step_batch(train.sample_shape(), &batch)?;
            position.step += 1;
            if let Some(error) = train.inputs.failure() {
                return Err(error);
            }
            if !score.sum.is_finite() {
                let x = loader.map_or_else(|| train.inputs.gather(indices), |own| own.batch(epoch, indices).0);
                let input = || {
                    let (sample, value) = train.bad_input(indices)?;
                    Some(format!("sample {sample} has an input that is {value}"))
                };
                let culprit = bad_target(&target, indices).or_else(input);
                let culprit = culprit.unwrap_or_else(|| culprit_of(optim.network(), optim.loss(), &x));
                let (epoch, step) = (number, position.step);
                return Err(Error::NotFinite { value: score.sum.to_f64(), epoch, step, culprit });
            }
            position.steps += 1;
            position.totals.add(&score);
            position.seconds = before + start.elapsed().as_secs_f64();
            if callbacks.is_empty() && self.writer.is_none() {
                continue; // nobody looks, and a step of a small network takes less than a look
            }
            if recent.len() == RECENT {
                recent.pop_front();
            }
            recent.push_back(score);
            let progress = Progress {
                epoch: number,
                epochs: self.epochs,
                samples: position.totals.samples(),
                total,
                score: Score::of(&recent),
                seconds: position.seconds,
            };
            let mut flow = Flow::Continue;
            for callback in callbacks.iter_mut() {
                if callback.on_step(&progress, optim.network())? == Flow::Stop {
                    flow = Flow::Stop;
                }
            }
            if flow == Flow::Stop {
                return Ok(flow);
            }
            if let Some(writer) = self.writer.as_mut().filter(|writer| writer.wants_step(position.steps)) {
                let bytes = Checkpoint::encode(optim, callbacks, &self.settings, position);
                writer.write(position.steps, &bytes)?;
            }
        }
        Ok(Flow::Continue)
    }

    /// What follows the last step of an epoch.
    fn end_epoch(&mut self) -> Result<()> {
        // From here to the next swap the network has the averages, where they are kept.
        self.optim.swap_averages();
        let validation = self.validation.map(|data| self.optim.evaluate(data)).transpose()?;
        let Position { epoch: number, totals, seconds, .. } = self.position;
        let learning_rate = self.optim.last_rate();
        let epoch = Epoch { number, train: totals.score(), validation, learning_rate, seconds };
        for callback in &mut self.callbacks {
            self.position.ended |= callback.on_epoch(&epoch, self.optim.network())? == Flow::Stop;
        }
        self.optim.swap_averages();
        self.optim.end_epoch(Some(epoch.validation.unwrap_or(epoch.train).loss))?;
        self.position.history.epochs.push(epoch);
        self.position.epoch += 1;
        (self.position.step, self.position.totals, self.position.seconds) = (0, Totals::default(), 0.0);
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let (best, last) = (writer.wants_best(&self.position.history)?, self.position.ended || number == self.epochs);
        if best {
            writer.keep_best(Checkpoint::encode(&self.optim, &self.callbacks, &self.settings, &self.position));
        }
        if last || writer.wants_epoch(number) {
            self.write_checkpoint()?;
        }
        Ok(())
    }

    fn write_checkpoint(&mut self) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let bytes = Checkpoint::encode(&self.optim, &self.callbacks, &self.settings, &self.position);
        writer.write(self.position.steps, &bytes)
    }
}

/// The first sample of a batch with a target that is not finite, in words.
fn bad_target<T: Real>(target: &Target<T>, indices: &[usize]) -> Option<String> {
    let Target::Values(values) = target else { return None };
    let (at, value) = values.indexed_iter().find(|(_, value)| !value.is_finite())?;
    Some(format!("sample {} has a target that is {value}", indices[at[0]]))
}

/// The first tensor that is not finite: a parameter, or one of a forward pass on `x`.
pub(super) fn culprit_of<T: Real>(network: &dyn Module<T>, loss: &dyn Loss<T>, x: &Tensor<T>) -> String {
    let bad = |tensor: &Tensor<T>| tensor.iter().any(|value| !value.is_finite());
    if bad(x) {
        return "the batch itself holds a value that is not finite".into();
    }
    if let Some((name, _)) = network.parameters().into_iter().find(|(_, value)| bad(value)) {
        return format!("parameter {name} holds a value that is not finite");
    }
    let mut tape = Tape::new();
    let output = network.forward(x, &mut tape);
    match tape.tensors(network).into_iter().find(|(_, tensor)| bad(tensor)) {
        Some((name, _)) => format!("{name} is the first tensor of the pass that is not finite"),
        None => match loss.check_output(values(&dense(&output))) {
            Err(error) => error.to_string(),
            Ok(()) => "every tensor of the pass is finite, the loss itself overflowed".into(),
        },
    }
}
