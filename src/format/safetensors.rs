//! safetensors: named tensors and notes in one file, which PyTorch and others read and write.
//!
//! A file is eight bytes with the length of a JSON header, the header (shape, type and place of every tensor, and text
//! notes), and the numbers. What is read is checked before it is trusted: the `safetensors` crate sees to it that the
//! tensors cover the file without gap or overlap, and nothing larger than the file is ever allocated.

use crate::tensor::{dense, entries, shape_text, values};
use crate::{Error, Real, Result, Tensor};
use ::safetensors::tensor::{Metadata, TensorInfo, TensorView};
use ::safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The content of a safetensors file.
///
/// ```
/// use limpide::format::safetensors::{Archive, encode};
/// let weight = limpide::tensor(&[1, 2], vec![0.5f32, -1.0]);
/// let bytes = encode([("0.weight", &weight)], [("author", "Ada")]);
/// let archive = Archive::from_bytes("example.safetensors", bytes)?;
/// assert_eq!(archive.tensor::<f32>("0.weight")?, weight);
/// assert_eq!(archive.note("author"), Some("Ada"));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Where the numbers begin.
    start: usize,
    header: Metadata,
}

impl Archive {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] when the file is not what the format says.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Self::from_bytes(path, bytes)
    }

    /// From the bytes of a file; `path` is what errors name.
    ///
    /// # Errors
    /// [`Error::Data`] when they are not what the format says.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self> {
        let path = path.into();
        match SafeTensors::read_metadata(&bytes) {
            Ok((length, header)) => {
                let vast = |info: &&&TensorInfo| entries(&info.shape, 8).is_none();
                if let Some(info) = header.tensors().values().find(vast) {
                    let shape = shape_text(&info.shape);
                    let problem =
                        format!("is not a whole safetensors file (a tensor is {shape}, which no memory holds)");
                    return Err(Error::Data { path, problem });
                }
                Ok(Archive { path, start: 8 + length, bytes, header })
            }
            Err(error) => {
                let size = bytes.len();
                let problem = format!("is not a whole safetensors file ({error}; {size} bytes); take another copy");
                Err(Error::Data { path, problem })
            }
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text note of that name.
    pub fn note(&self, name: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(name).map(String::as_str)
    }

    /// The shape of every tensor by its name.
    pub fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        self.header.tensors().into_iter().map(|(name, info)| (name.to_string(), info.shape.clone())).collect()
    }

    /// How many numbers all tensors have together.
    pub(crate) fn numbers(&self) -> usize {
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        self.header.tensors().values().map(|info| size(&info.shape)).sum()
    }

    /// A tensor of `F32` or `F64`, rounded to the nearest `T` when it is stored more finely.
    ///
    /// # Errors
    /// [`Error::Data`] when there is none of that name, or it holds something else than real numbers.
    pub fn tensor<T: Real>(&self, name: &str) -> Result<Tensor<T>> {
        let wrong = |problem: String| Error::Data { path: self.path.clone(), problem };
        let info = self.header.info(name).ok_or_else(|| wrong(format!("holds no tensor {name}")))?;
        let bytes = &self.bytes[self.start + info.data_offsets.0..self.start + info.data_offsets.1];
        let numbers = match info.dtype {
            Dtype::F32 => {
                bytes.as_chunks::<4>().0.iter().map(|&bytes| T::of(f32::from_le_bytes(bytes).into())).collect()
            }
            Dtype::F64 => bytes.as_chunks::<8>().0.iter().map(|&bytes| T::of(f64::from_le_bytes(bytes))).collect(),
            other => return Err(wrong(format!("{name} holds {other}, and F32 or F64 is wanted"))),
        };
        Ok(crate::tensor(&info.shape, numbers))
    }

    /// An error about this file when its tensors are not exactly the `wanted` ones: it lists every one that is missing,
    /// too many, or of another shape. `whose` says who wants them.
    pub(crate) fn compare(&self, whose: &str, wanted: &[(String, Vec<usize>)]) -> Result<()> {
        let problems = differences(wanted, &self.shapes());
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::Data { path: self.path.clone(), problem: format!("is not of {whose}: {}", problems.join("; ")) })
    }
}

/// What a list of tensors lacks, has too many, or has in another shape than wanted.
pub(crate) fn differences(wanted: &[(String, Vec<usize>)], found: &BTreeMap<String, Vec<usize>>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, shape) in wanted {
        match found.get(name) {
            None => problems.push(format!("{name} {} is missing", shape_text(shape))),
            Some(other) if other != shape => {
                problems.push(format!("{name} wants {}, got {}", shape_text(shape), shape_text(other)));
            }
            Some(_) => {}
        }
    }
    let extra = found.iter().filter(|(name, _)| wanted.iter().all(|(own, _)| own != *name));
    problems.extend(extra.map(|(name, shape)| format!("{name} {} is extra", shape_text(shape))));
    problems
}

/// The bytes of a file with these tensors, as `F32` or `F64` like `T`, and notes. The same content gives the same bytes
/// when there is at most one note.
///
/// Panics when two tensors have one name.
pub fn encode<'a, T: Real, N: Into<String>>(
    tensors: impl IntoIterator<Item = (N, &'a Tensor<T>)>,
    notes: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<u8> {
    let dtype = if T::NAME == f32::NAME { Dtype::F32 } else { Dtype::F64 };
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, tensor)| (name.into(), tensor.shape().to_vec(), bytes_of(values(&dense(tensor)))))
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(dtype, shape.clone(), bytes).expect("as many bytes as the shape has"))
    });
    let notes = notes.into_iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    ::safetensors::serialize(views, Some(notes)).expect("tensors with different names and a header below 100 MB")
}

/// Numbers as they lie in a file: little-endian, in the type's own width.
fn bytes_of<T: Real>(numbers: &[T]) -> Vec<u8> {
    if T::NAME == f32::NAME {
        // Exact: an f32 that has been made an f64 is itself again.
        numbers.iter().flat_map(|&number| (Real::to_f64(number) as f32).to_le_bytes()).collect()
    } else {
        numbers.iter().flat_map(|&number| Real::to_f64(number).to_le_bytes()).collect()
    }
}

#[cfg(test)]
#[path = "safetensors_tests.rs"]
mod tests;
