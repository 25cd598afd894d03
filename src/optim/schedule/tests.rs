//! Curves of arguments that nobody has checked.

use super::*;

/// A count of 0 is drawn as one of 1, and no rate panics or takes forever.
#[test]
fn a_count_of_0_is_taken_as_1() {
    let warm = |t_0, t_mult| Schedule::WarmRestarts(CosineAnnealingWarmRestarts { t_0, t_mult, eta_min: 0.0 });
    let step = |step_size| Schedule::Step(StepLr { step_size, gamma: 0.5 });
    let line = |total_iters| Schedule::Linear(LinearLr { start_factor: 0.5, end_factor: 1.0, total_iters });
    let power = |total_iters| Schedule::Polynomial(PolynomialLr { total_iters, power: 1.0 });
    let cosine = |t_max| Schedule::Cosine(CosineAnnealingLr { t_max, eta_min: 0.0 });
    for (of_0, of_1) in [
        (warm(0, 2), warm(1, 2)),
        (warm(0, 1), warm(1, 1)),
        (warm(4, 0), warm(4, 1)),
        (step(0), step(1)),
        (line(0), line(1)),
        (power(0), power(1)),
        (cosine(Some(0)), cosine(Some(1))),
        (cosine(None), cosine(Some(1))),
    ] {
        assert!(of_0.check().is_err() && of_1.check().is_ok());
        for t in [0, 1, 2, 3, 1000] {
            assert_eq!(of_0.rate(0.8, t), of_1.rate(0.8, t), "{of_0:?} after {t}");
            assert!(of_0.rate(0.8, t).is_finite(), "{of_0:?} after {t}");
        }
    }
}

#[test]
fn the_last_of_too_few_members_goes_on() {
    let schedulers = |count| vec![Schedule::Exponential(ExponentialLr { gamma: 0.5 }); count];
    let rates = |members, milestones| {
        let schedule = Schedule::Sequential(SequentialLr { schedulers: schedulers(members), milestones });
        assert_eq!(schedule.momentum(3), None);
        [0, 1, 2, 3, 4].map(|t| schedule.rate(1.0, t))
    };
    assert_eq!(rates(2, vec![2]), [1.0, 0.5, 1.0, 0.5, 0.25]);
    assert_eq!(rates(2, vec![2, 3]), [1.0, 0.5, 1.0, 0.5, 0.25]);
    assert_eq!(rates(1, vec![2]), [1.0, 0.5, 0.25, 0.125, 0.0625]);
    assert_eq!(rates(0, vec![2]), [1.0; 5]);
    // Out of order: the clock of a member never runs backwards.
    assert!(rates(3, vec![4, 1]).iter().all(|rate| *rate <= 1.0));
}
