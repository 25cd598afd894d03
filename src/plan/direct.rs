//! A convolution by itself, channels first, as its layer computes it.

use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::kernels::{Convolution, sum};

/// Z = W ⋆ X + b.
#[derive(Debug)]
pub(super) struct Direct {
    /// Of one image.
    pub convolution: Convolution,
    pub weights: usize,
}

impl Direct {
    /// The convolution of some images.
    fn of(&self, images: usize) -> Convolution {
        Convolution { images, ..self.convolution }
    }
}

impl<T: Real> Step<T> for Direct {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn layout(&self) -> &'static str {
        "channels first"
    }

    fn output_len(&self) -> usize {
        self.convolution.outputs * self.convolution.windows.outputs()
    }

    fn forward(&self, pass: &Pass<'_, T>, x: &[T], z: &mut [T], _: &mut Room<T>) {
        self.of(pass.rows.len()).forward(pass.parameters[0], pass.parameters.get(1).copied(), x, z);
    }

    fn backward(&self, pass: &Pass<'_, T>, io: Backward<'_, T>, gradient: &mut [T], _: &mut Room<T>) {
        let convolution = self.of(pass.rows.len());
        let (weight, bias) = gradient.split_at_mut(self.weights);
        // ∂L/∂W = Σ δ·P(X)ᵀ
        weight.fill(T::zero());
        convolution.update_gradient(io.x, io.dz, weight);
        if !bias.is_empty() {
            // ∂L/∂b = Σ δ
            bias.fill(T::zero());
            let planes = io.dz.chunks_exact(convolution.windows.outputs());
            planes.enumerate().for_each(|(place, dz)| bias[place % bias.len()] += sum(dz));
        }
        if let Some(dx) = io.dx {
            // ∂L/∂X = Pᵀ(Wᵀ·δ)
            convolution.delta(pass.parameters[0], None, io.dz, dx);
        }
    }
}
