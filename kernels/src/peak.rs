//! The machine's peak, measured: multiply-adds that never leave the registers, the yardstick of every benchmark.

use super::Level;
use super::dispatch::best;
use crate::Kernels;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Independent chains of multiply-adds. Each is two vectors wide, so these are twelve; two units with four cycles of latency
/// each are busy from eight on.
const CHAINS: usize = 6;
/// Links of a chain in one round: some 50 µs, long against the clock and short against the neighbours' time slices.
const LINKS: usize = 10_000;
/// Rounds that are timed; the fastest counts.
const ROUNDS: usize = 400;

/// Floating-point operations a second (a multiply-add is two) of `threads` threads together, with the instructions of a
/// level: the best of some 20 ms.
///
/// Panics when the machine lacks the level.
pub fn peak<T: Kernels>(level: Level, threads: usize) -> f64 {
    assert!(level <= best(), "this machine lacks {}", level.name());
    T::peak(level, threads)
}

pub(crate) fn peak_here<T: Kernels>(level: Level, threads: usize) -> f64 {
    let barrier = Barrier::new(threads.max(1));
    let rate = || {
        barrier.wait();
        (0..ROUNDS).map(|_| round::<T>(level)).fold(0.0, f64::max)
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(rate)).collect();
        rate() + others.into_iter().map(|thread| thread.join().expect("a loop without panics")).sum::<f64>()
    })
}

/// The rate of one round on this thread.
fn round<T: Kernels>(level: Level) -> f64 {
    let start = Instant::now();
    let lanes = match (level, size_of::<T>()) {
        // SAFETY: `peak` has checked that the machine has the level; likewise below.
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512, 4) => unsafe { chains_avx512::<T, 32>() },
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512, _) => unsafe { chains_avx512::<T, 16>() },
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2, 4) => unsafe { chains_avx2::<T, 16>() },
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2, _) => unsafe { chains_avx2::<T, 8>() },
        (_, 4) => chains::<T, false, 8>(),
        _ => chains::<T, false, 4>(),
    };
    (2 * LINKS * CHAINS * lanes) as f64 / start.elapsed().as_secs_f64()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn chains_avx512<T: Kernels, const LANES: usize>() -> usize {
    chains::<T, true, LANES>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn chains_avx2<T: Kernels, const LANES: usize>() -> usize {
    chains::<T, true, LANES>()
}

/// s ← s·x + y in every lane of every chain; gives the number of lanes.
#[inline(always)]
fn chains<T: Kernels, const FUSED: bool, const LANES: usize>() -> usize {
    // Values that the compiler cannot see through, and that neither grow without bound nor become subnormal.
    let (x, y) = black_box((T::number(0.5), T::one()));
    let mut sums = black_box([[T::one(); LANES]; CHAINS]);
    for _ in 0..LINKS {
        for sum in &mut sums {
            *sum = link::<T, FUSED, LANES>(*sum, x, y);
        }
    }
    black_box(sums);
    LANES
}

/// One multiply-add in every lane.
#[inline(always)]
fn link<T: Kernels, const FUSED: bool, const LANES: usize>(mut sum: [T; LANES], x: T, y: T) -> [T; LANES] {
    sum.iter_mut().for_each(|sum| *sum = if FUSED { sum.mul_add(x, y) } else { *sum * x + y });
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_and_type_has_a_peak() {
        for level in Level::available() {
            for threads in [1, 2] {
                assert!(peak::<f32>(level, threads) > 0.0);
                assert!(peak::<f64>(level, threads) > 0.0);
            }
        }
    }
}
