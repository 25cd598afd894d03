//! `limpide eval`: how good the model of a run is.

use super::Common;
use super::folder::Folder;
use super::session::score_text;
use limpide::{Error, Result, format};
use std::path::PathBuf;
use std::process::ExitCode;

/// Score the model of a finished run on a part of its data.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: limpide eval runs/moons --part test")]
pub struct Arguments {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
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
    let Arguments { run, part, common } = arguments;
    let folder = Folder::open(run)?;
    if !folder.model().is_file() {
        let problem =
            format!("is not there: the run is not finished; `limpide resume {}` goes on with it", run.display());
        return Err(Error::Data { path: folder.model(), problem });
    }
    let mut session = common.session(&folder.description(), &[])?;
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
        println!(
            "{:#}",
            serde_json::json!({"run": run, "part": name, "samples": samples, "loss": loss, "accuracy": accuracy})
        );
    } else {
        println!("{name}, {} samples: {}", data.len(), score_text(&score));
    }
    Ok(ExitCode::SUCCESS)
}
