//! The smooth activations.

use super::{Elementwise, in_blocks};
use crate::Real;
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_2_SQRT_PI};
use std::fmt;

/// **tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)**, with derivative **1 − tanh² x**.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tanh;

impl Elementwise for Tanh {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        T::tanh_slice(x, z);
    }
    fn df<T: Real>(&self, _x: T, z: T) -> T {
        T::one() - z * z
    }
}

/// **σ(x) = 1 / (1 + e⁻ˣ)**, which never overflows, with derivative **σ(x)(1 − σ(x))**.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sigmoid;

impl Elementwise for Sigmoid {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        T::sigmoid_slice(x, z);
    }
    fn df<T: Real>(&self, _x: T, z: T) -> T {
        z * (T::one() - z)
    }
}

/// **x·σ(x)**, also called swish, with derivative **σ(x) + xσ(x)(1 − σ(x))**.
///
/// Source: Elfwing, Uchibe and Doya, *Sigmoid-weighted linear units for neural network function approximation in reinforcement
/// learning*, 2018, equations 4 and 7.
///
/// ```
/// use limpide::{Tape, layers::Silu, module::Module, tensor};
/// let z = Silu.forward(&tensor(&[1], vec![3.0f64.ln()]), &mut Tape::new());
/// assert!((z[[0]] - 3.0f64.ln() * 0.75).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Silu;

impl Elementwise for Silu {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        T::sigmoid_slice(x, z);
        z.iter_mut().zip(x).for_each(|(z, &x)| *z *= x);
    }
    fn df<T: Real>(&self, x: T, z: T) -> T {
        one_df(self, x, z)
    }
    fn times_df<T: Real>(&self, x: &[T], _z: &[T], d: &mut [T]) {
        in_blocks(x, d, |x, d, [s, ..]| {
            T::sigmoid_slice(x, s);
            for ((d, &x), &s) in d.iter_mut().zip(x).zip(&*s) {
                *d *= s + x * s * (T::one() - s);
            }
        });
    }
}

/// **ln(1 + e^(βx)) / β**, a smooth max(0, x), with derivative **σ(βx)**. Where βx > `threshold` it is x, as in PyTorch; e^(βx)
/// is never formed where it would overflow.
///
/// Source: Dugas et al., *Incorporating second-order functional knowledge for better option pricing*, 2001, section 2.
///
/// ```
/// use limpide::{Tape, layers::Softplus, module::Module, tensor};
/// let z = Softplus::default().forward(&tensor(&[2], vec![0.0, 21.0]), &mut Tape::new());
/// assert_eq!(z, tensor(&[2], vec![2.0f64.ln(), 21.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Softplus {
    /// β, 1 by default: the larger, the nearer to max(0, x).
    pub beta: f64,
    /// Where x stands in for the function, 20 by default.
    pub threshold: f64,
}

impl Default for Softplus {
    fn default() -> Self {
        Softplus { beta: 1.0, threshold: 20.0 }
    }
}

impl Elementwise for Softplus {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        let (zero, one, beta, threshold) = (T::zero(), T::one(), T::of(self.beta), T::of(self.threshold));
        in_blocks(x, z, |x, z, [u, e, ln]| {
            // With u = βx: ln(1 + eᵘ) = max(u, 0) + ln(1 + e^(−|u|)).
            u.iter_mut().zip(x).for_each(|(u, &x)| *u = -(beta * x).abs());
            T::exp_slice(u, e);
            u.iter_mut().zip(&*e).for_each(|(u, &e)| *u = one + e);
            T::ln_slice(u, ln);
            for (((z, &x), &w), (&e, &ln)) in z.iter_mut().zip(x).zip(&*u).zip(e.iter().zip(&*ln)) {
                // w = 1 + e lost digits of a small e, and its logarithm is as much too small or too large as w − 1.
                let ln = if w == one { e } else { ln * (e / (w - one)) };
                let u = beta * x;
                let smooth = (if u < zero { ln } else { u + ln }) / beta;
                *z = if u > threshold { x } else { smooth };
            }
        });
    }
    fn df<T: Real>(&self, x: T, z: T) -> T {
        one_df(self, x, z)
    }
    fn times_df<T: Real>(&self, x: &[T], _z: &[T], d: &mut [T]) {
        let (beta, threshold) = (T::of(self.beta), T::of(self.threshold));
        in_blocks(x, d, |x, d, [u, s, _]| {
            u.iter_mut().zip(x).for_each(|(u, &x)| *u = beta * x);
            T::sigmoid_slice(u, s);
            for ((d, &u), &s) in d.iter_mut().zip(&*u).zip(&*s) {
                *d = if u > threshold { *d } else { *d * s };
            }
        });
    }
}

/// **x·Φ(x)**, Φ(x) = ½(1 + erf(x/√2)) the normal distribution's probability of being below x, with derivative
/// **Φ(x) + xφ(x)**, φ(x) = e^(−x²/2)/√(2π).
///
/// The approximation: **½x(1 + t)**, t = tanh u, u = √(2/π)(x + 0.044715x³), with derivative **½(1 + t) + ½x(1 − t²)u′**.
///
/// Source: Hendrycks and Gimpel, *Gaussian error linear units*, 2016, section 2.
///
/// ```
/// use limpide::{Tape, layers::Gelu, module::Module, tensor};
/// let z = Gelu::new().forward(&tensor(&[2], vec![0.0, 1.0]), &mut Tape::new());
/// assert!((z[[1]] - 0.8413447460685429f64).abs() < 1e-15); // Φ(1)
/// let z = Gelu::tanh().forward(&tensor(&[1], vec![1.0]), &mut Tape::new());
/// assert!((z[[0]] - 0.841f64).abs() < 1e-3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gelu {
    /// Which formula.
    pub approximate: Approximation,
}

/// How [`Gelu`] computes Φ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approximation {
    /// By erf, exactly.
    #[default]
    None,
    /// By tanh.
    Tanh,
}

impl Gelu {
    /// The function itself.
    pub fn new() -> Self {
        Gelu::default()
    }

    /// The approximation by tanh.
    pub fn tanh() -> Self {
        Gelu { approximate: Approximation::Tanh }
    }

    /// a ← the argument of erf or tanh, b ← its value.
    fn inner<T: Real>(&self, x: &[T], a: &mut [T], b: &mut [T]) {
        match self.approximate {
            Approximation::None => {
                let root = T::of(FRAC_1_SQRT_2);
                a.iter_mut().zip(x).for_each(|(a, &x)| *a = x * root);
                T::erf_slice(a, b);
            }
            Approximation::Tanh => {
                let (root, cubic) = (T::of(FRAC_2_PI.sqrt()), T::of(CUBIC));
                a.iter_mut().zip(x).for_each(|(a, &x)| *a = root * (x + cubic * x * x * x));
                T::tanh_slice(a, b);
            }
        }
    }
}

/// The weight of x³ in the approximation.
const CUBIC: f64 = 0.044715;

impl Elementwise for Gelu {
    fn f<T: Real>(&self, x: &[T], z: &mut [T]) {
        let (half, one) = (T::of(0.5), T::one());
        in_blocks(x, z, |x, z, [a, b, _]| {
            self.inner(x, a, b);
            for ((z, &x), &b) in z.iter_mut().zip(x).zip(&*b) {
                *z = half * x * (one + b);
            }
        });
    }
    fn df<T: Real>(&self, x: T, z: T) -> T {
        one_df(self, x, z)
    }
    fn times_df<T: Real>(&self, x: &[T], _z: &[T], d: &mut [T]) {
        let (half, one) = (T::of(0.5), T::one());
        in_blocks(x, d, |x, d, [a, b, c]| {
            self.inner(x, a, b);
            // c ← b′ with respect to x: 2φ(x) for erf(x/√2), (1 − t²)u′ for tanh u.
            match self.approximate {
                Approximation::None => {
                    a.iter_mut().for_each(|a| *a = -*a * *a);
                    T::exp_slice(a, c);
                    let scale = T::of(FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
                    c.iter_mut().for_each(|c| *c *= scale);
                }
                Approximation::Tanh => {
                    let (root, cubic) = (T::of(FRAC_2_PI.sqrt()), T::of(3.0 * CUBIC));
                    for ((c, &x), &t) in c.iter_mut().zip(x).zip(&*b) {
                        *c = (one - t * t) * (root * (one + cubic * x * x));
                    }
                }
            }
            for ((d, &x), (&b, &c)) in d.iter_mut().zip(x).zip(b.iter().zip(&*c)) {
                *d *= half * (one + b) + half * x * c;
            }
        });
    }
}

/// f′ of one number, by way of [`Elementwise::times_df`].
fn one_df<T: Real>(function: &impl Elementwise, x: T, z: T) -> T {
    let mut d = [T::one()];
    function.times_df(&[x], &[z], &mut d);
    d[0]
}

impl fmt::Display for Tanh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tanh")
    }
}

impl fmt::Display for Sigmoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sigmoid")
    }
}

impl fmt::Display for Silu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Silu")
    }
}

impl fmt::Display for Softplus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Softplus({}, {})", self.beta, self.threshold)
    }
}

impl fmt::Display for Gelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.approximate {
            Approximation::None => write!(f, "Gelu"),
            Approximation::Tanh => write!(f, "Gelu::tanh()"),
        }
    }
}
