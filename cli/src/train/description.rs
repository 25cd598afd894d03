//! A run as data: what `limpide train` reads from TOML, and writes back with every default filled in.

use super::data::{DataDescription, SplitDescription};
use crate::sweep::SweepDescription;
use limpide::data::Mixup;
use limpide::data::augment::Augmentation;
use limpide::init::{Init, initialise};
use limpide::loss::LossDescription;
use limpide::model::{LayerDescription, build_chain, numbers};
use limpide::optim::schedule::ScheduleDescription;
use limpide::optim::{OptimizerDescription, StepOptions};
use limpide::train::{CheckpointOptions, EarlyStoppingOptions};
use limpide::{Error, Module, Result, Sequential, Stream};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A run, from data to test. Single values come first, because TOML wants them before its tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDescription {
    /// Of the start values, the orders, what layers draw, and of made-up data and the split unless they have their own.
    #[serde(default = "one")]
    pub seed: u64,
    /// How often all training samples are seen, at most.
    pub epochs: usize,
    /// Samples a step.
    #[serde(default = "thirty_two")]
    pub batch_size: usize,
    /// Whether every epoch has its own order.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// Whether every epoch has as many samples of each class as of any other.
    #[serde(default)]
    pub balanced: bool,
    /// Whether the last batch of an epoch is left out when it is smaller than the others.
    #[serde(default)]
    pub drop_last: bool,
    /// Threads that work; all cores when left out. No figure depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// A network by name instead of `layers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A trained network whose weights take the place of the start values where name and shape fit: the folder of a run, a model
    /// file or a checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// Where the samples come from.
    pub data: DataDescription,
    /// How they are divided.
    #[serde(default)]
    pub split: SplitDescription,
    /// How strongly training samples are mixed in pairs; not at all when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<Mixup>,
    /// The start values; PyTorch's defaults when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// What is made small.
    pub loss: LossDescription,
    /// How.
    pub optimizer: OptimizerDescription,
    /// How the learning rate moves; it stays when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleDescription>,
    /// What is done around every step: clipping, penalties, averages.
    #[serde(default)]
    pub step: StepOptions,
    /// When to stop before the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStoppingOptions>,
    /// How often checkpoints are written.
    #[serde(default)]
    pub checkpoints: CheckpointOptions,
    /// What is logged.
    #[serde(default)]
    pub logging: LoggingOptions,
    /// The one evaluation on the test part, at the end; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestOptions>,
    /// What happens to the training images, anew in every epoch.
    #[serde(default, skip_serializing_if = "no_steps")]
    pub augmentation: Augmentation,
    /// What `limpide sweep` tries; a single run takes the fields as they stand, and does not keep this.
    #[serde(default, skip_serializing)]
    pub sweep: Option<SweepDescription>,
    /// The network, from input to output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerDescription>,
}

fn no_steps(augmentation: &Augmentation) -> bool {
    augmentation.steps.is_empty()
}

fn one() -> u64 {
    1
}

fn thirty_two() -> usize {
    32
}

fn yes() -> bool {
    true
}

/// Which logs a run writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggingOptions {
    /// `history.csv`.
    pub csv: bool,
    /// `history.jsonl`.
    pub json: bool,
    /// Event files in `tensorboard/`.
    pub tensorboard: bool,
}

impl Default for LoggingOptions {
    fn default() -> Self {
        LoggingOptions { csv: true, json: false, tensorboard: false }
    }
}

/// What the test part must show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TestOptions {
    /// The least accuracy, 0 to 1; below it the exit code is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_accuracy: Option<f64>,
    /// The largest mean loss; above it the exit code is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_loss: Option<f64>,
}

impl TestOptions {
    /// Whether a test can show this at all; `accuracy` says whether the loss has one.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn check(&self, accuracy: bool) -> Result<()> {
        match (self.min_accuracy, self.max_loss) {
            (Some(least), _) if !(0.0..=1.0).contains(&least) => {
                Err(Error::option("test.min_accuracy", "a share from 0 to 1", least))
            }
            (Some(least), _) if !accuracy => {
                let wanted =
                    "left out: with this loss no sample is right or wrong; test.max_loss says what it must reach";
                Err(Error::option("test.min_accuracy", wanted, least))
            }
            (_, Some(most)) if most.is_nan() || most < 0.0 => Err(Error::option("test.max_loss", "0 or more", most)),
            _ => Ok(()),
        }
    }
}

impl RunDescription {
    /// The network with the start values of the seed.
    ///
    /// # Errors
    /// Those of the layers' options; [`limpide::Error::Option`] for more parameters than any memory holds.
    pub fn network(&self) -> Result<Sequential<f32>> {
        numbers(&self.layers)?;
        let mut network = build_chain(&self.layers)?.seed(self.seed);
        if let Some(rule) = self.init {
            initialise(&mut network as &mut dyn Module<f32>, rule, &Stream::new(self.seed));
        }
        Ok(network)
    }

    /// The threads that work.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(limpide::kernels::cores)
    }
}
