//! Channels become lanes and come back: vector i holds number i of each of some channels.

use crate::vector::{Turn, Vector};

/// Vector `place(i)` of `to` ← number i of each channel; channels lie `stride` apart, and lanes without one keep what they hold.
///
/// # Safety
/// As for [`Vector`]; `count` numbers of each channel must be readable, every place writable, and `stride` not 0.
#[inline(always)]
pub(super) unsafe fn turn_in<V: Vector>(
    from: *const V::Scalar,
    stride: usize,
    channels: usize,
    count: usize,
    to: *mut V::Scalar,
    place: impl Fn(usize) -> usize,
) {
    let side = <V::Turner as Vector>::LANES;
    // SAFETY: as promised by the caller; the last block begins early enough to be whole.
    unsafe {
        if count < side {
            for i in 0..count {
                let to = to.add(place(i) * V::LANES);
                (0..channels).for_each(|c| to.add(c).write(*from.add(c * stride + i)));
            }
            return;
        }
        for first in (0..count).step_by(side) {
            let first = first.min(count - side);
            for c in (0..channels).step_by(side) {
                let block = V::Turner::turned(from.add(c * stride + first), stride, channels - c);
                for (i, &numbers) in block.as_ref().iter().enumerate() {
                    numbers.store(to.add(place(first + i) * V::LANES + c));
                }
            }
        }
    }
}

/// The way back of [`turn_in`]: number i of each channel ← its lane of vector i, added to what is there if `ADD`.
///
/// # Safety
/// As for [`Vector`]; `count` vectors must be readable, and as many numbers of each channel writable.
#[inline(always)]
pub(super) unsafe fn turn_out<V: Vector, const ADD: bool>(
    from: *const V::Scalar,
    count: usize,
    to: *mut V::Scalar,
    stride: usize,
    channels: usize,
) {
    let side = <V::Turner as Vector>::LANES;
    // SAFETY: as promised by the caller.
    unsafe {
        for first in (0..count).step_by(side) {
            let there = side.min(count - first);
            for c in (0..channels).step_by(side) {
                let block = V::Turner::turned(from.add(first * V::LANES + c), V::LANES, there);
                for (numbers, channel) in block.as_ref().iter().zip(c..channels) {
                    let to = to.add(channel * stride + first);
                    if there == side {
                        let sum = if ADD { numbers.plus(V::Turner::load(to)) } else { *numbers };
                        sum.store(to);
                    } else {
                        let mut room = std::mem::MaybeUninit::<V::Turner>::uninit();
                        let room = room.as_mut_ptr().cast::<V::Scalar>();
                        numbers.store(room);
                        for i in 0..there {
                            let sum = if ADD { *room.add(i) + *to.add(i) } else { *room.add(i) };
                            to.add(i).write(sum);
                        }
                    }
                }
            }
        }
    }
}
