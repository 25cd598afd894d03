//! IDX, the file format of MNIST: a magic number, the sizes of the axes, then bytes; plain or gzip, told by its first bytes.
//!
//! The sizes in a file are a claim: memory is taken as data arrives, never ahead of it, and never above a bound.

use crate::tensor::shape_text;
use crate::{Error, Result};
use flate2::read::MultiGzDecoder;
use ndarray::{ArcArray, IxDyn};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The most bytes of data that an IDX file may hold: 1 GiB (MNIST's largest file has 47 MB).
pub const MAX_BYTES: usize = 1 << 30;
/// The most axes; images in colour have four.
const MAX_AXES: usize = 8;
/// What is taken before the first byte has arrived.
const FIRST_BYTES: usize = 64 << 10;

/// Reads an IDX file of unsigned bytes, plain or gzip.
///
/// Errs when the file cannot be read, is not IDX, holds another type than unsigned bytes, is shorter or longer than its
/// header says, or claims more than [`MAX_BYTES`].
pub fn read_idx(path: &Path) -> Result<ArcArray<u8, IxDyn>> {
    let io = |source| Error::Io { path: path.into(), source };
    let mut reader = BufReader::with_capacity(FIRST_BYTES, File::open(path).map_err(io)?);
    // Not `fill_buf`, which may bring a single byte.
    let mut magic = [0; 2];
    let got = read_up_to(&mut reader, &mut magic).map_err(io)?;
    let start = magic[..got].chain(reader);
    let found = if magic == [0x1f, 0x8b] { parse(MultiGzDecoder::new(start)) } else { parse(start) };
    found.map_err(|problem| match problem {
        Problem::Io(source) => io(source),
        Problem::Data(problem) => Error::Data { path: path.into(), problem },
    })
}

/// What is wrong with a file, before its path is known.
#[derive(Debug)]
enum Problem {
    Io(std::io::Error),
    Data(String),
}

impl From<std::io::Error> for Problem {
    /// A stream that is broken (bad gzip) or ends early is the file's fault, the rest the system's.
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                Problem::Data(format!("the gzip stream is damaged ({error}); fetch the file again"))
            }
            std::io::ErrorKind::UnexpectedEof => {
                Problem::Data("the gzip stream ends early; fetch the file again".into())
            }
            _ => Problem::Io(error),
        }
    }
}

/// Parses the decompressed content.
fn parse(mut reader: impl Read) -> std::result::Result<ArcArray<u8, IxDyn>, Problem> {
    let shape = read_header(&mut reader)?;
    let total = shape.iter().try_fold(1usize, |total, &size| total.checked_mul(size));
    let total = total.filter(|&total| total <= MAX_BYTES).ok_or_else(|| {
        Problem::Data(format!("the header claims {} bytes of data; the limit is {MAX_BYTES}", shape_text(&shape)))
    })?;
    let mut values = Vec::new();
    read_values(&mut reader, total, &mut values)?;
    if values.len() < total {
        let got = values.len();
        let claim = format!("the header claims {} = {total} bytes of data, the file has {got}", shape_text(&shape));
        return Err(Problem::Data(format!("{claim}; it was cut short, fetch it again")));
    }
    if read_up_to(&mut reader, &mut [0])? > 0 {
        let claim = format!("the header claims {} = {total} bytes of data, the file has more", shape_text(&shape));
        return Err(Problem::Data(format!("{claim}; it is damaged or not IDX")));
    }
    Ok(crate::tensor(&shape, values))
}

/// The header: 0, 0, the type, the number of axes, then the size of each axis as a big-endian 32-bit number.
fn read_header(reader: &mut impl Read) -> std::result::Result<Vec<usize>, Problem> {
    let mut magic = [0; 4];
    if read_up_to(reader, &mut magic)? < 4 {
        return Err(Problem::Data("not an IDX file: shorter than the 4 bytes of the magic number".into()));
    }
    let [zero, zero2, kind, axes] = magic;
    if [zero, zero2] != [0, 0] {
        let text = format!("not an IDX file: wants it to begin with the bytes 0 0, got {zero} {zero2}");
        return Err(Problem::Data(text));
    }
    let name = match kind {
        0x08 => "unsigned bytes",
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floats",
        0x0e => "64-bit floats",
        _ => "an unknown type",
    };
    if kind != 0x08 {
        return Err(Problem::Data(format!("wants IDX data of unsigned bytes (0x08), got {name} (0x{kind:02x})")));
    }
    let axes = axes as usize;
    if axes == 0 || axes > MAX_AXES {
        return Err(Problem::Data(format!("wants IDX data of 1 to {MAX_AXES} axes, got {axes}")));
    }
    let mut sizes = vec![0; 4 * axes];
    if read_up_to(reader, &mut sizes)? < sizes.len() {
        return Err(Problem::Data(format!(
            "the header ends before the sizes of its {axes} axes; fetch the file again"
        )));
    }
    Ok(sizes.chunks_exact(4).map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize).collect())
}

/// Appends up to `total` bytes to `values`, taking at most as much memory again as has arrived, and never above `total`.
fn read_values(reader: &mut impl Read, total: usize, values: &mut Vec<u8>) -> std::io::Result<()> {
    while values.len() < total {
        let room = values.len().max(FIRST_BYTES).min(total - values.len());
        values.reserve_exact(room);
        if reader.by_ref().take(room as u64).read_to_end(values)? < room {
            break;
        }
    }
    Ok(())
}

/// Fills `buffer` as far as the reader lasts; the number of bytes read.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
