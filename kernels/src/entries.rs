//! A formula applied entry by entry, in the instructions of each [`Level`]: one step of an optimiser, what a normalisation does
//! to a plane.
//!
//! As multiplications and additions are not fused, the results have the same bits at every level.

use super::dispatch::{Level, best};
use super::math::{Lane, sums};

/// (θ, s) ← f(θ, g, s) for every entry of a parameter θ, its gradient g and the N arrays s that an optimiser keeps for it.
///
/// Panics when the lengths differ or the machine lacks the level.
///
/// ```
/// use limpide_kernels::{level, update};
/// let (mut parameter, mut velocity) = ([1.0, 2.0], [0.0, 10.0]);
/// update(level(), &mut parameter, &[0.5, 0.5], [&mut velocity], |p, g, [v]| (p - (v + g), [v + g]));
/// assert_eq!((parameter, velocity), ([0.5, -8.5], [0.5, 10.5]));
/// ```
pub fn update<T: Copy, const N: usize>(
    level: Level,
    parameter: &mut [T],
    gradient: &[T],
    state: [&mut [T]; N],
    f: impl Fn(T, T, [T; N]) -> (T, [T; N]),
) {
    assert_eq!(parameter.len(), gradient.len(), "lengths of a parameter and its gradient");
    assert!(state.iter().all(|s| s.len() == parameter.len()), "lengths of a parameter and its state");
    assert!(level <= best(), "this machine lacks {}", level.name());
    match level {
        // SAFETY: `best` found the features of this level on the machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { update_avx512(parameter, gradient, state, f) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { update_avx2(parameter, gradient, state, f) },
        _ => each(parameter, gradient, state, f),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn update_avx512<T: Copy, const N: usize>(
    parameter: &mut [T],
    gradient: &[T],
    state: [&mut [T]; N],
    f: impl Fn(T, T, [T; N]) -> (T, [T; N]),
) {
    each(parameter, gradient, state, f);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn update_avx2<T: Copy, const N: usize>(
    parameter: &mut [T],
    gradient: &[T],
    state: [&mut [T]; N],
    f: impl Fn(T, T, [T; N]) -> (T, [T; N]),
) {
    each(parameter, gradient, state, f);
}

/// A plain loop, which is also the definition: the compiler makes vectors of it.
#[inline(always)]
fn each<T: Copy, const N: usize>(
    parameter: &mut [T],
    gradient: &[T],
    mut state: [&mut [T]; N],
    f: impl Fn(T, T, [T; N]) -> (T, [T; N]),
) {
    // One length for all, so that no index is checked inside the loop.
    let count = parameter.len();
    let gradient = &gradient[..count];
    let mut state = state.each_mut().map(|s| &mut s[..count]);
    for i in 0..count {
        let (moved, kept) = f(parameter[i], gradient[i], state.each_ref().map(|s| s[i]));
        parameter[i] = moved;
        state.iter_mut().zip(kept).for_each(|(s, kept)| s[i] = kept);
    }
}

/// to ← f(x) for every entry of N arrays x.
///
/// Panics when the lengths differ or the machine lacks the level.
///
/// ```
/// use limpide_kernels::{level, map};
/// let mut to = [0.0; 2];
/// map(level(), [&[1.0, 2.0], &[10.0, 20.0]], &mut to, |[x, y]| x * y);
/// assert_eq!(to, [10.0, 40.0]);
/// ```
pub fn map<T: Copy, const N: usize>(level: Level, x: [&[T]; N], to: &mut [T], f: impl Fn([T; N]) -> T) {
    assert!(x.iter().all(|x| x.len() == to.len()), "lengths of arrays that are taken together");
    assert!(level <= best(), "this machine lacks {}", level.name());
    match level {
        // SAFETY: `best` found the features of this level on the machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { map_avx512(x, to, f) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { map_avx2(x, to, f) },
        _ => map_each(x, to, f),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn map_avx512<T: Copy, const N: usize>(x: [&[T]; N], to: &mut [T], f: impl Fn([T; N]) -> T) {
    map_each(x, to, f);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn map_avx2<T: Copy, const N: usize>(x: [&[T]; N], to: &mut [T], f: impl Fn([T; N]) -> T) {
    map_each(x, to, f);
}

/// A plain loop for the compiler to make vectors of. Blocks of a constant length it does not: it takes the same entry of many
/// blocks together instead, which lie apart.
#[inline(always)]
fn map_each<T: Copy, const N: usize>(x: [&[T]; N], to: &mut [T], f: impl Fn([T; N]) -> T) {
    let x = x.map(|x| &x[..to.len()]);
    for (i, to) in to.iter_mut().enumerate() {
        *to = f(x.map(|x| x[i]));
    }
}

/// M sums Σ f(x) over the entries of N arrays x, each in the order of [`sum`](crate::sum).
///
/// Panics when the lengths differ or the machine lacks the level.
pub fn totals<T: Lane, const N: usize, const M: usize>(
    level: Level,
    x: [&[T]; N],
    f: impl Fn([T; N]) -> [T; M],
) -> [T; M] {
    assert!(x.iter().all(|other| other.len() == x[0].len()), "lengths of arrays that are taken together");
    assert!(level <= best(), "this machine lacks {}", level.name());
    match level {
        // SAFETY: `best` found the features of this level on the machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { totals_avx512(x, f) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { totals_avx2(x, f) },
        _ => sums(x, f),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn totals_avx512<T: Lane, const N: usize, const M: usize>(x: [&[T]; N], f: impl Fn([T; N]) -> [T; M]) -> [T; M] {
    sums(x, f)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn totals_avx2<T: Lane, const N: usize, const M: usize>(x: [&[T]; N], f: impl Fn([T; N]) -> [T; M]) -> [T; M] {
    sums(x, f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn every_level_gives_the_same_bits() {
        for count in [0, 1, 7, 16, 33, 100] {
            let mut stream = Stream::new(count as u64);
            let mut draw = || (0..count).map(|_| stream.normal() as f32).collect::<Vec<_>>();
            let (start, gradient, first, second) = (draw(), draw(), draw(), draw());
            let at = |level| {
                let (mut p, mut m, mut v) = (start.clone(), first.clone(), second.clone());
                update(level, &mut p, &gradient, [&mut m, &mut v], |p, g, [m, v]| {
                    let (m, v) = (0.9 * m + 0.1 * g, 0.99 * v.abs() + 0.01 * (g * g));
                    (p - 0.1 * m / (v.sqrt() + 1e-8), [m, v])
                });
                [p, m, v].map(|x| x.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            };
            let mapped = |level| {
                let mut to = start.clone();
                map(level, [&gradient, &first], &mut to, |[g, m]| 3.0 * (g - 0.1 - m * 0.7));
                to.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let summed = |level| totals(level, [&gradient, &first], |[g, m]| [(g - 0.1) * m, m]).map(f32::to_bits);
            let wanted: Vec<_> = gradient.iter().zip(&first).map(|(g, m)| 3.0 * (g - 0.1 - m * 0.7)).collect();
            let products: Vec<_> = gradient.iter().zip(&first).map(|(g, m)| (g - 0.1) * m).collect();
            for level in Level::available() {
                assert_eq!(at(level), at(Level::Portable), "{} on {count} entries", level.name());
                assert_eq!(mapped(level), wanted.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
                assert_eq!(summed(level), [&products, &first].map(|x| crate::sum(x).to_bits()));
            }
        }
    }
}
