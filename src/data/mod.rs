//! Data: what a data set is, where the built-in ones come from, and how samples are divided into splits and batches.

mod array_place;
mod arrays;
pub mod augment;
mod batches;
mod bounded;
mod checks;
mod dataset;
mod digits;
mod fit;
mod folders;
mod generators;
mod idx;
#[cfg(feature = "images")]
pub mod images;
mod loader;
mod mixup;
mod mnist;
mod npy;
mod npy_header;
mod npz;
mod split;
mod standardization;
mod stored;
mod target;
mod targets;

pub use array_place::ArrayPlace;
pub use arrays::{AnyArray, ArrayTask, array_dataset};
pub use batches::Batches;
pub use dataset::{Dataset, Inputs};
pub use digits::digits;
pub use fit::Fit;
pub use folders::{DATA_VARIABLE, cache_folder, data_folders};
pub use generators::{circles, moons, regression, spirals};
pub use idx::{MAX_BYTES, read_idx, read_idx_from};
pub use loader::Loader;
pub use mixup::Mixup;
pub use mnist::{MNIST_FILES, Mnist, MnistFiles};
pub use npy::{read_npy, read_npy_from};
pub use npz::{MAX_UNPACKED, Npz};
pub use split::Split;
pub use standardization::{Per, Standardization};
pub use stored::StoredBytes;
pub use target::{IGNORE_INDEX, Target, TargetRows, TargetSlice};
pub use targets::Targets;
