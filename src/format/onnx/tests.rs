//! Networks to graphs and back; graphs of PyTorch; files that are damaged, hostile or from the future.

use super::proto::attribute_proto::AttributeType;
use super::proto::{AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto, type_proto};
use super::*;
use crate::data::{Fit, Inputs, Per, Standardization};
use crate::format::safetensors::Archive;
use crate::format::{Export, networks};
use crate::layers::{Conv2d, Flatten, Linear, Relu, Softmax, Tanh};
use crate::model::{LayerDescription, TYPES, describe};
use crate::pipeline::{Activation, Output};
use crate::tensor::values_mut;
use crate::{Module, Sequential, Stream, Tape, Tensor, zeros};
use proptest::prelude::*;
use prost::Message;
use std::sync::LazyLock;

fn random(shape: &[usize], seed: u64) -> Tensor<f32> {
    let mut x = zeros(shape);
    let mut stream = Stream::new(seed);
    values_mut(&mut x).iter_mut().for_each(|x| *x = stream.normal() as f32);
    x
}

fn distance(a: &Tensor<f32>, b: &Tensor<f32>) -> f32 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn output(network: &dyn Module<f32>, x: &Tensor<f32>) -> Tensor<f32> {
    network.forward(x, &mut Tape::off())
}

#[test]
fn every_layer_comes_back_from_its_graph() {
    for (name, mut network, sample) in networks::all() {
        network.reset_parameters(&Stream::new(3));
        for buffer in network.buffers_mut() {
            *buffer = random(buffer.shape(), 4).mapv(|x| 0.5 + x.abs()).into_shared();
        }
        let bytes = export(&*network, &sample, &Export::default()).unwrap();
        let back = import_bytes(name, &bytes).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(back.sample, sample, "{name}");
        let x = random(&[&[3], sample.as_slice()].concat(), 5);
        let apart = distance(&output(&*network, &x), &output(&back.network, &x));
        assert!(apart < 2e-6, "{name}: {apart} apart");
        // Written again, it is the same graph, but for the names of what knows its place in the network.
        let again = export(&back.network, &sample, &Export::default()).unwrap();
        let operators = |bytes: &[u8]| -> Vec<String> {
            let graph = ModelProto::decode(bytes).unwrap().graph.unwrap();
            graph.node.iter().map(|node| node.op_type().to_string()).collect()
        };
        assert_eq!(operators(&bytes), operators(&again), "{name}");
    }
}

#[test]
fn every_type_of_layer_is_among_the_networks() {
    fn collect(description: &LayerDescription, found: &mut Vec<String>) {
        let value = serde_json::to_value(description).unwrap();
        found.push(value["type"].as_str().unwrap().to_string());
        match description {
            LayerDescription::Sequential(chain) | LayerDescription::Residual(chain) => {
                chain.layers.iter().for_each(|layer| collect(layer, found));
            }
            LayerDescription::AutoEncoder(both) => {
                both.encoder.iter().chain(&both.decoder).for_each(|layer| collect(layer, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    networks::all().iter().for_each(|(_, network, _)| collect(&describe(&**network).unwrap(), &mut found));
    let missing: Vec<_> = TYPES.iter().filter(|name| !found.iter().any(|found| found == *name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// onnxruntime refuses a padding that is as large as the kernel.
#[test]
fn no_padding_of_a_pool_reaches_its_kernel() {
    for (name, network, sample) in networks::all().into_iter().filter(|(name, ..)| name.starts_with("max_pool2d")) {
        let model = export(&*network, &sample, &Export::default()).unwrap();
        let graph = ModelProto::decode(model.as_slice()).unwrap().graph.unwrap();
        let attribute = |wanted: &str| graph.node[0].attribute.iter().find(|attribute| attribute.name() == wanted);
        let (pads, kernel) = (&attribute("pads").unwrap().ints, &attribute("kernel_shape").unwrap().ints);
        assert!(pads.iter().zip(kernel.iter().cycle()).all(|(pad, kernel)| pad < kernel), "{name}: {pads:?}");
        assert_eq!(attribute("ceil_mode").is_some(), name == "max_pool2d_dilated_ceil", "{name}");
    }
}

#[test]
fn what_stands_around_a_network_is_in_the_graph_and_comes_back() {
    for (per, sample) in [(Per::Feature, vec![3, 2, 2]), (Per::Channel, vec![3, 2, 2]), (Per::Set, vec![6])] {
        let x = random(&[&[5], sample.as_slice()].concat(), 1);
        let fitted = Standardization::fit(&Inputs::Real(x), &[0, 1, 2, 3, 4], per).unwrap();
        let count: usize = sample.iter().product();
        let output = Output::Values { names: Vec::new(), mean: vec![2.0; count], std: vec![0.5; count] };
        let options = Export { standardization: Some(fitted.clone()), output: output.clone(), ..Export::default() };
        let network = Sequential::new().push(Tanh);
        let back = import_bytes("x", &export(&network, &sample, &options).unwrap()).unwrap();
        let read = back.standardization.unwrap();
        let near = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(read.mean(), fitted.mean()) && near(read.std(), fitted.std()), "{per:?}");
        assert_eq!(back.network.to_string(), "Sequential(Tanh)");
        assert_eq!(back.output, output);
    }
}

#[test]
fn the_metadata_of_images_and_classes_comes_back() {
    use Activation::{Exp, None as Nothing, Sigmoid, Softmax};
    let network = |outputs| Sequential::new().push(Flatten::new()).push(Linear::new(4, outputs)).seed(3);
    for (activation, outputs) in [(Softmax, 2), (Exp, 2), (Sigmoid, 1), (Nothing, 2), (Nothing, 1)] {
        let output = Output::Classes { names: vec!["cat".into(), "dog".into()], activation };
        let options =
            Export { divisor: Some(255.0), fit: Some(Fit::Stretch), output: output.clone(), ..Export::default() };
        let bytes = export(&network(outputs), &[1, 2, 2], &options).unwrap();
        let back = import_bytes("x", &bytes).unwrap();
        assert_eq!(back.network.to_string(), network(outputs).to_string(), "{activation:?}");
        assert_eq!((back.divisor, back.fit, back.output), (Some(255.0), Some(Fit::Stretch), output));
        // A graph that gives something else than the metadata says is read as it is, or refused.
        let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
        let names = model.metadata_props.iter_mut().find(|own| own.key() == "output_names").unwrap();
        names.value = Some(r#"["a","b","c"]"#.into());
        let message = import_bytes("x", &model.encode_to_vec()).unwrap_err().to_string();
        assert!(message.contains("does not give what its metadata says"), "{message}");
    }
    for names in [Vec::new(), vec!["wet".to_string(), "cold".to_string()]] {
        let output = Output::Labels { names, activation: Sigmoid };
        let bytes = export(&network(2), &[1, 2, 2], &Export { output: output.clone(), ..Export::default() }).unwrap();
        assert_eq!(import_bytes("x", &bytes).unwrap().output, output);
    }
    let names = vec!["price".to_string(), "weight".to_string()];
    let output = Output::Values { names, mean: vec![2.0, 3.0], std: vec![0.5, 4.0] };
    let options = Export { output: output.clone(), ..Export::default() };
    let back = import_bytes("x", &export(&network(2), &[1, 2, 2], &options).unwrap()).unwrap();
    assert_eq!((back.divisor, back.fit, back.output), (None, None, output));
}

/// Seconds since 1970 within an hour: the f32 next to them are 128 apart.
#[test]
fn a_table_is_standardised_in_f64_and_comes_back() {
    let (means, stds) = (vec![1_700_000_000.25, 0.1], vec![3_600.5, 0.3]);
    let standardization = Standardization::new(means, stds, 1).unwrap();
    let inputs = vec!["seconds".to_string(), "width".to_string()];
    let options = Export {
        standardization: Some(standardization.clone()),
        wide: true,
        inputs: inputs.clone(),
        ..Export::default()
    };
    let bytes = export(&Sequential::new().push(Tanh), &[2], &options).unwrap();
    let graph = ModelProto::decode(bytes.as_slice()).unwrap().graph.unwrap();
    let operators: Vec<&str> = graph.node.iter().map(|node| node.op_type()).collect();
    assert_eq!(operators, ["Sub", "Div", "Cast", "Tanh"]);
    let of_type = |value: &ValueInfoProto| match value.r#type.as_ref().unwrap().value.as_ref().unwrap() {
        type_proto::Value::TensorType(tensor) => tensor.elem_type(),
    };
    assert_eq!((of_type(&graph.input[0]), of_type(&graph.output[0])), (11, 1));
    let back = import_bytes("x", &bytes).unwrap();
    assert_eq!((back.wide, back.inputs, back.standardization), (true, inputs, Some(standardization)));
    assert_eq!(back.network.to_string(), "Sequential(Tanh)");
}

#[test]
fn what_the_numbers_are_stands_in_the_metadata() {
    let options = Export {
        inputs: vec!["width".into(), "a \"name\"".into()],
        notes: vec!["width: in mm".into()],
        divisor: Some(255.0),
        fit: Some(Fit::Crop),
        output: Output::Classes { names: vec!["price".into(), "weight".into()], activation: Activation::Softmax },
        ..Export::default()
    };
    let network = Sequential::<f32>::new().push(Tanh);
    let metadata = |options: &Export| -> Vec<(String, String)> {
        let model = ModelProto::decode(export(&network, &[2], options).unwrap().as_slice()).unwrap();
        model.metadata_props.into_iter().map(|own| (own.key.unwrap(), own.value.unwrap())).collect()
    };
    let wanted = [
        ("input_names", r#"["width","a \"name\""]"#),
        ("input_notes", r#"["width: in mm"]"#),
        ("input_divisor", "255"),
        ("input_fit", "crop"),
        ("output_names", r#"["price","weight"]"#),
        ("output_activation", "softmax"),
    ];
    assert_eq!(metadata(&options), wanted.map(|(key, value)| (key.to_string(), value.to_string())));
    assert!(metadata(&Export::default()).is_empty());
}

/// Made by `interop/check.py` (PyTorch 2.15, torch.onnx.export with operator set 17): batch norm, a residual, a transposed convolution.
#[test]
fn a_graph_of_pytorch_gives_pytorchs_outputs() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    for name in ["mixed", "gelu"] {
        let imported = import(&folder.join(format!("{name}.torch.onnx"))).unwrap();
        let samples = Archive::read(&folder.join(format!("{name}.torch.samples.safetensors"))).unwrap();
        let apart = distance(&output(&imported.network, &samples.tensor("x").unwrap()), &samples.tensor("y").unwrap());
        assert!(apart < 1e-5, "{name}: {apart} apart");
    }
}

#[test]
fn what_cannot_be_expressed_is_named() {
    let softmax = Sequential::new().push(Tanh).push(Softmax { dim: 0 });
    let message = export(&softmax, &[3], &Export::default()).unwrap_err().to_string();
    assert_eq!(message, "ONNX: layer 1 must be a layer that leaves the samples of a batch apart, got Softmax(0)");
    let flatten = Sequential::new().push(Flatten { start_dim: 0, end_dim: -1 });
    let message = export(&flatten, &[3], &Export::default()).unwrap_err().to_string();
    assert!(message.starts_with("ONNX: layer 0 must be a layer that leaves the samples"), "{message}");
    let message = export(&Sequential::new().push(Linear::new(3, 2)), &[4], &Export::default()).unwrap_err().to_string();
    assert_eq!(message, "layer 0: Linear(3, 2) wants (n, 3), got (2, 4)");
}

/// A small graph, changed by hand.
fn changed(change: impl FnOnce(&mut ModelProto)) -> crate::Result<Imported> {
    let network = Sequential::new().push(Conv2d::new(1, 2, 3)).push(Relu).push(Flatten::new()).push(Linear::new(8, 2));
    let bytes = export(&network.seed(1), &[1, 4, 4], &Export::default()).unwrap();
    let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
    change(&mut model);
    import_bytes("model.onnx", &model.encode_to_vec())
}

fn refusal(change: impl FnOnce(&mut GraphProto)) -> String {
    changed(|model| change(model.graph.as_mut().unwrap())).unwrap_err().to_string()
}

fn weight(graph: &mut GraphProto) -> &mut TensorProto {
    graph.initializer.iter_mut().find(|tensor| tensor.name() == "0.weight").unwrap()
}

#[test]
fn a_file_from_the_future_says_so() {
    let message = changed(|model| model.ir_version = Some(99)).unwrap_err().to_string();
    assert_eq!(message, "model.onnx: is of ONNX IR version 99, and this limpide reads up to 14; update it");
    let message = changed(|model| model.opset_import[0].version = Some(77)).unwrap_err().to_string();
    assert_eq!(message, "model.onnx: uses the operator set 77, and this limpide reads 13 to 28; update it");
    let message = changed(|model| model.opset_import[0].version = Some(9)).unwrap_err().to_string();
    assert!(message.ends_with("this limpide reads 13 to 28; export the model again with a newer one"), "{message}");
}

#[test]
fn what_no_layer_does_is_named_with_its_node() {
    let message = refusal(|graph| graph.node[1].op_type = Some("LSTM".into()));
    assert_eq!(message, "model.onnx: node 1 `1/Relu` (LSTM): no layer does this operator");
    let message = refusal(|graph| graph.node[1].domain = Some("com.example".into()));
    assert!(
        message.contains("node 1 `1/Relu` (Relu): no layer does an operator of the domain com.example"),
        "{message}"
    );
    let attribute = AttributeProto {
        name: Some("beta".into()),
        f: Some(2.0),
        r#type: Some(AttributeType::Float as i32),
        ..AttributeProto::default()
    };
    let message = refusal(|graph| graph.node[3].attribute.push(attribute.clone()));
    assert_eq!(message, "model.onnx: node 3 `3/Gemm` (Gemm): its attribute beta = 2.0 is not supported, only 1.0");
    let message = refusal(|graph| graph.node[1].attribute.push(attribute));
    assert_eq!(message, "model.onnx: node 1 `1/Relu` (Relu): its attribute beta is not supported");
    let message = refusal(|graph| graph.node[3].input[0] = "0/Conv.output".into());
    assert!(message.contains("the value `2/Flatten.output` leads nowhere") || message.contains("(Gemm)"), "{message}");
    let message = refusal(|graph| graph.node[1].input[0] = "1/Relu.output".into());
    assert!(message.contains("leads nowhere"), "{message}");
    let message = refusal(|graph| graph.input.clear());
    assert_eq!(message, "model.onnx: has 0 inputs and 1 outputs, and a network has one of each");
}

#[test]
fn hostile_sizes_are_refused_before_anything_is_made_of_them() {
    let message = refusal(|graph| weight(graph).dims = vec![1 << 40, 1 << 40, 3, 3]);
    assert!(message.contains("which no tensor can have"), "{message}");
    let message = refusal(|graph| weight(graph).dims = vec![1 << 40, 1, 3, 3]);
    assert!(message.contains("got 18"), "{message}");
    let message = refusal(|graph| weight(graph).dims = vec![-2, 1, 3, 3]);
    assert!(message.contains("which no tensor can have"), "{message}");
    // Found by fuzzing: filters without channels.
    let message = refusal(|graph| weight(graph).dims = vec![18]);
    assert!(message.contains("its weight wants 4 axes, got [18]"), "{message}");
    for (attribute, value) in [("group", 1 << 50), ("group", -1), ("group", 0)] {
        let message = refusal(|graph| {
            let options = &mut graph.node[0].attribute;
            options.iter_mut().find(|option| option.name() == attribute).unwrap().i = Some(value);
        });
        assert!(message.contains("node 0 `0/Conv` (Conv): its"), "{message}");
    }
    for attribute in ["pads", "strides", "dilations"] {
        let message = refusal(|graph| {
            let options = &mut graph.node[0].attribute;
            options.iter_mut().find(|option| option.name() == attribute).unwrap().ints[0] = i64::MAX;
        });
        assert!(message.contains(&format!("its attribute {attribute} wants numbers")), "{message}");
    }
    use super::proto::{tensor_shape_proto::dimension, type_proto};
    let message = refusal(|graph| {
        let Some(type_proto::Value::TensorType(tensor)) = &mut graph.input[0].r#type.as_mut().unwrap().value else {
            unreachable!("a tensor")
        };
        tensor.shape.as_mut().unwrap().dim[2].value = Some(dimension::Value::DimValue(i64::MAX));
    });
    assert!(message.contains("has more than"), "{message}");
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let bytes = export(&Sequential::new().push(Linear::new(3, 2)), &[3], &Export::default()).unwrap();
    for end in 0..bytes.len() {
        assert!(import_bytes("x", &bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    let message = import_bytes("x.onnx", &bytes[..bytes.len() / 2]).unwrap_err().to_string();
    assert!(message.starts_with("x.onnx: is not a whole ONNX file ("), "{message}");
    let message = import_bytes("x.onnx", b"").unwrap_err().to_string();
    assert_eq!(message, "x.onnx: is not an ONNX file: it has no version or no graph (0 bytes)");
}

/// The graphs of all networks but the large ones, which take too long in a test of many turns.
static GRAPHS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let small = networks::all().into_iter().filter(|(_, _, sample)| sample.iter().product::<usize>() < 700);
    small.map(|(_, network, sample)| export(&*network, &sample, &Export::default()).unwrap()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn no_changed_byte_makes_it_panic(number: usize, places: Vec<(usize, u8)>) {
        let mut bytes = GRAPHS[number % GRAPHS.len()].clone();
        for (place, byte) in places.into_iter().take(4) {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let _ = import_bytes("x", &bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = import_bytes("x", &bytes);
    }
}
