//! A convolution and the max-pool behind it in one pass over an image, channels last (NHWC).
//!
//! Every output pixel is a sum over the rows of its patch, which are contiguous when channels lie innermost; the pixels of
//! a pooling window are computed side by side in registers, and only their maximum is written. Going back, a pooled
//! pixel's delta has one source for each channel, so the work is a pool window's share of a dense convolution's.

use super::simd::{Kernel, Vector, Vectors};
use super::window::Windows;
use crate::Real;

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
    /// The cells of the output with the start of their windows' first patches, in the order in which deltas go back.
    order: Vec<(usize, u32)>,
    /// From a window's first patch to the one at each place in the window; 0 for bytes that are no place.
    within: [u32; 256],
}

/// Numbers behind a padded image that the last register of a patch may touch.
const ROOM: usize = 16;

/// Where a delta goes: the patch of one channel's maximum in a window, by its distance from the padded image's start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Route<T> {
    delta: T,
    patch: u32,
}

impl ConvBlock {
    /// A block of `outputs` filters over images of `channels`, pooled in windows of `pool` (height, width); `[1, 1]` for none.
    ///
    /// `None` where the convolution is dilated, the image too large for 32-bit distances, or the pool wider than a byte tells.
    pub fn new<T: Real>(windows: Windows, channels: usize, outputs: usize, pool: [usize; 2]) -> Option<ConvBlock> {
        let (h, w) = (&windows.h, &windows.w);
        let lanes = <T as Vectors>::width();
        let (row, line) = (w.kernel * channels, (w.input + 2 * w.padding) * channels);
        let fits = (h.input + 2 * h.padding) * line < u32::MAX as usize && pool[0] * pool[1] < 256;
        let pooled = h.output >= pool[0] && w.output >= pool[1];
        if h.dilation != 1 || w.dilation != 1 || !fits || !pooled {
            return None;
        }
        let whole_row = row.next_multiple_of(lanes);
        let (order, within) = (Vec::new(), [0; 256]);
        let mut block = ConvBlock { windows, channels, outputs, pool, row, whole_row, line, lanes, order, within };
        let [height, width] = block.output();
        // Every other column first: patches of neighbours overlap, and waiting for a store costs more than a hop.
        let columns = || (0..width).step_by(2).chain((1..width).step_by(2));
        let cell = |i: usize, j: usize| (i * width + j, block.patch(i * pool[0], j * pool[1]) as u32);
        block.order = (0..height).flat_map(|i| columns().map(move |j| (i, j))).map(|(i, j)| cell(i, j)).collect();
        for place in 0..pool[0] * pool[1] {
            block.within[place] = block.patch(place / pool[1], place % pool[1]) as u32;
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
        self.line * (self.windows.h.input + 2 * self.windows.h.padding) + ROOM
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
    pub fn pad<T: Real>(&self, image: &[T], padded: &mut [T]) {
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
    pub fn pack<T: Real>(&self, weight: &[T], bias: Option<&[T]>, packed: &mut [T]) {
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
    pub fn forward<T: Real>(&self, padded: &[T], packed: &[T], z: &mut [T], at: &mut [u8]) {
        assert_eq!((padded.len(), packed.len()), (self.padded_len(), self.packed_len()), "buffers of a convolution");
        assert_eq!((z.len(), at.len()), (self.cells() * self.outputs, z.len()), "the output of a convolution");
        T::vectorised(Forward { block: self, padded, packed, z, at });
    }

    /// gradient += Σ δ·patch, in the layout of [`ConvBlock::unpack_gradient`]; bias += Σ δ; dx (padded) += Σ δ·W where it is
    /// wanted. The deltas are those of the pooled output (NHWC), `at` is what the way forward wrote, `routes` is scratch.
    pub fn backward<T: Real>(&self, image: Backward<'_, T>, routes: &mut Vec<Route<T>>) {
        let Backward { padded, packed, delta, at, ref gradient, ref dx, .. } = image;
        assert_eq!((padded.len(), packed.len()), (self.padded_len(), self.packed_len()), "buffers of a convolution");
        assert_eq!((delta.len(), at.len()), (self.cells() * self.outputs, delta.len()), "the deltas of a convolution");
        assert_eq!(gradient.len(), self.gradient_len(), "the weight gradient of a convolution");
        assert!(dx.as_ref().is_none_or(|dx| dx.len() == padded.len()), "the input gradient of a convolution");
        routes.resize(self.cells(), Route::default());
        T::vectorised(BackwardKernel { block: self, image, routes });
    }

    /// routes ← where the deltas of one channel go; those that are 0 go nowhere. Gives how many go somewhere.
    #[inline(always)]
    fn route<T: Real>(&self, channel: usize, delta: &[T], at: &[u8], routes: &mut [Route<T>]) -> usize {
        let mut end = 0;
        for &(cell, start) in &self.order {
            let place = cell * self.outputs + channel;
            // SAFETY: `order` names each cell of the output once, and `backward` has checked the lengths of all three slices;
            // `within` has an entry for every byte.
            unsafe {
                let delta = *delta.get_unchecked(place);
                let patch = start + *self.within.get_unchecked(*at.get_unchecked(place) as usize);
                *routes.get_unchecked_mut(end) = Route { delta, patch };
                end += usize::from(delta != T::zero());
            }
        }
        end
    }

    /// Numbers of the gradient as [`ConvBlock::backward`] keeps it.
    pub fn gradient_len(&self) -> usize {
        self.outputs * self.patch_len()
    }

    /// weight (out, in, kH, kW) ← the gradient (out, kH, row) whose rows (kW, in) are filled up to whole registers.
    pub fn unpack_gradient<T: Real>(&self, gradient: &[T], weight: &mut [T]) {
        let (taps, w) = (self.windows.taps(), self.windows.w.kernel);
        for (filter, patch) in weight.chunks_exact_mut(self.size()).zip(gradient.chunks_exact(self.patch_len())) {
            for (c, plane) in filter.chunks_exact_mut(taps).enumerate() {
                for (to, row) in plane.chunks_exact_mut(w).zip(patch.chunks_exact(self.whole_row)) {
                    to.iter_mut().zip(row[c..].iter().step_by(self.channels)).for_each(|(to, &from)| *to = from);
                }
            }
        }
    }

    /// image (NHWC) ← a padded image without its border.
    pub fn unpad<T: Real>(&self, padded: &[T], image: &mut [T]) {
        let (h, w) = (&self.windows.h, &self.windows.w);
        let (line, side) = (w.input * self.channels, w.padding * self.channels);
        let lines = padded.chunks_exact(self.line).skip(h.padding);
        image.chunks_exact_mut(line).zip(lines).for_each(|(to, from)| to.copy_from_slice(&from[side..side + line]));
    }
}

/// One image on its way back through a [`ConvBlock`].
pub struct Backward<'a, T> {
    /// The padded image.
    pub padded: &'a [T],
    /// What [`ConvBlock::pack`] wrote.
    pub packed: &'a [T],
    /// ∂L/∂z.
    pub delta: &'a [T],
    /// What [`ConvBlock::forward`] wrote.
    pub at: &'a [u8],
    /// Added to.
    pub gradient: &'a mut [T],
    /// Added to.
    pub bias: Option<&'a mut [T]>,
    /// Added to, padded.
    pub dx: Option<&'a mut [T]>,
}

/// [`ConvBlock::forward`].
struct Forward<'a, T> {
    block: &'a ConvBlock,
    padded: &'a [T],
    packed: &'a [T],
    z: &'a mut [T],
    at: &'a mut [u8],
}

impl<T: Real> Kernel<T> for Forward<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(mut self) {
        let registers = self.block.padded_outputs() / V::LANES;
        let mut register = 0;
        // SAFETY: as promised by the caller; the registers named lie within the padded outputs.
        unsafe {
            while register + 2 <= registers {
                self.registers::<V, 2>(register);
                register += 2;
            }
            if register < registers {
                self.registers::<V, 1>(register);
            }
        }
    }
}

/// Pixels that are computed side by side: with two registers of channels each, their sums fill half the registers of AVX2.
const SIDE_BY_SIDE: usize = 4;

impl<T: Real> Forward<'_, T> {
    /// All cells, for N registers of output channels.
    #[inline(always)]
    unsafe fn registers<V: Vector<T>, const N: usize>(&mut self, register: usize) {
        let block = self.block;
        let [height, width] = block.output();
        let [pool_h, pool_w] = block.pool;
        let places = pool_h * pool_w;
        if places == 1 {
            // SAFETY: passed on.
            return unsafe { self.plain::<V, N>(register) };
        }
        for i in 0..height {
            for j in 0..width {
                let patch = |place: usize| block.patch(i * pool_h + place / pool_w, j * pool_w + place % pool_w);
                // SAFETY: every patch named lies within the padded image.
                unsafe {
                    let mut best = [V::splat(T::neg_infinity()); N];
                    let mut at = [V::splat(T::zero()); N];
                    let mut place = 0;
                    while place + SIDE_BY_SIDE <= places {
                        let patches = std::array::from_fn(|k| patch(place + k));
                        let sums = self.sums::<V, N, SIDE_BY_SIDE>(register, patches);
                        for (k, sums) in sums.iter().enumerate() {
                            keep_larger(sums, place + k, &mut best, &mut at);
                        }
                        place += SIDE_BY_SIDE;
                    }
                    while place < places {
                        let [sums] = self.sums::<V, N, 1>(register, [patch(place)]);
                        keep_larger(&sums, place, &mut best, &mut at);
                        place += 1;
                    }
                    self.write(i * width + j, register, &best, Some(&at));
                }
            }
        }
    }

    /// All pixels of an image without a pool.
    #[inline(always)]
    unsafe fn plain<V: Vector<T>, const N: usize>(&mut self, register: usize) {
        let block = self.block;
        let [height, width] = block.output();
        for i in 0..height {
            let mut j = 0;
            // SAFETY: every patch named lies within the padded image.
            unsafe {
                while j + SIDE_BY_SIDE <= width {
                    let patches = std::array::from_fn(|k| block.patch(i, j + k));
                    let sums = self.sums::<V, N, SIDE_BY_SIDE>(register, patches);
                    for (k, sums) in sums.iter().enumerate() {
                        self.write(i * width + j + k, register, sums, None);
                    }
                    j += SIDE_BY_SIDE;
                }
                while j < width {
                    let [sums] = self.sums::<V, N, 1>(register, [block.patch(i, j)]);
                    self.write(i * width + j, register, &sums, None);
                    j += 1;
                }
            }
        }
    }

    /// b + W·patch for P patches and N registers of output channels.
    #[inline(always)]
    unsafe fn sums<V: Vector<T>, const N: usize, const P: usize>(
        &self,
        register: usize,
        patches: [usize; P],
    ) -> [[V; N]; P] {
        let block = self.block;
        let size = block.size();
        // SAFETY: the packed weights hold, for each register, LANES numbers a place of the patch, and behind them the biases;
        // a patch has `rows` rows of `row` numbers, `line` apart, within the padded image.
        unsafe {
            let weights = self.packed.as_ptr().add(register * size * V::LANES);
            let bias = self.packed.as_ptr().add(block.padded_outputs() * size + register * V::LANES);
            let mut sums = [[V::splat(T::zero()); N]; P];
            for (n, bias) in (0..N).map(|n| (n, V::load(bias.add(n * V::LANES)))) {
                sums.iter_mut().for_each(|sums| sums[n] = bias);
            }
            for row in 0..block.rows() {
                let weights = weights.add(row * block.row * V::LANES);
                let from: [*const T; P] =
                    std::array::from_fn(|p| self.padded.as_ptr().add(patches[p] + row * block.line));
                for k in 0..block.row {
                    let w: [V; N] = std::array::from_fn(|n| V::load(weights.add((n * size + k) * V::LANES)));
                    for (sums, from) in sums.iter_mut().zip(&from) {
                        let x = V::splat(*from.add(k));
                        for (sum, &w) in sums.iter_mut().zip(&w) {
                            *sum = x.mul_add(w, *sum);
                        }
                    }
                }
            }
            sums
        }
    }

    /// Writes one cell's registers; the last register may be wider than the channels that are left.
    #[inline(always)]
    unsafe fn write<V: Vector<T>, const N: usize>(
        &mut self,
        cell: usize,
        register: usize,
        best: &[V; N],
        at: Option<&[V; N]>,
    ) {
        for n in 0..N {
            let channel = (register + n) * V::LANES;
            let start = cell * self.block.outputs + channel;
            let used = V::LANES.min(self.block.outputs - channel);
            // SAFETY: `used` numbers from `start` on belong to this cell; whole registers are written only where they fit.
            unsafe {
                if used == V::LANES {
                    best[n].store(self.z.as_mut_ptr().add(start));
                    match at {
                        Some(at) => at[n].store_bytes(self.at.as_mut_ptr().add(start)),
                        None => self.at[start..start + used].fill(0),
                    }
                } else {
                    let (mut numbers, mut bytes) = ([T::zero(); WIDEST], [0; WIDEST]);
                    best[n].store(numbers.as_mut_ptr());
                    if let Some(at) = at {
                        at[n].store_bytes(bytes.as_mut_ptr());
                    }
                    self.z[start..start + used].copy_from_slice(&numbers[..used]);
                    self.at[start..start + used].copy_from_slice(&bytes[..used]);
                }
            }
        }
    }
}

/// Numbers in the widest register of any machine.
const WIDEST: usize = 16;

/// (best, at) ← the larger of best and the sums, with the place where the sums stand.
#[inline(always)]
unsafe fn keep_larger<T: Real, V: Vector<T>, const N: usize>(
    sums: &[V; N],
    place: usize,
    best: &mut [V; N],
    at: &mut [V; N],
) {
    for n in 0..N {
        // SAFETY: within a kernel, as the caller is.
        (best[n], at[n]) = unsafe { sums[n].keep_larger(best[n], V::splat(T::of(place as f64)), at[n]) };
    }
}

/// [`ConvBlock::backward`].
struct BackwardKernel<'a, 'b, T> {
    block: &'b ConvBlock,
    image: Backward<'a, T>,
    routes: &'b mut [Route<T>],
}

impl<T: Real> Kernel<T> for BackwardKernel<'_, '_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(mut self) {
        let block = self.block;
        let registers = block.patch_len() / V::LANES;
        for channel in 0..block.outputs {
            let count = block.route(channel, self.image.delta, self.image.at, self.routes);
            if let Some(bias) = &mut self.image.bias {
                bias[channel] += self.routes[..count].iter().map(|route| route.delta).sum();
            }
            let mut register = 0;
            // SAFETY: the registers named lie within a patch.
            unsafe {
                while register + 6 <= registers {
                    self.registers::<V, 6>(channel, count, register);
                    register += 6;
                }
                while register + 3 <= registers {
                    self.registers::<V, 3>(channel, count, register);
                    register += 3;
                }
                while register < registers {
                    self.registers::<V, 1>(channel, count, register);
                    register += 1;
                }
            }
        }
    }
}

impl<T: Real> BackwardKernel<'_, '_, T> {
    /// N registers of one filter: its gradient, kept in registers over all routes; and the image's, added to along them.
    #[inline(always)]
    unsafe fn registers<V: Vector<T>, const N: usize>(&mut self, channel: usize, count: usize, register: usize) {
        let block = self.block;
        let routes = &self.routes[..count];
        let of_filter = channel * block.patch_len() + register * V::LANES;
        // From a patch's start to each register: registers of a row lie side by side, rows lie a line of the image apart.
        let steps: [usize; N] = std::array::from_fn(|n| {
            let number = (register + n) * V::LANES;
            number / block.whole_row * block.line + number % block.whole_row
        });
        // SAFETY: routes lead to patches within the padded image, behind which there is room for a register; the gradient
        // and the filters at the end of the packed weights have `patch_len` numbers a filter.
        unsafe {
            let gradient = self.image.gradient.as_mut_ptr().add(of_filter);
            let from = self.image.padded.as_ptr();
            let mut sums = [[V::splat(T::zero()); N]; 2];
            let (pairs, rest) = routes.as_chunks::<2>();
            for pair in pairs {
                // Two sets of sums, so that no addition waits for the one before.
                for (sums, route) in sums.iter_mut().zip(pair) {
                    let (delta, from) = (V::splat(route.delta), from.add(route.patch as usize));
                    for (sum, step) in sums.iter_mut().zip(steps) {
                        *sum = delta.mul_add(V::load(from.add(step)), *sum);
                    }
                }
            }
            for route in rest {
                let (delta, from) = (V::splat(route.delta), from.add(route.patch as usize));
                for (sum, step) in sums[0].iter_mut().zip(steps) {
                    *sum = delta.mul_add(V::load(from.add(step)), *sum);
                }
            }
            for (n, (&a, &b)) in sums[0].iter().zip(&sums[1]).enumerate() {
                let to = gradient.add(n * V::LANES);
                V::load(to).add(a.add(b)).store(to);
            }
            let Some(dx) = &mut self.image.dx else { return };
            let filters = self.image.packed.as_ptr().add(block.padded_outputs() * (block.size() + 1));
            let w: [V; N] = std::array::from_fn(|n| V::load(filters.add(of_filter + n * V::LANES)));
            for route in routes {
                let (delta, to) = (V::splat(route.delta), dx.as_mut_ptr().add(route.patch as usize));
                for (w, step) in w.iter().zip(steps) {
                    let to = to.add(step);
                    delta.mul_add(*w, V::load(to)).store(to);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "conv_block_tests.rs"]
mod tests;
