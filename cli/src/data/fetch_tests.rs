//! Fetching from servers that behave, break off, lie or are not there.

#[path = "../../tests/server/mod.rs"]
mod server;

use super::*;
use flate2::{Compression, write::GzEncoder};
use server::{Manner, Server};
use sha2::{Digest, Sha256};

/// Bytes that pack to some 45 kB.
fn content() -> Vec<u8> {
    let mut stream = limpide::Stream::new(1);
    (0..60_000).map(|_| stream.next_u32() as u8 % 64).collect()
}

fn gzip(level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(&content()).unwrap();
    encoder.finish().unwrap()
}

fn sha256() -> String {
    Sha256::digest(content()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A server of `file.gz`.
fn good(manner: Manner) -> Server {
    Server::start(manner, |path| (path == "/file.gz").then(|| gzip(6)))
}

/// Fetches `file` into a folder from some servers.
fn fetch_from(servers: &[&Server], folder: &Path) -> Result<(PathBuf, bool)> {
    let mirrors: Vec<String> = servers.iter().map(|server| server.url.clone()).collect();
    fetch(&Wanted { name: "file", sha256: &sha256() }, &mirrors, folder)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_fetched_once() {
    let (folder, server) = (tempfile::tempdir().unwrap(), good(Manner::default()));
    assert_eq!(fetch_from(&[&server], folder.path()).unwrap(), (folder.path().join("file.gz"), true));
    assert_eq!(std::fs::read(folder.path().join("file.gz")).unwrap(), gzip(6));
    assert_eq!(names(folder.path()), ["file.gz"]);
    assert!(!fetch_from(&[&server], folder.path()).unwrap().1);
    assert_eq!(server.requests(), ["/file.gz 0"]);
}

#[test]
fn a_broken_connection_is_taken_up_where_it_stopped() {
    let server = good(Manner { break_after: Some(20_000), ..Manner::default() });
    let folder = tempfile::tempdir().unwrap();
    fetch_from(&[&server], folder.path()).unwrap();
    assert_eq!(server.requests(), ["/file.gz 0", "/file.gz 20000", "/file.gz 40000"]);
}

#[test]
fn an_earlier_run_is_continued() {
    let (folder, server) = (tempfile::tempdir().unwrap(), good(Manner::default()));
    std::fs::write(folder.path().join("file.gz.part"), &gzip(6)[..12_345]).unwrap();
    fetch_from(&[&server], folder.path()).unwrap();
    assert_eq!(server.requests(), ["/file.gz 12345"]);
    assert_eq!(names(folder.path()), ["file.gz"]);
}

#[test]
fn a_whole_part_only_needs_its_name() {
    let (folder, server) = (tempfile::tempdir().unwrap(), good(Manner::default()));
    std::fs::write(folder.path().join("file.gz.part"), gzip(6)).unwrap();
    fetch_from(&[&server], folder.path()).unwrap();
    assert_eq!(server.requests(), [format!("/file.gz {}", gzip(6).len())]);
}

#[test]
fn a_server_without_ranges_or_lengths_serves_too() {
    for manner in [Manner { no_ranges: true, ..Manner::default() }, Manner { no_length: true, ..Manner::default() }] {
        let (folder, server) = (tempfile::tempdir().unwrap(), good(manner));
        std::fs::write(folder.path().join("file.gz.part"), &gzip(6)[..1000]).unwrap();
        fetch_from(&[&server], folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join("file.gz")).unwrap(), gzip(6));
        assert_eq!(server.requests(), ["/file.gz 1000"]);
    }
}

/// Two mirrors with different gzip wrappers of the same content: what was begun on one is not finished on the other.
#[test]
fn a_part_of_another_mirror_is_started_over() {
    let (folder, server) = (tempfile::tempdir().unwrap(), good(Manner::default()));
    std::fs::write(folder.path().join("file.gz.part"), &gzip(0)[..1000]).unwrap();
    fetch_from(&[&server], folder.path()).unwrap();
    assert_eq!(server.requests(), ["/file.gz 1000", "/file.gz 0"]);
}

#[test]
fn wrong_content_sends_to_the_next_mirror() {
    let wrong = Server::start(Manner::default(), |_| Some(b"<html>log in first</html>".to_vec()));
    let (folder, right) = (tempfile::tempdir().unwrap(), good(Manner::default()));
    fetch_from(&[&wrong, &right], folder.path()).unwrap();
    assert_eq!((wrong.requests().len(), right.requests().len()), (1, 1));
    assert_eq!(std::fs::read(folder.path().join("file.gz")).unwrap(), gzip(6));
}

#[test]
fn without_a_good_mirror_each_ones_trouble_is_told_and_nothing_is_left() {
    let wrong = Server::start(Manner::default(), |_| Some(b"<html>log in first</html>".to_vec()));
    let damaged = Server::start(Manner::default(), |_| Some(gzip(6)[..30_000].to_vec()));
    let absent = good(Manner { status: Some(503), ..Manner::default() });
    let silent = good(Manner { break_after: Some(0), ..Manner::default() });
    let folder = tempfile::tempdir().unwrap();
    let error = fetch_from(&[&wrong, &damaged, &absent, &silent], folder.path()).unwrap_err().to_string();
    for words in ["wants content with the SHA-256", "gzip stream is damaged", "status 503", "broke off after 0 of"] {
        assert!(error.contains(words), "wants {words:?} in {error}");
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_closed_port_is_a_mirrors_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Wanted { name: "file", sha256: &sha256() };
    // Port 9 of this machine: nothing listens there.
    let error = fetch(&wanted, &["http://127.0.0.1:9".into()], folder.path()).unwrap_err().to_string();
    assert!(error.contains("no mirror gives it") && error.contains("no connection"), "{error}");
}

#[test]
fn files_that_are_there_are_checked() {
    let (folder, server) = (tempfile::tempdir().unwrap(), good(Manner::default()));
    std::fs::write(folder.path().join("file"), content()).unwrap();
    assert_eq!(fetch_from(&[&server], folder.path()).unwrap(), (folder.path().join("file"), false));
    std::fs::write(folder.path().join("file"), b"other").unwrap();
    assert!(fetch_from(&[&server], folder.path()).unwrap_err().to_string().contains("delete it"));
    assert_eq!(server.requests(), [""; 0]);
    std::fs::remove_file(folder.path().join("file")).unwrap();
    std::fs::write(folder.path().join("file.gz"), b"damaged").unwrap();
    assert!(fetch_from(&[&server], folder.path()).unwrap().1);
}
