//! Random bits to draws from the standard normal distribution, many at a time.

use super::dispatch::{Job, level, run};
use super::math::{Formula, Ln};

/// x ← Φ⁻¹((bits + ½) / 2³²), the quantile of the standard normal distribution: random bits become normal draws.
///
/// Right to 6 digits, in operations that every level has, so that the draws are the same everywhere. Source: Wichura,
/// *Algorithm AS 241: the percentage points of the normal distribution*, 1988, routine PPND7.
///
/// Panics when the lengths differ.
pub fn normal_quantiles(bits: &[u32], x: &mut [f32]) {
    assert_eq!(bits.len(), x.len(), "random bits, and room for the draws made of them");
    run(level(), Quantiles { bits, x });
}

struct Quantiles<'a> {
    bits: &'a [u32],
    x: &'a mut [f32],
}

impl Job for Quantiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        self.x.iter_mut().zip(self.bits).for_each(|(x, &bits)| *x = quantile(bits));
    }
}

#[inline(always)]
fn quantile(bits: u32) -> f32 {
    const UNIT: f32 = 1.0 / (1u64 << 32) as f32;
    // The nearer tail, at most ½; it has fewer than 32 bits, so that a signed conversion does.
    let tail = (bits.min(!bits) as i32 as f32 + 0.5) * UNIT;
    let q = 0.5 - tail;
    let near = {
        let r = 0.180625 - q * q;
        let over = ((5.910_937_5e1 * r + 1.592_911_3e2) * r + 5.043_427e1) * r + 3.387_132_7;
        let under = ((6.718_756e1 * r + 7.875_776e1) * r + 1.789_516_9e1) * r + 1.0;
        q * over / under
    };
    let far = {
        let r = (-Ln::at::<f32, false>(tail)).sqrt() - 1.6;
        let over = ((1.702_382_1e-1 * r + 1.306_728_5) * r + 2.756_815_4) * r + 1.423_437_3;
        let under = (1.202_113_3e-1 * r + 7.370_016_4e-1) * r + 1.0;
        over / under
    };
    let x = if q <= 0.425 { near } else { far };
    // The upper half of the bits is the upper half of the numbers.
    f32::from_bits(x.to_bits() | (!bits & 1 << 31))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn the_distribution_function_gives_the_probability_back() {
        let edges = [0, 1, 2, 1 << 31, u32::MAX];
        for bits in edges.into_iter().chain((0..2_000u32).map(|i| i.wrapping_mul(2_654_435_761))) {
            let mut x = [0.0];
            normal_quantiles(&[bits], &mut x);
            // Of the nearer tail, which subtracting from 1 would spoil.
            let tail = (bits.min(!bits) as f64 + 0.5) / (1u64 << 32) as f64;
            let x64 = f64::from(x[0].abs());
            let got = 0.5 * libm::erfc(x64 / std::f64::consts::SQRT_2);
            // x is right to a millionth where its tail is off by no more than the density times that.
            let density = (-0.5 * x64 * x64).exp() / std::f64::consts::TAU.sqrt();
            assert!((got - tail).abs() < 1e-6 * x64.max(0.1) * density, "{bits}: {} has {got}, wanted {tail}", x[0]);
            assert_eq!(x[0] < 0.0, bits < 1 << 31, "{bits}");
        }
    }

    #[test]
    fn draws_are_the_same_at_every_level() {
        let bits: Vec<u32> = (0..1_003u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
        let mut all = Level::available().map(|level| {
            let mut x = vec![0.0; bits.len()];
            run(level, Quantiles { bits: &bits, x: &mut x });
            x
        });
        let first = all.next().expect("the portable level");
        assert!(all.all(|other| other == first));
    }
}
