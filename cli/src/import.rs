//! `limpide import`: a model file from an ONNX file, or from weights of PyTorch and an architecture.

use crate::stdout;
use crate::{model_file, overwrite};
use limpide::model::LayerDescription;
use limpide::pipeline::{self, Meaning};
use limpide::{Error, Module, Result, format};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make a model file of an ONNX file, or of PyTorch's weights in safetensors.
///
/// Weights alone do not say which layers they belong to: `--layers` names a file that does, another model or a JSON file such
/// as {"type": "Sequential", "layers": [{"type": "Linear", "in_features": 4, "out_features": 3}]}.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  limpide import network.onnx\n  limpide import weights.safetensors --layers runs/digits --out digits.safetensors"
)]
pub struct Arguments {
    /// An ONNX file, or a state_dict saved by safetensors.torch.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The layers for weights: the folder of a run, a model file, or a JSON file.
    #[arg(long, value_name = "FILE")]
    layers: Option<PathBuf>,
    /// The model file to write; FILE with the ending safetensors when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read or written; weights that are not those of the layers: all that differ are named.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { file, layers, out } = arguments;
    std::fs::metadata(file).map_err(|source| Error::Io { path: file.into(), source })?;
    let out = out.clone().unwrap_or_else(|| file.with_extension("safetensors"));
    overwrite::refuse("--out", &out, std::iter::once(file.as_path()).chain(layers.as_deref()))?;
    if arguments.out.is_none() && out.exists() {
        let wanted = "given where a file of that name is there already";
        return Err(Error::option("--out", wanted, out.display()));
    }
    let (network, meaning): (Box<dyn Module<f32>>, Meaning) = match (model_file::is_onnx(file), layers) {
        (true, None) => {
            let (network, meaning) = model_file::of_onnx(file)?;
            (Box::new(network), meaning)
        }
        (false, Some(layers)) => {
            let (mut network, meaning) = architecture(layers)?;
            format::load_into(&mut *network, file)?;
            (network, meaning)
        }
        (true, Some(_)) => return Err(Error::option("--layers", "left out: an ONNX file has its own", "a file")),
        (false, None) => {
            let wanted = "given, since weights do not say which layers they belong to";
            return Err(Error::option("--layers", wanted, "nothing"));
        }
    };
    pipeline::save(&*network, &meaning, &out)?;
    stdout::line(format_args!("{}: {network}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The layers of a model, or of a JSON file, with weights to be replaced, and what stands around them.
fn architecture(path: &Path) -> Result<(Box<dyn Module<f32>>, Meaning)> {
    let json = path.extension().is_some_and(|extension| extension == "json");
    if !json {
        let pipeline = model_file::read(path)?;
        let description = limpide::model::describe(pipeline.network()).expect("a file holds layers of the library");
        let meaning = Meaning { input: pipeline.input().clone(), output: pipeline.output().clone() };
        return Ok((description.build()?, meaning));
    }
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let description: LayerDescription =
        serde_json::from_str(&text).map_err(|error| Error::Data { path: path.into(), problem: error.to_string() })?;
    Ok((description.build()?, Meaning::default()))
}
