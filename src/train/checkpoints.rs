//! Where the checkpoints of a run go, how often they are written and which stay.

use super::{History, Metric};
use crate::files::{prepare_folder, remove_leftovers, write_atomically};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The checkpoints of one run, in a folder of their own: `step-0000001200.safetensors` after 1,200 steps, and
/// `best.safetensors` where the best one is wanted too.
///
/// Each is written to a temporary name, synced and renamed, and older ones are removed only then: whenever the process
/// dies, or the disk is full, the last checkpoint is whole. The folder is locked while a run uses it.
///
/// ```
/// use limpide::{Sequential, data, layers::Linear, loss::MseLoss, optim::Sgd};
/// use limpide::train::{Checkpoint, Checkpoints, Trainer};
/// let folder = std::env::temp_dir().join(format!("limpide-checkpoints-example-{}", std::process::id()));
/// let data = data::regression::<f32>(64, -1.0..1.0, 1)?;
/// let trainer = |epochs| Ok::<_, limpide::Error>(Trainer::new(Sgd::new(0.1)?).epochs(epochs));
///
/// let mut first = Sequential::new().push(Linear::new(2, 1)).seed(1);
/// trainer(2)?.checkpoints(Checkpoints::new(&folder)).fit(&mut first, &MseLoss::new(), &data)?;
///
/// // Another process goes on, up to five epochs.
/// let mut network = Sequential::new().push(Linear::new(2, 1));
/// let newest = Checkpoints::newest(&folder)?.expect("there is one");
/// let history = trainer(5)?.resume(Checkpoint::read(&newest)?).fit(&mut network, &MseLoss::new(), &data)?;
/// assert_eq!(history.epochs.len(), 5);
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    options: CheckpointOptions,
}

/// How often checkpoints are written and which stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointOptions {
    /// Epochs from one to the next; 0 for none but the last.
    pub every_epochs: usize,
    /// Steps from one to the next, within epochs too; 0 for none.
    pub every_steps: u64,
    /// No checkpoint sooner after another than this, but the last: a small network's epoch takes less than a write.
    pub min_seconds: f64,
    /// How many of the newest stay; at least 1.
    pub keep_last: usize,
    /// The figure by which the best one stays too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_best: Option<Metric>,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        CheckpointOptions { every_epochs: 1, every_steps: 0, min_seconds: 1.0, keep_last: 2, keep_best: None }
    }
}

impl CheckpointOptions {
    /// Whether every option is in its range.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn check(&self) -> Result<()> {
        if self.keep_last == 0 {
            return Err(Error::option("Checkpoints: keep_last", "at least 1", self.keep_last));
        }
        if !(self.min_seconds >= 0.0 && self.min_seconds.is_finite()) {
            return Err(Error::option("Checkpoints: min_seconds", "a finite number, 0 or more", self.min_seconds));
        }
        Ok(())
    }
}

impl Checkpoints {
    /// Checkpoints in a folder, which is created: after every epoch, but not more than one a second; the last two stay.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Checkpoints { folder: folder.into(), options: CheckpointOptions::default() }
    }

    /// The same with other options.
    pub fn options(mut self, options: CheckpointOptions) -> Self {
        self.options = options;
        self
    }

    /// The checkpoint of a folder with the most steps behind it.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be read.
    pub fn newest(folder: &Path) -> Result<Option<PathBuf>> {
        Ok(numbered(folder)?.pop().map(|(_, path)| path))
    }

    /// The checkpoints of a folder by the steps behind them, the newest first.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<PathBuf>> {
        Ok(numbered(folder)?.into_iter().rev().map(|(_, path)| path).collect())
    }

    /// Makes the folder ready and takes it for this run.
    pub(super) fn open(self, resumed: bool) -> Result<Writer> {
        let Checkpoints { folder, options } = self;
        options.check()?;
        prepare_folder(&folder)?;
        let lock = lock(&folder)?;
        if !resumed && let Some(path) = Self::newest(&folder)? {
            let problem = "is a checkpoint of an earlier run; resume that run, or choose another folder".into();
            return Err(Error::Data { path, problem });
        }
        remove_leftovers(&folder)?;
        Ok(Writer { folder, options, written: None, best: None, lock })
    }
}

/// Takes a folder for this process; the system gives it back when the process ends, however it ends.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let io = |source| Error::Io { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Data {
            path: folder.into(),
            problem: "is in use by another run; wait until it ends, or stop it".into(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

/// The numbered checkpoints of a folder, the oldest first.
fn numbered(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let io = |source| Error::Io { path: folder.into(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let steps = name.strip_prefix("step-").and_then(|rest| rest.strip_suffix(".safetensors"));
        if let Some(steps) = steps.and_then(|steps| steps.parse().ok()) {
            found.push((steps, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Writes the checkpoints of one run.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    options: CheckpointOptions,
    /// When the last one was written.
    written: Option<Instant>,
    /// The best one so far, until it is written.
    best: Option<Vec<u8>>,
    lock: File,
}

impl Writer {
    /// Whether a checkpoint is wanted after this step, the run's number of steps, within an epoch.
    pub fn wants_step(&self, steps: u64) -> bool {
        self.options.every_steps > 0 && steps.is_multiple_of(self.options.every_steps) && self.is_time()
    }

    /// Whether a checkpoint is wanted after this epoch, which is not the last.
    pub fn wants_epoch(&self, epoch: usize) -> bool {
        self.options.every_epochs > 0 && epoch.is_multiple_of(self.options.every_epochs) && self.is_time()
    }

    fn is_time(&self) -> bool {
        self.written.is_none_or(|written| written.elapsed().as_secs_f64() >= self.options.min_seconds)
    }

    /// Whether the last epoch is the best so far and the best one is to be kept.
    pub fn wants_best(&self, history: &History) -> Result<bool> {
        let (Some(metric), Some((last, before))) = (self.options.keep_best, history.epochs.split_last()) else {
            return Ok(false);
        };
        let value = metric.wanted("Checkpoints: keep_best", last)?;
        Ok(before.iter().filter_map(|epoch| metric.of(epoch)).all(|other| metric.better(value, other, 0.0)))
    }

    /// Keeps the best checkpoint for the next write: a best epoch is often one of many in a row.
    pub fn keep_best(&mut self, bytes: Vec<u8>) {
        self.best = Some(bytes);
    }

    /// Writes a checkpoint, after the best one if there is a new one, and removes those that are too old.
    ///
    /// The order matters: with the numbered checkpoint on disk the best one of the epochs before it is on disk too.
    pub fn write(&mut self, steps: u64, bytes: &[u8]) -> Result<()> {
        if let Some(best) = &self.best {
            write_atomically(&self.folder.join("best.safetensors"), best)?;
            self.best = None;
        }
        write_atomically(&self.folder.join(format!("step-{steps:010}.safetensors")), bytes)?;
        self.written = Some(Instant::now());
        let all = numbered(&self.folder)?;
        for (_, path) in &all[..all.len().saturating_sub(self.options.keep_last)] {
            fs::remove_file(path).map_err(|source| Error::Io { path: path.clone(), source })?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the file is not enough where a child process has just inherited it.
        let _ = self.lock.unlock();
    }
}
