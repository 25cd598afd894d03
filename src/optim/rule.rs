//! The contract of an optimiser's formula: what it is given, what it keeps, how it moves one parameter.

use crate::{Error, Real, Result};
use std::fmt::{Debug, Display};

/// The formula of an optimiser: how a parameter moves, entry by entry, along its gradient.
///
/// A rule holds hyper-parameters only. The clock, the rate of the moment and the state belong to the
/// [`Optimizer`](super::Optimizer) that it is put into ([`Optimizer::new`](super::Optimizer::new)); the example `07_own_parts` writes one.
pub trait Rule<T: Real>: Display + Debug + Send + Sync + 'static {
    /// Whether every hyper-parameter is in its range.
    ///
    /// # Errors
    /// [`Error::Option`] with the range and why.
    fn check(&self) -> Result<()>;

    /// What the steps begin with.
    fn settings(&self) -> Settings;

    /// The names of the arrays kept for each parameter, PyTorch's, in the order in which [`Rule::update`] wants them;
    /// at most [`MOST_STATES`].
    fn states(&self) -> Vec<&'static str>;

    /// What every entry of the arrays is at the start.
    fn initial_state(&self) -> f64 {
        0.0
    }

    /// A number handed from step to step, 1 before the first: what this step leaves.
    fn carry(&self, step: &Step) -> f64 {
        step.carried
    }

    /// What is the same for all entries, worked out once a step.
    fn scalars(&self, step: &Step) -> Scalars;

    /// Moves a parameter, or a part of one: parameter, gradient and each state have the same length.
    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]);
}

/// How many arrays a rule can keep for a parameter.
pub const MOST_STATES: usize = 3;

/// The numbers that a rule works out once a step; their meaning is the rule's own.
pub type Scalars = [f64; 8];

/// What the steps of a rule begin with, and what schedules and groups can change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// η.
    pub lr: f64,
    /// What a one-cycle schedule moves: momentum, or β₁ of the Adam family. None when the rule has no such thing.
    pub momentum: Option<f64>,
    /// λ, what a group may replace.
    pub weight_decay: f64,
}

/// The circumstances of one step for one group of parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// t, counted from 1.
    pub clock: u64,
    /// η of this step and group.
    pub lr: f64,
    /// Momentum or β₁ of this step, 0 for a rule without.
    pub momentum: f64,
    /// λ of this group.
    pub weight_decay: f64,
    /// What the step before left: see [`Rule::carry`].
    pub carried: f64,
}

/// Errs unless a value is finite and at least 0.
pub(super) fn at_least_0(name: &str, value: f64, why: &str) -> Result<()> {
    in_range(name, value, value.is_finite() && value >= 0.0, "a finite number, 0 or more", why)
}

/// Errs unless a value is from 0 to below 1.
pub(super) fn below_1(name: &str, value: f64, why: &str) -> Result<()> {
    in_range(name, value, (0.0..1.0).contains(&value), "from 0 to below 1", why)
}

fn in_range(name: &str, value: f64, holds: bool, range: &str, why: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::option(name, format!("{range} ({why})"), value)) }
}

/// Writes `.name(value)` for every option (name, value, default) that is not at its default.
pub(super) fn write_options(f: &mut std::fmt::Formatter<'_>, options: &[(&str, f64, f64)]) -> std::fmt::Result {
    let mut changed = options.iter().filter(|(_, value, default)| value != default);
    changed.try_for_each(|(name, value, _)| write!(f, ".{name}({value})"))
}
