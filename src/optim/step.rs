//! One training step, as the report's `Optim` does it.

use super::Optimizer;
use super::around::{Around, StepOptions};
use super::schedule::{Interval, ScheduleDescription, Scheduler};
use crate::data::{Dataset, Target};
use crate::loss::Loss;
use crate::module::{Gradients, Module};
use crate::train::{BatchScore, Engine, Score, evaluate};
use crate::{Real, Result, Stream, Tensor};

/// A network, a loss and an optimiser: [`Optim::step`] is zero_grad, forward, loss, backward, update.
///
/// ```
/// use limpide::{Sequential, data::Target, layers::Linear, loss::MseLoss, optim::{Optim, Sgd}, tensor};
/// let mut network = Sequential::new().push(Linear::new(1, 1));
/// let (x, y) = (tensor(&[2, 1], vec![1.0, 2.0]), Target::Values(tensor(&[2, 1], vec![2.0, 4.0])));
/// let loss = MseLoss::new();
/// let mut optim = Optim::new(&mut network, &loss, Sgd::new(0.1)?, 1);
/// let first = optim.step(&x, &y)?;
/// assert!(optim.step(&x, &y)? < first);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct Optim<'a, T: Real> {
    network: &'a mut dyn Module<T>,
    loss: &'a dyn Loss<T>,
    optimizer: Optimizer<T>,
    around: Around<T>,
    engine: Engine<T>,
    gradients: Gradients<T>,
    /// The stream of (seed, epoch), and the number of the next step in it.
    random: (Stream, u64),
}

impl<'a, T: Real> Optim<'a, T> {
    /// From its parts, on that many threads; the results do not depend on their number.
    pub fn new(
        network: &'a mut dyn Module<T>,
        loss: &'a dyn Loss<T>,
        optimizer: impl Into<Optimizer<T>>,
        threads: usize,
    ) -> Self {
        let gradients = Gradients::zeros_for(network);
        let (optimizer, engine) = (optimizer.into(), Engine::new(threads));
        Optim { network, loss, optimizer, around: Around::default(), engine, gradients, random: (Stream::new(0), 0) }
    }

    /// Penalties, clipping, constraints and averages around every step.
    ///
    /// # Errors
    /// An option error when one is out of range.
    pub fn options(mut self, options: StepOptions) -> Result<Self> {
        self.around.set_options(options)?;
        Ok(self)
    }

    /// Moves the learning rate along a schedule: after every step, or at every [`Optim::end_epoch`].
    ///
    /// # Errors
    /// An option error when an argument is out of range.
    pub fn schedule(mut self, schedule: impl Into<ScheduleDescription>) -> Result<Self> {
        self.around.scheduler = Some(Scheduler::new(schedule, &mut self.optimizer)?);
        Ok(self)
    }

    /// Moves on a schedule that is stepped once an epoch. `metric` is what a
    /// [`ReduceLrOnPlateau`](super::schedule::ReduceLrOnPlateau) looks at.
    ///
    /// # Errors
    /// An option error when a metric is needed and none is given.
    pub fn end_epoch(&mut self, metric: Option<f64>) -> Result<()> {
        self.around.step_schedule(Interval::Epoch, &mut self.optimizer, metric)
    }

    /// Puts the averages into the network, where an average is kept, and the parameters back at the next call. No step may
    /// come between the two.
    pub fn swap_averages(&mut self) {
        if let Some(ema) = &mut self.around.ema {
            ema.swap(self.network);
        }
    }

    /// Keys the random numbers of the next steps (what a dropout drops) by the stream of (seed, epoch): the next step takes
    /// `stream.at(&[step])`, those after it the numbers that follow.
    pub fn set_random(&mut self, stream: Stream, step: u64) {
        self.random = (stream, step);
    }

    /// One step on a batch; the batch's loss before the step, by the loss's reduction. A loss that is not finite moves
    /// nothing.
    ///
    /// # Errors
    /// A shape error when network, loss and batch do not fit together, an option error when a hyper-parameter is out of
    /// range; nothing has changed then.
    pub fn step(&mut self, batch_x: &Tensor<T>, batch_y: &Target<T>) -> Result<T> {
        let score = self.step_score(batch_x, batch_y)?;
        Ok(self.loss.reduce(score.sum, score.denominator))
    }

    /// [`Optim::step`] with all that the step has measured, for averages over several batches.
    pub(crate) fn step_score(&mut self, batch_x: &Tensor<T>, batch_y: &Target<T>) -> Result<BatchScore<T>> {
        let (stream, step) = &mut self.random;
        self.engine.set_random(stream.at(&[*step]));
        *step += 1;
        let score = self.engine.gradients(self.network, self.loss, batch_x, batch_y, &mut self.gradients)?;
        // Gradients of a loss that is no number would spoil every parameter and hide where it began.
        if score.sum.is_finite() {
            self.engine.update_buffers(self.network);
            self.around.before(self.network, &mut self.gradients, self.engine.workers());
            self.optimizer.step(self.network, &self.gradients, self.engine.workers())?;
            self.around.after(self.network, &mut self.optimizer)?;
        }
        Ok(score)
    }

    /// The network as it stands.
    pub fn network(&self) -> &dyn Module<T> {
        self.network
    }

    /// The network to write to, between two steps.
    pub(crate) fn network_mut(&mut self) -> &mut dyn Module<T> {
        self.network
    }

    /// The optimiser as it stands.
    pub fn optimizer(&self) -> &Optimizer<T> {
        &self.optimizer
    }

    /// The gradients of the last step.
    pub fn gradients(&self) -> &Gradients<T> {
        &self.gradients
    }

    /// Mean loss and accuracy on a data set, without training.
    ///
    /// # Errors
    /// A shape error when network, loss and data do not fit together.
    pub fn evaluate(&mut self, data: &Dataset<T>) -> Result<Score> {
        evaluate(self.network, self.loss, data, &mut self.engine)
    }
}
