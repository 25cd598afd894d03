//! `limpide compare`: runs beside each other, what differs in them, and where they part.

pub mod figures;
pub mod kept;
pub mod parting;

use crate::page::{Page, Section};
use crate::stdout;
use crate::text::aligned;
use figures::RunFigures;
use kept::{Kept, differences};
use limpide::files::write_atomically;
use limpide::{Error, Result};
use parting::{Parting, parting};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Hold runs against each other: settings that differ, figures, curves, and the step and tensor where they part.
///
/// The first run is held against each of the others. Where the folders show no identity, both are trained again from their
/// descriptions, beside each other, until a tensor differs: nothing in the folders is changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: limpide compare runs/moons runs/moons-2 --out compare.html")]
pub struct Arguments {
    /// The folders of two runs or more, finished or not.
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// A page with tables and curves, FILE.html, or the first chart alone, FILE.svg.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Steps that are replayed at most; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    steps: u64,
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
/// Folders that are none of runs, an --out that is neither page nor drawing, before anything is computed; those of
/// replaying and writing.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let drawing = arguments.out.as_deref().map(|path| Ok((path, is_svg(path)?))).transpose()?;
    limpide::data::data_folders(arguments.data.as_deref())?;
    let mut runs = arguments.runs.iter().map(|path| Kept::read(path)).collect::<Result<Vec<Kept>>>()?;
    tell_apart(&mut runs);
    let figures: Vec<RunFigures> = runs.iter().map(RunFigures::of).collect();
    // Two replays at a time.
    let threads = limpide::kernels::cores().div_ceil(2);
    let partings = runs[1..]
        .iter()
        .map(|run| parting([&runs[0], run], arguments.data.as_deref(), threads, arguments.steps))
        .collect::<Result<Vec<Parting>>>()?;
    let told: Vec<String> =
        runs[1..].iter().zip(&partings).map(|(run, own)| own.text([&runs[0].name, &run.name])).collect();
    let (head, settings, rows) = (figures::head(&runs), figures::settings(&runs), figures::rows(&figures));
    if let Some((path, svg)) = drawing {
        let bytes = if svg { drawn(&runs)? } else { page(&runs, &head, [&settings, &rows], &told).render() };
        write_atomically(path, bytes.as_bytes())?;
    }
    if arguments.json {
        let differing: serde_json::Map<String, serde_json::Value> =
            differences(&runs).into_iter().map(|(path, values)| (path, serde_json::json!(values))).collect();
        stdout::json(&serde_json::json!({"runs": figures, "settings": differing, "partings": partings}))?;
    } else {
        let gap = if settings.is_empty() { Vec::new() } else { vec![Vec::new()] };
        let all = [vec![head], settings, gap, rows].concat();
        stdout::text(format_args!("{}\n{}\n", aligned(&all, 1..), told.join("\n")))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_svg(path: &Path) -> Result<bool> {
    match path.extension().and_then(|end| end.to_str()) {
        Some("svg") => Ok(true),
        Some("html") => Ok(false),
        _ => Err(Error::option("--out", "a name that ends in .html or .svg", path.display())),
    }
}

/// Whole paths as names where the last parts are the same.
fn tell_apart(runs: &mut [Kept]) {
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    let twice = names.iter().enumerate().any(|(place, name)| names[..place].contains(name));
    if twice {
        runs.iter_mut().for_each(|run| run.name = run.folder.path().display().to_string());
    }
}

fn drawn(runs: &[Kept]) -> Result<String> {
    let figure = figures::curves(runs).into_iter().next();
    let figure = figure.ok_or_else(|| Error::option("compare --out FILE.svg: epochs", "at least 1", 0))?;
    Ok(figure.drawing.standalone(&figure.alt))
}

fn page(runs: &[Kept], head: &[String], [settings, rows]: [&[Vec<String>]; 2], told: &[String]) -> Page {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let curves = figures::curves(runs);
    let drawn: Vec<(&crate::chart::Figure, &str)> = curves.iter().map(|figure| (figure, figure.alt.as_str())).collect();
    let mut page = Page::new("Runs compared").lead(&names.join(" · "));
    if !settings.is_empty() {
        page =
            page.section(Section::new("Settings", "").table(&figures::table("Settings that differ", head, settings)));
    }
    page.section(Section::new("Figures", "").table(&figures::table("What the runs came to", head, rows)))
        .section(Section::new("Curves", "").figures(&drawn))
        .section(Section::new("Where they part", &told.join("\n\n")))
}
