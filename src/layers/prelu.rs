//! The leaky rectifier that learns its slope.

use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Stream, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **x where x > 0, else a·x**, with one a for everything or one for each channel.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X, Z | any; (n, c, …) with an a for each channel | input, output |
/// | a | (1,) or (c,) | `weight` |
///
/// Derivatives: **∂L/∂X = δ where X > 0, else a·δ**, and **∂L/∂a = Σ X·δ over the entries with X ≤ 0** that the a belongs to.
///
/// Source: He, Zhang, Ren and Sun, *Delving deep into rectifiers*, 2015, equations 1 to 4.
/// Start value: 0.25, PyTorch's default.
/// Panics when there is an a for each channel and X has not as many.
///
/// ```
/// use limpide::{Tape, layers::PRelu, module::Module, tensor};
/// let z = PRelu::new(1).forward(&tensor(&[1, 2], vec![3.0, -8.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 2], vec![3.0, -2.0]));
/// ```
#[derive(Clone, Debug)]
pub struct PRelu<T> {
    /// How many slopes, and where they start.
    pub options: PReluOptions,
    /// a.
    pub weight: Tensor<T>,
}

/// The options of [`PRelu`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PReluOptions {
    /// 1, or the number of channels.
    pub num_parameters: usize,
    /// The value of every a at the start.
    pub init: f64,
}

impl Default for PReluOptions {
    fn default() -> Self {
        PReluOptions { num_parameters: 1, init: 0.25 }
    }
}

impl<T: Real> PRelu<T> {
    /// With 1 slope, or with one for each of that many channels. Panics at 0.
    pub fn new(num_parameters: usize) -> Self {
        Self::with_options(PReluOptions { num_parameters, ..PReluOptions::default() })
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when there is to be no slope.
    pub fn with_options(options: PReluOptions) -> Result<Self> {
        if options.num_parameters == 0 {
            return Err(Error::option("PRelu: num_parameters", "at least 1", 0));
        }
        let mut layer = PRelu { weight: zeros(&[options.num_parameters]), options };
        layer.reset_parameters(&Stream::new(0));
        Ok(layer)
    }

    /// Entries in a row of x that share a slope.
    fn run(&self, x: &Tensor<T>) -> usize {
        match self.options.num_parameters {
            1 => x.len().max(1),
            _ => x.shape()[2..].iter().product::<usize>().max(1),
        }
    }
}

impl<T: Real> Module<T> for PRelu<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let channels = self.options.num_parameters;
        if channels == 1 || input.get(1) == Some(&channels) {
            return Ok(input.to_vec());
        }
        Err(Error::shape(self, format!("(n, {channels}, …)"), input))
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape(self, input.shape()));
        let x = dense(input);
        let run = self.run(&x);
        let runs = values(&x).chunks(run).zip(values_mut(&mut z).chunks_mut(run));
        for ((x, z), &a) in runs.zip(values(&self.weight).iter().cycle()) {
            z.iter_mut().zip(x).for_each(|(z, &x)| *z = if x > T::zero() { x } else { a * x });
        }
        tape.record(&x, z)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        let (x, delta) = (tape.input(), dense(delta));
        let run = self.run(x);
        let channels = self.options.num_parameters;
        let gradient = values_mut(&mut gradients[0]);
        for (index, (x, delta)) in values(x).chunks(run).zip(values(&delta).chunks(run)).enumerate() {
            let below = |(&x, &d): (&T, &T)| if x > T::zero() { T::zero() } else { x * d };
            gradient[index % channels] += x.iter().zip(delta).map(below).sum();
        }
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let mut result = dense(delta);
        let run = self.run(tape.input());
        let runs = values(tape.input()).chunks(run).zip(values_mut(&mut result).chunks_mut(run));
        for ((x, d), &a) in runs.zip(values(&self.weight).iter().cycle()) {
            d.iter_mut().zip(x).for_each(|(d, &x)| *d *= if x > T::zero() { T::one() } else { a });
        }
        result
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        vec![("weight".to_string(), &self.weight)]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        vec![&mut self.weight]
    }

    fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
        visit(&self.weight);
    }

    fn reset_parameters(&mut self, _stream: &Stream) {
        values_mut(&mut self.weight).fill(T::of(self.options.init));
    }
}

impl<T> fmt::Display for PRelu<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PRelu({})", self.options.num_parameters)
    }
}
