//! One trial of a sweep: an ordinary run in a folder of its own, which is begun, gone on with, or read.

use crate::train::{FAILED, Folder, Outcome, RunDescription, Session, Setting, read};
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

impl Plan<'_> {
    /// The folder of a trial, counted from 1.
    pub fn folder(&self, number: usize) -> PathBuf {
        self.out.join(format!("trial-{number:04}"))
    }

    /// The settings of a trial: those of all and its own.
    fn all(&self, own: &[Setting]) -> Vec<Setting> {
        self.settings.iter().chain(own).cloned().collect()
    }

    /// Builds what every trial needs, once, so that what is wrong with one is told before any is trained.
    ///
    /// # Errors
    /// A description, data or parts that do not fit together; no validation part. The error names the trial.
    pub fn check(&self, trials: &[Vec<Setting>]) -> Result<()> {
        let mut before = None;
        for (place, own) in trials.iter().enumerate() {
            let built = self.build(own, before.take()).map_err(|error| self.named(place + 1, own, error))?;
            before = Some(built);
        }
        Ok(())
    }

    /// The session of a trial, with its description as it was read. The data of the trial before are taken where they are
    /// the same: they may be large.
    fn build(&self, own: &[Setting], before: Option<(RunDescription, Session)>) -> Result<(RunDescription, Session)> {
        let mut description: RunDescription = read(self.file, &self.all(own))?;
        description.data.look_in(self.data);
        let same = |known: &RunDescription| {
            known.data == description.data && known.split == description.split && known.seed == description.seed
        };
        let parts = match before {
            Some((known, session)) if same(&known) => session.parts,
            _ => description.data.clone().load(&description.split, description.seed)?,
        };
        if parts.validation.is_none() {
            let wanted = "above 0, because a sweep is decided by validation";
            return Err(Error::option("sweep: split.validation", wanted, description.split.validation));
        }
        let session = Session::new(self.file, description.clone(), parts)?;
        Ok((description, session))
    }

    /// An error with the trial that it is about.
    fn named(&self, number: usize, own: &[Setting], error: Error) -> Error {
        let trial = format!("trial {number}, {}", title(own));
        match error {
            Error::Data { path, problem } => Error::Data { path, problem: format!("{trial}: {problem}") },
            Error::Io { .. } => error,
            other => Error::Data { path: self.file.into(), problem: format!("{trial}: {other}") },
        }
    }

    /// Runs a trial that has been checked, or what is left of it; none when it was interrupted. `told` gets what it comes
    /// to, unless it had been finished before.
    ///
    /// # Errors
    /// A folder that holds another run, data that are gone, a disk that is full: nothing that the trial itself is to blame
    /// for.
    pub fn run(&self, number: usize, own: &[Setting], told: &dyn Fn(&Trial)) -> Result<Option<Trial>> {
        self.run_unnamed(number, own, told).map_err(|error| self.named(number, own, error))
    }

    fn run_unnamed(&self, number: usize, own: &[Setting], told: &dyn Fn(&Trial)) -> Result<Option<Trial>> {
        let mut session = Session::read(self.file, &self.all(own), self.data)?;
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
        let findings = session.before_training()?;
        let done = match session.run(&folder, findings, false) {
            Ok(outcome) if outcome.interrupted => return Ok(None),
            Ok(outcome) => trial(Some(outcome), None),
            Err(error @ Error::NotFinite { .. }) => trial(None, Some(error.to_string())),
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
        title(&self.settings)
    }
}

fn title(settings: &[Setting]) -> String {
    settings.iter().map(Setting::to_string).collect::<Vec<_>>().join(" ")
}
