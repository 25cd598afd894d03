//! `limpide export`: a trained network in a form that other programs take.

use crate::stdout;
use crate::text::label;
use crate::{model_file, overwrite};
use limpide::files::write_atomically;
use limpide::format::{self, Export, onnx, rust_source};
use limpide::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write a trained network as ONNX, as Rust source or as safetensors.
///
/// onnx: for onnxruntime, a browser and others; any number of samples. rust: one source file without dependencies, whose
/// `predict` has the bits of the network here. safetensors: weights by PyTorch's names, for `load_state_dict`.
///
/// The first two do what `predict` does: they take numbers as they were measured, and give probabilities of classes, or values
/// in their own units. For a table they are of f64, a category is a one among zeros, and a missing number the mean of its column,
/// with a one behind it. What each number is is printed, and stands in the file.
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
    let read = model_file::place(&arguments.model);
    if arguments.out.is_none() && out == read {
        return Err(Error::option("--out", "given: a run and a model file are safetensors already", "nothing"));
    }
    overwrite::refuse("--out", &out, [read.as_path()])?;
    if arguments.format == Format::Safetensors {
        format::save(network, &out)?;
        return told(arguments, &out, None);
    }
    let sample = model_file::sample(&pipeline, arguments.input.as_deref())?;
    let options = if arguments.bare { Export::default() } else { model_file::export(&pipeline) };
    let bytes = match arguments.format {
        Format::Onnx => onnx::export(network, &sample, &options)?,
        _ => rust_source::export(network, &sample, &options)?.into_bytes(),
    };
    write_atomically(&out, &bytes)?;
    told(arguments, &out, Some((&sample, &options)))
}

/// Says what was written, and what it takes.
fn told(arguments: &Arguments, out: &Path, takes: Option<(&[usize], &Export)>) -> Result<ExitCode> {
    let out = out.display().to_string();
    if arguments.json {
        let (sample, options) = takes.unzip();
        return stdout::json(&serde_json::json!({
            "file": out,
            "format": arguments.format.ending(),
            "input": sample,
            "input_names": options.map(|options| &options.inputs),
            "input_notes": options.map(|options| &options.notes),
            "input_type": options.map(|options| if options.wide { "f64" } else { "f32" }),
            "input_divisor": options.and_then(|options| options.divisor),
            "standardized": options.is_some_and(|options| options.standardization.is_some()),
        }))
        .map(|()| ExitCode::SUCCESS);
    }
    let takes = takes.map_or(String::new(), |(sample, options)| {
        let divided = options.divisor.map(|divisor| format!(", bytes divided by {divisor}"));
        let measured = options.standardization.as_ref().map(|_| ", as they were measured".to_string());
        let names = options.inputs.iter().map(|name| format!("\n  {}", label(name)));
        let notes = options.notes.iter().map(|note| format!("\n{note}"));
        let wide = options.wide.then(|| " of f64".to_string());
        let about: String = wide.into_iter().chain(divided).chain(measured).chain(names).chain(notes).collect();
        format!(": takes samples {}{about}", limpide::tensor::shape_text(sample))
    });
    stdout::line(format_args!("{out}{takes}"))?;
    Ok(ExitCode::SUCCESS)
}
