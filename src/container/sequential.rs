//! A chain of modules, itself a module.

use super::{named, shape_behind};
use crate::module::{Module, Tape, checked_shape};
use crate::{Real, Result, Stream, Tensor};
use std::fmt;

/// **Xₙ = fₙ₋₁(… f₁(f₀(X₀)))**: each module takes the previous one's output. Chains nest.
///
/// Derivatives: the chain rule, walked backwards; see [`crate::module`]. The first delta, ∂L/∂Xₙ, is handed in by the
/// caller, so a loss is computed outside. Parameters are named by place: `0.weight`, `2.bias`.
///
/// A layer's constructor always draws from the same stream, so two layers of one size hold the same weights until
/// [`Sequential::seed`] draws each its own. Seed every network, and each of an ensemble with another number.
///
/// ```
/// use limpide::{Sequential, Tape, layers::{Linear, Tanh}, module::Module, tensor};
/// let chain = Sequential::<f64>::new().push(Linear::new(2, 3)).push(Tanh).push(Linear::new(3, 1)).seed(1);
/// let z = chain.forward(&tensor(&[5, 2], vec![0.1; 10]), &mut Tape::new());
/// assert_eq!(z.shape(), [5, 1]);
/// assert_eq!(chain.to_string(), "Sequential(Linear(2, 3), Tanh, Linear(3, 1))");
/// ```
#[derive(Debug, Default)]
pub struct Sequential<T: Real> {
    modules: Vec<Box<dyn Module<T>>>,
}

impl<T: Real> Sequential<T> {
    /// An empty chain, which is the identity.
    pub fn new() -> Self {
        Sequential { modules: Vec::new() }
    }

    /// The chain with one more module at its end, which keeps the weights that it has: [`Sequential::seed`] draws new ones.
    pub fn push(mut self, module: impl Module<T>) -> Self {
        self.modules.push(Box::new(module));
        self
    }

    /// The chain with all parameters drawn anew from a seed (PyTorch's default distributions), for each layer from the seed
    /// and its place.
    pub fn seed(mut self, seed: u64) -> Self {
        self.reset_parameters(&Stream::new(seed));
        self
    }

    /// The modules in order.
    pub fn modules(&self) -> &[Box<dyn Module<T>>] {
        &self.modules
    }

    /// The modules in order, to write to.
    pub fn modules_mut(&mut self) -> &mut [Box<dyn Module<T>>] {
        &mut self.modules
    }

    /// One walk from the last module to the first, adding gradients when a buffer is given; ∂L/∂X₀ when `to_input`.
    fn walk(
        &self,
        tape: &mut Tape<T>,
        delta: &Tensor<T>,
        mut gradients: Option<&mut [Tensor<T>]>,
        to_input: bool,
    ) -> Tensor<T> {
        let mut delta = delta.clone();
        let tapes = tape.children(self.modules.len());
        for (place, (module, tape)) in self.modules.iter().zip(tapes).enumerate().rev() {
            tape.delta = Some(delta.clone());
            let own = gradients.take().map(|all| {
                let mut count = 0;
                module.each_parameter(&mut |_| count += 1);
                let (before, own) = all.split_at_mut(all.len() - count);
                gradients = Some(before);
                own
            });
            let goes_on = to_input || place > 0;
            match own {
                Some(own) if goes_on => delta = module.backward(tape, &delta, own),
                Some(own) => module.backward_update_gradient(tape, &delta, own),
                None if goes_on => delta = module.backward_delta(tape, &delta),
                None => {}
            }
        }
        delta
    }
}

/// How an error names the module at a place.
fn name(place: usize) -> String {
    format!("layer {place}")
}

impl<T: Real> From<Vec<Box<dyn Module<T>>>> for Sequential<T> {
    fn from(modules: Vec<Box<dyn Module<T>>>) -> Self {
        Sequential { modules }
    }
}

impl<T: Real> Module<T> for Sequential<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        shape_behind(&self.modules, input, |module, shape| module.output_shape(shape), name)
    }

    fn training_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        shape_behind(&self.modules, input, |module, shape| module.training_shape(shape), name)
    }

    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        shape_behind(&self.modules, input, |module, shape| module.sliced_shape(shape), name)
    }

    fn couples_samples(&self) -> bool {
        self.modules.iter().any(|module| module.couples_samples())
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        checked_shape(self, input.shape(), tape);
        let tapes = tape.children(self.modules.len());
        let mut x = input.clone();
        for (module, tape) in self.modules.iter().zip(tapes) {
            x = module.forward(&x, tape);
        }
        tape.record(input, x)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        self.walk(tape, delta, Some(gradients), false);
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        self.walk(tape, delta, None, true)
    }

    fn backward(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) -> Tensor<T> {
        self.walk(tape, delta, Some(gradients), true)
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        named(self.children(), |module| module.parameters())
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.modules.iter_mut().flat_map(|module| module.parameters_mut()).collect()
    }

    fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
        self.modules.iter().for_each(|module| module.each_parameter(visit));
    }

    fn buffers(&self) -> Vec<(String, &Tensor<T>)> {
        named(self.children(), |module| module.buffers())
    }

    fn buffers_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.modules.iter_mut().flat_map(|module| module.buffers_mut()).collect()
    }

    fn update_buffers(&mut self, tape: &Tape<T>) {
        self.modules.iter_mut().zip(&tape.children).for_each(|(module, tape)| module.update_buffers(tape));
    }

    fn reset_parameters(&mut self, stream: &Stream) {
        for (place, module) in self.modules.iter_mut().enumerate() {
            module.reset_parameters(&stream.at(&[place as u64]));
        }
    }

    fn children(&self) -> Vec<(String, &dyn Module<T>)> {
        self.modules.iter().enumerate().map(|(place, module)| (place.to_string(), module.as_ref())).collect()
    }
}

impl<T: Real> fmt::Display for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modules: Vec<String> = self.modules.iter().map(ToString::to_string).collect();
        write!(f, "Sequential({})", modules.join(", "))
    }
}
