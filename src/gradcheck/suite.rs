//! The project's own checks: every row of the table, and the report's three networks with their losses.

use super::cases::{autoencoder, dense, losses, modules, numbers, probabilities};
use super::{GradientReport, Options, check_loss, check_module, check_network};
use crate::data::Target;
use crate::loss::{CrossEntropyOnProbabilities, MseLoss, Reduction};

/// Checks every row of [`modules`] and [`losses`] and three whole networks with their losses, every entry of each.
///
/// ```
/// for report in limpide::gradcheck::suite() {
///     assert!(report.passed(), "{report}");
/// }
/// ```
pub fn suite() -> Vec<GradientReport> {
    let options = Options { max_entries: usize::MAX, ..Options::default() };
    let modules = modules().into_iter().map(|mut case| {
        let input = case.batch();
        check_module(case.module.as_mut(), &input, &options)
    });
    let losses = losses().into_iter().map(|case| check_loss(case.loss.as_ref(), &case.output, &case.target, &options));
    modules.chain(losses).chain(networks(&options)).collect()
}

/// The report's networks at a tenth of their size: dense classifier, convolutional classifier, autoencoder.
fn networks(options: &Options) -> Vec<GradientReport> {
    let classes = Target::classes(vec![2, 0, 1, 2, 1]);
    // The report's pairing: probabilities, summed over the batch.
    let cross_entropy = CrossEntropyOnProbabilities::new().reduction(Reduction::Sum);
    let mut dense = dense::<f64>(8, 6, 3).seed(1);
    let mut autoencoder = autoencoder::<f64>(9, 5, 2).seed(3);
    let images = probabilities(&[4, 9], 5);
    vec![
        check_network(&mut dense, &cross_entropy, &numbers(&[5, 8], 4), &classes, options),
        check_network(&mut autoencoder, &MseLoss::new(), &images, &Target::Values(images.clone()), options),
    ]
}
