//! Sums over the taps of a convolution, for outputs and input gradients. A lane of a sum adds up in the order of the taps,
//! whatever else is computed beside it.

use super::planes::Strip;
use super::tiles::{Reads, Room, Shape, load, many, registers, together};
use crate::Number;
use crate::aligned::Aligned;
use crate::simd::{Comparable, Kernel};
use crate::vector::{Task, Vector};
use std::marker::PhantomData;
use std::ops::Range;

/// Where sums over taps go: strip s of row m to `values[s.to + m·plane + lane]`.
pub(super) struct Writes<'a, T> {
    pub values: &'a mut [T],
    pub plane: usize,
}

/// Of so many registers, those that tiles of three take; tiles of two take the others.
fn in_threes(registers: usize) -> usize {
    match registers % 3 {
        1 => registers.saturating_sub(4),
        others => registers - others,
    }
}

/// Registers of strips whose sources are used by all rows before the next ones are: they should stay in the first-level cache,
/// and be whole tiles of the first rows, which are 3 registers wide where 8 or 3 rows are computed together.
fn strips_together(rows: usize, many: bool) -> usize {
    if matches!(together(rows, many), 3 | 8) { 9 } else { 8 }
}

/// W (rows × offsets) as the sums over taps read it: panels of some rows, offset after offset.
pub(super) struct Weights<T> {
    values: Aligned<T>,
    rows: usize,
}

impl<T: Number> Weights<T> {
    /// Entry (m, k) is `weight[m * row + places[k]]`.
    pub(super) fn pack(shape: Shape, weight: &[T], rows: usize, row: usize, places: &[usize]) -> Self {
        let mut weights = Weights { values: Aligned::zeros(rows * places.len()), rows };
        let (mut m, mut rest) = (0, &mut weights.values[..rows * places.len()]);
        while m < rows {
            let height = together(rows - m, shape.many());
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

/// Z[m, strip] ← b[m] + Σₖ W[m, k]·source[offset k + strip], some offsets at a time; without b, Z is added to.
pub(super) struct OverTaps<'a, 'b, T> {
    pub reads: Reads<'a, T>,
    pub weights: &'a Weights<T>,
    pub some: usize,
    pub bias: Option<&'a [T]>,
    pub to: Writes<'b, T>,
}

impl<T: Number> Kernel<T> for OverTaps<'_, '_, T> {
    #[inline(always)]
    unsafe fn run<V: Comparable<Scalar = T>>(self) {
        self.reads.check();
        let (rows, count) = (self.weights.rows, self.reads.offsets.len());
        // Heights of panels are those that `Weights::pack` took.
        assert!(
            self.weights.values.len() >= rows * count && self.bias.is_none_or(|bias| bias.len() == rows),
            "a weight for each row and offset"
        );
        // SAFETY: as promised by the caller, and checked.
        unsafe {
            match self.reads.shape.in_a_register {
                2 if const { many::<V>() } => self.blocks::<V, 2>(),
                _ => self.blocks::<V, 1>(),
            }
        }
    }
}

impl<T: Number> OverTaps<'_, '_, T> {
    #[inline(always)]
    unsafe fn blocks<V: Vector<Scalar = T>, const P: usize>(mut self) {
        let (rows, count, some) = (self.weights.rows, self.reads.offsets.len(), self.some);
        let together_strips = strips_together(rows, const { many::<V>() }) * P;
        let mut k = 0;
        loop {
            let offsets = &self.reads.offsets[k..count.min(k + some)];
            for strips in self.reads.strips.chunks(together_strips) {
                let (threes, twos) = strips.split_at(strips.len().min(in_threes(strips.len().div_ceil(P)) * P));
                let mut m = 0;
                while m < rows {
                    let height = together(rows - m, const { many::<V>() });
                    let parts = if height == 8 { [threes, twos] } else { [strips, &[]] };
                    for (place, strips) in parts.into_iter().enumerate().filter(|(_, strips)| !strips.is_empty()) {
                        let block = Block {
                            reads: Reads { offsets, strips, ..self.reads },
                            weights: &self.weights.values[m * count + k * height..][..offsets.len() * height],
                            bias: self.bias.filter(|_| k == 0).map(|bias| &bias[m..m + height]),
                            m,
                            to: &mut self.to,
                        };
                        // SAFETY: reads were checked; the weights are one for each row and offset.
                        unsafe {
                            match (height, place) {
                                (8, 0) if const { many::<V>() } => V::run(Rows::<V, 8, 3, P>(block, PhantomData)),
                                (8, _) if const { many::<V>() } => V::run(Rows::<V, 8, 2, P>(block, PhantomData)),
                                (6, _) if const { !many::<V>() } => V::run(Rows::<V, 6, 2, P>(block, PhantomData)),
                                (4, _) => V::run(Rows::<V, 4, 2, P>(block, PhantomData)),
                                (3, _) => V::run(Rows::<V, 3, 3, P>(block, PhantomData)),
                                (2, _) => V::run(Rows::<V, 2, 4, P>(block, PhantomData)),
                                _ => V::run(Rows::<V, 1, 8, P>(block, PhantomData)),
                            }
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
}

/// Some rows of Z, from row m on, at some strips.
struct Block<'a, 'b, T> {
    reads: Reads<'a, T>,
    weights: &'a [T],
    /// The bias of each row, or None to start from what is there.
    bias: Option<&'a [T]>,
    m: usize,
    to: &'a mut Writes<'b, T>,
}

/// The M rows of a block, N registers of P strips at a time.
struct Rows<'a, 'b, V: Vector, const M: usize, const N: usize, const P: usize>(
    Block<'a, 'b, V::Scalar>,
    PhantomData<V>,
);

impl<T: Number, V: Vector<Scalar = T>, const M: usize, const N: usize, const P: usize> Task
    for Rows<'_, '_, V, M, N, P>
{
    type Result = ();

    #[inline(always)]
    unsafe fn go(self) {
        let Rows(Block { reads, weights, bias, m, to }, _) = self;
        let lanes = V::LANES / P;
        for strips in reads.strips.chunks(N * P) {
            // Lanes that belong to the strip before as well get the same sums there, but only when both start from the same
            // numbers: from b, or from what is there before either is written.
            let apart = |(index, strip): (usize, &Strip)| {
                strip.end == lanes && (bias.is_some() || strip.start == 0 || index > 0)
            };
            let whole = strips.len() == N * P && strips.iter().enumerate().all(apart);
            // SAFETY: as promised by the caller.
            unsafe {
                let sums = match bias {
                    Some(bias) => std::array::from_fn(|r| [V::splat(bias[r]); N]),
                    // Lanes that are no pixel are computed as well, and not written.
                    None if strips.iter().all(|strip| to.has_room(strip, m + M - 1, lanes)) => {
                        let from = registers::<N, P>(strips, |strip| strip.to);
                        let mut sums = [[V::zero(); N]; M];
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let row = to.values.as_ptr().add((m + r) * to.plane);
                            for (sum, from) in sums.iter_mut().zip(from) {
                                *sum = load::<V, P>(from.map(|from| row.add(from)));
                            }
                        }
                        sums
                    }
                    None => {
                        let mut room = [[V::zero(); N]; M];
                        let numbers = std::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), M * N * V::LANES);
                        to.collect(strips, m..m + M, [N * V::LANES, lanes], numbers);
                        room
                    }
                };
                let from = registers::<N, P>(strips, |strip| strip.from);
                let sums = tile::<V, M, N, P>(&reads, weights, from, sums);
                if whole {
                    for n in 0..N {
                        let strips: [&Strip; P] = std::array::from_fn(|p| &strips[n * P + p]);
                        for (r, sums) in sums.iter().enumerate() {
                            let mut at =
                                |strip: &Strip| to.values[strip.to + (m + r) * to.plane..][..lanes].as_mut_ptr();
                            match P {
                                1 => sums[n].store(at(strips[0])),
                                _ => sums[n].store_halves([at(strips[0]), at(strips[P - 1])], [0..lanes, 0..lanes]),
                            }
                        }
                    }
                } else if const { many::<V>() } {
                    to.store::<V, M, N, P>(strips, m, &sums);
                } else {
                    let mut room = Room::<V>::uninit();
                    let room = room.as_mut_ptr().cast::<T>();
                    for (place, &sum) in sums.as_flattened().iter().enumerate() {
                        sum.store(room.add(place * V::LANES));
                    }
                    let numbers = std::slice::from_raw_parts(room, M * N * V::LANES);
                    to.spread(strips, m..m + M, [N * V::LANES, lanes], numbers);
                }
            }
        }
    }
}

/// M × N registers of sums and all taps. By value, so that the sums stay in registers.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const N: usize, const P: usize>(
    reads: &Reads<V::Scalar>,
    weights: &[V::Scalar],
    from: [[usize; P]; N],
    mut sums: [[V; N]; M],
) -> [[V; N]; M] {
    for (k, &offset) in reads.offsets.iter().enumerate() {
        // SAFETY: as promised by the caller, reads were checked and there are M weights for each offset.
        unsafe {
            let x: [V; N] = std::array::from_fn(|n| reads.load::<V, P>(offset, from[n]));
            for (m, sums) in sums.iter_mut().enumerate() {
                let w = V::splat(*weights.get_unchecked(k * M + m));
                for (sum, &x) in sums.iter_mut().zip(&x) {
                    *sum = w.times_plus(x, *sum);
                }
            }
        }
    }
    sums
}

impl<T: Number> Writes<'_, T> {
    /// Whether that many numbers lie behind the start of a strip.
    fn has_room(&self, strip: &Strip, row: usize, lanes: usize) -> bool {
        strip.to + row * self.plane + lanes <= self.values.len()
    }

    /// The pixels of strips, of which some may be missing or not whole, in registers of P strips, written lane by lane.
    #[inline(always)]
    unsafe fn store<V: Vector<Scalar = T>, const M: usize, const N: usize, const P: usize>(
        &mut self,
        strips: &[Strip],
        m: usize,
        sums: &[[V; N]; M],
    ) {
        for n in 0..N {
            for (r, sums) in sums.iter().enumerate() {
                let mut to = |p: usize| match strips.get(n * P + p) {
                    Some(strip) => {
                        let row = &mut self.values[strip.to + (m + r) * self.plane..][..strip.end];
                        (row.as_mut_ptr(), strip.start..strip.end)
                    }
                    None => (std::ptr::dangling_mut(), 0..0),
                };
                let (at, lanes) = to(0);
                // SAFETY: the lanes that are written lie inside Z.
                unsafe {
                    match P {
                        1 => sums[n].store_lanes(at, lanes),
                        _ => {
                            let (other, others) = to(1);
                            sums[n].store_halves([at, other], [lanes, others]);
                        }
                    }
                }
            }
        }
    }

    /// room ← the pixels of strips of some rows: `width` numbers a row, `lanes` a strip.
    #[inline(never)]
    fn collect(&self, strips: &[Strip], rows: Range<usize>, [width, lanes]: [usize; 2], room: &mut [T]) {
        for (row, room) in rows.zip(room.chunks_mut(width)) {
            for (strip, room) in strips.iter().zip(room.chunks_mut(lanes)) {
                room[..strip.end].copy_from_slice(&self.values[strip.to + row * self.plane..][..strip.end]);
            }
        }
    }

    /// The way back of [`Writes::collect`], without the lanes that belong to the strip before.
    #[inline(never)]
    fn spread(&mut self, strips: &[Strip], rows: Range<usize>, [width, lanes]: [usize; 2], room: &[T]) {
        for (row, room) in rows.zip(room.chunks(width)) {
            for (strip, room) in strips.iter().zip(room.chunks(lanes)) {
                let to = &mut self.values[strip.to + row * self.plane..][strip.start..strip.end];
                to.copy_from_slice(&room[strip.start..strip.end]);
            }
        }
    }
}
