//! The report's experiments as a table: name, what it shows, its target; and one file for each.

pub mod autoencoder;
pub mod classify;
pub mod digits;
pub mod gradients;
pub mod moons;
pub mod overfit;
pub mod regression;

use crate::progress::Progress;
use limpide::Result;
use limpide::train::{History, Trainer};
use serde::Serialize;
use std::path::PathBuf;

/// One row of the table.
pub struct Experiment {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for the help.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(&Settings) -> Result<Outcome>,
}

/// Every experiment, in the report's order.
pub const TABLE: [Experiment; 7] = [
    Experiment {
        name: "gradcheck",
        about: "analytic against numeric gradients: modules, losses, networks",
        run: gradients::run,
    },
    Experiment { name: "overfit", about: "five samples, loss below 1e-4", run: overfit::run },
    Experiment {
        name: "regression",
        about: "y = sin(πx₁) + x₂² at the rates 0.1, 0.01 and 0.001",
        run: |settings| regression::run(settings).map(|done| done.outcome),
    },
    Experiment {
        name: "moons",
        about: "two half circles with three outputs: sigmoid, softmax, log-softmax",
        run: |settings| moons::run(settings).map(|done| done.outcome),
    },
    Experiment {
        name: "mnist-dense",
        about: "784-128-10 by the report's recipe",
        run: |settings| classify::run(settings, &classify::DENSE).map(|done| done.outcome),
    },
    Experiment {
        name: "mnist-cnn",
        about: "two convolutions with max-pooling",
        run: |settings| classify::run(settings, &classify::CNN).map(|done| done.outcome),
    },
    Experiment {
        name: "autoencoder",
        about: "784-128-64-latent and back, latent 32 and 2",
        run: |settings| autoencoder::run(settings).map(|done| done.outcome),
    },
];

/// What the command line can set for every experiment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seed of data, start values and orders.
    pub seed: u64,
    /// Epochs instead of the experiment's own number.
    pub epochs: Option<usize>,
    /// Threads that work.
    pub threads: usize,
    /// Where to look for MNIST first.
    pub data: Option<PathBuf>,
    /// Fewer epochs and samples, to see everything run.
    pub quick: bool,
    /// Whether progress is shown.
    pub progress: bool,
    /// A target instead of the experiment's own.
    pub target: Option<f64>,
}

impl Settings {
    /// The number of epochs: as asked, else `full`, or `quick` for a quick run.
    pub fn epochs(&self, full: usize, quick: usize) -> usize {
        self.epochs.unwrap_or(if self.quick { quick } else { full })
    }

    /// A trainer on these settings that shows its progress under a title.
    pub fn trainer<'a>(&self, rate: f64, title: &str) -> Result<Trainer<'a, f32>> {
        let mut progress = Progress::new(title, self.progress);
        let trainer = Trainer::new(limpide::optim::Sgd::new(rate)?).seed(self.seed).threads(self.threads);
        Ok(trainer.on_step(move |step| progress.show(step)))
    }
}

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
    /// Epochs trained.
    pub epochs: usize,
    /// Mean training loss of each epoch of the run that the target judges.
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
    /// What the judged figure is.
    pub figure: &'static str,
    /// The judged figure.
    pub value: f64,
    /// What it must reach.
    pub target: f64,
    /// Whether it does.
    pub passed: bool,
    /// The runs of which the experiment consists.
    pub runs: Vec<Run>,
}

/// One training run of an experiment.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// What distinguishes it.
    pub name: String,
    /// Its curves.
    #[serde(flatten)]
    pub history: History,
    /// Its figure on the test set (accuracy or squared error), or its last loss.
    pub value: f64,
}

/// On which side of its target a figure must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// An accuracy.
    AtLeast,
    /// An error.
    AtMost,
}

/// What an experiment is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    /// What the figure is: "test accuracy".
    pub figure: &'static str,
    /// The side on which it must lie.
    pub side: Side,
    /// The experiment's own target.
    pub target: f64,
}

impl Outcome {
    /// The outcome of runs, of which `judged` is the one that the target is about.
    pub fn new(
        experiment: &'static str,
        dataset: String,
        settings: &Settings,
        judgement: Judgement,
        runs: Vec<Run>,
        judged: usize,
    ) -> Self {
        let Run { history, value, .. } = runs[judged].clone();
        let target = settings.target.unwrap_or(judgement.target);
        let passed = match judgement.side {
            Side::AtLeast => value >= target,
            Side::AtMost => value <= target,
        };
        Outcome {
            experiment,
            dataset,
            seed: settings.seed,
            threads: settings.threads,
            epochs: history.epochs.len(),
            train_loss: history.train_losses(),
            validation_loss: history.validation_losses(),
            test_accuracy: (judgement.side == Side::AtLeast).then_some(value),
            test_mse: (judgement.figure == "test MSE").then_some(value),
            seconds_per_epoch: history.seconds(),
            figure: judgement.figure,
            value,
            target,
            passed,
            runs,
        }
    }
}
