//! What the formulas need to know of `f32` and `f64`: bit tricks, limits and the coefficients of their polynomials.
//!
//! `tools/minimax.py` prints the tables.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// One entry of a vector. Names differ from those of `num_traits::Float`, which the same types implement.
pub trait Lane:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// 1.5 · 2ᵐ + bias, where m is the number of stored mantissa bits: adding it rounds to an integer n, and leaves
    /// n + bias in the lowest bits.
    const ROUNDER: Self;
    /// ln 2 in two parts; the product of the first with any exponent is exact.
    const LN_2: [Self; 2];
    /// eˣ is 0 below the first and infinite above the second.
    const EXP_RANGE: [Self; 2];
    /// tanh x rounds to 1 when 2x is beyond this.
    const TANH_END: Self;
    /// erf x rounds to 1 beyond this.
    const ERF_END: Self;
    /// Where erf changes from one polynomial to the other.
    const ERF_MIDDLE: Self;
    /// A power of two, far from overflow when added to or taken from any exponent that eˣ needs: its exponent…
    const HALF_WAY: Self;
    /// …2 to that exponent, and 2 to its negative.
    const HALF_WAY_POWERS: [Self; 2];
    /// The smallest positive normal number.
    const LEAST_NORMAL: Self;

    /// (eʳ − 1 − r) / r² for |r| ≤ ½ ln 2. Here and below, lowest degree first.
    const EXP: &'static [Self];
    /// (2 artanh(s) − 2s) / s³ as a polynomial in s², for |s| ≤ (√2 − 1) / (√2 + 1).
    const LN: &'static [Self];
    /// erf(x) / x − 1 as a polynomial in x², up to `ERF_MIDDLE`.
    const ERF_NEAR: &'static [Self];
    /// ln(1 − erf x), from `ERF_MIDDLE` to `ERF_END`.
    const ERF_FAR: &'static [Self];

    /// The nearest value to an `f64`.
    fn number(value: f64) -> Self;
    /// The value as `f64`, exactly.
    fn wide(self) -> f64;
    /// self · b + c, rounded once.
    fn fused(self, b: Self, c: Self) -> Self;
    /// |self|.
    fn magnitude(self) -> Self;
    /// |self| with the sign of `other`.
    fn signed_like(self, other: Self) -> Self;
    /// 2ⁿ from n + [`Lane::ROUNDER`].
    fn power_of_two(self) -> Self;
    /// A normal positive number as m · 2ᵏ with ½√2 ≤ m < √2: (m, k).
    fn split(self) -> (Self, Self);
}

impl Lane for f32 {
    const ROUNDER: f32 = (3 << 22) as f32 + 127.0;
    const LN_2: [f32; 2] = [355.0 / 512.0, -2.1219444e-4];
    const EXP_RANGE: [f32; 2] = [-104.0, 89.0];
    const TANH_END: f32 = 20.0;
    const ERF_END: f32 = 4.0;
    const ERF_MIDDLE: f32 = 0.9;
    const HALF_WAY: f32 = 64.0;
    const HALF_WAY_POWERS: [f32; 2] = [f32::from_bits((127 + 64) << 23), f32::from_bits((127 - 64) << 23)];
    const LEAST_NORMAL: f32 = f32::MIN_POSITIVE;

    const EXP: &'static [f32] = &[0.5, 0.16666542, 0.041666187, 0.00836667, 0.0013954834];
    const LN: &'static [f32] = &[0.66666776, 0.3997776, 0.29866838];
    const ERF_NEAR: &'static [f32] = &[0.12837915, -0.37612525, 0.11282141, -0.026778908, 0.0050119627, -0.00060903595];
    const ERF_FAR: &'static [f32] =
        &[-8.490643e-05, -1.1283664, -0.63544494, -0.10623139, 0.023964593, -0.003795016, 0.00036888107, -1.636229e-05];

    #[inline(always)]
    fn number(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn fused(self, b: f32, c: f32) -> f32 {
        self.mul_add(b, c)
    }
    #[inline(always)]
    fn magnitude(self) -> f32 {
        self.abs()
    }
    #[inline(always)]
    fn signed_like(self, other: f32) -> f32 {
        self.copysign(other)
    }
    #[inline(always)]
    fn power_of_two(self) -> f32 {
        f32::from_bits(self.to_bits() << 23)
    }
    #[inline(always)]
    fn split(self) -> (f32, f32) {
        const HALF_ROOT_2: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
        let bits = self.to_bits().wrapping_add(1f32.to_bits() - HALF_ROOT_2);
        let m = f32::from_bits((bits & ((1 << 23) - 1)) + HALF_ROOT_2);
        // An integer in the lowest bits of 2²³ is that integer above 2²³: no conversion instruction needed.
        let two_23 = (1u32 << 23) as f32;
        (m, f32::from_bits(two_23.to_bits() | (bits >> 23)) - (two_23 + 127.0))
    }
}

impl Lane for f64 {
    const ROUNDER: f64 = (3u64 << 51) as f64 + 1023.0;
    const LN_2: [f64; 2] = [0.6931471803691238, 1.9082149292705877e-10];
    const EXP_RANGE: [f64; 2] = [-746.0, 710.0];
    const TANH_END: f64 = 40.0;
    const ERF_END: f64 = 6.0;
    const ERF_MIDDLE: f64 = 1.0;
    const HALF_WAY: f64 = 512.0;
    const HALF_WAY_POWERS: [f64; 2] = [f64::from_bits((1023 + 512) << 52), f64::from_bits((1023 - 512) << 52)];
    const LEAST_NORMAL: f64 = f64::MIN_POSITIVE;

    const EXP: &'static [f64] = &[
        0.5,
        0.16666666666666677,
        0.041666666666666734,
        0.008333333333321657,
        0.0013888888888848433,
        0.00019841269886198797,
        2.480158740205389e-05,
        2.755724402724659e-06,
        2.7557203210764543e-07,
        2.5109132103471913e-08,
        2.0937860092333234e-09,
    ];
    const LN: &'static [f64] = &[
        0.6666666666666726,
        0.3999999999945827,
        0.285714287341004,
        0.22222199327015382,
        0.18183528790777465,
        0.15314888320558967,
        0.1478813629624292,
    ];
    const ERF_NEAR: &'static [f64] = &[
        0.1283791670955126,
        -0.3761263890318375,
        0.11283791670954857,
        -0.026866170645072893,
        0.0052239776247808576,
        -0.0008548326978741624,
        0.00012055331036877693,
        -1.492559350635416e-05,
        1.646097280838796e-06,
        -1.6350025131603973e-07,
        1.465787923800013e-08,
        -1.1365663671402175e-09,
        5.945257966810311e-11,
    ];
    const ERF_FAR: &'static [f64] = &[
        -5.028250006158935e-07,
        -1.1283740897185726,
        -0.636643626987224,
        -0.10270344259593946,
        0.018990184776959844,
        0.00041061960691698144,
        -0.0019159346158394263,
        0.0007706361881668837,
        -0.00013504598181120084,
        -2.026881014289175e-05,
        2.282333209094493e-05,
        -8.667415143217034e-06,
        2.135736072125258e-06,
        -3.733131812801363e-07,
        4.6424201223888656e-08,
        -3.934375384585115e-09,
        2.045025870452168e-10,
        -4.928784036968564e-12,
    ];

    #[inline(always)]
    fn number(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn fused(self, b: f64, c: f64) -> f64 {
        self.mul_add(b, c)
    }
    #[inline(always)]
    fn magnitude(self) -> f64 {
        self.abs()
    }
    #[inline(always)]
    fn signed_like(self, other: f64) -> f64 {
        self.copysign(other)
    }
    #[inline(always)]
    fn power_of_two(self) -> f64 {
        f64::from_bits(self.to_bits() << 52)
    }
    #[inline(always)]
    fn split(self) -> (f64, f64) {
        const HALF_ROOT_2: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
        let bits = self.to_bits().wrapping_add(1f64.to_bits() - HALF_ROOT_2);
        let m = f64::from_bits((bits & ((1 << 52) - 1)) + HALF_ROOT_2);
        let two_52 = (1u64 << 52) as f64;
        (m, f64::from_bits(two_52.to_bits() | (bits >> 52)) - (two_52 + 1023.0))
    }
}
