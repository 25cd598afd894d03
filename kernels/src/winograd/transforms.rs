//! The products with B, G and A along one axis of a tile; every lane is a channel.

use crate::vector::Vector;

/// Bᵀ·d, of an input.
#[inline(always)]
pub(super) unsafe fn input<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
    // SAFETY: as promised by the caller; likewise below.
    unsafe { [a.minus(c), b.plus(c), c.minus(b), d.minus(b)] }
}

/// A·δ.
#[inline(always)]
pub(super) unsafe fn delta<V: Vector>([a, b]: [V; 2]) -> [V; 4] {
    unsafe { [a, a.plus(b), a.minus(b), b] }
}

/// Aᵀ·m, of sums over channels.
#[inline(always)]
pub(super) unsafe fn output<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 2] {
    unsafe { [a.plus(b).plus(c), b.minus(c).plus(d)] }
}

/// G·g, of a filter.
#[inline(always)]
pub(super) unsafe fn filter<V: Vector>([a, b, c]: [V; 3], half: V) -> [V; 4] {
    unsafe {
        let both = a.plus(c);
        [a, both.plus(b).times(half), both.minus(b).times(half), c]
    }
}

/// Gᵀ·m, of sums over tiles.
#[inline(always)]
pub(super) unsafe fn gradient<V: Vector>([a, b, c, d]: [V; 4], half: V) -> [V; 3] {
    unsafe {
        let both = b.plus(c).times(half);
        [a.plus(both), b.minus(c).times(half), both.plus(d)]
    }
}
