//! What kernels ask of vectors beyond arithmetic: the maximum with the place where it stands, for pooling, and which lanes
//! are not 0; and a kernel compiled for each set of instructions.

use super::dispatch::best;
use super::vector::{Task, Vector};
use super::{Level, level};
use std::marker::PhantomData;

/// A vector whose lanes can be compared.
///
/// # Safety
/// As for [`Vector`].
#[allow(clippy::missing_safety_doc)] // said above, once for all methods
pub(super) trait Comparable: Vector {
    /// Where self is larger than `best`, or NaN: (self, place), elsewhere (best, at), lane by lane.
    unsafe fn keep_larger(self, best: Self, place: Self, at: Self) -> (Self, Self);
    /// Every lane, a whole number below 256, as a byte.
    unsafe fn store_bytes(self, to: *mut u8);
    /// Bit q says that lane q is not 0; NaN is not.
    unsafe fn nonzero(self) -> u32;
    /// The lanes whose byte from `at` on is `place`; 0 in the others.
    unsafe fn only_at(self, at: *const u8, place: u8) -> Self;
}

/// A computation that is compiled once for each kind of register; all that it calls must be `#[inline(always)]`.
pub(super) trait Kernel<T> {
    /// The computation.
    ///
    /// # Safety
    /// Only [`Vectors::vectorised`] calls it, where the register's instructions are enabled.
    unsafe fn run<V: Comparable<Scalar = T>>(self);
}

/// A number for which there are vector registers.
pub(super) trait Vectors: Copy + Sized {
    /// Runs a kernel with the widest registers of a level. Panics when the machine lacks it.
    fn vectorised_at(level: Level, kernel: impl Kernel<Self>);
    /// [`Vector::LANES`] of those registers.
    fn width_at(level: Level) -> usize;
    /// Runs a kernel with the widest registers of [`level`].
    fn vectorised(kernel: impl Kernel<Self>) {
        Self::vectorised_at(level(), kernel);
    }
    /// [`Vector::LANES`] of those registers.
    fn width() -> usize {
        Self::width_at(level())
    }
}

/// A kernel on one kind of register.
struct On<K, V> {
    kernel: K,
    vector: PhantomData<V>,
}

impl<V: Comparable, K: Kernel<V::Scalar>> Task for On<K, V> {
    type Result = ();
    #[inline(always)]
    unsafe fn go(self) {
        // SAFETY: as promised by the caller.
        unsafe { self.kernel.run::<V>() }
    }
}

/// Runs a kernel on registers V.
///
/// # Safety
/// The machine must have the instructions of V.
unsafe fn on<V: Comparable>(kernel: impl Kernel<V::Scalar>) {
    // SAFETY: as promised by the caller.
    unsafe { V::run(On::<_, V> { kernel, vector: PhantomData }) }
}

impl<T: crate::Number, const N: usize> Comparable for [T; N] {
    #[inline(always)]
    unsafe fn keep_larger(self, best: Self, place: Self, at: Self) -> (Self, Self) {
        let better: [bool; N] = std::array::from_fn(|lane| self[lane] > best[lane] || self[lane].is_nan());
        (
            std::array::from_fn(|lane| if better[lane] { self[lane] } else { best[lane] }),
            std::array::from_fn(|lane| if better[lane] { place[lane] } else { at[lane] }),
        )
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        for (lane, value) in self.iter().enumerate() {
            // SAFETY: writable for LANES bytes, as promised by the caller.
            unsafe { *to.add(lane) = value.to_u8().unwrap_or(0) };
        }
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        self.iter().rev().fold(0, |bits, &x| bits << 1 | u32::from(x != T::zero()))
    }
    #[inline(always)]
    unsafe fn only_at(self, at: *const u8, place: u8) -> Self {
        // SAFETY: readable for LANES bytes, as promised by the caller.
        std::array::from_fn(|lane| if unsafe { *at.add(lane) } == place { self[lane] } else { T::zero() })
    }
}

impl Vectors for f32 {
    fn vectorised_at(level: Level, kernel: impl Kernel<f32>) {
        assert!(level <= best(), "this machine lacks {}", level.name());
        // SAFETY: `best` says that the instructions are there; arrays need none.
        unsafe {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => on::<std::arch::x86_64::__m512>(kernel),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => on::<std::arch::x86_64::__m256>(kernel),
                _ => on::<[f32; 4]>(kernel),
            }
        }
    }

    fn width_at(level: Level) -> usize {
        match level {
            Level::Avx512 => 16,
            Level::Avx2 => 8,
            Level::Portable => 4,
        }
    }
}

impl Vectors for f64 {
    fn vectorised_at(level: Level, kernel: impl Kernel<f64>) {
        assert!(level <= best(), "this machine lacks {}", level.name());
        // SAFETY: as for `f32`.
        unsafe {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => on::<std::arch::x86_64::__m512d>(kernel),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => on::<std::arch::x86_64::__m256d>(kernel),
                _ => on::<[f64; 2]>(kernel),
            }
        }
    }

    fn width_at(level: Level) -> usize {
        <f32 as Vectors>::width_at(level) / 2
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The registers of AVX2 and AVX-512. SAFETY of each intrinsic is the trait's own contract.

    use super::Comparable;
    use std::arch::x86_64::*;

    impl Comparable for __m256 {
        #[inline(always)]
        unsafe fn keep_larger(self, best: Self, place: Self, at: Self) -> (Self, Self) {
            unsafe {
                let larger = _mm256_cmp_ps::<_CMP_GT_OQ>(self, best);
                let better = _mm256_or_ps(larger, _mm256_cmp_ps::<_CMP_UNORD_Q>(self, self));
                (_mm256_blendv_ps(best, self, better), _mm256_blendv_ps(at, place, better))
            }
        }
        #[inline(always)]
        unsafe fn store_bytes(self, to: *mut u8) {
            unsafe {
                let whole = _mm256_cvttps_epi32(self);
                let halves = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
                _mm_storel_epi64(to.cast(), _mm_packus_epi16(halves, halves));
            }
        }
        #[inline(always)]
        unsafe fn nonzero(self) -> u32 {
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(self, _mm256_setzero_ps())) as u32 }
        }
        #[inline(always)]
        unsafe fn only_at(self, at: *const u8, place: u8) -> Self {
            unsafe {
                let there = _mm_cmpeq_epi8(_mm_loadl_epi64(at.cast()), _mm_set1_epi8(place as i8));
                _mm256_and_ps(self, _mm256_castsi256_ps(_mm256_cvtepi8_epi32(there)))
            }
        }
    }

    impl Comparable for __m256d {
        #[inline(always)]
        unsafe fn keep_larger(self, best: Self, place: Self, at: Self) -> (Self, Self) {
            unsafe {
                let larger = _mm256_cmp_pd::<_CMP_GT_OQ>(self, best);
                let better = _mm256_or_pd(larger, _mm256_cmp_pd::<_CMP_UNORD_Q>(self, self));
                (_mm256_blendv_pd(best, self, better), _mm256_blendv_pd(at, place, better))
            }
        }
        #[inline(always)]
        unsafe fn store_bytes(self, to: *mut u8) {
            unsafe {
                let whole = _mm256_cvttpd_epi32(self);
                let halves = _mm_packus_epi32(whole, whole);
                to.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(_mm_packus_epi16(halves, halves)));
            }
        }
        #[inline(always)]
        unsafe fn nonzero(self) -> u32 {
            unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NEQ_UQ>(self, _mm256_setzero_pd())) as u32 }
        }
        #[inline(always)]
        unsafe fn only_at(self, at: *const u8, place: u8) -> Self {
            unsafe {
                let bytes = _mm_cvtsi32_si128(at.cast::<i32>().read_unaligned());
                let there = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(place as i8));
                _mm256_and_pd(self, _mm256_castsi256_pd(_mm256_cvtepi8_epi64(there)))
            }
        }
    }

    impl Comparable for __m512 {
        #[inline(always)]
        unsafe fn keep_larger(self, best: Self, place: Self, at: Self) -> (Self, Self) {
            unsafe {
                let larger = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self, best);
                let better = larger | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self);
                (_mm512_mask_blend_ps(better, best, self), _mm512_mask_blend_ps(better, at, place))
            }
        }
        #[inline(always)]
        unsafe fn store_bytes(self, to: *mut u8) {
            unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(self))) }
        }
        #[inline(always)]
        unsafe fn nonzero(self) -> u32 {
            unsafe { u32::from(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_ps())) }
        }
        #[inline(always)]
        unsafe fn only_at(self, at: *const u8, place: u8) -> Self {
            unsafe {
                let there = _mm_cmpeq_epi8_mask(_mm_loadu_si128(at.cast()), _mm_set1_epi8(place as i8));
                _mm512_maskz_mov_ps(there, self)
            }
        }
    }

    impl Comparable for __m512d {
        #[inline(always)]
        unsafe fn keep_larger(self, best: Self, place: Self, at: Self) -> (Self, Self) {
            unsafe {
                let larger = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(self, best);
                let better = larger | _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self, self);
                (_mm512_mask_blend_pd(better, best, self), _mm512_mask_blend_pd(better, at, place))
            }
        }
        #[inline(always)]
        unsafe fn store_bytes(self, to: *mut u8) {
            unsafe { _mm_storel_epi64(to.cast(), _mm256_cvtepi32_epi8(_mm512_cvttpd_epi32(self))) }
        }
        #[inline(always)]
        unsafe fn nonzero(self) -> u32 {
            unsafe { u32::from(_mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_pd())) }
        }
        #[inline(always)]
        unsafe fn only_at(self, at: *const u8, place: u8) -> Self {
            unsafe {
                let there = _mm_cmpeq_epi8_mask(_mm_loadl_epi64(at.cast()), _mm_set1_epi8(place as i8));
                _mm512_maskz_mov_pd(there as u8, self)
            }
        }
    }
}
