//! The contract of a schedule that is a function of the step.

use crate::{Error, Result};

/// η as a function of the steps done, with a base rate η₀.
pub(super) trait Curve {
    /// Whether every argument is in its range.
    fn check(&self) -> Result<()>;

    /// η after t steps of the schedule; the first rate is that of t = 0.
    fn rate(&self, base: f64, t: u64) -> f64;

    /// Momentum after t steps, for a schedule that moves it.
    fn momentum(&self, _t: u64) -> Option<f64> {
        None
    }

    /// Takes the length of the run where an argument was left to it.
    fn fit_to(&mut self, _steps: u64) {}
}

/// Errs unless a count of steps is at least 1.
pub(super) fn at_least_1(name: &str, count: u64) -> Result<()> {
    if count > 0 { Ok(()) } else { Err(Error::option(name, "at least 1 step", count)) }
}

/// Errs unless a factor is finite and above 0.
pub(super) fn positive(name: &str, factor: f64) -> Result<()> {
    if factor.is_finite() && factor > 0.0 {
        Ok(())
    } else {
        Err(Error::option(name, "a finite number above 0 (it multiplies the rate)", factor))
    }
}
