//! What a file says, checked before it is trusted: versions, known tensors, the options of nodes.

use super::proto::attribute_proto::AttributeType;
use super::proto::tensor_proto::{DataLocation, DataType};
use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto, ValueInfoProto,
};
use super::proto::{tensor_shape_proto::dimension, type_proto};
use crate::{Error, Real, Result, Tensor, tensor};
use prost::Message;
use std::collections::HashMap;
use std::path::Path;

/// The newest version of the format that is read.
const NEWEST_IR_VERSION: i64 = 14;
/// The operator sets that are read: in the oldest, `Softmax` and others got the meaning that they have today.
const OPSETS: std::ops::RangeInclusive<i64> = 13..=28;
/// No sample, and nothing that becomes of it, may have more numbers.
pub(super) const LARGEST: usize = 1 << 31;

/// The graph of a file and what is told about it, when it is one that can be read.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<(GraphProto, Vec<StringStringEntryProto>)> {
    let wrong = |problem: String| Error::Data { path: path.into(), problem };
    let size = bytes.len();
    let model = ModelProto::decode(bytes)
        .map_err(|error| wrong(format!("is not a whole ONNX file ({error}; {size} bytes); take another copy")))?;
    let (Some(version), Some(graph)) = (model.ir_version, model.graph) else {
        return Err(wrong(format!("is not an ONNX file: it has no version or no graph ({size} bytes)")));
    };
    if version > NEWEST_IR_VERSION {
        let newest = NEWEST_IR_VERSION;
        return Err(wrong(format!(
            "is of ONNX IR version {version}, and this limpide reads up to {newest}; update it"
        )));
    }
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let opset = model.opset_import.iter().find(|set| own(set.domain())).and_then(|set| set.version).unwrap_or(1);
    if !OPSETS.contains(&opset) {
        let (oldest, newest) = (OPSETS.start(), OPSETS.end());
        let what = if opset > *newest { "update it" } else { "export the model again with a newer one" };
        let range = format!("and this limpide reads {oldest} to {newest}; {what}");
        return Err(wrong(format!("uses the operator set {opset}, {range}")));
    }
    Ok((graph, model.metadata_props))
}

/// The name of a value of real numbers, whether they are of f64, and the sizes of its axes, of which the first is free; `what`
/// says which value.
pub(super) fn shape(value: &ValueInfoProto, what: &str) -> std::result::Result<(String, bool, Vec<usize>), String> {
    let name = value.name();
    let Some(type_proto::Value::TensorType(tensor)) = value.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(format!("the {what} `{name}` is no tensor"));
    };
    let wide = match DataType::try_from(tensor.elem_type()) {
        Ok(DataType::Float) => false,
        Ok(DataType::Double) => true,
        _ => {
            let got = tensor.elem_type();
            return Err(format!("the {what} `{name}` wants to be of f32 (type 1) or f64 (type 11), got type {got}"));
        }
    };
    let dims = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let mut sizes = Vec::new();
    for (axis, dim) in dims.iter().enumerate().skip(1) {
        match dim.value {
            Some(dimension::Value::DimValue(size)) if size > 0 => sizes.push(size as usize),
            _ => return Err(format!("axis {axis} of the {what} `{name}` has no size; only the batch may be free")),
        }
    }
    match sizes.iter().copied().try_fold(1, usize::checked_mul) {
        _ if dims.len() < 2 => Err(format!("the {what} `{name}` has {} axes, and at least 2 are wanted", dims.len())),
        Some(count) if count <= LARGEST => Ok((name.to_string(), wide, sizes)),
        _ => Err(format!("the {what} `{name}` has more than {LARGEST} numbers a sample")),
    }
}

/// The tensors that a graph knows, by name.
pub(super) type Known<'a> = HashMap<&'a str, &'a TensorProto>;

/// The tensors of a graph that are known without an input: initializers, and what `Constant` nodes and their copies give.
pub(super) fn known(graph: &GraphProto) -> Known<'_> {
    let mut known: Known<'_> = graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).collect();
    for node in &graph.node {
        let [output] = node.output.as_slice() else { continue };
        let value = match (node.op_type(), node.input.as_slice(), node.attribute.as_slice()) {
            ("Constant", [], [attribute]) if attribute.name() == "value" => attribute.t.as_ref(),
            ("Identity", [input], []) => known.get(input.as_str()).copied(),
            _ => None,
        };
        if let Some(value) = value {
            known.insert(output, value);
        }
    }
    known
}

/// A node with what its messages need.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub proto: &'a NodeProto,
    pub number: usize,
    pub path: &'a Path,
    pub known: &'a Known<'a>,
}

impl<'a> Node<'a> {
    /// An error about this node.
    pub fn refuse(&self, problem: impl std::fmt::Display) -> Error {
        let (number, name, operator) = (self.number, self.proto.name(), self.proto.op_type());
        let problem = format!("node {number} `{name}` ({operator}): {problem}");
        Error::Data { path: self.path.into(), problem }
    }

    /// Refuses options that are not in the list, which would otherwise go unnoticed.
    pub fn takes(&self, names: &[&str]) -> Result<()> {
        match self.proto.attribute.iter().find(|attribute| !names.contains(&attribute.name())) {
            Some(other) => Err(self.refuse(format_args!("its attribute {} is not supported", other.name()))),
            None => Ok(()),
        }
    }

    fn find(&self, name: &str, kind: AttributeType) -> Result<Option<&'a AttributeProto>> {
        let found = self.proto.attribute.iter().find(|attribute| attribute.name() == name);
        match found {
            Some(attribute) if attribute.r#type() != kind => {
                let got = attribute.r#type();
                Err(self.refuse(format_args!("its attribute {name} wants to be {kind:?}, got {got:?}")))
            }
            found => Ok(found),
        }
    }

    /// A whole number.
    pub fn int(&self, name: &str, default: i64) -> Result<i64> {
        Ok(self.find(name, AttributeType::Int)?.map_or(default, AttributeProto::i))
    }

    /// A number, as people write it: 0.1 for the f32 nearest to it.
    pub fn float(&self, name: &str, default: f64) -> Result<f64> {
        Ok(self.find(name, AttributeType::Float)?.map_or(default, |attribute| as_written(attribute.f())))
    }

    /// A word.
    pub fn text(&self, name: &str, default: &'a str) -> Result<&'a str> {
        let found = self.find(name, AttributeType::String)?;
        Ok(found.map_or(default, |attribute| std::str::from_utf8(attribute.s()).unwrap_or("?")))
    }

    /// Whole numbers from 0 up, as many as there are defaults.
    pub fn sizes<const N: usize>(&self, name: &str, default: [usize; N]) -> Result<[usize; N]> {
        let Some(attribute) = self.find(name, AttributeType::Ints)? else { return Ok(default) };
        let sizes: Option<Vec<usize>> = attribute.ints.iter().map(|&size| usize::try_from(size).ok()).collect();
        sizes.and_then(|sizes| sizes.try_into().ok()).ok_or_else(|| {
            let found = &attribute.ints[..attribute.ints.len().min(8)];
            self.refuse(format_args!("its attribute {name} wants {N} numbers from 0 up, got {found:?}"))
        })
    }

    /// Whole numbers, as many as there are; none when the option is left out.
    pub fn integers(&self, name: &str) -> Result<Vec<i64>> {
        Ok(self.find(name, AttributeType::Ints)?.map_or(Vec::new(), |attribute| attribute.ints.clone()))
    }

    /// Refuses an option that has another value than the one that is supported.
    pub fn must_be<T: PartialEq + std::fmt::Debug>(&self, name: &str, value: T, wanted: T) -> Result<()> {
        if value == wanted {
            return Ok(());
        }
        Err(self.refuse(format_args!("its attribute {name} = {value:?} is not supported, only {wanted:?}")))
    }

    /// The name of an input, when it is given.
    pub fn input(&self, place: usize) -> Option<&'a str> {
        self.proto.input.get(place).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The known tensor at an input; nothing when the input is not given.
    fn tensor(&self, place: usize) -> Result<Option<&'a TensorProto>> {
        let Some(name) = self.input(place) else { return Ok(None) };
        match self.known.get(name) {
            Some(tensor) => Ok(Some(tensor)),
            None => Err(self.refuse(format_args!("its input `{name}` must be a tensor that the file holds"))),
        }
    }

    /// The known real numbers at an input that may be left out.
    pub fn maybe_numbers<T: Real>(&self, place: usize) -> Result<Option<Tensor<T>>> {
        let Some(tensor) = self.tensor(place)? else { return Ok(None) };
        real(tensor).map(Some).map_err(|problem| self.refuse(format_args!("its tensor `{}` {problem}", tensor.name())))
    }

    /// The known real numbers at an input.
    pub fn numbers<T: Real>(&self, place: usize) -> Result<Tensor<T>> {
        self.maybe_numbers(place)?.ok_or_else(|| self.refuse(format_args!("its input {place} is missing")))
    }

    /// The known whole numbers at an input that may be left out.
    pub fn maybe_integers(&self, place: usize) -> Result<Option<Vec<i64>>> {
        let Some(tensor) = self.tensor(place)? else { return Ok(None) };
        let wrong = |problem| self.refuse(format_args!("its tensor `{}` {problem}", tensor.name()));
        integers(tensor).map(Some).map_err(wrong)
    }
}

/// The f64 that is written like this f32.
fn as_written(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

/// How many numbers a tensor has, and its shape.
fn size(tensor: &TensorProto) -> std::result::Result<(usize, Vec<usize>), String> {
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|&size| usize::try_from(size).ok()).collect();
    let count = shape.as_ref().and_then(|shape| shape.iter().copied().try_fold(1, usize::checked_mul));
    match (count, shape) {
        (Some(count), Some(shape)) if shape.len() <= 8 => Ok((count, shape)),
        _ => Err(format!("has the shape {:?}, which no tensor can have", &tensor.dims[..tensor.dims.len().min(8)])),
    }
}

/// Whether a tensor is of real numbers that can be read.
pub(super) fn is_real(tensor: &TensorProto) -> bool {
    matches!(DataType::try_from(tensor.data_type()), Ok(DataType::Float | DataType::Double))
}

/// A tensor of real numbers, rounded where they are of a wider type.
pub(super) fn real<T: Real>(tensor_proto: &TensorProto) -> std::result::Result<Tensor<T>, String> {
    if tensor_proto.data_location() == DataLocation::External {
        return Err("has its numbers in another file; save the model as one file".into());
    }
    let (count, shape) = size(tensor_proto)?;
    let raw = tensor_proto.raw_data();
    let single = |number: f32| T::of(f64::from(number));
    let numbers: Vec<T> = match DataType::try_from(tensor_proto.data_type()) {
        Ok(DataType::Float) if raw.is_empty() => tensor_proto.float_data.iter().copied().map(single).collect(),
        Ok(DataType::Float) => raw.as_chunks().0.iter().map(|&bytes| single(f32::from_le_bytes(bytes))).collect(),
        Ok(DataType::Double) if raw.is_empty() => tensor_proto.double_data.iter().copied().map(T::of).collect(),
        Ok(DataType::Double) => raw.as_chunks().0.iter().map(|&bytes| T::of(f64::from_le_bytes(bytes))).collect(),
        _ => return Err(format!("is of type {}, and f32 (1) or f64 (11) is wanted", tensor_proto.data_type())),
    };
    if numbers.len() != count || count == 0 {
        return Err(format!("wants {count} numbers for its shape {shape:?} and at least 1, got {}", numbers.len()));
    }
    Ok(tensor(&shape, numbers))
}

/// A list of whole numbers, or one alone.
fn integers(tensor: &TensorProto) -> std::result::Result<Vec<i64>, String> {
    if tensor.data_type() != DataType::Int64 as i32 || tensor.data_location() == DataLocation::External {
        return Err(format!("is of type {}, and whole numbers of 64 bits (7) are wanted", tensor.data_type()));
    }
    let (count, _) = size(tensor)?;
    let numbers = match tensor.raw_data() {
        [] => tensor.int64_data.clone(),
        raw => raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect(),
    };
    if numbers.len() != count {
        return Err(format!("wants {count} numbers, got {}", numbers.len()));
    }
    Ok(numbers)
}
