//! `limpide predict`: what a trained model says of rows in a file.

mod number;
pub mod samples;

use super::data::table::standard_input;
use super::own_data::is_array_file;
use crate::{model_file, overwrite, stdout};
use limpide::error::one_line;
use limpide::files::write_atomically;
use limpide::pipeline::{Input, Output, Pipeline, Predictions};
use limpide::table::{self, Column, CsvOptions, Encoding, Rows, Table, TableFile};
use limpide::{Error, Result, model, tensor};
pub use number::Number;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Say what a trained model makes of rows, images or arrays.
///
/// CSV or Parquet comes in and CSV goes out, a row for a row: the class and the probability of each, or the value in the target's own
/// units. An image or a folder of them gives a line for each file, an NPY, NPZ or IDX file one for each sample. Nothing is written
/// unless all is right.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  limpide predict runs/iris new.csv --out answers.csv\n  zcat new.csv.gz | limpide predict runs/iris -"
)]
pub struct Arguments {
    /// The folder of a run, or a model file.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Rows with the columns that the model was trained on (the target may be among them); - for the standard input. Or an
    /// image, a folder of images, or an array.
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The file to write; the standard output when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A column to copy before the answers, such as an id (may be given several times). Beside the target's own column the
    /// answer is called predicted_NAME.
    #[arg(long, value_name = "COLUMN")]
    keep: Vec<String>,
    /// Pass over columns that the model does not know.
    #[arg(long)]
    ignore_extra: bool,
    /// Leave out images that cannot be decoded, and count them.
    #[arg(long)]
    skip_bad: bool,
}

/// Rows that are answered at a time.
const CHUNK: usize = 8192;
/// Values of a column that are told when the model was not trained on them; of the others it is said how many they are.
const SHOWN: usize = 5;

/// Runs the command.
///
/// # Errors
/// A model or file that cannot be used, with the row and column of what is wrong.
pub fn command(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { run, file: path, out, keep, ignore_extra, skip_bad } = arguments;
    if let Some(out) = out {
        overwrite::refuse("--out", out, [path.as_path(), &model_file::place(run)])?;
    }
    let rows = !samples::is_images(path) && !is_array_file(path);
    if !rows && (!keep.is_empty() || *ignore_extra) {
        let flag = if keep.is_empty() { "--ignore-extra" } else { "--keep" };
        return Err(Error::option(flag, "left out: columns are those of a file of rows", path.display()));
    }
    if rows && *skip_bad {
        return Err(Error::option("--skip-bad", "with an image or a folder of them", path.display()));
    }
    let pipeline = model::load(run)?;
    let bytes = if rows {
        of_rows(&pipeline, arguments)?
    } else if samples::is_images(path) {
        samples::of_images(&pipeline, path, *skip_bad)?
    } else {
        samples::of_array(&pipeline, path)?
    };
    match out {
        Some(path) => write_atomically(path, &bytes)?,
        None => stdout::bytes(&bytes)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The answers about the rows of a file.
fn of_rows(pipeline: &Pipeline, arguments: &Arguments) -> Result<Vec<u8>> {
    let file = open(pipeline, &arguments.file)?;
    let names = names(pipeline, &*file);
    let kept: Vec<usize> = arguments.keep.iter().map(|name| place(&names, name)).collect::<Result<_>>()?;
    let mut passed = if arguments.ignore_extra { extra(pipeline, &names) } else { Vec::new() };
    if !passed.is_empty() {
        eprintln!("limpide: passed over the columns {}", one_line(&passed.join(", ")));
    }
    passed.extend(extra(pipeline, &arguments.keep));
    let mut out = csv::Writer::from_writer(Vec::new());
    // The truth beside the answer: two columns of one name would be none that `limpide` itself reads.
    let told = |name: String| if arguments.keep.contains(&name) { format!("predicted_{name}") } else { name };
    let head = arguments.keep.iter().cloned().chain(answer_names(pipeline)?.into_iter().map(told));
    let full = "memory is written to without fail";
    out.write_record(head).expect(full);
    answer(pipeline, &*file, &passed, &mut |rows, answers| {
        for row in 0..answers.len() {
            let kept = kept.iter().map(|&place| rows.cell(row, place).to_string());
            out.write_record(kept.chain(cells(pipeline, answers, row))).expect(full);
        }
        Ok(())
    })?;
    Ok(out.into_inner().expect(full))
}

/// An answer as the cells of a row of CSV: the class, where there are some, and the numbers; [`answer_names`] names them.
pub fn cells<'a>(pipeline: &'a Pipeline, answers: &'a Predictions, row: usize) -> impl Iterator<Item = String> + 'a {
    let class = answers.class(row).map(str::to_string);
    class.into_iter().chain(Number::all(pipeline.output(), answers.row(row)).map(|number| number.to_string()))
}

/// The form of the rows that a model takes, where it is known: those that it was trained on had a header or none.
pub fn csv_form(pipeline: &Pipeline) -> CsvOptions {
    let header = match pipeline.input() {
        Input::Table(table) => Some(table.header),
        Input::Tensor { .. } => None,
    };
    CsvOptions { header, ..CsvOptions::default() }
}

/// The file of rows for a model, with a header when the model's own had one.
///
/// # Errors
/// Those of [`table::open`].
pub fn open(pipeline: &Pipeline, path: &Path) -> Result<Box<dyn TableFile>> {
    let options = csv_form(pipeline);
    match path.as_os_str() == "-" {
        true => table::from_bytes("standard input", standard_input()?, &options),
        false => table::open(path, &options),
    }
}

/// Answers all rows of a file, some at a time, without the columns `passed`, and says on stderr what it was not trained on.
///
/// # Errors
/// Those of the file's rows and of `take`.
pub fn answer(
    pipeline: &Pipeline,
    file: &dyn TableFile,
    passed: &[String],
    take: &mut dyn FnMut(&Rows, &Predictions) -> Result<()>,
) -> Result<()> {
    let names = names(pipeline, file);
    let passed: Vec<&str> = passed.iter().map(String::as_str).collect();
    let mut unseen = Unseen::new();
    let mut rows = Rows::new(names.clone());
    let mut finish = |rows: &Rows, first: usize| -> Result<()> {
        let told = |error| about(file, &names, pipeline.input(), error);
        let known = if passed.is_empty() { None } else { Some(rows.without(&passed)) };
        let answers = match pipeline.input() {
            Input::Table(_) => pipeline.predict_rows(known.as_ref().unwrap_or(rows)).map_err(told)?,
            Input::Tensor { .. } => {
                let x = numbers(rows, first).map_err(told)?;
                pipeline.predict(&x).map_err(|error| told(among_all(error, first - 1)))?
            }
        };
        check_finite(&answers, first)?;
        for new in &answers.unseen {
            let own = unseen.entry(new.column.clone()).or_default();
            own.entry(new.value.clone()).or_insert((first + new.row, 0)).1 += 1;
        }
        take(rows, &answers)
    };
    let mut first = 1;
    file.each(&mut |number, record| {
        if rows.len() == CHUNK {
            finish(&rows, first)?;
            rows = Rows::new(names.clone()).numbered_from(number);
            first = number;
        }
        rows.push(record)
    })?;
    finish(&rows, first)?;
    if let Input::Table(table) = pipeline.input() {
        unseen_lines(table, &unseen).iter().for_each(|line| eprintln!("limpide: {}", one_line(line)));
    }
    Ok(())
}

/// Of each column the values that a model was not trained on: the first row that has it, and how many have it.
type Unseen = BTreeMap<String, BTreeMap<String, (usize, usize)>>;

/// Lines about what a model was not trained on, a few for each column: the values of the most rows first.
fn unseen_lines(table: &Table, unseen: &Unseen) -> Vec<String> {
    let mut lines = Vec::new();
    for Column { name, encoding } in &table.columns {
        let mut values: Vec<(&String, &(usize, usize))> = unseen.get(name).into_iter().flatten().collect();
        values.sort_by_key(|(_, (_, count))| std::cmp::Reverse(*count));
        let why = if encoding.has_all_categories() { "" } else { ", or too rare there," };
        let fate = match encoding {
            Encoding::Number { mean, .. } => format!("the mean of training, {mean}"),
            Encoding::Date { .. } => "the mean date of training".into(),
            _ => "no category".into(),
        };
        for (value, (row, count)) in values.iter().take(SHOWN) {
            let rows = if *count == 1 { String::new() } else { format!(" and {} more", count - 1) };
            let value = if value.is_empty() { "a missing value".into() } else { format!("`{value}`") };
            lines.push(format!(
                "column `{name}`: {value} in row {row}{rows} was not there in training{why} and counts as {fate}"
            ));
        }
        let rest = values.iter().skip(SHOWN);
        if rest.len() > 0 {
            let (others, rows) = (rest.len(), rest.map(|(_, (_, count))| count).sum::<usize>());
            lines.push(format!("column `{name}`: so do {others} more values, in {rows} rows"));
        }
    }
    lines
}

/// Whether all answers are finite; `first` is the row that the first of them is about.
///
/// # Errors
/// The row of one that is not.
pub fn check_finite(answers: &Predictions, first: usize) -> Result<()> {
    let Some(sample) = answers.not_finite() else { return Ok(()) };
    let wanted = "finite: the numbers of the row must be nearer to the training data; correct the row or leave it out";
    let y = answers.row(sample).iter().find(|y| !y.is_finite()).expect("one that is not");
    Err(Error::option(format!("what the network makes of row {}", first + sample), wanted, y))
}

/// The names of a file's columns: its own, or for a model of columns without names those of the model, with or without the
/// target.
pub fn names(pipeline: &Pipeline, file: &dyn TableFile) -> Vec<String> {
    let Input::Table(Table { columns, header: false }) = pipeline.input() else { return file.columns().to_vec() };
    let features = columns.iter().filter(|column| column.encoding != Encoding::Target);
    let features: Vec<String> = features.map(|column| column.name.clone()).collect();
    if file.columns().len() == features.len() { features } else { file.columns().to_vec() }
}

/// Of these columns those that a model does not know.
fn extra(pipeline: &Pipeline, names: &[String]) -> Vec<String> {
    let Input::Table(table) = pipeline.input() else { return Vec::new() };
    table.extra(names).into_iter().map(str::to_string).collect()
}

/// The place of a column.
fn place(names: &[String], name: &str) -> Result<usize> {
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    names.iter().position(|own| own == name).ok_or_else(|| {
        let close = model::nearest(name, &all).map_or(String::new(), |close| format!(" (did you mean `{close}`?)"));
        let wanted = format!("a column of the file{close}");
        Error::option("--keep", wanted, format!("`{name}`"))
    })
}

/// The names of the columns of answers.
pub fn answer_names(pipeline: &Pipeline) -> Result<Vec<String>> {
    let target = match pipeline.input() {
        Input::Table(table) => table.target(),
        Input::Tensor { .. } => None,
    };
    Ok(match pipeline.output() {
        Output::Classes { names, .. } => {
            let class = target.unwrap_or("class").to_string();
            std::iter::once(class).chain(names.iter().map(|name| format!("probability_{name}"))).collect()
        }
        Output::Labels { names, .. } if names.is_empty() => numbered("probability", outputs(pipeline)?),
        Output::Labels { names, .. } => names.iter().map(|name| format!("probability_{name}")).collect(),
        Output::Values { names, .. } => value_names(names, outputs(pipeline)?),
    })
}

/// The numbers that a model gives for a sample.
///
/// # Errors
/// A model file that does not say what goes in.
pub fn outputs(pipeline: &Pipeline) -> Result<usize> {
    let sample = match pipeline.input() {
        Input::Tensor { shape: Some(shape), .. } => shape.clone(),
        Input::Table(table) => vec![table.width()],
        Input::Tensor { shape: None, .. } => {
            return Err(Error::option("a model file", "one that says what goes in", "one that does not"));
        }
    };
    Ok(pipeline.network().output_shape(&[&[1], sample.as_slice()].concat())?[1..].iter().product())
}

/// The names of so many values: their own, or output_1, output_2, …
pub fn value_names(names: &[String], count: usize) -> Vec<String> {
    if names.is_empty() { numbered("output", count) } else { names.to_vec() }
}

/// word_1, word_2, …
pub fn numbered(word: &str, count: usize) -> Vec<String> {
    (1..=count).map(|place| format!("{word}_{place}")).collect()
}

/// Rows that are nothing but numbers, (n, columns).
pub fn numbers(rows: &Rows, first: usize) -> Result<limpide::Tensor<f32>> {
    let width = rows.columns().len();
    let mut numbers = Vec::with_capacity(rows.len() * width);
    for row in 0..rows.len() {
        for (place, column) in rows.columns().iter().enumerate() {
            let cell = rows.cell(row, place).trim();
            let number = cell.parse::<f32>().ok().filter(|number| number.is_finite());
            let place = || format!("row {}, column `{column}`", first + row);
            numbers.push(number.ok_or_else(|| Error::option(place(), "a finite number", format!("`{cell}`")))?);
        }
    }
    Ok(tensor(&[rows.len(), width], numbers))
}

/// An error about a row of some, with the number that the row has among all when so many come before them.
pub fn among_all(error: Error, before: usize) -> Error {
    let Error::Option { name, wanted, found } = error else { return error };
    let moved = name.strip_prefix("row ").and_then(|rest| {
        let (row, rest) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?);
        Some(format!("row {}{rest}", row.parse::<usize>().ok()? + before))
    });
    Error::Option { name: moved.unwrap_or(name), wanted, found }
}

/// An error with the name of the file, whose columns have these names.
fn about(file: &dyn TableFile, names: &[String], input: &Input, error: Error) -> Error {
    let strange = matches!(input, Input::Table(table) if table.header && table.extra(names).len() == names.len());
    let advice = match &error {
        Error::Option { name, .. } if name == "the columns" && strange => {
            "; the first row of the file must hold the names of the columns"
        }
        Error::Option { name, found, .. } if name == "the columns" && found.contains("knows no") => {
            "; --ignore-extra passes over them, --keep copies one"
        }
        _ => "",
    };
    Error::Data { path: file.path().into(), problem: format!("{error}{advice}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_in_training_is_told_in_a_few_lines() {
        let category =
            |count: usize| Encoding::Category { values: (0..count).map(|place| place.to_string()).collect() };
        let number = Encoding::Number { mean: 2.5, std: 1.0, missing: false };
        let columns = [("few", category(63)), ("many", category(64)), ("x", number)];
        let columns = columns.map(|(name, encoding)| Column { name: name.into(), encoding }).to_vec();
        let table = Table { columns, header: true };
        let new = |value: usize| (format!("v{value}"), (10 + value, 1));
        let mut unseen = Unseen::new();
        unseen.insert("few".into(), [("new".to_string(), (7, 3))].into());
        unseen.insert("many".into(), (0..9).map(new).chain([("often".to_string(), (2, 4))]).collect());
        unseen.insert("x".into(), [(String::new(), (1, 1))].into());
        let lines = unseen_lines(&table, &unseen);
        assert_eq!(
            lines[..2],
            [
                "column `few`: `new` in row 7 and 2 more was not there in training and counts as no category",
                "column `many`: `often` in row 2 and 3 more was not there in training, or too rare there, and counts as no category",
            ]
        );
        // Five of the ten are shown, and those not shown are in a row each.
        assert_eq!(lines[6], "column `many`: so do 5 more values, in 5 rows");
        assert_eq!(
            lines[7..],
            ["column `x`: a missing value in row 1 was not there in training and counts as the mean of training, 2.5"]
        );
    }
}
