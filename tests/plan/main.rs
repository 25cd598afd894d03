//! The compiled plan against the layer-by-layer path, on random networks: losses, outputs and every gradient.
//!
//! Both compute the same sums, some in another order. In f64 they may differ by 1e-12 of the largest entry of a tensor, in
//! f32 by 1e-4: some hundred roundings of the longest sums here.

mod norms;

use limpide::data::{Batches, Target};
use limpide::kernels::Workers;
use limpide::layers::{
    AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, Elu, Flatten, Gelu, Hardswish, LayerNorm,
    LeakyRelu, Linear, LogSoftmax, MaxPool2d, Relu, Selu, Sigmoid, Silu, Softmax, Softplus, Tanh,
};
use limpide::loss::{BceWithLogitsLoss, CrossEntropyLoss, Loss, MseLoss, NllLoss, Reduction};
use limpide::optim::{AdamW, Group, Lookahead, Optim, Optimizer, Sgd};
use limpide::plan::{Batch, Plan, Predictor};
use limpide::tensor::{values, values_mut};
use limpide::train::{Engine, Trainer};
use limpide::{AutoEncoder, Gradients, Module, Real, Residual, Sequential, Stream, Tape, Tensor, tensor, zeros};

/// A network with the shape of its samples and of its output.
struct Case<T: Real> {
    network: Box<dyn Module<T>>,
    input: Vec<usize>,
}

fn activated<T: Real>(network: Sequential<T>, stream: &mut Stream) -> Sequential<T> {
    match stream.below(6) {
        0 => network.push(Tanh),
        1 => network.push(Sigmoid),
        2 => network.push(Relu),
        3 => network.push(LeakyRelu { negative_slope: 0.1 }),
        4 => network.push(LeakyRelu { negative_slope: -0.1 }), // not monotone: no step may be fused with it
        _ => network,
    }
}

/// Dense layers from tiny to so wide that a stage is divided by outputs.
fn dense<T: Real>(stream: &mut Stream) -> Case<T> {
    let sizes = [1, 2, 7, 16, 33, 100, 300];
    let first = sizes[stream.below(sizes.len())];
    let mut network = Sequential::new();
    let mut features = first;
    for _ in 0..1 + stream.below(3) {
        let next = sizes[stream.below(sizes.len())];
        let layer = Linear::new(features, next);
        network = activated(network.push(if stream.below(4) == 0 { layer.without_bias() } else { layer }), stream);
        features = next;
    }
    let network = network.push(Linear::new(features, 3)).seed(stream.next_u64());
    Case { network: Box::new(network), input: vec![first] }
}

/// A batch norm, with parameters or without, or a block that holds one.
fn norm<T: Real>(channels: usize, stream: &mut Stream) -> Box<dyn Module<T>> {
    match stream.below(3) {
        0 => Box::new(BatchNorm2d::new(channels)),
        1 => Box::new(BatchNorm2d::new(channels).without_affine()),
        _ => Box::new(Residual::new(Sequential::new().push(BatchNorm2d::new(channels)).push(Tanh))),
    }
}

/// Convolutions of all kinds, with and without pools, some that the plan has no step for, and a norm before one of them.
///
/// What only shifts or stretches what a norm sees has no gradient but roundings: neither does a bias stand before a norm, nor
/// a convolution of one weight, nor another norm.
fn convolutional<T: Real>(stream: &mut Stream) -> Case<T> {
    let (blocks, normed) = (1 + stream.below(2), stream.below(3));
    let mut channels = [1, 3, 8][if normed == 1 { 1 + stream.below(2) } else { stream.below(3) }];
    let (input, mut modules) = (vec![channels, 12, 11], Vec::new());
    for block in 0..blocks {
        if block == normed {
            modules.push(norm(channels, stream));
        }
        let mut network = Sequential::new();
        let next = [4, 8, 18][stream.below(3)];
        let mut layer = Conv2d::new(channels, next, [1 + stream.below(3), 1 + stream.below(3)]).padding(1);
        if stream.below(4) == 0 {
            layer = layer.dilation(2);
        }
        if stream.below(4) == 0 || block + 1 == normed {
            layer = layer.without_bias();
        }
        if stream.below(2) == 0 {
            network = activated(network.push(layer), stream);
            network =
                if stream.below(4) == 0 { network.push(AvgPool2d::new(2)) } else { network.push(MaxPool2d::new(2)) };
        } else {
            network = activated(network.push(layer).push(MaxPool2d::new(2)), stream);
        }
        channels = next;
        modules.push(Box::new(network));
    }
    let network = Sequential::from(modules);
    let shape = network.output_shape(&[&[1], input.as_slice()].concat()).unwrap();
    let network = network.push(Flatten::new()).push(Linear::new(shape.iter().product(), 3)).seed(stream.next_u64());
    Case { network: Box::new(network), input }
}

fn autoencoder<T: Real>(stream: &mut Stream) -> Case<T> {
    let encoder = activated(Sequential::new().push(Linear::new(300, 120)), stream).push(Linear::new(120, 4));
    let decoder =
        activated(Sequential::new().push(Linear::new(4, 120)), stream).push(Linear::new(120, 300)).push(Sigmoid);
    Case { network: Box::new(AutoEncoder::new(encoder, decoder).seed(stream.next_u64())), input: vec![300] }
}

fn random<T: Real>(shape: &[usize], stream: &mut Stream) -> Tensor<T> {
    tensor(shape, (0..shape.iter().product()).map(|_| T::of(stream.uniform(-1.0, 1.0))).collect())
}

/// The same with three entries in four 0: products that leave zeros out are worth it.
fn thinned<T: Real>(x: &Tensor<T>, stream: &mut Stream) -> Tensor<T> {
    x.mapv(|x| if stream.below(4) == 0 { x } else { T::zero() }).into_shared()
}

/// A loss that the output fits, with targets.
fn loss<T: Real>(output: &[usize], stream: &mut Stream) -> (Box<dyn Loss<T>>, Target<T>) {
    let reduction = [Reduction::Mean, Reduction::Sum][stream.below(2)];
    let classes = Target::classes((0..output[0]).map(|_| stream.below(output[1]) as i64).collect());
    match stream.below(3) {
        0 => (Box::new(MseLoss::new().reduction(reduction)), Target::Values(random(output, stream))),
        1 => (
            Box::new(BceWithLogitsLoss::new()),
            Target::Values(random::<T>(output, stream).mapv(|y| y * y).into_shared()),
        ),
        _ => (Box::new(CrossEntropyLoss::new().reduction(reduction)), classes),
    }
}

fn close<T: Real>(name: &str, got: &[T], wanted: &[T], tolerance: f64) {
    assert_eq!(got.len(), wanted.len(), "{name}");
    let largest = wanted.iter().map(|&w| Real::to_f64(w).abs()).fold(0.0, f64::max);
    for (at, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let error = Real::to_f64(*got - *wanted).abs();
        assert!(error <= tolerance * largest, "{name} at {at}: {got} for {wanted}, the largest is {largest}");
    }
}

/// One batch through the plan and through the modules' own verbs.
fn agree<T: Real>(
    case: &Case<T>,
    loss: &dyn Loss<T>,
    x: &Tensor<T>,
    target: &Target<T>,
    threads: usize,
    tolerance: f64,
) {
    let Case { network, input } = case;
    let rows = x.shape()[0];
    let name = format!("{network} with {loss}, {rows} samples");
    let mut wanted = Gradients::zeros_for(network.as_ref());
    let reference = Engine::new(1).gradients(network.as_ref(), loss, x, target, &mut wanted).unwrap();

    let size: usize = input.iter().product();
    // A plan for more samples than there are, as for the last batch of an epoch.
    let mut plan = Plan::new(network.as_ref(), &[&[rows + 5], input.as_slice()].concat()).unwrap();
    let mut got = wanted.clone();
    let fill = |range: std::ops::Range<usize>, to: &mut [T]| {
        to.copy_from_slice(&values(x)[range.start * size..range.end * size]);
    };
    let batch = Batch { rows, fill: &fill, target };
    let mut workers = Workers::new(threads);
    // Twice, since the buffers of a plan are used again.
    for _ in 0..2 {
        got.iter_mut().for_each(|gradient| values_mut(gradient).fill(T::nan()));
        let score = plan.gradients(&mut workers, network.as_ref(), loss, &batch, &Tape::new(), &mut got).unwrap();
        close(&name, &[score.sum], &[reference.sum], tolerance);
        assert_eq!((score.correct, score.samples), (reference.correct, reference.samples), "{name}");
        for ((parameter, got), (_, wanted)) in got.named().zip(wanted.named()) {
            close(&format!("{name}, {parameter}"), values(got), values(wanted), tolerance);
        }
    }

    let output = network.forward(x, &mut Tape::off());
    let mut predictor = Predictor::new(network.as_ref(), input, rows).unwrap();
    close(&name, predictor.predict(values(x)).unwrap(), values(&output), tolerance);
}

fn law<T: Real>(tolerance: f64) {
    for seed in 0..60 {
        let mut stream = Stream::new(seed);
        let case: Case<T> = match seed % 5 {
            0 | 1 => dense(&mut stream),
            2 | 3 => convolutional(&mut stream),
            _ => autoencoder(&mut stream),
        };
        let rows = [1, 2, 17, 64][stream.below(4)];
        let shape = [&[rows], case.input.as_slice()].concat();
        let x = random(&shape, &mut stream);
        let x = if stream.below(2) == 0 { thinned(&x, &mut stream) } else { x };
        let (loss, target) = loss(&case.network.output_shape(&shape).unwrap(), &mut stream);
        agree(&case, &*loss, &x, &target, 1 + (seed % 2) as usize, tolerance);
    }
}

#[test]
fn the_plan_computes_what_the_modules_compute_in_f64() {
    law::<f64>(1e-12);
}

#[test]
fn the_plan_computes_what_the_modules_compute_in_f32() {
    law::<f32>(1e-4);
}

#[test]
fn modules_without_a_step_of_their_own_run_as_they_are() {
    let network = Sequential::<f64>::new().push(Linear::new(6, 4)).push(Softmax::new()).push(Linear::new(4, 3));
    let case = Case { network: Box::new(network.push(LogSoftmax::new()).seed(3)), input: vec![6] };
    let mut stream = Stream::new(1);
    let x = random(&[9, 6], &mut stream);
    agree(&case, &NllLoss::new(), &x, &Target::classes(vec![0, 1, 2, 2, 1, 0, 1, 1, 0]), 1, 1e-12);
}

#[test]
fn a_network_may_end_in_a_divided_layer_or_in_a_batch_norm_or_in_both() {
    let divided = Sequential::<f64>::new().push(Linear::new(7, 200)).push(Tanh).push(Linear::new(200, 300));
    let normalised = Sequential::new().push(Linear::new(7, 5).without_bias()).push(BatchNorm1d::new(5));
    let both = Sequential::new().push(Linear::new(7, 200).without_bias()).push(BatchNorm1d::new(200)).push(Silu);
    let mut stream = Stream::new(4);
    for (network, outputs) in [(divided, 300), (normalised, 5), (both.push(Linear::new(200, 300)), 300)] {
        let case = Case { network: Box::new(network.seed(2)), input: vec![7] };
        let (x, y) = (random(&[17, 7], &mut stream), random(&[17, outputs], &mut stream));
        agree(&case, &MseLoss::new(), &x, &Target::Values(y), 2, 1e-12);
    }
}

/// With the activation between them, and only where the divided layer is the first one.
#[test]
fn a_dense_layer_of_few_outputs_is_divided_with_the_wide_one_before_it() {
    let wide = || Sequential::<f64>::new().push(Linear::new(300, 140));
    let (few, many) = (|| Linear::new(140, 32), Linear::new(140, 33));
    let before_norm = || wide().push(Tanh).push(few().without_bias()).push(BatchNorm1d::new(32));
    let mut stream = Stream::new(8);
    let x = random(&[20, 300], &mut stream);
    let sparse = thinned(&x, &mut stream);
    for (network, taken) in [
        (wide().push(Tanh).push(few()), true),
        (wide().push(Relu).push(few().without_bias()), true),
        (Sequential::new().push(Linear::new(300, 140).without_bias()).push(Sigmoid).push(few()), true),
        (wide().push(LeakyRelu { negative_slope: 0.1 }).push(few()).push(Tanh).push(Linear::new(32, 3)), true),
        (before_norm().push(Linear::new(32, 3)), true),
        (Sequential::new().push(Residual::new(before_norm().push(Linear::new(32, 300)))), true),
        (wide().push(Tanh).push(many), false),
        (wide().push(Silu).push(few()), false),
        (wide().push(few()), false),
        (Sequential::new().push(Tanh).push(wide()).push(Tanh).push(few()), false),
    ] {
        let network = network.seed(4);
        let plan = Plan::new(&network, &[20, 300]).unwrap();
        let found = plan.lines().iter().any(|line| line.step == "dense, of parts");
        assert_eq!(found, taken, "{network}");
        let outputs = network.output_shape(&[20, 300]).unwrap();
        let target = Target::Values(random(&outputs, &mut stream));
        let case = Case { network: Box::new(network), input: vec![300] };
        for x in [&x, &sparse] {
            agree(&case, &MseLoss::new(), x, &target, 2, 1e-12);
        }
    }
}

/// A layer that panics on every slice.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broken")
    }
}

impl Module<f32> for Broken {
    fn output_shape(&self, input: &[usize]) -> limpide::Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn forward(&self, _: &Tensor<f32>, _: &mut Tape<f32>) -> Tensor<f32> {
        panic!("the layer is broken")
    }

    fn backward_delta(&self, _: &mut Tape<f32>, delta: &Tensor<f32>) -> Tensor<f32> {
        delta.clone()
    }
}

/// More slices than threads: those that come after the panics of all threads must not wait for a buffer for ever.
#[test]
fn a_module_that_panics_ends_the_pass_on_two_threads_too() {
    fn gradients() {
        let network = Sequential::new().push(Tanh).push(Broken);
        let target = Target::Values(zeros(&[512, 200]));
        let batch = Batch { rows: 512, fill: &|_, to: &mut [f32]| to.fill(0.5), target: &target };
        let mut plan = Plan::new(&network, &[512, 200]).unwrap();
        let (mut workers, mut gradients) = (Workers::new(2), Gradients::zeros_for(&network));
        let _ = plan.gradients(&mut workers, &network, &MseLoss::new(), &batch, &Tape::new(), &mut gradients);
    }
    fn predictions() {
        let network = Sequential::new().push(Tanh).push(Broken);
        let mut predictor = Predictor::new(&network, &[200], 512).unwrap();
        predictor.predict_slices(&mut Workers::new(2), 512, &|_, to| to.fill(0.5), &|_, _| ());
    }
    for pass in [gradients, predictions] {
        let (sender, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(std::panic::catch_unwind(pass).is_err()));
        assert_eq!(ended.recv_timeout(std::time::Duration::from_secs(60)), Ok(true), "whether it ends, and by a panic");
    }
}

#[test]
fn transposed_convolutions_have_a_step_of_their_own() {
    let mut stream = Stream::new(14);
    let (x, target) = (random(&[7, 3, 5, 4], &mut stream), Target::Values(random(&[7, 2], &mut stream)));
    let wide = ConvTranspose2d::new(3, 4, [3, 2]).stride(2).padding(1).output_padding(1);
    let grouped = ConvTranspose2d::new(4, 6, 3).groups(2).without_bias();
    let network = Sequential::<f64>::new().push(wide).push(Silu).push(grouped).push(Relu).push(Flatten::new());
    let features = network.output_shape(x.shape()).unwrap()[1];
    let case = Case { network: Box::new(network.push(Linear::new(features, 2)).seed(5)), input: vec![3, 5, 4] };
    let plan = Plan::new(case.network.as_ref(), x.shape()).unwrap();
    assert_eq!(plan.lines().iter().filter(|line| line.step == "convolution").count(), 2);
    for threads in [1, 2] {
        agree(&case, &MseLoss::new(), &x, &target, threads, 1e-12);
    }
}

/// Weights that move in the middle of the pass must move as they would after it, by rules with and without a state.
#[test]
fn a_step_without_gradients_has_the_bits_of_one_with_them() {
    let rules: [fn() -> Optimizer<f32>; 3] = [
        || Sgd::new(0.1).unwrap().momentum(0.9).into(),
        || Optimizer::from(AdamW::new(0.01).unwrap()).group(Group::max_rank(1).weight_decay(0.0)),
        || Optimizer::from(Sgd::new(0.1).unwrap()).lookahead(Lookahead { k: 2, alpha: 0.5 }),
    ];
    let (loss, mut stream) = (MseLoss::new(), Stream::new(6));
    // So many inputs that a part of 300 outputs moves in two turns.
    let x = random(&[16, 900], &mut stream);
    let target = Target::Values(random(&[16, 3], &mut stream));
    let sparse = thinned(&x, &mut stream);
    let inputs = [(&x, true), (&sparse, true), (&x, false), (&sparse, false)];
    for (rule, (x, deep)) in rules.iter().flat_map(|rule| inputs.map(|input| (rule, input))) {
        let network = || {
            let network = Sequential::<f32>::new().push(Linear::new(900, 300)).push(Tanh);
            let deeper = || Sequential::new().push(Linear::new(300, 200)).push(Tanh).push(Linear::new(200, 3));
            if deep { network.push(deeper()) } else { network.push(Linear::new(300, 3)) }.seed(1)
        };
        let (mut fused, mut plain) = (network(), network());
        let mut with = Optim::new(&mut plain, &loss, rule(), 1);
        let mut without = Optim::new(&mut fused, &loss, rule(), 2).without_gradients();
        for _ in 0..5 {
            assert_eq!(with.step(x, &target).unwrap(), without.step(x, &target).unwrap());
        }
        assert!(without.gradients()[0].iter().all(|&g| g == 0.0), "the first layer's weight moves early");
        assert_eq!(with.optimizer().state(), without.optimizer().state());
        // A loss that is no number moves nothing.
        let bad = Target::Values(tensor(&[16, 3], vec![f32::NAN; 48]));
        assert!(without.step(x, &bad).unwrap().is_nan());
        drop((with, without));
        assert_eq!(fused.parameters(), plain.parameters());
    }
}

#[test]
fn a_batch_that_is_too_large_is_refused() {
    let network = Sequential::<f32>::new().push(Linear::new(2, 1));
    let mut predictor = Predictor::new(&network, &[2], 3).unwrap();
    let error = predictor.predict(&[0.0; 8]).unwrap_err().to_string();
    assert_eq!(error, "Plan: the batch must be at most 3 samples of shape (2,), got 4");
    assert!(predictor.predict(&[0.0; 3]).is_err());
}

/// The first axis is the batch, which a plan cuts into slices.
#[test]
fn a_layer_that_mixes_the_samples_of_a_batch_is_refused() {
    let chain = |layer: Box<dyn Module<f32>>| Sequential::from(vec![Box::new(Tanh) as Box<dyn Module<f32>>, layer]);
    let softmax = || Sequential::new().push(Softmax { dim: 0 });
    for (network, sample, wanted) in [
        (chain(Box::new(Softmax { dim: 0 })), &[3][..], "Softmax(0)"),
        (chain(Box::new(LogSoftmax { dim: -2 })), &[3], "LogSoftmax(-2)"),
        (chain(Box::new(LayerNorm::new([5, 3]))), &[3], "LayerNorm([5, 3])"),
        (chain(Box::new(Flatten { start_dim: 0, end_dim: -1 })), &[3, 4], "Flatten(0, -1)"),
        (chain(Box::new(Residual::new(softmax()))), &[3], "Softmax(0)"),
        (chain(Box::new(AutoEncoder::new(softmax(), Sequential::new().push(Tanh)))), &[3], "Softmax(0)"),
    ] {
        let batch = [&[5], sample].concat();
        let refusals = [
            Plan::new(&network, &batch).unwrap_err().to_string(),
            Predictor::new(&network, sample, 5).unwrap_err().to_string(),
        ];
        let found = format!("{batch:?}").replace('[', "(").replace(']', ")");
        let wanted = format!("{wanted} wants samples that stay apart (the first axis is the batch), got {found}");
        for error in refusals {
            assert!(error.starts_with("layer 1: ") && error.ends_with(&wanted), "{error}, wanted {wanted}");
        }
        // By itself it is the function that it says.
        network.forward(&zeros(&batch), &mut Tape::new());
    }
    // One axis behind the batch is left alone.
    let rows = Sequential::<f32>::new().push(Softmax { dim: 1 }).push(LayerNorm::new([3])).push(Flatten::new());
    assert!(Plan::new(&rows, &[5, 3]).is_ok());
}

/// Buffers are used again and again, by full batches and by the small one at the end of an epoch: nothing may be left over.
#[test]
fn epochs_of_training_end_where_the_modules_own_verbs_end() {
    let data = limpide::data::digits::<f64>().select(&(0..330).collect::<Vec<_>>());
    let convolutional = || {
        let network = Sequential::<f64>::new().push(Conv2d::new(1, 8, 3)).push(Relu).push(MaxPool2d::new(2));
        network.push(Flatten::new()).push(Linear::new(72, 10)).seed(1)
    };
    let wide = || {
        let network = Sequential::<f64>::new().push(Flatten::new()).push(Linear::new(64, 600)).push(Relu);
        network.push(Linear::new(600, 10)).seed(1)
    };
    for make in [&convolutional as &dyn Fn() -> Sequential<f64>, &wide] {
        let (mut planned, mut plain) = (make(), make());
        let loss = CrossEntropyLoss::new();
        let sgd = || Sgd::new(0.1).unwrap();
        Trainer::new(sgd()).epochs(3).seed(4).fit(&mut planned, &loss, &data).unwrap();
        let (mut engine, mut optimizer) = (Engine::new(1), Optimizer::from(sgd()));
        let mut gradients = Gradients::zeros_for(&plain);
        let mut batches = Batches::new((0..data.len()).collect(), 32, 4).unwrap();
        for epoch in 1..=3 {
            for indices in batches.epoch(epoch) {
                let (x, target) = data.gather(indices);
                engine.gradients(&plain, &loss, &x, &target, &mut gradients).unwrap();
                optimizer.step(&mut plain, &gradients, engine.workers()).unwrap();
            }
        }
        for ((name, got), (_, wanted)) in planned.parameters().into_iter().zip(plain.parameters()) {
            close(&format!("{planned}, {name}"), values(got), values(wanted), 1e-11);
        }
    }
}
