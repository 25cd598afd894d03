//! What to say beside "no such file": what there is instead.

use limpide::Error;
use limpide::error::one_line;
use std::path::Path;

/// The most names that are named.
const MOST: usize = 5;

/// For a file that is not there, in the words of a sentence: how far its path leads, and which files of its kind are there.
pub fn advice(error: &Error) -> Option<String> {
    let Error::Io { path, source } = error else { return None };
    if source.kind() != std::io::ErrorKind::NotFound {
        return None;
    }
    let path = std::path::absolute(path).ok()?;
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let missing = path.strip_prefix(folder).ok()?.components().next()?.as_os_str().to_string_lossy().into_owned();
    let there = if path.parent() == Some(folder) { alike(&path, folder) } else { Vec::new() };
    let but = if there.is_empty() { String::new() } else { format!(", but {}", there.join(", ")) };
    Some(one_line(&format!("{} has no {missing}{but}", folder.display())))
}

/// Files in a folder with the ending of another, by name; a file without one is like no other.
fn alike(path: &Path, folder: &Path) -> Vec<String> {
    let Some(ending) = path.extension() else { return Vec::new() };
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let same = |name: &Path| name.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending));
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut names: Vec<_> =
        names.filter(|name| same(name.as_ref())).map(|name| name.to_string_lossy().into()).collect();
    names.sort();
    if names.len() > MOST {
        names.truncate(MOST);
        names.push("…".into());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind::{NotFound, PermissionDenied};

    #[test]
    fn a_missing_file_is_told_with_those_of_its_kind_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let (root, io) = (folder.path(), |path: &str, kind| Error::Io {
            path: folder.path().join(path),
            source: std::io::Error::from(kind),
        });
        let here = root.display();
        let said = |path| advice(&io(path, NotFound)).unwrap();
        assert_eq!(said("a.toml"), format!("{here} has no a.toml"));
        for name in ["run.TOML", "b.toml", "c.csv"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        assert_eq!(said("a.toml"), format!("{here} has no a.toml, but b.toml, run.TOML"));
        assert_eq!(said("a"), format!("{here} has no a"));
        // Not the file alone is missing.
        assert_eq!(said("runs/1/a.toml"), format!("{here} has no runs"));
        for name in ["d.csv", "e.csv", "f.csv", "g.csv", "h.csv"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        assert_eq!(said("a.csv"), format!("{here} has no a.csv, but c.csv, d.csv, e.csv, f.csv, g.csv, …"));
        assert_eq!(advice(&io("a.toml", PermissionDenied)), None);
        assert_eq!(advice(&Error::option("x", "y", 1)), None);
    }
}
