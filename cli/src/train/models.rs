//! The networks that a run can ask for by name: those of the report, in the size of the data.

use crate::experiments::{autoencoder, classify};
use limpide::model::{LayerDescription, describe, nearest};
use limpide::{Error, Module, Result};

/// The names with what they are.
pub const NAMES: [(&str, &str); 3] = [
    ("report-dense", "pixels-128-10 with tanh"),
    ("report-cnn", "two convolutions with max-pooling"),
    ("report-autoencoder", "pixels-128-64-32 and back"),
];

/// The layers of a named network for samples of a shape.
///
/// # Errors
/// A name that is not in the table; samples that are no square images, flat or not.
pub fn layers(name: &str, sample: &[usize]) -> Result<Vec<LayerDescription>> {
    let pixels: usize = sample.iter().product();
    let side = pixels.isqrt();
    if side * side != pixels || side < 4 {
        let found = limpide::tensor::shape_text(sample);
        return Err(Error::option(format!("model {name}: samples"), "square images, 4 pixels wide or more", found));
    }
    let network: Box<dyn Module<f32>> = match name {
        "report-dense" => Box::new(classify::dense::<f32>(side)),
        "report-cnn" => Box::new(classify::cnn::<f32>(side)),
        "report-autoencoder" => Box::new(autoencoder::network::<f32>(pixels, 32)),
        _ => {
            let names = NAMES.map(|(name, _)| name);
            let close = nearest(name, &names).map_or(String::new(), |close| format!(" (did you mean {close}?)"));
            let wanted = format!("{}{close}", names.join(", "));
            return Err(Error::option("model", wanted, name));
        }
    };
    Ok(match describe(&*network).expect("layers of this library") {
        LayerDescription::Sequential(chain) => chain.layers,
        other => vec![other],
    })
}
