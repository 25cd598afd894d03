//! Gradient clipping: the gradients after it, and their norm before it.

use super::{Case, Numbers, Results, Stop};
use limpide::kernels::Workers;
use limpide::optim::{clip_grad_norm, clip_grad_value};
use limpide::{Real, Tensor};

#[derive(serde::Deserialize)]
struct Entry {
    op: String,
    config: Config,
}

#[derive(serde::Deserialize)]
struct Config {
    max: f64,
}

pub(super) fn run<T: Real>(case: &Case) -> Result<Results, Stop> {
    let Entry { op, config: Config { max } } = case.entry()?;
    let given = (0..).map_while(|i| case.optional(&format!("grad_before.{i}")));
    let mut gradients: Vec<Tensor<T>> = given.map(Numbers::tensor).collect();
    let mut results = Results::new();
    match op.as_str() {
        "norm" => {
            let norm = clip_grad_norm(&mut gradients, max, &mut Workers::new(1));
            // The norm is double whatever the gradients are; the case wants theirs.
            results.insert("total_norm".to_string(), Numbers::new(&[], vec![Real::to_f64(T::of(norm))]));
        }
        "value" => clip_grad_value(&mut gradients, max, &mut Workers::new(1)),
        other => return Err(Stop::Unsupported(vec![format!("gradclip {other}")])),
    }
    results.extend(gradients.iter().enumerate().map(|(i, g)| (format!("grad_after.{i}"), Numbers::of(g))));
    Ok(results)
}
