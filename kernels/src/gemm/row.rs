//! One row times a matrix whose columns are contiguous, x·Wᵀ: each entry of W is read once, from where it lies.
//!
//! Copied panels would cost more than the product.

use super::product::Product;
use crate::Number;
use crate::vector::{Task, Turn, Vector};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Columns that are summed side by side, in lanes: each sum waits four cycles for its last term.
const SIDE_BY_SIDE: usize = 4;

/// A product of one row (m = 1) with a B whose columns are contiguous.
pub(super) struct Row<'a, V: Turn> {
    pub product: &'a Product<V::Scalar>,
    pub vector: PhantomData<V>,
}

impl<V: Turn> Task for Row<'_, V> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let (n, lanes) = (self.product.n, V::LANES);
        for j in (0..n).step_by(SIDE_BY_SIDE * lanes) {
            let vectors = (n - j).div_ceil(lanes).min(SIDE_BY_SIDE);
            // The last vector's columns begin early enough to be as many as lanes, unless there are fewer.
            let column = |v: usize| (j + v * lanes).min(n.saturating_sub(lanes));
            for part in self.product.parts() {
                // SAFETY: B has k rows and n columns.
                unsafe {
                    let mut sums = [V::zero(); SIDE_BY_SIDE];
                    part.add_terms(&column, &mut sums[..vectors]);
                    for (v, sum) in sums[..vectors].iter().enumerate() {
                        part.write_columns(V::splat(part.alpha).times(*sum), column(v), j + v * lanes);
                    }
                }
            }
        }
    }
}

impl<T: Number> Product<T> {
    /// Adds all terms to the sums: blocks of B are turned in registers, so that a lane is a column.
    #[inline(always)]
    unsafe fn add_terms<V: Turn<Scalar = T>>(&self, column: &impl Fn(usize) -> usize, sums: &mut [V]) {
        let mut p = 0;
        // SAFETY: as promised by the caller; `turned` repeats the last column where there are fewer than lanes.
        unsafe {
            while p + V::LANES <= self.k {
                // The number of vectors is no constant here, on purpose: the compiler would mix the turns of all, and then keep
                // most of them in memory.
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = self.terms(p, column(v), *sum);
                }
                p += V::LANES;
            }
            while p < self.k {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = self.term(p, column(v), *sum);
                }
                p += 1;
            }
        }
    }

    /// Adds as many terms as there are lanes to the sums of as many columns.
    #[inline(always)]
    unsafe fn terms<V: Turn<Scalar = T>>(&self, p: usize, column: usize, mut sum: V) -> V {
        let (stride, x_stride) = (self.b.column_stride, self.a.column_stride);
        // SAFETY: as promised by the caller.
        unsafe {
            let at = self.b.at.add(column * stride + p);
            // The usual case by itself, where the compiler sees that no column needs to be held back.
            let block = match self.n < V::LANES {
                true => V::turned(at, stride, self.n),
                false => V::turned(at, stride, V::LANES),
            };
            for (q, y) in block.as_ref().iter().enumerate() {
                sum = V::splat(*self.a.at.add((p + q) * x_stride)).times_plus(*y, sum);
            }
        }
        sum
    }

    /// Adds one term.
    #[inline(always)]
    unsafe fn term<V: Vector<Scalar = T>>(&self, p: usize, column: usize, sum: V) -> V {
        let mut y = MaybeUninit::<V>::uninit();
        // SAFETY: columns are held below n; the buffer holds a vector.
        unsafe {
            for lane in 0..V::LANES {
                let from = self.b.from(p, (column + lane).min(self.n - 1)).at;
                y.as_mut_ptr().cast::<T>().add(lane).write(*from);
            }
            V::splat(*self.a.at.add(p * self.a.column_stride)).times_plus(y.assume_init(), sum)
        }
    }

    /// Writes C's columns from j on; the vector of their scaled sums may begin before them, and end behind the last one.
    #[inline(always)]
    unsafe fn write_columns<V: Vector<Scalar = T>>(&self, scaled: V, column: usize, j: usize) {
        let first = j.max(column).min(column + V::LANES);
        let count = (self.n.min(column + V::LANES)).saturating_sub(first);
        let stride = if self.turned { self.c_stride } else { 1 };
        let mut buffer = MaybeUninit::<V>::uninit();
        // SAFETY: the columns lie inside C, and the buffer holds the vector.
        unsafe {
            if count == V::LANES && stride == 1 {
                return self.write(scaled, self.c.add(first));
            }
            buffer.write(scaled);
            let from = buffer.as_ptr().cast::<T>().add(first - column);
            if stride == 1 {
                return self.write_few::<V>(from, self.c.wrapping_add(first), count);
            }
            for lane in 0..count {
                self.write_few::<V>(from.add(lane), self.c.add((first + lane) * stride), 1);
            }
        }
    }
}
