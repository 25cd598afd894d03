//! IDX, the file format of MNIST: a magic number, the sizes of the axes, then bytes; plain or gzip, told by its first bytes.
//!
//! The sizes in a file are a claim: memory is taken as data arrives, never ahead of it, and never above a bound.

use super::bounded::{FIRST_BYTES, Problem, read_up_to, read_values};
use crate::tensor::{entries, shape_text};
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

/// Reads an IDX file of unsigned bytes, plain or gzip.
///
/// Errs when the file cannot be read, is not IDX, holds another type than unsigned bytes, is shorter or longer than its
/// header says, or claims more than [`MAX_BYTES`].
pub fn read_idx(path: &Path) -> Result<ArcArray<u8, IxDyn>> {
    let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
    read_idx_from(path, BufReader::with_capacity(FIRST_BYTES, file))
}

/// [`read_idx`] of what a reader gives; `path` is what errors name.
///
/// Errs as it does. The peak of the memory is twice the array, plus 128 KiB.
pub fn read_idx_from(path: &Path, mut reader: impl Read) -> Result<ArcArray<u8, IxDyn>> {
    plain(&mut reader).map_err(Problem::Io).and_then(parse).map_err(|problem| problem.of(path))
}

/// The shape that an IDX file's header claims.
pub(super) fn idx_shape(path: &Path, mut reader: impl Read) -> Result<Vec<usize>> {
    let header = plain(&mut reader).map_err(Problem::Io).and_then(|mut reader| read_header(&mut reader));
    header.map_err(|problem| problem.of(path))
}

/// The content, unpacked when it begins as gzip does.
fn plain<'a>(reader: &'a mut dyn Read) -> std::io::Result<Box<dyn Read + 'a>> {
    let mut reader = reader;
    // Not `fill_buf`, which may bring a single byte.
    let mut magic = [0; 2];
    let got = read_up_to(&mut reader, &mut magic)?;
    let start = std::io::Cursor::new(magic).take(got as u64).chain(reader);
    Ok(if magic == [0x1f, 0x8b] { Box::new(MultiGzDecoder::new(start)) } else { Box::new(start) })
}

/// Parses the decompressed content.
fn parse(mut reader: impl Read) -> std::result::Result<ArcArray<u8, IxDyn>, Problem> {
    let shape = read_header(&mut reader)?;
    let total = entries(&shape, 1).filter(|&total| total <= MAX_BYTES).ok_or_else(|| {
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

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
