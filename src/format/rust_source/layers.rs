//! The steps of each layer.

use super::{Source, literal};
use crate::kernels::{Axis, Convolution, Windows, window_sizes};
use crate::layers::{
    Approximation, AvgPool2d, AvgPool2dOptions, BatchNormOptions, Conv2dOptions, ConvTranspose2dOptions,
    MaxPool2dOptions, Pair, Selu, Upsample,
};
use crate::model::{LayerDescription as Of, describe};
use crate::tensor::{axis_of, values};
use crate::{Error, Module, Result, Tensor};

/// Adds the step of a layer; shapes are those of a batch of one sample.
pub(super) fn add(
    source: &mut Source,
    place: &str,
    module: &dyn Module<f32>,
    input: &[usize],
    output: &[usize],
) -> Result<()> {
    let refused = |wanted: &str| Error::option(format!("Rust source: layer {place}"), wanted, module);
    let description = describe(module).ok_or_else(|| refused("a layer of this library"))?;
    let state: Vec<(String, &Tensor<f32>)> = crate::format::state(module);
    let find = |name: &str| state.iter().find(|(own, _)| own == name).map(|(_, tensor)| values(tensor).to_vec());
    let about = |tensor: &str| format!("{place}.{tensor}");
    // What a step is, as an expression of x.
    let each = |function: &str| format!("x.iter().map(|&x| runtime::{function}).collect()");
    let value = match &description {
        Of::Tanh(_) => each("tanh(x)"),
        Of::Sigmoid(_) => each("sigmoid(x)"),
        Of::Silu(_) => each("silu(x)"),
        Of::Relu(_) => each("relu(x)"),
        Of::Hardswish(_) => each("hardswish(x)"),
        Of::LeakyRelu(layer) => each(&format!("leaky_relu(x, {})", number(layer.negative_slope))),
        Of::Elu(layer) => each(&format!("elu(x, 1.0, {})", number(layer.alpha))),
        Of::Selu(_) => each(&format!("elu(x, {}, {})", number(Selu::LAMBDA), number(Selu::LAMBDA * Selu::ALPHA))),
        Of::Gelu(layer) => match layer.approximate {
            Approximation::None => each("gelu(x)"),
            Approximation::Tanh => each("gelu_tanh(x)"),
        },
        Of::Softplus(layer) => each(&format!("softplus(x, {}, {})", number(layer.beta), number(layer.threshold))),
        Of::PRelu(_) => {
            let slopes = find("weight").expect("a PRelu has slopes");
            let run = input[1..].iter().product::<usize>() / slopes.len();
            let slopes = source.array(&about("weight"), &slopes);
            format!("x.iter().enumerate().map(|(k, &x)| runtime::leaky_relu(x, {slopes}[k / {run}])).collect()")
        }
        Of::Softmax(layer) => format!("runtime::softmax(&x, {})", axis(layer.dim, input)),
        Of::LogSoftmax(layer) => format!("runtime::log_softmax(&x, {})", axis(layer.dim, input)),
        Of::Linear(options) => {
            let bias = find("bias").unwrap_or_else(|| vec![0.0; options.out_features]);
            let weight = source.array(&about("weight"), &find("weight").expect("a Linear has a weight"));
            format!("runtime::linear(&x, &{weight}, &{})", source.array(&about("bias"), &bias))
        }
        Of::Conv2d(options) => {
            let &Conv2dOptions { kernel_size: kernel, stride, padding, dilation, groups, .. } = options;
            let (inputs, out_channels) = (options.in_channels, options.out_channels);
            let bias = find("bias").unwrap_or_else(|| vec![0.0; out_channels]);
            let weight = source.array(&about("weight"), &find("weight").expect("a Conv2d has a weight"));
            let bias = source.array(&about("bias"), &bias);
            let windows = windows(input, output, kernel, stride, padding, dilation);
            let window = text(&windows);
            let channels_last = source.channels_last.contains(place);
            if !channels_last && (Convolution { windows, images: 1, inputs, outputs: out_channels, groups }).by_tiles()
            {
                format!("runtime::conv2d_by_tiles(&x, &{weight}, &{bias}, {window}, false)")
            } else {
                format!("runtime::conv2d(&x, &{weight}, &{bias}, {groups}, {window}, {channels_last})")
            }
        }
        Of::ConvTranspose2d(options) => {
            let &ConvTranspose2dOptions { kernel_size: kernel, stride, padding, dilation, groups, .. } = options;
            let (outputs, out_channels) = (options.in_channels, options.out_channels);
            let bias = find("bias").unwrap_or_else(|| vec![0.0; out_channels]);
            let weight = source.array(&about("weight"), &find("weight").expect("a ConvTranspose2d has a weight"));
            let bias = source.array(&about("bias"), &bias);
            // The window goes over the output.
            let windows = windows(output, input, kernel, stride, padding, dilation);
            let window = text(&windows);
            if (Convolution { windows, images: 1, inputs: out_channels, outputs, groups }).by_tiles() {
                format!("runtime::conv2d_by_tiles(&x, &{weight}, &{bias}, {window}, true)")
            } else {
                format!("runtime::conv_transpose2d(&x, &{weight}, &{bias}, {groups}, {window})")
            }
        }
        Of::MaxPool2d(options) => {
            let &MaxPool2dOptions { kernel_size: kernel, stride, padding, dilation, .. } = options;
            let window = text(&windows(input, output, kernel, stride.unwrap_or(kernel), padding, dilation));
            format!("runtime::max_pool2d(&x, {window})")
        }
        Of::AvgPool2d(options) => {
            let &AvgPool2dOptions { kernel_size: kernel, stride, padding, count_include_pad, .. } = options;
            let layer = AvgPool2d::with_options(options.clone())?;
            let counts = window_sizes::<f32>(&layer.windows(input)?, count_include_pad);
            let counts = source.array(&about("counts"), &counts);
            let window = text(&windows(input, output, kernel, stride.unwrap_or(kernel), padding, Pair::from(1)));
            format!("runtime::avg_pool2d(&x, &{counts}, {window})")
        }
        Of::AdaptiveAvgPool2d(_) | Of::GlobalAvgPool2d(_) => {
            format!("runtime::adaptive_avg_pool2d(&x, {:?}, {:?})", &input[2..], &output[2..])
        }
        Of::Upsample(options) => {
            let [rows, columns] = Upsample::with_options(options.clone())?.matrices::<f32>(input);
            let text = |mixes: Vec<[(usize, f32); 2]>| format!("&{mixes:?}");
            format!("runtime::upsample(&x, {:?}, {}, {})", &input[2..], text(rows), text(columns))
        }
        Of::ZeroPad2d(options) => format!("runtime::zero_pad2d(&x, {:?}, {:?})", &input[2..], options.padding),
        Of::BatchNorm1d(options) | Of::BatchNorm2d(options) => batch_norm(source, options, &find, &about),
        Of::LayerNorm(options) => {
            let length: usize = options.normalized_shape.iter().product();
            let [weight, bias] =
                ["weight", "bias"].map(|name| source.array(&about(name), &find(name).unwrap_or_default()));
            format!("runtime::normalize(&x, {length}, {:?}, &{weight}, &{bias})", options.eps)
        }
        Of::GroupNorm(options) => {
            let pixels: usize = input[2..].iter().product();
            let length = options.num_channels / options.num_groups * pixels;
            // Written out for every pixel.
            let spread = |numbers: Vec<f32>| -> Vec<f32> {
                numbers.into_iter().flat_map(|number| std::iter::repeat_n(number, pixels)).collect()
            };
            let [weight, bias] =
                ["weight", "bias"].map(|name| source.array(&about(name), &spread(find(name).unwrap_or_default())));
            format!("runtime::normalize(&x, {length}, {:?}, &{weight}, &{bias})", options.eps)
        }
        // The same numbers in the same order.
        Of::Flatten(_) | Of::Reshape(_) | Of::Dropout(_) | Of::Dropout2d(_) => "x".to_string(),
        Of::Sequential(_) | Of::Residual(_) | Of::AutoEncoder(_) => unreachable!("a container is walked through"),
    };
    source.step(place, &module, format_args!("{value}"));
    Ok(())
}

/// A number of f32, as Rust writes it.
fn number(number: f64) -> String {
    literal(number as f32)
}

/// The length of an axis, and how far apart its entries are.
fn axis(dim: isize, input: &[usize]) -> String {
    let axis = axis_of(dim, input.len()).expect("the shape was checked");
    format!("{}, {}", input[axis], input[axis + 1..].iter().product::<usize>())
}

/// The two axes of a window.
fn windows(input: &[usize], output: &[usize], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Windows {
    let axis =
        |input, output, kernel, stride, padding, dilation| Axis { input, output, kernel, stride, padding, dilation };
    Windows {
        h: axis(input[2], output[2], kernel.h, stride.h, padding.h, dilation.h),
        w: axis(input[3], output[3], kernel.w, stride.w, padding.w, dilation.w),
    }
}

fn text(windows: &Windows) -> String {
    format!("&runtime::{:?}, &runtime::{:?}", windows.h, windows.w)
}

fn batch_norm(
    source: &mut Source,
    options: &BatchNormOptions,
    find: &impl Fn(&str) -> Option<Vec<f32>>,
    about: &impl Fn(&str) -> String,
) -> String {
    let channels = options.num_features;
    let [mean, variance] = ["running_mean", "running_var"].map(|name| find(name).expect("a batch norm has buffers"));
    // As the layer works it out.
    let inverse = variance.iter().map(|&variance| 1.0 / (variance + options.eps as f32).sqrt());
    let gain: Vec<f32> = match find("weight") {
        Some(weight) => weight.iter().zip(inverse).map(|(weight, inverse)| weight * inverse).collect(),
        None => inverse.collect(),
    };
    let shift = find("bias").unwrap_or_else(|| vec![0.0; channels]);
    let mean = source.array(&about("running_mean"), &mean);
    let gain = source.array(&about("gain, weight/√(running_var + eps)"), &gain);
    let shift = source.array(&about("bias"), &shift);
    format!("runtime::batch_norm(&x, &{mean}, &{gain}, &{shift})")
}
