//! The project's own checks: a row for every layer, loss and container, and three whole networks.

use super::{GradientReport, Options, check_loss, check_module, check_network};
use crate::container::{AutoEncoder, Sequential};
use crate::data::Target;
use crate::layers::{LeakyRelu, Linear, LogSoftmax, Relu, Sigmoid, Softmax, Tanh};
use crate::loss::{Loss, MseLoss, Reduction};
use crate::module::Module;
use crate::tensor::shape_text;
use crate::{Real, Stream, Tensor, tensor};

/// A module and the shape of an input to try it on: a row of the table that the checks and the laws run over.
#[derive(Debug)]
pub struct Case<T: Real> {
    /// The module, its parameters drawn at random.
    pub module: Box<dyn Module<T>>,
    /// The shape of a batch, samples first.
    pub input: Vec<usize>,
}

impl<T: Real> Case<T> {
    /// A batch of that shape; the values are the same for `f32` and `f64`, and far enough apart that no two meet.
    pub fn batch(&self) -> Tensor<T> {
        draw(&self.input, 1, |stream| stream.uniform(-2.0, 2.0))
    }

    /// `Linear(4, 3) on (5, 4)`.
    pub fn name(&self) -> String {
        format!("{} on {}", self.module, shape_text(&self.input))
    }
}

/// A loss, an output and a target to try it on.
#[derive(Debug)]
pub struct LossCase<T: Real> {
    /// The loss.
    pub loss: Box<dyn Loss<T>>,
    /// A batch of outputs, of the kind that the loss takes.
    pub output: Tensor<T>,
    /// What they should have been.
    pub target: Target<T>,
}

/// A row for every layer, with every option that changes its arithmetic, and for every container.
///
/// The rows have odd and unequal sizes, so that exchanged axes cannot cancel out.
pub fn modules<T: Real>() -> Vec<Case<T>> {
    let mut rows = Vec::new();
    let mut row = |module: Box<dyn Module<T>>, input: &[usize]| {
        let mut module = module;
        module.reset_parameters(&Stream::new(rows.len() as u64));
        rows.push(Case { module, input: input.to_vec() });
    };
    row(Box::new(Linear::new(4, 3)), &[5, 4]);
    row(Box::new(Linear::new(4, 3).without_bias()), &[5, 4]);
    row(Box::new(Linear::new(3, 2)), &[4, 5, 3]);
    row(Box::new(Tanh), &[3, 4]);
    row(Box::new(Sigmoid), &[3, 4]);
    row(Box::new(Relu), &[5, 7]);
    row(Box::new(LeakyRelu::default()), &[5, 7]);
    row(Box::new(LeakyRelu { negative_slope: 0.3 }), &[2, 3, 2, 2]);
    row(Box::new(Softmax::new()), &[4, 5]);
    row(Box::new(Softmax { dim: 1 }), &[2, 3, 4]);
    row(Box::new(LogSoftmax::new()), &[4, 5]);
    row(Box::new(LogSoftmax { dim: 1 }), &[2, 3, 4]);
    row(Box::new(Sequential::<T>::new()), &[3, 2]);
    row(Box::new(dense(5, 4, 3)), &[4, 5]);
    row(Box::new(Sequential::new().push(dense(5, 4, 3)).push(Sequential::new().push(Linear::new(3, 2)))), &[4, 5]);
    row(Box::new(autoencoder(7, 4, 2)), &[5, 7]);
    rows
}

/// A row for every loss, reduction and kind of target.
pub fn losses<T: Real>() -> Vec<LossCase<T>> {
    let mut rows: Vec<LossCase<T>> = Vec::new();
    let mut row =
        |loss: Box<dyn Loss<T>>, output: Tensor<T>, target: Target<T>| rows.push(LossCase { loss, output, target });
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
        let values = Target::Values(numbers(&[4, 3], 2));
        row(Box::new(MseLoss::new().reduction(reduction)), numbers(&[4, 3], 1), values);
    }
    rows
}

/// Checks every row of [`modules`] and [`losses`] and three whole networks with their losses, every entry of each.
pub fn suite() -> Vec<GradientReport> {
    let options = Options { max_entries: usize::MAX, ..Options::default() };
    let modules = modules().into_iter().map(|mut case| {
        let input = case.batch();
        check_module(case.module.as_mut(), &input, &options)
    });
    let losses = losses().into_iter().map(|case| check_loss(case.loss.as_ref(), &case.output, &case.target, &options));
    modules.chain(losses).chain(networks(&options)).collect()
}

/// The three networks of the report, small.
fn networks(options: &Options) -> Vec<GradientReport> {
    let mut autoencoder = autoencoder::<f64>(9, 5, 2).seed(3);
    let images = probabilities(&[4, 9], 5);
    vec![check_network(&mut autoencoder, &MseLoss::new(), &images, &Target::Values(images.clone()), options)]
}

/// The report's classifier: Linear, Tanh, Linear, Softmax.
fn dense<T: Real>(inputs: usize, hidden: usize, outputs: usize) -> Sequential<T> {
    Sequential::new()
        .push(Linear::new(inputs, hidden))
        .push(Tanh)
        .push(Linear::new(hidden, outputs))
        .push(Softmax::new())
}

/// The report's autoencoder: Tanh between the layers, Sigmoid at the end.
fn autoencoder<T: Real>(inputs: usize, hidden: usize, code: usize) -> AutoEncoder<T> {
    let encoder = Sequential::new().push(Linear::new(inputs, hidden)).push(Tanh).push(Linear::new(hidden, code));
    let decoder = Sequential::new().push(Linear::new(code, hidden)).push(Tanh).push(Linear::new(hidden, inputs));
    AutoEncoder::new(encoder, decoder.push(Sigmoid))
}

/// Draws rounded to `f32`, so that both precisions compute with the same numbers.
fn draw<T: Real>(shape: &[usize], seed: u64, value: impl Fn(&mut Stream) -> f64) -> Tensor<T> {
    let mut stream = Stream::new(seed);
    tensor(shape, (0..shape.iter().product()).map(|_| T::of(value(&mut stream) as f32 as f64)).collect())
}

fn numbers<T: Real>(shape: &[usize], seed: u64) -> Tensor<T> {
    draw(shape, seed, |stream| stream.uniform(-2.0, 2.0))
}

fn probabilities<T: Real>(shape: &[usize], seed: u64) -> Tensor<T> {
    draw(shape, seed, |stream| stream.uniform(0.1, 0.9))
}
