//! The settings of a training run, and their check before it begins.

use super::callback::{Callback, Flow, OnEpoch, OnStep, Progress};
use super::checkpoint::{Checkpoint, Position, RunSettings};
use super::checkpoints::Checkpoints;
use super::run::Run;
use super::{Epoch, History};
use crate::data::augment::Augmentation;
use crate::data::{Batches, Dataset, Loader, Mixup, Standardization};
use crate::loss::Loss;
use crate::module::Module;
use crate::optim::schedule::{Interval, ScheduleDescription, Scheduler};
use crate::optim::{Optim, Optimizer, Sgd, StepOptions};
use crate::{Error, Real, Result};
use std::collections::BTreeSet;
use std::fmt;

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
    balanced: bool,
    drop_last: bool,
    augmentation: Augmentation,
    mixup: Option<Mixup>,
    standardization: Option<Standardization>,
    seed: u64,
    threads: usize,
    validation: Option<&'a Dataset<T>>,
    step_options: StepOptions,
    schedule: Option<ScheduleDescription>,
    callbacks: Vec<Box<dyn Callback<T> + 'a>>,
    checkpoints: Option<Checkpoints>,
    resume: Option<Checkpoint>,
}

/// The settings; of what watches the run, how many there are.
impl<T: Real> fmt::Debug for Trainer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("optimizer", &self.optimizer.to_string())
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("shuffle", &self.shuffle)
            .field("balanced", &self.balanced)
            .field("drop_last", &self.drop_last)
            .field("augmentation", &self.augmentation)
            .field("mixup", &self.mixup)
            .field("standardization", &self.standardization)
            .field("seed", &self.seed)
            .field("threads", &self.threads)
            .field("validation", &self.validation.map(|data| &data.name))
            .field("step_options", &self.step_options)
            .field("schedule", &self.schedule)
            .field("callbacks", &self.callbacks.len())
            .field("checkpoints", &self.checkpoints)
            .field("resume", &self.resume.as_ref().map(Checkpoint::steps))
            .finish()
    }
}

impl<'a, T: Real> Trainer<'a, T> {
    /// One epoch of shuffled batches of 32, seed 0, one thread, no validation.
    pub fn new(optimizer: impl Into<Optimizer<T>>) -> Self {
        Trainer {
            optimizer: optimizer.into(),
            epochs: 1,
            batch_size: 32,
            shuffle: true,
            balanced: false,
            drop_last: false,
            augmentation: Augmentation::new(),
            mixup: None,
            standardization: None,
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

    /// Every epoch has as many samples of each class as of any other; see [`Batches::balanced`].
    pub fn balanced(mut self) -> Self {
        self.balanced = true;
        self
    }

    /// Leaves out the last batch of an epoch when it is smaller than the others.
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Changes the training images at random in every epoch.
    pub fn augment(mut self, augmentation: Augmentation) -> Self {
        self.augmentation = augmentation;
        self
    }

    /// Mixes the training samples in pairs, after they have been augmented.
    pub fn mixup(mut self, mixup: Mixup) -> Self {
        self.mixup = Some(mixup);
        self
    }

    /// Standardises the training inputs, last of all. Validation data must have been standardised before.
    pub fn standardize(mut self, standardization: Standardization) -> Self {
        self.standardization = Some(standardization);
        self
    }

    /// The seed of the orders, of augmentation and mixup, and of what layers draw in training.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Threads that work; the results do not depend on their number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Data to score the network on after every epoch; its numbers must be finite.
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

    /// Whether settings, network, loss and data fit together; [`Trainer::fit`] asks it first.
    ///
    /// # Errors
    /// A shape error, or [`Error::Option`] for settings out of range.
    pub fn check(&self, network: &dyn Module<T>, loss: &dyn Loss<T>, train: &Dataset<T>) -> Result<()> {
        T::check(self, network, loss, train)
    }

    pub(crate) fn check_here(&self, network: &dyn Module<T>, loss: &dyn Loss<T>, train: &Dataset<T>) -> Result<()> {
        for (name, size) in [("threads", self.threads), ("samples", train.len())] {
            if size == 0 {
                return Err(Error::option(format!("Trainer: {name}"), "at least 1", size));
            }
        }
        crate::model::check_shapes(network)?;
        crate::format::check_names(network)?;
        match self.loader(train)? {
            None => super::score::check(network, loss, train)?,
            // Mixup makes another kind of target; what holds for one sample holds for all.
            Some(loader) => {
                let (x, target) = loader.batch(1, &[0]);
                loss.check(&network.output_shape(x.shape())?, &target)?;
            }
        }
        if let Some(validation) = self.validation {
            if validation.is_empty() {
                return Err(Error::option("Trainer: validation samples", "at least 1", 0));
            }
            super::score::check(network, loss, validation)?;
        }
        let batches = self.batches(train)?;
        // A small last batch can be too little for a network to train on.
        let (size, left) = (self.batch_size.min(train.len()), train.len() % self.batch_size);
        let last = if self.drop_last || left == 0 { size } else { left };
        for rows in [size, last] {
            network.training_shape(&[&[rows], train.sample_shape()].concat())?;
        }
        self.optimizer.check_for(network)?;
        self.step_options.check()?;
        if let Some(schedule) = self.fitted_schedule(&batches) {
            Scheduler::check(&schedule, &self.optimizer)?;
        }
        let mut sections = BTreeSet::from(["model", "optimizer", "average"]);
        match self.callbacks.iter().filter_map(|own| own.section()).find(|&name| !sections.insert(name)) {
            Some(name) => Err(Error::option("Trainer: callbacks with tensors in a checkpoint", "one of a name", name)),
            None => Ok(()),
        }
    }

    /// Trains the network and gives the figures of every epoch.
    ///
    /// # Errors
    /// A shape error when network, loss and data do not fit together; [`Error::Option`] for settings out of range;
    /// [`Error::NotFinite`] when the loss stops being a number, with the first tensor that went bad (the last checkpoint
    /// is from before); [`Error::Data`] for a checkpoint of another model or run; those of the callbacks.
    pub fn fit(self, network: &mut dyn Module<T>, loss: &dyn Loss<T>, train: &Dataset<T>) -> Result<History> {
        T::fit(self, network, loss, train)
    }

    pub(crate) fn fit_here(
        mut self,
        network: &mut dyn Module<T>,
        loss: &dyn Loss<T>,
        train: &Dataset<T>,
    ) -> Result<History> {
        self.check(network, loss, train)?;
        // Nothing would stop at a score that is no number.
        self.validation.map_or(Ok(()), Dataset::check_finite)?;
        let (loader, batches) = (self.loader(train)?, self.batches(train)?);
        let schedule = self.fitted_schedule(&batches);
        let settings = RunSettings {
            seed: self.seed,
            batch_size: self.batch_size,
            shuffle: self.shuffle,
            balanced: self.balanced,
            drop_last: self.drop_last,
            augmentation: self.augmentation,
            mixup: self.mixup,
            standardized: self.standardization.is_some(),
            samples: train.len(),
            loss: Some(loss.to_string()),
            optimizer: Some(self.optimizer.to_string()),
            // As it was given: fitted to the run, it would change with the number of epochs.
            schedule: self.schedule.clone(),
            step: Some(self.step_options.clone()),
        };
        let writer = self.checkpoints.take().map(|own| own.open(self.resume.is_some())).transpose()?;
        let mut optim =
            Optim::new(network, loss, self.optimizer, self.threads).options(self.step_options)?.without_gradients();
        if let Some(schedule) = schedule {
            optim = optim.schedule(schedule)?;
        }
        // Not for the first batch that comes: a run that goes on may begin with the small one at the end of an epoch.
        optim.plan_for(train.sample_shape(), self.batch_size.min(train.len()))?;
        let position = match self.resume.take() {
            Some(checkpoint) => checkpoint.restore(optim.restorable(), &mut self.callbacks, &settings)?,
            None => Position::default(),
        };
        let (epochs, validation, callbacks) = (self.epochs, self.validation, self.callbacks);
        Run { optim, epochs, train, loader, batches, validation, callbacks, writer, settings, position }.finish()
    }

    /// What changes the samples on their way, when something does.
    fn loader<'b>(&self, train: &'b Dataset<T>) -> Result<Option<Loader<'b, T>>> {
        let Trainer { augmentation, mixup, standardization, seed, .. } = self;
        if augmentation.steps.is_empty() && mixup.is_none() && standardization.is_none() {
            return Ok(None);
        }
        let mut loader = Loader::new(train, *seed);
        if !augmentation.steps.is_empty() {
            loader = loader.augment(augmentation)?;
        }
        if let Some(mixup) = mixup {
            loader = loader.mixup(*mixup)?;
        }
        if let Some(standardization) = standardization {
            loader = loader.standardize(standardization.clone())?;
        }
        Ok(Some(loader))
    }

    /// The schedule for as many steps as the run has.
    fn fitted_schedule(&self, batches: &Batches) -> Option<ScheduleDescription> {
        let mut schedule = self.schedule.clone()?;
        let steps = if schedule.interval() == Interval::Step { batches.len() } else { 1 };
        schedule.schedule.fit_to(self.epochs.saturating_mul(steps) as u64);
        Some(schedule)
    }

    fn batches(&self, train: &Dataset<T>) -> Result<Batches> {
        let batches = Batches::new((0..train.len()).collect(), self.batch_size, self.seed)?;
        let mut batches = batches.shuffle(self.shuffle).drop_last(self.drop_last);
        if self.balanced {
            let labels = train.targets.labels();
            let labels =
                labels.ok_or_else(|| Error::option("Trainer: balanced", "for one class a sample", &train.name))?;
            train.check_classes("Trainer: balanced")?;
            batches = batches.balanced(&labels)?;
        }
        if batches.is_empty() {
            let wanted = format!("at most the {} samples when the last batch is dropped", train.len());
            return Err(Error::option("Trainer: batch size", wanted, self.batch_size));
        }
        Ok(batches)
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
