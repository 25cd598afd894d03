//! The dense network on the digits: curves and confusion matrix.

use super::{Chapter, curves};
use crate::experiments::Settings;
use crate::experiments::classify::{self, DENSE};
use crate::page::Section;
use limpide::Result;

/// The report's test accuracy on MNIST, in percent.
const REPORTED: f64 = 97.82;

/// Trains the dense network and draws what it learnt.
pub fn chapter(settings: &Settings) -> Result<Chapter> {
    let done = classify::run(settings, &DENSE)?;
    let [loss, accuracy, confusion] = curves::figures(&done, "dense", done.digits.is_whole_mnist().then_some(REPORTED));
    let pixels = done.digits.side * done.digits.side;
    let words = format!(
        "{}. Linear({pixels}, 128), tanh and Linear(128, 10) with softmax and cross-entropy, started from N(0, \
         1)·0.1, plain gradient descent at rate 0.01 in batches of 64.\n\nThe report's cross-entropy is **summed** \
         over the batch, not averaged, so its rate of 0.01 acts like 0.64 on a mean. Our losses average by default; \
         this experiment asks for the sum.",
        done.digits.about
    );
    let section = Section::new("5. Digits, a dense network", &words)
        .figures(&[
            (&loss, "Mean cross-entropy of a sample, on a logarithmic axis."),
            (&accuracy, &format!("Share of images told right. {}", curves::watched_note(&done.digits))),
        ])
        .figure(
            &confusion,
            &format!("The test images by true and predicted digit; {} are right.", done.outcome.runs[0].value_text()),
        );
    Ok(Chapter { outcome: done.outcome, section })
}
