//! The layers: one file each, formula beside code.

mod activation;
mod avg_pool2d;
mod conv2d;
mod flatten;
mod linear;
mod max_pool2d;
mod pair;
mod softmax;

pub use activation::{Elementwise, LeakyRelu, Relu, Sigmoid, Tanh};
pub use avg_pool2d::{AvgPool2d, AvgPool2dOptions};
pub use conv2d::{Conv2d, Conv2dOptions};
pub use flatten::Flatten;
pub use linear::{Linear, LinearOptions};
pub use max_pool2d::{MaxPool2d, MaxPool2dOptions};
pub use pair::Pair;
pub use softmax::{LogSoftmax, Softmax};

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
