//! Experiment 1: every analytic gradient against a numeric one.

use super::{Judgement, Outcome, Run, Settings, Side};
use limpide::Result;
use limpide::gradcheck::{GradientReport, suite};
use limpide::train::History;
use std::process::ExitCode;

/// The largest relative error that passes.
const TOLERANCE: f64 = 1e-6;

/// Runs the whole suite; judged by its worst relative error.
pub fn run(settings: &Settings) -> Result<Outcome> {
    let reports = suite();
    let judgement = Judgement { figure: "largest relative error", side: Side::AtMost, target: TOLERANCE };
    let runs = reports
        .iter()
        .map(|report| Run { name: report.subject.clone(), history: History::default(), value: worst(report) })
        .collect::<Vec<_>>();
    let judged = (0..runs.len()).max_by(|&a, &b| runs[a].value.total_cmp(&runs[b].value)).expect("a suite of checks");
    let dataset = format!("{} checks, median error {:.1e}", reports.len(), median(&reports));
    Ok(Outcome::new("gradcheck", dataset, settings, judgement, runs, judged))
}

/// The largest relative error of a check; infinite when the check as a whole failed.
fn worst(report: &GradientReport) -> f64 {
    if report.passed() { report.worst().map_or(0.0, |entry| entry.relative_error) } else { f64::INFINITY }
}

/// The median relative error of all entries of all checks.
pub fn median(reports: &[GradientReport]) -> f64 {
    let mut errors: Vec<f64> =
        reports.iter().flat_map(|report| &report.entries).map(|entry| entry.relative_error).collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Check every gradient of the library against central differences.
///
/// Every module, every loss and three whole networks, in double precision, every parameter entry and every input entry,
/// along a random direction of the output. Exit code 1 when one fails.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: limpide gradcheck Conv2d --all")]
pub struct Arguments {
    /// Only checks whose subject contains this text.
    filter: Option<String>,
    /// List every entry, not only the worst of each tensor.
    #[arg(long)]
    all: bool,
    /// Print one JSON array for machines.
    #[arg(long)]
    json: bool,
}

/// Runs the command: the listing on stdout.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let mut reports = suite();
    if let Some(filter) = &arguments.filter {
        reports.retain(|report| report.subject.contains(filter.as_str()));
        if reports.is_empty() {
            let known: Vec<String> = suite().into_iter().map(|report| report.subject).collect();
            return Err(limpide::Error::option(
                "gradcheck: filter",
                format!("part of one of {}", known.join("; ")),
                filter,
            ));
        }
    }
    if arguments.json {
        println!("{:#}", serde_json::json!(reports));
    } else {
        for report in &reports {
            if arguments.all { println!("{report:#}") } else { println!("{report}") }
        }
        let passed = reports.iter().filter(|report| report.passed()).count();
        let entries: usize = reports.iter().map(|report| report.entries.len()).sum();
        let worst = reports.iter().map(worst).fold(0.0, f64::max);
        println!("{passed} of {} checks passed, {entries} entries", reports.len());
        println!("largest relative error {worst:.1e}, median {:.1e}", median(&reports));
    }
    Ok(ExitCode::from(u8::from(!reports.iter().all(GradientReport::passed))))
}
