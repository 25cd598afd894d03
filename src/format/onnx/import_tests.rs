//! Graphs that other programs may write, node by node.

use super::graph::{Attribute, Graph};
use super::proto::{ModelProto, OperatorSetIdProto};
use super::*;
use crate::pipeline::Output;
use crate::{Result, Tensor, tensor};
use Attribute::{Int, Ints};
use prost::Message;

/// The network of a graph on samples of a shape.
fn imported(sample: &[usize], build: impl FnOnce(&mut Graph)) -> Result<Imported> {
    let mut graph = Graph::new();
    build(&mut graph);
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        graph: Some(graph.finish(sample, &[1])),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(OPSET) }],
        ..ModelProto::default()
    };
    import_bytes("model.onnx", &model.encode_to_vec())
}

fn refusal(sample: &[usize], build: impl FnOnce(&mut Graph)) -> String {
    imported(sample, build).unwrap_err().to_string()
}

/// Known numbers 1, 2, … of a shape.
fn counting(shape: &[usize]) -> Tensor<f32> {
    tensor(shape, (1..=shape.iter().product()).map(|number| number as f32).collect())
}

#[test]
fn a_mean_is_a_pooling_only_over_the_axes_of_images() {
    let reduce = |axes: Option<Vec<i64>>, options: Vec<(&'static str, Attribute<'static>)>| {
        imported(&[2, 1, 3], |graph| {
            let axes = axes.map(|axes| graph.integers("axes".into(), &axes));
            graph.node("mean", "ReduceMean", axes.into_iter().collect(), options);
        })
    };
    let pooled = |axes: &[i64]| {
        for network in [reduce(Some(axes.to_vec()), Vec::new()), reduce(None, vec![("axes", Ints(axes.to_vec()))])] {
            assert_eq!(network.unwrap().network.to_string(), "Sequential(GlobalAvgPool2d)", "{axes:?}");
        }
    };
    [[2, 3], [-2, -1], [-1, -2]].iter().for_each(|axes| pooled(axes));
    // Without axes it is the mean over all of them, or the numbers as they are.
    let noop = || vec![("noop_with_empty_axes", Int(1))];
    for network in [reduce(None, Vec::new()), reduce(None, noop()), reduce(Some(Vec::new()), Vec::new())] {
        let message = network.unwrap_err().to_string();
        let wanted = "only a mean over the axes 2 and 3 of images is supported, got the axes [] of 4 in all";
        assert!(message.contains(wanted), "{message}");
    }
}

#[test]
fn what_scales_the_outputs_has_the_shape_of_a_sample() {
    let scaled = |sample: &[usize], shape: &[usize], operators: &[&str]| {
        imported(sample, |graph| {
            graph.node("relu", "Relu", Vec::new(), Vec::new());
            for &operator in operators {
                let known = graph.tensor(operator.into(), &counting(shape));
                graph.node("scale", operator, vec![known], Vec::new());
            }
        })
    };
    let fitting: [(&[usize], &[usize]); 6] = [
        (&[2], &[2]),
        (&[2], &[1, 2]),
        (&[2, 1, 1], &[2, 1, 1]),
        (&[2, 1, 1], &[1, 2, 1, 1]),
        (&[1, 1, 2], &[2]),
        (&[1], &[]),
    ];
    for (sample, shape) in fitting {
        let numbers: Vec<f64> = (1..=shape.iter().product()).map(|number| number as f64).collect();
        let read = scaled(sample, shape, &["Mul", "Add"]).unwrap();
        assert_eq!(read.output, Output::Values { names: Vec::new(), mean: numbers.clone(), std: numbers });
        assert_eq!(read.network.to_string(), "Sequential(Relu)");
    }
    // Along the batch, or along another axis than the one that is as long: the answer has another shape, or mixes samples.
    let others: [(&[usize], &[usize]); 5] =
        [(&[2], &[2, 1]), (&[2], &[1, 1, 2]), (&[2, 1, 1], &[2]), (&[2, 1, 1], &[2, 1, 1, 1]), (&[2, 1], &[2])];
    for (sample, shape) in others {
        for operators in [&["Add"][..], &["Mul"], &["Mul", "Add"]] {
            let message = scaled(sample, shape, operators).unwrap_err().to_string();
            assert!(message.contains("no layer does this in this place"), "{sample:?}, {shape:?}: {message}");
        }
    }
}

/// x(1 + erf(x/√2))/2, as PyTorch writes it.
fn gelu(graph: &mut Graph) {
    let x = graph.last.clone();
    let [root, one, half] = [("root", std::f64::consts::SQRT_2), ("one", 1.0), ("half", 0.5)]
        .map(|(name, number)| graph.number(name.into(), number));
    graph.node("inner", "Div", vec![root], Vec::new());
    graph.node("inner", "Erf", Vec::new(), Vec::new());
    graph.node("inner", "Add", vec![one], Vec::new());
    graph.node_of("twice", "Mul", vec![x, graph.last.clone()], Vec::new());
    graph.node("gelu", "Mul", vec![half], Vec::new());
}

#[test]
fn the_half_of_a_gelu_is_no_scale_of_one_output() {
    let alone = imported(&[1], gelu).unwrap();
    assert_eq!((alone.network.to_string().as_str(), alone.output), ("Sequential(Gelu)", Output::default()));
    let scaled = imported(&[1], |graph| {
        gelu(graph);
        let [std, mean] = [("std", 3.0), ("mean", 7.0)].map(|(name, number)| graph.number(name.into(), number));
        graph.node("std", "Mul", vec![std], Vec::new());
        graph.node("mean", "Add", vec![mean], Vec::new());
    });
    let scaled = scaled.unwrap();
    let wanted = Output::Values { names: Vec::new(), mean: vec![7.0], std: vec![3.0] };
    assert_eq!((scaled.network.to_string().as_str(), scaled.output), ("Sequential(Gelu)", wanted));
}

#[test]
fn channels_that_are_only_declared_make_no_layer() {
    for (operator, inputs) in [("BatchNormalization", 4), ("GroupNormalization", 2)] {
        let message = refusal(&[1 << 24, 1, 1], |graph| {
            let known = (0..inputs).map(|place| graph.tensor(format!("known{place}"), &counting(&[3]))).collect();
            let groups = ("num_groups", Int(1));
            graph.node("norm", operator, known, if inputs == 2 { vec![groups] } else { Vec::new() });
        });
        assert!(message.contains("its scale wants 16777216 numbers, one a channel, got 3"), "{message}");
    }
}

#[test]
fn a_dilated_average_over_padded_images_is_refused() {
    // As many windows as the average without dilation has.
    let pool = |dilation: i64| {
        imported(&[1, 4, 4], |graph| {
            let around = graph.integers("around".into(), &[0, 0, 1, 1, 0, 0, 1, 1]);
            graph.node("pad", "Pad", vec![around], Vec::new());
            let [two, end, dilation] = [vec![2, 2], vec![0, 0, 1, 1], vec![dilation; 2]].map(Ints);
            let strides = ("strides", Ints(vec![2, 2]));
            let options = vec![("kernel_shape", two), strides, ("pads", end), ("dilations", dilation)];
            graph.node("pool", "AveragePool", Vec::new(), options);
        })
    };
    let message = pool(2).unwrap_err().to_string();
    assert!(message.contains("(AveragePool): its attribute dilations = [2, 2] is not supported"), "{message}");
    pool(1).unwrap();
}

#[test]
fn an_input_of_f64_is_standardised_and_then_cast() {
    let cast = |graph: &mut Graph, to: i64| graph.node("cast", "Cast", Vec::new(), vec![("to", Int(to))]);
    let read = |wide: bool, nodes: &dyn Fn(&mut Graph)| {
        imported(&[2], |graph| {
            graph.wide = wide;
            nodes(graph);
            graph.node("relu", "Relu", Vec::new(), Vec::new());
        })
    };
    let plain = read(true, &|graph| cast(graph, 1)).unwrap();
    assert_eq!((plain.network.to_string().as_str(), plain.wide), ("Sequential(Relu)", true));
    let shifted = |graph: &mut Graph| {
        let mean = graph.wide_tensor("mean".into(), &[2], &[1.0, 2.0]);
        graph.node("shift", "Sub", vec![mean], Vec::new());
        cast(graph, 1);
    };
    // Left in f64, or with more before the cast than a standardisation.
    for read in [read(true, &|_| {}), read(true, &shifted)] {
        let message = read.unwrap_err().to_string();
        assert!(message.contains("is of f64, and only a standardisation"), "{message}");
    }
    let message = read(true, &|graph| cast(graph, 7)).unwrap_err().to_string();
    assert!(message.contains("(Cast): no layer does this operator"), "{message}");
    let message = read(false, &|graph| cast(graph, 1)).unwrap_err().to_string();
    assert!(message.contains("(Cast): no layer does this in this place"), "{message}");
}
