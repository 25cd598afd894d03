//! burn with its flex backend, pure Rust: every workload.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::BinaryCrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::{Device, Int, Tensor, TensorData};
use peers::{Options, ROWS, Random, Samples, best_batch, turns, unsupported};
use std::hint::black_box;

trait Network: Module {
    fn forward(&self, x: Tensor<2>) -> Tensor<2>;
}

/// Dense layers with tanh between, but for `plain`, which nothing follows; a sigmoid at the end of an autoencoder.
#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
    plain: Option<usize>,
    sigmoid: bool,
}

impl Mlp {
    fn new(sizes: &[usize], device: &Device) -> Mlp {
        let layers: Vec<_> = sizes.windows(2).map(|ends| LinearConfig::new(ends[0], ends[1]).init(device)).collect();
        let coder = layers.len() > 2;
        Mlp { plain: coder.then_some(layers.len() / 2 - 1), layers, sigmoid: coder }
    }
}

impl Network for Mlp {
    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        for (place, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if place < last && Some(place) != self.plain {
                x = x.tanh();
            }
        }
        if self.sigmoid { sigmoid(x) } else { x }
    }
}

#[derive(Module, Debug)]
struct Cnn {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    last: Linear,
}

impl Cnn {
    fn new(device: &Device) -> Cnn {
        let conv = |channels_in, channels_out| {
            let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
            Conv2dConfig::new([channels_in, channels_out], [3, 3]).with_padding(padding).init(device)
        };
        let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
        Cnn { first: conv(1, 16), second: conv(16, 32), pool, last: LinearConfig::new(1568, 10).init(device) }
    }
}

impl Network for Cnn {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [count, _] = x.dims();
        let x = self.pool.forward(self.first.forward(x.reshape([count, 1, 28, 28])).tanh());
        let x = self.pool.forward(self.second.forward(x).tanh());
        self.last.forward(x.reshape([count, 1568]))
    }
}

fn main() {
    let options = Options::from_arguments();
    let device = Device::flex().autodiff();
    let dense = [784, 128, 10];
    match options.workload.as_str() {
        "dense" => train(&options, &device, Mlp::new(&dense, &device), cross_entropy),
        "cnn" => train(&options, &device, Cnn::new(&device), cross_entropy),
        "moons" => {
            let loss = BinaryCrossEntropyLossConfig::new().with_logits(true).init(&device);
            let loss = |z, _, y: Tensor<1, Int>| loss.forward(z, y.unsqueeze_dim(1));
            train(&options, &device, Mlp::new(&[2, 16, 1], &device), loss);
        }
        "autoencoder" => {
            let network = Mlp::new(&[784, 128, 64, 32, 64, 128, 784], &device);
            train(&options, &device, network, |z, x, _| (z - x).square().sum());
        }
        "inference" => inference(&options),
        "row" => {
            let device = Device::flex();
            let (network, row) = (Mlp::new(&dense, &device), Tensor::<2>::ones([1, 784], &device));
            turns(&options, || {
                (0..ROWS).for_each(|_| drop(black_box(network.forward(row.clone()))));
                0.0
            });
        }
        other => unsupported(other),
    }
}

fn images(samples: &Samples, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(samples.x.clone(), [samples.count(), samples.width]), device)
}

fn integers(values: impl ExactSizeIterator<Item = i64>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values.collect::<Vec<_>>(), [count]), device)
}

/// Summed over the batch; of logits, inputs and classes.
fn cross_entropy(z: Tensor<2>, _: Tensor<2>, y: Tensor<1, Int>) -> Tensor<1> {
    log_softmax(z, 1).gather(1, y.unsqueeze_dim(1)).sum().neg()
}

fn train<N: Network>(
    options: &Options,
    device: &Device,
    network: N,
    loss_of: impl Fn(Tensor<2>, Tensor<2>, Tensor<1, Int>) -> Tensor<1>,
) {
    let samples = options.training_data();
    let x = images(&samples, device);
    let y = integers(samples.labels.iter().map(|&label| i64::from(label)), device);
    let mut optimizer = SgdConfig::new().init();
    let mut network = Some(network);
    let mut random = Random(2);
    turns(options, || {
        let mut total = 0.0;
        for indices in random.order(samples.count()).chunks(options.batch()) {
            let rows = integers(indices.iter().map(|&index| index as i64), device);
            let (x, y) = (x.clone().select(0, rows.clone()), y.clone().select(0, rows));
            let model = network.take().expect("given back");
            let loss = loss_of(model.forward(x.clone()), x, y);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            network = Some(optimizer.step(options.rate(), model, gradients));
            total += f64::from(loss.into_scalar::<f32>());
        }
        total / options.terms(&samples)
    });
}

fn inference(options: &Options) {
    let device = Device::flex();
    let network = Cnn::new(&device);
    let x = images(&options.images("t10k", 10_000), &device);
    let run = |batch| x.clone().split(batch, 0).into_iter().for_each(|part| drop(black_box(network.forward(part))));
    let best = best_batch(run);
    turns(options, || {
        run(best);
        0.0
    });
}
