//! What each operator is as a layer.

use super::reader::Node;
use super::windows;
use crate::format::{set_state, shapes, state};
use crate::layers::{
    Approximation, BatchNormOptions, DropoutOptions, Elu, Flatten, Gelu, GlobalAvgPool2d, GroupNormOptions, Hardswish,
    LayerNormOptions, LeakyRelu, LinearOptions, LogSoftmax, PReluOptions, Relu, ReshapeOptions, Selu, Sigmoid, Silu,
    Softmax, Softplus, Tanh, UpsampleOptions, Upsampling, ZeroPad2dOptions,
};
use crate::model::LayerDescription as Of;
use crate::{Module, Result, Tensor, tensor, zeros};

/// A layer with given parameters and buffers.
pub(super) fn layer(node: &Node<'_>, description: &Of, tensors: Vec<Tensor<f32>>) -> Result<Box<dyn Module<f32>>> {
    let mut module = description.build::<f32>().map_err(|error| node.refuse(error))?;
    let wanted = shapes(&state(&*module));
    for ((name, wanted), found) in wanted.iter().zip(&tensors) {
        if wanted != found.shape() {
            let found = found.shape();
            return Err(node.refuse(format_args!("its {name} wants the shape {wanted:?}, got {found:?}")));
        }
    }
    set_state(&mut *module, tensors);
    Ok(module)
}

/// The layers, one or two, that do a node's work.
pub(super) fn modules(node: &Node<'_>, shape: &[usize]) -> Result<Vec<Box<dyn Module<f32>>>> {
    let plain = |description: Of| -> Result<Vec<Box<dyn Module<f32>>>> {
        node.takes(&[])?;
        Ok(vec![layer(node, &description, Vec::new())?])
    };
    let with = |description: Of, tensors| -> Result<Vec<Box<dyn Module<f32>>>> {
        Ok(vec![layer(node, &description, tensors)?])
    };
    match node.proto.op_type() {
        "Tanh" => plain(Of::Tanh(Tanh)),
        "Sigmoid" => plain(Of::Sigmoid(Sigmoid)),
        "Relu" => plain(Of::Relu(Relu)),
        "HardSwish" => plain(Of::Hardswish(Hardswish)),
        "Softplus" => plain(Of::Softplus(Softplus::default())),
        "GlobalAveragePool" => plain(Of::GlobalAvgPool2d(GlobalAvgPool2d)),
        "LeakyRelu" => {
            node.takes(&["alpha"])?;
            with(Of::LeakyRelu(LeakyRelu { negative_slope: node.float("alpha", 0.01)? }), Vec::new())
        }
        "Elu" => {
            node.takes(&["alpha"])?;
            with(Of::Elu(Elu { alpha: node.float("alpha", 1.0)? }), Vec::new())
        }
        "Selu" => {
            node.takes(&["alpha", "gamma"])?;
            let near = |name, own: f64| Ok((node.float(name, own)? as f32 - own as f32).abs() < 1e-6);
            if !(near("alpha", Selu::ALPHA)? && near("gamma", Selu::LAMBDA)?) {
                return Err(node.refuse("only the usual alpha and gamma are supported"));
            }
            with(Of::Selu(Selu), Vec::new())
        }
        "Gelu" => {
            node.takes(&["approximate"])?;
            let approximate = match node.text("approximate", "none")? {
                "none" => Approximation::None,
                "tanh" => Approximation::Tanh,
                other => return Err(node.refuse(format_args!("its attribute approximate = {other:?} is not known"))),
            };
            with(Of::Gelu(Gelu { approximate }), Vec::new())
        }
        "Swish" => {
            node.takes(&["alpha"])?;
            node.must_be("alpha", node.float("alpha", 1.0)?, 1.0)?;
            with(Of::Silu(Silu), Vec::new())
        }
        "PRelu" => {
            node.takes(&[])?;
            let slope = node.numbers(1)?;
            let channels = [&shape[1..2], &vec![1; shape.len() - 2]].concat();
            if slope.len() != 1 && slope.shape() != channels {
                let found = slope.shape();
                return Err(node.refuse(format_args!("its slopes want the shape {channels:?}, got {found:?}")));
            }
            let options = PReluOptions { num_parameters: slope.len(), ..PReluOptions::default() };
            with(Of::PRelu(options), vec![tensor(&[slope.len()], slope.iter().copied().collect())])
        }
        "Softmax" | "LogSoftmax" => {
            node.takes(&["axis"])?;
            let axis = node.int("axis", -1)?;
            let axes = shape.len() as i64;
            if !(1 - axes..axes).contains(&axis) || axis == 0 {
                return Err(node.refuse(format_args!("its axis {axis} is none of a sample's")));
            }
            let dim = axis as isize;
            match node.proto.op_type() {
                "Softmax" => with(Of::Softmax(Softmax { dim }), Vec::new()),
                _ => with(Of::LogSoftmax(LogSoftmax { dim }), Vec::new()),
            }
        }
        "Gemm" => {
            node.takes(&["alpha", "beta", "transA", "transB"])?;
            node.must_be("alpha", node.float("alpha", 1.0)?, 1.0)?;
            node.must_be("beta", node.float("beta", 1.0)?, 1.0)?;
            node.must_be("transA", node.int("transA", 0)?, 0)?;
            linear(node, node.int("transB", 0)? != 0, node.maybe_numbers(2)?)
        }
        "MatMul" => {
            node.takes(&[])?;
            linear(node, false, None)
        }
        "Flatten" => {
            node.takes(&["axis"])?;
            let axis = node.int("axis", 1)?;
            if axis != 1 && axis != 1 - shape.len() as i64 {
                return Err(node.refuse(format_args!("its axis {axis} mixes the samples of a batch; 1 does not")));
            }
            with(Of::Flatten(Flatten::new()), Vec::new())
        }
        "Reshape" => reshape(node, shape),
        "Dropout" => {
            node.takes(&["seed"])?;
            if node.input(2).is_some() {
                return Err(node.refuse("its input training_mode is not supported"));
            }
            let p = node.maybe_numbers(1)?.map_or(0.5, |ratio| ratio.iter().next().copied().unwrap_or(0.5));
            // As it was written before it became an f32.
            let p = (p as f32).to_string().parse().unwrap_or(p);
            with(Of::Dropout(DropoutOptions { p }), Vec::new())
        }
        "BatchNormalization" => batch_norm(node, shape),
        "LayerNormalization" => layer_norm(node, shape),
        "GroupNormalization" => {
            node.takes(&["epsilon", "num_groups", "stash_type"])?;
            let num_groups = usize::try_from(node.int("num_groups", 0)?).unwrap_or(0);
            let scale = node.numbers(1)?;
            let (num_channels, eps) = (channels(node, shape, &scale)?, node.float("epsilon", 1e-5)?);
            let options = GroupNormOptions { num_groups, num_channels, eps, affine: true };
            with(Of::GroupNorm(options), vec![scale, node.numbers(2)?])
        }
        "ReduceMean" => {
            node.takes(&["axes", "keepdims", "noop_with_empty_axes"])?;
            node.must_be("keepdims", node.int("keepdims", 1)?, 1)?;
            let axes = match node.maybe_integers(1)? {
                Some(axes) => axes,
                None => node.integers("axes")?,
            };
            match (axes.as_slice(), shape.len()) {
                ([2, 3] | [-2, -1] | [-1, -2], 4) => with(Of::GlobalAvgPool2d(GlobalAvgPool2d), Vec::new()),
                // Without axes it is the mean over all of them, the batch's too.
                _ => Err(node.refuse(format_args!(
                    "only a mean over the axes 2 and 3 of images is supported, got the axes {:?} of {} in all",
                    &axes[..axes.len().min(8)],
                    shape.len()
                ))),
            }
        }
        "Resize" => resize(node, shape),
        "Pad" => {
            node.takes(&["mode"])?;
            node.must_be("mode", node.text("mode", "constant")?, "constant")?;
            let value = node.maybe_numbers::<f32>(2)?.map_or(0.0, |value| value.iter().copied().sum());
            match (node.maybe_integers(1)?.as_deref(), node.input(3)) {
                (Some(&[0, 0, top, left, 0, 0, bottom, right]), None) if value == 0.0 => {
                    let padding = [left, right, top, bottom].map(|zeros| usize::try_from(zeros).unwrap_or(usize::MAX));
                    with(Of::ZeroPad2d(ZeroPad2dOptions { padding }), Vec::new())
                }
                _ => Err(node.refuse("only zeros around images are supported")),
            }
        }
        "Conv" => windows::conv(node, shape),
        "ConvTranspose" => windows::conv_transpose(node, shape),
        "MaxPool" => windows::max_pool(node, shape),
        "AveragePool" => windows::avg_pool(node, shape),
        _ => Err(node.refuse("no layer does this operator")),
    }
}

fn linear(node: &Node<'_>, transposed: bool, bias: Option<Tensor<f32>>) -> Result<Vec<Box<dyn Module<f32>>>> {
    let weight = node.numbers(1)?;
    if weight.ndim() != 2 {
        return Err(node.refuse(format_args!("its matrix wants 2 axes, got {:?}", weight.shape())));
    }
    let weight = if transposed { weight } else { crate::tensor::dense(&weight.t().to_owned().into_shared()) };
    let (out_features, in_features) = (weight.shape()[0], weight.shape()[1]);
    let bias = match bias {
        // One number, or a row of them, meets every sample.
        Some(bias) if bias.len() == 1 => Some(Tensor::from_elem(vec![out_features], bias.iter().copied().sum())),
        Some(bias) if bias.len() == out_features && bias.shape().last() == Some(&out_features) => {
            Some(tensor(&[out_features], bias.iter().copied().collect()))
        }
        Some(bias) => {
            let found = bias.shape();
            return Err(node.refuse(format_args!("its bias wants the shape [{out_features}], got {found:?}")));
        }
        None => None,
    };
    let options = LinearOptions { in_features, out_features, bias: bias.is_some() };
    let tensors = std::iter::once(weight).chain(bias).collect();
    Ok(vec![layer(node, &Of::Linear(options), tensors)?])
}

fn reshape(node: &Node<'_>, shape: &[usize]) -> Result<Vec<Box<dyn Module<f32>>>> {
    node.takes(&["allowzero"])?;
    node.must_be("allowzero", node.int("allowzero", 0)?, 0)?;
    let wanted = node.maybe_integers(1)?.unwrap_or_default();
    let refused = || node.refuse(format_args!("its shape {wanted:?} does not leave the samples of a batch apart"));
    let [first, rest @ ..] = wanted.as_slice() else { return Err(refused()) };
    let size = |(axis, &size): (usize, &i64)| {
        if size == 0 { shape.get(axis + 1).copied().map_or(0, |size| size as isize) } else { size as isize }
    };
    let sizes: Vec<isize> = rest.iter().enumerate().map(size).collect();
    // Of the batch only as much is known as that a sample fills the rest.
    let count: usize = shape[1..].iter().product();
    let filled = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(usize::try_from(size).ok()?));
    let description = match sizes.as_slice() {
        _ if *first < -1 || (*first != 0 && filled != Some(count)) => return Err(refused()),
        [_] => Of::Flatten(Flatten::new()),
        _ => Of::Reshape(ReshapeOptions { shape: sizes }),
    };
    if rest.len() == 1 && filled.is_some_and(|filled| filled != count) {
        return Err(refused());
    }
    Ok(vec![layer(node, &description, Vec::new())?])
}

/// The channels, for each of which there is a scale: a size that a file only declares would make up that of the layer.
fn channels(node: &Node<'_>, shape: &[usize], scale: &Tensor<f32>) -> Result<usize> {
    let (channels, scales) = (shape[1], scale.len());
    if channels != scales {
        return Err(node.refuse(format_args!("its scale wants {channels} numbers, one a channel, got {scales}")));
    }
    Ok(channels)
}

fn batch_norm(node: &Node<'_>, shape: &[usize]) -> Result<Vec<Box<dyn Module<f32>>>> {
    node.takes(&["epsilon", "momentum", "training_mode"])?;
    node.must_be("training_mode", node.int("training_mode", 0)?, 0)?;
    // The operator's is the weight of the old average.
    let momentum = 1.0 - node.float("momentum", 0.9)?;
    let tensors = [1, 2, 3, 4].map(|place| node.numbers(place));
    let tensors = tensors.into_iter().chain([Ok(zeros(&[]))]).collect::<Result<Vec<_>>>()?;
    let options = BatchNormOptions {
        eps: node.float("epsilon", 1e-5)?,
        momentum: Some((momentum * 1e7).round() / 1e7),
        ..BatchNormOptions::new(channels(node, shape, &tensors[0])?)
    };
    let description = if shape.len() == 4 { Of::BatchNorm2d(options) } else { Of::BatchNorm1d(options) };
    Ok(vec![layer(node, &description, tensors)?])
}

fn layer_norm(node: &Node<'_>, shape: &[usize]) -> Result<Vec<Box<dyn Module<f32>>>> {
    node.takes(&["axis", "epsilon", "stash_type"])?;
    let weight = node.numbers(1)?;
    let axis = node.int("axis", -1)?;
    let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
    let normalized = usize::try_from(axis).ok().filter(|&axis| axis > 0).and_then(|axis| shape.get(axis..));
    let Some(normalized) = normalized.filter(|normalized| *normalized == weight.shape()) else {
        let found = weight.shape();
        return Err(
            node.refuse(format_args!("its scale must have the shape of the axes from {axis} on, got {found:?}"))
        );
    };
    let bias = node.maybe_numbers(2)?.unwrap_or_else(|| zeros(normalized));
    let eps = node.float("epsilon", 1e-5)?;
    let options = LayerNormOptions { normalized_shape: normalized.to_vec(), eps, elementwise_affine: true };
    Ok(vec![layer(node, &Of::LayerNorm(options), vec![weight, bias])?])
}

fn resize(node: &Node<'_>, shape: &[usize]) -> Result<Vec<Box<dyn Module<f32>>>> {
    // The options for cubic curves may be there, and say nothing for the other modes.
    node.takes(&["mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a"])?;
    let places = node.text("coordinate_transformation_mode", "half_pixel")?;
    let mode = match (node.text("mode", "nearest")?, places, node.text("nearest_mode", "round_prefer_floor")?) {
        ("nearest", "asymmetric", "floor") => Upsampling::Nearest,
        ("linear", "half_pixel" | "pytorch_half_pixel", _) => Upsampling::Bilinear,
        (mode, places, nearest) => {
            return Err(node.refuse(format_args!("mode {mode} with {places} and {nearest} is not supported")));
        }
    };
    let &[_, _, h, w] = shape else { return Err(node.refuse("only images can be resized")) };
    let factors = match (node.maybe_numbers::<f32>(2)?, node.maybe_integers(3)?) {
        (Some(factors), None) => factors.iter().map(|&factor| f64::from(factor)).collect(),
        (None, Some(sizes)) => {
            let now = [1, shape[1], h, w];
            // The batch's size is whatever it is.
            sizes
                .iter()
                .zip(now)
                .enumerate()
                .map(|(axis, (&size, now))| if axis == 0 { 1.0 } else { size as f64 / now as f64 })
                .collect()
        }
        _ => Vec::new(),
    };
    let whole = |factor: f64| factor >= 1.0 && factor.fract() == 0.0 && factor <= 1024.0;
    match factors.as_slice() {
        &[n, c, h, w] if n == 1.0 && c == 1.0 && whole(h) && whole(w) => {
            let scale_factor = [h as usize, w as usize].into();
            Ok(vec![layer(node, &Of::Upsample(UpsampleOptions { scale_factor, mode }), Vec::new())?])
        }
        _ => {
            Err(node.refuse(format_args!("its factors must be whole, and 1 for samples and channels, got {factors:?}")))
        }
    }
}
