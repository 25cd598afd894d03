//! What the model answers: a confusion matrix and figures by class, or residuals.

use super::super::data::{Answers as Meaning, is_yes_no};
use super::super::fit::{Fit, figure};
use super::super::predict::value_names;
use super::super::session::Session;
use crate::chart::{Cell, Confusion, Scatter, Table, count as thousands};
use crate::page::Section;
use limpide::data::{Dataset, Target, Targets};
use limpide::metrics::{ClassFigures, ConfusionMatrix, Decision, classes, true_classes};
use limpide::pipeline::in_units;
use limpide::train::{Engine, predict};
use limpide::{Result, Tensor};

/// Samples that are looked at, at most.
const MOST: usize = 10_000;
/// Points of a drawing; more would hide each other.
const DRAWN: usize = 2_000;
/// Outputs whose residuals are drawn, and those whose figures are told.
const OUTPUTS: usize = 4;
const FIGURES: usize = 50;
/// Classes up to which a matrix can be read; more are told as the pairs that are mixed up most.
const CLASSES: usize = 20;
const PAIRS: usize = 20;

/// The model's outputs for a part of the data.
pub struct Answers {
    /// `validation`, or `training` where there is no such part.
    pub part: &'static str,
    /// The samples that were looked at, as the network sees them.
    pub data: Dataset<f32>,
    /// Their targets, values in their own units.
    pub target: Target<f64>,
    /// (n, …), values in their own units.
    pub outputs: Tensor<f64>,
    /// The loss of each sample, the mean over its terms.
    pub losses: Vec<f64>,
    /// True and predicted class of each sample, where it has one.
    pub classes: Option<(Vec<usize>, Vec<usize>)>,
    /// For targets that are labels, where an output is a yes.
    labels: Option<Decision>,
    /// The names of classes, or of values, where they have some.
    names: Vec<String>,
}

impl Answers {
    /// Asks the model about the validation part, or about the training part where there is none.
    ///
    /// # Errors
    /// A network that does not fit the data.
    pub fn of(session: &Session) -> Result<Self> {
        let Session { parts, network, loss, description, .. } = session;
        let (part, data) = match &parts.validation {
            Some(data) => ("validation", data.clone()),
            None => ("training", parts.plain_train()?),
        };
        let some: Vec<usize> = (0..data.len().min(MOST)).collect();
        let data = if some.len() == data.len() { data } else { data.select(&some) };
        let outputs = predict(network, &data.inputs, &mut Engine::new(description.threads()))?;
        let (_, target) = data.gather(&some);
        let terms = loss.terms(&outputs, &target);
        let each = (terms.len() / some.len().max(1)).max(1);
        let terms: Vec<f64> = terms.iter().map(|&term| f64::from(term)).collect();
        let losses = terms.chunks(each).map(|own| own.iter().sum::<f64>() / each as f64).collect();
        let told = target.labels().is_some() || matches!(target, Target::Values(_));
        let decision = loss.decision().filter(|decision| told && decision.is_one_a_sample(outputs.shape()));
        let classes = decision.map(|decision| (true_classes(decision, &target), classes(decision, &outputs)));
        let given = data.targets.given().is_some() && classes.is_none();
        let labels = loss.decision().filter(|_| given && is_yes_no(&**loss));
        let (names, mean, std): (_, &[f64], &[f64]) = match &parts.answers {
            Meaning::Classes(names) => (names.clone(), &[], &[]),
            Meaning::Values { names, mean, std } => (names.clone(), mean, std),
        };
        let target = match target {
            Target::Values(wanted) => Target::Values(in_units(&wanted, mean, std)),
            Target::Classes(labels) => Target::Classes(labels),
        };
        Ok(Answers { part, data, target, outputs: in_units(&outputs, mean, std), losses, classes, labels, names })
    }

    /// The name of a class, or its number where it has none.
    pub fn class(&self, number: usize) -> String {
        self.names.get(number).cloned().unwrap_or_else(|| number.to_string())
    }

    /// Confusion, figures of labels, or residuals.
    pub fn section(&self) -> Section {
        match (&self.classes, self.labels) {
            (Some((truth, predicted)), _) => self.confusion(truth, predicted),
            (None, Some(decision)) => self.labels(decision),
            (None, None) => self.residuals(),
        }
    }

    /// `the 12 validation samples`, `the first 10,000 training samples`.
    pub fn about(&self) -> String {
        let first = if self.data.len() == MOST { "first " } else { "" };
        format!("the {first}{} {} samples", thousands(self.data.len() as u64), self.part)
    }

    fn confusion(&self, truth: &[usize], predicted: &[usize]) -> Section {
        let most = truth.iter().chain(predicted).max().map_or(0, |&class| class + 1);
        let count = self.data.classes.max(most);
        let matrix = ConfusionMatrix::new(count, truth, predicted);
        let head = Table::new("Figures of each class", &["Class", "Samples", "Precision", "Recall", "F1"]);
        let figures = matrix
            .classes()
            .into_iter()
            .enumerate()
            .fold(head, |table, (class, own)| table.row(row(self.class(class), own)));
        let right = 100.0 * matrix.accuracy();
        let section = Section::new("Confusion", &format!("Of {}, {right:.2} % are told right.", self.about()));
        if count > CLASSES {
            return section.table(&self.mixed_up(&matrix));
        }
        let names: Vec<String> = (0..count).map(|class| self.class(class)).collect();
        let counts = matrix.counts().iter().map(|row| row.iter().map(|&count| count as u64).collect()).collect();
        let figure = Confusion::new(&names, counts).figure("confusion", "How often each class was taken for which.");
        section.figure(&figure, "True classes in rows, predicted ones in columns.").table(&figures)
    }

    /// Each output by itself, as one class against none.
    fn labels(&self, decision: Decision) -> Section {
        let samples = self.data.len().max(1);
        let columns = self.outputs.len() / samples;
        let column = |all: &Tensor<f64>, place: usize| {
            limpide::tensor(&[samples, 1], all.iter().skip(place).step_by(columns).copied().collect())
        };
        let Target::Values(wanted) = &self.target else { return self.residuals() };
        let head = Table::new("Figures of each label", &["Label", "Samples", "Precision", "Recall", "F1"]);
        let mut right = 0.0;
        let table = (0..columns).fold(head, |table, place| {
            let truth = true_classes(decision, &Target::Values(column(wanted, place)));
            let matrix = ConfusionMatrix::new(2, &truth, &classes(decision, &column(&self.outputs, place)));
            right += matrix.accuracy() / columns as f64;
            if place < CLASSES {
                table.row(row((place + 1).to_string(), matrix.classes().swap_remove(1)))
            } else {
                table
            }
        });
        let more = if columns > CLASSES { format!(" The first {CLASSES} are listed.") } else { String::new() };
        let words =
            format!("Of the {columns} labels of {}, {:.2} % are told right.{more}", self.about(), 100.0 * right);
        Section::new("Labels", &words).table(&table)
    }

    fn residuals(&self) -> Section {
        let Target::Values(wanted) = &self.target else {
            return Section::new("Answers", "The loss gives no class to hold against the true one.");
        };
        let fit = Fit::of(&self.outputs, wanted, &self.names);
        let row = |name: &str, fit: &Fit| {
            let r2 = fit.r2.map_or("–".into(), figure);
            let figures = [figure(fit.rmse), figure(fit.mae), r2].map(Cell::number);
            std::iter::once(name.into()).chain(figures).collect()
        };
        let head = ["Output", "Root mean squared error", "Mean absolute error", "R²"];
        let each = fit.outputs.iter().take(FIGURES).map(|own| row(&own.name, &own.fit));
        let columns = self.outputs.len() / self.data.len().max(1);
        let names = value_names(&self.names, columns);
        let first = row(if columns == 1 { &names[0] } else { "all" }, &fit);
        let table = std::iter::once(first).chain(each).fold(Table::new("How far off", &head), Table::row);
        let section = Section::new("Residuals", &format!("On {}.", self.about())).table(&table);
        if self.data.targets == Targets::Inputs {
            return section;
        }
        let step = self.data.len().div_ceil(DRAWN).max(1);
        let flat = |tensor: &Tensor<f64>| tensor.iter().copied().collect::<Vec<f64>>();
        let (z, y) = (flat(&self.outputs), flat(wanted));
        let drawn = (0..columns.min(OUTPUTS)).map(|column| {
            let at = (0..self.data.len()).step_by(step).map(|sample| sample * columns + column);
            let points = at.map(|at| (z[at], z[at] - y[at])).collect();
            let only = columns == 1 && self.names.is_empty();
            let name = if only { String::new() } else { format!(" {}", names[column]) };
            let chart = Scatter::new(&format!("predicted{name}"), "predicted − true").class("samples", points);
            chart.figure(&format!("residuals-{column}"), &format!("Residuals against predictions{name}."))
        });
        drawn.fold(section, |section, figure| {
            section.figure(&figure, "A good model leaves a cloud around zero without a shape of its own.")
        })
    }

    fn mixed_up(&self, matrix: &ConfusionMatrix) -> Table {
        let rows = matrix.counts().iter().enumerate();
        let pairs =
            rows.flat_map(|(truth, row)| row.iter().enumerate().map(move |(taken, &count)| (count, truth, taken)));
        let mut wrong: Vec<_> = pairs.filter(|(count, truth, taken)| *count > 0 && truth != taken).collect();
        wrong.sort_by_key(|&(count, truth, taken)| (std::cmp::Reverse(count), truth, taken));
        let head = Table::new("The classes that are mixed up most", &["True", "Taken for", "Samples"]);
        wrong.into_iter().take(PAIRS).fold(head, |table, (count, truth, taken)| {
            let [truth, taken] = [truth, taken].map(|class| Cell::Text(self.class(class)));
            table.row(vec![truth, taken, Cell::number(thousands(count as u64))])
        })
    }
}

/// The figures of a class, or of a label.
fn row(name: String, own: ClassFigures) -> Vec<Cell> {
    let shares = [own.precision, own.recall, own.f1].map(|share| Cell::number(format!("{:.1} %", 100.0 * share)));
    [Cell::Text(name), Cell::number(thousands(own.support as u64))].into_iter().chain(shares).collect()
}
