//! Data: what a data set is, where the built-in ones come from, and how samples are divided into splits and batches.

mod dataset;
mod digits;
mod generators;
mod target;

pub use dataset::{Dataset, Inputs};
pub use digits::digits;
pub use generators::{circles, moons, regression, spirals};
pub use target::Target;
