//! A convolution with the activation and the max-pool behind it, channels last.

use super::activation::Activation;
use super::step::{Backward, Pass, Room, Step};
use crate::Real;
use crate::kernels::{self, ConvBlock};

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
        let padded = self.block.padded_len();
        let (padded, pooled) = room.scratch.take(padded + self.output_len).split_at_mut(padded);
        room.bytes.resize(z.len(), 0);
        let images = x.chunks_exact(self.input_len).zip(z.chunks_exact_mut(self.output_len));
        for ((x, z), at) in images.zip(room.bytes.chunks_exact_mut(self.output_len)) {
            self.block.pad(x, padded);
            match self.activation {
                None => self.block.forward(padded, pass.packed, z, at),
                Some(activation) => {
                    self.block.forward(padded, pass.packed, pooled, at);
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
        let len = self.block.padded_len();
        let (padded, rest) = room.scratch.take(2 * len + self.block.gradient_len()).split_at_mut(len);
        let (padded_dx, sums) = rest.split_at_mut(len);
        let (weight, bias) = gradient.split_at_mut(self.weights);
        sums.fill(T::zero());
        bias.fill(T::zero());
        let images = x.chunks_exact(self.input_len).zip(dz.chunks_exact(self.output_len));
        for (number, ((x, delta), at)) in images.zip(room.bytes.chunks_exact(self.output_len)).enumerate() {
            // Padded again rather than kept: a copy within the cache costs less than memory for every image.
            self.block.pad(x, padded);
            padded_dx.fill(T::zero());
            let image = kernels::Backward {
                padded,
                packed: pass.packed,
                delta,
                at,
                gradient: sums,
                bias: self.bias.then_some(&mut *bias),
                dx: dx.is_some().then_some(&mut *padded_dx),
            };
            self.block.backward(image, &mut room.masks);
            if let Some(dx) = &mut dx {
                self.block.unpad(padded_dx, &mut dx[number * self.input_len..][..self.input_len]);
            }
        }
        self.block.unpack_gradient(sums, weight);
    }
}
