//! Randomness without a hidden generator: a counter-based stream keyed by (seed, epoch, sample, module …).
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011).
//! Its output is a pure function of a key and a counter, so any draw can be made on any thread in any order, and the
//! bits are the same on every platform and in every release.

/// A stream of random numbers, a pure function of its keys.
///
/// ```
/// use limpide::Stream;
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

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.next_u32() as u64 | (self.next_u32() as u64) << 32
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

    /// A whole number below `bound`, every one equally likely: Lemire, *Fast random integer generation in an interval*, 2019.
    ///
    /// Panics when `bound` is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "a whole number below 0 does not exist");
        let bound = bound as u64;
        let unfair = bound.wrapping_neg() % bound;
        loop {
            let wide = self.next_u64() as u128 * bound as u128;
            if wide as u64 >= unfair {
                return (wide >> 64) as usize;
            }
        }
    }

    /// Puts a slice into random order (Fisher and Yates).
    pub fn shuffle<A>(&mut self, items: &mut [A]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Ten rounds of Philox4x32 (Salmon et al. 2011, section 3.3).
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = counter[0] as u64 * 0xD251_1F53;
        let second = counter[2] as u64 * 0xCD9E_8D57;
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the Random123 distribution (`kat_vectors`, philox4x32 10).
    #[test]
    fn philox_gives_the_known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let mut stream = Stream::new(1);
        let draws: Vec<f64> = (0..40_000).map(|_| stream.normal()).collect();
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
