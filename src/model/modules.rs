//! From descriptions to modules, and back.

use super::LayerDescription as Described;
use super::{Halves, LayerDescription, Layers, numbers};
use crate::layers::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Dropout2d, Elu, Flatten,
    Gelu, GlobalAvgPool2d, GroupNorm, Hardswish, LayerNorm, LeakyRelu, Linear, LogSoftmax, MaxPool2d, PRelu, Relu,
    Reshape, Selu, Sigmoid, Silu, Softmax, Softplus, Tanh, Upsample, ZeroPad2d,
};
use crate::{AutoEncoder, Module, Real, Residual, Result, Sequential};
use std::any::Any;

impl LayerDescription {
    /// The module, with the start values of seed 0; [`Module::reset_parameters`] draws others.
    ///
    /// # Errors
    /// [`crate::Error::Option`] when an option is out of range, with the layer's place in its chain, or when there are more
    /// [`numbers`] than a network may hold; no memory has been taken for them then.
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
        numbers(std::slice::from_ref(self))?;
        T::module(self)
    }

    pub(crate) fn build_here<T: Real>(&self) -> Result<Box<dyn Module<T>>> {
        Ok(match self.clone() {
            Self::Linear(options) => Box::new(Linear::with_options(options)?),
            Self::Conv2d(options) => Box::new(Conv2d::with_options(options)?),
            Self::ConvTranspose2d(options) => Box::new(ConvTranspose2d::with_options(options)?),
            Self::MaxPool2d(options) => Box::new(MaxPool2d::with_options(options)?),
            Self::AvgPool2d(options) => Box::new(AvgPool2d::with_options(options)?),
            Self::AdaptiveAvgPool2d(options) => Box::new(AdaptiveAvgPool2d::with_options(options)?),
            Self::GlobalAvgPool2d(layer) => Box::new(layer),
            Self::Upsample(options) => Box::new(Upsample::with_options(options)?),
            Self::ZeroPad2d(options) => Box::new(ZeroPad2d::with_options(options)?),
            Self::Flatten(layer) => Box::new(layer),
            Self::Reshape(options) => Box::new(Reshape::with_options(options)?),
            Self::Tanh(layer) => Box::new(layer),
            Self::Sigmoid(layer) => Box::new(layer),
            Self::Relu(layer) => Box::new(layer),
            Self::LeakyRelu(layer) => Box::new(layer),
            Self::PRelu(options) => Box::new(PRelu::with_options(options)?),
            Self::Elu(layer) => Box::new(layer),
            Self::Selu(layer) => Box::new(layer),
            Self::Gelu(layer) => Box::new(layer),
            Self::Silu(layer) => Box::new(layer),
            Self::Softplus(layer) => Box::new(layer),
            Self::Hardswish(layer) => Box::new(layer),
            Self::Softmax(layer) => Box::new(layer),
            Self::LogSoftmax(layer) => Box::new(layer),
            Self::BatchNorm1d(options) => Box::new(BatchNorm1d::with_options(options)?),
            Self::BatchNorm2d(options) => Box::new(BatchNorm2d::with_options(options)?),
            Self::LayerNorm(options) => Box::new(LayerNorm::with_options(options)?),
            Self::GroupNorm(options) => Box::new(GroupNorm::with_options(options)?),
            Self::Dropout(options) => Box::new(Dropout::with_options(options)?),
            Self::Dropout2d(options) => Box::new(Dropout2d::with_options(options)?),
            Self::Sequential(chain) => Box::new(build_chain(&chain.layers)?),
            Self::Residual(chain) => Box::new(Residual::new(build_chain(&chain.layers)?)),
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
    numbers(layers)?;
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
    of(any, |layer: &Linear<T>| Described::Linear(layer.options.clone()))
        .or_else(|| of(any, |layer: &Conv2d<T>| Described::Conv2d(layer.options.clone())))
        .or_else(|| of(any, |layer: &ConvTranspose2d<T>| Described::ConvTranspose2d(layer.options.clone())))
        .or_else(|| of(any, |layer: &MaxPool2d| Described::MaxPool2d(layer.options.clone())))
        .or_else(|| of(any, |layer: &AvgPool2d| Described::AvgPool2d(layer.options.clone())))
        .or_else(|| of(any, |layer: &AdaptiveAvgPool2d| Described::AdaptiveAvgPool2d(layer.options.clone())))
        .or_else(|| of(any, |&layer: &GlobalAvgPool2d| Described::GlobalAvgPool2d(layer)))
        .or_else(|| of(any, |layer: &Upsample| Described::Upsample(layer.options.clone())))
        .or_else(|| of(any, |layer: &ZeroPad2d| Described::ZeroPad2d(layer.options.clone())))
        .or_else(|| of(any, |&layer: &Flatten| Described::Flatten(layer)))
        .or_else(|| of(any, |layer: &Reshape| Described::Reshape(layer.options.clone())))
        .or_else(|| of(any, |&layer: &Tanh| Described::Tanh(layer)))
        .or_else(|| of(any, |&layer: &Sigmoid| Described::Sigmoid(layer)))
        .or_else(|| of(any, |&layer: &Relu| Described::Relu(layer)))
        .or_else(|| of(any, |&layer: &LeakyRelu| Described::LeakyRelu(layer)))
        .or_else(|| of(any, |layer: &PRelu<T>| Described::PRelu(layer.options.clone())))
        .or_else(|| of(any, |&layer: &Elu| Described::Elu(layer)))
        .or_else(|| of(any, |&layer: &Selu| Described::Selu(layer)))
        .or_else(|| of(any, |&layer: &Gelu| Described::Gelu(layer)))
        .or_else(|| of(any, |&layer: &Silu| Described::Silu(layer)))
        .or_else(|| of(any, |&layer: &Softplus| Described::Softplus(layer)))
        .or_else(|| of(any, |&layer: &Hardswish| Described::Hardswish(layer)))
        .or_else(|| of(any, |&layer: &Softmax| Described::Softmax(layer)))
        .or_else(|| of(any, |&layer: &LogSoftmax| Described::LogSoftmax(layer)))
        .or_else(|| of(any, |layer: &BatchNorm1d<T>| Described::BatchNorm1d(layer.options.clone())))
        .or_else(|| of(any, |layer: &BatchNorm2d<T>| Described::BatchNorm2d(layer.options.clone())))
        .or_else(|| of(any, |layer: &LayerNorm<T>| Described::LayerNorm(layer.options.clone())))
        .or_else(|| of(any, |layer: &GroupNorm<T>| Described::GroupNorm(layer.options.clone())))
        .or_else(|| of(any, |layer: &Dropout| Described::Dropout(layer.options.clone())))
        .or_else(|| of(any, |layer: &Dropout2d| Described::Dropout2d(layer.options.clone())))
        .or_else(|| describe_container(module))
}

/// The description of a layer, when it is of the type that `description` takes.
fn of<L: Any>(layer: &dyn Any, description: impl FnOnce(&L) -> LayerDescription) -> Option<LayerDescription> {
    layer.downcast_ref().map(description)
}

fn describe_container<T: Real>(module: &dyn Module<T>) -> Option<LayerDescription> {
    let any: &dyn Any = module;
    if any.is::<Sequential<T>>() {
        Some(Described::Sequential(Layers { layers: describe_chain(module)? }))
    } else if any.is::<Residual<T>>() {
        Some(Described::Residual(Layers { layers: describe_chain(module)? }))
    } else if any.is::<AutoEncoder<T>>() {
        let halves = module.children();
        let half = |place: usize| describe_chain(halves.get(place)?.1);
        Some(Described::AutoEncoder(Halves { encoder: half(0)?, decoder: half(1)? }))
    } else {
        None
    }
}

fn describe_chain<T: Real>(chain: &dyn Module<T>) -> Option<Vec<LayerDescription>> {
    chain.children().into_iter().map(|(_, child)| describe(child)).collect()
}
