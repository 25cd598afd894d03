//! The targets of a data set, as stored: given with the inputs, or the inputs themselves.

use super::Target;

/// The targets of a data set; a batch of them is a [`Target`].
#[derive(Clone, Debug, PartialEq)]
pub enum Targets<T> {
    /// Values or classes, (n, …).
    Given(Target<T>),
    /// The inputs, flattened to (n, numbers): what an autoencoder learns. They are not stored a second time.
    Inputs,
}

impl<T> Targets<T> {
    /// The targets that came with the inputs.
    pub fn given(&self) -> Option<&Target<T>> {
        match self {
            Targets::Given(target) => Some(target),
            Targets::Inputs => None,
        }
    }
}

impl<T: crate::Real> Targets<T> {
    /// The class of every sample where there is one class a sample.
    pub fn labels(&self) -> Option<Vec<i64>> {
        self.given()?.labels()
    }
}

impl<T> From<Target<T>> for Targets<T> {
    fn from(target: Target<T>) -> Self {
        Targets::Given(target)
    }
}
