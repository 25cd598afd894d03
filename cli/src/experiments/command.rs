//! `limpide experiment`: one row of the table from the command line.

use super::{Experiment, Measure, Outcome, Settings, TABLE};
use crate::stdout;
use crate::text::counted;
use limpide::{Error, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Run one experiment of the report and hold it against its target.
///
/// Progress goes to stderr, the result to stdout. Exit code 1 when the target is missed.
#[derive(clap::Args, Debug)]
#[command(after_help = about_all(), after_long_help = about_all())]
pub struct Arguments {
    /// The experiment.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TABLE.map(|row| row.name)))]
    name: String,
    #[command(flatten)]
    common: Common,
    /// Epochs instead of the experiment's own number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// A target instead of the experiment's own (for every figure that is judged), for short runs; an accuracy is a share,
    /// such as 0.95.
    #[arg(long, value_name = "VALUE", value_parser = finite)]
    target: Option<f64>,
    /// Print one JSON object for machines.
    #[arg(long)]
    json: bool,
}

/// Options that experiments and the report share.
#[derive(clap::Args, Debug)]
pub struct Common {
    /// The seed of data, start values and orders; 1 when left out.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads that work; all cores by default. Results do not depend on it.
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// The folder with the MNIST files; else $LIMPIDE_DATA, else the user's cache folder.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Few epochs and images and easier targets, to see everything run.
    #[arg(long)]
    pub quick: bool,
}

impl Common {
    /// The settings of these options, with an experiment's own epochs and target.
    ///
    /// # Errors
    /// When a data folder is named that is not there.
    pub fn settings(&self) -> Result<Settings> {
        limpide::data::data_folders(self.data.as_deref())?;
        let cores = limpide::kernels::cores();
        Ok(Settings {
            seed: self.seed.unwrap_or(1),
            epochs: None,
            threads: self.threads.map_or(cores, usize::from),
            data: self.data.clone(),
            quick: self.quick,
            progress: true,
            target: None,
        })
    }
}

/// A target that a figure can be held against.
fn finite(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "wants a finite number, such as 0.95".into())
}

fn about_all() -> String {
    let rows: Vec<String> = TABLE.iter().map(|row| format!("  {:<12} {}", row.name, row.about)).collect();
    format!("Experiments:\n{}\n\nExample: limpide experiment moons --seed 3 --json", rows.join("\n"))
}

/// Runs the command.
///
/// # Errors
/// Those of the experiment.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let row = TABLE.iter().find(|row| row.name == arguments.name).expect("clap knows the names");
    check(arguments, row)?;
    let settings = Settings {
        epochs: arguments.epochs.map(|epochs| epochs as usize),
        target: arguments.target,
        ..arguments.common.settings()?
    };
    let outcome = (row.run)(&settings)?;
    if arguments.json {
        stdout::json(&outcome)?;
    } else {
        stdout::text(listing(&outcome))?;
    }
    Ok(ExitCode::from(u8::from(!outcome.passed)))
}

/// That an experiment has a use for every option, and that a target can be one.
fn check(arguments: &Arguments, Experiment { name, measure, unused, .. }: &Experiment) -> Result<()> {
    let Arguments { epochs, target, common: Common { seed, threads, data, quick }, .. } = arguments;
    let given = [
        ("--seed", seed.map(|seed| seed.to_string())),
        ("--epochs", epochs.map(|epochs| epochs.to_string())),
        ("--threads", threads.map(|threads| threads.to_string())),
        ("--data", data.as_ref().map(|data| data.display().to_string())),
        ("--quick", quick.then(|| "it".to_string())),
    ];
    for (option, value) in given {
        if let Some(value) = value.filter(|_| unused.contains(&option)) {
            let option = format!("experiment {name}: {option}");
            return Err(Error::option(option, "left out, because it would change nothing", value));
        }
    }
    match target {
        Some(target) if *measure == Measure::TestAccuracy && !(0.0..=1.0).contains(target) => {
            let option = format!("experiment {name}: --target");
            Err(Error::option(option, "an accuracy as a share from 0 to 1, such as 0.95", target))
        }
        _ => Ok(()),
    }
}

/// An outcome as people read it: a line for each run that was trained or judged.
fn listing(outcome: &Outcome) -> String {
    let mut text = format!("{}: {}\n", outcome.experiment, outcome.dataset);
    for run in outcome.runs.iter().filter(|run| run.passed.is_some() || !run.history.epochs.is_empty()) {
        let seconds: f64 = run.history.seconds().iter().sum();
        let trained = match run.history.epochs.len() {
            0 => String::new(),
            epochs => format!("{} in {seconds:.1} s, ", counted(epochs, "epoch")),
        };
        text += &format!("  {}: {trained}{} {}", run.name, run.measure, run.value_text());
        if let (Some(target), Some(passed)) = (run.target_text(), run.passed) {
            text += &format!(", target {target}: {}", if passed { "reached" } else { "MISSED" });
        }
        text.push('\n');
    }
    text
}
