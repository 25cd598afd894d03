//! The turns between channels first, as modules see images, and channels last, as the convolution kernels do.

use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::kernels::transpose;

/// Turns the images of a batch, one matrix each: (channels, pixels) to (pixels, channels), or back.
#[derive(Debug)]
pub(super) struct Turn {
    pub channels: usize,
    pub pixels: usize,
    /// Whether channels come last in the output.
    pub to_last: bool,
}

impl Turn {
    /// to ← every image turned; `columns` is the length of a row of the matrix that comes in.
    fn turn<T: Real>(&self, from: &[T], to: &mut [T], columns: usize) {
        let len = self.channels * self.pixels;
        for (from, to) in from.chunks_exact(len).zip(to.chunks_exact_mut(len)) {
            transpose(from, columns, to);
        }
    }
}

impl<T: Real> Step<T> for Turn {
    fn name(&self) -> &'static str {
        "turn"
    }

    fn layout(&self) -> &'static str {
        if self.to_last { "channels last" } else { "channels first" }
    }

    fn output_len(&self) -> usize {
        self.channels * self.pixels
    }

    fn forward(&self, _: &Pass<'_, T>, x: &[T], z: &mut [T], _: &mut Room<T>) {
        self.turn(x, z, if self.to_last { self.pixels } else { self.channels });
    }

    fn backward(&self, _: &Pass<'_, T>, io: Backward<'_, T>, _: &mut [T], _: &mut Room<T>) {
        if let Some(dx) = io.dx {
            self.turn(io.dz, dx, if self.to_last { self.channels } else { self.pixels });
        }
    }
}
