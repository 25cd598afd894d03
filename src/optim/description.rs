//! Optimisers as data: one table from PyTorch's names and arguments to the rules.

use super::{Adadelta, Adagrad, Adam, AdamW, Group, Lookahead, NAdam, Optimizer, RmsProp, Rule, Sgd};
use crate::model::with_nearest;
use crate::{Real, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// An optimiser by PyTorch's name in the field `type`, with its arguments beside it by PyTorch's names; what is left out has
/// PyTorch's default.
///
/// | `type` | arguments |
/// | --- | --- |
/// | `SGD` | `lr`, `momentum`, `dampening`, `weight_decay`, `nesterov` |
/// | `Adam`, `AdamW` | `lr`, `betas`, `eps`, `weight_decay`, `amsgrad` |
/// | `NAdam` | `lr`, `betas`, `eps`, `weight_decay`, `momentum_decay`, `decoupled_weight_decay` |
/// | `RMSprop` | `lr`, `alpha`, `eps`, `weight_decay`, `momentum`, `centered` |
/// | `Adagrad` | `lr`, `lr_decay`, `weight_decay`, `initial_accumulator_value`, `eps` |
/// | `Adadelta` | `lr`, `rho`, `eps`, `weight_decay` |
/// | all | `groups`: list of `prefix`, `suffix`, `max_rank`, `lr_factor`, `weight_decay`; `lookahead`: `k`, `alpha` |
///
/// In TOML:
///
/// ```toml
/// [optimizer]
/// type = "AdamW"
/// lr = 0.001
/// groups = [{ max_rank = 1, weight_decay = 0.0 }]
/// ```
///
/// ```
/// use limpide::optim::OptimizerDescription;
/// let text = r#"{"type": "SGD", "lr": 0.1, "momentum": 0.9, "lookahead": {"k": 10}}"#;
/// let optimizer = serde_json::from_str::<OptimizerDescription>(text)?.build::<f32>()?;
/// assert_eq!(optimizer.to_string(), "Sgd(0.1).momentum(0.9).lookahead(Lookahead { k: 10, alpha: 0.5 })");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerDescription {
    /// The formula with its hyper-parameters.
    #[serde(flatten)]
    pub rule: RuleDescription,
    /// Parameters that are treated in their own way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Slow weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookahead: Option<Lookahead>,
}

/// A formula by its name.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
// `remote` makes serde's code a pair of functions, so that `Deserialize` below can add the nearest name to an error.
#[serde(tag = "type", remote = "Self")]
#[allow(missing_docs)] // each variant is the rule it holds
pub enum RuleDescription {
    #[serde(rename = "SGD")]
    Sgd(Sgd),
    Adam(Adam),
    AdamW(AdamW),
    NAdam(NAdam),
    #[serde(rename = "RMSprop")]
    RmsProp(RmsProp),
    Adagrad(Adagrad),
    Adadelta(Adadelta),
}

/// The names that the field `type` of an [`OptimizerDescription`] can take.
pub const OPTIMIZERS: [&str; 7] = ["SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad", "Adadelta"];

impl OptimizerDescription {
    /// The optimiser, ready for its first step.
    ///
    /// # Errors
    /// [`crate::Error::Option`] when a hyper-parameter is out of range.
    pub fn build<T: Real>(&self) -> Result<Optimizer<T>> {
        let mut optimizer = self.groups.iter().cloned().fold(Optimizer::from(self.rule.clone()), Optimizer::group);
        if let Some(lookahead) = self.lookahead {
            optimizer = optimizer.lookahead(lookahead);
        }
        optimizer.check().map(|()| optimizer)
    }
}

impl RuleDescription {
    pub(crate) fn boxed_here<T: Real>(self) -> Box<dyn Rule<T>> {
        match self {
            RuleDescription::Sgd(rule) => Box::new(rule),
            RuleDescription::Adam(rule) => Box::new(rule),
            RuleDescription::AdamW(rule) => Box::new(rule),
            RuleDescription::NAdam(rule) => Box::new(rule),
            RuleDescription::RmsProp(rule) => Box::new(rule),
            RuleDescription::Adagrad(rule) => Box::new(rule),
            RuleDescription::Adadelta(rule) => Box::new(rule),
        }
    }
}

impl<T: Real> From<RuleDescription> for Optimizer<T> {
    fn from(rule: RuleDescription) -> Self {
        Optimizer::from_boxed(T::rule(rule))
    }
}

impl Serialize for RuleDescription {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        RuleDescription::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for RuleDescription {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Apart and of one type, so that it is compiled here and not again for every format that a caller reads.
fn read(value: Value) -> std::result::Result<RuleDescription, String> {
    RuleDescription::deserialize(value).map_err(|error| with_nearest(&error, "optimizer", &OPTIMIZERS))
}
