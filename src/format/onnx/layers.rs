//! The nodes of each layer.

use super::graph::{Attribute, Graph, sizes};
use crate::layers::{Approximation, AvgPool2dOptions, BatchNormOptions, MaxPool2dOptions, Pair, Selu, Upsampling};
use crate::model::LayerDescription;
use crate::{Module, Tensor, tensor};
use Attribute::{Float, Int, Ints, Text};

/// A layer on its way into a graph.
pub(super) struct Layer<'a> {
    /// Its name in the network: `0`, `encoder.2`.
    pub place: &'a str,
    pub module: &'a dyn Module<f32>,
    /// Shapes of a batch.
    pub input: &'a [usize],
    pub output: &'a [usize],
}

impl Layer<'_> {
    /// A parameter or buffer, when the layer has one of that name.
    fn find(&self, name: &str) -> Option<&Tensor<f32>> {
        let all = self.module.parameters().into_iter().chain(self.module.buffers());
        all.into_iter().find(|(own, _)| own == name).map(|(_, tensor)| tensor)
    }

    /// The name of a tensor of the layer.
    fn name(&self, tensor: &str) -> String {
        match self.place {
            "network" => tensor.to_string(),
            place => format!("{place}.{tensor}"),
        }
    }

    /// The parameters and buffers of these names, as known tensors of the graph; those that the layer lacks are left out.
    fn known(&self, graph: &mut Graph, names: &[&str]) -> Vec<String> {
        let found = names.iter().filter_map(|name| Some((self.name(name), self.find(name)?)));
        found.map(|(name, tensor)| graph.tensor(name, tensor)).collect()
    }

    /// γ and β of a normalisation; ones and zeros where it has none, since the operators want them.
    fn affine(&self, graph: &mut Graph, shape: &[usize]) -> Vec<String> {
        let [ones, zeros] = [Tensor::ones(shape), crate::zeros(shape)];
        let of = |(name, default): (&str, Tensor<f32>)| (self.name(name), self.find(name).cloned().unwrap_or(default));
        [("weight", ones), ("bias", zeros)]
            .map(of)
            .into_iter()
            .map(|(name, value)| graph.tensor(name, &value))
            .collect()
    }
}

/// Adds the nodes of a layer behind the last value.
pub(super) fn add(graph: &mut Graph, layer: &Layer<'_>, description: &LayerDescription) {
    use LayerDescription as Of;
    let place = layer.place;
    let mut plain = |operator: &str, attributes| graph.node(place, operator, Vec::new(), attributes);
    match description {
        Of::Tanh(_) => plain("Tanh", Vec::new()),
        Of::Sigmoid(_) => plain("Sigmoid", Vec::new()),
        Of::Relu(_) => plain("Relu", Vec::new()),
        Of::LeakyRelu(options) => plain("LeakyRelu", vec![("alpha", Float(options.negative_slope))]),
        Of::Elu(options) => plain("Elu", vec![("alpha", Float(options.alpha))]),
        Of::Selu(_) => plain("Selu", vec![("alpha", Float(Selu::ALPHA)), ("gamma", Float(Selu::LAMBDA))]),
        Of::Gelu(options) => match options.approximate {
            Approximation::None => plain("Gelu", Vec::new()),
            Approximation::Tanh => plain("Gelu", vec![("approximate", Text("tanh"))]),
        },
        Of::Hardswish(_) => plain("HardSwish", Vec::new()),
        Of::Softmax(options) => plain("Softmax", vec![("axis", Int(options.dim as i64))]),
        Of::LogSoftmax(options) => plain("LogSoftmax", vec![("axis", Int(options.dim as i64))]),
        Of::GlobalAvgPool2d(_) => plain("GlobalAveragePool", Vec::new()),
        Of::Silu(_) => {
            let x = graph.last.clone();
            graph.node(place, "Sigmoid", Vec::new(), Vec::new());
            graph.node_of(place, "Mul", vec![x, graph.last.clone()], Vec::new());
        }
        Of::Softplus(options) => softplus(graph, layer, options.beta, options.threshold),
        Of::PRelu(_) => {
            let slope = layer.find("weight").expect("a PRelu has slopes").clone();
            // The slopes meet the channels, from which the operator counts axes backwards.
            let shape = match slope.len() {
                1 => vec![1],
                channels => [vec![channels], vec![1; layer.input.len() - 2]].concat(),
            };
            let slope = graph.tensor(layer.name("weight"), &tensor(&shape, slope.iter().copied().collect()));
            graph.node(place, "PRelu", vec![slope], Vec::new());
        }
        Of::Linear(options) if layer.input.len() == 2 => {
            debug_assert_eq!(options.in_features, layer.input[1]);
            let known = layer.known(graph, &["weight", "bias"]);
            graph.node(place, "Gemm", known, vec![("transB", Int(1))]);
        }
        Of::Linear(_) => {
            let weight = layer.find("weight").expect("a Linear has a weight").clone();
            let weight = graph.tensor(layer.name("weight.T"), &weight.t().to_owned().into_shared());
            graph.node(place, "MatMul", vec![weight], Vec::new());
            let bias = layer.known(graph, &["bias"]);
            if !bias.is_empty() {
                graph.node(place, "Add", bias, Vec::new());
            }
        }
        Of::Conv2d(options) => {
            let known = layer.known(graph, &["weight", "bias"]);
            let mut attributes = window(options.kernel_size, options.stride, [options.padding; 2], options.dilation);
            attributes.push(("group", Int(options.groups as i64)));
            graph.node(place, "Conv", known, attributes);
        }
        Of::ConvTranspose2d(options) => {
            let known = layer.known(graph, &["weight", "bias"]);
            let mut attributes = window(options.kernel_size, options.stride, [options.padding; 2], options.dilation);
            attributes.push(("group", Int(options.groups as i64)));
            attributes.push(("output_padding", pair(options.output_padding)));
            graph.node(place, "ConvTranspose", known, attributes);
        }
        Of::MaxPool2d(options) => max_pool(graph, layer, options),
        Of::AvgPool2d(options) => avg_pool(graph, layer, options),
        Of::AdaptiveAvgPool2d(options) => adaptive(graph, layer, options.output_size),
        Of::Upsample(options) => {
            let Pair { h, w } = options.scale_factor;
            let factors = tensor(&[4], vec![1.0, 1.0, h as f32, w as f32]);
            let factors = graph.tensor(layer.name("scale_factor"), &factors);
            let attributes = match options.mode {
                Upsampling::Nearest => {
                    let place = ("coordinate_transformation_mode", Text("asymmetric"));
                    vec![("mode", Text("nearest")), place, ("nearest_mode", Text("floor"))]
                }
                Upsampling::Bilinear => {
                    vec![("mode", Text("linear")), ("coordinate_transformation_mode", Text("half_pixel"))]
                }
            };
            graph.node(place, "Resize", vec![String::new(), factors], attributes);
        }
        Of::ZeroPad2d(options) => pad(graph, layer, options.padding),
        Of::Flatten(_) if layer.output.len() == 2 => {
            graph.node(place, "Flatten", Vec::new(), vec![("axis", Int(1))]);
        }
        Of::Flatten(_) | Of::Reshape(_) => {
            // 0: as many as there are samples.
            let shape = [vec![0], sizes(&layer.output[1..])].concat();
            let shape = graph.integers(layer.name("shape"), &shape);
            graph.node(place, "Reshape", vec![shape], Vec::new());
        }
        Of::BatchNorm1d(options) | Of::BatchNorm2d(options) => batch_norm(graph, layer, options),
        Of::LayerNorm(options) => {
            let known = layer.affine(graph, &options.normalized_shape);
            let axis = ("axis", Int(-(options.normalized_shape.len() as i64)));
            graph.node(place, "LayerNormalization", known, vec![axis, ("epsilon", Float(options.eps))]);
        }
        Of::GroupNorm(options) => {
            let known = layer.affine(graph, &[options.num_channels]);
            let groups = ("num_groups", Int(options.num_groups as i64));
            graph.node(place, "GroupNormalization", known, vec![groups, ("epsilon", Float(options.eps))]);
        }
        Of::Dropout(options) => {
            let ratio = graph.number(layer.name("p"), options.p);
            graph.node(place, "Dropout", vec![ratio], Vec::new());
        }
        // In evaluation it hands its input on, and there is no operator that drops channels.
        Of::Dropout2d(_) => {}
        Of::Sequential(_) | Of::Residual(_) | Of::AutoEncoder(_) => unreachable!("a container is walked through"),
    }
}

/// ln(1 + e^(βx)) / β, and x itself where βx is above the threshold.
fn softplus(graph: &mut Graph, layer: &Layer<'_>, beta: f64, threshold: f64) {
    let place = layer.place;
    let x = graph.last.clone();
    let beta = (beta != 1.0).then(|| graph.number(layer.name("beta"), beta));
    if let Some(beta) = &beta {
        graph.node(place, "Mul", vec![beta.clone()], Vec::new());
    }
    let scaled = graph.last.clone();
    graph.node(place, "Softplus", Vec::new(), Vec::new());
    if let Some(beta) = beta {
        graph.node(place, "Div", vec![beta], Vec::new());
    }
    // From here on the two differ by less than a rounding of f32.
    if threshold < 17.0 {
        let smooth = graph.last.clone();
        let threshold = graph.number(layer.name("threshold"), threshold);
        graph.node_of(place, "Greater", vec![scaled, threshold], Vec::new());
        graph.node_of(place, "Where", vec![graph.last.clone(), x, smooth], Vec::new());
    }
}

fn batch_norm(graph: &mut Graph, layer: &Layer<'_>, options: &BatchNormOptions) {
    let mut known = layer.affine(graph, &[options.num_features]);
    known.extend(layer.known(graph, &["running_mean", "running_var"]));
    let mut attributes = vec![("epsilon", Float(options.eps))];
    // The operator's is the weight of the old average.
    attributes.extend(options.momentum.map(|momentum| ("momentum", Float(1.0 - momentum))));
    graph.node(layer.place, "BatchNormalization", known, attributes);
}

fn max_pool(graph: &mut Graph, layer: &Layer<'_>, options: &MaxPool2dOptions) {
    let &MaxPool2dOptions { kernel_size, stride, padding, dilation, .. } = options;
    let stride = stride.unwrap_or(kernel_size);
    // Written out rather than left to `ceil_mode`, of which runtimes have had different ideas.
    let end = end_padding(layer, kernel_size, stride, padding, dilation);
    // Unless a dilated window sticks out by as much as its kernel: onnxruntime takes no such padding.
    let up = end.h >= kernel_size.h || end.w >= kernel_size.w;
    let mut attributes = window(kernel_size, stride, [padding, if up { padding } else { end }], dilation);
    attributes.extend(up.then_some(("ceil_mode", Int(1))));
    graph.node(layer.place, "MaxPool", Vec::new(), attributes);
}

fn avg_pool(graph: &mut Graph, layer: &Layer<'_>, options: &AvgPool2dOptions) {
    let &AvgPool2dOptions { kernel_size, stride, padding, count_include_pad, .. } = options;
    let stride = stride.unwrap_or(kernel_size);
    let end = end_padding(layer, kernel_size, stride, padding, Pair::from(1));
    let mut paddings = [padding, end];
    let mut counted = count_include_pad;
    if count_include_pad && end != padding {
        // Zeros that count become part of the image; what sticks out beyond them does not count.
        pad(graph, layer, [padding.w, padding.w, padding.h, padding.h]);
        let beyond = |end: usize, padding: usize| end.saturating_sub(padding);
        paddings = [Pair::from(0), Pair { h: beyond(end.h, padding.h), w: beyond(end.w, padding.w) }];
        counted = false;
    }
    let mut attributes = window(kernel_size, stride, paddings, Pair::from(1));
    attributes.retain(|(name, _)| *name != "dilations");
    attributes.push(("count_include_pad", Int(counted.into())));
    graph.node(layer.place, "AveragePool", Vec::new(), attributes);
}

/// The padding at the end of each axis with which the windows, rounded down, are as many as the layer has.
fn end_padding(layer: &Layer<'_>, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair {
    let end = |input: usize, output: usize, kernel: usize, stride: usize, padding: usize, dilation: usize| {
        let reached = (output - 1) * stride + dilation * (kernel - 1) + 1;
        reached.saturating_sub(input + padding).max(padding)
    };
    let (input, output) = (layer.input, layer.output);
    Pair {
        h: end(input[2], output[2], kernel.h, stride.h, padding.h, dilation.h),
        w: end(input[3], output[3], kernel.w, stride.w, padding.w, dilation.w),
    }
}

/// An average pool where all windows are alike; else each axis times the matrix of its windows.
fn adaptive(graph: &mut Graph, layer: &Layer<'_>, size: Pair) {
    let (h, w) = (layer.input[2], layer.input[3]);
    if h.is_multiple_of(size.h) && w.is_multiple_of(size.w) {
        let kernel = Pair { h: h / size.h, w: w / size.w };
        let attributes = vec![("kernel_shape", pair(kernel)), ("strides", pair(kernel))];
        return graph.node(layer.place, "AveragePool", Vec::new(), attributes);
    }
    let rows = graph.tensor(layer.name("rows"), &averages(h, size.h));
    let columns = averages(w, size.w).t().to_owned().into_shared();
    let columns = graph.tensor(layer.name("columns"), &columns);
    graph.node_of(&format!("{}/rows", layer.place), "MatMul", vec![rows, graph.last.clone()], Vec::new());
    graph.node(&format!("{}/columns", layer.place), "MatMul", vec![columns], Vec::new());
}

/// The matrix (outputs, inputs) that averages the windows ⌊i·h/h′⌋ to ⌈(i + 1)·h/h′⌉ of an axis.
pub(super) fn averages(inputs: usize, outputs: usize) -> Tensor<f32> {
    let mut matrix = crate::zeros(&[outputs, inputs]);
    for i in 0..outputs {
        let window = i * inputs / outputs..((i + 1) * inputs).div_ceil(outputs);
        let count = window.len() as f32;
        window.for_each(|input| matrix[[i, input]] = 1.0 / count);
    }
    matrix
}

/// Zeros around an image: left, right, top, bottom.
fn pad(graph: &mut Graph, layer: &Layer<'_>, [left, right, top, bottom]: [usize; 4]) {
    let pads = sizes(&[0, 0, top, left, 0, 0, bottom, right]);
    let pads = graph.integers(layer.name("padding"), &pads);
    graph.node(layer.place, "Pad", vec![pads], Vec::new());
}

/// The options that all windows have, with the padding at the beginning and the end of the axes.
fn window(
    kernel: Pair,
    stride: Pair,
    [begin, end]: [Pair; 2],
    dilation: Pair,
) -> Vec<(&'static str, Attribute<'static>)> {
    let pads = Ints(sizes(&[begin.h, begin.w, end.h, end.w]));
    vec![("kernel_shape", pair(kernel)), ("strides", pair(stride)), ("pads", pads), ("dilations", pair(dilation))]
}

fn pair(pair: Pair) -> Attribute<'static> {
    Ints(sizes(&[pair.h, pair.w]))
}
