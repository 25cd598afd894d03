//! Adam: a rate of its own for every entry, from running means of the gradient and its square.

use super::rule::{self, Rule, Scalars, Settings, Step};
use super::{Optimizer, RuleDescription};
use crate::kernels::{level, update};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **θ ← θ − η·m̂/(√v̂ + ε)**, with m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
///
/// | symbol | option | meaning |
/// | --- | --- | --- |
/// | η | `lr` | learning rate |
/// | β₁, β₂ | `betas` | how much of the running means stays: 0.9 and 0.999 |
/// | ε | `eps` | keeps the quotient finite; added after the root of the corrected v: 1e-8 |
/// | λ | `weight_decay` | g = ∂L/∂θ + λθ (L2): 0. Decoupled decay is [`AdamW`](super::AdamW) |
/// | | `amsgrad` | v̂ is made of the largest v so far, so that rates never grow |
///
/// m and v start at 0; the divisions by 1−βᵗ take that start out, t being the number of the step.
///
/// Source: Kingma and Ba, *Adam: a method for stochastic optimization*, 2015, algorithm 1; Reddi, Kale and Kumar, *On the
/// convergence of Adam and beyond*, 2018, algorithm 2 (`amsgrad`).
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{Adam, Optimizer}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0f64]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 2.0;
/// // In the first step m̂ = g and √v̂ = |g|: every entry moves by η, whatever its gradient.
/// Optimizer::from(Adam::new(0.1)?).step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert!((layer.weight[[0, 0]] - 4.9).abs() < 1e-8);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    #[serde(default = "default_lr")]
    pub(super) lr: f64,
    #[serde(default = "default_betas")]
    pub(super) betas: [f64; 2],
    #[serde(default = "default_eps")]
    pub(super) eps: f64,
    #[serde(default)]
    pub(super) weight_decay: f64,
    #[serde(default)]
    pub(super) amsgrad: bool,
}

pub(super) fn default_lr() -> f64 {
    1e-3
}

pub(super) fn default_betas() -> [f64; 2] {
    [0.9, 0.999]
}

pub(super) fn default_eps() -> f64 {
    1e-8
}

impl Adam {
    /// Adam with the learning rate η, which is 1e-3 in the paper.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when the rate is negative or not finite.
    pub fn new(lr: f64) -> Result<Self> {
        let adam = Adam { lr, betas: default_betas(), eps: default_eps(), weight_decay: 0.0, amsgrad: false };
        adam.checked("Adam").map(|()| adam)
    }

    /// β₁ and β₂, each from 0 to below 1.
    pub fn betas(mut self, first: f64, second: f64) -> Self {
        self.betas = [first, second];
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

    /// The largest v so far instead of the present one.
    pub fn amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }

    pub(super) fn checked(&self, name: &str) -> Result<()> {
        check_adaptive(name, self.lr, self.eps, self.weight_decay)?;
        check_betas(name, self.betas)
    }

    pub(super) fn settings(&self) -> Settings {
        Settings { lr: self.lr, momentum: Some(self.betas[0]), weight_decay: self.weight_decay }
    }

    pub(super) fn states(&self) -> Vec<&'static str> {
        let mut states = vec!["exp_avg", "exp_avg_sq"];
        states.extend(self.amsgrad.then_some("max_exp_avg_sq"));
        states
    }

    /// `shrink` multiplies θ first, `l2`·θ is added to the gradient.
    pub(super) fn scalars(&self, step: &Step, shrink: f64, l2: f64) -> Scalars {
        let (beta1, beta2) = (step.momentum, self.betas[1]);
        let rate = step.lr / (1.0 - power(beta1, step.clock));
        let root = (1.0 - power(beta2, step.clock)).sqrt();
        [shrink, l2, 1.0 - beta1, beta2, 1.0 - beta2, rate, 1.0 / root, self.eps]
    }

    pub(super) fn moved<T: Real>(
        &self,
        scalars: &Scalars,
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    ) {
        let [shrink, l2, fresh1, beta2, fresh2, rate, correction, eps] = scalars.map(T::of);
        match state {
            [m, v] => update(level(), parameter, gradient, [m, v], |p, g, [m, v]| {
                let (p, g) = (p * shrink, g + l2 * p);
                let m = m + fresh1 * (g - m);
                let v = beta2 * v + fresh2 * (g * g);
                (p - rate * (m / (v.sqrt() * correction + eps)), [m, v])
            }),
            [m, v, largest] => update(level(), parameter, gradient, [m, v, largest], |p, g, [m, v, largest]| {
                let (p, g) = (p * shrink, g + l2 * p);
                let m = m + fresh1 * (g - m);
                let v = beta2 * v + fresh2 * (g * g);
                let largest = if largest > v { largest } else { v };
                (p - rate * (m / (largest.sqrt() * correction + eps)), [m, v, largest])
            }),
            _ => unreachable!("Adam has two or three states"),
        }
    }
}

/// βᵗ, the same bits on every platform.
pub(super) fn power(beta: f64, clock: u64) -> f64 {
    libm::pow(beta, clock as f64)
}

pub(super) fn check_adaptive(name: &str, lr: f64, eps: f64, weight_decay: f64) -> Result<()> {
    rule::at_least_0(&format!("{name}: lr"), lr, "a negative rate climbs")?;
    rule::at_least_0(&format!("{name}: eps"), eps, "it keeps a divisor above 0")?;
    rule::at_least_0(&format!("{name}: weight_decay"), weight_decay, "a negative decay lets weights grow")
}

pub(super) fn check_betas(name: &str, betas: [f64; 2]) -> Result<()> {
    for (place, beta) in betas.into_iter().enumerate() {
        rule::below_1(&format!("{name}: betas[{place}]"), beta, "at 1 a running mean never moves")?;
    }
    Ok(())
}

/// Writes the options that the Adam family shares.
pub(super) fn write_betas(f: &mut fmt::Formatter<'_>, betas: [f64; 2]) -> fmt::Result {
    if betas == default_betas() { Ok(()) } else { write!(f, ".betas({}, {})", betas[0], betas[1]) }
}

impl<T: Real> Rule<T> for Adam {
    fn check(&self) -> Result<()> {
        self.checked("Adam")
    }

    fn settings(&self) -> Settings {
        self.settings()
    }

    fn states(&self) -> Vec<&'static str> {
        self.states()
    }

    fn scalars(&self, step: &Step) -> Scalars {
        self.scalars(step, 1.0, step.weight_decay)
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        self.moved(scalars, parameter, gradient, state);
    }
}

impl<T: Real> From<Adam> for Optimizer<T> {
    fn from(rule: Adam) -> Self {
        Optimizer::from(RuleDescription::Adam(rule))
    }
}

impl fmt::Display for Adam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Adam({})", self.lr)?;
        write_betas(f, self.betas)?;
        rule::write_options(f, &[("eps", self.eps, default_eps()), ("weight_decay", self.weight_decay, 0.0)])?;
        f.write_str(if self.amsgrad { ".amsgrad()" } else { "" })
    }
}
