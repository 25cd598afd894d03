//! A chain with a way around it.

use super::named;
use crate::container::Sequential;
use crate::module::{Module, Tape, checked_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Stream, Tensor};
use std::fmt;

/// **Z = X + f(X)**: a chain f learns what to add to its input.
///
/// Derivative: X reaches Z directly and through f, so **∂L/∂X = δ + (∂f/∂X)ᵀδ**; the parameters of f see δ as it is.
/// They are named by their place in the chain, as in a [`Sequential`]: `0.weight`.
///
/// Source: He, Zhang, Ren and Sun, *Deep residual learning for image recognition*, 2016, equation 1.
/// Panics when f does not take X or changes its shape.
///
/// ```
/// use limpide::{Residual, Sequential, Tape, layers::Linear, module::Module, tensor};
/// let double = Linear::from_values(tensor(&[1, 1], vec![2.0]), None)?;
/// let block = Residual::new(Sequential::new().push(double));
/// let z = block.forward(&tensor(&[1, 1], vec![5.0]), &mut Tape::new());
/// assert_eq!(z[[0, 0]], 5.0 + 2.0 * 5.0);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct Residual<T: Real> {
    chain: Sequential<T>,
}

impl<T: Real> Residual<T> {
    /// Around a chain.
    pub fn new(chain: Sequential<T>) -> Self {
        Residual { chain }
    }

    /// The same with all parameters drawn anew from a seed.
    pub fn seed(self, seed: u64) -> Self {
        Residual { chain: self.chain.seed(seed) }
    }

    /// f.
    pub fn chain(&self) -> &Sequential<T> {
        &self.chain
    }

    /// [`Residual::chain`], to write to.
    pub(crate) fn chain_mut(&mut self) -> &mut Sequential<T> {
        &mut self.chain
    }

    /// The shape, when the chain gives the same one back.
    fn kept_shape(&self, input: &[usize], output: Vec<usize>) -> Result<Vec<usize>> {
        if output == input {
            return Ok(output);
        }
        let wanted = format!("a chain that gives {} back", crate::tensor::shape_text(input));
        Err(Error::shape(self, wanted, &output))
    }
}

/// What goes around the chain plus what comes through it.
fn sum<T: Real>(x: &Tensor<T>, mut fx: Tensor<T>) -> Tensor<T> {
    values_mut(&mut fx).iter_mut().zip(values(&dense(x))).for_each(|(z, &x)| *z = x + *z);
    fx
}

impl<T: Real> Module<T> for Residual<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.kept_shape(input, self.chain.output_shape(input)?)
    }

    fn training_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.kept_shape(input, self.chain.training_shape(input)?)
    }

    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.kept_shape(input, self.chain.sliced_shape(input)?)
    }

    fn couples_samples(&self) -> bool {
        self.chain.couples_samples()
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        checked_shape(self, input.shape(), tape);
        let fx = self.chain.forward(input, tape);
        tape.record(input, sum(input, fx))
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        self.chain.backward_update_gradient(tape, delta, gradients);
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        sum(delta, self.chain.backward_delta(tape, delta))
    }

    fn backward(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) -> Tensor<T> {
        sum(delta, self.chain.backward(tape, delta, gradients))
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        named(self.children(), |module| module.parameters())
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.chain.parameters_mut()
    }

    fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
        self.chain.each_parameter(visit);
    }

    fn buffers(&self) -> Vec<(String, &Tensor<T>)> {
        named(self.children(), |module| module.buffers())
    }

    fn buffers_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.chain.buffers_mut()
    }

    fn update_buffers(&mut self, tape: &Tape<T>) {
        self.chain.update_buffers(tape);
    }

    fn reset_parameters(&mut self, stream: &Stream) {
        self.chain.reset_parameters(stream);
    }

    fn children(&self) -> Vec<(String, &dyn Module<T>)> {
        self.chain.children()
    }
}

impl<T: Real> fmt::Display for Residual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Residual({})", self.chain)
    }
}
