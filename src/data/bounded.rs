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
