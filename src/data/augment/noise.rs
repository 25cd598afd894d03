//! Gaussian noise.

use super::{Step, check_number};
use crate::random::Stream;
use crate::{Real, Result};
use serde::{Deserialize, Serialize};

/// Adds to every number a draw from N(0, σ²), and cuts what leaves \[0, 1\] unless `clip` is off.
///
/// The defaults are those of torchvision's `GaussianNoise`: σ = 0.1, clipped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianNoise {
    sigma: f64,
    clip: bool,
}

impl Default for GaussianNoise {
    fn default() -> Self {
        GaussianNoise { sigma: 0.1, clip: true }
    }
}

impl GaussianNoise {
    /// Noise of that standard deviation, clipped.
    pub fn new(sigma: f64) -> Self {
        GaussianNoise { sigma, clip: true }
    }

    /// Whether results are cut to \[0, 1\].
    pub fn clip(self, clip: bool) -> Self {
        GaussianNoise { clip, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_number("GaussianNoise: sigma", self.sigma, [0.0, 1e6])
    }

    pub(super) fn apply<T: Real>(&self, image: &mut [T], stream: &mut Stream, draws: &mut Vec<f32>) {
        draws.resize(image.len(), 0.0);
        stream.fill_normal(draws);
        let sigma = self.sigma as f32;
        for (x, &draw) in image.iter_mut().zip(draws.iter()) {
            *x += T::of(f64::from(sigma * draw));
            if self.clip {
                *x = x.max(T::zero()).min(T::one());
            }
        }
    }
}

impl From<GaussianNoise> for Step {
    fn from(noise: GaussianNoise) -> Self {
        Step::GaussianNoise(noise)
    }
}

impl std::fmt::Display for GaussianNoise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GaussianNoise({}).clip({})", self.sigma, self.clip)
    }
}
