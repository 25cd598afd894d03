//! One trial of a sweep: an ordinary run in a folder of its own, which is begun, gone on with, or read.

use crate::train::{Folder, Outcome, Session, Setting};
use limpide::train::{Metric, Score};
use limpide::{Error, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What trials share.
pub struct Plan<'a> {
    /// The description.
    pub file: &'a Path,
    /// The folder of the sweep.
    pub out: &'a Path,
    /// The folder with data files.
    pub data: Option<&'a Path>,
    /// Threads of one trial.
    pub threads: usize,
    /// The settings of every trial.
    pub settings: &'a [Setting],
}

/// What came of a trial.
#[derive(Debug, Serialize)]
pub struct Trial {
    /// Counted from 1.
    pub number: usize,
    /// The folder.
    pub run: String,
    /// What it tries.
    pub settings: Vec<Setting>,
    /// Epochs done.
    pub epochs: usize,
    /// Seconds of training.
    pub seconds: f64,
    /// Of the model as it was saved; none when the run failed.
    pub validation: Option<Score>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The file that says why a run can only fail: the same description would fail again.
const FAILED: &str = "failed.txt";

impl Plan<'_> {
    /// The folder of a trial, counted from 1.
    pub fn folder(&self, number: usize) -> PathBuf {
        self.out.join(format!("trial-{number:04}"))
    }

    /// Runs a trial, or what is left of it; none when it was interrupted. `told` gets what it comes to, unless it had
    /// been finished before.
    ///
    /// # Errors
    /// A folder that holds another run, data that are gone, a disk that is full: nothing that the trial itself is to blame
    /// for.
    pub fn run(&self, number: usize, own: &[Setting], told: &dyn Fn(&Trial)) -> Result<Option<Trial>> {
        let all: Vec<Setting> = self.settings.iter().chain(own).cloned().collect();
        let mut session = Session::read(self.file, &all, self.data)?;
        if session.parts.validation.is_none() {
            let wanted = "above 0, because a sweep is decided by validation";
            return Err(Error::option("sweep: split.validation", wanted, session.description.split.validation));
        }
        // Whoever chooses among trials must not have seen the test.
        session.description.test = None;
        let path = self.folder(number);
        let trial = |outcome: Option<Outcome>, error: Option<String>| Trial {
            number,
            run: path.display().to_string(),
            settings: own.to_vec(),
            epochs: outcome.as_ref().map_or(0, |outcome| outcome.epochs),
            seconds: outcome.as_ref().map_or(0.0, |outcome| outcome.seconds),
            validation: outcome.and_then(|outcome| outcome.validation),
            error,
        };
        let folder = self.open(&path, &session.toml())?;
        if folder.file("result.json").is_file() {
            return Ok(Some(trial(Some(Outcome::read(&folder)?), None)));
        }
        if let Ok(why) = std::fs::read_to_string(folder.file(FAILED)) {
            return Ok(Some(trial(None, Some(why.trim().to_string()))));
        }
        session.description.threads = Some(self.threads);
        let done = match session.run(&folder, false) {
            Ok(outcome) if outcome.interrupted => return Ok(None),
            Ok(outcome) => trial(Some(outcome), None),
            Err(error @ Error::NotFinite { .. }) => {
                folder.write(FAILED, &format!("{error}\n"))?;
                trial(None, Some(error.to_string()))
            }
            Err(error) => return Err(error),
        };
        told(&done);
        Ok(Some(done))
    }

    /// The folder of a trial with its description: a new one, or that of this very trial.
    fn open(&self, path: &Path, description: &str) -> Result<Folder> {
        if !path.join("run.toml").is_file() {
            let folder = Folder::create(Some(path), self.file)?;
            folder.write("run.toml", description)?;
            return Ok(folder);
        }
        let folder = Folder::open(path)?;
        let kept = std::fs::read_to_string(folder.description())
            .map_err(|source| Error::Io { path: folder.description(), source })?;
        if kept != description {
            let problem = "is a trial of another sweep: its run.toml differs; choose another --out".into();
            return Err(Error::Data { path: path.into(), problem });
        }
        Ok(folder)
    }
}

impl Trial {
    /// The figure that trials are sorted by.
    pub fn figure(&self, metric: Metric) -> Option<f64> {
        let score = self.validation?;
        if metric == Metric::ValidationAccuracy { score.accuracy } else { Some(score.loss) }
    }

    /// What it tries: `optimizer.lr=0.01 seed=2`.
    pub fn title(&self) -> String {
        self.settings.iter().map(Setting::to_string).collect::<Vec<_>>().join(" ")
    }
}
