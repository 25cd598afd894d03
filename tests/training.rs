//! The training loop: what it returns, when it stops, and what it says when a loss is no longer a number.

use limpide::data::{Dataset, Inputs, Target, regression};
use limpide::layers::{BatchNorm1d, Dropout, Linear, Tanh};
use limpide::loss::MseLoss;
use limpide::optim::schedule::{
    CosineAnnealingLr, ExponentialLr, OneCycleLr, ReduceLrOnPlateau, Schedule, SequentialLr,
};
use limpide::optim::{Ema, Group, Optim, Optimizer, Sgd, StepOptions};
use limpide::train::{Flow, RangeTestOptions, Trainer, range_test, sgd};
use limpide::{Error, Module, Sequential, tensor};

fn network() -> Sequential<f32> {
    Sequential::new().push(Linear::new(2, 4)).push(Tanh).push(Linear::new(4, 1)).seed(1)
}

fn bits(network: &dyn Module<f32>) -> Vec<u32> {
    network.parameters().iter().flat_map(|(_, value)| value.iter().map(|p| p.to_bits())).collect()
}

#[test]
fn sgd_returns_the_mean_loss_of_each_epoch_and_it_falls() {
    let data = regression::<f32>(64, -1.0..1.0, 1).unwrap();
    let losses = sgd(&mut network(), &MseLoss::new(), &data, 0.1, 5, 16, 1).unwrap();
    assert_eq!(losses.len(), 5);
    assert!(losses[4] < losses[0], "{losses:?}");
}

#[test]
fn a_callback_stops_the_run_after_its_epoch() {
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let stop = |epoch: &limpide::train::Epoch, _: &dyn Module<f32>| {
        if epoch.number == 3 { Flow::Stop } else { Flow::Continue }
    };
    let trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(9).on_epoch(stop);
    assert_eq!(trainer.fit(&mut network(), &MseLoss::new(), &data).unwrap().epochs.len(), 3);
}

#[test]
fn the_first_tensor_that_overflows_is_named_and_the_parameters_stay() {
    let mut network = network();
    // tanh gives at most 1, so the second linear layer is the first to overflow.
    network.parameters_mut()[2].fill(f32::MAX);
    network.parameters_mut()[1].fill(9.0);
    let before = bits(&network);
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let error = Trainer::new(Sgd::new(0.1).unwrap()).fit(&mut network, &MseLoss::new(), &data).unwrap_err().to_string();
    assert!(error.contains("epoch 1, step 1: 2.output is the first tensor"), "{error}");
    assert!(bits(&network) == before, "a step on a loss that is not a number has moved the parameters");
}

#[test]
fn the_module_that_overflows_is_named_before_the_container_around_it() {
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let large = || {
        let mut layer = Linear::new(2, 1);
        layer.weight.fill(f32::MAX);
        layer.bias.as_mut().unwrap().fill(f32::MAX);
        layer
    };
    let inner = || Sequential::new().push(Linear::new(2, 2)).push(large());
    let nested = Sequential::new().push(Sequential::new().push(inner())).push(Linear::new(1, 1));
    for (mut network, wanted) in [
        (Box::new(nested) as Box<dyn Module<f32>>, "0.0.1.output"),
        (Box::new(inner()), "1.output"),
        (Box::new(large()), "output"),
    ] {
        let trainer = Trainer::new(Sgd::new(0.1).unwrap());
        let error = trainer.fit(&mut *network, &MseLoss::new(), &data).unwrap_err().to_string();
        assert!(error.contains(&format!("step 1: {wanted} is the first tensor of the pass")), "{network}: {error}");
    }
}

#[test]
fn a_batch_that_is_refused_takes_no_random_numbers() {
    let (loss, x) = (MseLoss::new(), tensor(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    let trained = |refused: &[Target<f32>]| {
        let mut network = Sequential::new().push(Dropout::new(0.5)).push(Linear::new(2, 9)).seed(1);
        let mut optim = Optim::new(&mut network, &loss, Sgd::new(0.1).unwrap(), 1);
        refused.iter().for_each(|target| assert!(optim.step(&x, target).is_err()));
        for _ in 0..9 {
            optim.step(&x, &Target::Values(limpide::zeros(&[2, 9]))).unwrap();
        }
        bits(&network)
    };
    assert!(trained(&[]) == trained(&[Target::classes(vec![0, 1])]));
}

#[test]
fn a_bad_number_in_the_data_is_told_from_a_bad_network() {
    let inputs = Inputs::Real(tensor(&[2, 2], vec![0.0, 1.0, f32::NAN, 1.0]));
    let data = Dataset::new("bad", inputs, Target::Values(tensor(&[2, 1], vec![0.0, 1.0])), 0).unwrap();
    let error = sgd(&mut network(), &MseLoss::new(), &data, 0.1, 1, 2, 1).unwrap_err().to_string();
    assert!(error.contains("sample 1 has an input that is NaN"), "{error}");
}

// --- what is done around a step -------------------------------------------------------------------------------------

#[test]
fn a_schedule_is_stepped_once_an_epoch_or_once_a_step() {
    let data = regression::<f32>(64, -1.0..1.0, 1).unwrap();
    let rates = |schedule| -> Vec<f64> {
        let trainer = Trainer::new(Sgd::new(0.8).unwrap()).epochs(3).batch_size(16).schedule(schedule);
        let history = trainer.fit(&mut network(), &MseLoss::new(), &data).unwrap();
        history.epochs.iter().map(|epoch| epoch.learning_rate).collect()
    };
    let halving = || Schedule::Exponential(ExponentialLr { gamma: 0.5 });
    assert_eq!(rates(halving().per_epoch()), [0.8, 0.4, 0.2]);
    // Four steps an epoch, and the rate is that of the last of them.
    assert_eq!(rates(halving().per_step()), [0.8 / 8.0, 0.8 / 128.0, 0.8 / 2048.0]);
    // A cosine as long as the run is at 0 behind its last step.
    let cosine = || Schedule::Cosine(CosineAnnealingLr::default());
    assert!((rates(cosine().per_epoch())[2] - 0.2).abs() < 1e-15); // (1 + cos ⅔π)/2 = ¼
    let last = (1.0 + (11.0 / 12.0 * std::f64::consts::PI).cos()) / 2.0 * 0.8;
    assert!((rates(cosine().per_step())[2] - last).abs() < 1e-15);
}

#[test]
fn the_network_has_the_averages_at_the_end_and_validation_sees_them() {
    let data = regression::<f32>(64, -1.0..1.0, 1).unwrap();
    let trainer = || Trainer::new(Sgd::new(0.2).unwrap()).epochs(2).batch_size(16).shuffle(false);
    let mut averaged = network();
    let history = trainer().ema(0.7).validation(&data).fit(&mut averaged, &MseLoss::new(), &data).unwrap();
    // The same by hand, step by step.
    let (mut own, mut ema, loss) = (network(), Ema::new(0.7).unwrap(), MseLoss::new());
    let mut optim = Optim::new(&mut own, &loss, Sgd::new(0.2).unwrap(), 1);
    for start in [0, 16, 32, 48, 0, 16, 32, 48] {
        let (x, y) = data.gather(&(start..start + 16).collect::<Vec<_>>());
        optim.step(&x, &y).unwrap();
        ema.update(optim.network());
    }
    assert!(bits(&own) != bits(&averaged));
    ema.swap(&mut own);
    assert!(bits(&own) == bits(&averaged));
    let score = limpide::train::evaluate(&own, &loss, &data, &mut limpide::train::Engine::new(1)).unwrap();
    assert_eq!(history.epochs[1].validation.unwrap().loss, score.loss);
}

/// What does not move takes nothing of the norm, keeps its gradient, and is not cut to size.
#[test]
fn frozen_parameters_have_no_part_in_what_stands_around_a_step() {
    let data = regression::<f32>(64, -1.0..1.0, 1).unwrap();
    let (x, y) = data.gather(&(0..64).collect::<Vec<_>>());
    let step = |options: StepOptions| {
        let mut network = network();
        let optimizer = Optimizer::from(Sgd::new(1.0).unwrap()).group(Group::prefix("0").lr_factor(0.0));
        let loss = MseLoss::new();
        let mut optim = Optim::new(&mut network, &loss, optimizer, 1).options(options).unwrap();
        optim.step(&x, &y).unwrap();
        let gradients: Vec<_> = optim.gradients().named().map(|(name, own)| (name.to_string(), own.clone())).collect();
        (gradients, network)
    };
    let (plain, _) = step(StepOptions::default());
    let options = StepOptions { clip_grad_norm: Some(0.1), max_norm: Some(0.1), ..Default::default() };
    let (clipped, moved) = step(options);
    let of = |all: &[(String, limpide::Tensor<f32>)], frozen: bool| -> Vec<f32> {
        let some = all.iter().filter(|(name, _)| name.starts_with("0.") == frozen);
        some.flat_map(|(_, own)| own.iter().copied().collect::<Vec<_>>()).collect()
    };
    let norm = |values: Vec<f32>| values.iter().map(|v| v * v).sum::<f32>().sqrt();
    assert_eq!(of(&clipped, true), of(&plain, true));
    assert!(norm(of(&plain, false)) > 0.1 && (norm(of(&clipped, false)) - 0.1).abs() < 1e-5);
    let start = network();
    assert_eq!(moved.parameters()[0], start.parameters()[0]);
    assert_ne!(moved.parameters()[2], start.parameters()[2]);
}

#[test]
fn options_around_a_step_hold() {
    let data = regression::<f32>(64, -1.0..1.0, 1).unwrap();
    let (x, y) = data.gather(&(0..64).collect::<Vec<_>>());
    let loss = MseLoss::new();
    let step = |options: StepOptions| {
        let mut network = network();
        let mut optim = Optim::new(&mut network, &loss, Sgd::new(1.0).unwrap(), 1).options(options).unwrap();
        optim.step(&x, &y).unwrap();
        let gradients: Vec<f32> = optim.gradients().iter().flatten().copied().collect();
        (gradients, network)
    };
    let norm = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>().sqrt();
    let (plain, _) = step(StepOptions::default());
    assert!(norm(&plain) > 0.1 && plain.iter().any(|g| g.abs() > 0.05), "{plain:?}");
    let (clipped, _) = step(StepOptions { clip_grad_norm: Some(0.1), ..Default::default() });
    assert!((norm(&clipped) - 0.1).abs() < 1e-5);
    let (clipped, _) = step(StepOptions { clip_grad_value: Some(0.05), ..Default::default() });
    assert!(clipped.iter().zip(&plain).all(|(c, p)| *c == p.clamp(-0.05, 0.05)));
    let (penalised, _) = step(StepOptions { l1: Some(0.25), ..Default::default() });
    let start: Vec<f32> =
        network().parameters().iter().flat_map(|(_, p)| p.iter().copied().collect::<Vec<_>>()).collect();
    let shapes: Vec<usize> = network().parameters().iter().flat_map(|(_, p)| vec![p.ndim(); p.len()]).collect();
    for i in 0..plain.len() {
        let pull = if shapes[i] > 1 { 0.25 * start[i].signum() } else { 0.0 };
        assert!((penalised[i] - plain[i] - pull).abs() < 1e-6);
    }
    let (_, constrained) = step(StepOptions { max_norm: Some(0.3), ..Default::default() });
    let parameters = constrained.parameters();
    let rows = parameters.iter().filter(|(_, p)| p.ndim() > 1).flat_map(|(_, p)| p.outer_iter());
    let norms: Vec<f32> = rows.map(|row| norm(&row.iter().copied().collect::<Vec<_>>())).collect();
    assert!(norms.iter().all(|norm| *norm < 0.300001) && norms.iter().any(|norm| *norm > 0.29999), "{norms:?}");

    for (options, wanted) in [
        (
            StepOptions { clip_grad_norm: Some(0.0), ..Default::default() },
            "clip_grad_norm must be a finite number above 0",
        ),
        (StepOptions { max_norm: Some(f64::NAN), ..Default::default() }, "max_norm must be a finite number above 0"),
        (StepOptions { ema: Some(1.0), ..Default::default() }, "EMA: decay must be from 0 to below 1"),
    ] {
        let error = options.check().unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}

#[test]
fn samples_are_augmented_mixed_standardised_and_balanced_on_their_way() {
    use limpide::data::augment::{Augmentation, RandomAffine};
    use limpide::data::{Batches, Loader, Mixup, Per, Standardization, digits};
    use limpide::layers::Flatten;
    use limpide::loss::CrossEntropyLoss;
    use limpide::optim::Optim;

    let data = digits::<f32>().select(&(0..90).collect::<Vec<_>>());
    let network = || Sequential::new().push(Flatten::new()).push(Linear::<f32>::new(64, 10)).seed(3);
    let augmentation = Augmentation::new().push(RandomAffine::new().translate(-0.2, 0.2));
    let standard = Standardization::fit(&data.inputs, &(0..90).collect::<Vec<_>>(), Per::Set).unwrap();
    let mut trained = network();
    let trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(2).batch_size(16).seed(5).threads(2);
    let trainer = trainer.augment(augmentation.clone()).mixup(Mixup::new(0.5)).standardize(standard.clone());
    trainer.balanced().drop_last().fit(&mut trained, &CrossEntropyLoss::new(), &data).unwrap();

    let loader = Loader::new(&data, 5).augment(&augmentation).unwrap().mixup(Mixup::new(0.5)).unwrap();
    let loader = loader.standardize(standard).unwrap();
    let batches = Batches::new((0..90).collect(), 16, 5).unwrap().drop_last(true);
    let mut batches = batches.balanced(&data.targets.labels().unwrap()).unwrap();
    assert_eq!(batches.len(), 5);
    let (mut by_hand, loss) = (network(), CrossEntropyLoss::new());
    let mut optim = Optim::new(&mut by_hand, &loss, Sgd::new(0.1).unwrap(), 1);
    for epoch in 1..=2 {
        for indices in batches.epoch(epoch) {
            let (x, target) = loader.batch(epoch, indices);
            optim.step(&x, &target).unwrap();
        }
    }
    assert!(bits(&trained) == bits(&by_hand));
}

#[test]
fn settings_that_leave_nothing_to_do_are_refused() {
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let refusal = |trainer: Trainer<f32>| trainer.check(&network(), &MseLoss::new(), &data).unwrap_err().to_string();
    let trainer = || Trainer::new(Sgd::new(0.1).unwrap());
    assert!(refusal(trainer().batch_size(17).drop_last()).contains("batch size must be at most the 16 samples"));
    assert!(refusal(trainer().balanced()).contains("balanced must be for one class a sample"));
    assert!(refusal(trainer().threads(0)).contains("threads must be at least 1"));
}

/// All that a run would be refused for later, when others may have made a folder for it.
#[test]
fn what_is_done_around_a_step_is_checked_before_the_run() {
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let refusal = |trainer: Trainer<f32>| trainer.check(&network(), &MseLoss::new(), &data).unwrap_err().to_string();
    let trainer = || Trainer::new(Sgd::new(0.1).unwrap());
    let options = |options: StepOptions| refusal(trainer().step_options(options));
    assert!(options(StepOptions { l1: Some(-1.0), ..Default::default() }).starts_with("l1 must be a finite number"));
    assert!(refusal(trainer().clip_grad_norm(0.0)).starts_with("clip_grad_norm must be a finite number above 0"));
    assert!(refusal(trainer().ema(1.0)).starts_with("EMA: decay must be from 0 to below 1"));
    let plateau = Schedule::Plateau(ReduceLrOnPlateau::default());
    assert!(refusal(trainer().schedule(plateau.per_step())).contains("interval must be epoch"));
    // Plain SGD has no momentum that a cycle could move, be it in the first epoch or a later one.
    let cycle = || Schedule::OneCycle(OneCycleLr::new(0.1));
    assert!(
        refusal(trainer().epochs(5).schedule(cycle()))
            .starts_with("OneCycleLR: cycle_momentum must be false with Sgd(0.1)")
    );
    let constant = Schedule::Exponential(ExponentialLr { gamma: 1.0 });
    let later = Schedule::Sequential(SequentialLr { schedulers: vec![constant, cycle()], milestones: vec![9] });
    let error = refusal(trainer().epochs(30).schedule(later));
    assert!(error.starts_with("OneCycleLR: cycle_momentum must be false with Sgd(0.1)"), "{error}");
    let moving = Trainer::new(Sgd::new(0.1).unwrap().momentum(0.9)).epochs(5).schedule(cycle());
    moving.check(&network(), &MseLoss::new(), &data).unwrap();
}

#[test]
fn a_last_batch_that_cannot_be_trained_on_is_refused_before_the_first_step() {
    let network = || Sequential::new().push(Linear::new(2, 3)).push(BatchNorm1d::new(3)).push(Linear::new(3, 1));
    let data = |samples| regression::<f32>(samples, -1.0..1.0, 1).unwrap();
    let trainer = || Trainer::new(Sgd::new(0.1).unwrap()).batch_size(32);
    let check = |trainer: Trainer<f32>, samples| trainer.check(&network(), &MseLoss::new(), &data(samples));
    for (trainer, samples) in [(trainer(), 33), (trainer(), 1), (trainer().batch_size(1), 4)] {
        let error = check(trainer, samples).unwrap_err().to_string();
        assert!(error.starts_with("layer 1: BatchNorm1d(3) wants more than one value a channel"), "{error}");
        assert!(error.ends_with("got (1, 3)"), "{error}");
    }
    for (trainer, samples) in [(trainer(), 32), (trainer(), 34), (trainer().drop_last(), 33), (trainer(), 2)] {
        check(trainer, samples).unwrap();
    }
}

#[test]
fn a_schedule_by_the_step_may_be_as_long_as_any_number() {
    let data = regression::<f32>(16, -1.0..1.0, 1).unwrap();
    let cosine = Schedule::Cosine(CosineAnnealingLr::default()).per_step();
    let trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(usize::MAX).batch_size(4).schedule(cosine);
    trainer.check(&network(), &MseLoss::new(), &data).unwrap();
}

#[test]
fn a_range_test_on_a_loss_that_is_no_number_from_the_start_says_what_is_wrong() {
    let mut network = network();
    network.parameters_mut()[0].fill(f32::NAN);
    let data = regression::<f32>(64, -1.0..1.0, 1).unwrap();
    let options = RangeTestOptions::default();
    let error = range_test(&mut network, &MseLoss::new(), &data, Sgd::new(0.1).unwrap(), &options).unwrap_err();
    assert!(matches!(error, Error::NotFinite { epoch: 1, step: 1, value, .. } if value.is_nan()), "{error}");
    assert!(error.to_string().contains("parameter 0.weight holds a value that is not finite"), "{error}");
}
