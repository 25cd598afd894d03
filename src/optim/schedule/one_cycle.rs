//! One cycle: up to a large rate and down to almost nothing, with momentum the other way round.

use super::cosine::half_wave;
use super::curve::Curve;
use crate::optim::rule;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// **η rises from η̂/d to η̂ and falls to η̂/(d·D)** in `total_steps` steps, while momentum falls from `max_momentum` to
/// `base_momentum` and rises again.
///
/// | option | meaning | when left out |
/// | --- | --- | --- |
/// | `max_lr` | η̂; the optimiser's own rate does not matter | |
/// | `total_steps` | the steps of the cycle | those of the training run |
/// | `pct_start` | the share of them that the rate rises | 0.3 |
/// | `anneal_strategy` | `cos` or `linear` | `cos` |
/// | `cycle_momentum` | whether momentum (β₁ of the Adam family) moves too | true |
/// | `base_momentum`, `max_momentum` | between which values | 0.85, 0.95 |
/// | `div_factor`, `final_div_factor` | d and D | 25, 10⁴ |
/// | `three_phase` | falls to η̂/d as slowly as it rose, then to the end | false |
///
/// A step of the schedule is a training step. Source: Smith and Topin, *Super-convergence*, 2018, in PyTorch's form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the table says it
pub struct OneCycleLr {
    pub max_lr: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_steps: Option<u64>,
    #[serde(default = "pct_start")]
    pub pct_start: f64,
    #[serde(default)]
    pub anneal_strategy: Anneal,
    #[serde(default = "crate::layers::yes")]
    pub cycle_momentum: bool,
    #[serde(default = "base_momentum")]
    pub base_momentum: f64,
    #[serde(default = "max_momentum")]
    pub max_momentum: f64,
    #[serde(default = "div_factor")]
    pub div_factor: f64,
    #[serde(default = "final_div_factor")]
    pub final_div_factor: f64,
    #[serde(default)]
    pub three_phase: bool,
}

/// How a phase goes from one value to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anneal {
    /// Along half a wave of the cosine.
    #[default]
    Cos,
    /// Along a line.
    Linear,
}

fn pct_start() -> f64 {
    0.3
}

fn base_momentum() -> f64 {
    0.85
}

fn max_momentum() -> f64 {
    0.95
}

fn div_factor() -> f64 {
    25.0
}

fn final_div_factor() -> f64 {
    1e4
}

impl OneCycleLr {
    /// A cycle as long as the training run, with PyTorch's defaults.
    pub fn new(max_lr: f64) -> Self {
        OneCycleLr {
            max_lr,
            total_steps: None,
            pct_start: pct_start(),
            anneal_strategy: Anneal::Cos,
            cycle_momentum: true,
            base_momentum: base_momentum(),
            max_momentum: max_momentum(),
            div_factor: div_factor(),
            final_div_factor: final_div_factor(),
            three_phase: false,
        }
    }

    /// The value after t steps of something that is `low` at first, `high` at the top and `end` at last.
    fn at(&self, t: u64, low: f64, high: f64, end: f64) -> f64 {
        let total = self.total_steps.unwrap_or(1) as f64;
        let rise = self.pct_start * total - 1.0;
        let phases = match self.three_phase {
            true => vec![(rise, low, high), (2.0 * self.pct_start * total - 2.0, high, low), (total - 1.0, low, end)],
            false => vec![(rise, low, high), (total - 1.0, high, end)],
        };
        let t = (t as f64).min(total - 1.0);
        let mut start = 0.0;
        for &(stop, from, to) in &phases {
            if t <= stop {
                // A rise of one step is at its top at once.
                let done = if stop > start { (t - start) / (stop - start) } else { 1.0 };
                return match self.anneal_strategy {
                    Anneal::Cos => half_wave(from, to, done),
                    Anneal::Linear => from + (to - from) * done,
                };
            }
            start = stop;
        }
        end
    }
}

impl Curve for OneCycleLr {
    fn check(&self) -> Result<()> {
        let Some(total) = self.total_steps else {
            return Err(Error::option("OneCycleLR: total_steps", "a number of steps", "none"));
        };
        let phases = if self.three_phase { 2.0 } else { 1.0 };
        let share = self.pct_start * phases;
        if !(self.pct_start >= 0.0 && share <= 1.0) {
            let wanted = format!("from 0 to {} (it is a share of the steps)", 1.0 / phases);
            return Err(Error::option("OneCycleLR: pct_start", wanted, self.pct_start));
        }
        if total < 2 {
            return Err(Error::option("OneCycleLR: total_steps", "at least 2 (up and down)", total));
        }
        rule::at_least_0("OneCycleLR: max_lr", self.max_lr, "a negative rate climbs")?;
        for (name, factor) in [("div_factor", self.div_factor), ("final_div_factor", self.final_div_factor)] {
            super::curve::positive(&format!("OneCycleLR: {name}"), factor)?;
        }
        rule::below_1("OneCycleLR: base_momentum", self.base_momentum, "at 1 a velocity never fades")?;
        rule::below_1("OneCycleLR: max_momentum", self.max_momentum, "at 1 a velocity never fades")
    }

    fn rate(&self, _base: f64, t: u64) -> f64 {
        let start = self.max_lr / self.div_factor;
        self.at(t, start, self.max_lr, start / self.final_div_factor)
    }

    fn momentum(&self, t: u64) -> Option<f64> {
        self.cycle_momentum.then(|| self.at(t, self.max_momentum, self.base_momentum, self.max_momentum))
    }

    fn fit_to(&mut self, steps: u64) {
        self.total_steps.get_or_insert(steps);
    }
}
