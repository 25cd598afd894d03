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
    /// Patches are copied out, each to whole registers, because a patch's rows are not whole registers.
    copied: bool,
    /// Numbers of a patch's row, and rows; a copied patch is one row.
    row: usize,
    rows: usize,
    /// Numbers from the start of one patch to the next along a row of pixels.
    step: usize,
    /// Numbers from one row of a patch to the next.
    row_step: usize,
    lanes: usize,
    /// The cells of the output with the start of their windows' first patches, in the order in which deltas are routed.
    order: Vec<(usize, u32)>,
    /// From a window's first patch to the one at each place in the window.
    within: Vec<u32>,
}

/// Numbers behind a buffer that a copy in whole steps may touch.
const ROOM: usize = 32;

/// Where a delta goes: the patch of one channel's maximum in a window, by its distance from the image's start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Route<T> {
    delta: T,
    patch: u32,
}

/// Buffers of the backward pass that are used again and again.
#[derive(Clone, Debug, Default)]
pub struct Routes<T> {
    routes: Vec<Route<T>>,
    /// Where each channel's routes end.
    ends: Vec<usize>,
}

impl ConvBlock {
    /// A block of `outputs` filters over images of `channels`, pooled in windows of `pool` (height, width); `[1, 1]` for none.
    ///
    /// `None` where the convolution is dilated, the image too large for 32-bit distances, or the pool wider than a byte tells.
    pub fn new<T: Real>(windows: Windows, channels: usize, outputs: usize, pool: [usize; 2]) -> Option<ConvBlock> {
        let (h, w) = (&windows.h, &windows.w);
        let lanes = <T as Vectors>::lanes();
        let row = w.kernel * channels;
        let copied = !row.is_multiple_of(lanes);
        let size = (h.input + 2 * h.padding) * (w.input + 2 * w.padding) * channels;
        let whole = (h.kernel * row).next_multiple_of(lanes);
        let fits = size.max(windows.outputs() * whole) < u32::MAX as usize && pool[0] * pool[1] < 256;
        let pooled = h.output >= pool[0] && w.output >= pool[1];
        if h.dilation != 1 || w.dilation != 1 || !fits || !pooled {
            return None;
        }
        let (row, rows, step, row_step) = match copied {
            true => (h.kernel * row, 1, whole, 0),
            false => (row, h.kernel, w.stride * channels, (w.input + 2 * w.padding) * channels),
        };
        let (order, within) = (Vec::new(), Vec::new());
        let mut block =
            ConvBlock { windows, channels, outputs, pool, copied, row, rows, step, row_step, lanes, order, within };
        let [height, width] = block.output();
        // Every other column first: patches of neighbours overlap, and waiting for a store costs more than a hop.
        let columns = || (0..width).step_by(2).chain((1..width).step_by(2));
        let cell = |i: usize, j: usize| (i * width + j, block.patch(i * pool[0], j * pool[1]) as u32);
        block.order = (0..height).flat_map(|i| columns().map(move |j| (i, j))).map(|(i, j)| cell(i, j)).collect();
        block.within =
            (0..pool[0] * pool[1]).map(|place| block.patch(place / pool[1], place % pool[1]) as u32).collect();
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
        self.padded_width() * (self.windows.h.input + 2 * self.windows.h.padding) * self.channels + ROOM
    }

    fn padded_width(&self) -> usize {
        self.windows.w.input + 2 * self.windows.w.padding
    }

    /// Numbers of the patches that [`ConvBlock::lower`] writes; of the padded image where patches need no copy.
    pub fn lowered_len(&self) -> usize {
        if self.copied { self.windows.outputs() * self.step + ROOM } else { self.padded_len() }
    }

    /// Numbers of a patch with the room behind it that fills its last register.
    fn patch_len(&self) -> usize {
        self.rows * self.row.next_multiple_of(self.lanes)
    }

    /// Output channels, rounded up to whole registers.
    fn padded_outputs(&self) -> usize {
        self.outputs.next_multiple_of(self.lanes)
    }

    /// Numbers that [`ConvBlock::pack`] writes.
    pub fn packed_len(&self) -> usize {
        self.padded_outputs() * (self.row * self.rows + 1) + self.outputs * self.row * self.rows
    }

    /// How far the patch of output pixel (i, j) lies from the start of what [`ConvBlock::lower`] wrote.
    fn patch(&self, i: usize, j: usize) -> usize {
        if self.copied {
            (i * self.windows.w.output + j) * self.step
        } else {
            i * self.windows.h.stride * self.row_step + j * self.step
        }
    }

    /// padded ← the image (NHWC) within a border of zeros.
    fn pad<T: Real>(&self, image: &[T], padded: &mut [T]) {
        let (h, w) = (&self.windows.h, &self.windows.w);
        let (line, padded_line) = (w.input * self.channels, self.padded_width() * self.channels);
        let side = w.padding * self.channels;
        padded[..h.padding * padded_line].fill(T::zero());
        padded[(h.input + h.padding) * padded_line..].fill(T::zero());
        let lines = padded.chunks_exact_mut(padded_line).skip(h.padding);
        for (from, to) in image.chunks_exact(line).zip(lines) {
            to[..side].fill(T::zero());
            to[side..side + line].copy_from_slice(from);
            to[side + line..].fill(T::zero());
        }
    }

    /// lowered ← the image as the kernels read it: padded, and as whole patches where their rows are no whole registers.
    /// `scratch` holds [`ConvBlock::padded_len`] numbers.
    pub fn lower<T: Real>(&self, image: &[T], scratch: &mut [T], lowered: &mut [T]) {
        if !self.copied {
            return self.pad(image, lowered);
        }
        self.pad(image, scratch);
        match self.windows.w.kernel * self.channels {
            part @ ..=4 => self.copy_patches::<T, 4>(scratch, part, lowered),
            part @ ..=16 => self.copy_patches::<T, 16>(scratch, part, lowered),
            part => self.copy_patches::<T, 32>(scratch, part, lowered),
        }
    }

    /// Writes out the patches of a padded image, their rows of `part` numbers each in whole steps of STEP: short copies of a
    /// constant length, which are a few instructions, where a call of memcpy would cost more than the copy. What sticks out
    /// is overwritten by the next row, or lies in the room behind the patch, which nobody reads.
    fn copy_patches<T: Real, const STEP: usize>(&self, padded: &[T], part: usize, patches: &mut [T]) {
        let (h, w) = (&self.windows.h, &self.windows.w);
        let line = self.padded_width() * self.channels;
        for i in 0..h.output {
            for j in 0..w.output {
                let (from, to) = (i * h.stride * line + j * w.stride * self.channels, self.patch(i, j));
                for k in 0..h.kernel {
                    let mut done = 0;
                    while done < part {
                        let (from, to) = (from + k * line + done, to + k * part + done);
                        let chunk: [T; STEP] = padded[from..from + STEP].try_into().expect("STEP numbers");
                        patches[to..to + STEP].copy_from_slice(&chunk);
                        done += STEP;
                    }
                }
            }
        }
    }

    /// packed ← W (out, in, kH, kW) and b (out,) as the kernels read them: for the way forward by register of output channels,
    /// then by place in the patch; for the way back as patches; b in between.
    pub fn pack<T: Real>(&self, weight: &[T], bias: Option<&[T]>, packed: &mut [T]) {
        let size = self.row * self.rows;
        let (h, w) = (self.windows.h.kernel, self.windows.w.kernel);
        let (forward, rest) = packed.split_at_mut(self.padded_outputs() * size);
        let (biases, patches) = rest.split_at_mut(self.padded_outputs());
        biases.fill(T::zero());
        if let Some(bias) = bias {
            biases[..self.outputs].copy_from_slice(bias);
        }
        // (out, in, kH, kW) → (out, kH, kW, in)
        for (filter, patch) in weight.chunks_exact(size).zip(patches.chunks_exact_mut(size)) {
            for (c, plane) in filter.chunks_exact(h * w).enumerate() {
                patch[c..].iter_mut().step_by(self.channels).zip(plane).for_each(|(to, &from)| *to = from);
            }
        }
        for (register, block) in forward.chunks_exact_mut(size * self.lanes).enumerate() {
            let filters = self.outputs.saturating_sub(register * self.lanes).min(self.lanes);
            if filters < self.lanes {
                block.fill(T::zero());
            }
            for lane in 0..filters {
                let patch = &patches[(register * self.lanes + lane) * size..][..size];
                block[lane..].iter_mut().step_by(self.lanes).zip(patch).for_each(|(to, &from)| *to = from);
            }
        }
    }

    /// z ← the pooled maxima of one image (NHWC), at ← where in its window each stands, counted row by row.
    pub fn forward<T: Real>(&self, lowered: &[T], packed: &[T], z: &mut [T], at: &mut [u8]) {
        assert_eq!(lowered.len(), self.lowered_len(), "the lowered image of a convolution");
        assert_eq!(packed.len(), self.packed_len(), "the packed weights of a convolution");
        assert_eq!((z.len(), at.len()), (self.cells() * self.outputs, z.len()), "the output of a convolution");
        T::vectorised(Forward { block: self, lowered, packed, z, at });
    }

    /// routes ← where each delta of the pooled output (NHWC) goes; those that are 0 go nowhere.
    pub fn route<T: Real>(&self, delta: &[T], at: &[u8], routes: &mut Routes<T>) {
        assert_eq!((delta.len(), at.len()), (self.cells() * self.outputs, delta.len()), "the deltas of a convolution");
        routes.routes.resize(self.cells() * self.outputs, Route::default());
        routes.ends.clear();
        let mut end = 0;
        for channel in 0..self.outputs {
            for &(cell, start) in &self.order {
                let place = cell * self.outputs + channel;
                let delta = delta[place];
                routes.routes[end] = Route { delta, patch: start + self.within[at[place] as usize] };
                end += usize::from(delta != T::zero());
            }
            routes.ends.push(end);
        }
    }

    /// gradient (out, kH, kW, in with the patch's last register filled up) += Σ δ·patch; bias += Σ δ.
    pub fn add_weight_gradient<T: Real>(
        &self,
        lowered: &[T],
        routes: &Routes<T>,
        gradient: &mut [T],
        bias: Option<&mut [T]>,
    ) {
        assert_eq!(lowered.len(), self.lowered_len(), "the lowered image of a convolution");
        assert_eq!(gradient.len(), self.gradient_len(), "the weight gradient of a convolution");
        T::vectorised(WeightGradient { block: self, lowered, routes, gradient });
        if let Some(bias) = bias {
            for (channel, sum) in bias.iter_mut().enumerate() {
                *sum += routes.of(channel).iter().map(|route| route.delta).sum();
            }
        }
    }

    /// Numbers of the gradient as [`ConvBlock::add_weight_gradient`] keeps it.
    pub fn gradient_len(&self) -> usize {
        self.outputs * self.patch_len()
    }

    /// weight (out, in, kH, kW) ← the gradient in the layout of [`ConvBlock::add_weight_gradient`].
    pub fn unpack_gradient<T: Real>(&self, gradient: &[T], weight: &mut [T]) {
        let size = self.row * self.rows;
        let taps = size / self.channels;
        for (filter, patch) in weight.chunks_exact_mut(size).zip(gradient.chunks_exact(self.patch_len())) {
            for (c, plane) in filter.chunks_exact_mut(taps).enumerate() {
                plane.iter_mut().zip(patch[c..].iter().step_by(self.channels)).for_each(|(to, &from)| *to = from);
            }
        }
    }

    /// dx (NHWC) ← Σ δ·W over the patches that cover each pixel. `scratch` holds [`ConvBlock::padded_len`] numbers.
    ///
    /// Panics where patches were copied and have more than one row; see [`ConvBlock::has_input_gradient`].
    pub fn input_gradient<T: Real>(&self, routes: &Routes<T>, packed: &[T], scratch: &mut [T], dx: &mut [T]) {
        assert!(self.has_input_gradient(), "patches of whole registers");
        assert_eq!((scratch.len(), packed.len()), (self.padded_len(), self.packed_len()), "buffers of a convolution");
        scratch.fill(T::zero());
        T::vectorised(InputGradient { block: self, routes, packed, padded: scratch });
        let (h, w) = (&self.windows.h, &self.windows.w);
        let (line, padded_line) = (w.input * self.channels, self.padded_width() * self.channels);
        let lines = scratch.chunks_exact(padded_line).skip(h.padding);
        for (to, from) in dx.chunks_exact_mut(line).zip(lines) {
            to.copy_from_slice(&from[w.padding * self.channels..][..line]);
        }
    }

    /// Whether [`ConvBlock::input_gradient`] can be asked for.
    pub fn has_input_gradient(&self) -> bool {
        !self.copied
    }
}

impl<T> Routes<T> {
    fn of(&self, channel: usize) -> &[Route<T>] {
        let start = if channel == 0 { 0 } else { self.ends[channel - 1] };
        &self.routes[start..self.ends[channel]]
    }
}

/// [`ConvBlock::forward`].
struct Forward<'a, T> {
    block: &'a ConvBlock,
    lowered: &'a [T],
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
                // SAFETY: every patch named lies within the lowered image.
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
            // SAFETY: every patch named lies within the lowered image.
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
        let size = block.row * block.rows;
        // SAFETY: the packed weights hold, for each register, LANES numbers a place of the patch, and behind them the biases;
        // a patch has `rows` rows of `row` numbers within the lowered image.
        unsafe {
            let weights = self.packed.as_ptr().add(register * size * V::LANES);
            let bias = self.packed.as_ptr().add(block.padded_outputs() * size + register * V::LANES);
            let mut sums = [[V::splat(T::zero()); N]; P];
            for (n, bias) in (0..N).map(|n| (n, V::load(bias.add(n * V::LANES)))) {
                sums.iter_mut().for_each(|sums| sums[n] = bias);
            }
            for row in 0..block.rows {
                let weights = weights.add(row * block.row * V::LANES);
                let from: [*const T; P] =
                    std::array::from_fn(|p| self.lowered.as_ptr().add(patches[p] + row * block.row_step));
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

/// [`ConvBlock::add_weight_gradient`].
struct WeightGradient<'a, T> {
    block: &'a ConvBlock,
    lowered: &'a [T],
    routes: &'a Routes<T>,
    gradient: &'a mut [T],
}

impl<T: Real> Kernel<T> for WeightGradient<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(mut self) {
        let block = self.block;
        let registers = block.row.next_multiple_of(V::LANES) / V::LANES;
        for channel in 0..block.outputs {
            for row in 0..block.rows {
                let mut register = 0;
                // SAFETY: the registers named lie within a patch's row, whose last one is filled up.
                unsafe {
                    while register + 6 <= registers {
                        self.registers::<V, 6>(channel, row, register);
                        register += 6;
                    }
                    while register + 2 <= registers {
                        self.registers::<V, 2>(channel, row, register);
                        register += 2;
                    }
                    if register < registers {
                        self.registers::<V, 1>(channel, row, register);
                    }
                }
            }
        }
    }
}

impl<T: Real> WeightGradient<'_, T> {
    /// N registers of one row of one filter's gradient, kept in registers over all routes.
    #[inline(always)]
    unsafe fn registers<V: Vector<T>, const N: usize>(&mut self, channel: usize, row: usize, register: usize) {
        let block = self.block;
        // SAFETY: routes lead to patches within the lowered image; the gradient has `patch_len` numbers a filter.
        unsafe {
            let from = self.lowered.as_ptr().add(row * block.row_step + register * V::LANES);
            let mut sums = [V::splat(T::zero()); N];
            for route in self.routes.of(channel) {
                let (delta, from) = (V::splat(route.delta), from.add(route.patch as usize));
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = delta.mul_add(V::load(from.add(n * V::LANES)), *sum);
                }
            }
            let start = channel * block.patch_len() + row * block.row + register * V::LANES;
            let to = self.gradient.as_mut_ptr().add(start);
            for (n, sum) in sums.iter().enumerate() {
                let to = to.add(n * V::LANES);
                V::load(to).add(*sum).store(to);
            }
        }
    }
}

/// [`ConvBlock::input_gradient`], into the padded image.
struct InputGradient<'a, T> {
    block: &'a ConvBlock,
    routes: &'a Routes<T>,
    packed: &'a [T],
    padded: &'a mut [T],
}

impl<T: Real> Kernel<T> for InputGradient<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector<T>>(mut self) {
        let block = self.block;
        let registers = block.row / V::LANES;
        for channel in 0..block.outputs {
            for row in 0..block.rows {
                let mut register = 0;
                // SAFETY: a row is whole registers here, and the registers named lie within it.
                unsafe {
                    while register + 6 <= registers {
                        self.registers::<V, 6>(channel, row, register);
                        register += 6;
                    }
                    while register + 2 <= registers {
                        self.registers::<V, 2>(channel, row, register);
                        register += 2;
                    }
                    if register < registers {
                        self.registers::<V, 1>(channel, row, register);
                    }
                }
            }
        }
    }
}

impl<T: Real> InputGradient<'_, T> {
    /// N registers of one row of one filter, added to the image along all routes.
    #[inline(always)]
    unsafe fn registers<V: Vector<T>, const N: usize>(&mut self, channel: usize, row: usize, register: usize) {
        let block = self.block;
        let size = block.row * block.rows;
        // SAFETY: the packed weights end with the filters as patches; routes lead to patches within the padded image.
        unsafe {
            let filters = self.packed.as_ptr().add(block.padded_outputs() * (size + 1));
            let filter = filters.add(channel * size + row * block.row + register * V::LANES);
            let w: [V; N] = std::array::from_fn(|n| V::load(filter.add(n * V::LANES)));
            let to = self.padded.as_mut_ptr().add(row * block.row_step + register * V::LANES);
            for route in self.routes.of(channel) {
                let (delta, to) = (V::splat(route.delta), to.add(route.patch as usize));
                for (n, &w) in w.iter().enumerate() {
                    let to = to.add(n * V::LANES);
                    delta.mul_add(w, V::load(to)).store(to);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "conv_block_tests.rs"]
mod tests;
