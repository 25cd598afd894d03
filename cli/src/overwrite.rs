//! A file that is read must not be the one that is written, however its path is spelt.

use limpide::files::is_same_file;
use limpide::{Error, Result};
use std::path::Path;

/// Refuses an output that is one of the files read; `flag` is what chose it.
///
/// # Errors
/// [`Error::Option`].
pub fn refuse<'a>(flag: &str, out: &Path, read: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    match read.into_iter().any(|read| is_same_file(out, read)) {
        true => Err(Error::option(flag, "another file than the one that is read", out.display())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_by_another_path_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        std::fs::write(&file, b"x\n").unwrap();
        let other = folder.path().join("./a.csv");
        let message = refuse("--out", &other, [file.as_path()]).unwrap_err().to_string();
        assert!(message.starts_with("--out must be another file than the one that is read, got"), "{message}");
        refuse("--out", &folder.path().join("b.csv"), [file.as_path()]).unwrap();
    }
}
