//! The report's results in one table: for the page, for the terminal, and for machines.

use crate::chart::{Cell, Table};
use crate::experiments::{Outcome, Run, Settings, TABLE};
use crate::page::Section;
use crate::text::aligned;
use serde::Serialize;

/// Everything that `results.json` holds.
#[derive(Serialize)]
pub struct Summary {
    version: &'static str,
    seed: u64,
    quick: bool,
    /// Whether every target was reached.
    pub passed: bool,
    /// The figures alone, which are the same on every machine and for any number of threads.
    summary: Vec<Row>,
    experiments: Vec<Outcome>,
    /// What gives each experiment's numbers again.
    #[serde(skip)]
    commands: Vec<String>,
}

/// One figure.
#[derive(Serialize)]
struct Row {
    experiment: &'static str,
    run: String,
    measure: String,
    reported: Option<&'static str>,
    value: f64,
    target: Option<f64>,
    passed: Option<bool>,
    command: String,
    #[serde(skip)]
    value_text: String,
    #[serde(skip)]
    target_text: Option<String>,
}

impl Row {
    fn new(settings: &Settings, outcome: &Outcome, run: &Run) -> Row {
        // A network's name is its whole architecture; where there is only one run, nobody needs it to tell runs apart.
        let name = if outcome.runs.len() > 1 { run.name.clone() } else { String::new() };
        Row {
            experiment: outcome.experiment,
            run: name,
            measure: run.measure.to_string(),
            reported: run.reported,
            value: run.value,
            target: run.target,
            passed: run.passed,
            command: command(settings, outcome),
            value_text: run.value_text(),
            target_text: run.target_text(),
        }
    }

    /// What the figure is: `test accuracy (softmax, cross-entropy)`.
    fn what(&self) -> String {
        if self.run.is_empty() { self.measure.clone() } else { format!("{}, {}", self.measure, self.run) }
    }
}

/// The command that gives an experiment's numbers again.
fn command(settings: &Settings, Outcome { experiment, epochs, .. }: &Outcome) -> String {
    if let Some(recipe) = experiment.strip_prefix(super::past::RECIPE) {
        return format!("limpide train recipes/{recipe}.toml --set seed={} --set epochs={epochs}", settings.seed);
    }
    let quick = if settings.quick { " --quick" } else { "" };
    let unused = TABLE.iter().find(|row| row.name == *experiment).map_or(&[][..], |row| row.unused);
    let options = [("--seed", format!(" --seed {}", settings.seed)), ("--quick", quick.to_string())];
    let used = options.into_iter().filter(|(option, _)| !unused.contains(option)).map(|(_, words)| words);
    format!("limpide experiment {experiment}{}", used.collect::<String>())
}

impl Summary {
    /// The summary of outcomes: a row for each run that is judged or that the report has a figure for.
    pub fn new(settings: &Settings, experiments: Vec<Outcome>) -> Summary {
        let rows = experiments.iter().flat_map(|outcome| {
            let told = outcome.runs.iter().filter(|run| run.target.is_some() || run.reported.is_some());
            told.map(move |run| Row::new(settings, outcome, run))
        });
        Summary {
            version: env!("CARGO_PKG_VERSION"),
            seed: settings.seed,
            quick: settings.quick,
            passed: experiments.iter().all(|outcome| outcome.passed),
            summary: rows.collect(),
            commands: experiments.iter().map(|outcome| command(settings, outcome)).collect(),
            experiments,
        }
    }

    /// The page's first section.
    pub fn section(&self) -> Section {
        let judged = self.summary.iter().filter(|row| row.passed.is_some()).count();
        let reached = self.summary.iter().filter(|row| row.passed == Some(true)).count();
        let table = (self.summary.iter()).fold(
            Table::new(
                "Every figure beside the report's",
                &["Experiment", "Figure", "The report", "Here", "Target", ""],
            ),
            |table, row| {
                let text = |text: Option<&str>| text.map_or(Cell::Nothing, Cell::number);
                table.row(vec![
                    row.experiment.into(),
                    row.what().as_str().into(),
                    text(row.reported),
                    Cell::number(&row.value_text),
                    text(row.target_text.as_deref()),
                    row.passed.map_or(Cell::Nothing, Cell::Passed),
                ])
            },
        );
        let words = format!(
            "{reached} of {judged} targets were reached, with seed {}. The figures depend on the seed and the data \
             alone: any number of threads gives the same bits.",
            self.seed
        );
        Section::new("Results", &words).table(&table)
    }

    /// The section that says how to have the same numbers again.
    pub fn reproduction(&self) -> Section {
        let head = Table::new("What was run", &["Experiment", "Data", "Epochs", "Command"]);
        let table = self.experiments.iter().zip(&self.commands).fold(head, |table, (outcome, command)| {
            let mut epochs: Vec<usize> = outcome.runs.iter().map(|run| run.history.epochs.len()).collect();
            epochs.retain(|&epochs| epochs > 0);
            epochs.dedup();
            let epochs: Vec<String> = epochs.iter().map(ToString::to_string).collect();
            let epochs = if epochs.is_empty() { Cell::Nothing } else { Cell::number(epochs.join(", ")) };
            table.row(vec![
                outcome.experiment.into(),
                outcome.dataset.as_str().into(),
                epochs,
                Cell::Code(command.clone()),
            ])
        });
        let words = format!(
            "Each experiment alone gives the numbers of this page again, digit for digit; `--json` prints its curves \
             too. Where MNIST lies in a folder of its own, `--data DIR` names it. This page was written by Limpide \
             {}.",
            self.version
        );
        Section::new("How to reproduce each number", &words).table(&table)
    }

    /// The table for the terminal.
    pub fn listing(&self) -> String {
        let mut rows = vec![["experiment", "figure", "the report", "here", "target", ""].map(String::from).to_vec()];
        for row in &self.summary {
            let verdict = row.passed.map_or("", |passed| if passed { "reached" } else { "MISSED" });
            rows.push(vec![
                row.experiment.into(),
                row.what(),
                row.reported.unwrap_or("–").into(),
                row.value_text.clone(),
                row.target_text.clone().unwrap_or_else(|| "–".into()),
                verdict.into(),
            ]);
        }
        aligned(&rows, 2..5)
    }
}
