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
pub use pair::Pair;
pub use prelu::{PRelu, PReluOptions};
pub use reshape::{Reshape, ReshapeOptions};
pub use softmax::{LogSoftmax, Softmax};
pub use upsample::{Upsample, UpsampleOptions, Upsampling};
pub use zero_pad2d::{ZeroPad2d, ZeroPad2dOptions};

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
