//! Tiles of images: what products read from planes of pixels, and outputs from what they gave. A vector holds one pixel of as
//! many channels as it has lanes.

use super::transforms::{delta, input, output};
use super::turn::{turn_in, turn_out};
use super::{Grid, Sixteen};
use crate::Level;
use crate::simd::{Comparable, Kernel, Vectors};
use std::ops::Range;

/// Images, (n, channels, h, w).
#[derive(Clone, Copy)]
pub(super) struct Images<'a> {
    pub values: &'a [f32],
    pub channels: usize,
    pub size: [usize; 2],
    /// Zeros above an image and to its left.
    pub padding: [usize; 2],
}

impl Images<'_> {
    /// to ← the transformed tiles of some rows of the grid, from SIDE × SIDE pixels each: 4 of an input, 2 of a δ.
    pub(super) fn split<const SIDE: usize>(
        self,
        level: Level,
        &grid: &Grid,
        rows: Range<usize>,
        room: &mut [f32],
        lies: Sixteen,
        to: &mut [f32],
    ) {
        f32::vectorised_at(level, Split::<SIDE> { images: self, grid, rows, room, lies, to });
    }
}

struct Split<'a, const SIDE: usize> {
    images: Images<'a>,
    grid: Grid,
    rows: Range<usize>,
    room: &'a mut [f32],
    lies: Sixteen,
    to: &'a mut [f32],
}

impl<const SIDE: usize> Kernel<f32> for Split<'_, SIDE> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Split { images: Images { values, channels, size: [h, w], padding }, grid, rows, room, lies, to } = self;
        // A row of pixels for a row of tiles.
        let wide = 2 * grid.wide + SIDE - 2;
        assert!(
            values.len() >= grid.images * channels * h * w && rows.end <= grid.images * grid.high,
            "an image's size"
        );
        assert!(w + padding[1] <= wide && channels <= lies.row && lies.row.is_multiple_of(V::LANES), "a tile's size");
        assert!(15 * lies.matrix + rows.len() * grid.wide * lies.row <= to.len(), "room for 16 matrices");
        for first in (0..channels).step_by(V::LANES) {
            let some = V::LANES.min(channels - first);
            for (tile, image, rows) in grid.runs(rows.clone()) {
                let (top, high) = (2 * rows.start, 2 * rows.len() + SIDE - 2);
                let room = &mut room[..high * wide * V::LANES];
                room.fill(0.0);
                // The image's own rows among these.
                let ys = top.max(padding[0]) - padding[0]..(top + high).saturating_sub(padding[0]).min(h);
                let corner = ((ys.start + padding[0] - top) * wide + padding[1]) * V::LANES;
                let plane = values[(image * channels + first) * h * w..].as_ptr();
                // SAFETY: `some` channels of h·w numbers lie behind `plane`; rows of w pixels fit between the zeros, as do 16
                // matrices with a row for each tile, as was checked.
                unsafe {
                    let to_pixels = room.as_mut_ptr().wrapping_add(corner);
                    turn_in::<V>(plane.add(ys.start * w), [some, h * w], [ys.len(), w], to_pixels, wide);
                    for row in 0..rows.len() {
                        let from = room.as_ptr().add(2 * row * wide * V::LANES);
                        let to = to.as_mut_ptr().add((tile + row * grid.wide) * lies.row + first);
                        if SIDE == 2 {
                            of_delta::<V>(from, wide, grid.wide, to, lies);
                        } else {
                            of_input::<V>(from, wide, grid.wide, to, lies);
                        }
                    }
                }
            }
        }
    }
}

/// A row of an input's tiles, Bᵀ·d·B; the columns that two tiles share are taken over.
#[inline(always)]
unsafe fn of_input<V: Comparable<Scalar = f32>>(
    from: *const f32,
    wide: usize,
    tiles: usize,
    to: *mut f32,
    lies: Sixteen,
) {
    // SAFETY: as promised by the caller, there are four rows of pixels, and 16 matrices of so many tiles.
    unsafe {
        let at = |row: usize, column: usize| V::load(from.add((row * wide + column) * V::LANES));
        let column = |j: usize| input([at(0, j), at(1, j), at(2, j), at(3, j)]);
        let (mut a, mut b) = (column(0), column(1));
        for tile in 0..tiles {
            let (c, d) = (column(2 * tile + 2), column(2 * tile + 3));
            for i in 0..4 {
                for (j, value) in input([a[i], b[i], c[i], d[i]]).into_iter().enumerate() {
                    value.store(to.add(tile * lies.row + (4 * i + j) * lies.matrix));
                }
            }
            (a, b) = (c, d);
        }
    }
}

/// A row of tiles of δ, A·δ·Aᵀ.
#[inline(always)]
unsafe fn of_delta<V: Comparable<Scalar = f32>>(
    from: *const f32,
    wide: usize,
    tiles: usize,
    to: *mut f32,
    lies: Sixteen,
) {
    // SAFETY: as for `of_input`, with two rows of pixels.
    unsafe {
        let at = |row: usize, column: usize| V::load(from.add((row * wide + column) * V::LANES));
        let column = |j: usize| delta([at(0, j), at(1, j)]);
        for tile in 0..tiles {
            let (left, right) = (column(2 * tile), column(2 * tile + 1));
            for i in 0..4 {
                for (j, value) in delta([left[i], right[i]]).into_iter().enumerate() {
                    value.store(to.add(tile * lies.row + (4 * i + j) * lies.matrix));
                }
            }
        }
    }
}

/// Z's pixels from the products of some rows of tiles: Aᵀ·m·A + b.
pub(super) struct Join<'a> {
    pub grid: Grid,
    pub rows: Range<usize>,
    pub from: &'a [f32],
    pub lies: Sixteen,
    pub room: &'a mut [f32],
    pub bias: Option<&'a [f32]>,
    pub channels: usize,
    pub size: [usize; 2],
    pub z: &'a mut [f32],
}

/// The most lanes of a vector.
const MOST: usize = 16;

impl Kernel<f32> for Join<'_> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Join { grid, rows, from, lies, room, bias, channels, size: [h, w], z } = self;
        assert!(z.len() >= grid.images * channels * h * w && rows.end <= grid.images * grid.high, "an image's size");
        assert!(grid.wide == w.div_ceil(2) && grid.high == h.div_ceil(2), "a tile's size");
        assert!(channels <= lies.row && lies.row.is_multiple_of(V::LANES), "rows of whole vectors");
        assert!(15 * lies.matrix + rows.len() * grid.wide * lies.row <= from.len(), "16 matrices");
        for first in (0..channels).step_by(V::LANES) {
            let some = V::LANES.min(channels - first);
            let mut lanes = [0.0; MOST];
            if let Some(bias) = bias {
                lanes[..some].copy_from_slice(&bias[first..first + some]);
            }
            for (tile, image, rows) in grid.runs(rows.clone()) {
                let (y, high) = (2 * rows.start, (2 * rows.len()).min(h - 2 * rows.start));
                let room = &mut room[..2 * rows.len() * w * V::LANES];
                let z = z[((image * channels + first) * h + y) * w..].as_mut_ptr();
                // SAFETY: the matrices have a row for each tile and a column for each channel, and `room` two rows of w pixels for
                // a row of tiles; behind `z` lie as many rows of `some` channels.
                unsafe {
                    let bias = V::load(lanes.as_ptr());
                    for row in 0..rows.len() {
                        let from = from.as_ptr().add((tile + row * grid.wide) * lies.row + first);
                        to_output::<V>(from, lies, bias, w, room.as_mut_ptr().add(2 * row * w * V::LANES));
                    }
                    turn_out::<V, false>(room.as_ptr(), high * w, z, [some, h * w]);
                }
            }
        }
    }
}

/// A row of tiles to two rows of w pixels.
#[inline(always)]
unsafe fn to_output<V: Comparable<Scalar = f32>>(from: *const f32, lies: Sixteen, bias: V, w: usize, to: *mut f32) {
    // SAFETY: as promised by the caller; where w is odd, the last tile has one column.
    unsafe {
        for tile in 0..w.div_ceil(2) {
            let at = |i: usize, j: usize| V::load(from.add(tile * lies.row + (4 * i + j) * lies.matrix));
            let column = |j: usize| output([at(0, j), at(1, j), at(2, j), at(3, j)]);
            let [a, b, c, d] = [column(0), column(1), column(2), column(3)];
            for i in 0..2 {
                let [left, right] = output([a[i], b[i], c[i], d[i]]);
                let to = to.add((i * w + 2 * tile) * V::LANES);
                left.plus(bias).store(to);
                if 2 * tile + 1 < w {
                    right.plus(bias).store(to.add(V::LANES));
                }
            }
        }
    }
}
