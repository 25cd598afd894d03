//! What is in an ONNX file, whether its operators are layers or not.

use super::reader;
use crate::{Error, Result, Tensor};
use std::path::Path;

/// The nodes and known tensors of a graph.
#[derive(Debug)]
pub struct Survey {
    /// Names and operators of the nodes, in order.
    pub nodes: Vec<(String, String)>,
    /// The known tensors of real numbers, by name.
    pub tensors: Vec<(String, Tensor<f32>)>,
}

/// Lists an ONNX file.
///
/// # Errors
/// [`Error::Io`]; [`Error::Data`] when the file is damaged or too new, or keeps its numbers elsewhere.
pub fn survey(path: &Path) -> Result<Survey> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let (graph, _) = reader::read(path, &bytes)?;
    let mut tensors = Vec::new();
    for known in graph.initializer.iter().filter(|tensor| reader::is_real(tensor)) {
        let problem = |problem| Error::Data { path: path.into(), problem: format!("{} {problem}", known.name()) };
        tensors.push((known.name().to_string(), reader::real(known).map_err(problem)?));
    }
    let nodes = graph.node.iter().map(|node| (node.name().to_string(), node.op_type().to_string())).collect();
    Ok(Survey { nodes, tensors })
}
