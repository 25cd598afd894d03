//! A checkpoint: all that a run needs to go on as if nothing had happened, in one safetensors file.
//!
//! | in the file | what |
//! | --- | --- |
//! | `model/…` | the network's tensors, by PyTorch's names |
//! | `optimizer/…` | the optimiser's arrays |
//! | `average/…` | the moving averages of the parameters, where they are kept |
//! | `early_stopping/…` | what a callback of that name keeps: the best weights so far |
//! | the note `limpide` | the model's description, the run's settings, the clocks, the history |
//!
//! Random numbers need no state: they are functions of the seed, the epoch and the step, which are in the note.

use super::History;
use super::callback::Callback;
use super::score::Totals;
use crate::data::Mixup;
use crate::data::augment::Augmentation;
use crate::format::safetensors::{Archive, encode};
use crate::format::{CHECKPOINT, Matching, NOTE, WEIGHTS, read_note, set_state, shapes, state};
use crate::model::{LayerDescription, describe};
use crate::module::Module;
use crate::optim::schedule::{ScheduleDescription, ScheduleState};
use crate::optim::{Optim, OptimizerState, Restorable, StepOptions};
use crate::{Error, Real, Result, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The newest version of checkpoints.
const VERSION: u32 = 1;

/// Where a run stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Position {
    /// The epoch under way, counted from 1.
    pub epoch: usize,
    /// Steps done in it.
    pub step: usize,
    /// Steps done in all epochs.
    pub steps: u64,
    /// What the steps of this epoch have measured.
    pub totals: Totals,
    /// Seconds that they have taken.
    pub seconds: f64,
    /// The epochs that are finished.
    pub history: History,
    /// Whether a callback has ended the run.
    pub ended: bool,
}

impl Default for Position {
    fn default() -> Self {
        let (totals, history) = (Totals::default(), History::default());
        Position { epoch: 1, step: 0, steps: 0, totals, seconds: 0.0, history, ended: false }
    }
}

/// The settings that must be the same when a run goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RunSettings {
    pub seed: u64,
    pub batch_size: usize,
    pub shuffle: bool,
    pub balanced: bool,
    pub drop_last: bool,
    pub augmentation: Augmentation,
    pub mixup: Option<Mixup>,
    pub standardized: bool,
    /// The number of training samples.
    pub samples: usize,
    /// As their constructors are written, the rate that of the beginning. These and the two below are not in older
    /// checkpoints, and not compared then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepOptions>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    kind: String,
    version: u32,
    /// The type of all numbers in the file.
    real: String,
    /// None for a model with modules that this library does not know.
    model: Option<LayerDescription>,
    run: RunSettings,
    optimizer: OptimizerNote,
    /// Updates of the averages.
    #[serde(default)]
    averaged: Option<u64>,
    #[serde(default)]
    schedule: Option<ScheduleState>,
    position: Position,
}

/// An optimiser's memory without its arrays.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OptimizerNote {
    clock: u64,
    numbers: BTreeMap<String, f64>,
}

/// A checkpoint as read from a file, to be handed to [`Trainer::resume`](super::Trainer::resume). Its weights alone are read by
/// [`format::load_into`](crate::format::load_into).
#[derive(Debug)]
pub struct Checkpoint {
    archive: Archive,
    note: Note,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] when the file is damaged, is no checkpoint, or is of a newer version.
    pub fn read(path: &Path) -> Result<Self> {
        let archive = Archive::read(path)?;
        let note: Note = read_note(&archive, CHECKPOINT, VERSION)?;
        Ok(Checkpoint { archive, note })
    }

    /// Steps that the run had done.
    pub fn steps(&self) -> u64 {
        self.note.position.steps
    }

    /// The epochs that the run had finished.
    pub fn history(&self) -> &History {
        &self.note.position.history
    }

    /// The bytes of a checkpoint.
    pub(super) fn encode<T: Real>(
        optim: &Optim<'_, T>,
        callbacks: &[Box<dyn Callback<T> + '_>],
        run: &RunSettings,
        position: &Position,
    ) -> Vec<u8> {
        let (network, memory) = (optim.network(), optim.optimizer().state());
        let averages = optim.averages().map(|averages| averages.state(network));
        let note = Note {
            kind: CHECKPOINT.into(),
            version: VERSION,
            real: T::NAME.into(),
            model: describe(network),
            run: run.clone(),
            optimizer: OptimizerNote { clock: memory.clock, numbers: memory.numbers.clone() },
            averaged: averages.as_ref().map(|averages| averages.clock),
            schedule: optim.scheduler().map(|scheduler| scheduler.state()),
            position: position.clone(),
        };
        let note = serde_json::to_string(&note).expect("a note is plain data");
        let mut tensors = behind("model", state(network));
        for (section, memory) in
            std::iter::once(("optimizer", &memory)).chain(averages.iter().map(|own| ("average", own)))
        {
            let kept = memory.tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
            tensors.extend(behind(section, kept));
        }
        for callback in callbacks {
            tensors.extend(callback.section().into_iter().flat_map(|section| behind(section, callback.kept())));
        }
        encode(tensors, [(NOTE, note.as_str())])
    }

    /// Puts network, optimiser and callbacks where the checkpoint stands, and says where that is.
    ///
    /// # Errors
    /// [`Error::Data`] when the checkpoint is of another model or run: the message says what differs. Nothing has changed
    /// then.
    pub(super) fn restore<T: Real>(
        self,
        to: Restorable<'_, T>,
        callbacks: &mut [Box<dyn Callback<T> + '_>],
        run: &RunSettings,
    ) -> Result<Position> {
        let Restorable { network, optimizer, ema, scheduler } = to;
        self.check_model(network)?;
        for (thing, there, here) in [
            ("an average of the parameters", self.note.averaged.is_some(), ema.is_some()),
            ("a schedule", self.note.schedule.is_some(), scheduler.is_some()),
        ] {
            if there != here {
                let (there, here) = if there { ("with", "without") } else { ("without", "with") };
                return Err(self.wrong(format!("is of another run: {there} {thing} there, {here} one here")));
            }
        }
        self.check_run(run)?;
        let own: Vec<String> = state(network).into_iter().map(|(name, _)| format!("{WEIGHTS}{name}")).collect();
        let tensors = own.iter().map(|name| self.archive.tensor(name)).collect::<Result<Vec<Tensor<T>>>>()?;
        let kept: Vec<Vec<(String, Tensor<T>)>> = callbacks
            .iter()
            .map(|callback| callback.section().map_or(Ok(Vec::new()), |section| self.section(section)))
            .collect::<Result<_>>()?;
        let from_file = |error| match error {
            error @ Error::State { .. } => self.wrong(error.to_string()),
            other => other,
        };
        // The average last: it fits whenever the model does, so nothing has changed when something does not fit.
        let OptimizerNote { clock, numbers } = self.note.optimizer.clone();
        let memory = OptimizerState { clock, numbers, tensors: self.section("optimizer")? };
        let averages = self.section("average")?;
        optimizer.load_state(network, &memory).map_err(from_file)?;
        if let (Some(ema), Some(clock)) = (ema, self.note.averaged) {
            let memory = OptimizerState { clock, numbers: BTreeMap::new(), tensors: averages };
            ema.load_state(network, &memory).map_err(from_file)?;
        }
        if let (Some(scheduler), Some(state)) = (scheduler, self.note.schedule) {
            scheduler.load_state(state);
        }
        set_state(network, tensors);
        callbacks.iter_mut().zip(kept).for_each(|(callback, kept)| callback.restore(kept));
        Ok(self.note.position)
    }

    /// The tensors of one section, their names without the section's, in the order of the names.
    fn section<T: Real>(&self, section: &str) -> Result<Vec<(String, Tensor<T>)>> {
        let names = self.archive.shapes_behind(&format!("{section}/")).into_keys();
        names.map(|name| Ok((name.clone(), self.archive.tensor(&format!("{section}/{name}"))?))).collect()
    }

    fn wrong(&self, problem: String) -> Error {
        Error::Data { path: self.archive.path().into(), problem }
    }

    fn check_model<T: Real>(&self, network: &dyn Module<T>) -> Result<()> {
        if self.note.real != T::NAME {
            return Err(self.wrong(format!("holds {} numbers, and this network has {}", self.note.real, T::NAME)));
        }
        let found = self.archive.shapes_behind(WEIGHTS);
        let problems = Matching::of(&shapes(&state(network)), &found).problems();
        if !problems.is_empty() {
            return Err(self.wrong(format!("is of another model: {}", problems.join("; "))));
        }
        // The same tensors can stand between other functions.
        match (&self.note.model, describe(network)) {
            (Some(theirs), Some(own)) if *theirs != own => Err(self
                .wrong(format!("is of another model: it has {}, and this network is {network}", theirs.build::<T>()?))),
            _ => Ok(()),
        }
    }

    fn check_run(&self, run: &RunSettings) -> Result<()> {
        let fields = |run: &RunSettings| match serde_json::to_value(run) {
            Ok(Value::Object(fields)) => fields,
            _ => unreachable!("settings are plain data with names"),
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
        let own = fields(run);
        let pairs =
            fields(&self.note.run).into_iter().filter_map(|(name, theirs)| Some((theirs, own.get_key_value(&name)?)));
        let problems: Vec<String> = pairs
            .filter(|(theirs, (_, own))| theirs != *own)
            .map(|(theirs, (name, own))| format!("{name} {} there, {} here", text(&theirs), text(own)))
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(self.wrong(format!("is of another run: {}", problems.join("; "))))
    }
}

/// Tensors with a section before their names.
fn behind<'a, T>(section: &str, tensors: Vec<(String, &'a Tensor<T>)>) -> Vec<(String, &'a Tensor<T>)> {
    tensors.into_iter().map(|(name, tensor)| (format!("{section}/{name}"), tensor)).collect()
}
