//! The loss before the first step against the loss of knowing nothing.

use super::Finding;
use super::Severity::{Error, Note, Warning};
use crate::data::{Dataset, Inputs};
use crate::kernels::cores;
use crate::loss::{Loss, Takes};
use crate::module::Module;
use crate::tensor::{Real, Tensor, zeros};
use crate::train::{Engine, predict};

/// Samples that are enough for a mean.
const SAMPLES: usize = 1024;
/// Samples of one pass.
const ROWS: usize = 64;

/// What the loss before the first step says about start values and scales.
///
/// A network that knows nothing gives every class the same probability, ln K for cross-entropy over K classes and ln 2 for
/// a yes or no; for values it answers 0. A start far above that has to unlearn first. Source: Karpathy, *A recipe for
/// training neural networks*, 2019 ("verify loss @ init").
///
/// Measured on up to 1,024 samples. Nothing when network, loss and data do not fit together ([`super::pairing`] says why).
pub fn start<T: Real>(network: &dyn Module<T>, loss: &dyn Loss<T>, data: &Dataset<T>) -> Vec<Finding> {
    let step = data.len().div_ceil(SAMPLES).max(1);
    let samples: Vec<usize> = (0..data.len()).step_by(step).collect();
    let fits = |x: &Tensor<T>, target: &_| network.output_shape(x.shape()).and_then(|shape| loss.check(&shape, target));
    let (mut own, mut nothing) = (Mean::default(), Mean::default());
    let mut engine = Engine::new(cores());
    for samples in samples.chunks(ROWS) {
        let (x, target) = data.gather(samples);
        if fits(&x, &target).is_err() {
            return Vec::new();
        }
        let Ok(output) = predict(network, &Inputs::Real(x), &mut engine) else { return Vec::new() };
        let denominator = loss.denominator(output.shape(), &target).to_f64();
        own.add(loss.terms(&output, &target).sum().to_f64(), denominator);
        let ignorant = knows_nothing(loss.takes(), output.shape());
        nothing.add(loss.terms(&ignorant, &target).sum().to_f64(), denominator);
    }
    judge_start(loss, own.value(), nothing.value()).into_iter().collect()
}

/// Σ terms / Σ denominators.
#[derive(Default)]
struct Mean {
    sum: f64,
    denominator: f64,
}

impl Mean {
    fn add(&mut self, sum: f64, denominator: f64) {
        self.sum += sum;
        self.denominator += denominator;
    }

    fn value(&self) -> f64 {
        self.sum / self.denominator
    }
}

/// The output of a network that gives every answer the same chance.
fn knows_nothing<T: Real>(takes: Takes, shape: &[usize]) -> Tensor<T> {
    let classes = shape.get(1).copied().unwrap_or(1).max(1) as f64;
    let value = match takes {
        Takes::Probabilities => 1.0 / classes,
        Takes::LogProbabilities => -classes.ln(),
        Takes::YesNoProbabilities => 0.5,
        Takes::Values | Takes::Logits | Takes::YesNoLogits | Takes::Margins | Takes::YesNoMargins => 0.0,
    };
    zeros::<T>(shape).mapv(|_| T::of(value)).into_shared()
}

fn judge_start<T: Real>(loss: &dyn Loss<T>, own: f64, nothing: f64) -> Option<Finding> {
    // Values have no natural scale, so more is allowed.
    let (high, low, answer) = match loss.takes() {
        Takes::Values => (5.0, 0.05, "0"),
        _ => (2.0, 0.5, "every class alike"),
    };
    let found = |severity, message: &str, advice: &str| {
        let message = format!("the loss is {own:.4} before the first step, {message}");
        Some(Finding::new(severity, loss.to_string(), message, advice))
    };
    let theory = format!("and {nothing:.4} for answering {answer}");
    if !own.is_finite() {
        found(Error, "which is no number to start from", "look for bad inputs, and for a layer that overflows")
    } else if own > high * nothing && nothing > 0.0 {
        found(Warning, &theory, "scale the inputs to about 1, or take smaller start values for the last layer")
    } else if own < low * nothing {
        let message = format!("{theory}: the network knows the answer already");
        found(
            Note,
            &message,
            "fine when it has been trained before; else look whether the inputs give the targets away",
        )
    } else {
        None
    }
}
