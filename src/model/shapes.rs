//! The shapes of a layer's parameters and buffers, as its options say: counted before they are made, and held against those
//! that a network has, since its fields can be written to.

use super::{LayerDescription, describe};
use crate::module::Module;
use crate::tensor::shape_text;
use crate::{Error, Real, Result};

/// Names and shapes of the parameters, then of the buffers, in the layer's order; none for a container.
pub(super) fn shapes(layer: &LayerDescription) -> Vec<(&'static str, Vec<usize>)> {
    use LayerDescription as L;
    let affine = |weight: &[usize], bias: bool, outputs: &[usize]| {
        std::iter::once(("weight", weight.to_vec())).chain(bias.then(|| ("bias", outputs.to_vec()))).collect()
    };
    match layer {
        L::Linear(o) => affine(&[o.out_features, o.in_features], o.bias, &[o.out_features]),
        L::Conv2d(o) => {
            let inputs = o.in_channels / o.groups.max(1);
            affine(&[o.out_channels, inputs, o.kernel_size.h, o.kernel_size.w], o.bias, &[o.out_channels])
        }
        L::ConvTranspose2d(o) => {
            let outputs = o.out_channels / o.groups.max(1);
            affine(&[o.in_channels, outputs, o.kernel_size.h, o.kernel_size.w], o.bias, &[o.out_channels])
        }
        L::PRelu(o) => affine(&[o.num_parameters], false, &[]),
        L::BatchNorm1d(o) | L::BatchNorm2d(o) => {
            let features = vec![o.num_features];
            let mut all = if o.affine { affine(&features, true, &features) } else { Vec::new() };
            all.extend([
                ("running_mean", features.clone()),
                ("running_var", features),
                ("num_batches_tracked", vec![]),
            ]);
            all
        }
        L::LayerNorm(o) if o.elementwise_affine => affine(&o.normalized_shape, true, &o.normalized_shape),
        L::GroupNorm(o) if o.affine => affine(&[o.num_channels], true, &[o.num_channels]),
        _ => Vec::new(),
    }
}

/// Whether the parameters and buffers of every layer have the shapes that its options say, and all lie in row-major order.
///
/// # Errors
/// [`Error::Option`] with the layer's place, the tensor, its shape and the one that it should have.
pub(crate) fn check_shapes<T: Real>(module: &dyn Module<T>) -> Result<()> {
    let children = module.children();
    if !children.is_empty() {
        let check = |(name, child): (String, &dyn Module<T>)| {
            check_shapes(child).map_err(|error| error.within(format!("layer {name}")))
        };
        return children.into_iter().try_for_each(check);
    }
    let held: Vec<_> = module.parameters().into_iter().chain(module.buffers()).collect();
    if let Some((name, value)) = held.iter().find(|(_, value)| !value.is_standard_layout()) {
        let found = format!("one of shape {} whose axes were turned", shape_text(value.shape()));
        return Err(Error::option(format!("{module}: {name}"), "in row-major order (`tensor::dense`)", found));
    }
    // What another crate's layer holds is its own affair.
    let Some(layer) = describe(module) else { return Ok(()) };
    let wanted = shapes(&layer);
    let text =
        |shape: Option<&[usize]>| shape.map_or("none".to_string(), |shape| format!("of shape {}", shape_text(shape)));
    for place in 0..wanted.len().max(held.len()) {
        let (want, have) = (wanted.get(place), held.get(place));
        let same = want.is_some_and(|(name, shape)| have.is_some_and(|(own, v)| own == name && v.shape() == shape));
        if same {
            continue;
        }
        // A tensor that is missing moves the names of those behind it.
        let name = want.map_or_else(|| have.map_or("", |(name, _)| name.as_str()), |(name, _)| name);
        let shape = held.iter().find(|(own, _)| own == name).map(|(_, value)| value.shape());
        return Err(Error::option(
            format!("{module}: {name}"),
            text(want.map(|(_, shape)| shape.as_slice())),
            text(shape),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Inputs, Target};
    use crate::layers::{BatchNorm1d, Conv2d, Linear};
    use crate::loss::MseLoss;
    use crate::optim::Sgd;
    use crate::train::{Engine, Trainer, predict};
    use crate::{Residual, Sequential, Tensor, tensor, zeros};

    /// Fields can be written to: each of these computed something silently or ended in a panic.
    #[test]
    fn a_tensor_of_another_shape_than_the_options_say_is_named() {
        let with = |weight: &[usize], bias: Option<Tensor<f32>>| {
            let mut layer = Linear::<f32>::new(2, 4);
            (layer.weight, layer.bias) = (zeros(weight), bias);
            layer
        };
        let (good, mut turned) = (|| Some(zeros(&[4])), with(&[2, 4], Some(zeros(&[4]))));
        turned.weight = turned.weight.reversed_axes();
        let (mut images, mut norm) = (Conv2d::new(1, 2, 2), BatchNorm1d::new(4));
        (images.weight, norm.running_mean) = (zeros(&[2, 3, 2, 2]), zeros(&[3]));
        type Case = (Box<dyn Module<f32>>, &'static [usize], &'static str);
        let cases: [Case; 7] = [
            (Box::new(with(&[2, 4], good())), &[2], "weight must be of shape (4, 2), got of shape (2, 4)"),
            (Box::new(with(&[4, 2], Some(zeros(&[3])))), &[2], "bias must be of shape (4,), got of shape (3,)"),
            (Box::new(with(&[4, 2], Some(zeros(&[1])))), &[2], "bias must be of shape (4,), got of shape (1,)"),
            (Box::new(with(&[4, 2], None)), &[2], "bias must be of shape (4,), got none"),
            (Box::new(turned), &[2], "weight must be in row-major order"),
            (Box::new(images), &[1, 3, 3], "weight must be of shape (2, 1, 2, 2), got of shape (2, 3, 2, 2)"),
            (Box::new(norm), &[4], "running_mean must be of shape (4,), got of shape (3,)"),
        ];
        for (layer, sample, wanted) in cases {
            let wanted = format!("layer 0: {layer}: {wanted}");
            let mut network = Sequential::from(vec![layer]);
            let x = zeros(&[&[6], sample].concat());
            let y = Target::Values(zeros(&network.output_shape(x.shape()).unwrap()));
            let data = Dataset::new("zeros", Inputs::Real(x), y, 0).unwrap();
            let fit = Trainer::new(Sgd::new(0.1).unwrap()).fit(&mut network, &MseLoss::new(), &data).unwrap_err();
            let predicted = predict(&network, &data.inputs, &mut Engine::new(1)).unwrap_err();
            for error in [fit.to_string(), predicted.to_string()] {
                assert!(error.starts_with(&wanted), "{error}");
            }
        }
    }

    #[test]
    fn a_tensor_that_should_not_be_there_is_named_with_its_place() {
        let mut layer = Linear::<f32>::new(2, 2).without_bias();
        layer.bias = Some(tensor(&[2], vec![1.0, 2.0]));
        let network = Sequential::new().push(Residual::new(Sequential::new().push(Linear::new(2, 2)).push(layer)));
        let wanted = "layer 0: layer 1: Linear(2, 2).without_bias(): bias must be none, got of shape (2,)";
        assert_eq!(check_shapes(&network).unwrap_err().to_string(), wanted);
    }
}
