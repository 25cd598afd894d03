//! What a model says of images and arrays: CSV with a line for each.

use super::{among_all, answer_names, cells, check_finite};
use crate::text::counted;
use crate::train::data::files::{inputs_place, others_passed_over};
use limpide::data::images::{Color, ImageOptions, image_files, image_sample, load_images};
use limpide::data::{ArrayPlace, Fit, Inputs};
use limpide::pipeline::{Input, Pipeline, Predictions};
use limpide::tensor::shape_text;
use limpide::{Error, Result, Tensor, tensor};
use std::path::{Path, PathBuf};

/// Samples that are answered at a time.
const CHUNK: usize = 256;

/// Whether a path is a folder of images or an image by its name.
pub fn is_images(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    path.is_dir() || end.is_some_and(|end| ["png", "jpg", "jpeg"].contains(&end.as_str()))
}

/// The answers about an image or a folder of them; files that cannot be decoded are left out and counted when asked for.
///
/// # Errors
/// A model that was not trained on images; a file that is none, by name.
pub fn of_images(pipeline: &Pipeline, path: &Path, skip_bad: bool) -> Result<Vec<u8>> {
    let (files, others) = if path.is_dir() { image_files(path)? } else { (vec![path.to_path_buf()], Vec::new()) };
    others_passed_over(&others).iter().for_each(|line| eprintln!("limpide: {line}"));
    let mut lines = Lines::new(pipeline, "file")?;
    answer_images(pipeline, &files, skip_bad, &mut |places, answers| {
        for (row, &place) in places.iter().enumerate() {
            lines.add(files[place].display().to_string(), cells(pipeline, answers, row));
        }
        Ok(())
    })?;
    Ok(lines.bytes())
}

/// The answers about the samples of an array: NPY, IDX, or the inputs of an NPZ file.
///
/// # Errors
/// A file that cannot be used; samples of another shape than the model's.
pub fn of_array(pipeline: &Pipeline, path: &Path) -> Result<Vec<u8>> {
    let mut lines = Lines::new(pipeline, "row")?;
    let mut number = 0;
    answer_array(pipeline, &inputs_place(path)?, &mut |answers| {
        for row in 0..answers.len() {
            number += 1;
            lines.add(number.to_string(), cells(pipeline, answers, row));
        }
        Ok(())
    })?;
    Ok(lines.bytes())
}

/// How a model wants its images.
pub struct Form {
    size: [usize; 2],
    color: Color,
    fit: Fit,
    /// By what a byte is divided.
    divisor: f32,
}

impl Form {
    /// # Errors
    /// A model that was not trained on images.
    pub fn of(pipeline: &Pipeline) -> Result<Form> {
        let Input::Tensor { shape: Some(shape), fit, divisor, .. } = pipeline.input() else {
            return Err(Error::option("images", "for a model that was trained on images", "a model of something else"));
        };
        let (color, size) = match **shape {
            [1, h, w] | [h, w] => (Color::Grey, [h, w]),
            [3, h, w] => (Color::Rgb, [h, w]),
            _ => {
                let wanted = "for a model of images (1, h, w) or (3, h, w)";
                return Err(Error::option("images", wanted, shape_text(shape)));
            }
        };
        Ok(Form { size, color, fit: fit.unwrap_or(Fit::Crop), divisor: divisor.unwrap_or(1.0) })
    }

    /// The bytes of an image file as one sample, (1, c, h, w).
    ///
    /// # Errors
    /// In words, what is wrong with the image.
    pub fn sample(&self, bytes: &[u8]) -> std::result::Result<Tensor<f32>, String> {
        let [h, w] = self.size;
        let pixels = image_sample(bytes, self.size, self.color, self.fit)?;
        let values = tensor(&[1, pixels.len() / (h * w), h, w], pixels);
        Ok(Inputs::Bytes { values, divisor: self.divisor }.gather(&[0]))
    }
}

/// Answers images, some at a time; `take` is told which of the files each answer is about.
///
/// # Errors
/// Those of [`of_images`] and of `take`.
pub fn answer_images(
    pipeline: &Pipeline,
    files: &[PathBuf],
    skip_bad: bool,
    take: &mut dyn FnMut(&[usize], &Predictions) -> Result<()>,
) -> Result<()> {
    let Form { size, color, fit, divisor } = Form::of(pipeline)?;
    let options = ImageOptions { size: Some(size), color: Some(color), fit, skip_bad, ..ImageOptions::default() };
    let threads = limpide::kernels::cores();
    let mut bad: Vec<(PathBuf, String)> = Vec::new();
    for (part, chunk) in files.chunks(CHUNK).enumerate() {
        let mut set = match load_images(chunk, &options, threads) {
            Ok(set) => set,
            // A chunk of nothing but damaged files; a single file is told as it is.
            Err(Error::Option { .. }) if skip_bad && files.len() > CHUNK => {
                bad.extend(chunk.iter().map(|file| (file.clone(), "cannot be decoded".to_string())));
                continue;
            }
            Err(error) => return Err(error),
        };
        bad.extend(set.bad);
        // Bytes mean what they meant in training, as those of an array do.
        if let Inputs::Bytes { divisor: own, .. } | Inputs::Stored { divisor: own, .. } = &mut set.inputs {
            *own = divisor;
        }
        let places: Vec<usize> = set.files.iter().map(|file| part * CHUNK + file).collect();
        answer(pipeline, &set.inputs, &mut |first, answers| take(&places[first..first + answers.len()], answers))?;
    }
    if let Some((file, problem)) = bad.first() {
        let (named, more) = (file.display(), if bad.len() == 1 { "" } else { " …" });
        let files = counted(bad.len(), "file");
        eprintln!("limpide: left out {files} that cannot be decoded: {named} ({problem}){more}");
    }
    Ok(())
}

/// Answers the samples of an array, some at a time.
///
/// # Errors
/// Those of [`of_array`] and of `take`.
pub fn answer_array(
    pipeline: &Pipeline,
    place: &ArrayPlace,
    take: &mut dyn FnMut(&Predictions) -> Result<()>,
) -> Result<()> {
    let (shape, _) = place.header()?;
    let channels_last = match (pipeline.input(), shape.as_slice()) {
        (Input::Tensor { shape: Some(wanted), .. }, &[_, h, w, c]) => **wanted == [c, h, w] && **wanted != [h, w, c],
        _ => false,
    };
    let divisor = match pipeline.input() {
        Input::Tensor { divisor, .. } => *divisor,
        Input::Table(_) => None,
    };
    let inputs = place.read()?.inputs_for(place, channels_last, divisor)?;
    answer(pipeline, &inputs, &mut |_, answers| take(answers))
}

/// Answers samples, some at a time; `take` is told which is the first of them.
fn answer(
    pipeline: &Pipeline,
    inputs: &Inputs<f32>,
    take: &mut dyn FnMut(usize, &Predictions) -> Result<()>,
) -> Result<()> {
    for first in (0..inputs.len()).step_by(CHUNK) {
        let indices: Vec<usize> = (first..inputs.len().min(first + CHUNK)).collect();
        let answers = pipeline.predict(&inputs.gather(&indices)).map_err(|error| among_all(error, first))?;
        check_finite(&answers, first + 1)?;
        take(first, &answers)?;
    }
    Ok(())
}

/// CSV that is being made.
struct Lines(csv::Writer<Vec<u8>>);

impl Lines {
    /// The names of the columns, the first of them what a line begins with.
    fn new(pipeline: &Pipeline, first: &str) -> Result<Self> {
        let mut lines = Lines(csv::Writer::from_writer(Vec::new()));
        lines.add(first.into(), answer_names(pipeline)?.into_iter());
        Ok(lines)
    }

    fn add(&mut self, what: String, cells: impl Iterator<Item = String>) {
        self.0.write_record(std::iter::once(what).chain(cells)).expect(FULL);
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect(FULL)
    }
}

const FULL: &str = "memory is written to without fail";
