//! The images of the benchmarks: MNIST where it is found, else random bytes of the same shape.

use super::Settings;
use crate::experiments::digits;
use limpide::data::{Dataset, Inputs, Mnist, Target};
use limpide::{Real, Result, Stream, tensor};

/// 60,000 images to train and 10,000 to test, (n, 1, 28, 28), or as many as are wanted.
pub fn load<T: Real>(settings: &Settings) -> Result<(Dataset<T>, Dataset<T>)> {
    let (train, test) = match digits::has_mnist(settings.data.as_deref())? {
        true => Mnist::Digits.load(settings.data.as_deref())?,
        false => (random(60_000, 1)?, random(10_000, 2)?),
    };
    let first = |data: Dataset<T>| match settings.images {
        Some(count) if count < data.len() => data.select(&(0..count).collect::<Vec<_>>()),
        _ => data,
    };
    Ok((first(train), first(test)))
}

fn random<T: Real>(count: usize, seed: u64) -> Result<Dataset<T>> {
    let mut stream = Stream::new(seed);
    let pixels = (0..count * 28 * 28 / 8).flat_map(|_| stream.next_u64().to_le_bytes()).collect();
    let inputs = Inputs::Bytes { values: tensor(&[count, 1, 28, 28], pixels), divisor: T::of(255.0) };
    let targets = Target::classes((0..count).map(|_| stream.below(10) as i64).collect());
    Dataset::new("random bytes in MNIST's shape", inputs, targets, 10)
}
