//! How many numbers a described network holds, counted before any memory is taken for them.

use super::LayerDescription;
use super::shapes::shapes;
use crate::{Error, Result};

/// The most numbers that a network may hold: 2³¹, 8 GiB in f32.
pub const MAX_NUMBERS: usize = 1 << 31;

/// The parameters and buffers of a chain of layers, counted from its options.
///
/// # Errors
/// [`Error::Option`] when there are more than [`MAX_NUMBERS`].
///
/// ```
/// use limpide::{layers::LinearOptions, model::{LayerDescription, numbers}};
/// let linear = LinearOptions { in_features: 784, out_features: 10, bias: true };
/// assert_eq!(numbers(&[LayerDescription::Linear(linear)])?, 7850);
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn numbers(layers: &[LayerDescription]) -> Result<usize> {
    let all = layers.iter().try_fold(0, |all: usize, layer| all.checked_add(of(layer)?));
    all.filter(|&all| all <= MAX_NUMBERS).ok_or_else(|| {
        let found = all.map_or("more than can be counted".to_string(), |all| all.to_string());
        Error::option("the parameters of the network", format!("at most {MAX_NUMBERS}"), found)
    })
}

/// The numbers of one layer; none when they cannot be counted.
fn of(layer: &LayerDescription) -> Option<usize> {
    use LayerDescription as L;
    match layer {
        L::Sequential(chain) | L::Residual(chain) => chain_of(&chain.layers),
        L::AutoEncoder(halves) => chain_of(&halves.encoder)?.checked_add(chain_of(&halves.decoder)?),
        leaf => shapes(leaf).iter().try_fold(0usize, |all, (_, shape)| {
            all.checked_add(shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size))?)
        }),
    }
}

fn chain_of(layers: &[LayerDescription]) -> Option<usize> {
    layers.iter().try_fold(0usize, |all, layer| all.checked_add(of(layer)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build_chain;
    use crate::module::Module;

    /// A layer of each kind that holds numbers: what is counted is what is there when it has been built.
    #[test]
    fn the_count_is_that_of_the_built_network() {
        let text = r#"[
            {"type": "Linear", "in_features": 5, "out_features": 3},
            {"type": "Linear", "in_features": 5, "out_features": 3, "bias": false},
            {"type": "Conv2d", "in_channels": 4, "out_channels": 6, "kernel_size": [2, 3], "groups": 2},
            {"type": "ConvTranspose2d", "in_channels": 4, "out_channels": 6, "kernel_size": [2, 3], "groups": 2},
            {"type": "PReLU", "num_parameters": 7},
            {"type": "LayerNorm", "normalized_shape": [2, 5]},
            {"type": "GroupNorm", "num_groups": 2, "num_channels": 6},
            {"type": "BatchNorm2d", "num_features": 6},
            {"type": "BatchNorm1d", "num_features": 6, "affine": false},
            {"type": "LayerNorm", "normalized_shape": [2, 5], "elementwise_affine": false},
            {"type": "GroupNorm", "num_groups": 2, "num_channels": 6, "affine": false},
            {"type": "ReLU"},
            {"type": "Residual", "layers": [{"type": "Linear", "in_features": 3, "out_features": 3}]},
            {"type": "AutoEncoder", "encoder": [{"type": "Linear", "in_features": 3, "out_features": 2}],
             "decoder": [{"type": "Linear", "in_features": 2, "out_features": 3}]}]"#;
        let layers: Vec<LayerDescription> = serde_json::from_str(text).unwrap();
        let network = build_chain::<f32>(&layers).unwrap();
        let all = network.parameters().into_iter().chain(network.buffers());
        let held: usize = all.map(|(_, value)| value.len()).sum();
        assert_eq!(numbers(&layers).unwrap(), held);
        let norms = 20 + 12 + (4 * 6 + 1) + (2 * 6 + 1);
        assert_eq!(held, 18 + 15 + (6 * 2 * 6 + 6) + (4 * 3 * 6 + 6) + 7 + norms + 12 + 8 + 9);
    }

    #[test]
    fn what_no_memory_holds_is_refused_before_it_is_built() {
        for size in ["3000000000", "9223372036854775807"] {
            let text = format!(r#"[{{"type": "Linear", "in_features": {size}, "out_features": {size}}}]"#);
            let layers: Vec<LayerDescription> = serde_json::from_str(&text).unwrap();
            let nested = [LayerDescription::Residual(crate::model::Layers { layers: layers.clone() })];
            for error in [
                numbers(&layers).unwrap_err(),
                build_chain::<f32>(&layers).unwrap_err(),
                layers[0].build::<f32>().unwrap_err(),
                nested[0].build::<f32>().unwrap_err(),
            ] {
                let error = error.to_string();
                assert!(error.starts_with("the parameters of the network must be at most 2147483648, got"), "{error}");
            }
        }
    }
}
