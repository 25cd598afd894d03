//! What a model says of images and arrays: CSV with a line for each.

use super::cells;
use crate::text::counted;
use crate::train::data::files::inputs_place;
use limpide::data::images::{Color, ImageOptions, image_files, load_images};
use limpide::data::{Fit, Inputs};
use limpide::pipeline::{Input, Pipeline};
use limpide::tensor::shape_text;
use limpide::{Error, Result};
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
pub fn of_images(pipeline: &Pipeline, path: &Path, skip_bad: bool, names: &[String]) -> Result<Vec<u8>> {
    let Input::Tensor { shape: Some(shape), fit, .. } = pipeline.input() else {
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
    let files = if path.is_dir() { image_files(path)? } else { vec![path.to_path_buf()] };
    let options = ImageOptions {
        size: Some(size),
        color: Some(color),
        fit: fit.unwrap_or(Fit::Crop),
        skip_bad,
        ..ImageOptions::default()
    };
    let threads = limpide::kernels::cores();
    let mut lines = Lines::new("file", names);
    let mut bad: Vec<(PathBuf, String)> = Vec::new();
    for chunk in files.chunks(CHUNK) {
        let set = match load_images(chunk, &options, threads) {
            Ok(set) => set,
            // A chunk of nothing but damaged files; a single file is told as it is.
            Err(Error::Option { .. }) if skip_bad && files.len() > CHUNK => {
                bad.extend(chunk.iter().map(|file| (file.clone(), "cannot be decoded".to_string())));
                continue;
            }
            Err(error) => return Err(error),
        };
        bad.extend(set.bad);
        let what: Vec<String> = set.files.iter().map(|&file| chunk[file].display().to_string()).collect();
        lines.answer(pipeline, &set.inputs, &what)?;
    }
    if let Some((file, problem)) = bad.first() {
        let (named, more) = (file.display(), if bad.len() == 1 { "" } else { " …" });
        let files = counted(bad.len(), "file");
        eprintln!("limpide: left out {files} that cannot be decoded: {named} ({problem}){more}");
    }
    Ok(lines.bytes())
}

/// The answers about the samples of an array: NPY, IDX, or the inputs of an NPZ file.
///
/// # Errors
/// A file that cannot be used; samples of another shape than the model's.
pub fn of_array(pipeline: &Pipeline, path: &Path, names: &[String]) -> Result<Vec<u8>> {
    let place = inputs_place(path)?;
    let (shape, _) = place.header()?;
    let channels_last = match (pipeline.input(), shape.as_slice()) {
        (Input::Tensor { shape: Some(wanted), .. }, &[_, h, w, c]) => **wanted == [c, h, w] && **wanted != [h, w, c],
        _ => false,
    };
    let divisor = match pipeline.input() {
        Input::Tensor { divisor, .. } => *divisor,
        Input::Table(_) => None,
    };
    let inputs = place.read()?.inputs_for(&place, channels_last, divisor)?;
    let mut lines = Lines::new("row", names);
    let rows: Vec<String> = (1..=inputs.len()).map(|row| row.to_string()).collect();
    lines.answer(pipeline, &inputs, &rows)?;
    Ok(lines.bytes())
}

/// CSV that is being made.
struct Lines(csv::Writer<Vec<u8>>);

impl Lines {
    fn new(first: &str, names: &[String]) -> Self {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(std::iter::once(first).chain(names.iter().map(String::as_str))).expect(FULL);
        Lines(writer)
    }

    /// A line for every sample, which begins with what it is.
    fn answer(&mut self, pipeline: &Pipeline, inputs: &Inputs<f32>, what: &[String]) -> Result<()> {
        for (part, what) in what.chunks(CHUNK).enumerate() {
            let indices: Vec<usize> = (part * CHUNK..part * CHUNK + what.len()).collect();
            let answers = pipeline.predict(&inputs.gather(&indices))?;
            for (row, what) in what.iter().enumerate() {
                self.0.write_record(std::iter::once(what.clone()).chain(cells(&answers, row))).expect(FULL);
            }
        }
        Ok(())
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect(FULL)
    }
}

const FULL: &str = "memory is written to without fail";
