//! `limpide resume`: a run goes on where it was interrupted.

use super::folder::Folder;
use super::{Common, finish};
use limpide::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// Go on with a run that was interrupted or killed.
///
/// The rest of the run has the bits that it would have had without the interruption. A run that is finished has its result
/// printed again.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: limpide resume runs/moons")]
pub struct Arguments {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
///
/// # Errors
/// A folder that is none of a run, a checkpoint that does not fit it; those of training and writing.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let folder = Folder::open(&arguments.run)?;
    let mut session = arguments.common.session(&folder.description(), &[])?;
    match session.take_start() {
        // The weights are those of the checkpoint, whatever has become of the network that the run began with.
        Err(error) if folder.has_checkpoint()? => eprintln!("limpide: {error}; the run goes on from its checkpoint"),
        taken => taken?,
    }
    let findings = session.before_training()?;
    finish(session, findings, &folder, arguments.common.json)
}
