//! A dense layer and the activation behind it.

use super::activation::Activation;
use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::kernels::Matrix;
use crate::layers::LinearOptions;

/// Samples among which the cost of a product's weights is shared out.
const LEAST_ROWS: usize = 16;

/// Z = f(X·Wᵀ + b).
#[derive(Debug)]
pub(super) struct Dense {
    pub options: LinearOptions,
    pub activation: Option<Activation>,
}

impl<T: Real> Step<T> for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn output_len(&self) -> usize {
        self.options.out_features
    }

    fn least_rows(&self) -> usize {
        LEAST_ROWS
    }

    fn forward(&self, pass: &Pass<'_, T>, x: &[T], z: &mut [T], room: &mut Room<T>) {
        match self.activation {
            None => product(&self.options, pass.parameters, x, z),
            Some(activation) => {
                let sums = room.scratch.take(z.len());
                product(&self.options, pass.parameters, x, sums);
                activation.apply(sums, z);
            }
        }
    }

    fn backward(&self, pass: &Pass<'_, T>, io: Backward<'_, T>, gradient: &mut [T], _: &mut Room<T>) {
        let LinearOptions { in_features, out_features, .. } = self.options;
        if let Some(activation) = self.activation {
            activation.backward(io.z, io.dz);
        }
        let d = Matrix::new(io.dz, io.dz.len() / out_features, out_features);
        let (weight, bias) = gradient.split_at_mut(in_features * out_features);
        // ∂L/∂W = δᵀ·X
        let x = Matrix::new(io.x, io.x.len() / in_features, in_features);
        T::gemm(T::one(), d.t(), x, T::zero(), weight);
        bias_gradient(io.dz, bias);
        if let Some(dx) = io.dx {
            // ∂L/∂X = δ·W
            T::gemm(T::one(), d, Matrix::new(pass.parameters[0], out_features, in_features), T::zero(), dx);
        }
    }
}

/// z ← X·Wᵀ + b.
pub(super) fn product<T: Real>(options: &LinearOptions, parameters: &[&[T]], x: &[T], z: &mut [T]) {
    let LinearOptions { in_features, out_features, bias } = *options;
    let beta = if bias {
        z.chunks_exact_mut(out_features).for_each(|row| row.copy_from_slice(parameters[1]));
        T::one()
    } else {
        T::zero()
    };
    let w = Matrix::new(parameters[0], out_features, in_features);
    T::gemm(T::one(), Matrix::new(x, x.len() / in_features, in_features), w.t(), beta, z);
}

/// ∂L/∂b = Σᵢ δᵢ; an empty gradient for a layer without b.
pub(super) fn bias_gradient<T: Real>(delta: &[T], gradient: &mut [T]) {
    gradient.fill(T::zero());
    if !gradient.is_empty() {
        for row in delta.chunks_exact(gradient.len()) {
            gradient.iter_mut().zip(row).for_each(|(sum, &d)| *sum += d);
        }
    }
}
