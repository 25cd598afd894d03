//! A convolution with the activation and the max-pool behind it, channels last.

use super::activation::Activation;
use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::kernels::ConvBlock;

/// Z = f(pool(W·P(X) + b)): the pool comes before the activation, which is monotone, so that there is less of it to do.
#[derive(Debug)]
pub(super) struct Convolution {
    pub block: ConvBlock,
    pub activation: Option<Activation>,
    /// Numbers of an image, in and out.
    pub input_len: usize,
    pub output_len: usize,
    pub weights: usize,
    pub bias: bool,
}

impl<T: Real> Step<T> for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn layout(&self) -> &'static str {
        "channels last"
    }

    fn output_len(&self) -> usize {
        self.output_len
    }

    fn packed_len(&self) -> usize {
        self.block.packed_len()
    }

    fn pack(&self, parameters: &[&[T]], packed: &mut [T]) {
        self.block.pack(parameters[0], parameters.get(1).copied(), packed);
    }

    fn forward(&self, pass: &Pass<'_, T>, x: &[T], z: &mut [T], room: &mut Room<T>) {
        let lowered = self.block.lowered_len();
        let (padded, rest) = room
            .scratch
            .take(self.block.padded_len() + lowered + self.output_len)
            .split_at_mut(self.block.padded_len());
        let (lowered, pooled) = rest.split_at_mut(lowered);
        room.bytes.resize(z.len(), 0);
        let images = x.chunks_exact(self.input_len).zip(z.chunks_exact_mut(self.output_len));
        for ((x, z), at) in images.zip(room.bytes.chunks_exact_mut(self.output_len)) {
            self.block.lower(x, padded, lowered);
            match self.activation {
                None => self.block.forward(lowered, pass.packed, z, at),
                Some(activation) => {
                    self.block.forward(lowered, pass.packed, pooled, at);
                    activation.apply(pooled, z);
                }
            }
        }
    }

    fn backward(&self, pass: &Pass<'_, T>, io: Backward<'_, T>, gradient: &mut [T], room: &mut Room<T>) {
        let Backward { x, z, dz, mut dx } = io;
        if let Some(activation) = self.activation {
            activation.backward(z, dz);
        }
        let lowered = self.block.lowered_len();
        let (padded, rest) = room
            .scratch
            .take(self.block.padded_len() + lowered + self.block.gradient_len())
            .split_at_mut(self.block.padded_len());
        let (lowered, sums) = rest.split_at_mut(lowered);
        let (weight, bias) = gradient.split_at_mut(self.weights);
        sums.fill(T::zero());
        bias.fill(T::zero());
        let images = x.chunks_exact(self.input_len).zip(dz.chunks_exact(self.output_len));
        for (image, ((x, dz), at)) in images.zip(room.bytes.chunks_exact(self.output_len)).enumerate() {
            self.block.route(dz, at, &mut room.routes);
            // Lowered again rather than kept: a copy from the cache is cheaper than memory for every image.
            self.block.lower(x, padded, lowered);
            self.block.add_weight_gradient(lowered, &room.routes, sums, self.bias.then_some(&mut *bias));
            if let Some(dx) = &mut dx {
                let dx = &mut dx[image * self.input_len..][..self.input_len];
                self.block.input_gradient(&room.routes, pass.packed, padded, dx);
            }
        }
        self.block.unpack_gradient(sums, weight);
    }
}
