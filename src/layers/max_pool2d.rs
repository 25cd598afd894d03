//! Pooling by the maximum.

use super::pair::{Pair, Window, write_call};
use crate::kernels::{Windows, max_pool, max_pool_backward};
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Error, Real, Result, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Zᵢⱼ = max over the window at (i, j) of X**, in every channel of every image.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, c, h, w) | images, −∞ around them where padded |
/// | Z | (n, c, h′, w′) | h′ = ⌊(h + 2·padding − dilation·(kH−1) − 1) / stride⌋ + 1, w′ likewise; ⌈…⌉ with `ceil_mode` |
///
/// Derivative: Zᵢⱼ is one of the inputs, X at a\*(i, j) = argmax, so **∂L/∂Xₐ = Σ δᵢⱼ over the windows with a\*(i, j) = a**.
/// Of equal maxima the first in row-major order is the one; a NaN counts as larger than every number.
/// `ceil_mode` lets a last window stick out, unless it would start in the right padding. A window that holds padding only
/// (dilation can skip over a small image) gives −∞ and passes no delta on.
///
/// Source: Ranzato, Huang, Boureau and LeCun, *Unsupervised learning of invariant feature hierarchies*, 2007, section 2.
/// Panics when X is not (n, c, h, w) or the image is smaller than the window.
///
/// ```
/// use limpide::{Tape, layers::MaxPool2d, module::Module, tensor};
/// let z = MaxPool2d::new([1, 2]).forward(&tensor(&[1, 1, 1, 4], vec![1.0, 3.0, 9.0, 2.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 1, 2], vec![3.0, 9.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPool2d {
    /// The sizes.
    pub options: MaxPool2dOptions,
}

/// The options of [`MaxPool2d`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2dOptions {
    /// Height and width of the window, in taps.
    pub kernel_size: Pair,
    /// Pixels from one window to the next; the kernel size when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    /// Pixels of −∞ around the image, at most half the window.
    #[serde(default = "Pair::zeros")]
    pub padding: Pair,
    /// Pixels from one tap to the next.
    #[serde(default = "Pair::ones")]
    pub dilation: Pair,
    /// Whether a last window may stick out.
    #[serde(default)]
    pub ceil_mode: bool,
}

impl MaxPool2dOptions {
    /// Windows side by side.
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        let (padding, dilation) = (Pair::zeros(), Pair::ones());
        MaxPool2dOptions { kernel_size: kernel_size.into(), stride: None, padding, dilation, ceil_mode: false }
    }

    fn window(&self) -> Window {
        let &MaxPool2dOptions { kernel_size, stride, padding, dilation, ceil_mode } = self;
        Window { kernel_size, stride: stride.unwrap_or(kernel_size), padding, dilation, ceil_mode }
    }
}

impl MaxPool2d {
    /// A pooling with windows of one size or `[height, width]` side by side. Panics when a size is 0.
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        Self::checked(MaxPool2dOptions::new(kernel_size))
    }

    /// A pooling from a full set of options.
    ///
    /// # Errors
    /// [`Error::Option`] when a size is 0 or too large, or the padding is larger than half the window.
    pub fn with_options(options: MaxPool2dOptions) -> Result<Self> {
        options.window().check("MaxPool2d")?;
        options.window().check_padding("MaxPool2d")?;
        Ok(MaxPool2d { options })
    }

    /// Windows this many pixels apart. Panics when out of range, as the next two do.
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self::checked(MaxPool2dOptions { stride: Some(stride.into()), ..self.options })
    }

    /// This many pixels of −∞ around the image.
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        Self::checked(MaxPool2dOptions { padding: padding.into(), ..self.options })
    }

    /// Taps this many pixels apart. Before `padding`, when that needs the larger window.
    pub fn dilation(self, dilation: impl Into<Pair>) -> Self {
        Self::checked(MaxPool2dOptions { dilation: dilation.into(), ..self.options })
    }

    /// Whether a last window may stick out.
    pub fn ceil_mode(self, ceil_mode: bool) -> Self {
        Self::checked(MaxPool2dOptions { ceil_mode, ..self.options })
    }

    fn checked(options: MaxPool2dOptions) -> Self {
        Self::with_options(options).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn windows(&self, input: &[usize]) -> Result<Windows> {
        let windows = self.options.window().over(self, None, input)?;
        // The tape keeps an argmax in 32 bits.
        match windows.inputs() < u32::MAX as usize {
            true => Ok(windows),
            false => Err(Error::shape(self, format!("fewer than {} pixels a channel", u32::MAX), input)),
        }
    }
}

impl<T: Real> Module<T> for MaxPool2d {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let windows = self.windows(input)?;
        Ok(vec![input[0], input[1], windows.h.output, windows.w.output])
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape::<T>(self, input.shape()));
        let x = dense(input);
        let windows = self.windows(x.shape()).expect("the shape was checked");
        let mut indices = std::mem::take(&mut tape.indices);
        indices.resize(z.len(), 0);
        let results = values_mut(&mut z).chunks_exact_mut(windows.outputs());
        let results = results.zip(indices.chunks_exact_mut(windows.outputs()));
        for (x, (z, indices)) in values(&x).chunks_exact(windows.inputs()).zip(results) {
            max_pool(x, &windows, z, indices);
        }
        if !tape.is_off() {
            tape.indices = indices;
        }
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (shape, delta) = (tape.input().shape(), dense(delta));
        let windows = self.windows(shape).expect("the shape was checked");
        let mut result = zeros(shape);
        let deltas = values(&delta).chunks_exact(windows.outputs()).zip(tape.indices.chunks_exact(windows.outputs()));
        for ((delta, indices), x) in deltas.zip(values_mut(&mut result).chunks_exact_mut(windows.inputs())) {
            max_pool_backward(delta, indices, x);
        }
        result
    }
}

impl fmt::Display for MaxPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MaxPool2dOptions { kernel_size, stride, padding, dilation, ceil_mode } = &self.options;
        write!(f, "MaxPool2d({kernel_size})")?;
        write_call(f, "stride", stride.unwrap_or(*kernel_size), *kernel_size)?;
        write_call(f, "dilation", *dilation, Pair::ones())?;
        write_call(f, "padding", *padding, Pair::zeros())?;
        if *ceil_mode { write!(f, ".ceil_mode(true)") } else { Ok(()) }
    }
}
