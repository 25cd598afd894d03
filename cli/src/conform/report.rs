//! What a run found: counts by family, mismatches and skipped cases with their reasons, unsupported features by name.

use super::kinds::Stop;
use crate::text::aligned;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The findings of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `f32` or `f64`.
    pub scalar: String,
    /// Counts by family.
    pub families: BTreeMap<String, Counts>,
    /// Features that the library does not have, with the number of cases that need each.
    pub unsupported: BTreeMap<String, usize>,
    /// Cases that disagree, with what is wrong.
    pub mismatches: Vec<Finding>,
    /// Cases that were not run although the library supports them, with the reason.
    pub skipped: Vec<Finding>,
}

/// How many cases of a family ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Agree.
    pub ok: usize,
    /// Disagree.
    pub mismatch: usize,
    /// Need what the library does not have.
    pub unsupported: usize,
    /// Could not be run here.
    pub skipped: usize,
}

/// A case and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// `family/case`.
    pub case: String,
    /// What is wrong, or why it was not run.
    pub reason: String,
}

impl Report {
    /// A report on nothing yet.
    pub fn new(scalar: &str) -> Self {
        Report {
            scalar: scalar.to_string(),
            families: BTreeMap::new(),
            unsupported: BTreeMap::new(),
            mismatches: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// A family's line, which stands even when it has no cases.
    pub(super) fn begin(&mut self, family: &str) {
        self.families.entry(family.to_string()).or_default();
    }

    pub(super) fn add(&mut self, family: &str, case: &str, outcome: Result<(), Stop>) {
        let counts = self.families.entry(family.to_string()).or_default();
        let finding = |reason| Finding { case: format!("{family}/{case}"), reason };
        match outcome {
            Ok(()) => counts.ok += 1,
            Err(Stop::Failed(reason)) => {
                counts.mismatch += 1;
                self.mismatches.push(finding(reason));
            }
            Err(Stop::Skipped(reason)) => {
                counts.skipped += 1;
                self.skipped.push(finding(reason));
            }
            Err(Stop::Unsupported(features)) => {
                counts.unsupported += 1;
                features.into_iter().for_each(|feature| *self.unsupported.entry(feature).or_default() += 1);
            }
        }
    }

    /// The counts of all families together.
    pub fn total(&self) -> Counts {
        let sum = |f: fn(&Counts) -> usize| self.families.values().map(f).sum();
        Counts {
            ok: sum(|counts| counts.ok),
            mismatch: sum(|counts| counts.mismatch),
            unsupported: sum(|counts| counts.unsupported),
            skipped: sum(|counts| counts.skipped),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["family", "ok", "mismatch", "unsupported", "skipped"].map(String::from).to_vec()];
        let total = ("total", self.total());
        for (name, counts) in self.families.iter().map(|(name, counts)| (name.as_str(), *counts)).chain([total]) {
            let Counts { ok, mismatch, unsupported, skipped } = counts;
            let counts = [ok, mismatch, unsupported, skipped].map(|count| count.to_string());
            rows.push(std::iter::once(name.to_string()).chain(counts).collect());
        }
        f.write_str(&aligned(&rows, 1..))?;
        writeln!(f, "computed in {}", self.scalar)?;
        if !self.unsupported.is_empty() {
            let names: Vec<String> = self.unsupported.iter().map(|(name, cases)| format!("{name} ({cases})")).collect();
            writeln!(f, "not supported (cases): {}", names.join(", "))?;
        }
        for (title, findings) in [("skipped", &self.skipped), ("MISMATCH", &self.mismatches)] {
            findings.iter().try_for_each(|Finding { case, reason }| writeln!(f, "{title}  {case}: {reason}"))?;
        }
        Ok(())
    }
}
