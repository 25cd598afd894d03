//! The schedule that looks at the results: the rate falls when they no longer improve.

use crate::optim::rule;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// **η ← max(γη, `min_lr`)** when a figure has not improved in more than `patience` epochs.
///
/// | option | meaning | when left out |
/// | --- | --- | --- |
/// | `mode` | `min` or `max`: which way is better | `min` |
/// | `factor` | γ | 0.1 |
/// | `patience` | epochs without improvement that are let pass | 10 |
/// | `threshold` | how much better counts as better | 1e-4 |
/// | `threshold_mode` | `rel` (a share of the best) or `abs` | `rel` |
/// | `cooldown` | epochs after a fall that do not count | 0 |
/// | `min_lr` | the rate falls no further | 0 |
/// | `eps` | a smaller fall is left out | 1e-8 |
///
/// In a training run the figure is the validation loss, or the training loss where there is no validation data. NaN is no
/// improvement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // the table says it
pub struct ReduceLrOnPlateau {
    pub mode: Mode,
    pub factor: f64,
    pub patience: u64,
    pub threshold: f64,
    pub threshold_mode: ThresholdMode,
    pub cooldown: u64,
    pub min_lr: f64,
    pub eps: f64,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A loss.
    Min,
    /// An accuracy.
    Max,
}

/// What a threshold is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdMode {
    /// Shares of the best figure.
    Rel,
    /// The figure's own unit.
    Abs,
}

/// PyTorch's defaults.
impl Default for ReduceLrOnPlateau {
    fn default() -> Self {
        ReduceLrOnPlateau {
            mode: Mode::Min,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lr: 0.0,
            eps: 1e-8,
        }
    }
}

/// What the schedule remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// The best figure so far; NaN is none.
    #[serde(with = "crate::train::exact::option")]
    pub best: Option<f64>,
    /// Epochs since then that counted.
    pub bad_epochs: u64,
    /// Epochs that will not count yet.
    pub cooldown: u64,
}

impl ReduceLrOnPlateau {
    pub(super) fn check(&self) -> Result<()> {
        if !(self.factor > 0.0 && self.factor < 1.0) {
            let wanted = "between 0 and 1 (the rate is to fall)";
            return Err(Error::option("ReduceLROnPlateau: factor", wanted, self.factor));
        }
        rule::at_least_0("ReduceLROnPlateau: threshold", self.threshold, "a worse figure is no improvement")?;
        rule::at_least_0("ReduceLROnPlateau: min_lr", self.min_lr, "it is a rate")?;
        rule::at_least_0("ReduceLROnPlateau: eps", self.eps, "it is a difference of rates")
    }

    /// The rate after an epoch with that figure.
    pub(super) fn next(&self, state: &mut PlateauState, metric: f64, rate: f64) -> f64 {
        if !metric.is_nan() && state.best.is_none_or(|best| self.better(metric, best)) {
            (state.best, state.bad_epochs) = (Some(metric), 0);
        } else {
            state.bad_epochs += 1;
        }
        if state.cooldown > 0 {
            (state.cooldown, state.bad_epochs) = (state.cooldown - 1, 0);
        }
        if state.bad_epochs <= self.patience {
            return rate;
        }
        (state.cooldown, state.bad_epochs) = (self.cooldown, 0);
        let lower = (rate * self.factor).max(self.min_lr);
        if rate - lower > self.eps { lower } else { rate }
    }

    fn better(&self, metric: f64, best: f64) -> bool {
        match (self.mode, self.threshold_mode) {
            (Mode::Min, ThresholdMode::Rel) => metric < best * (1.0 - self.threshold),
            (Mode::Min, ThresholdMode::Abs) => metric < best - self.threshold,
            (Mode::Max, ThresholdMode::Rel) => metric > best * (1.0 + self.threshold),
            (Mode::Max, ThresholdMode::Abs) => metric > best + self.threshold,
        }
    }
}
