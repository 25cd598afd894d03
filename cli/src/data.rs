//! `limpide data`: which data sets there are and where, fetching MNIST, and checking what is on disk.

mod fetch;
mod hash;
mod http;
mod progress;

use crate::stdout;
use crate::text::aligned;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use limpide::data::{DATA_VARIABLE, MNIST_FILES, Mnist, MnistFiles, cache_folder};
use limpide::{Error, Result};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to do about data.
#[derive(Subcommand, Debug)]
pub enum DataCommand {
    /// List the data sets and where their files are
    #[command(after_help = "Example: limpide data list --data ~/datasets")]
    List(Place),
    /// Download MNIST or Fashion-MNIST, go on where an earlier download stopped, and check it
    #[command(
        after_help = "Example: limpide data fetch mnist\n\nThe files go to DIR/mnist or DIR/fashion-mnist. Mirrors \
        are read over plain HTTP; what counts is the SHA-256 of the unpacked bytes, which this program knows."
    )]
    Fetch {
        /// The data set
        #[arg(value_parser = set_parser())]
        name: Mnist,
        /// Where the files are, and how to print
        #[command(flatten)]
        place: Place,
        /// Fetch from here instead of the public mirrors (may be given several times)
        #[arg(long, value_name = "URL", hide = true)]
        mirror: Vec<String>,
    },
    /// Check the SHA-256 of the files that are there; exit code 1 when one is wrong, or there is none
    #[command(after_help = "Example: limpide data verify mnist")]
    Verify {
        /// The data set; all that are found, one at least, when left out
        #[arg(value_parser = set_parser())]
        name: Option<Mnist>,
        /// Where the files are, and how to print
        #[command(flatten)]
        place: Place,
    },
}

/// Options of every data command.
#[derive(Args, Debug)]
pub struct Place {
    /// The folder with data files; else $LIMPIDE_DATA, else the user's cache folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object for machines
    #[arg(long)]
    json: bool,
}

/// Runs a data command: results on stdout, progress on stderr.
pub fn run(command: DataCommand) -> Result<ExitCode> {
    match command {
        DataCommand::List(place) => list(&place),
        DataCommand::Fetch { name, place, mirror } => fetch(name, &place, mirror),
        DataCommand::Verify { name, place } => verify(name, &place),
    }
}

/// `mnist` or `fashion-mnist`.
fn set_parser() -> impl TypedValueParser<Value = Mnist> {
    let find = |name: String| Mnist::ALL.into_iter().find(|set| set.name() == name);
    PossibleValuesParser::new(Mnist::ALL.map(Mnist::name))
        .map(move |name| find(name).expect("a name from the list of possible values"))
}

fn list(place: &Place) -> Result<ExitCode> {
    // Each set with whether it is there.
    let mut sets: Vec<([String; 5], bool)> = [
        ["moons", "any", "(2,)", "2", "computed"],
        ["circles", "any", "(2,)", "2", "computed"],
        ["spirals", "any", "(2,)", "any", "computed"],
        ["regression", "any", "(2,)", "-", "computed"],
        ["digits", "1797", "(1, 8, 8)", "10", "embedded"],
    ]
    .map(|cells| (cells.map(str::to_string), true))
    .into();
    for set in Mnist::ALL {
        let files = set.find(place.data.as_deref())?;
        let found = files.is_some();
        let place = files
            .map_or_else(|| format!("not found: limpide data fetch {set}"), |files| files.folder.display().to_string());
        sets.push(([set.name(), "60000 + 10000", "(1, 28, 28)", "10", &place].map(str::to_string), found));
    }
    if place.json {
        let object = |(cells, found): &([String; 5], bool)| {
            let [name, samples, shape, classes, place] = cells;
            json!({"name": name, "samples": samples, "shape": shape, "classes": classes, "where": place, "found": found})
        };
        stdout::line(json!({ "datasets": sets.iter().map(object).collect::<Vec<_>>() }))?;
    } else {
        let head = ["NAME", "SAMPLES", "SHAPE", "CLASSES", "WHERE"].map(str::to_string).to_vec();
        let rows: Vec<_> = std::iter::once(head).chain(sets.into_iter().map(|(cells, _)| cells.to_vec())).collect();
        stdout::text(aligned(&rows, ..0))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn fetch(set: Mnist, place: &Place, mirrors: Vec<String>) -> Result<ExitCode> {
    let mirrors = if mirrors.is_empty() { fetch::mirrors(set).map(str::to_string).to_vec() } else { mirrors };
    let folder = target_folder(set, place.data.as_deref())?;
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
    let mut files = vec![];
    for (name, sha256) in MNIST_FILES.into_iter().zip(set.sha256()) {
        let (path, fetched) = fetch::fetch(&fetch::Wanted { name, sha256 }, &mirrors, &folder).map_err(|error| {
            // How to do it without a network belongs to every failure to fetch.
            match error {
                Error::Data { path, problem } => {
                    let by_hand = set.by_hand(&folder);
                    Error::Data { path, problem: format!("{problem}\nwithout a network, {by_hand}") }
                }
                other => other,
            }
        })?;
        let state = if fetched { "fetched" } else { "already there" };
        if !place.json {
            stdout::line(format_args!("{}: {state}, SHA-256 as published", path.display()))?;
        }
        files.push(json!({"file": path, "fetched": fetched, "sha256": sha256}));
    }
    if place.json {
        stdout::line(json!({"dataset": set.name(), "folder": folder, "files": files}))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where fetched files go: the first folder in which they would be looked for, though it need not be there yet, in the
/// sub-folder of the set's name.
fn target_folder(set: Mnist, data: Option<&Path>) -> Result<PathBuf> {
    let variable = std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let first = data.map(Path::to_path_buf).or(variable).or_else(cache_folder).ok_or_else(|| {
        let found = "an environment without a home folder";
        Error::option("data folder", "a folder given by --data DIR or by LIMPIDE_DATA", found)
    })?;
    Ok(first.join(set.name()))
}

fn verify(name: Option<Mnist>, place: &Place) -> Result<ExitCode> {
    let mut good = true;
    let mut sets = vec![];
    for set in Mnist::ALL.into_iter().filter(|&set| name.is_none_or(|name| name == set)) {
        let Some(files) = set.find(place.data.as_deref())? else {
            sets.push(json!({"dataset": set.name(), "found": false}));
            if !place.json {
                stdout::line(format_args!("{set}: not found; `limpide data fetch {set}` gets it"))?;
            }
            continue;
        };
        let checks = check(&files);
        good &= checks.iter().all(|(_, problem)| problem.is_none());
        if !place.json {
            for (path, problem) in &checks {
                stdout::line(format_args!(
                    "{}: {}",
                    path.display(),
                    problem.as_deref().unwrap_or("SHA-256 as published")
                ))?;
            }
        }
        let files: Vec<_> =
            checks.into_iter().map(|(path, problem)| json!({"file": path, "problem": problem})).collect();
        sets.push(json!({"dataset": set.name(), "found": true, "files": files}));
    }
    // A check of nothing has shown nothing.
    good &= sets.iter().any(|set| set["found"] == true);
    if place.json {
        stdout::line(json!({"passed": good, "datasets": sets}))?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each file with what is wrong with it.
fn check(files: &MnistFiles) -> Vec<(&Path, Option<String>)> {
    let check = |path: &PathBuf, wanted: &str| match hash::content_sha256(path) {
        Ok(found) if found == wanted => None,
        Ok(found) => Some(format!("wants the SHA-256 {wanted} of the unpacked bytes, got {found}; fetch it again")),
        Err(Error::Data { problem, .. }) => Some(problem),
        Err(error) => Some(error.to_string()),
    };
    files.paths.iter().zip(files.set.sha256()).map(|(path, wanted)| (path.as_path(), check(path, wanted))).collect()
}
