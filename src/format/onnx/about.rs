//! What a file's metadata tells of its numbers, written and read.

use super::proto::attribute_proto::AttributeType;
use super::proto::{GraphProto, NodeProto, StringStringEntryProto};
use crate::data::Fit;
use crate::format::Export;
use crate::pipeline::{Activation, Output};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the metadata tells; what is missing, or is no word of ours, is left out.
#[derive(Default)]
pub(super) struct About {
    /// The names of a sample's numbers.
    pub inputs: Vec<String>,
    /// What bytes are divided by.
    pub divisor: Option<f32>,
    /// How images are brought to the shape.
    pub fit: Option<Fit>,
    /// The names of the outputs.
    pub outputs: Vec<String>,
    /// What makes probabilities of the outputs; values have none.
    pub activation: Option<Activation>,
    /// Whether the outputs are labels, and not classes.
    pub labels: bool,
}

/// The metadata of a file that is written.
pub(super) fn entries(options: &Export) -> Vec<StringStringEntryProto> {
    let list = |names: &[String]| (!names.is_empty()).then(|| serde_json::json!(names).to_string());
    let labels = matches!(options.output, Output::Labels { .. });
    let entries = [
        ("input_names", list(&options.inputs)),
        ("input_notes", list(&options.notes)),
        ("input_divisor", options.divisor.map(|divisor| divisor.to_string())),
        ("input_fit", options.fit.as_ref().map(word)),
        ("output_names", list(options.output.names())),
        ("output_activation", options.output.activation().as_ref().map(word)),
        ("output_labels", labels.then(|| "true".into())),
    ];
    let entry = |(key, value): (&str, Option<String>)| {
        Some(StringStringEntryProto { key: Some(key.into()), value: Some(value?) })
    };
    entries.into_iter().filter_map(entry).collect()
}

impl About {
    /// What the metadata of a file tells.
    pub fn read(entries: &[StringStringEntryProto]) -> About {
        let value = |key: &str| entries.iter().find(|entry| entry.key() == key).map(|entry| entry.value());
        let names = |key: &str| value(key).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let divisor = value("input_divisor").and_then(|text| text.parse().ok());
        About {
            inputs: names("input_names"),
            divisor: divisor.filter(|divisor: &f32| divisor.is_finite() && *divisor > 0.0),
            fit: choice(value("input_fit")),
            outputs: names("output_names"),
            activation: choice(value("output_activation")),
            labels: value("output_labels") == Some("true"),
        }
    }
}

/// The name of a choice, as model files have it.
fn word(choice: &impl Serialize) -> String {
    let name = serde_json::to_value(choice).expect("plain data");
    name.as_str().expect("a choice without options").into()
}

/// The choice of a name.
fn choice<T: DeserializeOwned>(name: Option<&str>) -> Option<T> {
    serde_json::from_value(name?.into()).ok()
}

/// Takes the node that makes probabilities off the graph's end: what the outputs mean has it. Where it is not there, the
/// graph gives what it gives.
pub(super) fn take_activation(graph: &mut GraphProto, activation: Activation) -> Activation {
    let operator = match activation {
        Activation::Softmax => "Softmax",
        Activation::Exp => "Exp",
        Activation::Sigmoid => "Sigmoid",
        Activation::None => return activation,
    };
    let (Some(last), [output]) = (graph.node.last(), graph.output.as_mut_slice()) else { return Activation::None };
    let is_it = last.op_type() == operator && last.output == [output.name()] && of_last_axis(last);
    match last.input.as_slice() {
        [input] if is_it => output.name = Some(input.clone()),
        _ => return Activation::None,
    }
    graph.node.pop();
    activation
}

/// Whether a node has no option but the last axis.
fn of_last_axis(node: &NodeProto) -> bool {
    let last = |option: &super::proto::AttributeProto| {
        option.name() == "axis" && option.r#type == Some(AttributeType::Int as i32) && option.i == Some(-1)
    };
    node.attribute.iter().all(last)
}
