//! The way back through a block: each delta goes to the patch of its maximum alone.

use super::{ConvBlock, Gradient, WIDEST};
use crate::Kernels;
use crate::simd::{Comparable, Kernel};
use crate::vector::{Task, Vector};
use std::marker::PhantomData;

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

/// [`ConvBlock::backward`].
pub(super) struct BackwardKernel<'a, 'b, T> {
    block: &'b ConvBlock,
    image: Backward<'a, T>,
    /// For each cell, for each [`FILTERS`] of the filters, for each place of a window: the filters whose maximum stands there.
    masks: &'b mut [u64],
    /// The last deltas and their places, and behind them as many of neither.
    tail: ([T; 2 * WIDEST], [u8; 2 * WIDEST]),
}

/// Filters that are looked for together: as many as an integer has bits.
pub(super) const FILTERS: usize = 64;

impl<T: Kernels> Kernel<T> for BackwardKernel<'_, '_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(mut self) {
        let block = self.block;
        if let Some(bias) = &mut self.image.bias {
            for deltas in self.image.delta.chunks_exact(block.outputs) {
                bias.iter_mut().zip(deltas).for_each(|(sum, &delta)| *sum += delta);
            }
        }
        let registers = block.whole_row / V::LANES;
        // SAFETY: parts lie within a patch.
        unsafe {
            match block.gradient {
                Gradient::OfFilters => {
                    for register in 0..block.padded_outputs() / V::LANES {
                        in_parts(block.rows(), block.row, |place, size| match size {
                            [3, 3] => V::run(OfFilters::<V, 3, 3>(&mut self, register, place, PhantomData)),
                            [3, 2] => V::run(OfFilters::<V, 3, 2>(&mut self, register, place, PhantomData)),
                            [3, _] => V::run(OfFilters::<V, 3, 1>(&mut self, register, place, PhantomData)),
                            [_, 3] => V::run(OfFilters::<V, 1, 3>(&mut self, register, place, PhantomData)),
                            [_, 2] => V::run(OfFilters::<V, 1, 2>(&mut self, register, place, PhantomData)),
                            _ => V::run(OfFilters::<V, 1, 1>(&mut self, register, place, PhantomData)),
                        });
                    }
                }
                // At least eight sums, because each waits for the one before.
                Gradient::OfPatches => in_parts(block.rows(), registers, |place, size| match size {
                    [3, 3] => V::run(OfPatches::<V, 3, 3, 1>(&mut self, place, PhantomData)),
                    [3, 2] => V::run(OfPatches::<V, 3, 2, 2>(&mut self, place, PhantomData)),
                    [3, _] => V::run(OfPatches::<V, 3, 1, 3>(&mut self, place, PhantomData)),
                    [_, 3] => V::run(OfPatches::<V, 1, 3, 3>(&mut self, place, PhantomData)),
                    [_, 2] => V::run(OfPatches::<V, 1, 2, 4>(&mut self, place, PhantomData)),
                    _ => V::run(OfPatches::<V, 1, 1, 8>(&mut self, place, PhantomData)),
                }),
            }
            if self.image.dx.is_some() {
                V::run(Masks::<V>(&mut self, PhantomData));
                in_parts(block.rows(), registers, |place, size| match size {
                    [3, 3] => V::run(OfInput::<V, 3, 3>(&mut self, place, PhantomData)),
                    [3, 2] => V::run(OfInput::<V, 3, 2>(&mut self, place, PhantomData)),
                    [3, _] => V::run(OfInput::<V, 3, 1>(&mut self, place, PhantomData)),
                    [_, 3] => V::run(OfInput::<V, 1, 3>(&mut self, place, PhantomData)),
                    [_, 2] => V::run(OfInput::<V, 1, 2>(&mut self, place, PhantomData)),
                    _ => V::run(OfInput::<V, 1, 1>(&mut self, place, PhantomData)),
                });
            }
        }
    }
}

/// The rows and columns of a patch in parts of 3 or 1 rows and of 3, 2 or 1 columns, whose sums fill the registers of AVX2:
/// each part's place (row, column) and size.
#[inline(always)]
fn in_parts(rows: usize, columns: usize, mut part: impl FnMut([usize; 2], [usize; 2])) {
    let mut row = 0;
    while row < rows {
        let height = if rows - row >= 3 { 3 } else { 1 };
        let mut column = 0;
        while column < columns {
            // Four columns are two and two.
            let width = match columns - column {
                4 => 2,
                left => left.min(3),
            };
            part([row, column], [height, width]);
            column += width;
        }
        row += height;
    }
}

impl<'a, 'b, T: Kernels> BackwardKernel<'a, 'b, T> {
    pub(super) fn new(block: &'b ConvBlock, image: Backward<'a, T>, masks: &'b mut [u64]) -> Self {
        let mut tail = ([T::zero(); 2 * WIDEST], [0; 2 * WIDEST]);
        let count = image.delta.len().min(WIDEST);
        let last = image.delta.len() - count;
        tail.0[WIDEST - count..WIDEST].copy_from_slice(&image.delta[last..]);
        tail.1[WIDEST - count..WIDEST].copy_from_slice(&image.at[last..]);
        BackwardKernel { block, image, masks, tail }
    }

    /// The deltas of a register of filters at a cell, and where their maxima stand; some numbers or other where there are fewer
    /// filters than lanes.
    #[inline(always)]
    unsafe fn deltas<V: Comparable<Scalar = T>>(&self, cell: usize, register: usize) -> (V, *const u8) {
        let start = cell * self.block.outputs + register * V::LANES;
        // SAFETY: the registers lie inside both slices, or begin in the last numbers of both, which the tail holds.
        unsafe {
            match (start + V::LANES).checked_sub(self.image.delta.len()) {
                None | Some(0) => (V::load(self.image.delta.as_ptr().add(start)), self.image.at.as_ptr().add(start)),
                Some(over) => {
                    let from = WIDEST - V::LANES + over;
                    (V::load(self.tail.0.as_ptr().add(from)), self.tail.1.as_ptr().add(from))
                }
            }
        }
    }
}

/// The gradient of M rows of the patches, N registers each, for K filters at a time: each delta times the patch of its maximum.
struct OfPatches<'t, 'a, 'b, V: Vector, const M: usize, const N: usize, const K: usize>(
    &'t mut BackwardKernel<'a, 'b, V::Scalar>,
    [usize; 2],
    PhantomData<V>,
);

impl<T: Kernels, V: Comparable<Scalar = T>, const M: usize, const N: usize, const K: usize> Task
    for OfPatches<'_, '_, '_, V, M, N, K>
{
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let OfPatches(kernel, [row, register], _) = self;
        let (block, delta, at) = (kernel.block, kernel.image.delta, kernel.image.at);
        for filter in (0..block.outputs).step_by(K) {
            // Where filters are missing, the last one is computed again and not written.
            let filters: [usize; K] = std::array::from_fn(|k| (filter + k).min(block.outputs - 1));
            // SAFETY: places lead to patches within the padded image, behind which there is room for a register; the gradient has
            // `patch_len` numbers a filter.
            unsafe {
                let padded = kernel.image.padded.as_ptr().add(row * block.line + register * V::LANES);
                let mut sums = [[[V::zero(); N]; M]; K];
                for (cell, &start) in block.starts.iter().enumerate() {
                    for (sums, filter) in sums.iter_mut().zip(filters) {
                        let number = cell * block.outputs + filter;
                        let place = *block.within.get_unchecked(*at.get_unchecked(number) as usize);
                        let from = padded.add((start + place) as usize);
                        let delta = V::splat(*delta.get_unchecked(number));
                        for (m, sums) in sums.iter_mut().enumerate() {
                            for (n, sum) in sums.iter_mut().enumerate() {
                                *sum = delta.times_plus(V::load(from.add(m * block.line + n * V::LANES)), *sum);
                            }
                        }
                    }
                }
                for (sums, filter) in sums.iter().zip(filter..block.outputs) {
                    let to = filter * block.patch_len() + row * block.whole_row + register * V::LANES;
                    add(sums, kernel.image.gradient.as_mut_ptr().add(to), block.whole_row, V::LANES);
                }
            }
        }
    }
}

/// to (rows `line` apart, columns `step` apart) += sums.
#[inline(always)]
unsafe fn add<V: Vector, const M: usize, const N: usize>(
    sums: &[[V; N]; M],
    to: *mut V::Scalar,
    line: usize,
    step: usize,
) {
    for (m, sums) in sums.iter().enumerate() {
        for (n, sum) in sums.iter().enumerate() {
            // SAFETY: as promised by the caller.
            unsafe {
                let to = to.add(m * line + n * step);
                V::load(to).plus(*sum).store(to);
            }
        }
    }
}

/// The gradient of a register of filters, for M rows of their patches, N numbers each: every place of a window in turn, with
/// the deltas of the filters whose maximum stands there.
struct OfFilters<'t, 'a, 'b, V: Vector, const M: usize, const N: usize>(
    &'t mut BackwardKernel<'a, 'b, V::Scalar>,
    usize,
    [usize; 2],
    PhantomData<V>,
);

impl<T: Kernels, V: Comparable<Scalar = T>, const M: usize, const N: usize> Task for OfFilters<'_, '_, '_, V, M, N> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let OfFilters(kernel, register, [row, column], _) = self;
        let block = kernel.block;
        // SAFETY: the gradient has a register for each number of a patch; numbers lie within the padded image.
        unsafe {
            let padded = kernel.image.padded.as_ptr().add(row * block.line + column);
            let mut sums = [[V::zero(); N]; M];
            for (cell, &start) in block.starts.iter().enumerate() {
                let (delta, at) = kernel.deltas::<V>(cell, register);
                for place in 0..block.places() {
                    let delta = delta.only_at(at, place as u8);
                    let from = padded.add((start + block.within[place]) as usize);
                    for (m, sums) in sums.iter_mut().enumerate() {
                        for (n, sum) in sums.iter_mut().enumerate() {
                            *sum = V::splat(*from.add(m * block.line + n)).times_plus(delta, *sum);
                        }
                    }
                }
            }
            let to = (register * block.size() + row * block.row + column) * V::LANES;
            add(&sums, kernel.image.gradient.as_mut_ptr().add(to), block.row * V::LANES, V::LANES);
        }
    }
}

/// The masks of all cells.
struct Masks<'t, 'a, 'b, V: Vector>(&'t mut BackwardKernel<'a, 'b, V::Scalar>, PhantomData<V>);

impl<T: Kernels, V: Comparable<Scalar = T>> Task for Masks<'_, '_, '_, V> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let Masks(kernel, _) = self;
        let block = kernel.block;
        let some = block.outputs.div_ceil(FILTERS);
        for number in 0..block.cells() * some {
            let (cell, first) = (number / some, number % some * FILTERS);
            let end = block.outputs.min(first + FILTERS);
            for place in 0..block.places() {
                let mut bits = 0;
                for filter in (first..end).step_by(V::LANES) {
                    // SAFETY: as promised by the caller.
                    unsafe {
                        let (delta, at) = kernel.deltas::<V>(cell, filter / V::LANES);
                        bits |= u64::from(delta.only_at(at, place as u8).nonzero()) << (filter - first);
                    }
                }
                // Lanes behind the last filter are the next cell's.
                kernel.masks[number * block.places() + place] = bits & (u64::MAX >> (FILTERS - (end - first)));
            }
        }
    }
}

/// The input gradient under M rows of the patches, N registers each: for each place of a window, the filters whose maximum
/// stands there, times their deltas.
struct OfInput<'t, 'a, 'b, V: Vector, const M: usize, const N: usize>(
    &'t mut BackwardKernel<'a, 'b, V::Scalar>,
    [usize; 2],
    PhantomData<V>,
);

impl<T: Kernels, V: Comparable<Scalar = T>, const M: usize, const N: usize> Task for OfInput<'_, '_, '_, V, M, N> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let OfInput(kernel, [row, register], _) = self;
        let block = kernel.block;
        // SAFETY: as for `OfPatches`; the filters at the end of the packed weights have `patch_len` numbers each.
        unsafe {
            let filters = block.padded_outputs() * (block.size() + 1);
            let weights = kernel.image.packed.as_ptr().add(filters + row * block.whole_row + register * V::LANES);
            let places = block.places();
            let masks = kernel.masks.chunks_exact(places * block.outputs.div_ceil(FILTERS));
            for (cell, (&start, masks)) in block.starts.iter().zip(masks).enumerate() {
                for place in 0..places {
                    let mut sums = [[V::zero(); N]; M];
                    for (some, masks) in masks.chunks_exact(places).enumerate() {
                        let mut bits = masks[place];
                        while bits != 0 {
                            let filter = some * FILTERS + bits.trailing_zeros() as usize;
                            bits &= bits - 1;
                            let delta = V::splat(*kernel.image.delta.get_unchecked(cell * block.outputs + filter));
                            let weights = weights.add(filter * block.patch_len());
                            for (m, sums) in sums.iter_mut().enumerate() {
                                for (n, sum) in sums.iter_mut().enumerate() {
                                    let w = V::load(weights.add(m * block.whole_row + n * V::LANES));
                                    *sum = delta.times_plus(w, *sum);
                                }
                            }
                        }
                    }
                    let Some(dx) = &mut kernel.image.dx else { return };
                    let to = (start + block.within[place]) as usize + row * block.line + register * V::LANES;
                    add(&sums, dx.as_mut_ptr().add(to), block.line, V::LANES);
                }
            }
        }
    }
}
