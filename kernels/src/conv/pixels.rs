//! Sums over the pixels of a convolution, for weight gradients.

use super::planes::Strip;
use super::tiles::{Reads, Room, load, many, registers, together};
use crate::Number;
use crate::aligned::Aligned;
use crate::simd::{Comparable, Kernel};
use crate::vector::{Task, Vector};
use std::marker::PhantomData;

/// Registers of strips whose gradients are summed together: with AVX2 the δ of six rows are 12 KiB then, and stay in the
/// first-level cache beside what is read.
const fn strips_together<V>() -> usize {
    if many::<V>() { 128 } else { 64 }
}

/// G[m, k] += Σ over strips and their lanes of δ[m, strip]·source[offset k + strip], where row m of δ starts at
/// `m * plane`. `packed` is room that grows as needed.
pub(super) struct OverPixels<'a, T> {
    pub reads: Reads<'a, T>,
    pub delta: &'a [T],
    pub plane: usize,
    pub gradient: &'a mut [T],
    pub packed: &'a mut Aligned<T>,
}

impl<T: Number> Kernel<T> for OverPixels<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(self) {
        self.reads.check();
        // SAFETY: as promised by the caller, and checked.
        unsafe {
            match self.reads.shape.in_a_register {
                2 if const { many::<V>() } => self.blocks::<V, 2>(),
                _ => self.blocks::<V, 1>(),
            }
        }
    }
}

impl<T: Number> OverPixels<'_, T> {
    #[inline(always)]
    unsafe fn blocks<V: Vector<Scalar = T>, const P: usize>(self) {
        let count = self.reads.offsets.len();
        let rows = self.gradient.len() / count;
        for strips in self.reads.strips.chunks(const { strips_together::<V>() } * P) {
            let mut m = 0;
            while m < rows {
                let height = together(rows - m, const { many::<V>() });
                let block = OverPixels {
                    reads: Reads { strips, ..self.reads },
                    delta: &self.delta[m * self.plane..],
                    plane: self.plane,
                    gradient: &mut self.gradient[m * count..],
                    packed: self.packed,
                };
                // SAFETY: reads were checked.
                unsafe {
                    match height {
                        8 if const { many::<V>() } => V::run(Gradients::<V, 8, 3, P>(block, PhantomData)),
                        6 if const { !many::<V>() } => V::run(Gradients::<V, 6, 2, P>(block, PhantomData)),
                        4 => V::run(Gradients::<V, 4, 2, P>(block, PhantomData)),
                        3 => V::run(Gradients::<V, 3, 3, P>(block, PhantomData)),
                        2 => V::run(Gradients::<V, 2, 5, P>(block, PhantomData)),
                        _ => V::run(Gradients::<V, 1, 9, P>(block, PhantomData)),
                    }
                }
                m += height;
            }
        }
    }

    /// δ strip by strip, its M rows side by side in each register of P strips; 0 in the lanes that are no pixel or were
    /// counted already.
    #[inline(always)]
    unsafe fn pack<V: Vector<Scalar = T>, const M: usize, const P: usize>(&mut self) {
        let (strips, lanes) = (self.reads.strips, V::LANES / P);
        self.packed.resize(strips.len().div_ceil(P) * M * V::LANES);
        for (strips, packed) in strips.chunks(P).zip(self.packed.chunks_exact_mut(M * V::LANES)) {
            let whole = strips.len() == P && strips.iter().all(|strip| (strip.start, strip.end) == (0, lanes));
            for (m, packed) in packed.chunks_exact_mut(V::LANES).enumerate() {
                let row = &self.delta[m * self.plane..];
                if whole {
                    let at = std::array::from_fn(|p| row[strips[p].to..][..lanes].as_ptr());
                    // SAFETY: as promised by the caller; the slices have as many numbers as are read and written.
                    unsafe { load::<V, P>(at).store(packed.as_mut_ptr()) };
                } else {
                    pack_lanes(strips, row, lanes, packed);
                }
            }
        }
    }
}

/// The pixels of some strips, as lanes of a register.
#[inline(never)]
fn pack_lanes<T: Number>(strips: &[Strip], row: &[T], lanes: usize, packed: &mut [T]) {
    packed.fill(T::zero());
    for (strip, packed) in strips.iter().zip(packed.chunks_exact_mut(lanes)) {
        let from = &row[strip.to..][strip.start..strip.end];
        packed[strip.start..strip.end].iter_mut().zip(from).for_each(|(to, &from)| *to = from);
    }
}

/// M rows of G, N offsets at a time, over registers of P strips.
struct Gradients<'a, V: Vector, const M: usize, const N: usize, const P: usize>(
    OverPixels<'a, V::Scalar>,
    PhantomData<V>,
);

impl<T: Number, V: Vector<Scalar = T>, const M: usize, const N: usize, const P: usize> Task
    for Gradients<'_, V, M, N, P>
{
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let Gradients(mut block, _) = self;
        // SAFETY: as promised by the caller.
        unsafe { block.pack::<V, M, P>() };
        let OverPixels { reads, gradient, packed, .. } = block;
        let count = reads.offsets.len();
        for (group, offsets) in reads.offsets.chunks(N).enumerate() {
            // Where offsets are missing, the last one is computed again and not written.
            let last = offsets.len() - 1;
            let all: [usize; N] = std::array::from_fn(|n| offsets[n.min(last)]);
            let mut room = Room::<V>::uninit();
            let room = room.as_mut_ptr().cast::<T>();
            // SAFETY: as promised by the caller; `packed` holds M registers for each P strips, and the room all sums. Sums are
            // folded to where all lanes have been read.
            unsafe {
                let sums = pixels::<V, M, N, P>(&reads, packed.as_ptr(), all);
                for (place, &sum) in sums.as_flattened().iter().enumerate() {
                    sum.store(room.add(place * V::LANES));
                }
                for place in M * N..(M * N).next_multiple_of(V::LANES) {
                    V::zero().store(room.add(place * V::LANES));
                }
                for first in (0..M * N).step_by(V::LANES) {
                    V::lane_sums(room.add(first * V::LANES)).store(room.add(first));
                }
                let sums = std::slice::from_raw_parts(room, M * N);
                for (m, sums) in sums.chunks_exact(N).enumerate() {
                    let to = &mut gradient[m * count + group * N..][..offsets.len()];
                    to.iter_mut().zip(sums).for_each(|(to, &sum)| *to += sum);
                }
            }
        }
    }
}

/// M × N sums over all strips.
#[inline(always)]
unsafe fn pixels<V: Vector, const M: usize, const N: usize, const P: usize>(
    reads: &Reads<V::Scalar>,
    packed: *const V::Scalar,
    offsets: [usize; N],
) -> [[V; N]; M] {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [[V::zero(); N]; M];
        for (s, strips) in reads.strips.chunks(P).enumerate() {
            let [from] = registers::<1, P>(strips, |strip| strip.from);
            let x: [V; N] = std::array::from_fn(|n| reads.load::<V, P>(offsets[n], from));
            for (m, sums) in sums.iter_mut().enumerate() {
                let delta = V::load(packed.add((s * M + m) * V::LANES));
                for (sum, &x) in sums.iter_mut().zip(&x) {
                    *sum = delta.times_plus(x, *sum);
                }
            }
        }
        sums
    }
}
