//! Where two runs part: what they keep is held together bit by bit, and where that differs both are replayed from their
//! descriptions, step by step beside each other, until a tensor differs.

use super::kept::Kept;
use crate::text::counted;
use crate::train::Session;
use limpide::train::{Callback, Epoch, Flow, History, Progress};
use limpide::{Error, Module, Result, Tensor, format, tensor::shape_text};
use serde::Serialize;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How two runs stand to each other.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Parting {
    /// Every figure and every bit of the saved models is the same.
    Identical {
        /// Epochs of both.
        epochs: usize,
    },
    /// A tensor has another shape, or only one network has it.
    Architecture {
        /// Its name.
        tensor: String,
        /// Its shape in each.
        shapes: [Option<Vec<usize>>; 2],
    },
    /// A number differs.
    At {
        /// Steps done: 0 for the start values.
        step: u64,
        /// The epoch of the step, counted from 1.
        epoch: usize,
        /// The first tensor from input to output that differs.
        tensor: String,
        /// The first of its entries.
        index: Vec<usize>,
        /// The entry in each.
        values: [f32; 2],
        /// Whether the loss of that step differs already, and so the samples or the loss itself; else the step that was
        /// made of the same loss.
        loss_differs: bool,
    },
    /// One run ends where the other goes on.
    Ends {
        /// Steps that are the same.
        steps: u64,
        /// The run that ends, 0 or 1.
        run: usize,
    },
    /// The replays have the same bits from the first to the last step.
    SameReplay {
        /// Their steps.
        steps: u64,
    },
    /// No difference within the steps that were replayed.
    NotYet {
        /// Their number.
        steps: u64,
        /// The first epoch of both whose kept figures differ.
        epoch: Option<usize>,
        /// The run that has fewer epochs, 0 or 1.
        shorter: Option<usize>,
    },
}

/// How two runs stand to each other; replays at most so many steps.
///
/// # Errors
/// A run that cannot be replayed, because its data are gone or its description is of another version.
pub fn parting(runs: [&Kept; 2], data: Option<&Path>, threads: usize, steps: u64) -> Result<Parting> {
    let [left, right] = runs;
    let epoch = first_difference(&left.history, &right.history);
    let finished = left.outcome.is_some() && right.outcome.is_some();
    let [a, b] = [left, right].map(|run| run.history.epochs.len());
    let shorter = (a != b).then_some(usize::from(b < a));
    if finished && epoch.is_none() && shorter.is_none() && same_models(left, right)? {
        return Ok(Parting::Identical { epochs: left.history.epochs.len() });
    }
    let found = if steps == 0 { None } else { replay(runs, data, threads, steps)? };
    Ok(found.unwrap_or(Parting::NotYet { steps, epoch, shorter }))
}

/// The first epoch of both, counted from 1, that is not the same; seconds do not count.
fn first_difference(left: &History, right: &History) -> Option<usize> {
    let figures = |epoch: &Epoch| {
        let scores = [Some(epoch.train), epoch.validation];
        let numbers = scores.map(|score| score.map(|own| (own.loss.to_bits(), own.accuracy.map(f64::to_bits))));
        (numbers, epoch.learning_rate.to_bits())
    };
    let common = left.epochs.len().min(right.epochs.len());
    (0..common).find(|&at| figures(&left.epochs[at]) != figures(&right.epochs[at])).map(|at| at + 1)
}

fn same_models(left: &Kept, right: &Kept) -> Result<bool> {
    let [left, right] = [left, right].map(|kept| format::load::<f32>(&kept.folder.model()));
    let (left, right) = (left?, right?);
    let differs = first_tensor(&tensors(&*left), &tensors(&*right)).is_some();
    Ok(!differs && left.to_string() == right.to_string())
}

/// Parameters and buffers by name.
fn tensors(network: &dyn Module<f32>) -> Vec<(String, Tensor<f32>)> {
    let all = network.parameters().into_iter().chain(network.buffers());
    all.map(|(name, tensor)| (name, tensor.clone())).collect()
}

/// The first tensor that is not the same.
fn first_tensor(left: &[(String, Tensor<f32>)], right: &[(String, Tensor<f32>)]) -> Option<Difference> {
    for place in 0..left.len().max(right.len()) {
        let (own, other) = (left.get(place), right.get(place));
        let shape = |tensor: Option<&(String, Tensor<f32>)>| tensor.map(|(_, own)| own.shape().to_vec());
        let (Some((name, a)), Some((name_b, b))) = (own, other) else {
            let name = own.or(other).map_or(String::new(), |(name, _)| name.clone());
            return Some(Difference::Shape(name, [shape(own), shape(other)]));
        };
        if name != name_b {
            return Some(Difference::Shape(name.clone(), [shape(own), None]));
        }
        if a.shape() != b.shape() {
            return Some(Difference::Shape(name.clone(), [shape(own), shape(other)]));
        }
        if let Some(at) = a.iter().zip(b).position(|(a, b)| a.to_bits() != b.to_bits()) {
            let values = [a, b].map(|tensor| *tensor.iter().nth(at).expect("a place in both"));
            return Some(Difference::Value(name.clone(), unravel(at, a.shape()), values));
        }
    }
    None
}

#[derive(Debug, PartialEq)]
enum Difference {
    Shape(String, [Option<Vec<usize>>; 2]),
    Value(String, Vec<usize>, [f32; 2]),
}

/// The index of an entry from its place in row-major order.
fn unravel(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (own, &size) in index.iter_mut().zip(shape).rev() {
        (*own, at) = (at % size, at / size);
    }
    index
}

/// What a replay says after a step.
struct Moment {
    step: u64,
    epoch: usize,
    /// The mean loss of the last steps; the same up to here, it differs when the loss of this step does.
    loss: f64,
    tensors: Vec<(String, Tensor<f32>)>,
}

/// Hands every step to the one who compares, until that one has seen enough.
struct Watch {
    steps: u64,
    to: SyncSender<Moment>,
}

impl Callback<f32> for Watch {
    fn on_start(&mut self, _: &History, network: &dyn Module<f32>) -> Result<()> {
        let _ = self.to.send(Moment { step: 0, epoch: 1, loss: 0.0, tensors: tensors(network) });
        Ok(())
    }

    fn on_step(&mut self, progress: &Progress, network: &dyn Module<f32>) -> Result<Flow> {
        self.steps += 1;
        let (step, epoch, loss) = (self.steps, progress.epoch, progress.score.loss);
        let sent = self.to.send(Moment { step, epoch, loss, tensors: tensors(network) });
        Ok(if sent.is_ok() { Flow::Continue } else { Flow::Stop })
    }
}

fn replay(runs: [&Kept; 2], data: Option<&Path>, threads: usize, steps: u64) -> Result<Option<Parting>> {
    std::thread::scope(|scope| {
        let [(left, first), (right, second)] = runs.map(|run| {
            let (to, from) = sync_channel(1);
            let path = run.folder.description();
            let work = move || -> Result<()> {
                let mut session = Session::read(&path, &[], data)?;
                session.description.threads = Some(threads);
                match session.replay(Watch { steps: 0, to }) {
                    // A run that ended so has ended; what went before can be compared.
                    Ok(_) | Err(Error::NotFinite { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            };
            (from, scope.spawn(work))
        });
        let parting = lockstep(&left, &right, steps);
        // Nobody listens any more, so both stop after the step under way.
        drop((left, right));
        for replay in [first, second] {
            replay.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(parting)
    })
}

fn lockstep(left: &Receiver<Moment>, right: &Receiver<Moment>, most: u64) -> Option<Parting> {
    for steps in 0..=most {
        let (a, b) = match (left.recv(), right.recv()) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(_), Err(_)) => return Some(Parting::SameReplay { steps: steps.saturating_sub(1) }),
            (ended, _) => {
                let run = usize::from(ended.is_ok());
                return Some(Parting::Ends { steps: steps.saturating_sub(1), run });
            }
        };
        match first_tensor(&a.tensors, &b.tensors) {
            None => {}
            Some(Difference::Shape(tensor, shapes)) => return Some(Parting::Architecture { tensor, shapes }),
            Some(Difference::Value(tensor, index, values)) => {
                let loss_differs = a.loss.to_bits() != b.loss.to_bits();
                return Some(Parting::At { step: a.step, epoch: a.epoch, tensor, index, values, loss_differs });
            }
        }
    }
    None
}

impl Parting {
    /// The parting as people read it.
    pub fn text(&self, [left, right]: [&str; 2]) -> String {
        let both = format!("{left} and {right}");
        match self {
            Parting::Identical { epochs } => {
                let epochs = counted(*epochs, "epoch");
                format!("{both} are identical: the figures of {epochs} and every bit of the model.")
            }
            Parting::Architecture { tensor, shapes } => {
                let [a, b] = [&shapes[0], &shapes[1]]
                    .map(|shape| shape.as_ref().map_or("not there".to_string(), |shape| shape_text(shape)));
                format!("{both} are other networks: {tensor} is {a} in {left} and {b} in {right}.")
            }
            Parting::At { step, epoch, tensor, index, values: [a, b], loss_differs } => {
                let place = if *step == 0 {
                    "before the first step, in the start values".to_string()
                } else {
                    let why = if *loss_differs {
                        "its loss differs already: other samples, or another loss"
                    } else {
                        "its loss is the same, what was made of it is not"
                    };
                    format!("at step {step}, in epoch {epoch} ({why})")
                };
                format!("{both} part {place}: {tensor}{index:?} is {a:?} in {left} and {b:?} in {right}.")
            }
            Parting::Ends { steps, run } => {
                let ended = [left, right][*run];
                format!("{both} have the same bits for {}, where {ended} ends.", counted(*steps, "step"))
            }
            Parting::SameReplay { steps } => format!(
                "{both} have the same bits when they are replayed here, {}; what differs in the folders was done after \
                 the last step, or by another version or machine.",
                counted(*steps, "step")
            ),
            Parting::NotYet { steps: 0, epoch: Some(epoch), .. } => {
                format!("{both} part in epoch {epoch} or before: its figures are the first that differ.")
            }
            Parting::NotYet { steps: 0, epoch: None, shorter } => {
                let far = shorter.map_or(String::new(), |run| format!(" as far as {} goes", [left, right][run]));
                format!(
                    "{both} have the same figures{far}; whether they have the same bits, replaying tells (--steps N)."
                )
            }
            Parting::NotYet { steps, epoch, .. } => {
                let known = epoch.map_or(String::new(), |epoch| format!("; the figures of epoch {epoch} differ"));
                format!("{both} have the same bits for {}{known}. --steps N looks further.", counted(*steps, "step"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpide::tensor;

    #[test]
    fn the_first_entry_that_differs_is_found_by_its_bits() {
        let own = |values: Vec<f32>| vec![("0.weight".to_string(), tensor(&[2, 3], values))];
        let zeros = own(vec![0.0; 6]);
        assert_eq!(first_tensor(&zeros, &zeros), None);
        let minus = own(vec![0.0, 0.0, 0.0, 0.0, -0.0, 1.0]);
        let found = first_tensor(&zeros, &minus).unwrap();
        let Difference::Value(name, index, values) = found else { panic!("{found:?}") };
        assert_eq!((name.as_str(), index), ("0.weight", vec![1, 1]));
        assert_eq!(values.map(f32::to_bits), [0.0f32, -0.0].map(f32::to_bits));
        let nan = own(vec![f32::NAN; 6]);
        assert_eq!(first_tensor(&nan, &nan), None);
        let wider = vec![("0.weight".to_string(), tensor(&[1, 3], vec![0.0f32; 3]))];
        assert!(matches!(first_tensor(&zeros, &wider), Some(Difference::Shape(..))));
        assert!(matches!(first_tensor(&zeros, &[]), Some(Difference::Shape(_, [Some(_), None]))));
    }
}
