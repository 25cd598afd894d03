//! Channels become lanes and come back: vector i holds number i of each of some channels.

use crate::vector::{Turn, Vector};
use std::mem::MaybeUninit;

/// Vectors ← rows × columns numbers of some channels that lie `stride` apart; a row's vectors begin `wide` vectors behind those
/// of the row before. Lanes without a channel hold any number.
///
/// # Safety
/// As for [`Vector`]; there must be as many numbers of each channel, and vectors. `stride` must not be 0.
#[inline(always)]
pub(super) unsafe fn turn_in<V: Vector>(
    from: *const V::Scalar,
    [channels, stride]: [usize; 2],
    [rows, columns]: [usize; 2],
    to: *mut V::Scalar,
    wide: usize,
) {
    let (side, count) = (<V::Turner as Vector>::LANES, rows * columns);
    // SAFETY: as promised by the caller. The last block begins early enough to be whole.
    unsafe {
        if count < side {
            for i in 0..count {
                let to = to.add((i / columns * wide + i % columns) * V::LANES);
                (0..channels).for_each(|c| to.add(c).write(*from.add(c * stride + i)));
            }
            return;
        }
        // A few channels first: all together could lie in one set of the first-level cache.
        for c in (0..channels).step_by(side) {
            for first in (0..count).step_by(side) {
                let first = first.min(count - side);
                let (mut row, mut column) = (first / columns * wide, first % columns);
                let block = V::Turner::turned(from.add(c * stride + first), stride, channels - c);
                for &numbers in block.as_ref() {
                    numbers.store(to.add((row + column) * V::LANES + c));
                    column += 1;
                    if column == columns {
                        (row, column) = (row + wide, 0);
                    }
                }
            }
        }
    }
}

/// Some channels that lie `stride` apart ← their lanes of `count` vectors, or what is there and those if `ADD`.
///
/// # Safety
/// As for [`Vector`]; there must be as many vectors, and numbers of each channel.
#[inline(always)]
pub(super) unsafe fn turn_out<V: Vector, const ADD: bool>(
    from: *const V::Scalar,
    count: usize,
    to: *mut V::Scalar,
    [channels, stride]: [usize; 2],
) {
    let side = <V::Turner as Vector>::LANES;
    // SAFETY: as promised by the caller. Of a block that reaches over the end, what is there is written number by number.
    unsafe {
        for first in (0..count).step_by(side) {
            let there = side.min(count - first);
            for c in (0..channels).step_by(side) {
                let block = V::Turner::turned(from.add(first * V::LANES + c), V::LANES, there);
                for (&numbers, channel) in block.as_ref().iter().zip(c..channels) {
                    let to = to.add(channel * stride + first);
                    if there == side {
                        let sums = if ADD { numbers.plus(V::Turner::load(to)) } else { numbers };
                        sums.store(to);
                        continue;
                    }
                    let room = MaybeUninit::new(numbers);
                    let from = room.as_ptr().cast::<V::Scalar>();
                    for i in 0..there {
                        to.add(i).write(if ADD { *from.add(i) + *to.add(i) } else { *from.add(i) });
                    }
                }
            }
        }
    }
}
