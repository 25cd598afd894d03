//! Experiment 1: every analytic gradient against a numeric one.

use super::{Measure, Outcome, Run, Settings};
use crate::stdout;
use crate::text::counted;
use limpide::gradcheck::{GradientReport, Verdict, suite};
use limpide::model::nearest;
use limpide::train::History;
use limpide::{Error, Result};
use std::process::ExitCode;

/// The largest relative error that passes.
const LARGEST: f64 = 1e-6;
/// The largest median relative error that passes.
const MEDIAN: f64 = 1e-8;

/// The outcome with the checks themselves.
pub struct Gradients {
    /// The worst error and the median of all entries, then each check's worst.
    pub outcome: Outcome,
    /// Every check with all its entries.
    pub reports: Vec<GradientReport>,
}

/// Runs the whole suite; its headline is the worst relative error.
pub fn run(settings: &Settings) -> Result<Gradients> {
    let reports = suite();
    let largest = reports.iter().map(worst).fold(0.0, f64::max);
    let figure = |name: &str, measure, value| Run::new(name, History::default(), measure, value);
    let mut runs = vec![
        figure("all entries", Measure::LargestError, largest).judged(settings, LARGEST).reported("1e-6 to 1e-12"),
        figure("all entries", Measure::MedianError, median(&reports)).judged(settings, MEDIAN),
    ];
    runs.extend(reports.iter().map(|report| figure(&report.subject, Measure::LargestError, worst(report))));
    let dataset = counted(reports.len(), "check");
    Ok(Gradients { outcome: Outcome::new("gradcheck", dataset, settings, runs, 0), reports })
}

/// The largest relative error of a check; infinite when the check as a whole failed.
fn worst(report: &GradientReport) -> f64 {
    if report.passed() { report.worst().map_or(0.0, |entry| entry.relative_error) } else { f64::INFINITY }
}

/// The median relative error of all checks' entries, but for those on a kink and those that are 0 on both sides, which
/// agree too easily.
fn median(reports: &[GradientReport]) -> f64 {
    let mut errors: Vec<f64> = (reports.iter().flat_map(|report| &report.entries))
        .filter(|entry| entry.verdict != Verdict::Kink && (entry.analytic != 0.0 || entry.numeric != 0.0))
        .map(|entry| entry.relative_error)
        .collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How many checks passed, how many entries they had, and how large the errors were.
pub fn totals(reports: &[GradientReport]) -> String {
    let passed = reports.iter().filter(|report| report.passed()).count();
    let entries: usize = reports.iter().map(|report| report.entries.len()).sum();
    let worst = reports.iter().map(worst).fold(0.0, f64::max);
    format!(
        "{passed} of {} passed, {entries} entries\nlargest relative error {worst:.1e}, median {:.1e}",
        counted(reports.len(), "check"),
        median(reports)
    )
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
        let known: Vec<String> = reports.iter().map(|report| report.subject.clone()).collect();
        let letters = filter.to_lowercase();
        reports.retain(|report| report.subject.to_lowercase().contains(&letters));
        if reports.is_empty() {
            let names: Vec<&str> = known.iter().map(|own| own.split('(').next().unwrap_or(own)).collect();
            let close = nearest(filter, &names).map_or(String::new(), |close| format!("did you mean `{close}`? "));
            let wanted = format!("part of a layer's, loss's or network's name ({close}no filter shows all)");
            return Err(Error::option("gradcheck: filter", wanted, format!("`{filter}`")));
        }
    }
    if arguments.json {
        stdout::json(&reports)?;
    } else {
        for report in &reports {
            if arguments.all { stdout::line(format_args!("{report:#}"))? } else { stdout::line(report)? }
        }
        stdout::line(totals(&reports))?;
    }
    Ok(ExitCode::from(u8::from(!reports.iter().all(GradientReport::passed))))
}
