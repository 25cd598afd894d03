//! Data: what a data set is, where the built-in ones come from, and how samples are divided into splits and batches.

pub mod augment;
mod batches;
mod dataset;
mod digits;
mod folders;
mod generators;
mod idx;
mod loader;
mod mixup;
mod mnist;
mod split;
mod standardization;
mod target;
mod targets;

pub use batches::Batches;
pub use dataset::{Dataset, Inputs};
pub use digits::digits;
pub use folders::{DATA_VARIABLE, cache_folder, data_folders};
pub use generators::{circles, moons, regression, spirals};
pub use idx::{MAX_BYTES, read_idx};
pub use loader::Loader;
pub use mixup::Mixup;
pub use mnist::{MNIST_FILES, Mnist, MnistFiles};
pub use split::Split;
pub use standardization::{Per, Standardization};
pub use target::{Target, TargetRows, TargetSlice};
pub use targets::Targets;
