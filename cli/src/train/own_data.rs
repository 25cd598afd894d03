//! A run from nothing but data: what the data are decides the network and the recipe, as a description that can be read,
//! changed and trained again.

mod images;

use super::data::files::{ArraySource, ImageSource};
use super::data::table::TableSource;
use super::data::{Answers, DataDescription, Parts, Source, SplitDescription, has_labels};
use super::description::RunDescription;
use super::read::{Setting, described};
use super::session::Session;
use limpide::data::Per;
use limpide::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
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

/// The share of the rows that decide when to stop: a small table can spare few.
const VALIDATION: f64 = 0.1;

/// Whether a file is a description of a run, and no data.
pub fn is_description(file: &Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
}

/// The session of data in a file or folder. `target` names the column of a table, or the array or file of targets.
///
/// # Errors
/// Those of the file and of settings that do not fit.
pub fn session(file: &Path, target: Option<&str>, settings: &[Setting]) -> Result<Session> {
    // A run may be trained again from another folder.
    let file = if file.as_os_str() == "-" { file.into() } else { std::path::absolute(file).unwrap_or(file.into()) };
    let mut data = data(&file, target)?;
    // An autoencoder's targets are the inputs as they came.
    if settings.iter().any(|own| own.field() == "data.targets" && own.text() == "inputs") {
        data.standardize = None;
    }
    let (mut head, parts) = load(data, settings)?;
    let recipe = images::recipe(&parts).unwrap_or_else(|| recipe(&parts));
    let mut table: Table = toml::from_str(&recipe).expect("a recipe is TOML");
    let Value::Table(known) = Value::try_from(&head).expect("plain data") else { unreachable!("a struct is a table") };
    table.extend(known);
    let mut description: RunDescription = described(table, settings)?;
    std::mem::swap(&mut description.data, &mut head.data);
    Session::new(&file, description, parts)
}

/// What a path is: a folder of images, arrays, or else a table; of flat numbers in arrays each is standardised.
fn data(file: &Path, target: Option<&str>) -> Result<DataDescription> {
    let of =
        |source| DataDescription { folder: None, shape: None, targets: None, standardize: None, limit: None, source };
    if file.is_dir() {
        if file.join("run.toml").is_file() {
            let run = file.display();
            let problem = format!(
                "is the folder of a run: `limpide resume {run}` goes on with it, `limpide eval {run}` scores its model, and \
                 `limpide train {run}/run.toml` trains it anew"
            );
            return Err(Error::Data { path: file.into(), problem });
        }
        if target.is_some() {
            let wanted = "left out: this is a folder of images, and its folders are the classes";
            return Err(Error::option("--target", wanted, target.unwrap_or_default()));
        }
        return Ok(of(Source::Images(ImageSource::new(file.into()))));
    }
    if is_array_file(file) {
        let arrays = ArraySource::found(file, target)?;
        let (axes, flat) = arrays.axes()?;
        // (n,) is one number a sample, (n, 1).
        let shape = (axes == 1).then(|| vec![1]);
        return Ok(DataDescription { shape, standardize: flat.then_some(Per::Feature), ..of(Source::Arrays(arrays)) });
    }
    let Some(target) = target else { return Err(no_target(file)) };
    Ok(of(Source::Table(TableSource::new(file.into(), target.into()))))
}

/// Whether a file is NPY, NPZ or IDX by its name.
pub fn is_array_file(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    [".npy", ".npz"].iter().any(|end| name.ends_with(end))
        || plain.ends_with(".idx")
        || ["-ubyte", ".idx1", ".idx3"].iter().any(|end| plain.ends_with(end))
}

/// Reads the data by those settings that are about them.
fn load(data: DataDescription, settings: &[Setting]) -> Result<(Head, Parts)> {
    let own_validation = matches!(&data.source, Source::Images(images) if images.has_validation());
    let validation = if own_validation { 0.0 } else { VALIDATION };
    let split = SplitDescription { validation, ..SplitDescription::default() };
    let about: Vec<Setting> =
        settings.iter().filter(|own| ["seed", "data", "split"].contains(&own.part())).cloned().collect();
    let Value::Table(table) = Value::try_from(Head { seed: 1, data, split }).expect("plain data") else {
        unreachable!("a struct is a table")
    };
    let mut head: Head = described(table, &about)?;
    let parts = head.data.load(&head.split, head.seed)?;
    if parts.validation.is_none() {
        let found = format!("{} of {} samples", head.split.validation, parts.train.len());
        return Err(Error::option(
            "split: validation",
            "a share with at least one sample, to know when to stop",
            found,
        ));
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
/// | width: the power of two at twice the inputs, 32 to 256; from 2,000 samples on a second layer of half | more samples bear more |
/// | SiLU, AdamW, decay on weights alone | smooth, and hardly a setting that must be found |
/// | dropout below 20,000 samples | a small table is learnt by heart |
/// | batches of about a hundredth of the samples, 64 to 256 | as many steps an epoch whatever the size; smaller ones overshoot on small tables |
/// | a twentieth of label smoothing | one row with a wrong class cannot pull without end, so training may go on for longer |
/// | moving averages of the weights | what a few validation samples choose is chosen from a smooth curve |
/// | up to 300 epochs, fewer for many samples, patience of a tenth | the validation loss says when it is enough |
fn recipe(parts: &Parts) -> String {
    let (samples, inputs) = (parts.train.len(), parts.train.sample_shape().iter().product::<usize>());
    let (loss, outputs) = loss(parts);
    let width = (2 * inputs).next_power_of_two().clamp(32, 256);
    let widths = if samples < 2_000 { vec![width] } else { vec![width, width / 2] };
    let batch_size = (samples / 100).next_power_of_two().clamp(64, 256);
    let epochs = (6_000_000 / samples.max(1)).clamp(30, 300);
    let mut text = head(loss, epochs, batch_size, 0.002, epochs / 10);
    if parts.train.sample_shape().len() > 1 {
        text += "[[layers]]\ntype = \"Flatten\"\n";
    }
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

/// What all recipes share, as far as it is not layers.
fn head(loss: &str, epochs: usize, batch_size: usize, lr: f64, patience: usize) -> String {
    format!(
        r#"epochs = {epochs}
batch_size = {batch_size}
loss = {{ {loss} }}
optimizer = {{ type = "AdamW", lr = {lr}, weight_decay = 0.05, groups = [{{ max_rank = 1, weight_decay = 0.0 }}] }}
step = {{ ema = 0.98 }}
early_stopping = {{ metric = "validation_loss", patience = {patience} }}
"#
    )
}

/// The fields of the loss for what the targets are, and the outputs that it wants.
fn loss(parts: &Parts) -> (&'static str, usize) {
    match &parts.answers {
        Answers::Classes(names) => ("name = \"CrossEntropyLoss\", label_smoothing = 0.05", names.len()),
        Answers::Values { .. } => {
            let all = [Some(&parts.train), parts.validation.as_ref(), parts.test.as_ref()];
            let labels = all.into_iter().flatten().all(has_labels);
            let name = if labels { "name = \"BCEWithLogitsLoss\"" } else { "name = \"MSELoss\"" };
            (name, parts.train.target_room(1).shape()[1..].iter().product())
        }
    }
}
