//! What commands say on the standard output. Unlike `println!` a full disk is an error here, not a panic.

use limpide::{Error, Result};
use serde::Serialize;
use std::fmt::Display;
use std::io::{ErrorKind, Write};

/// Prints text with a line's end behind it.
///
/// # Errors
/// Those of [`bytes`].
pub fn line(text: impl Display) -> Result<()> {
    bytes(format!("{text}\n").as_bytes())
}

/// Prints text as it is, whose lines have their ends.
///
/// # Errors
/// Those of [`bytes`].
pub fn text(text: impl Display) -> Result<()> {
    bytes(text.to_string().as_bytes())
}

/// Prints one JSON object, on many lines.
///
/// # Errors
/// Those of [`bytes`].
pub fn json(object: &impl Serialize) -> Result<()> {
    line(format_args!("{:#}", serde_json::json!(object)))
}

/// Prints bytes. A reader that has gone (`limpide inspect RUN | head -1`) has what it wanted: that is no error.
///
/// # Errors
/// [`Error::Io`].
pub fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Io { path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}
