//! Runs that are really killed, again and again: what is left at the end has the bits of a run that nobody touched.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The embedded digits with all that has a state or draws random numbers: augmentation, mixup, dropout, batch norm, AdamW
/// with lookahead, a schedule by step, averaged weights.
const DIGITS: &str = r#"
epochs = 4
batch_size = 32
seed = 5
threads = 1
balanced = true
mixup = { alpha = 0.2 }
augmentation = [{ type = "RandomAffine", degrees = [-10.0, 10.0] }, { type = "GaussianNoise", sigma = 0.05 }]

[data]
name = "digits"
standardize = "set"

[split]
validation = 0.2

[loss]
name = "CrossEntropyLoss"

[optimizer]
type = "AdamW"
lr = 0.003
lookahead = { k = 5, alpha = 0.5 }

[schedule]
type = "CosineAnnealingLR"
interval = "step"

[step]
ema = 0.9

[checkpoints]
every_steps = 1
min_seconds = 0.0

[[layers]]
type = "Flatten"

[[layers]]
type = "Linear"
in_features = 64
out_features = 24

[[layers]]
type = "BatchNorm1d"
num_features = 24

[[layers]]
type = "ReLU"

[[layers]]
type = "Dropout"
p = 0.2

[[layers]]
type = "Linear"
in_features = 24
out_features = 10
"#;

/// Moons with momentum, stopped early: the best weights come out of a checkpoint.
const MOONS: &str = r#"
epochs = 100
batch_size = 32
seed = 2
threads = 1

[data]
name = "moons"
samples = 400
noise = 0.3

[split]
validation = 0.3

[loss]
name = "CrossEntropyLoss"

[optimizer]
type = "SGD"
lr = 0.2
momentum = 0.9

[early_stopping]
patience = 12

[checkpoints]
every_steps = 2
min_seconds = 0.0
keep_best = "validation_loss"

[[layers]]
type = "Linear"
in_features = 2
out_features = 16

[[layers]]
type = "Tanh"

[[layers]]
type = "Linear"
in_features = 16
out_features = 2
"#;

fn limpide(words: &[&str], path: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpide"));
    command.args(words).arg(path).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A folder with a description and the same run done without interruption.
struct Uninterrupted {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Uninterrupted {
    fn run(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.toml");
        fs::write(&file, text).unwrap();
        let whole = Uninterrupted { folder, file };
        let mut child = whole.start("whole");
        assert!(child.wait().unwrap().success());
        whole
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, name: &str) -> Child {
        let file = self.file.to_str().unwrap();
        limpide(&["train", file, "--out"], &self.path(name))
    }

    /// Asserts that a run has left what the uninterrupted one has left.
    fn is_equalled_by(&self, name: &str, how: &str) {
        for file in ["model.safetensors", "run.toml"] {
            let [wanted, got] = ["whole", name].map(|run| fs::read(self.path(run).join(file)).unwrap());
            assert!(wanted == got, "{how}: {file} differs");
        }
        let [wanted, got] = ["whole", name].map(|run| history(&self.path(run)));
        assert_eq!(wanted, got, "{how}");
        let [wanted, got] = ["whole", name].map(|run| newest(&self.path(run)).unwrap().file_name().unwrap().to_owned());
        assert_eq!(wanted, got, "{how}");
    }
}

/// The lines of history.csv without the clock.
fn history(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("history.csv")).unwrap();
    text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string()).collect()
}

fn newest(run: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints")).ok()?;
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("step-")).max()
}

/// Kills a run with SIGKILL after a while and lets it go on, until it has finished. The lives last from almost nothing to
/// longer and longer, so that the kills come at all moments: at the start, within steps, while a checkpoint is written.
fn killed_again_and_again(text: &str) {
    let whole = Uninterrupted::run(text);
    let run = whole.path("killed");
    let mut life = Duration::from_millis(2);
    let (mut kills, mut within, mut written) = (0, 0, None);
    loop {
        let begun = run.join("run.toml").exists();
        let mut child = if begun { limpide(&["resume"], &run) } else { whole.start("killed") };
        let birth = Instant::now();
        let ended = loop {
            match child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if birth.elapsed() >= life => break None,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        if let Some(status) = ended {
            let mut error = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut error).unwrap();
            assert!(status.success(), "after {kills} kills: {error}");
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        let now = newest(&run);
        within += usize::from(now.is_some() && now != written);
        // A life that has got nowhere was too short for this machine.
        life = if now == written { life * 3 / 2 + Duration::from_millis(1) } else { life * 11 / 10 };
        written = now;
    }
    assert!(within >= 3, "the run was killed {kills} times, but only {within} times after having got further");
    whole.is_equalled_by("killed", &format!("killed {kills} times"));
    let hidden: Vec<_> = fs::read_dir(run.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".tmp"))
        .collect();
    assert!(hidden.is_empty(), "killed writers have left {hidden:?}");
}

#[test]
fn digits_killed_again_and_again_end_with_the_same_bits() {
    killed_again_and_again(DIGITS);
}

#[test]
fn moons_killed_again_and_again_end_with_the_same_best_weights() {
    killed_again_and_again(MOONS);
}

#[test]
fn ctrl_c_finishes_the_step_and_says_how_to_go_on() {
    let whole = Uninterrupted::run(DIGITS);
    let run = whole.path("interrupted");
    let child = whole.start("interrupted");
    while newest(&run).is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{error}");
    let advice = format!("interrupted; `limpide resume {}` goes on from here", run.display());
    assert!(error.contains(&advice), "{error}");
    assert!(!run.join("model.safetensors").exists());
    assert!(limpide(&["resume"], &run).wait().unwrap().success());
    whole.is_equalled_by("interrupted", "interrupted once");
}
