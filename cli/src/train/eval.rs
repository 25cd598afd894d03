//! `limpide eval`: how good the model of a run is.

mod classes;
mod file;
mod left_out;

use super::Common;
use super::data::fingerprint;
use super::folder::Folder;
use super::outcome::score_text;
use super::part::Part;
use crate::stdout;
use crate::text::counted;
use limpide::{Error, Result, format};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Score the model of a finished run on a part of its data, or on a file with the truth in it: rows with the target among their
/// columns, arrays x and y, or a folder with a folder of images for each class.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  limpide eval runs/moons --part test\n  limpide eval runs/iris test.csv")]
pub struct Arguments {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Rows (- for the standard input), arrays or a folder of images to score on instead.
    #[arg(value_name = "FILE", conflicts_with = "part")]
    file: Option<PathBuf>,
    /// The part to score on. Choose by validation; the test part is for the last word.
    #[arg(long, value_enum, default_value_t = Part::Validation)]
    part: Part,
    /// Leave images out that cannot be decoded, instead of stopping at the first.
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
///
/// # Errors
/// A folder that is none of a finished run, a model that does not fit it, a part that the run has not.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { run, file, part, skip_bad, common } = arguments;
    if *skip_bad && !file.as_deref().is_some_and(Path::is_dir) {
        let found = file.as_deref().unwrap_or(run).display();
        return Err(Error::option("--skip-bad", "with a folder of images to score on", found));
    }
    if let Some(path) = file {
        for (flag, given) in [("--threads", common.threads.is_some()), ("--data", common.data.is_some())] {
            if given {
                return Err(Error::option(flag, "left out: it is for the data of the run", path.display()));
            }
        }
        return file::score(run, path, *skip_bad, common.json);
    }
    limpide::data::data_folders(common.data.as_deref())?;
    let folder = Folder::open(run)?;
    if !folder.model().is_file() {
        return Err(folder.unfinished(folder.model()));
    }
    let mut session = common.session(&folder.description(), &[])?;
    fingerprint::check(&folder, &session)?;
    format::load_into(&mut session.network, &folder.model())?;
    let (name, data) = (part.name(), &part.of(&session.parts)?);
    let (score, fit) = (session.score(data)?, session.fit_of(Some(data))?);
    if common.json {
        let run = run.display().to_string();
        let (samples, loss, accuracy) = (data.len(), score.loss, score.accuracy);
        let mut object =
            serde_json::json!({"run": run, "part": name, "samples": samples, "loss": loss, "accuracy": accuracy});
        file::add(&mut object, serde_json::json!(fit));
        stdout::json(&object)?;
    } else {
        let (own, each) =
            fit.map_or(Default::default(), |fit| (format!(" (of standardised values)  {fit}"), fit.lines()));
        let samples = counted(data.len(), "sample");
        stdout::text(format_args!("{name}, {samples}: {}{own}\n{each}", score_text(&score)))?;
    }
    Ok(ExitCode::SUCCESS)
}
