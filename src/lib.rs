//! Limpide: a neural-network workshop in which nothing is a black box.

#![deny(unsafe_code)]

pub mod container;
pub mod data;
pub mod error;
pub mod gradcheck;
pub mod init;
#[allow(unsafe_code)]
pub mod kernels;
pub mod layers;
pub mod loss;
pub mod metrics;
pub mod module;
pub mod optim;
pub mod random;
pub mod tensor;
pub mod train;

pub use container::{AutoEncoder, Sequential};
pub use error::{Error, Result};
pub use module::{Gradients, Module, Tape};
pub use random::Stream;
pub use tensor::{Real, Tensor, tensor, zeros};
