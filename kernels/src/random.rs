//! Randomness without a hidden generator: a counter-based stream keyed by (seed, epoch, sample, module …).
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011).
//! Its output is a pure function of a key and a counter, so any draw can be made on any thread in any order, and the
//! bits are the same on every platform and in every release.

use crate::{normal_quantiles, philox, philox_blocks};

/// A stream of random numbers, a pure function of its keys.
///
/// ```
/// use limpide_kernels::Stream;
/// let mut a = Stream::new(7).at(&[3, 41]); // epoch 3, sample 41
/// let mut b = Stream::new(7).at(&[3, 41]);
/// assert_eq!(a.next_u32(), b.next_u32());
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    counter: u64,
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Stream { key: [seed as u32, (seed >> 32) as u32], counter: 0, block: [0; 4], used: 4 }
    }

    /// The independent stream at a path of numbers below this one, such as `[epoch, sample]`.
    pub fn at(&self, path: &[u64]) -> Self {
        let mut key = self.key;
        for &number in path {
            // A step down the path is one block of the parent, in a half of the counter space that draws never reach.
            let block = philox([number as u32, (number >> 32) as u32, 0, 1 << 31], key);
            key = [block[0], block[1]];
        }
        Stream { key, counter: 0, block: [0; 4], used: 4 }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox([self.counter as u32, (self.counter >> 32) as u32, 0, 0], self.key);
            self.counter += 1;
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// 32 random bits for every entry: the next draws, made many at a time.
    pub fn fill_u32(&mut self, out: &mut [u32]) {
        let left = out.len().min(4 - self.used);
        let (head, rest) = out.split_at_mut(left);
        head.copy_from_slice(&self.block[self.used..self.used + left]);
        self.used += left;
        let (blocks, tail) = rest.as_chunks_mut::<4>();
        philox_blocks(self.key, self.counter, blocks);
        self.counter += blocks.len() as u64;
        tail.iter_mut().for_each(|bits| *bits = self.next_u32());
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        joined(self.next_u32(), self.next_u32())
    }

    /// A number in [0, 1), a multiple of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A draw from N(0, 1): Box and Muller, *A note on the generation of random normal deviates*, 1958.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// A number between −1 and 1 for every entry, from one draw of 32 bits each.
    pub fn fill_uniform(&mut self, out: &mut [f32]) {
        // As a signed number, which every machine converts many at a time.
        let number = |bits: u32| bits as i32 as f32 * (1.0 / (1u32 << 31) as f32);
        self.fill_from_bits(out, |bits, out| out.iter_mut().zip(bits).for_each(|(x, &bits)| *x = number(bits)));
    }

    /// A draw from N(0, 1) for every entry, from one draw of 32 bits each: the normal distribution's quantile there.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        self.fill_from_bits(out, normal_quantiles);
    }

    fn fill_from_bits(&mut self, out: &mut [f32], convert: impl Fn(&[u32], &mut [f32])) {
        let mut bits = [0; 128];
        for part in out.chunks_mut(bits.len()) {
            let bits = &mut bits[..part.len()];
            self.fill_u32(bits);
            convert(bits, part);
        }
    }

    /// A whole number below `bound`, every one equally likely: Lemire, *Fast random integer generation in an interval*, 2019.
    ///
    /// Panics when `bound` is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "a whole number below 0 does not exist");
        fair(bound as u64, || self.next_u64()) as usize
    }

    /// Puts a slice into random order (Fisher and Yates).
    pub fn shuffle<A>(&mut self, items: &mut [A]) {
        let mut bits = [0; 128];
        let (mut at, mut end) = (0, 0);
        for last in (1..items.len()).rev() {
            let other = fair(last as u64 + 1, || {
                if at == end {
                    // No more than are needed for certain: the stream goes on as if they had been drawn one by one.
                    (at, end) = (0, bits.len().min(2 * last));
                    self.fill_u32(&mut bits[..end]);
                }
                at += 2;
                joined(bits[at - 2], bits[at - 1])
            });
            items.swap(last, other as usize);
        }
    }
}

/// A whole number below `bound` from draws of 64 bits.
fn fair(bound: u64, mut draw: impl FnMut() -> u64) -> u64 {
    let mut wide = draw() as u128 * bound as u128;
    // What is refused is below 2⁶⁴ mod bound, so below the bound: nearly every draw is spared the remainder.
    if (wide as u64) < bound {
        let unfair = bound.wrapping_neg() % bound;
        while (wide as u64) < unfair {
            wide = draw() as u128 * bound as u128;
        }
    }
    (wide >> 64) as u64
}

/// Two draws of 32 bits as one of 64, the first in the low half.
fn joined(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_in_bulk_are_the_draws_one_by_one() {
        for (before, count) in [(0, 0), (0, 1), (1, 2), (3, 5), (2, 70), (4, 64)] {
            let mut one = Stream::new(9);
            let mut bulk = one.clone();
            for _ in 0..before {
                assert_eq!(one.next_u32(), bulk.next_u32());
            }
            let mut got = vec![0; count];
            bulk.fill_u32(&mut got);
            assert_eq!(got, (0..count).map(|_| one.next_u32()).collect::<Vec<_>>());
            assert_eq!(bulk.next_u64(), one.next_u64(), "the draw after {count}");
        }
    }

    #[test]
    fn below_is_fair_and_repeats_a_draw_only_when_it_must() {
        // Bounds above 2⁶³: of the 64-bit draws a quarter of them must be refused.
        let bound = 3usize << 62;
        let (mut stream, mut plain) = (Stream::new(4), Stream::new(4));
        let mut refused = 0;
        for _ in 0..1000 {
            // Lemire's rule as first written: a draw is refused when the low half is below 2⁶⁴ mod bound.
            let want = loop {
                let wide = plain.next_u64() as u128 * bound as u128;
                if wide as u64 >= (1u64 << 62) {
                    break (wide >> 64) as usize;
                }
                refused += 1;
            };
            assert_eq!(stream.below(bound), want);
        }
        assert!((200..500).contains(&refused), "{refused} draws refused; 333 are expected");
    }

    #[test]
    fn a_shuffle_draws_as_below_does() {
        for count in [0, 1, 2, 63, 64, 65, 66, 300] {
            let (mut stream, mut plain) = (Stream::new(5), Stream::new(5));
            let (mut got, mut want): (Vec<usize>, Vec<usize>) = ((0..count).collect(), (0..count).collect());
            stream.shuffle(&mut got);
            for last in (1..count).rev() {
                want.swap(last, plain.below(last + 1));
            }
            assert_eq!(got, want);
            assert_eq!(stream.next_u32(), plain.next_u32(), "the draw after shuffling {count}");
        }
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let mut stream = Stream::new(1);
        let mut many = vec![0.0; 40_000];
        stream.fill_normal(&mut many);
        are_normal(&many.into_iter().map(f64::from).collect::<Vec<_>>());
        are_normal(&(0..40_000).map(|_| stream.normal()).collect::<Vec<_>>());
    }

    #[test]
    fn uniform_draws_have_mean_zero_and_variance_a_third() {
        let mut draws = vec![0.0; 40_000];
        Stream::new(1).fill_uniform(&mut draws);
        assert!(draws.iter().all(|x| (-1.0..=1.0).contains(x)));
        let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / 40_000.0;
        let square = draws.iter().map(|&x| f64::from(x * x)).sum::<f64>() / 40_000.0;
        assert!(mean.abs() < 5.0 / (3.0f64 * 40_000.0).sqrt(), "mean {mean}");
        // x² has the variance 1/5 − 1/9.
        assert!((square - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / 40_000.0f64).sqrt(), "mean square {square}");
    }

    fn are_normal(draws: &[f64]) {
        let mean = draws.iter().sum::<f64>() / 40_000.0;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 40_000.0;
        assert!(mean.abs() < 5.0 / 200.0, "mean {mean}");
        assert!((variance - 1.0).abs() < 5.0 * (2.0f64 / 40_000.0).sqrt(), "variance {variance}");
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_streams_differ() {
        let mut items: Vec<usize> = (0..100).collect();
        Stream::new(3).at(&[1]).shuffle(&mut items);
        let mut other: Vec<usize> = (0..100).collect();
        Stream::new(3).at(&[2]).shuffle(&mut other);
        assert_ne!(items, other);
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
