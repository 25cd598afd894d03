//! A run from nothing but data: what the data are decides the network and the recipe, as a description that can be read,
//! changed and trained again.

use super::data::table::TableSource;
use super::data::{Answers, DataDescription, Parts, Source, SplitDescription};
use super::description::RunDescription;
use super::read::{Setting, described};
use super::session::Session;
use limpide::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The part of a description that is known before the data are seen.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(default = "one")]
    seed: u64,
    data: DataDescription,
    split: SplitDescription,
}

fn one() -> u64 {
    1
}

/// The share of the rows that decide when to stop.
const VALIDATION: f64 = 0.15;

/// Whether a file is a description of a run, and no data.
pub fn is_description(file: &Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
}

/// The session of a file of rows, one column of which is the target.
///
/// # Errors
/// Those of the file and of settings that do not fit.
pub fn session(file: &Path, target: Option<&str>, settings: &[Setting]) -> Result<Session> {
    let Some(target) = target else { return Err(no_target(file)) };
    // A run may be trained again from another folder.
    let file = if file.as_os_str() == "-" { file.into() } else { std::path::absolute(file).unwrap_or(file.into()) };
    let (mut head, parts) = load(file.clone(), target, settings)?;
    let mut table: Table = toml::from_str(&recipe(&parts)).expect("a recipe is TOML");
    let Value::Table(known) = Value::try_from(&head).expect("plain data") else { unreachable!("a struct is a table") };
    table.extend(known);
    let mut description: RunDescription = described(table, settings)?;
    std::mem::swap(&mut description.data, &mut head.data);
    Session::new(&file, description, parts)
}

/// Reads the data by those settings that are about them.
fn load(file: PathBuf, target: &str, settings: &[Setting]) -> Result<(Head, Parts)> {
    let source = Source::Table(TableSource::new(file, target.into()));
    let data = DataDescription { folder: None, shape: None, targets: None, standardize: None, limit: None, source };
    let split = SplitDescription { validation: VALIDATION, ..SplitDescription::default() };
    let about: Vec<Setting> =
        settings.iter().filter(|own| ["seed", "data", "split"].contains(&own.part())).cloned().collect();
    let Value::Table(table) = Value::try_from(Head { seed: 1, data, split }).expect("plain data") else {
        unreachable!("a struct is a table")
    };
    let mut head: Head = described(table, &about)?;
    let parts = head.data.load(&head.split, head.seed)?;
    if parts.validation.is_none() {
        let found = format!("{} of {} rows", head.split.validation, parts.train.len());
        return Err(Error::option("split: validation", "a share with at least one row, to know when to stop", found));
    }
    Ok((head, parts))
}

/// What is said when nobody has named a target: the names that there are.
fn no_target(file: &Path) -> Error {
    let source = TableSource::new(file.into(), String::new()).open();
    let names = match source {
        Ok(source) => source.columns().to_vec(),
        Err(error) => return error,
    };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Error::option("--target", format!("one of the columns {}", names.join(", ")), "nothing")
}

/// A network and a way to train it, by the number of samples and of numbers in each, and by what the targets are.
///
/// | choice | reason |
/// | --- | --- |
/// | width: the power of two at twice the inputs, 32 to 256; from 2,000 samples on a second layer of half of it | more samples bear more parameters |
/// | SiLU, AdamW, decay on weights alone | smooth, and hardly a setting that must be found |
/// | dropout below 20,000 samples | a small table is learnt by heart |
/// | batches of about a hundredth of the samples, 16 to 256 | as many steps an epoch whatever the size |
/// | moving averages of the weights | what a few validation samples choose is chosen from a smooth curve |
/// | up to 300 epochs, fewer for many samples, patience of a tenth | the validation loss says when it is enough |
fn recipe(parts: &Parts) -> String {
    let (samples, inputs) = (parts.train.len(), parts.train.sample_shape().iter().product::<usize>());
    let (loss, outputs) = match &parts.answers {
        Answers::Classes(names) => ("CrossEntropyLoss", names.len()),
        Answers::Values { .. } => ("MSELoss", 1),
    };
    let width = (2 * inputs).next_power_of_two().clamp(32, 256);
    let widths = if samples < 2_000 { vec![width] } else { vec![width, width / 2] };
    let batch_size = (samples / 100).next_power_of_two().clamp(16, 256);
    let epochs = (6_000_000 / samples.max(1)).clamp(30, 300);
    let patience = epochs / 10;
    let mut text = format!(
        r#"epochs = {epochs}
batch_size = {batch_size}
loss = {{ name = "{loss}" }}
optimizer = {{ type = "AdamW", lr = 0.002, weight_decay = 0.05, groups = [{{ max_rank = 1, weight_decay = 0.0 }}] }}
step = {{ ema = 0.98 }}
early_stopping = {{ metric = "validation_loss", patience = {patience} }}
"#
    );
    let mut before = inputs;
    for width in widths {
        text += &format!(
            "[[layers]]\ntype = \"Linear\"\nin_features = {before}\nout_features = {width}\n[[layers]]\ntype = \"SiLU\"\n"
        );
        if samples < 20_000 {
            text += "[[layers]]\ntype = \"Dropout\"\np = 0.1\n";
        }
        before = width;
    }
    text + &format!("[[layers]]\ntype = \"Linear\"\nin_features = {before}\nout_features = {outputs}\n")
}
