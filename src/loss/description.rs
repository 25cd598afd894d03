//! Losses as data: one table from PyTorch's names and options to the losses.

use super::{
    BceLoss, BceWithLogitsLoss, CrossEntropyLoss, CrossEntropyOnProbabilities, FocalLoss, HingeEmbeddingLoss,
    HingeLoss, HuberLoss, KlDivLoss, L1Loss, Loss, MseLoss, MultiMarginLoss, NllLoss, SampleWeighted, SigmoidFocalLoss,
    SmoothL1Loss,
};
use crate::model::with_nearest;
use crate::{Real, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A loss by PyTorch's name, with its options beside it by PyTorch's names; what is left out has PyTorch's default.
///
/// | `name` | options |
/// | --- | --- |
/// | `MSELoss`, `L1Loss`, `BCELoss`, `CrossEntropyOnProbabilities` | `reduction` (`mean`, `sum` or `none`) |
/// | `SmoothL1Loss` | `reduction`, `beta` |
/// | `HuberLoss` | `reduction`, `delta` |
/// | `KLDivLoss` | `reduction` (also `batchmean`), `log_target` |
/// | `BCEWithLogitsLoss` | `reduction`, `pos_weight` (list) |
/// | `CrossEntropyLoss` | `reduction`, `weight` (list, one a class), `label_smoothing`, `ignore_index` |
/// | `NLLLoss` | `reduction`, `weight`, `ignore_index` |
/// | `FocalLoss` | `reduction`, `gamma`, `weight`, `ignore_index` |
/// | `SigmoidFocalLoss` | `reduction`, `alpha`, `gamma` |
/// | `HingeLoss`, `HingeEmbeddingLoss` | `reduction`, `margin` |
/// | `MultiMarginLoss` | `reduction`, `p`, `margin`, `weight` |
/// | `SampleWeighted` | `loss`: another of these |
///
/// Reading one errs on an unknown name or option and lists the known ones.
///
/// ```
/// use limpide::loss::LossDescription;
/// let text = r#"{"name": "CrossEntropyLoss", "label_smoothing": 0.1}"#;
/// let loss = serde_json::from_str::<LossDescription>(text)?.build::<f32>()?;
/// assert_eq!(loss.to_string(), "CrossEntropyLoss(Mean).label_smoothing(0.1)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// `remote` makes serde's code a pair of functions, so that `Deserialize` below can add the nearest name to an error.
#[serde(tag = "name", remote = "Self")]
#[allow(missing_docs)] // each variant is the loss it holds
pub enum LossDescription {
    #[serde(rename = "MSELoss")]
    Mse(MseLoss),
    #[serde(rename = "L1Loss")]
    L1(L1Loss),
    #[serde(rename = "SmoothL1Loss")]
    SmoothL1(SmoothL1Loss),
    #[serde(rename = "HuberLoss")]
    Huber(HuberLoss),
    #[serde(rename = "KLDivLoss")]
    KlDiv(KlDivLoss),
    #[serde(rename = "BCELoss")]
    Bce(BceLoss),
    #[serde(rename = "BCEWithLogitsLoss")]
    BceWithLogits(BceWithLogitsLoss),
    #[serde(rename = "CrossEntropyLoss")]
    CrossEntropy(CrossEntropyLoss),
    #[serde(rename = "NLLLoss")]
    Nll(NllLoss),
    #[serde(rename = "CrossEntropyOnProbabilities")]
    CrossEntropyOnProbabilities(CrossEntropyOnProbabilities),
    #[serde(rename = "FocalLoss")]
    Focal(FocalLoss),
    #[serde(rename = "SigmoidFocalLoss")]
    SigmoidFocal(SigmoidFocalLoss),
    #[serde(rename = "HingeLoss")]
    Hinge(HingeLoss),
    #[serde(rename = "HingeEmbeddingLoss")]
    HingeEmbedding(HingeEmbeddingLoss),
    #[serde(rename = "MultiMarginLoss")]
    MultiMargin(MultiMarginLoss),
    SampleWeighted(Weighted),
}

/// The options of a [`SampleWeighted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// The loss whose samples have weights.
    pub loss: Box<LossDescription>,
}

/// The names that a [`LossDescription`] can have.
pub const LOSSES: [&str; 16] = [
    "MSELoss",
    "L1Loss",
    "SmoothL1Loss",
    "HuberLoss",
    "KLDivLoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "NLLLoss",
    "CrossEntropyOnProbabilities",
    "FocalLoss",
    "SigmoidFocalLoss",
    "HingeLoss",
    "HingeEmbeddingLoss",
    "MultiMarginLoss",
    "SampleWeighted",
];

impl LossDescription {
    /// The loss, ready for use.
    ///
    /// # Errors
    /// [`crate::Error::Option`] when an option is out of range.
    pub fn build<T: Real>(&self) -> Result<Box<dyn Loss<T>>> {
        T::loss(self)
    }

    pub(crate) fn build_here<T: Real>(&self) -> Result<Box<dyn Loss<T>>> {
        let loss: Box<dyn Loss<T>> = match self.clone() {
            LossDescription::Mse(loss) => Box::new(loss),
            LossDescription::L1(loss) => Box::new(loss),
            LossDescription::SmoothL1(loss) => Box::new(loss),
            LossDescription::Huber(loss) => Box::new(loss),
            LossDescription::KlDiv(loss) => Box::new(loss),
            LossDescription::Bce(loss) => Box::new(loss),
            LossDescription::BceWithLogits(loss) => Box::new(loss),
            LossDescription::CrossEntropy(loss) => Box::new(loss),
            LossDescription::Nll(loss) => Box::new(loss),
            LossDescription::CrossEntropyOnProbabilities(loss) => Box::new(loss),
            LossDescription::Focal(loss) => Box::new(loss),
            LossDescription::SigmoidFocal(loss) => Box::new(loss),
            LossDescription::Hinge(loss) => Box::new(loss),
            LossDescription::HingeEmbedding(loss) => Box::new(loss),
            LossDescription::MultiMargin(loss) => Box::new(loss),
            LossDescription::SampleWeighted(weighted) => Box::new(SampleWeighted::from_boxed(weighted.loss.build()?)),
        };
        loss.check_options()?;
        Ok(loss)
    }
}

impl Serialize for LossDescription {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        LossDescription::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for LossDescription {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Apart and of one type, so that it is compiled here and not again for every format that a caller reads.
fn read(value: Value) -> std::result::Result<LossDescription, String> {
    LossDescription::deserialize(value).map_err(|error| with_nearest(&error, "loss", &LOSSES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Target;
    use crate::{tensor, zeros};

    #[test]
    fn options_out_of_range_are_named() {
        for (text, want) in [
            (r#"{"name": "CrossEntropyLoss", "label_smoothing": 1.5}"#, "label_smoothing must be from 0 to 1, got 1.5"),
            (r#"{"name": "NLLLoss", "weight": [1, -2]}"#, "weight of class 1 must be finite and at least 0, got -2"),
            (
                r#"{"name": "BCEWithLogitsLoss", "pos_weight": [-1]}"#,
                "pos_weight 0 must be finite and at least 0, got -1",
            ),
            (
                r#"{"name": "SmoothL1Loss", "beta": -1}"#,
                "SmoothL1Loss(Mean).beta(-1): beta must be finite and at least 0, got -1",
            ),
            (r#"{"name": "HuberLoss", "delta": 0}"#, "delta must be finite and above 0, got 0"),
            (r#"{"name": "FocalLoss", "gamma": -1}"#, "gamma must be finite and at least 0, got -1"),
            (r#"{"name": "SigmoidFocalLoss", "alpha": 2}"#, "alpha must be from 0 to 1, or -1 for none, got 2"),
            (r#"{"name": "MultiMarginLoss", "p": 3}"#, "p must be 1 or 2, got 3"),
        ] {
            let error = serde_json::from_str::<LossDescription>(text).unwrap().build::<f32>().unwrap_err().to_string();
            assert!(error.ends_with(want), "{error}");
        }
        // The same without a description, on the first use.
        let (x, y) = ([1, 2], Target::<f64>::classes(vec![0]));
        assert!(CrossEntropyLoss::new().label_smoothing(f64::NAN).check(&x, &y).is_err());
    }

    #[test]
    fn descriptions_name_what_they_know() {
        let refusal = |text: &str| serde_json::from_str::<LossDescription>(text).unwrap_err().to_string();
        let error = refusal(r#"{"name": "CrossEntropy"}"#);
        assert!(error.starts_with("there is no loss `CrossEntropy`; did you mean `CrossEntropyLoss`?"), "{error}");
        for name in LOSSES {
            assert!(error.contains(name), "{error}");
            let options = if name == "SampleWeighted" { r#", "loss": {"name": "L1Loss"}"# } else { "" };
            let text = format!(r#"{{"name": "{name}"{options}}}"#);
            let description = serde_json::from_str::<LossDescription>(&text).unwrap();
            assert!(description.build::<f32>().is_ok());
            let written = serde_json::to_string(&description).unwrap();
            assert_eq!(serde_json::from_str::<LossDescription>(&written).unwrap(), description);
        }
        let error = refusal(r#"{"name": "NLLLoss", "label_smoothing": 0.1}"#);
        assert!(error.contains("`label_smoothing`") && error.contains("`ignore_index`"), "{error}");
        for text in [
            r#"{"name":"MSELoss","reduction":"sum"}"#,
            r#"{"name":"CrossEntropyLoss","reduction":"none","weight":[0.5,1.0],"label_smoothing":0.1,"ignore_index":3}"#,
        ] {
            let description: LossDescription = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&description).unwrap(), text);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refusal = |text: &str, output: &[usize], target: Target<f64>| {
            let loss = serde_json::from_str::<LossDescription>(text).unwrap().build::<f64>().unwrap();
            loss.check(output, &target).unwrap_err().to_string()
        };
        let plain = r#"{"name": "CrossEntropyLoss"}"#;
        let weighted = r#"{"name": "SampleWeighted", "loss": {"name": "NLLLoss"}}"#;
        let values = |shape: &[usize]| Target::Values(zeros(shape));
        for (got, want) in [
            (
                refusal(plain, &[2, 3], Target::classes(vec![0, 3])),
                "CrossEntropyLoss(Mean): class of sample 1 must be from 0 to 2, or -100 to be ignored, got 3",
            ),
            (
                refusal(plain, &[1, 3, 2], Target::Classes(tensor(&[1, 2], vec![0, -1]))),
                "CrossEntropyLoss(Mean): class of sample (0, 1) must be from 0 to 2, or -100 to be ignored, got -1",
            ),
            (
                refusal(plain, &[2, 3], Target::classes(vec![0, 1, 2])),
                "CrossEntropyLoss(Mean) wants classes (2,) for an output (2, 3), got (3,)",
            ),
            (
                refusal(plain, &[2, 3], values(&[2, 2])),
                "CrossEntropyLoss(Mean) wants target values in the output's shape (2, 3), got (2, 2)",
            ),
            (
                refusal(plain, &[3], Target::classes(vec![0, 1, 2])),
                "CrossEntropyLoss(Mean) wants an output (n, classes) or (n, classes, d…), got (3,)",
            ),
            (
                refusal(r#"{"name": "NLLLoss", "weight": [1, 2]}"#, &[2, 3], Target::classes(vec![0, 1])),
                "NllLoss(Mean).class_weights(&[1.0, 2.0]): class weights must be 3 in number, one a class of the output (2, 3), got 2",
            ),
            (
                refusal(r#"{"name": "NLLLoss", "ignore_index": 0}"#, &[2, 3], values(&[2, 3])),
                "NllLoss(Mean).ignore_index(0): ignore_index must be negative with target values, which have no class number to ignore, got 0",
            ),
            (
                refusal(r#"{"name": "BCELoss"}"#, &[2, 3], values(&[3, 2])),
                "BceLoss(Mean) wants target values in the output's shape (2, 3), got (3, 2)",
            ),
            (
                refusal(r#"{"name": "BCEWithLogitsLoss", "pos_weight": [1, 2]}"#, &[2, 3], values(&[2, 3])),
                "BceWithLogitsLoss(Mean).pos_weight(&[1.0, 2.0]): pos_weight must be 1 number, or one for each place of the last axis of (2, 3), got 2",
            ),
            (
                refusal(r#"{"name": "HingeLoss"}"#, &[2, 3], values(&[2, 3])),
                "HingeLoss(Mean): target value must be 1 or -1, got 0",
            ),
            (
                refusal(r#"{"name": "MultiMarginLoss"}"#, &[2, 3], values(&[2, 3])),
                "MultiMarginLoss(Mean): target must be class numbers, got values (2, 3)",
            ),
            (
                refusal(weighted, &[2, 3], Target::classes(vec![0, 1])),
                "SampleWeighted(NllLoss(Mean)): target must be values, each sample's weight before its numbers (see `weighted_target`), got classes (2,)",
            ),
            (
                refusal(weighted, &[2, 3], values(&[2, 3])),
                "SampleWeighted(NllLoss(Mean)) wants 1 + 1 numbers a sample for (2,), got (2, 3)",
            ),
            (
                refusal(weighted, &[1, 3], Target::Values(tensor(&[1, 2], vec![-1.0, 0.0]))),
                "SampleWeighted(NllLoss(Mean)): sample weight must be finite and at least 0, got -1",
            ),
            (
                refusal(weighted, &[1, 3], Target::Values(tensor(&[1, 2], vec![1.0, 0.5]))),
                "SampleWeighted(NllLoss(Mean)): class number must be a whole number, got 0.5",
            ),
            (
                refusal(weighted, &[1, 3], Target::Values(tensor(&[1, 2], vec![1.0, 3.0]))),
                "SampleWeighted(NllLoss(Mean)): NllLoss(Mean): class of sample 0 must be from 0 to 2, or -100 to be ignored, got 3",
            ),
        ] {
            assert_eq!(got, want);
        }
    }

    #[test]
    #[should_panic(expected = "class of sample 0 must be from 0 to 1")]
    fn a_pass_on_what_does_not_fit_panics_with_the_message_of_check() {
        CrossEntropyLoss::new().forward(&zeros::<f32>(&[1, 2]), &Target::classes(vec![2]));
    }
}
