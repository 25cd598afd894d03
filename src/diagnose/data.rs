//! Whether the data can teach what they should, and the validation set can tell.

use super::Severity::{Error, Note, Warning};
use super::outliers::outliers;
use super::{Finding, Names, Part, count, list};
use crate::data::{Dataset, Inputs, Target};
use crate::tensor::Real;
use std::collections::HashMap;

/// Features up to this number are looked at one by one; of more, such as pixels, some may be constant.
const FEW: usize = 32;
/// What is to be done about a number that is none.
const FILL_IN: &str = "drop such samples, or fill in what is missing";

/// What is wrong with a training set, and with the validation set beside it.
///
/// Inputs: not finite, constant, not scaled, of very different ranges. Classes: absent, or one far ahead of the others. Both
/// sets: samples that stand in both, and equal inputs with different labels.
pub fn data<T: Real>(train: &Dataset<T>, validation: Option<&Dataset<T>>, names: &dyn Names) -> Vec<Finding> {
    let place = |data: &Dataset<T>| format!("data set {}", data.name);
    if train.is_empty() {
        return vec![Finding::new(Error, place(train), "there is no sample", "check where the data come from")];
    }
    let mut findings = inputs(train, &place(train), names);
    findings.extend(outliers(train, &place(train), names));
    findings.extend(balance(train, &place(train), names));
    let seen = Seen::new(train);
    findings.extend(contradictions(train, &seen, &place(train), names));
    let Some(validation) = validation.filter(|validation| !validation.is_empty()) else { return findings };
    let place = format!("validation, {}", place(validation));
    if validation.sample_shape() != train.sample_shape() {
        let message = format!("samples are {:?}, in training {:?}", validation.sample_shape(), train.sample_shape());
        findings.push(Finding::new(Error, place, message, "read both sets the same way"));
        return findings;
    }
    if let Some((sample, value)) = validation.bad_input(&(0..validation.len()).collect::<Vec<_>>()) {
        let message = format!("{} has an input that is {value}", names.sample(Part::Validation, sample));
        findings.push(Finding::new(Error, place, message, FILL_IN));
        return findings;
    }
    let advice = "how well they are told stays unknown; find more samples of them, or give validation a larger share";
    findings.extend(absent(validation, &place, names, advice));
    findings.extend(leak(train, validation, &seen, place, names));
    findings
}

/// The least, the largest and the sum of squares of each feature.
fn inputs<T: Real>(data: &Dataset<T>, place: &str, names: &dyn Names) -> Vec<Finding> {
    let size: usize = data.sample_shape().iter().product();
    let (mut least, mut most) = (vec![f64::INFINITY; size], vec![f64::NEG_INFINITY; size]);
    let (mut squares, mut row) = (0.0, vec![T::zero(); size]);
    for sample in 0..data.len() {
        data.inputs.gather_into(&[sample], &mut row);
        for ((least, most), x) in least.iter_mut().zip(&mut most).zip(row.iter().copied()) {
            let x = x.to_f64();
            if !x.is_finite() {
                let message = format!("{} has an input that is {x}", names.sample(Part::Train, sample));
                return vec![Finding::new(Error, place, message, FILL_IN)];
            }
            *least = least.min(x);
            *most = most.max(x);
            squares += x * x;
        }
    }
    let range: Vec<f64> = least.iter().zip(&most).map(|(least, most)| most - least).collect();
    let constant: Vec<usize> = (0..size).filter(|&feature| range[feature] == 0.0).collect();
    let mut findings = Vec::new();
    if data.len() > 1 && constant.len() == size {
        return vec![Finding::new(Error, place, "all samples are the same", "check how they were read")];
    }
    if data.len() > 1 && constant.len() * 10 > size || (!constant.is_empty() && size <= FEW) {
        let message = format!(
            "{} of {size} never change: {}",
            count(constant.len(), "input"),
            list(&constant, |at| at.to_string())
        );
        findings.push(Finding::new(Note, place, message, "drop them: they teach nothing"));
    }
    let bounds =
        (least.iter().copied().fold(f64::INFINITY, f64::min), most.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let rms = (squares / (size * data.len()) as f64).sqrt();
    let advice = "standardise them with the mean and deviation of the training set";
    if !(0.01..=10.0).contains(&rms) {
        let message =
            format!("inputs go from {:.4} to {:.4}; networks learn best with inputs of about 1", bounds.0, bounds.1);
        findings.push(Finding::new(Warning, place, message, advice));
    } else if size <= FEW {
        let changing = (0..size).filter(|&feature| range[feature] > 0.0);
        let narrow = changing.clone().min_by(|&a, &b| range[a].total_cmp(&range[b]));
        let wide = changing.max_by(|&a, &b| range[a].total_cmp(&range[b]));
        if let (Some(narrow), Some(wide)) = (narrow, wide)
            && range[wide] > 100.0 * range[narrow]
        {
            let message = format!(
                "input {wide} covers {:.4}, input {narrow} only {:.4}: the first drowns the second",
                range[wide], range[narrow]
            );
            findings.push(Finding::new(Warning, place, message, advice));
        }
    }
    findings
}

/// How many samples each class has; nothing without one class a sample.
fn sizes<T: Real>(data: &Dataset<T>) -> Option<Vec<usize>> {
    let labels = data.targets.labels()?;
    let mut sizes = vec![0; data.classes];
    labels.iter().filter_map(|&label| usize::try_from(label).ok()).for_each(|class| sizes[class] += 1);
    Some(sizes)
}

fn balance<T: Real>(data: &Dataset<T>, place: &str, names: &dyn Names) -> Vec<Finding> {
    let mut findings = Vec::from_iter(absent(data, place, names, "they cannot be learnt; drop them or find samples"));
    if let Some(sizes) = sizes(data).filter(|sizes| sizes.len() > 1) {
        let (class, &size) = sizes.iter().enumerate().max_by_key(|(_, size)| **size).expect("some class");
        let all: usize = sizes.iter().sum();
        if size * 10 > all * 9 {
            let share = 100.0 * size as f64 / all as f64;
            let name = names.class(class);
            let message = format!("class {name} is {share:.1} % of the samples: always answering it is right as often");
            let advice =
                "draw every class as often (balanced = true, or --set balanced=true), and look at recall, not accuracy";
            findings.push(Finding::new(Warning, place, message, advice));
        }
    }
    findings
}

fn absent<T: Real>(data: &Dataset<T>, place: &str, names: &dyn Names, advice: &str) -> Option<Finding> {
    let sizes = sizes(data)?;
    let absent: Vec<usize> = (0..sizes.len()).filter(|&class| sizes[class] == 0).collect();
    (!absent.is_empty()).then(|| {
        let message =
            format!("no sample of {}: {}", count(absent.len(), "class"), list(&absent, |class| names.class(class)));
        Finding::new(Warning, place, message, advice)
    })
}

/// The samples of a data set by their inputs.
struct Seen {
    by_hash: HashMap<u64, Vec<usize>>,
}

impl Seen {
    fn new<T: Real>(data: &Dataset<T>) -> Self {
        let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::with_capacity(data.len());
        each_hash(&data.inputs, |sample, hash| by_hash.entry(hash).or_default().push(sample));
        Seen { by_hash }
    }
}

/// Calls `f(sample, hash)` for every sample. Equal inputs have equal hashes; the reverse has to be checked.
fn each_hash<T: Real>(inputs: &Inputs<T>, mut f: impl FnMut(usize, u64)) {
    let mut row = vec![T::zero(); inputs.shape()[1..].iter().product()];
    for sample in 0..inputs.len() {
        inputs.gather_into(&[sample], &mut row);
        // Multiply and rotate, as in the FxHash of rustc; adding 0 makes one of both zeros.
        let mix = |hash: u64, &x: &T| {
            (hash.rotate_left(5) ^ (x.to_f64() + 0.0).to_bits()).wrapping_mul(0x517c_c1b7_2722_0a95)
        };
        f(sample, row.iter().fold(0, mix));
    }
}

/// Equal inputs with different labels.
fn contradictions<T: Real>(data: &Dataset<T>, seen: &Seen, place: &str, names: &dyn Names) -> Option<Finding> {
    let labels = data.targets.labels()?;
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for same in seen.by_hash.values().filter(|same| same.len() > 1) {
        let first = same[0];
        // A sample without a class contradicts none.
        let differs = |&&other: &&usize| {
            labels[other] != labels[first]
                && labels[other].min(labels[first]) >= 0
                && data.inputs.gather(&[first]) == data.inputs.gather(&[other])
        };
        pairs.extend(same[1..].iter().filter(differs).map(|&other| (first, other)));
    }
    let &(a, b) = pairs.iter().min()?;
    let told = |sample: usize| {
        let class = usize::try_from(labels[sample]).map_or_else(|_| labels[sample].to_string(), |own| names.class(own));
        format!("{} is of class {class}", names.sample(Part::Train, sample))
    };
    let message = format!(
        "{} with the inputs of another and a different label: {}, {}",
        count(pairs.len(), "sample"),
        told(a),
        told(b)
    );
    Some(Finding::new(Warning, place, message, "check the labels, or expect so many errors"))
}

/// Validation samples that stand in the training set too, with inputs and target.
fn leak<T: Real>(
    train: &Dataset<T>,
    validation: &Dataset<T>,
    seen: &Seen,
    place: String,
    names: &dyn Names,
) -> Option<Finding> {
    let mut pairs = Vec::new();
    each_hash(&validation.inputs, |sample, hash| {
        let own = validation.inputs.gather(&[sample]);
        let twins = seen.by_hash.get(&hash).map_or(&[][..], Vec::as_slice);
        let same =
            |&&twin: &&usize| train.inputs.gather(&[twin]) == own && target(train, twin) == target(validation, sample);
        pairs.extend(twins.iter().find(same).map(|&twin| (sample, twin)));
    });
    let &(sample, twin) = pairs.first()?;
    let message = format!(
        "{} of {} {} in the training set too, inputs and target ({} is the same as {}): the score flatters",
        pairs.len(),
        validation.len(),
        if pairs.len() == 1 { "stands" } else { "stand" },
        names.sample(Part::Validation, sample),
        names.sample(Part::Train, twin),
    );
    // Where few inputs are possible, the same ones come again however a set is divided.
    let different = seen.by_hash.len();
    let (severity, advice) = match 2 * different <= train.len() {
        true => {
            let advice =
                format!("of {different} different inputs that is to be expected; more columns would part them");
            (Note, advice)
        }
        false => (Warning, "drop rows that are the same thing twice before dividing".to_string()),
    };
    Some(Finding::new(severity, place, message, advice))
}

/// The target of one sample, where it is another thing than the inputs.
fn target<T: Real>(data: &Dataset<T>, sample: usize) -> Option<Target<T>> {
    data.targets.given().map(|_| data.gather(&[sample]).1)
}
