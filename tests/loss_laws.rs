//! What every loss must do, whatever it measures: each law is one test and runs on every row of the table
//! `gradcheck::losses`.

use limpide::data::Target;
use limpide::gradcheck::{LossCase, Options, check_loss, losses};
use limpide::loss::{Loss, Reduction, SampleWeighted, weighted_target};
use limpide::metrics::{classes, correct, true_classes};
use limpide::tensor::{dense, values};
use limpide::{Real, Tensor, zeros};
use ndarray::Axis;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn gradients_agree_with_central_differences() {
    for case in losses() {
        let report = check_loss(case.loss.as_ref(), &case.output, &case.target, &Options::default());
        assert!(report.passed() && report.median() <= 1e-8 && report.kinks() == 0, "{report}");
    }
}

#[test]
fn the_loss_is_its_terms_reduced() {
    for case in losses::<f64>() {
        let LossCase { loss, output, target } = &case;
        let (terms, slope) = (loss.terms(output, target), loss.slope(output, target));
        let together = loss.terms_and_slope(output, target);
        assert_eq!((&together.0, &together.1), (&terms, &slope), "{}: terms_and_slope", case.name());
        let denominator = loss.denominator(output.shape(), target);
        let (value, scale) = match loss.reduction() {
            Reduction::Mean => (terms.sum() / denominator, 1.0 / denominator),
            Reduction::Sum | Reduction::None => (terms.sum(), 1.0),
        };
        let got = loss.forward(output, target);
        assert_eq!(got.ndim(), if loss.reduction() == Reduction::None { terms.ndim() } else { 0 }, "{}", case.name());
        assert_close(&case, &Tensor::from_elem(vec![], got.sum()), &Tensor::from_elem(vec![], value), 1e-15);
        assert_close(&case, &loss.backward(output, target), &slope.mapv(|s| s * scale).into_shared(), 1e-15);
        assert_eq!(slope.shape(), output.shape(), "{}", case.name());
    }
}

/// The arithmetic of a training step is that of the tensors, bit for bit, whatever stood in the buffers before.
#[test]
fn slices_give_the_bits_of_the_tensors() {
    fn run<T: Real>() {
        let mut scratch = Vec::new();
        for LossCase { loss, output, target } in losses::<T>() {
            let (terms, wanted) = loss.terms_and_slope(&output, &target);
            let mut slope = vec![T::nan(); output.len()];
            let sum = loss.slope_into(values(&output), output.shape(), target.as_slice(), &mut slope, &mut scratch);
            assert_eq!((sum, slope.as_slice()), (terms.sum(), values(&wanted)), "{loss}");
            assert_eq!(scratch, values(&terms), "{loss}");
            let denominator = loss.slice_denominator(output.shape(), target.as_slice());
            assert_eq!(denominator, loss.denominator(output.shape(), &target), "{loss}");
            // The columns of a weighted target are not those of its loss.
            let plain = output.ndim() == 2 && !loss.to_string().starts_with("SampleWeighted");
            if let Some(decision) = loss.decision().filter(|_| plain) {
                // What is of an ignored class is neither right nor wrong.
                let counts = |&i: &usize| target.labels().is_none_or(|labels| Some(labels[i]) != loss.ignored_class());
                let kept: Vec<usize> = (0..4).filter(counts).collect();
                let (output_kept, target_kept) = (output.select(Axis(0), &kept).into_shared(), target.select(&kept));
                let right = decision.is_one_a_sample(output.shape()).then(|| {
                    let (predicted, truth) = (classes(decision, &output_kept), true_classes(decision, &target_kept));
                    let right = (0..kept.len()).filter(|&i| predicted[i] == truth[i]).count();
                    assert_eq!(correct(decision, &output_kept, &target_kept), right, "{loss}");
                    right
                });
                let counted = loss.correct(values(&output), output.shape(), target.as_slice());
                assert_eq!(counted, right, "{loss}");
                assert_eq!(loss.counted(output.shape(), target.as_slice()), kept.len(), "{loss}");
            }
        }
    }
    run::<f32>();
    run::<f64>();
}

/// Weights of samples are weights of their terms, and a sample of weight 0 might as well not be there.
#[test]
fn weighted_samples_count_as_often_as_they_weigh() {
    for LossCase { loss, output, target } in losses::<f64>() {
        if output.ndim() > 2 || loss.reduction() == Reduction::None || loss.to_string().starts_with("SampleWeighted") {
            continue;
        }
        // Sample 0 twice, sample 1 not at all, the others once.
        let repeated = [0, 0, 2, 3];
        let wanted = loss.forward(&output.select(Axis(0), &repeated).into_shared(), &target.select(&repeated)).sum();
        let name = loss.to_string();
        let target = weighted_target(&[2.0, 0.0, 1.0, 1.0], &target).unwrap();
        let loss = SampleWeighted::from_boxed(loss);
        let got = loss.forward(&output, &target).sum();
        assert!((got - wanted).abs() <= 1e-14 * wanted.abs(), "{name}: got {got}, wanted {wanted}");
        let mut spoilt = output.clone();
        spoilt.index_axis_mut(Axis(0), 1).fill(f64::NAN);
        assert_eq!(loss.forward(&spoilt, &target).sum(), got, "{name}");
        assert!(loss.backward(&spoilt, &target).iter().all(|s| s.is_finite()), "{name}");
    }
}

#[test]
fn nan_in_gives_nan_out() {
    for LossCase { loss, output, target } in losses::<f64>() {
        let (terms, _) = loss.terms_and_slope(&output.mapv(|_| f64::NAN).into_shared(), &target);
        assert!(terms.sum().is_nan(), "{loss}");
    }
}

#[test]
fn samples_are_independent() {
    for case in losses::<f64>() {
        let LossCase { loss, output, target } = &case;
        let (terms, slope) = loss.terms_and_slope(output, target);
        let mut denominator = 0.0;
        for sample in 0..target.len() {
            let select = |x: &Tensor<f64>| x.select(Axis(0), &[sample]).into_shared();
            let (output, target) = (select(output), target.select(&[sample]));
            assert_close(&case, &loss.terms(&output, &target), &select(&terms), 1e-15);
            assert_close(&case, &loss.slope(&output, &target), &select(&slope), 1e-15);
            denominator += loss.denominator(output.shape(), &target);
        }
        // What lets a batch be cut into slices: denominators add up.
        assert!((denominator - loss.denominator(output.shape(), target)).abs() < 1e-14, "{}", case.name());
    }
}

#[test]
fn an_empty_batch_has_no_terms_and_no_gradient() {
    for case in losses::<f64>() {
        let LossCase { loss, output, target } = &case;
        let nothing = output.select(Axis(0), &[]).into_shared();
        let target = target.select(&[]);
        assert_eq!(loss.terms(&nothing, &target).len(), 0, "{}", case.name());
        assert_eq!(loss.backward(&nothing, &target).shape(), nothing.shape(), "{}", case.name());
        assert_eq!(loss.denominator(nothing.shape(), &target), 0.0, "{}", case.name());
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for (single, double) in losses::<f32>().into_iter().zip(losses::<f64>()) {
        let in_double = |x: Tensor<f32>| x.mapv(f64::from).into_shared();
        let got = single.loss.terms_and_slope(&single.output, &single.target);
        let wanted = double.loss.terms_and_slope(&double.output, &double.target);
        assert_close(&double, &in_double(got.0), &wanted.0, 1e-6);
        assert_close(&double, &in_double(got.1), &wanted.1, 1e-6);
    }
}

#[test]
fn the_layout_of_a_tensor_in_memory_does_not_matter() {
    fn column_major<A: Clone>(x: &ndarray::ArcArray<A, ndarray::IxDyn>) -> ndarray::ArcArray<A, ndarray::IxDyn> {
        dense(&x.clone().reversed_axes()).reversed_axes()
    }
    for case in losses::<f64>() {
        let LossCase { loss, output, target } = &case;
        let other = match target {
            Target::Values(values) => Target::Values(column_major(values)),
            Target::Classes(classes) => Target::Classes(column_major(classes)),
        };
        let got = loss.terms_and_slope(&column_major(output), &other);
        assert_eq!(got, loss.terms_and_slope(output, target), "{}", case.name());
    }
}

#[test]
fn a_target_that_does_not_fit_is_refused_by_a_message_that_names_the_loss() {
    for case in losses::<f64>() {
        let LossCase { loss, output, target } = &case;
        assert!(loss.check(output.shape(), target).is_ok(), "{}", case.name());
        let samples = output.shape()[0];
        let wrong: [(Vec<usize>, Target<f64>); 4] = [
            ([&[samples + 1], &output.shape()[1..]].concat(), target.clone()),
            (vec![], target.clone()),
            (output.shape().to_vec(), Target::Values(zeros(&[samples, 9]))),
            (output.shape().to_vec(), Target::classes(vec![0; samples + 1])),
        ];
        for (shape, target) in wrong {
            let error = loss.check(&shape, &target).expect_err(&case.name()).to_string();
            assert!(error.contains(&loss.to_string()), "{}: {error}", case.name());
            let panic = catch_unwind(AssertUnwindSafe(|| loss.terms(&zeros(&shape), &target))).unwrap_err();
            assert_eq!(panic.downcast_ref::<String>(), Some(&error), "{}", case.name());
        }
    }
}

#[test]
fn every_public_loss_has_a_row_with_every_reduction() {
    let rows: Vec<String> = losses::<f64>().iter().map(|case| case.loss.to_string()).collect();
    let lines = include_str!("../src/loss/mod.rs").lines();
    // What has a reduction of its own; a weighted loss has that of the loss inside it.
    let names: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix(';')?.split("::").nth(1))
        .flat_map(|names| names.trim_matches(['{', '}']).split(", "))
        .filter(|name| name.ends_with("Loss") || name.starts_with("CrossEntropy"))
        .collect();
    assert!(names.len() >= 15, "only {names:?} found: are losses still exported one a line?");
    assert!(rows.iter().any(|row| row.starts_with("SampleWeighted(")));
    for name in names {
        for reduction in ["Mean", "Sum", "None"] {
            let wanted = format!("{name}({reduction})");
            assert!(rows.contains(&wanted), "{wanted} has no row in src/gradcheck/cases.rs");
        }
    }
}

/// Every entry within `tolerance` of the largest one.
#[track_caller]
fn assert_close(case: &LossCase<f64>, got: &Tensor<f64>, wanted: &Tensor<f64>, tolerance: f64) {
    assert_eq!(got.shape(), wanted.shape(), "{}", case.name());
    let scale = wanted.iter().fold(0.0, |scale: f64, x| scale.max(x.abs()));
    for (got, wanted) in got.iter().zip(wanted) {
        let close = (got - wanted).abs() <= tolerance * scale;
        assert!(close, "{}: got {got}, wanted {wanted} at a scale of {scale}", case.name());
    }
}
