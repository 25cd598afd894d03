//! Schedules along a cosine: one half wave, or one after the other.

use super::curve::{Curve, at_least_1};
use crate::optim::rule;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// **η = η₁ + ½(η₀ − η₁)(1 + cos(πt/T))**: from η₀ down to η₁ = `eta_min` in T = `T_max` steps, and up again.
///
/// Without `T_max` a training run takes its own length. Source: Loshchilov and Hutter, *SGDR: stochastic gradient descent
/// with warm restarts*, 2017, equation 5.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CosineAnnealingLr {
    /// T.
    #[serde(rename = "T_max", skip_serializing_if = "Option::is_none")]
    pub t_max: Option<u64>,
    /// η₁, 0 when left out.
    pub eta_min: f64,
}

/// The cosine's way from `start` (at `done` = 0) to `end` (at 1).
pub(super) fn half_wave(start: f64, end: f64, done: f64) -> f64 {
    end + 0.5 * (start - end) * (1.0 + libm::cos(PI * done))
}

impl Curve for CosineAnnealingLr {
    fn check(&self) -> Result<()> {
        match self.t_max {
            None => return Err(Error::option("CosineAnnealingLR: T_max", "a number of steps", "none")),
            Some(t_max) => at_least_1("CosineAnnealingLR: T_max", t_max)?,
        }
        rule::at_least_0("CosineAnnealingLR: eta_min", self.eta_min, "it is a rate")
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        half_wave(base, self.eta_min, t as f64 / self.t_max.unwrap_or(1).max(1) as f64)
    }

    fn fit_to(&mut self, steps: u64) {
        self.t_max.get_or_insert(steps.max(1));
    }
}

/// **η = η₁ + ½(η₀ − η₁)(1 + cos(πt′/T))**: down to η₁ = `eta_min` in T = `T_0` steps, then from the start again with T
/// multiplied by `T_mult`; t′ counts from the last restart.
///
/// Source: Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts*, 2017.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineAnnealingWarmRestarts {
    /// Steps to the first restart.
    #[serde(rename = "T_0")]
    pub t_0: u64,
    /// What the distance to the next restart is multiplied by, 1 when left out.
    #[serde(rename = "T_mult", default = "one")]
    pub t_mult: u64,
    /// η₁, 0 when left out.
    #[serde(default)]
    pub eta_min: f64,
}

fn one() -> u64 {
    1
}

impl Curve for CosineAnnealingWarmRestarts {
    fn check(&self) -> Result<()> {
        at_least_1("CosineAnnealingWarmRestarts: T_0", self.t_0)?;
        at_least_1("CosineAnnealingWarmRestarts: T_mult", self.t_mult)?;
        rule::at_least_0("CosineAnnealingWarmRestarts: eta_min", self.eta_min, "it is a rate")
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        // At least 1 each, as `check` wants it: a curve of unchecked arguments can be drawn too.
        let (mut since, mut period) = (t, self.t_0.max(1));
        if self.t_mult <= 1 {
            since %= period;
        }
        while since >= period {
            since -= period;
            period = period.saturating_mul(self.t_mult);
        }
        half_wave(base, self.eta_min, since as f64 / period as f64)
    }
}
