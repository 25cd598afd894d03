//! The convolution layer: a fully connected layer on every patch of an image.

use super::pair::{Pair, Window, check_channels, check_weight, write_call};
use super::weight_and_bias;
use crate::kernels::{Convolution, Windows, sum};
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Stream, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Z = W·P(X) + b**: at every output pixel a [`Linear`](super::Linear) layer on the patch of the image around it.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, in, h, w) | images |
/// | P(X) | (in·kH·kW, h′·w′) for each image | column (i, j): the patch X[c, i·stride + k·dilation − padding, …] under output pixel (i, j); 0 outside the image |
/// | W | (out, in/groups, kH, kW) | `weight`, not flipped (cross-correlation) |
/// | b | (out,) | `bias` |
/// | Z | (n, out, h′, w′) | h′ = ⌊(h + 2·padding − dilation·(kH−1) − 1) / stride⌋ + 1, w′ likewise |
///
/// Derivatives, with δ = ∂L/∂Z as a matrix (out, h′·w′) an image: as for Linear, **∂L/∂W = Σₙ δ·P(X)ᵀ**, **∂L/∂b = Σ δ** over
/// images and pixels, and **∂L/∂X = Pᵀ(Wᵀ·δ)**: P copies pixels into patches, so its transpose adds the patches' deltas back
/// onto their pixels. With groups, group g of the outputs sees group g of the input channels only.
///
/// Source: LeCun et al., *Gradient-based learning applied to document recognition*, 1998, section II; as a matrix product:
/// Chellapilla, Puri and Simard, *High performance convolutional neural networks for document processing*, 2006, section 3.1.
/// Start values: U(−1/√k, 1/√k) for both, k = in/groups·kH·kW, PyTorch's default.
/// Panics when X is not (n, in, h, w) or the image is smaller than the kernel.
///
/// ```
/// use limpide::{Tape, layers::Conv2d, module::Module, tensor};
/// let layer = Conv2d::from_values(tensor(&[1, 1, 1, 2], vec![1.0, 10.0]), None)?;
/// let z = layer.forward(&tensor(&[1, 1, 1, 3], vec![1.0, 2.0, 3.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 1, 2], vec![1.0 + 10.0 * 2.0, 2.0 + 10.0 * 3.0]));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conv2d<T> {
    /// The sizes.
    pub options: Conv2dOptions,
    /// W, (out, in/groups, kH, kW).
    pub weight: Tensor<T>,
    /// b, (out,), when the layer has one.
    pub bias: Option<Tensor<T>>,
}

/// The options of [`Conv2d`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dOptions {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Height and width of a patch, in taps.
    pub kernel_size: Pair,
    /// Pixels from one patch to the next.
    #[serde(default = "Pair::ones")]
    pub stride: Pair,
    /// Zeros around the image.
    #[serde(default = "Pair::zeros")]
    pub padding: Pair,
    /// Pixels from one tap to the next.
    #[serde(default = "Pair::ones")]
    pub dilation: Pair,
    /// Parts that the channels are divided into, each with its own convolution.
    #[serde(default = "crate::layers::one")]
    pub groups: usize,
    /// Whether b is there.
    #[serde(default = "crate::layers::yes")]
    pub bias: bool,
}

impl Conv2dOptions {
    /// A convolution in single steps, without padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Pair>) -> Self {
        Conv2dOptions {
            in_channels,
            out_channels,
            kernel_size: kernel_size.into(),
            stride: Pair::ones(),
            padding: Pair::zeros(),
            dilation: Pair::ones(),
            groups: 1,
            bias: true,
        }
    }

    fn window(&self) -> Window {
        let &Conv2dOptions { kernel_size, stride, padding, dilation, .. } = self;
        Window { kernel_size, stride, padding, dilation, ceil_mode: false }
    }

    fn check(&self) -> Result<()> {
        self.window().check("Conv2d")?;
        check_channels("Conv2d", self.groups, self.in_channels, self.out_channels)?;
        check_weight("Conv2d", &self.weight_shape())
    }

    fn weight_shape(&self) -> [usize; 4] {
        [self.out_channels, self.in_channels / self.groups, self.kernel_size.h, self.kernel_size.w]
    }
}

impl<T: Real> Conv2d<T> {
    /// A layer with a kernel given as one size or `[height, width]`. Panics when a size is 0.
    ///
    /// Its weights are drawn from seed 0, so that two new layers of one size are equal: see [`Sequential::seed`](crate::Sequential::seed).
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Pair>) -> Self {
        Self::with_options(Conv2dOptions::new(in_channels, out_channels, kernel_size))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a size is 0 or too large, or the groups do not divide the channels.
    pub fn with_options(options: Conv2dOptions) -> Result<Self> {
        options.check()?;
        let mut layer = Conv2d {
            weight: zeros(&options.weight_shape()),
            bias: options.bias.then(|| zeros(&[options.out_channels])),
            options,
        };
        layer.reset_parameters(&Stream::new(0));
        Ok(layer)
    }

    /// A layer of one group with given weight (out, in, kH, kW) and bias (out,).
    ///
    /// # Errors
    /// [`Error::Shape`] when the two do not fit together, [`Error::Option`] when a size is 0.
    pub fn from_values(weight: Tensor<T>, bias: Option<Tensor<T>>) -> Result<Self> {
        let &[out_channels, in_channels, h, w] = weight.shape() else {
            return Err(Error::shape("Conv2d", "a weight (out, in, kH, kW)", weight.shape()));
        };
        let options = Conv2dOptions { bias: bias.is_some(), ..Conv2dOptions::new(in_channels, out_channels, [h, w]) };
        options.check()?;
        if let Some(bias) = bias.as_ref().filter(|bias| bias.shape() != [out_channels]) {
            return Err(Error::shape("Conv2d", format!("a bias ({out_channels},)"), bias.shape()));
        }
        Ok(Conv2d { options, weight: dense(&weight), bias: bias.as_ref().map(dense) })
    }

    /// Patches this many pixels apart. Panics at 0, as the next two do when out of range.
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        let options = Conv2dOptions { stride: stride.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// This many zeros around the image.
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        let options = Conv2dOptions { padding: padding.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// Taps this many pixels apart.
    pub fn dilation(self, dilation: impl Into<Pair>) -> Self {
        let options = Conv2dOptions { dilation: dilation.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// Channels in this many groups, with new start values for the smaller weight. Panics when they do not divide.
    pub fn groups(self, groups: usize) -> Self {
        Self::with_options(Conv2dOptions { groups, ..self.options }).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same layer without b.
    pub fn without_bias(mut self) -> Self {
        self.options.bias = false;
        self.bias = None;
        self
    }

    fn changed(self, options: Conv2dOptions) -> Self {
        options.check().unwrap_or_else(|error| panic!("{error}"));
        Conv2d { options, ..self }
    }

    fn windows(&self, input: &[usize]) -> Result<Windows> {
        self.options.window().over(self, Some(self.options.in_channels), input)
    }

    pub(crate) fn convolution(&self, input: &[usize]) -> Convolution {
        let &Conv2dOptions { in_channels: inputs, out_channels: outputs, groups, .. } = &self.options;
        let windows = self.windows(input).expect("the shape was checked");
        Convolution { windows, images: input[0], inputs, outputs, groups }
    }
}

impl<T: Real> Module<T> for Conv2d<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let windows = self.windows(input)?;
        Ok(vec![input[0], self.options.out_channels, windows.h.output, windows.w.output])
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape(self, input.shape()));
        let x = dense(input);
        // Z = W·P(X) + b
        let bias = self.bias.as_ref().map(values);
        self.convolution(x.shape()).forward(values(&self.weight), bias, values(&x), values_mut(&mut z));
        tape.record(&x, z)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        let (x, delta) = (tape.input(), dense(delta));
        let convolution = self.convolution(x.shape());
        // ∂L/∂W += Σ δ·P(X)ᵀ
        convolution.update_gradient(values(x), values(&delta), values_mut(&mut gradients[0]));
        if self.bias.is_some() {
            // ∂L/∂b += Σ δ
            let channels = values(&delta).chunks_exact(convolution.windows.outputs());
            let gradient = values_mut(&mut gradients[1]);
            channels.enumerate().for_each(|(place, delta)| gradient[place % gradient.len()] += sum(delta));
        }
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (shape, delta) = (tape.input().shape(), dense(delta));
        let mut result = zeros(shape);
        // ∂L/∂X = Pᵀ(Wᵀ·δ)
        self.convolution(shape).delta(values(&self.weight), None, values(&delta), values_mut(&mut result));
        result
    }

    weight_and_bias!();
}

impl<T> fmt::Display for Conv2d<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conv2dOptions { in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias } =
            &self.options;
        write!(f, "Conv2d({in_channels}, {out_channels}, {kernel_size})")?;
        write_call(f, "stride", *stride, Pair::ones())?;
        write_call(f, "padding", *padding, Pair::zeros())?;
        write_call(f, "dilation", *dilation, Pair::ones())?;
        if *groups != 1 {
            write!(f, ".groups({groups})")?;
        }
        if *bias { Ok(()) } else { write!(f, ".without_bias()") }
    }
}
