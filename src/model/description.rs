//! The one table of layers: their names and options.

use super::with_nearest;
use crate::layers::{
    AdaptiveAvgPool2dOptions, AvgPool2dOptions, BatchNormOptions, Conv2dOptions, ConvTranspose2dOptions,
    DropoutOptions, Elu, Flatten, Gelu, GlobalAvgPool2d, GroupNormOptions, Hardswish, LayerNormOptions, LeakyRelu,
    LinearOptions, LogSoftmax, MaxPool2dOptions, PReluOptions, Relu, ReshapeOptions, Selu, Sigmoid, Silu, Softmax,
    Softplus, Tanh, UpsampleOptions, ZeroPad2dOptions,
};
#[cfg(doc)]
use crate::{
    AutoEncoder, Residual, Sequential,
    layers::{
        AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Dropout2d, GroupNorm,
        LayerNorm, Linear, MaxPool2d, PRelu, Reshape, Upsample, ZeroPad2d,
    },
};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// One layer or container with its options; the field `type` names which.
///
/// A new layer gets a line in this enum, one in [`TYPES`], one in [`LayerDescription::build`] and one in [`describe`](super::describe);
/// the compiler and the tests ask for those that are missing.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
// `remote` makes serde's code a pair of functions, so that `Deserialize` below can add the nearest name to an error.
#[serde(tag = "type", remote = "Self")]
pub enum LayerDescription {
    /// [`Linear`].
    Linear(LinearOptions),
    /// [`Conv2d`].
    Conv2d(Conv2dOptions),
    /// [`ConvTranspose2d`].
    ConvTranspose2d(ConvTranspose2dOptions),
    /// [`MaxPool2d`].
    MaxPool2d(MaxPool2dOptions),
    /// [`AvgPool2d`].
    AvgPool2d(AvgPool2dOptions),
    /// [`AdaptiveAvgPool2d`].
    AdaptiveAvgPool2d(AdaptiveAvgPool2dOptions),
    /// [`GlobalAvgPool2d`].
    GlobalAvgPool2d(GlobalAvgPool2d),
    /// [`Upsample`].
    Upsample(UpsampleOptions),
    /// [`ZeroPad2d`].
    ZeroPad2d(ZeroPad2dOptions),
    /// [`Flatten`].
    Flatten(Flatten),
    /// [`Reshape`].
    Reshape(ReshapeOptions),
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
    /// [`PRelu`].
    #[serde(rename = "PReLU")]
    PRelu(PReluOptions),
    /// [`Elu`].
    #[serde(rename = "ELU")]
    Elu(Elu),
    /// [`Selu`].
    #[serde(rename = "SELU")]
    Selu(Selu),
    /// [`Gelu`].
    #[serde(rename = "GELU")]
    Gelu(Gelu),
    /// [`Silu`].
    #[serde(rename = "SiLU")]
    Silu(Silu),
    /// [`Softplus`].
    Softplus(Softplus),
    /// [`Hardswish`].
    Hardswish(Hardswish),
    /// [`Softmax`].
    Softmax(Softmax),
    /// [`LogSoftmax`].
    LogSoftmax(LogSoftmax),
    /// [`BatchNorm1d`].
    BatchNorm1d(BatchNormOptions),
    /// [`BatchNorm2d`].
    BatchNorm2d(BatchNormOptions),
    /// [`LayerNorm`].
    LayerNorm(LayerNormOptions),
    /// [`GroupNorm`].
    GroupNorm(GroupNormOptions),
    /// [`Dropout`].
    Dropout(DropoutOptions),
    /// [`Dropout2d`].
    Dropout2d(DropoutOptions),
    /// [`Sequential`].
    Sequential(Layers),
    /// [`Residual`].
    Residual(Layers),
    /// [`AutoEncoder`].
    AutoEncoder(Halves),
}

/// The names that the field `type` can take.
pub const TYPES: [&str; 33] = [
    "Linear",
    "Conv2d",
    "ConvTranspose2d",
    "MaxPool2d",
    "AvgPool2d",
    "AdaptiveAvgPool2d",
    "GlobalAvgPool2d",
    "Upsample",
    "ZeroPad2d",
    "Flatten",
    "Reshape",
    "Tanh",
    "Sigmoid",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "SELU",
    "GELU",
    "SiLU",
    "Softplus",
    "Hardswish",
    "Softmax",
    "LogSoftmax",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "GroupNorm",
    "Dropout",
    "Dropout2d",
    "Sequential",
    "Residual",
    "AutoEncoder",
];

/// The modules of a [`Sequential`] or [`Residual`], in order.
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

impl Serialize for LayerDescription {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        LayerDescription::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for LayerDescription {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Apart and of one type, so that it is compiled here and not again for every format that a caller reads.
fn read(value: Value) -> std::result::Result<LayerDescription, String> {
    LayerDescription::deserialize(value).map_err(|error| with_nearest(&error, "layer type", &TYPES))
}
