//! The figures of an epoch by name: what logs write, and what decides when a run stops and which checkpoint is the best.

use super::Epoch;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A figure of an epoch that can be watched, by its name in logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The mean loss on the training data.
    TrainLoss,
    /// The share of training samples predicted right.
    TrainAccuracy,
    /// The mean loss on the validation data.
    #[default]
    ValidationLoss,
    /// The share of validation samples predicted right.
    ValidationAccuracy,
}

impl Metric {
    /// The four, in the order of log columns.
    pub const ALL: [Metric; 4] =
        [Metric::TrainLoss, Metric::TrainAccuracy, Metric::ValidationLoss, Metric::ValidationAccuracy];

    /// Its name in logs and files: `validation_loss`.
    pub fn name(self) -> &'static str {
        match self {
            Metric::TrainLoss => "train_loss",
            Metric::TrainAccuracy => "train_accuracy",
            Metric::ValidationLoss => "validation_loss",
            Metric::ValidationAccuracy => "validation_accuracy",
        }
    }

    /// The figure in an epoch that has it.
    pub fn of(self, epoch: &Epoch) -> Option<f64> {
        match self {
            Metric::TrainLoss => Some(epoch.train.loss),
            Metric::TrainAccuracy => epoch.train.accuracy,
            Metric::ValidationLoss => epoch.validation.map(|score| score.loss),
            Metric::ValidationAccuracy => epoch.validation.and_then(|score| score.accuracy),
        }
    }

    /// [`Metric::of`], for one who cannot do without.
    ///
    /// # Errors
    /// [`Error::Option`] when the run does not measure it.
    pub(super) fn wanted(self, whose: &str, epoch: &Epoch) -> Result<f64> {
        self.of(epoch).ok_or_else(|| {
            let measured: Vec<&str> = Metric::ALL.iter().filter(|m| m.of(epoch).is_some()).map(|m| m.name()).collect();
            let wanted = format!("a figure that the run measures ({})", measured.join(", "));
            Error::option(format!("{whose}: metric"), wanted, self)
        })
    }

    /// Whether a value is better than another by more than `delta`; no number is better than one that is none.
    pub fn better(self, value: f64, than: f64, delta: f64) -> bool {
        match self {
            _ if value.is_nan() => false,
            _ if than.is_nan() => true,
            Metric::TrainLoss | Metric::ValidationLoss => value < than - delta,
            Metric::TrainAccuracy | Metric::ValidationAccuracy => value > than + delta,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_get_better_downwards_and_accuracies_upwards() {
        for (metric, good, bad) in [(Metric::ValidationLoss, 0.1, 0.2), (Metric::ValidationAccuracy, 0.2, 0.1)] {
            assert!(metric.better(good, bad, 0.0) && !metric.better(bad, good, 0.0) && !metric.better(bad, bad, 0.0));
            assert!(metric.better(good, bad, 0.05) && !metric.better(good, bad, 0.15));
            assert!(metric.better(bad, f64::NAN, 0.0) && !metric.better(f64::NAN, bad, 0.0));
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{metric}\""));
        }
    }
}
