//! NPY, NumPy's file of one array: a magic number, a header that is a Python dictionary, then the numbers.
//!
//! The header is read by a parser that knows only what NumPy writes there; nothing in it is ever run. What it says about
//! sizes is a claim, like everything else in a file.

use super::AnyArray;
use super::bounded::{FIRST_BYTES, Problem, read_up_to};
use super::npy_header::{Header, Kind};
use crate::tensor::{entries, shape_text};
use crate::{Error, Result};
use ndarray::{ArcArray, IxDyn, ShapeBuilder};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Bytes that are made numbers at a time.
const CHUNK: usize = 64 << 10;

/// Reads an NPY file.
///
/// | dtype | becomes |
/// | --- | --- |
/// | `bool` | [`AnyArray::Bools`] |
/// | `uint8` | [`AnyArray::Bytes`] |
/// | other integers | [`AnyArray::Integers`] |
/// | `float16`, `float32` | [`AnyArray::Reals`] |
/// | `float64` | [`AnyArray::Doubles`] |
/// | `str` (`U`), `bytes` (`S`) | [`AnyArray::Texts`] |
///
/// Either byte order and either order of the axes (C or Fortran) is taken. Numbers that the file lacks are never made room
/// for: the peak of the memory is 64 times the file and 256 KiB (64 for one-letter texts, 12 for the numbers).
///
/// Errs when the file cannot be read, is not NPY, or is shorter or longer than its header says; for another dtype, with what
/// to do about it: objects are Python's pickles, which would have to be run to be read.
pub fn read_npy(path: &Path) -> Result<AnyArray> {
    let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
    read_npy_from(path, BufReader::with_capacity(FIRST_BYTES, file))
}

/// [`read_npy`] of what a reader gives; `path` is what errors name.
///
/// Errs as it does.
pub fn read_npy_from(path: &Path, reader: impl Read) -> Result<AnyArray> {
    parse(reader).map_err(|problem| problem.of(path))
}

/// Parses a whole file.
pub(super) fn parse(mut reader: impl Read) -> std::result::Result<AnyArray, Problem> {
    let header = Header::read(&mut reader)?;
    let Header { kind, width, big_endian, fortran, shape } = &header;
    let width = *width;
    let room = width.max(size_of::<String>());
    let count = entries(shape, room).ok_or_else(|| {
        Problem::Data(format!("the header claims {} numbers, more than any memory holds", shape_text(shape)))
    })?;
    let mut body = Body { reader, width, big_endian: *big_endian, count, shape };
    let layout = IxDyn(shape).set_f(*fortran);
    let array = match (kind, width) {
        (Kind::Bool, _) => AnyArray::Bools(filled(layout, body.numbers(|bytes: [u8; 1]| u8::from(bytes[0] != 0))?)),
        (Kind::Unsigned, 1) => AnyArray::Bytes(filled(layout, body.numbers(|[byte]: [u8; 1]| byte)?)),
        (Kind::Unsigned, 2) => integers(layout, body.numbers(|bytes| i64::from(u16::from_be_bytes(bytes)))?),
        (Kind::Unsigned, 4) => integers(layout, body.numbers(|bytes| i64::from(u32::from_be_bytes(bytes)))?),
        (Kind::Unsigned, 8) => {
            // Class numbers and counts stay below 2⁶³; what does not is told.
            let values = body.numbers(|bytes| i64::try_from(u64::from_be_bytes(bytes)).unwrap_or(-1))?;
            if values.contains(&-1) {
                return Err(Problem::Data(
                    "holds uint64 numbers of 2^63 and more; save x.astype(np.float32) instead".into(),
                ));
            }
            integers(layout, values)
        }
        (Kind::Signed, 1) => integers(layout, body.numbers(|bytes| i64::from(i8::from_be_bytes(bytes)))?),
        (Kind::Signed, 2) => integers(layout, body.numbers(|bytes| i64::from(i16::from_be_bytes(bytes)))?),
        (Kind::Signed, 4) => integers(layout, body.numbers(|bytes| i64::from(i32::from_be_bytes(bytes)))?),
        (Kind::Signed, 8) => integers(layout, body.numbers(i64::from_be_bytes)?),
        (Kind::Float, 2) => AnyArray::Reals(filled(layout, body.numbers(|b| half(u16::from_be_bytes(b)))?)),
        (Kind::Float, 4) => AnyArray::Reals(filled(layout, body.numbers(f32::from_be_bytes)?)),
        (Kind::Float, 8) => AnyArray::Doubles(filled(layout, body.numbers(f64::from_be_bytes)?)),
        (Kind::Letters | Kind::Bytes, _) => AnyArray::Texts(filled(layout, body.texts(*kind == Kind::Letters)?)),
        _ => unreachable!("the header has checked kind and width"),
    };
    if read_up_to(&mut body.reader, &mut [0])? > 0 {
        return Err(Problem::Data(format!("{} and the file has more; it is damaged", body.claim())));
    }
    Ok(array)
}

/// An array in row-major order from entries in the order of a layout.
fn filled<A: Clone>(layout: ndarray::Shape<IxDyn>, values: Vec<A>) -> ArcArray<A, IxDyn> {
    let array = ArcArray::from_shape_vec(layout, values).expect("as many entries as the shape has");
    crate::tensor::dense(&array)
}

fn integers(layout: ndarray::Shape<IxDyn>, values: Vec<i64>) -> AnyArray {
    AnyArray::Integers(filled(layout, values))
}

/// What follows the header.
struct Body<'a, R> {
    reader: R,
    /// Bytes of an entry.
    width: usize,
    big_endian: bool,
    /// Entries that the header claims.
    count: usize,
    shape: &'a [usize],
}

impl<R: Read> Body<'_, R> {
    fn claim(&self) -> String {
        let Body { count, width, .. } = self;
        format!("the header claims {} = {count} entries of {width} bytes", shape_text(self.shape))
    }

    /// All entries, each from its bytes, the most significant first.
    fn numbers<const N: usize, A>(&mut self, number: impl Fn([u8; N]) -> A) -> std::result::Result<Vec<A>, Problem> {
        let turn = !self.big_endian;
        self.entries(|bytes| {
            let mut own: [u8; N] = bytes.try_into().expect("an entry of the width that the header says");
            if turn {
                own.reverse();
            }
            Ok(number(own))
        })
    }

    /// All entries as text: four bytes a letter (UCS-4), or bytes that must be UTF-8; zeros at the end are padding.
    fn texts(&mut self, letters: bool) -> std::result::Result<Vec<String>, Problem> {
        let big_endian = self.big_endian;
        let letter = |&bytes: &[u8; 4]| {
            char::from_u32(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
        };
        self.entries(|bytes| {
            let text = if letters {
                bytes.as_chunks::<4>().0.iter().map(letter).collect::<Option<String>>()
            } else {
                std::str::from_utf8(bytes).ok().map(str::to_string)
            };
            let text = text.ok_or_else(|| "holds text that is not Unicode; save it as str".to_string())?;
            let mut text = text.trim_end_matches('\0').to_string();
            text.shrink_to_fit();
            Ok(text)
        })
    }

    /// All entries, in the order of the file; room for them is taken as they arrive.
    fn entries<A>(
        &mut self,
        entry: impl Fn(&[u8]) -> std::result::Result<A, String>,
    ) -> std::result::Result<Vec<A>, Problem> {
        let per_chunk = (CHUNK / self.width).max(1);
        // An entry wider than a chunk grows as it arrives, too.
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        while values.len() < self.count {
            let wanted = per_chunk.min(self.count - values.len());
            bytes.clear();
            super::bounded::read_values(&mut self.reader, wanted * self.width, &mut bytes)?;
            let arrived = bytes.len() / self.width;
            if values.capacity() < values.len() + arrived {
                let more = values.len().max(arrived).min(self.count - values.len());
                values.reserve_exact(more);
            }
            for bytes in bytes.chunks_exact(self.width) {
                values.push(entry(bytes).map_err(Problem::Data)?);
            }
            if arrived < wanted {
                let got = values.len();
                let claim = format!("{}, and the file has {got}; it was cut short, take another copy", self.claim());
                return Err(Problem::Data(claim));
            }
        }
        Ok(values)
    }
}

/// The number that the 16 bits of IEEE's half precision stand for; every one is exact in `f32`.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
#[path = "npy_tests.rs"]
mod tests;
