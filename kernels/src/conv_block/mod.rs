//! A convolution and the max-pool behind it in one pass over an image, channels last (NHWC).
//!
//! Every output pixel is a sum over the rows of its patch, which are contiguous when channels lie innermost; the pixels of
//! a pooling window are computed side by side in registers, and only their maximum is written. Going back, a pooled
//! pixel's delta has one source for each channel, so the work is a pool window's share of a dense convolution's.

mod backward;
mod forward;

use super::simd::Vectors;
use super::window::Windows;
use crate::Kernels;
pub use backward::Backward;
use backward::{BackwardKernel, FILTERS};
use forward::Forward;

/// The shape of a convolution of one group without dilation, and of the windows of a max-pool side by side behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvBlock {
    windows: Windows,
    channels: usize,
    outputs: usize,
    pool: [usize; 2],
    /// Numbers of a patch's row, and the same rounded up to whole registers.
    row: usize,
    whole_row: usize,
    /// Numbers from one row of the padded image to the next.
    line: usize,
    lanes: usize,
    /// From the start of the padded image to the first patch of the window of each cell.
    starts: Vec<u32>,
    /// From a window's first patch to the one at each place in the window; 0 for bytes that are no place.
    within: [u32; 256],
    gradient: Gradient,
}

/// How the weight gradient is summed up, and lies meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gradient {
    /// A register holds numbers of one filter's patch, a filter's rows (kW, in) filled up to whole registers: (out, kH, row). Only
    /// the patches of maxima are touched.
    OfPatches,
    /// A register holds one number of the patches of some filters: (out / lanes, kH·kW·in, lanes). All patches are touched, yet
    /// where a patch is smaller than a register or two this is less work.
    OfFilters,
}

/// Numbers in the widest register of any machine: behind a padded image, the last register of a patch may touch as many.
const WIDEST: usize = 16;

impl ConvBlock {
    /// A block of `outputs` filters over images of `channels`, pooled in windows of `pool` (height, width); `[1, 1]` for none.
    ///
    /// `None` where the convolution is dilated, the image too large for 32-bit distances, or the pool wider than a byte tells.
    pub fn new<T: Kernels>(windows: Windows, channels: usize, outputs: usize, pool: [usize; 2]) -> Option<ConvBlock> {
        let (h, w) = (&windows.h, &windows.w);
        let lanes = <T as Vectors>::width();
        let (row, line) = (w.kernel * channels, (w.input + 2 * w.padding) * channels);
        let fits = (h.input + 2 * h.padding) * line < u32::MAX as usize && pool[0] * pool[1] < 256;
        let pooled = h.output >= pool[0] && w.output >= pool[1];
        if h.dilation != 1 || w.dilation != 1 || !fits || !pooled {
            return None;
        }
        let whole_row = row.next_multiple_of(lanes);
        let (starts, within, gradient) = (Vec::new(), [0; 256], Gradient::OfPatches);
        let mut block =
            ConvBlock { windows, channels, outputs, pool, row, whole_row, line, lanes, starts, within, gradient };
        let [height, width] = block.output();
        let start = |i: usize, j: usize| block.patch(i * pool[0], j * pool[1]) as u32;
        block.starts = (0..height).flat_map(|i| (0..width).map(move |j| start(i, j))).collect();
        for place in 0..block.places() {
            block.within[place] = block.patch(place / pool[1], place % pool[1]) as u32;
        }
        // Of filters, it takes at most half as many multiplications again.
        if 2 * block.size() * block.places() * block.padded_outputs() <= 3 * block.patch_len() * outputs {
            block.gradient = Gradient::OfFilters;
        }
        Some(block)
    }

    /// Height and width of the pooled output.
    pub fn output(&self) -> [usize; 2] {
        [self.windows.h.output / self.pool[0], self.windows.w.output / self.pool[1]]
    }

    fn cells(&self) -> usize {
        self.output().iter().product()
    }

    /// Numbers of the image with its border, and room behind it.
    pub fn padded_len(&self) -> usize {
        self.line * (self.windows.h.input + 2 * self.windows.h.padding) + WIDEST
    }

    /// Pixels of a window.
    fn places(&self) -> usize {
        self.pool[0] * self.pool[1]
    }

    /// Rows of a patch.
    fn rows(&self) -> usize {
        self.windows.h.kernel
    }

    /// Numbers of a patch as the gradient keeps it: whole registers a row.
    fn patch_len(&self) -> usize {
        self.rows() * self.whole_row
    }

    /// Numbers of a patch.
    fn size(&self) -> usize {
        self.rows() * self.row
    }

    /// Output channels, rounded up to whole registers.
    fn padded_outputs(&self) -> usize {
        self.outputs.next_multiple_of(self.lanes)
    }

    /// Numbers that [`ConvBlock::pack`] writes.
    pub fn packed_len(&self) -> usize {
        self.padded_outputs() * (self.size() + 1) + self.outputs * self.patch_len()
    }

    /// How far the patch of output pixel (i, j) lies from the start of the padded image.
    fn patch(&self, i: usize, j: usize) -> usize {
        i * self.windows.h.stride * self.line + j * self.windows.w.stride * self.channels
    }

    /// padded ← the image (NHWC) within a border of zeros.
    pub fn pad<T: Kernels>(&self, image: &[T], padded: &mut [T]) {
        let (h, w) = (&self.windows.h, &self.windows.w);
        let (line, side) = (w.input * self.channels, w.padding * self.channels);
        padded[..h.padding * self.line].fill(T::zero());
        padded[(h.input + h.padding) * self.line..].fill(T::zero());
        let lines = padded.chunks_exact_mut(self.line).skip(h.padding);
        for (from, to) in image.chunks_exact(line).zip(lines) {
            to[..side].fill(T::zero());
            to[side..side + line].copy_from_slice(from);
            to[side + line..].fill(T::zero());
        }
    }

    /// packed ← W (out, in, kH, kW) and b (out,) as the kernels read them: for the way forward by register of output channels,
    /// then by place in the patch; for the way back as patches; b in between.
    pub fn pack<T: Kernels>(&self, weight: &[T], bias: Option<&[T]>, packed: &mut [T]) {
        let (size, channels) = (self.size(), self.channels);
        let (h, w) = (self.windows.h.kernel, self.windows.w.kernel);
        let (forward, rest) = packed.split_at_mut(self.padded_outputs() * size);
        let (biases, patches) = rest.split_at_mut(self.padded_outputs());
        biases.fill(T::zero());
        if let Some(bias) = bias {
            biases[..self.outputs].copy_from_slice(bias);
        }
        // (out, in, kH, kW) → (out, kH, kW, in), a row's registers filled up with zeros
        for (filter, patch) in weight.chunks_exact(size).zip(patches.chunks_exact_mut(self.patch_len())) {
            for (k, row) in patch.chunks_exact_mut(self.whole_row).enumerate() {
                row[self.row..].fill(T::zero());
                for (c, plane) in filter.chunks_exact(h * w).enumerate() {
                    let taps = plane[k * w..(k + 1) * w].iter();
                    row[c..].iter_mut().step_by(channels).zip(taps).for_each(|(to, &from)| *to = from);
                }
            }
        }
        for (register, block) in forward.chunks_exact_mut(size * self.lanes).enumerate() {
            let filters = self.outputs.saturating_sub(register * self.lanes).min(self.lanes);
            if filters < self.lanes {
                block.fill(T::zero());
            }
            for lane in 0..filters {
                let patch = &patches[(register * self.lanes + lane) * self.patch_len()..][..self.patch_len()];
                let numbers = patch.chunks_exact(self.whole_row).flat_map(|row| &row[..self.row]);
                block[lane..].iter_mut().step_by(self.lanes).zip(numbers).for_each(|(to, &from)| *to = from);
            }
        }
    }

    /// z ← the pooled maxima of one image (NHWC), at ← where in its window each stands, counted row by row.
    pub fn forward<T: Kernels>(&self, padded: &[T], packed: &[T], z: &mut [T], at: &mut [u8]) {
        assert_eq!((padded.len(), packed.len()), (self.padded_len(), self.packed_len()), "buffers of a convolution");
        assert_eq!((z.len(), at.len()), (self.cells() * self.outputs, z.len()), "the output of a convolution");
        T::block_forward(self, padded, packed, z, at);
    }

    pub(crate) fn forward_here<T: Kernels>(&self, padded: &[T], packed: &[T], z: &mut [T], at: &mut [u8]) {
        T::vectorised(Forward { block: self, padded, packed, z, at });
    }

    /// gradient += Σ δ·patch, in the layout of [`ConvBlock::unpack_gradient`]; bias += Σ δ; dx (padded) += Σ δ·W where it is
    /// wanted. The deltas are those of the pooled output (NHWC), `at` is what the way forward wrote, `masks` is scratch.
    pub fn backward<T: Kernels>(&self, image: Backward<'_, T>, masks: &mut Vec<u64>) {
        let Backward { padded, packed, delta, at, ref gradient, ref bias, ref dx } = image;
        assert_eq!((padded.len(), packed.len()), (self.padded_len(), self.packed_len()), "buffers of a convolution");
        assert_eq!((delta.len(), at.len()), (self.cells() * self.outputs, delta.len()), "the deltas of a convolution");
        assert_eq!(gradient.len(), self.gradient_len(), "the weight gradient of a convolution");
        assert!(bias.as_ref().is_none_or(|bias| bias.len() == self.outputs), "the bias gradient of a convolution");
        assert!(dx.as_ref().is_none_or(|dx| dx.len() == padded.len()), "the input gradient of a convolution");
        masks.resize(self.cells() * self.outputs.div_ceil(FILTERS) * self.places(), 0);
        T::block_backward(self, image, masks);
    }

    pub(crate) fn backward_here<T: Kernels>(&self, image: Backward<'_, T>, masks: &mut [u64]) {
        T::vectorised(BackwardKernel::new(self, image, masks));
    }

    /// Numbers of the gradient as [`ConvBlock::backward`] keeps it.
    pub fn gradient_len(&self) -> usize {
        match self.gradient {
            Gradient::OfPatches => self.outputs * self.patch_len(),
            Gradient::OfFilters => self.padded_outputs() * self.size(),
        }
    }

    /// weight (out, in, kH, kW) ← the gradient as [`ConvBlock::backward`] keeps it.
    pub fn unpack_gradient<T: Kernels>(&self, gradient: &[T], weight: &mut [T]) {
        let (taps, w) = (self.windows.taps(), self.windows.w.kernel);
        for (filter, weights) in weight.chunks_exact_mut(self.size()).enumerate() {
            // From one number of the filter's patch to the next, and from row to row.
            let (from, step, row) = match self.gradient {
                Gradient::OfPatches => (&gradient[filter * self.patch_len()..], 1, self.whole_row),
                Gradient::OfFilters => {
                    let register = filter / self.lanes * self.lanes * self.size();
                    (&gradient[register + filter % self.lanes..], self.lanes, self.row * self.lanes)
                }
            };
            for (c, plane) in weights.chunks_exact_mut(taps).enumerate() {
                for (k, to) in plane.chunks_exact_mut(w).enumerate() {
                    let from = from[k * row + c * step..].iter().step_by(self.channels * step);
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
                }
            }
        }
    }

    /// image (NHWC) ← a padded image without its border.
    pub fn unpad<T: Kernels>(&self, padded: &[T], image: &mut [T]) {
        let (h, w) = (&self.windows.h, &self.windows.w);
        let (line, side) = (w.input * self.channels, w.padding * self.channels);
        let lines = padded.chunks_exact(self.line).skip(h.padding);
        image.chunks_exact_mut(line).zip(lines).for_each(|(to, from)| to.copy_from_slice(&from[side..side + line]));
    }
}

#[cfg(test)]
mod tests;
