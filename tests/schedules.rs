//! Schedules: PyTorch's rates (`reference/optim.py`), descriptions, states, and what a schedule does to an optimiser.

use limpide::optim::schedule::{
    CosineAnnealingLr, Interval, LinearLr, OneCycleLr, SCHEDULES, Schedule, ScheduleDescription, Scheduler,
    SequentialLr, StepLr,
};
use limpide::optim::{Adam, Optimizer, Sgd};
use serde_json::{Value, json};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/optim.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn sgd() -> Optimizer<f32> {
    Optimizer::from(Sgd::new(0.1).unwrap().momentum(0.5))
}

fn description(value: &Value) -> ScheduleDescription {
    serde_json::from_value(value.clone()).unwrap()
}

/// The rates and momentums of as many steps as there are rates.
fn run(case: &Value, metrics: Option<&[f64]>) {
    let mut optimizer = sgd();
    let mut scheduler = Scheduler::new(description(&case["description"]), &mut optimizer).unwrap();
    let (rates, momentums) = (numbers(&case["rates"]), numbers(&case["momentums"]));
    for (step, (rate, momentum)) in rates.into_iter().zip(momentums).enumerate() {
        let (got, name) = (optimizer.learning_rate(), &case["description"]);
        assert!((got - rate).abs() < 1e-13, "{name}, step {step}: {got} for {rate}");
        let got = optimizer.momentum().unwrap();
        assert!((got - momentum).abs() < 1e-13, "{name}, step {step}: momentum {got} for {momentum}");
        scheduler.step(&mut optimizer, metrics.map(|metrics| metrics[step])).unwrap();
    }
}

#[test]
fn rates_are_those_of_pytorch() {
    let reference = reference();
    reference["schedules"].as_array().unwrap().iter().for_each(|case| run(case, None));
    let metrics = numbers(&reference["metrics"]);
    reference["plateaus"].as_array().unwrap().iter().for_each(|case| run(case, Some(&metrics)));
}

#[test]
fn a_restored_state_goes_on_with_the_same_rates() {
    let reference = reference();
    let metrics = numbers(&reference["metrics"]);
    let cases = reference["schedules"].as_array().unwrap().iter().chain(reference["plateaus"].as_array().unwrap());
    for case in cases {
        let description = description(&case["description"]);
        let mut optimizer = sgd();
        let mut whole = Scheduler::new(description.clone(), &mut optimizer).unwrap();
        for &metric in &metrics[..8] {
            whole.step(&mut optimizer, Some(metric)).unwrap();
        }
        let state = serde_json::to_string(&whole.state()).unwrap();
        let mut other = sgd();
        let mut restored = Scheduler::new(description, &mut other).unwrap();
        restored.load_state(serde_json::from_str(&state).unwrap());
        other.set_learning_rate(optimizer.learning_rate()).unwrap();
        for &metric in &metrics[8..] {
            whole.step(&mut optimizer, Some(metric)).unwrap();
            restored.step(&mut other, Some(metric)).unwrap();
            assert_eq!(other.learning_rate().to_bits(), optimizer.learning_rate().to_bits(), "{}", case["description"]);
        }
        assert_eq!(restored.state(), whole.state());
    }
}

#[test]
fn a_figure_that_is_no_number_is_no_best_and_comes_back_from_json() {
    let plateau = json!({"type": "ReduceLROnPlateau", "patience": 2, "factor": 0.5});
    let rates = |metrics: &[f64]| {
        let mut optimizer = sgd();
        let mut scheduler = Scheduler::new(description(&plateau), &mut optimizer).unwrap();
        for &metric in metrics {
            scheduler.step(&mut optimizer, Some(metric)).unwrap();
            // As when the run is interrupted after every epoch.
            let state = serde_json::to_string(&scheduler.state()).unwrap();
            scheduler.load_state(serde_json::from_str(&state).unwrap());
        }
        (optimizer.learning_rate(), scheduler.state().plateau.best)
    };
    assert_eq!(rates(&[f64::NAN, 3.0, 2.0, 1.0, 0.5]), (0.1, Some(0.5)));
    assert_eq!(rates(&[f64::NAN; 3]), (0.05, None));
    assert_eq!(rates(&[f64::INFINITY; 4]), (0.05, Some(f64::INFINITY)));
    assert_eq!(rates(&[f64::NEG_INFINITY, 1.0, 1.0, 1.0]), (0.05, Some(f64::NEG_INFINITY)));
}

#[test]
fn an_argument_that_is_left_out_takes_the_length_of_the_run() {
    let cosine = || Schedule::Cosine(CosineAnnealingLr::default());
    let error = Scheduler::new(cosine(), &mut sgd()).unwrap_err().to_string();
    assert_eq!(error, "CosineAnnealingLR: T_max must be a number of steps, got none");
    let warm_up = Schedule::Linear(LinearLr { total_iters: 4, ..LinearLr::default() });
    let mut schedule = Schedule::Sequential(SequentialLr { schedulers: vec![warm_up, cosine()], milestones: vec![4] });
    schedule.fit_to(20);
    assert!((schedule.rate(1.0, 12) - 0.5).abs() < 1e-15, "half the way from 4 to 20");
    assert!(schedule.rate(1.0, 20).abs() < 1e-15);
    let mut given = Schedule::Cosine(CosineAnnealingLr { t_max: Some(7), eta_min: 0.0 });
    given.fit_to(20);
    assert!(given.rate(1.0, 7).abs() < 1e-15, "what is given stays");
}

#[test]
fn the_interval_is_an_epoch_but_for_one_cycle() {
    let step = Schedule::Step(StepLr { step_size: 1, gamma: 0.5 });
    let cycle = Schedule::OneCycle(OneCycleLr::new(0.1));
    let both =
        Schedule::Sequential(SequentialLr { schedulers: vec![step.clone(), cycle.clone()], milestones: vec![1] });
    assert_eq!(ScheduleDescription::from(step.clone()).interval(), Interval::Epoch);
    assert_eq!(ScheduleDescription::from(cycle.clone()).interval(), Interval::Step);
    assert_eq!(ScheduleDescription::from(both).interval(), Interval::Step);
    assert_eq!(step.per_step().interval(), Interval::Step);
    assert_eq!(cycle.per_epoch().interval(), Interval::Epoch);
}

#[test]
fn one_cycle_moves_the_momentum_that_there_is() {
    let cycle = || Schedule::OneCycle(OneCycleLr { total_steps: Some(10), ..OneCycleLr::new(0.1) });
    let mut adam = Optimizer::<f32>::from(Adam::new(1e-3).unwrap());
    Scheduler::new(cycle(), &mut adam).unwrap();
    assert_eq!(adam.momentum(), Some(0.95));
    let mut plain = Optimizer::<f32>::from(Sgd::new(0.1).unwrap());
    let error = Scheduler::new(cycle(), &mut plain).unwrap_err().to_string();
    assert_eq!(error, "OneCycleLR: cycle_momentum must be false with Sgd(0.1), or its momentum above 0, got true");
    let still = Schedule::OneCycle(OneCycleLr { total_steps: Some(10), cycle_momentum: false, ..OneCycleLr::new(0.1) });
    assert!(Scheduler::new(still, &mut plain).is_ok());
}

#[test]
fn descriptions_read_and_write_the_same_in_json_and_toml() {
    let reference = reference();
    let cases = reference["schedules"].as_array().unwrap().iter().chain(reference["plateaus"].as_array().unwrap());
    for case in cases {
        for interval in [None, Some("step"), Some("epoch")] {
            let mut value = case["description"].clone();
            if let Some(interval) = interval {
                value["interval"] = json!(interval);
            }
            let description = description(&value);
            let text = serde_json::to_string(&description).unwrap();
            assert_eq!(serde_json::from_str::<ScheduleDescription>(&text).unwrap(), description);
            let text = toml::to_string(&description).unwrap();
            assert_eq!(toml::from_str::<ScheduleDescription>(&text).unwrap(), description, "{text}");
        }
    }
}

#[test]
fn unknown_names_are_answered_with_the_nearest_and_the_list() {
    let refusal = |text: &str| serde_json::from_str::<ScheduleDescription>(text).unwrap_err().to_string();
    let error = refusal(r#"{"type": "steplr", "step_size": 3}"#);
    assert!(error.starts_with("there is no schedule `steplr`; did you mean `StepLR`? The schedules are"), "{error}");
    assert!(SCHEDULES.iter().all(|name| error.contains(name)), "{error}");
    let error = refusal(r#"{"type": "StepLR", "step_size": 3, "gama": 1}"#);
    assert!(error.contains("unknown field `gama`") && error.contains("`gamma`"), "{error}");
    let error = toml::from_str::<ScheduleDescription>("type = \"Cosine\"").unwrap_err().to_string();
    assert!(error.contains("there is no schedule `Cosine`; did you mean"), "{error}");
    let nested = r#"{"type": "ChainedScheduler", "schedulers": [{"type": "LinearLr2"}]}"#;
    assert_eq!(refusal(nested).matches("did you mean").count(), 1);
}

#[test]
fn arguments_out_of_range_are_refused_with_the_range_and_why() {
    for (value, wanted) in [
        (json!({"type": "StepLR", "step_size": 0}), "StepLR: step_size must be at least 1 step, got 0"),
        (
            json!({"type": "ExponentialLR", "gamma": 0.0}),
            "ExponentialLR: gamma must be a finite number above 0 (it multiplies the rate), got 0",
        ),
        (
            json!({"type": "MultiStepLR", "milestones": [5, 3]}),
            "MultiStepLR: milestones must be in ascending order, got [5, 3]",
        ),
        (
            json!({"type": "OneCycleLR", "max_lr": 0.1, "total_steps": 9, "pct_start": 1.5}),
            "OneCycleLR: pct_start must be from 0 to 1 (it is a share of the steps), got 1.5",
        ),
        (
            json!({"type": "ReduceLROnPlateau", "factor": 1.0}),
            "ReduceLROnPlateau: factor must be between 0 and 1 (the rate is to fall), got 1",
        ),
        (
            json!({"type": "ReduceLROnPlateau", "interval": "step"}),
            "ReduceLROnPlateau: interval must be epoch (a step has no validation loss), got step",
        ),
        (
            json!({"type": "SequentialLR", "milestones": [], "schedulers": [
                {"type": "ConstantLR"}, {"type": "ConstantLR"}]}),
            "SequentialLR: the number of milestones must be 1, one fewer than the schedulers, got 0",
        ),
        (
            json!({"type": "ChainedScheduler", "schedulers": [{"type": "StepLR", "step_size": 0}]}),
            "ChainedScheduler: schedulers[0]: StepLR: step_size must be at least 1 step, got 0",
        ),
        (
            json!({"type": "ChainedScheduler", "schedulers": [{"type": "ReduceLROnPlateau"}]}),
            "ChainedScheduler: schedulers must be functions of the step, got a ReduceLROnPlateau, which depends on results",
        ),
        (
            json!({"type": "ChainedScheduler", "schedulers": []}),
            "ChainedScheduler: schedulers must be at least 1, got 0",
        ),
    ] {
        assert_eq!(Scheduler::new(description(&value), &mut sgd()).unwrap_err().to_string(), wanted);
    }
    let mut optimizer = sgd();
    let plateau = description(&json!({"type": "ReduceLROnPlateau"}));
    let mut scheduler = Scheduler::new(plateau, &mut optimizer).unwrap();
    let error = scheduler.step(&mut optimizer, None).unwrap_err().to_string();
    assert_eq!(error, "ReduceLROnPlateau: metric must be a number, got none");
}
