//! A run from its description to its result: what `train`, `resume` and `eval` share.

use super::data::{Answers, Parts, Source, fingerprint, is_yes_no};
use super::description::{RunDescription, TestOptions};
use super::fit::Fit;
use super::folder::{FAILED, Folder};
use super::found;
use super::interrupt::{self, StopWhenPressed};
use super::models;
use super::outcome::Outcome;
use super::page;
use super::read::{Setting, read};
use super::start;
use crate::progress::Progress;
use crate::text::{counted, label};
use limpide::data::{Dataset, Target};
use limpide::diagnose::{self, Baseline, Finding};
use limpide::error::one_line;
use limpide::init::Init;
use limpide::loss::{Loss, Takes};
use limpide::model::{places, summary};
use limpide::optim::Optimizer;
use limpide::pipeline::{self, Activation, Meaning, Output, in_units};
use limpide::train::{
    Callback, Checkpoint, Checkpoints, Engine, History, LineLog, Score, TensorBoardLog, Trainer, evaluate, predict,
};
use limpide::{Error, Module, Result, Sequential};
use std::path::Path;

/// The most threads that are of use to anybody, as `--threads` has it too.
const THREADS: usize = 1024;
/// Samples that are looked at for what went wrong, at most …
const OBSERVED: usize = 256;
/// … and as many as have room for all outputs and their slopes in so many bytes.
const OBSERVED_BYTES: usize = 256 << 20;

/// A run that has all it needs, and has been checked.
pub struct Session {
    /// What is to be done, with every default filled in.
    pub description: RunDescription,
    /// The samples.
    pub parts: Parts,
    /// The network with its start values.
    pub network: Sequential<f32>,
    /// What is made small.
    pub loss: Box<dyn Loss<f32>>,
    optimizer: Optimizer<f32>,
    /// What was taken of another network, in a line.
    start: Option<String>,
}

impl Session {
    /// Reads a description, loads the data and builds everything once, so that what is wrong is told before any work.
    ///
    /// # Errors
    /// Those of reading, of the data, of `start_from`, and of parts that do not fit together.
    pub fn read(path: &Path, settings: &[Setting], data: Option<&Path>) -> Result<Self> {
        let mut session = Self::read_without_start(path, settings, data)?;
        session.take_start()?;
        Ok(session)
    }

    /// The same for those who read the weights from elsewhere, or do not look at them: `start_from` need not be there any more.
    ///
    /// # Errors
    /// Those of [`Session::read`], but for those of `start_from`.
    pub fn read_without_start(path: &Path, settings: &[Setting], data: Option<&Path>) -> Result<Self> {
        let mut description: RunDescription = read(path, settings)?;
        description.data.look_in(data);
        let parts = description.data.load(&description.split, description.seed)?;
        Self::build(path, description, parts)
    }

    /// Puts the weights that `start_from` names in the place of the start values.
    ///
    /// # Errors
    /// When they are not there, or none of them fits.
    pub fn take_start(&mut self) -> Result<()> {
        let from = self.description.start_from.as_ref();
        self.start = from.map(|from| start::take(&mut self.network, from)).transpose()?;
        Ok(())
    }

    /// A session of a recipe that comes with the program, changed before its data is loaded.
    ///
    /// # Errors
    /// Those of the data, and of parts that do not fit together.
    pub fn of_text(
        name: &str,
        text: &str,
        data: Option<&Path>,
        change: impl FnOnce(&mut RunDescription),
    ) -> Result<Self> {
        let wrong = |error: toml::de::Error| Error::Data { path: name.into(), problem: error.message().into() };
        let mut description: RunDescription = toml::from_str(text).map_err(wrong)?;
        change(&mut description);
        description.data.look_in(data);
        let parts = description.data.load(&description.split, description.seed)?;
        Self::new(Path::new(name), description, parts)
    }

    /// Trains without leaving anything behind, and tests once.
    ///
    /// # Errors
    /// Those of training; a description without a test part.
    pub fn train_and_test(&mut self, title: &str, progress: bool) -> Result<(History, Score)> {
        let mut bar = Progress::new(title, progress);
        let trainer = trainer(&self.description, &self.parts)?.on_step(move |step| bar.show(step));
        let history = trainer.fit(&mut self.network, &*self.loss, &self.parts.train)?;
        let missing = || Error::Data { path: title.into(), problem: "has no test part".into() };
        let score = self.score(self.parts.test.as_ref().ok_or_else(missing)?)?;
        Ok((history, score))
    }

    /// A session of a description and the data that it describes; `path` is what errors name.
    ///
    /// # Errors
    /// Those of `start_from`, and of parts that do not fit together.
    pub fn new(path: &Path, description: RunDescription, parts: Parts) -> Result<Self> {
        let mut session = Self::build(path, description, parts)?;
        session.take_start()?;
        Ok(session)
    }

    fn build(path: &Path, mut description: RunDescription, mut parts: Parts) -> Result<Self> {
        let here = |problem: &str| Error::Data { path: path.into(), problem: problem.into() };
        match (description.model.take(), description.layers.is_empty()) {
            (Some(name), true) => description.layers = models::layers(&name, parts.train.sample_shape())?,
            (None, false) => {}
            (Some(_), false) => return Err(here("has both `model` and `layers`; keep one of them")),
            (None, true) => return Err(here("has no network: wants [[layers]] or a `model` by name")),
        }
        if description.test.is_some() && parts.test.is_none() {
            return Err(here("asks for a test, and there is no test part; give `split.test` a share"));
        }
        let RunDescription { epochs, batch_size, .. } = description;
        for (name, size) in [("epochs", epochs), ("batch_size", batch_size)] {
            if size == 0 {
                return Err(Error::option(name, "at least 1", size));
            }
        }
        if let Some(threads) = description.threads.filter(|threads| !(1..=THREADS).contains(threads)) {
            return Err(Error::option("threads", format!("from 1 to {THREADS}"), threads));
        }
        // A run may be trained again from another folder.
        let absolute = |from| std::path::absolute(&from).unwrap_or(from);
        description.start_from = description.start_from.take().map(absolute);
        description.checkpoints.check()?;
        description.init.iter().try_for_each(Init::check)?;
        let (network, loss) = (description.network()?, description.loss.build()?);
        // What a loss wants as yes or no, or as probabilities, has its scale.
        if matches!(description.data.source, Source::Arrays(_)) && loss.takes() == Takes::Values {
            parts.scale_values();
        }
        let mut optimizer = description.optimizer.build()?;
        optimizer.prepare(&network)?;
        let options = &description.early_stopping;
        options.as_ref().map(|options| options.build::<f32>()).transpose()?;
        let checked = trainer(&description, &parts)?.check(&network, &*loss, &parts.train);
        checked.map_err(|error| found::advised(error, path, &network, &*loss, &parts.train))?;
        if let Some(test) = &description.test {
            let output = network.output_shape(&[&[1], parts.train.sample_shape()].concat())?;
            test.check(loss.decision().is_some_and(|decision| decision.is_one_a_sample(&output)))?;
        }
        let mut session = Session { description, parts, network, loss, optimizer, start: None };
        if let Err(error) = session.told_meaning().check(&session.network) {
            session.parts.notes.push(format!("{error}; the model will answer with these numbers and no classes"));
        }
        Ok(session)
    }

    /// Trains, from the newest checkpoint of the folder where there is one, and leaves model, page and result in it, with
    /// `findings` of before. With `progress` a bar, and what looks wrong, are shown on stderr.
    ///
    /// # Errors
    /// Those of training and of writing.
    pub fn run(mut self, folder: &Folder, mut findings: Vec<Finding>, progress: bool) -> Result<Outcome> {
        fingerprint::keep(folder, &self)?;
        // Why the attempt before this one failed.
        let _ = std::fs::remove_file(folder.file(FAILED));
        let plain = self.parts.plain_train()?;
        let tell =
            |findings: &[Finding]| findings.iter().filter(|_| progress).for_each(|own| eprintln!("limpide: {own}"));
        tell(&findings);
        let start = self.observe(&plain)?;
        let checkpoint = folder.checkpoint()?;
        interrupt::catch();
        let history = self.fit(folder, checkpoint, progress).map_err(|error| kept(error, folder))?;
        let (seed, interrupted) = (self.description.seed, interrupt::pressed());
        let weights = found::weights(&history, self.description.early_stopping.as_ref()).filter(|_| !interrupted);
        let last = weights.and_then(|number| history.epochs.get(number - 1)).or(history.epochs.last());
        if !interrupted {
            pipeline::save(&self.network, &self.meaning(), &folder.model())?;
            let judged = self.parts.validation.as_ref().unwrap_or(&plain);
            let score = last.map(|epoch| epoch.validation.unwrap_or(epoch.train));
            let baseline = Baseline::of(&*self.loss, &plain, judged);
            let mut after = diagnose::course(&history, self.description.epochs, weights, score, baseline);
            after.extend(diagnose::judge_since(Some(&start), &self.observe(&plain)?));
            tell(&after);
            findings.extend(after);
        }
        let mut outcome = Outcome {
            run: folder.path().display().to_string(),
            seed,
            epochs: history.epochs.len(),
            cap: Some(self.description.epochs),
            weights,
            interrupted,
            seconds: history.seconds().iter().sum(),
            samples: Some(self.parts.sizes()),
            train: last.map(|epoch| epoch.train),
            validation: last.and_then(|epoch| epoch.validation),
            test: None,
            validation_fit: None,
            test_fit: None,
            passed: true,
            findings,
        };
        if outcome.interrupted {
            return Ok(outcome);
        }
        outcome.validation = self.parts.validation.as_ref().map(|data| self.score(data)).transpose()?;
        outcome.validation_fit = self.fit_of(self.parts.validation.as_ref())?;
        if let Some(options) = &self.description.test {
            let score = self.score(self.parts.test.as_ref().expect("checked when the description was read"))?;
            (outcome.test, outcome.passed) = (Some(score), reached(options, &score));
            outcome.test_fit = self.fit_of(self.parts.test.as_ref())?;
        }
        page::write(&self, &history, &outcome, folder)?;
        // The last file: where it is, the run is finished and everything is there.
        folder.write("result.json", &format!("{:#}\n", serde_json::json!(outcome)))?;
        Ok(outcome)
    }

    /// What looks wrong before the first step.
    ///
    /// # Errors
    /// Those of the data.
    pub fn before_training(&self) -> Result<Vec<Finding>> {
        let Session { parts, network, loss, .. } = self;
        let plain = parts.plain_train()?;
        Ok(diagnose::before_training(network, &**loss, &plain, parts.validation.as_ref(), parts))
    }

    fn observe(&self, plain: &Dataset<f32>) -> Result<diagnose::Observation> {
        let one = [&[1], plain.sample_shape()].concat();
        let outputs = places(&self.network as &dyn Module<f32>, &one)?;
        let numbers: usize = outputs.iter().map(|place| place.output.iter().product::<usize>()).sum();
        let room = OBSERVED_BYTES / (2 * size_of::<f32>() * numbers.max(1));
        let samples = plain.len().min(OBSERVED).min(room.max(1));
        let (x, target) = plain.gather(&(0..samples).collect::<Vec<_>>());
        diagnose::observe(&self.network, &*self.loss, &x, &target, None)
    }

    /// What goes into the network and comes out, as the data and the loss have it.
    fn told_meaning(&self) -> Meaning {
        let output = match self.parts.answers.clone() {
            Answers::Classes(names) => Output::Classes { names, activation: Activation::of(&self.description.loss) },
            Answers::Values { names, std, .. } if std.is_empty() && is_yes_no(&*self.loss) => {
                Output::Labels { names, activation: Activation::of(&self.description.loss) }
            }
            Answers::Values { names, mean, std } => Output::Values { names, mean, std },
        };
        Meaning { input: self.parts.input.clone(), output }
    }

    /// The same; where that is more than a pipeline knows, numbers as they are.
    fn meaning(&self) -> Meaning {
        let meaning = self.told_meaning();
        match meaning.check(&self.network) {
            Ok(()) => meaning,
            Err(_) => Meaning { output: Output::default(), ..meaning },
        }
    }

    fn fit(&mut self, folder: &Folder, checkpoint: Option<Checkpoint>, progress: bool) -> Result<History> {
        let RunDescription { logging, early_stopping, checkpoints, .. } = &self.description;
        let mut bar = Progress::new(&folder.name(), progress);
        let mut trainer = trainer(&self.description, &self.parts)?
            .checkpoints(Checkpoints::new(folder.checkpoints()).options(checkpoints.clone()))
            .on_step(move |step| bar.show(step))
            .callback(StopWhenPressed);
        if logging.csv {
            trainer = trainer.callback(LineLog::csv(folder.file("history.csv")));
        }
        if logging.json {
            trainer = trainer.callback(LineLog::json(folder.file("history.jsonl")));
        }
        if logging.tensorboard {
            trainer = trainer.callback(TensorBoardLog::new(folder.file("tensorboard")));
        }
        if let Some(options) = early_stopping {
            trainer = trainer.callback(options.build()?);
        }
        if let Some(checkpoint) = checkpoint {
            trainer = trainer.resume(checkpoint);
        }
        trainer.fit(&mut self.network, &*self.loss, &self.parts.train)
    }

    /// Trains from the start values under the eyes of one callback, and writes nothing.
    ///
    /// # Errors
    /// Those of training.
    pub fn replay(mut self, watch: impl Callback<f32> + 'static) -> Result<History> {
        let mut trainer = trainer(&self.description, &self.parts)?.callback(watch);
        if let Some(options) = &self.description.early_stopping {
            trainer = trainer.callback(options.build()?);
        }
        trainer.fit(&mut self.network, &*self.loss, &self.parts.train)
    }

    /// How good the network is on a part.
    ///
    /// # Errors
    /// A shape error when network, loss and data do not fit together.
    pub fn score(&self, data: &Dataset<f32>) -> Result<Score> {
        evaluate(&self.network, &*self.loss, data, &mut Engine::new(self.description.threads()))
    }

    /// How far the values of a part are off, where they were scaled.
    ///
    /// # Errors
    /// A shape error when network and data do not fit together.
    pub fn fit_of(&self, data: Option<&Dataset<f32>>) -> Result<Option<Fit>> {
        let (Answers::Values { names, mean, std }, Some(data)) = (&self.parts.answers, data) else { return Ok(None) };
        let Some(Target::Values(wanted)) = data.targets.given().filter(|_| !std.is_empty()) else { return Ok(None) };
        let outputs = predict(&self.network, &data.inputs, &mut Engine::new(self.description.threads()))?;
        Ok(Some(Fit::of(&in_units(&outputs, mean, std), &in_units(wanted, mean, std), names)))
    }

    /// What was found in the data, how they are divided, and what the network begins with where that is no start values.
    pub fn beginning(&self) -> String {
        let Parts { train, split, answers, notes, .. } = &self.parts;
        let notes: String = notes.iter().map(|note| one_line(note) + "\n").collect();
        let split = match answers {
            Answers::Classes(names) => split.with_names(&names.iter().map(|name| label(name)).collect::<Vec<_>>()),
            Answers::Values { .. } => split.to_string(),
        };
        let start = self.start.iter().map(|line| format!("{line}\n")).collect::<String>();
        format!("data: {}\n{notes}{split}\n{start}", train.name)
    }

    /// The run in words: the parts of the data, the network, what moves it.
    ///
    /// # Errors
    /// A shape error when the network does not take the samples.
    pub fn plan(&self) -> Result<String> {
        let Session { description, parts, network, loss, optimizer, .. } = self;
        let shape = [&[description.batch_size.min(parts.train.len())], parts.train.sample_shape()].concat();
        let steps = match description.drop_last {
            true => parts.train.len() / description.batch_size,
            false => parts.train.len().div_ceil(description.batch_size),
        };
        let each = counted(steps, "step");
        Ok(format!(
            "{}\n{}\nloss: {loss}\noptimizer: {optimizer}\nepochs: at most {}, {each} each, seed {}\n",
            self.beginning(),
            summary(network as &dyn Module<f32>, &shape)?,
            description.epochs,
            description.seed,
        ))
    }

    /// The description as TOML.
    pub fn toml(&self) -> String {
        toml::to_string(&self.description).expect("a description is plain data")
    }
}

/// A trainer with the settings of a description, which writes nothing yet.
fn trainer<'a>(description: &RunDescription, parts: &'a Parts) -> Result<Trainer<'a, f32>> {
    let mut trainer = Trainer::new(description.optimizer.build()?)
        .epochs(description.epochs)
        .batch_size(description.batch_size)
        .shuffle(description.shuffle)
        .seed(description.seed)
        .threads(description.threads())
        .augment(description.augmentation.clone())
        .step_options(description.step.clone());
    if description.balanced {
        trainer = trainer.balanced();
    }
    if description.drop_last {
        trainer = trainer.drop_last();
    }
    if let Some(mixup) = description.mixup {
        trainer = trainer.mixup(mixup);
    }
    if let Some(standardization) = &parts.standardization {
        trainer = trainer.standardize(standardization.clone());
    }
    if let Some(validation) = &parts.validation {
        trainer = trainer.validation(validation);
    }
    if let Some(schedule) = &description.schedule {
        trainer = trainer.schedule(schedule.clone());
    }
    Ok(trainer)
}

/// An error of training; of a loss that is no number, kept in the folder and with where the last good checkpoint is.
fn kept(error: Error, folder: &Folder) -> Error {
    let Error::NotFinite { value, epoch, step, mut culprit } = error else { return error };
    if let Ok(Some(path)) = Checkpoints::newest(&folder.checkpoints()) {
        culprit = format!("{culprit} (the last good checkpoint is {})", path.display());
    }
    let error = Error::NotFinite { value, epoch, step, culprit };
    match folder.write(FAILED, &format!("{error}\n")) {
        Ok(()) => error,
        Err(full) => full,
    }
}

/// Whether a score is what a description asks for; one that is no number never is.
fn reached(options: &TestOptions, score: &Score) -> bool {
    options.min_accuracy.is_none_or(|least| score.accuracy.is_some_and(|accuracy| accuracy >= least))
        && options.max_loss.is_none_or(|most| score.loss <= most)
}
