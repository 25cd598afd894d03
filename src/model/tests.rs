//! Tests of the description, its way through JSON and back, and the summary.

use super::*;
use crate::layers::*;
use crate::{Module, Real, Result, Sequential, Tensor, zeros};

/// One of every type, with options that are not the defaults.
fn one_of_each() -> Vec<LayerDescription> {
    let linear = |inputs, outputs, bias| {
        LayerDescription::Linear(LinearOptions { in_features: inputs, out_features: outputs, bias })
    };
    vec![
        linear(4, 3, false),
        LayerDescription::Conv2d(Conv2dOptions {
            stride: Pair::from([1, 2]),
            padding: Pair::from([2, 0]),
            dilation: Pair::from(2),
            groups: 2,
            bias: false,
            ..Conv2dOptions::new(4, 6, [3, 5])
        }),
        LayerDescription::ConvTranspose2d(ConvTranspose2dOptions {
            stride: Pair::from([3, 2]),
            padding: Pair::from([2, 0]),
            output_padding: Pair::from([2, 1]),
            dilation: Pair::from(2),
            groups: 2,
            bias: false,
            ..ConvTranspose2dOptions::new(4, 6, [3, 5])
        }),
        LayerDescription::MaxPool2d(MaxPool2dOptions {
            stride: Some(Pair::from([2, 1])),
            padding: Pair::from(1),
            dilation: Pair::from(2),
            ceil_mode: true,
            ..MaxPool2dOptions::new(3)
        }),
        LayerDescription::AvgPool2d(AvgPool2dOptions {
            padding: Pair::from([1, 0]),
            ceil_mode: true,
            count_include_pad: false,
            ..AvgPool2dOptions::new([2, 3])
        }),
        LayerDescription::AdaptiveAvgPool2d(AdaptiveAvgPool2dOptions { output_size: Pair::from([2, 5]) }),
        LayerDescription::GlobalAvgPool2d(GlobalAvgPool2d),
        LayerDescription::Upsample(UpsampleOptions { scale_factor: Pair::from([2, 3]), mode: Upsampling::Bilinear }),
        LayerDescription::ZeroPad2d(ZeroPad2dOptions { padding: [1, 2, 0, 4] }),
        LayerDescription::Flatten(Flatten { start_dim: 0, end_dim: -2 }),
        LayerDescription::Reshape(ReshapeOptions { shape: vec![2, -1] }),
        LayerDescription::Tanh(Tanh),
        LayerDescription::Sigmoid(Sigmoid),
        LayerDescription::Relu(Relu),
        LayerDescription::LeakyRelu(LeakyRelu { negative_slope: 0.25 }),
        LayerDescription::PRelu(PReluOptions { num_parameters: 3, init: 0.1 }),
        LayerDescription::Elu(Elu { alpha: 0.5 }),
        LayerDescription::Selu(Selu),
        LayerDescription::Gelu(Gelu::tanh()),
        LayerDescription::Silu(Silu),
        LayerDescription::Softplus(Softplus { beta: 2.0, threshold: 10.0 }),
        LayerDescription::Hardswish(Hardswish),
        LayerDescription::Softmax(Softmax { dim: 1 }),
        LayerDescription::LogSoftmax(LogSoftmax { dim: -2 }),
        LayerDescription::BatchNorm1d(BatchNormOptions { momentum: None, ..BatchNormOptions::new(3) }),
        LayerDescription::BatchNorm2d(BatchNormOptions { eps: 0.1, affine: false, ..BatchNormOptions::new(3) }),
        LayerDescription::LayerNorm(LayerNormOptions {
            normalized_shape: vec![3, 4],
            eps: 0.1,
            elementwise_affine: false,
        }),
        LayerDescription::GroupNorm(GroupNormOptions { num_groups: 2, num_channels: 4, eps: 0.1, affine: false }),
        LayerDescription::Dropout(DropoutOptions { p: 0.1 }),
        LayerDescription::Dropout2d(DropoutOptions { p: 0.2 }),
        LayerDescription::Sequential(Layers { layers: vec![linear(3, 2, true), LayerDescription::Tanh(Tanh)] }),
        LayerDescription::Residual(Layers { layers: vec![linear(3, 3, true)] }),
        LayerDescription::AutoEncoder(Halves { encoder: vec![linear(2, 1, true)], decoder: vec![linear(1, 2, false)] }),
    ]
}

fn parse(text: &str) -> LayerDescription {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    serde_json::from_str::<LayerDescription>(text).expect_err("must be refused").to_string()
}

#[test]
fn every_type_goes_through_json_a_module_and_back() {
    let mut seen = Vec::new();
    for description in one_of_each() {
        let json = serde_json::to_value(&description).unwrap();
        seen.push(json["type"].as_str().unwrap().to_string());
        assert_eq!(serde_json::from_value::<LayerDescription>(json).unwrap(), description);
        let module = description.build::<f64>().unwrap();
        assert_eq!(describe(module.as_ref()), Some(description));
    }
    assert_eq!(seen, TYPES, "every type of the table is tried here");
}

#[test]
fn the_known_types_are_those_that_serde_reads() {
    // serde's own list, from its error before ours replaces it.
    let error = LayerDescription::deserialize(serde_json::json!({"type": ""})).unwrap_err().to_string();
    let names: Vec<&str> = error.split('`').skip(1).step_by(2).skip(1).collect();
    assert_eq!(names, TYPES);
}

#[test]
fn options_have_pytorchs_names_and_defaults() {
    assert_eq!(
        serde_json::to_string(&one_of_each()[0]).unwrap(),
        r#"{"type":"Linear","in_features":4,"out_features":3,"bias":false}"#
    );
    let with_bias = LayerDescription::Linear(LinearOptions { in_features: 4, out_features: 3, bias: true });
    assert_eq!(parse(r#"{"type": "Linear", "in_features": 4, "out_features": 3}"#), with_bias);
    assert_eq!(parse(r#"{"out_features": 3, "in_features": 4, "type": "Linear"}"#), with_bias);
    let conv = LayerDescription::Conv2d(Conv2dOptions::new(1, 8, 3));
    assert_eq!(parse(r#"{"type": "Conv2d", "in_channels": 1, "out_channels": 8, "kernel_size": 3}"#), conv);
    assert_eq!(parse(r#"{"type": "Flatten"}"#), LayerDescription::Flatten(Flatten { start_dim: 1, end_dim: -1 }));
    assert_eq!(parse(r#"{"type": "LeakyReLU"}"#), LayerDescription::LeakyRelu(LeakyRelu { negative_slope: 0.01 }));
    assert_eq!(parse(r#"{"type": "Softmax"}"#), LayerDescription::Softmax(Softmax { dim: -1 }));
    assert_eq!(serde_json::to_string(&LayerDescription::Tanh(Tanh)).unwrap(), r#"{"type":"Tanh"}"#);
    assert_eq!(parse(r#"{"type": "GELU"}"#), LayerDescription::Gelu(Gelu::new()));
    assert_eq!(parse(r#"{"type": "GELU", "approximate": "tanh"}"#), LayerDescription::Gelu(Gelu::tanh()));
    let norm = BatchNormOptions { momentum: None, ..BatchNormOptions::new(4) };
    assert_eq!((BatchNormOptions::new(4).eps, BatchNormOptions::new(4).momentum), (1e-5, Some(0.1)));
    let text = r#"{"type": "BatchNorm2d", "num_features": 4, "momentum": null, "track_running_stats": true}"#;
    assert_eq!(parse(text), LayerDescription::BatchNorm2d(norm));
    let one_size = parse(r#"{"type": "LayerNorm", "normalized_shape": 6}"#);
    assert_eq!(one_size, parse(r#"{"type": "LayerNorm", "normalized_shape": [6], "eps": 1e-5}"#));
    let four_sides = LayerDescription::ZeroPad2d(ZeroPad2dOptions { padding: [3; 4] });
    assert_eq!(parse(r#"{"type": "ZeroPad2d", "padding": 3}"#), four_sides);
}

#[test]
fn an_unknown_type_is_answered_with_the_nearest_name() {
    for (typo, name) in
        [("relu", "ReLU"), ("Lineer", "Linear"), ("leaky_relu", "LeakyReLU"), ("Logsoftmax", "LogSoftmax")]
    {
        let error = refusal(&format!(r#"{{"type": "{typo}"}}"#));
        assert!(error.starts_with(&format!("there is no layer type `{typo}`; did you mean `{name}`?")), "{error}");
        assert!(error.contains("Linear, Conv2d, ConvTranspose2d"), "{error}");
    }
    // Inside a chain the message is written once.
    let error = refusal(r#"{"type": "Sequential", "layers": [{"type": "tan"}]}"#);
    assert_eq!(error.matches("did you mean").count(), 1, "{error}");
}

#[test]
fn the_beginning_of_a_name_is_nearer_than_a_short_other_one() {
    let columns = ["age", "target"];
    for (name, wanted) in [("tar", "target"), ("tarhet", "target"), ("AGR", "age"), ("aeg", "age")] {
        assert_eq!(nearest(name, &columns), Some(wanted), "{name}");
    }
}

#[test]
fn what_is_far_from_every_name_is_told_without_one() {
    let metrics = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"];
    let steps = ["RandomAffine", "Elastic", "RandomHorizontalFlip", "RandomErasing", "GaussianNoise"];
    for (name, names, wanted) in [
        ("val_loss", &metrics[..], Some("validation_loss")),
        ("val_acc", &metrics, Some("validation_accuracy")),
        ("Flip", &steps, Some("RandomHorizontalFlip")),
        ("SDG", &["SGD", "Adam"], Some("SGD")),
        ("avg", &["mean", "sum", "none"], None),
        ("z", &["x", "y"], None),
        ("4", &["species", "4th"], None),
        ("", &["species"], None),
        ("foo", &["lr", "loss", "epochs"], None),
        ("anything", &[], None),
    ] {
        assert_eq!(nearest(name, names), wanted, "{name}");
    }
}

#[test]
fn unknown_and_missing_options_are_named() {
    assert!(refusal(r#"{"type": "Linear", "in_features": 4}"#).contains("out_features"));
    assert!(refusal(r#"{"type": "Linear", "in_features": 4, "out_features": 1, "biass": true}"#).contains("biass"));
    assert!(refusal(r#"{"type": "LeakyReLU", "slope": 1}"#).contains("slope"));
    assert!(refusal(r#"{"type": "Tanh", "gain": 1}"#).contains("Tanh"));
    assert!(refusal(r#"{"type": "GELU", "approximate": "erf"}"#).contains("tanh"));
    assert!(refusal(r#"{"type": "Upsample", "scale_factor": 2, "mode": "cubic"}"#).contains("bilinear"));
    assert!(refusal(r#"{"type": "LayerNorm", "normalized_shape": "all"}"#).contains("a list of sizes"));
    assert!(refusal(r#"{"in_features": 4}"#).contains("type"));
}

#[test]
fn an_option_out_of_range_is_refused_with_its_place() {
    let chain = parse(
        r#"{"type": "Sequential", "layers": [{"type": "Tanh"},
        {"type": "AutoEncoder", "encoder": [], "decoder": [{"type": "Linear", "in_features": 0, "out_features": 1}]}]}"#,
    );
    let error = chain.build::<f32>().unwrap_err().to_string();
    assert_eq!(error, "layer 1: decoder: layer 0: Linear: in_features must be at least 1, got 0");
}

#[test]
fn options_of_every_layer_have_ranges() {
    for (text, message) in [
        (r#"{"type": "BatchNorm1d", "num_features": 0}"#, "BatchNorm1d: num_features must be at least 1, got 0"),
        (
            r#"{"type": "BatchNorm2d", "num_features": 2, "momentum": 1.5}"#,
            "BatchNorm2d: momentum must be from 0 to 1, or none, got 1.5",
        ),
        (
            r#"{"type": "BatchNorm2d", "num_features": 2, "track_running_stats": false}"#,
            "BatchNorm2d: track_running_stats must be true, since a prediction must not depend on the samples predicted \
             with it, got false",
        ),
        (
            r#"{"type": "LayerNorm", "normalized_shape": [3], "eps": -1}"#,
            "LayerNorm: eps must be a finite number, 0 or more, got -1",
        ),
        (
            r#"{"type": "GroupNorm", "num_groups": 2, "num_channels": 3}"#,
            "GroupNorm: num_channels must be a multiple of num_groups, 2, got 3",
        ),
        (r#"{"type": "Dropout", "p": 1.5}"#, "Dropout: p must be a probability, from 0 to 1, got 1.5"),
        (r#"{"type": "Dropout2d", "p": -0.1}"#, "Dropout2d: p must be a probability, from 0 to 1, got -0.1"),
        (
            r#"{"type": "ConvTranspose2d", "in_channels": 1, "out_channels": 1, "kernel_size": 3, "output_padding": 1}"#,
            "ConvTranspose2d: output_padding must be less than the stride or the dilation, at most 0, got 1",
        ),
        (
            r#"{"type": "Reshape", "shape": [-1, -1]}"#,
            "Reshape: shape must be sizes from 1, one of them -1 at most, got [-1, -1]",
        ),
        (
            r#"{"type": "AdaptiveAvgPool2d", "output_size": [0, 1]}"#,
            "AdaptiveAvgPool2d: output_size must be at least 1, got [0, 1]",
        ),
    ] {
        assert_eq!(parse(text).build::<f32>().unwrap_err().to_string(), message);
    }
}

#[derive(Debug)]
struct Foreign;

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Foreign")
    }
}

impl<T: Real> Module<T> for Foreign {
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }
    fn forward(&self, input: &Tensor<T>, _tape: &mut crate::Tape<T>) -> Tensor<T> {
        input.clone()
    }
    fn backward_delta(&self, _tape: &mut crate::Tape<T>, delta: &Tensor<T>) -> Tensor<T> {
        delta.clone()
    }
}

#[test]
fn a_module_of_ones_own_has_no_description() {
    assert_eq!(describe::<f32>(&Foreign), None);
    assert_eq!(describe(&Sequential::<f32>::new().push(Tanh).push(Foreign)), None);
}

#[test]
fn the_summary_agrees_with_a_forward_pass() {
    let model = parse(
        r#"{"type": "AutoEncoder",
            "encoder": [{"type": "Linear", "in_features": 8, "out_features": 2}, {"type": "Tanh"}],
            "decoder": [{"type": "Linear", "in_features": 2, "out_features": 8, "bias": false}]}"#,
    )
    .build::<f32>()
    .unwrap();
    let summary = summary(model.as_ref(), &[5, 8]).unwrap();
    let names: Vec<&str> = summary.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["encoder.0", "encoder.1", "decoder.0"]);
    assert_eq!(summary.parameters(), (8 * 2 + 2) + 2 * 8);
    let mut tape = crate::Tape::new();
    model.forward(&zeros(&[5, 8]), &mut tape);
    let recorded = tape.tensors(model.as_ref());
    for row in &summary.rows {
        let (_, output) = recorded.iter().find(|(name, _)| *name == format!("{}.output", row.name)).unwrap();
        assert_eq!(output.shape(), row.output);
    }
    assert!(super::summary(model.as_ref(), &[5, 7]).unwrap_err().to_string().contains("Linear(8, 2)"));
}
