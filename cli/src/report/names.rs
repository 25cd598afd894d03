//! The report's names beside ours.

use crate::chart::{Cell, Table};
use crate::page::Section;

/// (the report's name, our name, what differs or what it is).
const NAMES: [(&str, &str, &str); 18] = [
    ("Module", "Module", "the base of every layer, with the report's five verbs"),
    ("Linear", "layers::Linear", "X·W + b; weights stored as PyTorch does, one row an output"),
    ("TanH", "layers::Tanh", ""),
    ("Sigmoid", "layers::Sigmoid", ""),
    ("Softmax", "layers::Softmax", "with its true Jacobian; the report's hands delta on unchanged"),
    ("LogSoftmax", "layers::LogSoftmax", ""),
    ("Conv2D", "layers::Conv2d", "shifted reads in vector registers; the report's is nested loops"),
    ("MaxPool2D", "layers::MaxPool2d", ""),
    ("Flatten", "layers::Flatten", ""),
    ("Loss", "loss::Loss", "with a reduction: mean (the default), sum or none"),
    ("MSELoss", "loss::MseLoss", ""),
    ("BCE", "loss::BceLoss", ""),
    (
        "CrossEntropyLoss",
        "loss::CrossEntropyOnProbabilities",
        "on the outputs of a softmax; our CrossEntropyLoss takes logits, as PyTorch's does",
    ),
    ("NLLLoss", "loss::NllLoss", ""),
    ("Sequentiel", "Sequential", "backward takes the first delta, as the report wished"),
    ("Optim", "optim::Optim", ""),
    ("SGD", "train::sgd", "and train::Trainer, with validation and callbacks"),
    ("AutoEncodeur", "AutoEncoder", ""),
];

/// The section with the table.
pub fn section() -> Section {
    let code = |name: &str| Cell::Code(name.into());
    let head = Table::new("What each thing is called", &["The report", "Limpide", "Note"]);
    let table = NAMES
        .iter()
        .fold(head, |table, (report, ours, note)| table.row(vec![code(report), code(ours), (*note).into()]));
    Section::new("Names, theirs and ours", "").table(&table)
}
