//! From image files to inputs: sizes looked at first, then every file decoded once on several threads, into memory or, when
//! there is too much, into a file on disk.

use super::header::{ImageHeader, image_header};
use super::picture::{MAX_FILE_BYTES, Picture, decode};
use super::resize::fitted;
use crate::data::{Fit, Inputs, StoredBytes};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The byte that stands for 1.
const WHITE: f32 = 255.0;
/// The longest side of an image as the network sees it.
const MAX_SIDE: usize = 4096;
/// Images with longer sides than that are as a camera made them: nobody has brought them to the size of a network's input.
const PREPARED: usize = 256;
/// The shorter side that such images get, and those of many sizes have at most: a photo is still told by its shapes, and a
/// thousand of them are learnt on a CPU while one waits.
const CHOSEN: usize = 64;

/// The channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// One, (1, h, w).
    Grey,
    /// Three, (3, h, w).
    Rgb,
}

/// How image files become samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageOptions {
    /// Height and width; when this is left out, what [`Survey::size`] finds in the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
    /// The channels; one when no file has colours and this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<Color>,
    /// What happens to an image of other proportions.
    pub fit: Fit,
    /// Whether files that cannot be decoded are left out instead of ending the work.
    pub skip_bad: bool,
    /// MiB of pixels that are kept in memory; where there are more, all are kept on disk.
    pub memory_mib: usize,
}

impl Default for ImageOptions {
    fn default() -> Self {
        ImageOptions { size: None, color: None, fit: Fit::Crop, skip_bad: false, memory_mib: 1024 }
    }
}

impl ImageOptions {
    /// Whether the options are in their range.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn check(&self) -> Result<()> {
        match self.size {
            Some(size) if size.iter().any(|side| !(1..=MAX_SIDE).contains(side)) => Err(Error::option(
                "images: size",
                format!("[height, width], each 1 to {MAX_SIDE}"),
                format!("{size:?}"),
            )),
            _ => Ok(()),
        }
    }
}

/// What the headers of image files say together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// How many files have each size (height, width), and the first of them.
    pub sizes: BTreeMap<[usize; 2], (usize, PathBuf)>,
    /// Whether a file has colours.
    pub color: bool,
    /// The files whose header is damaged, with what is wrong.
    pub bad: Vec<(PathBuf, String)>,
}

/// Reads the header of every file.
///
/// # Errors
/// [`Error::Data`] for the first file that is no image, unless the options skip it.
pub fn survey(files: &[PathBuf], options: &ImageOptions) -> Result<Survey> {
    let mut survey = Survey::default();
    for path in files {
        match header(path) {
            Ok(ImageHeader { height, width, color, .. }) => {
                survey.sizes.entry([height, width]).or_insert_with(|| (0, path.clone())).0 += 1;
                survey.color |= color;
            }
            Err(problem) if options.skip_bad => survey.bad.push((path.clone(), problem)),
            Err(problem) => return Err(bad(path, &problem)),
        }
    }
    Ok(survey)
}

impl Survey {
    /// The size (height, width) for images of which nobody said one; none when there are no images.
    ///
    /// That of more than half of the files stays if no side is above 256, and is made smaller in its proportions, to a shorter
    /// side of 64, if one is. Files of many sizes become squares as wide as the median of their shorter sides, 64 at most.
    pub fn size(&self) -> Option<[usize; 2]> {
        let all: usize = self.sizes.values().map(|(files, _)| files).sum();
        let usual = self.sizes.iter().find(|(_, (files, _))| 2 * files > all);
        match usual {
            Some((&size, _)) if size.iter().all(|&side| side <= PREPARED) => Some(size),
            Some((size, _)) => {
                let shorter = size[0].min(size[1]);
                Some(size.map(|side| if shorter > CHOSEN { (side * CHOSEN + shorter / 2) / shorter } else { side }))
            }
            None => {
                let mut shorter: Vec<(usize, usize)> =
                    self.sizes.iter().map(|([h, w], (files, _))| (*h.min(w), *files)).collect();
                shorter.sort_unstable();
                let mut before = 0;
                let median = shorter.into_iter().find(|(_, files)| {
                    before += files;
                    2 * before >= all
                });
                median.map(|(side, _)| [side.min(CHOSEN); 2])
            }
        }
    }

    /// The options with the size of [`Survey::size`] and the colour that the files have, where they were left out.
    ///
    /// # Errors
    /// Those of [`ImageOptions::check`]; [`Error::Data`] when the options have no size and no file can be read.
    pub fn fill(&self, options: &ImageOptions, folder: &Path) -> Result<ImageOptions> {
        options.check()?;
        let none = || Error::Data { path: folder.into(), problem: "holds no image that can be read".into() };
        let size = options.size.or_else(|| self.size()).ok_or_else(none)?;
        let color = options.color.unwrap_or(if self.color { Color::Rgb } else { Color::Grey });
        let filled = ImageOptions { size: Some(size), color: Some(color), ..options.clone() };
        filled.check()?;
        Ok(filled)
    }
}

/// Decoded images.
#[derive(Clone, Debug)]
pub struct ImageSet {
    /// (n, c, h, w), bytes that stand for p / 255, in memory or on disk.
    pub inputs: Inputs<f32>,
    /// Which of the files each sample is.
    pub files: Vec<usize>,
    /// The files that were left out, with what is wrong.
    pub bad: Vec<(PathBuf, String)>,
}

/// Decodes all files, on that many threads; the samples are in the order of the files, whatever the threads do.
///
/// Memory stays bounded: each thread has one file (at most [`MAX_FILE_BYTES`]), its pixels (at most 16 bytes for each of
/// [`MAX_PIXELS`](super::MAX_PIXELS)) and the sample; beside that are the samples, at most `memory_mib`, or a file on disk from
/// which batches are read, one ahead.
///
/// # Errors
/// Those of [`ImageOptions::check`], with size and colour wanted; [`Error::Data`] for the first file, in order, that cannot be
/// decoded, unless the options skip it, or when none is left; [`Error::Io`] when the disk is full.
pub fn load_images(files: &[PathBuf], options: &ImageOptions, threads: usize) -> Result<ImageSet> {
    options.check()?;
    let size = options.size.ok_or_else(|| Error::option("images: size", "[height, width]", "none"))?;
    let color = options.color.ok_or_else(|| Error::option("images: color", "grey or rgb", "none"))?;
    let channels = if color == Color::Rgb { 3 } else { 1 };
    let width = channels * size[0] * size[1];
    let too_many = width.checked_mul(files.len()).is_none_or(|all| all >> 20 >= options.memory_mib.max(1));
    let store = if too_many { Store::Disk(StoredBytes::create(width)?) } else { Store::memory(width, files.len()) };
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let problems: Mutex<BTreeMap<usize, Problem>> = Mutex::default();
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let file = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(file) else { break };
            let done = sample(path, size, color, options.fit).map_err(Problem::Bad);
            let done = done.and_then(|bytes| store.put(file, &bytes).map_err(Problem::Fatal));
            if let Err(problem) = done {
                // Every file before this one has been begun, and will be finished: the first problem is always the same.
                stop.fetch_or(!options.skip_bad || matches!(problem, Problem::Fatal(_)), Ordering::Relaxed);
                problems.lock().expect("no panic while it is held").insert(file, problem);
            }
        }
    };
    std::thread::scope(|scope| {
        let workers = threads.clamp(1, files.len().max(1));
        (1..workers).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    let mut left_out = Vec::new();
    for (file, problem) in problems.into_inner().expect("no panic while it was held") {
        match problem {
            Problem::Bad(problem) if options.skip_bad => left_out.push((file, problem)),
            Problem::Bad(problem) => return Err(bad(&files[file], &problem)),
            Problem::Fatal(error) => return Err(error),
        }
    }
    let is_bad = |file: &usize| left_out.binary_search_by_key(file, |(bad, _)| *bad).is_ok();
    let kept: Vec<usize> = (0..files.len()).filter(|file| !is_bad(file)).collect();
    if kept.is_empty() {
        let first = left_out.first().map(|(file, problem)| format!("; {}: {problem}", files[*file].display()));
        let found = format!("{} that cannot be decoded{}", left_out.len(), first.unwrap_or_default());
        return Err(Error::option("images", "at least one that can be decoded", found));
    }
    let shape = vec![kept.len(), channels, size[0], size[1]];
    let bad = left_out.into_iter().map(|(file, problem)| (files[file].clone(), problem)).collect();
    Ok(ImageSet { inputs: store.inputs(&kept, shape), files: kept, bad })
}

/// What went wrong with a file.
enum Problem {
    /// The file's own fault.
    Bad(String),
    /// Nobody's, such as a full disk.
    Fatal(Error),
}

/// Where decoded samples go.
enum Store {
    Memory { rows: Vec<Mutex<Vec<u8>>>, width: usize },
    Disk(StoredBytes),
}

impl Store {
    fn memory(width: usize, files: usize) -> Store {
        Store::Memory { rows: (0..files).map(|_| Mutex::default()).collect(), width }
    }

    fn put(&self, file: usize, bytes: &[u8]) -> Result<()> {
        match self {
            Store::Memory { rows, .. } => {
                *rows[file].lock().expect("no panic while it is held") = bytes.to_vec();
                Ok(())
            }
            Store::Disk(stored) => stored.put(file, bytes),
        }
    }

    fn inputs(self, kept: &[usize], shape: Vec<usize>) -> Inputs<f32> {
        match self {
            Store::Memory { mut rows, width } => {
                let mut all = Vec::with_capacity(kept.len() * width);
                for &file in kept {
                    all.append(rows[file].get_mut().expect("no panic while it was held"));
                    rows[file] = Mutex::default();
                }
                Inputs::Bytes { values: crate::tensor(&shape, all), divisor: WHITE }
            }
            Store::Disk(stored) => Inputs::Stored { bytes: Arc::new(stored), rows: kept.into(), shape, divisor: WHITE },
        }
    }
}

fn header(path: &Path) -> std::result::Result<ImageHeader, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened ({error})"))?;
    image_header(BufReader::with_capacity(512, file))
}

/// A file as a sample (c, h, w).
fn sample(path: &Path, size: [usize; 2], color: Color, fit: Fit) -> std::result::Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened ({error})"))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read ({error})"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("is larger than {MAX_FILE_BYTES} bytes"));
    }
    image_sample(&bytes, size, color, fit)
}

/// The bytes of a PNG or JPEG file as a sample (c, h, w) of bytes that stand for p / 255.
///
/// Errs in words, without the file's name.
pub fn image_sample(bytes: &[u8], size: [usize; 2], color: Color, fit: Fit) -> std::result::Result<Vec<u8>, String> {
    let picture: Picture = decode(bytes)?;
    let picture = if color == Color::Grey { picture.grey() } else { picture.rgb() };
    Ok(fitted(&picture, size, fit))
}

/// The error about a file that is no image.
fn bad(path: &Path, problem: &str) -> Error {
    let problem = format!("{problem}; replace or remove the file, or go on past such files with --skip-bad");
    Error::Data { path: path.into(), problem }
}
