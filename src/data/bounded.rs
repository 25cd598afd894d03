//! Reading files whose sizes are claims: memory is taken as data arrives, never ahead of it.

use crate::Error;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// What is taken before the first byte has arrived.
pub(super) const FIRST_BYTES: usize = 64 << 10;

/// What is wrong with a file, before its path is known.
#[derive(Debug)]
pub(super) enum Problem {
    Io(std::io::Error),
    Data(String),
}

impl Problem {
    /// The error about a file.
    pub fn of(self, path: &Path) -> Error {
        match self {
            Problem::Io(source) => Error::Io { path: path.into(), source },
            Problem::Data(problem) => Error::Data { path: path.into(), problem },
        }
    }
}

impl From<std::io::Error> for Problem {
    /// A stream that is broken (bad gzip) or ends early is the file's fault, the rest the system's.
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                Problem::Data(format!("the compressed data is damaged ({error}); take another copy of the file"))
            }
            ErrorKind::UnexpectedEof => {
                Problem::Data("the compressed data ends early; take another copy of the file".into())
            }
            _ => Problem::Io(error),
        }
    }
}

/// The entries of an array of that shape when an array of it, with entries of `width` bytes, can exist at all.
pub(super) fn entries(shape: &[usize], width: usize) -> Option<usize> {
    // An axis of 0 must not hide that the others overflow: ndarray refuses such a shape too.
    let all = shape.iter().filter(|&&size| size > 0).try_fold(width, |all, &size| all.checked_mul(size));
    all.filter(|&all| isize::try_from(all).is_ok())?;
    Some(shape.iter().product())
}

/// Appends up to `total` bytes to `values`, taking at most as much memory again as has arrived, and never above `total`.
pub(super) fn read_values(reader: &mut impl Read, total: usize, values: &mut Vec<u8>) -> std::io::Result<()> {
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
pub(super) fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_counts_only_when_an_array_of_it_can_exist() {
        assert_eq!(entries(&[], 8), Some(1));
        assert_eq!(entries(&[2, 3], 8), Some(6));
        assert_eq!(entries(&[0, 7], 8), Some(0));
        assert_eq!(entries(&[usize::MAX, 2], 1), None);
        assert_eq!(entries(&[1 << 61], 8), None);
        assert_eq!(entries(&[0, 1 << 40, 1 << 40], 1), None);
    }
}
