//! `limpide export`: a trained network in a form that other programs take.

use crate::model_file;
use crate::stdout;
use limpide::files::write_atomically;
use limpide::format::{self, Export, onnx, rust_source};
use limpide::pipeline::{Input, Output};
use limpide::{Error, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a trained network as ONNX, as Rust source or as safetensors.
///
/// onnx: for onnxruntime, a browser and others; any number of samples. rust: one source file without dependencies, whose
/// `predict` has the bits of the network here. safetensors: weights by PyTorch's names, for `load_state_dict`.
///
/// The first two do what `predict` does: they take numbers as they were measured (columns of categories as ones and zeros), and
/// give probabilities of classes, or values in their own units.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  limpide export runs/digits --format onnx\n  limpide export cnn.safetensors --format rust --input 1,28,28 --out src/cnn.rs"
)]
pub struct Arguments {
    /// The folder of a run, a model file, or an ONNX file.
    #[arg(value_name = "RUN|FILE")]
    model: PathBuf,
    /// What to write.
    #[arg(long, value_enum)]
    format: Format,
    /// The file to write; beside the model, with the ending of the format, when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The shape of a sample, when the model does not say it.
    #[arg(long, value_name = "C,H,W", value_delimiter = ',')]
    input: Option<Vec<usize>>,
    /// Leave out what is done to the inputs before the network, and to its outputs behind it.
    #[arg(long)]
    bare: bool,
    /// Print one JSON object for machines.
    #[arg(long)]
    json: bool,
}

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Format {
    Onnx,
    Rust,
    Safetensors,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Format::Onnx => "onnx",
            Format::Rust => "rs",
            Format::Safetensors => "safetensors",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, a layer that the format cannot express, a file that cannot be written.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let pipeline = model_file::read(&arguments.model)?;
    let network = pipeline.network();
    let beside = match arguments.model.is_dir() {
        true => arguments.model.join("model"),
        false => arguments.model.clone(),
    };
    let out = arguments.out.clone().unwrap_or_else(|| beside.with_extension(arguments.format.ending()));
    if arguments.format == Format::Safetensors {
        if out == arguments.model || arguments.model.is_dir() && arguments.out.is_none() {
            return Err(Error::option("--out", "given: a run and a model file are safetensors already", "nothing"));
        }
        format::save(network, &out)?;
        return told(arguments, &out, None, false);
    }
    let sample = model_file::sample(&pipeline, arguments.input.as_deref())?;
    let standardization = model_file::standardization(&pipeline).filter(|_| !arguments.bare);
    if standardization.is_none() && !arguments.bare && matches!(pipeline.input(), Input::Table(_)) {
        eprintln!("limpide: columns of dates are not in the file; it takes what `limpide inspect` lists as inputs");
    }
    let output = if arguments.bare { Output::default() } else { pipeline.output().clone() };
    let options = Export { standardization, wide: matches!(pipeline.input(), Input::Table(_)), output };
    let bytes = match arguments.format {
        Format::Onnx => onnx::export(network, &sample, &options)?,
        _ => rust_source::export(network, &sample, &options)?.into_bytes(),
    };
    write_atomically(&out, &bytes)?;
    told(arguments, &out, Some(&sample), options.standardization.is_some())
}

/// Says what was written.
fn told(
    arguments: &Arguments,
    out: &std::path::Path,
    sample: Option<&[usize]>,
    standardized: bool,
) -> Result<ExitCode> {
    let out = out.display().to_string();
    if arguments.json {
        let ending = arguments.format.ending();
        let object = serde_json::json!({"file": out, "format": ending, "input": sample, "standardized": standardized});
        stdout::json(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let takes = sample.map(|sample| format!(": takes samples {}", limpide::tensor::shape_text(sample)));
    let measured = if standardized { ", as they were measured" } else { "" };
    stdout::line(format_args!("{out}{}{measured}", takes.unwrap_or_default()))?;
    Ok(ExitCode::SUCCESS)
}
