//! Limpide: a neural-network workshop in which nothing is a black box.

#![deny(unsafe_code)]

pub mod data;
pub mod error;
#[allow(unsafe_code)]
pub mod kernels;
pub mod random;
pub mod tensor;

pub use error::{Error, Result};
pub use random::Stream;
pub use tensor::{Real, Tensor, tensor, zeros};
