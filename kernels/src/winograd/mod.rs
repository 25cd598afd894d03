//! Winograd's minimal filtering.

mod filters;
mod tiles;
mod transforms;
mod turn;

use crate::aligned::Aligned;
use crate::dispatch::Level;
use crate::gemm::gemm_at;
use crate::simd::Vectors;
use crate::{Convolution, Matrix, MatrixMut};
use filters::{Filters, Gradient};
use std::cell::RefCell;
use std::ops::Range;
use tiles::{Join, Source, Split, places};

/// Tiles of 2×2 outputs that cover the images of a batch, row after row of them.
#[derive(Clone, Copy)]
struct Grid {
    images: usize,
    high: usize,
    wide: usize,
}

impl Grid {
    /// Some rows of tiles, image by image: the first tile's number among them, the image, and the rows there.
    fn runs(self, rows: Range<usize>) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
        let mut next = rows.start;
        std::iter::from_fn(move || {
            let (image, row, tile) = (next / self.high, next % self.high, (next - rows.start) * self.wide);
            let count = (rows.end - next).min(self.high - row);
            next += count;
            (count > 0).then_some((tile, image, row..row + count))
        })
    }
}

/// Where numbers lie in 16 matrices whose rows are tiles: from one tile to the next and from one matrix to the next.
#[derive(Clone, Copy)]
struct Spread {
    tile: usize,
    plane: usize,
}

impl Spread {
    fn new(tiles: usize, channels: usize, lanes: usize) -> Spread {
        let tile = channels.next_multiple_of(lanes);
        Spread { tile, plane: crate::conv::odd_lines(tiles * tile) }
    }
    fn len(self) -> usize {
        16 * self.plane
    }
}

#[derive(Default)]
struct Room {
    filters: Aligned<f32>,
    tiles: Aligned<f32>,
    products: Aligned<f32>,
    pixels: Aligned<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Numbers of the tiles and products of a block.
fn budget() -> usize {
    static B: std::sync::LazyLock<usize> =
        std::sync::LazyLock::new(|| std::env::var("WINO").ok().and_then(|v| v.parse().ok()).unwrap_or(128)<<10);
    *B
}

fn tile_rows(grid: Grid, c: usize, o: usize) -> usize {
    let tiles = (budget() / (16 * (c + o))).max(32);
    (tiles / grid.wide).clamp(1, (grid.images * grid.high).max(1))
}

/// A convolution.
pub(crate) struct Winograd {
    grid: Grid,
    channels: [usize; 2],
    input: [usize; 2],
    output: [usize; 2],
    padding: [usize; 2],
}

impl Winograd {
    /// .
    pub(crate) fn of(conv: &Convolution) -> Option<Winograd> {
        let Convolution { windows, images, inputs, outputs, groups } = *conv;
        let fits = |axis: &crate::Axis| {
            (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1)
                && axis.padding <= 2
                && axis.output + 2 == axis.input + 2 * axis.padding
        };
        (groups == 1 && fits(&windows.h) && fits(&windows.w)).then(|| Winograd {
            grid: Grid { images, high: windows.h.output.div_ceil(2), wide: windows.w.output.div_ceil(2) },
            channels: [inputs, outputs],
            input: [windows.h.input, windows.w.input],
            output: [windows.h.output, windows.w.output],
            padding: [windows.h.padding, windows.w.padding],
        })
    }

    fn turned(&self) -> Winograd {
        let [h, w] = self.input;
        Winograd {
            grid: Grid { high: h.div_ceil(2), wide: w.div_ceil(2), ..self.grid },
            channels: [self.channels[1], self.channels[0]],
            input: self.output,
            output: self.input,
            padding: self.padding.map(|p| 2 - p),
        }
    }

    pub(crate) fn forward(&self, level: Level, weight: &[f32], bias: Option<&[f32]>, x: &[f32], z: &mut [f32]) {
        self.products(level, weight, false, bias, x, z);
    }

    pub(crate) fn delta(&self, level: Level, weight: &[f32], bias: Option<&[f32]>, delta: &[f32], result: &mut [f32]) {
        self.turned().products(level, weight, true, bias, delta, result);
    }

    fn products(&self, level: Level, weight: &[f32], turned: bool, bias: Option<&[f32]>, x: &[f32], z: &mut [f32]) {
        let &Winograd { grid, channels: [inputs, outputs], .. } = self;
        let lanes = f32::width_at(level);
        let rows = tile_rows(grid, inputs, outputs);
        let tiles = rows * grid.wide;
        let of_filters = Spread::new(inputs, outputs, lanes);
        let [of_x, of_z] = [inputs, outputs].map(|channels| Spread::new(tiles, channels, lanes));
        let places = places::<4>(grid, [self.input[0].min(2 * rows + 2), self.input[1]]);
        ROOM.with_borrow_mut(|room| {
            let u = room.filters.take(of_filters.len());
            let pixels = ((2 * rows + 2) * (2 * grid.wide + 2)).max(9 * inputs) * lanes;
            let pixels = room.pixels.take(pixels);
            let (o, i) = if turned { (inputs, outputs) } else { (outputs, inputs) };
            f32::vectorised_at(
                level,
                Filters { weight, outputs: o, inputs: i, turned, room: &mut *pixels, spread: of_filters, to: &mut *u },
            );
            let (v, m) = (room.tiles.take(of_x.len()), room.products.take(of_z.len()));
            let all = grid.images * grid.high;
            for first in (0..all).step_by(rows) {
                let some = first..all.min(first + rows);
                let tiles = some.len() * grid.wide;
                let source = Source { values: x, channels: inputs, size: self.input, padding: self.padding };
                f32::vectorised_at(
                    level,
                    Split::<4> {
                        grid,
                        rows: some.clone(),
                        source,
                        pixels: &mut *pixels,
                        places: &places,
                        spread: of_x,
                        to: &mut *v,
                    },
                );
                for p in 0..16 {
                    let a = Matrix::with_strides(&v[p * of_x.plane..], tiles, inputs, of_x.tile, 1);
                    let b =
                        Matrix::with_strides(&u[p * of_filters.plane..], inputs, of_filters.tile, of_filters.tile, 1);
                    let c = &mut m[p * of_z.plane..];
                    gemm_at(level, a, b, 0.0, MatrixMut::with_row_stride(c, tiles, of_z.tile, of_z.tile));
                }
                f32::vectorised_at(
                    level,
                    Join {
                        grid,
                        rows: some,
                        products: &*m,
                        spread: of_z,
                        pixels: &mut *pixels,
                        bias,
                        channels: outputs,
                        size: self.output,
                        z: &mut *z,
                    },
                );
            }
        });
    }

    pub(crate) fn update_gradient(&self, level: Level, x: &[f32], delta: &[f32], gradient: &mut [f32]) {
        let &Winograd { grid, channels: [inputs, outputs], .. } = self;
        let lanes = f32::width_at(level);
        let rows = tile_rows(grid, inputs, outputs);
        let tiles = rows * grid.wide;
        let of_filters = Spread::new(inputs, outputs, lanes);
        let [of_x, of_z] = [inputs, outputs].map(|channels| Spread::new(tiles, channels, lanes));
        let x_places = places::<4>(grid, [self.input[0].min(2 * rows + 2), self.input[1]]);
        let z_places = places::<2>(grid, [self.output[0].min(2 * rows), self.output[1]]);
        ROOM.with_borrow_mut(|room| {
            let u = room.filters.take(of_filters.len());
            let pixels = ((2 * rows + 2) * (2 * grid.wide + 2)).max(9 * inputs) * lanes;
            let pixels = room.pixels.take(pixels);
            let (v, m) = (room.tiles.take(of_x.len()), room.products.take(of_z.len()));
            let all = grid.images * grid.high;
            for first in (0..all).step_by(rows) {
                let some = first..all.min(first + rows);
                let tiles = some.len() * grid.wide;
                let source = Source { values: x, channels: inputs, size: self.input, padding: self.padding };
                f32::vectorised_at(
                    level,
                    Split::<4> {
                        grid,
                        rows: some.clone(),
                        source,
                        pixels: &mut *pixels,
                        places: &x_places,
                        spread: of_x,
                        to: &mut *v,
                    },
                );
                let source = Source { values: delta, channels: outputs, size: self.output, padding: [0, 0] };
                f32::vectorised_at(
                    level,
                    Split::<2> {
                        grid,
                        rows: some.clone(),
                        source,
                        pixels: &mut *pixels,
                        places: &z_places,
                        spread: of_z,
                        to: &mut *m,
                    },
                );
                let beta = if first == 0 { 0.0 } else { 1.0 };
                for p in 0..16 {
                    let a = Matrix::with_strides(&v[p * of_x.plane..], inputs, tiles, 1, of_x.tile);
                    let b = Matrix::with_strides(&m[p * of_z.plane..], tiles, of_z.tile, of_z.tile, 1);
                    let c = &mut u[p * of_filters.plane..];
                    gemm_at(
                        level,
                        a,
                        b,
                        beta,
                        MatrixMut::with_row_stride(c, inputs, of_filters.tile, of_filters.tile),
                    );
                }
            }
            if all > 0 {
                f32::vectorised_at(
                    level,
                    Gradient { from: &*u, spread: of_filters, room: &mut *pixels, outputs, inputs, gradient },
                );
            }
        });
    }
}

#[cfg(test)]
mod tests;
