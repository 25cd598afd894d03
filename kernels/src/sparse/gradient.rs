//! ∂L/∂W = δᵀ·X: a column of X finds the deltas of each of its entries side by side.

use super::{Lines, Nonzeros, Rows, WIDEST, WORD, places};
use crate::Kernels;
use crate::Matrix;
use crate::simd::{Comparable, Kernel};
use crate::vector::{Turn, Vector};

/// Rows of X at a time: a word has a bit for each.
pub(super) const ROWS: usize = 64;
/// Columns whose sums are turned together: cache lines of ∂L/∂W, and a multiple of all numbers of lanes.
pub(super) const COLUMNS: usize = 16;

/// [`Nonzeros::gradient`].
pub(super) struct Gradient<'a, T, X> {
    pub nonzeros: &'a Nonzeros,
    pub x: X,
    pub delta: Matrix<'a, T>,
    pub gradient: &'a mut [T],
}

impl<'a, T: Kernels, X: Rows<'a, T>> Kernel<T> for Gradient<'a, T, X> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(mut self) {
        let Nonzeros { rows, columns, .. } = *self.nonzeros;
        let outputs = self.delta.column_count();
        // δ without gaps, so that its rows do not drive each other out of the cache, and with 0 in what is left of registers.
        let mut delta = Lines([[T::zero(); WIDEST]; ROWS]);
        let mut sums = Lines([[T::zero(); WIDEST]; COLUMNS]);
        let mut room = [[X::Stored::default(); COLUMNS]; ROWS];
        for first in (0..rows).step_by(ROWS) {
            let some = ROWS.min(rows - first);
            for (row, delta) in delta.0.iter_mut().enumerate().take(some) {
                delta[..outputs].copy_from_slice(self.delta.row(first + row));
            }
            let mut stored: [&[X::Stored]; ROWS] = [&[]; ROWS];
            for (row, stored) in stored.iter_mut().enumerate().take(some) {
                *stored = self.x.row(first + row);
            }
            for column in (0..columns).step_by(WORD) {
                let mut words = [0; ROWS];
                for (row, word) in words.iter_mut().enumerate().take(some) {
                    *word = self.nonzeros.word(first + row, column);
                }
                turn_bits(&mut words);
                for (block, words) in words.chunks_exact(COLUMNS).enumerate() {
                    let column = column + block * COLUMNS;
                    if column >= columns {
                        break;
                    }
                    let (x, stride) = X::columns(&stored[..some], column, &mut room);
                    // SAFETY: as promised by the caller; bits of a column name rows of x and of δ, and none stands behind the
                    // last column.
                    unsafe {
                        for (c, (&word, sums)) in words.iter().zip(&mut sums.0).enumerate() {
                            add_up::<V, X>(word, (&self.x, x.wrapping_add(c), stride), &delta, outputs, sums);
                        }
                        self.write::<V>(column, &sums, first > 0);
                    }
                }
            }
        }
    }
}

impl<'a, T: Kernels, X: Rows<'a, T>> Gradient<'a, T, X> {
    /// Writes the sums of some columns to the gradient, or adds them to it.
    #[inline(always)]
    unsafe fn write<V: Vector<Scalar = T>>(&mut self, column: usize, sums: &Lines<T, COLUMNS>, add: bool) {
        let columns = self.nonzeros.columns;
        let few = COLUMNS.min(columns - column);
        let lanes = <V::Turner as Vector>::LANES;
        for (part, gradient) in self.gradient.chunks_mut(lanes * columns).enumerate() {
            let rows = gradient.len() / columns;
            // Two registers side by side: a cache line is written at once.
            for first in (0..few).step_by(2 * lanes) {
                let width = (few - first).min(2 * lanes);
                // SAFETY: as promised by the caller; sums are whole registers, and `width` columns of `rows` rows are there.
                unsafe {
                    let at = sums.0[first..].as_ptr().cast::<T>().add(part * lanes);
                    let left = V::Turner::turned(at, WIDEST, lanes);
                    let right = V::Turner::turned(at.add(lanes * WIDEST), WIDEST, lanes);
                    let mut to = gradient.as_mut_ptr().add(column + first);
                    for (left, right) in left.as_ref().iter().zip(right.as_ref()).take(rows) {
                        if width == 2 * lanes {
                            put(*left, to, add);
                            put(*right, to.add(lanes), add);
                        } else {
                            let mut room = [T::zero(); COLUMNS];
                            left.store(room.as_mut_ptr());
                            right.store(room.as_mut_ptr().add(lanes));
                            for (c, &sum) in room[..width].iter().enumerate() {
                                *to.add(c) = if add { sum + *to.add(c) } else { sum };
                            }
                        }
                        to = to.wrapping_add(columns);
                    }
                }
            }
        }
    }
}

/// Writes a register, or adds it to what is there.
#[inline(always)]
unsafe fn put<V: Vector>(vector: V, to: *mut V::Scalar, add: bool) {
    // SAFETY: as promised by the caller.
    unsafe {
        let vector = if add { vector.plus(V::load(to)) } else { vector };
        vector.store(to);
    }
}

/// X, the first entry of one of its columns, and how far the next one is behind it.
type Column<'a, X, S> = (&'a X, *const S, usize);

/// sums ← Σ xᵢδᵢ over the rows that a word names, for a column of X.
#[inline(always)]
unsafe fn add_up<'a, V: Vector, X: Rows<'a, V::Scalar>>(
    word: u64,
    x: Column<'_, X, X::Stored>,
    delta: &Lines<V::Scalar, ROWS>,
    outputs: usize,
    sums: &mut [V::Scalar; WIDEST],
) {
    let registers = outputs.div_ceil(V::LANES);
    let mut register = 0;
    while register < registers {
        // SAFETY: as promised by the caller; the registers lie within the rows of δ and of the sums.
        unsafe {
            let delta = delta.0.as_ptr().cast::<V::Scalar>().add(register * V::LANES);
            let to = sums.as_mut_ptr().add(register * V::LANES);
            register += match registers - register {
                8.. => chains::<V, X, 8>(word, x, delta, to),
                4.. => chains::<V, X, 4>(word, x, delta, to),
                2.. => chains::<V, X, 2>(word, x, delta, to),
                _ => chains::<V, X, 1>(word, x, delta, to),
            };
        }
    }
}

/// [`add_up`] for N registers of outputs; N.
#[inline(always)]
unsafe fn chains<'a, V: Vector, X: Rows<'a, V::Scalar>, const N: usize>(
    word: u64,
    (x, stored, stride): Column<'_, X, X::Stored>,
    delta: *const V::Scalar,
    to: *mut V::Scalar,
) -> usize {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [V::zero(); N];
        for row in places(word) {
            let (x, delta) = (V::splat(x.number(*stored.add(row * stride))), delta.add(row * WIDEST));
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = x.times_plus(V::load(delta.add(n * V::LANES)), *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            sum.store(to.add(n * V::LANES));
        }
    }
    N
}

/// A block of 64×64 bits turned: bit j of word i becomes bit i of word j. Halves of halves change places (Warren, Hacker's
/// Delight, 7–3).
fn turn_bits(words: &mut [u64; 64]) {
    let (mut half, mut mask) = (32, u64::MAX >> 32);
    while half > 0 {
        for block in words.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                let moved = (*low >> half ^ *high) & mask;
                *low ^= moved << half;
                *high ^= moved;
            }
        }
        half /= 2;
        mask ^= mask << half;
    }
}
