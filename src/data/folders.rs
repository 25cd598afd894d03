//! The folders where data files are looked for: the one asked for, `$LIMPIDE_DATA`, the user's cache folder.

use crate::{Error, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variable that names a folder with data files.
pub const DATA_VARIABLE: &str = "LIMPIDE_DATA";

/// The folders in which data files are looked for, in that order: `dir` (a command's `--data`), `$LIMPIDE_DATA`, and
/// the user's cache folder ([`cache_folder`]).
///
/// Errs when `dir` is given and is not a folder: a mistyped path must not quietly fall back on other data.
pub fn data_folders(dir: Option<&Path>) -> Result<Vec<PathBuf>> {
    if let Some(dir) = dir
        && !dir.is_dir()
    {
        return Err(Error::Data {
            path: dir.into(),
            problem: "wants the folder with the data files, and there is no such folder; create it or leave the \
                      option out"
                .into(),
        });
    }
    let variable = std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    Ok(dir.map(Path::to_path_buf).into_iter().chain(variable).chain(cache_folder()).collect())
}

/// The user's cache folder for this library: `%LOCALAPPDATA%\limpide` on Windows, `~/Library/Caches/limpide` on macOS,
/// `$XDG_CACHE_HOME/limpide` or `~/.cache/limpide` elsewhere. `None` when the environment names no home.
pub fn cache_folder() -> Option<PathBuf> {
    cache_folder_on(std::env::consts::OS, |name| std::env::var_os(name))
}

/// [`cache_folder`] of an operating system and its environment variables.
fn cache_folder_on(system: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // The XDG standard says to ignore a path that is not absolute; the same is wise for the others.
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match system {
        "windows" => folder("LOCALAPPDATA"),
        "macos" => folder("HOME").map(|home| home.join("Library/Caches")),
        _ => folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache"))),
    };
    base.map(|base| base.join("limpide"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn each_system_has_its_cache_folder() {
        let at = |system, variables: &[(&str, &str)]| {
            cache_folder_on(system, |name| variables.iter().find(|v| v.0 == name).map(|v| v.1.into()))
        };
        let home = ("HOME", "/home/ada");
        assert_eq!(at("linux", &[home]), Some("/home/ada/.cache/limpide".into()));
        assert_eq!(at("linux", &[home, ("XDG_CACHE_HOME", "/fast")]), Some("/fast/limpide".into()));
        assert_eq!(at("linux", &[home, ("XDG_CACHE_HOME", "relative")]), Some("/home/ada/.cache/limpide".into()));
        assert_eq!(at("macos", &[home, ("XDG_CACHE_HOME", "/fast")]), Some("/home/ada/Library/Caches/limpide".into()));
        assert_eq!(at("windows", &[("LOCALAPPDATA", "/c/local")]), Some("/c/local/limpide".into()));
        assert_eq!(at("linux", &[("HOME", "")]), None);
    }

    #[test]
    fn the_folder_asked_for_comes_first_and_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(data_folders(Some(folder.path())).unwrap()[0], folder.path());
        let error = data_folders(Some(&folder.path().join("mistyped"))).unwrap_err().to_string();
        assert!(error.contains("mistyped: wants the folder"), "{error}");
    }
}
