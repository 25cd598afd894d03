//! X·Wᵀ over many terms: rows of A times columns of B, read from where they lie, a vector of terms at a time.
//!
//! A lane of a sum is a chain of terms. Nothing is turned but the finished sums.

use super::product::{LANES_DEPTH, Product};
use super::tile::copy_few;
use crate::Number;
use crate::vector::{Task, Vector};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// The most sums of a tile, in whole vectors of them.
const SUMS: usize = 16;
/// Bytes of a cache line.
const LINE: usize = 64;
/// From how many rows on the columns under them are copied.
const MANY_ROWS: usize = 16;

/// Room for eight columns of a part's terms.
#[repr(align(64))]
struct Lines<T>([T; 8 * LANES_DEPTH]);

/// A product of an A whose rows are contiguous with a B whose columns are, in as many chains as V has lanes.
pub(super) struct Lanes<'a, V: Vector> {
    pub product: &'a Product<V::Scalar>,
    pub vector: PhantomData<V>,
}

impl<V: Vector> Task for Lanes<'_, V> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        // SAFETY: as promised by the caller.
        unsafe {
            match size_of::<V>() {
                // Sixteen sums, in half the registers: more rows or columns would fill the first-level cache. One row has eight:
                // columns of 1024 terms all begin in the same of its sets, and more of them drive each other out.
                64 => self.product.in_lanes::<V, 2, 8, 8>(),
                // The sums and their operands fill the sixteen registers of AVX2. One row has eight sums, since each waits four
                // cycles for its last term.
                _ => self.product.in_lanes::<V, 3, 4, 8>(),
            }
        }
    }
}

impl<T: Number> Product<T> {
    /// All rows, in tiles of ROWS × COLUMNS and what is left; ALONE columns at a time for one row.
    #[inline(always)]
    unsafe fn in_lanes<V: Vector<Scalar = T>, const ROWS: usize, const COLUMNS: usize, const ALONE: usize>(&self) {
        let rest = self.m % ROWS;
        // SAFETY: the rows are those of C.
        unsafe {
            self.rows_in_lanes::<V, ROWS, COLUMNS>(0, self.m - rest);
            match rest {
                0 => {}
                1 => self.rows_in_lanes::<V, 1, ALONE>(self.m - 1, self.m),
                _ => self.rows_in_lanes::<V, 2, COLUMNS>(self.m - 2, self.m),
            }
        }
    }

    /// C's rows from `first` to `last` (exclusive) in tiles of R rows, under some columns of B that stay in the first-level
    /// cache meanwhile. Where a vector fills a cache line and there are many rows, the columns are copied to where each begins
    /// at one: a vector that lies in two lines takes two loads.
    #[inline(always)]
    unsafe fn rows_in_lanes<V: Vector<Scalar = T>, const R: usize, const C: usize>(&self, first: usize, last: usize) {
        let mut room = MaybeUninit::<Lines<T>>::uninit();
        let room = room.as_mut_ptr().cast::<T>();
        let whole = self.k.next_multiple_of(LINE / size_of::<T>());
        for j in (0..self.n).step_by(C) {
            // Columns behind the last one repeat it, and are not written.
            let mut columns: [*const T; C] = std::array::from_fn(|c| self.b.from(0, (j + c).min(self.n - 1)).at);
            // SAFETY: as promised by the caller; there is room for C columns of a part's terms.
            unsafe {
                if const { size_of::<V>() == LINE } && last - first >= MANY_ROWS {
                    for (c, column) in columns.iter_mut().enumerate() {
                        column.copy_to_nonoverlapping(room.add(c * whole), self.k);
                        *column = room.add(c * whole);
                    }
                }
                for i in (first..last).step_by(R) {
                    self.tile_in_lanes::<V, R, C>(i, j, columns);
                }
            }
        }
    }

    /// One tile.
    #[inline(always)]
    unsafe fn tile_in_lanes<V: Vector<Scalar = T>, const R: usize, const C: usize>(
        &self,
        i: usize,
        j: usize,
        columns: [*const T; C],
    ) {
        let rows: [*const T; R] = std::array::from_fn(|r| self.a.from(i + r, 0).at);
        let (paired, whole) = (self.k / (2 * V::LANES) * (2 * V::LANES), self.k / V::LANES * V::LANES);
        // SAFETY: A's rows and B's columns are k contiguous terms.
        unsafe {
            let mut chains = [[V::zero(); C]; R];
            for p in (0..paired).step_by(2 * V::LANES) {
                for p in [p, p + V::LANES] {
                    add_terms(&mut chains, |r| V::load(rows[r].add(p)), |c| V::load(columns[c].add(p)));
                }
            }
            if paired < whole {
                add_terms(&mut chains, |r| V::load(rows[r].add(paired)), |c| V::load(columns[c].add(paired)));
            }
            if whole < self.k {
                let few = |at: *const T| first_of::<V>(at.add(whole), self.k - whole);
                add_terms(&mut chains, |r| few(rows[r]), |c| few(columns[c]));
            }
            self.add_chains::<V, R, C>(&chains, i, j);
        }
    }

    /// Adds the chains of each sum, and writes the sums to C.
    #[inline(always)]
    unsafe fn add_chains<V: Vector<Scalar = T>, const R: usize, const C: usize>(
        &self,
        chains: &[[V; C]; R],
        i: usize,
        j: usize,
    ) {
        let mut room = MaybeUninit::<[V; SUMS]>::uninit();
        let mut sums = [T::zero(); SUMS];
        let room = room.as_mut_ptr().cast::<T>();
        // SAFETY: there is room for as many vectors as are read, and for the sums; the rows and columns that are written lie
        // inside C.
        unsafe {
            for (place, &chain) in chains.as_flattened().iter().enumerate() {
                chain.store(room.add(place * V::LANES));
            }
            for place in R * C..(R * C).next_multiple_of(V::LANES) {
                V::zero().store(room.add(place * V::LANES));
            }
            let alpha = V::splat(self.alpha);
            for first in (0..R * C).step_by(V::LANES) {
                alpha.times(V::lane_sums(room.add(first * V::LANES))).store(sums.as_mut_ptr().add(first));
            }
            for r in 0..R {
                let c = self.c.add((i + r) * self.c_stride + j);
                for first in (0..C.min(self.n - j)).step_by(8) {
                    let count = (C.min(self.n - j) - first).min(8);
                    self.write_few::<V>(sums.as_ptr().add(r * C + first), c.add(first), count);
                }
            }
        }
    }
}

/// Adds a vector of terms to each chain of a tile.
#[inline(always)]
unsafe fn add_terms<V: Vector, const R: usize, const C: usize>(
    chains: &mut [[V; C]; R],
    x: impl Fn(usize) -> V,
    y: impl Fn(usize) -> V,
) {
    let x: [V; R] = std::array::from_fn(x);
    for c in 0..C {
        let y = y(c);
        for (chains, x) in chains.iter_mut().zip(x) {
            // SAFETY: as promised by the caller.
            chains[c] = unsafe { x.times_plus(y, chains[c]) };
        }
    }
}

/// The first entries of a vector, fewer than all; the others are 0.
#[inline(always)]
unsafe fn first_of<V: Vector>(at: *const V::Scalar, count: usize) -> V {
    let mut vector = MaybeUninit::<V>::uninit();
    // SAFETY: the caller promises `count` entries.
    unsafe {
        vector.write(V::zero());
        copy_few(at, vector.as_mut_ptr().cast(), count);
        vector.assume_init()
    }
}
