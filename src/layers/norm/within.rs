//! Normalisation within a sample: the same in training and evaluation, and for any size of batch.

use super::rows::Rows;
use super::{affine, check_eps, hundred_thousandth};
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Stream, Tensor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// **Z = γ·X̂ + β, X̂ = (X − μ)/√(v + ε)**, with mean μ and variance v over the last axes of each sample.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X, Z | (…, s) with s the `normalized_shape`, one axis or several | input, output |
/// | μ, v | (…,) as one row | `mean` and `variance` on the tape; v = Σ(X − μ)²/k over the k entries |
/// | γ, β | s | `weight`, `bias`, unless `elementwise_affine` is off |
///
/// Derivatives: **∂L/∂β = Σδ** and **∂L/∂γ = Σδ·X̂** over the samples. With g = γ·δ, X reaches Z directly, through μ and through
/// v, and so **∂L/∂X = (g − Σg/k − X̂·Σg·X̂/k)/√(v + ε)** with the sums over one row.
///
/// Source: Ba, Kiros and Hinton, *Layer normalization*, 2016, equations 3 and 4.
/// Start values: γ = 1, β = 0.
/// Panics when the last axes of X are not s.
///
/// ```
/// use limpide::{Tape, layers::LayerNorm, module::Module, tensor};
/// // Mean 3, variance 4.
/// let z = LayerNorm::new([2]).eps(0.0).forward(&tensor(&[1, 2], vec![1.0, 5.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 2], vec![-1.0, 1.0]));
/// ```
#[derive(Clone, Debug)]
pub struct LayerNorm<T> {
    /// The sizes.
    pub options: LayerNormOptions,
    /// γ, s, when the layer has one.
    pub weight: Option<Tensor<T>>,
    /// β, s, when the layer has one.
    pub bias: Option<Tensor<T>>,
}

/// The options of [`LayerNorm`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNormOptions {
    /// The sizes of the last axes, which are normalised together; one size or a list.
    #[serde(deserialize_with = "one_or_more")]
    pub normalized_shape: Vec<usize>,
    /// ε.
    #[serde(default = "hundred_thousandth")]
    pub eps: f64,
    /// Whether γ and β are there.
    #[serde(default = "crate::layers::yes")]
    pub elementwise_affine: bool,
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<usize>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a size, or a list of sizes")]
    enum Sizes {
        One(usize),
        More(Vec<usize>),
    }
    Ok(match Sizes::deserialize(deserializer)? {
        Sizes::One(size) => vec![size],
        Sizes::More(sizes) => sizes,
    })
}

/// **Z = γ·X̂ + β, X̂ = (X − μ)/√(v + ε)**, with mean μ and variance v over the channels of a group in a sample.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X, Z | (n, c, …) | input, output |
/// | μ, v | (n·groups,) | `mean` and `variance` on the tape; v = Σ(X − μ)²/k over the k entries of c/groups channels |
/// | γ, β | (c,) | `weight`, `bias`, unless `affine` is off |
///
/// Derivatives: those of [`LayerNorm`], with γ and β the same for all pixels of a channel, over which their gradients are summed.
///
/// Source: Wu and He, *Group normalization*, 2018, equations 1 and 7.
/// Start values: γ = 1, β = 0.
/// Panics when X is not (n, c, …).
///
/// ```
/// use limpide::{Tape, layers::GroupNorm, module::Module, tensor};
/// // Two groups of one channel each: means 3 and 20, deviations 2 and 10.
/// let x = tensor(&[1, 2, 2], vec![1.0, 5.0, 10.0, 30.0]);
/// let z = GroupNorm::new(2, 2).eps(0.0).forward(&x, &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 2, 2], vec![-1.0, 1.0, -1.0, 1.0]));
/// ```
#[derive(Clone, Debug)]
pub struct GroupNorm<T> {
    /// The sizes.
    pub options: GroupNormOptions,
    /// γ, (c,), when the layer has one.
    pub weight: Option<Tensor<T>>,
    /// β, (c,), when the layer has one.
    pub bias: Option<Tensor<T>>,
}

/// The options of [`GroupNorm`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNormOptions {
    /// Parts that the channels are divided into.
    pub num_groups: usize,
    /// c.
    pub num_channels: usize,
    /// ε.
    #[serde(default = "hundred_thousandth")]
    pub eps: f64,
    /// Whether γ and β are there.
    #[serde(default = "crate::layers::yes")]
    pub affine: bool,
}

impl<T: Real> LayerNorm<T> {
    /// A normalisation over last axes of these sizes. Panics when there is none, or one is 0.
    pub fn new(normalized_shape: impl Into<Vec<usize>>) -> Self {
        let options = LayerNormOptions {
            normalized_shape: normalized_shape.into(),
            eps: hundred_thousandth(),
            elementwise_affine: true,
        };
        Self::with_options(options).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when one is out of its range.
    pub fn with_options(options: LayerNormOptions) -> Result<Self> {
        if options.normalized_shape.is_empty() || options.normalized_shape.contains(&0) {
            let found = format!("{:?}", options.normalized_shape);
            return Err(Error::option("LayerNorm: normalized_shape", "one or more sizes from 1", found));
        }
        check_eps("LayerNorm", options.eps)?;
        let (weight, bias) = affine(options.elementwise_affine, &options.normalized_shape);
        Ok(LayerNorm { options, weight, bias })
    }

    /// With another ε. Panics when it is negative or not finite.
    pub fn eps(mut self, eps: f64) -> Self {
        check_eps("LayerNorm", eps).unwrap_or_else(|error| panic!("{error}"));
        self.options.eps = eps;
        self
    }

    /// The same layer without γ and β.
    pub fn without_affine(mut self) -> Self {
        self.options.elementwise_affine = false;
        (self.weight, self.bias) = (None, None);
        self
    }

    fn rows(&self) -> Rows {
        let length = self.options.normalized_shape.iter().product();
        Rows { length, per_sample: 1, eps: self.options.eps }
    }
}

impl<T: Real> GroupNorm<T> {
    /// A normalisation of `num_channels` channels in `num_groups` groups. Panics when the one does not divide the other.
    pub fn new(num_groups: usize, num_channels: usize) -> Self {
        Self::with_options(GroupNormOptions { num_groups, num_channels, eps: hundred_thousandth(), affine: true })
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when one is out of its range.
    pub fn with_options(options: GroupNormOptions) -> Result<Self> {
        let GroupNormOptions { num_groups, num_channels, eps, .. } = options;
        if num_groups == 0 {
            return Err(Error::option("GroupNorm: num_groups", "at least 1", 0));
        }
        if num_channels == 0 || !num_channels.is_multiple_of(num_groups) {
            let wanted = format!("a multiple of num_groups, {num_groups}");
            return Err(Error::option("GroupNorm: num_channels", wanted, num_channels));
        }
        check_eps("GroupNorm", eps)?;
        let (weight, bias) = affine(options.affine, &[num_channels]);
        Ok(GroupNorm { options, weight, bias })
    }

    /// With another ε. Panics when it is negative or not finite.
    pub fn eps(mut self, eps: f64) -> Self {
        check_eps("GroupNorm", eps).unwrap_or_else(|error| panic!("{error}"));
        self.options.eps = eps;
        self
    }

    /// The same layer without γ and β.
    pub fn without_affine(mut self) -> Self {
        self.options.affine = false;
        (self.weight, self.bias) = (None, None);
        self
    }

    /// The groups of a batch, and how many pixels a channel has; nothing when there are none.
    fn rows(&self, input: &[usize]) -> Option<(Rows, usize)> {
        let pixels = input[2..].iter().product();
        let GroupNormOptions { num_groups, num_channels, eps, .. } = self.options;
        let rows = Rows { length: num_channels / num_groups * pixels, per_sample: num_groups, eps };
        (pixels > 0).then_some((rows, pixels))
    }

    /// γ or β, written out for every pixel of a sample.
    fn spread(&self, parameter: &Option<Tensor<T>>, pixels: usize) -> Option<Vec<T>> {
        let parameter = values(parameter.as_ref()?);
        Some(parameter.iter().flat_map(|&value| std::iter::repeat_n(value, pixels)).collect())
    }
}

impl<T: Real> Module<T> for LayerNorm<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        if input.ends_with(&self.options.normalized_shape) {
            return Ok(input.to_vec());
        }
        let sizes: Vec<String> = self.options.normalized_shape.iter().map(usize::to_string).collect();
        Err(Error::shape(self, format!("(…, {})", sizes.join(", ")), input))
    }

    fn sliced_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let shape = self.output_shape(input)?;
        // s would hold the axis of the batch.
        if input.len() == self.options.normalized_shape.len() {
            return Err(crate::layers::mixing(self, input));
        }
        Ok(shape)
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        checked_output_shape(self, input.shape());
        let x = dense(input);
        let z = self.rows().forward(&x, self.weight.as_ref().map(values), self.bias.as_ref().map(values), tape);
        tape.record(&x, z)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        if let [weight, bias] = gradients {
            self.rows().add_gradients(tape, values(&dense(delta)), values_mut(weight), Some(values_mut(bias)));
        }
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        self.rows().delta(tape, values(&dense(delta)), self.weight.as_ref().map(values))
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        super::named(&self.weight, &self.bias)
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.weight.iter_mut().chain(&mut self.bias).collect()
    }

    fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
        self.weight.iter().chain(&self.bias).for_each(visit);
    }

    fn reset_parameters(&mut self, _stream: &Stream) {
        (self.weight, self.bias) = affine(self.options.elementwise_affine, &self.options.normalized_shape);
    }
}

impl<T: Real> Module<T> for GroupNorm<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let channels = self.options.num_channels;
        match input {
            [_, c, ..] if *c == channels => Ok(input.to_vec()),
            _ => Err(Error::shape(self, format!("(n, {channels}, …)"), input)),
        }
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        checked_output_shape(self, input.shape());
        let x = dense(input);
        let Some((rows, pixels)) = self.rows(x.shape()) else { return tape.record(&x, x.clone()) };
        let (weight, bias) = (self.spread(&self.weight, pixels), self.spread(&self.bias, pixels));
        let z = rows.forward(&x, weight.as_deref(), bias.as_deref(), tape);
        tape.record(&x, z)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        let (Some((rows, pixels)), [weight, bias]) = (self.rows(tape.input().shape()), gradients) else { return };
        let mut spread = vec![T::zero(); self.options.num_channels * pixels];
        let delta = dense(delta);
        rows.add_gradients(tape, values(&delta), &mut spread, None);
        let channels = values_mut(weight).iter_mut().zip(spread.chunks_exact(pixels));
        channels.for_each(|(gradient, spread)| *gradient += crate::kernels::sum(spread));
        let bias = values_mut(bias);
        for (plane, d) in values(&delta).chunks_exact(pixels).enumerate() {
            bias[plane % self.options.num_channels] += crate::kernels::sum(d);
        }
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let Some((rows, pixels)) = self.rows(tape.input().shape()) else { return delta.clone() };
        rows.delta(tape, values(&dense(delta)), self.spread(&self.weight, pixels).as_deref())
    }

    fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
        super::named(&self.weight, &self.bias)
    }

    fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
        self.weight.iter_mut().chain(&mut self.bias).collect()
    }

    fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
        self.weight.iter().chain(&self.bias).for_each(visit);
    }

    fn reset_parameters(&mut self, _stream: &Stream) {
        (self.weight, self.bias) = affine(self.options.affine, &[self.options.num_channels]);
    }
}

impl<T> fmt::Display for LayerNorm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LayerNorm({:?})", self.options.normalized_shape)?;
        super::write_changes(f, self.options.eps, self.options.elementwise_affine)
    }
}

impl<T> fmt::Display for GroupNorm<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupNorm({}, {})", self.options.num_groups, self.options.num_channels)?;
        super::write_changes(f, self.options.eps, self.options.affine)
    }
}
