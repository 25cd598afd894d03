//! `limpide eval`: how good the model of a run is.

use super::Common;
use super::data::fingerprint;
use super::fit::{Fit, figure};
use super::folder::Folder;
use super::predict;
use super::session::score_text;
use crate::stdout;
use crate::text::counted;
use limpide::metrics::{self, Decision};
use limpide::pipeline::{Input, Output, Pipeline};
use limpide::table::TableFile;
use limpide::{Error, Result, format, model, tensor};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Score the model of a finished run on a part of its data, or on a file of rows with the target among their columns.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  limpide eval runs/moons --part test\n  limpide eval runs/iris test.csv")]
pub struct Arguments {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Rows to score on instead (- for the standard input).
    #[arg(value_name = "FILE", conflicts_with = "part")]
    file: Option<PathBuf>,
    /// The part to score on. Choose by validation; the test part is for the last word.
    #[arg(long, value_enum, default_value_t = Part::Validation)]
    part: Part,
    #[command(flatten)]
    common: Common,
}

/// A part of a run's data.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Part {
    Train,
    Validation,
    Test,
}

/// Runs the command.
///
/// # Errors
/// A folder that is none of a finished run, a model that does not fit it, a part that the run has not.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { run, file, part, common } = arguments;
    limpide::data::data_folders(common.data.as_deref())?;
    if let Some(file) = file {
        return score_file(run, file, common.json);
    }
    let folder = Folder::open(run)?;
    if !folder.model().is_file() {
        return Err(folder.unfinished(folder.model()));
    }
    let mut session = common.session(&folder.description(), &[])?;
    fingerprint::check(&folder, &session)?;
    format::load_into(&mut session.network, &folder.model())?;
    let plain = session.parts.plain_train()?;
    let (name, data) = match part {
        Part::Train => ("train", Some(&plain)),
        Part::Validation => ("validation", session.parts.validation.as_ref()),
        Part::Test => ("test", session.parts.test.as_ref()),
    };
    let data = data.ok_or_else(|| Error::option("--part", "a part that the run has", name))?;
    let score = session.score(data)?;
    if common.json {
        let run = run.display().to_string();
        let (samples, loss, accuracy) = (data.len(), score.loss, score.accuracy);
        stdout::line(format_args!(
            "{:#}",
            serde_json::json!({"run": run, "part": name, "samples": samples, "loss": loss, "accuracy": accuracy})
        ))?;
    } else {
        stdout::line(format_args!("{name}, {} samples: {}", data.len(), score_text(&score)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Scores a model on the rows of a file.
fn score_file(run: &Path, path: &Path, json: bool) -> Result<ExitCode> {
    let pipeline = model::load(run)?;
    let file = predict::open(&pipeline, path)?;
    let (truth, outputs) = answered(&pipeline, &*file)?;
    if truth.len() == 0 {
        return Err(Error::Data { path: file.path().into(), problem: "has no rows to score on".into() });
    }
    let samples = truth.len();
    let figures = truth.figures(outputs);
    if json {
        let (run, file) = (run.display().to_string(), path.display().to_string());
        let mut object = serde_json::json!({"run": run, "file": file, "samples": samples});
        figures.iter().for_each(|&(name, figure)| object[name] = figure.into());
        stdout::json(&object)?;
    } else {
        let figures: Vec<String> = figures.iter().map(|&(name, own)| format!("{name} {}", figure(own))).collect();
        stdout::line(format_args!("{}, {}: {}", path.display(), counted(samples, "row"), figures.join("  ")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a file's target column says of each row.
enum Truth {
    /// The number of the class.
    Classes(Vec<usize>),
    /// The value.
    Values(Vec<f32>),
}

/// The target column of a file of rows, and the answers of a model, one row after the other.
fn answered(pipeline: &Pipeline, file: &dyn TableFile) -> Result<(Truth, Vec<f32>)> {
    let wrong = |problem: String| Error::Data { path: file.path().into(), problem };
    let target = match pipeline.input() {
        Input::Table(table) => table.target(),
        Input::Tensor { .. } => None,
    };
    let target =
        target.ok_or_else(|| Error::option("eval on a file", "of a model that was trained on rows", "another"))?;
    let place = file.columns().iter().position(|name| name == target);
    let place = place.ok_or_else(|| wrong(format!("has no column `{target}` to compare with")))?;
    let mut truth = match pipeline.output() {
        Output::Classes { .. } => Truth::Classes(Vec::new()),
        Output::Values { .. } => Truth::Values(Vec::new()),
    };
    let (mut outputs, mut first) = (Vec::new(), 1);
    predict::answer(pipeline, file, &[], &mut |rows, answers| {
        for row in 0..rows.len() {
            let cell = rows.cell(row, place).trim();
            truth.push(cell, pipeline.output().names()).map_err(|wanted| {
                wrong(format!("row {}, column `{target}` wants {wanted}, got `{cell}`", first + row))
            })?;
        }
        first += rows.len();
        outputs.extend_from_slice(limpide::tensor::values(&answers.values));
        Ok(())
    })?;
    Ok((truth, outputs))
}

impl Truth {
    fn len(&self) -> usize {
        match self {
            Truth::Classes(all) => all.len(),
            Truth::Values(all) => all.len(),
        }
    }

    /// Takes a cell, or says what is wanted.
    fn push(&mut self, cell: &str, names: &[String]) -> std::result::Result<(), String> {
        match self {
            Truth::Classes(all) => {
                let class = names.iter().position(|name| name == cell);
                all.push(class.ok_or_else(|| format!("one of {}", names.join(", ")))?);
            }
            Truth::Values(all) => {
                let value = cell.parse::<f32>().ok().filter(|value| value.is_finite());
                all.push(value.ok_or("a finite number")?);
            }
        }
        Ok(())
    }

    /// How good the answers are. The logarithmic loss is the mean of −ln p, p the probability of the true class: what the
    /// training loss is without smoothing and weights.
    fn figures(&self, outputs: Vec<f32>) -> Vec<(&'static str, f64)> {
        let samples = self.len();
        match self {
            Truth::Classes(labels) => {
                let classes = outputs.len() / samples;
                let probability = |row: usize| f64::from(outputs[row * classes + labels[row]]);
                let loss = (0..samples).map(|row| -probability(row).max(1e-38).ln()).sum::<f64>() / samples as f64;
                let outputs = tensor(&[samples, classes], outputs.clone());
                let right = metrics::classes(Decision::Argmax, &outputs).into_iter().zip(labels);
                let right = right.filter(|&(class, &label)| class == label).count();
                vec![("accuracy", right as f64 / samples as f64), ("log_loss", loss)]
            }
            Truth::Values(values) => {
                let Fit { r2, rmse, mae } =
                    Fit::of(&tensor(&[samples, 1], outputs), &tensor(&[samples, 1], values.clone()));
                vec![("r2", r2), ("rmse", rmse), ("mae", mae)]
            }
        }
    }
}
