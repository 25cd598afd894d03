//! Families of cases as they are stored: a JSON manifest, and the numbers in a safetensors file.

use super::numbers::{Kind, Numbers};
use limpide::tensor::shape_text;
use limpide::{Error, Result};
use safetensors::SafeTensors;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// A family of cases with their numbers.
#[derive(Debug)]
pub struct Family {
    /// Its name, which is also the name of its files.
    pub name: String,
    /// The cases, in the manifest's order.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Its name, unique in the family.
    pub name: String,
    /// How it is to be run: `layer`, `loss`, `train` …
    pub kind: String,
    /// All that the manifest says about it.
    entry: Value,
    slots: BTreeMap<String, Slot>,
    numbers: HashMap<String, Numbers>,
}

/// What the manifest says about one array of a case.
#[derive(Clone, Debug, Deserialize)]
struct Slot {
    shape: Vec<usize>,
    dtype: Kind,
    /// Whether it is an expected result.
    #[serde(default)]
    check: bool,
    atol_f64: Option<f64>,
    atol_f32: Option<f64>,
}

#[derive(Deserialize)]
struct Manifest {
    schema: u32,
    family: String,
    tensors: Option<String>,
    cases: Vec<Value>,
}

#[derive(Deserialize)]
struct CaseHead {
    name: String,
    kind: String,
    slots: BTreeMap<String, Slot>,
}

impl Case {
    /// The parts of the manifest's entry that a kind of case needs; the error names what is missing.
    pub fn entry<S: DeserializeOwned>(&self) -> std::result::Result<S, String> {
        S::deserialize(&self.entry).map_err(|error| format!("the manifest's entry: {error}"))
    }

    /// The numbers of a slot; the error names it.
    pub fn numbers(&self, slot: &str) -> std::result::Result<&Numbers, String> {
        self.optional(slot).ok_or_else(|| format!("the case has no slot `{slot}`"))
    }

    /// The numbers of a slot that not every case has.
    pub fn optional(&self, slot: &str) -> Option<&Numbers> {
        self.numbers.get(slot)
    }

    /// Whether a slot is an expected result.
    pub fn is_checked(&self, slot: &str) -> bool {
        self.slots.get(slot).is_some_and(|slot| slot.check)
    }

    /// The expected results with their tolerances; without one the slot is not compared.
    pub fn wanted(&self, f32: bool) -> impl Iterator<Item = (&str, &Numbers, Option<f64>)> {
        self.slots.iter().filter(|(_, slot)| slot.check).map(move |(name, slot)| {
            let tolerance = if f32 { slot.atol_f32 } else { slot.atol_f64 };
            (name.as_str(), &self.numbers[name], tolerance)
        })
    }
}

/// All families of a folder, in the order of their names.
///
/// # Errors
/// When the folder or a file cannot be read, or a manifest and its numbers contradict each other.
pub fn families(dir: &Path) -> Result<Vec<Family>> {
    let io = |source| Error::Io { path: dir.into(), source };
    let entries: Vec<_> = fs::read_dir(dir).map_err(io)?.collect::<std::io::Result<_>>().map_err(io)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    if paths.is_empty() {
        return Err(wrong(dir, "wants manifests of cases (*.json), and there is none".to_string()));
    }
    paths.iter().map(|path| Family::read(path)).collect()
}

impl Family {
    /// A family from its manifest; its numbers lie beside it.
    ///
    /// # Errors
    /// When a file cannot be read, or manifest and numbers contradict each other.
    pub fn read(path: &Path) -> Result<Family> {
        let text = fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| wrong(path, format!("is not a manifest of cases: {error}")))?;
        if manifest.schema != 1 {
            return Err(wrong(path, format!("wants schema 1, got {}", manifest.schema)));
        }
        // The names go into paths, so they are held to what the file's own name says.
        let stem = path.file_stem().unwrap_or_default();
        if stem != manifest.family.as_str() {
            let stem = stem.display();
            return Err(wrong(path, format!("wants the family of the file's name, {stem}, got {}", manifest.family)));
        }
        let mut stored = match &manifest.tensors {
            None => HashMap::new(),
            Some(name) if *name == format!("{}.safetensors", manifest.family) => {
                read_numbers(&path.with_file_name(name))?
            }
            Some(name) => {
                return Err(wrong(path, format!("wants tensors in {}.safetensors, got {name}", manifest.family)));
            }
        };
        let mut names = std::collections::HashSet::new();
        let mut cases = Vec::with_capacity(manifest.cases.len());
        for (place, entry) in manifest.cases.into_iter().enumerate() {
            let case =
                Case::read(entry, &mut stored).map_err(|problem| wrong(path, format!("case {place}: {problem}")))?;
            if !names.insert(case.name.clone()) {
                return Err(wrong(path, format!("case {place}: there is another case {}", case.name)));
            }
            cases.push(case);
        }
        Ok(Family { name: manifest.family, cases })
    }
}

impl Case {
    /// A case from its entry, taking its numbers out of those stored.
    fn read(entry: Value, stored: &mut HashMap<String, Numbers>) -> std::result::Result<Case, String> {
        let CaseHead { name, kind, slots } = CaseHead::deserialize(&entry).map_err(|error| error.to_string())?;
        let mut numbers = HashMap::new();
        for (slot_name, slot) in &slots {
            let key = format!("{name}/{slot_name}");
            let found = stored.remove(&key).ok_or_else(|| format!("`{key}` is not among the stored tensors"))?;
            if found.shape != slot.shape || found.kind != slot.dtype {
                let (wanted, stored) = (shape_text(&slot.shape), shape_text(&found.shape));
                return Err(format!(
                    "`{key}` wants {wanted} {:?}, got {stored} {:?} in the stored tensors",
                    slot.dtype, found.kind
                ));
            }
            numbers.insert(slot_name.clone(), found);
        }
        let mut case = Case { name, kind, entry, slots, numbers };
        if case.kind == "scheduler" {
            case.add_rates()?;
        }
        Ok(case)
    }

    /// Makes slots of the lists that a schedule's entry holds itself.
    fn add_rates(&mut self) -> std::result::Result<(), String> {
        #[derive(Deserialize)]
        struct Rates {
            lrs: Vec<f64>,
            momentums: Option<Vec<f64>>,
            rtol: f64,
        }
        let Rates { lrs, momentums, rtol } = self.entry()?;
        for (name, values) in [("lrs", Some(lrs)), ("momentums", momentums)] {
            let Some(values) = values else { continue };
            let tolerance = rtol * values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            let (shape, atol_f64, atol_f32) = (vec![values.len()], Some(tolerance), Some(tolerance));
            self.slots.insert(name.into(), Slot { shape, dtype: Kind::F64, check: true, atol_f64, atol_f32 });
            self.numbers.insert(name.into(), Numbers::new(&[values.len()], values));
        }
        Ok(())
    }
}

fn read_numbers(path: &Path) -> Result<HashMap<String, Numbers>> {
    let bytes = fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let stored =
        SafeTensors::deserialize(&bytes).map_err(|error| wrong(path, format!("is not a safetensors file: {error}")))?;
    let read = |(name, view): (String, _)| {
        let numbers = Numbers::read(&view).map_err(|problem| wrong(path, format!("`{name}` {problem}")))?;
        Ok((name, numbers))
    };
    stored.tensors().into_iter().map(read).collect()
}

fn wrong(path: &Path, problem: String) -> Error {
    Error::Data { path: path.into(), problem }
}
