//! The folders where data files are looked for: the one asked for, else `$LIMPIDE_DATA` and the user's cache folder.

use crate::{Error, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variable that names a folder with data files.
pub const DATA_VARIABLE: &str = "LIMPIDE_DATA";

/// The folders in which data files are looked for, in that order: `dir` (a command's `--data`) and no other, else
/// `$LIMPIDE_DATA` and the user's cache folder ([`cache_folder`]).
///
/// Errs when `dir` or `$LIMPIDE_DATA` is given and is not a folder: a mistyped path must not quietly fall back on other
/// data.
pub fn data_folders(dir: Option<&Path>) -> Result<Vec<PathBuf>> {
    let variable = std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    folders(dir, variable, cache_folder())
}

/// [`data_folders`] of an environment.
fn folders(dir: Option<&Path>, variable: Option<PathBuf>, cache: Option<PathBuf>) -> Result<Vec<PathBuf>> {
    let checked = |folder: PathBuf, advice: &str| match folder.is_dir() {
        true => Ok(folder),
        false => Err(Error::Data {
            problem: format!(
                "wants the folder with the data files, and there is no such folder; create it or {advice}"
            ),
            path: folder,
        }),
    };
    if let Some(dir) = dir {
        return Ok(vec![checked(dir.into(), "leave the option out")?]);
    }
    let variable = variable.map(|folder| checked(folder, "unset LIMPIDE_DATA, which names it")).transpose()?;
    Ok(variable.into_iter().chain(cache).collect())
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
        let home = ("HOME", "/ada");
        assert_eq!(at("linux", &[home]), Some("/ada/.cache/limpide".into()));
        assert_eq!(at("linux", &[home, ("XDG_CACHE_HOME", "/fast")]), Some("/fast/limpide".into()));
        assert_eq!(at("linux", &[home, ("XDG_CACHE_HOME", "relative")]), Some("/ada/.cache/limpide".into()));
        assert_eq!(at("macos", &[home, ("XDG_CACHE_HOME", "/fast")]), Some("/ada/Library/Caches/limpide".into()));
        assert_eq!(at("windows", &[("LOCALAPPDATA", "/c/local")]), Some("/c/local/limpide".into()));
        assert_eq!(at("linux", &[("HOME", "")]), None);
    }

    #[test]
    fn the_folder_asked_for_is_the_only_one_and_must_exist() {
        let [asked, named] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (cache, variable) = (Some(PathBuf::from("cache")), Some(named.path().to_path_buf()));
        assert_eq!(folders(Some(asked.path()), variable.clone(), cache.clone()).unwrap(), [asked.path()]);
        assert_eq!(folders(None, variable, cache.clone()).unwrap(), [named.path(), Path::new("cache")]);
        assert_eq!(folders(None, None, cache.clone()).unwrap(), [Path::new("cache")]);

        let mistyped = asked.path().join("mistyped");
        let error = folders(Some(&mistyped), None, cache.clone()).unwrap_err().to_string();
        assert!(error.contains("mistyped: wants the folder") && error.contains("leave the option out"), "{error}");
        let error = folders(None, Some(mistyped), cache).unwrap_err().to_string();
        assert!(error.contains("mistyped: wants the folder") && error.contains("LIMPIDE_DATA"), "{error}");
    }
}
