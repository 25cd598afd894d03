//! Erasing a rectangle.

use super::{Between, Step, check_number, check_range};
use crate::random::Stream;
use crate::{Error, Real, Result};
use serde::{Deserialize, Serialize};

/// How often a rectangle is drawn that does not fit before the image is left alone.
const TRIES: usize = 10;

/// Overwrites a random rectangle of the image in all channels, with probability p.
///
/// The rectangle has a part of the image's area from `scale`, and height / width from `ratio`, whose logarithm is drawn
/// evenly. Source: Zhong, Zheng, Kang, Li and Yang, *Random erasing data augmentation*, 2020, algorithm 1; the defaults
/// are those of torchvision's `RandomErasing`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomErasing {
    p: f64,
    scale: Between,
    ratio: Between,
    value: f64,
}

impl Default for RandomErasing {
    fn default() -> Self {
        RandomErasing { p: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: 0.0 }
    }
}

impl RandomErasing {
    /// Half of the images lose a rectangle to 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The probability.
    pub fn p(self, p: f64) -> Self {
        RandomErasing { p, ..self }
    }

    /// The part of the image's area.
    pub fn scale(self, low: f64, high: f64) -> Self {
        RandomErasing { scale: [low, high], ..self }
    }

    /// Height divided by width.
    pub fn ratio(self, low: f64, high: f64) -> Self {
        RandomErasing { ratio: [low, high], ..self }
    }

    /// What is written there.
    pub fn value(self, value: f64) -> Self {
        RandomErasing { value, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_number("RandomErasing: p", self.p, [0.0, 1.0])?;
        check_range("RandomErasing: scale", self.scale, [0.0, 1.0])?;
        check_range("RandomErasing: ratio", self.ratio, [0.001, 1000.0])?;
        if self.value.is_finite() { Ok(()) } else { Err(Error::option("RandomErasing: value", "finite", self.value)) }
    }

    pub(super) fn apply<T: Real>(&self, image: &mut [T], [_, h, w]: [usize; 3], stream: &mut Stream) {
        if stream.unit() >= self.p {
            return;
        }
        let logs = self.ratio.map(libm::log);
        for _ in 0..TRIES {
            let area = stream.uniform(self.scale[0], self.scale[1]) * (h * w) as f64;
            let ratio = libm::exp(stream.uniform(logs[0], logs[1]));
            let (height, width) =
                (libm::sqrt(area * ratio).round() as usize, libm::sqrt(area / ratio).round() as usize);
            if height < h && width < w {
                let (top, left) = (stream.below(h - height + 1), stream.below(w - width + 1));
                for channel in image.chunks_exact_mut(h * w) {
                    for row in channel.chunks_exact_mut(w).skip(top).take(height) {
                        row[left..left + width].fill(T::of(self.value));
                    }
                }
                return;
            }
        }
    }
}

impl From<RandomErasing> for Step {
    fn from(erasing: RandomErasing) -> Self {
        Step::RandomErasing(erasing)
    }
}

impl std::fmt::Display for RandomErasing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RandomErasing { p, scale: [least, most], ratio: [flat, high], value } = self;
        write!(f, "RandomErasing().p({p}).scale({least}, {most}).ratio({flat}, {high}).value({value})")
    }
}
