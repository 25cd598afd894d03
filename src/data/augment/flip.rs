//! The horizontal flip.

use super::affine::Plane;
use super::{Step, check_number};
use crate::Result;
use crate::random::Stream;
use serde::{Deserialize, Serialize};

/// Exchanges left and right, with probability p (½ unless said otherwise).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomHorizontalFlip {
    p: f64,
}

impl Default for RandomHorizontalFlip {
    fn default() -> Self {
        RandomHorizontalFlip { p: 0.5 }
    }
}

impl RandomHorizontalFlip {
    /// A flip with probability `p`.
    pub fn new(p: f64) -> Self {
        RandomHorizontalFlip { p }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_number("RandomHorizontalFlip: p", self.p, [0.0, 1.0])
    }

    pub(super) fn draw(&self, w: usize, stream: &mut Stream) -> Plane {
        if stream.unit() < self.p { Plane([-1.0, 0.0, w as f64 - 1.0, 0.0, 1.0, 0.0]) } else { Plane::STILL }
    }
}

impl From<RandomHorizontalFlip> for Step {
    fn from(flip: RandomHorizontalFlip) -> Self {
        Step::RandomHorizontalFlip(flip)
    }
}

impl std::fmt::Display for RandomHorizontalFlip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RandomHorizontalFlip({})", self.p)
    }
}
