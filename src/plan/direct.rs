//! A convolution by itself, transposed or not, channels first, as its layer computes it.

use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::kernels::{Convolution, sum};

/// Z = W ⋆ X + b, or the input gradient of such a convolution, plus b.
#[derive(Debug)]
pub(super) struct Direct {
    /// Of one image.
    pub convolution: Convolution,
    pub weights: usize,
    /// Whether X is where the convolution has its output.
    pub transposed: bool,
}

impl Direct {
    /// The convolution of some images.
    fn of(&self, images: usize) -> Convolution {
        Convolution { images, ..self.convolution }
    }

    /// Pixels of an output channel.
    fn pixels(&self) -> usize {
        let windows = &self.convolution.windows;
        if self.transposed { windows.inputs() } else { windows.outputs() }
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
        self.pixels() * if self.transposed { self.convolution.inputs } else { self.convolution.outputs }
    }

    fn forward(&self, pass: &Pass<'_, T>, x: &[T], z: &mut [T], _: &mut Room<T>) {
        let (convolution, bias) = (self.of(pass.rows.len()), pass.parameters.get(1).copied());
        match self.transposed {
            false => convolution.forward(pass.parameters[0], bias, x, z),
            true => convolution.delta(pass.parameters[0], bias, x, z),
        }
    }

    fn backward(&self, pass: &Pass<'_, T>, io: Backward<'_, T>, gradient: &mut [T], _: &mut Room<T>) {
        let convolution = self.of(pass.rows.len());
        let (weight, bias) = gradient.split_at_mut(self.weights);
        // ∂L/∂W = Σ δ·P(X)ᵀ, with δ and X exchanged in a transposed one
        weight.fill(T::zero());
        match self.transposed {
            false => convolution.update_gradient(io.x, io.dz, weight),
            true => convolution.update_gradient(io.dz, io.x, weight),
        }
        if !bias.is_empty() {
            // ∂L/∂b = Σ δ
            bias.fill(T::zero());
            let planes = io.dz.chunks_exact(self.pixels());
            planes.enumerate().for_each(|(place, dz)| bias[place % bias.len()] += sum(dz));
        }
        if let Some(dx) = io.dx {
            // ∂L/∂X = Pᵀ(Wᵀ·δ), or W·P(δ)
            match self.transposed {
                false => convolution.delta(pass.parameters[0], None, io.dz, dx),
                true => convolution.forward(pass.parameters[0], None, io.dz, dx),
            }
        }
    }
}
