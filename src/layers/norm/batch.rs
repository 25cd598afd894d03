//! Normalisation of each channel over the batch.

use super::{affine, check_eps, hundred_thousandth, inverse_deviation, mean_and_variance};
use crate::kernels::{level, map, totals, transpose};
use crate::module::{Module, Tape, checked_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Stream, Tensor, tensor, zeros};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// **Z = γ·X̂ + β, X̂ = (X − μ)/√(v + ε)**, with mean μ and variance v of each channel: of the batch in training, the running ones
/// in evaluation.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X, Z | (n, c, h, w) for [`BatchNorm2d`]; (n, c) or (n, c, l) for [`BatchNorm1d`] | input, output |
/// | μ, v | (c,) | `mean` and `variance` on the tape; v = Σ(X − μ)²/m over the m = n·h·w entries of a channel |
/// | γ, β | (c,) | `weight`, `bias`, unless `affine` is off |
/// | `running_mean`, `running_var` | (c,) | buffers: r ← (1 − α)r + α·(μ or v·m/(m − 1)) once a step, α the `momentum` |
///
/// Derivatives, sums over a channel: **∂L/∂β = Σδ**, **∂L/∂γ = Σδ·X̂**. X reaches Z directly, through μ and through v, and so
/// **∂L/∂X = γ/√(v + ε)·(δ − Σδ/m − X̂·Σδ·X̂/m)**; in evaluation μ and v are constants and **∂L/∂X = γ/√(v + ε)·δ**.
///
/// A training pass couples the samples of a batch, so the engine does not cut it into slices.
///
/// Source: Ioffe and Szegedy, *Batch normalization*, 2015, algorithm 1; running averages as in PyTorch, which counts the
/// variance with m − 1 there.
/// Start values: γ = 1, β = 0, `running_mean` 0, `running_var` 1.
/// Panics when X has other axes or channels, or in training one value a channel, which has no variance; `training_shape` errs.
///
/// ```
/// use limpide::{Tape, layers::BatchNorm1d, module::Module, tensor};
/// let layer = BatchNorm1d::new(1).eps(0.0);
/// // Mean 3, variance ((1−3)² + (5−3)²)/2 = 4.
/// let z = layer.forward(&tensor(&[2, 1], vec![1.0, 5.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[2, 1], vec![-1.0, 1.0]));
/// // In evaluation the running mean and variance, still 0 and 1.
/// assert_eq!(layer.forward(&tensor(&[1, 1], vec![5.0]), &mut Tape::off())[[0, 0]], 5.0);
/// ```
#[derive(Clone)]
pub struct BatchNorm<T, const AXES: usize> {
    /// The sizes.
    pub options: BatchNormOptions,
    /// γ, (c,), when the layer has one.
    pub weight: Option<Tensor<T>>,
    /// β, (c,), when the layer has one.
    pub bias: Option<Tensor<T>>,
    /// The mean of each channel over the past batches, (c,).
    pub running_mean: Tensor<T>,
    /// Their variance.
    pub running_var: Tensor<T>,
    /// Training steps so far, a single number.
    pub num_batches_tracked: Tensor<T>,
}

/// [`BatchNorm`] of rows (n, c), or of sequences (n, c, l).
pub type BatchNorm1d<T> = BatchNorm<T, 1>;
/// [`BatchNorm`] of images (n, c, h, w).
pub type BatchNorm2d<T> = BatchNorm<T, 2>;

/// The options of [`BatchNorm`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormOptions {
    /// c, the number of channels.
    pub num_features: usize,
    /// ε.
    #[serde(default = "hundred_thousandth")]
    pub eps: f64,
    /// α, the weight of the newest batch in the running averages; without one, all batches weigh the same.
    #[serde(default = "tenth")]
    pub momentum: Option<f64>,
    /// Whether γ and β are there.
    #[serde(default = "crate::layers::yes")]
    pub affine: bool,
    /// Always on: without running averages a prediction would depend on the samples predicted with it.
    #[serde(default = "crate::layers::yes")]
    pub track_running_stats: bool,
}

fn tenth() -> Option<f64> {
    Some(0.1)
}

impl BatchNormOptions {
    /// For that many channels.
    pub fn new(num_features: usize) -> Self {
        let (eps, momentum) = (hundred_thousandth(), tenth());
        BatchNormOptions { num_features, eps, momentum, affine: true, track_running_stats: true }
    }

    fn check(&self, layer: &str) -> Result<()> {
        if self.num_features == 0 {
            return Err(Error::option(format!("{layer}: num_features"), "at least 1", 0));
        }
        check_eps(layer, self.eps)?;
        if let Some(momentum) = self.momentum.filter(|momentum| !(0.0..=1.0).contains(momentum)) {
            return Err(Error::option(format!("{layer}: momentum"), "from 0 to 1, or none", momentum));
        }
        if !self.track_running_stats {
            let wanted = "true, since a prediction must not depend on the samples predicted with it";
            return Err(Error::option(format!("{layer}: track_running_stats"), wanted, false));
        }
        Ok(())
    }
}

impl<T: Real, const AXES: usize> BatchNorm<T, AXES> {
    /// A normalisation of that many channels. Panics at 0.
    pub fn new(num_features: usize) -> Self {
        Self::with_options(BatchNormOptions::new(num_features)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when one is out of its range.
    pub fn with_options(options: BatchNormOptions) -> Result<Self> {
        options.check(&format!("BatchNorm{AXES}d"))?;
        let shape = [options.num_features];
        let (weight, bias) = affine(options.affine, &shape);
        let (running_mean, running_var) = (zeros(&shape), Tensor::ones(shape.as_slice()));
        Ok(BatchNorm { options, weight, bias, running_mean, running_var, num_batches_tracked: zeros(&[]) })
    }

    /// With another ε. Panics when it is negative or not finite, as the next does out of its range.
    pub fn eps(self, eps: f64) -> Self {
        let options = BatchNormOptions { eps, ..self.options.clone() };
        self.changed(options)
    }

    /// With another weight of the newest batch in the running averages; `None` for equal weights.
    pub fn momentum(self, momentum: impl Into<Option<f64>>) -> Self {
        let options = BatchNormOptions { momentum: momentum.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// The same layer without γ and β.
    pub fn without_affine(mut self) -> Self {
        self.options.affine = false;
        (self.weight, self.bias) = (None, None);
        self
    }

    fn changed(self, options: BatchNormOptions) -> Self {
        options.check(&format!("BatchNorm{AXES}d")).unwrap_or_else(|error| panic!("{error}"));
        BatchNorm { options, ..self }
    }

    /// A channel that is normalised by this mean and variance.
    pub(crate) fn channel(&self, channel: usize, mean: T, variance: T) -> Channel<T> {
        let of_channel = |parameter: &Option<Tensor<T>>| parameter.as_ref().map(|all| values(all)[channel]);
        let inverse = inverse_deviation(variance, self.options.eps);
        let gain = of_channel(&self.weight).map_or(inverse, |weight| weight * inverse);
        Channel { mean, inverse, gain, shift: of_channel(&self.bias).unwrap_or(T::zero()) }
    }

    /// A channel in evaluation.
    pub(crate) fn running_channel(&self, channel: usize) -> Channel<T> {
        self.channel(channel, values(&self.running_mean)[channel], values(&self.running_var)[channel])
    }

    /// Moves the running averages by the mean and the variance of each channel in a batch of `count` entries a channel.
    pub(crate) fn move_averages(&mut self, moments: &[(T, T)], count: usize) {
        if count == 0 {
            return;
        }
        let steps = values_mut(&mut self.num_batches_tracked);
        steps[0] += T::one();
        let newest = self.options.momentum.map_or(T::one() / steps[0], T::of);
        let unbiased = T::of(count as f64 / (count - 1) as f64);
        let running = values_mut(&mut self.running_mean).iter_mut().zip(values_mut(&mut self.running_var));
        for ((running_mean, running_var), &(mean, variance)) in running.zip(moments) {
            *running_mean = (T::one() - newest) * *running_mean + newest * mean;
            *running_var = (T::one() - newest) * *running_var + newest * (variance * unbiased);
        }
    }

    /// X with the entries of a channel in planes of more than one: rows (n, c) are turned into one sample (c, n).
    fn planes<'a>(&self, x: &'a Tensor<T>) -> Planes<'a, T> {
        let channels = self.options.num_features;
        let size = x.shape()[2..].iter().product();
        if size > 1 {
            return Planes { values: Cow::Borrowed(values(x)), channels, size, turned: false };
        }
        let mut turned = vec![T::zero(); x.len()];
        transpose(values(x), channels, &mut turned);
        Planes { values: Cow::Owned(turned), channels, size: x.shape()[0], turned: true }
    }

    /// The channels as the forward pass took them.
    fn channels(&self, tape: &Tape<T>) -> Vec<Channel<T>> {
        let kept = |name| values(tape.kept(name).expect("backward needs the tape of a forward pass"));
        let moments = kept("mean").iter().zip(kept("variance"));
        moments.enumerate().map(|(channel, (&mean, &variance))| self.channel(channel, mean, variance)).collect()
    }

    /// Σδ and Σδ·X̂ of each channel.
    fn sums(channels: &[Channel<T>], x: &Planes<T>, delta: &Planes<T>) -> Vec<(T, T)> {
        let of_channel = |(place, channel): (usize, &Channel<T>)| channel.sums(x.of(place).zip(delta.of(place)));
        channels.iter().enumerate().map(of_channel).collect()
    }

    fn add_gradients(&self, sums: &[(T, T)], gradients: &mut [Tensor<T>]) {
        if let [weight, bias] = gradients {
            let gradients = values_mut(weight).iter_mut().zip(values_mut(bias));
            for ((weight, bias), &(total, product)) in gradients.zip(sums) {
                *weight += product;
                *bias += total;
            }
        }
    }

    /// ∂L/∂X, given the sums of a training pass.
    fn delta(tape: &Tape<T>, channels: &[Channel<T>], x: &Planes<T>, delta: &Planes<T>, sums: &[(T, T)]) -> Tensor<T> {
        let mut result = x.like();
        for (index, (to, (x_plane, d))) in result.each_mut().zip(x.each().zip(delta.each())).enumerate() {
            let place = index % channels.len();
            let slope = channels[place].slope(sums[place], x.count(), tape.is_training());
            map(level(), [x_plane, d], to, |[x, d]| slope.at(x, d));
        }
        result.into_tensor(tape.input().shape())
    }
}

impl<T: Real, const AXES: usize> Module<T> for BatchNorm<T, AXES> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let channels = self.options.num_features;
        let (wanted, axes) = match AXES {
            1 => (format!("(n, {channels}) or (n, {channels}, l)"), 2..=3),
            _ => (format!("(n, {channels}, h, w)"), 4..=4),
        };
        if axes.contains(&input.len()) && input[1] == channels {
            return Ok(input.to_vec());
        }
        Err(Error::shape(self, wanted, input))
    }

    fn training_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let output = self.output_shape(input)?;
        if output.iter().product::<usize>() == self.options.num_features {
            let wanted = "more than one value a channel in training, as one has no variance: a larger batch, or no last small one";
            return Err(Error::shape(self, wanted, input));
        }
        Ok(output)
    }

    fn couples_samples(&self) -> bool {
        true
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let shape = checked_shape(self, input.shape(), tape);
        let input = dense(input);
        let x = self.planes(&input);
        let count = self.options.num_features;
        let channels: Vec<Channel<T>> = if tape.is_training() {
            let moments = (0..count).map(|channel| mean_and_variance(x.of(channel), x.count()));
            let (mean, variance): (Vec<T>, Vec<T>) = moments.unzip();
            let own = |channel| self.channel(channel, mean[channel], variance[channel]);
            let channels = (0..count).map(own).collect();
            tape.keep("mean", tensor(&[count], mean));
            tape.keep("variance", tensor(&[count], variance));
            channels
        } else {
            tape.keep("mean", self.running_mean.clone());
            tape.keep("variance", self.running_var.clone());
            (0..count).map(|channel| self.running_channel(channel)).collect()
        };
        let mut z = x.like();
        for (index, (z, x)) in z.each_mut().zip(x.each()).enumerate() {
            channels[index % count].forward(x, z);
        }
        let z = z.into_tensor(&shape);
        tape.record(&input, z)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        let delta = dense(delta);
        let sums = Self::sums(&self.channels(tape), &self.planes(tape.input()), &self.planes(&delta));
        self.add_gradients(&sums, gradients);
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (delta, channels) = (dense(delta), self.channels(tape));
        let (x, delta) = (self.planes(tape.input()), self.planes(&delta));
        let sums = Self::sums(&channels, &x, &delta);
        Self::delta(tape, &channels, &x, &delta, &sums)
    }

    fn backward(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) -> Tensor<T> {
        let (delta, channels) = (dense(delta), self.channels(tape));
        let (x, delta) = (self.planes(tape.input()), self.planes(&delta));
        let sums = Self::sums(&channels, &x, &delta);
        self.add_gradients(&sums, gradients);
        Self::delta(tape, &channels, &x, &delta, &sums)
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

    fn buffers(&self) -> Vec<(String, &Tensor<T>)> {
        let BatchNorm { running_mean, running_var, num_batches_tracked, .. } = self;
        let buffers = [
            ("running_mean", running_mean),
            ("running_var", running_var),
            ("num_batches_tracked", num_batches_tracked),
        ];
        buffers.map(|(name, value)| (name.to_string(), value)).into()
    }

    fn buffers_mut(&mut self) -> Vec<&mut Tensor<T>> {
        vec![&mut self.running_mean, &mut self.running_var, &mut self.num_batches_tracked]
    }

    fn update_buffers(&mut self, tape: &Tape<T>) {
        let (Some(mean), Some(variance), true) = (tape.kept("mean"), tape.kept("variance"), tape.is_training()) else {
            return;
        };
        let count = tape.input().len() / self.options.num_features;
        let moments: Vec<_> = values(mean).iter().copied().zip(values(variance).iter().copied()).collect();
        self.move_averages(&moments, count);
    }

    fn reset_parameters(&mut self, _stream: &Stream) {
        *self = Self::with_options(self.options.clone()).expect("options that were checked before");
    }
}

/// What normalises one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel<T> {
    /// μ.
    mean: T,
    /// 1/√(v + ε).
    inverse: T,
    /// γ/√(v + ε).
    gain: T,
    /// β.
    shift: T,
}

impl<T: Real> Channel<T> {
    /// γ·x̂ + β.
    #[inline(always)]
    pub(crate) fn at(&self, x: T) -> T {
        (x - self.mean) * self.gain + self.shift
    }

    /// z ← γ·x̂ + β.
    pub(crate) fn forward(&self, x: &[T], z: &mut [T]) {
        map(level(), [x], z, |[x]| self.at(x));
    }

    /// Σδ and Σδ·X̂ over pairs of planes of X and δ.
    pub(crate) fn sums<'a>(&self, planes: impl Iterator<Item = (&'a [T], &'a [T])>) -> (T, T) {
        let (mut sum, mut product) = (0.0, 0.0);
        for (x, d) in planes {
            let own = self.plane_sums(x, d);
            (sum, product) = (sum + own.0, product + own.1);
        }
        self.sums_of((sum, product))
    }

    /// Σδ and Σδ·(X − μ) of a plane; entries whose δ is 0 may be left out.
    pub(crate) fn plane_sums(&self, x: &[T], d: &[T]) -> (f64, f64) {
        let [sum, product] = totals(level(), [x, d], |[x, d]| [d, (x - self.mean) * d]);
        (Real::to_f64(sum), Real::to_f64(product))
    }

    /// [`Channel::plane_sums`] of a single entry.
    pub(crate) fn entry_sums(&self, x: T, d: T) -> (f64, f64) {
        (Real::to_f64(d), Real::to_f64((x - self.mean) * d))
    }

    /// Σδ and Σδ·X̂ from the sums of [`Channel::plane_sums`].
    pub(crate) fn sums_of(&self, (sum, product): (f64, f64)) -> (T, T) {
        (T::of(sum), T::of(product) * self.inverse)
    }

    /// ∂L/∂X where the channel has `count` entries and these sums; in evaluation μ and v are constants.
    pub(crate) fn slope(&self, sums: (T, T), count: usize, training: bool) -> Slope<T> {
        let Channel { mean, inverse, gain, .. } = *self;
        let count = T::of(count as f64);
        let (average, slope) = match training {
            true => (sums.0 / count, sums.1 / count * inverse),
            false => (T::zero(), T::zero()),
        };
        Slope { mean, gain, average, slope }
    }
}

/// ∂L/∂x = γ/√(v + ε)·(δ − Σδ/m − x̂·Σδ·X̂/m).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slope<T> {
    mean: T,
    /// γ/√(v + ε).
    pub gain: T,
    /// Σδ/m.
    average: T,
    /// Σδ·X̂/m/√(v + ε).
    slope: T,
}

impl<T: Real> Slope<T> {
    /// ∂L/∂x.
    #[inline(always)]
    pub(crate) fn at(&self, x: T, d: T) -> T {
        self.gain * (d - self.average - (x - self.mean) * self.slope)
    }
}

/// A batch as planes: sample by sample, channel by channel.
struct Planes<'a, T: Clone> {
    values: Cow<'a, [T]>,
    channels: usize,
    /// Entries of a plane.
    size: usize,
    /// Whether rows (n, c) were turned into columns.
    turned: bool,
}

impl<'a, T: Real> Planes<'a, T> {
    /// Every plane.
    fn each(&self) -> impl Iterator<Item = &[T]> + Clone {
        self.values.chunks_exact(self.size.max(1))
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.values.to_mut().chunks_exact_mut(self.size.max(1))
    }

    /// The planes of a channel.
    fn of(&self, channel: usize) -> impl Iterator<Item = &[T]> + Clone {
        self.each().skip(channel).step_by(self.channels)
    }

    /// Entries of a channel.
    fn count(&self) -> usize {
        self.values.len() / self.channels
    }

    /// Zeros in the same order.
    fn like(&self) -> Planes<'static, T> {
        Planes { values: Cow::Owned(vec![T::zero(); self.values.len()]), ..*self }
    }

    /// Back in the order of the batch.
    fn into_tensor(self, shape: &[usize]) -> Tensor<T> {
        if !self.turned || self.size == 0 {
            return tensor(shape, self.values.into_owned());
        }
        let mut rows = vec![T::zero(); self.values.len()];
        transpose(&self.values, self.size, &mut rows);
        tensor(shape, rows)
    }
}

impl<T, const AXES: usize> fmt::Display for BatchNorm<T, AXES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BatchNormOptions { num_features, eps, momentum, affine, .. } = &self.options;
        write!(f, "BatchNorm{AXES}d({num_features})")?;
        match momentum {
            Some(momentum) if Some(*momentum) != tenth() => write!(f, ".momentum({momentum})")?,
            Some(_) => {}
            None => write!(f, ".momentum(None)")?,
        }
        super::write_changes(f, *eps, *affine)
    }
}

impl<T: fmt::Debug, const AXES: usize> fmt::Debug for BatchNorm<T, AXES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BatchNorm { options, weight, bias, running_mean, running_var, num_batches_tracked } = self;
        f.debug_struct(&format!("BatchNorm{AXES}d"))
            .field("options", options)
            .field("weight", weight)
            .field("bias", bias)
            .field("running_mean", running_mean)
            .field("running_var", running_var)
            .field("num_batches_tracked", num_batches_tracked)
            .finish()
    }
}
