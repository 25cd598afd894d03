//! The two inner loops of a convolution on padded planes, where every tap is a shifted read: sums over the taps, for
//! outputs and input gradients, and sums over the pixels, for weight gradients.
//!
//! Both keep a tile of sums in vector registers. A lane of a sum over taps adds up in the order of the taps, whatever
//! else is computed beside it.

use super::super::dispatch::{Level, best};
use super::planes::Strip;
use ndarray::NdFloat;

/// a·b + c, in one rounding where the machine has the instruction.
#[inline(always)]
fn multiply_add<T: NdFloat, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// The sum of the lanes, halves added until one is left.
#[inline(always)]
fn folded<T: NdFloat, const L: usize>(mut lanes: [T; L]) -> T {
    let mut half = L / 2;
    while half > 0 {
        for lane in 0..half {
            let other = lanes[lane + half];
            lanes[lane] += other;
        }
        half /= 2;
    }
    lanes[0]
}

/// What both loops read: for every strip, at every offset, `lanes` neighbours of the source.
#[derive(Clone, Copy)]
pub(super) struct Reads<'a, T> {
    pub source: &'a [T],
    pub offsets: &'a [usize],
    pub strips: &'a [Strip],
}

/// Where sums over taps go: strip s of row m to `values[s.to + m·plane + lane·step]`.
pub(super) struct Writes<'a, T> {
    pub values: &'a mut [T],
    pub plane: usize,
    pub step: usize,
}

/// Strips whose source is used by all rows before the next ones are: what they read should stay in the second-level cache.
const BLOCK: usize = 256;

impl<T: NdFloat> Reads<'_, T> {
    /// Panics when a read would reach beyond the source.
    fn check(&self, lanes: usize) {
        let last = |places: &mut dyn Iterator<Item = usize>| places.max();
        let ends = (last(&mut self.offsets.iter().copied()), last(&mut self.strips.iter().map(|strip| strip.from)));
        if let (Some(offset), Some(from)) = ends {
            assert!(offset + from + lanes <= self.source.len(), "a strip reaches over the end of its source");
        }
    }

    /// Z[m, strip] ← b[m] + Σₖ W[m, k]·source[offset k + strip], for a row-major W.
    #[inline(always)]
    fn over_taps<const FUSED: bool, const L: usize, const WIDE: bool>(
        self,
        weights: &[T],
        bias: &[T],
        to: &mut Writes<T>,
    ) {
        self.check(L);
        let rows = bias.len();
        assert_eq!(weights.len(), rows * self.offsets.len(), "one weight for each row and offset");
        for strips in self.strips.chunks(BLOCK) {
            let block = Reads { strips, ..self };
            let mut m = 0;
            // SAFETY: reads and weights were checked.
            unsafe {
                while WIDE && m + 8 <= rows {
                    block.rows::<FUSED, L, 8, 3>(weights, bias, m, to);
                    m += 8;
                }
                while !WIDE && m + 4 <= rows {
                    block.rows::<FUSED, L, 4, 3>(weights, bias, m, to);
                    m += 4;
                }
                if WIDE && m + 4 <= rows {
                    block.rows::<FUSED, L, 4, 6>(weights, bias, m, to);
                    m += 4;
                }
                if m + 2 <= rows {
                    block.rows::<FUSED, L, 2, 6>(weights, bias, m, to);
                    m += 2;
                }
                if m < rows {
                    block.rows::<FUSED, L, 1, 8>(weights, bias, m, to);
                }
            }
        }
    }

    /// M rows of Z from m on, V strips at a time.
    #[inline(always)]
    unsafe fn rows<const FUSED: bool, const L: usize, const M: usize, const V: usize>(
        &self,
        weights: &[T],
        bias: &[T],
        m: usize,
        to: &mut Writes<T>,
    ) {
        for strips in self.strips.chunks(V) {
            // Where strips are missing, the last one is computed again and not written.
            let mut from = [strips[strips.len() - 1].from; V];
            from.iter_mut().zip(strips).for_each(|(from, strip)| *from = strip.from);
            let mut start = [T::zero(); M];
            start.copy_from_slice(&bias[m..m + M]);
            let at = weights[m * self.offsets.len()..].as_ptr();
            // SAFETY: as promised by the caller.
            let sums = unsafe { self.tile::<FUSED, L, M, V>(at, from, start) };
            for (r, sums) in sums.iter().enumerate() {
                for (strip, sums) in strips.iter().zip(sums) {
                    let to_values = &mut to.values[strip.to + (m + r) * to.plane..];
                    if to.step == 1 && strip.end == L {
                        to_values[..L].copy_from_slice(sums);
                    } else {
                        let lanes = to_values.iter_mut().step_by(to.step).zip(&sums[..strip.end]);
                        lanes.for_each(|(to, &sum)| *to = sum);
                    }
                }
            }
        }
    }

    /// M × V vectors of sums.
    #[inline(always)]
    unsafe fn tile<const FUSED: bool, const L: usize, const M: usize, const V: usize>(
        &self,
        weights: *const T,
        from: [usize; V],
        start: [T; M],
    ) -> [[[T; L]; V]; M] {
        let mut sums = start.map(|start| [[start; L]; V]);
        let count = self.offsets.len();
        for (k, &offset) in self.offsets.iter().enumerate() {
            let mut x = [[T::zero(); L]; V];
            for (x, &from) in x.iter_mut().zip(&from) {
                // SAFETY: `check` found all offsets, plus all strips, plus L inside the source.
                *x = unsafe { self.source.as_ptr().add(offset + from).cast::<[T; L]>().read_unaligned() };
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                // SAFETY: weight (m, k) of M rows of `count`.
                let w = unsafe { *weights.add(m * count + k) };
                for (sums, x) in sums.iter_mut().zip(&x) {
                    for (sum, &x) in sums.iter_mut().zip(x) {
                        *sum = multiply_add::<T, FUSED>(w, x, *sum);
                    }
                }
            }
        }
        sums
    }

    /// G[m, k] += Σ over strips and their lanes of δ[m, strip]·source[offset k + strip], where row m of δ starts at
    /// `m * plane`. `packed` is room that grows as needed.
    #[inline(always)]
    fn over_pixels<const FUSED: bool, const L: usize, const WIDE: bool>(
        self,
        delta: &[T],
        plane: usize,
        gradient: &mut [T],
        packed: &mut Vec<T>,
    ) {
        self.check(L);
        let (count, mut m) = (self.offsets.len(), 0);
        let rows = gradient.len() / count;
        // SAFETY: reads were checked.
        unsafe {
            while WIDE && m + 8 <= rows {
                self.gradients::<FUSED, L, 8, 3>(&delta[m * plane..], plane, &mut gradient[m * count..], packed);
                m += 8;
            }
            while m + 4 <= rows {
                self.gradients::<FUSED, L, 4, 3>(&delta[m * plane..], plane, &mut gradient[m * count..], packed);
                m += 4;
            }
            if m + 2 <= rows {
                self.gradients::<FUSED, L, 2, 6>(&delta[m * plane..], plane, &mut gradient[m * count..], packed);
                m += 2;
            }
            if m < rows {
                self.gradients::<FUSED, L, 1, 9>(&delta[m * plane..], plane, &mut gradient[m * count..], packed);
            }
        }
    }

    /// M rows of G, N offsets at a time.
    #[inline(always)]
    unsafe fn gradients<const FUSED: bool, const L: usize, const M: usize, const N: usize>(
        &self,
        delta: &[T],
        plane: usize,
        gradient: &mut [T],
        packed: &mut Vec<T>,
    ) {
        // δ strip by strip, its M rows side by side; 0 in the lanes that are no pixel or were counted already.
        packed.clear();
        for strip in self.strips {
            for m in 0..M {
                let mut lanes = [T::zero(); L];
                let from = &delta[strip.to + m * plane..][..strip.end];
                if strip.end == L {
                    lanes.copy_from_slice(from);
                } else {
                    lanes[..strip.end].copy_from_slice(from);
                }
                lanes[..strip.start].fill(T::zero());
                packed.extend_from_slice(&lanes);
            }
        }
        let count = self.offsets.len();
        for (group, offsets) in self.offsets.chunks(N).enumerate() {
            // Where offsets are missing, the last one is computed again and not written.
            let mut all = [offsets[offsets.len() - 1]; N];
            all[..offsets.len()].copy_from_slice(offsets);
            // SAFETY: as promised by the caller; `packed` holds M·L numbers for each strip.
            let sums = unsafe { self.inner::<FUSED, L, M, N>(packed.as_ptr(), all) };
            for (m, sums) in sums.iter().enumerate() {
                let to = &mut gradient[m * count + group * N..][..offsets.len()];
                to.iter_mut().zip(sums).for_each(|(to, &sum)| *to += sum);
            }
        }
    }

    /// M × N sums over all strips.
    #[inline(always)]
    unsafe fn inner<const FUSED: bool, const L: usize, const M: usize, const N: usize>(
        &self,
        packed: *const T,
        offsets: [usize; N],
    ) -> [[T; N]; M] {
        let mut sums = [[[T::zero(); L]; N]; M];
        for (s, strip) in self.strips.iter().enumerate() {
            let mut x = [[T::zero(); L]; N];
            for (x, &offset) in x.iter_mut().zip(&offsets) {
                // SAFETY: `check` found all offsets, plus all strips, plus L inside the source.
                *x = unsafe { self.source.as_ptr().add(offset + strip.from).cast::<[T; L]>().read_unaligned() };
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                // SAFETY: strip s, row m of `packed`.
                let delta = unsafe { packed.add((s * M + m) * L).cast::<[T; L]>().read_unaligned() };
                for (sums, x) in sums.iter_mut().zip(&x) {
                    for ((sum, &x), &delta) in sums.iter_mut().zip(x).zip(&delta) {
                        *sum = multiply_add::<T, FUSED>(delta, x, *sum);
                    }
                }
            }
        }
        sums.map(|sums| sums.map(folded))
    }
}

/// The two loops at a level of vector instructions, L lanes wide.
pub trait Shifts: NdFloat {
    /// Lanes of one vector.
    fn lanes(level: Level, width: usize) -> usize;

    /// [`Reads::over_taps`].
    #[allow(private_interfaces)]
    fn over_taps(
        level: Level,
        lanes: usize,
        reads: Reads<Self>,
        weights: &[Self],
        bias: &[Self],
        to: &mut Writes<Self>,
    );

    /// [`Reads::over_pixels`].
    #[allow(private_interfaces)]
    fn over_pixels(
        level: Level,
        lanes: usize,
        reads: Reads<Self>,
        delta: &[Self],
        plane: usize,
        gradient: &mut [Self],
        packed: &mut Vec<Self>,
    );
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The loops compiled for instructions that not every machine has.

    use super::{Reads, Writes};
    use ndarray::NdFloat;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn taps_avx512<T: NdFloat, const L: usize>(reads: Reads<T>, w: &[T], bias: &[T], to: &mut Writes<T>) {
        reads.over_taps::<true, L, true>(w, bias, to);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn pixels_avx512<T: NdFloat, const L: usize>(
        reads: Reads<T>,
        delta: &[T],
        plane: usize,
        gradient: &mut [T],
        packed: &mut Vec<T>,
    ) {
        reads.over_pixels::<true, L, true>(delta, plane, gradient, packed);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn taps_avx2<T: NdFloat, const L: usize>(reads: Reads<T>, w: &[T], bias: &[T], to: &mut Writes<T>) {
        reads.over_taps::<true, L, false>(w, bias, to);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn pixels_avx2<T: NdFloat, const L: usize>(
        reads: Reads<T>,
        delta: &[T],
        plane: usize,
        gradient: &mut [T],
        packed: &mut Vec<T>,
    ) {
        reads.over_pixels::<true, L, false>(delta, plane, gradient, packed);
    }
}

/// A scalar type with vectors of FULL lanes at AVX-512, HALF at AVX2 and QUARTER on every machine.
macro_rules! shifts {
    ($scalar:ty, $full:literal, $half:literal, $quarter:literal) => {
        impl Shifts for $scalar {
            fn lanes(level: Level, width: usize) -> usize {
                match level {
                    Level::Avx512 if width > $half => $full,
                    Level::Avx512 | Level::Avx2 => $half,
                    Level::Portable => $quarter,
                }
            }

            #[allow(private_interfaces)]
            fn over_taps(
                level: Level,
                lanes: usize,
                reads: Reads<Self>,
                w: &[Self],
                bias: &[Self],
                to: &mut Writes<Self>,
            ) {
                assert!(level <= best(), "this machine lacks {}", level.name());
                match (level, lanes) {
                    // SAFETY: `best` found the features of this level on the machine.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx512, $full) => unsafe { x86::taps_avx512::<_, $full>(reads, w, bias, to) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx512, _) => unsafe { x86::taps_avx512::<_, $half>(reads, w, bias, to) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx2, _) => unsafe { x86::taps_avx2::<_, $half>(reads, w, bias, to) },
                    _ => reads.over_taps::<false, $quarter, false>(w, bias, to),
                }
            }

            #[allow(private_interfaces)]
            fn over_pixels(
                level: Level,
                lanes: usize,
                reads: Reads<Self>,
                delta: &[Self],
                plane: usize,
                gradient: &mut [Self],
                packed: &mut Vec<Self>,
            ) {
                assert!(level <= best(), "this machine lacks {}", level.name());
                match (level, lanes) {
                    // SAFETY: `best` found the features of this level on the machine.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx512, $full) => unsafe {
                        x86::pixels_avx512::<_, $full>(reads, delta, plane, gradient, packed)
                    },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx512, _) => unsafe {
                        x86::pixels_avx512::<_, $half>(reads, delta, plane, gradient, packed)
                    },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx2, _) => unsafe { x86::pixels_avx2::<_, $half>(reads, delta, plane, gradient, packed) },
                    _ => reads.over_pixels::<false, $quarter, false>(delta, plane, gradient, packed),
                }
            }
        }
    };
}

shifts!(f32, 16, 8, 4);
shifts!(f64, 8, 4, 2);
