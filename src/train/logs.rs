//! Logs of a run, a line an epoch: CSV, JSON lines, and curves for TensorBoard.
//!
//! A run that goes on first puts its log where its checkpoint stands, so that a log never holds an epoch twice.

use super::{Callback, Epoch, Flow, History, Metric};
use crate::files::write_atomically;
use crate::format::tensorboard::EventFile;
use crate::module::Module;
use crate::{Error, Real, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// The columns after the epoch's number: the figures, then rate and time.
fn figures(epoch: &Epoch) -> Vec<(&'static str, Option<f64>)> {
    let measured = Metric::ALL.into_iter().map(|metric| (metric.name(), metric.of(epoch)));
    let rest = [("learning_rate", Some(epoch.learning_rate)), ("seconds", Some(epoch.seconds))];
    measured.chain(rest).collect()
}

/// A text file with a line for each epoch.
#[derive(Debug)]
pub struct LineLog {
    path: PathBuf,
    head: &'static str,
    line: fn(&Epoch) -> String,
    file: Option<File>,
}

impl LineLog {
    /// CSV in a file, which is replaced: a line of names, then a line for each epoch. A figure that is not measured is an
    /// empty cell.
    pub fn csv(path: impl Into<PathBuf>) -> Self {
        let head = "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds\n";
        let line = |epoch: &Epoch| {
            let cell = |(_, value): (_, Option<f64>)| value.map_or(String::new(), |value| value.to_string());
            let cells: Vec<String> = figures(epoch).into_iter().map(cell).collect();
            format!("{},{}\n", epoch.number, cells.join(","))
        };
        LineLog { path: path.into(), head, line, file: None }
    }

    /// A JSON object on each line of a file, which is replaced, under the names of the CSV columns. What is not measured is
    /// left out, and what is not a finite number is null.
    pub fn json(path: impl Into<PathBuf>) -> Self {
        let line = |epoch: &Epoch| {
            let measured = figures(epoch).into_iter().filter_map(|(name, value)| Some((name, value?)));
            let pairs: Vec<String> =
                measured.map(|(name, value)| format!(",\"{name}\":{}", serde_json::json!(value))).collect();
            format!("{{\"epoch\":{}{}}}\n", epoch.number, pairs.concat())
        };
        LineLog { path: path.into(), head: "", line, file: None }
    }

    fn io(&self, source: std::io::Error) -> Error {
        Error::Io { path: self.path.clone(), source }
    }
}

impl<T: Real> Callback<T> for LineLog {
    fn on_start(&mut self, history: &History, _network: &dyn Module<T>) -> Result<()> {
        let lines = history.epochs.iter().map(self.line);
        let text: String = std::iter::once(self.head.to_string()).chain(lines).collect();
        write_atomically(&self.path, text.as_bytes())?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path).map_err(|source| self.io(source))?);
        Ok(())
    }

    fn on_epoch(&mut self, epoch: &Epoch, _network: &dyn Module<T>) -> Result<Flow> {
        let line = (self.line)(epoch);
        let file = self.file.as_mut().expect("a run starts before its first epoch ends");
        file.write_all(line.as_bytes()).map_err(|source| self.io(source))?;
        Ok(Flow::Continue)
    }
}

/// Curves for TensorBoard, a point an epoch: `loss/train`, `loss/validation`, `accuracy/train` …, `learning_rate`,
/// `seconds`.
#[derive(Debug)]
pub struct TensorBoardLog {
    folder: PathBuf,
    events: Option<EventFile>,
}

impl TensorBoardLog {
    /// Event files in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        TensorBoardLog { folder: folder.into(), events: None }
    }
}

impl<T: Real> Callback<T> for TensorBoardLog {
    fn on_start(&mut self, history: &History, _network: &dyn Module<T>) -> Result<()> {
        self.events = Some(EventFile::create(&self.folder, history.epochs.len() as u64 + 1)?);
        Ok(())
    }

    fn on_epoch(&mut self, epoch: &Epoch, _network: &dyn Module<T>) -> Result<Flow> {
        // `validation_loss` stands beside the other losses, as `loss/validation`.
        let curve = |name: &str| match name.split_once('_') {
            Some((part @ ("train" | "validation"), figure)) => format!("{figure}/{part}"),
            _ => name.to_string(),
        };
        let measured: Vec<(String, f64)> =
            figures(epoch).into_iter().filter_map(|(name, value)| Some((curve(name), value?))).collect();
        let curves: Vec<(&str, f64)> = measured.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let events = self.events.as_mut().expect("a run starts before its first epoch ends");
        events.scalars(epoch.number as u64, &curves)?;
        Ok(Flow::Continue)
    }
}
