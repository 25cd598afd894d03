//! The promise that a run gives the same bits for any number of threads, and that slices add up to their batch.

use limpide::data::{Dataset, Inputs, Mixup, Target, digits};
use limpide::layers::{
    BatchNorm2d, Conv2d, Dropout, Dropout2d, Flatten, Gelu, GroupNorm, Linear, MaxPool2d, Relu, Sigmoid, Silu, Tanh,
};
use limpide::loss::{CrossEntropyLoss, Loss, MseLoss, Reduction};
use limpide::optim::Sgd;
use limpide::plan::{Batch, Plan};
use limpide::tensor::values;
use limpide::train::{Engine, History, Trainer, evaluate};
use limpide::{AutoEncoder, Gradients, Module, Residual, Sequential, Stream, Tape, Tensor};
use ndarray::{ArcArray, IxDyn};
use std::ops::Range;

/// A network with its loss and data.
struct Row {
    name: &'static str,
    network: fn() -> Box<dyn Module<f32>>,
    loss: Box<dyn Loss<f32>>,
    data: Dataset<f32>,
}

fn dense() -> Box<dyn Module<f32>> {
    // Wide enough that a batch of 64 is cut into slices.
    Box::new(Sequential::new().push(Linear::new(64, 128)).push(Tanh).push(Linear::new(128, 10)).seed(1))
}

fn convolutional() -> Box<dyn Module<f32>> {
    let convolution = Sequential::new().push(Conv2d::new(1, 16, 3).padding(1)).push(Tanh).push(MaxPool2d::new(2));
    Box::new(Sequential::new().push(convolution).push(Flatten::new()).push(Linear::new(16 * 16, 10)).seed(2))
}

fn autoencoder() -> Box<dyn Module<f32>> {
    let encoder = Sequential::new().push(Linear::new(64, 96)).push(Tanh).push(Linear::new(96, 8));
    let decoder = Sequential::new().push(Linear::new(8, 64)).push(Sigmoid);
    Box::new(AutoEncoder::new(encoder, decoder).seed(3))
}

/// Cut into slices, and random in each sample.
fn dropping() -> Box<dyn Module<f32>> {
    let hidden = Sequential::new().push(Linear::new(64, 256)).push(Gelu::new()).push(Dropout::new(0.3));
    Box::new(Sequential::new().push(Dropout::new(0.1)).push(hidden).push(Linear::new(256, 10)).seed(4))
}

/// A wide layer whose input is 0 in three entries of four, which are left out.
fn sparse() -> Box<dyn Module<f32>> {
    let hidden = Sequential::new().push(Linear::new(64, 256)).push(Relu).push(Dropout::new(0.5));
    Box::new(hidden.push(Linear::new(256, 256)).push(Tanh).push(Linear::new(256, 10)).seed(6))
}

/// A wide layer on bytes, most of which are 0.
fn on_bytes() -> Box<dyn Module<f32>> {
    Box::new(Sequential::new().push(Linear::new(200, 170)).push(Tanh).push(Linear::new(170, 3)).seed(8))
}

/// 290 samples of 200 bytes, one in five of them other than 0.
fn bytes() -> Dataset<f32> {
    let mut stream = Stream::new(3);
    let values = (0..290 * 200).map(|_| if stream.below(5) == 0 { stream.below(256) as u8 } else { 0 }).collect();
    let values = ArcArray::from_shape_vec(IxDyn(&[290, 200]), values).unwrap();
    let labels = (0..290).map(|sample| sample % 3).collect();
    Dataset::new("bytes", Inputs::Bytes { values, divisor: 255.0 }, Target::classes(labels), 3).unwrap()
}

/// Normalised, with a residual block and channels that are left out.
fn normalised() -> Box<dyn Module<f32>> {
    let block = Sequential::new().push(Conv2d::new(8, 8, 3).padding(1)).push(GroupNorm::new(2, 8)).push(Silu);
    let network = Sequential::new().push(Conv2d::new(1, 8, 3).padding(1).without_bias()).push(BatchNorm2d::new(8));
    let network = network.push(Silu).push(Dropout2d::new(0.2)).push(Residual::new(block)).push(MaxPool2d::new(2));
    Box::new(network.push(Flatten::new()).push(Linear::new(8 * 16, 10)).seed(5))
}

/// Enough channels for convolutions by tiles, in all three directions.
fn by_tiles() -> Box<dyn Module<f32>> {
    let network = Sequential::new().push(Conv2d::new(1, 16, 3).padding(1)).push(Silu).push(Conv2d::new(16, 24, 3));
    let network = network.push(Silu).push(Conv2d::new(24, 16, 3).padding(2)).push(Silu);
    Box::new(network.push(Flatten::new()).push(Linear::new(16 * 64, 10)).seed(7))
}

fn rows() -> Vec<Row> {
    let images = digits::<f32>().select(&(0..290).collect::<Vec<_>>());
    let flat = images.reshape_samples(&[64]).unwrap();
    // One class ignored and unequal weights: the mean's denominator is then not the number of samples.
    let weights: Vec<f64> = (1..=10).map(f64::from).collect();
    let uneven = CrossEntropyLoss::new().class_weights(&weights).ignore_index(3).label_smoothing(0.1);
    vec![
        Row { name: "dense", network: dense, loss: Box::new(uneven), data: flat.clone() },
        Row { name: "dropping", network: dropping, loss: Box::new(CrossEntropyLoss::new()), data: flat.clone() },
        Row { name: "sparse", network: sparse, loss: Box::new(CrossEntropyLoss::new()), data: flat.clone() },
        Row { name: "on bytes", network: on_bytes, loss: Box::new(CrossEntropyLoss::new()), data: bytes() },
        Row {
            name: "convolutional",
            network: convolutional,
            loss: Box::new(CrossEntropyLoss::new()),
            data: images.clone(),
        },
        Row { name: "by tiles", network: by_tiles, loss: Box::new(CrossEntropyLoss::new()), data: images.clone() },
        Row { name: "normalised", network: normalised, loss: Box::new(CrossEntropyLoss::new()), data: images },
        Row {
            name: "autoencoder",
            network: autoencoder,
            loss: Box::new(MseLoss::new().reduction(Reduction::Sum)),
            data: flat.autoencoding(),
        },
    ]
}

/// Every parameter's bits after two epochs, and the figures without their times.
fn trained(row: &Row, threads: usize) -> (Vec<u32>, Vec<f64>) {
    let mut network = (row.network)();
    // 290 is no multiple of 64: the last batch is a small one, in which a wide layer in the middle sums up its input gradient.
    let trainer = Trainer::new(Sgd::new(0.01).unwrap()).epochs(2).batch_size(64).seed(9).threads(threads);
    let history: History = trainer.validation(&row.data).fit(&mut *network, &*row.loss, &row.data).unwrap();
    let tensors = network.parameters().into_iter().chain(network.buffers());
    let bits = tensors.flat_map(|(_, value)| value.iter().map(|p| p.to_bits()).collect::<Vec<_>>()).collect();
    (bits, [history.train_losses(), history.validation_losses(), history.train_accuracies()].concat())
}

#[test]
fn one_two_and_five_threads_give_the_same_bits() {
    for row in rows() {
        let one = trained(&row, 1);
        assert!(one.1.iter().all(|figure| figure.is_finite()), "{}: {:?}", row.name, one.1);
        for threads in [2, 5] {
            assert!(trained(&row, threads) == one, "{} differs on {threads} threads", row.name);
        }
    }
}

/// What a loader changes on the way can no longer be read from the bytes as they lie.
#[test]
fn mixed_bytes_give_the_bits_of_mixed_numbers() {
    let stored = bytes();
    let numbers = stored.inputs.gather(&(0..290).collect::<Vec<_>>());
    let numbers = Dataset::new("numbers", Inputs::Real(numbers), stored.targets.clone(), 3).unwrap();
    let trained = |data: &Dataset<f32>| {
        let mut network = on_bytes();
        let trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(1).batch_size(64).seed(9).mixup(Mixup::new(0.5));
        trainer.fit(&mut *network, &CrossEntropyLoss::new(), data).unwrap();
        let bits = |parameter: &Tensor<f32>| parameter.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        network.parameters().into_iter().flat_map(|(_, parameter)| bits(parameter)).collect::<Vec<_>>()
    };
    assert!(trained(&stored) == trained(&numbers));
}

#[test]
fn the_slices_of_a_batch_add_up_to_the_batch() {
    for row in rows() {
        let network = (row.network)();
        let (x, target) = row.data.gather(&(0..64).collect::<Vec<_>>());
        let mut sliced = Gradients::zeros_for(&*network);
        let mut plan = Plan::new(&*network, x.shape()).unwrap();
        let size = x.len() / 64;
        let fill = |range: Range<usize>, to: &mut [f32]| {
            to.copy_from_slice(&values(&x)[range.start * size..range.end * size]);
        };
        let batch = Batch { rows: 64, fill: &fill, target: &target };
        let score = Engine::new(2).planned_gradients(&mut plan, &*network, &*row.loss, &batch, &mut sliced).unwrap();

        let (mut tape, mut whole) = (Tape::new(), Gradients::zeros_for(&*network));
        let output = network.forward(&x, &mut tape);
        let delta = row.loss.backward(&output, &target);
        network.backward_update_gradient(&mut tape, &delta, &mut whole);

        let loss = row.loss.reduce(score.sum, score.denominator);
        let wanted = row.loss.forward(&output, &target).sum();
        assert!((loss - wanted).abs() <= 1e-5 * wanted.abs(), "{}: loss {loss}, wanted {wanted}", row.name);
        for ((name, got), wanted) in sliced.named().zip(whole.iter()) {
            let scale = wanted.iter().fold(0.0f32, |most, g| most.max(g.abs()));
            let error = got.iter().zip(wanted).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(error <= 1e-5 * scale, "{} {name}: {error} of {scale}", row.name);
        }
    }
}

#[test]
fn a_score_does_not_depend_on_the_threads() {
    for row in rows() {
        let network = (row.network)();
        let score = |threads| evaluate(&*network, &*row.loss, &row.data, &mut Engine::new(threads)).unwrap();
        assert_eq!(score(1), score(3), "{}", row.name);
    }
}

#[test]
fn classes_out_of_range_are_refused_before_any_arithmetic() {
    let network = dense();
    let x = limpide::zeros(&[2, 64]);
    let target = Target::classes(vec![0, 10]);
    let mut gradients = Gradients::zeros_for(&*network);
    let error = Engine::new(1).gradients(&*network, &CrossEntropyLoss::new(), &x, &target, &mut gradients).unwrap_err();
    assert!(error.to_string().contains("10"), "{error}");
}

#[test]
fn an_empty_batch_has_no_gradient() {
    let network = dense();
    let mut gradients = Gradients::zeros_for(&*network);
    gradients.iter_mut().for_each(|gradient| gradient.fill(7.0));
    let loss = CrossEntropyLoss::new().reduction(Reduction::Sum);
    let empty = Target::classes(Vec::new());
    let score = Engine::new(2).gradients(&*network, &loss, &limpide::zeros(&[0, 64]), &empty, &mut gradients).unwrap();
    assert_eq!((score.sum, score.samples, score.correct), (0.0, 0, Some(0)));
    assert!(gradients.iter().all(|gradient| gradient.iter().all(|&g| g == 0.0)));
}
