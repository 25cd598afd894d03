//! The layers: one file each, formula beside code.

mod activation;
mod adaptive_avg_pool2d;
mod avg_pool2d;
mod conv2d;
mod conv_transpose2d;
mod dropout;
mod flatten;
mod linear;
mod max_pool2d;
mod norm;
mod pair;
mod prelu;
mod reshape;
mod softmax;
mod upsample;
mod zero_pad2d;

pub use activation::{
    Approximation, Elementwise, Elu, Gelu, Hardswish, LeakyRelu, Relu, Selu, Sigmoid, Silu, Softplus, Tanh,
};
pub use adaptive_avg_pool2d::{AdaptiveAvgPool2d, AdaptiveAvgPool2dOptions, GlobalAvgPool2d};
pub use avg_pool2d::{AvgPool2d, AvgPool2dOptions};
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dOptions};
pub use conv2d::{Conv2d, Conv2dOptions};
pub use dropout::{Dropout, Dropout2d, DropoutOptions};
pub use flatten::Flatten;
pub use linear::{Linear, LinearOptions};
pub use max_pool2d::{MaxPool2d, MaxPool2dOptions};
pub use norm::{
    BatchNorm, BatchNorm1d, BatchNorm2d, BatchNormOptions, GroupNorm, GroupNormOptions, LayerNorm, LayerNormOptions,
};
pub(crate) use norm::{Channel, Slope};
pub use pair::Pair;
pub use prelu::{PRelu, PReluOptions};
pub use reshape::{Reshape, ReshapeOptions};
pub use softmax::{LogSoftmax, Softmax};
pub use upsample::{Upsample, UpsampleOptions, Upsampling};
pub use zero_pad2d::{ZeroPad2d, ZeroPad2dOptions};

/// What [`Module`](crate::Module) wants to know of a layer with a `weight` and, unless it is without, a `bias`: the
/// parameters, and that both start at U(−1/√k, 1/√k), k being the weight's fan_in.
macro_rules! weight_and_bias {
    () => {
        fn parameters(&self) -> Vec<(String, &Tensor<T>)> {
            let bias = self.bias.iter().map(|bias| ("bias".to_string(), bias));
            std::iter::once(("weight".to_string(), &self.weight)).chain(bias).collect()
        }

        fn parameters_mut(&mut self) -> Vec<&mut Tensor<T>> {
            std::iter::once(&mut self.weight).chain(&mut self.bias).collect()
        }

        fn each_parameter<'a>(&'a self, visit: &mut dyn FnMut(&'a Tensor<T>)) {
            std::iter::once(&self.weight).chain(&self.bias).for_each(visit);
        }

        fn reset_parameters(&mut self, stream: &Stream) {
            let fan_in = $crate::init::fans(self.weight.shape()).0;
            for (index, parameter) in self.parameters_mut().into_iter().enumerate() {
                $crate::init::Init::fan_in(fan_in).fill(parameter, &mut stream.at(&[index as u64]));
            }
        }
    };
}
use weight_and_bias;

/// The refusal of a layer that would mix the samples of a batch.
fn mixing(layer: &impl std::fmt::Display, input: &[usize]) -> crate::Error {
    crate::Error::shape(layer, "samples that stay apart (the first axis is the batch)", input)
}

/// Serde's default for options that are on unless said otherwise.
pub(crate) fn yes() -> bool {
    true
}

/// Serde's default for counts that are 1 unless said otherwise.
fn one() -> usize {
    1
}

#[cfg(test)]
mod image_tests;
