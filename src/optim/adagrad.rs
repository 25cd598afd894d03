//! Adagrad: a rate that falls with all the gradients an entry has seen.

use super::adam::check_adaptive;
use super::rule::{self, Rule, Scalars, Settings, Step};
use super::{Optimizer, RuleDescription};
use crate::kernels::{level, update};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **θ ← θ − ηₜ·g/(√s + ε)**, with s ← s + g² and ηₜ = η/(1 + (t−1)·κ).
///
/// | symbol | option | meaning |
/// | --- | --- | --- |
/// | η | `lr` | learning rate: 0.01 |
/// | κ | `lr_decay` | how fast the rate falls with the steps: 0 |
/// | s | `initial_accumulator_value` | where the sum of squares starts: 0 |
/// | ε | `eps` | keeps the quotient finite: 1e-10 |
/// | λ | `weight_decay` | g = ∂L/∂θ + λθ (L2): 0 |
///
/// Source: Duchi, Hazan and Singer, *Adaptive subgradient methods for online learning and stochastic optimization*, 2011.
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{Adagrad, Optimizer}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0f64]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 2.0;
/// let rule = Adagrad::new(0.1)?.initial_accumulator_value(12.0);
/// Optimizer::from(rule).step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert!((layer.weight[[0, 0]] - 4.95).abs() < 1e-9); // s = 12 + 2², θ moves by 0.1·2/4
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adagrad {
    #[serde(default = "default_lr")]
    lr: f64,
    #[serde(default)]
    lr_decay: f64,
    #[serde(default)]
    weight_decay: f64,
    #[serde(default)]
    initial_accumulator_value: f64,
    #[serde(default = "default_eps")]
    eps: f64,
}

fn default_lr() -> f64 {
    0.01
}

fn default_eps() -> f64 {
    1e-10
}

impl Adagrad {
    /// Adagrad with the learning rate η.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when the rate is negative or not finite.
    pub fn new(lr: f64) -> Result<Self> {
        let (lr_decay, weight_decay, eps) = (0.0, 0.0, default_eps());
        let adagrad = Adagrad { lr, lr_decay, weight_decay, initial_accumulator_value: 0.0, eps };
        adagrad.checked().map(|()| adagrad)
    }

    /// κ.
    pub fn lr_decay(mut self, lr_decay: f64) -> Self {
        self.lr_decay = lr_decay;
        self
    }

    /// λ, as L2.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Where s starts.
    pub fn initial_accumulator_value(mut self, value: f64) -> Self {
        self.initial_accumulator_value = value;
        self
    }

    /// ε.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    fn checked(&self) -> Result<()> {
        check_adaptive("Adagrad", self.lr, self.eps, self.weight_decay)?;
        rule::at_least_0("Adagrad: lr_decay", self.lr_decay, "a negative one lets the rate grow without end")?;
        let start = self.initial_accumulator_value;
        rule::at_least_0("Adagrad: initial_accumulator_value", start, "it is a sum of squares")
    }
}

impl<T: Real> Rule<T> for Adagrad {
    fn check(&self) -> Result<()> {
        self.checked()
    }

    fn settings(&self) -> Settings {
        Settings { lr: self.lr, momentum: None, weight_decay: self.weight_decay }
    }

    fn states(&self) -> Vec<&'static str> {
        vec!["sum"]
    }

    fn initial_state(&self) -> f64 {
        self.initial_accumulator_value
    }

    fn scalars(&self, step: &Step) -> Scalars {
        let lr = step.lr / (1.0 + (step.clock - 1) as f64 * self.lr_decay);
        [lr, self.eps, step.weight_decay, 0.0, 0.0, 0.0, 0.0, 0.0]
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [lr, eps, decay, ..] = scalars.map(T::of);
        let [sum] = state else { unreachable!("Adagrad has one state") };
        update(level(), parameter, gradient, [sum], |p, g, [sum]| {
            let g = g + decay * p;
            let sum = sum + g * g;
            (p - lr * (g / (sum.sqrt() + eps)), [sum])
        });
    }
}

impl<T: Real> From<Adagrad> for Optimizer<T> {
    fn from(rule: Adagrad) -> Self {
        Optimizer::from(RuleDescription::Adagrad(rule))
    }
}

impl fmt::Display for Adagrad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Adagrad({})", self.lr)?;
        let options = [
            ("lr_decay", self.lr_decay, 0.0),
            ("weight_decay", self.weight_decay, 0.0),
            ("initial_accumulator_value", self.initial_accumulator_value, 0.0),
            ("eps", self.eps, default_eps()),
        ];
        rule::write_options(f, &options)
    }
}
