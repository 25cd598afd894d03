//! Maximum and average over windows of one image plane, in passes along rows.

use super::simd::{Comparable, Kernel};
use super::window::{Axis, Windows};
use crate::Kernels;
use std::hint::select_unpredictable;

/// The index of a maximum over nothing: a window that lies on padding altogether.
pub const NOWHERE: u32 = u32::MAX;

/// z ← the maximum in each window of a plane, indices ← where in the plane it stands: the first in row-major order when
/// several are equal, and a NaN before every number.
pub fn max_pool<T: Kernels>(x: &[T], windows: &Windows, z: &mut [T], indices: &mut [u32]) {
    T::max_pool(x, windows, z, indices);
}

pub(crate) fn max_pool_here<T: Kernels>(x: &[T], windows: &Windows, z: &mut [T], indices: &mut [u32]) {
    if is_halving(&windows.h) && is_halving(&windows.w) {
        return T::vectorised(Halving { x, windows, z, indices });
    }
    z.fill(T::neg_infinity());
    indices.fill(NOWHERE);
    let stride = windows.w.stride;
    let mut line = vec![T::zero(); windows.w.output];
    for (ki, kj) in windows.each_tap() {
        for_each_line(windows, ki, kj, |outputs, first| {
            // The inputs side by side first, so that the comparison is one vector operation.
            let inputs = &mut line[..outputs.len()];
            inputs.iter_mut().zip(x[first..].iter().step_by(stride)).for_each(|(to, &from)| *to = from);
            keep_larger(inputs, first as u32, stride as u32, &mut z[outputs.clone()], &mut indices[outputs]);
        });
    }
}

/// best ← the larger of best and x, entry by entry, with where it stands: `first`, `first + stride`, …
fn keep_larger<T: Kernels>(x: &[T], first: u32, stride: u32, best: &mut [T], indices: &mut [u32]) {
    for (((best, index), &x), k) in best.iter_mut().zip(indices).zip(x).zip(0..x.len() as u32) {
        let better = (x > *best) | x.is_nan() | (*index == NOWHERE);
        // A choice rather than a branch, which would keep the loop from being one vector operation.
        *best = select_unpredictable(better, x, *best);
        *index = select_unpredictable(better, first + k * stride, *index);
    }
}

/// Whether windows of two inputs stand side by side without padding; a last single input may be left over.
fn is_halving(axis: &Axis) -> bool {
    (axis.kernel, axis.stride, axis.padding, axis.dilation) == (2, 2, 0, 1) && axis.output * 2 <= axis.input
}

/// [`max_pool`] of 2×2 windows side by side: two input rows make one output row.
struct Halving<'a, T> {
    x: &'a [T],
    windows: &'a Windows,
    z: &'a mut [T],
    indices: &'a mut [u32],
}

impl<T: Kernels> Kernel<T> for Halving<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(self) {
        let Halving { x, windows, z, indices } = self;
        let (width, outputs) = (windows.w.input, windows.w.output);
        for row in 0..windows.h.output {
            let mut column = 0;
            while column < outputs {
                let (to, corner) = (row * outputs + column, 2 * (row * width + column));
                // A block may go on into the next row, which is written afterwards.
                column += if to + WIDE <= z.len() && corner + width + 2 * WIDE <= x.len() && outputs > NARROW {
                    halve::<T, WIDE>(x, corner, width, &mut z[to..], &mut indices[to..])
                } else if column + NARROW <= outputs {
                    halve::<T, NARROW>(x, corner, width, &mut z[to..], &mut indices[to..])
                } else {
                    halve::<T, 1>(x, corner, width, &mut z[to..], &mut indices[to..])
                };
            }
        }
    }
}

/// Outputs that are computed together, which the compiler makes vectors of.
const WIDE: usize = 16;
const NARROW: usize = 4;

/// N outputs side by side, the first of which has its upper left input at `corner`; returns N.
#[inline(always)]
fn halve<T: Kernels, const N: usize>(x: &[T], corner: usize, width: usize, z: &mut [T], indices: &mut [u32]) -> usize {
    let (above, below) = (&x[corner..][..2 * N], &x[corner + width..][..2 * N]);
    let (z, indices) = (&mut z[..N], &mut indices[..N]);
    let larger = |(x, at): (T, u32), (best, best_at): (T, u32)| {
        let better = (x > best) | x.is_nan();
        (if better { x } else { best }, if better { at } else { best_at })
    };
    for k in 0..N {
        let first = (corner + 2 * k) as u32;
        let best_of = |row: &[T], first| larger((row[2 * k + 1], first + 1), (row[2 * k], first));
        (z[k], indices[k]) = larger(best_of(below, first + width as u32), best_of(above, first));
    }
    N
}

/// The transpose of [`max_pool`]: every delta goes to the input that was the maximum.
pub fn max_pool_backward<T: Kernels>(delta: &[T], indices: &[u32], result: &mut [T]) {
    for (&delta, &index) in delta.iter().zip(indices) {
        if index != NOWHERE {
            result[index as usize] += delta;
        }
    }
}

/// The plain twin of [`max_pool`].
pub fn max_pool_naive<T: Kernels>(x: &[T], windows: &Windows, z: &mut [T], indices: &mut [u32]) {
    for oi in 0..windows.h.output {
        for oj in 0..windows.w.output {
            let (mut best, mut at) = (T::neg_infinity(), NOWHERE);
            for (ki, kj) in windows.each_tap() {
                if let Some(pixel) = windows.pixel_naive([oi, oj], [ki, kj])
                    && (at == NOWHERE || x[pixel] > best || x[pixel].is_nan())
                {
                    (best, at) = (x[pixel], pixel as u32);
                }
            }
            z[oi * windows.w.output + oj] = best;
            indices[oi * windows.w.output + oj] = at;
        }
    }
}

/// z ← the sum over each window of a plane divided by `counts` ([`window_sizes`]).
pub fn avg_pool<T: Kernels>(x: &[T], windows: &Windows, counts: &[T], z: &mut [T]) {
    z.fill(T::zero());
    for (ki, kj) in windows.each_tap() {
        for_each_line(windows, ki, kj, |outputs, first| {
            let inputs = x[first..].iter().step_by(windows.w.stride);
            z[outputs].iter_mut().zip(inputs).for_each(|(z, &x)| *z += x);
        });
    }
    z.iter_mut().zip(counts).for_each(|(z, &count)| *z /= count);
}

/// The transpose of [`avg_pool`]: every delta, divided by its window's count, goes to all inputs of the window.
/// `shares` is room for one output plane.
pub fn avg_pool_backward<T: Kernels>(delta: &[T], windows: &Windows, counts: &[T], shares: &mut [T], result: &mut [T]) {
    let quotients = delta.iter().zip(counts).map(|(&delta, &count)| delta / count);
    shares.iter_mut().zip(quotients).for_each(|(share, quotient)| *share = quotient);
    for (ki, kj) in windows.each_tap() {
        for_each_line(windows, ki, kj, |outputs, first| {
            let inputs = result[first..].iter_mut().step_by(windows.w.stride);
            inputs.zip(&shares[outputs]).for_each(|(result, &share)| *result += share);
        });
    }
}

/// What each window's sum is divided by, for one output plane: the inputs it covers, counting padding or not. A part that
/// sticks out beyond the padding never counts.
pub fn window_sizes<T: Kernels>(windows: &Windows, count_include_pad: bool) -> Vec<T> {
    let along = |axis: &Axis| -> Vec<usize> {
        let padding = if count_include_pad { axis.padding } else { 0 };
        // Positions are counted from the left end of the padding, so that they are never negative.
        let (left, right) = (axis.padding - padding, axis.padding + axis.input + padding);
        (0..axis.output).map(|o| o * axis.stride).map(|s| (s + axis.kernel).min(right) - s.max(left)).collect()
    };
    let columns = along(&windows.w);
    let rows = along(&windows.h).into_iter();
    rows.flat_map(|h| columns.iter().map(move |&w| T::number((h * w) as f64))).collect()
}

/// The plain twin of [`avg_pool`] and its transpose: calls `visit(z, x, count)` for every input x of every window z.
pub fn each_average_naive(windows: &Windows, count_include_pad: bool, mut visit: impl FnMut(usize, usize, usize)) {
    for oi in 0..windows.h.output {
        for oj in 0..windows.w.output {
            let inside = |&(ki, kj): &(usize, usize)| windows.pixel_naive([oi, oj], [ki, kj]).is_some();
            let on_padding = |axis: &Axis, o: usize, k: usize| o * axis.stride + k < axis.input + 2 * axis.padding;
            let padded = |&(ki, kj): &(usize, usize)| on_padding(&windows.h, oi, ki) && on_padding(&windows.w, oj, kj);
            let count = match count_include_pad {
                true => windows.each_tap().filter(padded).count(),
                false => windows.each_tap().filter(inside).count(),
            };
            for (ki, kj) in windows.each_tap() {
                if let Some(pixel) = windows.pixel_naive([oi, oj], [ki, kj]) {
                    visit(oi * windows.w.output + oj, pixel, count);
                }
            }
        }
    }
}

/// Calls `line(outputs, first)` for every output row that tap (ki, kj) serves: the range of its output pixels, and the input
/// pixel under the first; the next ones follow at the stride.
fn for_each_line(windows: &Windows, ki: usize, kj: usize, mut line: impl FnMut(std::ops::Range<usize>, usize)) {
    let columns = windows.w.outputs(kj);
    if columns.is_empty() {
        return;
    }
    for oi in windows.h.outputs(ki) {
        let start = oi * windows.w.output;
        let first = windows.h.at(oi, ki) * windows.w.input + windows.w.at(columns.start, kj);
        line(start + columns.start..start + columns.end, first);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
