//! Pooling by the average.

use super::pair::{Pair, Window, write_call};
use crate::kernels::{Windows, avg_pool, avg_pool_backward, window_sizes};
use crate::module::{Module, Tape, checked_output_shape};
use crate::tensor::{dense, values, values_mut};
use crate::{Real, Result, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt;

/// **Zᵢⱼ = (1/Nᵢⱼ) Σ of X over the window at (i, j)**, in every channel of every image.
///
/// | symbol | shape | meaning |
/// | --- | --- | --- |
/// | X | (n, c, h, w) | images, 0 around them where padded |
/// | Nᵢⱼ | (h′, w′) | inputs that the window covers, padding counted unless `count_include_pad` is off |
/// | Z | (n, c, h′, w′) | h′ = ⌊(h + 2·padding − kH) / stride⌋ + 1, w′ likewise; ⌈…⌉ with `ceil_mode` |
///
/// Derivative: Zᵢⱼ depends on each input of its window through 1/Nᵢⱼ, so **∂L/∂X = Σ δᵢⱼ/Nᵢⱼ over the windows that see it**.
/// `ceil_mode` lets a last window stick out, unless it would start in the right padding; what sticks out beyond the padding
/// never counts in N.
///
/// Source: LeCun et al., *Gradient-based learning applied to document recognition*, 1998, section II.B (sub-sampling).
/// Panics when X is not (n, c, h, w) or the image is smaller than the window.
///
/// ```
/// use limpide::{Tape, layers::AvgPool2d, module::Module, tensor};
/// let z = AvgPool2d::new([1, 2]).forward(&tensor(&[1, 1, 1, 4], vec![1.0, 3.0, 9.0, 2.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[1, 1, 1, 2], vec![2.0, 5.5]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AvgPool2d {
    /// The sizes.
    pub options: AvgPool2dOptions,
}

/// The options of [`AvgPool2d`], by PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2dOptions {
    /// Height and width of the window.
    pub kernel_size: Pair,
    /// Pixels from one window to the next; the kernel size when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Pair>,
    /// Zeros around the image, at most half the window.
    #[serde(default = "Pair::zeros")]
    pub padding: Pair,
    /// Whether a last window may stick out.
    #[serde(default)]
    pub ceil_mode: bool,
    /// Whether N counts padding.
    #[serde(default = "crate::layers::yes")]
    pub count_include_pad: bool,
}

impl AvgPool2dOptions {
    /// Windows side by side.
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        AvgPool2dOptions {
            kernel_size: kernel_size.into(),
            stride: None,
            padding: Pair::zeros(),
            ceil_mode: false,
            count_include_pad: true,
        }
    }

    fn window(&self) -> Window {
        let &AvgPool2dOptions { kernel_size, stride, padding, ceil_mode, .. } = self;
        Window { kernel_size, stride: stride.unwrap_or(kernel_size), padding, dilation: Pair::ones(), ceil_mode }
    }
}

impl AvgPool2d {
    /// A pooling with windows of one size or `[height, width]` side by side. Panics when a size is 0.
    pub fn new(kernel_size: impl Into<Pair>) -> Self {
        Self::checked(AvgPool2dOptions::new(kernel_size))
    }

    /// A pooling from a full set of options.
    ///
    /// # Errors
    /// [`crate::Error::Option`] when a size is 0 or too large, or the padding is larger than half the window.
    pub fn with_options(options: AvgPool2dOptions) -> Result<Self> {
        options.window().check("AvgPool2d")?;
        options.window().check_padding("AvgPool2d")?;
        Ok(AvgPool2d { options })
    }

    /// Windows this many pixels apart. Panics when out of range, as the next does.
    pub fn stride(self, stride: impl Into<Pair>) -> Self {
        Self::checked(AvgPool2dOptions { stride: Some(stride.into()), ..self.options })
    }

    /// This many zeros around the image.
    pub fn padding(self, padding: impl Into<Pair>) -> Self {
        Self::checked(AvgPool2dOptions { padding: padding.into(), ..self.options })
    }

    /// Whether a last window may stick out.
    pub fn ceil_mode(self, ceil_mode: bool) -> Self {
        Self::checked(AvgPool2dOptions { ceil_mode, ..self.options })
    }

    /// Whether N counts padding.
    pub fn count_include_pad(self, count_include_pad: bool) -> Self {
        Self::checked(AvgPool2dOptions { count_include_pad, ..self.options })
    }

    fn checked(options: AvgPool2dOptions) -> Self {
        Self::with_options(options).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn windows(&self, input: &[usize]) -> Result<Windows> {
        self.options.window().over(self, None, input)
    }
}

impl<T: Real> Module<T> for AvgPool2d {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let windows = self.windows(input)?;
        Ok(vec![input[0], input[1], windows.h.output, windows.w.output])
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let mut z = zeros(&checked_output_shape::<T>(self, input.shape()));
        let x = dense(input);
        let windows = self.windows(x.shape()).expect("the shape was checked");
        let counts = window_sizes(&windows, self.options.count_include_pad);
        let results = values_mut(&mut z).chunks_exact_mut(windows.outputs());
        for (x, z) in values(&x).chunks_exact(windows.inputs()).zip(results) {
            avg_pool(x, &windows, &counts, z);
        }
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let (shape, delta) = (tape.input().shape(), dense(delta));
        let windows = self.windows(shape).expect("the shape was checked");
        let counts = window_sizes(&windows, self.options.count_include_pad);
        let mut shares = vec![T::zero(); windows.outputs()];
        let mut result = zeros(shape);
        let images = values_mut(&mut result).chunks_exact_mut(windows.inputs());
        for (delta, x) in values(&delta).chunks_exact(windows.outputs()).zip(images) {
            avg_pool_backward(delta, &windows, &counts, &mut shares, x);
        }
        result
    }
}

impl fmt::Display for AvgPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AvgPool2dOptions { kernel_size, stride, padding, ceil_mode, count_include_pad } = &self.options;
        write!(f, "AvgPool2d({kernel_size})")?;
        write_call(f, "stride", stride.unwrap_or(*kernel_size), *kernel_size)?;
        write_call(f, "padding", *padding, Pair::zeros())?;
        if *ceil_mode {
            write!(f, ".ceil_mode(true)")?;
        }
        if *count_include_pad { Ok(()) } else { write!(f, ".count_include_pad(false)") }
    }
}
