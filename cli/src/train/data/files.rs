//! Arrays and folders of images as the data of a run.

use super::{Origin, has_labels};
use crate::text::counted;
use limpide::data::images::{ImageFile, ImageFolder, ImageOptions, Survey, load_images, survey};
use limpide::data::{AnyArray, ArrayPlace, ArrayTask, Dataset, Fit, Inputs, Npz, Target, array_dataset};
use limpide::tensor::shape_text;
use limpide::{Error, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Names of an NPZ file's arrays, the likelier first, and of NPY files.
const INPUTS: [&str; 8] = ["x", "X", "x_train", "X_train", "inputs", "images", "data", "train_images"];
const TARGETS: [&str; 8] = ["y", "Y", "y_train", "Y_train", "targets", "labels", "target", "train_labels"];
const TEST_INPUTS: [&str; 4] = ["x_test", "X_test", "test_images", "inputs_test"];
const TEST_TARGETS: [&str; 4] = ["y_test", "Y_test", "test_labels", "targets_test"];
/// Left-out files that are named; more are counted.
const NAMED: usize = 5;

/// Samples from files, before they are divided.
pub struct Given {
    /// All that may train.
    pub all: Dataset<f32>,
    /// A part that the files have for validation.
    pub validation: Option<Dataset<f32>>,
    /// A part that the files have for the test.
    pub test: Option<Dataset<f32>>,
    /// What the targets of `all`, and those of `test`, are with all their digits, (n, k), where they are values.
    pub values: Option<(Tensor<f64>, Option<Tensor<f64>>)>,
    /// The classes by name; none for values.
    pub names: Vec<String>,
    /// What a user can find the samples by.
    pub origin: Origin,
    /// How images were brought to their size.
    pub fit: Option<Fit>,
    /// What was found, a line each.
    pub notes: Vec<String>,
}

/// Arrays of NPY, NPZ and IDX files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArraySource {
    /// `[data.arrays]`.
    pub arrays: Arrays,
}

/// Inputs and targets, perhaps with those of a test part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrays {
    /// What the targets are; as their type suggests, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<ArrayTask>,
    /// Whether images are (n, h, w, c).
    #[serde(default)]
    pub channels_last: bool,
    /// The inputs (n, …).
    pub x: ArrayPlace,
    /// The targets (n, …).
    pub y: ArrayPlace,
    /// Inputs of the test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_test: Option<ArrayPlace>,
    /// Targets of the test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_test: Option<ArrayPlace>,
}

/// A folder of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSource {
    /// The folder: `class/name.png`, perhaps below `train/`, `validation/`, `test/`.
    pub images: PathBuf,
    /// What becomes of them.
    #[serde(default)]
    pub pixels: ImageOptions,
}

impl ArraySource {
    /// The arrays that belong together, from the name of the file with the inputs: those of an NPZ file by their names, or
    /// the file with the targets beside it. `target` names the targets instead.
    ///
    /// # Errors
    /// When the targets are not found, with what there is.
    pub fn found(file: &Path, target: Option<&str>) -> Result<Self> {
        let packed = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("npz"));
        let (x, y, x_test, y_test) = if packed { within(file, target)? } else { beside(file, target)? };
        let (shape, _) = x.header()?;
        let channels_last = matches!(shape[..], [_, h, w, 1 | 3 | 4] if h > 4 && w > 4);
        Ok(ArraySource { arrays: Arrays { task: None, channels_last, x, y, x_test, y_test } })
    }

    /// The number of axes of the inputs, and whether they are flat numbers, which want to be standardised.
    ///
    /// # Errors
    /// Those of the file.
    pub fn axes(&self) -> Result<(usize, bool)> {
        let (shape, bytes) = self.arrays.x.header()?;
        Ok((shape.len(), shape.len() <= 2 && !bytes))
    }

    /// Reads the arrays; the task that was found is written into the description.
    ///
    /// # Errors
    /// Files that cannot be used, and parts that do not fit each other.
    pub fn load(&mut self) -> Result<Given> {
        let Arrays { task, channels_last, x, y, x_test, y_test } = &mut self.arrays;
        let targets = y.read()?;
        let task = *task.get_or_insert_with(|| targets.task());
        let shape = shape_text(targets.shape());
        let mut notes = Vec::new();
        if x_test.is_none() {
            notes.extend(unused(x)?);
        }
        let inputs = x.read()?.inputs(x, *channels_last)?;
        // Whatever type the test part is stored in, its numbers mean what those of training do.
        let divisor = match inputs {
            Inputs::Bytes { divisor, .. } => Some(divisor).filter(|&one| one != 1.0),
            _ => None,
        };
        let digits = |targets: &AnyArray| (task == ArrayTask::Values).then(|| targets.clone().values()).flatten();
        let (values, mut test_values) = (digits(&targets), None);
        let (mut all, names) = array_dataset(inputs, (y, targets), task, None)?;
        all.name = x.to_string();
        notes.insert(0, about_task(y, &shape, task, has_labels(&all)));
        let test = match (x_test, y_test) {
            (Some(x), Some(y)) => {
                let inputs = x.read()?.inputs_for(x, *channels_last, divisor)?;
                if inputs.shape()[1..] != *all.sample_shape() {
                    let wanted = shape_text(&[&[inputs.len()], all.sample_shape()].concat());
                    return Err(Error::shape(format!("data set {x}: the test inputs"), wanted, inputs.shape()));
                }
                let targets = y.read()?;
                test_values = digits(&targets);
                let (mut test, _) = array_dataset(
                    inputs,
                    (y, targets),
                    task,
                    Some(&names).filter(|all| !all.is_empty()).map(Vec::as_slice),
                )?;
                test.name = x.to_string();
                Some(test)
            }
            (None, None) => None,
            _ => return Err(Error::option("data.arrays", "with both x_test and y_test, or neither", "one of them")),
        };
        let values = values.map(|all| (all, test_values));
        let origin = Origin::Rows((1..=all.len()).collect());
        Ok(Given { all, validation: None, test, values, names, origin, fit: None, notes })
    }
}

/// What the targets were taken for, and how to say otherwise.
fn about_task(place: &ArrayPlace, shape: &str, task: ArrayTask, labels: bool) -> String {
    let (own, other) = match task {
        ArrayTask::Classes => ("classes", "values"),
        ArrayTask::Values if labels => {
            return format!("targets: {place} {shape}, taken for labels, each 0 or 1 (BCEWithLogitsLoss)");
        }
        ArrayTask::Values => ("values", "classes"),
    };
    format!("targets: {place} {shape}, taken for {own} (--set data.arrays.task={other} for {other})")
}

/// What an NPZ file holds for a test that cannot be one.
fn unused(x: &ArrayPlace) -> Result<Option<String>> {
    if x.array.is_none() {
        return Ok(None);
    }
    let npz = Npz::open(&x.file)?;
    let of = |names: &[&'static str]| names.iter().copied().find(|name| npz.has(name));
    Ok(match (of(&TEST_INPUTS), of(&TEST_TARGETS)) {
        (Some(x), None) => Some(format!("array {x} is not used: no targets of a test are beside it, such as y_test")),
        (None, Some(y)) => Some(format!("array {y} is not used: no inputs of a test are beside it, such as x_test")),
        _ => None,
    })
}

type Found = (ArrayPlace, ArrayPlace, Option<ArrayPlace>, Option<ArrayPlace>);

/// The arrays of an NPZ file.
fn within(file: &Path, target: Option<&str>) -> Result<Found> {
    let npz = Npz::open(file)?;
    let place = |name: &str| ArrayPlace { file: file.into(), array: Some(name.into()) };
    let of = |names: &[&str]| names.iter().find(|name| npz.has(name)).map(|name| place(name));
    let y = match target {
        Some(name) if npz.has(name) => Some(place(name)),
        Some(name) => return npz.array(name).map(|_| unreachable!("there is none of that name")),
        None => of(&TARGETS),
    };
    // Of two arrays, the other one is the inputs.
    let other = || match npz.names()[..] {
        [one, two] => target.map(|target| place(if one == target { two } else { one })),
        _ => None,
    };
    match (of(&INPUTS).or_else(other), y) {
        (Some(x), Some(y)) => {
            let (x_test, y_test) = (of(&TEST_INPUTS), of(&TEST_TARGETS));
            let both = x_test.is_some() && y_test.is_some();
            Ok((x, y, x_test.filter(|_| both), y_test.filter(|_| both)))
        }
        _ => {
            let names = npz.names().join(", ");
            let problem = format!(
                "wants arrays x and y (or x_train and y_train, images and labels, data and target), got {names}; save it with \
                 np.savez(file, x=…, y=…), or name the targets by --target"
            );
            Err(Error::Data { path: file.into(), problem })
        }
    }
}

/// Where the inputs of a file are that has no targets: the file, or the array of an NPZ file that is named so or alone.
///
/// # Errors
/// An NPZ file in which no array is the one.
pub fn inputs_place(file: &Path) -> Result<ArrayPlace> {
    if file.extension().is_none_or(|end| !end.eq_ignore_ascii_case("npz")) {
        return Ok(ArrayPlace { file: file.into(), array: None });
    }
    let npz = Npz::open(file)?;
    let (names, known) = (npz.names(), INPUTS.iter().chain(&TEST_INPUTS).find(|name| npz.has(name)));
    let array = known.map(ToString::to_string).or_else(|| Some(names[0].to_string()).filter(|_| names.len() == 1));
    if array.is_none() {
        let problem = format!("wants an array x, or one array alone, got {}", names.join(", "));
        return Err(Error::Data { path: file.into(), problem });
    }
    Ok(ArrayPlace { file: file.into(), array })
}

/// A file of inputs and the one of targets beside it.
fn beside(file: &Path, target: Option<&str>) -> Result<Found> {
    let place = |file: PathBuf| ArrayPlace { file, array: None };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let pairs = [
        ("images-idx3", "labels-idx1"),
        ("images", "labels"),
        ("inputs", "targets"),
        ("data", "target"),
        ("x", "y"),
        ("X", "y"),
        ("X", "Y"),
    ];
    let as_path = |name: String| Some(file.with_file_name(name)).filter(|path| path.is_file());
    let partner =
        |name: &str| pairs.iter().flat_map(|pair| renamed(name, pair)).filter(|other| other != name).find_map(as_path);
    let y = match target {
        Some(target) => Some(PathBuf::from(target)).map(|path| std::path::absolute(&path).unwrap_or(path)),
        None => partner(&name),
    };
    let Some(y) = y else {
        let problem = "has no targets beside it (y.npy for x.npy, labels for images); name their file by --target";
        return Err(Error::Data { path: file.into(), problem: problem.into() });
    };
    let tests = [("train", "t10k"), ("train", "test"), ("x", "x_test"), ("X", "X_test")];
    let x_test = tests.iter().flat_map(|pair| renamed(&name, pair));
    let x_test = x_test.filter_map(|name| Some((as_path(name.clone())?, partner(&name)?))).next();
    let (x_test, y_test) = x_test.unzip();
    Ok((place(file.into()), place(y), x_test.map(place), y_test.map(place)))
}

/// The names with `to` at a place of `from`, the last place first: `experiment_x` has two.
fn renamed(name: &str, (from, to): &(&str, &str)) -> Vec<String> {
    let at = |(at, _): (usize, &str)| format!("{}{to}{}", &name[..at], &name[at + from.len()..]);
    name.rmatch_indices(from).map(at).collect()
}

/// What of a folder is not used, a line each: files that are no images by their names, images without a class, and folders that
/// are no part.
pub fn passed_over(folder: &ImageFolder) -> Vec<String> {
    let ImageFolder { others, loose, unused, .. } = folder;
    let loose = passed_over_line(loose, "image", "in no folder of a class");
    let unused = passed_over_line(unused, "folder", "beside train and no part by its name (validation, val, test)");
    others_passed_over(others).into_iter().chain(loose).chain(unused).collect()
}

/// The line about files that are no images by their names, if there are some.
pub fn others_passed_over(others: &[PathBuf]) -> Option<String> {
    passed_over_line(others, "file", "not png, jpg or jpeg by name")
}

fn passed_over_line(paths: &[PathBuf], what: &str, why: &str) -> Option<String> {
    let (first, more) = (paths.first()?.display(), if paths.len() > 1 { " …" } else { "" });
    Some(format!("passed over {}, {why}: {first}{more}", counted(paths.len(), what)))
}

impl ImageSource {
    /// A folder, the rest to be found out.
    pub fn new(images: PathBuf) -> Self {
        ImageSource { images, pixels: ImageOptions::default() }
    }

    /// Whether the folder has a part for validation; what is wrong with the folder is told when it is loaded.
    pub fn has_validation(&self) -> bool {
        ImageFolder::list(&self.images).is_ok_and(|folder| folder.validation.is_some())
    }

    /// Lists, surveys and decodes the files; size and colour that were found are written into the description.
    ///
    /// # Errors
    /// A folder or file that cannot be used, by name.
    pub fn load(&mut self) -> Result<Given> {
        let folder = ImageFolder::list(&self.images)?;
        let parts = [Some(&folder.train), folder.validation.as_ref(), folder.test.as_ref()];
        let paths: Vec<PathBuf> = parts.into_iter().flatten().flatten().map(|file| file.path.clone()).collect();
        let seen = survey(&paths, &self.pixels)?;
        let chosen = self.pixels.size.is_none();
        self.pixels = seen.fill(&self.pixels, &self.images)?;
        let mut bad = Vec::new();
        let mut part = |files: &[ImageFile], what: &str| self.part(&folder, files, what, &mut bad);
        let (all, files) = part(&folder.train, "")?;
        let validation = folder.validation.as_ref().map(|files| part(files, " validation")).transpose()?;
        let test = folder.test.as_ref().map(|files| part(files, " test")).transpose()?.map(|(test, _)| test);
        let (validation, validation_files) = validation.unzip();
        let origin = Origin::Files(files, validation_files);
        let mut notes = vec![self.note(paths.len() - bad.len())];
        notes.extend(self.about_size(&seen).filter(|_| chosen));
        notes.extend(passed_over(&folder));
        if !bad.is_empty() {
            let named: Vec<String> = bad
                .iter()
                .take(NAMED)
                .map(|(path, problem): &(PathBuf, String)| format!("{} ({problem})", path.display()))
                .collect();
            let more = if bad.len() > NAMED { format!(" and {} more", bad.len() - NAMED) } else { String::new() };
            let files = counted(bad.len(), "file");
            notes.push(format!("left out {files} that cannot be decoded: {}{more}", named.join(", ")));
        }
        let (names, fit) = (folder.classes, Some(self.pixels.fit));
        Ok(Given { all, validation, test, values: None, names, origin, fit, notes })
    }

    /// One part of the images, and what they are called within the folder.
    fn part(
        &self,
        folder: &ImageFolder,
        files: &[ImageFile],
        what: &str,
        bad: &mut Vec<(PathBuf, String)>,
    ) -> Result<(Dataset<f32>, Vec<PathBuf>)> {
        let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
        let threads = limpide::kernels::cores();
        let set = load_images(&paths, &self.pixels, threads)?;
        bad.extend(set.bad);
        let labels = set.files.iter().map(|&file| files[file].class as i64).collect();
        let name = format!("{}{what}", self.images.display());
        let within = |path: &PathBuf| path.strip_prefix(&self.images).unwrap_or(path).to_path_buf();
        let names = set.files.iter().map(|&file| within(&paths[file])).collect();
        Ok((Dataset::new(name, set.inputs, Target::classes(labels), folder.classes.len())?, names))
    }

    /// From which sizes the images come to the one that was chosen for them, and how to say another; none when all have it.
    fn about_size(&self, seen: &Survey) -> Option<String> {
        let chosen = self.pixels.size.expect("filled in");
        let [h, w] = chosen;
        let by_pixels = |size: &&[usize; 2]| size[0] * size[1];
        let ([low, narrow], [high, wide]) =
            (seen.sizes.keys().min_by_key(by_pixels)?, seen.sizes.keys().max_by_key(by_pixels)?);
        let found = match seen.sizes.len() {
            1 if seen.sizes.contains_key(&chosen) => return None,
            1 => format!("they are {high}x{wide}"),
            count => format!("they have {count} sizes, {low}x{narrow} to {high}x{wide}"),
        };
        let fit = match self.pixels.fit {
            Fit::Crop => "what sticks out is cut off (--set data.pixels.fit=stretch keeps it)",
            Fit::Stretch => "each is stretched to it",
        };
        Some(format!("{found}, and become {h}x{w} (--set data.pixels.size=[{h},{w}] for another): {fit}"))
    }

    fn note(&self, files: usize) -> String {
        let [h, w] = self.pixels.size.expect("filled in");
        let color = if self.pixels.color == Some(limpide::data::images::Color::Rgb) { "in colour" } else { "grey" };
        format!("{files} images, {h}x{w}, {color}")
    }
}
