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

    /// The shapes of the tensors whose names begin with a prefix, by the rest of their names.
    pub(crate) fn shapes_behind(&self, prefix: &str) -> BTreeMap<String, Vec<usize>> {
        let own = |(name, shape): (String, _)| Some((name.strip_prefix(prefix)?.to_string(), shape));
        self.shapes().into_iter().filter_map(own).collect()
    }

    /// How many numbers all tensors have together.
    pub(crate) fn numbers(&self) -> usize {
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        self.header.tensors().values().map(|info| size(&info.shape)).sum()
    }

    /// The type of a tensor's numbers as the format calls it: `F32`.
    pub fn type_name(&self, name: &str) -> Option<String> {
        self.header.info(name).map(|info| info.dtype.to_string())
    }

    /// A tensor of numbers, each rounded to the nearest `T` where it is stored more finely.
    ///
    /// # Errors
    /// [`Error::Data`] when there is none of that name, or it holds something else than numbers: complex ones, or a packed form.
    pub fn tensor<T: Real>(&self, name: &str) -> Result<Tensor<T>> {
        let wrong = |problem: String| Error::Data { path: self.path.clone(), problem };
        let info = self.header.info(name).ok_or_else(|| wrong(format!("holds no tensor {name}")))?;
        let bytes = &self.bytes[self.start + info.data_offsets.0..self.start + info.data_offsets.1];
        let numbers = decode(info.dtype, bytes).ok_or_else(|| {
            let (found, wanted) = (info.dtype, "F64, F32, F16, BF16, a whole number or BOOL");
            wrong(format!("{name} holds {found}, and {wanted} is wanted"))
        })?;
        Ok(crate::tensor(&info.shape, numbers))
    }
}

/// The bytes of a file with these tensors, as `F32` or `F64` like `T`, and notes. A `num_batches_tracked` is a count, `I64` as in
/// PyTorch. The same content gives the same bytes when there is at most one note.
///
/// Panics when two tensors have one name.
pub fn encode<'a, T: Real, N: Into<String>>(
    tensors: impl IntoIterator<Item = (N, &'a Tensor<T>)>,
    notes: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<u8> {
    let own = if T::NAME == f32::NAME { Dtype::F32 } else { Dtype::F64 };
    let tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, tensor)| {
            let (name, numbers) = (name.into(), dense(tensor));
            let (dtype, bytes) = match name.ends_with("num_batches_tracked") {
                true => (Dtype::I64, counts(values(&numbers))),
                false => (own, bytes_of(values(&numbers))),
            };
            (name, dtype, tensor.shape().to_vec(), bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).expect("as many bytes as the shape has"))
    });
    let notes = notes.into_iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    ::safetensors::serialize(views, Some(notes)).expect("tensors with different names and a header below 100 MB")
}

/// Numbers from the bytes of a file; nothing for a type that is not of plain numbers.
fn decode<T: Real>(dtype: Dtype, bytes: &[u8]) -> Option<Vec<T>> {
    fn each<T: Real, const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Option<Vec<T>> {
        Some(bytes.as_chunks::<N>().0.iter().map(|&bytes| T::of(number(bytes))).collect())
    }
    match dtype {
        Dtype::F64 => each(bytes, f64::from_le_bytes),
        Dtype::F32 => each(bytes, |bytes| f32::from_le_bytes(bytes).into()),
        Dtype::F16 => each(bytes, |bytes| half(u16::from_le_bytes(bytes))),
        Dtype::BF16 => each(bytes, |bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16).into()),
        Dtype::I64 => each(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
        Dtype::U64 => each(bytes, |bytes| u64::from_le_bytes(bytes) as f64),
        Dtype::I32 => each(bytes, |bytes| i32::from_le_bytes(bytes).into()),
        Dtype::U32 => each(bytes, |bytes| u32::from_le_bytes(bytes).into()),
        Dtype::I16 => each(bytes, |bytes| i16::from_le_bytes(bytes).into()),
        Dtype::U16 => each(bytes, |bytes| u16::from_le_bytes(bytes).into()),
        Dtype::I8 => each(bytes, |bytes| i8::from_le_bytes(bytes).into()),
        Dtype::U8 | Dtype::BOOL => each(bytes, |[byte]| byte.into()),
        _ => None,
    }
}

/// A number of 16 bits: a sign, 5 bits of exponent and 10 of fraction (IEEE 754 binary16).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    let size = match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
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

/// Whole numbers, as they lie in a file.
fn counts<T: Real>(numbers: &[T]) -> Vec<u8> {
    numbers.iter().flat_map(|&number| (Real::to_f64(number) as i64).to_le_bytes()).collect()
}

#[cfg(test)]
#[path = "safetensors_tests.rs"]
mod tests;
