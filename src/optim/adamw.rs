//! AdamW: Adam whose weight decay does not go through the running means.

use super::adam::{self, Adam};
use super::rule::{self, Rule, Scalars, Settings, Step};
use super::{Optimizer, RuleDescription};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **θ ← (1 − ηλ)·θ − η·m̂/(√v̂ + ε)**: [`Adam`] with decoupled weight decay.
///
/// The symbols and options are [`Adam`]'s, and λ is 0.01 at first. As L2 the decay would be divided by √v̂ with the rest
/// of the gradient, and weights with large gradients would hardly decay; here all shrink at the same speed.
///
/// Source: Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019, algorithm 2; as in PyTorch the rate
/// multiplies λ, and θ shrinks before it moves.
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{AdamW, Optimizer}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0f64]), None)?;
/// let gradients = Gradients::zeros_for(&layer);
/// // Without a gradient nothing is left but the decay: 5·(1 − 0.1·0.02).
/// let mut optimizer = Optimizer::from(AdamW::new(0.1)?.weight_decay(0.02));
/// optimizer.step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert_eq!(layer.weight[[0, 0]], 5.0 * 0.998);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
    #[serde(default = "adam::default_lr")]
    lr: f64,
    #[serde(default = "adam::default_betas")]
    betas: [f64; 2],
    #[serde(default = "adam::default_eps")]
    eps: f64,
    #[serde(default = "default_decay")]
    weight_decay: f64,
    #[serde(default)]
    amsgrad: bool,
}

fn default_decay() -> f64 {
    0.01
}

impl AdamW {
    /// AdamW with the learning rate η.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when the rate is negative or not finite.
    pub fn new(lr: f64) -> Result<Self> {
        let (betas, eps) = (adam::default_betas(), adam::default_eps());
        let adamw = AdamW { lr, betas, eps, weight_decay: default_decay(), amsgrad: false };
        adamw.adam().checked("AdamW").map(|()| adamw)
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

    /// λ, decoupled.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// The largest v so far instead of the present one.
    pub fn amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }

    /// What is the same in both.
    fn adam(&self) -> Adam {
        let &AdamW { lr, betas, eps, weight_decay, amsgrad } = self;
        Adam { lr, betas, eps, weight_decay, amsgrad }
    }
}

impl<T: Real> Rule<T> for AdamW {
    fn check(&self) -> Result<()> {
        self.adam().checked("AdamW")
    }

    fn settings(&self) -> Settings {
        self.adam().settings()
    }

    fn states(&self) -> Vec<&'static str> {
        self.adam().states()
    }

    fn scalars(&self, step: &Step) -> Scalars {
        self.adam().scalars(step, 1.0 - step.lr * step.weight_decay, 0.0)
    }

    fn update(&self, scalars: &Scalars, parameter: &mut [T], gradient: &[T], state: &mut [&mut [T]]) {
        self.adam().moved(scalars, parameter, gradient, state);
    }
}

impl<T: Real> From<AdamW> for Optimizer<T> {
    fn from(rule: AdamW) -> Self {
        Optimizer::from(RuleDescription::AdamW(rule))
    }
}

impl fmt::Display for AdamW {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdamW({})", self.lr)?;
        adam::write_betas(f, self.betas)?;
        let decay = ("weight_decay", self.weight_decay, default_decay());
        rule::write_options(f, &[("eps", self.eps, adam::default_eps()), decay])?;
        f.write_str(if self.amsgrad { ".amsgrad()" } else { "" })
    }
}
