//! `limpide data` as a user runs it.

mod server;

use limpide::data::MNIST_FILES;
use serde_json::Value;
use server::{Manner, Server};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `limpide data ARGS` with no data folder but `cache`.
fn data(args: &[&str], cache: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpide"));
    command.arg("data").args(args).env_remove("LIMPIDE_DATA");
    for name in ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"] {
        command.env(name, cache);
    }
    command.output().unwrap()
}

/// What a command said on stderr, without the line by which every debug build begins.
fn errors(out: &Output) -> String {
    let all = text(&out.stderr);
    all.lines().filter(|line| !line.contains("debug build")).map(|line| format!("{line}\n")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The folder with the real MNIST: in `$LIMPIDE_DATA`, else beside the project.
fn real_mnist() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folders = std::env::var_os("LIMPIDE_DATA").map(PathBuf::from).into_iter().chain([beside]);
    let found =
        folders.map(|folder| folder.join("mnist")).find(|folder| folder.join("t10k-labels-idx1-ubyte.gz").exists());
    if found.is_none() {
        eprintln!("skipped: MNIST (as .gz) is neither in $LIMPIDE_DATA nor in ../shared");
    }
    found
}

#[test]
fn list_names_every_set_and_says_what_is_missing() {
    let cache = tempfile::tempdir().unwrap();
    let out = data(&["list"], cache.path());
    assert!(out.status.success());
    let table = text(&out.stdout);
    for line in ["digits         1797 ", "mnist          60000 + 10000", "not found: limpide data fetch fashion-mnist"]
    {
        assert!(table.contains(line), "wants {line:?} in\n{table}");
    }
    let out = data(&["list", "--json"], cache.path());
    let json: Value = serde_json::from_slice(&out.stdout).unwrap();
    let found = |json: &Value, name: &str| {
        let set = json["datasets"].as_array().unwrap().iter().find(|set| set["name"] == name).cloned();
        set.unwrap()["found"].as_bool().unwrap()
    };
    assert!(!found(&json, "mnist") && found(&json, "digits"));
    // Whatever a folder is called, what lies in it is there.
    let odd = cache.path().join("not found y");
    std::fs::create_dir(&odd).unwrap();
    for name in MNIST_FILES {
        std::fs::write(odd.join(name), "").unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpide"));
    let out = command.args(["data", "list", "--json", "--data", "not found y"]).current_dir(cache.path()).output();
    assert!(found(&serde_json::from_slice(&out.unwrap().stdout).unwrap(), "mnist"));
}

#[test]
fn a_fetch_that_fails_says_which_files_to_put_where() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = Server::start(Manner::default(), |_| Some(b"<html>log in first</html>".to_vec()));
    let root = folder.path().to_str().unwrap();
    let out = data(&["fetch", "mnist", "--data", root, "--mirror", &wrong.url], folder.path());
    assert!(!out.status.success());
    assert_eq!(text(&out.stdout), "");
    let error = text(&out.stderr);
    assert!(error.contains("wants content with the SHA-256 ba891046"), "{error}");
    let place = folder.path().join("mnist");
    assert!(error.contains(&format!("put these four files into {}, ", place.display())), "{error}");
    for name in MNIST_FILES {
        assert!(error.contains(name), "{error}");
    }
    assert_eq!(place.read_dir().unwrap().count(), 0, "a wrong file was left");
}

#[test]
fn verify_fails_where_there_is_nothing_to_verify() {
    let cache = tempfile::tempdir().unwrap();
    let line = |set: &str| format!("{set}: not found; `limpide data fetch {set}` gets it\n");
    for (words, told) in
        [(&["verify"][..], ["mnist", "fashion-mnist"].map(line).concat()), (&["verify", "mnist"], line("mnist"))]
    {
        let out = data(words, cache.path());
        assert_eq!((out.status.code(), text(&out.stdout)), (Some(1), told), "{words:?}");
    }
    let json: Value = serde_json::from_slice(&data(&["verify", "--json"], cache.path()).stdout).unwrap();
    assert_eq!(json["passed"], false);
}

#[test]
fn a_mistyped_folder_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    let out = data(&["list", "--data", "/no/such/folder"], cache.path());
    assert!(!out.status.success());
    assert!(errors(&out).starts_with("limpide: /no/such/folder: wants the folder with the data files"));
}

#[test]
fn mnist_is_fetched_found_verified_and_missed_when_damaged() {
    let Some(real) = real_mnist() else { return };
    let cache = tempfile::tempdir().unwrap();
    // The connection breaks every 3 MB, and the first mirror is down.
    let down = Server::start(Manner { status: Some(503), ..Manner::default() }, |_| None);
    let up = Server::start(Manner { break_after: Some(3_000_000), ..Manner::default() }, move |path| {
        std::fs::read(real.join(path.trim_start_matches('/'))).ok()
    });
    let out = data(&["fetch", "mnist", "--mirror", &down.url, "--mirror", &up.url], cache.path());
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(text(&out.stdout).matches("fetched, SHA-256 as published").count(), 4);
    assert!(up.requests().contains(&"/train-images-idx3-ubyte.gz 3000000".to_string()));
    assert_eq!(errors(&out), "", "no bar where there is no terminal");

    let again = data(&["fetch", "mnist", "--mirror", &down.url, "--json"], cache.path());
    let json: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert!(json["files"].as_array().unwrap().iter().all(|file| file["fetched"] == false));
    let folder = PathBuf::from(json["folder"].as_str().unwrap());

    assert!(text(&data(&["list"], cache.path()).stdout).contains(folder.to_str().unwrap()));
    assert!(data(&["verify", "mnist"], cache.path()).status.success());
    assert!(data(&["verify"], cache.path()).status.success(), "the other set need not be there");

    let labels = folder.join("t10k-labels-idx1-ubyte.gz");
    let mut content = std::fs::read(&labels).unwrap();
    content[2000] ^= 1;
    std::fs::write(&labels, content).unwrap();
    let out = data(&["verify"], cache.path());
    assert!(!out.status.success());
    assert!(
        text(&out.stdout).contains("t10k-labels-idx1-ubyte.gz: the gzip stream is damaged"),
        "{}",
        text(&out.stdout)
    );
}
