//! Whether the last layer gives what the loss takes, and can give what the targets ask for.

use super::Severity::{Error, Warning};
use super::{Finding, count};
use crate::data::{Dataset, Target, Targets};
use crate::layers::{LogSoftmax, Softmax};
use crate::loss::{Loss, Takes};
use crate::module::Module;
use crate::tensor::{Real, axis_of};
use std::any::Any;

/// What is wrong between the end of the network, the loss and the targets.
///
/// | the loss takes | what goes before it |
/// | --- | --- |
/// | logits (`CrossEntropyLoss`, `FocalLoss`) | nothing: a `Linear`, a `Conv2d` |
/// | probabilities (`CrossEntropyOnProbabilities`) | `Softmax` along axis 1 |
/// | log-probabilities (`NllLoss`, `KlDivLoss`) | `LogSoftmax` along axis 1 |
/// | logits of a yes (`BceWithLogitsLoss`, `SigmoidFocalLoss`) | nothing |
/// | probabilities of a yes (`BceLoss`) | `Sigmoid` |
/// | scores with a margin (`MultiMarginLoss`, `HingeLoss`) | nothing |
/// | values (`MseLoss` …) | anything that reaches the targets |
pub fn pairing<T: Real>(network: &dyn Module<T>, loss: &dyn Loss<T>, data: &Dataset<T>) -> Vec<Finding> {
    let input = [&[1], data.sample_shape()].concat();
    let Ok(output) = network.output_shape(&input) else {
        let error = network.output_shape(&input).expect_err("it just was one");
        return vec![Finding::new(Error, "network", error.to_string(), "change the layer or the shape of the samples")];
    };
    let last = Last::of(network);
    let mut findings = Vec::new();
    findings.extend(last_layer(&last, loss, output.get(1).copied()));
    findings.extend(classes(loss, data, &output));
    findings.extend(axis(&last, loss, output.len()));
    findings.extend(reach(&last, loss, data));
    findings
}

/// The last layer that changes the numbers.
struct Last<'a, T: Real> {
    /// `layer 3, Softmax(-1)`.
    place: String,
    /// The name of its type: `Softmax`.
    kind: String,
    module: Option<&'a dyn Module<T>>,
}

impl<'a, T: Real> Last<'a, T> {
    fn of(network: &'a dyn Module<T>) -> Self {
        let mut leaves = Vec::new();
        leaves_of(network, String::new(), &mut leaves);
        // Layers that hand the numbers on.
        let hands_on =
            |module: &dyn Module<T>| ["Flatten", "Reshape", "Dropout", "Dropout2d"].contains(&kind(module).as_str());
        match leaves.into_iter().rev().find(|(_, module)| !hands_on(*module)) {
            None => Last { place: "network".into(), kind: String::new(), module: None },
            Some((name, module)) => Last { place: place(&name, module), kind: kind(module), module: Some(module) },
        }
    }
}

/// The modules inside that compute on their own, in order; a sum of branches counts as one.
fn leaves_of<'a, T: Real>(module: &'a dyn Module<T>, name: String, leaves: &mut Vec<(String, &'a dyn Module<T>)>) {
    let children = module.children();
    if children.is_empty() || kind(module) == "Residual" {
        leaves.push((name, module));
        return;
    }
    for (child_name, child) in children {
        let dot = if name.is_empty() { "" } else { "." };
        leaves_of(child, format!("{name}{dot}{child_name}"), leaves);
    }
}

/// A module's type, as `Display` begins: `Softmax(-1)` is a `Softmax`.
pub(super) fn kind<T: Real>(module: &dyn Module<T>) -> String {
    let text = module.to_string();
    text.split(['(', ' ', '.']).next().unwrap_or_default().to_string()
}

/// `layer 3, Softmax(-1)`.
pub(super) fn place<T: Real>(name: &str, module: &dyn Module<T>) -> String {
    if name.is_empty() { module.to_string() } else { format!("layer {name}, {module}") }
}

/// The last layer against what the loss takes.
fn last_layer<T: Real>(last: &Last<'_, T>, loss: &dyn Loss<T>, classes: Option<usize>) -> Option<Finding> {
    let k = classes.unwrap_or(1);
    // The largest probability of one class of K when logits are at most `spread` apart.
    let most = |spread: f64| 100.0 * spread.exp() / (spread.exp() + k.saturating_sub(1) as f64);
    let (severity, message, advice) = match (loss.takes(), last.kind.as_str()) {
        (Takes::Logits, "Softmax") => (
            Error,
            format!("softmax is taken twice, here and in {loss}, so no probability gets above {:.0} %", most(1.0)),
            "drop the Softmax, or use CrossEntropyOnProbabilities",
        ),
        (Takes::Logits, "LogSoftmax") => {
            (Warning, format!("{loss} takes the softmax again, to no effect"), "drop the LogSoftmax, or use NLLLoss")
        }
        (Takes::Logits, "Sigmoid") => (
            Error,
            format!("logits are held between 0 and 1 before {loss}, so no probability gets above {:.0} %", most(1.0)),
            "drop the Sigmoid",
        ),
        (Takes::Logits, "Tanh") => (
            Warning,
            format!("logits are held between -1 and 1 before {loss}, so no probability gets above {:.0} %", most(2.0)),
            "drop the Tanh",
        ),
        (Takes::Logits | Takes::Margins, "Relu") => (
            Warning,
            format!("{loss} takes scores of both signs; a class whose score is 0 for all samples learns nothing more"),
            "drop the Relu",
        ),
        (Takes::Margins, "Softmax" | "Sigmoid") => (
            Warning,
            format!("scores are held between 0 and 1 before {loss}, so that its margin can hardly be reached"),
            "drop the last activation",
        ),
        (Takes::Probabilities, "Softmax") | (Takes::LogProbabilities, "LogSoftmax") => return None,
        (Takes::Probabilities, "Sigmoid") => (
            Error,
            format!("the probabilities need not add up to 1, so {loss} is least when all of them are 1"),
            "use Softmax, or drop the Sigmoid and use CrossEntropyLoss",
        ),
        (Takes::Probabilities, _) => (
            Error,
            format!("{loss} takes probabilities, and this layer does not give any"),
            "use CrossEntropyLoss, which takes the softmax itself",
        ),
        (Takes::LogProbabilities, "Softmax") => (
            Error,
            format!("{loss} takes logarithms of probabilities, and gets probabilities"),
            "use LogSoftmax, or CrossEntropyOnProbabilities",
        ),
        (Takes::LogProbabilities, _) => (
            Error,
            format!("{loss} takes logarithms of probabilities; with other numbers it falls without end"),
            "end the network with LogSoftmax, or use CrossEntropyLoss",
        ),
        (Takes::YesNoLogits, "Sigmoid") => (
            Error,
            format!("the sigmoid is taken twice, here and in {loss}, and every answer is a yes"),
            "drop the Sigmoid, or use BCELoss",
        ),
        (Takes::YesNoLogits | Takes::YesNoMargins, "Sigmoid" | "Softmax" | "Relu") => {
            (Error, format!("the scores are never below 0, which {loss} reads as a no"), "drop the last activation")
        }
        (Takes::YesNoLogits | Takes::YesNoMargins, "LogSoftmax") => {
            (Error, format!("the scores are never above 0, which {loss} reads as a yes"), "drop the LogSoftmax")
        }
        (Takes::YesNoLogits, "Tanh") => (
            Warning,
            format!("logits are held between -1 and 1 before {loss}, so no probability gets above 73 %"),
            "drop the Tanh",
        ),
        (Takes::YesNoProbabilities, "Sigmoid") => return None,
        (Takes::YesNoProbabilities, "Softmax") if k == 1 => {
            (Error, "the softmax of one number is always 1".to_string(), "use Sigmoid")
        }
        (Takes::YesNoProbabilities, "Softmax") => (
            Warning,
            format!("a softmax allows one yes a sample, {loss} any number of them"),
            "use Sigmoid, or CrossEntropyLoss on the logits when each sample has one class",
        ),
        (Takes::YesNoProbabilities, _) => (
            Error,
            format!("{loss} takes probabilities, and this layer gives numbers outside 0 to 1"),
            "end the network with Sigmoid, or use BCEWithLogitsLoss",
        ),
        _ => return None,
    };
    Some(Finding::new(severity, &last.place, message, advice))
}

/// The number of outputs against the number of classes.
fn classes<T: Real>(loss: &dyn Loss<T>, data: &Dataset<T>, output: &[usize]) -> Option<Finding> {
    let outputs = *output.get(1)?;
    if !loss.over_classes() {
        return match data.targets.given() {
            Some(target @ Target::Classes(_)) => Some(Finding::new(
                Error,
                format!("data set {}", data.name),
                format!("{loss} takes target values, and the targets are {target}"),
                "use a loss over classes such as CrossEntropyLoss, or targets = \"one-hot\" (`Target::one_hot`)",
            )),
            _ => None,
        };
    }
    let (severity, message, advice) = if outputs == 1 {
        let message = format!("over one class every probability is 1, so {loss} has nothing to teach");
        (Error, message, "give the network one output a class, or use BCEWithLogitsLoss for yes or no")
    } else if data.classes > outputs {
        let message =
            format!("the labels have {}, the network {}", count(data.classes, "class"), count(outputs, "output"));
        (Error, message, "give the network one output a class")
    } else if data.classes > 0 && data.classes < outputs {
        let message =
            format!("the labels have {}, the network {}", count(data.classes, "class"), count(outputs, "output"));
        (Warning, message, "drop the outputs that can never be right")
    } else {
        return None;
    };
    Some(Finding::new(severity, "network", message, advice))
}

/// The axis of a softmax against the axis of the classes.
fn axis<T: Real>(last: &Last<'_, T>, loss: &dyn Loss<T>, rank: usize) -> Option<Finding> {
    let any: &dyn Any = last.module?;
    let own = any.downcast_ref::<Softmax>().map(|layer| layer.dim);
    let dim = own.or(any.downcast_ref::<LogSoftmax>().map(|layer| layer.dim))?;
    let axis = axis_of(dim, rank)?;
    (loss.over_classes() && axis != 1).then(|| {
        let message = format!("it runs along axis {axis}, the classes along axis 1");
        Finding::new(Error, &last.place, message, "give it the option dim = 1")
    })
}

/// The range of the last activation against that of the targets.
fn reach<T: Real>(last: &Last<'_, T>, loss: &dyn Loss<T>, data: &Dataset<T>) -> Option<Finding> {
    // A weighted target holds its weights too.
    let (least, most) = range(data).filter(|_| !loss.to_string().starts_with("SampleWeighted"))?;
    let (from, to, who) = match (loss.takes(), last.kind.as_str()) {
        (Takes::Values, "Sigmoid" | "Softmax") => (0.0, 1.0, "the layer"),
        (Takes::Values, "Tanh") => (-1.0, 1.0, "the layer"),
        (Takes::Values, "Relu") => (0.0, f64::INFINITY, "the layer"),
        (Takes::YesNoLogits | Takes::YesNoProbabilities, _) => (0.0, 1.0, "the loss"),
        // As target values a share for each class.
        (Takes::Logits | Takes::Probabilities, _) => (0.0, 1.0, "the loss"),
        _ => return None,
    };
    (least < from || most > to).then(|| {
        let message = format!("the targets go from {least:.3} to {most:.3}, {who} from {from} to {to}");
        let advice = match who {
            "the layer" => "drop the last activation, or scale the targets",
            _ if loss.over_classes() => "give each class a share from 0 to 1, or use MSELoss for values",
            _ => "use 1 for yes and 0 for no, or MSELoss for values",
        };
        Finding::new(Error, &last.place, message, advice)
    })
}

/// The least and the largest target value; nothing for classes and weighted targets.
fn range<T: Real>(data: &Dataset<T>) -> Option<(f64, f64)> {
    let join = |range: Option<(f64, f64)>, value: T| {
        let value = value.to_f64();
        range.map_or(Some((value, value)), |(least, most)| Some((least.min(value), most.max(value))))
    };
    match &data.targets {
        Targets::Given(Target::Classes(_)) => None,
        Targets::Given(Target::Values(values)) => values.iter().copied().fold(None, join),
        Targets::Inputs => {
            (0..data.len()).fold(None, |range, sample| data.inputs.gather(&[sample]).iter().copied().fold(range, join))
        }
    }
}
