//! Shift, rotation, scale and shear: one affine map of the plane.

use super::{Between, Step, check_range};
use crate::Result;
use crate::kernels::PlaneMap;
use crate::random::Stream;
use serde::{Deserialize, Serialize};

/// Rotates, shears, scales and shifts about the middle: **p ← m + t + s·R(a)·H(b)·(p − m)**.
///
/// | symbol | meaning |
/// | --- | --- |
/// | p, m | a point (x, y), y downwards; the image's middle |
/// | R(a) | rotation, \[\[cos a, −sin a\], \[sin a, cos a\]\]: clockwise; a from `degrees` |
/// | H(b) | shear along x, \[\[1, −tan b\], \[0, 1\]\]; b from `shear`, in degrees |
/// | s | factor from `scale` |
/// | t | shift along x from `translate` times the width, along y from `translate` times the height |
///
/// Each is drawn evenly from its range; without ranges nothing moves. What comes from outside the image is 0.
///
/// The options are torchvision's `RandomAffine`, except that a shift is not rounded to whole pixels, and that every
/// option is a range.
///
/// ```
/// use limpide::data::augment::RandomAffine;
/// let affine = RandomAffine::new().degrees(-15.0, 15.0).translate(-0.1, 0.1);
/// assert_eq!(affine.to_string(), "RandomAffine().degrees(-15, 15).translate(-0.1, 0.1)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomAffine {
    degrees: Between,
    translate: Between,
    scale: Between,
    shear: Between,
}

impl Default for RandomAffine {
    fn default() -> Self {
        RandomAffine { degrees: [0.0; 2], translate: [0.0; 2], scale: [1.0; 2], shear: [0.0; 2] }
    }
}

impl RandomAffine {
    /// Nothing moves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rotation, clockwise.
    pub fn degrees(self, low: f64, high: f64) -> Self {
        RandomAffine { degrees: [low, high], ..self }
    }

    /// Shift, as a part of the width and of the height.
    pub fn translate(self, low: f64, high: f64) -> Self {
        RandomAffine { translate: [low, high], ..self }
    }

    /// Magnification.
    pub fn scale(self, low: f64, high: f64) -> Self {
        RandomAffine { scale: [low, high], ..self }
    }

    /// Shear, in degrees.
    pub fn shear(self, low: f64, high: f64) -> Self {
        RandomAffine { shear: [low, high], ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_range("RandomAffine: degrees", self.degrees, [-360.0, 360.0])?;
        check_range("RandomAffine: translate", self.translate, [-1.0, 1.0])?;
        check_range("RandomAffine: scale", self.scale, [0.01, 100.0])?;
        check_range("RandomAffine: shear", self.shear, [-89.0, 89.0])
    }

    /// From the pixels of the new image (h, w) to those of the old.
    pub(super) fn draw(&self, h: usize, w: usize, stream: &mut Stream) -> Plane {
        let mut number = |[low, high]: Between| stream.uniform(low, high);
        let (a, b) = (number(self.degrees).to_radians(), number(self.shear).to_radians());
        let scale = number(self.scale);
        let (right, down) = (number(self.translate) * w as f64, number(self.translate) * h as f64);
        let (sin, cos, slant) = (libm::sin(a), libm::cos(a), libm::tan(b));
        // The inverse, H(b)⁻¹ R(−a) / s.
        let [[m0, m1], [m3, m4]] =
            [[cos - slant * sin, sin + slant * cos], [-sin, cos]].map(|row| row.map(|m| m / scale));
        let (x, y) = ((w as f64 - 1.0) / 2.0, (h as f64 - 1.0) / 2.0);
        let (dx, dy) = (x + right, y + down);
        Plane([m0, m1, x - m0 * dx - m1 * dy, m3, m4, y - m3 * dx - m4 * dy])
    }
}

impl From<RandomAffine> for Step {
    fn from(affine: RandomAffine) -> Self {
        Step::RandomAffine(affine)
    }
}

impl std::fmt::Display for RandomAffine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RandomAffine()")?;
        let default = RandomAffine::default();
        for (name, [low, high], usual) in [
            ("degrees", self.degrees, default.degrees),
            ("translate", self.translate, default.translate),
            ("scale", self.scale, default.scale),
            ("shear", self.shear, default.shear),
        ] {
            if [low, high] != usual {
                write!(f, ".{name}({low}, {high})")?;
            }
        }
        Ok(())
    }
}

/// An affine map from the pixels of a new image to their sources in an old one; see [`PlaneMap`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plane(pub [f64; 6]);

impl Plane {
    /// Every pixel stays where it is.
    pub const STILL: Plane = Plane([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    /// This movement, then the `next`: a pixel of the last image is looked up in the middle one, then in the first.
    pub fn after(self, next: Plane) -> Plane {
        let (Plane(m), Plane(n)) = (self, next);
        let row = |i: usize| {
            let [a, b, c] = [m[i], m[i + 1], m[i + 2]];
            [a * n[0] + b * n[3], a * n[1] + b * n[4], a * n[2] + b * n[5] + c]
        };
        let [[a, b, c], [d, e, f]] = [row(0), row(3)];
        Plane([a, b, c, d, e, f])
    }

    pub fn map(self) -> PlaneMap {
        self.0.map(|m| m as f32)
    }
}
