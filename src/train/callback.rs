//! What watches a training run and can stop it: the trait that early stopping, logs and progress bars implement.

use super::{Epoch, History, Score};
use crate::module::Module;
use crate::{Real, Result, Tensor};

/// What a callback wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Train on.
    Continue,
    /// Stop after this epoch or step.
    Stop,
}

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

/// Something that watches a run: every method has a default that does nothing.
///
/// A run calls `on_start` once, then `on_step` after every step and `on_epoch` after every epoch, and `on_end` once when it
/// is finished; not when it was stopped within an epoch, for then it is meant to go on.
///
/// ```
/// use limpide::{Module, Result, Sequential, data, layers::Linear, loss::MseLoss, optim::Sgd};
/// use limpide::train::{Callback, Epoch, Flow, Trainer};
///
/// /// Stops when the training loss is low enough.
/// struct Enough(f64);
///
/// impl Callback<f32> for Enough {
///     fn on_epoch(&mut self, epoch: &Epoch, _: &dyn Module<f32>) -> Result<Flow> {
///         Ok(if epoch.train.loss < self.0 { Flow::Stop } else { Flow::Continue })
///     }
/// }
///
/// let data = data::regression::<f32>(64, -1.0..1.0, 1)?;
/// let mut network = Sequential::new().push(Linear::new(2, 1));
/// let trainer = Trainer::new(Sgd::new(0.1)?).epochs(100).callback(Enough(0.5));
/// assert!(trainer.fit(&mut network, &MseLoss::new(), &data)?.epochs.len() < 100);
/// # Ok::<(), limpide::Error>(())
/// ```
pub trait Callback<T: Real> {
    /// Before the first step. `history` holds the epochs that lie behind a run that goes on, else nothing: from it a
    /// callback puts itself where it was.
    ///
    /// # Errors
    /// What the callback cannot do; the run does not begin then.
    fn on_start(&mut self, _history: &History, _network: &dyn Module<T>) -> Result<()> {
        Ok(())
    }

    /// After every step, with where the run stands and the network. To stop here leaves the epoch unfinished, for another run to go on with.
    ///
    /// # Errors
    /// What the callback cannot do; it ends the run, and so for the other methods.
    fn on_step(&mut self, _progress: &Progress, _network: &dyn Module<T>) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// After every epoch, with its figures and the network. To stop here finishes the run.
    ///
    /// # Errors
    /// See [`Callback::on_step`].
    fn on_epoch(&mut self, _epoch: &Epoch, _network: &dyn Module<T>) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// After the last epoch.
    ///
    /// # Errors
    /// See [`Callback::on_step`].
    fn on_end(&mut self, _history: &History, _network: &mut dyn Module<T>) -> Result<()> {
        Ok(())
    }

    /// The name in checkpoints of a callback that keeps tensors there; no other callback of the run may have it. `model`,
    /// `optimizer` and `average` are the run's own.
    fn section(&self) -> Option<&'static str> {
        None
    }

    /// The tensors that a checkpoint keeps for the callback, such as the best weights so far. What can be told from the
    /// history need not be kept.
    fn kept(&self) -> Vec<(String, &Tensor<T>)> {
        Vec::new()
    }

    /// Takes back what [`Callback::kept`] gave; called before [`Callback::on_start`] when a run goes on.
    fn restore(&mut self, _kept: Vec<(String, Tensor<T>)>) {}
}

/// A function called after every epoch.
pub(super) struct OnEpoch<F>(pub F);

impl<T: Real, F: FnMut(&Epoch, &dyn Module<T>) -> Flow> Callback<T> for OnEpoch<F> {
    fn on_epoch(&mut self, epoch: &Epoch, network: &dyn Module<T>) -> Result<Flow> {
        Ok((self.0)(epoch, network))
    }
}

/// A function called after every step.
pub(super) struct OnStep<F>(pub F);

impl<T: Real, F: FnMut(&Progress)> Callback<T> for OnStep<F> {
    fn on_step(&mut self, progress: &Progress, _: &dyn Module<T>) -> Result<Flow> {
        (self.0)(progress);
        Ok(Flow::Continue)
    }
}
