//! `limpide bench`: how fast the report's workloads run, next to what the machine can do.

mod figures;
mod images;
mod inference;
mod memory;
mod modules;
mod shapes;
mod sweep;
mod tasks;
mod training;
mod turns;

use crate::progress::Progress;
use crate::stdout;
use clap::ValueEnum;
use limpide::{Real, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use turns::Turns;

/// Time the report's workloads and hold them against a peak measured in the same run.
///
/// Progress goes to stderr, the figures to stdout.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example: limpide bench --workload dense --threads 1 --epochs 3\n\nWithout MNIST the images are \
    random bytes of the same shape. They have next to no zeros, which dense layers leave out in training, so dense \
    networks take longer than on MNIST. GFLOP/s count the matrix products alone, a multiply-add as two. \
    LIMPIDE_SIMD=avx2 or portable asks for fewer instructions than the machine has."
)]
pub struct Arguments {
    /// What to time; everything but the sweep when left out.
    #[arg(long, value_name = "NAME")]
    workload: Option<Workload>,
    /// Threads that work; all cores by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Samples a step: 64 by default, 32 for moons, all images for inference. The sweep has its own.
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Epochs, or passes over the images, to take the median of.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    epochs: u32,
    /// The numbers to compute with.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: Number,
    /// Take the first N images only.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    images: Option<u32>,
    /// The folder with the MNIST files; else $LIMPIDE_DATA, else the user's cache folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object a line for each workload (for each shape of the sweep).
    #[arg(long)]
    json: bool,
    /// Wait for a line on stdin before each epoch (each shape of the sweep) and print its seconds, so that programs can
    /// take turns; stop when stdin ends.
    #[arg(long, requires = "json")]
    turns: bool,
}

/// What can be timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// Training 784-128-10 on MNIST.
    Dense,
    /// Training the report's two convolutions on MNIST.
    Cnn,
    /// Training two blocks of convolution, batch norm, SiLU and max-pool, as `train` builds for images, on MNIST.
    Normed,
    /// Training 784-128-64-32 and back on MNIST.
    Autoencoder,
    /// Training 2-16-1 on two moons: steps so small that nothing but overhead counts.
    Moons,
    /// The convolutional network on 10,000 images.
    Inference,
    /// The dense network on one row at a time, 2,000 times a pass.
    Row,
    /// Single layers in the shapes of well-known networks, forward and backward.
    Sweep,
}

/// The scalar types.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Number {
    F32,
    F64,
}

/// What every measurement needs to know.
struct Settings {
    threads: usize,
    batch: Option<usize>,
    epochs: usize,
    data: Option<PathBuf>,
    images: Option<usize>,
    json: bool,
    turns: Turns,
}

impl Settings {
    /// A progress bar under a title.
    fn progress(&self, title: &str) -> Progress {
        Progress::new(title, !self.json)
    }
}

/// Runs the command.
///
/// # Errors
/// When a data folder is named that is not there, or MNIST's files are damaged.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    limpide::data::data_folders(arguments.data.as_deref())?;
    let cores = limpide::kernels::cores();
    let settings = Settings {
        threads: arguments.threads.map_or(cores, usize::from),
        batch: arguments.batch.map(|batch| batch as usize),
        epochs: arguments.epochs as usize,
        data: arguments.data.clone(),
        images: arguments.images.map(|images| images as usize),
        json: arguments.json,
        turns: Turns(arguments.turns),
    };
    let but_the_sweep = || Workload::value_variants().iter().copied().filter(|&one| one != Workload::Sweep);
    let workloads = arguments.workload.map_or_else(|| but_the_sweep().collect(), |one| vec![one]);
    for workload in workloads {
        match arguments.dtype {
            Number::F32 => run::<f32>(workload, &settings)?,
            Number::F64 => run::<f64>(workload, &settings)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run<T: Real>(workload: Workload, settings: &Settings) -> Result<()> {
    let figures = match workload {
        Workload::Sweep => return sweep::run::<T>(settings),
        Workload::Inference => inference::run::<T>(settings)?,
        Workload::Row => inference::row::<T>(settings)?,
        Workload::Dense => training::run(tasks::dense::<T>(settings)?, settings)?,
        Workload::Cnn => training::run(tasks::cnn::<T>(settings)?, settings)?,
        Workload::Normed => training::run(tasks::normed::<T>(settings)?, settings)?,
        Workload::Autoencoder => training::run(tasks::autoencoder::<T>(settings)?, settings)?,
        Workload::Moons => training::run(tasks::moons::<T>()?, settings)?,
    };
    match settings.json {
        true => stdout::line(json(&figures))?,
        false => stdout::line(&figures)?,
    }
    Ok(())
}

/// One line of JSON, its fields in the order of the type.
fn json(figures: &impl serde::Serialize) -> String {
    serde_json::to_string(figures).expect("numbers and text")
}
