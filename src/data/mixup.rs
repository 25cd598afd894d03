//! Mixup: a sample and its target become a weighted mean with those of another sample.

use crate::random::Stream;
use crate::{Error, Real, Result};
use serde::{Deserialize, Serialize};

/// **x ← λx + (1 − λ)x′, y ← λy + (1 − λ)y′**, with λ drawn from Beta(α, α), and another sample (x′, y′) drawn evenly from
/// the training set.
///
/// Class numbers become shares of the classes. Every sample has a λ and a partner of its own in every epoch. Source: Zhang,
/// Cisse, Dauphin and Lopez-Paz, *mixup: beyond empirical risk minimization*, 2018, equation 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mixup {
    alpha: f64,
}

impl Default for Mixup {
    fn default() -> Self {
        Mixup { alpha: 1.0 }
    }
}

impl Mixup {
    /// The strength: near 0 a sample stays nearly alone, at 1 (torchvision's default) every mixture is equally likely.
    pub fn new(alpha: f64) -> Self {
        Mixup { alpha }
    }

    pub(super) fn check(&self) -> Result<()> {
        if (0.01..=100.0).contains(&self.alpha) {
            return Ok(());
        }
        Err(Error::option("Mixup: alpha", "from 0.01 to 100", self.alpha))
    }

    /// λ, and the partner of a sample among `samples`.
    pub(super) fn draw(&self, stream: &mut Stream, samples: usize) -> (f64, usize) {
        // X / (X + Y) with X and Y of the gamma distribution, by their logarithms, as either may be below all numbers.
        let (x, y) = (log_gamma_draw(self.alpha, stream), log_gamma_draw(self.alpha, stream));
        (1.0 / (1.0 + libm::exp(y - x)), stream.below(samples))
    }
}

/// mine ← λ·mine + (1 − λ)·other.
pub(super) fn mix<T: Real>(lambda: f64, mine: &mut [T], other: &[T]) {
    let (keep, take) = (T::of(lambda), T::of(1.0 - lambda));
    mine.iter_mut().zip(other).for_each(|(x, &y)| *x = keep * *x + take * y);
}

/// The logarithm of a draw from Gamma(a, 1): Marsaglia and Tsang, *A simple method for generating gamma variables*, 2000;
/// for a < 1 with a draw from Gamma(a + 1, 1) times U^(1/a), section 6 there.
fn log_gamma_draw(a: f64, stream: &mut Stream) -> f64 {
    let boost = if a < 1.0 { libm::log(1.0 - stream.unit()) / a } else { 0.0 };
    let d = (if a < 1.0 { a + 1.0 } else { a }) - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = stream.normal();
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && libm::log(1.0 - stream.unit()) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
            return boost + libm::log(d * v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_has_the_moments_of_beta() {
        for alpha in [0.05, 0.2, 1.0, 3.0, 50.0] {
            let stream = Stream::new(1);
            let draws: Vec<f64> = (0..20_000).map(|i| Mixup::new(alpha).draw(&mut stream.at(&[i]), 1).0).collect();
            assert!(draws.iter().all(|lambda| (0.0..=1.0).contains(lambda)));
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let square = draws.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / 20_000.0;
            // Beta(α, α): mean ½, variance 1 / 4(2α + 1).
            let variance = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((mean - 0.5).abs() < 5.0 * (variance / 20_000.0).sqrt(), "α = {alpha}: mean {mean}");
            assert!((square / variance - 1.0).abs() < 5.0 * (2.0f64 / 20_000.0).sqrt(), "α = {alpha}: {square}");
        }
    }

    #[test]
    fn partners_are_drawn_from_all() {
        let mut seen = [0; 5];
        (0..1_000).for_each(|i| seen[Mixup::default().draw(&mut Stream::new(i), 5).1] += 1);
        assert!(seen.iter().all(|count| (140..260).contains(count)), "{seen:?}");
    }

    #[test]
    fn strength_out_of_range_is_refused() {
        let error = Mixup::new(0.0).check().unwrap_err().to_string();
        assert_eq!(error, "Mixup: alpha must be from 0.01 to 100, got 0");
        assert!(Mixup::new(f64::NAN).check().is_err());
    }
}
