//! What is asked of a data set before it is used.

use super::{Dataset, IGNORE_INDEX, Target};
use crate::{Error, Real, Result};

impl<T: Real> Dataset<T> {
    /// Errs when a sample has no class where `whose` work needs one of each.
    pub(crate) fn check_classes(&self, whose: &str) -> Result<()> {
        let Some(Target::Classes(labels)) = self.targets.given() else { return Ok(()) };
        match labels.iter().filter(|&&label| label == IGNORE_INDEX).count() {
            0 => Ok(()),
            count => {
                let found = format!("{count} of {IGNORE_INDEX}, which is none; leave those samples out");
                Err(Error::option(format!("{whose}: class numbers"), "a class of every sample", found))
            }
        }
    }
}
