//! A pipeline in two halves, for whoever answers again and again: inputs are checked and scaled one by one, and the network
//! then answers many of them at once.

use super::{Input, Pipeline, Predictions};
use crate::plan::Predictor;
use crate::table::{Rows, Unseen};
use crate::tensor::values;
use crate::{Error, Result, Tensor, tensor};

impl Pipeline {
    /// The first half of [`Pipeline::predict`]: samples as the network sees them.
    ///
    /// # Errors
    /// Those of [`Pipeline::predict`].
    pub fn prepare(&self, x: &Tensor<f32>) -> Result<Tensor<f32>> {
        self.meaning.input.prepare(x)
    }

    /// The first half of [`Pipeline::predict_rows`]: rows as the network sees them, and the categories that it does not know.
    ///
    /// # Errors
    /// Those of [`Pipeline::predict_rows`].
    pub fn prepare_rows(&self, rows: &Rows) -> Result<(Tensor<f32>, Vec<Unseen>)> {
        match &self.meaning.input {
            Input::Table(table) => table.encode(rows),
            Input::Tensor { .. } => {
                Err(Error::option("rows of a table", "for a model that was trained on one", "another model"))
            }
        }
    }

    /// The second half, its plan and buffers made once, for up to so many samples at a time.
    ///
    /// # Errors
    /// [`Error::Option`] when the file does not say what goes in.
    ///
    /// ```
    /// use limpide::pipeline::{Input, Output, Pipeline};
    /// use limpide::{Module, Sequential, layers::Linear, tensor};
    /// let network = Sequential::<f32>::new().push(Linear::new(2, 1)).seed(1);
    /// let input = Input::Tensor { shape: Some(vec![2]), standardization: None, divisor: None, fit: None };
    /// let pipeline = Pipeline::new(network, input, Output::default())?;
    /// let mut ready = pipeline.ready(8)?;
    /// let x = tensor(&[3, 2], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    /// assert_eq!(ready.answer(&pipeline.prepare(&x)?)?, pipeline.predict(&x)?);
    /// # Ok::<(), limpide::Error>(())
    /// ```
    pub fn ready(&self, samples: usize) -> Result<Ready<'_>> {
        let shape = self.meaning.input.sample_shape()?;
        let sample =
            shape.ok_or_else(|| Error::option("a model file", "one that says what goes in", "one that does not"))?;
        let predictor = Predictor::new(&*self.network, &sample, samples)?;
        Ok(Ready { pipeline: self, predictor, sample, samples })
    }
}

/// The network of a pipeline and the meaning of its outputs, with everything ready; see [`Pipeline::ready`].
#[derive(Debug)]
pub struct Ready<'a> {
    pipeline: &'a Pipeline,
    predictor: Predictor<'a, f32>,
    sample: Vec<usize>,
    samples: usize,
}

impl Ready<'_> {
    /// The shape of a sample as the network sees it.
    pub fn sample_shape(&self) -> &[usize] {
        &self.sample
    }

    /// What prepared samples come to, whatever their number; the categories that are not known are not part of it.
    ///
    /// # Errors
    /// [`Error::Shape`] when they are not as [`Pipeline::prepare`] gives them.
    pub fn answer(&mut self, prepared: &Tensor<f32>) -> Result<Predictions> {
        let rows = prepared.shape().first().copied().unwrap_or(0);
        if prepared.shape() != [&[rows], self.sample.as_slice()].concat() {
            let wanted = [&[rows], self.sample.as_slice()].concat();
            return Err(Error::shape("the network", crate::tensor::shape_text(&wanted), prepared.shape()));
        }
        let each = self.sample.iter().product::<usize>().max(1);
        let mut outputs = Vec::new();
        for part in values(&crate::tensor::dense(prepared)).chunks(each * self.samples.max(1)) {
            outputs.extend_from_slice(self.predictor.predict(part)?);
        }
        let shape = [&[rows], self.predictor.output_shape()].concat();
        Ok(self.pipeline.meaning.output.read(tensor(&shape, outputs)))
    }
}
