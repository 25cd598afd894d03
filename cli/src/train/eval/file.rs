//! A model against a file with the truth in it: rows, arrays, or a folder of images for each class.

use super::super::data::files::{ArraySource, passed_over};
use super::super::fit::Fit;
use super::super::own_data::is_array_file;
use super::super::predict::{self, samples};
use super::classes;
use super::left_out::LeftOut;
use crate::stdout;
use crate::text::{counted, label};
use limpide::data::images::ImageFolder;
use limpide::data::{ArrayTask, Inputs, Target, Targets, array_dataset};
use limpide::metrics::{self, Decision};
use limpide::pipeline::{Input, Output, Pipeline};
use limpide::table::{TableFile, is_missing, place_among};
use limpide::tensor::{shape_text, values};
use limpide::{Error, Result, model, tensor};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is right for each sample.
enum Truth {
    /// The number of the class.
    Classes(Vec<usize>),
    /// The values, one sample after the other.
    Values(Vec<f64>),
}

/// Truth and answers, and how many samples these are of.
struct Scored {
    samples: usize,
    truth: Truth,
    outputs: Vec<f64>,
    left_out: LeftOut,
}

/// Scores a model on a file; of a folder, images that cannot be decoded are left out when asked for.
///
/// # Errors
/// A model or a file that cannot be used, with the row of what is wrong.
pub fn score(run: &Path, path: &Path, skip_bad: bool, json: bool) -> Result<ExitCode> {
    let pipeline = model::load(run)?;
    let scored = if path.is_dir() {
        of_folder(&pipeline, path, skip_bad)?
    } else if is_array_file(path) {
        of_arrays(&pipeline, path)?
    } else if samples::is_images(path) {
        let wanted = "on rows, on arrays x and y, or on a folder with a folder of images for each class";
        return Err(Error::option("eval on a file", wanted, path.display()));
    } else {
        of_rows(&pipeline, &*predict::open(&pipeline, path)?)?
    };
    let (figures, text) = scored.figures(pipeline.output());
    if json {
        let (run, file) = (run.display().to_string(), path.display().to_string());
        let mut object = json!({"run": run, "file": file, "samples": scored.samples});
        add(&mut object, scored.left_out.json());
        add(&mut object, figures);
        stdout::json(&object)?;
    } else {
        let what = if path.is_dir() || is_array_file(path) { "sample" } else { "row" };
        stdout::text(format_args!("{}, {}: {text}", path.display(), counted(scored.samples, what)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds the fields of another object, where it is one.
pub fn add(object: &mut Value, more: Value) {
    if let Value::Object(more) = more {
        more.into_iter().for_each(|(name, value)| object[name] = value);
    }
}

/// The target column of a file of rows, and the answers.
fn of_rows(pipeline: &Pipeline, file: &dyn TableFile) -> Result<Scored> {
    let wrong = |problem: String| file.data(&problem);
    let target = match pipeline.input() {
        Input::Table(table) => table.target(),
        Input::Tensor { .. } => None,
    };
    let target = target.ok_or_else(|| {
        let found = "another, which is scored on arrays x and y, or on a folder of images for each class";
        Error::option("eval on a file of rows", "of a model that was trained on rows", found)
    })?;
    let place = predict::names(pipeline, file).iter().position(|name| name == target);
    let place = place.ok_or_else(|| wrong(format!("has no column `{target}` to compare with")))?;
    let mut truth = match pipeline.output() {
        Output::Classes { .. } => Truth::Classes(Vec::new()),
        Output::Labels { .. } | Output::Values { .. } => Truth::Values(Vec::new()),
    };
    let count = predict::outputs(pipeline)?;
    if matches!(truth, Truth::Values(_)) && count != 1 {
        let found = format!("{count} numbers, and the model does not say what they are");
        return Err(Error::option("eval: what the network gives", format!("one value for `{target}`"), found));
    }
    let (mut outputs, mut first, mut samples, mut left_out) = (Vec::new(), 1, 0, LeftOut::default());
    let names = pipeline.output().names();
    predict::answer(pipeline, file, &[], &mut |rows, answers| {
        for row in 0..rows.len() {
            let cell = rows.cell(row, place).trim();
            // A class may have the name of a missing value.
            if is_missing(cell) && !names.iter().any(|name| name == cell) {
                left_out.missing(first + row);
                continue;
            }
            match truth.push(cell, names) {
                Ok(()) => {}
                Err(_) if matches!(truth, Truth::Classes(_)) => {
                    left_out.unknown(first + row, cell);
                    continue;
                }
                Err(wanted) => {
                    return Err(wrong(format!("row {}, column `{target}` wants {wanted}, got `{cell}`", first + row)));
                }
            }
            outputs.extend_from_slice(answers.row(row));
            samples += 1;
        }
        first += rows.len();
        Ok(())
    })?;
    left_out.tell(target);
    if samples == 0 {
        return Err(wrong(format!("has no rows to score on with a value in `{target}` that the model knows")));
    }
    Ok(Scored { samples, truth, outputs, left_out })
}

/// The targets beside the inputs of arrays, and the answers.
fn of_arrays(pipeline: &Pipeline, path: &Path) -> Result<Scored> {
    let arrays = ArraySource::found(path, None)?.arrays;
    let (x, y) = (&arrays.x, &arrays.y);
    let mut outputs = Vec::new();
    let mut samples = 0;
    samples::answer_array(pipeline, x, &mut |answers| {
        samples += answers.len();
        outputs.extend_from_slice(values(&answers.values));
        Ok(())
    })?;
    let targets = y.read()?;
    let truth = match pipeline.output() {
        Output::Classes { names, .. } => {
            let nothing = Inputs::Real(limpide::zeros(&[samples, 0]));
            let (data, _) = array_dataset(nothing, (y, targets), ArrayTask::Classes, Some(names))?;
            let Targets::Given(Target::Classes(labels)) = &data.targets else { unreachable!("classes were asked for") };
            Truth::Classes(labels.iter().map(|&label| label as usize).collect())
        }
        Output::Labels { .. } | Output::Values { .. } => {
            let (found, each) = (shape_text(targets.shape()), outputs.len() / samples.max(1));
            let wanted = targets.values().filter(|all| all.shape() == [samples, each]);
            let wanted = wanted.filter(|all| all.iter().all(|y| y.is_finite())).ok_or_else(|| Error::Data {
                path: y.file.clone(),
                problem: format!("wants finite targets ({samples}, {each}) for what the model gives, got {found}"),
            })?;
            Truth::Values(values(&wanted).to_vec())
        }
    };
    Ok(Scored { samples, truth, outputs, left_out: LeftOut::default() })
}

/// The folders that images lie in, and the answers.
fn of_folder(pipeline: &Pipeline, path: &Path, skip_bad: bool) -> Result<Scored> {
    let wrong = |problem: String| Error::Data { path: path.into(), problem };
    let Output::Classes { names, .. } = pipeline.output() else {
        return Err(Error::option(
            "eval on a folder of images",
            "of a model that tells classes",
            "one that gives values",
        ));
    };
    let folder = ImageFolder::list(path)?;
    if folder.validation.is_some() || folder.test.is_some() {
        return Err(wrong("has several parts; score on one of them, such as its folder `test`".into()));
    }
    passed_over(&folder).iter().for_each(|line| eprintln!("limpide: {line}"));
    let class = |name: &String| {
        let place = names.iter().position(|own| own == name);
        place.ok_or_else(|| wrong(format!("has the class {name}, and the model knows {}", names.join(", "))))
    };
    let classes: Vec<usize> = folder.classes.iter().map(class).collect::<Result<_>>()?;
    let files: Vec<PathBuf> = folder.train.iter().map(|file| file.path.clone()).collect();
    let (mut outputs, mut truth) = (Vec::new(), Vec::new());
    samples::answer_images(pipeline, &files, skip_bad, &mut |places, answers| {
        outputs.extend_from_slice(values(&answers.values));
        truth.extend(places.iter().map(|&place| classes[folder.train[place].class]));
        Ok(())
    })?;
    if truth.is_empty() {
        return Err(wrong("holds no image that can be decoded".into()));
    }
    Ok(Scored { samples: truth.len(), truth: Truth::Classes(truth), outputs, left_out: LeftOut::default() })
}

impl Truth {
    /// Takes a cell, or says what is wanted.
    fn push(&mut self, cell: &str, names: &[String]) -> std::result::Result<(), String> {
        match self {
            Truth::Classes(all) => {
                let class = place_among(names, cell);
                all.push(class.ok_or_else(|| format!("one of {}", names.join(", ")))?);
            }
            Truth::Values(all) => {
                let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
                all.push(value.ok_or("a finite number")?);
            }
        }
        Ok(())
    }
}

impl Scored {
    /// How good the answers are, as an object and in words.
    fn figures(&self, output: &Output) -> (Value, String) {
        let Scored { samples, truth, outputs, .. } = self;
        let (each, names) = (outputs.len() / samples, output.names());
        let answers = tensor(&[*samples, each], outputs.clone());
        match truth {
            Truth::Classes(labels) => classes::figures(names, labels, &answers),
            Truth::Values(wanted) => {
                let yes_no = wanted.iter().all(|&y| y == 0.0 || y == 1.0);
                if yes_no && matches!(output, Output::Labels { .. }) {
                    let names = if names.is_empty() { predict::numbered("label", each) } else { names.to_vec() };
                    return labels(outputs, wanted, &names);
                }
                let fit = Fit::of(&answers, &tensor(&[*samples, each], wanted.clone()), names);
                let text = format!("{fit}\n{}", fit.lines());
                (json!(fit), text)
            }
        }
    }
}

/// The share of labels, each a yes or a no, that are told right: of all, and of each by its name.
fn labels(outputs: &[f64], wanted: &[f64], names: &[String]) -> (Value, String) {
    let told = metrics::classes(Decision::Threshold(0.5), &tensor(&[outputs.len(), 1], outputs.to_vec()));
    let right: Vec<bool> = told.iter().zip(wanted).map(|(&class, &y)| class as f64 == y).collect();
    let share = |first: usize, step: usize| {
        let own = || right.iter().skip(first).step_by(step);
        own().filter(|&&right| right).count() as f64 / own().count() as f64
    };
    let each: Vec<(&String, f64)> = names.iter().enumerate().map(|(at, name)| (name, share(at, names.len()))).collect();
    let lines: String =
        each.iter().map(|(name, share)| format!("    {}  {:.2} %\n", label(name), 100.0 * share)).collect();
    let object: Vec<Value> = each.iter().map(|(name, share)| json!({"name": name, "accuracy": share})).collect();
    let all = share(0, 1);
    (json!({"label_accuracy": all, "labels": object}), format!("labels told right {:.2} %\n{lines}", 100.0 * all))
}
