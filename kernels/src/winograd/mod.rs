//! Convolutions of 3×3 filters in single steps by Winograd's minimal filtering: 16 multiplications for four outputs, where the
//! definition takes 36.
//!
//! **Z = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A** are the 2×2 outputs of a filter g (3×3) over a tile d of the input (4×4), with
//!
//! | Bᵀ | G | Aᵀ |
//! | --- | --- | --- |
//! | 1 0 −1 0 | 1 0 0 | 1 1 1 0 |
//! | 0 1 1 0 | ½ ½ ½ | 0 1 −1 1 |
//! | 0 −1 1 0 | ½ −½ ½ | |
//! | 0 −1 0 1 | 0 0 1 | |
//!
//! Over all channels and tiles, ⊙ is one matrix product at each of the 16 places: (tiles × inputs)·(inputs × outputs). The input
//! gradient is the same convolution of δ, with every filter turned by half a circle and inputs and outputs exchanged. By the
//! chain rule **∂L/∂g = Gᵀ·[Σ (A·δ·Aᵀ) ⊙ (Bᵀ·d·B)]·G**, summed over tiles, with δ in tiles of 2×2.
//!
//! Source: Lavin and Gray, *Fast algorithms for convolutional neural networks*, 2016, section 4.1; the last rows of Bᵀ and A have
//! the other sign here, which takes a negation out of A.
//!
//! | file | what it does |
//! | --- | --- |
//! | `transforms` | the products with B, G and A, along one axis |
//! | `turn` | channels that lie apart become the lanes of vectors, and come back |
//! | `tiles` | images to tiles, and products to outputs |
//! | `filters` | filters to matrices, and their gradients back |
//! | `ways` | the three directions |
//!
//! What each image gives does not depend on the others: a sum is that of one tile, in the order of `gemm`.

mod filters;
mod tiles;
mod transforms;
mod turn;
mod ways;

use crate::conv::odd_lines;
use crate::{Axis, Convolution, Level};
use std::ops::Range;

/// A type of numbers whose convolutions may go by tiles: `f32`. Each function says whether it has done the work.
#[allow(unused_variables)]
pub(crate) trait ByTiles: Sized {
    /// [`Convolution::forward`].
    fn forward_by_tiles(
        conv: &Convolution,
        level: Level,
        weight: &[Self],
        bias: Option<&[Self]>,
        x: &[Self],
        z: &mut [Self],
    ) -> bool {
        false
    }
    /// [`Convolution::update_gradient`].
    fn gradient_by_tiles(conv: &Convolution, level: Level, x: &[Self], delta: &[Self], gradient: &mut [Self]) -> bool {
        false
    }
    /// [`Convolution::delta`].
    fn delta_by_tiles(
        conv: &Convolution,
        level: Level,
        weight: &[Self],
        bias: Option<&[Self]>,
        delta: &[Self],
        result: &mut [Self],
    ) -> bool {
        false
    }
}

/// Numbers of `f64` are there to be exact.
impl ByTiles for f64 {}

impl ByTiles for f32 {
    fn forward_by_tiles(
        conv: &Convolution,
        level: Level,
        weight: &[f32],
        bias: Option<&[f32]>,
        x: &[f32],
        z: &mut [f32],
    ) -> bool {
        let tiles = Winograd::of(conv).filter(Winograd::pays);
        tiles.is_some_and(|tiles| {
            tiles.forward(level, weight, bias, x, z);
            true
        })
    }

    fn gradient_by_tiles(conv: &Convolution, level: Level, x: &[f32], delta: &[f32], gradient: &mut [f32]) -> bool {
        let tiles = Winograd::of(conv).filter(|tiles| tiles.pays() && tiles.gradient_pays());
        tiles.is_some_and(|tiles| {
            tiles.update_gradient(level, x, delta, gradient);
            true
        })
    }

    fn delta_by_tiles(
        conv: &Convolution,
        level: Level,
        weight: &[f32],
        bias: Option<&[f32]>,
        delta: &[f32],
        result: &mut [f32],
    ) -> bool {
        let tiles = Winograd::of(conv).filter(Winograd::pays);
        tiles.is_some_and(|tiles| {
            tiles.delta(level, weight, bias, delta, result);
            true
        })
    }
}

impl Convolution {
    /// Whether `f32` goes by Winograd's tiles forward, and in the input gradient: that depends on the layer alone.
    pub fn by_tiles(&self) -> bool {
        Winograd::of(self).is_some_and(|tiles| tiles.pays())
    }
}

/// Tiles of 2×2 outputs that cover the images of a batch, row after row of them. The last ones may reach over the edge.
#[derive(Clone, Copy, Debug)]
struct Grid {
    images: usize,
    high: usize,
    wide: usize,
}

impl Grid {
    fn over(images: usize, [h, w]: [usize; 2]) -> Grid {
        Grid { images, high: h.div_ceil(2), wide: w.div_ceil(2) }
    }

    /// Some rows of tiles, image by image: the first tile's number among them, the image, and its rows.
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

/// How 16 matrices lie that have a row for each tile or channel: whole vectors from one row to the next, and from one matrix to
/// the next a distance that puts neighbours into different sets of a cache.
#[derive(Clone, Copy)]
struct Sixteen {
    row: usize,
    matrix: usize,
}

impl Sixteen {
    fn new(rows: usize, columns: usize, lanes: usize) -> Sixteen {
        let row = columns.next_multiple_of(lanes);
        Sixteen { row, matrix: odd_lines(rows * row) }
    }

    fn len(self) -> usize {
        16 * self.matrix
    }
}

/// A convolution of 3×3 filters in single steps.
#[derive(Debug)]
pub(crate) struct Winograd {
    grid: Grid,
    /// Channels in and out.
    channels: [usize; 2],
    input: [usize; 2],
    output: [usize; 2],
    padding: [usize; 2],
}

impl Winograd {
    /// The convolution, if it is one of this kind: in one group, and padded by no more than its input gradient can be.
    pub(crate) fn of(conv: &Convolution) -> Option<Winograd> {
        let Convolution { windows, images, inputs, outputs, groups } = *conv;
        let fits = |axis: &Axis| {
            (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1)
                && axis.padding <= 2
                && axis.output + 2 == axis.input + 2 * axis.padding
        };
        let output = [windows.h.output, windows.w.output];
        (groups == 1 && fits(&windows.h) && fits(&windows.w)).then(|| Winograd {
            grid: Grid::over(images, output),
            channels: [inputs, outputs],
            input: [windows.h.input, windows.w.input],
            output,
            padding: [windows.h.padding, windows.w.padding],
        })
    }

    /// Whether it is faster than the direct way, whatever the images: from 16 channels on, unless the last of them leave most
    /// of a vector of 16 empty. Its matrices are 16/9 of the weights, and a thread keeps them: 16 MiB at most.
    /// With 17 channels it is the slower way, with 24 the faster one (`limpide bench --workload sweep` has 16 and more).
    fn pays(&self) -> bool {
        let filled = |channels: usize| channels >= 16 && 2 * channels.next_multiple_of(16) <= 3 * channels;
        self.channels.into_iter().all(filled) && self.channels[0] * self.channels[1] <= 512 * 512
    }

    /// The same for a weight gradient, whose 16 matrices are written and read however few tiles there are.
    fn gradient_pays(&self) -> bool {
        let tiles = self.grid.images * self.grid.high * self.grid.wide;
        tiles >= 16 && self.channels.into_iter().all(|channels| 16 * tiles >= channels)
    }
}

#[cfg(test)]
mod tests;
