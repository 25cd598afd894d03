//! Timing single layers, forward and backward, over many shapes.

use super::figures::median;
use super::shapes::{Shape, shapes};
use super::{Settings, json};
use crate::stdout;
use limpide::kernels::{Workers, level, peak};
use limpide::model::{LayerDescription, flops};
use limpide::tensor::shape_text;
use limpide::{Gradients, Module, Real, Result, Stream, Tape, Tensor, tensor};
use serde::Serialize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long each shape is repeated, and how often at least.
const BUDGET: Duration = Duration::from_millis(150);
const LEAST: usize = 5;

/// The figures of one layer; its JSON object.
#[derive(Debug, Serialize)]
struct Row {
    workload: &'static str,
    origin: &'static str,
    layer: LayerDescription,
    input: Vec<usize>,
    dtype: &'static str,
    threads: usize,
    forward_us: f64,
    /// ∂L/∂θ and ∂L/∂X.
    backward_us: f64,
    us: f64,
    gflops: f64,
    peak_fraction: f64,
}

/// Times every shape and prints a line for each as it comes.
pub fn run<T: Real>(settings: &Settings) -> Result<()> {
    let peak = peak::<T>(level(), settings.threads) / 1e9;
    let mut workers = Workers::new(settings.threads);
    if !settings.json {
        stdout::line(format_args!(
            "sweep: threads {}, {}, peak {peak:.0} GFLOP/s; µs forward, backward",
            settings.threads,
            T::NAME
        ))?;
    }
    settings.turns.begin()?;
    for Shape { origin, layer, input } in shapes() {
        let module = layer.build::<T>()?;
        let (forward_us, backward_us) = time(&*module, &input, &mut workers)?;
        // Here the delta is computed too, as for a layer amid others.
        let flops = 3 * flops(&*module, &input)?.forward;
        let us = forward_us + backward_us;
        let gflops = flops as f64 / us / 1e3;
        let (workload, dtype, threads) = ("sweep", T::NAME, settings.threads);
        let peak_fraction = gflops / peak;
        if settings.json {
            let row = Row {
                workload,
                origin,
                layer,
                input,
                dtype,
                threads,
                forward_us,
                backward_us,
                us,
                gflops,
                peak_fraction,
            };
            stdout::line(json(&row))?;
            if !settings.turns.next() {
                break;
            }
        } else {
            let (layer, percent) = (module.to_string(), 100.0 * peak_fraction);
            let input = shape_text(&input);
            stdout::line(format_args!(
                "  {origin:<20} {layer:<52} {input:<18} {forward_us:>10.1} {backward_us:>10.1} {gflops:>7.1} GFLOP/s {percent:>5.1} %"
            ))?;
        }
    }
    Ok(())
}

/// A thread's share of a batch.
struct Part<T: Real> {
    x: Tensor<T>,
    delta: Tensor<T>,
    tape: Tape<T>,
    gradients: Gradients<T>,
}

/// Median microseconds of a forward pass and of both backward verbs, the batch divided between the threads.
fn time<T: Real>(module: &dyn Module<T>, input: &[usize], workers: &mut Workers) -> Result<(f64, f64)> {
    let mut stream = Stream::new(1);
    let mut random = |rows: usize, shape: &[usize]| {
        let shape = [&[rows], &shape[1..]].concat();
        let count = shape.iter().product();
        tensor(&shape, (0..count).map(|_| T::of(stream.uniform(-1.0, 1.0))).collect())
    };
    let output = module.output_shape(input)?;
    let count = workers.threads().min(input[0]);
    let parts: Vec<_> = (0..count)
        .map(|part| {
            let rows = (part + 1) * input[0] / count - part * input[0] / count;
            let (x, delta) = (random(rows, input), random(rows, &output));
            Mutex::new(Part { x, delta, tape: Tape::new(), gradients: Gradients::zeros_for(module) })
        })
        .collect();
    let mut verb = |job: &(dyn Fn(&mut Part<T>) + Sync)| {
        let start = Instant::now();
        workers.run(count, &|part| job(&mut parts[part].lock().expect("no panic")));
        start
    };
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while forward.len() < LEAST || start.elapsed() < BUDGET {
        let begin = verb(&|part| {
            module.forward(&part.x, &mut part.tape);
        });
        forward.push(begin.elapsed().as_secs_f64() * 1e6);
        let begin = verb(&|part| {
            module.zero_grad(&mut part.gradients);
            module.backward(&mut part.tape, &part.delta, &mut part.gradients);
        });
        let mut first = parts[0].lock().expect("no panic");
        for part in &parts[1..] {
            first.gradients.add(&part.lock().expect("no panic").gradients);
        }
        backward.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    Ok((median(&forward), median(&backward)))
}
