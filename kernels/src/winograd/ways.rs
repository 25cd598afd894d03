//! The three directions: blocks of tiles go through transforms and products while they are in the second-level cache.

use super::filters::{Filters, Gradient};
use super::tiles::{Images, Join};
use super::{Grid, Sixteen, Winograd};
use crate::aligned::Aligned;
use crate::gemm::gemm_at;
use crate::simd::Vectors;
use crate::{Level, Matrix, MatrixMut};
use std::cell::RefCell;
use std::ops::Range;

/// Numbers of a block's tiles and products: half a MiB. With many channels each is used so often that it may come from farther
/// away, and the filters that are read once a block count for more: then a block has so many tiles at least. Those of a weight
/// gradient are written as well.
const BLOCK: usize = 128 << 10;
const LEAST: usize = 64;
const LEAST_OF_GRADIENT: usize = 128;

/// Buffers that a thread uses again and again.
#[derive(Default)]
struct Room {
    filters: Aligned<f32>,
    inputs: Aligned<f32>,
    outputs: Aligned<f32>,
    pixels: Aligned<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// How a convolution is cut into blocks.
struct Blocks {
    grid: Grid,
    /// Rows of tiles in each.
    rows: usize,
    /// The matrices of inputs and of outputs, tiles × channels.
    inputs: Sixteen,
    outputs: Sixteen,
    /// Those of filters, inputs × outputs.
    filters: Sixteen,
    /// Room for the pixels of a block, or for the filters of an input, a vector each.
    pixels: usize,
}

impl Blocks {
    fn new(sizes: &Winograd, least: usize, lanes: usize) -> Blocks {
        let &Winograd { grid, channels: [inputs, outputs], .. } = sizes;
        let tiles = (BLOCK / (16 * (inputs + outputs))).max(least);
        let rows = (tiles / grid.wide).clamp(1, (grid.images * grid.high).max(1));
        let tiles = rows * grid.wide;
        Blocks {
            grid,
            rows,
            inputs: Sixteen::new(tiles, inputs, lanes),
            outputs: Sixteen::new(tiles, outputs, lanes),
            filters: Sixteen::new(inputs, outputs, lanes),
            pixels: (4 * (rows + 1) * (grid.wide + 1)).max(9 * inputs) * lanes,
        }
    }

    /// The rows of tiles of each block.
    fn each(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (all, rows) = (self.grid.images * self.grid.high, self.rows);
        (0..all).step_by(rows).map(move |first| first..all.min(first + rows))
    }
}

impl Winograd {
    /// Z ← W ⋆ X + b.
    pub(super) fn forward(&self, level: Level, weight: &[f32], bias: Option<&[f32]>, x: &[f32], z: &mut [f32]) {
        self.convolve(level, weight, false, bias, x, z);
    }

    /// ∂L/∂X ← W, turned, ⋆ δ + b.
    pub(super) fn delta(&self, level: Level, weight: &[f32], bias: Option<&[f32]>, delta: &[f32], result: &mut [f32]) {
        let [inputs, outputs] = self.channels;
        let turned = Winograd {
            grid: Grid::over(self.grid.images, self.input),
            channels: [outputs, inputs],
            input: self.output,
            output: self.input,
            padding: self.padding.map(|padding| 2 - padding),
        };
        turned.convolve(level, weight, true, bias, delta, result);
    }

    fn convolve(&self, level: Level, weight: &[f32], turned: bool, bias: Option<&[f32]>, x: &[f32], z: &mut [f32]) {
        let [inputs, outputs] = self.channels;
        let lanes = f32::width_at(level);
        let blocks = Blocks::new(self, LEAST, lanes);
        let x = Images { values: x, channels: inputs, size: self.input, padding: self.padding };
        ROOM.with_borrow_mut(|room| {
            let pixels = room.pixels.take(blocks.pixels);
            let (u, v) = (room.filters.take(blocks.filters.len()), room.inputs.take(blocks.inputs.len()));
            let m = room.outputs.take(blocks.outputs.len());
            let (lies, room) = (blocks.filters, &mut *pixels);
            f32::vectorised_at(level, Filters { weight, inputs, outputs, turned, room, lies, to: &mut *u });
            for rows in blocks.each() {
                let tiles = rows.len() * blocks.grid.wide;
                x.split::<4>(level, &blocks.grid, rows.clone(), pixels, blocks.inputs, v);
                for place in 0..16 {
                    let v = &v[place * blocks.inputs.matrix..];
                    let a = Matrix::with_strides(v, tiles, inputs, blocks.inputs.row, 1);
                    let u = &u[place * blocks.filters.matrix..];
                    for first in (0..blocks.filters.row).step_by(2 * lanes) {
                        let width = (2 * lanes).min(blocks.filters.row - first);
                        let b = Matrix::new(&u[first * inputs..][..inputs * width], inputs, width);
                        let m = &mut m[place * blocks.outputs.matrix + first..];
                        gemm_at(level, a, b, 0.0, MatrixMut::with_row_stride(m, tiles, width, blocks.outputs.row));
                    }
                }
                let (grid, lies, room) = (blocks.grid, blocks.outputs, &mut *pixels);
                let join = Join { grid, rows, from: m, lies, room, bias, channels: outputs, size: self.output, z };
                f32::vectorised_at(level, join);
            }
        });
    }

    /// ∂L/∂W += Gᵀ·[Σ (A·δ·Aᵀ) ⊙ (Bᵀ·X·B)]·G.
    pub(super) fn update_gradient(&self, level: Level, x: &[f32], delta: &[f32], gradient: &mut [f32]) {
        let [inputs, outputs] = self.channels;
        let blocks = Blocks::new(self, LEAST_OF_GRADIENT, f32::width_at(level));
        let x = Images { values: x, channels: inputs, size: self.input, padding: self.padding };
        let delta = Images { values: delta, channels: outputs, size: self.output, padding: [0, 0] };
        if self.grid.images == 0 {
            return;
        }
        ROOM.with_borrow_mut(|room| {
            let pixels = room.pixels.take(blocks.pixels);
            let (u, v) = (room.filters.take(blocks.filters.len()), room.inputs.take(blocks.inputs.len()));
            let d = room.outputs.take(blocks.outputs.len());
            for rows in blocks.each() {
                let tiles = rows.len() * blocks.grid.wide;
                let beta = if rows.start == 0 { 0.0 } else { 1.0 };
                x.split::<4>(level, &blocks.grid, rows.clone(), pixels, blocks.inputs, v);
                delta.split::<2>(level, &blocks.grid, rows, pixels, blocks.outputs, d);
                for place in 0..16 {
                    let (v, d) = (&v[place * blocks.inputs.matrix..], &d[place * blocks.outputs.matrix..]);
                    let a = Matrix::with_strides(v, inputs, tiles, 1, blocks.inputs.row);
                    let width = blocks.filters.row;
                    let u = &mut u[place * blocks.filters.matrix..][..inputs * width];
                    gemm_at(
                        level,
                        a,
                        Matrix::new(&d[..tiles * width], tiles, width),
                        beta,
                        MatrixMut::new(u, inputs, width),
                    );
                }
            }
            f32::vectorised_at(
                level,
                Gradient { from: u, lies: blocks.filters, room: pixels, inputs, outputs, gradient },
            );
        });
    }
}
