//! Filters to 16 matrices, and the gradients of those back to filters.

use super::Sixteen;
use super::transforms::{filter, gradient};
use super::turn::{turn_in, turn_out};
use crate::simd::{Comparable, Kernel};
use crate::vector::Vector;

/// Taps of a filter.
const TAPS: usize = 9;

/// U ← G·g·Gᵀ of every filter: 16 matrices (inputs × outputs), each in panels of two vectors of outputs, as products read them.
///
/// W is (outputs, inputs, 3, 3), or `turned` (inputs, outputs, 3, 3): then its filters are turned by half a circle.
pub(super) struct Filters<'a> {
    pub weight: &'a [f32],
    pub inputs: usize,
    pub outputs: usize,
    pub turned: bool,
    pub room: &'a mut [f32],
    pub lies: Sixteen,
    pub to: &'a mut [f32],
}

impl Kernel<f32> for Filters<'_> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Filters { weight, inputs, outputs, turned, room, lies, to } = self;
        assert_eq!(weight.len(), TAPS * inputs * outputs, "a filter for each input and output");
        assert!(room.len() >= TAPS * inputs * V::LANES && lies.row.is_multiple_of(V::LANES), "room for filters");
        assert!(outputs <= lies.row && 15 * lies.matrix + inputs * lies.row <= to.len(), "room for 16 matrices");
        let room = room.as_mut_ptr();
        for first in (0..outputs).step_by(V::LANES) {
            let some = V::LANES.min(outputs - first);
            let panel = first / (2 * V::LANES) * (2 * V::LANES);
            let width = (2 * V::LANES).min(lies.row - panel);
            // SAFETY: `weight` has all filters and `room` those of a vector of outputs, as was checked; the panels of a matrix are
            // as long as its rows.
            unsafe {
                let half = V::splat(0.5);
                if !turned {
                    let from = weight.as_ptr().add(first * TAPS * inputs);
                    turn_in::<V>(from, [some, TAPS * inputs], [1, TAPS * inputs], room, 0);
                }
                for row in 0..inputs {
                    let from = room.add(row * TAPS * V::LANES);
                    if turned {
                        let weight = weight.as_ptr().add((row * outputs + first) * TAPS);
                        turn_in::<V>(weight, [some, TAPS], [1, TAPS], from, 0);
                    }
                    let [a, b, c] =
                        [column::<V>(from, 0, turned), column::<V>(from, 1, turned), column::<V>(from, 2, turned)];
                    let to = to.as_mut_ptr().add(panel * inputs + row * width + first - panel);
                    for i in 0..4 {
                        for (j, value) in filter([a[i], b[i], c[i]], half).into_iter().enumerate() {
                            value.store(to.add((4 * i + j) * lies.matrix));
                        }
                    }
                }
            }
        }
    }
}

/// G times column j of filters whose taps are vectors, the last tap first if `turned`. A function, as closures are not always inlined,
/// and then call a function for every instruction.
#[inline(always)]
unsafe fn column<V: Vector<Scalar = f32>>(taps: *const f32, j: usize, turned: bool) -> [V; 4] {
    // SAFETY: as promised by the caller, there are nine.
    unsafe {
        let tap = |tap: usize| V::load(taps.add(if turned { TAPS - 1 - tap } else { tap } * V::LANES));
        filter([tap(j), tap(3 + j), tap(6 + j)], V::splat(0.5))
    }
}

/// ∂L/∂W += Gᵀ·m·G of 16 matrices (inputs × outputs).
pub(super) struct Gradient<'a> {
    pub from: &'a [f32],
    pub lies: Sixteen,
    pub room: &'a mut [f32],
    pub inputs: usize,
    pub outputs: usize,
    pub gradient: &'a mut [f32],
}

impl Kernel<f32> for Gradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = f32>>(self) {
        let Gradient { from, lies, room, inputs, outputs, gradient: to } = self;
        assert_eq!(to.len(), TAPS * inputs * outputs, "a filter for each input and output");
        assert!(room.len() >= TAPS * inputs * V::LANES && lies.row.is_multiple_of(V::LANES), "room for filters");
        assert!(outputs <= lies.row && 15 * lies.matrix + inputs * lies.row <= from.len(), "16 matrices");
        let room = room.as_mut_ptr();
        for first in (0..outputs).step_by(V::LANES) {
            let some = V::LANES.min(outputs - first);
            // SAFETY: as for `Filters`.
            unsafe {
                let half = V::splat(0.5);
                for row in 0..inputs {
                    let from = from.as_ptr().add(row * lies.row + first);
                    let at = |i: usize, j: usize| V::load(from.add((4 * i + j) * lies.matrix));
                    let column = |j: usize| gradient([at(0, j), at(1, j), at(2, j), at(3, j)], half);
                    let [a, b, c, d] = [column(0), column(1), column(2), column(3)];
                    for i in 0..3 {
                        for (j, value) in gradient([a[i], b[i], c[i], d[i]], half).into_iter().enumerate() {
                            value.store(room.add((row * TAPS + 3 * i + j) * V::LANES));
                        }
                    }
                }
                let to = to.as_mut_ptr().add(first * TAPS * inputs);
                turn_out::<V, true>(room, TAPS * inputs, to, [some, TAPS * inputs]);
            }
        }
    }
}
