//! A pipeline: what goes into a network, the network, and what its outputs mean. One file holds all three.

mod file;
mod input;
mod output;
mod predictions;
mod ready;

pub use file::{load, save};
pub use input::Input;
pub use output::{Activation, Output, in_units};
pub use predictions::Predictions;
pub use ready::Ready;

#[cfg(doc)]
use crate::Error;
use crate::module::Module;
use crate::plan::Predictor;
use crate::table::Rows;
use crate::train::Engine;
use crate::{Result, Tensor, tensor};
use serde::{Deserialize, Serialize};

/// Samples from which on several threads are worth waking.
const MANY: usize = 1024;

/// A network with its preprocessing and the meaning of its outputs.
///
/// ```
/// use limpide::layers::Linear;
/// use limpide::pipeline::{Activation, Input, Output, Pipeline};
/// use limpide::table::{Column, Encoding, Rows, Table};
/// use limpide::{Module, Sequential, model, tensor};
///
/// // One number decides: below 20 a is likelier, above it b.
/// let mut network = Sequential::<f32>::new().push(Linear::new(1, 2));
/// *network.parameters_mut()[0] = tensor(&[2, 1], vec![-1.0, 1.0]);
/// *network.parameters_mut()[1] = tensor(&[2], vec![0.0, 0.0]);
/// let column = Column { name: "x".into(), encoding: Encoding::Number { mean: 20.0, std: 5.0, missing: false } };
/// let input = Input::Table(Table { columns: vec![column], header: true });
/// let output = Output::Classes { names: vec!["a".into(), "b".into()], activation: Activation::Softmax };
/// let pipeline = Pipeline::new(network, input, output)?;
///
/// let path = std::env::temp_dir().join("limpide-pipeline-example.safetensors");
/// pipeline.save(&path)?;
/// let same = model::load(&path)?;
/// let answer = same.predict(&tensor(&[2, 1], vec![20.0, 25.0]))?;
/// assert_eq!(answer.probabilities(0), [0.5, 0.5]);
/// assert_eq!(answer.class(1), Some("b")); // with 1 / (1 + exp(-2)) = 0.8808
/// assert!((answer.probabilities(1)[1] - 0.8808).abs() < 1e-4);
/// let rows = Rows::from_csv("rows", b"x\n25\n")?;
/// assert_eq!(same.predict_rows(&rows)?.class(0), Some("b"));
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct Pipeline {
    network: Box<dyn Module<f32>>,
    meaning: Meaning,
}

/// What stands around a network: the part of a pipeline that is data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// What goes in.
    pub input: Input,
    /// What comes out.
    pub output: Output,
}

impl Pipeline {
    /// A pipeline of these parts, checked against each other.
    ///
    /// # Errors
    /// [`Error::Shape`] when the network does not take what the input gives; [`Error::Option`] when it does not give what the
    /// output wants.
    pub fn new(network: impl Module<f32>, input: Input, output: Output) -> Result<Self> {
        Self::boxed(Box::new(network), Meaning { input, output })
    }

    fn boxed(network: Box<dyn Module<f32>>, meaning: Meaning) -> Result<Self> {
        meaning.check(&*network)?;
        Ok(Pipeline { network, meaning })
    }

    /// The network.
    pub fn network(&self) -> &dyn Module<f32> {
        &*self.network
    }

    /// What goes in.
    pub fn input(&self) -> &Input {
        &self.meaning.input
    }

    /// What comes out.
    pub fn output(&self) -> &Output {
        &self.meaning.output
    }

    /// What the samples in `x`, (n, …), come to. They are as they were measured: this scales them. For a table they are its
    /// columns of numbers in their order, with NaN where a value is missing.
    ///
    /// # Errors
    /// [`Error::Shape`] when `x` is of another shape than the network's input; [`Error::Option`] for a table that has other
    /// columns than numbers, or numbers that are not finite.
    pub fn predict(&self, x: &Tensor<f32>) -> Result<Predictions> {
        self.run(self.prepare(x)?)
    }

    /// What rows of a table come to; columns are found by their names. Categories that the network has not been trained on
    /// count as none, and are listed in the answer.
    ///
    /// # Errors
    /// [`Error::Option`] for a model that was not trained on a table, with the names of columns that are missing or too many, or
    /// with row and column of a cell that is not what its column holds.
    pub fn predict_rows(&self, rows: &Rows) -> Result<Predictions> {
        let (x, unseen) = self.prepare_rows(rows)?;
        Ok(Predictions { unseen, ..self.run(x)? })
    }

    /// The answer to prepared inputs.
    fn run(&self, x: Tensor<f32>) -> Result<Predictions> {
        let (samples, sample) = (x.shape()[0], x.shape()[1..].to_vec());
        let shape = self.network.output_shape(x.shape())?;
        // A model that does not say what goes in could not be checked before.
        self.meaning.output.check(shape[1..].iter().product())?;
        if samples == 0 {
            return Ok(self.meaning.output.read(crate::zeros(&shape)));
        }
        let outputs = if samples < MANY {
            let mut predictor = Predictor::new(&*self.network, &sample, samples)?;
            let values = predictor.predict(crate::tensor::values(&x))?.to_vec();
            tensor(&[&[samples], predictor.output_shape()].concat(), values)
        } else {
            let threads = crate::kernels::cores();
            crate::train::predict(&*self.network, &crate::data::Inputs::Real(x), &mut Engine::new(threads))?
        };
        Ok(self.meaning.output.read(outputs))
    }
}

impl Meaning {
    /// Whether a network takes this input and gives this output.
    ///
    /// # Errors
    /// Those of [`Pipeline::new`].
    pub fn check(&self, network: &dyn Module<f32>) -> Result<()> {
        let Some(sample) = self.input.sample_shape()? else { return Ok(()) };
        let output = network.output_shape(&[&[1], sample.as_slice()].concat())?;
        self.output.check(output[1..].iter().product())
    }
}

#[cfg(test)]
mod tests;
