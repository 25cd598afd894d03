//! Every layer's source, compiled by rustc alone, against the modules: bit for bit.

use super::*;
use crate::format::networks;
use crate::{Stream, Tape, Tensor, tensor, tensor::values};
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

fn bytes(numbers: &[f32]) -> Vec<u8> {
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

#[test]
fn every_layers_source_gives_the_bits_of_the_layer() {
    let folder = tempfile::tempdir().unwrap();
    let mut main = String::new();
    let mut calls = String::new();
    let mut wanted = Vec::new();
    for (number, (name, mut network, sample)) in networks::all().into_iter().enumerate() {
        network.reset_parameters(&Stream::new(7));
        for buffer in network.buffers_mut() {
            let spread = inputs(buffer.len().max(3), number as u64);
            buffer.iter_mut().zip(spread).for_each(|(buffer, x)| *buffer = 0.5 + x.abs());
        }
        std::fs::write(
            folder.path().join(format!("{name}.rs")),
            export(&*network, &sample, &Export::default()).unwrap(),
        )
        .unwrap();
        let x = inputs(sample.iter().product(), 100 + number as u64);
        std::fs::write(folder.path().join(format!("{name}.x")), bytes(&x)).unwrap();
        let x = tensor(&[&[1], sample.as_slice()].concat(), x);
        wanted.push((name, network.forward(&x, &mut Tape::off())));
        main += &format!("mod {name};\n");
        calls += &format!("    run(\"{name}\", |x| {name}::predict(x.try_into().unwrap()).to_vec());\n");
    }
    // A standardisation before the network.
    let x = tensor(&[3, 4], inputs(12, 5));
    let standardization =
        Standardization::fit(&crate::data::Inputs::Real(x.clone()), &[0, 1, 2], crate::data::Per::Feature);
    let standardization = standardization.unwrap();
    let network = Sequential::new().push(crate::layers::Linear::new(4, 2)).seed(3);
    let output = Output::Values { names: Vec::new(), mean: vec![1.5, -0.1], std: vec![3.3, 0.7] };
    let options = Export { standardization: Some(standardization.clone()), output };
    let source = export(&network, &[4], &options).unwrap();
    std::fs::write(folder.path().join("standardized.rs"), source).unwrap();
    let mut first: Vec<f32> = values(&x)[..4].to_vec();
    std::fs::write(folder.path().join("standardized.x"), bytes(&first)).unwrap();
    standardization.apply_to(&mut first);
    let mut scaled = network.forward(&tensor(&[1, 4], first), &mut Tape::off());
    for (y, (std, mean)) in scaled.iter_mut().zip([(3.3, 1.5), (0.7, -0.1)]) {
        *y = (f64::from((f64::from(*y) * std) as f32) + mean) as f32;
    }
    wanted.push(("standardized", scaled));
    main += "mod standardized;\n";
    calls += "    run(\"standardized\", |x| standardized::predict(x.try_into().unwrap()).to_vec());\n";
    main += "fn run(name: &str, predict: impl Fn(&[f32]) -> Vec<f32>) {
    let bytes = std::fs::read(format!(\"{name}.x\")).unwrap();
    let x: Vec<f32> = bytes.chunks(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    let z: Vec<u8> = predict(&x).iter().flat_map(|z| z.to_le_bytes()).collect();
    std::fs::write(format!(\"{name}.z\"), z).unwrap();
}
";
    compile_and_run(folder.path(), &format!("{main}fn main() {{\n{calls}}}\n"));
    let mut differing = Vec::new();
    for (name, wanted) in wanted {
        let found = std::fs::read(folder.path().join(format!("{name}.z"))).unwrap();
        if found != bytes(values(&crate::tensor::dense(&wanted))) {
            differing.push(name);
        }
    }
    assert!(differing.is_empty(), "other bits: {differing:?}");
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
    assert_eq!(message, "Rust source: layer 0 must be a layer that leaves samples apart, got Softmax(0)");
}
