//! Timing predictions: many images through the convolutional network, one row through the dense one.

use super::figures::{Figures, Speed, median};
use super::{Settings, images};
use crate::experiments::classify;
use limpide::data::Inputs;
use limpide::model::flops;
use limpide::train::{Engine, predict};
use limpide::{Module, Real, Result, Sequential, Tape, tensor};
use std::time::Instant;

/// Predictions of one row that are timed together, since one alone is too short for the clock.
const ROWS_A_ROUND: usize = 200;
const ROUNDS: usize = 50;

/// Passes of the convolutional network over the test images; and the microseconds of one row through the dense network.
pub fn run<T: Real>(settings: &Settings) -> Result<Figures> {
    let test = images::load::<T>(settings)?.1;
    let network = classify::cnn::<T>(28).seed(1);
    let mut engine = Engine::new(settings.threads);
    let batch = settings.batch.unwrap_or(test.len()).min(test.len());
    let all: Vec<usize> = (0..test.len()).collect();
    let batches: Vec<Inputs<T>> = all.chunks(batch).map(|part| test.inputs.select(part)).collect();
    let mut seconds = Vec::new();
    for _ in 0..settings.epochs {
        let start = Instant::now();
        for inputs in &batches {
            predict(&network, inputs, &mut engine)?;
        }
        seconds.push(start.elapsed().as_secs_f64());
    }
    let speed =
        Speed { samples: test.len(), steps: batches.len(), flops: flops(&network, test.inputs.shape())?.forward };
    let title = network.to_string();
    let mut figures = Figures::new::<T>("inference", title, &test.name, settings, batch, seconds, speed);
    figures.one_row_us = Some(one_row(&classify::dense::<T>(28).seed(1)));
    Ok(figures)
}

/// Microseconds of one row, the median of some rounds.
fn one_row<T: Real>(network: &Sequential<T>) -> f64 {
    let row = tensor(&[1, 28 * 28], (0..28 * 28).map(|pixel| T::of(pixel as f64 / 784.0)).collect());
    let round = |_| {
        let start = Instant::now();
        for _ in 0..ROWS_A_ROUND {
            std::hint::black_box(network.forward(&row, &mut Tape::off()));
        }
        start.elapsed().as_secs_f64() / ROWS_A_ROUND as f64 * 1e6
    };
    median(&(0..ROUNDS).map(round).collect::<Vec<_>>())
}
