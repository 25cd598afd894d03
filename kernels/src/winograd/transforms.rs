//! The transforms of tiles and filters, each lane one channel: sums and differences along one axis, then along the other.

use crate::vector::Vector;

/// Along one axis of an input, Bᵀd.
#[inline(always)]
pub(super) unsafe fn input<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
    // SAFETY: as promised by the caller.
    unsafe { [a.minus(c), b.plus(c), c.minus(b), d.minus(b)] }
}

/// Along one axis of δ, Aδ.
#[inline(always)]
pub(super) unsafe fn delta<V: Vector>([a, b]: [V; 2]) -> [V; 4] {
    // SAFETY: as promised by the caller.
    unsafe { [a, a.plus(b), a.minus(b), b] }
}

/// Along one axis of products, Aᵀm.
#[inline(always)]
pub(super) unsafe fn output<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 2] {
    // SAFETY: as promised by the caller.
    unsafe { [a.plus(b).plus(c), b.minus(c).plus(d)] }
}

/// Along one axis of a filter, Gg.
#[inline(always)]
pub(super) unsafe fn filter<V: Vector>([a, b, c]: [V; 3], half: V) -> [V; 4] {
    // SAFETY: as promised by the caller.
    unsafe {
        let both = a.plus(c);
        [a, both.plus(b).times(half), both.minus(b).times(half), c]
    }
}

/// Along one axis of a filter's gradient, Gᵀm.
#[inline(always)]
pub(super) unsafe fn gradient<V: Vector>([a, b, c, d]: [V; 4], half: V) -> [V; 3] {
    // SAFETY: as promised by the caller.
    unsafe {
        let both = b.plus(c).times(half);
        [a.plus(both), b.minus(c).times(half), both.plus(d)]
    }
}
