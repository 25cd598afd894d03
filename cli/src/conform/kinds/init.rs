//! Initialisers: the mean, spread and bounds of many draws.

use super::{Case, Operation, Stop, layer};
use limpide::init::Init;
use limpide::tensor::{dense, values};
use limpide::{Real, Stream, Tensor, zeros};
use serde_json::{Map, Value, json};

#[derive(serde::Deserialize)]
struct Entry {
    name: String,
    op: String,
    config: Map<String, Value>,
    shape: Vec<usize>,
    draws: u64,
    /// The largest distance from the mean, for uniform distributions.
    bound: Option<f64>,
    mean: f64,
    std: f64,
    mean_tol: f64,
    std_rtol: f64,
}

pub(super) fn run<T: Real>(case: &Case) -> Result<(), Stop> {
    let entry: Entry = case.entry()?;
    let gain = entry.config.get("gain").and_then(Value::as_f64).unwrap_or(1.0);
    let relu = entry.config
        == Map::from_iter([
            ("mode".to_string(), json!("fan_in")),
            ("nonlinearity".to_string(), json!("relu")),
            ("a".to_string(), json!(0)),
        ]);
    let samples = match entry.op.as_str() {
        "xavier_uniform" => filled::<T>(&entry, Init::XavierUniform { gain }),
        "xavier_normal" => filled::<T>(&entry, Init::XavierNormal { gain }),
        "kaiming_uniform" if relu => filled::<T>(&entry, Init::KaimingUniform),
        "kaiming_normal" if relu => filled::<T>(&entry, Init::KaimingNormal),
        "default_weight" => of_a_layer::<T>(&entry, "weight")?,
        "default_bias" => of_a_layer::<T>(&entry, "bias")?,
        other => return Err(Stop::Unsupported(vec![format!("init {other}")])),
    };
    check(&entry, &samples).map_err(Stop::Failed)
}

/// Draws of a rule, one after the other.
fn filled<T: Real>(entry: &Entry, rule: Init) -> Vec<f64> {
    let mut weight = zeros::<T>(&entry.shape);
    collect(entry.draws, |stream| {
        rule.fill(&mut weight, &mut stream.clone());
        weight.clone()
    })
}

/// Draws of a new layer's parameter.
fn of_a_layer<T: Real>(entry: &Entry, name: &str) -> Result<Vec<f64>, Stop> {
    let mut layer = layer::description(&fitting_layer(entry)?)?.build::<T>()?;
    let parameters = layer.parameters();
    let place = parameters.iter().position(|(own, value)| own == name && value.shape() == entry.shape);
    let place = place.ok_or_else(|| format!("{layer} has no {name} of that shape"))?;
    Ok(collect(entry.draws, |stream| {
        layer.reset_parameters(stream);
        layer.parameters()[place].1.clone()
    }))
}

/// A layer with a parameter of that shape and fan-in; whether it is a convolution is in the case's name alone.
fn fitting_layer(entry: &Entry) -> Result<Operation, String> {
    let fan_in = entry.config.get("fan_in").and_then(Value::as_u64).map(|fan_in| fan_in as usize);
    let kernel = [3, 3];
    let config = match (entry.shape.as_slice(), fan_in) {
        (&[out, input, height, width], _) => {
            json!({"in_channels": input, "out_channels": out, "kernel_size": [height, width]})
        }
        (&[out, input], _) => json!({"in_features": input, "out_features": out}),
        (&[out], Some(fan_in)) if entry.name.ends_with("conv") => {
            json!({"in_channels": fan_in / 9, "out_channels": out, "kernel_size": kernel})
        }
        (&[out], Some(fan_in)) => json!({"in_features": fan_in, "out_features": out}),
        (shape, _) => return Err(format!("no layer has a parameter {shape:?}")),
    };
    let op = if config.get("kernel_size").is_some() { "Conv2d" } else { "Linear" };
    let Value::Object(config) = config else { unreachable!("built as an object") };
    Ok(Operation { op: op.to_string(), config })
}

fn collect<T: Real>(draws: u64, mut draw: impl FnMut(&Stream) -> Tensor<T>) -> Vec<f64> {
    let stream = Stream::new(0);
    let numbers =
        |k| values(&dense(&draw(&stream.at(&[k])))).iter().map(|&value| Real::to_f64(value)).collect::<Vec<_>>();
    (0..draws).flat_map(numbers).collect()
}

/// The contract: mean and spread within five standard errors; a uniform draw fills its bounds and stays inside.
fn check(entry: &Entry, samples: &[f64]) -> Result<(), String> {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let std = (samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
    let largest = samples.iter().map(|x| (x - entry.mean).abs()).fold(0.0, f64::max);
    let demands = [
        ("mean", mean, (mean - entry.mean).abs() <= entry.mean_tol, entry.mean),
        ("standard deviation", std, (std / entry.std - 1.0).abs() <= entry.std_rtol, entry.std),
        (
            "largest distance from the mean",
            largest,
            entry.bound.is_none_or(|bound| {
                // The bound itself as `f32` may round up.
                largest <= bound * (1.0 + f32::EPSILON as f64) && largest >= bound * (1.0 - 20.0 / count)
            }),
            entry.bound.unwrap_or_default(),
        ),
    ];
    match demands.iter().find(|(_, _, holds, _)| !holds) {
        None => Ok(()),
        Some((what, found, _, wanted)) => Err(format!("{what} is {found}, wants {wanted} (of {count} draws)")),
    }
}
