//! What a run came to, for people and machines.

use super::fit::{Fit, figure};
use super::folder::Folder;
use crate::text::counted;
use limpide::diagnose::Finding;
use limpide::train::Score;
use limpide::{Error, Result};
use serde::{Deserialize, Serialize};

/// What a run came to: the object that `--json` prints, and `result.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The run's folder.
    pub run: String,
    /// The seed.
    pub seed: u64,
    /// Epochs done.
    pub epochs: usize,
    /// The most that the description allows; none in a file of an older version.
    #[serde(default)]
    pub cap: Option<usize>,
    /// The epoch whose weights were kept, where early stopping chose one.
    #[serde(default)]
    pub weights: Option<usize>,
    /// Whether the run was interrupted, and can go on.
    pub interrupted: bool,
    /// Seconds of training.
    pub seconds: f64,
    /// Samples that trained, were held against, and tested; none in a file of an older version.
    #[serde(default)]
    pub samples: Option<[usize; 3]>,
    /// On the training samples, while the network was learning: in the epoch whose weights were kept, else in the last.
    pub train: Option<Score>,
    /// Of the model as it was saved.
    pub validation: Option<Score>,
    /// Of the same, when the description asks for it.
    pub test: Option<Score>,
    /// How far the validation part's values are off, in their own units, where they were scaled.
    pub validation_fit: Option<Fit>,
    /// The same for the test part.
    pub test_fit: Option<Fit>,
    /// Whether the test reaches what is asked for.
    pub passed: bool,
    /// What looks wrong, before the first step and after the last.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// What a finished run has left in its folder.
    ///
    /// # Errors
    /// A file that is not there or damaged.
    pub fn read(folder: &Folder) -> Result<Self> {
        let path = folder.file("result.json");
        let bytes = std::fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let problem = format!("is not the result of a run: {error}; `limpide resume` writes it anew");
            Error::Data { path, problem }
        })
    }

    /// `stopped early after 33 of 200 epochs`; without early stopping `200 epochs`.
    pub fn epochs_text(&self) -> String {
        match self.cap {
            Some(cap) if cap > self.epochs && !self.interrupted => {
                format!("stopped early after {} of {}", self.epochs, counted(cap, "epoch"))
            }
            _ => counted(self.epochs, "epoch"),
        }
    }

    /// `, with the weights of epoch 3`, where early stopping chose them.
    pub fn weights_text(&self) -> String {
        self.weights.map_or(String::new(), |number| format!(", with the weights of epoch {number}"))
    }

    /// The outcome as people read it.
    pub fn listing(&self) -> String {
        let mut text =
            format!("{}: {} in {:.1} s{}\n", self.run, self.epochs_text(), self.seconds, self.weights_text());
        let parts = [
            ("train", self.train, None),
            ("validation", self.validation, self.validation_fit.as_ref()),
            ("test", self.test, self.test_fit.as_ref()),
        ];
        for (name, score, fit) in parts {
            let Some(score) = score else { continue };
            let (own, each) = fit.map_or(Default::default(), |fit| (format!("  {fit}"), fit.lines()));
            text += &format!("  {name:<10}  {}{own}\n{each}", score_text(&score));
        }
        if !self.passed {
            text += "  the test MISSES what the description asks for\n";
        }
        text
    }
}

/// `loss 0.12345  accuracy 97.50 %`.
pub fn score_text(score: &Score) -> String {
    let accuracy = score.accuracy.map(|share| format!("  accuracy {:.2} %", 100.0 * share));
    format!("loss {}{}", figure(score.loss), accuracy.unwrap_or_default())
}
