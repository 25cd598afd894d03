//! What stands around an optimiser's step: penalties and clipping before it, constraints, averages and the schedule after it.

use super::constraint::constrain;
use super::schedule::{Interval, Scheduler};
use super::{Ema, Optimizer, add_l1, clip_grad_norm, clip_grad_value};
use crate::kernels::Workers;
use crate::module::{Gradients, Module};
use crate::{Error, Real, Result, zeros};
use serde::{Deserialize, Serialize};
use std::mem::replace;

/// What is done around a step, in this order; nothing unless it is set.
///
/// | option | what it does |
/// | --- | --- |
/// | `l1` | [`add_l1`]: λ of the penalty λ‖θ‖₁, which the reported loss does not contain |
/// | `clip_grad_norm` | [`clip_grad_norm`]: the largest norm of all gradients together |
/// | `clip_grad_value` | [`clip_grad_value`]: the largest absolute value of an entry |
/// | | the optimiser's step |
/// | `max_norm` | [`constrain_max_norm`](super::constrain_max_norm): the largest norm of the weights into a unit |
/// | `ema` | [`Ema`]: d of the moving average of the parameters |
///
/// L2 is the optimiser's own `weight_decay`. Parameters of a group whose `lr_factor` is 0 are frozen: they have no part in the norm of the
/// gradients, and no constraint moves them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // the table says it
pub struct StepOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_grad_norm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_grad_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_norm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
}

impl StepOptions {
    /// Whether every option is in its range.
    ///
    /// # Errors
    /// [`Error::Option`] with the range and why.
    pub fn check(&self) -> Result<()> {
        let limits = [
            ("l1", self.l1),
            ("clip_grad_norm", self.clip_grad_norm),
            ("clip_grad_value", self.clip_grad_value),
            ("max_norm", self.max_norm),
        ];
        for (name, limit) in limits {
            if let Some(limit) = limit.filter(|limit| !(limit.is_finite() && *limit > 0.0)) {
                return Err(Error::option(name, "a finite number above 0, or left out", limit));
            }
        }
        self.ema.map_or(Ok(()), |decay| Ema::<f64>::new(decay).map(|_| ()))
    }
}

/// The options with what they need from step to step.
#[derive(Debug)]
pub(super) struct Around<T> {
    options: StepOptions,
    pub ema: Option<Ema<T>>,
    pub scheduler: Option<Scheduler>,
}

impl<T> Default for Around<T> {
    fn default() -> Self {
        Around { options: StepOptions::default(), ema: None, scheduler: None }
    }
}

impl<T: Real> Around<T> {
    pub fn set_options(&mut self, options: StepOptions) -> Result<()> {
        options.check()?;
        self.ema = options.ema.map(Ema::new).transpose()?;
        self.options = options;
        Ok(())
    }

    /// Whether the gradients go to the optimiser as they are, each by itself.
    pub fn leaves_gradients(&self) -> bool {
        let StepOptions { l1, clip_grad_norm, clip_grad_value, .. } = self.options;
        l1.is_none() && clip_grad_norm.is_none() && clip_grad_value.is_none()
    }

    /// Changes the gradients before the optimiser's step.
    ///
    /// # Errors
    /// Those of [`Optimizer::prepare`].
    pub fn before(
        &self,
        network: &dyn Module<T>,
        gradients: &mut Gradients<T>,
        optimizer: &mut Optimizer<T>,
        workers: &mut Workers,
    ) -> Result<()> {
        optimizer.ready(network)?;
        if let Some(lambda) = self.options.l1 {
            add_l1(network, gradients, lambda);
        }
        // What does not move has no part in the norm.
        let frozen = (0..gradients.len()).filter(|&place| optimizer.is_frozen(place));
        let aside: Vec<_> = frozen.map(|place| (place, replace(&mut gradients[place], zeros(&[0])))).collect();
        if let Some(limit) = self.options.clip_grad_norm {
            clip_grad_norm(gradients, limit, workers);
        }
        if let Some(limit) = self.options.clip_grad_value {
            clip_grad_value(gradients, limit, workers);
        }
        aside.into_iter().for_each(|(place, gradient)| gradients[place] = gradient);
        Ok(())
    }

    /// What follows the optimiser's step.
    pub fn after(&mut self, network: &mut dyn Module<T>, optimizer: &mut Optimizer<T>) -> Result<()> {
        if let Some(limit) = self.options.max_norm {
            constrain(network, limit, |place| !optimizer.is_frozen(place));
        }
        if let Some(ema) = &mut self.ema {
            ema.update(network);
        }
        self.step_schedule(Interval::Step, optimizer, None)
    }

    /// Moves the schedule on, if that is its interval.
    pub fn step_schedule(
        &mut self,
        interval: Interval,
        optimizer: &mut Optimizer<T>,
        metric: Option<f64>,
    ) -> Result<()> {
        match self.scheduler.as_mut().filter(|scheduler| scheduler.interval() == interval) {
            Some(scheduler) => scheduler.step(optimizer, metric),
            None => Ok(()),
        }
    }
}
