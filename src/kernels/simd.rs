//! A vector register of numbers, so that a kernel is written once for every set of instructions.
//!
//! A kernel is a [`Kernel`] whose `run` is generic over the register; [`Vectors::vectorised`] compiles it for each
//! [`Level`] and picks the one of the machine. Everything a kernel calls must be `#[inline(always)]`.

use super::{Level, level};

/// As many numbers as a register holds.
///
/// # Safety
/// The methods may be called only where the register's instructions are enabled: inside [`Kernel::run`]. Pointers must be
/// readable, or writable, for [`Vector::LANES`] numbers; they need no alignment.
#[allow(clippy::missing_safety_doc)] // said above, once for all methods
pub(super) trait Vector<T>: Copy {
    /// Numbers in a register.
    const LANES: usize;
    /// Every lane x.
    unsafe fn splat(x: T) -> Self;
    unsafe fn load(from: *const T) -> Self;
    unsafe fn store(self, to: *mut T);
    /// self · b + c, in one rounding where the machine has the instruction.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn add(self, b: Self) -> Self;
    /// Where self is larger than `best`, or NaN: (self, place), elsewhere (best, at), lane by lane.
    unsafe fn keep_larger(self, best: Self, place: Self, at: Self) -> (Self, Self);
    /// Every lane, a whole number below 256, as a byte.
    unsafe fn store_bytes(self, to: *mut u8);
}

/// A computation that is compiled once for each kind of register.
pub(super) trait Kernel<T> {
    /// The computation.
    ///
    /// # Safety
    /// Only [`Vectors::vectorised`] calls it, where the register's instructions are enabled.
    unsafe fn run<V: Vector<T>>(self);
}

/// A number for which there are vector registers.
pub(super) trait Vectors: Copy + Sized {
    /// Runs a kernel with the widest registers of [`level`].
    fn vectorised(kernel: impl Kernel<Self>);
    /// [`Vector::LANES`] of those registers.
    fn width() -> usize;
}

/// Registers of a machine of which nothing is known: small arrays.
impl<T: ndarray::NdFloat, const N: usize> Vector<T> for [T; N] {
    const LANES: usize = N;
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        [x; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: readable, as promised by the caller.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: writable, as promised by the caller.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        std::array::from_fn(|lane| self[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + b[lane])
    }
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
}

impl Vectors for f32 {
    fn vectorised(kernel: impl Kernel<f32>) {
        // SAFETY: `level` says that the instructions are there; arrays need none.
        unsafe {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::with_avx512::<f32, std::arch::x86_64::__m512>(kernel),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::with_avx2::<f32, std::arch::x86_64::__m256>(kernel),
                _ => kernel.run::<[f32; 4]>(),
            }
        }
    }

    fn width() -> usize {
        match level() {
            Level::Avx512 => 16,
            Level::Avx2 => 8,
            Level::Portable => 4,
        }
    }
}

impl Vectors for f64 {
    fn vectorised(kernel: impl Kernel<f64>) {
        // SAFETY: as for `f32`.
        unsafe {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::with_avx512::<f64, std::arch::x86_64::__m512d>(kernel),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::with_avx2::<f64, std::arch::x86_64::__m256d>(kernel),
                _ => kernel.run::<[f64; 2]>(),
            }
        }
    }

    fn width() -> usize {
        <f32 as Vectors>::width() / 2
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The registers of AVX2 and AVX-512.

    use super::{Kernel, Vector};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn with_avx512<T, V: Vector<T>>(kernel: impl Kernel<T>) {
        // SAFETY: the instructions are enabled here, and the caller has found them on the machine.
        unsafe { kernel.run::<V>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn with_avx2<T, V: Vector<T>>(kernel: impl Kernel<T>) {
        // SAFETY: as above.
        unsafe { kernel.run::<V>() }
    }

    // In the four implementations below: SAFETY of each intrinsic is the trait's own contract.

    impl Vector<f32> for __m256 {
        const LANES: usize = 8;
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            unsafe { _mm256_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { _mm256_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm256_storeu_ps(to, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            unsafe { _mm256_fmadd_ps(self, b, c) }
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            unsafe { _mm256_add_ps(self, b) }
        }
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
    }

    impl Vector<f64> for __m256d {
        const LANES: usize = 4;
        #[inline(always)]
        unsafe fn splat(x: f64) -> Self {
            unsafe { _mm256_set1_pd(x) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> Self {
            unsafe { _mm256_loadu_pd(from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f64) {
            unsafe { _mm256_storeu_pd(to, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            unsafe { _mm256_fmadd_pd(self, b, c) }
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            unsafe { _mm256_add_pd(self, b) }
        }
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
    }

    impl Vector<f32> for __m512 {
        const LANES: usize = 16;
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            unsafe { _mm512_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_ps(to, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            unsafe { _mm512_fmadd_ps(self, b, c) }
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            unsafe { _mm512_add_ps(self, b) }
        }
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
    }

    impl Vector<f64> for __m512d {
        const LANES: usize = 8;
        #[inline(always)]
        unsafe fn splat(x: f64) -> Self {
            unsafe { _mm512_set1_pd(x) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> Self {
            unsafe { _mm512_loadu_pd(from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f64) {
            unsafe { _mm512_storeu_pd(to, self) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            unsafe { _mm512_fmadd_pd(self, b, c) }
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            unsafe { _mm512_add_pd(self, b) }
        }
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
    }
}
