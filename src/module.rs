//! The contract of every layer: five verbs, and what a pass keeps ([`Tape`]) and accumulates ([`Gradients`]).
//!
//! **The chain rule, one module at a time.** A chain computes X₀ → X₁ → … → Xₙ → L with Xᵢ₊₁ = fᵢ(Xᵢ; θᵢ). Write
//! δᵢ = ∂L/∂Xᵢ. Then each module, handed δᵢ₊₁ by the next one, owes two things and nothing else:
//!
//! | verb | what it computes | from |
//! | --- | --- | --- |
//! | [`Module::backward_update_gradient`] | ∂L/∂θᵢ = (∂Xᵢ₊₁/∂θᵢ)ᵀ δᵢ₊₁, **added** to the gradient | the tape and δᵢ₊₁ |
//! | [`Module::backward_delta`] | δᵢ = (∂Xᵢ₊₁/∂Xᵢ)ᵀ δᵢ₊₁, handed to the previous module | the tape and δᵢ₊₁ |
//!
//! A pass never changes the module: what the backward pass needs is on the tape, gradients go into a buffer, and the
//! caller owns both. Several threads can therefore run one model on different slices of a batch.

use crate::tensor::{dense, values, values_mut};
use crate::{Real, Result, Stream, Tensor, zeros};
use std::any::Any;
use std::fmt::{Debug, Display};
use std::ops::{Deref, DerefMut};

/// A function with parameters that can be differentiated: every layer, activation and container.
///
/// `Display` prints the module as its constructor is written: `Conv2d(1, 16, 3).padding(1)`.
///
/// One of your own needs `output_shape`, `forward` and `backward_delta`, and with parameters `backward_update_gradient`, `parameters`,
/// `parameters_mut` and, so that `seed` draws them, `reset_parameters`; the example `07_own_parts` writes one.
pub trait Module<T: Real>: Any + Display + Debug + Send + Sync {
    /// The shape of the output for an input shape (batch axis included), without computing anything.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the module does not take such an input.
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>>;

    /// Z = f(X). Leaves on the tape what the backward verbs need.
    ///
    /// Panics with the message of [`Module::output_shape`] when the input does not fit.
    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T>;

    /// Adds ∂L/∂θ to the gradients, one tensor a parameter in the order of [`Module::parameters`].
    /// Nothing to do for a module without parameters.
    fn backward_update_gradient(&self, _tape: &mut Tape<T>, _delta: &Tensor<T>, _gradients: &mut [Tensor<T>]) {}

    /// ∂L/∂X, to hand to the previous module, from `delta` = ∂L/∂Z.
    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T>;

    /// Both backward verbs; a container overrides it to walk its chain once instead of twice.
    fn backward(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) -> Tensor<T> {
        self.backward_update_gradient(tape, delta, gradients);
        self.backward_delta(tape, delta)
    }

    /// [`Module::output_shape`] for a pass in training, which can want more of a batch: a batch norm wants two values a
    /// channel to have a variance.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the module cannot train on such an input.
    fn training_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.output_shape(input)
    }

    /// [`Module::output_shape`] for a batch that is cut into slices: errs when each sample does not keep an output of its own,
    /// as under a softmax along the first axis, which is the batch. Coupling in training ([`Module::couples_samples`]) aside.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the module does not take such an input, or mixes its samples.
    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.output_shape(input)
    }

    /// Whether the output of a sample depends on the other samples of the batch when the module trains. The engine then
    /// does not cut the batch into slices.
    fn couples_samples(&self) -> bool {
        self.children().iter().any(|(_, child)| child.couples_samples())
    }

    /// Sets every gradient to zero.
    fn zero_grad(&self, gradients: &mut Gradients<T>) {
        gradients.tensors.iter_mut().for_each(|gradient| values_mut(gradient).fill(T::zero()));
    }

    /// θ ← θ − η·∂L/∂θ for every parameter.
    ///
    /// Panics when the gradients are of another module.
    fn update_parameters(&mut self, gradients: &Gradients<T>, gradient_step: T) {
        let parameters = self.parameters_mut();
        assert_eq!(parameters.len(), gradients.len(), "update_parameters wants one gradient a parameter");
        for (parameter, gradient) in parameters.into_iter().zip(&gradients.tensors) {
            let (own, other) = (parameter.shape(), gradient.shape());
            assert_eq!(
                own, other,
                "update_parameters wants gradients of this module: the shapes are of a parameter and of its gradient"
            );
            for (p, &g) in values_mut(parameter).iter_mut().zip(values(gradient)) {
                *p -= gradient_step * g;
            }
        }
    }

    /// The parameters with their names (PyTorch's: `weight`, and `0.weight` inside a chain), in a fixed order.
    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        Vec::new()
    }

    /// The parameters to write to, in the order of [`Module::parameters`].
    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        Vec::new()
    }

    /// Visits the parameters in the order of [`Module::parameters`], without their names.
    fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
        self.parameters().into_iter().for_each(|(_, parameter)| visit(parameter));
    }

    /// What a module remembers of the batches that it was trained on, by PyTorch's names (`running_mean`). No gradient
    /// moves it, but a saved model needs it.
    fn buffers(&self) -> Vec<(String, &Tensor<T>)> {
        Vec::new()
    }

    /// The buffers to write to, in the order of [`Module::buffers`].
    fn buffers_mut(&mut self) -> Vec<&mut Tensor<T>> {
        Vec::new()
    }

    /// Moves the buffers by what a training pass left on the tape; called once a step, after the backward pass.
    fn update_buffers(&mut self, _tape: &Tape<T>) {}

    /// Draws new start values for all parameters: PyTorch's defaults, a pure function of the stream.
    fn reset_parameters(&mut self, _stream: &Stream) {}

    /// The modules inside a container, with their names; none for a layer.
    fn children(&self) -> Vec<(String, &dyn Module<T>)> {
        Vec::new()
    }
}

/// Checks an input shape and gives the output shape; for the first line of a `forward`.
///
/// Panics with the module's own message when the input does not fit.
pub fn checked_output_shape<T: Real>(module: &impl Module<T>, input: &[usize]) -> Vec<usize> {
    module.output_shape(input).unwrap_or_else(|error| panic!("{error}"))
}

/// [`checked_output_shape`] for a module that wants more of a batch in training; see [`Module::training_shape`].
///
/// Panics with the module's own message when the input does not fit.
pub fn checked_shape<T: Real>(module: &impl Module<T>, input: &[usize], tape: &Tape<T>) -> Vec<usize> {
    let shape = if tape.is_training() { module.training_shape(input) } else { module.output_shape(input) };
    shape.unwrap_or_else(|error| panic!("{error}"))
}

/// What one forward pass of one module left for its backward pass, and what the backward pass passed by: the glass box.
///
/// The caller owns it; a container keeps one for each of its modules in `children`. The kind of tape says what the pass
/// is for, so there is no mode that a model could be left in:
///
/// | tape | records | batch norm takes | dropout |
/// | --- | --- | --- | --- |
/// | [`Tape::new`]: training | yes | the batch's mean and variance | drops |
/// | [`Tape::evaluating`]: evaluation under glass | yes | the running ones | hands on |
/// | [`Tape::off`]: evaluation | no | the running ones | hands on |
#[derive(Clone, Debug)]
pub struct Tape<T> {
    /// X, as given to `forward`.
    pub input: Option<Tensor<T>>,
    /// Z, as returned by `forward`.
    pub output: Option<Tensor<T>>,
    /// ∂L/∂Z, as handed down by the next module.
    pub delta: Option<Tensor<T>>,
    /// Where each output came from in the input: the argmax of a max-pool.
    pub indices: Vec<u32>,
    /// What else a layer needs again, by name: the `mean` and `variance` of a batch norm, the `mask` of a dropout.
    pub kept: Vec<(&'static str, Tensor<T>)>,
    /// The tapes of a container's modules.
    pub children: Vec<Tape<T>>,
    pass: Pass,
    random: Random,
}

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Training,
    Evaluating,
    Off,
}

/// What the random numbers of a pass are a function of.
#[derive(Clone, Debug)]
struct Random {
    /// Seed, epoch and step.
    step: Stream,
    /// The place of the module in the network: one step down the path for each container.
    place: Stream,
    /// The number of the slice's first sample in its batch.
    first: usize,
}

impl<T: Real> Tape<T> {
    /// An empty tape for a training pass.
    pub fn new() -> Self {
        let random = Random { step: Stream::new(0), place: Stream::new(0), first: 0 };
        let (input, output, delta, indices, kept) = (None, None, None, Vec::new(), Vec::new());
        Tape { input, output, delta, indices, kept, children: Vec::new(), pass: Pass::Training, random }
    }

    /// An empty tape that records a pass in evaluation: for gradients and tensors of the network as it predicts.
    pub fn evaluating() -> Self {
        Tape { pass: Pass::Evaluating, ..Tape::new() }
    }

    /// A tape that records nothing, for a pass in evaluation without a backward pass.
    pub fn off() -> Self {
        Tape { pass: Pass::Off, ..Tape::new() }
    }

    /// Whether this tape records nothing.
    pub fn is_off(&self) -> bool {
        self.pass == Pass::Off
    }

    /// Whether the pass is one of training.
    pub fn is_training(&self) -> bool {
        self.pass == Pass::Training
    }

    /// Keys the random numbers of the next pass: the stream of (seed, epoch, step), and the number in the batch of the
    /// first sample that the pass sees. Without it they are those of seed 0.
    pub fn set_random(&mut self, step: &Stream, first_sample: usize) {
        self.random.step = step.clone();
        self.random.first = first_sample;
    }

    /// The random numbers of a module for a sample of its input: a function of seed, epoch, step, the module's place in the
    /// network and the sample's place in the batch, and so the same however the batch is cut into slices.
    pub fn random(&self, sample: usize) -> Stream {
        let Random { step, place, first } = &self.random;
        step.at(&[place.clone().next_u64(), (first + sample) as u64])
    }

    /// Keeps input and output (shared, not copied) and returns the output: the last line of a `forward`.
    pub fn record(&mut self, input: &Tensor<T>, output: Tensor<T>) -> Tensor<T> {
        if !self.is_off() {
            self.input = Some(dense(input));
            self.output = Some(output.clone());
        }
        output
    }

    /// Keeps a tensor by name, in the place of one of that name.
    pub fn keep(&mut self, name: &'static str, tensor: Tensor<T>) {
        if self.is_off() {
            return;
        }
        match self.kept.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = tensor,
            None => self.kept.push((name, tensor)),
        }
    }

    /// The tensor kept by that name, if the pass kept one.
    pub fn kept(&self, name: &str) -> Option<&Tensor<T>> {
        self.kept.iter().find(|(own, _)| *own == name).map(|(_, tensor)| tensor)
    }

    /// X. Panics when no forward pass has been recorded.
    pub fn input(&self) -> &Tensor<T> {
        self.input.as_ref().expect("backward needs the tape of a forward pass: call `forward` with this tape first")
    }

    /// Z. Panics when no forward pass has been recorded.
    pub fn output(&self) -> &Tensor<T> {
        self.output.as_ref().expect("backward needs the tape of a forward pass: call `forward` with this tape first")
    }

    /// One tape for each of a container's `count` modules, of this tape's kind and with its random key.
    pub fn children(&mut self, count: usize) -> &mut [Tape<T>] {
        self.children.truncate(count);
        for child in &mut self.children {
            child.set_random(&self.random.step, self.random.first);
        }
        for number in self.children.len()..count {
            let child = self.for_module(&[number], 0);
            self.children.push(child);
        }
        &mut self.children
    }

    /// A new tape of this kind for the module at a path of places below this one, and a slice of the batch from
    /// `first_sample` on: the random numbers are those that the module has in a pass through the whole.
    pub fn for_module(&self, path: &[usize], first_sample: usize) -> Tape<T> {
        let mut place = self.random.place.clone();
        path.iter().for_each(|&number| place = place.at(&[number as u64]));
        let random = Random { place, first: self.random.first + first_sample, ..self.random.clone() };
        Tape { pass: self.pass, random, ..Tape::new() }
    }

    /// Every recorded tensor of a module and of the modules inside it, by name: `0.input`, `0.output`, `0.delta` … What
    /// a container gives stands behind what its modules give, as in the pass.
    pub fn tensors(&self, module: &dyn Module<T>) -> Vec<(String, Tensor<T>)> {
        let named = |name: &str, tensor: &Tensor<T>| (name.to_string(), tensor.clone());
        let mut tensors: Vec<_> = self.input.iter().map(|input| named("input", input)).collect();
        tensors.extend(self.kept.iter().map(|(name, tensor)| named(name, tensor)));
        for ((name, child), tape) in module.children().into_iter().zip(&self.children) {
            tensors.extend(tape.tensors(child).into_iter().map(|(inner, tensor)| (format!("{name}.{inner}"), tensor)));
        }
        tensors.extend(self.output.iter().map(|output| named("output", output)));
        tensors.extend(self.delta.iter().map(|delta| named("delta", delta)));
        tensors
    }
}

impl<T: Real> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The gradients of a module's parameters, by name; passes add to them.
#[derive(Clone, Debug)]
pub struct Gradients<T> {
    names: Vec<String>,
    tensors: Vec<Tensor<T>>,
}

impl<T: Real> Gradients<T> {
    /// Zeros in the shapes of the module's parameters.
    pub fn zeros_for(module: &dyn Module<T>) -> Self {
        let (names, tensors) =
            module.parameters().into_iter().map(|(name, value)| (name, zeros(value.shape()))).unzip();
        Gradients { names, tensors }
    }

    /// The gradient of the parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor<T>> {
        self.names.iter().position(|own| own == name).map(|index| &self.tensors[index])
    }

    /// Names and gradients, in the order of the parameters.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Tensor<T>)> {
        self.names.iter().map(String::as_str).zip(&self.tensors)
    }

    /// Adds other gradients of the same module to these, entry by entry.
    ///
    /// Panics when they are of another module.
    pub fn add(&mut self, other: &Gradients<T>) {
        let shapes = |all: &[Tensor<T>]| all.iter().map(|own| own.shape().to_vec()).collect::<Vec<_>>();
        assert!(
            shapes(self) == shapes(other),
            "Gradients::add wants gradients of the same module: {:?}, got {:?}",
            shapes(self),
            shapes(other)
        );
        for (mine, theirs) in self.tensors.iter_mut().zip(&other.tensors) {
            for (a, &b) in values_mut(mine).iter_mut().zip(values(theirs)) {
                *a += b;
            }
        }
    }
}

/// The gradients in the order of the parameters, as the backward verbs take them.
impl<T> Deref for Gradients<T> {
    type Target = [Tensor<T>];
    fn deref(&self) -> &[Tensor<T>] {
        &self.tensors
    }
}

impl<T> DerefMut for Gradients<T> {
    fn deref_mut(&mut self) -> &mut [Tensor<T>] {
        &mut self.tensors
    }
}
