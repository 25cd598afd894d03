//! The networks that are compared: those that people ask for first, and one for each layer and its options.

use limpide::layers::*;
use limpide::{AutoEncoder, Module, Residual, Sequential};

/// A name, a network, the shape of a sample.
pub type Case = (&'static str, Box<dyn Module<f32>>, Vec<usize>);

fn chain() -> Sequential<f32> {
    Sequential::new()
}

/// All of them.
pub fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |name, network: Sequential<f32>, sample: &[usize]| {
        cases.push((name, Box::new(network) as Box<dyn Module<f32>>, sample.to_vec()));
    };
    add("dense", chain().push(Linear::new(784, 128)).push(Tanh).push(Linear::new(128, 10)), &[784]);
    let cnn = chain().push(Conv2d::new(1, 16, 3)).push(Tanh).push(MaxPool2d::new(2));
    let cnn = cnn.push(Conv2d::new(16, 32, 3)).push(Tanh).push(MaxPool2d::new(2));
    add("cnn", cnn.push(Flatten::new()).push(Linear::new(800, 10)).push(Softmax::new()), &[1, 28, 28]);
    let inner = chain().push(Conv2d::new(4, 4, 3).padding(1).without_bias()).push(BatchNorm2d::new(4)).push(Relu);
    let inner = inner.push(Conv2d::new(4, 4, 3).padding(1)).push(BatchNorm2d::new(4));
    let mixed = chain().push(Conv2d::new(1, 4, 3).stride(2).padding(1)).push(BatchNorm2d::new(4)).push(Relu);
    let mixed = mixed.push(Residual::new(inner)).push(Relu).push(ConvTranspose2d::new(4, 2, 4).stride(2).padding(1));
    add("mixed", mixed.push(Sigmoid), &[1, 12, 12]);

    let image = &[4, 7, 9];
    let grouped = Conv2d::new(4, 6, [3, 2]).stride([2, 1]).padding([1, 2]).dilation([1, 2]).groups(2);
    add("conv2d", chain().push(grouped), image);
    let transposed = ConvTranspose2d::new(4, 6, [3, 2]).stride([3, 2]).padding([1, 0]).output_padding([1, 1]).groups(2);
    add("conv_transpose2d", chain().push(transposed), image);
    add("max_pool2d", chain().push(MaxPool2d::new(3).stride(2).padding(1)), image);
    add("max_pool2d_dilated", chain().push(MaxPool2d::new(2).stride(1).dilation(2)), image);
    add("max_pool2d_ceil", chain().push(MaxPool2d::new([2, 3]).stride(2).padding([1, 1]).ceil_mode(true)), image);
    let reaching = MaxPool2d::new(2).stride(2).padding(1).dilation(2).ceil_mode(true);
    add("max_pool2d_dilated_ceil", chain().push(reaching), &[4, 8, 10]);
    add("avg_pool2d", chain().push(AvgPool2d::new(3).stride(2).padding(1)), image);
    add("avg_pool2d_uncounted", chain().push(AvgPool2d::new(3).stride(2).padding(1).count_include_pad(false)), image);
    add("avg_pool2d_ceil", chain().push(AvgPool2d::new([4, 2]).stride([3, 2]).padding(1).ceil_mode(true)), image);
    let ceil = AvgPool2d::new([4, 2]).stride([3, 2]).padding(1).ceil_mode(true).count_include_pad(false);
    add("avg_pool2d_ceil_uncounted", chain().push(ceil), image);
    add("adaptive_avg_pool2d", chain().push(AdaptiveAvgPool2d::new([7, 3])), image);
    add("adaptive_avg_pool2d_overlapping", chain().push(AdaptiveAvgPool2d::new([3, 4])), image);
    add("global_avg_pool2d", chain().push(GlobalAvgPool2d).push(Flatten::new()), image);
    add("upsample", chain().push(Upsample::new([2, 3])), image);
    add("upsample_bilinear", chain().push(Upsample::new([2, 3]).mode(Upsampling::Bilinear)), image);
    add("zero_pad2d", chain().push(ZeroPad2d::new([1, 2, 0, 3])), image);
    add("flatten_some", chain().push(Flatten { start_dim: 2, end_dim: -1 }), image);
    add("reshape", chain().push(Reshape::new([2, 9, -1])).push(Linear::new(14, 5)), image);
    add("linear_on_sequences", chain().push(Linear::new(9, 5)).push(Linear::new(5, 4).without_bias()), &[3, 9]);

    let row = &[12];
    add("sigmoid", chain().push(Sigmoid), row);
    add("relu", chain().push(Relu), row);
    add("leaky_relu", chain().push(LeakyRelu { negative_slope: 0.2 }), row);
    add("elu", chain().push(Elu { alpha: 0.7 }), row);
    add("selu", chain().push(Selu), row);
    add("gelu", chain().push(Gelu::new()), row);
    add("gelu_tanh", chain().push(Gelu::tanh()), row);
    add("silu", chain().push(Silu), row);
    add("softplus", chain().push(Softplus { beta: 2.0, threshold: 20.0 }), row);
    add("hardswish", chain().push(Hardswish), row);
    add("prelu", chain().push(PRelu::new(1)), row);
    add("prelu_by_channel", chain().push(PRelu::new(4)), image);
    add("softmax_of_channels", chain().push(Softmax { dim: 1 }), image);
    add("log_softmax", chain().push(LogSoftmax::new()), row);
    add("batch_norm1d", chain().push(Linear::new(12, 5)).push(BatchNorm1d::new(5).eps(1e-3)), row);
    add("batch_norm1d_sequences", chain().push(BatchNorm1d::new(3).without_affine()), &[3, 9]);
    add("layer_norm", chain().push(LayerNorm::new([7, 9]).eps(1e-4)), image);
    add("group_norm", chain().push(GroupNorm::new(2, 4)), image);
    let dropped = chain().push(Dropout::new(0.3)).push(Conv2d::new(4, 2, 1)).push(Dropout2d::new(0.4));
    add("dropout", dropped.push(Flatten::new()), image);
    let deep = chain().push(Linear::new(12, 12)).push(Residual::new(chain().push(Linear::new(12, 12)).push(Silu)));
    add("residual_of_residual", chain().push(Residual::new(deep)).push(Relu), row);

    let encoder = chain().push(Linear::new(784, 128)).push(Tanh).push(Linear::new(128, 32)).push(Tanh);
    let decoder = chain().push(Linear::new(32, 128)).push(Tanh).push(Linear::new(128, 784)).push(Sigmoid);
    cases.push(("autoencoder", Box::new(AutoEncoder::new(encoder, decoder)), vec![784]));
    cases
}
