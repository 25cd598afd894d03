//! The parts of a run's data by their names.

use super::data::Parts;
use limpide::data::Dataset;
use limpide::{Error, Result};

/// A part of a run's data.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To learn from, as the network sees it where nothing is left to chance.
    Train,
    /// To choose by.
    Validation,
    /// For the last word.
    Test,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }

    /// The samples of the part.
    ///
    /// # Errors
    /// [`Error::Option`] for a part that the run has not.
    pub fn of(self, parts: &Parts) -> Result<Dataset<f32>> {
        let there = [("train", true), ("validation", parts.validation.is_some()), ("test", parts.test.is_some())];
        let own = match self {
            Part::Train => Some(parts.plain_train()?),
            Part::Validation => parts.validation.clone(),
            Part::Test => parts.test.clone(),
        };
        own.ok_or_else(|| {
            let there: Vec<&str> = there.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
            Error::option("--part", format!("a part that the run has: {}", there.join(", ")), self.name())
        })
    }
}
