//! The report's Figure 1: the listing of the gradient checks.

use super::Chapter;
use crate::experiments::{Settings, gradients};
use crate::page::Section;
use limpide::Result;

/// Checks every gradient and lists the checks.
pub fn chapter(settings: &Settings) -> Result<Chapter> {
    let done = gradients::run(settings)?;
    let checks: Vec<String> = done.reports.iter().map(ToString::to_string).collect();
    let totals = gradients::totals(&done.reports);
    let section = Section::new(
        "1. Gradient checks",
        "Every backward pass is a formula worked out by hand, and a formula can be wrong. So each gradient is held \
         against differences of the forward pass alone, (L(θ + ε) − L(θ − ε)) / 2ε and a step more exact, in double \
         precision, for every module, every loss and three whole networks. A module alone is given random weights \
         on its outputs as a loss; a plain sum could not see the gradient of a softmax.",
    )
    // A hyphen that no line ends on keeps 1e-8 in one piece.
    .text(&format!("{}.", totals.replace('\n', "; ").replace('-', "\u{2011}")))
    .listing(
        "gradients",
        "**Figure 1.** The listing of `limpide gradcheck`. Of a tensor with more than six entries the worst is shown; \
         all were checked.",
        &format!("{}\n{totals}\n", checks.join("\n")),
    );
    Ok(Chapter { outcome: done.outcome, section })
}
