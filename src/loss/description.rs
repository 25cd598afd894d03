//! Losses as data: one table from PyTorch's names and options to the losses.

use super::{BceLoss, BceWithLogitsLoss, CrossEntropyLoss, CrossEntropyOnProbabilities, Loss, MseLoss, NllLoss};
use crate::{Real, Result};
use serde::{Deserialize, Serialize};

/// A loss by PyTorch's name, with its options beside it by PyTorch's names; what is left out has PyTorch's default.
///
/// | `name` | options |
/// | --- | --- |
/// | `MSELoss`, `BCELoss`, `CrossEntropyOnProbabilities` | `reduction` (`mean`, `sum` or `none`) |
/// | `BCEWithLogitsLoss` | `reduction`, `pos_weight` (list) |
/// | `CrossEntropyLoss` | `reduction`, `weight` (list, one a class), `label_smoothing`, `ignore_index` |
/// | `NLLLoss` | `reduction`, `weight`, `ignore_index` |
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
#[serde(tag = "name")]
#[allow(missing_docs)] // each variant is the loss it holds
pub enum LossDescription {
    #[serde(rename = "MSELoss")]
    Mse(MseLoss),
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
}

impl LossDescription {
    /// The loss, ready for use.
    ///
    /// # Errors
    /// [`crate::Error::Option`] when an option is out of range.
    pub fn build<T: Real>(&self) -> Result<Box<dyn Loss<T>>> {
        let loss: Box<dyn Loss<T>> = match self.clone() {
            LossDescription::Mse(loss) => Box::new(loss),
            LossDescription::Bce(loss) => Box::new(loss),
            LossDescription::BceWithLogits(loss) => Box::new(loss),
            LossDescription::CrossEntropy(loss) => Box::new(loss),
            LossDescription::Nll(loss) => Box::new(loss),
            LossDescription::CrossEntropyOnProbabilities(loss) => Box::new(loss),
        };
        loss.check_options()?;
        Ok(loss)
    }
}
