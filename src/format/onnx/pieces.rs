//! The pieces of a network as nodes give them, and the layers that neighbouring pieces are.

use super::layers::averages;
use super::operators::{layer, modules};
use super::proto::tensor_proto::DataType;
use super::reader::Node;
use super::windows;
use crate::layers::{AdaptiveAvgPool2dOptions, Gelu, Hardswish, Linear, Silu, Softplus};
use crate::model::{LayerDescription as Of, describe};
use crate::{Module, Real, Residual, Result, Sequential, Tensor};

/// A part of a network, and the node that it came from.
pub(super) struct Piece {
    pub node: usize,
    pub work: Work,
}

/// What a part of a network does.
pub(super) enum Work {
    /// A layer's work.
    Layer(Box<dyn Module<f32>>),
    /// Arithmetic with known numbers.
    Plus(Tensor<f32>),
    Minus(Tensor<f64>),
    Times(Tensor<f32>),
    Over(Tensor<f64>),
    /// From f64 to f32.
    Narrow,
    /// A known matrix from the left.
    Rows(Tensor<f32>),
    /// A known matrix from the right, which is no layer's in this place.
    Columns(Tensor<f32>),
    Erf,
    /// min(max(x/6 + 1/2, 0), 1).
    HardSigmoid,
    /// x(1 + erf(x/√2)).
    TwiceGelu,
}

/// Adds what a node does to `value`, of the given shape, behind the pieces before it; `shape` becomes that of its output.
pub(super) fn piece(node: &Node<'_>, value: &str, shape: &mut Vec<usize>, pieces: &mut Vec<Piece>) -> Result<()> {
    if !matches!(node.proto.domain(), "" | "ai.onnx") {
        return Err(node.refuse(format_args!("no layer does an operator of the domain {}", node.proto.domain())));
    }
    if node.proto.op_type() == "Identity" {
        return Ok(());
    }
    if let Some(work) = arithmetic(node, value)? {
        match &work {
            Work::Plus(bias) if add_bias(pieces, bias) => return Ok(()),
            Work::Rows(rows) if shape.len() == 4 && shape[2] == rows.shape()[1] => shape[2] = rows.shape()[0],
            Work::Rows(_) => return Err(node.refuse("a known matrix on its left is not supported here")),
            _ => {}
        }
        pieces.push(Piece { node: node.number, work });
        return Ok(());
    }
    if node.input(0) != Some(value) {
        return Err(node.refuse(format_args!("the value `{value}` must be its first input")));
    }
    if node.proto.op_type() == "MatMul" && matches!(pieces.last(), Some(Piece { work: Work::Rows(_), .. })) {
        let columns = node.numbers(1)?;
        if let &[_, width] = columns.shape() {
            shape[3] = width;
        }
        pieces.push(Piece { node: node.number, work: Work::Columns(columns) });
        return Ok(());
    }
    if let ("AveragePool", Some(Piece { work: Work::Layer(pad), .. })) = (node.proto.op_type(), pieces.last_mut())
        && let Some(pool) = windows::avg_pool_of_padded(node, shape, &**pad)?
    {
        (*pad, *shape) = pool;
        return Ok(());
    }
    for module in modules(node, shape)? {
        *shape = module.output_shape(shape).map_err(|error| node.refuse(error))?;
        pieces.push(Piece { node: node.number, work: Work::Layer(module) });
    }
    Ok(())
}

/// What a node does that is arithmetic with known numbers, or a function that is no layer on its own.
fn arithmetic(node: &Node<'_>, value: &str) -> Result<Option<Work>> {
    // Where the known tensor stands.
    let left = node.input(0) != Some(value);
    let other = || node.numbers(usize::from(!left));
    let wide = || node.numbers(1);
    Ok(Some(match node.proto.op_type() {
        "Add" => Work::Plus(other()?),
        "Mul" => Work::Times(other()?),
        "Sub" if !left => Work::Minus(wide()?),
        "Div" if !left => Work::Over(wide()?),
        "Sub" | "Div" => return Err(node.refuse("a known tensor on its left is not supported")),
        "MatMul" if left => match other()? {
            rows if rows.ndim() == 2 => Work::Rows(rows),
            _ => return Err(node.refuse("only a matrix on its left is supported")),
        },
        "Erf" => Work::Erf,
        "Cast" if node.int("to", 0)? == DataType::Float as i64 => Work::Narrow,
        "HardSigmoid" if (node.float("alpha", 0.2)? - 1.0 / 6.0).abs() < 1e-7 && node.float("beta", 0.5)? == 0.5 => {
            Work::HardSigmoid
        }
        _ => return Ok(None),
    }))
}

/// Gives the last piece, when it is a product of more than two axes, the bias that is added to it.
fn add_bias(pieces: &mut [Piece], bias: &Tensor<f32>) -> bool {
    let Some(Piece { work: Work::Layer(module), .. }) = pieces.last_mut() else { return false };
    let Some(Of::Linear(options)) = describe(&**module) else { return false };
    if options.bias || bias.shape() != [options.out_features] {
        return false;
    }
    let weight = module.parameters()[0].1.clone();
    let linear = Linear::from_values(weight, Some(bias.clone())).expect("the shapes were compared");
    *module = Box::new(linear);
    true
}

/// What a node makes of a value and of what became of it on a way around.
pub(super) fn join<'a>(node: &Node<'a>, around: Vec<Piece>, find: impl Fn(usize) -> Node<'a>) -> Result<Piece> {
    let of = |work| Ok(Piece { node: node.number, work });
    let works: Vec<&Work> = around.iter().map(|piece| &piece.work).collect();
    match (node.proto.op_type(), works.as_slice()) {
        ("Mul", [Work::Layer(gate)]) if matches!(describe(&**gate), Some(Of::Sigmoid(_))) => {
            of(Work::Layer(Box::new(Silu)))
        }
        ("Mul", [Work::HardSigmoid]) => of(Work::Layer(Box::new(Hardswish))),
        ("Mul", [scaled, Work::Erf, Work::Plus(one)]) if is(one, 1.0) && halves_variance(scaled) => of(Work::TwiceGelu),
        ("Add", _) => {
            let chain = Sequential::from(layers(around, find)?);
            of(Work::Layer(Box::new(Residual::new(chain))))
        }
        _ => Err(node.refuse("no layer joins a value and what became of it like this")),
    }
}

/// x/√2.
fn halves_variance(work: &Work) -> bool {
    match work {
        Work::Over(number) => is(number, std::f64::consts::SQRT_2),
        Work::Times(number) => is(number, std::f64::consts::FRAC_1_SQRT_2),
        _ => false,
    }
}

/// Whether a tensor is one number, up to rounding.
fn is<T: Real>(tensor: &Tensor<T>, wanted: f64) -> bool {
    tensor.len() == 1 && tensor.iter().all(|&number| (Real::to_f64(number) - wanted).abs() < 1e-6)
}

/// The layers that pieces are, neighbours that make one layer taken together.
pub(super) fn layers<'a>(pieces: Vec<Piece>, find: impl Fn(usize) -> Node<'a>) -> Result<Vec<Box<dyn Module<f32>>>> {
    let mut result: Vec<Box<dyn Module<f32>>> = Vec::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let node = find(piece.node);
        let alone = || node.refuse("no layer does this in this place");
        let next = pieces.peek().map(|piece| &piece.work);
        match (piece.work, next) {
            (Work::Layer(module), _) => result.push(module),
            (Work::TwiceGelu, Some(Work::Times(half))) if is(half, 0.5) => {
                pieces.next();
                result.push(Box::new(Gelu::new()));
            }
            (Work::Times(beta), Some(Work::Layer(module))) if matches!(describe(&**module), Some(Of::Softplus(_))) => {
                pieces.next();
                match pieces.next() {
                    Some(Piece { work: Work::Over(same), .. }) if beta.len() == 1 && same == beta.mapv(f64::from) => {
                        let beta = beta.iter().copied().sum::<f32>();
                        let beta = beta.to_string().parse().unwrap_or(f64::from(beta));
                        result.push(Box::new(Softplus { beta, ..Softplus::default() }));
                    }
                    _ => return Err(alone()),
                }
            }
            (Work::Rows(rows), Some(Work::Columns(columns))) => {
                let ([h_out, h_in], &[w_in, w_out]) =
                    (<[usize; 2]>::try_from(rows.shape()).expect("a matrix"), columns.shape())
                else {
                    return Err(alone());
                };
                if rows != averages(h_in, h_out) || columns.t() != averages(w_in, w_out) {
                    return Err(alone());
                }
                pieces.next();
                let options = AdaptiveAvgPool2dOptions { output_size: [h_out, w_out].into() };
                result.push(layer(&node, &Of::AdaptiveAvgPool2d(options), Vec::new())?);
            }
            _ => return Err(alone()),
        }
    }
    Ok(result)
}
