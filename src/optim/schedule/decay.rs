//! Schedules that multiply the rate: in jumps, by a power, along a line.

use super::curve::{Curve, at_least_1, positive};
use crate::optim::rule;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// **η = η₀·γ^⌊t/s⌋**: a jump every s = `step_size` steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepLr {
    /// s.
    pub step_size: u64,
    /// γ, 0.1 when left out.
    #[serde(default = "tenth")]
    pub gamma: f64,
}

pub(super) fn tenth() -> f64 {
    0.1
}

impl Curve for StepLr {
    fn check(&self) -> Result<()> {
        at_least_1("StepLR: step_size", self.step_size)?;
        positive("StepLR: gamma", self.gamma)
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        base * libm::pow(self.gamma, (t / self.step_size.max(1)) as f64)
    }
}

/// **η = η₀·γᵐ**, m being how many of the `milestones` are at or before t.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiStepLr {
    /// The steps with a jump, in ascending order.
    pub milestones: Vec<u64>,
    /// γ, 0.1 when left out.
    #[serde(default = "tenth")]
    pub gamma: f64,
}

impl Curve for MultiStepLr {
    fn check(&self) -> Result<()> {
        ascending("MultiStepLR: milestones", &self.milestones)?;
        positive("MultiStepLR: gamma", self.gamma)
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= t).count();
        base * libm::pow(self.gamma, passed as f64)
    }
}

/// min(t/n, 1), with n taken as at least 1.
fn share(t: u64, n: u64) -> f64 {
    t.min(n.max(1)) as f64 / n.max(1) as f64
}

pub(super) fn ascending(name: &str, milestones: &[u64]) -> Result<()> {
    if milestones.is_sorted() {
        Ok(())
    } else {
        Err(Error::option(name, "in ascending order", format!("{milestones:?}")))
    }
}

/// **η = η₀·γᵗ**.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExponentialLr {
    /// γ.
    pub gamma: f64,
}

impl Curve for ExponentialLr {
    fn check(&self) -> Result<()> {
        positive("ExponentialLR: gamma", self.gamma)
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        base * libm::pow(self.gamma, t as f64)
    }
}

/// **η = η₀·f** for the first `total_iters` steps, then η₀.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConstantLr {
    /// f, 1/3 when left out.
    pub factor: f64,
    /// 5 when left out.
    pub total_iters: u64,
}

/// PyTorch's defaults.
impl Default for ConstantLr {
    fn default() -> Self {
        ConstantLr { factor: 1.0 / 3.0, total_iters: 5 }
    }
}

impl Curve for ConstantLr {
    fn check(&self) -> Result<()> {
        rule::at_least_0("ConstantLR: factor", self.factor, "it multiplies the rate")
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        if t < self.total_iters { base * self.factor } else { base }
    }
}

/// **η = η₀·(a + (b − a)·min(t/n, 1))**: along a line from a = `start_factor` to b = `end_factor` in n = `total_iters` steps;
/// the usual warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinearLr {
    /// a, 1/3 when left out.
    pub start_factor: f64,
    /// b, 1 when left out.
    pub end_factor: f64,
    /// n, 5 when left out.
    pub total_iters: u64,
}

/// PyTorch's defaults.
impl Default for LinearLr {
    fn default() -> Self {
        LinearLr { start_factor: 1.0 / 3.0, end_factor: 1.0, total_iters: 5 }
    }
}

impl Curve for LinearLr {
    fn check(&self) -> Result<()> {
        at_least_1("LinearLR: total_iters", self.total_iters)?;
        rule::at_least_0("LinearLR: start_factor", self.start_factor, "it multiplies the rate")?;
        rule::at_least_0("LinearLR: end_factor", self.end_factor, "it multiplies the rate")
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        let done = share(t, self.total_iters);
        base * (self.start_factor + (self.end_factor - self.start_factor) * done)
    }
}

/// **η = η₀·(1 − min(t/n, 1))ᵖ**: down to 0 in n = `total_iters` steps, with the `power` p.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolynomialLr {
    /// n, 5 when left out.
    pub total_iters: u64,
    /// p, 1 when left out.
    pub power: f64,
}

/// PyTorch's defaults.
impl Default for PolynomialLr {
    fn default() -> Self {
        PolynomialLr { total_iters: 5, power: 1.0 }
    }
}

impl Curve for PolynomialLr {
    fn check(&self) -> Result<()> {
        at_least_1("PolynomialLR: total_iters", self.total_iters)?;
        rule::at_least_0("PolynomialLR: power", self.power, "a negative power divides by 0 at the end")
    }

    fn rate(&self, base: f64, t: u64) -> f64 {
        let left = 1.0 - share(t, self.total_iters);
        base * libm::pow(left, self.power)
    }
}
