//! Where a sliding window stands: the geometry that convolutions and poolings share.
//!
//! It answers once, for a whole row, which outputs a tap of the window serves, so that inner loops need no bounds logic.

use std::ops::Range;

/// A window of `kernel` taps sliding along one axis: output `o` sees the inputs `o·stride + k·dilation − padding`, k < kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Entries of the input.
    pub input: usize,
    /// Entries of the output.
    pub output: usize,
    /// Taps of the window.
    pub kernel: usize,
    /// Inputs from one output to the next.
    pub stride: usize,
    /// Entries added on either side of the input.
    pub padding: usize,
    /// Inputs from one tap to the next.
    pub dilation: usize,
}

impl Axis {
    /// The fewest inputs that give one output; never 0. With `ceil_mode` a last window may stick out.
    pub fn smallest_input(kernel: usize, stride: usize, padding: usize, dilation: usize, ceil_mode: bool) -> usize {
        let overhang = if ceil_mode { stride - 1 } else { 0 };
        (dilation * (kernel - 1) + 1).saturating_sub(2 * padding + overhang).max(1)
    }

    /// The axis for an input, or nothing when the window does not fit:
    /// output = (input + 2·padding − dilation·(kernel−1) − 1) / stride + 1, rounded up with `ceil_mode`, but without a
    /// last window that would start in the right padding.
    pub fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        ceil_mode: bool,
    ) -> Option<Axis> {
        if input < Self::smallest_input(kernel, stride, padding, dilation, ceil_mode) {
            return None;
        }
        let overhang = if ceil_mode { stride - 1 } else { 0 };
        let mut output = (input + 2 * padding + overhang - dilation * (kernel - 1) - 1) / stride + 1;
        if ceil_mode && (output - 1) * stride >= input + padding {
            output -= 1;
        }
        Some(Axis { input, output, kernel, stride, padding, dilation })
    }

    /// The outputs whose tap `k` lies on the input rather than on padding.
    pub fn outputs(&self, k: usize) -> Range<usize> {
        let tap = k * self.dilation;
        let start = self.padding.saturating_sub(tap).div_ceil(self.stride).min(self.output);
        let end = (self.input + self.padding).saturating_sub(tap).div_ceil(self.stride).min(self.output);
        start..end.max(start)
    }

    /// The input under tap `k` of output `o`, which must be one of [`Axis::outputs`].
    pub fn at(&self, o: usize, k: usize) -> usize {
        o * self.stride + k * self.dilation - self.padding
    }
}

/// A window sliding over an image plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    /// Down the rows.
    pub h: Axis,
    /// Along a row.
    pub w: Axis,
}

impl Windows {
    /// Pixels of an input plane.
    pub fn inputs(&self) -> usize {
        self.h.input * self.w.input
    }

    /// Pixels of an output plane.
    pub fn outputs(&self) -> usize {
        self.h.output * self.w.output
    }

    /// Taps of the window.
    pub fn taps(&self) -> usize {
        self.h.kernel * self.w.kernel
    }

    /// Every tap (row, column) of the window, in row-major order.
    pub fn each_tap(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (h, w) = (self.h.kernel, self.w.kernel);
        (0..h).flat_map(move |i| (0..w).map(move |j| (i, j)))
    }

    /// The plain twin of [`Axis::outputs`] and [`Axis::at`]: the input pixel under a tap, or nothing on padding.
    pub fn pixel_naive(&self, [oi, oj]: [usize; 2], [ki, kj]: [usize; 2]) -> Option<usize> {
        let along = |axis: &Axis, o: usize, k: usize| {
            let position = (o * axis.stride + k * axis.dilation) as isize - axis.padding as isize;
            (0..axis.input as isize).contains(&position).then_some(position as usize)
        };
        Some(along(&self.h, oi, ki)? * self.w.input + along(&self.w, oj, kj)?)
    }
}
