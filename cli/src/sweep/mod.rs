//! `limpide sweep`: many runs of one description with some fields moved, side by side, in a table by validation.

mod space;
mod trial;

pub use space::SweepDescription;

use crate::stdout;
use crate::text::aligned;
use crate::train::{RunDescription, Setting, figure, interrupt, is_description, read};
use limpide::files::{prepare_folder, write_atomically};
use limpide::train::Metric;
use limpide::{Error, Result};
use space::Space;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use trial::{Plan, Trial};

/// Try many settings of a description and sort them by validation.
///
/// Each trial is an ordinary run in DIR/trial-NNNN. The same command again goes on where it was interrupted or killed:
/// finished trials are only read. The test part is never looked at; score the trial that you choose with
/// `limpide eval RUN --part test`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Values can stand in the file as well:\n  [sweep]\n  trials = 20\n  metric = \"validation_accuracy\"\n  \
    [sweep.grid]\n  \"optimizer.type\" = [\"SGD\", \"Adam\"]\n  [sweep.random]\n  \"optimizer.lr\" = \"log:1e-4..1e-1\"\n\n\
    Example: limpide sweep recipes/moons.toml --grid batch_size=16,64 --random optimizer.lr=log:1e-3..1 --trials 5"
)]
pub struct Arguments {
    /// The description of the runs.
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Values of a field, every combination of which is tried (may be given several times).
    #[arg(long, value_name = "FIELD=V,V,…")]
    grid: Vec<String>,
    /// A range of a field to draw from: log:A..B, uniform:A..B, int:A..B, or V,V,… (may be given several times).
    #[arg(long, value_name = "FIELD=RANGE")]
    random: Vec<String>,
    /// Draws from the ranges, each with every point of the grid; 10 when neither this nor the file says.
    #[arg(long, value_name = "N")]
    trials: Option<usize>,
    /// The seed of the draws; not of the runs, which is the field `seed`.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Trials at the same time; all cores when left out. The cores are shared between them.
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The folder of the sweep; runs/NAME-sweep when left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A field of the description for all trials (may be given several times).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    /// The folder with data files; else $LIMPIDE_DATA, else the user's cache folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object for machines.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A description, a field or a value that is wrong, before any training; a trial that could not be run.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { file, grid, random, settings, .. } = arguments;
    limpide::data::data_folders(arguments.data.as_deref())?;
    if !is_description(file) {
        let wanted = "the description of the runs, FILE.toml; that of a run of `limpide train` is RUN/run.toml";
        return Err(Error::option("sweep", wanted, file.display()));
    }
    let description: RunDescription = read(file, settings)?;
    let sweep = description.sweep.unwrap_or_default();
    let metric = sweep.metric;
    if !matches!(metric, Metric::ValidationLoss | Metric::ValidationAccuracy) {
        return Err(Error::option("sweep: metric", "validation_loss or validation_accuracy", metric));
    }
    let trials = Space::new(&sweep, grid, random, arguments.trials, arguments.seed)?.trials()?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("runs/{stem}-sweep")));
    let cores = limpide::kernels::cores();
    let jobs = arguments.jobs.map_or(cores, usize::from).min(trials.len());
    let threads = (cores / jobs).max(1);
    let plan = Plan { file, out: &out, data: arguments.data.as_deref(), threads, settings };
    plan.check(&trials)?;
    prepare_folder(&out)?;
    let (mut done, errors) = run_all(&plan, &trials, jobs);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let interrupted = done.len() < trials.len();
    sort(&mut done, metric);
    report(&out, &done, metric, arguments.json)?;
    if interrupted {
        eprintln!("limpide: interrupted; the same command goes on from here");
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    }
    if let (false, Some(best)) = (arguments.json, done.first().filter(|trial| trial.validation.is_some())) {
        stdout::line(format_args!("\nbest: {} ({})", best.run, best.title()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the trials, so many at a time: those that are finished, and what kept others from running. After an error no
/// further trial begins, and those under way end.
fn run_all(plan: &Plan, trials: &[Vec<Setting>], jobs: usize) -> (Vec<Trial>, Vec<Error>) {
    interrupt::catch();
    let (next, done, errors) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let told = |trial: &Trial| eprintln!("limpide: {}", line(trial, trials.len()));
    let work = || {
        while !interrupt::pressed() && errors.lock().expect("no panic").is_empty() {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(own) = trials.get(place) else { return };
            match plan.run(place + 1, own, &told) {
                Ok(trial) => done.lock().expect("no panic").extend(trial),
                Err(error) => errors.lock().expect("no panic").push(error),
            }
        }
    };
    std::thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    (done.into_inner().expect("no panic"), errors.into_inner().expect("no panic"))
}

/// `trial 3 of 20, optimizer.lr=0.01: validation loss 0.12345 in 1.2 s`.
fn line(trial: &Trial, count: usize) -> String {
    let came = match (&trial.validation, &trial.error) {
        (Some(score), _) => format!("validation loss {} in {:.1} s", figure(score.loss), trial.seconds),
        (None, error) => error.clone().unwrap_or_default(),
    };
    format!("trial {} of {count}, {}: {came}", trial.number, trial.title())
}

/// The best first; what failed or is no number last.
fn sort(trials: &mut [Trial], metric: Metric) {
    let key = |trial: &Trial| {
        let figure = trial.figure(metric).filter(|figure| !figure.is_nan());
        figure.map_or(f64::INFINITY, |figure| if metric == Metric::ValidationAccuracy { -figure } else { figure })
    };
    trials.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.number.cmp(&b.number)));
}

/// Prints the table and writes it to `results.csv`.
fn report(out: &Path, trials: &[Trial], metric: Metric, json: bool) -> Result<()> {
    let fields: Vec<String> =
        trials.first().map_or(Vec::new(), |trial| trial.settings.iter().map(Setting::field).collect());
    let head = ["trial"].into_iter().map(str::to_string).chain(fields);
    let head = head.chain(["validation_loss", "validation_accuracy", "epochs", "seconds", "run"].map(str::to_string));
    let cells = |trial: &Trial, digits: bool| -> Vec<String> {
        let number = |value: Option<f64>, short: &dyn Fn(f64) -> String| match value {
            Some(value) if digits => short(value),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        let score = trial.validation;
        let mut cells = vec![trial.number.to_string()];
        cells.extend(trial.settings.iter().map(Setting::text));
        cells.push(match (&score, digits) {
            (None, true) => "failed".into(),
            _ => number(score.map(|score| score.loss), &figure),
        });
        cells.push(number(score.and_then(|score| score.accuracy), &|share| format!("{:.2} %", 100.0 * share)));
        cells.extend([trial.epochs.to_string(), format!("{:.2}", trial.seconds)]);
        cells
    };
    let mut rows: Vec<Vec<String>> = vec![head.collect()];
    rows.extend(trials.iter().map(|trial| {
        let mut row = cells(trial, false);
        row.push(trial.run.clone());
        row
    }));
    let mut csv = csv::Writer::from_writer(Vec::new());
    rows.iter().for_each(|row| csv.write_record(row).expect("rows of one length, in memory"));
    write_atomically(&out.join("results.csv"), &csv.into_inner().expect("in memory"))?;
    if json {
        stdout::json(&serde_json::json!({"sweep": out.display().to_string(), "metric": metric, "trials": trials}))?;
        return Ok(());
    }
    let mut rows: Vec<Vec<String>> = rows.into_iter().take(1).collect();
    rows[0].pop();
    rows.extend(trials.iter().map(|trial| cells(trial, true)));
    // A loss about values has no accuracy.
    let column = rows[0].len() - 3;
    if rows[1..].iter().all(|row| row[column].is_empty()) {
        rows.iter_mut().for_each(|row| drop(row.remove(column)));
    }
    stdout::text(aligned(&rows, 1..))?;
    Ok(())
}
