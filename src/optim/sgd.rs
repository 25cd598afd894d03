//! Stochastic gradient descent.

use super::Optimizer;
use crate::module::{Gradients, Module};
use crate::{Error, Real, Result};
use std::fmt;

/// **θ ← θ − η·∂L/∂θ**, the same η for every parameter.
///
/// Source: Robbins and Monro, *A stochastic approximation method*, 1951.
///
/// ```
/// use limpide::{Gradients, Module, layers::Linear, optim::{Optimizer, Sgd}, tensor};
/// let mut layer = Linear::from_values(tensor(&[1, 1], vec![5.0]), None)?;
/// let mut gradients = Gradients::zeros_for(&layer);
/// gradients[0][[0, 0]] = 2.0;
/// Sgd::new(0.5)?.step(&mut layer, &gradients);
/// assert_eq!(layer.weight[[0, 0]], 5.0 - 0.5 * 2.0);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sgd {
    rate: f64,
}

impl Sgd {
    /// Gradient descent with the learning rate η.
    ///
    /// # Errors
    /// [`Error::Option`] when the rate is negative or not finite.
    pub fn new(rate: f64) -> Result<Self> {
        checked_rate(rate).map(|rate| Sgd { rate })
    }
}

fn checked_rate(rate: f64) -> Result<f64> {
    if rate.is_finite() && rate >= 0.0 {
        Ok(rate)
    } else {
        Err(Error::option("Sgd: learning rate", "a finite number, 0 or more", rate))
    }
}

impl<T: Real> Optimizer<T> for Sgd {
    fn step(&mut self, network: &mut dyn Module<T>, gradients: &Gradients<T>) {
        network.update_parameters(gradients, T::of(self.rate));
    }

    fn learning_rate(&self) -> f64 {
        self.rate
    }

    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.rate = checked_rate(rate)?;
        Ok(())
    }
}

impl fmt::Display for Sgd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sgd({})", self.rate)
    }
}
