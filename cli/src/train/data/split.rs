//! How the samples of a run are divided, as its description says it.

use limpide::data::{Dataset, Split};
use limpide::table::{SplitBy, SplitKeys};
use limpide::{Error, Result};
use serde::{Deserialize, Serialize};

/// Shares of the samples, and what decides where each goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitDescription {
    /// For validation, 0 to 1; stratified by class.
    pub validation: f64,
    /// For the test, 0 to 1; 0 for a set that comes with a test part.
    pub test: f64,
    /// Instead of a share for the test: so many parts for a cross-validation, each of which is the test part of one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Which of the parts is this run's, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// A column of a file of rows: rows of one value stay together, and it is left out of the inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// A column of a file of rows: those with its largest numbers or latest dates are held back. With `folds` each tests on
    /// a later block, and trains on what comes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Whether chance divides; if not, the last samples are held back, as with `order`.
    #[serde(skip_serializing_if = "is_true")]
    pub shuffle: bool,
    /// The seed of the split; the run's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Default for SplitDescription {
    /// Everything to train on.
    fn default() -> Self {
        let (folds, fold, group, order, seed) = (None, None, None, None, None);
        SplitDescription { validation: 0.0, test: 0.0, folds, fold, group, order, shuffle: true, seed }
    }
}

fn is_true(shuffle: &bool) -> bool {
    *shuffle
}

impl SplitDescription {
    /// The column by which rows are divided, if there is one.
    ///
    /// # Errors
    /// [`Error::Option`] for a group beside an order.
    pub fn by(&self) -> Result<Option<SplitBy>> {
        match (&self.group, &self.order) {
            (Some(group), Some(order)) => {
                let found = format!("`{group}` and `{order}`");
                Err(Error::option("split: group and order", "one of them", found))
            }
            (Some(group), None) if !self.shuffle => {
                let wanted = "left out beside split.shuffle = false: chance divides groups";
                Err(Error::option("split: group", wanted, group))
            }
            (Some(group), None) => Ok(Some(SplitBy::Group(group.clone()))),
            (None, order) => Ok(order.clone().map(SplitBy::Order)),
        }
    }

    /// Divides a data set, with what the column of [`SplitDescription::by`] says of its samples.
    ///
    /// # Errors
    /// Those of [`Split`]; fields that do not go together.
    pub fn divide(&self, all: &Dataset<f32>, keys: Option<SplitKeys>, run_seed: u64) -> Result<Split> {
        let (seed, validation) = (self.seed.unwrap_or(run_seed), self.validation);
        // Without a column the order is that of the samples.
        let keys = keys.or((!self.shuffle).then(|| SplitKeys::Order((0..all.len()).map(|at| at as f64).collect())));
        let Some(folds) = self.folds else {
            if let Some(fold) = self.fold {
                return Err(Error::option("split: fold", "left out without split.folds", fold));
            }
            return match &keys {
                None => Split::new(all, validation, self.test, seed),
                Some(SplitKeys::Groups(groups)) => Split::by_group(all, groups, validation, self.test, seed),
                Some(SplitKeys::Order(order)) => Split::by_order(all, order, validation, self.test),
            };
        };
        if self.test != 0.0 {
            return Err(Error::option("split: test", "left out beside split.folds", self.test));
        }
        let fold = self.fold.unwrap_or(0);
        match &keys {
            None => Split::fold(all, validation, fold, folds, seed),
            Some(SplitKeys::Groups(groups)) => Split::fold_by_group(all, groups, validation, fold, folds, seed),
            Some(SplitKeys::Order(order)) => Split::fold_by_order(all, order, validation, fold, folds),
        }
    }
}
