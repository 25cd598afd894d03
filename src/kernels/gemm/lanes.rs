//! X·Wᵀ over many terms: rows of A times columns of B, read from where they lie, a vector of terms at a time.
//!
//! A lane of a sum is a chain of terms. Nothing is copied, and nothing turned but the finished sums.

use super::product::Product;
use super::tile::copy_few;
use crate::kernels::vector::{Task, Turn, Vector};
use ndarray::NdFloat;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Rows and columns of a tile: its sums and their operands fill the sixteen registers of AVX2.
const ROWS: usize = 3;
const COLUMNS: usize = 4;
/// Columns of a tile of one row: each sum waits four cycles for its last term.
const COLUMNS_OF_A_ROW: usize = 8;
/// Room for the sums of a tile, whole vectors of them.
const SUMS: usize = 16;

/// A product of an A whose rows are contiguous with a B whose columns are, in as many chains as V has lanes.
pub(super) struct Lanes<'a, V: Turn> {
    pub product: &'a Product<V::Scalar>,
    pub vector: PhantomData<V>,
}

impl<V: Turn> Task for Lanes<'_, V> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let p = self.product;
        let rest = p.m % ROWS;
        // SAFETY: the rows are those of C.
        unsafe {
            p.rows_in_lanes::<V, ROWS, COLUMNS>(0, p.m - rest);
            match rest {
                0 => {}
                1 => p.rows_in_lanes::<V, 1, COLUMNS_OF_A_ROW>(p.m - 1, p.m),
                _ => p.rows_in_lanes::<V, 2, COLUMNS>(p.m - 2, p.m),
            }
        }
    }
}

impl<T: NdFloat> Product<T> {
    /// C's rows from `first` to `last` (exclusive) in tiles of R rows, under some columns of B that stay in the first-level
    /// cache meanwhile.
    #[inline(always)]
    unsafe fn rows_in_lanes<V: Turn<Scalar = T>, const R: usize, const C: usize>(&self, first: usize, last: usize) {
        for j in (0..self.n).step_by(C) {
            for i in (first..last).step_by(R) {
                // SAFETY: as promised by the caller.
                unsafe { self.tile_in_lanes::<V, R, C>(i, j) };
            }
        }
    }

    /// One tile. Columns behind the last one repeat it, and are not written.
    #[inline(always)]
    unsafe fn tile_in_lanes<V: Turn<Scalar = T>, const R: usize, const C: usize>(&self, i: usize, j: usize) {
        let rows: [*const T; R] = std::array::from_fn(|r| self.a.from(i + r, 0).at);
        let columns: [*const T; C] = std::array::from_fn(|c| self.b.from(0, (j + c).min(self.n - 1)).at);
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

    /// Adds the chains of each sum in their order, and writes the sums to C.
    #[inline(always)]
    unsafe fn add_chains<V: Turn<Scalar = T>, const R: usize, const C: usize>(
        &self,
        chains: &[[V; C]; R],
        i: usize,
        j: usize,
    ) {
        let chains = chains.as_ptr().cast::<T>();
        let mut sums = [T::zero(); SUMS];
        // SAFETY: there are R·C vectors of chains, and room for as many sums, whole vectors of them; the rows and columns that
        // are written lie inside C.
        unsafe {
            let alpha = V::splat(self.alpha);
            for first in (0..R * C).step_by(V::LANES) {
                let block = V::turned(chains.add(first * V::LANES), V::LANES, R * C - first);
                let sum = block.as_ref().iter().fold(V::zero(), |sum, &chain| sum.plus(chain));
                alpha.times(sum).store(sums.as_mut_ptr().add(first));
            }
            for r in 0..R {
                let c = self.c.add((i + r) * self.c_stride + j);
                self.write_few::<V>(sums.as_ptr().add(r * C), c, C.min(self.n - j));
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
