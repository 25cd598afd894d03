//! ONNX: networks as graphs of operators, which onnxruntime and others run, and which PyTorch exports.
//!
//! What [`export`] writes is operator set 21 in f32 (a table's input is of f64), for inference, with any number of samples; [`import`] reads the operators
//! that layers become, of the sets from 13 on. A layer becomes:
//!
//! | layer | nodes |
//! | --- | --- |
//! | `Linear` | `Gemm`; `MatMul` and `Add` on more than two axes |
//! | `Conv2d`, `ConvTranspose2d` | `Conv`, `ConvTranspose` |
//! | `MaxPool2d`, `AvgPool2d`, `GlobalAvgPool2d` | `MaxPool`, `AveragePool` (behind a `Pad` where a last window sticks out), `GlobalAveragePool` |
//! | `AdaptiveAvgPool2d` | `AveragePool`, or one `MatMul` for each axis where the windows differ |
//! | `Upsample`, `ZeroPad2d` | `Resize`, `Pad` |
//! | `Flatten`, `Reshape` | `Flatten`, `Reshape` |
//! | `Tanh`, `Sigmoid`, `Relu`, `LeakyRelu`, `PRelu`, `Elu`, `Selu`, `Gelu`, `Hardswish`, `Softplus` | the operator of that name |
//! | `Silu` | `Sigmoid` and `Mul` |
//! | `Softmax`, `LogSoftmax` | the operator of that name |
//! | `BatchNorm1d`, `BatchNorm2d`, `LayerNorm`, `GroupNorm` | `BatchNormalization`, `LayerNormalization`, `GroupNormalization` |
//! | `Dropout`, `Dropout2d` | `Dropout`, nothing |
//! | `Residual` | an `Add` behind its chain |
//! | a [`Standardization`](crate::data::Standardization) before them all | `Sub` and `Div`; of a table in f64, then `Cast` |
//! | what the outputs mean, behind them all | `Softmax`, `Sigmoid` or `Exp`; `Mul` and `Add` |
//!
//! The graph computes in `f32`: values whose mean is more than a million deviations from 0 come rounded, as
//! [`Pipeline::predict`](crate::Pipeline::predict) does not give them.
//!
//! Source: the [operators](https://onnx.ai/onnx/operators/) and the
//! [format](https://github.com/onnx/onnx/blob/main/docs/IR.md) of the ONNX project.

mod about;
mod export;
mod graph;
mod import;
mod layers;
mod operators;
mod pieces;
#[allow(missing_docs)] // the messages have their words from onnx.proto, the fields are those of the format
mod proto;
mod reader;
mod survey;
mod windows;

pub use export::export;
pub use import::{Imported, import, import_bytes};
pub use survey::{Survey, survey};

/// The version of the format that is written.
const IR_VERSION: i64 = 10;
/// The operator set that is written.
const OPSET: i64 = 21;

#[cfg(test)]
mod import_tests;
#[cfg(test)]
mod tests;
