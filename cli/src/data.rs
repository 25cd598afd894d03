//! `limpide data`: which data sets there are and where, fetching MNIST, and checking what is on disk.

mod fetch;
mod hash;
mod http;
mod progress;

use crate::stdout;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use limpide::data::{MNIST_FILES, Mnist, MnistFiles};
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
    /// Check the SHA-256 of the files that are there
    #[command(after_help = "Example: limpide data verify mnist")]
    Verify {
        /// The data set; all that are found when left out
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
    let mut rows: Vec<[String; 5]> = vec![];
    let mut row = |cells: [&str; 5]| rows.push(cells.map(str::to_string));
    row(["NAME", "SAMPLES", "SHAPE", "CLASSES", "WHERE"]);
    row(["moons", "any", "(2,)", "2", "computed"]);
    row(["circles", "any", "(2,)", "2", "computed"]);
    row(["spirals", "any", "(2,)", "any", "computed"]);
    row(["regression", "any", "(2,)", "-", "computed"]);
    row(["digits", "1797", "(1, 8, 8)", "10", "embedded"]);
    for set in Mnist::ALL {
        let place = match set.find(place.data.as_deref())? {
            Some(files) => files.folder.display().to_string(),
            None => format!("not found: limpide data fetch {set}"),
        };
        row([set.name(), "60000 + 10000", "(1, 28, 28)", "10", &place]);
    }
    if place.json {
        let sets: Vec<_> = rows[1..]
            .iter()
            .map(|[name, samples, shape, classes, place]| {
                let found = !place.starts_with("not found");
                json!({"name": name, "samples": samples, "shape": shape, "classes": classes, "where": place, "found": found})
            })
            .collect();
        stdout::line(json!({ "datasets": sets }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    for [name, samples, shape, classes, place] in &rows {
        let [w0, w1, w2, w3] = widths;
        stdout::line(format_args!("{name:w0$}  {samples:w1$}  {shape:w2$}  {classes:w3$}  {place}"))?;
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

/// Where fetched files go: the first folder in which they would be looked for, in the sub-folder of the set's name.
fn target_folder(set: Mnist, data: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = data {
        return Ok(folder.join(set.name()));
    }
    let folders = limpide::data::data_folders(None)?;
    let first = folders.into_iter().next().ok_or_else(|| {
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
            good &= name.is_none();
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
