//! Panels of B: some columns of it, one or more vectors wide, where they lie or copied so that a tile reads whole vectors.

use super::product::{DEPTH, Product, Raw};
use super::tile::copy_few;
use crate::Number;
use crate::vector::{Turn, Vector};
use std::mem::MaybeUninit;

/// The most vectors in a row of a panel that is copied.
const WIDTH: usize = 2;

/// Room for a copied panel: 16 KiB with AVX2, half of the first-level cache.
pub(super) type Room<V> = MaybeUninit<[V; WIDTH * DEPTH]>;

/// Some neighbouring columns of B: k rows of whole vectors, `stride` apart.
pub(super) struct Panel<T> {
    pub at: *const T,
    pub stride: usize,
    /// B's column in lane 0.
    pub column: usize,
    /// Lanes from here…
    pub first: usize,
    /// …to here (exclusive) are wanted; the others belong to another panel or to no column.
    pub last: usize,
    pub partial: bool,
}

impl<T: Number> Product<T> {
    /// B's columns from j on: VECTORS vectors of them, or the rest.
    ///
    /// # Safety
    /// B must be readable. k must not be beyond [`DEPTH`] and j must be below n.
    #[inline(always)]
    pub(super) unsafe fn panel<V: Vector<Scalar = T>, const VECTORS: usize>(
        &self,
        j: usize,
        copy: bool,
        room: &mut Room<V>,
    ) -> Panel<T> {
        let width = VECTORS * V::LANES;
        let rest = (self.n - j).min(width);
        if self.b.column_stride == 1 && self.n >= width {
            // The last panel begins early enough to be whole; what it shares with its neighbour is computed twice.
            let column = j.min(self.n - width);
            let b = self.b.from(0, column);
            // Rows without gaps lie as a copy's would.
            let (at, stride) = if copy && b.row_stride != width {
                // SAFETY: B has `width` columns from there on.
                unsafe { copied::<V, VECTORS>(b, self.k, width, room) }
            } else {
                (b.at, b.row_stride)
            };
            return Panel { at, stride, column, first: j - column, last: width, partial: column < j };
        }
        let b = self.b.from(0, j);
        // SAFETY: B has `rest` columns from j on.
        let (at, stride) = unsafe {
            if b.column_stride == 1 {
                copied::<V, VECTORS>(b, self.k, rest, room)
            } else if b.stands_in_columns() {
                turned::<V, VECTORS>(b, self.k, rest, room)
            } else {
                gathered::<V, VECTORS>(b, self.k, rest, room)
            }
        };
        Panel { at, stride, column: j, first: 0, last: rest, partial: rest < width }
    }
}

/// Copies rows of contiguous columns; lanes behind the last column become zero.
#[inline(always)]
unsafe fn copied<V: Vector, const VECTORS: usize>(
    b: Raw<V::Scalar>,
    k: usize,
    columns: usize,
    room: &mut Room<V>,
) -> (*const V::Scalar, usize) {
    let to = room.as_mut_ptr().cast::<V>();
    // SAFETY: the room holds k rows of VECTORS vectors; the caller promises k rows of `columns` values of B.
    unsafe {
        for p in 0..k {
            let (from, to) = (b.at.add(p * b.row_stride), to.add(p * VECTORS));
            for v in 0..VECTORS {
                let (from, to) = (from.wrapping_add(v * V::LANES), to.add(v));
                if (v + 1) * V::LANES <= columns {
                    to.write(V::load(from));
                } else {
                    to.write(V::zero());
                    if v * V::LANES < columns {
                        copy_few(from, to.cast(), columns - v * V::LANES);
                    }
                }
            }
        }
    }
    (to.cast(), VECTORS * V::LANES)
}

/// Turns columns that are contiguous into rows; lanes behind the last column repeat it.
#[inline(always)]
unsafe fn turned<V: Vector, const VECTORS: usize>(
    b: Raw<V::Scalar>,
    k: usize,
    columns: usize,
    room: &mut Room<V>,
) -> (*const V::Scalar, usize) {
    let (lanes, width) = (<V::Turner as Vector>::LANES, VECTORS * V::LANES);
    if k < lanes {
        // SAFETY: as promised by the caller.
        return unsafe { gathered::<V, VECTORS>(b, k, columns, room) };
    }
    let to = room.as_mut_ptr().cast::<V::Scalar>();
    for group in (0..width).step_by(lanes) {
        // SAFETY: columns are held below `columns`, and rows below k: the last block begins early enough to be whole.
        unsafe {
            let group_at = b.from(0, group.min(columns - 1));
            let there = columns.saturating_sub(group).max(1);
            for p in (0..k).step_by(lanes) {
                let p = p.min(k - lanes);
                let block = V::Turner::turned(group_at.at.add(p), b.column_stride, there);
                for (q, row) in block.as_ref().iter().enumerate() {
                    row.store(to.add((p + q) * width + group));
                }
            }
        }
    }
    (to, width)
}

/// Copies entry by entry, from any strides.
#[inline(always)]
unsafe fn gathered<V: Vector, const VECTORS: usize>(
    b: Raw<V::Scalar>,
    k: usize,
    columns: usize,
    room: &mut Room<V>,
) -> (*const V::Scalar, usize) {
    let (to, width) = (room.as_mut_ptr().cast::<V::Scalar>(), VECTORS * V::LANES);
    // SAFETY: columns are held below `columns`.
    unsafe {
        for lane in 0..width {
            let from = b.from(0, lane.min(columns - 1)).at;
            for p in 0..k {
                to.add(p * width + lane).write(*from.add(p * b.row_stride));
            }
        }
    }
    (to, width)
}
