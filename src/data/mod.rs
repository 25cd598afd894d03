//! Data: what a data set is, where the built-in ones come from, and how samples are divided into splits and batches.

mod dataset;
mod target;

pub use dataset::{Dataset, Inputs};
pub use target::Target;
