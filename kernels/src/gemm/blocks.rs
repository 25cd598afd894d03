//! The loops around the tiles: blocks that fit the caches, and which way round a product is computed.

use super::lanes::Lanes;
use super::panel::{Panel, Room};
use super::product::{DEPTH, LANES_DEPTH, Product, Raw};
use super::row::Row;
use super::tile::Tiles;
use crate::Number;
use crate::vector::{Task, Vector};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Rows of A that are multiplied before the next: with [`DEPTH`] terms 192 KiB of `f32`, so that they stay in the
/// second-level cache.
const ROWS: usize = 192;
/// The same where terms are summed in lanes, in parts of [`LANES_DEPTH`].
const LANES_ROWS: usize = 96;

/// Computes a product with tiles of up to MR rows of vectors V.
///
/// # Safety
/// The product must be as its type describes; V's instructions must be enabled and there.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector, const MR: usize>(p: Product<V::Scalar>) {
    if p.m == 0 || p.n == 0 {
        return;
    }
    // A product of rows with rows (X·Wᵀ) over many terms is summed in lanes: nothing need be turned.
    if p.a.column_stride == 1 && p.b.stands_in_columns() && p.k > DEPTH {
        let p = Product { depth: LANES_DEPTH, ..p };
        for part in p.parts() {
            for i in (0..p.m).step_by(LANES_ROWS) {
                let rows = part.rows_from(i, LANES_ROWS.min(p.m - i));
                // SAFETY: as promised by the caller; a block of a product is one.
                unsafe { V::run(Lanes::<V> { product: &rows, vector: PhantomData }) };
            }
        }
        return;
    }
    let p = way_round::<V>(p);
    if p.m == 1 && p.b.stands_in_columns() {
        // SAFETY: as promised by the caller.
        return unsafe { V::Turner::run(Row::<V::Turner> { product: &p, vector: PhantomData }) };
    }
    // SAFETY: as promised by the caller.
    unsafe { by_panels::<V, MR>(p) }
}

/// Block by block of rows that stay in the second-level cache, panel by panel of B.
#[inline(always)]
unsafe fn by_panels<V: Vector, const MR: usize>(p: Product<V::Scalar>) {
    if p.a.row_stride == 1 && p.m <= NARROW && p.a.column_stride >= 2 * p.m && p.n >= MANY * V::LANES {
        // SAFETY: as promised by the caller.
        return unsafe { V::run(Closed::<V, MR> { product: p, vector: PhantomData }) };
    }
    // With one term reading and writing C is all there is to do, and goes fastest along its rows.
    let along_rows = p.k == 1 && !p.turned && p.b.column_stride == 1 && p.n >= ALONE * V::LANES;
    let rows = if along_rows { 1 } else { ROWS };
    let mut room = Room::<V>::uninit();
    for part in p.parts() {
        for i in (0..p.m).step_by(rows) {
            // SAFETY: a block of a product is one.
            unsafe { part.rows_from(i, rows.min(p.m - i)).panels::<V, MR>(&mut room) };
        }
    }
}

/// Vectors of sums side by side where there is one row alone.
const ALONE: usize = 8;

/// The most rows of an A whose columns are copied, and from how many vectors of B's columns on.
const NARROW: usize = 32;
const MANY: usize = 8;

/// [`by_panels`] for an A whose columns are short pieces far apart, as those of a part of δᵀ are: they are copied side by side,
/// because where they lie they can fall into a few sets of the first-level cache and drive each other out.
struct Closed<V: Vector, const MR: usize> {
    product: Product<V::Scalar>,
    vector: PhantomData<V>,
}

impl<V: Vector, const MR: usize> Task for Closed<V, MR> {
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let p = self.product;
        let mut room = Room::<V>::uninit();
        let mut columns = MaybeUninit::<[V::Scalar; NARROW * DEPTH]>::uninit();
        let to = columns.as_mut_ptr().cast::<V::Scalar>();
        for mut part in p.parts() {
            // SAFETY: A has k columns of m entries, for which there is room; the rest as promised by the caller.
            unsafe {
                for column in 0..part.k {
                    let from = part.a.from(0, column).at;
                    std::ptr::copy_nonoverlapping(from, to.add(column * part.m), part.m);
                }
                part.a = Raw { at: to, row_stride: 1, column_stride: part.m };
                part.panels::<V, MR>(&mut room);
            }
        }
    }
}

/// A product or its transpose, whichever is cheaper.
#[inline(always)]
fn way_round<V: Vector>(p: Product<V::Scalar>) -> Product<V::Scalar> {
    let turned = p.turn();
    match (p.m, p.n) {
        (1, _) => p,
        (_, 1) => turned,
        _ if cost::<V>(&turned) < cost::<V>(&p) => turned,
        _ => p,
    }
}

/// What a product costs, in eighths of a cycle on a machine with two multiply-adds a cycle. Only which of two ways round is
/// cheaper depends on it.
#[inline(always)]
fn cost<V: Vector>(p: &Product<V::Scalar>) -> usize {
    let vectors = p.n.div_ceil(V::LANES);
    // A multiply-add takes four cycles, so fewer than eight sums at a time leave the units idle.
    let idle = (8 / (p.m.min(8) * vectors.min(2))).max(1);
    let sums = 4 * idle * p.k * p.m * vectors;
    let panels = match (p.b.column_stride, p.b.row_stride) {
        (1, _) => 0,
        (_, 1) => p.k * p.n * size_of::<V::Scalar>() / 2,
        _ => 8 * p.k * p.n,
    };
    let writes = match p.turned {
        true => 6 * p.m * p.n,
        false if p.n % V::LANES != 0 => 32 * p.m,
        false => 8 * p.m * vectors,
    };
    sums + panels + writes
}

impl<T: Number> Product<T> {
    /// Panel by panel of B.
    #[inline(always)]
    unsafe fn panels<V: Vector<Scalar = T>, const MR: usize>(&self, room: &mut Room<V>) {
        let copy = self.m > 24;
        let mut j = 0;
        // SAFETY: as promised by the caller of `multiply`.
        unsafe {
            while j < self.n {
                if self.m == 1 && self.b.column_stride == 1 && self.n - j >= ALONE * V::LANES {
                    // One row alone needs many sums side by side.
                    let panel = self.panel::<V, ALONE>(j, false, room);
                    self.tiles_of::<V, 1, ALONE>(0, 1, &panel);
                    j += ALONE * V::LANES;
                } else if self.n - j > V::LANES {
                    let panel = self.panel::<V, 2>(j, copy, room);
                    self.rows::<V, MR, 2>(&panel);
                    j += 2 * V::LANES;
                } else {
                    let panel = self.panel::<V, 1>(j, copy, room);
                    self.rows::<V, MR, 1>(&panel);
                    j += V::LANES;
                }
            }
        }
    }

    /// All rows of C in the columns of a panel, by tiles whose heights differ by one at most.
    #[inline(always)]
    unsafe fn rows<V: Vector<Scalar = T>, const MR: usize, const VECTORS: usize>(&self, panel: &Panel<T>) {
        let tiles = self.m.div_ceil(MR);
        let (height, higher) = (self.m / tiles, self.m % tiles);
        // SAFETY: the heights add up to m.
        unsafe {
            self.tiles::<V, MR, VECTORS>(height + 1, 0, higher, panel);
            self.tiles::<V, MR, VECTORS>(height, higher * (height + 1), tiles - higher, panel);
        }
    }

    /// `count` tiles of that height from row i on. Only the arms up to MR are compiled, which takes a constant in the guards.
    #[inline(always)]
    unsafe fn tiles<V: Vector<Scalar = T>, const MR: usize, const VECTORS: usize>(
        &self,
        height: usize,
        i: usize,
        count: usize,
        panel: &Panel<T>,
    ) {
        if count == 0 {
            return;
        }
        // SAFETY: as promised by the caller.
        unsafe {
            match height {
                1 => self.tiles_of::<V, 1, VECTORS>(i, count, panel),
                2 if const { MR >= 2 } => self.tiles_of::<V, 2, VECTORS>(i, count, panel),
                3 if const { MR >= 3 } => self.tiles_of::<V, 3, VECTORS>(i, count, panel),
                4 if const { MR >= 4 } => self.tiles_of::<V, 4, VECTORS>(i, count, panel),
                5 if const { MR >= 5 } => self.tiles_of::<V, 5, VECTORS>(i, count, panel),
                6 if const { MR >= 6 } => self.tiles_of::<V, 6, VECTORS>(i, count, panel),
                7 if const { MR >= 7 } => self.tiles_of::<V, 7, VECTORS>(i, count, panel),
                8 if const { MR >= 8 } => self.tiles_of::<V, 8, VECTORS>(i, count, panel),
                9 if const { MR >= 9 } => self.tiles_of::<V, 9, VECTORS>(i, count, panel),
                10 if const { MR >= 10 } => self.tiles_of::<V, 10, VECTORS>(i, count, panel),
                11 if const { MR >= 11 } => self.tiles_of::<V, 11, VECTORS>(i, count, panel),
                12 if const { MR >= 12 } => self.tiles_of::<V, 12, VECTORS>(i, count, panel),
                _ => unreachable!("tiles of more rows than registers"),
            }
        }
    }

    #[inline(always)]
    unsafe fn tiles_of<V: Vector<Scalar = T>, const ROWS: usize, const VECTORS: usize>(
        &self,
        i: usize,
        count: usize,
        panel: &Panel<T>,
    ) {
        // SAFETY: as promised by the caller.
        unsafe { V::run(Tiles::<V, ROWS, VECTORS> { product: self, panel, i, count, vector: PhantomData }) };
    }
}
