//! The two inner loops of a convolution on padded planes, where every tap is a shifted read: sums over the taps, for
//! outputs and input gradients, and sums over the pixels, for weight gradients.
//!
//! Both keep a tile of sums in vector registers. A lane of a sum over taps adds up in the order of the taps, whatever
//! else is computed beside it.

use super::aligned::Aligned;
use super::planes::Strip;
use crate::kernels::dispatch::Level;
use ndarray::NdFloat;

/// a·b + c, in one rounding where the machine has the instruction.
#[inline(always)]
fn multiply_add<T: NdFloat, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Adds the lanes of each sum, halves until one is left. Not inlined: the compiler would else shuffle the lanes within the
/// loop before it.
#[inline(never)]
fn fold<T: NdFloat, const L: usize, const N: usize>(sums: &mut [[T; L]; N]) {
    let mut half = L / 2;
    while half > 0 {
        for lanes in sums.iter_mut() {
            let (first, second) = lanes.split_at_mut(half);
            first.iter_mut().zip(second).for_each(|(first, second)| *first += *second);
        }
        half /= 2;
    }
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

/// Strips whose sources are used by all rows before the next strips are: they should stay in the first-level cache.
const STRIPS: usize = 8;

/// Strips whose gradients are summed together, for the same reason.
const PIXELS: usize = 128;

/// Rows of Z or G that are computed together, of the `left` ones.
fn together(left: usize, wide: bool) -> usize {
    match left {
        8.. if wide => 8,
        6.. if !wide => 6,
        4.. => 4,
        few => few,
    }
}

/// W (rows × offsets) as the sums over taps read it: panels of some rows, offset after offset.
pub(super) struct Weights<T> {
    values: Aligned<T>,
    rows: usize,
}

impl<T: NdFloat> Weights<T> {
    /// Entry (m, k) is `weight[m * row + places[k]]`.
    pub(super) fn pack(level: Level, weight: &[T], rows: usize, row: usize, places: &[usize]) -> Self {
        let wide = level == Level::Avx512;
        let mut weights = Weights { values: Aligned::zeros(rows * places.len()), rows };
        let (mut m, mut rest) = (0, &mut weights.values[..rows * places.len()]);
        while m < rows {
            let height = together(rows - m, wide);
            let (panel, others) = rest.split_at_mut(height * places.len());
            let weight = &weight[m * row..];
            for (to, &place) in panel.chunks_exact_mut(height).zip(places) {
                to.iter_mut().zip(weight[place..].iter().step_by(row)).for_each(|(to, &w)| *to = w);
            }
            (m, rest) = (m + height, others);
        }
        weights
    }
}

impl<T: NdFloat> Reads<'_, T> {
    /// Panics when a read would reach beyond the source.
    fn check(&self, lanes: usize) {
        let last = |places: &mut dyn Iterator<Item = usize>| places.max();
        let ends = (last(&mut self.offsets.iter().copied()), last(&mut self.strips.iter().map(|strip| strip.from)));
        if let (Some(offset), Some(from)) = ends {
            assert!(offset + from + lanes <= self.source.len(), "a strip reaches over the end of its source");
        }
    }

    /// Z[m, strip] ← b[m] + Σₖ W[m, k]·source[offset k + strip], some offsets at a time; without b, Z is added to.
    #[inline(always)]
    pub(super) fn over_taps<const FUSED: bool, const L: usize, const WIDE: bool>(
        self,
        weights: &Weights<T>,
        some: usize,
        bias: Option<&[T]>,
        to: &mut Writes<T>,
    ) {
        self.check(L);
        let (rows, count) = (weights.rows, self.offsets.len());
        // Heights of panels are those that `Weights::pack` took.
        assert!(
            weights.values.len() >= rows * count && bias.is_none_or(|bias| bias.len() == rows),
            "a weight for each row and offset"
        );
        let mut k = 0;
        loop {
            let offsets = &self.offsets[k..count.min(k + some)];
            for strips in self.strips.chunks(STRIPS) {
                let block = Reads { offsets, strips, ..self };
                let mut m = 0;
                while m < rows {
                    let height = together(rows - m, WIDE);
                    let panel = &weights.values[m * count + k * height..][..offsets.len() * height];
                    let start = bias.filter(|_| k == 0);
                    // SAFETY: reads were checked; the panel has a weight for each of `height` rows and each offset.
                    unsafe {
                        match height {
                            8 if const { WIDE } => block.rows::<FUSED, L, 8, 3>(panel, start, m, to),
                            6 if const { !WIDE } => block.rows::<FUSED, L, 6, 2>(panel, start, m, to),
                            4 => block.rows::<FUSED, L, 4, 2>(panel, start, m, to),
                            3 => block.rows::<FUSED, L, 3, 3>(panel, start, m, to),
                            2 => block.rows::<FUSED, L, 2, 4>(panel, start, m, to),
                            _ => block.rows::<FUSED, L, 1, 8>(panel, start, m, to),
                        }
                    }
                    m += height;
                }
            }
            k += some;
            if k >= count {
                return;
            }
        }
    }

    /// M rows of Z from m on, V strips at a time, starting from b or from what is there.
    #[inline(always)]
    unsafe fn rows<const FUSED: bool, const L: usize, const M: usize, const V: usize>(
        &self,
        weights: &[T],
        bias: Option<&[T]>,
        m: usize,
        to: &mut Writes<T>,
    ) {
        for strips in self.strips.chunks(V) {
            // Where strips are missing, the last one is computed again and not written.
            let mut from = [strips[strips.len() - 1].from; V];
            from.iter_mut().zip(strips).for_each(|(from, strip)| *from = strip.from);
            let mut sums = [[[T::zero(); L]; V]; M];
            // A whole tile is read and written in loops of constant length, so that the sums stay in registers. Lanes that
            // belong to the strip before as well get the same sums there, but only when both start from the same numbers: from
            // b, or from what is there before either is written.
            let apart = |(v, strip): (usize, &Strip)| strip.end == L && (bias.is_some() || strip.start == 0 || v > 0);
            let whole = to.step == 1 && strips.len() == V && strips.iter().enumerate().all(apart);
            if let Some(bias) = bias {
                for (sums, &b) in sums.iter_mut().zip(&bias[m..m + M]) {
                    *sums = [[b; L]; V];
                }
            } else if whole {
                for (v, strip) in strips.iter().enumerate().take(V) {
                    for (r, sums) in sums.iter_mut().enumerate() {
                        sums[v].copy_from_slice(&to.values[strip.to + (m + r) * to.plane..][..L]);
                    }
                }
            } else {
                for (v, strip) in strips.iter().enumerate() {
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let from = &to.values[strip.to + (m + r) * to.plane..];
                        for lane in 0..strip.end.min(L) {
                            sums[v][lane] = from[lane * to.step];
                        }
                    }
                }
            }
            // SAFETY: as promised by the caller.
            let sums = unsafe { self.tile::<FUSED, L, M, V>(weights.as_ptr(), from, sums) };
            if whole {
                for (v, strip) in strips.iter().enumerate().take(V) {
                    for (r, sums) in sums.iter().enumerate() {
                        to.values[strip.to + (m + r) * to.plane..][..L].copy_from_slice(&sums[v]);
                    }
                }
            } else {
                for (v, strip) in strips.iter().enumerate() {
                    for (r, sums) in sums.iter().enumerate() {
                        let row = &mut to.values[strip.to + (m + r) * to.plane..];
                        for lane in strip.start..strip.end.min(L) {
                            row[lane * to.step] = sums[v][lane];
                        }
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
        mut sums: [[[T; L]; V]; M],
    ) -> [[[T; L]; V]; M] {
        for (k, &offset) in self.offsets.iter().enumerate() {
            let mut x = [[T::zero(); L]; V];
            for (x, &from) in x.iter_mut().zip(&from) {
                // SAFETY: `check` found all offsets, plus all strips, plus L inside the source.
                *x = unsafe { self.source.as_ptr().add(offset + from).cast::<[T; L]>().read_unaligned() };
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                // SAFETY: M weights for each offset.
                let w = unsafe { *weights.add(k * M + m) };
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
    pub(super) fn over_pixels<const FUSED: bool, const L: usize, const WIDE: bool>(
        self,
        delta: &[T],
        plane: usize,
        gradient: &mut [T],
        packed: &mut Aligned<T>,
    ) {
        self.check(L);
        let count = self.offsets.len();
        let rows = gradient.len() / count;
        for strips in self.strips.chunks(PIXELS) {
            let block = Reads { strips, ..self };
            let mut m = 0;
            while m < rows {
                let height = together(rows - m, WIDE);
                let (delta, gradient) = (&delta[m * plane..], &mut gradient[m * count..]);
                // SAFETY: reads were checked.
                unsafe {
                    match height {
                        8 if const { WIDE } => block.gradients::<FUSED, L, 8, 3>(delta, plane, gradient, packed),
                        6 if const { !WIDE } => block.gradients::<FUSED, L, 6, 2>(delta, plane, gradient, packed),
                        4 => block.gradients::<FUSED, L, 4, 2>(delta, plane, gradient, packed),
                        3 => block.gradients::<FUSED, L, 3, 3>(delta, plane, gradient, packed),
                        2 => block.gradients::<FUSED, L, 2, 5>(delta, plane, gradient, packed),
                        _ => block.gradients::<FUSED, L, 1, 9>(delta, plane, gradient, packed),
                    }
                }
                m += height;
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
        packed: &mut Aligned<T>,
    ) {
        // δ strip by strip, its M rows side by side; 0 in the lanes that are no pixel or were counted already.
        packed.resize(self.strips.len() * M * L);
        for (strip, packed) in self.strips.iter().zip(packed.chunks_exact_mut(M * L)) {
            for (m, lanes) in packed.chunks_exact_mut(L).enumerate() {
                let from = &delta[strip.to + m * plane..][..strip.end];
                if (strip.start, strip.end) == (0, L) {
                    lanes.copy_from_slice(&from[..L]);
                } else {
                    lanes.fill(T::zero());
                    lanes[strip.start..strip.end].copy_from_slice(&from[strip.start..]);
                }
            }
        }
        let count = self.offsets.len();
        for (group, offsets) in self.offsets.chunks(N).enumerate() {
            // Where offsets are missing, the last one is computed again and not written.
            let mut all = [offsets[offsets.len() - 1]; N];
            all[..offsets.len()].copy_from_slice(offsets);
            // SAFETY: as promised by the caller; `packed` holds M·L numbers for each strip.
            let mut sums = unsafe { self.inner::<FUSED, L, M, N>(packed.as_ptr(), all) };
            for (m, sums) in sums.iter_mut().enumerate() {
                fold(sums);
                let to = &mut gradient[m * count + group * N..][..offsets.len()];
                to.iter_mut().zip(sums).for_each(|(to, lanes)| *to += lanes[0]);
            }
        }
    }

    /// M × N sums over all strips.
    #[inline(always)]
    unsafe fn inner<const FUSED: bool, const L: usize, const M: usize, const N: usize>(
        &self,
        packed: *const T,
        offsets: [usize; N],
    ) -> [[[T; L]; N]; M] {
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
        sums
    }
}
