//! Elastic deformation: every pixel moves a little, together with its neighbours.

use super::{Step, check_number};
use crate::Result;
use crate::kernels::{Kernels, Matrix};
use crate::random::Stream;
use serde::{Deserialize, Serialize};

/// How many σ away a Gaussian is taken as 0.
const REACH: f64 = 3.0;

/// Moves each pixel by **α·(G_σ ∗ n)**, along x and along y, with n random numbers drawn evenly from −1 to 1.
///
/// | symbol | meaning |
/// | --- | --- |
/// | G_σ | Gaussian of standard deviation σ pixels with the sum 1: neighbours move together |
/// | α | how far: a displacement has the mean 0 and the standard deviation α / (σ·√(12π)), 1.4 pixels for 34 and 4 |
///
/// Source: Simard, Steinkraus and Platt, *Best practices for convolutional neural networks applied to visual document
/// analysis*, 2003, with σ = 4 and α = 34 for MNIST, the defaults. torchvision's `ElasticTransform` wants an α twice as large.
///
/// Nothing finer than σ is left of smoothed noise. So the noise is drawn at points σ apart (1 pixel, for a smaller σ), some
/// of them beyond the borders, and smoothed and brought to the pixels at once. That is a fraction of the work; the variance
/// is that of a number a pixel, and the correlation of two pixels d apart is e^(−d²/4σ²), to three digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Elastic {
    alpha: f64,
    sigma: f64,
}

impl Default for Elastic {
    fn default() -> Self {
        Elastic { alpha: 34.0, sigma: 4.0 }
    }
}

impl Elastic {
    /// Displacements of strength `alpha`, smooth over `sigma` pixels.
    pub fn new(alpha: f64, sigma: f64) -> Self {
        Elastic { alpha, sigma }
    }

    pub(super) fn check(&self) -> Result<()> {
        check_number("Elastic: alpha", self.alpha, [0.0, 1e6])?;
        check_number("Elastic: sigma", self.sigma, [0.1, 1e3])
    }

    /// What is the same for all images of that height and width.
    pub(super) fn field(&self, h: usize, w: usize) -> Field {
        let down = self.weights(h).into_iter().map(|weight| (self.alpha * weight) as f32).collect();
        let (points, rows) = ([self.points(h), self.points(w)], self.weights(w));
        let transposed = (0..points[1]).flat_map(|point| rows.iter().skip(point).step_by(points[1]));
        Field { sizes: [h, w], points, down, across: transposed.map(|&weight| weight as f32).collect() }
    }

    fn step(&self) -> f64 {
        self.sigma.max(1.0)
    }

    /// How many points along an axis of n pixels have a pixel in reach.
    fn points(&self, n: usize) -> usize {
        ((n as f64 - 1.0 + 2.0 * REACH * self.sigma) / self.step()) as usize + 1
    }

    /// (n, points): how much each point counts at each pixel along an axis, row by row.
    fn weights(&self, n: usize) -> Vec<f64> {
        let gauss = |d: f64| libm::exp(-d * d / (2.0 * self.sigma * self.sigma));
        // Σ g² of a Gaussian at the pixels, with the sum 1: what a displacement's variance has of the noise's, along an axis.
        let far = (2.0 * REACH * self.sigma) as i64 + 1;
        let pixels = || (-far..=far).map(|d| gauss(d as f64));
        let variance = pixels().map(|g| g * g).sum::<f64>() / pixels().sum::<f64>().powi(2);
        let points = self.points(n);
        // The points lie as far beyond the first pixel as beyond the last.
        let first = (n as f64 - 1.0 - self.step() * (points as f64 - 1.0)) / 2.0;
        let mut weights = Vec::with_capacity(n * points);
        for pixel in 0..n {
            let row: Vec<f64> =
                (0..points).map(|point| gauss(first + self.step() * point as f64 - pixel as f64)).collect();
            let norm = libm::sqrt(variance / row.iter().map(|g| g * g).sum::<f64>());
            weights.extend(row.iter().map(|g| g * norm));
        }
        weights
    }
}

/// The two matrices that turn random numbers at points into displacements of pixels.
#[derive(Clone, Debug)]
pub(super) struct Field {
    sizes: [usize; 2],
    points: [usize; 2],
    /// (h, points), with α.
    down: Vec<f32>,
    /// (points, w).
    across: Vec<f32>,
}

impl Field {
    /// The displacements along x of all pixels, row by row, then those along y.
    pub fn draw<'a>(&self, stream: &mut Stream, numbers: &mut Vec<f32>, displacements: &'a mut Vec<f32>) -> &'a [f32] {
        let ([h, w], [tall, wide]) = (self.sizes, self.points);
        let (n, half) = (2 * tall * wide, 2 * tall * w);
        numbers.resize(n + half, 0.0);
        displacements.resize(2 * h * w, 0.0);
        let (noise, across) = numbers.split_at_mut(n);
        stream.fill_uniform(noise);
        // Both directions at once along the rows, then each down the columns.
        let noise = Matrix::new(noise, 2 * tall, wide);
        f32::gemm(1.0, noise, Matrix::new(&self.across, wide, w), 0.0, across);
        let down = Matrix::new(&self.down, h, tall);
        for (across, out) in across.chunks_exact(tall * w).zip(displacements.chunks_exact_mut(h * w)) {
            f32::gemm(1.0, down, Matrix::new(across, tall, w), 0.0, out);
        }
        displacements
    }
}

impl From<Elastic> for Step {
    fn from(elastic: Elastic) -> Self {
        Step::Elastic(elastic)
    }
}

impl std::fmt::Display for Elastic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Elastic({}, {})", self.alpha, self.sigma)
    }
}
