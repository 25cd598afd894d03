//! Filters to 16 matrices, and the gradients of those back to filters.

use super::transforms::{filter, gradient};
use super::turn::{turn_in, turn_out};
use super::Spread;
use crate::simd::{Comparable, Kernel};

/// U ← GgGᵀ of filters W (outputs, inputs, 3, 3): 16 matrices, (inputs, outputs) or, `turned`, (outputs, inputs) of the filters
/// turned by half a circle, as input gradients want them.
pub(super) struct Filters<'a> {
    pub weight: &'a [f32],
    pub outputs: usize,
    pub inputs: usize,
    pub turned: bool,
    /// Room for 9 vectors an input.
    pub room: &'a mut [f32],
    pub spread: Spread,
    pub to: &'a mut [f32],
}

impl Kernel<f32> for Filters<'_> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Filters { weight, outputs, inputs, turned, room, spread, to } = self;
        let room = room[..9 * inputs.max(1) * V::LANES].as_mut_ptr();
        let (lanes, rows, stride) = if turned { (inputs, outputs, 9) } else { (outputs, inputs, 9 * inputs) };
        for first in (0..lanes).step_by(V::LANES) {
            let some = V::LANES.min(lanes - first);
            let weight = &weight[first * stride..];
            // SAFETY:
            unsafe {
                if !turned {
                    turn_in::<V>(weight.as_ptr(), stride, some, 9 * inputs, room, |i| i);
                }
                let half = V::splat(0.5);
                for row in 0..rows {
                    let mut from = room.add(row * 9 * V::LANES);
                    if turned {
                        from = room;
                        turn_in::<V>(weight.as_ptr().add(row * 9 * inputs), stride, some, 9, room, |i| 8 - i);
                    }
                    let at = |i: usize, j: usize| V::load(from.add((3 * i + j) * V::LANES));
                    let column = |j: usize| filter([at(0, j), at(1, j), at(2, j)], half);
                    let [a, b, c] = [column(0), column(1), column(2)];
                    let to = to[row * spread.tile + first..].as_mut_ptr();
                    for i in 0..4 {
                        for (j, value) in filter([a[i], b[i], c[i]], half).into_iter().enumerate() {
                            value.store(to.add((4 * i + j) * spread.plane));
                        }
                    }
                }
            }
        }
    }
}

/// ∂L/∂W += GᵀmG of 16 matrices (inputs, outputs).
pub(super) struct Gradient<'a> {
    pub from: &'a [f32],
    pub spread: Spread,
    pub room: &'a mut [f32],
    pub outputs: usize,
    pub inputs: usize,
    pub gradient: &'a mut [f32],
}

impl Kernel<f32> for Gradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Gradient { from, spread, room, outputs, inputs, gradient: to } = self;
        let room = room[..9 * inputs * V::LANES].as_mut_ptr();
        for first in (0..outputs).step_by(V::LANES) {
            let some = V::LANES.min(outputs - first);
            // SAFETY:
            unsafe {
                let half = V::splat(0.5);
                for row in 0..inputs {
                    let from = from[row * spread.tile + first..].as_ptr();
                    let at = |i: usize, j: usize| V::load(from.add((4 * i + j) * spread.plane));
                    let column = |j: usize| gradient([at(0, j), at(1, j), at(2, j), at(3, j)], half);
                    let [a, b, c, d] = [column(0), column(1), column(2), column(3)];
                    for i in 0..3 {
                        for (j, value) in gradient([a[i], b[i], c[i], d[i]], half).into_iter().enumerate() {
                            value.store(room.add((row * 9 + 3 * i + j) * V::LANES));
                        }
                    }
                }
                let to = to[first * 9 * inputs..].as_mut_ptr();
                turn_out::<V, true>(room, 9 * inputs, to, 9 * inputs, some);
            }
        }
    }
}
