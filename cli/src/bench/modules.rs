//! Where the time goes: the five verbs walked by hand, module by module, on one batch.

use super::figures::median;
use limpide::data::Target;
use limpide::loss::Loss;
use limpide::{Gradients, Module, Real, Tape, Tensor};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long walks are repeated, and how often at least.
const BUDGET: Duration = Duration::from_millis(300);
const LEAST: usize = 5;

/// The median times of one module.
#[derive(Debug, Serialize)]
pub struct ModuleTime {
    /// Its place: `encoder.0`.
    pub name: String,
    /// As constructed.
    pub module: String,
    /// `forward`; for the loss, its terms and their slope.
    pub forward_us: f64,
    /// `backward_update_gradient` and, except in the first module, `backward_delta`; none for the loss, whose slope comes with
    /// its terms.
    pub backward_us: Option<f64>,
}

/// A module that is not a chain of others, with what its verbs need.
struct Stage<'a, T: Real> {
    name: String,
    module: &'a dyn Module<T>,
    tape: Tape<T>,
    gradients: Gradients<T>,
    forward: Vec<f64>,
    backward: Vec<f64>,
}

/// The times of each module and, last, of the loss.
pub fn time<T: Real>(
    network: &dyn Module<T>,
    loss: &dyn Loss<T>,
    x: &Tensor<T>,
    target: &Target<T>,
) -> Vec<ModuleTime> {
    let mut stages = Vec::new();
    add_stages(&mut stages, String::new(), network);
    let mut losses = Vec::new();
    let start = Instant::now();
    while losses.len() < LEAST || start.elapsed() < BUDGET {
        let mut x = x.clone();
        for stage in &mut stages {
            x = timed(&mut stage.forward, || stage.module.forward(&x, &mut stage.tape));
        }
        let mut delta = timed(&mut losses, || loss.terms_and_slope(&x, target).1);
        for (place, Stage { module, tape, gradients, backward, .. }) in stages.iter_mut().enumerate().rev() {
            timed(backward, || {
                module.backward_update_gradient(tape, &delta, gradients);
                if place > 0 {
                    delta = module.backward_delta(tape, &delta);
                }
            });
        }
    }
    let row = |name, module, forward: &[f64], backward| ModuleTime {
        name,
        module,
        forward_us: median(forward),
        backward_us: backward,
    };
    let rows = stages
        .iter()
        .map(|stage| row(stage.name.clone(), stage.module.to_string(), &stage.forward, Some(median(&stage.backward))));
    rows.chain([row("loss".to_string(), loss.to_string(), &losses, None)]).collect()
}

/// Adds the modules of a chain, in order.
fn add_stages<'a, T: Real>(stages: &mut Vec<Stage<'a, T>>, name: String, module: &'a dyn Module<T>) {
    let children = module.children();
    if children.is_empty() {
        let (tape, gradients) = (Tape::new(), Gradients::zeros_for(module));
        stages.push(Stage { name, module, tape, gradients, forward: Vec::new(), backward: Vec::new() });
        return;
    }
    for (place, child) in children {
        let inner = if name.is_empty() { place } else { format!("{name}.{place}") };
        add_stages(stages, inner, child);
    }
}

/// Runs a job and keeps its microseconds.
fn timed<R>(times: &mut Vec<f64>, job: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = job();
    times.push(start.elapsed().as_secs_f64() * 1e6);
    result
}
