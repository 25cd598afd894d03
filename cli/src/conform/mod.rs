//! `limpide conform`: runs golden cases with known answers and says which agree, differ or are not supported.

mod compare;
mod dump;
mod kinds;
mod manifest;
mod numbers;
mod report;

pub use manifest::{Case, Family, families};
pub use numbers::{Kind, Numbers};
pub use report::{Counts, Report};

use crate::stdout;
use kinds::{Means, Stop};
use limpide::data::data_folders;
use limpide::{Error, Real};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run golden cases with known answers and count, by family, which agree.
///
/// DIR holds families of cases: a manifest FAMILY.json and its numbers FAMILY.safetensors. A case agrees when every
/// checked result is within the manifest's tolerance of the expected one. What the library does not have is listed by
/// name. Exit code 1 when a case mismatches, 2 when the cases cannot be read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: limpide conform tests/golden --f32 --dump results")]
pub struct Arguments {
    /// The folder with the manifests.
    dir: PathBuf,
    /// Compute in f32 instead of f64, with the manifest's wider tolerances.
    #[arg(long)]
    f32: bool,
    /// Write the results to OUT/FAMILY.safetensors, for a verdict made elsewhere.
    #[arg(long, value_name = "OUT")]
    dump: Option<PathBuf>,
    /// The folder with the MNIST files; else $LIMPIDE_DATA, else the user's cache folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of [`conform`].
pub fn command(arguments: &Arguments) -> limpide::Result<ExitCode> {
    let job = if arguments.f32 { conform::<f32> } else { conform::<f64> };
    let report = job(&arguments.dir, arguments.data.as_deref(), arguments.dump.as_deref())?;
    if arguments.json {
        stdout::json(&report)?;
    } else {
        stdout::text(&report)?;
    }
    Ok(ExitCode::from(u8::from(!report.mismatches.is_empty())))
}

/// Runs all families of a folder in `T`, and writes the results to `dump` when it is given.
///
/// # Errors
/// When a manifest or its numbers cannot be read or contradict each other, or a result cannot be written.
pub fn conform<T: Real>(dir: &Path, data: Option<&Path>, dump: Option<&Path>) -> limpide::Result<Report> {
    if let Some(out) = dump {
        std::fs::create_dir_all(out).map_err(|source| Error::Io { path: out.into(), source })?;
    }
    // A mistyped folder is an error even when no case needs data.
    data_folders(data)?;
    let means = Means::new(data);
    let mut report = Report::new(T::NAME);
    for family in families(dir)? {
        let mut produced = BTreeMap::new();
        report.begin(&family.name);
        for case in &family.cases {
            let outcome = run::<T>(case, &means, &mut produced);
            report.add(&family.name, &case.name, outcome);
        }
        if let Some(out) = dump {
            dump::write(out, &family.name, &produced)?;
        }
    }
    Ok(report)
}

/// Runs one case and compares; keeps the checked results in `produced` by their names in a dump.
fn run<T: Real>(case: &Case, means: &Means, produced: &mut BTreeMap<String, Numbers>) -> Result<(), Stop> {
    // A panic is a finding about this case, not the end of the run.
    let results = limpide::caught::caught(|| kinds::run::<T>(case, means))
        .unwrap_or_else(|message| Err(Stop::Failed(format!("panicked: {message}"))))?;
    let verdict = compare::results::<T>(case, &results);
    let checked = results.into_iter().filter(|(slot, _)| case.is_checked(slot));
    produced.extend(checked.map(|(slot, numbers)| (format!("{}/{slot}", case.name), numbers)));
    verdict
}
