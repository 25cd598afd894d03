//! From the body of a request to samples as the network sees them.

use super::http::{Request, Response};
use crate::train::predict::samples::Form;
use crate::train::predict::{csv_form, names, numbers};
use flate2::read::MultiGzDecoder;
use limpide::pipeline::{Input, Pipeline};
use limpide::table::{CsvFile, Rows, TableFile, Unseen};
use limpide::{Error, Tensor, tensor};
use serde_json::{Map, Value};
use std::io::Read;
use std::sync::{Mutex, PoisonError};

/// How what is packed by gzip begins.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Samples, and the categories in them that the network was not trained on.
pub type Samples = (Tensor<f32>, Vec<Unseen>);

/// The field of a JSON body that holds the samples; errors name a sample by its place in it.
pub fn field(pipeline: &Pipeline) -> &'static str {
    if matches!(pipeline.input(), Input::Table(_)) { "rows" } else { "inputs" }
}

/// Reads a body of JSON or CSV, of so many bytes at most when it is unpacked, or the image for a model of images.
///
/// # Errors
/// The answer to one that cannot be read, with the field that is wrong.
pub fn read(pipeline: &Pipeline, request: &Request, most: usize) -> Result<Samples, Response> {
    match request.content_type.as_deref() {
        Some("application/json") => json(pipeline, &request.body),
        Some("text/csv") => csv(pipeline, unpacked(&request.body, most)?).map_err(|error| told(&error)),
        Some("image/png" | "image/jpeg") => image(pipeline, &request.body),
        other => {
            let found = other.unwrap_or("none");
            let images = if takes_images(pipeline) { ", image/png, image/jpeg" } else { "" };
            let message = format!("Content-Type must be one of application/json, text/csv{images}, got {found}");
            Err(Response::error(415, Some("Content-Type"), &message))
        }
    }
}

/// The answer to an error of the library.
fn told(error: &Error) -> Response {
    let field = match error {
        Error::Option { name, .. } => Some(name.as_str()),
        Error::Shape { .. } => Some("inputs"),
        _ => None,
    };
    Response::error(400, field, &error.to_string())
}

/// A body as it was before gzip, if that packed it: a thousand times as large as what was sent, perhaps.
fn unpacked(body: &[u8], most: usize) -> Result<Vec<u8>, Response> {
    if !body.starts_with(&GZIP) {
        return Ok(body.to_vec());
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(body)
        .take((most as u64).saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(|source| told(&Error::Io { path: "the body".into(), source }))?;
    if plain.len() > most {
        let message = format!("the unpacked body must be at most {most} bytes, got more; --max-body allows more");
        return Err(Response::error(413, None, &message));
    }
    // The reader of CSV would unpack that too, to whatever size.
    if plain.starts_with(&GZIP) {
        return Err(told(&Error::option("the body", "CSV, packed once at most", "gzip within gzip")));
    }
    Ok(plain)
}

/// Whether a body may be an image.
pub fn takes_images(pipeline: &Pipeline) -> bool {
    Form::of(pipeline).is_ok()
}

/// An image is decoded alone: a small file may hold as many pixels as fill a GiB.
static DECODING: Mutex<()> = Mutex::new(());

/// The image as one sample.
fn image(pipeline: &Pipeline, body: &[u8]) -> Result<Samples, Response> {
    let form = Form::of(pipeline).map_err(|error| Response::error(415, Some("Content-Type"), &error.to_string()))?;
    let x = {
        let _alone = DECODING.lock().unwrap_or_else(PoisonError::into_inner);
        form.sample(body)
    };
    let x = x.map_err(|problem| Response::error(400, None, &format!("the image {problem}")))?;
    Ok((pipeline.prepare(&x).map_err(|error| told(&error))?, Vec::new()))
}

/// Rows with the names of their columns in the first line, or for a model of tensors lines of numbers.
fn csv(pipeline: &Pipeline, body: Vec<u8>) -> limpide::Result<Samples> {
    let file = CsvFile::from_bytes("the body", body, &csv_form(pipeline))?;
    let mut rows = Rows::new(names(pipeline, &file));
    file.each(&mut |_, record| rows.push(record.iter()))?;
    match pipeline.input() {
        Input::Table(_) => pipeline.prepare_rows(&rows),
        Input::Tensor { .. } => Ok((pipeline.prepare(&numbers(&rows, 1)?)?, Vec::new())),
    }
}

/// `{"rows": [{…}, …]}` for a table, `{"inputs": [[…], …]}` for tensors.
fn json(pipeline: &Pipeline, body: &[u8]) -> Result<Samples, Response> {
    let wrong = |field: &str, wanted: &str, found: &str| {
        Response::error(400, Some(field), &format!("{field} must be {wanted}, got {found}"))
    };
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| Response::error(400, None, &format!("the body must be JSON: {error}")))?;
    let Value::Object(mut fields) = body else {
        return Err(wrong("the body", "an object", kind(&body)));
    };
    let name = field(pipeline);
    let Some(content) = fields.remove(name) else {
        return Err(wrong(name, "there", &format!("the fields {}", listed(&fields))));
    };
    if let Some(other) = fields.keys().next() {
        return Err(Response::error(
            400,
            Some(other),
            &format!("{other} is no field of a request; it has {name} alone"),
        ));
    }
    let Value::Array(content) = content else {
        return Err(wrong(name, "a list", kind(&content)));
    };
    if name == "inputs" {
        let x = nested(&content).map_err(|(place, problem)| {
            let field = format!("inputs{place}");
            Response::error(400, Some(&field), &format!("{field} {problem}"))
        })?;
        return Ok((pipeline.prepare(&x).map_err(|error| told(&error))?, Vec::new()));
    }
    let mut objects = Vec::with_capacity(content.len());
    for (place, row) in content.into_iter().enumerate() {
        match row {
            Value::Object(object) => objects.push(object),
            other => return Err(wrong(&format!("rows[{place}]"), "an object with a value a column", kind(&other))),
        }
    }
    let rows = Rows::from_json(&objects).map_err(|error| told(&error))?;
    if objects.is_empty() {
        let width = pipeline.ready(1).map_err(|error| told(&error))?.sample_shape().to_vec();
        return Ok((limpide::zeros(&[&[0], width.as_slice()].concat()), Vec::new()));
    }
    pipeline.prepare_rows(&rows).map_err(|error| told(&error))
}

fn listed(fields: &Map<String, Value>) -> String {
    if fields.is_empty() { "none".into() } else { fields.keys().cloned().collect::<Vec<_>>().join(", ") }
}

/// What a value is, in a word.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Lists in lists of numbers as one tensor; an error has its place, `[2][1]`.
fn nested(list: &[Value]) -> Result<Tensor<f32>, (String, String)> {
    let mut shape = vec![list.len()];
    let mut first = list.first();
    while let Some(Value::Array(inner)) = first {
        shape.push(inner.len());
        first = inner.first();
    }
    let mut numbers = Vec::new();
    fill(list, &shape[1..], &mut numbers, &mut Vec::new())?;
    Ok(tensor(&shape, numbers))
}

fn fill(
    list: &[Value],
    inner: &[usize],
    numbers: &mut Vec<f32>,
    place: &mut Vec<usize>,
) -> Result<(), (String, String)> {
    for (at, value) in list.iter().enumerate() {
        place.push(at);
        let here = || place.iter().map(|at| format!("[{at}]")).collect::<String>();
        match (value, inner) {
            (Value::Array(list), [len, rest @ ..]) if list.len() == *len => fill(list, rest, numbers, place)?,
            (Value::Array(list), [len, ..]) => {
                return Err((here(), format!("must have {len} entries like the first, got {}", list.len())));
            }
            (Value::Number(number), []) => match number.as_f64().map(|x| x as f32).filter(|x| x.is_finite()) {
                Some(x) => numbers.push(x),
                None => return Err((here(), format!("must be a number that 32 bits can hold, got {number}"))),
            },
            (other, []) => return Err((here(), format!("must be a number, got {}", kind(other)))),
            (other, _) => return Err((here(), format!("must be a list like the first, got {}", kind(other)))),
        }
        place.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_lists_are_one_tensor_or_name_the_entry_that_is_wrong() {
        let read = |text: &str| nested(serde_json::from_str::<Value>(text).unwrap().as_array().unwrap());
        assert_eq!(read("[[[1, 2.5]], [[3, 4]]]").unwrap(), tensor(&[2, 1, 2], vec![1.0, 2.5, 3.0, 4.0]));
        assert_eq!(read("[]").unwrap().shape(), [0]);
        for (text, place, problem) in [
            ("[[1, 2], [3]]", "[1]", "must have 2 entries like the first, got 1"),
            ("[[1, 2], [3, null]]", "[1][1]", "must be a number, got null"),
            ("[[1, 2], 3]", "[1]", "must be a list like the first, got a number"),
            ("[[1, [2]]]", "[0][1]", "must be a number, got a list"),
            ("[[1e39]]", "[0][0]", "must be a number that 32 bits can hold"),
        ] {
            let (at, told) = read(text).unwrap_err();
            assert_eq!(at, place, "{text}");
            assert!(told.starts_with(problem), "{told}");
        }
    }
}
