//! What an experiment measured: its runs, each with its figure, some held against a target.

use super::Settings;
use limpide::train::History;
use serde::{Serialize, Serializer};
use std::fmt;

/// What an experiment measured: the object that `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The name in the table.
    pub experiment: &'static str,
    /// The data set and how it was divided.
    pub dataset: String,
    /// The seed.
    pub seed: u64,
    /// Threads that worked.
    pub threads: usize,
    /// Epochs that the headline run was trained.
    pub epochs: usize,
    /// Mean training loss of each epoch of the headline run.
    pub train_loss: Vec<f64>,
    /// Validation loss of each epoch, where there is a validation set.
    pub validation_loss: Vec<f64>,
    /// Share of test samples predicted right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Mean squared error on the test set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_mse: Option<f64>,
    /// Seconds of each epoch.
    pub seconds_per_epoch: Vec<f64>,
    /// What the headline figure is.
    pub measure: Measure,
    /// The headline figure.
    pub value: f64,
    /// What it must reach.
    pub target: Option<f64>,
    /// Whether every judged run reaches its target.
    pub passed: bool,
    /// The runs of which the experiment consists.
    pub runs: Vec<Run>,
}

impl Outcome {
    /// The outcome of runs, of which `headline` is the one that speaks for the experiment.
    pub fn new(
        experiment: &'static str,
        dataset: String,
        settings: &Settings,
        runs: Vec<Run>,
        headline: usize,
    ) -> Self {
        let Run { history, measure, value, target, .. } = runs[headline].clone();
        Outcome {
            experiment,
            dataset,
            seed: settings.seed,
            threads: settings.threads,
            epochs: history.epochs.len(),
            train_loss: history.train_losses(),
            validation_loss: history.validation_losses(),
            test_accuracy: (measure == Measure::TestAccuracy).then_some(value),
            test_mse: (measure == Measure::TestMse).then_some(value),
            seconds_per_epoch: history.seconds(),
            measure,
            value,
            target,
            passed: runs.iter().all(|run| run.passed != Some(false)),
            runs,
        }
    }
}

/// One training run of an experiment, or one figure of the gradient checks.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// What distinguishes it.
    pub name: String,
    /// Its curves; in JSON a list for each.
    #[serde(flatten, serialize_with = "curves")]
    pub history: History,
    /// What is measured.
    pub measure: Measure,
    /// The figure.
    pub value: f64,
    /// What the figure must reach, where it is judged.
    pub target: Option<f64>,
    /// Whether it does.
    pub passed: Option<bool>,
    /// The report's own figure, in its words.
    pub reported: Option<&'static str>,
}

impl Run {
    /// A run that is shown but not judged.
    pub fn new(name: impl Into<String>, history: History, measure: Measure, value: f64) -> Self {
        Run { name: name.into(), history, measure, value, target: None, passed: None, reported: None }
    }

    /// The run held against the target of the settings, else this one.
    pub fn judged(mut self, settings: &Settings, target: f64) -> Self {
        let target = settings.target.unwrap_or(target);
        self.target = Some(target);
        self.passed = Some(self.measure.reached(self.value, target));
        self
    }

    /// With what the report says of it, if anything.
    pub fn reported(mut self, words: impl Into<Option<&'static str>>) -> Self {
        self.reported = words.into();
        self
    }

    /// The figure as people read it.
    pub fn value_text(&self) -> String {
        self.measure.text(self.value)
    }

    /// The target as people read it: `≥ 95.00 %`.
    pub fn target_text(&self) -> Option<String> {
        let sign = if self.measure == Measure::TestAccuracy { '≥' } else { '≤' };
        self.target.map(|target| format!("{sign} {}", self.measure.text(target)))
    }
}

/// The curves of a history without the names of fields at every epoch.
fn curves<S: Serializer>(history: &History, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Curves {
        epochs: usize,
        train_loss: Vec<f64>,
        validation_loss: Vec<f64>,
        train_accuracy: Vec<f64>,
        validation_accuracy: Vec<f64>,
        seconds_per_epoch: Vec<f64>,
    }
    let curves = Curves {
        epochs: history.epochs.len(),
        train_loss: history.train_losses(),
        validation_loss: history.validation_losses(),
        train_accuracy: history.train_accuracies(),
        validation_accuracy: history.validation_accuracies(),
        seconds_per_epoch: history.seconds(),
    };
    curves.serialize(serializer)
}

/// Kinds of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Share of test samples predicted right; the more the better, unlike all others.
    TestAccuracy,
    /// Mean squared error on the test samples.
    TestMse,
    /// The last epoch's loss.
    TrainingLoss,
    /// The largest relative error of a gradient.
    LargestError,
    /// The median relative error of a gradient.
    MedianError,
}

impl Measure {
    /// Whether a figure is on the right side of its target; one that is not a number never is.
    fn reached(self, value: f64, target: f64) -> bool {
        if self == Measure::TestAccuracy { value >= target } else { value <= target }
    }

    /// A figure as people read it.
    pub fn text(self, value: f64) -> String {
        match self {
            Measure::TestAccuracy => format!("{:.2} %", 100.0 * value),
            Measure::TestMse | Measure::TrainingLoss if value.abs() >= 1e-3 => format!("{value:.4}"),
            _ => format!("{value:.1e}"),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Measure::TestAccuracy => "test accuracy",
            Measure::TestMse => "test MSE",
            Measure::TrainingLoss => "training loss",
            Measure::LargestError => "largest relative error",
            Measure::MedianError => "median relative error",
        })
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracies_must_be_high_and_errors_low() {
        assert!(Measure::TestAccuracy.reached(0.95, 0.95) && !Measure::TestAccuracy.reached(0.94, 0.95));
        assert!(Measure::TestMse.reached(0.04, 0.04) && !Measure::TestMse.reached(0.05, 0.04));
        assert!(!Measure::TestAccuracy.reached(f64::NAN, 0.0) && !Measure::TestMse.reached(f64::NAN, 1.0));
    }

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(Measure::TestAccuracy.text(0.9782), "97.82 %");
        assert_eq!(Measure::TrainingLoss.text(0.28), "0.2800");
        assert_eq!(Measure::TrainingLoss.text(9.96e-6), "1.0e-5");
        assert_eq!(Measure::TestMse.text(0.0099), "0.0099");
        assert_eq!(Measure::TestMse.text(4.4e-6), "4.4e-6");
    }
}
