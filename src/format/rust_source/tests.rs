//! Every layer's source, compiled by rustc alone, against the model in its file: bit for bit.

use super::*;
use crate::data::{Inputs, Per};
use crate::format::networks;
use crate::layers::{BatchNorm2d, Conv2d, ConvTranspose2d, Flatten, Linear, Sigmoid, Tanh};
use crate::pipeline::{self, Input, Meaning};
use crate::table::{Column, Encoding, Rows, Table};
use crate::tensor::{dense, values};
use crate::{Stream, Tape, Tensor, tensor};
use std::fmt;
use std::path::Path;
use std::process::Command;

/// Numbers of all sizes, and what networks seldom see.
fn inputs(count: usize, seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed);
    let mut numbers: Vec<f32> = (0..count).map(|_| (stream.normal() * 2.0) as f32).collect();
    numbers.iter_mut().step_by(7).for_each(|x| *x *= 30.0);
    numbers[count / 2] = 0.0;
    numbers[count / 3] = -1e-30;
    numbers
}

fn bytes(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Compiles a program in a folder and runs it there.
fn compile_and_run(folder: &Path, main: &str) {
    std::fs::write(folder.join("main.rs"), main).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let options = ["--edition", "2021", "-C", "opt-level=1", "-D", "warnings", "main.rs"];
    let compiled = Command::new(rustc).args(options).current_dir(folder).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let ran = Command::new(folder.join("main")).current_dir(folder).status().unwrap();
    assert!(ran.success());
}

/// A network in a file, with what goes in and comes out; the shape of a sample.
struct Case {
    name: String,
    network: Box<dyn Module<f32>>,
    sample: Vec<usize>,
    meaning: Meaning,
    standardization: Option<Standardization>,
}

/// Each network of the other formats, and what a plan does otherwise than the modules, behind each kind of input and output.
fn cases() -> Vec<Case> {
    let plain = |(name, network, sample): networks::Case| {
        let input = Input::Tensor { shape: Some(sample.clone()), standardization: None, divisor: None, fit: None };
        let meaning = Meaning { input, output: Output::default() };
        Case { name: name.to_string(), network, sample, meaning, standardization: None }
    };
    let chain = Sequential::new().push(Conv2d::new(4, 9, 3).stride([1, 2]).padding(1)).push(Sigmoid);
    let chain = chain.push(MaxPool2d::new(2)).push(Conv2d::new(9, 5, [2, 1])).push(MaxPool2d::new([2, 1])).push(Tanh);
    let chain = chain.push(Conv2d::new(5, 3, 1)).push(Flatten::new()).push(Linear::new(18, 4));
    let alone = Conv2d::<f32>::new(4, 2, 3);
    let tiles = Sequential::new().push(Conv2d::new(2, 20, 1)).push(BatchNorm2d::new(20)).push(Tanh);
    let tiles = tiles.push(Conv2d::new(20, 261, 3).padding([1, 2])).push(Tanh).push(Conv2d::new(261, 16, 3)).push(Tanh);
    let tiles = tiles.push(ConvTranspose2d::new(16, 32, 3).padding([0, 1])).push(Conv2d::new(32, 2, 1));
    let others = [
        ("tiles", Box::new(tiles) as Box<dyn Module<f32>>, vec![2, 5, 6]),
        ("pools", Box::new(chain) as Box<dyn Module<f32>>, vec![4, 12, 12]),
        ("alone", Box::new(alone) as Box<dyn Module<f32>>, vec![4, 5, 5]),
    ];
    let mut cases: Vec<Case> = networks::all().into_iter().chain(others).map(plain).collect();

    let numbers = tensor(&[3, 4], inputs(12, 5));
    let measured = Standardization::fit(&Inputs::Real(numbers), &[0, 1, 2], Per::Feature).unwrap();
    let tensors =
        Input::Tensor { shape: Some(vec![4]), standardization: Some(measured.clone()), divisor: None, fit: None };
    let (means, stds) = (vec![101.1, 1e6, -50.3, 0.0], vec![0.7, 1e3, 0.33, 1.0]);
    let column = |(place, (&mean, &std))| Column {
        name: format!("x{place}"),
        encoding: Encoding::Number { mean, std, missing: false },
    };
    let columns = means.iter().zip(&stds).enumerate().map(column).collect();
    let table = Input::Table(Table { columns, header: true });
    let of_table = Standardization::new(means, stds, 1).unwrap();
    let classes = |activation| Output::Classes { names: vec!["a".into(), "b".into(), "c".into()], activation };
    let values = Output::Values { names: Vec::new(), mean: vec![1.5, -0.1, 0.0], std: vec![3.3, 0.7, 1.0] };
    for (name, input, standardization, output) in [
        ("values", &tensors, &measured, values),
        ("softmax_behind", &tensors, &measured, classes(Activation::Softmax)),
        ("exp_behind", &tensors, &measured, classes(Activation::Exp)),
        ("sigmoid_behind", &tensors, &measured, classes(Activation::Sigmoid)),
        ("labels", &tensors, &measured, Output::Labels { names: Vec::new(), activation: Activation::Sigmoid }),
        ("table", &table, &of_table, classes(Activation::Softmax)),
    ] {
        cases.push(Case {
            name: name.into(),
            network: Box::new(Sequential::new().push(Linear::new(4, 3))),
            sample: vec![4],
            meaning: Meaning { input: input.clone(), output },
            standardization: Some(standardization.clone()),
        });
    }
    cases
}

/// Samples in a batch.
const ROWS: usize = 3;

/// What [`Pipeline::predict`](crate::Pipeline::predict) answers, in a batch and sample by sample, is what the compiled source says.
#[test]
fn compiled_sources_give_the_bits_of_predict() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (mut main, mut calls) = (String::new(), String::new());
    let mut wanted = Vec::new();
    for (number, Case { name, mut network, sample, meaning, standardization }) in cases().into_iter().enumerate() {
        network.reset_parameters(&Stream::new(7));
        for buffer in network.buffers_mut() {
            let spread = inputs(buffer.len().max(3), number as u64);
            buffer.iter_mut().zip(spread).for_each(|(buffer, x)| *buffer = 0.5 + x.abs());
        }
        pipeline::save(&*network, &meaning, &file("model.safetensors")).unwrap();
        let pipeline = crate::model::load(file("model.safetensors")).unwrap();
        let wide = matches!(meaning.input, Input::Table(_));
        let x: Vec<f64> =
            inputs(ROWS * sample.iter().product::<usize>(), 100 + number as u64).into_iter().map(f64::from).collect();
        // Cells of a file have all digits of an f64, and columns may lie far from 0.
        let x = match &meaning.input {
            Input::Table(table) => {
                x.iter().zip(table.columns.iter().cycle()).map(|(x, column)| far(x, column)).collect()
            }
            Input::Tensor { .. } => x,
        };
        std::fs::write(file(&format!("{name}.x")), x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
            .unwrap();
        let predict = |rows: usize, x: &[f64]| {
            let answers = match &meaning.input {
                Input::Table(table) => pipeline.predict_rows(&cells(table, x)),
                Input::Tensor { .. } => {
                    let x = x.iter().map(|&x| x as f32).collect();
                    pipeline.predict(&tensor(&[&[rows], sample.as_slice()].concat(), x))
                }
            };
            values(&dense(&answers.unwrap().values)).to_vec()
        };
        let batch = predict(ROWS, &x);
        let alone: Vec<f64> = x.chunks(x.len() / ROWS).flat_map(|x| predict(1, x)).collect();
        assert_eq!(bytes(&batch), bytes(&alone), "{name}: a batch and its samples");
        let options = Export { standardization, wide, output: meaning.output, ..Export::default() };
        std::fs::write(file(&format!("{name}.rs")), export(pipeline.network(), &sample, &options).unwrap()).unwrap();
        main += &format!("mod {name};\n");
        let sample = if wide { "x.try_into().unwrap()" } else { "&narrow(x).try_into().unwrap()" };
        calls +=
            &format!("    run(\"{name}\", {name}::INPUTS, |x| {name}::predict({sample}).map(f64::from).to_vec());\n");
        wanted.push((name, batch));
    }
    main += "fn run(name: &str, inputs: usize, predict: impl Fn(&[f64]) -> Vec<f64>) {
    let bytes = std::fs::read(format!(\"{name}.x\")).unwrap();
    let x: Vec<f64> = bytes.chunks(8).map(|x| f64::from_le_bytes(x.try_into().unwrap())).collect();
    let z: Vec<u8> = x.chunks(inputs).flat_map(predict).flat_map(|z| z.to_le_bytes()).collect();
    std::fs::write(format!(\"{name}.z\"), z).unwrap();
}
fn narrow(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}
";
    compile_and_run(folder.path(), &format!("{main}fn main() {{\n{calls}}}\n"));
    wanted.retain(|(name, wanted)| std::fs::read(file(&format!("{name}.z"))).unwrap() != bytes(wanted));
    let differing: Vec<&String> = wanted.iter().map(|(name, _)| name).collect();
    assert!(differing.is_empty(), "other bits: {differing:?}");
}

/// A number about as far from its column's mean as others of that column.
fn far(x: &f64, column: &Column) -> f64 {
    match column.encoding {
        Encoding::Number { mean, std, .. } => mean + std * x,
        _ => *x,
    }
}

/// Numbers as the cells of a table's rows.
fn cells(table: &Table, x: &[f64]) -> Rows {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let mut rows = Rows::new(names.iter().copied());
    for row in x.chunks(names.len()) {
        let cells: Vec<String> = row.iter().map(f64::to_string).collect();
        rows.push(cells.iter().map(String::as_str)).unwrap();
    }
    rows
}

#[test]
fn what_the_numbers_are_stands_in_the_file() {
    let options = Export {
        inputs: vec!["width".into(), "a \"quoted\" name".into()],
        notes: vec!["width: in mm".into()],
        divisor: Some(255.0),
        output: Output::Classes { names: vec!["cat".into(), "dog".into()], activation: Activation::Softmax },
        ..Export::default()
    };
    let network = Sequential::new().push(Linear::new(2, 2));
    let source = export(&network, &[2], &options).unwrap();
    let body: String = source.split_whitespace().collect();
    assert!(body.contains(r#"INPUT_NAMES:[&str;INPUTS]=["width","a\"quoted\"name",];"#), "{source}");
    assert!(body.contains(r#"OUTPUT_NAMES:[&str;OUTPUTS]=["cat","dog",];"#), "{source}");
    assert!(source.contains("bytes divided by 255"), "{source}");
    assert!(source.contains("/// What the numbers of a sample are.\n///\n/// width: in mm\n#[allow"), "{source}");
    let plain = export(&network, &[2], &Export::default()).unwrap();
    assert!(!plain.contains("_NAMES") && !plain.contains("divided"), "{plain}");
}

/// A module that this library does not know.
#[derive(Debug)]
struct Foreign;

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Foreign")
    }
}

impl Module<f32> for Foreign {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }
    fn forward(&self, input: &Tensor<f32>, _: &mut Tape<f32>) -> Tensor<f32> {
        input.clone()
    }
    fn backward_delta(&self, _: &mut Tape<f32>, delta: &Tensor<f32>) -> Tensor<f32> {
        delta.clone()
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    let network = Sequential::new().push(crate::layers::Tanh).push(Foreign);
    let message = export(&network, &[3], &Export::default()).unwrap_err().to_string();
    assert_eq!(message, "Rust source: layer 1 must be a layer of this library, got Foreign");
    let network = Sequential::new().push(crate::layers::Softmax { dim: 0 });
    let message = export(&network, &[3], &Export::default()).unwrap_err().to_string();
    assert_eq!(message, "layer 0: Softmax(0) wants samples that stay apart (the first axis is the batch), got (1, 3)");
}
