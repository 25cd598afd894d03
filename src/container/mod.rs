//! Modules made of modules.

mod autoencoder;
mod residual;
mod sequential;

pub use autoencoder::AutoEncoder;
pub use residual::Residual;
pub use sequential::Sequential;

use crate::{Real, Result, Tensor, module::Module};

/// Tensors of a container's modules, each name behind its module's: `0.weight`.
fn named<'a, T: Real>(
    children: Vec<(String, &'a dyn Module<T>)>,
    tensors: impl Fn(&'a dyn Module<T>) -> Vec<(String, &'a Tensor<T>)>,
) -> Vec<(String, &'a Tensor<T>)> {
    let inner = |(name, child): (String, &'a dyn Module<T>)| {
        tensors(child).into_iter().map(move |(tensor, value)| (format!("{name}.{tensor}"), value))
    };
    children.into_iter().flat_map(inner).collect()
}

/// The shape behind modules in a row, by one of the verbs that tell it; an error is put behind the name of its module.
fn shape_behind<T: Real>(
    modules: &[Box<dyn Module<T>>],
    input: &[usize],
    next: impl Fn(&dyn Module<T>, &[usize]) -> Result<Vec<usize>>,
    name: impl Fn(usize) -> String,
) -> Result<Vec<usize>> {
    modules.iter().enumerate().try_fold(input.to_vec(), |shape, (place, module)| {
        next(module.as_ref(), &shape).map_err(|error| error.within(name(place)))
    })
}
