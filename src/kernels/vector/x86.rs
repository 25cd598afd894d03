//! The registers of AVX2 with FMA and of AVX-512.

use super::{Task, Turn, Vector, row};
use std::arch::x86_64::*;

impl Vector for __m256 {
    type Scalar = f32;
    const LANES: usize = 8;
    type Turner = Self;

    #[target_feature(enable = "avx2,fma")]
    #[inline(never)]
    unsafe fn run<K: Task>(task: K) -> K::Result {
        unsafe { task.go() }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        unsafe { _mm256_storeu_ps(at, self) }
    }

    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        unsafe { _mm256_add_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm256_mul_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn times_plus(self, b: Self, c: Self) -> Self {
        unsafe { _mm256_fmadd_ps(self, b, c) }
    }
}

impl Turn for __m256 {
    type Block = [Self; 8];

    #[inline(always)]
    unsafe fn turned(at: *const f32, stride: usize, rows: usize) -> [Self; 8] {
        unsafe {
            let ([a, b, c, d], [e, f, g, h]) = (four_of_eight(at, 0, stride, rows), four_of_eight(at, 4, stride, rows));
            [a, b, c, d, e, f, g, h]
        }
    }
}

/// Four columns of eight rows, from the given column on.
///
/// Rows i and i + 4 share a vector, so that no later step crosses the middle of a register. Of row i + 4 that vector takes the
/// upper half of a whole one, which may begin before the row: a load and a blend are cheaper than an insertion.
#[inline(always)]
unsafe fn four_of_eight(at: *const f32, column: usize, stride: usize, rows: usize) -> [__m256; 4] {
    unsafe {
        let mut pairs = [_mm256_setzero_ps(); 4];
        for (i, pair) in pairs.iter_mut().enumerate() {
            let low = row(at, stride, rows, i).wrapping_add(column);
            let high = row(at, stride, rows, i + 4).wrapping_add(column);
            *pair = if rows >= 8 {
                let low = _mm256_castps128_ps256(_mm_loadu_ps(low));
                _mm256_blend_ps::<0b1111_0000>(low, _mm256_loadu_ps(high.wrapping_sub(4)))
            } else {
                _mm256_loadu2_m128(high, low)
            };
        }
        let [a, b, c, d] = pairs;
        let (low, other_low) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (high, other_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0b01_00_01_00>(low, other_low),
            _mm256_shuffle_ps::<0b11_10_11_10>(low, other_low),
            _mm256_shuffle_ps::<0b01_00_01_00>(high, other_high),
            _mm256_shuffle_ps::<0b11_10_11_10>(high, other_high),
        ]
    }
}

impl Vector for __m256d {
    type Scalar = f64;
    const LANES: usize = 4;
    type Turner = Self;

    #[target_feature(enable = "avx2,fma")]
    #[inline(never)]
    unsafe fn run<K: Task>(task: K) -> K::Result {
        unsafe { task.go() }
    }

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        unsafe { _mm256_set1_pd(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f64) -> Self {
        unsafe { _mm256_loadu_pd(at) }
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f64) {
        unsafe { _mm256_storeu_pd(at, self) }
    }

    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        unsafe { _mm256_add_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm256_mul_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn times_plus(self, b: Self, c: Self) -> Self {
        unsafe { _mm256_fmadd_pd(self, b, c) }
    }
}

impl Turn for __m256d {
    type Block = [Self; 4];

    #[inline(always)]
    unsafe fn turned(at: *const f64, stride: usize, rows: usize) -> [Self; 4] {
        unsafe {
            let ([a, b], [c, d]) = (two_of_four(at, 0, stride, rows), two_of_four(at, 2, stride, rows));
            [a, b, c, d]
        }
    }
}

/// Two columns of four rows, from the given column on; see [`four_of_eight`].
#[inline(always)]
unsafe fn two_of_four(at: *const f64, column: usize, stride: usize, rows: usize) -> [__m256d; 2] {
    unsafe {
        let mut pairs = [_mm256_setzero_pd(); 2];
        for (i, pair) in pairs.iter_mut().enumerate() {
            let low = row(at, stride, rows, i).wrapping_add(column);
            let high = row(at, stride, rows, i + 2).wrapping_add(column);
            *pair = if rows >= 4 {
                let low = _mm256_castpd128_pd256(_mm_loadu_pd(low));
                _mm256_blend_pd::<0b1100>(low, _mm256_loadu_pd(high.wrapping_sub(2)))
            } else {
                _mm256_loadu2_m128d(high, low)
            };
        }
        let [a, b] = pairs;
        [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)]
    }
}

impl Vector for __m512 {
    type Scalar = f32;
    const LANES: usize = 16;
    type Turner = __m256;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    #[inline(never)]
    unsafe fn run<K: Task>(task: K) -> K::Result {
        unsafe { task.go() }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        unsafe { _mm512_storeu_ps(at, self) }
    }

    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        unsafe { _mm512_add_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm512_mul_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn times_plus(self, b: Self, c: Self) -> Self {
        unsafe { _mm512_fmadd_ps(self, b, c) }
    }
}

impl Vector for __m512d {
    type Scalar = f64;
    const LANES: usize = 8;
    type Turner = __m256d;

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    #[inline(never)]
    unsafe fn run<K: Task>(task: K) -> K::Result {
        unsafe { task.go() }
    }

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        unsafe { _mm512_set1_pd(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f64) -> Self {
        unsafe { _mm512_loadu_pd(at) }
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut f64) {
        unsafe { _mm512_storeu_pd(at, self) }
    }

    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        unsafe { _mm512_add_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm512_mul_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn times_plus(self, b: Self, c: Self) -> Self {
        unsafe { _mm512_fmadd_pd(self, b, c) }
    }
}
