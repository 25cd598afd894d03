//! Timing predictions: many images through the convolutional network, single rows through the dense one.

use super::figures::{Figures, Speed};
use super::memory::Memory;
use super::tasks::built;
use super::{Settings, images};
use crate::experiments::classify;
use limpide::data::Inputs;
use limpide::model::flops;
use limpide::train::{Engine, predict};
use limpide::{Real, Result, Tape, tensor};
use std::hint::black_box;
use std::time::Instant;

/// Predictions of one row in a pass, since one alone is too short for the clock; and those before the first pass.
const ROWS: usize = 2_000;
const WARM: usize = 50;

/// Passes of the convolutional network over the test images.
pub fn run<T: Real>(settings: &Settings) -> Result<Figures> {
    let test = images::load::<T>(settings)?.1;
    let network = built(&classify::cnn::<T>(28).seed(1))?;
    let mut engine = Engine::new(settings.threads);
    let batch = settings.batch.unwrap_or(test.len()).min(test.len());
    let all: Vec<usize> = (0..test.len()).collect();
    let batches: Vec<Inputs<T>> = all.chunks(batch).map(|part| test.inputs.select(part)).collect();
    let seconds =
        passes(settings, || batches.iter().try_for_each(|part| predict(&*network, part, &mut engine).map(drop)))?;
    let speed =
        Speed { samples: test.len(), steps: batches.len(), flops: flops(&*network, test.inputs.shape())?.forward };
    let title = network.to_string();
    let mut figures = Figures::new::<T>("inference", title, &test.name, settings, batch, seconds, speed);
    figures.memory = Some(Memory::now(&test, &*network));
    Ok(figures)
}

/// Passes of the dense network over single rows; a step is one prediction.
pub fn row<T: Real>(settings: &Settings) -> Result<Figures> {
    let network = built(&classify::dense::<T>(28).seed(1))?;
    let row = tensor(&[1, 28 * 28], (0..28 * 28).map(|pixel| T::of(pixel as f64 / 784.0)).collect());
    let predict = |count| (0..count).for_each(|_| drop(black_box(network.forward(&row, &mut Tape::off()))));
    predict(WARM);
    let seconds = passes(settings, || {
        predict(ROWS);
        Ok(())
    })?;
    let flops = ROWS as u64 * flops(&*network, row.shape())?.forward;
    let speed = Speed { samples: ROWS, steps: ROWS, flops };
    Ok(Figures::new::<T>("row", network.to_string(), "one row", settings, 1, seconds, speed))
}

/// The seconds of each pass.
fn passes(settings: &Settings, mut pass: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    settings.turns.begin()?;
    loop {
        let start = Instant::now();
        pass()?;
        seconds.push(start.elapsed().as_secs_f64());
        settings.turns.end(seconds[seconds.len() - 1]);
        if seconds.len() == settings.epochs || !settings.turns.next() {
            return Ok(seconds);
        }
    }
}
