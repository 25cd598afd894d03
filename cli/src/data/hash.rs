//! The SHA-256 of a file's content, unpacked when it is gzip.

use flate2::read::MultiGzDecoder;
use limpide::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The most bytes of content that are read: no published file has more than 48 MB.
const LIMIT: u64 = 64 << 20;

/// The SHA-256 of the unpacked bytes, in lower-case hexadecimal.
///
/// Errs when the file cannot be read, its gzip stream is damaged, or it unpacks to more than 64 MiB.
pub fn content_sha256(path: &Path) -> Result<String> {
    let io = |source| Error::Io { path: path.into(), source };
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let zipped = file.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let mut content: Box<dyn Read> = if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    let wrong = |problem| Error::Data { path: path.into(), problem };
    loop {
        let got = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if zipped => {
                return Err(wrong(format!("the gzip stream is damaged ({error}); fetch the file again")));
            }
            Err(error) => return Err(io(error)),
        };
        total += got as u64;
        if total > LIMIT {
            return Err(wrong(format!("unpacks to more than {LIMIT} bytes; it is not one of the published files")));
        }
        hasher.update(&buffer[..got]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
