//! RMSprop: the gradient divided by the running root mean square of itself.

use super::adam::check_adaptive;
use super::rule::{self, Rule, Scalars, Settings, Step};
use super::{Optimizer, RuleDescription};
use crate::kernels::{level, update};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **θ ← θ − η·g/(√v + ε)**, with v ← αv + (1−α)g².
///
/// | symbol | option | meaning |
/// | --- | --- | --- |
/// | η | `lr` | learning rate: 0.01 |
/// | α | `alpha` | how much of the running mean stays: 0.99 |
/// | ε | `eps` | keeps the quotient finite; outside the root, as in PyTorch: 1e-8 |
/// | λ | `weight_decay` | g = ∂L/∂θ + λθ (L2): 0 |
/// | μ | `momentum` | b ← μb + g/(√v + ε), θ ← θ − ηb: 0 |
/// | | `centered` | v − ḡ² under the root, an estimate of the variance, with ḡ ← αḡ + (1−α)g |
///
/// Rounding can make v − ḡ² negative when a gradient hardly changes; it is then taken as 0.
///
/// Source: Tieleman and Hinton, *Neural networks for machine learning*, lecture 6.5, 2012; Graves, *Generating sequences
/// with recurrent neural networks*, 2013, equations 38 to 41 (`centered`, `momentum`).
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{Optimizer, RmsProp}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0f64]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 2.0;
/// Optimizer::from(RmsProp::new(0.1)?.alpha(0.75)).step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert!((layer.weight[[0, 0]] - 4.8).abs() < 1e-8); // v = 0.25·2², θ moves by 0.1·2/1
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmsProp {
    #[serde(default = "default_lr")]
    lr: f64,
    #[serde(default = "default_alpha")]
    alpha: f64,
    #[serde(default = "super::adam::default_eps")]
    eps: f64,
    #[serde(default)]
    weight_decay: f64,
    #[serde(default)]
    momentum: f64,
    #[serde(default)]
    centered: bool,
}

fn default_lr() -> f64 {
    0.01
}

fn default_alpha() -> f64 {
    0.99
}

impl RmsProp {
    /// RMSprop with the learning rate η.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when the rate is negative or not finite.
    pub fn new(lr: f64) -> Result<Self> {
        let (alpha, eps) = (default_alpha(), super::adam::default_eps());
        let rmsprop = RmsProp { lr, alpha, eps, weight_decay: 0.0, momentum: 0.0, centered: false };
        rmsprop.checked().map(|()| rmsprop)
    }

    /// α, from 0 to below 1.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
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

    /// μ, from 0 to below 1.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// The variance under the root instead of the mean square.
    pub fn centered(mut self) -> Self {
        self.centered = true;
        self
    }

    fn checked(&self) -> Result<()> {
        check_adaptive("RMSprop", self.lr, self.eps, self.weight_decay)?;
        rule::below_1("RMSprop: alpha", self.alpha, "at 1 the running mean never moves")?;
        rule::below_1("RMSprop: momentum", self.momentum, "at 1 the velocity never fades")
    }
}

impl<T: Real> Rule<T> for RmsProp {
    fn check(&self) -> Result<()> {
        self.checked()
    }

    fn settings(&self) -> Settings {
        let momentum = (self.momentum != 0.0).then_some(self.momentum);
        Settings { lr: self.lr, momentum, weight_decay: self.weight_decay }
    }

    fn states(&self) -> Vec<&'static str> {
        let mut states = vec!["square_avg"];
        states.extend(self.centered.then_some("grad_avg"));
        states.extend((self.momentum != 0.0).then_some("momentum_buffer"));
        states
    }

    fn scalars(&self, step: &Step) -> Scalars {
        [step.lr, self.alpha, 1.0 - self.alpha, self.eps, step.weight_decay, step.momentum, 0.0, 0.0]
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [lr, alpha, fresh, eps, decay, momentum, ..] = scalars.map(T::of);
        // v, and the gradient divided by its root.
        let divided = |p: T, g: T, v: T| {
            let g = g + decay * p;
            let v = alpha * v + fresh * (g * g);
            (v, g / (v.sqrt() + eps))
        };
        let centered = |p: T, g: T, v: T, mean: T| {
            let g = g + decay * p;
            let v = alpha * v + fresh * (g * g);
            let mean = mean + fresh * (g - mean);
            let variance = v - mean * mean;
            let variance = if variance < T::zero() { T::zero() } else { variance };
            (v, mean, g / (variance.sqrt() + eps))
        };
        match state {
            [v] => update(level(), parameter, gradient, [v], |p, g, [v]| {
                let (v, g) = divided(p, g, v);
                (p - lr * g, [v])
            }),
            [v, mean] if self.centered => update(level(), parameter, gradient, [v, mean], |p, g, [v, mean]| {
                let (v, mean, g) = centered(p, g, v, mean);
                (p - lr * g, [v, mean])
            }),
            [v, b] => update(level(), parameter, gradient, [v, b], |p, g, [v, b]| {
                let (v, g) = divided(p, g, v);
                let b = momentum * b + g;
                (p - lr * b, [v, b])
            }),
            [v, mean, b] => update(level(), parameter, gradient, [v, mean, b], |p, g, [v, mean, b]| {
                let (v, mean, g) = centered(p, g, v, mean);
                let b = momentum * b + g;
                (p - lr * b, [v, mean, b])
            }),
            _ => unreachable!("RMSprop has one to three states"),
        }
    }
}

impl<T: Real> From<RmsProp> for Optimizer<T> {
    fn from(rule: RmsProp) -> Self {
        Optimizer::from(RuleDescription::RmsProp(rule))
    }
}

impl fmt::Display for RmsProp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RmsProp({})", self.lr)?;
        let options = [
            ("alpha", self.alpha, default_alpha()),
            ("eps", self.eps, super::adam::default_eps()),
            ("weight_decay", self.weight_decay, 0.0),
            ("momentum", self.momentum, 0.0),
        ];
        rule::write_options(f, &options)?;
        f.write_str(if self.centered { ".centered()" } else { "" })
    }
}
