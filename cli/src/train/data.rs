//! The data of a run: which set, in what form, and how it is divided.

pub mod files;
pub mod fingerprint;
mod source;
mod split;
pub mod table;
mod values;

pub use source::{BuiltIn, Source};
pub use split::SplitDescription;
pub use values::{has_labels, is_yes_no};

use files::Given;
use limpide::data::{self, Dataset, Inputs, Mnist, Per, Split, Standardization, Target, Targets};
use limpide::diagnose::{Names, Part};
use limpide::pipeline::Input;
use limpide::{Error, Result, Tensor, tensor};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where samples come from, and what form they take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataDescription {
    /// The folder with the files of MNIST; else $LIMPIDE_DATA, else the user's cache folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The shape of a sample, when it is not the set's own: `[784]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// The form of the targets, when it is not the set's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetForm>,
    /// What gets a mean of 0 and a deviation of 1, measured on the training part; nothing when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standardize: Option<Per>,
    /// Only so many samples, the first ones, of what is there to train on: for trials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The set or file, with its own options beside it.
    #[serde(flatten)]
    pub source: Source,
}

/// What a loss wants to see as targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetForm {
    /// A row of zeros with a one at the class.
    OneHot,
    /// The class as one number, for two classes and a sigmoid.
    Number,
    /// The inputs again, for an autoencoder.
    Inputs,
}

/// The three parts of a run's data.
pub struct Parts {
    /// To learn from.
    pub train: Dataset<f32>,
    /// To choose by, when there is such a part.
    pub validation: Option<Dataset<f32>>,
    /// To judge by once, when there is such a part.
    pub test: Option<Dataset<f32>>,
    /// How many samples, and of which class, are where.
    pub split: Split,
    /// What a user can find them by.
    pub origin: Origin,
    /// The shape of a sample as it came, before it was given another: an image stays one on paper.
    pub own_shape: Vec<usize>,
    /// What the inputs of validation and test have been standardised by, and those of training are to be.
    pub standardization: Option<Standardization>,
    /// What goes into a network, for the model file.
    pub input: Input,
    /// What its answers are about.
    pub answers: Answers,
    /// The targets of the three parts with all their digits, (n, k), where they are values that are not scaled yet.
    values: Option<[Tensor<f64>; 3]>,
    /// What was found in the data and decided, a line each.
    pub notes: Vec<String>,
}

/// What a user can find a sample by.
pub enum Origin {
    /// The row of the file, counted from 1, that each sample is.
    Rows(Vec<usize>),
    /// The number in a built-in set, from 0.
    Numbers,
    /// The file of an image: of those that may train, and of a validation part of its own.
    Files(Vec<PathBuf>, Option<Vec<PathBuf>>),
}

/// What the targets are.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// Classes by name.
    Classes(Vec<String>),
    /// Numbers that were scaled; see [`limpide::pipeline::Output`].
    Values {
        /// What the numbers are.
        names: Vec<String>,
        /// What was taken off.
        mean: Vec<f64>,
        /// What they were divided by.
        std: Vec<f64>,
    },
}

impl Parts {
    /// The samples to learn from, to choose by and to judge by.
    pub fn sizes(&self) -> [usize; 3] {
        let len = |part: &Option<Dataset<f32>>| part.as_ref().map_or(0, Dataset::len);
        [self.train.len(), len(&self.validation), len(&self.test)]
    }

    /// The training samples as the network sees them where nothing is left to chance.
    ///
    /// # Errors
    /// None that [`DataDescription::load`] has not told.
    pub fn plain_train(&self) -> Result<Dataset<f32>> {
        standardized(self.train.clone(), self.standardization.as_ref())
    }
}

/// Classes by name where they have one, samples by their place in the files.
impl Names for Parts {
    fn input(&self, place: usize, value: f64) -> String {
        values::input_text(self, place, value)
    }

    fn target(&self, place: usize, value: f64) -> String {
        values::target_text(self, place, value)
    }

    fn class(&self, class: usize) -> String {
        let name = match &self.answers {
            Answers::Classes(names) => names.get(class).cloned(),
            Answers::Values { .. } => None,
        };
        name.unwrap_or_else(|| class.to_string())
    }

    fn sample(&self, part: Part, sample: usize) -> String {
        let numbers = match part {
            Part::Train => &self.split.train,
            Part::Validation => &self.split.validation,
        };
        let number = numbers[sample];
        match &self.origin {
            Origin::Rows(rows) => format!("row {}", rows[number]),
            Origin::Numbers => format!("sample {number}"),
            Origin::Files(_, Some(own)) if part == Part::Validation => own[number].display().to_string(),
            Origin::Files(all, _) => all[number].display().to_string(),
        }
    }
}

fn standardized(mut data: Dataset<f32>, standardization: Option<&Standardization>) -> Result<Dataset<f32>> {
    if let Some(standardization) = standardization {
        data.inputs = standardization.apply(&data.inputs)?;
    }
    Ok(data)
}

impl DataDescription {
    /// Loads, divides and reshapes the samples; what was found out of a file is written into the description.
    ///
    /// # Errors
    /// Files that are not there or damaged; options out of range.
    pub fn load(&mut self, split: &SplitDescription, run_seed: u64) -> Result<Parts> {
        if self.limit == Some(0) {
            return Err(Error::option("data.limit", "at least 1, or left out", 0));
        }
        if let Source::Table(table) = &mut self.source {
            if self.shape.is_some() || self.targets.is_some() || self.standardize.is_some() {
                let wanted = "without `shape`, `targets` and `standardize`: columns see to that themselves";
                return Err(Error::option("data: file", wanted, table.file.display()));
            }
            return table.load(self.limit, split, run_seed);
        }
        if let Some(by) = split.by()? {
            let wanted =
                "left out: only a file of rows has columns (`split.shuffle = false` holds back the last samples)";
            return Err(Error::option("split: group and order", wanted, by.column()));
        }
        let Given { mut all, validation: own_validation, test: own_test, values, names, origin, fit, notes } =
            self.given(run_seed)?;
        for (part, share, own) in [("validation", split.validation, &own_validation), ("test", split.test, &own_test)] {
            if own.is_some() && share != 0.0 {
                let wanted = format!("0, because {} comes with a {part} part of its own", all.name);
                return Err(Error::option(format!("split: {part}"), wanted, share));
            }
        }
        if let (Some(folds), Some(_)) = (split.folds, &own_test) {
            let wanted = format!(
                "left out, because {} comes with a test part of its own, and every fold's is another",
                all.name
            );
            return Err(Error::option("split: folds", wanted, folds));
        }
        if let (Some(per), Some(TargetForm::Inputs)) = (self.standardize, self.targets) {
            let wanted = "left out beside targets = \"inputs\", which are the inputs as they came";
            return Err(Error::option("data: standardize", wanted, format!("{per:?}").to_lowercase()));
        }
        if self.standardize.is_some() && matches!(all.inputs, Inputs::Stored { .. }) {
            let wanted = "left out for images that are kept on disk: their pixels go from 0 to 1 as they are";
            return Err(Error::option("data: standardize", wanted, "a standardisation"));
        }
        if let Some(limit) = self.limit {
            all = all.select(&(0..all.len().min(limit)).collect::<Vec<_>>());
        }
        let own_shape = all.sample_shape().to_vec();
        let mut parts = split.divide(&all, None, run_seed)?;
        // Without any division the samples stay in their order and are not copied.
        let train = if parts.train.len() == all.len() {
            parts.train.sort();
            all.clone()
        } else {
            all.select(&parts.train)
        };
        let select = |part: &[usize]| (!part.is_empty()).then(|| all.select(part));
        let whole = parts.clone().with_own(own_validation.as_ref(), own_test.as_ref());
        let (validation, test) =
            (own_validation.or_else(|| select(&parts.validation)), own_test.or_else(|| select(&parts.test)));
        let train = self.shaped(train)?;
        let everything: Vec<usize> = (0..train.len()).collect();
        let measure = |per| Standardization::fit(&train.inputs, &everything, per);
        let standardization = self.standardize.map(measure).transpose()?;
        let ready = |data: Option<Dataset<f32>>| {
            data.map(|data| standardized(self.shaped(data)?, standardization.as_ref())).transpose()
        };
        let (validation, test) = (ready(validation)?, ready(test)?);
        let shape = Some(train.sample_shape().to_vec());
        let divisor = match train.inputs {
            Inputs::Bytes { divisor, .. } | Inputs::Stored { divisor, .. } => Some(divisor).filter(|&one| one != 1.0),
            Inputs::Real(_) => None,
        };
        let input = Input::Tensor { shape, standardization: standardization.clone(), divisor, fit };
        let values = values.filter(|_| self.targets.is_none()).map(|(values, of_test)| {
            let of = |part: &[usize]| values::rows(&values, part);
            [of(&parts.train), of(&parts.validation), of_test.unwrap_or_else(|| of(&parts.test))]
        });
        let answers = match (self.targets, all.classes) {
            (Some(TargetForm::Inputs), _) | (_, 0) => {
                Answers::Values { names: Vec::new(), mean: Vec::new(), std: Vec::new() }
            }
            _ => Answers::Classes(names),
        };
        Ok(Parts {
            train,
            validation,
            test,
            split: whole,
            origin,
            own_shape,
            standardization,
            input,
            answers,
            values,
            notes,
        })
    }

    /// The samples as they come, and the parts that a set has of its own.
    fn given(&mut self, run_seed: u64) -> Result<Given> {
        let source = match &mut self.source {
            Source::Arrays(arrays) => return arrays.load(),
            Source::Images(images) => return images.load(),
            Source::Table(_) => unreachable!("a table is loaded by its own"),
            Source::BuiltIn(source) => source,
        };
        source.check()?;
        let of = |seed: Option<u64>| seed.unwrap_or(run_seed);
        let files = |set: Mnist| set.load::<f32>(self.folder.as_deref()).map(|(train, test)| (train, Some(test)));
        let one = |data: Result<Dataset<f32>>| data.map(|data| (data, None));
        let (all, test) = match *source {
            BuiltIn::Digits {} => one(Ok(data::digits())),
            BuiltIn::Mnist {} => files(Mnist::Digits),
            BuiltIn::FashionMnist {} => files(Mnist::Fashion),
            BuiltIn::Moons { samples, noise, seed } => one(data::moons(samples, noise, of(seed))),
            BuiltIn::Circles { samples, noise, factor, seed } => one(data::circles(samples, noise, factor, of(seed))),
            BuiltIn::Spirals { samples, noise, arms, seed } => one(data::spirals(samples, arms, noise, of(seed))),
            BuiltIn::Regression { samples, seed } => one(data::regression(samples, -1.0..1.0, of(seed))),
        }?;
        let names = (0..all.classes).map(|class| class.to_string()).collect();
        Ok(Given {
            all,
            validation: None,
            test,
            values: None,
            names,
            origin: Origin::Numbers,
            fit: None,
            notes: Vec::new(),
        })
    }

    /// The samples in the form that is asked for.
    fn shaped(&self, mut data: Dataset<f32>) -> Result<Dataset<f32>> {
        if let Some(shape) = &self.shape {
            data = data.reshape_samples(shape)?;
        }
        let Some(form) = self.targets else { return Ok(data) };
        if form == TargetForm::Inputs {
            return Ok(data.autoencoding());
        }
        let Targets::Given(target @ Target::Classes(labels)) = &data.targets else {
            return Err(Error::option(
                "data: targets",
                "left out, because the samples have no classes",
                "a form of classes",
            ));
        };
        let values = match form {
            TargetForm::OneHot => target.one_hot(data.classes)?,
            _ if data.classes == 2 => {
                Target::Values(tensor(&[data.len(), 1], labels.iter().map(|&label| label as f32).collect()))
            }
            _ => return Err(Error::option("data: targets", "number for two classes only", data.classes)),
        };
        Dataset::new(data.name.clone(), data.inputs.clone(), values, 0)
    }

    /// Writes what came from the standard input or another pipe into the folder of the run, so that it can be read again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep_in(&mut self, folder: &Path) -> Result<()> {
        let Source::Table(table) = &mut self.source else { return Ok(()) };
        let Some(bytes) = &table.bytes else { return Ok(()) };
        let path = folder.join(match bytes.as_slice() {
            [0x1F, 0x8B, ..] => "data.csv.gz",
            [b'P', b'A', b'R', b'1', ..] => "data.parquet",
            _ => "data.csv",
        });
        limpide::files::write_atomically(&path, bytes)?;
        table.file = std::path::absolute(&path).unwrap_or(path);
        Ok(())
    }

    /// Looks for files in another folder.
    pub fn look_in(&mut self, folder: Option<&Path>) {
        self.folder = folder.map(Path::to_path_buf).or(self.folder.take());
    }
}
