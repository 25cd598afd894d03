//! From a graph to a network: the way from the input to the output, node by node.

use super::about::{self, About};
use super::pieces::{Piece, Work, join, layers, piece};
use super::proto::GraphProto;
use super::reader::{self, Known, LARGEST, Node};
use crate::data::{Fit, Standardization};
use crate::pipeline::Output;
use crate::{Error, Module, Result, Sequential, Tensor};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What was in an ONNX file.
#[derive(Debug)]
pub struct Imported {
    /// The network.
    pub network: Sequential<f32>,
    /// The shape of a sample.
    pub sample: Vec<usize>,
    /// Whether the graph takes f64, which it then standardises in f64, as the graph of a table does.
    pub wide: bool,
    /// What the numbers of a sample are, where the file's metadata gives each a name of its own.
    pub inputs: Vec<String>,
    /// What the graph does to the inputs before the network.
    pub standardization: Option<Standardization>,
    /// What bytes are divided by before they go in, where the metadata says so.
    pub divisor: Option<f32>,
    /// How image files are brought to the shape of a sample, where the metadata says so.
    pub fit: Option<Fit>,
    /// What the outputs mean: classes where the metadata names them, else numbers as they are, or scaled and shifted.
    pub output: Output,
}

/// Reads the network of an ONNX file: a chain of the operators that layers become, with ways around parts of it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Data`] when the file is damaged or too new, and for what no layer computes: the message names
/// node, operator and attribute. Nothing is allocated that is larger than the file's own messages unpacked.
pub fn import(path: &Path) -> Result<Imported> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    import_bytes(path, &bytes)
}

/// [`import`] from the bytes of a file; `path` is what errors name.
///
/// # Errors
/// [`Error::Data`], as there.
pub fn import_bytes(path: impl Into<PathBuf>, bytes: &[u8]) -> Result<Imported> {
    let path = path.into();
    let (mut graph, entries) = reader::read(&path, bytes)?;
    let About { inputs, divisor, fit, outputs, activation, labels } = About::read(&entries);
    let activation =
        activation.filter(|_| labels || !outputs.is_empty()).map(|own| about::take_activation(&mut graph, own));
    let known = reader::known(&graph);
    let wrong = |problem: String| Error::Data { path: path.clone(), problem };
    let free: Vec<_> = graph.input.iter().filter(|input| !known.contains_key(input.name())).collect();
    let ([input], [output]) = (free.as_slice(), graph.output.as_slice()) else {
        let counts = format!("{} inputs and {} outputs", free.len(), graph.output.len());
        return Err(wrong(format!("has {counts}, and a network has one of each")));
    };
    let (name, wide, sample) = reader::shape(input, "input").map_err(wrong)?;
    let mut way = Way::new(&graph, &known, &path, output.name());
    let mut shape = [&[2], sample.as_slice()].concat();
    let users = way.users(&name);
    let (mut pieces, _) = way.walk(&name, users, &mut shape, None, 0)?;
    let standardization = take_standardization(&mut pieces, &sample);
    if wide && !matches!(pieces.first(), Some(Piece { work: Work::Narrow, .. })) {
        let wanted = "only a standardisation (Sub, Div above 0) and then a Cast to f32 may stand before the layers";
        return Err(wrong(format!("its input `{name}` is of f64, and {wanted}")));
    }
    pieces.drain(..usize::from(wide));
    let fits = |names: &[String], count: usize| {
        names.len() == count && names.iter().collect::<HashSet<_>>().len() == names.len()
    };
    let inputs = if fits(&inputs, sample.iter().product()) { inputs } else { Vec::new() };
    let count = shape[1..].iter().product();
    let output = match activation {
        Some(activation) if labels => Output::Labels { names: outputs, activation },
        Some(activation) => Output::Classes { names: outputs, activation },
        None => {
            let (mean, std) = take_scale(&mut pieces, &shape);
            Output::Values { names: if fits(&outputs, count) { outputs } else { Vec::new() }, mean, std }
        }
    };
    output.check(count).map_err(|error| wrong(format!("does not give what its metadata says: {error}")))?;
    let network = Sequential::from(layers(pieces, |number| way.node(number))?);
    // The chain as a whole, from the sample on.
    network.output_shape(&[&[1], sample.as_slice()].concat())?;
    Ok(Imported { network, sample, wide, inputs, standardization, divisor, fit, output })
}

/// The shift and the scale of all outputs, a batch of the given shape, that the pieces end with, taken from them.
fn take_scale(pieces: &mut Vec<Piece>, shape: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let of = |numbers: &Tensor<f32>| numbers.iter().map(|&number| f64::from(number)).collect::<Vec<_>>();
    // One number for each of a sample's: other shapes meet other axes, or the batch's.
    let fits = |numbers: &Tensor<f32>| numbers.ndim() <= shape.len() && inner(numbers.shape()) == inner(&shape[1..]);
    let (mut mean, mut std) = (Vec::new(), Vec::new());
    if let Some(Piece { work: Work::Plus(numbers), .. }) = pieces.last()
        && fits(numbers)
    {
        mean = of(numbers);
        pieces.pop();
    }
    match pieces.as_slice() {
        // The half that makes a GELU of it.
        [.., Piece { work: Work::TwiceGelu, .. }, _] => {}
        [.., Piece { work: Work::Times(numbers), .. }] if fits(numbers) => {
            std = of(numbers);
            pieces.pop();
        }
        _ => {}
    }
    (mean, std)
}

/// A shape from its first axis on that is longer than 1: what is before repeats nothing.
fn inner(shape: &[usize]) -> &[usize] {
    let first = shape.iter().position(|&size| size != 1).unwrap_or(shape.len());
    &shape[first..]
}

/// The standardisation that the pieces begin with, taken from them.
fn take_standardization(pieces: &mut Vec<Piece>, sample: &[usize]) -> Option<Standardization> {
    let [Piece { work: Work::Minus(mean), .. }, Piece { work: Work::Over(std), .. }, ..] = pieces.as_slice() else {
        return None;
    };
    let groups = mean.len();
    let size: usize = sample.iter().product();
    // One number each for a sample's numbers, its channels, or all of them; other shapes meet other axes.
    let by_channel = [&sample[..1], &vec![1; sample.len() - 1]].concat();
    let fits = mean.shape() == std.shape() && (groups == 1 || mean.shape() == sample || mean.shape() == by_channel);
    if !fits || std.iter().any(|&std| std <= 0.0) {
        return None;
    }
    let of = |numbers: &Tensor<f64>| numbers.iter().copied().collect();
    let standardization = Standardization::new(of(mean), of(std), size / groups).ok()?;
    pieces.drain(..2);
    Some(standardization)
}

/// The deepest that ways around ways around parts may lie.
const DEEPEST: usize = 32;

/// The nodes on the way from input to output.
struct Way<'a> {
    graph: &'a GraphProto,
    known: &'a Known<'a>,
    path: &'a Path,
    output: &'a str,
    /// The nodes that use each value, in order.
    users: HashMap<&'a str, Vec<usize>>,
    seen: Vec<bool>,
}

impl<'a> Way<'a> {
    fn new(graph: &'a GraphProto, known: &'a Known<'a>, path: &'a Path, output: &'a str) -> Self {
        let mut users: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, node) in graph.node.iter().enumerate() {
            for input in node.input.iter().filter(|input| !known.contains_key(input.as_str())) {
                let users = users.entry(input).or_default();
                if users.last() != Some(&number) {
                    users.push(number);
                }
            }
        }
        Way { graph, known, path, output, users, seen: vec![false; graph.node.len()] }
    }

    fn node(&self, number: usize) -> Node<'a> {
        Node { proto: &self.graph.node[number], number, path: self.path, known: self.known }
    }

    fn users(&self, value: &str) -> Vec<usize> {
        self.users.get(value).cloned().unwrap_or_default()
    }

    /// From a value, through the first of its `users`, to the node `until` or the graph's output; the pieces on the way, and
    /// the last value. `shape` is that of the value before and of the last one after.
    fn walk(
        &mut self,
        value: &str,
        mut users: Vec<usize>,
        shape: &mut Vec<usize>,
        until: Option<usize>,
        depth: usize,
    ) -> Result<(Vec<Piece>, String)> {
        let mut value = value.to_string();
        let mut pieces = Vec::new();
        loop {
            match users.as_slice() {
                [] if until.is_none() && value == self.output => return Ok((pieces, value)),
                [number] if Some(*number) == until => return Ok((pieces, value)),
                [] => {
                    let problem = format!("the value `{value}` leads nowhere; the output is `{}`", self.output);
                    return Err(Error::Data { path: self.path.into(), problem });
                }
                &[number] => {
                    let node = self.visit(number)?;
                    piece(&node, &value, shape, &mut pieces)?;
                    value = self.only_output(&node)?;
                }
                &[first, last] if depth < DEEPEST => {
                    let mut inner = shape.clone();
                    let (around, end) = self.walk(&value, vec![first], &mut inner, Some(last), depth + 1)?;
                    let node = self.visit(last)?;
                    let inputs: Vec<&str> = node.proto.input.iter().map(String::as_str).collect();
                    if !(inputs == [value.as_str(), &end] || inputs == [&end, value.as_str()]) || inner != *shape {
                        return Err(node.refuse("what it joins is no way around a part of a chain"));
                    }
                    let around = join(&node, around, |number| self.node(number))?;
                    pieces.push(around);
                    value = self.only_output(&node)?;
                }
                [.., last] => {
                    let count = users.len();
                    let problem = format!("its input `{value}` goes to {count} nodes or lies {depth} ways deep");
                    return Err(self.node(*last).refuse(problem));
                }
            }
            if shape[1..].iter().copied().try_fold(1, usize::checked_mul).is_none_or(|count| count > LARGEST) {
                let problem = format!("the value `{value}` has more than {LARGEST} numbers a sample");
                return Err(Error::Data { path: self.path.into(), problem });
            }
            users = self.users(&value);
        }
    }

    fn visit(&mut self, number: usize) -> Result<Node<'a>> {
        let node = self.node(number);
        if std::mem::replace(&mut self.seen[number], true) {
            return Err(node.refuse("its values go in a circle"));
        }
        Ok(node)
    }

    fn only_output(&self, node: &Node<'a>) -> Result<String> {
        // Other outputs, such as a dropout's mask, may be named as long as nobody uses them.
        let mut outputs = node.proto.output.iter();
        match outputs.next() {
            Some(first) if outputs.all(|other| !self.users.contains_key(other.as_str())) => Ok(first.clone()),
            _ => Err(node.refuse("it wants one output that is used")),
        }
    }
}
