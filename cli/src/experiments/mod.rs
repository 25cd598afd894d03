//! The report's experiments as a table: name, what it shows, its target; and one file for each.

pub mod autoencoder;
pub mod classify;
pub mod command;
pub mod digits;
pub mod gradients;
pub mod moons;
mod outcome;
pub mod overfit;
pub mod regression;

pub use outcome::{Measure, Outcome, Run};

use crate::progress::Progress;
use limpide::Result;
use limpide::train::Trainer;
use std::path::PathBuf;

/// One row of the table.
pub struct Experiment {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for the help.
    pub about: &'static str,
    /// What is held against the target.
    pub measure: Measure,
    /// Options of the command that change nothing here, and are refused.
    pub unused: &'static [&'static str],
    /// Runs it.
    pub run: fn(&Settings) -> Result<Outcome>,
}

/// Every experiment, in the report's order.
pub const TABLE: [Experiment; 7] = [
    Experiment {
        name: "gradcheck",
        about: "analytic against numeric gradients: modules, losses, networks",
        measure: Measure::LargestError,
        unused: &["--seed", "--epochs", "--threads", "--data", "--quick"],
        run: |settings| gradients::run(settings).map(|done| done.outcome),
    },
    Experiment {
        name: "overfit",
        about: "five samples, loss below 1e-4",
        measure: Measure::TrainingLoss,
        unused: &["--data", "--quick"],
        run: |settings| overfit::run(settings).map(|done| done.outcome),
    },
    Experiment {
        name: "regression",
        about: "y = sin(πx₁) + x₂² at the rates 0.1, 0.01 and 0.001",
        measure: Measure::TrainingLoss,
        unused: &["--data"],
        run: |settings| regression::run(settings).map(|done| done.outcome),
    },
    Experiment {
        name: "moons",
        about: "two half circles with three outputs: sigmoid, softmax, log-softmax",
        measure: Measure::TestAccuracy,
        unused: &["--data"],
        run: |settings| moons::run(settings).map(|done| done.outcome),
    },
    Experiment {
        name: "mnist-dense",
        about: "784-128-10 by the report's recipe",
        measure: Measure::TestAccuracy,
        unused: &[],
        run: |settings| classify::run(settings, &classify::DENSE).map(|done| done.outcome),
    },
    Experiment {
        name: "mnist-cnn",
        about: "two convolutions with max-pooling",
        measure: Measure::TestAccuracy,
        unused: &[],
        run: |settings| classify::run(settings, &classify::CNN).map(|done| done.outcome),
    },
    Experiment {
        name: "autoencoder",
        about: "784-128-64-latent and back, latent 32 and 2",
        measure: Measure::TestMse,
        unused: &[],
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
    /// The folder with MNIST; else `$LIMPIDE_DATA` and the cache folder are looked in.
    pub data: Option<PathBuf>,
    /// Fewer epochs and images and easier targets, to see everything run.
    pub quick: bool,
    /// Whether progress is shown.
    pub progress: bool,
    /// A target for every judged figure instead of the experiment's own.
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
