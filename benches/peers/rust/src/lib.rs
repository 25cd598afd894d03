//! What the Rust peers share: options, data, turns and the lines of JSON that each of them prints. As `common.py`.

use flate2::read::GzDecoder;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Predictions of one row in a turn.
pub const ROWS: usize = 2_000;

/// What the command line says.
pub struct Options {
    pub workload: String,
    pub turns: usize,
    /// The first so many samples; all of them by default.
    pub samples: usize,
    pub data: Option<PathBuf>,
}

impl Options {
    /// Reads `--workload NAME --threads N --epochs N --images N --data DIR`; the threads come through the environment.
    pub fn from_arguments() -> Options {
        let mut options = Options { workload: String::new(), turns: 1, samples: usize::MAX, data: None };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            let value = words.next().unwrap_or_else(|| panic!("{name} wants a value"));
            match name.as_str() {
                "--workload" => options.workload = value,
                "--epochs" => options.turns = value.parse().expect("--epochs wants a number"),
                "--images" => options.samples = value.parse().expect("--images wants a number"),
                "--data" => options.data = Some(value.into()),
                "--threads" => assert_eq!(std::env::var("RAYON_NUM_THREADS").ok(), Some(value), "RAYON_NUM_THREADS"),
                _ => panic!("unknown option {name}"),
            }
        }
        options
    }

    /// Samples a step.
    pub fn batch(&self) -> usize {
        if self.workload == "moons" { 32 } else { 64 }
    }

    /// As limpide's: of the loss summed over the batch, except for moons, where it is the mean.
    pub fn rate(&self) -> f64 {
        match self.workload.as_str() {
            "dense" => 0.01,
            "cnn" => 0.001,
            "autoencoder" => 0.02 / 64.0,
            "moons" => 0.1,
            other => unsupported(other),
        }
    }

    /// What the loss of an epoch is divided by: its mean is over samples, numbers of them, or steps.
    pub fn terms(&self, samples: &Samples) -> f64 {
        match self.workload.as_str() {
            "moons" => (samples.count() / self.batch()) as f64,
            "autoencoder" => samples.x.len() as f64,
            _ => samples.count() as f64,
        }
    }

    /// What a training workload learns from.
    pub fn training_data(&self) -> Samples {
        if self.workload == "moons" { moons() } else { self.images("train", 60_000) }
    }

    /// MNIST where it is found, else random bytes of its shape.
    pub fn images(&self, part: &str, count: usize) -> Samples {
        let found = self.data.iter().flat_map(|folder| [folder.join("mnist"), folder.clone()]).find_map(|folder| {
            let file = |kind: &str| idx(&folder.join(format!("{part}-{kind}-ubyte")));
            Some((file("images-idx3")?.split_off(16), file("labels-idx1")?.split_off(8)))
        });
        let (pixels, labels) = found.unwrap_or_else(|| {
            let mut random = Random(1);
            let mut bytes = |count: usize, below: u64| (0..count).map(|_| random.below(below) as u8).collect();
            (bytes(count * 784, 256), bytes(count, 10))
        });
        let count = labels.len().min(self.samples);
        Samples {
            width: 784,
            x: pixels[..count * 784].iter().map(|&pixel| f32::from(pixel) / 255.0).collect(),
            labels: labels[..count].to_vec(),
        }
    }
}

/// Rows of numbers, each with a class.
pub struct Samples {
    pub width: usize,
    pub x: Vec<f32>,
    pub labels: Vec<u8>,
}

impl Samples {
    /// How many.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// Some of the rows, one after the other.
    pub fn rows(&self, indices: &[usize]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(indices.len() * self.width);
        for &index in indices {
            rows.extend_from_slice(&self.x[index * self.width..][..self.width]);
        }
        rows
    }
}

/// The bytes of an IDX file, plain or gzip.
fn idx(path: &Path) -> Option<Vec<u8>> {
    if let Ok(bytes) = std::fs::read(path) {
        return Some(bytes);
    }
    let packed = std::fs::read(path.with_file_name(format!("{}.gz", path.file_name()?.to_str()?))).ok()?;
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Two half circles with noise.
fn moons() -> Samples {
    let mut random = Random(1);
    let mut samples = Samples { width: 2, x: Vec::new(), labels: Vec::new() };
    for index in 0..32_000 {
        let angle = random.uniform() * std::f64::consts::PI;
        let upper = index % 2 == 0;
        let (x, y) = if upper { (angle.cos(), angle.sin()) } else { (1.0 - angle.cos(), 0.5 - angle.sin()) };
        samples.x.extend([(x + 0.2 * random.normal()) as f32, (y + 0.2 * random.normal()) as f32]);
        samples.labels.push(u8::from(!upper));
    }
    samples
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// The numbers below `count` in a random order.
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for end in (1..count).rev() {
            order.swap(end, self.below(end as u64 + 1) as usize);
        }
        order
    }
}

/// Runs the turns, each when a line comes on stdin, and prints the seconds of each and the mean loss of the last.
pub fn turns(options: &Options, mut turn: impl FnMut() -> f64) {
    println!("{{\"ready\": true}}");
    let mut loss = 0.0;
    for _ in 0..options.turns {
        if std::io::stdin().read_line(&mut String::new()).expect("stdin can be read") == 0 {
            break;
        }
        let start = Instant::now();
        loss = turn();
        println!("{{\"seconds\": {}}}", start.elapsed().as_secs_f64());
        std::io::stdout().flush().expect("stdout can be written");
    }
    println!("{{\"loss\": {loss}}}");
}

/// The batch of the fastest run, where each is tried twice.
pub fn best_batch(mut run: impl FnMut(usize)) -> usize {
    let mut seconds = |batch| {
        let start = Instant::now();
        run(batch);
        start.elapsed()
    };
    [64, 250, 1_000].into_iter().min_by_key(|&batch| seconds(batch).min(seconds(batch))).expect("three batches")
}

/// Ends the program.
pub fn unsupported(workload: &str) -> ! {
    eprintln!("this peer has no workload {workload}");
    std::process::exit(2)
}
