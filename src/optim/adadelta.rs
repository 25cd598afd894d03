//! Adadelta: steps as large as the steps before, in the parameter's own unit.

use super::adam::check_adaptive;
use super::rule::{self, Rule, Scalars, Settings, Step};
use super::{Optimizer, RuleDescription};
use crate::kernels::{level, update};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **θ ← θ − η·d** with **d = g·√(u + ε)/√(v + ε)**, v ← ρv + (1−ρ)g² before and u ← ρu + (1−ρ)d² after.
///
/// | symbol | option | meaning |
/// | --- | --- | --- |
/// | η | `lr` | what the step is multiplied by: 1 |
/// | ρ | `rho` | how much of the running means stays: 0.9 |
/// | ε | `eps` | inside both roots; it sizes the first steps: 1e-6 |
/// | λ | `weight_decay` | g = ∂L/∂θ + λθ (L2): 0 |
///
/// Source: Zeiler, *ADADELTA: an adaptive learning rate method*, 2012, algorithm 1.
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{Adadelta, Optimizer}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0f64]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 2.0;
/// let rule = Adadelta::new(1.0)?.rho(0.75).eps(0.5625);
/// Optimizer::from(rule).step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert!((layer.weight[[0, 0]] - 3.8).abs() < 1e-12); // v = 0.25·2², d = 2·0.75/√1.5625 = 1.2
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adadelta {
    #[serde(default = "default_lr")]
    lr: f64,
    #[serde(default = "default_rho")]
    rho: f64,
    #[serde(default = "default_eps")]
    eps: f64,
    #[serde(default)]
    weight_decay: f64,
}

fn default_lr() -> f64 {
    1.0
}

fn default_rho() -> f64 {
    0.9
}

fn default_eps() -> f64 {
    1e-6
}

impl Adadelta {
    /// Adadelta with the factor η, 1 in the paper.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when the factor is negative or not finite.
    pub fn new(lr: f64) -> Result<Self> {
        let adadelta = Adadelta { lr, rho: default_rho(), eps: default_eps(), weight_decay: 0.0 };
        adadelta.checked().map(|()| adadelta)
    }

    /// ρ, from 0 to below 1.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// ε.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// λ, as L2.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    fn checked(&self) -> Result<()> {
        check_adaptive("Adadelta", self.lr, self.eps, self.weight_decay)?;
        rule::below_1("Adadelta: rho", self.rho, "at 1 a running mean never moves")
    }
}

impl<T: Real> Rule<T> for Adadelta {
    fn check(&self) -> Result<()> {
        self.checked()
    }

    fn settings(&self) -> Settings {
        Settings { lr: self.lr, momentum: None, weight_decay: self.weight_decay }
    }

    fn states(&self) -> Vec<&'static str> {
        vec!["square_avg", "acc_delta"]
    }

    fn scalars(&self, step: &Step) -> Scalars {
        [step.lr, self.rho, 1.0 - self.rho, self.eps, step.weight_decay, 0.0, 0.0, 0.0]
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [lr, rho, fresh, eps, decay, ..] = scalars.map(T::of);
        let [v, u] = state else { unreachable!("Adadelta has two states") };
        update(level(), parameter, gradient, [v, u], |p, g, [v, u]| {
            let g = g + decay * p;
            let v = rho * v + fresh * (g * g);
            let d = (u + eps).sqrt() / (v + eps).sqrt() * g;
            (p - lr * d, [v, rho * u + fresh * (d * d)])
        });
    }
}

impl<T: Real> From<Adadelta> for Optimizer<T> {
    fn from(rule: Adadelta) -> Self {
        Optimizer::from(RuleDescription::Adadelta(rule))
    }
}

impl fmt::Display for Adadelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Adadelta({})", self.lr)?;
        let options = [
            ("rho", self.rho, default_rho()),
            ("eps", self.eps, default_eps()),
            ("weight_decay", self.weight_decay, 0.0),
        ];
        rule::write_options(f, &options)
    }
}
