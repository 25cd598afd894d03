//! The summary of a model: what each module makes of a shape, and its parameters.

use crate::tensor::shape_text;
use crate::{AutoEncoder, Module, Real, Residual, Result, Sequential};
use std::any::Any;
use std::fmt;

/// A table of a model's modules for one input shape; `Display` prints it.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The input shape, batch axis included.
    pub input: Vec<usize>,
    /// One row for each module that is not a chain of others, in the order of the forward pass. A residual's row stands
    /// behind those of its chain.
    pub rows: Vec<Row>,
}

/// One module in a [`Summary`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name, which is also the first part of its parameters' names: `encoder.0`. Empty when it stands alone.
    pub name: String,
    /// The module as constructed: `Linear(784, 10)`.
    pub module: String,
    /// The shape of its output.
    pub output: Vec<usize>,
    /// How many numbers it learns.
    pub parameters: usize,
}

/// The summary of a module for an input shape (batch axis included); computes shapes, no values.
///
/// # Errors
/// [`crate::Error::Shape`] when the module does not take such an input.
///
/// ```
/// use limpide::{Sequential, layers::{Linear, Tanh}, model::summary};
/// let network = Sequential::<f32>::new().push(Linear::new(784, 10)).push(Tanh);
/// assert_eq!(summary(&network, &[64, 784])?.to_string(), "\
/// name  module           output     parameters
///       input            (64, 784)
/// 0     Linear(784, 10)  (64, 10)         7850
/// 1     Tanh             (64, 10)            0
///       total                             7850
/// ");
/// # Ok::<(), limpide::Error>(())
/// ```
pub fn summary<T: Real>(module: &dyn Module<T>, input_shape: &[usize]) -> Result<Summary> {
    let rows = places(module, input_shape)?.into_iter().map(|place| place.row()).collect();
    Ok(Summary { input: input_shape.to_vec(), rows })
}

/// Where a module stands in a model, and what passes through it: a [`Row`] with the module itself.
#[derive(Clone, Debug)]
pub struct Place<'a, T: Real> {
    /// As in [`Row::name`].
    pub name: String,
    /// The module.
    pub module: &'a dyn Module<T>,
    /// The shape of its input.
    pub input: Vec<usize>,
    /// The shape of its output.
    pub output: Vec<usize>,
}

impl<T: Real> Place<'_, T> {
    /// Whether this is a sum behind a chain, whose modules have places of their own.
    pub fn is_residual(&self) -> bool {
        (self.module as &dyn Any).is::<Residual<T>>()
    }

    fn row(self) -> Row {
        let (module, parameters) = match self.is_residual() {
            true => ("Residual".to_string(), 0),
            false => (self.module.to_string(), self.module.parameters().iter().map(|(_, own)| own.len()).sum()),
        };
        Row { name: self.name, module, output: self.output, parameters }
    }
}

/// The modules behind the rows of [`summary`], in the same order.
///
/// # Errors
/// [`crate::Error::Shape`] when the module does not take such an input.
pub fn places<'a, T: Real>(module: &'a dyn Module<T>, input_shape: &[usize]) -> Result<Vec<Place<'a, T>>> {
    // One check of the whole, so that an error names the place in the chain.
    module.output_shape(input_shape)?;
    let mut places = Vec::new();
    add(&mut places, String::new(), module, input_shape)?;
    Ok(places)
}

/// Adds the places of a module and gives its output shape.
fn add<'a, T: Real>(
    places: &mut Vec<Place<'a, T>>,
    name: String,
    module: &'a dyn Module<T>,
    input: &[usize],
) -> Result<Vec<usize>> {
    let any: &dyn Any = module;
    let residual = any.is::<Residual<T>>();
    // Only of these is it known that each module takes the previous one's output.
    let chain = residual || any.is::<Sequential<T>>() || any.is::<AutoEncoder<T>>();
    let output = match chain {
        true => module.children().into_iter().try_fold(input.to_vec(), |shape, (place, child)| {
            let inner = if name.is_empty() { place } else { format!("{name}.{place}") };
            add(places, inner, child, &shape)
        })?,
        false => module.output_shape(input)?,
    };
    if !chain || residual {
        places.push(Place { name, module, input: input.to_vec(), output: output.clone() });
    }
    Ok(output)
}

impl Summary {
    /// How many numbers the model learns.
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }

    /// The shape of the model's output.
    pub fn output(&self) -> &[usize] {
        self.rows.last().map_or(&self.input, |row| &row.output)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |name: &str, module: &str, output: String, parameters: String| {
            [name.to_string(), module.to_string(), output, parameters]
        };
        let mut lines = vec![cells("name", "module", "output".to_string(), "parameters".to_string())];
        lines.push(cells("", "input", shape_text(&self.input), String::new()));
        for row in &self.rows {
            lines.push(cells(&row.name, &row.module, shape_text(&row.output), row.parameters.to_string()));
        }
        lines.push(cells("", "total", String::new(), self.parameters().to_string()));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        for [name, module, output, parameters] in &lines {
            let line = format!(
                "{name:<0$}  {module:<1$}  {output:<2$}  {parameters:>3$}",
                widths[0], widths[1], widths[2], widths[3]
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
