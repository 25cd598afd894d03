//! Training: batches through the [`Engine`], epochs by the [`Trainer`], figures in the [`History`]; callbacks that watch,
//! and checkpoints to go on from.

mod callback;
mod checkpoint;
mod checkpoints;
mod early_stopping;
mod engine;
pub mod exact;
mod history;
#[cfg(test)]
mod ignored_tests;
mod logs;
mod metric;
#[cfg(test)]
mod misuse_tests;
mod range_test;
mod run;
mod samples;
pub(crate) mod score;
mod trainer;

pub use callback::{Callback, Flow, Progress};
pub use checkpoint::Checkpoint;
pub use checkpoints::{CheckpointOptions, Checkpoints};
pub use early_stopping::{EarlyStopping, EarlyStoppingOptions};
pub use engine::{BatchScore, Engine};
pub use history::{Epoch, History};
pub use logs::{LineLog, TensorBoardLog};
pub use metric::Metric;
pub use range_test::{RangeTest, RangeTestOptions, range_test};
pub use score::{Score, evaluate, predict};
pub use trainer::{Trainer, sgd};
