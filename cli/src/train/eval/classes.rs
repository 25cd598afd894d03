//! The figures of a model that tells classes apart: of all samples, and of each class.

use super::super::fit::figure;
use crate::text::label;
use limpide::Tensor;
use limpide::metrics::{Average, ClassFigures, ConfusionMatrix, Decision, classes, roc_auc};
use limpide::tensor::values;
use serde_json::{Value, json};

/// Classes up to which each has a line; JSON has all.
const SHOWN: usize = 20;

/// How good probabilities (n, classes) are for these true classes, as an object and in words.
///
/// The logarithmic loss is the mean of −ln p, p the probability of the true class: what the training loss is without smoothing and
/// weights. Balanced accuracy is the mean recall of the classes that occur in the truth (scikit-learn's).
pub fn figures(names: &[String], labels: &[usize], answers: &Tensor<f64>) -> (Value, String) {
    let (samples, each) = (labels.len(), answers.shape()[1]);
    let probability = |row: usize| values(answers)[row * each + labels[row]];
    let loss = (0..samples).map(|row| -probability(row).max(1e-38).ln()).sum::<f64>() / samples as f64;
    let matrix = ConfusionMatrix::new(each, labels, &classes(Decision::Argmax, answers));
    let (accuracy, all, mean) = (matrix.accuracy(), matrix.classes(), matrix.average(Average::Macro));
    let there: Vec<f64> = all.iter().filter(|own| own.support > 0).map(|own| own.recall).collect();
    let balanced = there.iter().sum::<f64>() / there.len() as f64;
    let area = (each == 2).then(|| {
        let second: Vec<f64> = values(answers).iter().skip(1).step_by(2).copied().collect();
        roc_auc(&second, &labels.iter().map(|&label| label == 1).collect::<Vec<_>>())
    });
    let own = |of: &ClassFigures| json!({"precision": of.precision, "recall": of.recall, "f1": of.f1});
    let named = names.iter().zip(&all).map(|(name, of)| {
        let mut object = json!({"name": name, "samples": of.support});
        super::file::add(&mut object, own(of));
        object
    });
    let mut object = json!({
        "accuracy": accuracy,
        "balanced_accuracy": balanced,
        "log_loss": loss,
        "macro": own(&mean),
        "classes": named.collect::<Vec<_>>(),
    });
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut text =
        format!("accuracy {}  balanced accuracy {}  log_loss {}", percent(accuracy), percent(balanced), figure(loss));
    if let Some(area) = area {
        object["roc_auc"] = json!(area);
        text += &area.map_or(String::new(), |area| format!("  ROC-AUC {area:.4}"));
    }
    let mut line = |name: &str, of: &ClassFigures| {
        let [precision, recall, f1] = [of.precision, of.recall, of.f1].map(percent);
        text +=
            &format!("\n    {}  precision {precision}  recall {recall}  F1 {f1}  samples {}", label(name), of.support);
    };
    if each <= SHOWN {
        names.iter().zip(&all).for_each(|(name, of)| line(name, of));
    }
    line("mean of the classes", &mean);
    (object, text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::tensor;

    /// By hand: 3 of 4 of `a` are told right and 1 of 2 of `b`; of the 8 pairs (b, a) 7 are in order.
    #[test]
    fn a_rare_class_shows_in_recall_and_not_in_accuracy() {
        let second = [0.1, 0.2, 0.3, 0.6, 0.4, 0.9];
        // 0.4 of b is below 0.6 of an a: 7 of 8.
        let both = second.iter().flat_map(|&p| [1.0 - p, p]).collect();
        let names = ["a".to_string(), "b".to_string()];
        let (object, text) = figures(&names, &[0, 0, 0, 0, 1, 1], &tensor(&[6, 2], both));
        assert_eq!(object["accuracy"], 4.0 / 6.0);
        assert_eq!(object["balanced_accuracy"], (0.75 + 0.5) / 2.0);
        assert_eq!(object["roc_auc"], 7.0 / 8.0);
        let b = &object["classes"][1];
        assert_eq!((&b["name"], &b["samples"], &b["precision"]), (&"b".into(), &2.into(), &0.5.into()), "{object}");
        assert_eq!(object["macro"]["recall"], 0.625);
        for words in ["accuracy 66.67 %  balanced accuracy 62.50 %", "ROC-AUC 0.8750", "\n    b  precision 50.00 %"] {
            assert!(text.contains(words), "wants {words} in {text}");
        }
        // A class that is not in the truth has no recall that could count, whatever is predicted.
        let (object, _) = figures(&names, &[0, 0], &tensor(&[2, 2], vec![0.9, 0.1, 0.4, 0.6]));
        assert_eq!((&object["balanced_accuracy"], &object["roc_auc"]), (&0.5.into(), &Value::Null));
    }
}
