//! Writing files whole or not at all: a reader, or a power cut, never meets half a file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// How the names of files that are being written end.
const TEMPORARY: &str = ".tmp";

/// Creates a folder with all above it, unless it is there, and tries whether files can be written into it: a run of minutes
/// should not end with an error that could have been told at once.
pub fn prepare_folder(folder: &Path) -> Result<(), Error> {
    if folder.exists() && !folder.is_dir() {
        let problem = "is a file, and a folder to write into is wanted; choose another name".into();
        return Err(Error::Data { path: folder.into(), problem });
    }
    let io = |source| Error::Io { path: folder.to_path_buf(), source };
    fs::create_dir_all(folder).map_err(io)?;
    let probe = temporary_name(&folder.join("probe")).map_err(io)?;
    File::create_new(&probe).map_err(io)?;
    fs::remove_file(&probe).map_err(io)
}

/// Writes `bytes` to a temporary file beside `path`, syncs it, and renames it to `path`. Where `path` is a link, the file that
/// it names is replaced and the link stays; a device or a pipe is written to as it stands.
///
/// # Errors
/// [`Error::Io`]; whatever stood at `path` before is untouched then, and the temporary file is removed.
///
/// ```
/// let path = std::env::temp_dir().join("limpide-example.txt");
/// limpide::files::write_atomically(&path, b"whole or not at all")?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole or not at all");
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomically_by(path, |file| file.write_all(bytes))
}

/// Whether two paths lead to the same file, however they are spelt.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    a == b || fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
}

/// [`write_atomically`] of what `write` puts into the file.
fn write_atomically_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return File::options().write(true).open(path).and_then(|mut file| write(&mut file)).map_err(io);
    }
    let path = &behind_link(path).map_err(io)?;
    let temporary = temporary_name(path).map_err(io)?;
    let written = write_and_sync(&temporary, write).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        // The first error is the one worth telling; the clean-up may fail for the same reason.
        let _ = fs::remove_file(&temporary);
        return Err(io(source));
    }
    sync_folder(path).map_err(io)
}

/// The file that a link names, whether it is there yet or not; any other path as it is.
fn behind_link(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        _ if !path.is_symlink() => Ok(path.to_path_buf()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.with_file_name("").join(fs::read_link(path)?)),
        file => file,
    }
}

fn write_and_sync(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    write(&mut file)?;
    file.sync_all()
}

/// Removes what a writer that was killed left in a folder. Nobody may be writing there.
pub(crate) fn remove_leftovers(folder: &Path) -> Result<(), Error> {
    let io = |source| Error::Io { path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            fs::remove_file(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        }
    }
    Ok(())
}

/// A name in the same folder (a rename across file systems would not be atomic) that no other writer uses.
fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path does not name a file"))?;
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    Ok(path.with_file_name(format!(".{}.{}-{count}{TEMPORARY}", name.to_string_lossy(), process::id())))
}

/// Makes the rename itself durable; only Unix can open a folder for that.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, b"first and long").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for (link, file) in [("link", "there"), ("early", "not yet")] {
            let (link, file) = (folder.path().join(link), folder.path().join("below").join(file));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(folder.path().join("below/there"), b"old").unwrap();
            std::os::unix::fs::symlink(file.strip_prefix(folder.path()).unwrap(), &link).unwrap();
            write_atomically(&link, b"new").unwrap();
            assert!(link.is_symlink() && is_same_file(&link, &file), "{}", link.display());
            assert_eq!(fs::read(&file).unwrap(), b"new");
        }
        assert_eq!(names(folder.path()), ["below", "early", "link"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_replaced_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        // A socket cannot be opened as a file, so the error is the system's.
        assert!(write_atomically(&path, b"new").unwrap_err().to_string().contains("socket"));
        assert!(!fs::metadata(&path).unwrap().is_file());
        assert_eq!(names(folder.path()), ["socket"]);
    }

    #[test]
    fn a_failed_rename_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        // A folder that is not empty cannot be replaced by a file, so the rename is what fails.
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"kept").unwrap();
        let message = write_atomically(&path, b"new").unwrap_err().to_string();
        assert!(message.contains("taken"), "{message}");
        assert_eq!(names(folder.path()), ["taken"]);
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"kept");
    }

    #[test]
    fn a_disk_that_fills_up_while_writing_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, b"first").unwrap();
        let full = |file: &mut File| {
            file.write_all(b"half of the seco")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        let message = write_atomically_by(&path, full).unwrap_err().to_string();
        assert!(message.contains("a.txt") && message.contains("no storage space"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, b"whole").unwrap();
        for name in [".hidden", "b.tmp"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        fs::write(temporary_name(&path).unwrap(), b"half").unwrap();
        remove_leftovers(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [".hidden", "a.txt", "b.tmp"]);
    }

    #[test]
    fn a_folder_is_made_ready_and_left_empty() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        prepare_folder(&folder).unwrap();
        prepare_folder(&folder).unwrap();
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn a_file_in_the_folders_place_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let taken = root.path().join("taken");
        fs::write(&taken, b"kept").unwrap();
        let message = prepare_folder(&taken).unwrap_err().to_string();
        assert!(message.contains("taken") && message.contains("a folder to write into is wanted"), "{message}");
        let below = taken.join("below");
        assert!(prepare_folder(&below).unwrap_err().to_string().contains("below"));
        assert_eq!(fs::read(&taken).unwrap(), b"kept");
    }

    #[test]
    fn a_missing_folder_is_an_error_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let message = write_atomically(&folder.path().join("none/a.txt"), b"").unwrap_err().to_string();
        assert!(message.contains("none") && message.contains("a.txt"), "{message}");
        assert!(write_atomically(Path::new("/"), b"").is_err());
    }
}
