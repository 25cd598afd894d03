//! Results written for a verdict made outside this program.

use super::numbers::Numbers;
use limpide::files::write_atomically;
use limpide::{Error, Result};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::collections::BTreeMap;
use std::path::Path;

/// Writes OUT/FAMILY.safetensors: every result under the key `case/slot`, as `F64`.
///
/// A family without results gets a file without tensors, so that none of an earlier run is left standing.
pub fn write(out: &Path, family: &str, results: &BTreeMap<String, Numbers>) -> Result<()> {
    let path = out.join(format!("{family}.safetensors"));
    let wrong = |error: safetensors::SafeTensorError| Error::Data { path: path.clone(), problem: error.to_string() };
    let bytes: Vec<(&String, &Numbers, Vec<u8>)> = results
        .iter()
        .map(|(key, numbers)| (key, numbers, numbers.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views: Vec<(&String, TensorView)> = bytes
        .iter()
        .map(|(key, numbers, bytes)| Ok((*key, TensorView::new(Dtype::F64, numbers.shape.clone(), bytes)?)))
        .collect::<std::result::Result<_, _>>()
        .map_err(wrong)?;
    write_atomically(&path, &safetensors::serialize(views, None).map_err(wrong)?)
}
