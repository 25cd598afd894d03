//! Early stopping: a run ends when it no longer gets better, with the weights of its best epoch.

use super::{Callback, Epoch, Flow, History, Metric};
use crate::format::{Matching, set_state, shapes, state};
use crate::module::Module;
use crate::{Error, Real, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Stops a run after `patience` epochs without a better figure and gives the network the weights of the best epoch.
///
/// An epoch is better when its figure is better than the best one by more than `min_delta`. The best weights come back at
/// the end of the run too when nothing has stopped it early.
///
/// Source: Prechelt, *Early stopping – but when?*, 1998; the names are Keras's.
///
/// ```
/// use limpide::{Sequential, data::{self, Split}, layers::Linear, loss::MseLoss, optim::Sgd};
/// use limpide::train::{EarlyStopping, Trainer};
/// let all = data::regression::<f32>(100, -1.0..1.0, 1)?;
/// let split = Split::new(&all, 0.3, 0.0, 1)?;
/// let (train, validation) = (all.select(&split.train), all.select(&split.validation));
/// let mut network = Sequential::new().push(Linear::new(2, 1)).seed(1);
/// let history = Trainer::new(Sgd::new(0.5)?)
///     .epochs(1000)
///     .validation(&validation)
///     .callback(EarlyStopping::default().patience(5))
///     .fit(&mut network, &MseLoss::new(), &train)?;
/// assert!(history.epochs.len() < 1000);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EarlyStopping<T = f32> {
    options: EarlyStoppingOptions,
    /// The best figure and how many epochs are behind it.
    best: Option<(f64, usize)>,
    /// The weights of the best epoch.
    weights: Vec<(String, Tensor<T>)>,
}

/// The options of [`EarlyStopping`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStoppingOptions {
    /// The figure that must get better.
    pub metric: Metric,
    /// Epochs without a better figure after which the run stops; at least 1.
    pub patience: usize,
    /// By how much a figure must be better to count.
    pub min_delta: f64,
    /// Whether the weights of the best epoch come back at the end.
    pub restore_best: bool,
}

impl Default for EarlyStoppingOptions {
    fn default() -> Self {
        EarlyStoppingOptions { metric: Metric::default(), patience: 10, min_delta: 0.0, restore_best: true }
    }
}

impl EarlyStoppingOptions {
    /// The callback.
    ///
    /// # Errors
    /// [`Error::Option`] when an option is out of range.
    pub fn build<T: Real>(&self) -> Result<EarlyStopping<T>> {
        if self.patience == 0 {
            return Err(Error::option("EarlyStopping: patience", "at least 1", self.patience));
        }
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            return Err(Error::option("EarlyStopping: min_delta", "a finite number, 0 or more", self.min_delta));
        }
        Ok(EarlyStopping { options: self.clone(), best: None, weights: Vec::new() })
    }
}

impl<T: Real> Default for EarlyStopping<T> {
    fn default() -> Self {
        EarlyStoppingOptions::default().build().expect("the default options are in range")
    }
}

impl<T: Real> EarlyStopping<T> {
    /// Another figure than the validation loss.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.options.metric = metric;
        self
    }

    /// Another patience than 10 epochs.
    pub fn patience(mut self, patience: usize) -> Self {
        self.options.patience = patience;
        self
    }

    /// Another least improvement than 0.
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.options.min_delta = min_delta;
        self
    }

    /// Leaves the network as it is at the end.
    pub fn keep_last(mut self) -> Self {
        self.options.restore_best = false;
        self
    }

    /// Takes an epoch's figure into account; whether it is the best so far.
    fn judge(&mut self, epoch: &Epoch) -> Result<bool> {
        let EarlyStoppingOptions { metric, min_delta, .. } = self.options;
        let value = metric.wanted("EarlyStopping", epoch)?;
        let best = self.best.is_none_or(|(best, _)| metric.better(value, best, min_delta));
        self.best = match self.best {
            Some((best_value, behind)) if !best => Some((best_value, behind + 1)),
            _ => Some((value, 0)),
        };
        Ok(best)
    }
}

impl<T: Real> Callback<T> for EarlyStopping<T> {
    fn on_start(&mut self, history: &History, network: &dyn Module<T>) -> Result<()> {
        // The options may have been set one by one.
        self.options.build::<T>()?;
        for epoch in &history.epochs {
            self.judge(epoch)?;
        }
        if self.options.restore_best && !history.epochs.is_empty() {
            let kept: BTreeMap<String, Tensor<T>> = self.weights.drain(..).collect();
            let shapes_kept = kept.iter().map(|(name, tensor)| (name.clone(), tensor.shape().to_vec())).collect();
            let problems = Matching::of(&shapes(&state(network)), &shapes_kept).problems();
            if !problems.is_empty() {
                let wanted = "in the checkpoint, as the network has them";
                return Err(Error::option("EarlyStopping: the best weights", wanted, problems.join("; ")));
            }
            self.weights = state(network).into_iter().map(|(name, _)| (name.clone(), kept[&name].clone())).collect();
        }
        Ok(())
    }

    fn on_epoch(&mut self, epoch: &Epoch, network: &dyn Module<T>) -> Result<Flow> {
        if self.judge(epoch)? && self.options.restore_best {
            self.weights = state(network).into_iter().map(|(name, tensor)| (name, tensor.clone())).collect();
        }
        let behind = self.best.map_or(0, |(_, behind)| behind);
        Ok(if behind >= self.options.patience { Flow::Stop } else { Flow::Continue })
    }

    fn on_end(&mut self, _history: &History, network: &mut dyn Module<T>) -> Result<()> {
        if !self.weights.is_empty() {
            set_state(network, self.weights.iter().map(|(_, tensor)| tensor.clone()).collect());
        }
        Ok(())
    }

    fn section(&self) -> Option<&'static str> {
        Some("early_stopping")
    }

    fn kept(&self) -> Vec<(String, &Tensor<T>)> {
        self.weights.iter().map(|(name, tensor)| (name.clone(), tensor)).collect()
    }

    fn restore(&mut self, kept: Vec<(String, Tensor<T>)>) {
        self.weights = kept;
    }
}
