//! A graph in the making: nodes, the tensors they know, and names for what flows between them.

use super::proto::attribute_proto::AttributeType;
use super::proto::tensor_proto::DataType;
use super::proto::tensor_shape_proto::{Dimension, dimension};
use super::proto::{
    AttributeProto, GraphProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};
use crate::Tensor;
use crate::tensor::{dense, values};

/// The nodes and known tensors so far, and the value that the next node takes.
pub(super) struct Graph {
    proto: GraphProto,
    /// The name of the last value.
    pub last: String,
    /// Whether the input is of f64.
    pub wide: bool,
}

/// An option of a node.
pub(super) enum Attribute<'a> {
    Float(f64),
    Int(i64),
    Ints(Vec<i64>),
    Text(&'a str),
}

/// The names of the graph's input and output.
pub(super) const INPUT: &str = "input";
pub(super) const OUTPUT: &str = "output";

impl Graph {
    /// A graph whose first node takes the input.
    pub fn new() -> Self {
        let proto = GraphProto { name: Some("limpide".into()), ..GraphProto::default() };
        Graph { proto, last: INPUT.into(), wide: false }
    }

    /// A known tensor of real numbers; its name.
    pub fn tensor(&mut self, name: String, tensor: &Tensor<f32>) -> String {
        let raw = values(&dense(tensor)).iter().flat_map(|number| number.to_le_bytes()).collect();
        self.known(name, tensor.shape(), DataType::Float, raw)
    }

    /// A known tensor of real numbers in f64; its name.
    pub fn wide_tensor(&mut self, name: String, shape: &[usize], numbers: &[f64]) -> String {
        let raw = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.known(name, shape, DataType::Double, raw)
    }

    /// A known number; its name.
    pub fn number(&mut self, name: String, number: f64) -> String {
        self.tensor(name, &crate::tensor(&[], vec![number as f32]))
    }

    /// A known list of whole numbers; its name.
    pub fn integers(&mut self, name: String, numbers: &[i64]) -> String {
        let raw = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.known(name, &[numbers.len()], DataType::Int64, raw)
    }

    fn known(&mut self, name: String, shape: &[usize], data_type: DataType, raw: Vec<u8>) -> String {
        self.proto.initializer.push(TensorProto {
            name: Some(name.clone()),
            dims: sizes(shape),
            data_type: Some(data_type as i32),
            raw_data: Some(raw),
            ..TensorProto::default()
        });
        name
    }

    /// A node that does work of the module at a place, on the last value and more inputs behind it; what it gives is the
    /// last value then.
    pub fn node(&mut self, place: &str, operator: &str, more: Vec<String>, attributes: Vec<(&str, Attribute<'_>)>) {
        self.node_of(place, operator, [vec![self.last.clone()], more].concat(), attributes);
    }

    /// [`Graph::node`] on the given inputs.
    pub fn node_of(&mut self, place: &str, operator: &str, input: Vec<String>, options: Vec<(&str, Attribute<'_>)>) {
        let name = format!("{place}/{operator}");
        self.last = format!("{name}.output");
        self.proto.node.push(NodeProto {
            input,
            output: vec![self.last.clone()],
            name: Some(name),
            op_type: Some(operator.into()),
            attribute: options.into_iter().map(|(name, value)| attribute(name, value)).collect(),
            domain: None,
        });
    }

    /// The graph, with a free batch axis before the shapes of a sample.
    pub fn finish(mut self, input: &[usize], output: &[usize]) -> GraphProto {
        if self.proto.node.is_empty() {
            self.node("network", "Identity", Vec::new(), Vec::new());
        }
        if let Some(last) = self.proto.node.last_mut() {
            last.output = vec![OUTPUT.into()];
        }
        let kind = if self.wide { DataType::Double } else { DataType::Float };
        self.proto.input = vec![value(INPUT, kind, input)];
        self.proto.output = vec![value(OUTPUT, DataType::Float, output)];
        self.proto
    }
}

fn attribute(name: &str, value: Attribute<'_>) -> AttributeProto {
    let mut proto = AttributeProto { name: Some(name.into()), ..AttributeProto::default() };
    let kind = match value {
        Attribute::Float(number) => {
            proto.f = Some(number as f32);
            AttributeType::Float
        }
        Attribute::Int(number) => {
            proto.i = Some(number);
            AttributeType::Int
        }
        Attribute::Ints(numbers) => {
            proto.ints = numbers;
            AttributeType::Ints
        }
        Attribute::Text(text) => {
            proto.s = Some(text.into());
            AttributeType::String
        }
    };
    proto.r#type = Some(kind as i32);
    proto
}

/// A graph's input or output: samples of a shape, any number of them.
fn value(name: &str, kind: DataType, sample: &[usize]) -> ValueInfoProto {
    let batch = dimension::Value::DimParam("batch".into());
    let rest = sizes(sample).into_iter().map(dimension::Value::DimValue);
    let dim = std::iter::once(batch).chain(rest).map(|value| Dimension { value: Some(value) }).collect();
    let tensor = type_proto::Tensor { elem_type: Some(kind as i32), shape: Some(TensorShapeProto { dim }) };
    let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)) });
    ValueInfoProto { name: Some(name.into()), r#type }
}

/// Sizes as the format keeps them.
pub(super) fn sizes(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| size as i64).collect()
}
