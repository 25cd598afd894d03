//! From a network to a graph.

use super::about;
use super::graph::{Attribute, Graph};
use super::layers;
use super::proto::tensor_proto::DataType;
use super::proto::{ModelProto, OperatorSetIdProto};
use super::{IR_VERSION, OPSET};
use crate::data::Standardization;
use crate::format::Export;
use crate::model::describe;
use crate::pipeline::{Activation, Output};
use crate::{AutoEncoder, Error, Module, Residual, Result, Sequential};
use prost::Message;
use std::any::Any;

/// The bytes of an ONNX file that computes what the network gives in evaluation for samples of a shape (without batch axis).
///
/// Its input is called `input` (of f64 where that is asked for and standardised), its output `output`; known tensors have the
/// names of the parameters (`0.weight`). What the numbers of both are stands in the file's metadata where they have names:
/// `input_names`, `input_notes` and `output_names`, JSON lists, and `input_divisor` where bytes are to be divided before they go in;
/// `input_fit` says how image files are brought to the shape, `output_activation` what made probabilities of
/// classes or labels, and `output_labels` that they are labels.
///
/// # Errors
/// [`Error::Shape`] when the network does not take such samples; [`Error::Option`] naming the layer for what cannot be
/// expressed: a module that is not of this library, or one that mixes the samples of a batch.
///
/// ```
/// use limpide::{Sequential, format::{self, onnx}, layers::{Linear, Tanh}};
/// let network = Sequential::new().push(Linear::new(4, 3)).push(Tanh).seed(7);
/// let bytes = onnx::export(&network, &[4], &format::Export::default())?;
/// let same = onnx::import_bytes("network.onnx", &bytes)?;
/// assert_eq!(same.network.to_string(), "Sequential(Linear(4, 3), Tanh)");
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn export(network: &dyn Module<f32>, sample: &[usize], options: &Export) -> Result<Vec<u8>> {
    // Two samples, so that a layer that mixes them is seen by its shape.
    let input = [&[2], sample].concat();
    let output = network.output_shape(&input)?;
    let mut graph = Graph::new();
    if let Some(standardization) = &options.standardization {
        standardization.check(&input)?;
        standardize(&mut graph, standardization, sample, options.wide);
    }
    add(&mut graph, "", network, &input)?;
    answer(&mut graph, &options.output, &output)?;
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("limpide".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        graph: Some(graph.finish(sample, &output[1..])),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
        metadata_props: about::entries(options),
        functions: Vec::new(),
    };
    // Readers of the format, ours too, take no message beyond 2 GiB.
    match model.encoded_len() {
        size if size <= i32::MAX as usize => Ok(model.encode_to_vec()),
        size => Err(Error::option("ONNX: the size of the file", format!("at most {} bytes", i32::MAX), size)),
    }
}

/// (x − μ) / s, in f64 where it is `wide`.
fn standardize(graph: &mut Graph, standardization: &Standardization, sample: &[usize], wide: bool) {
    let groups = standardization.mean().len();
    // One number a group, so that it meets the numbers of its group along all later axes.
    let shape = match sample {
        _ if groups == 1 => Vec::new(),
        _ if groups == sample.iter().product::<usize>() => sample.to_vec(),
        [channels, rest @ ..] => [vec![*channels], vec![1; rest.len()]].concat(),
        [] => Vec::new(),
    };
    let std: Vec<f64> = standardization.std().iter().map(|&std| if std > 0.0 { std } else { 1.0 }).collect();
    for (operator, name, numbers) in [("Sub", "mean", standardization.mean()), ("Div", "std", &std)] {
        let name = format!("standardization.{name}");
        let known = match wide {
            true => graph.wide_tensor(name, &shape, numbers),
            false => graph.tensor(name, &crate::tensor(&shape, numbers.iter().map(|&number| number as f32).collect())),
        };
        graph.node("standardization", operator, vec![known], Vec::new());
    }
    graph.wide = wide;
    if wide {
        let to = ("to", Attribute::Int(DataType::Float as i64));
        graph.node("standardization", "Cast", Vec::new(), vec![to]);
    }
}

/// What the outputs, of the given shape, mean.
fn answer(graph: &mut Graph, meaning: &Output, shape: &[usize]) -> Result<()> {
    meaning.check(shape[1..].iter().product())?;
    match meaning.activation() {
        Some(Activation::Softmax) => graph.node("answer", "Softmax", Vec::new(), vec![("axis", Attribute::Int(-1))]),
        Some(Activation::Exp) => graph.node("answer", "Exp", Vec::new(), Vec::new()),
        Some(Activation::Sigmoid) => graph.node("answer", "Sigmoid", Vec::new(), Vec::new()),
        Some(Activation::None) | None => {}
    }
    if let Output::Values { mean, std, .. } = meaning {
        for (operator, name, numbers) in [("Mul", "answer.std", std), ("Add", "answer.mean", mean)] {
            if !numbers.is_empty() {
                let numbers = numbers.iter().map(|&number| number as f32).collect();
                let known = graph.tensor(name.into(), &crate::tensor(&shape[1..], numbers));
                graph.node("answer", operator, vec![known], Vec::new());
            }
        }
    }
    Ok(())
}

/// Adds a module's nodes behind the last value, which has the shape `input`; the shape of what they give.
fn add(graph: &mut Graph, place: &str, module: &dyn Module<f32>, input: &[usize]) -> Result<Vec<usize>> {
    let any: &dyn Any = module;
    if any.is::<Sequential<f32>>() || any.is::<AutoEncoder<f32>>() || any.is::<Residual<f32>>() {
        let around = graph.last.clone();
        let mut shape = input.to_vec();
        for (name, child) in module.children() {
            let place = if place.is_empty() { name } else { format!("{place}.{name}") };
            shape = add(graph, &place, child, &shape)?;
        }
        if any.is::<Residual<f32>>() {
            graph.node_of(place, "Add", vec![around, graph.last.clone()], Vec::new());
        }
        return Ok(shape);
    }
    let place = if place.is_empty() { "network" } else { place };
    let refused = |wanted: &str| Error::option(format!("ONNX: layer {place}"), wanted, module);
    let description = describe(module).ok_or_else(|| refused("a layer of this library"))?;
    module.output_shape(input)?;
    let output = module.sliced_shape(input).map_err(|_| refused("a layer that leaves the samples of a batch apart"))?;
    layers::add(graph, &layers::Layer { place, module, input, output: &output }, &description);
    Ok(output)
}
