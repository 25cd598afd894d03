//! The blocks of the random generator, several at a time.

use super::dispatch::{Job, level, run};

/// Blocks made together: two AVX2 vectors for each word of a block.
const LANES: usize = 8;

/// Ten rounds of Philox4x32 on one counter (Salmon, Moraes, Dror and Shaw 2011, section 3.3).
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    rounds(counter.map(|word| [word as u64]), key).map(|[word]| word as u32)
}

/// The blocks of the counters (n, 0) for n = `first`, `first` + 1, …, with n in two words, the low one first.
pub fn philox_blocks(key: [u32; 2], first: u64, blocks: &mut [[u32; 4]]) {
    run(level(), Blocks { key, first, blocks });
}

struct Blocks<'a> {
    key: [u32; 2],
    first: u64,
    blocks: &'a mut [[u32; 4]],
}

impl Job for Blocks<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let Blocks { key, mut first, blocks } = self;
        for group in blocks.chunks_mut(LANES) {
            let n: [u64; LANES] = std::array::from_fn(|lane| first.wrapping_add(lane as u64));
            let words = rounds([n, n.map(|n| n >> 32), [0; LANES], [0; LANES]], key);
            for (lane, block) in group.iter_mut().enumerate() {
                *block = std::array::from_fn(|word| words[word][lane] as u32);
            }
            first = first.wrapping_add(LANES as u64);
        }
    }
}

/// The four words of N blocks, ten rounds on. A word is the lower half of its number, as the vector instruction for
/// products of 32 bits takes it; what is in the upper half never comes down.
#[inline(always)]
fn rounds<const N: usize>(mut words: [[u64; N]; 4], mut key: [u32; 2]) -> [[u64; N]; 4] {
    for _ in 0..10 {
        let [a, b, c, d] = words;
        for lane in 0..N {
            let first = (a[lane] & 0xffff_ffff) * 0xD251_1F53;
            let second = (c[lane] & 0xffff_ffff) * 0xCD9E_8D57;
            words[0][lane] = second >> 32 ^ b[lane] ^ key[0] as u64;
            words[1][lane] = second;
            words[2][lane] = first >> 32 ^ d[lane] ^ key[1] as u64;
            words[3][lane] = first;
        }
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::dispatch::Level;
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
    fn many_blocks_are_those_made_one_by_one_at_every_level() {
        let key = [0x1234_5678, 0x9abc_def0];
        // The second start carries into the upper word within a group.
        for first in [0, u32::MAX as u64 - 3, u64::MAX - 4] {
            for count in [0, 1, 7, 8, 9, 33] {
                let counter = |n: u64| [n as u32, (n >> 32) as u32, 0, 0];
                let want: Vec<_> = (0..count).map(|n| philox(counter(first.wrapping_add(n)), key)).collect();
                for level in Level::available() {
                    let mut blocks = vec![[0; 4]; count as usize];
                    run(level, Blocks { key, first, blocks: &mut blocks });
                    assert_eq!(blocks, want, "{count} blocks from {first} with {}", level.name());
                }
            }
        }
    }
}
