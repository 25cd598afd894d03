//! Made-up data with known answers: moons, circles, spirals and the regression of the report.
//!
//! A sample is a pure function of the seed and its number, and the sines come from `libm`: the bits are the same on
//! every platform. The order of the samples is shuffled.

use super::{Dataset, Inputs, Target};
use crate::random::Stream;
use crate::tensor::Real;
use crate::{Error, Result};
use std::f64::consts::{PI, TAU};
use std::ops::Range;

/// Two interleaved half circles, as scikit-learn's `make_moons`.
///
/// **Class 0: (cos t, sin t); class 1: (1 − cos t, ½ − sin t); t in equal steps from 0 to π, both ends included.**
/// `noise` is the standard deviation of the normal noise added to both coordinates. Inputs (n, 2); classes 0 (⌊n/2⌋
/// points) and 1.
///
/// Errs when `noise` is negative or not finite.
///
/// ```
/// let data = limpide::data::moons::<f64>(200, 0.2, 7)?;
/// assert_eq!((data.len(), data.classes), (200, 2));
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn moons<T: Real>(n: usize, noise: f64, seed: u64) -> Result<Dataset<T>> {
    let name = format!("moons, noise {noise}");
    plane(name, "moons", [n / 2, n - n / 2], noise, seed, |class, i, points| {
        let t = PI * fraction(i, points.saturating_sub(1));
        let (x, y) = (libm::cos(t), libm::sin(t));
        if class == 0 { [x, y] } else { [1.0 - x, 0.5 - y] }
    })
}

/// A circle inside a circle, as scikit-learn's `make_circles`.
///
/// **Class 0: (cos t, sin t); class 1: factor · (cos t, sin t); t in equal steps from 0 to 2π, the end excluded.**
/// `noise` is the standard deviation of the normal noise added to both coordinates. Inputs (n, 2); classes 0 (⌊n/2⌋
/// points) and 1.
///
/// Errs when `noise` is negative or not finite, or `factor` is not in [0, 1).
pub fn circles<T: Real>(n: usize, noise: f64, factor: f64, seed: u64) -> Result<Dataset<T>> {
    if !(0.0..1.0).contains(&factor) {
        return Err(Error::option("circles: factor", "at least 0 and below 1", factor));
    }
    let name = format!("circles, factor {factor}, noise {noise}");
    plane(name, "circles", [n / 2, n - n / 2], noise, seed, |class, i, points| {
        let t = TAU * fraction(i, points);
        let radius = if class == 0 { 1.0 } else { factor };
        [radius * libm::cos(t), radius * libm::sin(t)]
    })
}

/// Arms of a spiral around the origin, one a class, each going once and a half around.
///
/// **Class k of `arms`: r · (cos φ, sin φ) with φ = 3πr + 2πk/arms; r in equal steps from 0 (excluded) to 1.**
/// `noise` is the standard deviation of the normal noise added to both coordinates. Inputs (n, 2); the first n mod arms
/// classes have one point more than the others.
///
/// Errs when `noise` is negative or not finite, or `arms` is 0.
pub fn spirals<T: Real>(n: usize, arms: usize, noise: f64, seed: u64) -> Result<Dataset<T>> {
    if arms == 0 {
        return Err(Error::option("spirals: arms", "at least 1", arms));
    }
    let name = format!("spirals, {arms} arms, noise {noise}");
    let sizes = (0..arms).map(|arm| n / arms + usize::from(arm < n % arms));
    plane(name, "spirals", sizes, noise, seed, |class, i, points| {
        let r = fraction(i + 1, points);
        let angle = 3.0 * PI * r + TAU * fraction(class, arms);
        [r * libm::cos(angle), r * libm::sin(angle)]
    })
}

/// The report's regression: **y = sin(πx₁) + x₂²**, x₁ and x₂ uniform in `range` (the report's is −1..1).
///
/// Inputs (n, 2), targets (n, 1), no noise.
///
/// Errs when `range` is empty or not finite.
///
/// ```
/// let data = limpide::data::regression::<f64>(100, -1.0..1.0, 7)?;
/// assert_eq!(data.target_room(100).shape(), &[100, 1]);
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn regression<T: Real>(n: usize, range: Range<f64>, seed: u64) -> Result<Dataset<T>> {
    // An infinite end or a NaN makes the width infinite or NaN.
    if !(range.end - range.start > 0.0 && (range.end - range.start).is_finite()) {
        return Err(Error::option("regression: range", "from a number to a larger one", format!("{range:?}")));
    }
    let stream = Stream::new(seed);
    let mut inputs = Vec::with_capacity(2 * n);
    let mut targets = Vec::with_capacity(n);
    for i in 0..n {
        let mut draws = stream.at(&[KEY, i as u64]);
        let x1 = draws.uniform(range.start, range.end);
        let x2 = draws.uniform(range.start, range.end);
        inputs.extend([T::of(x1), T::of(x2)]);
        targets.push(T::of(libm::sin(PI * x1) + x2 * x2));
    }
    let targets = Target::Values(crate::tensor(&[n, 1], targets));
    Dataset::new("sin(πx₁) + x₂²", Inputs::Real(crate::tensor(&[n, 2], inputs)), targets, 0)
}

/// The place of this file's draws among those of a seed.
const KEY: u64 = u64::from_be_bytes(*b"generate");

/// Points of the plane, class by class on a curve, with noise, in shuffled order.
/// `curve` takes the class, the number of the point in its class and the number of points in that class.
fn plane<T: Real>(
    name: String,
    generator: &str,
    sizes: impl IntoIterator<Item = usize>,
    noise: f64,
    seed: u64,
    curve: impl Fn(usize, usize, usize) -> [f64; 2],
) -> Result<Dataset<T>> {
    if !(noise >= 0.0 && noise.is_finite()) {
        return Err(Error::option(format!("{generator}: noise"), "a standard deviation, at least 0", noise));
    }
    let stream = Stream::new(seed).at(&[KEY]);
    let mut points: Vec<([f64; 2], i64)> = Vec::new();
    let mut classes = 0;
    for (class, size) in sizes.into_iter().enumerate() {
        points.extend((0..size).map(|i| (curve(class, i, size), class as i64)));
        classes = class + 1;
    }
    for (i, ([x, y], _)) in points.iter_mut().enumerate() {
        let mut draws = stream.at(&[i as u64]);
        *x += noise * draws.normal();
        *y += noise * draws.normal();
    }
    stream.clone().shuffle(&mut points);
    let inputs = points.iter().flat_map(|(point, _)| point.map(T::of)).collect();
    let labels = points.iter().map(|&(_, class)| class).collect();
    let inputs = Inputs::Real(crate::tensor(&[points.len(), 2], inputs));
    Dataset::new(name, inputs, Target::classes(labels), classes)
}

/// part / whole, and 0 when the whole is 0.
fn fraction(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All points with their classes, in f64.
    fn points(data: &Dataset<f64>) -> Vec<(f64, f64, i64)> {
        let (x, target) = data.gather(&(0..data.len()).collect::<Vec<_>>());
        target.labels().unwrap().iter().enumerate().map(|(i, &class)| (x[[i, 0]], x[[i, 1]], class)).collect()
    }

    fn has(points: &[(f64, f64, i64)], x: f64, y: f64, class: i64) -> bool {
        points.iter().any(|p| (p.0 - x).abs() < 1e-12 && (p.1 - y).abs() < 1e-12 && p.2 == class)
    }

    #[test]
    fn moons_without_noise_are_scikit_learns() {
        // make_moons(5, shuffle=False): t = 0, π for the outer moon and 0, π/2, π for the inner one.
        let got = points(&moons(5, 0.0, 3).unwrap());
        for (x, y, class) in [(1.0, 0.0, 0), (-1.0, 0.0, 0), (0.0, 0.5, 1), (1.0, -0.5, 1), (2.0, 0.5, 1)] {
            assert!(has(&got, x, y, class), "({x}, {y}) of class {class} in {got:?}");
        }
        assert_eq!(got.len(), 5);
    }

    #[test]
    fn circles_without_noise_lie_on_their_radii() {
        let got = points(&circles(8, 0.0, 0.5, 3).unwrap());
        assert_eq!(got.len(), 8);
        for (x, y) in [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)] {
            assert!(has(&got, x, y, 0) && has(&got, x / 2.0, y / 2.0, 1));
        }
    }

    #[test]
    fn spirals_turn_and_share_the_points_out() {
        let data = spirals::<f64>(8, 3, 0.0, 3).unwrap();
        let got = points(&data);
        let size = |class| got.iter().filter(|p| p.2 == class).count();
        assert_eq!([size(0), size(1), size(2)], [3, 3, 2]);
        // The last point of class 0 has r = 1 and φ = 3π; of class 2, two thirds of a turn more.
        assert!(has(&got, -1.0, 0.0, 0));
        assert!(has(&got, 0.5, 0.75f64.sqrt(), 2));
    }

    #[test]
    fn noise_has_the_standard_deviation_asked() {
        let (clean, noisy) = (moons::<f64>(4000, 0.0, 5).unwrap(), moons::<f64>(4000, 0.2, 5).unwrap());
        // The same seed gives the same order, so the difference is the noise.
        let (clean, noisy) = (points(&clean), points(&noisy));
        let squares: f64 = clean.iter().zip(&noisy).map(|(a, b)| (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2)).sum();
        let deviation = (squares / 8000.0).sqrt();
        assert!((deviation - 0.2).abs() < 5.0 * 0.2 / 16000f64.sqrt(), "{deviation}");
    }

    #[test]
    fn the_regression_follows_its_formula() {
        let data = regression::<f64>(500, -2.0..1.0, 9).unwrap();
        let (x, Target::Values(y)) = data.gather(&(0..500).collect::<Vec<_>>()) else { panic!("values") };
        for i in 0..500 {
            let (x1, x2) = (x[[i, 0]], x[[i, 1]]);
            assert!((-2.0..1.0).contains(&x1) && (-2.0..1.0).contains(&x2));
            assert!((y[[i, 0]] - ((PI * x1).sin() + x2 * x2)).abs() < 1e-14);
        }
        assert!(x.iter().any(|&v| v < -1.5) && x.iter().any(|&v| v > 0.5));
    }

    #[test]
    fn a_seed_fixes_the_data_and_another_changes_it() {
        let at = |seed| points(&spirals(30, 2, 0.1, seed).unwrap());
        assert_eq!(at(1), at(1));
        assert_ne!(at(1), at(2));
    }

    #[test]
    fn small_and_bad_settings_are_handled() {
        for n in 0..3 {
            assert_eq!(moons::<f32>(n, 0.1, 0).unwrap().len(), n);
            assert_eq!(circles::<f32>(n, 0.1, 0.5, 0).unwrap().len(), n);
            assert_eq!(spirals::<f32>(n, 2, 0.1, 0).unwrap().len(), n);
        }
        assert!(moons::<f32>(10, -0.1, 0).is_err() && moons::<f32>(10, f64::NAN, 0).is_err());
        assert!(circles::<f32>(10, 0.0, 1.0, 0).is_err() && spirals::<f32>(10, 0, 0.0, 0).is_err());
        assert!(regression::<f32>(10, 1.0..1.0, 0).is_err() && regression::<f32>(10, 0.0..f64::INFINITY, 0).is_err());
    }
}
