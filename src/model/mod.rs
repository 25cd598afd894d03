//! A model as data: the one table of layers, from which modules are built and to which they are described.
//!
//! The same description is a model file's list of layers, a checkpoint's header and the root of the summary. Names and
//! options are PyTorch's. In TOML a layer is one table:
//!
//! ```toml
//! [[layers]]
//! type = "Linear"
//! in_features = 784
//! out_features = 10
//! ```

mod flops;
mod summary;

pub use flops::{Flops, flops};
pub use summary::{Row, Summary, summary};

use crate::layers::{
    AvgPool2d, AvgPool2dOptions, Conv2d, Conv2dOptions, Flatten, LeakyRelu, Linear, LinearOptions, LogSoftmax,
    MaxPool2d, MaxPool2dOptions, Relu, Sigmoid, Softmax, Tanh,
};
use crate::{AutoEncoder, Module, Real, Result, Sequential};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::any::Any;

/// One layer or container with its options; the field `type` names which.
///
/// A new layer gets a line in this enum, one in [`TYPES`], one in [`LayerDescription::build`] and one in [`describe`];
/// the compiler and the tests ask for those that are missing.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
// `remote` makes serde's code a pair of functions, so that `Deserialize` below can add the nearest name to an error.
#[serde(tag = "type", remote = "Self")]
pub enum LayerDescription {
    /// [`Linear`].
    Linear(LinearOptions),
    /// [`Conv2d`].
    Conv2d(Conv2dOptions),
    /// [`MaxPool2d`].
    MaxPool2d(MaxPool2dOptions),
    /// [`AvgPool2d`].
    AvgPool2d(AvgPool2dOptions),
    /// [`Flatten`].
    Flatten(Flatten),
    /// [`Tanh`].
    Tanh(Tanh),
    /// [`Sigmoid`].
    Sigmoid(Sigmoid),
    /// [`Relu`].
    #[serde(rename = "ReLU")]
    Relu(Relu),
    /// [`LeakyRelu`].
    #[serde(rename = "LeakyReLU")]
    LeakyRelu(LeakyRelu),
    /// [`Softmax`].
    Softmax(Softmax),
    /// [`LogSoftmax`].
    LogSoftmax(LogSoftmax),
    /// [`Sequential`].
    Sequential(Layers),
    /// [`AutoEncoder`].
    AutoEncoder(Halves),
}

/// The names that the field `type` can take.
pub const TYPES: [&str; 13] = [
    "Linear",
    "Conv2d",
    "MaxPool2d",
    "AvgPool2d",
    "Flatten",
    "Tanh",
    "Sigmoid",
    "ReLU",
    "LeakyReLU",
    "Softmax",
    "LogSoftmax",
    "Sequential",
    "AutoEncoder",
];

/// The modules of a [`Sequential`], in order.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layers {
    /// From the input's side to the output's.
    pub layers: Vec<LayerDescription>,
}

/// The two chains of an [`AutoEncoder`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halves {
    /// From the input to the code.
    pub encoder: Vec<LayerDescription>,
    /// From the code back.
    pub decoder: Vec<LayerDescription>,
}

impl LayerDescription {
    /// The module, with the start values of seed 0; [`Module::reset_parameters`] draws others.
    ///
    /// # Errors
    /// [`crate::Error::Option`] when an option is out of range, with the layer's place in its chain.
    ///
    /// ```
    /// use limpide::{Module, model::LayerDescription};
    /// let text = r#"{"type": "Sequential", "layers": [
    ///     {"type": "Linear", "in_features": 784, "out_features": 10}, {"type": "Softmax", "dim": 1}]}"#;
    /// let description: LayerDescription = serde_json::from_str(text)?;
    /// let module = description.build::<f32>()?;
    /// assert_eq!(module.to_string(), "Sequential(Linear(784, 10), Softmax(1))");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build<T: Real>(&self) -> Result<Box<dyn Module<T>>> {
        Ok(match self.clone() {
            Self::Linear(options) => Box::new(Linear::with_options(options)?),
            Self::Conv2d(options) => Box::new(Conv2d::with_options(options)?),
            Self::MaxPool2d(options) => Box::new(MaxPool2d::with_options(options)?),
            Self::AvgPool2d(options) => Box::new(AvgPool2d::with_options(options)?),
            Self::Flatten(layer) => Box::new(layer),
            Self::Tanh(layer) => Box::new(layer),
            Self::Sigmoid(layer) => Box::new(layer),
            Self::Relu(layer) => Box::new(layer),
            Self::LeakyRelu(layer) => Box::new(layer),
            Self::Softmax(layer) => Box::new(layer),
            Self::LogSoftmax(layer) => Box::new(layer),
            Self::Sequential(chain) => Box::new(build_chain(&chain.layers)?),
            Self::AutoEncoder(halves) => Box::new(AutoEncoder::new(
                build_chain(&halves.encoder).map_err(|error| error.within("encoder"))?,
                build_chain(&halves.decoder).map_err(|error| error.within("decoder"))?,
            )),
        })
    }
}

/// A chain from the descriptions of its modules.
///
/// # Errors
/// Those of [`LayerDescription::build`], behind the place of the module: `layer 3: Linear: …`.
pub fn build_chain<T: Real>(layers: &[LayerDescription]) -> Result<Sequential<T>> {
    let build = |(place, layer): (usize, &LayerDescription)| {
        layer.build().map_err(|error| error.within(format!("layer {place}")))
    };
    Ok(Sequential::from(layers.iter().enumerate().map(build).collect::<Result<Vec<_>>>()?))
}

/// The description of a module, or nothing when it, or a module inside it, is not of this library.
///
/// Parameters are not part of it: what [`LayerDescription::build`] makes of it has the same shape and other numbers.
pub fn describe<T: Real>(module: &dyn Module<T>) -> Option<LayerDescription> {
    let any: &dyn Any = module;
    if let Some(layer) = any.downcast_ref::<Linear<T>>() {
        Some(LayerDescription::Linear(layer.options.clone()))
    } else if let Some(layer) = any.downcast_ref::<Conv2d<T>>() {
        Some(LayerDescription::Conv2d(layer.options.clone()))
    } else if let Some(layer) = any.downcast_ref::<MaxPool2d>() {
        Some(LayerDescription::MaxPool2d(layer.options.clone()))
    } else if let Some(layer) = any.downcast_ref::<AvgPool2d>() {
        Some(LayerDescription::AvgPool2d(layer.options.clone()))
    } else if let Some(&layer) = any.downcast_ref::<Flatten>() {
        Some(LayerDescription::Flatten(layer))
    } else if let Some(&layer) = any.downcast_ref::<Tanh>() {
        Some(LayerDescription::Tanh(layer))
    } else if let Some(&layer) = any.downcast_ref::<Sigmoid>() {
        Some(LayerDescription::Sigmoid(layer))
    } else if let Some(&layer) = any.downcast_ref::<Relu>() {
        Some(LayerDescription::Relu(layer))
    } else if let Some(&layer) = any.downcast_ref::<LeakyRelu>() {
        Some(LayerDescription::LeakyRelu(layer))
    } else if let Some(&layer) = any.downcast_ref::<Softmax>() {
        Some(LayerDescription::Softmax(layer))
    } else if let Some(&layer) = any.downcast_ref::<LogSoftmax>() {
        Some(LayerDescription::LogSoftmax(layer))
    } else if any.is::<Sequential<T>>() {
        Some(LayerDescription::Sequential(Layers { layers: describe_chain(module)? }))
    } else if any.is::<AutoEncoder<T>>() {
        let halves = module.children();
        let half = |place: usize| describe_chain(halves.get(place)?.1);
        Some(LayerDescription::AutoEncoder(Halves { encoder: half(0)?, decoder: half(1)? }))
    } else {
        None
    }
}

fn describe_chain<T: Real>(chain: &dyn Module<T>) -> Option<Vec<LayerDescription>> {
    chain.children().into_iter().map(|(_, child)| describe(child)).collect()
}

impl Serialize for LayerDescription {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        LayerDescription::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for LayerDescription {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        LayerDescription::deserialize(deserializer).map_err(|error| with_nearest(error, "layer type", &TYPES))
    }
}

/// An error about a field `type` that is not in the table of `names`, with the nearest of them; other errors as they are.
pub(crate) fn with_nearest<E: serde::de::Error>(error: E, what: &str, names: &[&str]) -> E {
    let text = error.to_string();
    match unknown_type(&text, names[0]) {
        Some(name) => E::custom(format!(
            "there is no {what} `{name}`; did you mean `{}`? The {what}s are {}",
            nearest(name, names),
            names.join(", ")
        )),
        None => error,
    }
}

/// The name in serde's message about a `type` that is not in a table.
fn unknown_type<'a>(message: &'a str, first: &str) -> Option<&'a str> {
    let (name, wanted) = message.strip_prefix("unknown variant `")?.split_once('`')?;
    // An option can be an enum too; only the table begins with this name.
    wanted.starts_with(&format!(", expected one of `{first}`")).then_some(name)
}

/// The candidate with the fewest edits to `name`, letter case aside.
///
/// Panics when there is no candidate.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> &'a str {
    let name = name.to_lowercase();
    candidates.iter().min_by_key(|candidate| edits(&name, &candidate.to_lowercase())).expect("at least one candidate")
}

/// How many letters must be inserted, removed or replaced between two words (Levenshtein's distance, row by row).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests;
