//! Tables of named columns: read from CSV or Parquet, looked over, and turned into the numbers that a network takes.
//!
//! | step | what it does |
//! | --- | --- |
//! | [`open`] | finds the form of a file, delimiter, header and decimal sign; its rows name the row of whatever is wrong |
//! | [`Survey`] | a first pass: the kind of every column, and what the target asks for |
//! | [`RawTable`] | a second pass: every row as numbers; fits a [`Table`] on the rows that train |
//! | [`Table`] | the columns with means, deviations and categories: goes with the model, encodes rows |

mod cell;
mod column;
mod csv_file;
mod division;
mod file;
mod identity;
mod leak;
#[cfg(feature = "parquet")]
mod parquet_file;
mod raw;
mod rows;
mod spelling;
mod survey;
mod tally;
mod target;
mod written;
mod year_last;

pub use cell::is_missing;
pub use column::{Column, Encoding, Table, Unseen};
pub use csv_file::{CsvFile, CsvOptions};
pub use division::{SplitBy, SplitKeys};
pub use file::{TableFile, from_bytes, is_pipe, open};
pub use raw::{RawTable, RawTarget};
pub use rows::Rows;
pub use spelling::place_among;
pub use survey::{ColumnKind, Survey, SurveyOptions, Task};

#[cfg(test)]
mod column_tests;
#[cfg(test)]
mod date_tests;
#[cfg(test)]
mod division_tests;
#[cfg(test)]
mod target_tests;
#[cfg(test)]
mod tests;
