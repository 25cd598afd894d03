//! Tiles of images: an input's or a δ's from planes of pixels to products' operands, and an output's from the products.

use super::transforms::{delta, input, output};
use super::turn::{turn_in, turn_out};
use super::{Grid, Spread};
use crate::Number;
use crate::simd::{Comparable, Kernel};
use std::ops::Range;

/// Images, (n, channels, h, w).
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub values: &'a [f32],
    pub channels: usize,
    pub size: [usize; 2],
    /// Zeros above an image and to its left.
    pub padding: [usize; 2],
}

/// The transformed tiles of some rows of tiles, SIDE × SIDE pixels each: 4 of an input, 2 of a δ.
pub(super) struct Split<'a, const SIDE: usize> {
    pub grid: Grid,
    pub rows: Range<usize>,
    pub source: Source<'a>,
    /// Room for the pixels of a row of tiles or more, a vector each.
    pub pixels: &'a mut [f32],
    /// Where each pixel of some rows of the image lies there.
    pub places: &'a [usize],
    pub spread: Spread,
    pub to: &'a mut [f32],
}

impl<const SIDE: usize> Kernel<f32> for Split<'_, SIDE> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Split { grid, rows, source, pixels, places, spread, to } = self;
        let Source { values, channels, size: [h, w], padding } = source;
        let wide = 2 * grid.wide + SIDE - 2;
        assert!(values.len() == grid.images * channels * h * w, "images of their size");
        for first in (0..channels).step_by(V::LANES) {
            let some = V::LANES.min(channels - first);
            for (tile, image, rows) in grid.runs(rows.clone()) {
                let high = 2 * rows.len() + SIDE - 2;
                let pixels = &mut pixels[..high * wide * V::LANES];
                pixels.fill(0.0);
                let top = 2 * rows.start;
                let ys = top.max(padding[0]) - padding[0]..(top + high).saturating_sub(padding[0]).min(h);
                let corner = (ys.start + padding[0] - top) * wide + padding[1];
                let plane = &values[(image * channels + first) * h * w..];
                let to = &mut to[tile * spread.tile + first..];
                let to = to.as_mut_ptr();
                // SAFETY:
                unsafe {
                    let from = plane.as_ptr().add(ys.start * w);
                    turn_in::<V>(from, h * w, some, ys.len() * w, pixels.as_mut_ptr(), |i| corner + places[i]);
                    for row in 0..rows.len() {
                        let from = pixels.as_ptr().add(2 * row * wide * V::LANES);
                        let to = to.add(row * grid.wide * spread.tile);
                        split_row::<V, SIDE>(from, wide, grid.wide, to, spread);
                    }
                }
            }
        }
    }
}

/// A row of tiles.
#[inline(always)]
unsafe fn split_row<V: Comparable<Scalar = f32>, const SIDE: usize>(
    from: *const f32,
    wide: usize,
    tiles: usize,
    to: *mut f32,
    spread: Spread,
) {
    // SAFETY:
    unsafe {
        let at = |row: usize, column: usize| V::load(from.add((row * wide + column) * V::LANES));
        if SIDE == 2 {
            for tile in 0..tiles {
                let column = |j: usize| delta([at(0, 2 * tile + j), at(1, 2 * tile + j)]);
                let [left, right] = [column(0), column(1)];
                for i in 0..4 {
                    for (j, value) in delta([left[i], right[i]]).into_iter().enumerate() {
                        value.store(to.add(tile * spread.tile + (4 * i + j) * spread.plane));
                    }
                }
            }
            return;
        }
        let column = |j: usize| input([at(0, j), at(1, j), at(2, j), at(3, j)]);
        let (mut a, mut b) = (column(0), column(1));
        for tile in 0..tiles {
            let (c, d) = (column(2 * tile + 2), column(2 * tile + 3));
            for i in 0..4 {
                for (j, value) in input([a[i], b[i], c[i], d[i]]).into_iter().enumerate() {
                    value.store(to.add(tile * spread.tile + (4 * i + j) * spread.plane));
                }
            }
            (a, b) = (c, d);
        }
    }
}

/// Z's pixels from the products of some rows of tiles, with b.
pub(super) struct Join<'a> {
    pub grid: Grid,
    pub rows: Range<usize>,
    pub products: &'a [f32],
    pub spread: Spread,
    pub pixels: &'a mut [f32],
    pub bias: Option<&'a [f32]>,
    pub channels: usize,
    pub size: [usize; 2],
    pub z: &'a mut [f32],
}

impl Kernel<f32> for Join<'_> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Join { grid, rows, products, spread, pixels, bias, channels, size: [h, w], z } = self;
        for first in (0..channels).step_by(V::LANES) {
            let some = V::LANES.min(channels - first);
            let mut lanes = [0.0; 16];
            if let Some(bias) = bias {
                lanes[..some].copy_from_slice(&bias[first..first + some]);
            }
            for (tile, image, rows) in grid.runs(rows.clone()) {
                let (y, high) = (2 * rows.start, (2 * rows.len()).min(h - 2 * rows.start));
                let from = &products[tile * spread.tile + first..];
                let to = &mut z[((image * channels + first) * h + y) * w..];
                // SAFETY:
                unsafe {
                    let bias = V::load(lanes.as_ptr());
                    for row in 0..rows.len() {
                        let to = pixels.as_mut_ptr().add(2 * row * w * V::LANES);
                        join_row::<V>(from.as_ptr().add(row * grid.wide * spread.tile), spread, bias, to, w);
                    }
                    turn_out::<V, false>(pixels.as_ptr(), high * w, to.as_mut_ptr(), h * w, some);
                }
            }
        }
    }
}

/// A row of tiles: two rows of w pixels.
#[inline(always)]
unsafe fn join_row<V: Comparable<Scalar = f32>>(from: *const f32, spread: Spread, bias: V, to: *mut f32, w: usize) {
    // SAFETY:
    unsafe {
        for tile in 0..w.div_ceil(2) {
            let at = |i: usize, j: usize| V::load(from.add(tile * spread.tile + (4 * i + j) * spread.plane));
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

/// The numbers of a row of pixels, and of the places in it.
pub(super) fn places<const SIDE: usize>(grid: Grid, [h, w]: [usize; 2]) -> Vec<usize> {
    let wide = 2 * grid.wide + SIDE - 2;
    (0..h).flat_map(|y| (0..w).map(move |x| y * wide + x)).collect()
}

#[allow(dead_code)]
fn unused<T: Number>() {}
