//! An encoder and a decoder, trained as one module.

use super::{named, shape_behind};
use crate::container::Sequential;
use crate::module::{Module, Tape, checked_shape};
use crate::{Real, Result, Stream, Tensor};
use std::fmt;

/// **X̂ = d(e(X))**: an encoder e to a code of few numbers and a decoder d back.
///
/// Derivatives: the backward pass goes through the decoder, then the encoder. Parameters are named `encoder.0.weight` …
/// `decoder.4.bias`.
///
/// Source: Hinton and Salakhutdinov, *Reducing the dimensionality of data with neural networks*, 2006.
///
/// ```
/// use limpide::{AutoEncoder, Sequential, layers::{Linear, Tanh}, tensor};
/// let both = AutoEncoder::<f32>::new(
///     Sequential::new().push(Linear::new(8, 2)).push(Tanh),
///     Sequential::new().push(Linear::new(2, 8)),
/// )
/// .seed(1);
/// let code = both.encode(&tensor(&[1, 8], vec![0.5; 8]))?;
/// assert_eq!(code.shape(), [1, 2]);
/// assert_eq!(both.decode(&code)?.shape(), [1, 8]);
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct AutoEncoder<T: Real> {
    /// Encoder, then decoder, as a chain of two.
    chain: Sequential<T>,
}

const NAMES: [&str; 2] = ["encoder", "decoder"];

fn name(place: usize) -> String {
    NAMES[place].to_string()
}

impl<T: Real> AutoEncoder<T> {
    /// From its two halves, with the weights that they have: [`AutoEncoder::seed`] draws new ones.
    pub fn new(encoder: Sequential<T>, decoder: Sequential<T>) -> Self {
        AutoEncoder { chain: Sequential::new().push(encoder).push(decoder) }
    }

    /// The same with all parameters drawn anew from a seed.
    pub fn seed(self, seed: u64) -> Self {
        AutoEncoder { chain: self.chain.seed(seed) }
    }

    /// Encoder and decoder as the chain of two that a pass walks.
    pub fn chain(&self) -> &Sequential<T> {
        &self.chain
    }

    /// The chain of encoder and decoder, to write to.
    pub(crate) fn chain_mut(&mut self) -> &mut Sequential<T> {
        &mut self.chain
    }

    /// The code of each sample.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the encoder does not take such an input.
    pub fn encode(&self, input: &Tensor<T>) -> Result<Tensor<T>> {
        self.half(0, input)
    }

    /// The samples of codes.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the decoder does not take such codes.
    pub fn decode(&self, code: &Tensor<T>) -> Result<Tensor<T>> {
        self.half(1, code)
    }

    fn half(&self, which: usize, input: &Tensor<T>) -> Result<Tensor<T>> {
        let module = &self.chain.modules()[which];
        module.output_shape(input.shape()).map_err(|error| error.within(NAMES[which]))?;
        Ok(module.forward(input, &mut Tape::off()))
    }
}

impl<T: Real> Module<T> for AutoEncoder<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        shape_behind(self.chain.modules(), input, |module, shape| module.output_shape(shape), name)
    }

    fn training_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        shape_behind(self.chain.modules(), input, |module, shape| module.training_shape(shape), name)
    }

    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        shape_behind(self.chain.modules(), input, |module, shape| module.sliced_shape(shape), name)
    }

    fn couples_samples(&self) -> bool {
        self.chain.couples_samples()
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        // A refusal names the halves, which the chain would only number.
        checked_shape(self, input.shape(), tape);
        self.chain.forward(input, tape)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        self.chain.backward_update_gradient(tape, delta, gradients);
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        self.chain.backward_delta(tape, delta)
    }

    fn backward(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) -> Tensor<T> {
        self.chain.backward(tape, delta, gradients)
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        named(self.children(), |half| half.parameters())
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.chain.parameters_mut()
    }

    fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
        self.chain.each_parameter(visit);
    }

    fn buffers(&self) -> Vec<(String, &Tensor<T>)> {
        named(self.children(), |half| half.buffers())
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
        self.chain.modules().iter().zip(NAMES).map(|(half, name)| (name.to_string(), half.as_ref())).collect()
    }
}

impl<T: Real> fmt::Display for AutoEncoder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [encoder, decoder] = self.chain.modules() else { unreachable!("built from two halves") };
        write!(f, "AutoEncoder({encoder}, {decoder})")
    }
}
