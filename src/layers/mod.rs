//! The layers: one file each, formula beside code.

mod activation;
mod linear;
mod softmax;

pub use activation::{Elementwise, LeakyRelu, Relu, Sigmoid, Tanh};
pub use linear::{Linear, LinearOptions};
pub use softmax::{LogSoftmax, Softmax};

/// Serde's default for options that are on unless said otherwise.
fn yes() -> bool {
    true
}
