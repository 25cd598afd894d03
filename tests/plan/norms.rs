//! Batch norms in a plan: what is done with them, beside them and around them, against the modules' own verbs.

use super::*;

/// The turn to channels last begins the chain behind the norm, and has no parameters.
#[test]
fn a_convolution_with_a_pool_may_stand_straight_behind_what_sees_the_batch_as_a_whole() {
    let residual = || Residual::new(Sequential::new().push(BatchNorm2d::new(2)).push(Tanh));
    let conv = || Sequential::<f64>::new().push(Conv2d::new(2, 2, 2).without_bias()).push(Tanh);
    let mut stream = Stream::new(8);
    let (x, target) = (random(&[17, 2, 6, 6], &mut stream), Target::Values(random(&[17, 3], &mut stream)));
    for network in [
        Sequential::new().push(BatchNorm2d::new(2)),
        conv().push(BatchNorm2d::new(2)),
        conv().push(BatchNorm2d::new(2).without_affine()),
        conv().push(residual()),
        conv().push(BatchNorm2d::new(2)).push(Tanh).push(Residual::new(Sequential::new().push(residual()))),
    ] {
        let network = network.push(Conv2d::new(2, 3, 2)).push(Relu).push(MaxPool2d::new(2)).push(Flatten::new());
        let features = network.output_shape(x.shape()).unwrap()[1];
        let case = Case { network: Box::new(network.push(Linear::new(features, 3)).seed(5)), input: vec![2, 6, 6] };
        for threads in [1, 2] {
            agree(&case, &MseLoss::new(), &x, &target, threads, 1e-12);
        }
    }
}

/// Behind other modules, first in a network, one in another that begins or ends with it, and around a divided layer.
#[test]
fn residual_blocks_that_hold_a_batch_norm_are_planned_module_by_module() {
    let conv = |inputs, outputs| Conv2d::<f64>::new(inputs, outputs, 3).padding(1).without_bias();
    let half = || Sequential::new().push(conv(4, 4)).push(BatchNorm2d::new(4));
    let block = || Residual::new(half().push(Relu).push(conv(4, 4)).push(BatchNorm2d::new(4)));
    let deep = Sequential::new().push(conv(2, 4)).push(BatchNorm2d::new(4)).push(Relu).push(block()).push(Relu);
    let deep = deep.push(block()).push(Tanh).push(MaxPool2d::new(2)).push(block());
    let first = Sequential::new().push(Residual::new(Sequential::new().push(conv(2, 2)).push(BatchNorm2d::new(2))));
    let within = Sequential::new().push(conv(2, 4)).push(Residual::new(Sequential::new().push(block()).push(half())));
    let within = within.push(Residual::new(half().push(Tanh).push(block())));
    let wide = Sequential::new().push(Linear::new(300, 300).without_bias()).push(BatchNorm1d::new(300));
    let wide = Sequential::new().push(Flatten::new()).push(Residual::new(wide));
    let mut stream = Stream::new(12);
    let target = Target::Values(random(&[17, 3], &mut stream));
    for (network, sample) in [(deep, [2, 6, 6]), (first, [2, 6, 6]), (within, [2, 6, 6]), (wide, [3, 10, 10])] {
        let input = [&[17], sample.as_slice()].concat();
        let x = random(&input, &mut stream);
        let network = network.push(Flatten::new());
        let features = network.output_shape(&input).unwrap()[1];
        let case = Case { network: Box::new(network.push(Linear::new(features, 3)).seed(6)), input: sample.to_vec() };
        for threads in [1, 2] {
            agree(&case, &MseLoss::new(), &x, &target, threads, 1e-12);
        }
    }
}

/// Modules that see the batch as a whole, and modules that draw numbers for every sample.
fn normalised<T: Real>() -> Case<T> {
    let block = Sequential::new().push(Linear::new(20, 20).without_bias()).push(BatchNorm1d::new(20)).push(Gelu::new());
    let first = Sequential::new().push(Linear::new(100, 20).without_bias()).push(BatchNorm1d::new(20)).push(Silu);
    let network = Sequential::new().push(Dropout::new(0.1)).push(first).push(Dropout::new(0.4));
    let network = network.push(Residual::new(block)).push(LayerNorm::new([20])).push(Linear::new(20, 3)).seed(7);
    Case { network: Box::new(network), input: vec![100] }
}

#[test]
fn what_a_batch_norm_sees_and_a_dropout_draws_is_the_same_by_the_plan() {
    let mut stream = Stream::new(2);
    let x = random(&[150, 100], &mut stream);
    let (loss, target) = (MseLoss::new(), Target::Values(random(&[150, 3], &mut stream)));
    // Images too, with as many channels as make three parts of unequal size.
    let images =
        Sequential::<f64>::new().push(Conv2d::new(1, 26, 3).without_bias()).push(BatchNorm2d::new(26)).push(Relu);
    let images = images.push(Flatten::new()).push(Linear::new(104, 3)).seed(7);
    let images = Case { network: Box::new(images), input: vec![1, 4, 4] };
    let pixels = random(&[11, 1, 4, 4], &mut stream);
    let values = Target::Values(random(&[11, 3], &mut stream));
    for threads in [1, 2] {
        agree(&normalised::<f64>(), &loss, &x, &target, threads, 1e-12);
        agree(&images, &loss, &pixels, &values, threads, 1e-12);
    }
}

/// Each activation and kind of pool behind a norm, in training and in prediction, and what of it one stage does.
#[test]
fn an_activation_and_a_pool_without_shared_pixels_are_done_with_the_norm_before_them() {
    let pools = [
        (MaxPool2d::new(2), true),
        (MaxPool2d::new([1, 2]).stride(3).ceil_mode(true), true),
        (MaxPool2d::new(2).padding(1), true),
        (MaxPool2d::new([7, 5]), true), // to one pixel
        (MaxPool2d::new(3).stride(2), false),
        (MaxPool2d::new(2).dilation(2).stride(2), false),
    ];
    let functions: [fn(Sequential<f64>) -> Sequential<f64>; 11] = [
        |network| network,
        |network| network.push(Relu),
        |network| network.push(LeakyRelu { negative_slope: 0.2 }),
        |network| network.push(Silu),
        |network| network.push(Gelu::new()),
        |network| network.push(Elu::default()),
        |network| network.push(Selu),
        |network| network.push(Softplus::default()),
        |network| network.push(Hardswish),
        |network| network.push(Tanh),
        |network| network.push(Sigmoid),
    ];
    let mut stream = Stream::new(9);
    let (x, target) = (random(&[13, 2, 7, 9], &mut stream), Target::Values(random(&[13, 2], &mut stream)));
    for (at, (pool, taken)) in [None].into_iter().chain(pools.map(Some)).map(Option::unzip).enumerate() {
        for (number, function) in functions.iter().enumerate() {
            let conv = Conv2d::new(2, 9, 3).padding(1).stride([1, 2]).without_bias();
            let mut network = function(Sequential::new().push(conv).push(BatchNorm2d::new(9)));
            if let Some(pool) = pool.clone() {
                network = network.push(pool);
            }
            let network = network.push(Conv2d::new(9, 2, 2).padding(1)).push(Flatten::new());
            let features = network.output_shape(x.shape()).unwrap()[1];
            let case = Case { network: Box::new(network.push(Linear::new(features, 2)).seed(5)), input: vec![2, 7, 9] };
            let plan = Plan::new(case.network.as_ref(), x.shape()).unwrap();
            let stage = plan.lines().into_iter().find(|line| line.step == "batch norm").unwrap();
            let modules = 1 + usize::from(number > 0) + usize::from(taken == Some(true));
            assert_eq!(stage.modules.split(", 2 ").count() + stage.modules.split(", 3 ").count() - 1, modules);
            agree(&case, &MseLoss::new(), &x, &target, 1 + at % 2, 1e-12);
        }
    }
}

/// As a saliency map or a check of a finished network would want it: running mean and variance are constants.
#[test]
fn gradients_in_evaluation_are_those_of_the_modules_and_move_no_buffer() {
    let mut stream = Stream::new(12);
    let (x, target) = (random(&[11, 2, 6, 6], &mut stream), Target::Values(random(&[11, 3], &mut stream)));
    let network = Sequential::<f64>::new().push(Conv2d::new(2, 5, 3)).push(BatchNorm2d::new(5)).push(Silu);
    let network = network.push(MaxPool2d::new(2)).push(Flatten::new()).push(Linear::new(20, 3)).seed(3);
    let mut network: Box<dyn Module<f64>> = Box::new(network);
    for (place, buffer) in network.buffers_mut().into_iter().enumerate() {
        values_mut(buffer).iter_mut().for_each(|value| *value += 0.5 + place as f64);
    }
    let buffers = network.buffers().into_iter().map(|(_, buffer)| buffer.clone()).collect::<Vec<_>>();
    let loss = MseLoss::new();
    let (mut tape, mut wanted) = (Tape::evaluating(), Gradients::zeros_for(network.as_ref()));
    let output = network.forward(&x, &mut tape);
    network.backward(&mut tape, &loss.backward(&output, &target), &mut wanted);

    let fill = |range: std::ops::Range<usize>, to: &mut [f64]| {
        to.copy_from_slice(&values(&x)[range.start * 72..range.end * 72]);
    };
    let mut plan = Plan::new(network.as_ref(), x.shape()).unwrap();
    let mut got = wanted.clone();
    got.iter_mut().for_each(|gradient| values_mut(gradient).fill(f64::NAN));
    let batch = Batch { rows: 11, fill: &fill, target: &target };
    plan.gradients(&mut Workers::new(2), network.as_ref(), &loss, &batch, &Tape::evaluating(), &mut got).unwrap();
    for ((parameter, got), (_, wanted)) in got.named().zip(wanted.named()) {
        close(parameter, values(got), values(wanted), 1e-12);
    }
    plan.update_buffers(network.as_mut());
    assert!(network.buffers().into_iter().map(|(_, buffer)| buffer).eq(&buffers));
}

#[test]
fn a_plan_moves_the_buffers_as_the_modules_do() {
    let (mut case, mut twin) = (normalised::<f64>(), normalised::<f64>());
    let mut stream = Stream::new(3);
    let (x, target) = (random(&[9, 100], &mut stream), Target::Values(random(&[9, 3], &mut stream)));
    let (loss, mut gradients) = (MseLoss::new(), Gradients::zeros_for(case.network.as_ref()));
    let mut engine = Engine::new(1);
    engine.set_random(Stream::new(4).at(&[0]));
    engine.gradients(twin.network.as_ref(), &loss, &x, &target, &mut gradients).unwrap();
    twin.network.update_buffers(engine.tape());

    let mut optim = Optim::new(case.network.as_mut(), &loss, Sgd::new(0.1).unwrap(), 2);
    optim.set_random(Stream::new(4), 0);
    optim.step(&x, &target).unwrap();
    let (moved, wanted) = (case.network.buffers(), twin.network.buffers());
    assert_eq!(moved.len(), 6);
    for ((name, got), (_, wanted)) in moved.into_iter().zip(wanted) {
        close(&name, values(got), values(wanted), 1e-12);
        assert!(got.iter().all(|&value| value != 0.0), "{name} has not moved");
    }
}

/// Planes whose own means differ, and are rounded by as much as the entries lie apart.
#[test]
fn the_variance_of_entries_far_from_0_keeps_its_digits() {
    let mut stream = Stream::new(21);
    let x: Vec<f32> = (0..40 * 3).map(|_| 1000.0 + 0.001 * stream.normal() as f32).collect();
    let (mean, count) = (x.iter().map(|&x| f64::from(x)).sum::<f64>() / 120.0, 120.0);
    let variance = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let norm = BatchNorm2d::new(1).momentum(1.0);
    let network = Sequential::<f32>::new().push(norm).push(Flatten::new()).push(Linear::new(3, 2));
    let mut network: Box<dyn Module<f32>> = Box::new(network.seed(1));
    let mut gradients = Gradients::zeros_for(network.as_ref());
    let mut plan = Plan::new(network.as_ref(), &[40, 1, 1, 3]).unwrap();
    let fill = |rows: std::ops::Range<usize>, to: &mut [f32]| to.copy_from_slice(&x[rows.start * 3..rows.end * 3]);
    let target = Target::Values(zeros(&[40, 2]));
    let batch = Batch { rows: 40, fill: &fill, target: &target };
    plan.gradients(&mut Workers::new(1), network.as_ref(), &MseLoss::new(), &batch, &Tape::new(), &mut gradients)
        .unwrap();
    plan.update_buffers(network.as_mut());
    let buffers: Vec<f64> = network.buffers().into_iter().map(|(_, buffer)| f64::from(values(buffer)[0])).collect();
    close("mean and variance", &buffers[..2], &[mean, variance], 1e-6);
    assert!((buffers[1] / variance - 1.0).abs() < 1e-5, "{} for {variance}", buffers[1]);
}

#[test]
fn one_value_a_channel_is_refused_by_the_layers_name_and_nothing_moves() {
    let mut case = normalised::<f64>();
    let before: Vec<_> = case.network.parameters().into_iter().map(|(_, p)| p.clone()).collect();
    let loss = MseLoss::new();
    let mut optim = Optim::new(case.network.as_mut(), &loss, Sgd::new(0.1).unwrap(), 1);
    let error = optim.step(&zeros(&[1, 100]), &Target::Values(zeros(&[1, 3]))).unwrap_err().to_string();
    assert!(error.starts_with("layer 1: layer 1: BatchNorm1d(20) wants more than one value a channel"), "{error}");
    assert!(error.ends_with("got (1, 20)"), "{error}");
    // Two samples have a variance.
    optim.step(&zeros(&[2, 100]), &Target::Values(zeros(&[2, 3]))).unwrap();
    assert!(case.network.buffers().iter().any(|(name, value)| name.ends_with("tracked") && values(value) == [1.0]));
    assert!(case.network.parameters().into_iter().zip(before).any(|((_, after), before)| *after != before));
}
