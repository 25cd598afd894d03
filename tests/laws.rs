//! What every module must do, whatever it computes: each law is one test and runs on every row of the table
//! `gradcheck::modules`, so a new layer is held to all of them by one new row. A new law is one new test here.

use limpide::gradcheck::{Case, Options, check_module, modules};
use limpide::tensor::{dense, values_mut};
use limpide::{Gradients, Module, Real, Stream, Tape, Tensor, zeros};
use ndarray::{Axis, Slice};
use std::panic::{AssertUnwindSafe, catch_unwind};

// --- shapes ---------------------------------------------------------------------------------------------------------

#[test]
fn shape_inference_tells_the_shape_got() {
    for Pass { case, output, .. } in passes::<f64>() {
        assert_eq!(case.module.output_shape(&case.input).unwrap(), output.shape(), "{}", case.name());
        assert_eq!(case.module.sliced_shape(&case.input).unwrap(), output.shape(), "{}", case.name());
    }
}

#[test]
fn batches_of_none_and_of_one_sample_work() {
    for samples in [0, 1] {
        for Case { module, input } in modules::<f64>() {
            let input = [&[samples], &input[1..]].concat();
            if let Err(error) = module.training_shape(&input) {
                // One sample of one value a channel has no variance.
                assert!(samples == 1 && module.couples_samples() && error.to_string().contains("BatchNorm"), "{error}");
                assert_eq!(
                    module.output_shape(&input).unwrap(),
                    module.forward(&zeros(&input), &mut Tape::off()).shape()
                );
                continue;
            }
            let Pass { case, output, to_input, gradients, .. } = Pass::of(Case { module, input });
            assert_eq!(case.module.output_shape(&case.input).unwrap(), output.shape(), "{}", case.name());
            assert_eq!(case.module.sliced_shape(&case.input).unwrap(), output.shape(), "{}", case.name());
            assert_eq!(to_input.shape(), case.input, "{}", case.name());
            let all_zero = gradients.named().all(|(_, gradient)| gradient.iter().all(|&g| g == 0.0));
            assert_eq!(all_zero, samples == 0 || gradients.is_empty(), "{}: a gradient from no sample", case.name());
        }
    }
}

#[test]
fn a_wrong_shape_is_refused_by_a_message_that_names_the_layer() {
    for case in modules::<f64>() {
        let (module, shape) = (&case.module, &case.input);
        let mut one_channel_more = shape.clone();
        one_channel_more[1] += 1;
        let mut one_feature_more = shape.clone();
        *one_feature_more.last_mut().unwrap() += 1;
        let one_axis_less = shape[..shape.len() - 1].to_vec();
        let wrong = [one_channel_more, one_feature_more, one_axis_less, vec![shape[0]], vec![]];
        let refusals: Vec<_> = wrong.iter().filter_map(|x| Some((x, module.output_shape(x).err()?))).collect();
        if TAKE_EVERY_SHAPE.iter().any(|name| module.to_string().starts_with(name)) {
            assert!(refusals.is_empty(), "{module} takes every shape");
            continue;
        }
        assert!(!refusals.is_empty(), "{module} refuses no shape");
        for (shape, error) in refusals {
            let message = error.to_string();
            let layers = leaves(module.as_ref());
            assert!(layers.iter().any(|layer| message.contains(layer)), "{module}: {message}");
            assert!(message.contains(" wants ") && message.contains(", got ("), "{module}: {message}");
            let panic = catch_unwind(AssertUnwindSafe(|| module.forward(&zeros(shape), &mut Tape::off())));
            let panic = panic.expect_err("forward refuses what output_shape refuses");
            assert_eq!(panic.downcast_ref::<String>(), Some(&message), "{module}");
        }
    }
}

/// Modules that work entry by entry.
const TAKE_EVERY_SHAPE: [&str; 13] = [
    "Tanh",
    "Sigmoid",
    "Relu",
    "LeakyRelu",
    "PRelu(1)",
    "Elu",
    "Selu",
    "Gelu",
    "Silu",
    "Softplus",
    "Hardswish",
    "Dropout(",
    "Sequential()",
];

/// The layers inside a module, as they are written; the module itself when there is none inside.
fn leaves<T: Real>(module: &dyn Module<T>) -> Vec<String> {
    match module.children() {
        children if children.is_empty() => vec![module.to_string()],
        children => children.into_iter().flat_map(|(_, child)| leaves(child)).collect(),
    }
}

// --- gradients ------------------------------------------------------------------------------------------------------

#[test]
fn gradients_agree_with_central_differences() {
    for mut case in modules() {
        let batch = case.batch();
        let report = check_module(case.module.as_mut(), &batch, &Options::default());
        assert!(report.passed() && report.median() <= 1e-8 && report.kinks() == 0, "{report}");
        let options = Options { evaluating: true, ..Options::default() };
        let report = check_module(case.module.as_mut(), &batch, &options);
        assert!(report.passed() && report.median() <= 1e-8 && report.kinks() == 0, "in evaluation: {report}");
    }
}

#[test]
fn backward_calls_add_to_the_gradients_and_zero_grad_clears_them() {
    for Pass { case, delta, gradients, mut tape, .. } in passes::<f64>() {
        let mut sum = gradients.clone();
        sum.iter_mut().for_each(|gradient| gradient.fill(10.0));
        case.module.backward(&mut tape, &delta, &mut sum);
        case.module.backward_update_gradient(&mut tape, &delta, &mut sum);
        for ((name, sum), (_, once)) in sum.named().zip(gradients.named()) {
            assert_close(&format!("{}: {name}", case.name()), sum, &once.mapv(|g| 10.0 + 2.0 * g).into_shared(), 1e-13);
        }
        case.module.zero_grad(&mut sum);
        assert!(sum.named().all(|(_, gradient)| gradient.iter().all(|&g| g == 0.0)), "{}", case.name());
    }
}

#[test]
fn backward_is_the_two_verbs() {
    fn law<T: Real>() {
        for Pass { case, delta, gradients, to_input, .. } in passes::<T>() {
            let mut tape = Tape::new();
            case.module.forward(&case.batch(), &mut tape);
            let mut by_verbs = Gradients::zeros_for(case.module.as_ref());
            case.module.backward_update_gradient(&mut tape, &delta, &mut by_verbs);
            assert_same_bits(&case.name(), &case.module.backward_delta(&mut tape, &delta), &to_input);
            for ((name, by_verb), (_, together)) in by_verbs.named().zip(gradients.named()) {
                assert_same_bits(&format!("{}: {name}", case.name()), by_verb, together);
            }
        }
    }
    law::<f32>();
    law::<f64>();
}

// --- samples, layouts, tapes, threads, precision --------------------------------------------------------------------

#[test]
fn samples_are_independent() {
    for case in modules::<f64>() {
        // In evaluation none is coupled to another.
        let tape = || if case.module.couples_samples() { Tape::evaluating() } else { Tape::new() };
        let (new, batch) = (tape(), case.batch());
        let tape = |sample| {
            let mut tape = new.clone();
            tape.set_random(&Stream::new(0), sample);
            tape
        };
        let Pass { case, delta, output, to_input, gradients, .. } = Pass::on(tape(0), case);
        let mut sum = Gradients::zeros_for(case.module.as_ref());
        for sample in 0..case.input[0] {
            let part = |x: &Tensor<f64>| {
                let range = Slice::from(sample..sample + 1);
                let mut part = x.clone();
                part.slice_axis_inplace(Axis(0), range);
                part
            };
            let name = format!("{}, sample {sample}", case.name());
            let mut tape = tape(sample);
            assert_close(&name, &case.module.forward(&part(&batch), &mut tape), &part(&output), 0.0);
            assert_close(&name, &case.module.backward(&mut tape, &part(&delta), &mut sum), &part(&to_input), 0.0);
        }
        for ((name, sum), (_, together)) in sum.named().zip(gradients.named()) {
            assert_close(&format!("{}: {name}", case.name()), sum, together, 1e-14);
        }
    }
}

#[test]
fn the_layout_of_a_tensor_in_memory_does_not_matter() {
    fn law<T: Real>() {
        for Pass { case, delta, output, to_input, gradients, .. } in passes::<T>() {
            let (mut tape, mut own) = (Tape::new(), Gradients::zeros_for(case.module.as_ref()));
            let input = column_major(&case.batch());
            assert!(!input.is_standard_layout());
            assert_same_bits(&case.name(), &case.module.forward(&input, &mut tape), &output);
            let got = case.module.backward(&mut tape, &column_major(&delta), &mut own);
            assert_same_bits(&case.name(), &got, &to_input);
            for ((name, own), (_, dense)) in own.named().zip(gradients.named()) {
                assert_same_bits(&format!("{}: {name}", case.name()), own, dense);
            }
        }
    }
    law::<f32>();
    law::<f64>();
}

#[test]
fn a_tape_that_is_off_changes_no_bit_and_keeps_nothing() {
    fn kept<T: Real>(tape: &Tape<T>) -> bool {
        let own = tape.input.is_some() || tape.output.is_some() || !tape.indices.is_empty() || !tape.kept.is_empty();
        own || tape.children.iter().any(kept)
    }
    for case in modules::<f64>() {
        let Pass { case, output, tape, .. } = Pass::on(Tape::evaluating(), case);
        let mut off = Tape::off();
        assert_same_bits(&case.name(), &case.module.forward(&case.batch(), &mut off), &output);
        assert!(!kept(&off), "{}", case.name());
        assert!(kept(&tape), "{}", case.name());
    }
}

#[test]
fn a_tape_can_be_used_again_for_another_batch() {
    for Pass { case, delta, output, to_input, mut tape, .. } in passes::<f64>() {
        let (module, shape) = (&case.module, [&[case.input[0] + 1], &case.input[1..]].concat());
        let larger = module.forward(&zeros(&shape), &mut tape);
        module.backward_delta(&mut tape, &larger);
        assert_same_bits(&case.name(), &module.forward(&case.batch(), &mut tape), &output);
        assert_same_bits(&case.name(), &module.backward_delta(&mut tape, &delta), &to_input);
    }
}

#[test]
fn threads_share_one_module() {
    for Pass { case, delta, output, to_input, .. } in passes::<f64>() {
        let run = || {
            let mut tape = Tape::new();
            assert_same_bits(&case.name(), &case.module.forward(&case.batch(), &mut tape), &output);
            assert_same_bits(&case.name(), &case.module.backward_delta(&mut tape, &delta), &to_input);
        };
        std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(run))));
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for (mut single, mut double) in modules::<f32>().into_iter().zip(modules::<f64>()) {
        // The same numbers in both: the parameters rounded to f32.
        let parameters = single.module.parameters_mut();
        for (single, double) in parameters.into_iter().zip(double.module.parameters_mut()) {
            *double = single.mapv(f64::from).into_shared();
        }
        let (single, double) = (Pass::of(single), Pass::of(double));
        let name = double.case.name();
        assert_close(&name, &single.output.mapv(f64::from).into_shared(), &double.output, 1e-6);
        assert_close(&name, &single.to_input.mapv(f64::from).into_shared(), &double.to_input, 1e-6);
        for ((parameter, single), (_, double)) in single.gradients.named().zip(double.gradients.named()) {
            assert_close(&format!("{name}: {parameter}"), &single.mapv(f64::from).into_shared(), double, 1e-6);
        }
    }
}

// --- parameters -----------------------------------------------------------------------------------------------------

#[test]
fn parameters_have_names_of_their_own_and_one_order() {
    for mut case in modules::<f64>() {
        let named: Vec<_> = case.module.parameters().into_iter().map(|(name, p)| (name, p.shape().to_vec())).collect();
        let names: std::collections::BTreeSet<_> = named.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), named.len(), "{}: a name twice", case.module);
        let in_order = case.module.parameters_mut().into_iter().map(|p| p.shape().to_vec());
        assert!(in_order.eq(named.into_iter().map(|(_, shape)| shape)), "{}", case.module);
    }
}

#[test]
fn parameters_are_visited_in_their_order() {
    for case in modules::<f64>() {
        let mut visited = Vec::new();
        case.module.each_parameter(&mut |parameter| visited.push(parameter as *const Tensor<f64>));
        let named = case.module.parameters().into_iter().map(|(_, parameter)| parameter as *const Tensor<f64>);
        assert_eq!(visited, named.collect::<Vec<_>>(), "{}", case.module);
    }
}

#[test]
fn buffers_have_names_of_their_own_and_one_order_and_only_training_moves_them() {
    let mut seen = 0;
    for Pass { mut case, tape, .. } in passes::<f64>() {
        let named = |module: &dyn Module<f64>| {
            let named = module.buffers().into_iter().map(|(name, buffer)| (name, buffer.clone()));
            named.collect::<std::collections::BTreeMap<_, _>>()
        };
        let before = named(case.module.as_ref());
        assert_eq!(before.len(), case.module.buffers().len(), "{}: a name twice", case.module);
        assert_eq!(case.module.couples_samples(), !before.is_empty(), "{}", case.module);
        let in_order: Vec<_> = case.module.buffers().into_iter().map(|(_, buffer)| buffer.clone()).collect();
        assert!(case.module.buffers_mut().into_iter().map(|buffer| buffer.clone()).eq(in_order), "{}", case.module);

        let mut evaluating = Tape::evaluating();
        case.module.forward(&case.batch(), &mut evaluating);
        case.module.update_buffers(&evaluating);
        assert_eq!(named(case.module.as_ref()), before, "{}: evaluation moved a buffer", case.module);
        case.module.update_buffers(&tape);
        let after = named(case.module.as_ref());
        assert!(before.iter().all(|(name, buffer)| after[name] != *buffer), "{}: training moved none", case.module);
        seen += before.len();
    }
    assert!(seen >= 9, "only {seen} buffers found");
}

#[test]
fn update_parameters_steps_against_the_gradient() {
    for Pass { mut case, gradients, .. } in passes::<f64>() {
        let before: Vec<_> = case.module.parameters().into_iter().map(|(_, p)| p.clone()).collect();
        case.module.update_parameters(&gradients, 0.5);
        for ((name, after), before) in case.module.parameters().into_iter().zip(before) {
            let wanted = before - &gradients.get(&name).unwrap().mapv(|g| 0.5 * g);
            assert_same_bits(&format!("{}: {name}", case.name()), after, &wanted);
        }
    }
}

#[test]
fn start_values_are_a_function_of_the_stream() {
    for mut case in modules::<f64>() {
        let mut draw = |seed| {
            case.module.reset_parameters(&Stream::new(seed));
            case.module.parameters().into_iter().map(|(_, p)| p.clone()).collect::<Vec<_>>()
        };
        let (first, other, again) = (draw(1), draw(2), draw(1));
        assert_eq!(first, again, "{}", case.module);
        // A normalisation and a slope start the same every time.
        let constant = |p: &Tensor<f64>| p.iter().all(|value| [0.0, 0.25, 1.0].contains(value));
        let drawn = first.iter().zip(&other).filter(|(a, _)| !constant(a)).all(|(a, b)| a != b);
        assert!(drawn, "{}: a parameter is not drawn", case.module);
        assert!(first.iter().flatten().all(|p| p.is_finite()), "{}", case.module);
    }
}

// --- the table ------------------------------------------------------------------------------------------------------

#[test]
fn display_tells_modules_apart_by_their_own_name() {
    let all = modules::<f64>();
    let names: std::collections::BTreeSet<String> = all.iter().map(Case::name).collect();
    assert_eq!(names.len(), all.len(), "two modules of the table are written the same way");
    for case in &all {
        let (display, debug) = (case.module.to_string(), format!("{:?}", case.module));
        let name = |text: &str| text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_string();
        assert_eq!(name(&display), name(&debug));
        assert!(!display.is_empty());
    }
}

#[test]
fn every_public_layer_and_container_has_a_row() {
    let rows: Vec<String> = modules::<f64>().iter().map(|case| case.module.to_string()).collect();
    let exported = [include_str!("../src/layers/mod.rs"), include_str!("../src/container/mod.rs")].concat();
    let mut seen = 0;
    for name in exported_names(&exported) {
        // Options, the trait of the activations, the sizes of an image and what is generic are no layers.
        let others = ["Elementwise", "Pair", "Approximation", "Upsampling", "BatchNorm"];
        if name.ends_with("Options") || others.contains(&name.as_str()) {
            continue;
        }
        let word = |row: &String| row.split('(').next() == Some(&name);
        assert!(rows.iter().any(word), "{name} has no row in src/gradcheck/cases.rs");
        seen += 1;
    }
    assert!(seen >= 33, "only {seen} layers found: are they still exported by `pub use` lines?");
}

/// The names in the `pub use module::{…};` lines of a file.
fn exported_names(source: &str) -> Vec<String> {
    let lines = source.split(';').filter_map(|statement| statement.trim().split("pub use ").nth(1));
    let names = lines.flat_map(|line| line.split("::").last().unwrap_or_default().split(','));
    names.map(|name| name.trim_matches(|c: char| !c.is_alphanumeric()).to_string()).filter(|n| !n.is_empty()).collect()
}

// --- tools ----------------------------------------------------------------------------------------------------------

/// A row with one forward and one backward pass.
struct Pass<T: Real> {
    case: Case<T>,
    tape: Tape<T>,
    output: Tensor<T>,
    delta: Tensor<T>,
    to_input: Tensor<T>,
    gradients: Gradients<T>,
}

impl<T: Real> Pass<T> {
    fn of(case: Case<T>) -> Self {
        Self::on(Tape::new(), case)
    }

    fn on(mut tape: Tape<T>, case: Case<T>) -> Self {
        let output = case.module.forward(&case.batch(), &mut tape);
        let mut delta = zeros(output.shape());
        let mut stream = Stream::new(9);
        values_mut(&mut delta).iter_mut().for_each(|d| *d = T::of(stream.uniform(-1.0, 1.0) as f32 as f64));
        let mut gradients = Gradients::zeros_for(case.module.as_ref());
        let to_input = case.module.backward(&mut tape, &delta, &mut gradients);
        Pass { case, tape, output, delta, to_input, gradients }
    }
}

fn passes<T: Real>() -> impl Iterator<Item = Pass<T>> {
    modules().into_iter().map(Pass::of)
}

/// The same values, stored the other way round.
fn column_major<T: Real>(x: &Tensor<T>) -> Tensor<T> {
    dense(&x.clone().reversed_axes()).reversed_axes()
}

#[track_caller]
fn assert_same_bits<T: Real>(name: &str, got: &Tensor<T>, wanted: &Tensor<T>) {
    assert_eq!(got.shape(), wanted.shape(), "{name}");
    let same = |(a, b): (&T, &T)| Real::to_f64(*a).to_bits() == Real::to_f64(*b).to_bits();
    assert!(got.iter().zip(wanted).all(same), "{name}: got {got}, wanted {wanted}");
}

/// Every entry within `tolerance` of the largest one.
#[track_caller]
fn assert_close(name: &str, got: &Tensor<f64>, wanted: &Tensor<f64>, tolerance: f64) {
    assert_eq!(got.shape(), wanted.shape(), "{name}");
    let scale = wanted.iter().fold(0.0, |scale: f64, x| scale.max(x.abs()));
    let distance = got.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(distance <= tolerance * scale, "{name}: {distance:e} apart at a scale of {scale:e}");
}
