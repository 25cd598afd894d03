//! One training step, as the report's `Optim` does it.

use super::around::{Around, StepOptions};
use super::schedule::{Interval, ScheduleDescription, Scheduler};
use super::{Ema, Optimizer};
use crate::data::{Dataset, Target};
use crate::loss::Loss;
use crate::module::{Gradients, Module};
use crate::plan::{Batch, Plan};
use crate::tensor::{dense, values};
use crate::train::{BatchScore, Engine, Score, evaluate};
use crate::{Error, Real, Result, Stream, Tensor};
use std::ops::Range;

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
    /// Compiled for the first batch, and again for a larger one. The network is borrowed, so it stays the one planned.
    plan: Option<Plan<T>>,
    gradients: Gradients<T>,
    /// Whether every step leaves all of its gradients.
    keeps_gradients: bool,
    /// The stream of (seed, epoch), and the number of the next step in it.
    random: (Stream, u64),
}

/// What has a state in a checkpoint.
pub(crate) struct Restorable<'a, T: Real> {
    pub network: &'a mut dyn Module<T>,
    pub optimizer: &'a mut Optimizer<T>,
    pub ema: Option<&'a mut Ema<T>>,
    pub scheduler: Option<&'a mut Scheduler>,
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
        let (optimizer, engine, random) = (optimizer.into(), Engine::new(threads), (Stream::new(0), 0));
        let (around, plan, keeps_gradients) = (Around::default(), None, true);
        Optim { network, loss, optimizer, around, engine, plan, gradients, keeps_gradients, random }
    }

    /// Penalties, clipping, constraints and averages around every step.
    ///
    /// # Errors
    /// An option error when one is out of range.
    pub fn options(mut self, options: StepOptions) -> Result<Self> {
        self.around.set_options(options)?;
        Ok(self)
    }

    /// Steps need not leave their gradients, which saves writing and reading those of wide dense layers: their weights move as
    /// soon as they are known. Every step has the same bits either way.
    pub fn without_gradients(mut self) -> Self {
        self.keeps_gradients = false;
        self
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

    /// Puts the averages into the network, where averages are kept, and the parameters back at the next call. No step may
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

    /// Plans for batches of up to so many samples of a shape. How a step is divided, and so its last bits, depends on the
    /// size planned for; without this it is that of the first batch.
    ///
    /// # Errors
    /// A shape error when the network does not take such samples.
    pub fn plan_for(&mut self, sample: &[usize], rows: usize) -> Result<()> {
        self.plan = Some(Plan::new(self.network, &[&[rows], sample].concat())?);
        Ok(())
    }

    /// One step on a batch; the batch's loss before the step, by the loss's reduction. A loss that is not finite moves
    /// nothing.
    ///
    /// # Errors
    /// A shape error when network, loss and batch do not fit together, an option error when a hyper-parameter is out of
    /// range; nothing has changed then.
    pub fn step(&mut self, batch_x: &Tensor<T>, batch_y: &Target<T>) -> Result<T> {
        let x = dense(batch_x);
        let (x, shape) = (values(&x), batch_x.shape());
        let [rows, sample @ ..] = shape else { return Err(Error::shape("Optim", "a batch (n, …)", shape)) };
        let len: usize = sample.iter().product();
        let fill = |range: Range<usize>, to: &mut [T]| to.copy_from_slice(&x[range.start * len..range.end * len]);
        let score = self.step_batch(sample, &Batch { rows: *rows, fill: &fill, target: batch_y })?;
        Ok(self.loss.reduce(score.sum, score.denominator))
    }

    /// [`Optim::step`] on samples of a shape that are fetched when they are needed, with all that the step has measured.
    ///
    /// # Errors
    /// As [`Optim::step`].
    pub fn step_batch(&mut self, sample: &[usize], batch: &Batch<'_, T>) -> Result<BatchScore<T>> {
        let plan = match &mut self.plan {
            Some(plan) if plan.takes(sample, batch.rows) => plan,
            plan => plan.insert(Plan::new(self.network, &[&[batch.rows], sample].concat())?),
        };
        let (stream, step) = &self.random;
        self.engine.set_random(stream.at(&[*step]));
        let Optim { engine, network, loss, gradients, optimizer, around, .. } = self;
        let score = if self.keeps_gradients || !around.leaves_gradients() {
            let score = engine.planned_gradients(plan, *network, *loss, batch, gradients)?;
            // Gradients of a loss that is no number would spoil every parameter and hide where it began.
            if score.sum.is_finite() {
                around.before(*network, gradients, optimizer, engine.workers())?;
                optimizer.step(*network, gradients, engine.workers())?;
            }
            score
        } else {
            engine.planned_step(plan, *network, *loss, batch, gradients, optimizer)?
        };
        // Only now: a batch that was refused is no step.
        self.random.1 += 1;
        if score.sum.is_finite() {
            plan.update_buffers(*network);
            around.after(*network, optimizer)?;
        }
        Ok(score)
    }

    /// The network as it stands.
    pub fn network(&self) -> &dyn Module<T> {
        self.network
    }

    /// The network to write to, between two steps.
    pub(crate) fn loss(&self) -> &dyn Loss<T> {
        self.loss
    }

    pub(crate) fn network_mut(&mut self) -> &mut dyn Module<T> {
        self.network
    }

    /// The optimiser as it stands.
    pub fn optimizer(&self) -> &Optimizer<T> {
        &self.optimizer
    }

    /// η of the last step; before the first, that of the next.
    pub(crate) fn last_rate(&self) -> f64 {
        let rate = self.optimizer.learning_rate();
        self.scheduler().map_or(rate, |scheduler| scheduler.last_rate(rate))
    }

    /// Sets the learning rate of the next steps; a schedule sets it again.
    ///
    /// # Errors
    /// An option error when it is negative or not finite.
    pub fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.optimizer.set_learning_rate(rate)
    }

    /// The averages of the parameters, where they are kept.
    pub fn averages(&self) -> Option<&Ema<T>> {
        self.around.ema.as_ref()
    }

    /// The schedule, when there is one.
    pub fn scheduler(&self) -> Option<&Scheduler> {
        self.around.scheduler.as_ref()
    }

    /// All that a checkpoint restores.
    pub(crate) fn restorable(&mut self) -> Restorable<'_, T> {
        let Around { ema, scheduler, .. } = &mut self.around;
        Restorable {
            network: self.network,
            optimizer: &mut self.optimizer,
            ema: ema.as_mut(),
            scheduler: scheduler.as_mut(),
        }
    }

    /// The gradients of the last step, as the optimiser got them; not all of them after [`Optim::without_gradients`].
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
