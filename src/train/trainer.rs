//! The training loop: epochs of shuffled mini-batches, validation, callbacks, checkpoints.

use super::callback::{Callback, Flow, OnEpoch, OnStep, Progress};
use super::checkpoint::{Checkpoint, Position, RunSettings};
use super::checkpoints::{Checkpoints, Writer};
use super::engine::BatchScore;
use super::score::Totals;
use super::{Epoch, History, Score};
use crate::data::{Batches, Dataset};
use crate::loss::Loss;
use crate::module::{Module, Tape};
use crate::optim::schedule::{Interval, ScheduleDescription};
use crate::optim::{Optim, Optimizer, Sgd, StepOptions};
use crate::plan::Batch;
use crate::{Error, Real, Result, Stream, Tensor};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::time::Instant;

/// Steps that the score of a [`Progress`] covers.
const RECENT: usize = 50;

/// The settings of a training run.
///
/// ```
/// use limpide::{Sequential, data, layers::{Linear, Tanh}, loss::MseLoss, optim::Sgd, train::Trainer};
/// let data = data::regression::<f32>(200, -1.0..1.0, 1)?;
/// let mut network = Sequential::new().push(Linear::new(2, 8)).push(Tanh).push(Linear::new(8, 1));
/// let history = Trainer::new(Sgd::new(0.1)?).epochs(20).batch_size(20).fit(&mut network, &MseLoss::new(), &data)?;
/// assert!(history.epochs[19].train.loss < history.epochs[0].train.loss);
/// # Ok::<(), limpide::Error>(())
/// ```
pub struct Trainer<'a, T: Real> {
    optimizer: Optimizer<T>,
    epochs: usize,
    batch_size: usize,
    shuffle: bool,
    seed: u64,
    threads: usize,
    validation: Option<&'a Dataset<T>>,
    step_options: StepOptions,
    schedule: Option<ScheduleDescription>,
    callbacks: Vec<Box<dyn Callback<T> + 'a>>,
    checkpoints: Option<Checkpoints>,
    resume: Option<Checkpoint>,
}

impl<'a, T: Real> Trainer<'a, T> {
    /// One epoch of shuffled batches of 32, seed 0, one thread, no validation.
    pub fn new(optimizer: impl Into<Optimizer<T>>) -> Self {
        Trainer {
            optimizer: optimizer.into(),
            epochs: 1,
            batch_size: 32,
            shuffle: true,
            seed: 0,
            threads: 1,
            validation: None,
            step_options: StepOptions::default(),
            schedule: None,
            callbacks: Vec::new(),
            checkpoints: None,
            resume: None,
        }
    }

    /// How often all samples are seen.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Samples a step.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Whether every epoch has its own random order; on by default.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The seed of the orders, and of what layers draw in training.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Threads that work; the results do not depend on their number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Data to score the network on after every epoch.
    pub fn validation(mut self, data: &'a Dataset<T>) -> Self {
        self.validation = Some(data);
        self
    }

    /// Moves the learning rate. Lengths that were left out (`T_max`, `total_steps`) are those of the run.
    pub fn schedule(mut self, schedule: impl Into<ScheduleDescription>) -> Self {
        self.schedule = Some(schedule.into());
        self
    }

    /// All that is done around a step, at once.
    pub fn step_options(mut self, options: StepOptions) -> Self {
        self.step_options = options;
        self
    }

    /// The largest norm of all gradients together.
    pub fn clip_grad_norm(mut self, max_norm: f64) -> Self {
        self.step_options.clip_grad_norm = Some(max_norm);
        self
    }

    /// The largest absolute value of a gradient's entry.
    pub fn clip_grad_value(mut self, clip_value: f64) -> Self {
        self.step_options.clip_grad_value = Some(clip_value);
        self
    }

    /// Keeps a moving average of the parameters with that decay. Validation and callbacks after an epoch see the averages, and
    /// the network has them at the end.
    pub fn ema(mut self, decay: f64) -> Self {
        self.step_options.ema = Some(decay);
        self
    }

    /// Something that watches the run; several are called in the order in which they were added.
    pub fn callback(mut self, callback: impl Callback<T> + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Called after every epoch with its figures and the network.
    pub fn on_epoch(self, callback: impl FnMut(&Epoch, &dyn Module<T>) -> Flow + 'a) -> Self {
        self.callback(OnEpoch(callback))
    }

    /// Called after every step, for progress bars.
    pub fn on_step(self, callback: impl FnMut(&Progress) + 'a) -> Self {
        self.callback(OnStep(callback))
    }

    /// Writes checkpoints, from which another process can go on.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Goes on from a checkpoint: the rest of the run has the bits that it would have had without an interruption. All
    /// settings but the number of epochs and threads must be those of the run that wrote it.
    pub fn resume(mut self, checkpoint: Checkpoint) -> Self {
        self.resume = Some(checkpoint);
        self
    }

    /// Trains the network and gives the figures of every epoch.
    ///
    /// # Errors
    /// A shape error when network, loss and data do not fit together; [`Error::Option`] for settings out of range;
    /// [`Error::NotFinite`] when the loss stops being a number, with the first tensor that went bad (the last checkpoint
    /// is from before); [`Error::Data`] for a checkpoint of another model or run; those of the callbacks.
    pub fn fit(mut self, network: &mut dyn Module<T>, loss: &dyn Loss<T>, train: &Dataset<T>) -> Result<History> {
        super::score::check(network, loss, train)?;
        for (name, size) in [("threads", self.threads), ("samples", train.len())] {
            if size == 0 {
                return Err(Error::option(format!("Trainer: {name}"), "at least 1", size));
            }
        }
        let mut sections = BTreeSet::new();
        if let Some(name) = self.callbacks.iter().filter_map(|own| own.section()).find(|&name| !sections.insert(name)) {
            return Err(Error::option("Trainer: callbacks with tensors in a checkpoint", "one of a name", name));
        }
        let settings =
            RunSettings { seed: self.seed, batch_size: self.batch_size, shuffle: self.shuffle, samples: train.len() };
        let batches = Batches::new((0..train.len()).collect(), self.batch_size, self.seed)?.shuffle(self.shuffle);
        let writer = self.checkpoints.take().map(|own| own.open(self.resume.is_some())).transpose()?;
        let mut optim = Optim::new(network, loss, self.optimizer, self.threads).options(self.step_options)?;
        if let Some(mut schedule) = self.schedule {
            let steps = if schedule.interval() == Interval::Step { batches.len() } else { 1 };
            schedule.schedule.fit_to((self.epochs * steps) as u64);
            optim = optim.schedule(schedule)?;
        }
        // Not for the first batch that comes: a run that goes on may begin with the small one at the end of an epoch.
        optim.plan_for(train.sample_shape(), self.batch_size.min(train.len()))?;
        let position = match self.resume.take() {
            Some(checkpoint) => checkpoint.restore(optim.restorable(), &mut self.callbacks, &settings)?,
            None => Position::default(),
        };
        let (epochs, validation, callbacks) = (self.epochs, self.validation, self.callbacks);
        Run { optim, epochs, train, batches, validation, callbacks, writer, settings, position }.finish()
    }
}

/// A run under way.
struct Run<'a, 'b, T: Real> {
    optim: Optim<'b, T>,
    epochs: usize,
    train: &'b Dataset<T>,
    batches: Batches,
    validation: Option<&'a Dataset<T>>,
    callbacks: Vec<Box<dyn Callback<T> + 'a>>,
    writer: Option<Writer>,
    settings: RunSettings,
    position: Position,
}

impl<T: Real> Run<'_, '_, T> {
    /// Trains until the last epoch or until a callback stops the run.
    fn finish(mut self) -> Result<History> {
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
        let Run { optim, train, batches, callbacks, position, .. } = self;
        let (number, before) = (position.epoch, position.seconds);
        let start = Instant::now();
        let random = Stream::new(self.settings.seed).at(&[u64::from_be_bytes(*b"training"), number as u64]);
        optim.set_random(random, position.step as u64);
        let mut recent: VecDeque<BatchScore<T>> = VecDeque::with_capacity(RECENT);
        let mut target = train.target_room(0);
        for indices in batches.epoch(number as u64).skip(position.step) {
            if target.len() != indices.len() {
                target = train.target_room(indices.len());
            }
            train.gather_targets_into(indices, target.rows_mut());
            let fill = |range: Range<usize>, to: &mut [T]| train.inputs.gather_into(&indices[range], to);
            let batch = Batch { rows: indices.len(), fill: &fill, target: &target };
            let score = optim.step_batch(train.sample_shape(), &batch)?;
            position.step += 1;
            if !score.sum.is_finite() {
                let culprit = culprit(optim.network(), &train.inputs.gather(indices));
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
                total: train.len(),
                score: Score::of(&recent),
                seconds: position.seconds,
            };
            let mut flow = Flow::Continue;
            for callback in callbacks.iter_mut() {
                if callback.on_step(&progress)? == Flow::Stop {
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
        let learning_rate = self.optim.optimizer().learning_rate();
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

/// The report's training function: `epochs` epochs of shuffled mini-batches by gradient descent; the mean loss of each epoch.
///
/// # Errors
/// Those of [`Trainer::fit`] and [`Sgd::new`].
pub fn sgd<T: Real>(
    network: &mut dyn Module<T>,
    loss: &dyn Loss<T>,
    train: &Dataset<T>,
    learning_rate: f64,
    epochs: usize,
    batch_size: usize,
    seed: u64,
) -> Result<Vec<f64>> {
    let trainer = Trainer::new(Sgd::new(learning_rate)?).epochs(epochs).batch_size(batch_size).seed(seed);
    Ok(trainer.fit(network, loss, train)?.train_losses())
}

/// The first tensor that is not finite: a parameter, or one of a forward pass on `x`.
fn culprit<T: Real>(network: &dyn Module<T>, x: &Tensor<T>) -> String {
    let bad = |tensor: &Tensor<T>| tensor.iter().any(|value| !value.is_finite());
    if bad(x) {
        return "the batch itself holds a value that is not finite".into();
    }
    if let Some((name, _)) = network.parameters().into_iter().find(|(_, value)| bad(value)) {
        return format!("parameter {name} holds a value that is not finite");
    }
    let mut tape = Tape::new();
    network.forward(x, &mut tape);
    match tape.tensors(network).into_iter().filter(|(name, _)| name != "output").find(|(_, tensor)| bad(tensor)) {
        Some((name, _)) => format!("{name} is the first tensor of the pass that is not finite"),
        None => "every tensor of the pass is finite, the loss itself overflowed".into(),
    }
}
