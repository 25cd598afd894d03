//! A shell in which no data set is found: runs `limpide` and says what came of it.

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a run left.
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Its results.
    pub stdout: String,
    /// Its progress and errors.
    pub stderr: String,
}

#[allow(dead_code)] // each test of the command compiles this module anew, and not all use it
/// Runs `limpide` with these words, each a line's worth split at spaces.
pub fn limpide(words: &str) -> Ran {
    limpide_with(&words.split_whitespace().collect::<Vec<_>>())
}

/// Runs `limpide` with these arguments as they are.
pub fn limpide_with(arguments: &[&str]) -> Ran {
    limpide_fed(arguments, b"")
}

/// Runs `limpide` with these arguments as they are, and `input` at its standard input.
pub fn limpide_fed(arguments: &[&str], input: &[u8]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpide"));
    command.args(arguments).env_remove("LIMPIDE_DATA");
    for name in ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"] {
        command.env(name, home.path());
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Small enough for the pipe, and nobody need read it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ran {
    /// Its results as the one JSON object that they must be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// Asserts that it was refused with a message that holds all these words, and printed no results.
    pub fn is_refused_with(&self, words: &[&str]) {
        assert_eq!(self.code, 2, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        for word in words {
            assert!(self.stderr.contains(word), "wants {word:?} in\n{}", self.stderr);
        }
    }
}
