//! What the losses of a whole run say: how it went, and whether anything was learnt at all.

use super::Severity::{Note, Warning};
use super::{Finding, count};
use crate::data::{Dataset, Target};
use crate::loss::{Loss, Takes};
use crate::tensor::{Real, dense, values, zeros};
use crate::train::{History, Score};

/// A run of fewer epochs has no course that could be judged.
const EPOCHS: usize = 5;
/// The part of the loss that must be gained on a [`Baseline`], or within a run, to be called learning.
const HARDLY: f64 = 0.01;
/// How far above its best a validation loss ends that has run away.
const ABOVE: f64 = 1.3;

/// The score of one answer for every sample: the frequencies of the classes, or the mean, of the training targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// Its mean loss on the data that are judged.
    pub loss: f64,
    /// How often the most frequent class is right there.
    pub accuracy: Option<f64>,
}

impl Baseline {
    /// Of the answer that `train` teaches, on `judged`. None where targets are the inputs or weighted, for losses with a margin,
    /// and where loss and targets do not fit together.
    pub fn of<T: Real>(loss: &dyn Loss<T>, train: &Dataset<T>, judged: &Dataset<T>) -> Option<Self> {
        if loss.to_string().starts_with("SampleWeighted") || judged.is_empty() {
            return None;
        }
        let (taught, target) = (train.targets.given()?, judged.targets.given()?);
        let means = means(taught, train.classes)?;
        let answer = |p: f64| match loss.takes() {
            Takes::Values | Takes::Probabilities | Takes::YesNoProbabilities => Some(p),
            // A class that never comes has not the logarithm −∞, which times 0 would be no number.
            Takes::Logits | Takes::LogProbabilities => Some(p.max(1e-6).ln()),
            Takes::YesNoLogits => Some(p.clamp(1e-6, 1.0 - 1e-6)).map(|p| (p / (1.0 - p)).ln()),
            Takes::Margins | Takes::YesNoMargins => None,
        };
        let answers: Vec<f64> = means.iter().map(|&p| answer(p)).collect::<Option<_>>()?;
        let mut output = zeros::<T>(&[&[judged.len()], &[means.len()][..]].concat());
        output.iter_mut().enumerate().for_each(|(at, z)| *z = T::of(answers[at % answers.len()]));
        if let Target::Values(wanted) = target {
            output = output.into_shape_with_order(wanted.raw_dim()).ok()?;
        }
        loss.check(output.shape(), target).ok()?;
        let sum = loss.terms(&output, target).sum().to_f64();
        let wanted = target.dense();
        let correct = loss.correct(values(&output), output.shape(), wanted.as_slice());
        let counted = loss.counted(output.shape(), wanted.as_slice());
        Some(Baseline {
            loss: sum / loss.denominator(output.shape(), target).to_f64(),
            accuracy: correct.filter(|_| counted > 0).map(|correct| correct as f64 / counted as f64),
        })
    }
}

/// The mean of each entry of a target; for classes, one a sample, how often each comes.
fn means<T: Real>(target: &Target<T>, classes: usize) -> Option<Vec<f64>> {
    match target {
        Target::Classes(labels) if labels.ndim() == 1 => {
            let mut means = vec![0.0; classes];
            let known = || labels.iter().filter_map(|&label| usize::try_from(label).ok().filter(|&own| own < classes));
            let all = known().count() as f64;
            known().for_each(|class| means[class] += 1.0 / all);
            Some(means)
        }
        Target::Classes(_) => None,
        Target::Values(wanted) => {
            let samples = wanted.shape()[0];
            let mut means = vec![0.0; wanted.len() / samples.max(1)];
            let size = means.len();
            let add = |(at, y): (usize, T)| means[at % size] += y.to_f64() / samples as f64;
            values(&dense(wanted)).iter().copied().enumerate().for_each(add);
            Some(means)
        }
    }
}

/// What the course of a run says.
///
/// | finding | limit |
/// | --- | --- |
/// | the learning rate is too low | the training loss fell by less than 1 % in all, and as steadily at the end as before |
/// | no better than one answer for all | the loss of `score` less than 1 % below the [`Baseline`], or its accuracy not above it |
/// | overfitting | the validation loss of the last three epochs above 1.3 times the least, with a lower training loss |
/// | too few epochs | the last of `epochs` is the best, by 1 % within the last tenth of them, and the rate has not been lowered |
///
/// `score` is that of the network as it is kept; `best` is the epoch whose weights it has, where they are not the last.
pub fn course(
    history: &History,
    epochs: usize,
    best: Option<usize>,
    score: Option<Score>,
    baseline: Option<Baseline>,
) -> Vec<Finding> {
    if let Some(slow) = slow(&history.train_losses()) {
        return vec![slow];
    }
    let chance = score.zip(baseline).and_then(|(score, baseline)| chance(score, baseline));
    let too_short = || if chance.is_none() { short(history, epochs) } else { None };
    let mut findings: Vec<Finding> = too_short().into_iter().collect();
    let last = best.is_none_or(|best| best == history.epochs.len());
    findings.extend(last.then(|| overfitted(history)).flatten());
    findings.extend(chance);
    findings
}

fn slow(losses: &[f64]) -> Option<Finding> {
    let (first, last) = (*losses.first()?, *losses.last()?);
    let fall = first - last;
    let falling = losses.windows(2).filter(|two| two[1] < two[0]).count();
    let late = losses[losses.len() / 2] - last;
    let steady = 4 * falling >= 3 * (losses.len() - 1) && late > 0.3 * fall;
    (losses.len() >= EPOCHS && fall > 0.0 && fall < HARDLY * first && steady).then(|| {
        let message = format!(
            "the training loss fell from {first:.6} to {last:.6} only in {}, and still falls as fast as before",
            count(losses.len(), "epoch")
        );
        let advice =
            "raise the learning rate (--set optimizer.lr=…); `limpide train … --range-test rates.html` suggests one";
        Finding::new(Warning, "learning rate", message, advice)
    })
}

fn chance(score: Score, baseline: Baseline) -> Option<Finding> {
    let advice = "look whether the inputs say anything about the targets, and whether rows and targets were mixed up";
    if baseline.loss > 0.0 && score.loss > (1.0 - HARDLY) * baseline.loss {
        let message = format!(
            "the loss is {:.4}, and {:.4} for answering every sample with the mean or the frequencies of the training targets",
            score.loss, baseline.loss
        );
        return Some(Finding::new(Warning, "nothing learnt", message, advice));
    }
    let (own, largest) = score.accuracy.zip(baseline.accuracy)?;
    // Where one class is all that there is, nothing better is possible.
    (own <= largest && largest < 1.0).then(|| {
        let message = format!(
            "{:.2} % are told right, and {:.2} % by always answering the most frequent class",
            100.0 * own,
            100.0 * largest
        );
        Finding::new(Warning, "accuracy", message, advice)
    })
}

fn overfitted(history: &History) -> Option<Finding> {
    let (train, watched) = (history.train_losses(), history.validation_losses());
    let complete = watched.len() == train.len() && watched.len() >= EPOCHS;
    let (best, least) = watched.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).filter(|_| complete)?;
    let end = watched[watched.len() - 3..].iter().copied().fold(f64::INFINITY, f64::min);
    (*least > 0.0 && end > ABOVE * least && train.last()? < &train[best]).then(|| {
        let message = format!(
            "the validation loss rose from {least:.4} after epoch {} to {:.4}, while the training loss fell from {:.4} to {:.4}",
            best + 1,
            watched[watched.len() - 1],
            train[best],
            train[train.len() - 1]
        );
        let advice = "stop early (--set early_stopping={patience=10}), take more data or a smaller network, or add dropout";
        Finding::new(Warning, "overfitting", message, advice)
    })
}

fn short(history: &History, epochs: usize) -> Option<Finding> {
    let watched = history.validation_losses();
    let n = watched.len();
    if n < EPOCHS.max(epochs) || n != history.epochs.len() {
        return None;
    }
    let (last, before) = (watched[n - 1], watched[n - 1 - n.div_ceil(10)]);
    let rates = || history.epochs.iter().map(|epoch| epoch.learning_rate);
    // A rate that has come down says that the end was meant.
    let lowered = rates().next_back()? < 0.5 * rates().fold(0.0, f64::max);
    let best = watched[..n - 1].iter().all(|&loss| loss > last);
    (best && last < (1.0 - HARDLY) * before && !lowered).then(|| {
        let message = format!("stopped at the cap of {} while still getting better", count(n, "epoch"));
        Finding::new(Note, "epochs", message, format!("more may help (--set epochs={})", 2 * n))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{BceWithLogitsLoss, CrossEntropyLoss, MseLoss, MultiMarginLoss};
    use crate::train::Epoch;
    use crate::{data::Inputs, tensor};

    fn history(train: &[f64], validation: &[f64]) -> History {
        let score = |loss| Score { loss, accuracy: None };
        let epoch = |(at, (&train, &validation)): (usize, (&f64, &f64))| Epoch {
            number: at + 1,
            train: score(train),
            validation: Some(score(validation)),
            learning_rate: 0.1,
            seconds: 0.0,
        };
        History { epochs: train.iter().zip(validation).enumerate().map(epoch).collect() }
    }

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|own| own.place.as_str()).collect()
    }

    fn course_of(train: &[f64], validation: &[f64]) -> Vec<Finding> {
        course(&history(train, validation), train.len(), None, None, None)
    }

    #[test]
    fn each_course_has_its_finding() {
        let rising = [0.7, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8];
        let falling = [0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1];
        let flat = [0.4; 7];
        let slowly: Vec<f64> = (0..7).map(|at| 0.7 - 1e-5 * f64::from(at)).collect();
        assert_eq!(places(&course_of(&falling, &rising)), ["overfitting"]);
        assert_eq!(places(&course_of(&falling, &falling)), ["epochs"]);
        assert_eq!(places(&course_of(&slowly, &slowly)), ["learning rate"]);
        // Settled, and noisy without a trend; and a rise with the training loss is no overfitting.
        let settled = [0.7, 0.3, 0.2, 0.19, 0.19, 0.19, 0.19];
        for (train, validation) in [(&settled, &settled), (&flat, &flat), (&rising, &rising), (&falling, &flat)] {
            assert_eq!(places(&course_of(train, validation)), [""; 0], "{train:?} {validation:?}");
        }
        // The weights of the third epoch are kept: what came after does no harm. A run that goes on is not at its cap.
        assert_eq!(course(&history(&falling, &rising), 7, Some(3), None, None), []);
        assert_eq!(course(&history(&falling, &falling), 100, None, None, None), []);
        let mut lowered = history(&falling, &falling);
        lowered.epochs[6].learning_rate = 0.001;
        assert_eq!(course(&lowered, 7, None, None, None), []);
    }

    /// Three of four in class 0: −¾ ln ¾ − ¼ ln ¼ = 0.5623, and three quarters right.
    #[test]
    fn a_baseline_by_hand() {
        let data =
            |target, classes| Dataset::<f64>::new("four", Inputs::Real(zeros(&[4, 1])), target, classes).unwrap();
        let entropy = 0.562_335_144_618_808_4;
        let classes = data(Target::classes(vec![0, 0, 1, 0]), 2);
        let own = Baseline::of(&CrossEntropyLoss::new(), &classes, &classes).unwrap();
        assert!((own.loss - entropy).abs() < 1e-12 && own.accuracy == Some(0.75), "{own:?}");
        let yes = data(Target::Values(tensor(&[4, 1], vec![1.0, 1.0, 0.0, 1.0])), 0);
        let own = Baseline::of(&BceWithLogitsLoss::new(), &yes, &yes).unwrap();
        assert!((own.loss - entropy).abs() < 1e-12 && own.accuracy == Some(0.75), "{own:?}");
        // The variance of 1, 2, 3, 6 about their mean 3: (4 + 1 + 0 + 9)/4.
        let values = data(Target::Values(tensor(&[4, 1], vec![1.0, 2.0, 3.0, 6.0])), 0);
        let own = Baseline::of(&MseLoss::new(), &values, &values).unwrap();
        assert!((own.loss - 3.5).abs() < 1e-12 && own.accuracy.is_none(), "{own:?}");
        assert_eq!(Baseline::of(&MultiMarginLoss::new(), &classes, &classes), None);
        assert_eq!(Baseline::of(&MseLoss::new(), &classes, &classes), None);

        let baseline = Some(Baseline { loss: entropy, accuracy: Some(0.75) });
        let judged = |loss, accuracy| {
            let score = Some(Score { loss, accuracy: Some(accuracy) });
            places(&course(&History::default(), 10, None, score, baseline)).join(" ")
        };
        assert_eq!(judged(0.56, 0.75), "nothing learnt");
        assert_eq!(judged(0.50, 0.75), "accuracy");
        assert_eq!(judged(0.50, 0.80), "");
    }
}
