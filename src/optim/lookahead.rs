//! Lookahead: slow weights that follow the fast ones of any optimiser.

use crate::{Error, Real, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Every k steps φ ← φ + α·(θ − φ), θ ← φ**: the optimiser explores with fast weights θ, the slow weights φ follow.
///
/// | symbol | option | meaning |
/// | --- | --- | --- |
/// | k | `k` | steps from one pull to the next: 5 |
/// | α | `alpha` | how far the slow weights go: 0.5 |
/// | φ | | starts at θ |
///
/// Source: Zhang, Lucas, Hinton and Ba, *Lookahead optimizer: k steps forward, 1 step back*, 2019, algorithm 1. The inner
/// optimiser's state goes on through a pull.
///
/// ```
/// use limpide::{Gradients, kernels::Workers, layers::Linear, optim::{Lookahead, Optimizer, Sgd}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 1.0;
/// let mut optimizer = Optimizer::from(Sgd::new(1.0)?).lookahead(Lookahead { k: 2, alpha: 0.5 });
/// optimizer.step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert_eq!(layer.weight[[0, 0]], 4.0);
/// optimizer.step(&mut layer, &gradients, &mut Workers::new(1))?;
/// assert_eq!(layer.weight[[0, 0]], 4.0); // at 3, and half the way back to 5
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lookahead {
    /// Steps from one pull to the next.
    pub k: u64,
    /// How far the slow weights go.
    pub alpha: f64,
}

/// k = 5, α = 0.5.
impl Default for Lookahead {
    fn default() -> Self {
        Lookahead { k: 5, alpha: 0.5 }
    }
}

impl Lookahead {
    pub(super) fn check(&self) -> Result<()> {
        if self.k == 0 {
            return Err(Error::option("Lookahead: k", "at least 1", 0));
        }
        if !(self.alpha > 0.0 && self.alpha <= 1.0) {
            let range = "above 0 and at most 1 (at 0 the weights would never leave their start)";
            return Err(Error::option("Lookahead: alpha", range, self.alpha));
        }
        Ok(())
    }

    /// Whether the step of that number ends with a pull.
    pub(super) fn pulls_at(&self, clock: u64) -> bool {
        clock.is_multiple_of(self.k)
    }

    pub(super) fn pull<T: Real>(&self, parameter: &mut [T], slow: &mut [T]) {
        let alpha = T::of(self.alpha);
        for (p, slow) in parameter.iter_mut().zip(slow) {
            *slow += alpha * (*p - *slow);
            *p = *slow;
        }
    }
}

impl fmt::Display for Lookahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lookahead {{ k: {}, alpha: {} }}", self.k, self.alpha)
    }
}
