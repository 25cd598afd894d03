//! The one error type of the library: every message names the thing, what was wanted, what was found and what to do.

use std::path::PathBuf;

/// What can go wrong with something that comes from outside: shapes, files, options.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor does not fit the module or loss it is given to.
    #[error("{place}{module} wants {wanted}, got {found}")]
    Shape {
        /// Where the module stands in its chain (`layer 3: `), empty when it stands alone.
        place: String,
        /// The module as its constructor was written.
        module: String,
        /// The shape it takes, with letters for free axes: `(n, 784)`.
        wanted: String,
        /// The shape it was given.
        found: String,
    },
    /// An option has a value outside its range, or two options contradict each other.
    #[error("{name} must be {wanted}, got {found}")]
    Option {
        /// The option, with the thing it belongs to: `Conv2d: groups`.
        name: String,
        /// The values it can take.
        wanted: String,
        /// The value it was given.
        found: String,
    },
    /// A file's content is not what its format says.
    #[error("{path}: {problem}")]
    Data {
        /// The file.
        path: PathBuf,
        /// What was wanted, what was found, what to do.
        problem: String,
    },
    /// The operating system refused to read or write a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A saved state is not one of the thing it is given to.
    #[error("the state does not fit {of}: {differences}")]
    State {
        /// The thing, as its constructor is written.
        of: String,
        /// Every name and shape that differs.
        differences: String,
    },
    /// The loss stopped being a finite number.
    #[error(
        "the loss became {value} at epoch {epoch}, step {step}: {culprit}; lower the learning rate or check the data"
    )]
    NotFinite {
        /// The sum of the batch's loss terms.
        value: f64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1.
        step: usize,
        /// The first tensor of the pass that holds a bad value.
        culprit: String,
    },
}

/// A text on one line that a terminal shows and does not obey: control characters as Rust writes them.
///
/// ```
/// assert_eq!(limpide::error::one_line("Price\n(€)\u{1b}[31m"), r"Price\n(€)\u{1b}[31m");
/// ```
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => line.extend(letter.escape_default()),
            false => line.push(letter),
        }
    }
    line
}

/// The library's results.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A shape error of `module`, its place to be filled in by the container.
    pub fn shape(module: impl ToString, wanted: impl Into<String>, found: &[usize]) -> Self {
        Error::Shape {
            place: String::new(),
            module: module.to_string(),
            wanted: wanted.into(),
            found: crate::tensor::shape_text(found),
        }
    }

    /// An option out of range. What may hold the name of a column or the content of a cell is made [`one_line`].
    pub fn option(name: impl Into<String>, wanted: impl Into<String>, found: impl ToString) -> Self {
        let [name, wanted, found] = [name.into(), wanted.into(), found.to_string()].map(|text| one_line(&text));
        Error::Option { name, wanted, found }
    }

    /// Prefixes an error of a shape or an option with the place of the module: `layer 3: `. Other errors pass unchanged.
    pub fn within(self, place: impl Into<String>) -> Self {
        match self {
            Error::Shape { place: inner, module, wanted, found } => {
                Error::Shape { place: format!("{}: {inner}", place.into()), module, wanted, found }
            }
            Error::Option { name, wanted, found } => {
                Error::Option { name: format!("{}: {name}", place.into()), wanted, found }
            }
            other => other,
        }
    }
}
