//! What every optimiser must do, whatever its formula: each law runs on every row of [`table`]. And the trajectories of
//! PyTorch (`reference/optim.py`) where the golden cases have none.

use limpide::kernels::Workers;
use limpide::layers::{Linear, Tanh};
use limpide::optim::{
    Ema, OPTIMIZERS, Optimizer, OptimizerDescription, OptimizerState, Rule, Scalars, Settings, Sgd, Step,
};
use limpide::tensor::values_mut;
use limpide::{Gradients, Module, Real, Sequential, Stream, tensor};
use serde_json::{Value, json};

/// One row for every formula and every option that changes what is kept or computed.
fn table() -> Vec<Value> {
    vec![
        json!({"type": "SGD", "lr": 0.05}),
        json!({"type": "SGD", "lr": 0.02, "momentum": 0.9, "dampening": 0.1}),
        json!({"type": "SGD", "lr": 0.02, "momentum": 0.9, "nesterov": true}),
        json!({"type": "Adam", "lr": 0.05}),
        json!({"type": "Adam", "lr": 0.05, "amsgrad": true}),
        json!({"type": "AdamW", "lr": 0.05, "weight_decay": 0.0}),
        json!({"type": "NAdam", "lr": 0.05}),
        json!({"type": "RMSprop", "lr": 0.02}),
        json!({"type": "RMSprop", "lr": 0.01, "momentum": 0.5}),
        json!({"type": "RMSprop", "lr": 0.01, "centered": true}),
        json!({"type": "RMSprop", "lr": 0.002, "centered": true, "momentum": 0.5}),
        json!({"type": "Adagrad", "lr": 0.3}),
        json!({"type": "Adadelta", "lr": 1.0, "eps": 1e-3}),
        json!({"type": "SGD", "lr": 0.05, "lookahead": {"k": 3, "alpha": 0.6}}),
        json!({"type": "Adam", "lr": 0.05, "lookahead": {}, "groups": [{"max_rank": 1, "lr_factor": 0.5}]}),
    ]
}

fn build<T: Real>(row: &Value) -> Optimizer<T> {
    serde_json::from_value::<OptimizerDescription>(row.clone()).unwrap().build().unwrap()
}

fn network<T: Real>() -> Sequential<T> {
    Sequential::new().push(Linear::new(3, 4)).push(Tanh).push(Linear::new(4, 2)).seed(5)
}

/// The same network with the same parameters.
fn copy_of<T: Real>(other: &Sequential<T>) -> Sequential<T> {
    let mut copy = network();
    for (own, (_, parameter)) in copy.parameters_mut().into_iter().zip(other.parameters()) {
        *own = parameter.clone();
    }
    copy
}

/// Gradients of a step, drawn from the stream of that number.
fn draw<T: Real>(network: &dyn Module<T>, step: u64) -> Gradients<T> {
    let mut gradients = Gradients::zeros_for(network);
    let mut stream = Stream::new(7).at(&[step]);
    gradients.iter_mut().for_each(|g| values_mut(g).iter_mut().for_each(|g| *g = T::of(stream.normal())));
    gradients
}

fn steps<T: Real>(
    optimizer: &mut Optimizer<T>,
    network: &mut Sequential<T>,
    range: std::ops::Range<u64>,
    threads: usize,
) {
    let mut workers = Workers::new(threads);
    for step in range {
        let gradients = draw(network, step);
        optimizer.step(network, &gradients, &mut workers).unwrap();
    }
}

fn all<T: Real>(network: &dyn Module<T>) -> Vec<f64> {
    network.parameters().into_iter().flat_map(|(_, p)| p.iter().map(|&p| Real::to_f64(p)).collect::<Vec<_>>()).collect()
}

#[test]
fn every_formula_has_a_row() {
    for name in OPTIMIZERS {
        assert!(table().iter().any(|row| row["type"] == name), "{name}");
    }
}

#[test]
fn every_optimiser_lowers_a_quadratic() {
    fn law<T: Real>() {
        for row in table() {
            // ½Σ aᵢ(θᵢ − 1)², with curvatures from 1 to 5.
            let mut network = network::<T>();
            let loss = |network: &Sequential<T>| -> f64 {
                all(network).iter().enumerate().map(|(i, p)| 0.5 * (1 + i % 5) as f64 * (p - 1.0).powi(2)).sum()
            };
            let (mut optimizer, mut workers, start) = (build::<T>(&row), Workers::new(1), loss(&network));
            for _ in 0..300 {
                let mut gradients = Gradients::zeros_for(&network);
                let mut i = 0;
                for ((_, parameter), gradient) in network.parameters().into_iter().zip(gradients.iter_mut()) {
                    for (&p, g) in parameter.iter().zip(values_mut(gradient)) {
                        *g = T::of((1 + i % 5) as f64) * (p - T::one());
                        i += 1;
                    }
                }
                optimizer.step(&mut network, &gradients, &mut workers).unwrap();
            }
            let end = loss(&network);
            assert!(end < 0.02 * start, "{row}: from {start} to {end}");
        }
    }
    law::<f32>();
    law::<f64>();
}

#[test]
fn a_restored_state_goes_on_with_the_same_bits() {
    fn law<T: Real>() {
        for row in table() {
            let (mut whole, mut network) = (build::<T>(&row), network::<T>());
            // A rate that a schedule has changed is part of the state.
            whole.set_learning_rate(0.9 * whole.learning_rate()).unwrap();
            if let Some(momentum) = whole.momentum() {
                whole.set_momentum(0.9 * momentum).unwrap();
            }
            steps(&mut whole, &mut network, 0..7, 1);
            let (state, mut copy) = (whole.state(), copy_of(&network));
            steps(&mut whole, &mut network, 7..15, 1);
            let mut restored = build::<T>(&row);
            restored.load_state(&copy, &state).unwrap();
            assert_eq!(restored.state(), state, "{row}");
            steps(&mut restored, &mut copy, 7..15, 1);
            assert_eq!(all(&copy), all(&network), "{row}");
            assert_eq!(restored.state(), whole.state(), "{row}");
            assert_eq!(restored.clock(), 15);
        }
    }
    law::<f32>();
    law::<f64>();
}

#[test]
fn a_state_from_before_the_first_step_is_a_state() {
    for row in table() {
        let (fresh, mut used, mut network) = (build::<f64>(&row), build::<f64>(&row), network::<f64>());
        let mut copy = copy_of(&network);
        steps(&mut used, &mut network, 0..3, 1);
        used.load_state(&copy, &fresh.state()).unwrap();
        steps(&mut used, &mut copy, 0..3, 1);
        assert_eq!(all(&copy), all(&network), "{row}");
    }
}

#[test]
fn a_state_of_another_network_is_refused_with_all_that_differs() {
    let row = json!({"type": "Adam", "lr": 0.1});
    let (mut optimizer, mut small) = (build::<f32>(&row), network::<f32>());
    steps(&mut optimizer, &mut small, 0..1, 1);
    let before = optimizer.state();
    let mut state = before.clone();
    state.tensors[0].1 = limpide::zeros(&[3, 4]);
    state.tensors[1].0 = "9.weight.exp_avg_sq".into();
    state.numbers.remove("momentum");
    let error = optimizer.load_state(&small, &state).unwrap_err().to_string();
    for part in [
        "the state does not fit Adam(0.1): ",
        "momentum is missing",
        "0.weight.exp_avg_sq is missing",
        "9.weight.exp_avg_sq is of no use",
        "0.weight.exp_avg must be (4, 3), got (3, 4)",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(optimizer.state(), before);
    // A rule that keeps something else.
    let other = build::<f32>(&json!({"type": "Adagrad"})).load_state(&small, &before).unwrap_err().to_string();
    assert!(other.contains("0.weight.sum is missing") && other.contains("2.bias.exp_avg is of no use"), "{other}");
    // And the optimiser itself, taken to another network.
    let larger = Sequential::new().push(Linear::<f32>::new(3, 5));
    let error = optimizer.prepare(&larger).unwrap_err().to_string();
    assert!(error.contains("0.weight (4, 3)") && error.contains("0.weight (5, 3)"), "{error}");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for row in table() {
        // Large enough to be divided, with a length that no chunk divides.
        let large = || Sequential::new().push(Linear::<f32>::new(301, 403)).push(Linear::new(403, 7)).seed(3);
        let (mut one, mut three) = (large(), large());
        let (mut by_one, mut by_three) = (build(&row), build(&row));
        steps(&mut by_one, &mut one, 0..3, 1);
        steps(&mut by_three, &mut three, 0..3, 3);
        assert!(all(&one) == all(&three), "{row}");
        assert_eq!(by_one.state(), by_three.state(), "{row}");
    }
}

#[test]
fn without_gradient_and_decay_nothing_moves() {
    for row in table() {
        let (mut optimizer, mut network) = (build::<f32>(&row), network::<f32>());
        let (before, gradients) = (all(&network), Gradients::zeros_for(&network));
        for _ in 0..10 {
            optimizer.step(&mut network, &gradients, &mut Workers::new(1)).unwrap();
        }
        assert_eq!(all(&network), before, "{row}");
    }
}

#[test]
fn single_precision_follows_double() {
    for row in table() {
        let (mut single, mut double) = (network::<f32>(), network::<f64>());
        for (double, single) in double.parameters_mut().into_iter().zip(single.parameters_mut()) {
            *double = single.mapv(f64::from).into_shared();
        }
        steps(&mut build(&row), &mut single, 0..10, 1);
        steps(&mut build(&row), &mut double, 0..10, 1);
        for (single, double) in all(&single).into_iter().zip(all(&double)) {
            assert!((single - double).abs() < 1e-4, "{row}: {single} for {double}");
        }
    }
}

#[test]
fn groups_have_a_rate_and_a_decay_of_their_own() {
    let row = json!({"type": "SGD", "lr": 0.5, "weight_decay": 0.1, "groups": [
        {"suffix": "bias", "weight_decay": 0.0}, {"prefix": "0.", "lr_factor": 0.0}]});
    let (mut optimizer, mut network) = (build::<f64>(&row), network::<f64>());
    let before: Vec<_> = network.parameters().into_iter().map(|(name, p)| (name, p.clone())).collect();
    let gradients = Gradients::zeros_for(&network);
    optimizer.step(&mut network, &gradients, &mut Workers::new(1)).unwrap();
    for ((name, before), (_, after)) in before.iter().zip(network.parameters()) {
        // Only the second weight decays: by 1 − 0.5·0.1.
        let factor = if name == "2.weight" { 0.95 } else { 1.0 };
        assert!(after.iter().zip(before).all(|(after, before)| (after - factor * before).abs() < 1e-15), "{name}");
    }
    let lost = json!({"type": "SGD", "lr": 0.5, "groups": [{"prefix": "encoder."}]});
    let error = build::<f64>(&lost).prepare(&network).unwrap_err().to_string();
    assert!(error.contains("Group::prefix(\"encoder.\")") && error.contains("0.weight (4, 3)"), "{error}");
}

#[test]
fn a_rate_that_is_set_is_the_next_steps_rate() {
    let (mut optimizer, mut network) = (Optimizer::<f64>::from(Sgd::new(1.0).unwrap()), network::<f64>());
    let (before, gradients) = (all(&network), draw(&network, 0));
    optimizer.set_learning_rate(0.0).unwrap();
    optimizer.step(&mut network, &gradients, &mut Workers::new(1)).unwrap();
    assert_eq!(all(&network), before);
    for rate in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(optimizer.set_learning_rate(rate).is_err());
    }
    let error = optimizer.set_momentum(0.9).unwrap_err().to_string();
    assert!(error.starts_with("Sgd(1): momentum must be left alone"), "{error}");
}

#[test]
#[should_panic(expected = "step on parameters of another network")]
fn a_step_on_another_network_is_refused() {
    let mut optimizer = Optimizer::<f32>::from(Sgd::new(0.1).unwrap());
    steps(&mut optimizer, &mut network(), 0..1, 1);
    steps(&mut optimizer, &mut Sequential::new().push(Linear::new(2, 2)), 0..1, 1);
}

// --- PyTorch --------------------------------------------------------------------------------------------------------

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/optim.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// A layer whose weight is the one parameter of the reference.
fn reference_layer(reference: &Value) -> Linear<f64> {
    Linear::from_values(tensor(&[1, 6], numbers(&reference["start"])), None).unwrap()
}

#[test]
fn trajectories_are_those_of_pytorch() {
    let reference = reference();
    for case in reference["optimizers"].as_array().unwrap() {
        let mut optimizer = build::<f64>(&case["description"]);
        let mut layer = reference_layer(&reference);
        let gradients = reference["gradients"].as_array().unwrap().iter();
        for (step, (gradient, after)) in gradients.zip(case["after"].as_array().unwrap()).enumerate() {
            let mut own = Gradients::zeros_for(&layer);
            own[0] = tensor(&[1, 6], numbers(gradient));
            optimizer.step(&mut layer, &own, &mut Workers::new(1)).unwrap();
            for (got, want) in layer.weight.iter().zip(numbers(after)) {
                // A running variance is a difference of nearly equal numbers: there rounding shows.
                let tolerance = if case["description"]["centered"] == true { 1e-8 } else { 1e-13 };
                let name = &case["description"];
                assert!((got - want).abs() < tolerance, "{name}, step {step}: {got} for {want}");
            }
        }
    }
}

#[test]
fn averages_are_those_of_pytorch() {
    let reference = reference();
    let average = &reference["average"];
    let (mut layer, mut ema) = (reference_layer(&reference), Ema::new(average["decay"].as_f64().unwrap()).unwrap());
    let mut sgd = Optimizer::from(Sgd::new(0.1).unwrap());
    let gradients = reference["gradients"].as_array().unwrap().iter();
    for (gradient, after) in gradients.zip(average["after"].as_array().unwrap()) {
        let mut own = Gradients::zeros_for(&layer);
        own[0] = tensor(&[1, 6], numbers(gradient));
        sgd.step(&mut layer, &own, &mut Workers::new(1)).unwrap();
        ema.update(&layer);
        let own = layer.weight.clone();
        ema.swap(&mut layer);
        let wanted = numbers(after);
        assert!(layer.weight.iter().zip(&wanted).all(|(got, want)| (got - want).abs() < 1e-14), "{:?}", layer.weight);
        // A state of the average in another one, while this one's is in the network.
        ema.swap(&mut layer);
        assert_eq!(layer.weight, own);
        let mut copy = Ema::new(0.8).unwrap();
        copy.load_state(&layer, &ema.state(&layer)).unwrap();
        assert_eq!(copy.state(&layer), ema.state(&layer));
        ema = copy;
    }
    let wrong = OptimizerState { tensors: vec![("weight".into(), tensor(&[6], vec![0.0; 6]))], ..ema.state(&layer) };
    let error = ema.load_state(&layer, &wrong).unwrap_err().to_string();
    assert_eq!(error, "the state does not fit Ema(0.8): weight must be (1, 6), got (6,)");
}

// --- descriptions ---------------------------------------------------------------------------------------------------

#[test]
fn descriptions_read_and_write_the_same_in_json_and_toml() {
    for row in table() {
        let description: OptimizerDescription = serde_json::from_value(row.clone()).unwrap();
        let text = serde_json::to_string(&description).unwrap();
        assert_eq!(serde_json::from_str::<OptimizerDescription>(&text).unwrap(), description);
        let text = toml::to_string(&description).unwrap();
        assert_eq!(toml::from_str::<OptimizerDescription>(&text).unwrap(), description, "{text}");
    }
    let text = "type = \"AdamW\"\nlr = 1e-3\n[[groups]]\nmax_rank = 1\nweight_decay = 0.0";
    let optimizer = toml::from_str::<OptimizerDescription>(text).unwrap().build::<f32>().unwrap();
    assert_eq!(optimizer.to_string(), "AdamW(0.001).group(Group::max_rank(1).weight_decay(0))");
}

#[test]
fn what_is_left_out_has_pytorchs_default() {
    for (name, wanted) in [
        ("Adam", json!({"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0, "amsgrad": false})),
        ("AdamW", json!({"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "amsgrad": false})),
        (
            "RMSprop",
            json!({"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": false}),
        ),
    ] {
        let description: OptimizerDescription = serde_json::from_value(json!({"type": name})).unwrap();
        let mut wanted = wanted;
        wanted["type"] = json!(name);
        assert_eq!(serde_json::to_value(description).unwrap(), wanted);
    }
    // PyTorch asks for SGD's rate.
    let error = serde_json::from_value::<OptimizerDescription>(json!({"type": "SGD"})).unwrap_err().to_string();
    assert!(error.contains("missing field `lr`"), "{error}");
}

#[test]
fn unknown_names_are_answered_with_the_nearest_and_the_list() {
    let in_json = |text: &str| serde_json::from_str::<OptimizerDescription>(text).unwrap_err().to_string();
    let error = in_json(r#"{"type": "adma", "lr": 0.1}"#);
    assert!(
        error.starts_with("there is no optimizer `adma`; did you mean `Adam`? The optimizers are SGD, Adam,"),
        "{error}"
    );
    let error = toml::from_str::<OptimizerDescription>("type = \"RMSProp2\"").unwrap_err().to_string();
    assert!(error.contains("there is no optimizer `RMSProp2`; did you mean `RMSprop`?"), "{error}");
    let error = in_json(r#"{"type": "Adam", "momentum": 0.9}"#);
    assert!(error.contains("unknown field `momentum`") && error.contains("`betas`"), "{error}");
    let error = in_json(r#"{"type": "Adam", "groups": [{"bias": true}]}"#);
    assert!(error.contains("unknown field `bias`") && error.contains("`max_rank`"), "{error}");
}

#[test]
fn hyper_parameters_out_of_range_are_refused_with_the_range_and_why() {
    for (row, wanted) in [
        (
            json!({"type": "SGD", "lr": -0.1}),
            "SGD: lr must be a finite number, 0 or more (a negative rate climbs), got -0.1",
        ),
        (
            json!({"type": "SGD", "lr": 0.1, "momentum": 1.0}),
            "SGD: momentum must be from 0 to below 1 (at 1 the velocity never fades), got 1",
        ),
        (
            json!({"type": "SGD", "lr": 0.1, "dampening": 2}),
            "SGD: dampening must be from 0 to 1 (it is a share of the gradient), got 2",
        ),
        (
            json!({"type": "SGD", "lr": 0.1, "nesterov": true}),
            "SGD: nesterov must be with momentum above 0 and no dampening, got momentum 0, dampening 0",
        ),
        (
            json!({"type": "Adam", "betas": [0.9, 1.0]}),
            "Adam: betas[1] must be from 0 to below 1 (at 1 a running mean never moves), got 1",
        ),
        (
            json!({"type": "AdamW", "eps": -1}),
            "AdamW: eps must be a finite number, 0 or more (it keeps a divisor above 0), got -1",
        ),
        (
            json!({"type": "NAdam", "momentum_decay": -1}),
            "NAdam: momentum_decay must be a finite number, 0 or more (a negative one gives a growing 0.96^(tψ)), got -1",
        ),
        (
            json!({"type": "RMSprop", "alpha": 1.5}),
            "RMSprop: alpha must be from 0 to below 1 (at 1 the running mean never moves), got 1.5",
        ),
        (
            json!({"type": "Adagrad", "initial_accumulator_value": -1}),
            "Adagrad: initial_accumulator_value must be a finite number, 0 or more (it is a sum of squares), got -1",
        ),
        (
            json!({"type": "Adadelta", "weight_decay": -1}),
            "Adadelta: weight_decay must be a finite number, 0 or more (a negative decay lets weights grow), got -1",
        ),
        (json!({"type": "Adam", "lookahead": {"k": 0}}), "Lookahead: k must be at least 1, got 0"),
        (
            json!({"type": "Adam", "groups": [{"max_rank": 1, "lr_factor": -1}]}),
            "Group::max_rank(1).lr_factor(-1): lr_factor must be a finite number, 0 or more (a negative rate climbs), got -1",
        ),
    ] {
        let description: OptimizerDescription = serde_json::from_value(row).unwrap();
        assert_eq!(description.build::<f32>().unwrap_err().to_string(), wanted);
    }
    // A rule of one's own, with more states than there is room for.
    let error = Optimizer::<f32>::new(Hoarder(4)).check().unwrap_err().to_string();
    assert_eq!(error, "Hoarder: the number of states must be at most 3, got 4");
    assert!(Optimizer::<f32>::new(Hoarder(3)).check().is_ok());
    // Options set one by one are checked before the first step.
    let mut optimizer = Optimizer::<f32>::from(Sgd::new(0.1).unwrap().momentum(1.5));
    let gradients = Gradients::zeros_for(&network::<f32>());
    assert!(optimizer.step(&mut network::<f32>(), &gradients, &mut Workers::new(1)).is_err());
}

/// A rule that keeps many arrays and moves nothing.
#[derive(Debug)]
struct Hoarder(usize);

impl std::fmt::Display for Hoarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hoarder")
    }
}

impl Rule<f32> for Hoarder {
    fn check(&self) -> limpide::Result<()> {
        Ok(())
    }
    fn settings(&self) -> Settings {
        Settings { lr: 0.1, momentum: None, weight_decay: 0.0 }
    }
    fn states(&self) -> Vec<&'static str> {
        vec!["state"; self.0]
    }
    fn scalars(&self, _: &Step) -> Scalars {
        [0.0; 8]
    }
    fn update(&self, _: &Scalars, _: &mut [f32], _: &[f32], _: &mut [&mut [f32]]) {}
}
