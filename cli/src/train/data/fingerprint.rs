//! The samples of a run in one number, so that a run is not gone on with, judged or drawn on others.

use super::super::folder::Folder;
use super::super::outcome::Outcome;
use super::super::session::Session;
use super::{Answers, Parts, Source};
use limpide::data::images::ImageFolder;
use limpide::data::{Dataset, Inputs, Target, Targets};
use limpide::{Error, Result, Tensor, tensor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The file in the folder of a run.
const FILE: &str = "data.json";
/// Numbers that are hashed at a time.
const CHUNK: usize = 16 << 10;

/// What is kept of the data.
#[derive(Serialize, Deserialize)]
struct Fingerprint {
    /// Samples that train, are held against, and test.
    samples: [usize; 3],
    /// Of the samples in their order, inputs and targets; none for a run of an older version.
    sha256: Option<String>,
}

/// Keeps the fingerprint of a session's data in a new folder, where they come from files; in one that has it, [`check`].
///
/// # Errors
/// Those of [`check`] and of writing.
pub fn keep(folder: &Folder, session: &Session) -> Result<()> {
    check(folder, session)?;
    let source = &session.description.data.source;
    if folder.file(FILE).is_file() || !source.is_of_files() {
        return Ok(());
    }
    let sha256 = Some(digest(source, &session.parts)?);
    let own = Fingerprint { samples: session.parts.sizes(), sha256 };
    folder.write(FILE, &format!("{:#}\n", serde_json::json!(own)))
}

/// Whether the data are still those of the run: others would be divided otherwise, and what trained could come to judge.
///
/// # Errors
/// [`Error::Data`] when they are not; image files that are gone.
pub fn check(folder: &Folder, session: &Session) -> Result<()> {
    let Some(then) = Fingerprint::read(folder)? else { return Ok(()) };
    let (parts, run) = (&session.parts, folder.path().display());
    let changed = if then.samples != parts.sizes() {
        let words = |[train, validation, test]: [usize; 3]| format!("{train}, {validation} and {test}");
        let (then, now) = (words(then.samples), words(parts.sizes()));
        format!(
            "is of a run on {then} samples (training, validation, test), and its data {} have {now} now",
            parts.train.name
        )
    } else if let Some(then) = then.sha256
        && then != digest(&session.description.data.source, parts)?
    {
        format!(
            "is of a run on other samples than its data {} have now, or on these in another order",
            parts.train.name
        )
    } else {
        return Ok(());
    };
    let advice = format!(
        "put the old data back, or train anew with another --out (limpide eval {run} FILE scores the model on a file of rows)"
    );
    Err(Error::Data { path: folder.description(), problem: format!("{changed}; {advice}") })
}

impl Fingerprint {
    /// That of a run; of an older version, the numbers of samples in its result.
    fn read(folder: &Folder) -> Result<Option<Self>> {
        let path = folder.file(FILE);
        if path.is_file() {
            let bytes = std::fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
            return serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                let problem =
                    format!("is not what a run keeps of its data: {error}; without the file nothing is compared");
                Error::Data { path, problem }
            });
        }
        if !folder.file("result.json").is_file() {
            return Ok(None);
        }
        Ok(Outcome::read(folder)?.samples.map(|samples| Fingerprint { samples, sha256: None }))
    }
}

/// SHA-256 of every part's inputs and targets, and of what their numbers mean; of images on disk, the names and sizes of files.
fn digest(source: &Source, parts: &Parts) -> Result<String> {
    let mut hasher = Sha256::new();
    let answers = match &parts.answers {
        Answers::Classes(names) => (names, None),
        Answers::Values { names, mean, std } => (names, Some((mean, std))),
    };
    let meaning = serde_json::to_vec(&(&parts.input, answers)).expect("plain data");
    hasher.update(meaning);
    for data in [Some(&parts.train), parts.validation.as_ref(), parts.test.as_ref()] {
        match data {
            Some(data) => of_samples(&mut hasher, data),
            None => hasher.update(b"no part"),
        }
    }
    if let (Source::Images(images), Inputs::Stored { .. }) = (source, &parts.train.inputs) {
        of_files(&mut hasher, &images.images)?;
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn of_samples(hasher: &mut Sha256, data: &Dataset<f32>) {
    hasher.update(format!("{:?}", data.inputs.shape()));
    match &data.inputs {
        Inputs::Real(all) => of_reals(hasher, all),
        Inputs::Bytes { values, .. } => match values.as_slice() {
            Some(bytes) => hasher.update(bytes),
            None => hasher.update(values.iter().copied().collect::<Vec<u8>>()),
        },
        Inputs::Stored { rows, .. } => rows.iter().for_each(|&row| hasher.update((row as u64).to_le_bytes())),
    }
    match &data.targets {
        Targets::Given(Target::Values(all)) => of_reals(hasher, all),
        Targets::Given(Target::Classes(all)) => all.iter().for_each(|class| hasher.update(class.to_le_bytes())),
        Targets::Inputs => hasher.update(b"inputs"),
    }
}

fn of_reals(hasher: &mut Sha256, all: &Tensor<f32>) {
    let mut bytes = Vec::with_capacity(4 * CHUNK);
    for some in tensor::values(&tensor::dense(all)).chunks(CHUNK) {
        bytes.clear();
        bytes.extend(some.iter().flat_map(|x| x.to_le_bytes()));
        hasher.update(&bytes);
    }
}

/// The image files of a folder by their names in it, sizes and classes.
fn of_files(hasher: &mut Sha256, path: &Path) -> Result<()> {
    let folder = ImageFolder::list(path)?;
    let parts = [Some(&folder.train), folder.validation.as_ref(), folder.test.as_ref()];
    for file in parts.into_iter().flatten().flatten() {
        let size = std::fs::metadata(&file.path).map_err(|source| Error::Io { path: file.path.clone(), source })?.len();
        let name = file.path.strip_prefix(path).unwrap_or(&file.path);
        hasher.update(format!("{}\0{size}\0{}\0", name.display(), file.class));
    }
    Ok(())
}
