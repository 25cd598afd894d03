//! candle on the CPU, pure Rust: every workload.

use candle_core::{D, DType, Device, Module, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear, Optimizer, SGD, VarBuilder, VarMap, loss, ops};
use peers::{Options, ROWS, Random, Samples, best_batch, turns, unsupported};
use std::hint::black_box;

/// Dense layers with tanh between, but for the middle of an autoencoder, which has a sigmoid at the end.
struct Mlp(Vec<Linear>);

impl Mlp {
    fn new(sizes: &[usize], variables: VarBuilder) -> Result<Mlp> {
        let layer = |(place, ends): (usize, &[usize])| candle_nn::linear(ends[0], ends[1], variables.pp(place));
        Ok(Mlp(sizes.windows(2).enumerate().map(layer).collect::<Result<_>>()?))
    }
}

impl Module for Mlp {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (count, mut x) = (self.0.len(), x.clone());
        let coder = count > 2;
        for (place, layer) in self.0.iter().enumerate() {
            x = layer.forward(&x)?;
            if place + 1 < count && !(coder && place + 1 == count / 2) {
                x = x.tanh()?;
            }
        }
        if coder { ops::sigmoid(&x) } else { Ok(x) }
    }
}

struct Cnn {
    first: Conv2d,
    second: Conv2d,
    last: Linear,
}

impl Cnn {
    fn new(variables: VarBuilder) -> Result<Cnn> {
        let same = Conv2dConfig { padding: 1, ..Default::default() };
        Ok(Cnn {
            first: candle_nn::conv2d(1, 16, 3, same, variables.pp("first"))?,
            second: candle_nn::conv2d(16, 32, 3, same, variables.pp("second"))?,
            last: candle_nn::linear(1568, 10, variables.pp("last"))?,
        })
    }
}

impl Module for Cnn {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.first.forward(&x.reshape(((), 1, 28, 28))?)?.tanh()?.max_pool2d(2)?;
        let x = self.second.forward(&x)?.tanh()?.max_pool2d(2)?;
        self.last.forward(&x.flatten_from(1)?)
    }
}

fn main() -> Result<()> {
    let options = Options::from_arguments();
    let map = VarMap::new();
    let variables = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let dense = [784, 128, 10];
    match options.workload.as_str() {
        "dense" => train(&options, &map, Mlp::new(&dense, variables)?, cross_entropy),
        "cnn" => train(&options, &map, Cnn::new(variables)?, cross_entropy),
        "moons" => train(&options, &map, Mlp::new(&[2, 16, 1], variables)?, |z, _, y| {
            loss::binary_cross_entropy_with_logit(z, &y.to_dtype(DType::F32)?.unsqueeze(1)?)
        }),
        "autoencoder" => {
            let network = Mlp::new(&[784, 128, 64, 32, 64, 128, 784], variables)?;
            train(&options, &map, network, |z, x, _| (z - x)?.sqr()?.sum_all())
        }
        "inference" => inference(&options, &Cnn::new(variables)?),
        "row" => {
            let network = Mlp::new(&dense, variables)?;
            let row = Tensor::ones((1, 784), DType::F32, &Device::Cpu)?;
            turns(&options, || {
                (0..ROWS).for_each(|_| drop(black_box(network.forward(&row).expect("shapes fit"))));
                0.0
            });
            Ok(())
        }
        other => unsupported(other),
    }
}

fn images(samples: &Samples) -> Result<Tensor> {
    Tensor::from_slice(&samples.x, (samples.count(), samples.width), &Device::Cpu)
}

/// Summed over the batch; of logits, inputs and classes.
fn cross_entropy(z: &Tensor, _: &Tensor, y: &Tensor) -> Result<Tensor> {
    ops::log_softmax(z, D::Minus1)?.gather(&y.unsqueeze(1)?, 1)?.sum_all()?.neg()
}

fn train(
    options: &Options,
    map: &VarMap,
    network: impl Module,
    loss_of: impl Fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
) -> Result<()> {
    let samples = options.training_data();
    let x = images(&samples)?;
    let labels: Vec<u32> = samples.labels.iter().map(|&label| u32::from(label)).collect();
    let y = Tensor::from_vec(labels, samples.count(), &Device::Cpu)?;
    let mut optimizer = SGD::new(map.all_vars(), options.rate())?;
    let mut random = Random(2);
    let mut step = |indices: &[usize]| -> Result<f64> {
        let rows = indices.iter().map(|&index| index as u32).collect();
        let rows = Tensor::from_vec(rows, indices.len(), &Device::Cpu)?;
        let (x, y) = (x.index_select(&rows, 0)?, y.index_select(&rows, 0)?);
        let loss = loss_of(&network.forward(&x)?, &x, &y)?;
        optimizer.backward_step(&loss)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    };
    turns(options, || {
        let order = random.order(samples.count());
        let total: Result<f64> = order.chunks(options.batch()).map(&mut step).sum();
        total.expect("shapes fit") / options.terms(&samples)
    });
    Ok(())
}

fn inference(options: &Options, network: &Cnn) -> Result<()> {
    let x = images(&options.images("t10k", 10_000))?;
    let count = x.dim(0)?;
    let run = |batch: usize| {
        for start in (0..count).step_by(batch) {
            let part = x.narrow(0, start, batch.min(count - start)).expect("rows that are there");
            black_box(network.forward(&part).expect("shapes fit"));
        }
    };
    let best = best_batch(run);
    turns(options, || {
        run(best);
        0.0
    });
    Ok(())
}
