//! A schedule at work on an optimiser.

use super::{Interval, PlateauState, Schedule, ScheduleDescription};
use crate::optim::Optimizer;
use crate::{Error, Real, Result};
use serde::{Deserialize, Serialize};

/// A schedule with its clock.
///
/// ```
/// use limpide::optim::{Optimizer, Sgd, schedule::{ExponentialLr, Schedule, Scheduler}};
/// let mut optimizer = Optimizer::<f32>::from(Sgd::new(0.8)?);
/// let schedule = Schedule::Exponential(ExponentialLr { gamma: 0.5 });
/// let mut scheduler = Scheduler::new(schedule, &mut optimizer)?;
/// assert_eq!(optimizer.learning_rate(), 0.8);
/// scheduler.step(&mut optimizer, None)?;
/// assert_eq!(optimizer.learning_rate(), 0.4);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scheduler {
    schedule: Schedule,
    interval: Interval,
    state: ScheduleState,
}

/// What a scheduler remembers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleState {
    /// Steps of the schedule so far.
    pub steps: u64,
    /// η₀, the optimiser's rate before the schedule.
    pub base_lr: f64,
    /// For [`ReduceLrOnPlateau`](super::ReduceLrOnPlateau).
    pub plateau: PlateauState,
}

impl Scheduler {
    /// Takes the optimiser's rate as the base, and sets the rate and momentum of the first step.
    ///
    /// # Errors
    /// [`Error::Option`] when an argument is out of range, or momentum is to move and the optimiser has none.
    pub fn new<T: Real>(description: impl Into<ScheduleDescription>, optimizer: &mut Optimizer<T>) -> Result<Self> {
        let description = description.into();
        Self::check(&description, optimizer)?;
        let (interval, schedule) = (description.interval(), description.schedule);
        let state = ScheduleState { steps: 0, base_lr: optimizer.learning_rate(), plateau: PlateauState::default() };
        let scheduler = Scheduler { schedule, interval, state };
        scheduler.set(optimizer)?;
        Ok(scheduler)
    }

    /// Whether every argument of a schedule is in its range, and the optimiser has what it is to move.
    ///
    /// # Errors
    /// Those of [`Scheduler::new`].
    pub fn check<T: Real>(description: &ScheduleDescription, optimizer: &Optimizer<T>) -> Result<()> {
        let schedule = &description.schedule;
        schedule.check()?;
        if matches!(schedule, Schedule::Plateau(_)) && description.interval() == Interval::Step {
            return Err(Error::option("ReduceLROnPlateau: interval", "epoch (a step has no validation loss)", "step"));
        }
        if schedule.moves_momentum() && optimizer.momentum().is_none() {
            let wanted = format!("false with {optimizer}, or its momentum above 0");
            return Err(Error::option("OneCycleLR: cycle_momentum", wanted, "true"));
        }
        Ok(())
    }

    /// What one step of the schedule is.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// Moves on by one step and sets the optimiser's rate and momentum; after the optimiser's step. `metric` is what
    /// [`ReduceLrOnPlateau`](super::ReduceLrOnPlateau) looks at.
    ///
    /// # Errors
    /// [`Error::Option`] when a metric is needed and none is given.
    pub fn step<T: Real>(&mut self, optimizer: &mut Optimizer<T>, metric: Option<f64>) -> Result<()> {
        self.state.steps += 1;
        let Schedule::Plateau(plateau) = &self.schedule else { return self.set(optimizer) };
        let metric = metric.ok_or_else(|| Error::option("ReduceLROnPlateau: metric", "a number", "none"))?;
        let rate = optimizer.learning_rate();
        let next = plateau.next(&mut self.state.plateau, metric, rate);
        if next == rate { Ok(()) } else { optimizer.set_learning_rate(next) }
    }

    /// η of the last step of an optimiser at `rate`: a schedule by the step has already set the next one's.
    pub(crate) fn last_rate(&self, rate: f64) -> f64 {
        match (self.interval, self.state.steps.checked_sub(1)) {
            (Interval::Step, Some(last)) => self.schedule.rate(self.state.base_lr, last),
            _ => rate,
        }
    }

    fn set<T: Real>(&self, optimizer: &mut Optimizer<T>) -> Result<()> {
        if matches!(self.schedule, Schedule::Plateau(_)) {
            return Ok(());
        }
        let ScheduleState { steps, base_lr, .. } = self.state;
        optimizer.set_learning_rate(self.schedule.rate(base_lr, steps))?;
        self.schedule.momentum(steps).map_or(Ok(()), |momentum| optimizer.set_momentum(momentum))
    }

    /// What the scheduler remembers.
    pub fn state(&self) -> ScheduleState {
        self.state
    }

    /// Goes on from a state of the same schedule; the optimiser's rate is part of the optimiser's own state.
    pub fn load_state(&mut self, state: ScheduleState) {
        self.state = state;
    }
}
