//! `limpide report`: every experiment of the report, then one page with its figures, and the numbers for machines; with the
//! folder of a run, that run's page.

mod autoencoder;
mod cnn;
pub(crate) mod curves;
mod dense;
mod gradients;
mod moons;
mod names;
mod overfit;
mod past;
mod regression;
mod summary;

use crate::experiments::command::Common;
use crate::experiments::{Outcome, Settings, digits};
use crate::page::{Page, Section};
use crate::stdout;
use limpide::Result;
use limpide::files::{prepare_folder, write_atomically};
use std::path::PathBuf;
use std::process::ExitCode;
use summary::Summary;

/// Run every experiment of the report and write one page with its figures.
///
/// Writes DIR/index.html, which needs no network, each figure as SVG or PNG beside it, and DIR/results.json. Takes MNIST
/// where it is found (see `limpide data list`), else the embedded 8×8 digits. Progress goes to stderr, the table of
/// results to stdout. Exit code 1 when a target is missed.
///
/// With the folder of a finished run, writes RUN/report.html anew instead, as `limpide train` has done.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples: limpide report --out report --seed 3\n          limpide report runs/moons")]
pub struct Arguments {
    /// The folder of a run, whose page alone is written.
    #[arg(value_name = "RUN", conflicts_with_all = ["out", "json", "seed", "quick"])]
    run: Option<PathBuf>,
    /// The folder to write into; it is created.
    #[arg(long, value_name = "DIR", default_value = "report")]
    out: PathBuf,
    #[command(flatten)]
    common: Common,
    /// Print the results as one JSON object for machines.
    #[arg(long)]
    json: bool,
}

/// One experiment of the report: what it measured, and its section of the page.
struct Chapter {
    outcome: Outcome,
    section: Section,
}

/// The chapters in the report's order.
const CHAPTERS: [fn(&Settings) -> Result<Chapter>; 7] = [
    gradients::chapter,
    overfit::chapter,
    regression::chapter,
    moons::chapter,
    dense::chapter,
    cnn::chapter,
    autoencoder::chapter,
];

/// Runs the command.
///
/// # Errors
/// A folder that cannot be written to, before anything is computed; those of the experiments; those of writing.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(run) = &arguments.run {
        return crate::train::report(run, arguments.common.data.as_deref(), arguments.common.threads);
    }
    let settings = arguments.common.settings()?;
    let with_mnist = digits::has_mnist(settings.data.as_deref())?;
    prepare_folder(&arguments.out)?;

    let chapters = CHAPTERS.iter().map(|chapter| chapter(&settings)).collect::<Result<Vec<Chapter>>>()?;
    let (mut outcomes, mut sections): (Vec<_>, Vec<_>) =
        chapters.into_iter().map(|chapter| (chapter.outcome, chapter.section)).unzip();
    let (past, section) = past::chapter(&settings)?;
    outcomes.extend(past);
    sections.push(section);
    let summary = Summary::new(&settings, outcomes);

    page(&settings, with_mnist, &summary, sections).write(&arguments.out)?;
    let results = format!("{}\n", serde_json::json!(summary));
    write_atomically(&arguments.out.join("results.json"), results.as_bytes())?;
    if arguments.json {
        stdout::text(&results)?;
    } else {
        stdout::line(format_args!("{}\n{}", summary.listing(), arguments.out.join("index.html").display()))?;
    }
    Ok(ExitCode::from(u8::from(!summary.passed)))
}

/// The page: results first, then the experiments, then how to have the same numbers again.
fn page(settings: &Settings, with_mnist: bool, summary: &Summary, sections: Vec<Section>) -> Page {
    let mut page = Page::new("A neural network by hand, every figure").lead(
        "A written report once built a neural network by hand on NumPy, to open the black boxes of the big libraries, \
         and tried it on seven experiments. This page runs all seven again with Limpide, and draws the report's \
         figures.",
    );
    if settings.quick {
        page = page.notice(
            "**This is a quick run:** few epochs and images, and easier targets, to see that everything works. For the \
             real figures leave out `--quick`.",
        );
    }
    if !with_mnist {
        page = page.notice(
            "**MNIST was not found,** so experiments 5, 6 and 7 ran on the 1,797 handwritten digits of 8×8 pixels that \
             are built in (UCI, CC BY 4.0). They are fewer and smaller than MNIST's, and their figures cannot be held \
             against the report's.\n\nTo get MNIST: `limpide data fetch mnist`, then `limpide report` again.",
        );
    }
    let page = page.section(summary.section());
    sections.into_iter().fold(page, Page::section).section(summary.reproduction()).section(names::section())
}
