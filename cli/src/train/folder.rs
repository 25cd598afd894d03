//! The folder of a run: what lies where.

use limpide::files::{prepare_folder, write_atomically};
use limpide::train::{Checkpoint, Checkpoints};
use limpide::{Error, Result};
use std::path::{Path, PathBuf};

/// The file that says why a run can only fail: the same description would fail again.
pub const FAILED: &str = "failed.txt";

/// Where a run keeps its files.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder at a path, or, without one, the first of `runs/NAME`, `runs/NAME-2` … that is not there.
    ///
    /// # Errors
    /// A folder that holds something already, or that cannot be written to.
    pub fn create(out: Option<&Path>, recipe: &Path) -> Result<Self> {
        let path = out.map_or_else(|| next_free(recipe), Path::to_path_buf);
        if path.join("run.toml").exists() {
            let problem =
                format!("holds a run; `limpide resume {}` goes on with it, or choose another --out", path.display());
            return Err(Error::Data { path, problem });
        }
        if path.is_file() {
            let problem = "is a file, and a folder for the run is wanted; choose another --out".into();
            return Err(Error::Data { path, problem });
        }
        if is_taken(&path) {
            let problem = "is not empty; choose another --out".into();
            return Err(Error::Data { path, problem });
        }
        prepare_folder(&path)?;
        Ok(Folder(path))
    }

    /// The folder of a run that has been started.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join("run.toml").is_file() {
            let problem = "is not the folder of a run: it has no run.toml; `limpide train FILE.toml` makes one".into();
            return Err(Error::Data { path: path.into(), problem });
        }
        Ok(Folder(path.into()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What it is called beside others.
    pub fn name(&self) -> String {
        self.0.file_name().map_or_else(|| self.0.display().to_string(), |name| name.to_string_lossy().into())
    }

    /// The description with every default filled in.
    pub fn description(&self) -> PathBuf {
        self.0.join("run.toml")
    }

    /// The trained model.
    pub fn model(&self) -> PathBuf {
        self.0.join("model.safetensors")
    }

    /// The checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// Whether there is a checkpoint, whole or not.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn has_checkpoint(&self) -> Result<bool> {
        Ok(self.checkpoints().is_dir() && Checkpoints::newest(&self.checkpoints())?.is_some())
    }

    /// The newest checkpoint that is whole, when there is any; a damaged one before it is told on stderr.
    ///
    /// # Errors
    /// Those of the newest, when none is whole.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        if !self.checkpoints().is_dir() {
            return Ok(None);
        }
        let mut first = None;
        for path in Checkpoints::all(&self.checkpoints())? {
            match Checkpoint::read(&path) {
                Ok(checkpoint) => {
                    if let Some(error) = first {
                        eprintln!("limpide: {error}; the one before it is taken, {}", path.display());
                    }
                    return Ok(Some(checkpoint));
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(None), Err)
    }

    /// What is said of a file that only a finished run has.
    pub fn unfinished(&self, file: PathBuf) -> Error {
        let run = self.0.display();
        let problem = match std::fs::read_to_string(self.file(FAILED)) {
            Ok(why) => format!(
                "is not there: the run failed, and `limpide resume {run}` would meet the same again: {}; train anew with \
                 another --out",
                why.trim()
            ),
            Err(_) => format!("is not there: the run is not finished; `limpide resume {run}` goes on with it"),
        };
        Error::Data { path: file, problem }
    }

    /// Anything else.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        write_atomically(&self.file(name), text.as_bytes())
    }
}

/// Whether something that is not hidden lies in a folder.
fn is_taken(path: &Path) -> bool {
    let visible = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
    };
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.any(visible))
}

fn next_free(recipe: &Path) -> PathBuf {
    let stem = recipe.file_stem().unwrap_or_default().to_string_lossy();
    // `iris.csv.gz` has two endings, and the standard input no name.
    let stem = match &*stem {
        "-" => "data",
        stem => [".csv", ".tsv", ".txt"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem),
    };
    let number = |n: usize| if n == 1 { format!("runs/{stem}") } else { format!("runs/{stem}-{n}") };
    (1..).map(|n| PathBuf::from(number(n))).find(|path| !path.exists()).expect("there is always a next number")
}
