//! What an optimiser remembers, as data: for checkpoints, and to go on with the same bits.

use crate::tensor::shape_text;
use crate::{Real, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// An optimiser's memory at one moment.
///
/// | part | by name |
/// | --- | --- |
/// | `clock` | steps taken |
/// | `numbers` | `lr`, `momentum` where there is one, `carried` |
/// | `tensors` | `0.weight.exp_avg`: parameter and state, in the order of the parameters |
///
/// The numbers are exact as `f64`; a text form must write them so that they read back to the same bits.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerState<T> {
    /// Steps taken.
    pub clock: u64,
    /// What changes from step to step and is the same for all entries.
    pub numbers: BTreeMap<String, f64>,
    /// What is kept for every parameter.
    pub tensors: Vec<(String, Tensor<T>)>,
}

impl<T: Real> OptimizerState<T> {
    /// Errs with all differences unless there are the numbers of those names, and tensors of those names and shapes. A state
    /// from before the first step may have no tensors.
    pub(super) fn expect(
        &self,
        numbers: &BTreeMap<String, f64>,
        tensors: &[(String, &[usize])],
    ) -> std::result::Result<(), String> {
        let mut differences = Vec::new();
        let unprepared = self.clock == 0 && self.tensors.is_empty();
        let wanted = || numbers.keys().chain(tensors.iter().filter(|_| !unprepared).map(|(name, _)| name));
        let given = || self.numbers.keys().chain(self.tensors.iter().map(|(name, _)| name));
        let (all_wanted, all_given): (BTreeSet<_>, BTreeSet<_>) = (wanted().collect(), given().collect());
        differences.extend(all_wanted.difference(&all_given).map(|name| format!("{name} is missing")));
        differences.extend(all_given.difference(&all_wanted).map(|name| format!("{name} is of no use")));
        for (name, tensor) in &self.tensors {
            let shape = tensors.iter().find(|(own, _)| own == name).map(|(_, shape)| *shape);
            if let Some(shape) = shape.filter(|shape| *shape != tensor.shape()) {
                differences.push(format!("{name} must be {}, got {}", shape_text(shape), shape_text(tensor.shape())));
            }
        }
        if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
    }
}
