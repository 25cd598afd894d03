//! Tables of named columns: read from CSV, looked over, and turned into the numbers that a network takes.
//!
//! | step | what it does |
//! | --- | --- |
//! | [`CsvFile`] | finds delimiter and header, reads rows, names the row of whatever is wrong |
//! | [`Survey`] | a first pass: the kind of every column, and what the target asks for |
//! | [`RawTable`] | a second pass: every row as numbers; fits a [`Table`] on the rows that train |
//! | [`Table`] | the columns with means, deviations and categories: goes with the model, encodes rows |

mod cell;
mod column;
mod csv_file;
mod raw;
mod rows;
mod survey;

pub use column::{Column, Encoding, Table, Unseen};
pub use csv_file::{CsvFile, CsvOptions};
pub use raw::{RawTable, RawTarget};
pub use rows::Rows;
pub use survey::{ColumnKind, Survey, SurveyOptions, Task};
