//! Folders of images: `class/name.png`, perhaps below `train/`, `validation/` and `test/` (in capitals or small letters).

use crate::model::nearest;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// The endings of image files, in small letters.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
/// Names of a part's folder, in small letters.
const TRAIN: [&str; 2] = ["train", "training"];
const VALIDATION: [&str; 3] = ["validation", "valid", "val"];
const TEST: [&str; 2] = ["test", "testing"];
/// How deep folders may lie in each other: a link to a folder above it must not be followed for ever.
const MAX_DEPTH: usize = 16;

/// An image file and the number of its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its class.
    pub class: usize,
}

/// The image files of a folder, sorted by name so that every system sees them in one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFolder {
    /// The folder.
    pub path: PathBuf,
    /// The names of the classes: those of the folders, in the order of their letters.
    pub classes: Vec<String>,
    /// To learn from (and to be divided, when nothing else is there).
    pub train: Vec<ImageFile>,
    /// What lies below `validation/`, when it is there.
    pub validation: Option<Vec<ImageFile>>,
    /// What lies below `test/`, when it is there.
    pub test: Option<Vec<ImageFile>>,
    /// Files among the images that are none by their ending.
    pub others: Vec<PathBuf>,
    /// Images that lie in no folder of a class.
    pub loose: Vec<PathBuf>,
    /// Folders beside the training part that are no part by their names.
    pub unused: Vec<PathBuf>,
}

impl ImageFolder {
    /// Lists a folder; no file is opened. Hidden files and folders are passed over, and `__MACOSX`, which macOS puts into archives.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] when there is no folder of a class, only one, one without an image, a class in a part
    /// that the training part has not, a part without images, or one without a training part.
    pub fn list(path: &Path) -> Result<ImageFolder> {
        let all = folders(path)?;
        let train = part(path, &all, &TRAIN)?;
        let [validation, test] = [part(path, &all, &VALIDATION)?, part(path, &all, &TEST)?];
        let mut folder = ImageFolder { path: path.into(), loose: loose(path)?, ..ImageFolder::default() };
        if train.is_none() {
            no_part_among_classes(&all, [&validation, &test])?;
        }
        let top = train.as_deref().unwrap_or(path);
        folder.classes = class_names(top)?;
        folder.train = folder.files(top)?;
        if let Some(train) = &train {
            let parts = [Some(train), validation.as_ref(), test.as_ref()];
            folder.unused = all.into_iter().map(|(_, path)| path).filter(|path| !parts.contains(&Some(path))).collect();
            folder.loose.extend(loose(top)?);
            folder.validation = validation.map(|top| folder.known_files(&top)).transpose()?;
            folder.test = test.map(|top| folder.known_files(&top)).transpose()?;
        }
        Ok(folder)
    }

    /// Files of a part whose classes must be those of the training part.
    fn known_files(&mut self, top: &Path) -> Result<Vec<ImageFile>> {
        let known: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        if let Some(other) =
            folders(top)?.into_iter().map(|(name, _)| name).find(|name| !known.contains(&name.as_str()))
        {
            let close = nearest(&other, &known).map_or(String::new(), |close| format!("; did you mean {close}?"));
            let problem = format!("is of a class that the training part has not{close}");
            return Err(Error::Data { path: top.join(other), problem });
        }
        let (files, loose) = (self.files(top)?, loose(top)?);
        if files.is_empty() {
            let found = match loose.len() {
                0 => "no image (png, jpg, jpeg)".into(),
                count => format!("images ({count}) in no folder of a class"),
            };
            let problem = format!(
                "holds {found}, and a part wants some as {}/1.png; remove the folder, fill it, or move it elsewhere",
                self.classes[0]
            );
            return Err(Error::Data { path: top.into(), problem });
        }
        self.loose.extend(loose);
        Ok(files)
    }

    /// The images of all classes below a folder.
    fn files(&mut self, top: &Path) -> Result<Vec<ImageFile>> {
        let mut files = Vec::new();
        for (class, name) in self.classes.iter().enumerate() {
            let (folder, before) = (top.join(name), files.len());
            if folder.is_dir() {
                let mut paths = Vec::new();
                collect(&folder, 0, &mut paths, &mut self.others)?;
                files.extend(paths.into_iter().map(|path| ImageFile { path, class }));
            }
            if files.len() == before && self.train.is_empty() {
                let found = others_text(&self.others);
                let problem = format!(
                    "holds no image (png, jpg, jpeg){found}, and every class needs some; remove the folder or fill it"
                );
                return Err(Error::Data { path: folder, problem });
            }
        }
        Ok(files)
    }
}

/// All images in a folder and below, sorted, and the files that are none by their ending; for a prediction, which has no
/// classes.
///
/// # Errors
/// [`Error::Io`]; [`Error::Data`] when there is no image.
pub fn image_files(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut others) = (Vec::new(), Vec::new());
    collect(path, 0, &mut files, &mut others)?;
    if files.is_empty() {
        let problem = format!("holds no image (png, jpg, jpeg){}", others_text(&others));
        return Err(Error::Data { path: path.into(), problem });
    }
    Ok((files, others))
}

/// How many files are no images, and the first of them.
fn others_text(others: &[PathBuf]) -> String {
    let first = others.first().and_then(|path| path.file_name()).unwrap_or_default().display();
    match others.len() {
        0 => String::new(),
        1 => format!(" but the other file {first}"),
        count => format!(" but {count} other files, {first} the first"),
    }
}

/// The folder of a part, by one of its names.
fn part(path: &Path, all: &[(String, PathBuf)], names: &[&str]) -> Result<Option<PathBuf>> {
    let is_named = |(name, _): &&(String, PathBuf)| names.contains(&name.to_lowercase().as_str());
    match all.iter().filter(is_named).collect::<Vec<_>>().as_slice() {
        [] => Ok(None),
        [(_, folder)] => Ok(Some(folder.clone())),
        [(one, _), (other, _), ..] => {
            let problem = format!("has {one} and {other}, which are names of the same part; put them together");
            Err(Error::Data { path: path.into(), problem })
        }
    }
}

/// Whether folders that lie side by side without a training part are classes, and none is a part; `valid` beside `invalid` is
/// a class.
fn no_part_among_classes(all: &[(String, PathBuf)], parts: [&Option<PathBuf>; 2]) -> Result<()> {
    let verdicts = all.iter().any(|(name, _)| name.eq_ignore_ascii_case("invalid"));
    let is_class =
        |folder: &&PathBuf| verdicts && folder.file_name().is_some_and(|own| own.eq_ignore_ascii_case("valid"));
    let Some(folder) = parts.into_iter().flatten().find(|folder| !is_class(folder)) else { return Ok(()) };
    let problem = "is named as a part is, and no folder train lies beside it; put the images to learn from into \
                   train/CLASS/, or give the folder another name if it is a class";
    Err(Error::Data { path: folder.clone(), problem: problem.into() })
}

/// The images that lie in a folder itself.
fn loose(top: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(top)?.into_iter().filter(|path| is_image(path) && path.is_file()).collect())
}

/// The names of the class folders, two at least.
fn class_names(top: &Path) -> Result<Vec<String>> {
    let wrong = |problem: String| Err(Error::Data { path: top.into(), problem });
    let names: Vec<String> = folders(top)?.into_iter().map(|(name, _)| name).collect();
    match names.as_slice() {
        [] => {
            let found = match (loose(top)?.len(), entries(top)?.as_slice()) {
                (0, []) => "nothing".into(),
                (0, others) => format!("no image{}", others_text(others)),
                (loose, _) => format!("{loose} images in no folder of a class"),
            };
            wrong(format!(
                "wants a folder for each class with its images, such as cat/1.png and dog/1.png, got {found}"
            ))
        }
        [one] => wrong(format!("has one class, {one}, and at least two are wanted")),
        _ => Ok(names),
    }
}

/// What is not hidden in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.into(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && name != "__MACOSX" {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The folders in a folder, with their names as text.
fn folders(top: &Path) -> Result<Vec<(String, PathBuf)>> {
    let named = |path: PathBuf| match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok((name.to_string(), path)),
        None => Err(Error::Data { path, problem: "has a name that is not UTF-8; rename it".into() }),
    };
    entries(top)?.into_iter().filter(|path| path.is_dir()).map(named).collect()
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Adds the images in a folder and below.
fn collect(folder: &Path, depth: usize, images: &mut Vec<PathBuf>, others: &mut Vec<PathBuf>) -> Result<()> {
    if depth > MAX_DEPTH {
        let problem = format!("lies {depth} folders deep; the limit is {MAX_DEPTH} (does a link lead back up?)");
        return Err(Error::Data { path: folder.into(), problem });
    }
    for path in entries(folder)? {
        if path.is_dir() {
            collect(&path, depth + 1, images, others)?;
        } else if is_image(&path) {
            images.push(path);
        } else {
            others.push(path);
        }
    }
    Ok(())
}
