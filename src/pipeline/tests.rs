//! Answers in the units of the data, from files that fit and files that do not.

use super::*;
use crate::data::{Inputs, Per, Standardization};
use crate::layers::Linear;
use crate::loss::LossDescription;
use crate::table::{Column, Encoding, Table};
use crate::{Sequential, format};
use std::fs;

/// z = weight · x.
fn linear(inputs: usize, outputs: usize, weight: Vec<f32>) -> Sequential<f32> {
    let mut network = Sequential::new().push(Linear::new(inputs, outputs).without_bias());
    *network.parameters_mut()[0] = tensor(&[outputs, inputs], weight);
    network
}

fn number(name: &str, mean: f64, std: f64) -> Column {
    Column { name: name.into(), encoding: Encoding::Number { mean, std, missing: false } }
}

/// By hand: (7 − 5) / 2 · 3 = 3, and 3 · 10 + 100 = 130.
#[test]
fn a_value_comes_back_in_its_own_units() {
    let input = Input::Table(Table { columns: vec![number("x", 5.0, 2.0)], header: true });
    let output = Output::Values { names: vec!["y".into()], mean: vec![100.0], std: vec![10.0] };
    let pipeline = Pipeline::new(linear(1, 1, vec![3.0]), input, output).unwrap();
    let answer = pipeline.predict(&tensor(&[2, 1], vec![7.0, f32::NAN])).unwrap();
    assert_eq!(answer.values, tensor(&[2, 1], vec![130.0, 100.0])); // what is missing counts as the mean
    assert_eq!((answer.class(0), answer.probabilities(0)), (None, &[][..]));
    assert_eq!(pipeline.predict(&crate::zeros(&[0, 1])).unwrap().len(), 0);
}

/// 10⁹ + 0.5 · 0.25 has ten digits more than an `f32`.
#[test]
fn values_far_from_0_keep_their_digits() {
    let input = Input::Table(Table { columns: vec![number("x", 0.0, 1.0)], header: true });
    let output = Output::Values { names: vec!["y".into()], mean: vec![1e9], std: vec![0.5] };
    let pipeline = Pipeline::new(linear(1, 1, vec![1.0]), input, output).unwrap();
    assert_eq!(pipeline.predict(&tensor(&[1, 1], vec![0.25])).unwrap().row(0), [1_000_000_000.125]);
    let as_they_are = in_units(&tensor(&[1, 2], vec![0.5, -0.0]), &[], &[]);
    assert_eq!(as_they_are.iter().map(|y| y.to_bits()).collect::<Vec<_>>(), [0.5f64, -0.0].map(f64::to_bits));
}

#[test]
fn images_are_scaled_and_take_their_shape() {
    let images = Inputs::Real(tensor(&[2, 1, 1, 2], vec![0.0, 10.0, 4.0, 10.0])); // means 2 and 10, deviations 2 and 0
    let standardization = Some(Standardization::fit(&images, &[0, 1], Per::Feature).unwrap());
    let input = Input::Tensor { shape: Some(vec![2]), standardization, divisor: None, fit: None };
    let pipeline = Pipeline::new(linear(2, 1, vec![1.0, 1.0]), input, Output::default()).unwrap();
    let answer = pipeline.predict(&tensor(&[1, 1, 1, 2], vec![4.0, 11.0])).unwrap();
    assert_eq!(answer.values, tensor(&[1, 1], vec![2.0])); // (4 − 2) / 2 + (11 − 10)
    assert!(pipeline.predict(&crate::zeros(&[1, 3])).unwrap_err().to_string().contains("wants (1, 2)"));
}

/// Many samples go through threads, a few do not; a row alone has the bits that it has among others.
#[test]
fn a_row_has_the_same_answer_alone_and_among_thousands() {
    let network = Sequential::<f32>::new().push(Linear::new(3, 4)).push(Linear::new(4, 2)).seed(3);
    let output = Output::Classes { names: vec!["a".into(), "b".into()], activation: Activation::Softmax };
    let pipeline = Pipeline::new(network, Input::default(), output).unwrap();
    let x: Vec<f32> = (0..3 * 3000).map(|i| (i as f32 * 0.37).sin()).collect();
    let all = pipeline.predict(&tensor(&[3000, 3], x.clone())).unwrap();
    for row in [0, 1, 1500, 2999] {
        let one = pipeline.predict(&tensor(&[1, 3], x[row * 3..row * 3 + 3].to_vec())).unwrap();
        assert_eq!(one.row(0), all.row(row));
    }
}

/// 1 / (1 + e⁻¹) = 0.731059 and e⁻¹ = 0.367879; softmax of (0, 1) is the first for class 1.
#[test]
fn outputs_become_probabilities_as_their_loss_means_them() {
    for (loss, outputs, wanted) in [
        ("CrossEntropyLoss", vec![0.0, 1.0], [0.268_941, 0.731_059]),
        ("NLLLoss", vec![-1.0, -1.0], [0.367_879, 0.367_879]),
        ("BCEWithLogitsLoss", vec![1.0], [0.268_941, 0.731_059]),
        ("BCELoss", vec![0.25], [0.75, 0.25]),
        ("HingeLoss", vec![1.0], [0.268_941, 0.731_059]),
    ] {
        let description: LossDescription = serde_json::from_str(&format!("{{\"name\": \"{loss}\"}}")).unwrap();
        let output =
            Output::Classes { names: vec!["no".into(), "yes".into()], activation: Activation::of(&description) };
        let pipeline = Pipeline::new(linear(1, outputs.len(), outputs), Input::default(), output).unwrap();
        let answer = pipeline.predict(&tensor(&[1, 1], vec![1.0])).unwrap();
        for (got, wanted) in answer.probabilities(0).iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-6, "{loss}: {got} {wanted}");
        }
    }
}

/// 1 / (1 + e⁻¹) = 0.731059 and 1 / (1 + e²) = 0.119203, each by itself.
#[test]
fn labels_are_probabilities_of_a_yes_and_no_class() {
    let output = |names: &[&str]| Output::Labels {
        names: names.iter().map(|name| name.to_string()).collect(),
        activation: Activation::Sigmoid,
    };
    let network = || linear(1, 2, vec![1.0, -2.0]);
    for names in [&[][..], &["wet", "cold"]] {
        let pipeline = Pipeline::new(network(), Input::default(), output(names)).unwrap();
        let answer = pipeline.predict(&tensor(&[1, 1], vec![1.0])).unwrap();
        let off = [0.731_059, 0.119_203].iter().zip(answer.row(0)).map(|(wanted, got)| (wanted - got).abs());
        assert!(off.fold(0.0, f64::max) < 1e-6, "{answer:?}");
        assert_eq!((answer.class(0), answer.probabilities(0)), (None, &[][..]));
    }
    let input = Input::Table(Table { columns: vec![number("x", 0.0, 1.0)], header: true });
    let error = Pipeline::new(network(), input, output(&["wet"])).unwrap_err().to_string();
    assert!(error.contains("one for each of 1 labels, got 2"), "{error}");
}

#[test]
#[should_panic(expected = "there is no sample 0 among 0")]
fn an_answer_without_samples_has_no_row() {
    let pipeline = Pipeline::new(linear(1, 1, vec![1.0]), Input::default(), Output::default()).unwrap();
    pipeline.predict(&crate::zeros(&[0, 1])).unwrap().row(0);
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let table = |columns| Input::Table(Table { columns, header: true });
    let classes = |count: usize| Output::Classes { names: vec!["c".into(); count], activation: Activation::None };
    let refusal = |input, output| Pipeline::new(linear(2, 3, vec![0.0; 6]), input, output).unwrap_err().to_string();
    assert!(refusal(table(vec![number("x", 0.0, 1.0)]), Output::default()).contains("wants (n, 2)"));
    let two = || table(vec![number("x", 0.0, 1.0), number("y", 0.0, 1.0)]);
    assert!(refusal(two(), classes(2)).contains("the network's outputs must be one for each of 2 classes, got 3"));
    let softmax = Output::Classes { names: vec!["no".into(), "yes".into()], activation: Activation::Softmax };
    let one = Pipeline::new(linear(1, 1, vec![1.0]), table(vec![number("x", 0.0, 1.0)]), softmax);
    let one = one.unwrap_err().to_string();
    assert!(one.contains("must be two for 2 classes where Softmax makes probabilities of them, got 1"), "{one}");
    let zero = table(vec![number("x", 0.0, 0.0), number("y", 0.0, 1.0)]);
    assert!(refusal(zero, classes(3)).contains("column `x` must be a finite mean and a deviation above 0"));
    // Where the file does not say what goes in, this is known with the first sample.
    let late = Pipeline::new(linear(2, 3, vec![0.0; 6]), Input::default(), classes(2)).unwrap();
    for samples in [0, 1] {
        let error = late.predict(&crate::zeros(&[samples, 2])).unwrap_err().to_string();
        assert!(error.contains("the network's outputs must be one for each of 2 classes, got 3"), "{error}");
    }
    let pipeline = Pipeline::new(linear(2, 3, vec![0.0; 6]), two(), classes(3)).unwrap();
    let wrong = pipeline.predict(&crate::zeros(&[1, 3])).unwrap_err().to_string();
    assert!(wrong.contains("(n, 2): the columns `x`, `y`"), "{wrong}");
}

/// What is no number in the network's eyes would come out as an answer that is none.
#[test]
fn numbers_that_are_not_finite_are_refused_wherever_they_come_from() {
    let column = |name: &str| number(name, 0.0, 0.5);
    let table = Input::Table(Table { columns: vec![column("x"), column("y")], header: true });
    let pipeline = |input| Pipeline::new(linear(2, 3, vec![0.0; 6]), input, Output::default()).unwrap();
    let of_table = pipeline(table);
    for infinite in [f32::INFINITY, f32::MAX] {
        let error = of_table.predict(&tensor(&[2, 2], vec![0.0, 1.0, 0.0, infinite])).unwrap_err().to_string();
        assert!(error.starts_with("row 2, column `y` of the input must be a finite number, scaled too"), "{error}");
    }
    let rows = Rows::from_csv("rows", b"x,y\n1,2\n1e308,2\n").unwrap();
    let error = of_table.predict_rows(&rows).unwrap_err().to_string();
    assert!(error.starts_with("row 2, column `x` must be a number of at most 1e38 in size"), "{error}");
    let error = pipeline(Input::default()).predict(&tensor(&[1, 2], vec![1.0, f32::NAN])).unwrap_err().to_string();
    assert!(error.starts_with("row 1, number 2 of the input must be a finite number"), "{error}");
}

#[test]
fn one_file_travels_and_any_model_file_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let input = Input::Table(Table { columns: vec![number("x", 0.1 + 0.2, 1.0 / 3.0)], header: false });
    let output = Output::Values { names: vec!["y".into()], mean: vec![1e-300], std: vec![5e8] };
    let pipeline = Pipeline::new(linear(1, 1, vec![0.5]), input, output).unwrap();
    pipeline.save(&path).unwrap();
    for place in [folder.path(), &path] {
        assert_eq!(load(place).unwrap().meaning, pipeline.meaning);
    }
    // A network without more takes and gives numbers.
    format::save(&linear(1, 1, vec![0.5]), &path).unwrap();
    assert_eq!(load(&path).unwrap().meaning, Meaning::default());
    assert_eq!(load(&path).unwrap().predict(&tensor(&[1, 1], vec![3.0])).unwrap().values, tensor(&[1, 1], vec![1.5]));
    fs::remove_file(&path).unwrap();
    assert!(load(folder.path()).unwrap_err().to_string().contains("has no model.safetensors"));
}
