//! Groups: parameters that are treated otherwise than the rest, found by name or rank.

use super::rule;
use crate::Result;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Parameters that share a rate or a weight decay of their own.
///
/// A parameter belongs to the first group whose conditions it all meets, and to none when it meets those of none.
///
/// ```
/// use limpide::optim::{Adam, Group, Optimizer};
/// // No decay on biases and norms, whose parameters have one axis; a tenth of the rate for a pretrained first layer.
/// let optimizer = Optimizer::<f32>::from(Adam::new(1e-3)?.weight_decay(1e-4))
///     .group(Group::max_rank(1).weight_decay(0.0))
///     .group(Group::prefix("0.").lr_factor(0.1));
/// assert_eq!(
///     optimizer.to_string(),
///     "Adam(0.001).weight_decay(0.0001).group(Group::max_rank(1).weight_decay(0)).group(Group::prefix(\"0.\").lr_factor(0.1))"
/// );
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What the names begin with: `0.` is the first layer of a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// What the names end with: `bias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suffix: Option<String>,
    /// How many axes they have at most: 1 for biases and norms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_rank: Option<usize>,
    /// What the optimiser's rate is multiplied by; 0 keeps the parameters as they are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(super) lr_factor: f64,
    /// The weight decay instead of the optimiser's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) weight_decay: Option<f64>,
}

fn one() -> f64 {
    1.0
}

/// Whether a name begins with a prefix of whole parts.
fn begins(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| prefix.is_empty() || prefix.ends_with('.') || rest.is_empty() || rest.starts_with('.'))
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl Group {
    /// All parameters.
    fn all() -> Self {
        Group { prefix: None, suffix: None, max_rank: None, lr_factor: 1.0, weight_decay: None }
    }

    /// Parameters whose name begins with these parts: `1` and `1.` are the second layer of a chain, and not the eleventh.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Group { prefix: Some(prefix.into()), ..Group::all() }
    }

    /// Parameters whose name ends so.
    pub fn suffix(suffix: impl Into<String>) -> Self {
        Group { suffix: Some(suffix.into()), ..Group::all() }
    }

    /// Parameters with so many axes at most.
    pub fn max_rank(max_rank: usize) -> Self {
        Group { max_rank: Some(max_rank), ..Group::all() }
    }

    /// What the optimiser's rate is multiplied by; 0 freezes the parameters.
    pub fn lr_factor(mut self, factor: f64) -> Self {
        self.lr_factor = factor;
        self
    }

    /// The weight decay of these parameters.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    pub(super) fn matches(&self, name: &str, rank: usize) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| begins(name, prefix))
            && self.suffix.as_ref().is_none_or(|suffix| name.ends_with(suffix))
            && self.max_rank.is_none_or(|most| rank <= most)
    }

    pub(super) fn check(&self) -> Result<()> {
        rule::at_least_0(&format!("{self}: lr_factor"), self.lr_factor, "a negative rate climbs")?;
        let decay = self.weight_decay.unwrap_or(0.0);
        rule::at_least_0(&format!("{self}: weight_decay"), decay, "a negative decay lets weights grow")
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |name, value: &Option<String>| value.as_ref().map(|value| format!("{name}({value:?})"));
        let conditions = [
            text("prefix", &self.prefix),
            text("suffix", &self.suffix),
            self.max_rank.map(|rank| format!("max_rank({rank})")),
        ];
        let conditions: Vec<String> = conditions.into_iter().flatten().collect();
        write!(f, "Group::{}", conditions.join("."))?;
        rule::write_options(f, &[("lr_factor", self.lr_factor, 1.0)])?;
        self.weight_decay.map_or(Ok(()), |decay| write!(f, ".weight_decay({decay})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_whole_parts_of_a_name() {
        for (prefix, fits) in [("1", [true, false]), ("1.", [true, false]), ("10", [false, true]), ("", [true; 2])] {
            let group = Group::prefix(prefix);
            assert_eq!(["1.weight", "10.weight"].map(|name| group.matches(name, 2)), fits, "{prefix}");
        }
        assert!(Group::prefix("1.weight").matches("1.weight", 2));
    }
}
