//! The activations: a table of functions f and their derivatives f′, applied entry by entry.

use crate::module::{Module, Tape};
use crate::tensor::{dense, values, values_mut};
use crate::{Real, Result, Tensor, zeros};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Debug, Display};

/// A function of one number and its derivative. Everything that implements it is a [`Module`]:
/// **Zᵢ = f(Xᵢ)** and **∂L/∂Xᵢ = f′(Xᵢ)·δᵢ**, for any shape.
pub trait Elementwise: Display + Debug + Send + Sync + 'static {
    /// z ← f(x).
    fn f<T: Real>(&self, x: &[T], z: &mut [T]);
    /// f′(x), which may use z = f(x) where that is cheaper.
    fn df<T: Real>(&self, x: T, z: T) -> T;
}

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

impl<T: Real, A: Elementwise> Module<T> for A {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn forward(&self, input: &Tensor<T>, tape: &mut Tape<T>) -> Tensor<T> {
        let x = dense(input);
        let mut z = zeros(x.shape());
        self.f(values(&x), values_mut(&mut z));
        tape.record(&x, z)
    }

    fn backward_delta(&self, tape: &mut Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        let mut result = dense(delta);
        let points = values(tape.input()).iter().zip(values(tape.output()));
        for (d, (&x, &z)) in values_mut(&mut result).iter_mut().zip(points) {
            *d *= self.df(x, z);
        }
        result
    }
}

impl Display for Tanh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tanh")
    }
}

impl Display for Sigmoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sigmoid")
    }
}

impl Display for Relu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relu")
    }
}

impl Display for LeakyRelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeakyRelu({})", self.negative_slope)
    }
}
