//! What a training run measured, epoch by epoch.

use super::Score;
use serde::{Deserialize, Serialize};

/// One epoch's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub number: usize,
    /// On the training data, measured batch by batch while the network was learning.
    pub train: Score,
    /// On the validation data, after the epoch; when there are some.
    pub validation: Option<Score>,
    /// η, of the last step.
    pub learning_rate: f64,
    /// Wall-clock seconds of the training part.
    pub seconds: f64,
}

/// The figures of all epochs of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// In order.
    pub epochs: Vec<Epoch>,
}

impl History {
    /// The mean training loss of each epoch.
    pub fn train_losses(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.train.loss).collect()
    }

    /// The validation loss of each epoch that has one.
    pub fn validation_losses(&self) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.validation.map(|score| score.loss)).collect()
    }

    /// The training accuracy of each epoch that has one, 0 to 1.
    pub fn train_accuracies(&self) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.train.accuracy).collect()
    }

    /// The validation accuracy of each epoch that has one, 0 to 1.
    pub fn validation_accuracies(&self) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.validation.and_then(|score| score.accuracy)).collect()
    }

    /// The seconds of each epoch.
    pub fn seconds(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.seconds).collect()
    }
}
