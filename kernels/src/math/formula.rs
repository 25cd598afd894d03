//! The functions themselves, one entry at a time and without a branch, so that the compiler turns a loop over them into
//! vector code. `FUSED` says whether a·b + c is one instruction with one rounding; without hardware for it, two.

use super::lane::Lane;

/// A function of one number.
pub trait Formula {
    /// Its value at `x`.
    fn at<T: Lane, const FUSED: bool>(x: T) -> T;
}

/// eˣ.
pub struct Exp;
/// ln x.
pub struct Ln;
/// tanh x.
pub struct Tanh;
/// 1 / (1 + e⁻ˣ).
pub struct Sigmoid;
/// erf x = 2/√π ∫₀ˣ e^(−t²) dt.
pub struct Erf;

impl Formula for Exp {
    /// eˣ = 2ⁿ · eʳ with r = x − n ln 2. As n needs more than the range of one exponent, 2ⁿ is applied in two factors:
    /// so gradual underflow rounds once, at the end.
    #[inline(always)]
    fn at<T: Lane, const FUSED: bool>(x: T) -> T {
        let [least, most] = T::EXP_RANGE;
        let x = at_most(if x < least { least } else { x }, most);
        let (n, r, d) = reduce::<T, FUSED>(x);
        let [up, down] = T::HALF_WAY_POWERS;
        let (shift, factor) = if x < T::number(0.0) { (T::HALF_WAY, down) } else { (-T::HALF_WAY, up) };
        (T::number(1.0) + (r + d)) * (n + shift).power_of_two() * factor
    }
}

impl Formula for Ln {
    /// ln x = k ln 2 + ln(1 + f) with x = 2ᵏ(1 + f); ln(1 + f) = 2 artanh s, s = f / (2 + f), as in FreeBSD's `e_log.c`,
    /// where f − f²/2 is kept apart because s is rounded and f is not.
    #[inline(always)]
    fn at<T: Lane, const FUSED: bool>(x: T) -> T {
        let subnormal = x < T::LEAST_NORMAL;
        let [up, _] = T::HALF_WAY_POWERS;
        let (m, k) = (if subnormal { x * up } else { x }).split();
        let k = if subnormal { k - T::HALF_WAY } else { k };
        let f = m - T::number(1.0);
        let s = f / (T::number(2.0) + f);
        let z = s * s;
        let half_square = T::number(0.5) * f * f;
        let rest = z * polynomial::<T, FUSED>(T::LN, z);
        let [high, low] = T::LN_2;
        let small = mul_add::<T, FUSED>(s, half_square + rest, k * low);
        let y = mul_add::<T, FUSED>(k, high, f - (half_square - small));
        let y = if x > T::number(0.0) { y } else { T::number(f64::NAN) };
        let y = if x == T::number(0.0) { T::number(f64::NEG_INFINITY) } else { y };
        if x == T::number(f64::INFINITY) { x } else { y }
    }
}

impl Formula for Tanh {
    /// tanh x = E / (E + 2) with E = e²ˣ − 1, for |x|. A correction b (1 − q) keeps more bits than a quotient can: for
    /// E ≤ 2 it is E/2 (1 − E / (E + 2)), beyond it 1 − 2 / (E + 2).
    #[inline(always)]
    fn at<T: Lane, const FUSED: bool>(x: T) -> T {
        let two = T::number(2.0);
        let magnitude = x.magnitude();
        let e = exp_minus_one::<T, FUSED>(at_most(magnitude + magnitude, T::TANH_END));
        let top = at_most(e, two);
        less_its_part::<T, FUSED>(T::number(0.5) * top, top / (e + two)).signed_like(x)
    }
}

impl Formula for Sigmoid {
    /// With E = e^(−|x|), which never overflows: 1 − E / (1 + E), or E (1 − E / (1 + E)) for a negative x.
    #[inline(always)]
    fn at<T: Lane, const FUSED: bool>(x: T) -> T {
        let one = T::number(1.0);
        let [least, _] = T::EXP_RANGE;
        let (n, r, d) = reduce::<T, FUSED>(-at_most(x.magnitude(), -least));
        let [_, down] = T::HALF_WAY_POWERS;
        let e = (one + (r + d)) * (n + T::HALF_WAY).power_of_two() * down;
        less_its_part::<T, FUSED>(if x < T::number(0.0) { e } else { one }, e / (one + e))
    }
}

impl Formula for Erf {
    /// Near zero x + x P(x²); further 1 − e^P(|x|), for |x|.
    #[inline(always)]
    fn at<T: Lane, const FUSED: bool>(x: T) -> T {
        let magnitude = x.magnitude();
        let near = mul_add::<T, FUSED>(x, polynomial::<T, FUSED>(T::ERF_NEAR, x * x), x);
        let t = at_most(magnitude, T::ERF_END);
        let far = exp_minus_one::<T, FUSED>(polynomial::<T, FUSED>(T::ERF_FAR, t));
        if magnitude < T::ERF_MIDDLE { near } else { far.signed_like(x) }
    }
}

/// (n, r, d) with x = n ln 2 + r + t and d = e^(r + t) − 1 − r, for |r| ≤ ½ ln 2 and a tiny t; n has
/// [`Lane::ROUNDER`] added. As r is exact and d small, their errors are small too.
#[inline(always)]
fn reduce<T: Lane, const FUSED: bool>(x: T) -> (T, T, T) {
    let rounded = mul_add::<T, FUSED>(x, T::number(std::f64::consts::LOG2_E), T::ROUNDER);
    let n = rounded - T::ROUNDER;
    let [high, low] = T::LN_2;
    let r = mul_add::<T, FUSED>(n, -high, x);
    let t = n * -low;
    let s = r + t;
    (rounded, r, mul_add::<T, FUSED>(s * s, polynomial::<T, FUSED>(T::EXP, s), t))
}

/// eˣ − 1 for |x| up to 40, without cancellation: (2ⁿ − 1) + 2ⁿ r + 2ⁿ d.
#[inline(always)]
fn exp_minus_one<T: Lane, const FUSED: bool>(x: T) -> T {
    let (n, r, d) = reduce::<T, FUSED>(x);
    let power = n.power_of_two();
    mul_add::<T, FUSED>(power, d, mul_add::<T, FUSED>(power, r, power - T::number(1.0)))
}

/// c₀ + c₁x + c₂x² + …, by Horner's rule.
#[inline(always)]
fn polynomial<T: Lane, const FUSED: bool>(coefficients: &[T], x: T) -> T {
    let (&last, others) = coefficients.split_last().expect("a polynomial has coefficients");
    others.iter().rev().fold(last, |sum, &c| mul_add::<T, FUSED>(sum, x, c))
}

/// b (1 − q).
#[inline(always)]
fn less_its_part<T: Lane, const FUSED: bool>(b: T, q: T) -> T {
    mul_add::<T, FUSED>(-b, q, b)
}

#[inline(always)]
fn mul_add<T: Lane, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.fused(b, c) } else { a * b + c }
}

/// The smaller of `x` and `limit`; NaN stays NaN.
#[inline(always)]
fn at_most<T: Lane>(x: T, limit: T) -> T {
    if x > limit { limit } else { x }
}
