//! What the two inner loops of a convolution on padded planes share: every tap is a shifted read of strips of neighbours,
//! and a tile of sums is kept in vector registers. The loops are `taps`, for outputs and input gradients, and `pixels`, for
//! weight gradients.

use super::planes::Strip;
use crate::dispatch::Level;
use crate::simd::Vectors;
use crate::vector::Vector;
use std::mem::MaybeUninit;

/// What both loops read: for every strip, at every offset, as many neighbours of the source as a strip has lanes.
#[derive(Clone, Copy)]
pub(super) struct Reads<'a, T> {
    pub source: &'a [T],
    pub offsets: &'a [usize],
    pub strips: &'a [Strip],
    pub shape: Shape,
}

/// How strips fill the registers of a level: one each, or two a register where rows are short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub level: Level,
    pub lanes: usize,
    pub in_a_register: usize,
}

impl Shape {
    /// For rows of that many pixels.
    pub(super) fn new<T: Vectors>(level: Level, width: usize) -> Shape {
        let lanes = T::width_at(level);
        match level {
            Level::Avx512 if width <= lanes / 2 => Shape { level, lanes: lanes / 2, in_a_register: 2 },
            _ => Shape { level, lanes, in_a_register: 1 },
        }
    }

    /// Whether there are 32 registers, rather than 16.
    pub(super) fn many(self) -> bool {
        self.level == Level::Avx512
    }
}

/// [`Shape::many`] for registers of one kind.
pub(super) const fn many<V>() -> bool {
    size_of::<V>() == 64
}

/// Registers of a tile, as many as are summed lane by lane together.
const REGISTERS: usize = 32;

/// Where a tile waits that cannot be used as it is.
pub(super) type Room<V> = MaybeUninit<[V; REGISTERS]>;

/// Rows of Z or G that are computed together, of the `left` ones.
pub(super) fn together(left: usize, many: bool) -> usize {
    match left {
        8.. if many => 8,
        6.. if !many => 6,
        4.. => 4,
        few => few,
    }
}

impl<T> Reads<'_, T> {
    /// Panics when a read would reach beyond the source.
    pub(super) fn check(&self) {
        let last = |places: &mut dyn Iterator<Item = usize>| places.max();
        let ends = (last(&mut self.offsets.iter().copied()), last(&mut self.strips.iter().map(|strip| strip.from)));
        if let (Some(offset), Some(from)) = ends {
            assert!(
                offset + from + self.shape.lanes <= self.source.len(),
                "a strip reaches over the end of its source"
            );
        }
    }

    /// P strips as a register, at one offset.
    #[inline(always)]
    pub(super) unsafe fn load<V: Vector<Scalar = T>, const P: usize>(&self, offset: usize, from: [usize; P]) -> V {
        // SAFETY: `check` found all offsets, plus all strips, plus their lanes inside the source.
        unsafe { load::<V, P>(from.map(|from| self.source.as_ptr().add(offset + from))) }
    }
}

/// The places of N registers of P strips each. Where strips are missing, the last one is computed again and not written.
#[inline(always)]
pub(super) fn registers<const N: usize, const P: usize>(
    strips: &[Strip],
    place: impl Fn(&Strip) -> usize,
) -> [[usize; P]; N] {
    let last = strips.len() - 1;
    std::array::from_fn(|n| std::array::from_fn(|p| place(&strips[(n * P + p).min(last)])))
}

/// A register from one place or from two.
#[inline(always)]
pub(super) unsafe fn load<V: Vector, const P: usize>(at: [*const V::Scalar; P]) -> V {
    // SAFETY: as promised by the caller.
    unsafe { if P == 1 { V::load(at[0]) } else { V::load_halves(at[0], at[P - 1]) } }
}
