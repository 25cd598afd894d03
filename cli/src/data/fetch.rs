//! Fetching one file: mirrors in turn, going on where a download stopped, and nothing in place before its hash is right.

use super::hash::content_sha256;
use super::{http, progress::Progress};
use limpide::data::Mnist;
use limpide::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The most bytes of a download: no published file has more than 27 MB.
const LIMIT: u64 = 64 << 20;
/// How often a connection may break off on one mirror, each time after some progress.
const BREAKS: usize = 20;

/// A file to fetch.
pub struct Wanted<'a> {
    /// Its name without `.gz`.
    pub name: &'a str,
    /// The SHA-256 of its unpacked bytes.
    pub sha256: &'a str,
}

/// The public mirrors of a set, each serving `<file>.gz`.
pub fn mirrors(set: Mnist) -> [&'static str; 2] {
    match set {
        Mnist::Digits => {
            ["http://storage.googleapis.com/cvdf-datasets/mnist", "http://ossci-datasets.s3.amazonaws.com/mnist"]
        }
        Mnist::Fashion => [
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "http://storage.googleapis.com/tensorflow/tf-keras-datasets",
        ],
    }
}

/// What stops a mirror: its own trouble, after which the next one is asked, or ours.
enum Stop {
    Mirror(String),
    Here(Error),
}

/// Makes sure that the file is in `folder`, plain or as `<name>.gz`: the path, and whether it had to be fetched.
///
/// The bytes go to `<name>.gz.part`, which a later call continues; it gets its name when the hash is right.
///
/// Errs when no mirror gives the file, when a plain file is there with other content, or when the disk refuses.
pub fn fetch(wanted: &Wanted, mirrors: &[String], folder: &Path) -> Result<(PathBuf, bool)> {
    let plain = folder.join(wanted.name);
    if plain.exists() {
        if content_sha256(&plain)? == wanted.sha256 {
            return Ok((plain, false));
        }
        let problem = "is damaged or another file: wants other content; delete it and fetch again".to_string();
        return Err(Error::Data { path: plain, problem });
    }
    let path = folder.join(format!("{}.gz", wanted.name));
    if path.exists() && content_sha256(&path).is_ok_and(|hash| hash == wanted.sha256) {
        return Ok((path, false));
    }
    let part = folder.join(format!("{}.gz.part", wanted.name));
    let mut troubles = vec![];
    for mirror in mirrors {
        let url = format!("{}/{}.gz", mirror.trim_end_matches('/'), wanted.name);
        match from_mirror(wanted, &url, &part) {
            Ok(()) => {
                std::fs::rename(&part, &path).map_err(|source| Error::Io { path: path.clone(), source })?;
                return Ok((path, true));
            }
            Err(Stop::Mirror(trouble)) => troubles.push(format!("\n  {url}: {trouble}")),
            Err(Stop::Here(error)) => return Err(error),
        }
    }
    if size(&part) == 0 {
        // It may not even be there; an empty one is of no use to a later call.
        let _ = std::fs::remove_file(&part);
    }
    Err(Error::Data { path, problem: format!("no mirror gives it{}", troubles.concat()) })
}

/// Brings `part` to the whole, right file from one URL.
fn from_mirror(wanted: &Wanted, url: &str, part: &Path) -> std::result::Result<(), Stop> {
    let mut breaks = 0;
    loop {
        let before = size(part);
        match download(wanted.name, url, part, before) {
            Ok(()) => match content_sha256(part) {
                Ok(hash) if hash == wanted.sha256 => return Ok(()),
                found => {
                    std::fs::remove_file(part).map_err(|source| here(part, source))?;
                    // A continued file may be of two mirrors whose gzip wrappers differ: once more from the start.
                    if before == 0 {
                        return Err(Stop::Mirror(match found {
                            Ok(hash) => format!("wants content with the SHA-256 {}, got {hash}", wanted.sha256),
                            Err(Error::Data { problem, .. }) => problem,
                            Err(error) => return Err(Stop::Here(error)),
                        }));
                    }
                }
            },
            Err(Stop::Mirror(trouble)) => {
                breaks += 1;
                if size(part) <= before || breaks > BREAKS {
                    return Err(Stop::Mirror(trouble));
                }
            }
            Err(stop) => return Err(stop),
        }
    }
}

/// Appends to `part`, which has `before` bytes, what the server has from there on.
fn download(name: &str, url: &str, part: &Path, before: u64) -> std::result::Result<(), Stop> {
    let answer = http::get(url, before).map_err(Stop::Mirror)?;
    let start = match answer.status {
        200 => 0,
        206 if answer.start == Some(before) => before,
        206 => return Err(Stop::Mirror(format!("wants the bytes from {before} on, got others"))),
        // Nothing from there on: the file may be whole, and its hash tells.
        416 if before > 0 => return Ok(()),
        other => return Err(Stop::Mirror(format!("answers with status {other}"))),
    };
    let total = answer.length.map(|length| start.saturating_add(length));
    if total.is_some_and(|total| total > LIMIT) {
        return Err(Stop::Mirror(format!("offers more than {LIMIT} bytes")));
    }
    let mut file = OpenOptions::new().create(true).append(true).open(part).map_err(|error| here(part, error))?;
    file.set_len(start).map_err(|error| here(part, error))?;
    let done = copy(answer.body, &mut file, part, start, Progress::new(name, start, total))?;
    file.sync_all().map_err(|error| here(part, error))?;
    match total {
        Some(total) if done < total => Err(Stop::Mirror(format!("broke off after {done} of {total} bytes"))),
        _ => Ok(()),
    }
}

/// Copies the body to the file; the number of bytes that the file then has.
fn copy(
    mut body: Box<dyn Read>,
    file: &mut File,
    part: &Path,
    start: u64,
    mut progress: Progress,
) -> std::result::Result<u64, Stop> {
    let mut buffer = vec![0; 64 << 10];
    let mut done = start;
    loop {
        let got = match body.read(&mut buffer) {
            Ok(0) => return Ok(done),
            Ok(got) => got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Stop::Mirror(format!("broke off after {done} bytes: {error}"))),
        };
        done += got as u64;
        if done > LIMIT {
            return Err(Stop::Mirror(format!("sends more than {LIMIT} bytes")));
        }
        file.write_all(&buffer[..got]).map_err(|error| here(part, error))?;
        progress.show(done);
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

fn here(path: &Path, source: std::io::Error) -> Stop {
    Stop::Here(Error::Io { path: path.into(), source })
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
