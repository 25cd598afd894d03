//! NAdam: Adam with Nesterov's momentum.

use super::adam::{self, power};
use super::rule::{self, Rule, Scalars, Settings, Step};
use super::{Optimizer, RuleDescription};
use crate::kernels::{level, update};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **θ ← θ − η·(μₜ₊₁·m/(1−Πμ·μₜ₊₁) + (1−μₜ)·g/(1−Πμ))/(√v̂ + ε)**, with m, v and v̂ of [`Adam`](super::Adam) and
/// μₜ = β₁(1 − ½·0.96^(tψ)), Πμ = μ₁μ₂…μₜ.
///
/// | symbol | option | meaning |
/// | --- | --- | --- |
/// | η | `lr` | learning rate: 2e-3 |
/// | β₁, β₂ | `betas` | how much of the running means stays: 0.9 and 0.999 |
/// | ε | `eps` | keeps the quotient finite: 1e-8 |
/// | ψ | `momentum_decay` | how fast μ rises from about β₁/2 to β₁: 4e-3 |
/// | λ | `weight_decay` | g = ∂L/∂θ + λθ, or with `decoupled_weight_decay` θ shrinks by 1−ηλ first: 0 |
///
/// Source: Dozat, *Incorporating Nesterov momentum into Adam*, 2016, with μ's schedule.
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{NAdam, Optimizer}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0f64]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 2.0;
/// Optimizer::from(NAdam::new(0.1)?.betas(0.0, 0.999)).step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert!((layer.weight[[0, 0]] - 4.9).abs() < 1e-8); // without β₁ it moves by η·g/|g|
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NAdam {
    #[serde(default = "default_lr")]
    lr: f64,
    #[serde(default = "adam::default_betas")]
    betas: [f64; 2],
    #[serde(default = "adam::default_eps")]
    eps: f64,
    #[serde(default)]
    weight_decay: f64,
    #[serde(default = "default_momentum_decay")]
    momentum_decay: f64,
    #[serde(default)]
    decoupled_weight_decay: bool,
}

fn default_lr() -> f64 {
    2e-3
}

fn default_momentum_decay() -> f64 {
    4e-3
}

impl NAdam {
    /// NAdam with the learning rate η.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when the rate is negative or not finite.
    pub fn new(lr: f64) -> Result<Self> {
        let nadam = NAdam {
            lr,
            betas: adam::default_betas(),
            eps: adam::default_eps(),
            weight_decay: 0.0,
            momentum_decay: default_momentum_decay(),
            decoupled_weight_decay: false,
        };
        nadam.checked().map(|()| nadam)
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

    /// λ.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// ψ.
    pub fn momentum_decay(mut self, momentum_decay: f64) -> Self {
        self.momentum_decay = momentum_decay;
        self
    }

    /// Weight decay as in [`AdamW`](super::AdamW), not as L2.
    pub fn decoupled_weight_decay(mut self) -> Self {
        self.decoupled_weight_decay = true;
        self
    }

    fn checked(&self) -> Result<()> {
        adam::check_adaptive("NAdam", self.lr, self.eps, self.weight_decay)?;
        adam::check_betas("NAdam", self.betas)?;
        rule::at_least_0("NAdam: momentum_decay", self.momentum_decay, "a negative one gives a growing 0.96^(tψ)")
    }

    /// μ of a step.
    fn mu(&self, beta1: f64, clock: u64) -> f64 {
        beta1 * (1.0 - 0.5 * libm::pow(0.96, clock as f64 * self.momentum_decay))
    }
}

impl<T: Real> Rule<T> for NAdam {
    fn check(&self) -> Result<()> {
        self.checked()
    }

    fn settings(&self) -> Settings {
        Settings { lr: self.lr, momentum: Some(self.betas[0]), weight_decay: self.weight_decay }
    }

    fn states(&self) -> Vec<&'static str> {
        vec!["exp_avg", "exp_avg_sq"]
    }

    /// Πμ.
    fn carry(&self, step: &Step) -> f64 {
        step.carried * self.mu(step.momentum, step.clock)
    }

    fn scalars(&self, step: &Step) -> Scalars {
        let (beta1, beta2) = (step.momentum, self.betas[1]);
        let (mu, next) = (self.mu(beta1, step.clock), self.mu(beta1, step.clock + 1));
        let product = step.carried * mu;
        let of_g = step.lr * (1.0 - mu) / (1.0 - product);
        let of_m = step.lr * next / (1.0 - product * next);
        let root = (1.0 - power(beta2, step.clock)).sqrt();
        let decay = step.weight_decay;
        let (shrink, l2) = if self.decoupled_weight_decay { (1.0 - step.lr * decay, 0.0) } else { (1.0, decay) };
        [shrink, l2, 1.0 - beta1, beta2, of_g, of_m, 1.0 / root, self.eps]
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [shrink, l2, fresh1, beta2, of_g, of_m, correction, eps] = scalars.map(T::of);
        let fresh2 = T::of(1.0 - scalars[3]);
        let [m, v] = state else { unreachable!("NAdam has two states") };
        update(level(), parameter, gradient, [m, v], |p, g, [m, v]| {
            let (p, g) = (p * shrink, g + l2 * p);
            let m = m + fresh1 * (g - m);
            let v = beta2 * v + fresh2 * (g * g);
            (p - (of_g * g + of_m * m) / (v.sqrt() * correction + eps), [m, v])
        });
    }
}

impl<T: Real> From<NAdam> for Optimizer<T> {
    fn from(rule: NAdam) -> Self {
        Optimizer::from(RuleDescription::NAdam(rule))
    }
}

impl fmt::Display for NAdam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NAdam({})", self.lr)?;
        adam::write_betas(f, self.betas)?;
        let more = [
            ("eps", self.eps, adam::default_eps()),
            ("weight_decay", self.weight_decay, 0.0),
            ("momentum_decay", self.momentum_decay, default_momentum_decay()),
        ];
        rule::write_options(f, &more)?;
        f.write_str(if self.decoupled_weight_decay { ".decoupled_weight_decay()" } else { "" })
    }
}
