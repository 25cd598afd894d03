//! What is wrong with a training set-up, said in one line each with advice: before the first step, and after an epoch.
//!
//! | function | looks at | finds |
//! | --- | --- | --- |
//! | [`pairing`] | last layer, loss, targets | softmax or sigmoid taken twice or not at all, targets out of reach |
//! | [`data`] | training and validation set | constant, unscaled or bad inputs, absent classes, samples in both sets |
//! | [`start`] | the loss before the first step | a start far from that of a network that knows nothing, such as ln K |
//! | [`twins`] | the start values of the layers | layers that are copies of each other |
//! | [`observe`], [`judge`] | a pass after some training | dead units, saturation, fading gradients, steps of the wrong size |
//! | [`course`] | the losses of a run | a rate too low, overfitting, no better than chance, too few epochs |
//!
//! [`before_training`] is the first four together; [`Names`] says what its user calls classes and samples. The limits are
//! rules of thumb, set so that what works gives no finding.

mod course;
mod data;
mod judge;
mod observe;
mod outliers;
mod pairing;
mod start;
#[cfg(test)]
mod tests;
mod twins;

pub use course::{Baseline, course};
pub use data::data;
pub use judge::{judge, judge_since};
pub use observe::{LayerStatistics, Observation, ParameterStatistics, Snapshot, observe};
pub use pairing::pairing;
pub use start::start;
pub use twins::twins;

use crate::data::Dataset;
use crate::error::one_line;
use crate::loss::Loss;
use crate::module::Module;
use crate::tensor::Real;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Likely to cost accuracy or time.
    Warning,
    /// Training cannot do what it should.
    Error,
}

/// One thing that is wrong. `Display` prints it as one line.
///
/// ```
/// use limpide::{Sequential, data, diagnose, layers::{Linear, Softmax}, loss::CrossEntropyLoss};
/// let digits = data::digits::<f32>().reshape_samples(&[64])?;
/// let network = Sequential::new().push(Linear::new(64, 10)).push(Softmax::new());
/// let findings = diagnose::pairing(&network, &CrossEntropyLoss::new(), &digits);
/// assert!(findings[0].to_string().starts_with("error: layer 1, Softmax(-1): softmax is taken twice"));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is: `layer 3, Relu`, `data set moons`.
    pub place: String,
    /// What was found, with the numbers.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    fn new(
        severity: Severity,
        place: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Finding { severity, place: place.into(), message: message.into(), advice: advice.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let line = format!("{severity}: {}: {}; {}", self.place, self.message, self.advice);
        f.write_str(&one_line(&line))
    }
}

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is learnt from.
    Train,
    /// What is held against it.
    Validation,
}

/// What a user calls classes and samples, who may have neither numbered nor divided them: by default their numbers from 0.
pub trait Names {
    /// A class.
    fn class(&self, class: usize) -> String {
        class.to_string()
    }

    /// A sample of a part.
    fn sample(&self, part: Part, sample: usize) -> String {
        match part {
            Part::Train => format!("sample {sample}"),
            Part::Validation => format!("validation sample {sample}"),
        }
    }

    /// An input of a sample, counted from 0, with its value.
    fn input(&self, place: usize, value: f64) -> String {
        format!("input {place} = {value}")
    }

    /// A target value of a sample, counted from 0.
    fn target(&self, place: usize, value: f64) -> String {
        format!("target {place} = {value}")
    }
}

/// The numbers from 0 as names.
#[derive(Clone, Copy, Debug)]
pub struct Numbers;

impl Names for Numbers {}

/// All that can be said before the first step, the worst first.
pub fn before_training<T: Real>(
    network: &dyn Module<T>,
    loss: &dyn Loss<T>,
    train: &Dataset<T>,
    validation: Option<&Dataset<T>>,
    names: &dyn Names,
) -> Vec<Finding> {
    let mut findings = pairing(network, loss, train);
    findings.extend(data(train, validation, names));
    findings.extend(twins(network));
    // What the pairing or the data explain needs no second finding.
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        findings.extend(start(network, loss, train));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// `3 samples`, `1 sample`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 {
        ""
    } else if what.ends_with('s') {
        "es"
    } else {
        "s"
    };
    format!("{number} {what}{plural}")
}

/// `1, 4 and 7`, and no more than the first eight.
fn list(numbers: &[usize], name: impl Fn(usize) -> String) -> String {
    let mut words: Vec<String> = numbers.iter().take(8).map(|&number| name(number)).collect();
    if numbers.len() > words.len() {
        words.push(format!("{} others", numbers.len() - words.len()));
    }
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}
