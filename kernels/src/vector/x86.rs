//! The registers of AVX2 with FMA and of AVX-512.

use super::{Task, Turn, Vector, row};
use std::arch::x86_64::*;
use std::ops::Range;

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
    unsafe fn minus(self, b: Self) -> Self {
        unsafe { _mm256_sub_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm256_mul_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn lane_sums(at: *const f32) -> Self {
        unsafe {
            let fours = |v: usize| sums_of_four(std::array::from_fn(|i| Self::load(at.add((v + i) * 8))));
            let (a, b) = (fours(0), fours(4));
            _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b))
        }
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
    unsafe fn minus(self, b: Self) -> Self {
        unsafe { _mm256_sub_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm256_mul_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn lane_sums(at: *const f64) -> Self {
        unsafe {
            let twos = |v: usize| {
                let (a, b) = (Self::load(at.add(v * 4)), Self::load(at.add((v + 1) * 4)));
                _mm256_add_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b))
            };
            let (a, b) = (twos(0), twos(2));
            _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b))
        }
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
    unsafe fn store_lanes(self, at: *mut f32, lanes: Range<usize>) {
        unsafe { _mm512_mask_storeu_ps(at, between(lanes) as __mmask16, self) }
    }

    #[inline(always)]
    unsafe fn load_halves(low: *const f32, high: *const f32) -> Self {
        unsafe { _mm512_insertf32x8::<1>(_mm512_castps256_ps512(_mm256_loadu_ps(low)), _mm256_loadu_ps(high)) }
    }

    #[inline(always)]
    unsafe fn store_halves(self, at: [*mut f32; 2], lanes: [Range<usize>; 2]) {
        let ([low, high], [first, second]) = (at, lanes);
        unsafe {
            _mm256_mask_storeu_ps(low, between(first) as __mmask8, _mm512_castps512_ps256(self));
            _mm256_mask_storeu_ps(high, between(second) as __mmask8, _mm512_extractf32x8_ps::<1>(self));
        }
    }

    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        unsafe { _mm512_add_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn minus(self, b: Self) -> Self {
        unsafe { _mm512_sub_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm512_mul_ps(self, b) }
    }

    #[inline(always)]
    unsafe fn lane_sums(at: *const f32) -> Self {
        unsafe {
            let fours = |v: usize| sums_of_four_wide(std::array::from_fn(|i| Self::load(at.add((v + i) * 16))));
            // Quarters of two vectors, those of even and those of odd place.
            let pair = |a, b| _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b));
            pair(pair(fours(0), fours(4)), pair(fours(8), fours(12)))
        }
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
    unsafe fn store_lanes(self, at: *mut f64, lanes: Range<usize>) {
        unsafe { _mm512_mask_storeu_pd(at, between(lanes) as __mmask8, self) }
    }

    #[inline(always)]
    unsafe fn load_halves(low: *const f64, high: *const f64) -> Self {
        unsafe { _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(_mm256_loadu_pd(low)), _mm256_loadu_pd(high)) }
    }

    #[inline(always)]
    unsafe fn store_halves(self, at: [*mut f64; 2], lanes: [Range<usize>; 2]) {
        let ([low, high], [first, second]) = (at, lanes);
        unsafe {
            _mm256_mask_storeu_pd(low, between(first) as __mmask8, _mm512_castpd512_pd256(self));
            _mm256_mask_storeu_pd(high, between(second) as __mmask8, _mm512_extractf64x4_pd::<1>(self));
        }
    }

    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        unsafe { _mm512_add_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn minus(self, b: Self) -> Self {
        unsafe { _mm512_sub_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn times(self, b: Self) -> Self {
        unsafe { _mm512_mul_pd(self, b) }
    }

    #[inline(always)]
    unsafe fn lane_sums(at: *const f64) -> Self {
        unsafe {
            let twos = |v: usize| {
                let (a, b) = (Self::load(at.add(v * 8)), Self::load(at.add((v + 1) * 8)));
                _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b))
            };
            let pair = |a, b| _mm512_add_pd(_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0xdd>(a, b));
            pair(pair(twos(0), twos(2)), pair(twos(4), twos(6)))
        }
    }

    #[inline(always)]
    unsafe fn times_plus(self, b: Self, c: Self) -> Self {
        unsafe { _mm512_fmadd_pd(self, b, c) }
    }
}

/// In each half, the sums of each vector's lanes there.
#[inline(always)]
unsafe fn sums_of_four([a, b, c, d]: [__m256; 4]) -> __m256 {
    unsafe {
        let first = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let second = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        let even = _mm256_shuffle_ps::<0b01_00_01_00>(first, second);
        _mm256_add_ps(even, _mm256_shuffle_ps::<0b11_10_11_10>(first, second))
    }
}

/// In each quarter, the sums of each vector's lanes there.
#[inline(always)]
unsafe fn sums_of_four_wide([a, b, c, d]: [__m512; 4]) -> __m512 {
    unsafe {
        let first = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let second = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        let even = _mm512_shuffle_ps::<0b01_00_01_00>(first, second);
        _mm512_add_ps(even, _mm512_shuffle_ps::<0b11_10_11_10>(first, second))
    }
}

/// A mask of some lanes.
#[inline(always)]
fn between(lanes: Range<usize>) -> u32 {
    (1 << lanes.end) - (1 << lanes.start)
}
