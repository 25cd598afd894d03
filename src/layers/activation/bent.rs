//! The activations with a bend at 0: straight pieces, or a straight one and an exponential.

use super::{Elementwise, in_blocks};
use crate::Real;
use serde::{Deserialize, Serialize};
use std::fmt;

/// **max(0, x)**, with derivative **1 where x > 0, else 0** (0 at the kink). NaN stays NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Relu;

impl Elementwise for Relu {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        // `!(x <= 0)` rather than `x > 0`, so that NaN passes on.
        z.iter_mut().zip(x).for_each(|(z, &x)| *z = if x <= T::zero() { T::zero() } else { x });
    }
    fn df<T: Real>(&self, x: T, _z: T) -> T {
        if x <= T::zero() { T::zero() } else { T::one() }
    }
}

/// **x where x > 0, else s·x**, with derivative **1 or s** (s at the kink).
///
/// Source: Maas, Hannun and Ng, *Rectifier nonlinearities improve neural network acoustic models*, 2013.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeakyRelu {
    /// s, 0.01 by default.
    pub negative_slope: f64,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        LeakyRelu { negative_slope: 0.01 }
    }
}

impl Elementwise for LeakyRelu {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        let slope = T::of(self.negative_slope);
        z.iter_mut().zip(x).for_each(|(z, &x)| *z = if x > T::zero() { x } else { slope * x });
    }
    fn df<T: Real>(&self, x: T, _z: T) -> T {
        if x > T::zero() { T::one() } else { T::of(self.negative_slope) }
    }
}

/// **x where x > 0, else α(eˣ − 1)**, with derivative **1 or αeˣ = f(x) + α** (α at 0, a kink unless α = 1).
///
/// Source: Clevert, Unterthiner and Hochreiter, *Fast and accurate deep network learning by exponential linear units*, 2016,
/// equation 15.
///
/// ```
/// use limpide::{Tape, layers::Elu, module::Module, tensor};
/// let z = Elu { alpha: 2.0 }.forward(&tensor(&[2], vec![3.0, -(2.0f64.ln())]), &mut Tape::new());
/// assert_eq!(z[[0]], 3.0);
/// assert!((z[[1]] - 2.0 * (0.5 - 1.0)).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Elu {
    /// α, 1 by default.
    pub alpha: f64,
}

impl Default for Elu {
    fn default() -> Self {
        Elu { alpha: 1.0 }
    }
}

impl Elementwise for Elu {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        exponential_below_zero(x, z, T::one(), T::of(self.alpha));
    }
    fn df<T: Real>(&self, x: T, z: T) -> T {
        if x > T::zero() { T::one() } else { z + T::of(self.alpha) }
    }
}

/// **λx where x > 0, else λα(eˣ − 1)**, with derivative **λ or λαeˣ = f(x) + λα** (λα at the kink), for the λ ≈ 1.0507 and
/// α ≈ 1.6733 that keep the outputs of a deep chain near mean 0 and variance 1.
///
/// Source: Klambauer, Unterthiner, Mayr and Hochreiter, *Self-normalizing neural networks*, 2017, equation 2 and below.
///
/// ```
/// use limpide::{Tape, layers::Selu, module::Module, tensor};
/// let z = Selu.forward(&tensor(&[2], vec![1.0, -1e9]), &mut Tape::new());
/// assert_eq!((z[[0]], z[[1]]), (Selu::LAMBDA, -Selu::LAMBDA * Selu::ALPHA));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Selu;

impl Selu {
    /// λ.
    pub const LAMBDA: f64 = 1.0507009873554805;
    /// α.
    pub const ALPHA: f64 = 1.6732632423543772;
}

impl Elementwise for Selu {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        exponential_below_zero(x, z, T::of(Self::LAMBDA), T::of(Self::LAMBDA * Self::ALPHA));
    }
    fn df<T: Real>(&self, x: T, z: T) -> T {
        if x > T::zero() { T::of(Self::LAMBDA) } else { z + T::of(Self::LAMBDA * Self::ALPHA) }
    }
}

/// z ← slope·x where x > 0, else scale·(eˣ − 1).
fn exponential_below_zero<T: Real>(x: &[T], z: &mut [T], slope: T, scale: T) {
    let (one, two) = (T::one(), T::of(2.0));
    in_blocks(x, z, |x, z, [half, t, _]| {
        half.iter_mut().zip(x).for_each(|(half, &x)| *half = x / two);
        T::tanh_slice(half, t);
        for ((z, &x), &t) in z.iter_mut().zip(x).zip(&*t) {
            // eˣ − 1 = 2t / (1 − t) with t = tanh(x/2): no digits are lost near 0, where eˣ is near 1.
            *z = if x > T::zero() { slope * x } else { scale * (two * t / (one - t)) };
        }
    });
}

/// **x·min(max(x + 3, 0), 6) / 6**, with derivative **0 up to −3, (2x + 3)/6 between, 1 from 3 on**: [`Silu`](super::Silu) in
/// straight lines and a parabola.
///
/// Source: Howard et al., *Searching for MobileNetV3*, 2019, section 5.2.
///
/// ```
/// use limpide::{Tape, layers::Hardswish, module::Module, tensor};
/// let z = Hardswish.forward(&tensor(&[4], vec![-4.0, -1.5, 1.0, 5.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[4], vec![0.0, -1.5 * 1.5 / 6.0, 4.0 / 6.0, 5.0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hardswish;

impl Elementwise for Hardswish {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        let (zero, three, six) = (T::zero(), T::of(3.0), T::of(6.0));
        for (z, &x) in z.iter_mut().zip(x) {
            let gate = x + three;
            let gate = if gate < zero { zero } else { gate };
            *z = x * (if gate > six { six } else { gate }) / six;
        }
    }
    fn df<T: Real>(&self, x: T, _z: T) -> T {
        let three = T::of(3.0);
        if x <= -three {
            T::zero()
        } else if x >= three {
            T::one()
        } else {
            (x + x + three) / T::of(6.0)
        }
    }
}

impl fmt::Display for Relu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relu")
    }
}

impl fmt::Display for LeakyRelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeakyRelu({})", self.negative_slope)
    }
}

impl fmt::Display for Elu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elu({})", self.alpha)
    }
}

impl fmt::Display for Selu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selu")
    }
}

impl fmt::Display for Hardswish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hardswish")
    }
}
