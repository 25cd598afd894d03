//! `report.html` of a run: what came of it, how it went, where it is wrong, what looks odd, and the network under glass.

mod answers;
mod curves;
mod network;
mod worst;

use super::Common;
use super::data::fingerprint;
use super::fit::figure;
use super::folder::Folder;
use super::outcome::{Outcome, score_text};
use super::session::Session;
use crate::chart::{Cell, Table, count, digits};
use crate::page::{Page, Section};
use crate::stdout;
use answers::Answers;
use limpide::diagnose::{Finding, Severity};
use limpide::pipeline::Input;
use limpide::table::{Column, Encoding};
use limpide::train::{History, Score};
use limpide::{Result, format};
use std::path::Path;
use std::process::ExitCode;

/// Categories of a column that are listed.
const CATEGORIES: usize = 8;

/// Writes the page of a finished run into its folder.
///
/// # Errors
/// Those of writing, and of a network that does not fit the data.
pub fn write(session: &Session, history: &History, outcome: &Outcome, folder: &Folder) -> Result<()> {
    folder.write("report.html", &page(session, history, outcome, folder)?.render())
}

/// `limpide report RUN`: writes the page anew from what the folder holds.
///
/// # Errors
/// A folder that is none of a finished run; files in it that are damaged or do not fit together.
pub fn command(run: &Path, data: Option<&Path>, threads: Option<u16>) -> Result<ExitCode> {
    let folder = Folder::open(run)?;
    for path in [folder.model(), folder.file("result.json")] {
        if !path.is_file() {
            return Err(folder.unfinished(path));
        }
    }
    let outcome = Outcome::read(&folder)?;
    let checkpoint = folder.checkpoint()?.ok_or_else(|| folder.unfinished(folder.checkpoints()))?;
    let history = checkpoint.history().clone();
    let common = Common { data: data.map(Path::to_path_buf), threads, json: false };
    let mut session = common.session(&folder.description(), &[])?;
    fingerprint::check(&folder, &session)?;
    format::load_into(&mut session.network, &folder.model())?;
    write(&session, &history, &outcome, &folder)?;
    stdout::line(folder.file("report.html").display())?;
    Ok(ExitCode::SUCCESS)
}

fn page(session: &Session, history: &History, outcome: &Outcome, folder: &Folder) -> Result<Page> {
    let answers = Answers::of(session)?;
    let name = folder.name();
    let mut page = Page::new(&format!("The run {name}")).lead(&lead(session, outcome));
    if !outcome.passed {
        page = page.notice("**The test misses** what the description asks for.");
    }
    Ok(page
        .section(results(session, outcome))
        .section(curves::section(history))
        .section(answers.section())
        .section(worst::section(session, &answers))
        .section(findings(&outcome.findings))
        .section(network::section(session)?)
        .section(description(session)))
}

fn lead(session: &Session, outcome: &Outcome) -> String {
    let Session { network, parts, .. } = session;
    let epochs = outcome.epochs_text() + &outcome.weights_text();
    let parameters: usize = limpide::Module::parameters(network).iter().map(|(_, own)| own.len()).sum();
    format!(
        "{} parameters, trained on {} samples of {} ({epochs}) in {:.1} s, with seed {}.",
        count(parameters as u64),
        count(parts.train.len() as u64),
        parts.train.name,
        outcome.seconds,
        outcome.seed
    )
}

fn results(session: &Session, outcome: &Outcome) -> Section {
    let [train, validation, test] = session.parts.sizes();
    let heads = &["Part", "Samples", "Loss", "Accuracy"][..];
    // A loss about values has no accuracy.
    let scores = [outcome.train, outcome.validation, outcome.test];
    let told = scores.into_iter().flatten().any(|score| score.accuracy.is_some());
    let heads = if told { heads } else { &heads[..3] };
    let training = format!("training, in epoch {}", outcome.weights.unwrap_or(outcome.epochs));
    let table = [
        (training.as_str(), train, outcome.train),
        ("validation", validation, outcome.validation),
        ("test", test, outcome.test),
    ]
    .into_iter()
    .filter_map(|(part, samples, score)| Some((part, samples, score?)))
    .fold(Table::new("The model on each part", heads), |table, (part, samples, Score { loss, accuracy })| {
        let share = accuracy.map_or("–".into(), |share| format!("{:.2} %", 100.0 * share));
        let accuracy = told.then(|| Cell::number(share));
        let cells = [part.into(), Cell::number(count(samples as u64)), Cell::number(figure(loss))];
        table.row(cells.into_iter().chain(accuracy).collect())
    });
    let mut words =
        "Training figures are measured while the network learns; the others are those of the model as it was \
         saved."
            .to_string();
    let loss = session.loss.to_string();
    if loss.contains("label_smoothing") {
        words += &format!(" The loss is `{loss}`, which label smoothing raises.");
    }
    if let Some(score) = outcome.test {
        words += &format!(" The test part was looked at once, at the end: {}.", score_text(&score));
    }
    Section::new("Results", &words).table(&table)
}

fn findings(findings: &[Finding]) -> Section {
    if findings.is_empty() {
        return Section::new("Diagnosis", "Nothing looks wrong, neither before the first step nor after the last.");
    }
    let head = Table::new("What looks wrong", &["Place", "", "What was found", "What to do"]);
    let table = findings.iter().fold(head, |table, Finding { severity, place, message, advice }| {
        let severity = match severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        table.row([place, severity, message, advice].map(|text: &str| Cell::from(text)).to_vec())
    });
    Section::new("Diagnosis", "Before the first step and after the last; the limits are rules of thumb.").table(&table)
}

fn description(session: &Session) -> Section {
    let words = "The whole run as data, every default filled in. `limpide train run.toml` gives the same bits again.";
    let mut section = Section::new("Description", words);
    if let Some(per) = session.description.data.standardize {
        let group = format!("{per:?}").to_lowercase();
        section = section.text(&format!(
            "Inputs are standardised: every {group} has mean 0 and deviation 1 over the training part, and the same \
             numbers are taken for the other parts."
        ));
    }
    if !session.parts.notes.is_empty() {
        section = section.text(&format!("What was found in the data: {}.", session.parts.notes.join("; ")));
    }
    if let Input::Table(table) = &session.parts.input {
        section = section.table(&columns(table));
    }
    section.listing("run", "`run.toml`", &session.toml())
}

/// What becomes of each column of a table on its way into the network.
fn columns(table: &limpide::table::Table) -> Table {
    let head = Table::new("Columns, measured on the training rows", &["Column", "Becomes", "Inputs"]);
    table.columns.iter().fold(head, |rows, Column { name, encoding }| {
        let becomes = match encoding {
            Encoding::Number { mean, std, missing } => {
                let missing = if *missing { "; 1 where it is missing" } else { "" };
                let sign = if *mean < 0.0 { '+' } else { '−' };
                format!("(x {sign} {}) / {}{missing}", digits(mean.abs(), 5), digits(*std, 5))
            }
            Encoding::Category { values } => {
                let shown: Vec<&str> = values.iter().take(CATEGORIES).map(String::as_str).collect();
                format!("one of {}{}", shown.join(", "), if values.len() > CATEGORIES { " …" } else { "" })
            }
            Encoding::Date { time, .. } => {
                let cycles = if *time { "year, week and day" } else { "year and week" };
                format!("days, and its place in the {cycles}")
            }
            Encoding::Target => "the target".into(),
            Encoding::Ignored => "nothing".into(),
        };
        rows.row(vec![name.as_str().into(), becomes.as_str().into(), Cell::number(encoding.width().to_string())])
    })
}
