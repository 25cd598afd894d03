//! From predictions to the body of an answer.

use super::http::Response;
use crate::train::predict::{Number, answer_names, cells};
use limpide::pipeline::{Output, Pipeline, Predictions};
use limpide::table::Unseen;
use serde::Serialize;
use serde::ser::Serializer;

/// `{"predictions": […]}`, with the categories that are new, when there are some.
#[derive(Serialize)]
struct Answer<'a> {
    predictions: Vec<One<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unseen: Vec<New<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum One<'a> {
    Class { class: &'a str, probabilities: Named<'a> },
    Labels { probabilities: Named<'a> },
    Values { values: Named<'a> },
}

#[derive(Serialize)]
struct New<'a> {
    row: usize,
    column: &'a str,
    value: &'a str,
}

/// An object where numbers have names, else a list.
struct Named<'a> {
    names: &'a [String],
    values: Vec<Number>,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.names.is_empty() {
            true => self.values.serialize(serializer),
            false => serializer.collect_map(self.names.iter().zip(&self.values)),
        }
    }
}

/// An answer in JSON.
pub fn json(output: &Output, answer: &Predictions, unseen: &[Unseen]) -> Response {
    let one = |sample: usize| {
        let numbers = Named { names: output.names(), values: Number::all(output, answer.row(sample)).collect() };
        match (answer.class(sample), output) {
            (Some(class), _) => One::Class { class, probabilities: numbers },
            (None, Output::Labels { .. }) => One::Labels { probabilities: numbers },
            (None, _) => One::Values { values: numbers },
        }
    };
    let unseen = unseen.iter().map(|new| New { row: new.row, column: &new.column, value: &new.value }).collect();
    let answer = Answer { predictions: (0..answer.len()).map(one).collect(), unseen };
    let mut body = serde_json::to_vec(&answer).expect("numbers and text");
    body.push(b'\n');
    Response { status: 200, content_type: "application/json", body, header: None }
}

/// The header of an answer in CSV that has how many cells were not there in training; which they are has JSON alone.
pub const UNSEEN: &str = "Limpide-Unseen";

/// An answer in CSV, as `limpide predict` writes it.
///
/// # Errors
/// A model that does not say what goes in.
pub fn csv(pipeline: &Pipeline, answer: &Predictions, unseen: usize) -> limpide::Result<Response> {
    let full = "memory is written to without fail";
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(answer_names(pipeline)?).expect(full);
    for sample in 0..answer.len() {
        out.write_record(cells(pipeline, answer, sample)).expect(full);
    }
    let body = out.into_inner().expect(full);
    let header = (unseen > 0).then(|| (UNSEEN, unseen.to_string()));
    Ok(Response { status: 200, content_type: "text/csv", body, header })
}
