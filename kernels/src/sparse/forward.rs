//! Z = X·Wᵀ + b: a row of X finds the outputs of each of its entries side by side.

use super::{Lines, Nonzeros, Rows, WIDEST, WORD, places};
use crate::Kernels;
use crate::MatrixMut;
use crate::simd::{Comparable, Kernel};
use crate::vector::{Turn, Vector};

/// Rows whose sums stay in the first-level cache.
const ROWS: usize = 64;
/// Columns of W that stay there too: those of a word.
const COLUMNS: usize = WORD;

/// [`Nonzeros::forward`].
pub(super) struct Forward<'a, T, X> {
    pub nonzeros: &'a Nonzeros,
    pub x: X,
    pub w: &'a [T],
    pub bias: &'a [T],
    pub z: MatrixMut<'a, T>,
}

impl<'a, T: Kernels, X: Rows<'a, T>> Kernel<T> for Forward<'a, T, X> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(mut self) {
        let Nonzeros { rows, columns, .. } = *self.nonzeros;
        let mut bias = [T::zero(); WIDEST];
        bias[..self.bias.len()].copy_from_slice(self.bias);
        let mut sums = Lines([bias; ROWS]);
        let mut turned = Lines([[T::zero(); WIDEST]; COLUMNS]);
        for first in (0..rows).step_by(ROWS) {
            let some = first..rows.min(first + ROWS);
            sums.0.fill(bias);
            for column in (0..columns).step_by(COLUMNS) {
                // SAFETY: as promised by the caller.
                unsafe {
                    self.turn::<V>(column, &mut turned);
                    self.block::<V>(some.clone(), column, &turned, &mut sums);
                }
            }
            for (row, sums) in some.zip(&sums.0) {
                let z = self.z.row_mut(row);
                z.copy_from_slice(&sums[..z.len()]);
            }
        }
    }
}

impl<'a, T: Kernels, X: Rows<'a, T>> Forward<'a, T, X> {
    /// Turns some columns of W. Outputs behind the last one are left as they were.
    #[inline(always)]
    unsafe fn turn<V: Vector<Scalar = T>>(&self, column: usize, turned: &mut Lines<T, COLUMNS>) {
        let columns = self.nonzeros.columns;
        let few = COLUMNS.min(columns - column);
        let lanes = <V::Turner as Vector>::LANES;
        for (part, w) in self.w.chunks(lanes * columns).enumerate() {
            let (output, rows) = (part * lanes, w.len() / columns);
            let whole = few / lanes * lanes;
            for first in (0..whole).step_by(lanes) {
                // SAFETY: W has these rows and columns; a row of `turned` has room for whole registers.
                unsafe {
                    let block = V::Turner::turned(w.as_ptr().add(column + first), columns, rows);
                    for (vector, to) in block.as_ref().iter().zip(&mut turned.0[first..first + lanes]) {
                        vector.store(to.as_mut_ptr().add(output));
                    }
                }
            }
            for (first, to) in turned.0.iter_mut().enumerate().take(few).skip(whole) {
                for (row, to) in to[output..output + rows].iter_mut().enumerate() {
                    *to = w[row * columns + column + first];
                }
            }
        }
    }

    /// Adds the terms of some columns to the sums of some rows.
    #[inline(always)]
    unsafe fn block<V: Vector<Scalar = T>>(
        &self,
        rows: std::ops::Range<usize>,
        column: usize,
        turned: &Lines<T, COLUMNS>,
        sums: &mut Lines<T, ROWS>,
    ) {
        let registers = self.z.column_count().div_ceil(V::LANES);
        for (row, sums) in rows.zip(&mut sums.0) {
            let word = self.nonzeros.word(row, column);
            self.x.ahead(row, column);
            if word == 0 {
                continue;
            }
            let stored = &self.x.row(row)[column..];
            let mut register = 0;
            // SAFETY: registers lie within the rows of sums and of `turned`, places within x and `turned`.
            unsafe {
                while register < registers {
                    let (turned, sums) =
                        (turned.0.as_ptr().cast::<T>().add(register * V::LANES), &mut sums[register * V::LANES..]);
                    register += match registers - register {
                        8.. => add::<V, X, 8>(word, (&self.x, stored), turned, sums),
                        4.. => add::<V, X, 4>(word, (&self.x, stored), turned, sums),
                        2.. => add::<V, X, 2>(word, (&self.x, stored), turned, sums),
                        _ => add::<V, X, 1>(word, (&self.x, stored), turned, sums),
                    };
                }
            }
        }
    }
}

/// Adds the entries of x that a word names, times their rows of `w`, to N registers of sums; N.
#[inline(always)]
unsafe fn add<'a, V: Vector, X: Rows<'a, V::Scalar>, const N: usize>(
    word: u64,
    (x, stored): (&X, &[X::Stored]),
    w: *const V::Scalar,
    to: &mut [V::Scalar],
) -> usize {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums: [V; N] = std::array::from_fn(|n| V::load(to.as_ptr().add(n * V::LANES)));
        for place in places(word) {
            let (x, w) = (V::splat(x.number(*stored.get_unchecked(place))), w.add(place * WIDEST));
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = x.times_plus(V::load(w.add(n * V::LANES)), *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            sum.store(to.as_mut_ptr().add(n * V::LANES));
        }
    }
    N
}
