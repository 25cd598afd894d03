//! The two loops at every level of vector instructions, chosen at run time.

use super::aligned::Aligned;
use super::tiles::{Reads, Weights, Writes};
use crate::kernels::dispatch::{Level, best};
use ndarray::NdFloat;

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
        w: &Weights<Self>,
        some: usize,
        bias: Option<&[Self]>,
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
        packed: &mut Aligned<Self>,
    );
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The loops compiled for instructions that not every machine has.

    use super::{Aligned, Reads, Weights, Writes};
    use ndarray::NdFloat;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn taps_avx512<T: NdFloat, const L: usize>(
        reads: Reads<T>,
        w: &Weights<T>,
        some: usize,
        bias: Option<&[T]>,
        to: &mut Writes<T>,
    ) {
        reads.over_taps::<true, L, true>(w, some, bias, to);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn pixels_avx512<T: NdFloat, const L: usize>(
        reads: Reads<T>,
        delta: &[T],
        plane: usize,
        gradient: &mut [T],
        packed: &mut Aligned<T>,
    ) {
        reads.over_pixels::<true, L, true>(delta, plane, gradient, packed);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn taps_avx2<T: NdFloat, const L: usize>(
        reads: Reads<T>,
        w: &Weights<T>,
        some: usize,
        bias: Option<&[T]>,
        to: &mut Writes<T>,
    ) {
        reads.over_taps::<true, L, false>(w, some, bias, to);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn pixels_avx2<T: NdFloat, const L: usize>(
        reads: Reads<T>,
        delta: &[T],
        plane: usize,
        gradient: &mut [T],
        packed: &mut Aligned<T>,
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
                w: &Weights<Self>,
                some: usize,
                bias: Option<&[Self]>,
                to: &mut Writes<Self>,
            ) {
                assert!(level <= best(), "this machine lacks {}", level.name());
                match (level, lanes) {
                    // SAFETY: `best` found the features of this level on the machine.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx512, $full) => unsafe { x86::taps_avx512::<_, $full>(reads, w, some, bias, to) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx512, _) => unsafe { x86::taps_avx512::<_, $half>(reads, w, some, bias, to) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    (Level::Avx2, _) => unsafe { x86::taps_avx2::<_, $half>(reads, w, some, bias, to) },
                    _ => reads.over_taps::<false, $quarter, false>(w, some, bias, to),
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
                packed: &mut Aligned<Self>,
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
