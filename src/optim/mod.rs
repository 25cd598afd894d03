//! The optimisers: from gradients to new parameters; and [`Optim`], one training step with one of them.

mod sgd;
mod step;

pub use sgd::Sgd;
pub use step::Optim;

use crate::module::{Gradients, Module};
use crate::{Real, Result};
use std::fmt::{Debug, Display};

/// A rule that moves parameters along their gradients. It keeps its state by parameter name and has one clock, advanced
/// once a step.
pub trait Optimizer<T: Real>: Display + Debug + Send {
    /// One step: reads the gradients, moves the parameters.
    fn step(&mut self, network: &mut dyn Module<T>, gradients: &Gradients<T>);

    /// η, the learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate of the next steps.
    ///
    /// # Errors
    /// [`crate::Error::Option`] when it is negative or not finite.
    fn set_learning_rate(&mut self, rate: f64) -> Result<()>;
}

impl<T: Real> Optimizer<T> for Box<dyn Optimizer<T> + '_> {
    fn step(&mut self, network: &mut dyn Module<T>, gradients: &Gradients<T>) {
        (**self).step(network, gradients);
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        (**self).set_learning_rate(rate)
    }
}
