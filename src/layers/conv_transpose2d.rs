//! The convolution run backwards: from few pixels to many.

use super::pair::{Pair, Window, check_channels, check_weight, write_call};
use super::weight_and_bias;
use crate::kernels::{Axis, Convolution, Windows, sum};
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Stream, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Z = Pᵀ(Wᵀ·X) + b**: every input pixel stamps a patch onto the output. It is what [`Conv2d`](super::Conv2d) does in its
/// backward pass, with the same P, and so its transpose.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, in, h, w) | input, as a matrix (in, h·w) an image |
/// | W | (in, out/groups, kH, kW) | `weight`, as a matrix (in, out·kH·kW) |
/// | Pᵀ | | adds column (i, j) onto the patch Z\[c, i·stride + k·dilation − padding, …\] of each output channel |
/// | b | (out,) | `bias` |
/// | Z | (n, out, h′, w′) | h′ = (h − 1)·stride − 2·padding + dilation·(kH − 1) + output_padding + 1, w′ likewise |
///
/// Derivatives, with δ = ∂L/∂Z: **∂L/∂X = W·P(δ)**, a convolution, **∂L/∂W = Σₙ X·P(δ)ᵀ** and **∂L/∂b = Σ δ** over images and
/// pixels. With groups, group g of the outputs sees group g of the input channels only.
///
/// Source: Zeiler, Krishnan, Taylor and Fergus, *Deconvolutional networks*, 2010; Dumoulin and Visin, *A guide to convolution
/// arithmetic for deep learning*, 2016, section 4.
/// Start values: U(−1/√k, 1/√k) for both, k = out/groups·kH·kW, PyTorch's default.
/// Panics when X is not (n, in, h, w) or the output would have no pixel.
///
/// ```
/// use limpide::{Tape, layers::ConvTranspose2d, module::Module, tensor};
/// let layer = ConvTranspose2d::from_values(tensor(&[1, 1, 1, 2], vec![1.0, 10.0]), None)?;
/// let z = layer.forward(&tensor(&[1, 1, 1, 2], vec![3.0, 4.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 1, 3], vec![3.0, 30.0 + 4.0, 40.0]));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConvTranspose2d<T> {
    /// The sizes.
    pub options: ConvTranspose2dOptions,
    /// W, (in, out/groups, kH, kW).
    pub weight: Tensor<T>,
    /// b, (out,), when the layer has one.
    pub bias: Option<Tensor<T>>,
}

/// The options of [`ConvTranspose2d`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2dOptions {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Height and width of a patch, in taps.
    pub kernel_size: Pair,
    /// Pixels from one patch to the next.
    #[serde(default = "Pair::ones")]
    pub stride: Pair,
    /// Pixels cut off on every side of the output.
    #[serde(default = "Pair::zeros")]
    pub padding: Pair,
    /// Pixels added below and to the right of the output, fewer than the stride or the dilation.
    #[serde(default = "Pair::zeros")]
    pub output_padding: Pair,
    /// Pixels from one tap to the next.
    #[serde(default = "Pair::ones")]
    pub dilation: Pair,
    /// Parts that the channels are divided into, each by itself.
    #[serde(default = "crate::layers::one")]
    pub groups: usize,
    /// Whether b is there.
    #[serde(default = "crate::layers::yes")]
    pub bias: bool,
}

impl ConvTranspose2dOptions {
    /// Patches in single steps, without padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Pair>) -> Self {
        ConvTranspose2dOptions {
            in_channels,
            out_channels,
            kernel_size: kernel_size.into(),
            stride: Pair::ones(),
            padding: Pair::zeros(),
            output_padding: Pair::zeros(),
            dilation: Pair::ones(),
            groups: 1,
            bias: true,
        }
    }

    fn check(&self) -> Result<()> {
        let &ConvTranspose2dOptions { kernel_size, stride, padding, dilation, output_padding, .. } = self;
        Window { kernel_size, stride, padding, dilation, ceil_mode: false }.check("ConvTranspose2d")?;
        let most = Pair { h: stride.h.max(dilation.h) - 1, w: stride.w.max(dilation.w) - 1 };
        if output_padding.h > most.h || output_padding.w > most.w {
            let wanted = format!("less than the stride or the dilation, at most {most}");
            return Err(Error::option("ConvTranspose2d: output_padding", wanted, output_padding));
        }
        check_channels("ConvTranspose2d", self.groups, self.in_channels, self.out_channels)?;
        check_weight("ConvTranspose2d", &self.weight_shape())
    }

    fn weight_shape(&self) -> [usize; 4] {
        [self.in_channels, self.out_channels / self.groups, self.kernel_size.h, self.kernel_size.w]
    }
}

impl<T: Real> ConvTranspose2d<T> {
    /// A layer with a kernel given as one size or `[height, width]`. Panics when a size is 0.
    ///
    /// Its weights are drawn from seed 0, so that two new layers of one size are equal: see [`Sequential::seed`](crate::Sequential::seed).
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Into<Pair>) -> Self {
        Self::with_options(ConvTranspose2dOptions::new(in_channels, out_channels, kernel_size))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A layer from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a size is 0 or too large, or the groups do not divide the channels.
    pub fn with_options(options: ConvTranspose2dOptions) -> Result<Self> {
        options.check()?;
        let mut layer = ConvTranspose2d {
            weight: zeros(&options.weight_shape()),
            bias: options.bias.then(|| zeros(&[options.out_channels])),
            options,
        };
        layer.reset_parameters(&Stream::new(0));
        Ok(layer)
    }

    /// A layer of one group with given weight (in, out, kH, kW) and bias (out,).
    ///
    /// # Errors
    /// [`Error::Shape`] when the two do not fit together, [`Error::Option`] when a size is 0.
    pub fn from_values(weight: Tensor<T>, bias: Option<Tensor<T>>) -> Result<Self> {
        let &[in_channels, out_channels, h, w] = weight.shape() else {
            return Err(Error::shape("ConvTranspose2d", "a weight (in, out, kH, kW)", weight.shape()));
        };
        let options = ConvTranspose2dOptions::new(in_channels, out_channels, [h, w]);
        let options = ConvTranspose2dOptions { bias: bias.is_some(), ..options };
        options.check()?;
        if let Some(bias) = bias.as_ref().filter(|bias| bias.shape() != [out_channels]) {
            return Err(Error::shape("ConvTranspose2d", format!("a bias ({out_channels},)"), bias.shape()));
        }
        Ok(ConvTranspose2d { options, weight: dense(&weight), bias: bias.as_ref().map(dense) })
    }

    /// Patches this many pixels apart. Panics at 0, as the next three do when out of range.
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        let options = ConvTranspose2dOptions { stride: stride.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// This many pixels cut off on every side of the output.
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        let options = ConvTranspose2dOptions { padding: padding.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// Taps this many pixels apart.
    pub fn dilation(self, dilation: impl Into<Pair>) -> Self {
        let options = ConvTranspose2dOptions { dilation: dilation.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// This many pixels more below and to the right. After `stride` or `dilation`, which it must be less than.
    pub fn output_padding(self, output_padding: impl Into<Pair>) -> Self {
        let options = ConvTranspose2dOptions { output_padding: output_padding.into(), ..self.options.clone() };
        self.changed(options)
    }

    /// Channels in this many groups, with new start values for the smaller weight. Panics when they do not divide.
    pub fn groups(self, groups: usize) -> Self {
        Self::with_options(ConvTranspose2dOptions { groups, ..self.options }).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same layer without b.
    pub fn without_bias(mut self) -> Self {
        self.options.bias = false;
        self.bias = None;
        self
    }

    fn changed(self, options: ConvTranspose2dOptions) -> Self {
        options.check().unwrap_or_else(|error| panic!("{error}"));
        ConvTranspose2d { options, ..self }
    }

    /// The windows of the convolution that this layer is the transpose of: its input is our output.
    fn windows(&self, input: &[usize]) -> Result<Windows> {
        let ConvTranspose2dOptions { in_channels, kernel_size, stride, padding, output_padding, dilation, .. } =
            self.options;
        let wrong = |wanted: String| Error::shape(self, wanted, input);
        let &[_, c, h, w] = input else { return Err(wrong(format!("(n, {in_channels}, h, w)"))) };
        if c != in_channels {
            return Err(wrong(format!("(n, {in_channels}, h, w)")));
        }
        let axis = |input: usize, kernel: usize, stride: usize, padding: usize, more: usize, dilation: usize| {
            let whole = input.checked_sub(1)? * stride + dilation * (kernel - 1) + more + 1;
            let pixels = whole.checked_sub(2 * padding).filter(|&pixels| pixels > 0)?;
            Some(Axis { input: pixels, output: input, kernel, stride, padding, dilation })
        };
        let along_h = axis(h, kernel_size.h, stride.h, padding.h, output_padding.h, dilation.h);
        let along_w = axis(w, kernel_size.w, stride.w, padding.w, output_padding.w, dilation.w);
        match (along_h, along_w) {
            (Some(h), Some(w)) => Ok(Windows { h, w }),
            _ => Err(wrong(format!("(n, {in_channels}, h, w) with pixels left after the padding is cut off"))),
        }
    }

    /// That convolution, for a batch of the shape of our input.
    pub(crate) fn convolution(&self, input: &[usize]) -> Convolution {
        let &ConvTranspose2dOptions { in_channels, out_channels, groups, .. } = &self.options;
        let windows = self.windows(input).expect("the shape was checked");
        Convolution { windows, images: input[0], inputs: out_channels, outputs: in_channels, groups }
    }
}

impl<T: Real> Module<T> for ConvTranspose2d<T> {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let windows = self.windows(input)?;
        Ok(vec![input[0], self.options.out_channels, windows.h.input, windows.w.input])
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape(self, input.shape()));
        let x = dense(input);
        // Z = Pᵀ(Wᵀ·X) + b
        let bias = self.bias.as_ref().map(values);
        self.convolution(x.shape()).delta(values(&self.weight), bias, values(&x), values_mut(&mut z));
        tape.record(&x, z)
    }

    fn backward_update_gradient(&self, tape: &mut Tape<T>, delta: &Tensor<T>, gradients: &mut [Tensor<T>]) {
        let (x, delta) = (tape.input(), dense(delta));
        let convolution = self.convolution(x.shape());
        // ∂L/∂W += Σ X·P(δ)ᵀ
        convolution.update_gradient(values(&delta), values(x), values_mut(&mut gradients[0]));
        if self.bias.is_some() {
            // ∂L/∂b += Σ δ
            let channels = values(&delta).chunks_exact(convolution.windows.inputs());
            let gradient = values_mut(&mut gradients[1]);
            channels.enumerate().for_each(|(place, delta)| gradient[place % gradient.len()] += sum(delta));
        }
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (shape, delta) = (tape.input().shape(), dense(delta));
        let mut result = zeros(shape);
        // ∂L/∂X = W·P(δ)
        self.convolution(shape).forward(values(&self.weight), None, values(&delta), values_mut(&mut result));
        result
    }

    weight_and_bias!();
}

impl<T> fmt::Display for ConvTranspose2d<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        write!(f, "ConvTranspose2d({}, {}, {})", options.in_channels, options.out_channels, options.kernel_size)?;
        write_call(f, "stride", options.stride, Pair::ones())?;
        write_call(f, "padding", options.padding, Pair::zeros())?;
        write_call(f, "dilation", options.dilation, Pair::ones())?;
        write_call(f, "output_padding", options.output_padding, Pair::zeros())?;
        if options.groups != 1 {
            write!(f, ".groups({})", options.groups)?;
        }
        if options.bias { Ok(()) } else { write!(f, ".without_bias()") }
    }
}
