//! MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28×28 pixels in four IDX files, found on disk.
//!
//! MNIST: Y. LeCun, C. Cortes and C. J. C. Burges. Fashion-MNIST: H. Xiao, K. Rasul and R. Vollgraf, *Fashion-MNIST: a
//! Novel Image Dataset for Benchmarking Machine Learning Algorithms*, 2017, arXiv 1708.07747; MIT licence.

use super::{Dataset, Inputs, Target, data_folders, read_idx};
use crate::tensor::{Real, shape_text};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// One of the two sets; they differ in their content alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mnist {
    /// Handwritten digits.
    Digits,
    /// Articles of clothing, in MNIST's format and file names.
    Fashion,
}

/// The names of the four files: training images and labels, test images and labels. Each may also end in `.gz`.
pub const MNIST_FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// The four files of a set where they were found, in the order of [`MNIST_FILES`].
#[derive(Clone, Debug, PartialEq)]
pub struct MnistFiles {
    /// Which set it is.
    pub set: Mnist,
    /// The folder they are in.
    pub folder: PathBuf,
    /// The files.
    pub paths: [PathBuf; 4],
}

impl Mnist {
    /// Both sets.
    pub const ALL: [Mnist; 2] = [Mnist::Digits, Mnist::Fashion];

    /// The name in commands and folders: `mnist` or `fashion-mnist`.
    pub fn name(self) -> &'static str {
        match self {
            Mnist::Digits => "mnist",
            Mnist::Fashion => "fashion-mnist",
        }
    }

    /// The name in print.
    pub fn title(self) -> &'static str {
        match self {
            Mnist::Digits => "MNIST",
            Mnist::Fashion => "Fashion-MNIST",
        }
    }

    /// The SHA-256 of each **decompressed** file, in the order of [`MNIST_FILES`]; the mirrors' gzip wrappers differ.
    pub fn sha256(self) -> [&'static str; 4] {
        match self {
            Mnist::Digits => [
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ],
            Mnist::Fashion => [
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ],
        }
    }

    /// The first test labels, by which a folder of files of the same names shows which set it holds.
    fn first_test_labels(self) -> [u8; 10] {
        match self {
            Mnist::Digits => [7, 2, 1, 0, 4, 1, 4, 9, 5, 9],
            Mnist::Fashion => [9, 2, 1, 1, 6, 1, 4, 6, 5, 7],
        }
    }

    /// Looks for the four files in the folders of [`data_folders`]; in each of them first in the sub-folder `mnist` or
    /// `fashion-mnist`, then in the folder itself. `None` when no folder has all four.
    ///
    /// A folder without the set's name that holds the other set is passed over.
    ///
    /// Errs when `dir` or `$LIMPIDE_DATA` is given and is not a folder.
    pub fn find(self, dir: Option<&Path>) -> Result<Option<MnistFiles>> {
        Ok(self.find_in(&data_folders(dir)?))
    }

    /// [`Mnist::find`] in the given folders.
    fn find_in(self, folders: &[PathBuf]) -> Option<MnistFiles> {
        folders.iter().find_map(|folder| {
            let named = self.files_in(&folder.join(self.name()));
            named.or_else(|| self.files_in(folder).filter(|files| !files.is_the_other_set()))
        })
    }

    /// The four files in this very folder, plain or gzip.
    fn files_in(self, folder: &Path) -> Option<MnistFiles> {
        let mut paths = Vec::new();
        for name in MNIST_FILES {
            let candidates = [folder.join(name), folder.join(format!("{name}.gz"))];
            paths.push(candidates.into_iter().find(|path| path.is_file())?);
        }
        Some(MnistFiles { set: self, folder: folder.into(), paths: paths.try_into().ok()? })
    }

    /// Finds and loads the set: the training part and the test part, images (n, 1, 28, 28) kept as bytes that stand for
    /// p / 255, classes 0 to 9.
    ///
    /// Errs when the files are not there (the message says which to put where), or are damaged.
    pub fn load<T: Real>(self, dir: Option<&Path>) -> Result<(Dataset<T>, Dataset<T>)> {
        let folders = data_folders(dir)?;
        self.find_in(&folders).ok_or_else(|| self.absent(&folders))?.load()
    }

    /// What to do by hand to have the set in a folder, for error messages.
    pub fn by_hand(self, folder: &Path) -> String {
        format!("put these four files into {}, each plain or with .gz: {}", folder.display(), MNIST_FILES.join(", "))
    }

    /// The error for files that are in none of the folders.
    fn absent(self, folders: &[PathBuf]) -> Error {
        // What a user can fill: the folder asked for, else the cache folder.
        let place = folders.first().map_or_else(|| PathBuf::from("."), PathBuf::clone).join(self.name());
        let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        Error::Data {
            problem: format!(
                "{} is not there; run `limpide data fetch {}`, or {} (looked in {}, each also with /{})",
                self.title(),
                self.name(),
                self.by_hand(&place),
                looked.join(", "),
                self.name(),
            ),
            path: place,
        }
    }
}

impl MnistFiles {
    /// Loads the training part and the test part; see [`Mnist::load`].
    ///
    /// Errs when a file is damaged, or images and labels do not fit each other.
    pub fn load<T: Real>(&self) -> Result<(Dataset<T>, Dataset<T>)> {
        let [train_images, train_labels, test_images, test_labels] = &self.paths;
        let title = self.set.title();
        Ok((
            part(format!("{title} training"), train_images, train_labels)?,
            part(format!("{title} test"), test_images, test_labels)?,
        ))
    }

    /// Whether the test labels begin as those of the other set.
    fn is_the_other_set(&self) -> bool {
        let Ok(labels) = read_idx(&self.paths[3]) else { return false };
        let first: Vec<u8> = labels.iter().take(10).copied().collect();
        Mnist::ALL.iter().any(|&set| set != self.set && first == set.first_test_labels())
    }
}

/// Images and labels as a data set.
fn part<T: Real>(name: String, images: &Path, labels: &Path) -> Result<Dataset<T>> {
    let wrong = |path: &Path, problem: String| Error::Data { path: path.into(), problem };
    let pixels = read_idx(images)?;
    let &[count, 28, 28] = pixels.shape() else {
        let found = shape_text(pixels.shape());
        return Err(wrong(images, format!("wants images of shape (n, 28, 28), got {found}")));
    };
    let classes = read_idx(labels)?;
    if classes.shape() != [count] {
        let found = shape_text(classes.shape());
        return Err(wrong(labels, format!("wants ({count},), one label for each image, got {found}")));
    }
    if let Some((at, label)) = classes.iter().enumerate().find(|&(_, &label)| label > 9) {
        return Err(wrong(labels, format!("wants labels from 0 to 9, got {label} for image {at}")));
    }
    let inputs = Inputs::Bytes { values: pixels, divisor: T::of(255.0) };
    let targets = Target::classes(classes.iter().map(|&label| label as i64).collect());
    Dataset::new(name, inputs, targets, 10)?.reshape_samples(&[1, 28, 28])
}

impl std::fmt::Display for Mnist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
#[path = "mnist_tests.rs"]
mod tests;
