//! The digits of experiments 5 to 7: MNIST where it is found, else the embedded 8×8 digits.

use super::Settings;
use crate::chart::count;
use limpide::Result;
use limpide::data::{self, Dataset, Mnist, Split};
use std::path::Path;
use std::sync::Once;

/// Images of digits, (n, 1, side, side), divided into three.
pub struct Digits {
    /// To learn from.
    pub train: Dataset<f32>,
    /// To watch the training by: a validation part, or with MNIST the test images themselves, which choose nothing.
    pub watch: Dataset<f32>,
    /// What the watched part is: `validation` or `test`.
    pub watched: &'static str,
    /// To judge by.
    pub test: Dataset<f32>,
    /// Width and height of an image.
    pub side: usize,
    /// What the data are, for tables and captions.
    pub about: String,
}

impl Digits {
    /// Whether these are the MNIST images.
    pub fn is_mnist(&self) -> bool {
        self.side == 28
    }

    /// Whether these are all of MNIST's images, so that figures can be held against the report's.
    pub fn is_whole_mnist(&self) -> bool {
        self.is_mnist() && self.train.len() == 60_000
    }

    /// The data sets with images as rows of numbers, for dense networks.
    pub fn flat(&self) -> Result<Digits> {
        let flat = |data: &Dataset<f32>| data.reshape_samples(&[self.side * self.side]);
        let (train, watch, test) = (flat(&self.train)?, flat(&self.watch)?, flat(&self.test)?);
        Ok(Digits { train, watch, test, watched: self.watched, side: self.side, about: self.about.clone() })
    }
}

/// MNIST as it comes (60,000 to train, 10,000 to test), else, as is told on stderr, the 1,797 embedded digits: 70 % to train, 10 % to validate
/// and 20 % to test.
pub fn load(settings: &Settings) -> Result<Digits> {
    let mnist = Mnist::Digits;
    if has_mnist(settings.data.as_deref())? {
        let (mut train, mut test) = mnist.load::<f32>(settings.data.as_deref())?;
        if settings.quick {
            [train, test] =
                [train, test].map(|part| part.select(&(0..part.len().min(QUICK_IMAGES)).collect::<Vec<_>>()));
        }
        let about = format!("MNIST: {} to train, {} to test", count(train.len() as u64), count(test.len() as u64));
        return Ok(Digits { train, watch: test.clone(), test, watched: "test", side: 28, about });
    }
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        eprintln!(
            "limpide: MNIST is not found, the embedded 8×8 digits take its place; `limpide data fetch mnist` gets it"
        );
    });
    let all = data::digits::<f32>().reshape_samples(&[1, 8, 8])?;
    let split = Split::new(&all, 0.1, 0.2, settings.seed)?;
    let [train, validation, test] = [&split.train, &split.validation, &split.test].map(|part| all.select(part));
    let sizes = [&train, &validation, &test].map(|part| count(part.len() as u64));
    let about = format!("UCI digits, 8×8: {} to train, {} to validate, {} to test", sizes[0], sizes[1], sizes[2]);
    Ok(Digits { train, watch: validation, test, watched: "validation", side: 8, about })
}

/// Whether MNIST is there.
///
/// # Errors
/// A folder that is none, or was named to hold MNIST and does not.
pub fn has_mnist(data: Option<&Path>) -> Result<bool> {
    match (Mnist::Digits.find(data)?, data) {
        // Loading tells where the files were wanted.
        (None, Some(_)) => Mnist::Digits.load::<f32>(data).map(|_| true),
        (files, _) => Ok(files.is_some()),
    }
}

/// MNIST images to train and to test in a quick run; the report's convolutional network learnt from as many.
const QUICK_IMAGES: usize = 2_000;
