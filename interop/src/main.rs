//! One half of the comparison with PyTorch and onnxruntime, which `check.py` drives: `write DIR` leaves networks, inputs and
//! outputs there; `check DIR` reads what PyTorch has left beside them.

#[path = "../../tests/networks/mod.rs"]
mod networks;

use limpide::data::{Inputs, Per, Standardization};
use limpide::files::write_atomically;
use limpide::format::onnx::{export, import};
use limpide::format::safetensors::{Archive, encode};
use limpide::format::{Export, load_into, save};
use limpide::tensor::{values, values_mut};
use limpide::{Module, Real, Result, Stream, Tape, Tensor, zeros};
use std::path::Path;
use std::process::ExitCode;

/// How many samples are compared.
const SAMPLES: usize = 3;
/// How far the outputs may lie apart.
const TOLERANCE: f32 = 1e-5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", folder] => write(Path::new(folder)).map(|()| true),
        ["check", folder] => check(Path::new(folder)),
        _ => {
            eprintln!("wants `write DIR` or `check DIR`");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(agree) => ExitCode::from(u8::from(!agree)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Numbers around 0, all different.
fn random(shape: &[usize], seed: u64) -> Tensor<f32> {
    let mut tensor = zeros(shape);
    let mut stream = Stream::new(seed);
    values_mut(&mut tensor).iter_mut().for_each(|x| *x = f32::of(stream.normal()));
    tensor
}

fn output(network: &dyn Module<f32>, x: &Tensor<f32>) -> Tensor<f32> {
    network.forward(x, &mut Tape::off())
}

fn write(folder: &Path) -> Result<()> {
    for (name, mut network, sample) in networks::all() {
        network.reset_parameters(&Stream::new(7));
        // What training would have moved away from ones and zeros.
        for (number, buffer) in network.buffers_mut().into_iter().enumerate() {
            let shape = buffer.shape().to_vec();
            *buffer = match shape.as_slice() {
                [] => limpide::tensor(&[], vec![5.0]),
                shape => random(shape, number as u64).mapv(|x| 0.5 + x.abs()).into_shared(),
            };
        }
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let x = random(&[&[SAMPLES], sample.as_slice()].concat(), 8);
        save(&*network, &file("model.safetensors"))?;
        let y = output(&*network, &x);
        write_atomically(&file("samples.safetensors"), &encode([("x", &x), ("y", &y)], []))?;
        write_atomically(&file("onnx"), &export(&*network, &sample, &Export::default())?)?;
        // The same with what the inputs are standardised by in the graph.
        let per = if sample.len() == 1 { Per::Feature } else { Per::Channel };
        let inputs = Inputs::Real(x.mapv(|x| 3.0 * x + 1.0).into_shared());
        let standardization = Standardization::fit(&inputs, &[0, 1, 2], per)?;
        let standard = standardization.apply(&inputs)?.gather(&[0, 1, 2]);
        let x = inputs.gather(&[0, 1, 2]);
        let y = output(&*network, &standard);
        write_atomically(&file("standardized.samples.safetensors"), &encode([("x", &x), ("y", &y)], []))?;
        // Rows as those of a table, in f64.
        let wide = sample.len() == 1;
        let options = Export { standardization: Some(standardization), wide, ..Export::default() };
        write_atomically(&file("standardized.onnx"), &export(&*network, &sample, &options)?)?;
    }
    Ok(())
}

/// Whether PyTorch's weights and graphs give PyTorch's outputs here. Prints one line for each that does not.
fn check(folder: &Path) -> Result<bool> {
    let (mut count, mut graphs, mut failed) = (0, 0, 0);
    if !folder.join("dense.torch.safetensors").exists() {
        println!("skipped: PyTorch has left nothing in {}", folder.display());
        return Ok(true);
    }
    for (name, mut network, _) in networks::all() {
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let samples = Archive::read(&file("torch.samples.safetensors"))?;
        let (x, wanted) = (samples.tensor("x")?, samples.tensor("y")?);
        let mut compare = |what: &str, found: &Tensor<f32>| {
            let distance = distance(found, &wanted);
            if distance.is_none_or(|distance| distance > TOLERANCE) {
                println!("{name}: {what} is {distance:?} away from PyTorch's outputs");
                failed += 1;
            }
        };
        load_into(&mut *network, &file("torch.safetensors"))?;
        compare("the network with PyTorch's weights", &output(&*network, &x));
        count += 1;
        let graph = file("torch.onnx");
        if graph.exists() {
            match import(&graph) {
                Ok(imported) => {
                    compare("the network from PyTorch's graph", &output(&imported.network, &x));
                    graphs += 1;
                }
                Err(error) => {
                    println!("{error}");
                    failed += 1;
                }
            }
        }
    }
    println!("limpide: {count} networks with PyTorch's weights, {graphs} graphs of PyTorch, {failed} failed");
    Ok(failed == 0)
}

/// The largest distance between two tensors; none when their shapes differ or it is not a number.
fn distance(a: &Tensor<f32>, b: &Tensor<f32>) -> Option<f32> {
    let distances = values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs());
    let largest = distances.fold(0.0, |most, distance| if distance <= most { most } else { distance });
    (a.shape() == b.shape() && !largest.is_nan()).then_some(largest)
}
