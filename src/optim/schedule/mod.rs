//! Schedules: the learning rate as a function of the step, by PyTorch's names and with its values.

mod cosine;
mod curve;
mod decay;
mod one_cycle;
mod plateau;
mod scheduler;
#[cfg(test)]
mod tests;

pub use cosine::{CosineAnnealingLr, CosineAnnealingWarmRestarts};
pub use decay::{ConstantLr, ExponentialLr, LinearLr, MultiStepLr, PolynomialLr, StepLr};
pub use one_cycle::{Anneal, OneCycleLr};
pub use plateau::{Mode, PlateauState, ReduceLrOnPlateau, ThresholdMode};
pub use scheduler::{ScheduleState, Scheduler};

use crate::model::with_nearest;
use crate::{Error, Result};
use curve::Curve;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A schedule by PyTorch's name in the field `type`, with its arguments beside it; what is left out has PyTorch's default.
///
/// | `type` | arguments |
/// | --- | --- |
/// | `StepLR` | `step_size`, `gamma` |
/// | `MultiStepLR` | `milestones`, `gamma` |
/// | `ConstantLR` | `factor`, `total_iters` |
/// | `LinearLR` | `start_factor`, `end_factor`, `total_iters` |
/// | `ExponentialLR` | `gamma` |
/// | `PolynomialLR` | `total_iters`, `power` |
/// | `CosineAnnealingLR` | `T_max`, `eta_min` |
/// | `CosineAnnealingWarmRestarts` | `T_0`, `T_mult`, `eta_min` |
/// | `OneCycleLR` | see [`OneCycleLr`] |
/// | `ReduceLROnPlateau` | see [`ReduceLrOnPlateau`] |
/// | `ChainedScheduler` | `schedulers`: their factors are multiplied |
/// | `SequentialLR` | `schedulers`, `milestones`: one after the other, each counting from its milestone |
/// | all | `interval`: `step` or `epoch`, what one step of the schedule is; `epoch` when left out, but `step` for a `OneCycleLR` |
///
/// In TOML, warm-up over two epochs and then a cosine down to 0 at the end of the run:
///
/// ```toml
/// [schedule]
/// type = "SequentialLR"
/// milestones = [2]
/// schedulers = [{ type = "LinearLR", start_factor = 0.1, total_iters = 2 }, { type = "CosineAnnealingLR" }]
/// ```
///
/// ```
/// use limpide::optim::schedule::ScheduleDescription;
/// let text = r#"{"type": "StepLR", "step_size": 2, "gamma": 0.5, "interval": "step"}"#;
/// let schedule = serde_json::from_str::<ScheduleDescription>(text)?.schedule;
/// let rates: Vec<f64> = (0..5).map(|t| schedule.rate(0.8, t)).collect();
/// assert_eq!(rates, [0.8, 0.8, 0.4, 0.4, 0.2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleDescription {
    /// The curve.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// What one step of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// What one step of a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// A training step.
    Step,
    /// An epoch.
    Epoch,
}

/// A curve by its name.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
// `remote` makes serde's code a pair of functions, so that `Deserialize` below can add the nearest name to an error.
#[serde(tag = "type", remote = "Self")]
#[allow(missing_docs)] // each variant is the curve it holds
pub enum Schedule {
    #[serde(rename = "StepLR")]
    Step(StepLr),
    #[serde(rename = "MultiStepLR")]
    MultiStep(MultiStepLr),
    #[serde(rename = "ConstantLR")]
    Constant(ConstantLr),
    #[serde(rename = "LinearLR")]
    Linear(LinearLr),
    #[serde(rename = "ExponentialLR")]
    Exponential(ExponentialLr),
    #[serde(rename = "PolynomialLR")]
    Polynomial(PolynomialLr),
    #[serde(rename = "CosineAnnealingLR")]
    Cosine(CosineAnnealingLr),
    #[serde(rename = "CosineAnnealingWarmRestarts")]
    WarmRestarts(CosineAnnealingWarmRestarts),
    #[serde(rename = "OneCycleLR")]
    OneCycle(OneCycleLr),
    #[serde(rename = "ReduceLROnPlateau")]
    Plateau(ReduceLrOnPlateau),
    #[serde(rename = "ChainedScheduler")]
    Chained(ChainedScheduler),
    #[serde(rename = "SequentialLR")]
    Sequential(SequentialLr),
}

/// The names that the field `type` of a [`ScheduleDescription`] can take.
pub const SCHEDULES: [&str; 12] = [
    "StepLR",
    "MultiStepLR",
    "ConstantLR",
    "LinearLR",
    "ExponentialLR",
    "PolynomialLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "ChainedScheduler",
    "SequentialLR",
];

/// **η = η₀·Πᵢ ηᵢ(t)/η₀**: the factors of several schedules, multiplied.
///
/// PyTorch's chain has the same values where every member multiplies the rate. A cosine it continues from the chain's own rate of the
/// step before: that is the same up to `T_max` with an `eta_min` of 0, and differs behind `T_max` or with an `eta_min` above 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainedScheduler {
    /// The members.
    pub schedulers: Vec<Schedule>,
}

/// One schedule after the other: the next begins at its milestone, with a clock of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequentialLr {
    /// The members.
    pub schedulers: Vec<Schedule>,
    /// Where each but the first begins, in ascending order.
    pub milestones: Vec<u64>,
}

impl Schedule {
    /// The same, stepped after every training step.
    pub fn per_step(self) -> ScheduleDescription {
        ScheduleDescription { schedule: self, interval: Some(Interval::Step) }
    }

    /// The same, stepped after every epoch.
    pub fn per_epoch(self) -> ScheduleDescription {
        ScheduleDescription { schedule: self, interval: Some(Interval::Epoch) }
    }

    /// η after t steps of the schedule, with the optimiser's rate η₀ as `base`; what [`ReduceLrOnPlateau`] does is no function
    /// of the step, and it gives η₀.
    ///
    /// The arguments need not have passed [`Schedule::check`], as those of a training run must: a count of 0 is taken as 1, a length
    /// that was left out ([`Schedule::fit_to`]) as 1 too, and where a [`SequentialLr`] has too few members the last goes on.
    pub fn rate(&self, base: f64, t: u64) -> f64 {
        self.curve().map_or(base, |curve| curve.rate(base, t))
    }

    /// Momentum after t steps, for a schedule that moves it.
    pub fn momentum(&self, t: u64) -> Option<f64> {
        self.curve()?.momentum(t)
    }

    /// Whether every argument is in its range.
    ///
    /// # Errors
    /// [`Error::Option`] with the range and why.
    pub fn check(&self) -> Result<()> {
        match self {
            Schedule::Plateau(plateau) => plateau.check(),
            other => other.curve().map_or(Ok(()), Curve::check),
        }
    }

    /// Takes the length of the run where it was left out: `T_max`, `total_steps`.
    pub fn fit_to(&mut self, steps: u64) {
        let curve: &mut dyn Curve = match self {
            Schedule::Cosine(curve) => curve,
            Schedule::OneCycle(curve) => curve,
            Schedule::Chained(curve) => curve,
            Schedule::Sequential(curve) => curve,
            _ => return,
        };
        curve.fit_to(steps);
    }

    fn curve(&self) -> Option<&dyn Curve> {
        Some(match self {
            Schedule::Step(curve) => curve,
            Schedule::MultiStep(curve) => curve,
            Schedule::Constant(curve) => curve,
            Schedule::Linear(curve) => curve,
            Schedule::Exponential(curve) => curve,
            Schedule::Polynomial(curve) => curve,
            Schedule::Cosine(curve) => curve,
            Schedule::WarmRestarts(curve) => curve,
            Schedule::OneCycle(curve) => curve,
            Schedule::Chained(curve) => curve,
            Schedule::Sequential(curve) => curve,
            Schedule::Plateau(_) => return None,
        })
    }

    /// Whether there is a one-cycle schedule in it.
    fn cycles(&self) -> bool {
        self.has_cycle(|_| true)
    }

    /// Whether it moves momentum at any time.
    fn moves_momentum(&self) -> bool {
        self.has_cycle(|cycle| cycle.cycle_momentum)
    }

    fn has_cycle(&self, wanted: fn(&OneCycleLr) -> bool) -> bool {
        match self {
            Schedule::OneCycle(cycle) => wanted(cycle),
            Schedule::Chained(ChainedScheduler { schedulers })
            | Schedule::Sequential(SequentialLr { schedulers, .. }) => {
                schedulers.iter().any(|member| member.has_cycle(wanted))
            }
            _ => false,
        }
    }
}

impl ScheduleDescription {
    /// What one step of the schedule is.
    pub fn interval(&self) -> Interval {
        let usual = if self.schedule.cycles() { Interval::Step } else { Interval::Epoch };
        self.interval.unwrap_or(usual)
    }
}

impl From<Schedule> for ScheduleDescription {
    fn from(schedule: Schedule) -> Self {
        ScheduleDescription { schedule, interval: None }
    }
}

/// Errs when there is no member, or one that is no function of the step.
fn check_members(name: &str, schedulers: &[Schedule]) -> Result<()> {
    if schedulers.is_empty() {
        return Err(Error::option(format!("{name}: schedulers"), "at least 1", 0));
    }
    if schedulers.iter().any(|member| matches!(member, Schedule::Plateau(_))) {
        let wanted = "functions of the step";
        return Err(Error::option(
            format!("{name}: schedulers"),
            wanted,
            "a ReduceLROnPlateau, which depends on results",
        ));
    }
    schedulers.iter().enumerate().try_for_each(|(place, member)| {
        member.check().map_err(|error| error.within(format!("{name}: schedulers[{place}]")))
    })
}

impl Curve for ChainedScheduler {
    fn check(&self) -> Result<()> {
        if self.schedulers.iter().any(Schedule::cycles) {
            let wanted = "schedules with a factor of the rate";
            return Err(Error::option("ChainedScheduler: schedulers", wanted, "a OneCycleLR, whose rate is its own"));
        }
        check_members("ChainedScheduler", &self.schedulers)
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        // A base of 0 has no factors, and nothing to multiply.
        let factor = |member: &Schedule| if base == 0.0 { 1.0 } else { member.rate(base, t) / base };
        base * self.schedulers.iter().map(factor).product::<f64>()
    }

    fn fit_to(&mut self, steps: u64) {
        self.schedulers.iter_mut().for_each(|member| member.fit_to(steps));
    }
}

impl SequentialLr {
    /// The member whose turn it is after t steps, and its own clock; the last one goes on where there are too few, and there is
    /// none among none.
    fn member(&self, t: u64) -> Option<(&Schedule, u64)> {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= t);
        let place = passed.clone().count().min(self.schedulers.len().checked_sub(1)?);
        let start = passed.take(place).last().copied().unwrap_or(0);
        Some((&self.schedulers[place], t - start))
    }
}

impl Curve for SequentialLr {
    fn check(&self) -> Result<()> {
        check_members("SequentialLR", &self.schedulers)?;
        if self.milestones.len() + 1 != self.schedulers.len() {
            let wanted = format!("{}, one fewer than the schedulers", self.schedulers.len() - 1);
            return Err(Error::option("SequentialLR: the number of milestones", wanted, self.milestones.len()));
        }
        decay::ascending("SequentialLR: milestones", &self.milestones)
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        self.member(t).map_or(base, |(member, t)| member.rate(base, t))
    }

    fn momentum(&self, t: u64) -> Option<f64> {
        let (member, t) = self.member(t)?;
        member.momentum(t)
    }

    /// A member's length is the distance to the next milestone, or to the end of the run.
    fn fit_to(&mut self, steps: u64) {
        let starts = std::iter::once(0).chain(self.milestones.iter().copied());
        let stops = self.milestones.iter().copied().chain([steps]);
        for ((member, start), stop) in self.schedulers.iter_mut().zip(starts).zip(stops) {
            member.fit_to(stop.saturating_sub(start));
        }
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Schedule::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Apart and of one type, so that it is compiled here and not again for every format that a caller reads.
fn read(value: Value) -> std::result::Result<Schedule, String> {
    Schedule::deserialize(value).map_err(|error| with_nearest(&error, "schedule", &SCHEDULES))
}
