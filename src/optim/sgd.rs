//! Stochastic gradient descent, with momentum.

use super::rule::{self, Rule, Scalars, Settings, Step};
use super::{Optimizer, RuleDescription};
use crate::kernels::{level, update};
use crate::{Error, Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **θ ← θ − η·∂L/∂θ**, the same η for every parameter; with momentum μ, **v ← μ·v + (1−τ)·g**, **θ ← θ − η·v**.
///
/// | symbol | option | meaning |
/// | --- | --- | --- |
/// | η | `lr` | learning rate |
/// | μ | `momentum` | how much of the last step's velocity stays |
/// | τ | `dampening` | how much of a gradient does not reach the velocity; not in the first step, which sets v = g |
/// | λ | `weight_decay` | g = ∂L/∂θ + λθ, which is L2: the gradient of ½λ‖θ‖² |
/// | | `nesterov` | θ moves along g + μ·v, the gradient seen from where the velocity leads |
///
/// The rate multiplies the velocity, as in PyTorch; in Polyak's and Sutskever's formulas it multiplies the gradient inside v,
/// which differs when the rate changes.
///
/// Source: Robbins and Monro, *A stochastic approximation method*, 1951; Polyak, *Some methods of speeding up the
/// convergence of iteration methods*, 1964; Sutskever and others, *On the importance of initialization and momentum in
/// deep learning*, 2013.
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{Optimizer, Sgd}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 2.0;
/// let mut optimizer = Optimizer::from(Sgd::new(0.5)?.momentum(0.9));
/// optimizer.step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert_eq!(layer.weight[[0, 0]], 5.0 - 0.5 * 2.0); // v = 2
/// optimizer.step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert_eq!(layer.weight[[0, 0]], 4.0 - 0.5 * 3.8); // v = 0.9·2 + 2
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    lr: f64,
    #[serde(default)]
    momentum: f64,
    #[serde(default)]
    dampening: f64,
    #[serde(default)]
    weight_decay: f64,
    #[serde(default)]
    nesterov: bool,
}

impl Sgd {
    /// Gradient descent with the learning rate η.
    ///
    /// # Errors
    /// [`Error::Option`] when the rate is negative or not finite.
    pub fn new(lr: f64) -> Result<Self> {
        let sgd = Sgd { lr, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };
        sgd.checked().map(|()| sgd)
    }

    /// μ, from 0 to below 1.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// τ, from 0 to 1.
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }

    /// λ, as L2.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Nesterov's momentum.
    pub fn nesterov(mut self) -> Self {
        self.nesterov = true;
        self
    }

    fn checked(&self) -> Result<()> {
        rule::at_least_0("SGD: lr", self.lr, "a negative rate climbs")?;
        rule::below_1("SGD: momentum", self.momentum, "at 1 the velocity never fades")?;
        rule::at_least_0("SGD: weight_decay", self.weight_decay, "a negative decay lets weights grow")?;
        if !(0.0..=1.0).contains(&self.dampening) {
            return Err(Error::option("SGD: dampening", "from 0 to 1 (it is a share of the gradient)", self.dampening));
        }
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let found = format!("momentum {}, dampening {}", self.momentum, self.dampening);
            return Err(Error::option("SGD: nesterov", "with momentum above 0 and no dampening", found));
        }
        Ok(())
    }
}

impl<T: Real> Rule<T> for Sgd {
    fn check(&self) -> Result<()> {
        self.checked()
    }

    fn settings(&self) -> Settings {
        let momentum = (self.momentum != 0.0).then_some(self.momentum);
        Settings { lr: self.lr, momentum, weight_decay: self.weight_decay }
    }

    fn states(&self) -> Vec<&'static str> {
        if self.momentum == 0.0 { vec![] } else { vec!["momentum_buffer"] }
    }

    fn scalars(&self, step: &Step) -> Scalars {
        // v = 0 before the first step, so that step needs no case of its own but the weight of its gradient.
        let fresh = if step.clock == 1 { 1.0 } else { 1.0 - self.dampening };
        [step.lr, step.weight_decay, step.momentum, fresh, 0.0, 0.0, 0.0, 0.0]
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        let [lr, decay, momentum, fresh, ..] = scalars.map(T::of);
        match state {
            [] => update(level(), parameter, gradient, [], |p, g, []| (p - lr * (g + decay * p), [])),
            [velocity, ..] if self.nesterov => {
                update(level(), parameter, gradient, [velocity], |p, g, [v]| {
                    let g = g + decay * p;
                    let v = momentum * v + fresh * g;
                    (p - lr * (g + momentum * v), [v])
                });
            }
            [velocity, ..] => update(level(), parameter, gradient, [velocity], |p, g, [v]| {
                let v = momentum * v + fresh * (g + decay * p);
                (p - lr * v, [v])
            }),
        }
    }
}

impl<T: Real> From<Sgd> for Optimizer<T> {
    fn from(rule: Sgd) -> Self {
        Optimizer::from(RuleDescription::Sgd(rule))
    }
}

impl fmt::Display for Sgd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sgd({})", self.lr)?;
        rule::write_options(
            f,
            &[
                ("momentum", self.momentum, 0.0),
                ("dampening", self.dampening, 0.0),
                ("weight_decay", self.weight_decay, 0.0),
            ],
        )?;
        f.write_str(if self.nesterov { ".nesterov()" } else { "" })
    }
}
