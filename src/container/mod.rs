//! Modules made of modules.

mod autoencoder;
mod sequential;

pub use autoencoder::AutoEncoder;
pub use sequential::Sequential;

use crate::{Real, Tensor, module::Module};

/// The parameters of a container's modules, each name behind its module's: `0.weight`.
fn named_parameters<'a, T: Real>(children: Vec<(String, &'a dyn Module<T>)>) -> Vec<(String, &'a Tensor<T>)> {
    let inner = |(name, child): (String, &'a dyn Module<T>)| {
        child.parameters().into_iter().map(move |(parameter, value)| (format!("{name}.{parameter}"), value))
    };
    children.into_iter().flat_map(inner).collect()
}
