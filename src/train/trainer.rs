//! The training loop: epochs of shuffled mini-batches, validation, callbacks.

use super::engine::BatchScore;
use super::{Epoch, History, Score};
use crate::data::{Batches, Dataset};
use crate::loss::Loss;
use crate::module::{Module, Tape};
use crate::optim::{Optim, Optimizer, Sgd};
use crate::plan::Batch;
use crate::{Error, Real, Result, Stream, Tensor};
use std::ops::Range;
use std::time::Instant;

/// Steps that the score of a [`Progress`] covers.
const RECENT: usize = 50;

/// What a callback wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Train on.
    Continue,
    /// Stop after this epoch.
    Stop,
}

type EpochCallback<'a, T> = dyn FnMut(&Epoch, &dyn Module<T>) -> Flow + 'a;

/// Where a run stands within an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// How many epochs the run has.
    pub epochs: usize,
    /// Samples done in this epoch.
    pub samples: usize,
    /// Samples in an epoch.
    pub total: usize,
    /// The score of the last steps.
    pub score: Score,
    /// Seconds since the epoch began.
    pub seconds: f64,
}

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
    on_epoch: Box<EpochCallback<'a, T>>,
    on_step: Option<Box<dyn FnMut(&Progress) + 'a>>,
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
            on_epoch: Box::new(|_, _| Flow::Continue),
            on_step: None,
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

    /// Called after every epoch with its figures and the network.
    pub fn on_epoch(mut self, callback: impl FnMut(&Epoch, &dyn Module<T>) -> Flow + 'a) -> Self {
        self.on_epoch = Box::new(callback);
        self
    }

    /// Called after every step, for progress bars.
    pub fn on_step(mut self, callback: impl FnMut(&Progress) + 'a) -> Self {
        self.on_step = Some(Box::new(callback));
        self
    }

    /// Trains the network and gives the figures of every epoch.
    ///
    /// # Errors
    /// A shape error when network, loss and data do not fit together; [`Error::Option`] for settings out of range;
    /// [`Error::NotFinite`] when the loss stops being a number, with the first tensor that went bad.
    pub fn fit(mut self, network: &mut dyn Module<T>, loss: &dyn Loss<T>, train: &Dataset<T>) -> Result<History> {
        super::score::check(network, loss, train)?;
        for (name, size) in [("threads", self.threads), ("samples", train.len())] {
            if size == 0 {
                return Err(Error::option(format!("Trainer: {name}"), "at least 1", size));
            }
        }
        let mut batches = Batches::new((0..train.len()).collect(), self.batch_size, self.seed)?.shuffle(self.shuffle);
        let mut history = History::default();
        let mut optim = Optim::new(network, loss, self.optimizer, self.threads);
        let random = Stream::new(self.seed).at(&[u64::from_be_bytes(*b"training")]);
        let mut target = train.target_room(0);
        for number in 1..=self.epochs {
            let start = Instant::now();
            let mut scores: Vec<BatchScore<T>> = Vec::new();
            let mut samples = 0;
            optim.set_random(random.at(&[number as u64]));
            for indices in batches.epoch(number as u64) {
                if target.len() != indices.len() {
                    target = train.target_room(indices.len());
                }
                train.gather_targets_into(indices, target.rows_mut());
                let fill = |range: Range<usize>, to: &mut [T]| train.inputs.gather_into(&indices[range], to);
                let batch = Batch { rows: indices.len(), fill: &fill, target: &target };
                let score = optim.step_batch(train.sample_shape(), &batch)?;
                if !score.sum.is_finite() {
                    let culprit = culprit(optim.network(), &train.inputs.gather(indices));
                    let (epoch, step) = (number, scores.len() + 1);
                    return Err(Error::NotFinite { value: score.sum.to_f64(), epoch, step, culprit });
                }
                scores.push(score);
                samples += indices.len();
                if let Some(on_step) = &mut self.on_step {
                    on_step(&Progress {
                        epoch: number,
                        epochs: self.epochs,
                        samples,
                        total: train.len(),
                        score: Score::of(&scores[scores.len().saturating_sub(RECENT)..]),
                        seconds: start.elapsed().as_secs_f64(),
                    });
                }
            }
            let seconds = start.elapsed().as_secs_f64();
            let validation = self.validation.map(|data| optim.evaluate(data)).transpose()?;
            let epoch = Epoch { number, train: Score::of(&scores), validation, seconds };
            history.epochs.push(epoch);
            let flow = (self.on_epoch)(&history.epochs[number - 1], optim.network());
            if flow == Flow::Stop {
                break;
            }
        }
        Ok(history)
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
