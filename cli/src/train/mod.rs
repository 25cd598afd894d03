//! `limpide train`, `resume`, `eval` and `predict`: runs described in TOML, each in a folder of its own.

mod data;
mod description;
mod eval;
mod fit;
mod folder;
mod found;
pub mod interrupt;
mod models;
mod outcome;
mod own_data;
mod page;
mod part;
mod pass;
mod plan;
pub mod predict;
mod range_test;
mod read;
mod resume;
mod session;
mod start;
mod words;

pub use eval::{Arguments as EvalArguments, command as eval};
pub use page::command as report;
pub use part::Part;
pub use pass::{Pass, pass};
pub use plan::{Paper, paper};
pub use predict::{Arguments as PredictArguments, command as predict};
pub use resume::{Arguments as ResumeArguments, command as resume};

use crate::{overwrite, stdout};
pub use description::RunDescription;
pub use fit::figure;
pub use folder::{FAILED, Folder};
use limpide::diagnose::Finding;
use limpide::{Error, Result};
pub use outcome::Outcome;
pub use own_data::is_description;
pub use read::{Setting, read, value_text};
pub use session::Session;
use std::path::PathBuf;
use std::process::ExitCode;

/// Train a network on a file of rows, or as a TOML file describes.
///
/// Of CSV and its relatives (packed by gzip or not, or - for the standard input) it is enough to name the column that is to be
/// told from the others: delimiter, header, kinds of columns, task, network and recipe are found, and `--set` changes any.
/// Parquet is read too where the command was built for it (`cargo build --release --features parquet`).
/// Arrays are x.npy with y.npy beside it, or x and y in an NPZ file (x_test and y_test are kept for the test), or IDX images
/// with their labels beside them. Images lie in a folder for each class, perhaps below train/, validation/ and test/.
///
/// Leaves a folder with run.toml (every default filled in), data.json (by which other data are told), checkpoints,
/// history.csv, and at the end model.safetensors, report.html and result.json. Progress goes to stderr, the result to stdout.
/// Ctrl-C finishes the step, writes a checkpoint and says how to go on. Exit code 1 when a test misses what the description
/// asks for, or when the set-up cannot learn what it should and nothing is trained.
#[derive(clap::Args, Debug)]
#[command(after_help = examples())]
pub struct Arguments {
    /// Rows (CSV, TSV, .gz, Parquet, or - for the standard input), arrays (NPY, NPZ, IDX), a folder of images, or the description of a
    /// run.
    #[arg(value_name = "FILE|DIR|FILE.toml")]
    file: PathBuf,
    /// The column of a file of rows that is to be told from the others; for arrays the array or file of the targets.
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Go on past images that cannot be decoded, and count them.
    #[arg(long)]
    skip_bad: bool,
    /// The folder of the run; runs/NAME, with a number where it is taken, when left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A field of the description (may be given several times).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    #[command(flatten)]
    common: Common,
    /// Say what would happen, and stop.
    #[arg(long)]
    dry_run: bool,
    /// Instead of training, try learning rates for some steps: draw the loss over the rate into a page, and suggest one.
    #[arg(long, value_name = "PAGE.html", conflicts_with_all = ["dry_run", "out"])]
    range_test: Option<PathBuf>,
}

/// Options that the commands about runs share.
#[derive(clap::Args, Debug)]
pub struct Common {
    /// The folder with data files; else $LIMPIDE_DATA, else the user's cache folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Threads that work; all cores when left out. Results do not depend on it.
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print one JSON object for machines.
    #[arg(long)]
    pub json: bool,
}

impl Common {
    /// A session with these options, without the weights that `start_from` names.
    fn session(&self, file: &std::path::Path, settings: &[Setting]) -> Result<Session> {
        limpide::data::data_folders(self.data.as_deref())?;
        let mut session = Session::read_without_start(file, settings, self.data.as_deref())?;
        session.description.threads = self.threads.map(usize::from).or(session.description.threads);
        Ok(session)
    }

    /// A session with these options that is to begin.
    fn new_session(&self, file: &std::path::Path, settings: &[Setting]) -> Result<Session> {
        let mut session = self.session(file, settings)?;
        session.take_start()?;
        Ok(session)
    }
}

fn examples() -> String {
    let models = models::NAMES.map(|(name, about)| format!("  {name:<20} {about}"));
    format!(
        "Models by name:\n{}\n\nExamples:\n  limpide train iris.csv --target species\n  limpide train digits.npz\n  limpide train photos/ --set data.pixels.size=[64,64] --skip-bad\n  limpide train iris.csv --target species --range-test rates.html\n  limpide train recipes/moons.toml --set seed=3 --set optimizer.lr=0.1 --out runs/moons-3\n  limpide train pets/ --set start_from=runs/animals",
        models.join("\n")
    )
}

/// Runs `train`.
///
/// # Errors
/// A description, data or a folder that cannot be used, before anything is computed; those of training and writing.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { file, target, skip_bad, out, settings, common, dry_run, range_test } = arguments;
    let settings = &with_skip_bad(file, settings, *skip_bad)?;
    // A folder that is not there must not quietly become another.
    limpide::data::data_folders(common.data.as_deref())?;
    if let Some(page) = range_test {
        overwrite::refuse("--range-test", page, [file.as_path()])?;
        if page.extension().is_none_or(|end| end != "html") {
            return Err(Error::option("--range-test", "a name that ends in .html", page.display()));
        }
    }
    let mut session = if own_data::is_description(file) {
        if target.is_some() {
            return Err(Error::option(
                "--target",
                "with a file of rows; a description has `data.target`",
                file.display(),
            ));
        }
        common.new_session(file, settings)?
    } else {
        let mut session = own_data::session(file, target.as_deref(), settings)?;
        session.description.threads = common.threads.map(usize::from).or(session.description.threads);
        session
    };
    let findings = if range_test.is_some() { Vec::new() } else { session.before_training()? };
    if found::hopeless(&findings) {
        return Ok(ExitCode::FAILURE);
    }
    if *dry_run {
        if common.json {
            stdout::json(&session.description)?;
        } else {
            stdout::text(session.plan()?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(page) = range_test {
        eprint!("{}", session.beginning());
        range_test::run(session, page, common.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = Folder::create(out.as_deref(), file)?;
    session.description.data.keep_in(folder.path())?;
    folder.write("run.toml", &session.toml())?;
    eprint!("{}", session.beginning());
    finish(session, findings, &folder, common.json)
}

/// Reads the bytes of a description and builds what it describes, but for the data, and but for a network that would hold more
/// numbers than given: what a test of hostile files wants to do.
///
/// # Errors
/// Those of the description.
pub fn check_description(bytes: Vec<u8>, most_numbers: usize) -> Result<()> {
    let description: description::RunDescription = read::parse(std::path::Path::new("run.toml"), bytes, &[])?;
    description.checkpoints.check()?;
    description.loss.build::<f32>()?;
    if let Some(options) = &description.early_stopping {
        options.build::<f32>()?;
    }
    let mut optimizer = description.optimizer.build::<f32>()?;
    if limpide::model::numbers(&description.layers)? <= most_numbers {
        optimizer.prepare(&description.network()?)?;
    }
    Ok(())
}

/// The settings, with the one that `--skip-bad` is.
fn with_skip_bad(file: &std::path::Path, settings: &[Setting], skip_bad: bool) -> Result<Vec<Setting>> {
    if skip_bad && !file.is_dir() && !own_data::is_description(file) {
        return Err(Error::option("--skip-bad", "with a folder of images", file.display()));
    }
    let setting = skip_bad.then(|| "data.pixels.skip_bad=true".parse().expect("a setting"));
    Ok(settings.iter().cloned().chain(setting).collect())
}

/// Runs a session in its folder and prints what came of it.
fn finish(session: Session, findings: Vec<Finding>, folder: &Folder, json: bool) -> Result<ExitCode> {
    let outcome: Outcome = session.run(folder, findings, true)?;
    if json {
        stdout::json(&outcome)?;
    } else {
        stdout::text(outcome.listing())?;
    }
    if outcome.interrupted {
        eprintln!("limpide: interrupted; `limpide resume {}` goes on from here", outcome.run);
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    }
    Ok(ExitCode::from(u8::from(!outcome.passed)))
}
