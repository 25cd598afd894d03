//! How much arithmetic a model needs: the count that speeds are divided by.

use super::{LayerDescription, describe};
use crate::{Module, Real, Result};

/// Floating-point operations of the matrix products, a multiply-add as two; taps on padding count, functions of single
/// entries (activations, pooling, losses, updates) do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flops {
    /// Of a forward pass.
    pub forward: u64,
    /// Of ∂L/∂θ.
    pub gradient: u64,
    /// Of ∂L/∂X in every module but the first, whose delta nobody reads.
    pub delta: u64,
}

impl Flops {
    /// Of a training step: forward and both halves of the backward pass.
    pub fn step(&self) -> u64 {
        self.forward + self.gradient + self.delta
    }
}

/// The operations of a model for an input shape (batch axis included).
///
/// # Errors
/// [`crate::Error::Shape`] when the model does not take such an input.
///
/// ```
/// use limpide::{Sequential, layers::{Linear, Tanh}, model::flops};
/// let network = Sequential::<f32>::new().push(Linear::new(784, 128)).push(Tanh).push(Linear::new(128, 10));
/// let flops = flops(&network, &[64, 784])?;
/// assert_eq!(flops.forward, 2 * 64 * (784 * 128 + 128 * 10));
/// assert_eq!((flops.gradient, flops.delta), (flops.forward, 2 * 64 * 128 * 10));
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn flops<T: Real>(model: &dyn Module<T>, input: &[usize]) -> Result<Flops> {
    model.output_shape(input)?;
    let mut flops = Flops::default();
    add(&mut flops, model, input, true)?;
    Ok(flops)
}

/// Adds the operations of a module and gives its output shape; `first` when nothing stands before it.
fn add<T: Real>(flops: &mut Flops, module: &dyn Module<T>, input: &[usize], first: bool) -> Result<Vec<usize>> {
    let output = module.output_shape(input)?;
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    // Each output entry of a layer is one inner product; a transposed convolution multiplies each input entry.
    let products = match describe(module) {
        Some(LayerDescription::Linear(options)) => count(&output) * options.in_features,
        Some(LayerDescription::Conv2d(options)) => {
            let taps = options.kernel_size.h * options.kernel_size.w;
            count(&output) * (options.in_channels / options.groups * taps)
        }
        Some(LayerDescription::ConvTranspose2d(options)) => {
            let taps = options.kernel_size.h * options.kernel_size.w;
            count(input) * (options.out_channels / options.groups * taps)
        }
        Some(LayerDescription::Sequential(_) | LayerDescription::Residual(_) | LayerDescription::AutoEncoder(_)) => {
            let mut shape = input.to_vec();
            for (place, (_, child)) in module.children().into_iter().enumerate() {
                shape = add(flops, child, &shape, first && place == 0)?;
            }
            0
        }
        _ => 0,
    };
    let product = 2 * products as u64;
    flops.forward += product;
    flops.gradient += product;
    flops.delta += if first { 0 } else { product };
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Conv2d, ConvTranspose2d, Flatten, Linear, MaxPool2d, Tanh};
    use crate::{AutoEncoder, Sequential};

    #[test]
    fn a_convolution_counts_its_taps_and_groups() {
        // 4×6 outputs of 8 channels, each from the 3·3 taps of 4/2 channels.
        let layer = Conv2d::<f32>::new(4, 8, 3).padding(1).stride([2, 1]).groups(2);
        let product = 2 * (5 * 8 * 4 * 6) * (2 * 9);
        let alone = flops(&layer, &[5, 4, 8, 6]).unwrap();
        assert_eq!(alone, Flops { forward: product, gradient: product, delta: 0 });
        let behind = Sequential::new().push(Tanh).push(layer).push(MaxPool2d::new(2)).push(Flatten::new());
        assert_eq!(flops(&behind, &[5, 4, 8, 6]).unwrap().step(), 3 * product);
    }

    #[test]
    fn a_transposed_convolution_counts_what_its_twin_does() {
        // The convolution that it is the transpose of has its input as output: 4×3 outputs from 8/2·2·3 entries.
        let layer = ConvTranspose2d::<f32>::new(4, 8, [2, 3]).stride(2).groups(2);
        assert_eq!(layer.output_shape(&[5, 4, 4, 3]).unwrap(), [5, 8, 8, 7]);
        assert_eq!(flops(&layer, &[5, 4, 4, 3]).unwrap().forward, 2 * (5 * 4 * 4 * 3) * (4 * 2 * 3));
    }

    #[test]
    fn only_the_very_first_module_of_a_nest_saves_its_delta() {
        let half = |a, b, c| Sequential::<f32>::new().push(Linear::new(a, b)).push(Tanh).push(Linear::new(b, c));
        let both = AutoEncoder::new(half(7, 5, 3), half(3, 5, 7));
        let forward = 2 * (7 * 5 + 5 * 3 + 3 * 5 + 5 * 7);
        let counted = flops(&both, &[1, 7]).unwrap();
        assert_eq!(counted, Flops { forward, gradient: forward, delta: forward - 2 * 7 * 5 });
        assert!(flops(&both, &[1, 6]).is_err());
    }
}
