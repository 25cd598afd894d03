//! `limpide inspect`: what a network is made of, and what its weights are like.

mod statistics;

use crate::model_file::{self, is_onnx};
use crate::text::{aligned, counted, label};
use crate::train::{Common, Paper, Part, Pass, Setting, is_description, paper, pass};
use crate::{overwrite, stdout};
use limpide::files;
use limpide::format::safetensors::{Archive, encode};
use limpide::format::{Export, onnx};
use limpide::model::{Row, Summary, summary};
use limpide::tensor::{shape_text, values};
use limpide::{Error, Result, Tensor};
use serde_json::{Value, json};
use statistics::Statistics;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show a network: its layers with shapes and parameters, the plan that trains it, figures of its weights, one pass through it.
///
/// Takes the description of a run, the folder of one, any safetensors file and any ONNX file. Of each tensor: least and largest
/// number, mean, standard deviation, the share of zeros, numbers that are not finite, and a histogram from the least to the largest.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  limpide inspect recipes/digits.toml --plan --set batch_size=32\n  limpide inspect runs/digits\n  limpide inspect runs/digits --sample 3 --out pass.safetensors\n  limpide inspect network.onnx --json"
)]
pub struct Arguments {
    /// The description of a run, the folder of one, a safetensors file or an ONNX file.
    #[arg(value_name = "FILE.toml|RUN|FILE")]
    file: PathBuf,
    /// Show the plan of a run: steps, the layers whose work each does, layout, bytes, FLOPs.
    #[arg(long)]
    plan: bool,
    /// Show the pass of this sample of a run, counted from 1, forward and back: every tensor and every gradient.
    #[arg(long, value_name = "N", conflicts_with = "plan")]
    sample: Option<usize>,
    /// The part that the sample is of.
    #[arg(long, value_enum, default_value_t = Part::Validation, requires = "sample")]
    part: Part,
    /// Write the tensors of the pass to this safetensors file, with all their numbers.
    #[arg(long, value_name = "FILE", requires = "sample")]
    out: Option<PathBuf>,
    /// A field of the description (may be given several times).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    #[command(flatten)]
    common: Common,
}

/// A tensor with its figures.
struct Line {
    name: String,
    shape: Vec<usize>,
    /// The type of its numbers, or of its layer.
    kind: String,
    statistics: Statistics,
}

impl Line {
    fn json(&self, kind: &str) -> Value {
        let Line { name, shape, kind: own, statistics } = self;
        json!({"name": name, "shape": shape, kind: own, "statistics": statistics})
    }
}

/// Runs the command.
///
/// # Errors
/// A file that is not there, is damaged, or is none of these; a plan, a sample or a setting of a file of weights.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { file, plan, sample, part, out, settings, common } = arguments;
    let folder = std::fs::metadata(file).map_err(|source| Error::Io { path: file.clone(), source })?.is_dir();
    let weights = model_file::place(file);
    let described = !folder && is_description(file);
    let finished = !described && weights.is_file();
    let about_run = *plan || sample.is_some() || !settings.is_empty();
    if about_run && !described && !folder {
        let wanted = "with the description of a run or its folder: weights alone do not say how they are trained";
        return Err(Error::option("inspect: --plan, --sample and --set", wanted, file.display()));
    }
    if let Some(sample) = sample {
        if let Some(out) = out {
            overwrite::refuse("--out", out, [file.as_path(), &weights, &file.join("run.toml")])?;
        }
        return show_pass(&pass(file, settings, common, *part, *sample)?, out.as_deref(), common.json);
    }
    // The layers as the data sees them, unless the model file says enough.
    let paper = match described || about_run || !finished {
        true => Some(paper(file, settings, common, *plan)?),
        false => None,
    };
    let mut seen = if finished { look(&weights)? } else { Seen::default() };
    if let Some(paper) = &paper {
        seen.summary = Some(paper.summary.clone());
    }
    match common.json {
        true => stdout::json(&seen.json(paper.as_ref()))?,
        false => stdout::text(seen.text(paper.as_ref()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a pass, and writes its tensors where that is asked for.
fn show_pass(pass: &Pass, out: Option<&Path>, json: bool) -> Result<ExitCode> {
    if let Some(out) = out {
        let tensors = pass.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        files::write_atomically(out, &encode(tensors, [("about", pass.about.as_str())]))?;
    }
    let line = |(name, tensor): &(String, Tensor<f32>)| Line {
        name: name.clone(),
        shape: tensor.shape().to_vec(),
        kind: pass.layer(name).into(),
        statistics: Statistics::of(&tensor.iter().map(|&x| f64::from(x)).collect::<Vec<_>>()),
    };
    // What goes into a layer came out of one before it.
    let shown = |(name, _): &&(String, Tensor<f32>)| json || !name.ends_with(".input");
    let lines: Vec<Line> = pass.tensors.iter().filter(shown).map(line).collect();
    match json {
        true => stdout::json(&json!({
            "about": pass.about,
            "loss": pass.loss,
            "tensors": lines.iter().map(|line| line.json("layer")).collect::<Vec<_>>(),
        }))?,
        false => stdout::text(format_args!("{}\n\n{}", pass.about, table(&lines, "layer")))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What is in a file of weights.
#[derive(Default)]
struct Seen {
    summary: Option<Summary>,
    /// What goes in and comes out, where the file says it.
    around: Export,
    /// Operators of an ONNX file that no layers do, and why.
    nodes: Option<(Vec<(String, String)>, String)>,
    tensors: Vec<Line>,
}

fn look(file: &Path) -> Result<Seen> {
    // A summary is for one sample, when the file says of what shape.
    let pipeline = model_file::read(file);
    let around = pipeline.as_ref().map(model_file::export).unwrap_or_default();
    let read = pipeline.and_then(|pipeline| {
        let sample = model_file::sample(&pipeline, None)?;
        summary(pipeline.network(), &[&[1], sample.as_slice()].concat())
    });
    if is_onnx(file) {
        let onnx::Survey { nodes, tensors } = onnx::survey(file)?;
        let line = |(name, tensor): (String, limpide::Tensor<f32>)| Line {
            name,
            shape: tensor.shape().to_vec(),
            kind: "F32".into(),
            statistics: Statistics::of(&values(&tensor).iter().map(|&x| f64::from(x)).collect::<Vec<_>>()),
        };
        let tensors = tensors.into_iter().map(line).collect();
        return Ok(match read {
            Ok(summary) => Seen { summary: Some(summary), around, nodes: None, tensors },
            Err(error) => Seen { summary: None, around, nodes: Some((nodes, error.to_string())), tensors },
        });
    }
    let archive = Archive::read(file).map_err(|error| of_what_kind(file, error))?;
    let mut tensors = Vec::new();
    for (name, shape) in archive.shapes() {
        let numbers = archive.tensor::<f64>(&name)?;
        let kind = archive.type_name(&name).unwrap_or_default();
        tensors.push(Line { name, shape, kind, statistics: Statistics::of(values(&numbers)) });
    }
    Ok(Seen { summary: read.ok(), around, nodes: None, tensors })
}

/// An error of reading safetensors, which is about another thing where the file's name says that it is none.
fn of_what_kind(file: &Path, error: Error) -> Error {
    let named = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("safetensors"));
    match error {
        Error::Data { path, .. } if !named => {
            let kinds = "the description of a run (.toml), the folder of a run, safetensors or ONNX (.onnx)";
            Error::Data { path, problem: format!("wants {kinds}, got none of these") }
        }
        other => other,
    }
}

impl Seen {
    fn json(&self, paper: Option<&Paper>) -> Value {
        let layer = |row: &Row| {
            let Row { name, module, output, parameters } = row;
            json!({"name": name, "module": module, "output": output, "parameters": parameters})
        };
        json!({
            "input": self.summary.as_ref().map(|summary| &summary.input),
            "input_names": self.around.inputs,
            "input_notes": self.around.notes,
            "input_divisor": self.around.divisor,
            "output_names": self.around.output.names(),
            "layers": self.summary.as_ref().map(|summary| summary.rows.iter().map(layer).collect::<Vec<_>>()),
            "flops_per_step": paper.map(|paper| paper.flops),
            "plan": paper.and_then(|paper| paper.plan.as_ref()).map(|plan| plan.lines()),
            "nodes": self.nodes.as_ref().map(|(nodes, _)| nodes),
            "tensors": self.tensors.iter().map(|line| line.json("type")).collect::<Vec<_>>(),
        })
    }

    /// The inputs and outputs by name.
    fn around_text(&self) -> Option<String> {
        let Export { inputs, notes, divisor, output, .. } = &self.around;
        let list = |what: &str, names: &[String]| {
            let lines: String = names.iter().map(|name| format!("  {}\n", label(name))).collect();
            (!names.is_empty()).then(|| format!("{what}:\n{lines}"))
        };
        let divided = divisor.map(|divisor| format!("inputs: bytes divided by {divisor}\n"));
        let notes = notes.iter().map(|note| format!("{note}\n")).collect();
        let lines = [list("inputs", inputs), Some(notes), divided, list("outputs", output.names())];
        let text: String = lines.into_iter().flatten().collect();
        (!text.is_empty()).then_some(text)
    }

    fn text(&self, paper: Option<&Paper>) -> String {
        let mut parts = Vec::new();
        parts.extend(self.summary.as_ref().map(Summary::to_string));
        parts.extend(self.around_text());
        if let Some((nodes, why)) = &self.nodes {
            let nodes = nodes.iter().map(|(name, operator)| format!("  {operator}  {name}\n"));
            parts.push(format!("no network of layers: {why}\n{}", nodes.collect::<String>()));
        }
        if let Some(paper) = paper {
            let batch = paper.summary.input[0];
            parts.push(format!("{} FLOPs a step of {}, forward and back\n", paper.flops, counted(batch, "sample")));
            parts.extend(paper.plan.as_ref().map(|plan| format!("plan: {plan}")));
        }
        if !self.tensors.is_empty() {
            parts.push(table(&self.tensors, "type"));
        }
        parts.join("\n")
    }
}

/// The tensors in columns, with a line for each; `kind` is what their kind is of.
fn table(tensors: &[Line], kind: &str) -> String {
    let head = ["tensor", "shape", kind, "least", "largest", "mean", "deviation", "zeros", "not finite", "histogram"];
    let figure = |value: Option<f64>| value.map_or("–".to_string(), short);
    let row = |line: &Line| {
        let s = &line.statistics;
        let (zeros, wrong) = (format!("{:.1} %", 100.0 * s.zeros), s.non_finite.to_string());
        let text = [line.name.clone(), shape_text(&line.shape), line.kind.clone()];
        let figures = [figure(s.min), figure(s.max), figure(s.mean), figure(s.std), zeros, wrong, s.bars()];
        text.into_iter().chain(figures).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(String::from).to_vec()).chain(tensors.iter().map(row)).collect();
    let count: usize = tensors.iter().map(|line| line.statistics.count).sum();
    let wrong: usize = tensors.iter().map(|line| line.statistics.non_finite).sum();
    let [tensors, numbers] = [counted(tensors.len(), "tensor"), counted(count, "number")];
    aligned(&rows, 3..=8) + &format!("{tensors}, {numbers}, {wrong} not finite\n")
}

/// A number in four digits.
fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => {
            let digits = (3 - size.log10().floor() as i32).max(0) as usize;
            format!("{number:.digits$}")
        }
        _ => format!("{number:.2e}"),
    }
}
