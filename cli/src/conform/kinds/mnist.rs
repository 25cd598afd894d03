//! Training runs that store nothing: MNIST in file order, and start values by the splitmix rule.

use super::{Case, Stop};
use limpide::data::{Dataset, Inputs, Mnist, Target};
use limpide::init::fans;
use limpide::metrics::{Decision, correct};
use limpide::tensor::values_mut;
use limpide::train::{Engine, predict};
use limpide::{Module, Real};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where MNIST is looked for.
#[derive(Debug)]
pub(super) struct Images {
    folder: Option<PathBuf>,
}

impl Images {
    pub fn new(folder: Option<&Path>) -> Self {
        Images { folder: folder.map(Path::to_path_buf) }
    }

    /// The training part and the test part. The cases were made from pixels divided in `f32`, whatever they compute in.
    fn load(&self) -> Result<(Dataset<f32>, Dataset<f32>), Stop> {
        match Mnist::Digits.find(self.folder.as_deref())? {
            Some(files) => Ok(files.load()?),
            None => Err(Stop::Skipped("MNIST is not there; `limpide data fetch mnist` gets it".to_string())),
        }
    }
}

#[derive(serde::Deserialize)]
struct Entry {
    init_rule: Rule,
    data: Data,
    after: After,
}

#[derive(serde::Deserialize)]
struct Rule {
    rule: String,
    seed: u64,
}

#[derive(serde::Deserialize)]
struct Data {
    split: String,
    first: usize,
    count: usize,
    sample_shape: Vec<usize>,
    target: String,
    batch: usize,
}

#[derive(serde::Deserialize)]
struct After {
    test_correct: usize,
}

/// A run on MNIST as its entry describes it.
pub(super) struct MnistRun<T> {
    entry: Entry,
    train: Dataset<T>,
    test: Dataset<T>,
}

impl<T: Real> MnistRun<T> {
    pub fn read(case: &Case, images: &Images) -> Result<Self, Stop> {
        let entry: Entry = case.entry()?;
        let Data { split, target, first, count, sample_shape, .. } = &entry.data;
        if entry.init_rule.rule != "splitmix" || split != "train" || target != "label" {
            return Err(Stop::Unsupported(vec![format!("{} from {split} to {target}", entry.init_rule.rule)]));
        }
        let (train, test) = images.load()?;
        let range = *first..first.saturating_add(*count);
        if range.end > train.len() {
            return Err(Stop::Failed(format!("data wants images {range:?}, MNIST has {}", train.len())));
        }
        let test_range = 0..test.len();
        let (train, test) = (widened(&train, range, sample_shape)?, widened(&test, test_range, sample_shape)?);
        Ok(MnistRun { train, test, entry })
    }

    pub fn data(&self) -> Dataset<T> {
        self.train.clone()
    }

    /// Consecutive samples in file order.
    pub fn batches(&self) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.train.len()).collect();
        all.chunks(self.entry.data.batch.max(1)).map(<[usize]>::to_vec).collect()
    }

    /// Start values: parameter j is (2u − 1)/√fan_in of its layer in `f32`, u the j-th splitmix64 stream in [0, 1).
    pub fn set_parameters(&self, network: &mut dyn Module<T>) -> Result<(), Stop> {
        let mut bound = 1.0;
        for (j, parameter) in network.parameters_mut().into_iter().enumerate() {
            // A bias, after its weight, has the same bound.
            if parameter.ndim() > 1 {
                bound = 1.0 / (fans(parameter.shape()).0 as f64).sqrt();
            }
            let seed = self.entry.init_rule.seed.wrapping_add(1000 * j as u64);
            for (i, value) in values_mut(parameter).iter_mut().enumerate() {
                let unit = (splitmix(seed, i as u64) >> 11) as f64 / (1u64 << 53) as f64;
                *value = T::of(((2.0 * unit - 1.0) * bound) as f32 as f64);
            }
        }
        Ok(())
    }

    /// Whether as many test images are recognised as should be; in `f32` up to three more or fewer.
    pub fn check_after(&self, network: &dyn Module<T>) -> Result<(), Stop> {
        let output = predict(network, &self.test.inputs, &mut Engine::new(1))?;
        let found = correct(Decision::Argmax, &output, self.test.targets.given().expect("MNIST has class numbers"));
        let (wanted, slack) = (self.entry.after.test_correct, if T::NAME == "f32" { 3 } else { 0 });
        if found.abs_diff(wanted) <= slack {
            Ok(())
        } else {
            Err(Stop::Failed(format!("recognises {found} test images, wants {wanted} ± {slack}")))
        }
    }
}

/// Some samples of a data set as `T`, in their own shape.
fn widened<T: Real>(data: &Dataset<f32>, range: Range<usize>, shape: &[usize]) -> Result<Dataset<T>, Stop> {
    let (x, target) = data.gather(&range.collect::<Vec<_>>());
    let inputs = Inputs::Real(x.mapv(|value| T::of(value as f64)).into_shared());
    let labels = Target::classes(target.labels().unwrap_or_default());
    Ok(Dataset::new(data.name.clone(), inputs, labels, data.classes)?.reshape_samples(shape)?)
}

/// Output `i` of the splitmix64 generator: Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014.
fn splitmix(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::splitmix;

    /// The first outputs for seed 1234567, as many implementations agree (Rosetta Code, *Pseudo-random numbers/Splitmix64*).
    #[test]
    fn splitmix_gives_the_known_answers() {
        let known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431];
        assert_eq!([0, 1, 2, 3].map(|i| splitmix(1_234_567, i)), known);
    }
}
