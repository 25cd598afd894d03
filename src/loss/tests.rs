//! What every loss must keep, and numbers checked by hand.

use super::*;
use crate::layers::{LogSoftmax, Softmax};
use crate::{Module, Stream, Tape, zeros};

const LN_3: f64 = 1.098_612_288_668_109_8;
const LN_4: f64 = 2.0 * std::f64::consts::LN_2;

fn loss_of<T: Real>(text: &str) -> Box<dyn Loss<T>> {
    serde_json::from_str::<LossDescription>(text).unwrap().build().unwrap()
}

fn shares<T: Real>(shape: &[usize], values: &[f64]) -> Target<T> {
    Target::Values(tensor(shape, values.iter().map(|&v| T::of(v)).collect()))
}

fn uniform(shape: &[usize], low: f64, high: f64, stream: &mut Stream) -> Tensor<f64> {
    let count = shape.iter().product();
    tensor(shape, (0..count).map(|_| stream.uniform(low, high)).collect())
}

#[track_caller]
fn assert_close(got: &Tensor<f64>, want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() <= tolerance, "got {got}, wanted {want:?}");
    }
}

/// Every loss with every kind of target: (name and options, output, target).
fn table() -> Vec<(&'static str, Tensor<f64>, Target<f64>)> {
    let mut random = Stream::new(5);
    let mut rows = Vec::new();
    for (options, low, high) in [
        (r#""name": "MSELoss""#, -2.0, 2.0),
        (r#""name": "BCELoss""#, 0.2, 0.8),
        (r#""name": "BCEWithLogitsLoss""#, -3.0, 3.0),
        (r#""name": "BCEWithLogitsLoss", "pos_weight": [2.5]"#, -3.0, 3.0),
        (r#""name": "BCEWithLogitsLoss", "pos_weight": [0.5, 1.0, 3.0]"#, -3.0, 3.0),
    ] {
        let output = uniform(&[4, 3], low, high, &mut random);
        rows.push((options, output, Target::Values(uniform(&[4, 3], 0.0, 1.0, &mut random))));
    }
    for (options, low, high) in [
        (r#""name": "CrossEntropyLoss""#, -3.0, 3.0),
        (r#""name": "CrossEntropyLoss", "weight": [0.5, 2.0, 1.0]"#, -3.0, 3.0),
        (r#""name": "CrossEntropyLoss", "label_smoothing": 0.1"#, -3.0, 3.0),
        (r#""name": "CrossEntropyLoss", "weight": [0.5, 2.0, 1.0], "label_smoothing": 0.3"#, -3.0, 3.0),
        (r#""name": "NLLLoss""#, -3.0, 0.0),
        (r#""name": "NLLLoss", "weight": [0.5, 2.0, 1.0]"#, -3.0, 0.0),
        (r#""name": "CrossEntropyOnProbabilities""#, 0.2, 0.8),
    ] {
        for shape in [vec![4, 3], vec![4, 3, 2], vec![4, 3, 2, 2]] {
            let output = uniform(&shape, low, high, &mut random);
            rows.push((options, output.clone(), Target::Values(uniform(&shape, 0.0, 1.0, &mut random))));
            let label_shape = [&shape[..1], &shape[2..]].concat();
            let mut labels: Vec<i64> = (0..label_shape.iter().product()).map(|_| random.below(3) as i64).collect();
            labels[1] = -100;
            rows.push((options, output, Target::Classes(tensor(&label_shape, labels))));
        }
    }
    rows
}

fn each_row(mut check: impl FnMut(&dyn Loss<f64>, &Tensor<f64>, &Target<f64>)) {
    for (options, output, target) in table() {
        for reduction in ["mean", "sum", "none"] {
            let loss = loss_of::<f64>(&format!(r#"{{{options}, "reduction": "{reduction}"}}"#));
            check(&*loss, &output, &target);
        }
    }
}

#[test]
fn gradients_match_central_differences() {
    let mut random = Stream::new(6);
    each_row(|loss, output, target| {
        // A random weight for each number of the forward pass: one number for mean and sum, all terms for none.
        let upstream = uniform(loss.forward(output, target).shape(), 0.5, 2.0, &mut random);
        let value = |output: &Tensor<f64>| (&loss.forward(output, target) * &upstream).sum();
        let gradient = match loss.reduction() {
            Reduction::None => backward_terms(loss, output, target, &upstream),
            _ => loss.backward(output, target).mapv(|g| g * upstream.sum()).into_shared(),
        };
        let (mut worst, mut largest) = (0.0f64, 0.0f64);
        for at in 0..output.len() {
            let moved = |step: f64| {
                let mut output = output.clone();
                values_mut(&mut output)[at] += step;
                value(&output)
            };
            let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            worst = worst.max((values(&gradient)[at] - want).abs());
            largest = largest.max(want.abs());
        }
        assert!(largest > 1e-2, "{loss}, {target}: nothing to compare");
        assert!(worst <= 1e-7 * largest, "{loss}, {target}: off by {worst} of {largest}");
    });
}

#[test]
fn slices_with_the_whole_denominator_give_the_whole_batch() {
    each_row(|loss, output, target| {
        let whole = loss.denominator(output.shape(), target);
        let (terms, slope) = loss.terms_and_slope(output, target);
        assert_eq!((loss.terms(output, target), loss.slope(output, target)), (terms, slope));
        let (mut sum, mut gradient) = (0.0, Vec::new());
        for slice in [0..1, 1..4] {
            let rows: Vec<usize> = slice.collect();
            let part = output.select(ndarray::Axis(0), &rows).into_shared();
            let (terms, slope) = loss.terms_and_slope(&part, &target.select(&rows));
            sum += terms.sum();
            gradient.extend(slope.iter().map(|s| s * loss.gradient_scale(whole)));
        }
        assert_eq!(gradient, values(&loss.backward(output, target)), "{loss}, {target}");
        let want = if loss.reduction() == Reduction::Mean { sum / whole } else { sum };
        assert!((loss.forward(output, target).sum() - want).abs() <= 1e-14 * sum.abs(), "{loss}, {target}");
    });
}

#[test]
fn an_output_in_another_memory_order_gives_the_same() {
    each_row(|loss, output, target| {
        let flipped = output.t().as_standard_layout().into_owned().into_shared().reversed_axes();
        assert!(!flipped.is_standard_layout());
        assert_eq!(loss.terms_and_slope(&flipped, target), loss.terms_and_slope(output, target), "{loss}");
    });
}

#[test]
fn nan_in_gives_nan_out() {
    each_row(|loss, output, target| {
        let mut output = output.clone();
        output.fill(f64::NAN);
        let (terms, slope) = loss.terms_and_slope(&output, target);
        assert!(terms.sum().is_nan(), "{loss}, {target}");
        // The slope of the negative log-likelihood does not depend on its input.
        assert!(slope.sum().is_nan() || loss.to_string().starts_with("NllLoss"), "{loss}, {target}");
    });
}

#[test]
fn one_hot_shares_and_class_numbers_are_the_same_target() {
    let output = uniform(&[3, 4, 2], 0.1, 0.9, &mut Stream::new(2));
    let classes = Target::Classes(tensor(&[3, 2], vec![0, 3, 1, 1, 2, 0]));
    let hot = classes.one_hot(4).unwrap();
    for name in ["CrossEntropyLoss", "NLLLoss", "CrossEntropyOnProbabilities"] {
        let loss = loss_of::<f64>(&format!(r#"{{"name": "{name}"}}"#));
        assert_eq!(loss.forward(&output, &hot), loss.forward(&output, &classes), "{name}");
        assert_eq!(loss.backward(&output, &hot), loss.backward(&output, &classes), "{name}");
    }
}

#[test]
fn weights_and_smoothing_by_hand() {
    // p = (1/4, 3/4), e = 0.2, w = (2, 5), class 0: q = (2·0.9, 5·0.1); the second sample is ignored.
    let x = tensor(&[2, 2], vec![0.0, LN_3, 7.0, 8.0]);
    let loss = CrossEntropyLoss::new().class_weights(&[2.0, 5.0]).label_smoothing(0.2).ignore_index(-1);
    let y = Target::classes(vec![0, -1]);
    let term = 1.8 * LN_4 + 0.5 * (LN_4 - LN_3);
    let slope = [0.25 * 2.3 - 1.8, 0.75 * 2.3 - 0.5];
    // The mean divides by the weight of class 0 alone, not by the summed q.
    assert_close(&loss.forward(&x, &y), &[term / 2.0], 1e-14);
    assert_close(&loss.backward(&x, &y), &[slope[0] / 2.0, slope[1] / 2.0, 0.0, 0.0], 1e-15);
    assert_close(&loss.clone().reduction(Reduction::Sum).forward(&x, &y), &[term], 1e-14);
    assert_close(&loss.clone().reduction(Reduction::None).forward(&x, &y), &[term, 0.0], 1e-14);
    // Shares divide by the number of samples, whatever the weights.
    let first = tensor(&[1, 2], vec![0.0, LN_3]);
    assert_close(&loss.forward(&first, &shares(&[1, 2], &[1.0, 0.0])), &[term], 1e-14);
}

#[test]
fn classes_run_along_axis_1() {
    // Two places: logits (0, ln 3) and (ln 3, 0), so p of class 0 is 1/4 and 3/4.
    let x = tensor(&[1, 2, 2], vec![0.0, LN_3, LN_3, 0.0]);
    let y = Target::Classes(tensor(&[1, 2], vec![0, 0]));
    let loss = CrossEntropyLoss::new().reduction(Reduction::None);
    assert_close(&loss.forward(&x, &y), &[LN_4, LN_4 - LN_3], 1e-15);
    assert_close(&loss.backward(&x, &y), &[-0.75, -0.25, 0.75, 0.25], 1e-15);
}

#[test]
fn a_list_of_pos_weights_runs_along_the_last_axis() {
    // Logits of 0: every s is ln 2.
    let (x, y) = (zeros(&[2, 2]), shares(&[2, 2], &[1.0, 1.0, 1.0, 0.0]));
    let loss = BceWithLogitsLoss::new().pos_weight(&[1.0, 3.0]).reduction(Reduction::None);
    let ln_2 = std::f64::consts::LN_2;
    assert_close(&loss.forward(&x, &y), &[ln_2, 3.0 * ln_2, ln_2, ln_2], 1e-15);
    assert_close(&loss.backward(&x, &y), &[-0.5, -1.5, -0.5, 0.5], 1e-15);
    assert_close(&loss.reduction(Reduction::Mean).forward(&x, &y), &[6.0 * ln_2 / 4.0], 1e-15);
}

#[test]
fn everything_ignored_is_nan_without_a_gradient() {
    let (x, y) = (tensor(&[1, 2], vec![-1.0, -2.0]), Target::classes(vec![-100]));
    for name in ["CrossEntropyLoss", "NLLLoss"] {
        let loss = loss_of::<f64>(&format!(r#"{{"name": "{name}"}}"#));
        assert!(loss.forward(&x, &y).sum().is_nan());
        assert_eq!(loss.backward(&x, &y), zeros::<f64>(&[1, 2]));
    }
}

#[test]
fn extreme_logits_stay_exact() {
    fn run<T: Real>() {
        let far = T::of(1e4);
        let (x, y) = (tensor(&[2, 2], vec![far, -far, far, -far]), Target::<T>::classes(vec![0, 1]));
        let loss = CrossEntropyLoss::new().reduction(Reduction::None);
        assert_eq!(loss.forward(&x, &y), tensor(&[2], vec![T::zero(), T::of(2e4)]));
        let one = T::one();
        assert_eq!(loss.backward(&x, &y), tensor(&[2, 2], vec![T::zero(), T::zero(), one, -one]));

        let y = shares(&[2, 2], &[1.0, 0.0, 0.0, 1.0]);
        let loss = BceWithLogitsLoss::new().pos_weight(&[3.0]).reduction(Reduction::None);
        assert_eq!(loss.forward(&x, &y), tensor(&[2, 2], vec![T::zero(), T::zero(), far, T::of(3e4)]));
        let want = tensor(&[2, 2], vec![T::zero(), T::zero(), one, T::of(-3.0)]);
        assert_eq!(loss.backward(&x, &y), want);
    }
    run::<f32>();
    run::<f64>();
}

#[test]
fn small_losses_keep_their_digits() {
    // ln(1 + e⁻²⁰) = 2.0611536·10⁻⁹, which 1 + e⁻²⁰ has lost in f32.
    let (x, y) = (tensor(&[1], vec![-20.0f32]), shares(&[1], &[0.0]));
    let got = BceWithLogitsLoss::new().forward(&x, &y).sum();
    assert!((got - 2.061_153_6e-9).abs() < 1e-15, "{got}");
    let (p, y) = (tensor(&[1], vec![1e-9f32]), shares(&[1], &[0.0]));
    assert_eq!(BceLoss::new().forward(&p, &y).sum(), 1e-9);
    let mut x = [-1.0, -0.75, 0.0, 1e-20, 3.0];
    ln_1p(&mut x);
    assert_eq!((x[0], x[2], x[3]), (f64::NEG_INFINITY, 0.0, 1e-20));
    assert!((x[1] + LN_4).abs() < 1e-15 && (x[4] - LN_4).abs() < 1e-15);
}

#[test]
fn probabilities_of_exactly_0_and_1() {
    fn run<T: Real>() {
        let (zero, one) = (T::zero(), T::one());
        let (p, y) = (tensor(&[4], vec![zero, zero, one, one]), shares(&[4], &[0.0, 1.0, 0.0, 1.0]));
        let loss = BceLoss::new().reduction(Reduction::None);
        assert_eq!(loss.forward(&p, &y), tensor(&[4], vec![zero, T::of(100.0), T::of(100.0), zero]));
        let steep = one / T::of(f64::from(1e-12f32));
        assert_eq!(loss.backward(&p, &y), tensor(&[4], vec![zero, -steep, steep, zero]));

        let (p, y) = (tensor(&[2, 2], vec![zero, one, zero, one]), Target::<T>::classes(vec![0, 1]));
        let loss = CrossEntropyOnProbabilities::new().reduction(Reduction::None);
        let tau = T::min_positive_value();
        let terms = loss.forward(&p, &y);
        assert!((terms[[0]] + tau.ln()).abs() < T::of(1e-4) && terms[[1]] == zero);
        assert_eq!(loss.backward(&p, &y), tensor(&[2, 2], vec![-one / tau, zero, zero, -one]));
    }
    run::<f32>();
    run::<f64>();
}

#[test]
fn a_share_of_0_on_minus_infinity_adds_nothing() {
    let (z, y) = (tensor(&[1, 2], vec![0.0, f64::NEG_INFINITY]), shares(&[1, 2], &[1.0, 0.0]));
    for name in ["CrossEntropyLoss", "NLLLoss"] {
        assert_eq!(loss_of::<f64>(&format!(r#"{{"name": "{name}"}}"#)).forward(&z, &y).sum(), 0.0);
    }
}

/// The report's pairings: Softmax or LogSoftmax with its own loss gives the gradients of the fused loss.
#[test]
fn softmax_then_cross_entropy_is_the_fused_loss() {
    let mut random = Stream::new(3);
    let logits = |spread: f64, random: &mut Stream| uniform(&[6, 5], -spread, spread, random);
    // With the widest spread some probabilities are below 1e-200.
    for (spread, reduction) in [(1.0, Reduction::Sum), (30.0, Reduction::Mean), (300.0, Reduction::None)] {
        let x = logits(spread, &mut random);
        let classes = Target::classes((0..6).map(|_| random.below(5) as i64).collect());
        let soft = Target::Values(Softmax::new().forward(&logits(1.0, &mut random), &mut Tape::off()));
        for y in [classes.one_hot(5).unwrap(), classes, soft] {
            let want = CrossEntropyLoss::new().reduction(reduction).backward(&x, &y);
            let largest = want.iter().fold(0.0f64, |m, g| m.max(g.abs()));
            assert!(largest > 1e-3);

            let mut tape = Tape::new();
            let p = Softmax::new().forward(&x, &mut tape);
            let delta = CrossEntropyOnProbabilities::new().reduction(reduction).backward(&p, &y);
            assert_close(&Softmax::new().backward_delta(&mut tape, &delta), values(&want), 1e-12 * largest);

            let mut tape = Tape::new();
            let z = LogSoftmax::new().forward(&x, &mut tape);
            let delta = NllLoss::new().reduction(reduction).backward(&z, &y);
            assert_close(&LogSoftmax::new().backward_delta(&mut tape, &delta), values(&want), 1e-12 * largest);
        }
    }
}

#[test]
fn every_verb_refuses_a_class_that_is_not_there_in_the_words_of_the_check() {
    let loss = CrossEntropyLoss::new().class_weights(&[1.0, 2.0, 3.0]);
    let (output, target) = (zeros::<f64>(&[1, 3]), Target::classes(vec![7]));
    let wanted = loss.check(output.shape(), &target).unwrap_err().to_string();
    for verb in [<CrossEntropyLoss as Loss<f64>>::forward, Loss::backward, Loss::terms, Loss::slope] {
        let refused = std::panic::catch_unwind(|| verb(&loss, &output, &target)).unwrap_err();
        assert_eq!(refused.downcast_ref::<String>(), Some(&wanted));
    }
}
