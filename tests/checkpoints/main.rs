//! Checkpoints: a run that goes on has the bits of one that was never interrupted, and what does not fit is refused.

mod refusals;

use limpide::data::{Dataset, Inputs, Split, Target, regression};
use limpide::layers::{Linear, Relu, Tanh};
use limpide::loss::{MseLoss, Reduction};
use limpide::optim::schedule::{CosineAnnealingLr, OneCycleLr, ReduceLrOnPlateau, Schedule, StepLr};
use limpide::optim::{Lookahead, NAdam, Optimizer, Sgd};
use limpide::train::{
    Callback, Checkpoint, CheckpointOptions, Checkpoints, EarlyStopping, Epoch, Flow, History, LineLog, Metric,
    Progress, Trainer,
};
use limpide::{Error, Module, Result, Sequential, Stream, tensor};
use std::fs;
use std::path::{Path, PathBuf};

fn network(seed: u64) -> Sequential<f32> {
    Sequential::new().push(Linear::new(2, 8)).push(Tanh).push(Linear::new(8, 1)).seed(seed)
}

fn bits(network: &dyn Module<f32>) -> Vec<u32> {
    network.parameters().iter().flat_map(|(_, value)| value.iter().map(|p| p.to_bits())).collect()
}

/// 70 samples to train on (five batches of 16, the last of 6) and 30 to validate.
fn data() -> (Dataset<f32>, Dataset<f32>) {
    let all = regression::<f32>(100, -1.0..1.0, 1).unwrap();
    let split = Split::new(&all, 0.3, 0.0, 1).unwrap();
    (all.select(&split.train), all.select(&split.validation))
}

const STEPS_AN_EPOCH: usize = 5;

fn trainer<'a>(validation: &'a Dataset<f32>, epochs: usize) -> Trainer<'a, f32> {
    Trainer::new(Sgd::new(0.3).unwrap()).epochs(epochs).batch_size(16).seed(9).validation(validation)
}

/// Every state that a run can have: momentum, slow weights and averages, a schedule by the step.
fn with_all_states<'a>(validation: &'a Dataset<f32>, epochs: usize) -> Trainer<'a, f32> {
    let optimizer = Optimizer::from(NAdam::new(0.02).unwrap()).lookahead(Lookahead { k: 4, alpha: 0.5 });
    let schedule = Schedule::OneCycle(OneCycleLr::new(0.05));
    let trainer = Trainer::new(optimizer).epochs(epochs).batch_size(16).seed(9).validation(validation);
    trainer.schedule(schedule).ema(0.9).clip_grad_norm(0.5).clip_grad_value(0.3)
}

/// A schedule that has a memory.
fn with_plateau<'a>(validation: &'a Dataset<f32>, epochs: usize) -> Trainer<'a, f32> {
    let plateau = ReduceLrOnPlateau { patience: 0, threshold: 0.9, ..ReduceLrOnPlateau::default() };
    trainer(validation, epochs).schedule(Schedule::Plateau(plateau))
}

/// Stops after so many steps.
struct Steps(usize);

impl Callback<f32> for Steps {
    fn on_step(&mut self, _: &Progress, _: &dyn Module<f32>) -> Result<Flow> {
        self.0 -= 1;
        Ok(if self.0 == 0 { Flow::Stop } else { Flow::Continue })
    }
}

/// At every moment, with nothing left out.
fn every_step() -> CheckpointOptions {
    CheckpointOptions { every_steps: 1, min_seconds: 0.0, ..CheckpointOptions::default() }
}

fn newest(folder: &Path) -> PathBuf {
    Checkpoints::newest(folder).unwrap().expect("a checkpoint")
}

/// The figures without the clock.
fn figures(history: &History) -> Vec<(usize, f64, f64)> {
    history.epochs.iter().map(|epoch| (epoch.number, epoch.train.loss, epoch.validation.unwrap().loss)).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != ".lock").collect();
    names.sort();
    names
}

/// A layer that the last batch of an epoch, being small, would divide otherwise than the full ones if a plan were made for it.
#[test]
fn a_run_that_goes_on_with_a_small_last_batch_has_the_same_bits() {
    let mut stream = Stream::new(5);
    let mut numbers = |count: usize| (0..count).map(|_| stream.uniform(-1.0, 1.0) as f32).collect::<Vec<_>>();
    let (inputs, targets) = (tensor(&[150, 300], numbers(150 * 300)), tensor(&[150, 120], numbers(150 * 120)));
    let train = Dataset::new("wide", Inputs::Real(inputs), Target::Values(targets), 0).unwrap();
    let wide = |seed| Sequential::<f32>::new().push(Linear::new(300, 120)).seed(seed);
    let trainer = || Trainer::new(Sgd::new(0.1).unwrap()).epochs(2).batch_size(100).seed(9);
    let mut whole = wide(1);
    trainer().fit(&mut whole, &MseLoss::new(), &train).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let first = trainer().callback(Steps(1)).checkpoints(Checkpoints::new(folder.path()));
    first.fit(&mut wide(1), &MseLoss::new(), &train).unwrap();
    let mut second = wide(2);
    let resumed = trainer().resume(Checkpoint::read(&newest(folder.path())).unwrap());
    resumed.fit(&mut second, &MseLoss::new(), &train).unwrap();
    assert!(bits(&second) == bits(&whole));
}

#[test]
fn a_run_stopped_after_any_step_goes_on_with_the_same_bits() {
    let (train, validation) = data();
    for trainer in [trainer, with_all_states, with_plateau] {
        let mut whole = network(1);
        let wanted = trainer(&validation, 3).fit(&mut whole, &MseLoss::new(), &train).unwrap();
        for stop in 1..3 * STEPS_AN_EPOCH {
            let folder = tempfile::tempdir().unwrap();
            let mut first = network(1);
            let half = trainer(&validation, 3)
                .callback(Steps(stop))
                .checkpoints(Checkpoints::new(folder.path()))
                .fit(&mut first, &MseLoss::new(), &train)
                .unwrap();
            assert_eq!(half.epochs.len(), (stop - 1) / STEPS_AN_EPOCH);
            // Other start values and another number of threads: the checkpoint alone counts.
            let mut second = network(2);
            let history = trainer(&validation, 3)
                .threads(2)
                .resume(Checkpoint::read(&newest(folder.path())).unwrap())
                .fit(&mut second, &MseLoss::new(), &train)
                .unwrap();
            assert_eq!(figures(&history), figures(&wanted), "stopped after step {stop}");
            assert!(bits(&second) == bits(&whole), "stopped after step {stop}");
        }
    }
}

/// Makes of a checkpoint one of the time before loss, optimiser, schedule and step options were kept in it.
fn forget_settings(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let (length, rest) = bytes.split_at(8);
    let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let text = &mut header["__metadata__"]["limpide"];
    let mut note: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    for field in ["loss", "optimizer", "schedule", "step"] {
        note["run"].as_object_mut().unwrap().remove(field);
    }
    *text = note.to_string().into();
    let mut header = header.to_string();
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_run_goes_on_with_its_own_loss_optimizer_schedule_and_step_options_alone() {
    let (train, validation) = data();
    let sgd = |lr: f64, decay: f64| Optimizer::from(Sgd::new(lr).unwrap().weight_decay(decay));
    let (lookahead, slower) = (Lookahead { k: 4, alpha: 0.5 }, Lookahead { k: 4, alpha: 0.25 });
    let halving = |gamma: f64| Schedule::Step(StepLr { step_size: 2, gamma });
    let own = || sgd(0.3, 0.01).lookahead(lookahead);
    let trainer = |optimizer: Optimizer<f32>| Trainer::new(optimizer).batch_size(16).validation(&validation);
    let folder = tempfile::tempdir().unwrap();
    let usual = |optimizer| trainer(optimizer).schedule(halving(0.5)).clip_grad_norm(0.5).ema(0.9);
    let begun = usual(own()).epochs(1).checkpoints(Checkpoints::new(folder.path()));
    begun.fit(&mut network(1), &MseLoss::new(), &train).unwrap();
    let path = newest(folder.path());
    let go_on = |trainer: Trainer<'_, f32>, loss: MseLoss| {
        let trainer = trainer.epochs(2).resume(Checkpoint::read(&path).unwrap());
        trainer.fit(&mut network(1), &loss, &train).map_err(|error| error.to_string())
    };
    let other = [
        (
            go_on(usual(sgd(0.1, 0.01).lookahead(lookahead)), MseLoss::new()),
            "optimizer Sgd(0.3).weight_decay(0.01).lookahead(Lookahead { k: 4, alpha: 0.5 }) there, \
             Sgd(0.1).weight_decay(0.01).lookahead(Lookahead { k: 4, alpha: 0.5 }) here",
        ),
        (go_on(usual(sgd(0.3, 0.02).lookahead(lookahead)), MseLoss::new()), "Sgd(0.3).weight_decay(0.02).lookahead"),
        (go_on(usual(sgd(0.3, 0.01).lookahead(slower)), MseLoss::new()), "alpha: 0.25 }) here"),
        (
            go_on(usual(own()).schedule(halving(0.25)), MseLoss::new()),
            r#"schedule {"gamma":0.5,"step_size":2,"type":"StepLR"} there, {"gamma":0.25,"step_size":2,"type":"StepLR"} here"#,
        ),
        (
            go_on(usual(own()).clip_grad_norm(1.5), MseLoss::new()),
            r#"step {"clip_grad_norm":0.5,"ema":0.9} there, {"clip_grad_norm":1.5,"ema":0.9} here"#,
        ),
        (go_on(usual(own()).ema(0.99), MseLoss::new()), r#"{"clip_grad_norm":0.5,"ema":0.99} here"#),
        (go_on(usual(own()), MseLoss::new().reduction(Reduction::Sum)), "loss MseLoss(Mean) there, MseLoss(Sum) here"),
    ];
    for (result, wanted) in other {
        let error = result.unwrap_err();
        assert!(error.contains("is of another run: ") && error.contains(wanted), "{error}, wanted {wanted}");
    }
    assert_eq!(go_on(usual(own()), MseLoss::new()).unwrap().epochs.len(), 2);
    // A checkpoint that does not say goes on as it did.
    forget_settings(&path);
    assert_eq!(go_on(usual(sgd(0.1, 0.02).lookahead(slower)), MseLoss::new()).unwrap().epochs.len(), 2);
}

/// A schedule as long as the run is another curve for more epochs, but not another setting.
#[test]
fn more_epochs_go_on_under_a_schedule_as_long_as_the_run() {
    let (train, validation) = data();
    let folder = tempfile::tempdir().unwrap();
    let cosine = || Schedule::Cosine(CosineAnnealingLr::default());
    let first = trainer(&validation, 1).schedule(cosine()).checkpoints(Checkpoints::new(folder.path()));
    first.fit(&mut network(1), &MseLoss::new(), &train).unwrap();
    let second = trainer(&validation, 3).schedule(cosine()).resume(Checkpoint::read(&newest(folder.path())).unwrap());
    assert_eq!(second.fit(&mut network(1), &MseLoss::new(), &train).unwrap().epochs.len(), 3);
}

#[test]
fn a_finished_run_has_nothing_left_to_do_and_more_epochs_go_on() {
    let (train, validation) = data();
    let folder = tempfile::tempdir().unwrap();
    let run = |epochs: usize, seed: u64| {
        let mut network = network(seed);
        let newest = Checkpoints::newest(folder.path()).unwrap();
        let trainer = trainer(&validation, epochs).checkpoints(Checkpoints::new(folder.path()));
        let trainer = match newest {
            Some(path) => trainer.resume(Checkpoint::read(&path).unwrap()),
            None => trainer,
        };
        let history = trainer.fit(&mut network, &MseLoss::new(), &train).unwrap();
        (history.epochs.len(), bits(&network))
    };
    let two = run(2, 1);
    assert_eq!(run(2, 5), two);
    let four = run(4, 5);
    assert_eq!(four.0, 4);
    let mut whole = network(1);
    trainer(&validation, 4).fit(&mut whole, &MseLoss::new(), &train).unwrap();
    assert_eq!(four.1, bits(&whole));
}

/// Notes the weights of every epoch.
struct Weights<'a>(&'a mut Vec<(f64, Vec<u32>)>);

impl Callback<f32> for Weights<'_> {
    fn on_epoch(&mut self, epoch: &Epoch, network: &dyn Module<f32>) -> Result<Flow> {
        self.0.push((epoch.validation.unwrap().loss, bits(network)));
        Ok(Flow::Continue)
    }
}

#[test]
fn early_stopping_gives_the_weights_of_the_best_epoch_resumed_or_not() {
    let (train, validation) = data();
    // A rate at which the loss goes up and down.
    let trainer = || Trainer::new(Sgd::new(0.3).unwrap()).epochs(60).batch_size(8).seed(2).validation(&validation);
    let stopping = || EarlyStopping::default().patience(4);
    let mut seen = Vec::new();
    let mut whole = network(3);
    let history =
        trainer().callback(Weights(&mut seen)).callback(stopping()).fit(&mut whole, &MseLoss::new(), &train).unwrap();
    let losses: Vec<f64> = seen.iter().map(|(loss, _)| *loss).collect();
    let best = (0..seen.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
    assert_eq!(history.epochs.len(), best + 1 + 4, "{losses:?}");
    assert!(history.epochs.len() < 60);
    assert!(bits(&whole) == seen[best].1, "the weights are not those of epoch {}", best + 1);
    assert!(seen[best].1 != seen.last().unwrap().1);

    // Stopped after the best epoch, whose weights are then in the checkpoint alone.
    let folder = tempfile::tempdir().unwrap();
    let steps = train.len().div_ceil(8) * (best + 2) + 3;
    let checkpoints = || Checkpoints::new(folder.path());
    let first = trainer().callback(Steps(steps)).callback(stopping()).checkpoints(checkpoints());
    first.fit(&mut network(3), &MseLoss::new(), &train).unwrap();
    let go_on = |network: &mut Sequential<f32>| {
        let checkpoint = Checkpoint::read(&newest(folder.path())).unwrap();
        let trainer = trainer().callback(stopping()).checkpoints(checkpoints()).resume(checkpoint);
        trainer.fit(network, &MseLoss::new(), &train).unwrap()
    };
    let mut second = network(4);
    assert_eq!(figures(&go_on(&mut second)), figures(&history));
    assert!(bits(&second) == bits(&whole));
    // The run has been ended by a callback: going on once more trains nothing.
    let mut third = network(5);
    assert_eq!(figures(&go_on(&mut third)), figures(&history));
    assert!(bits(&third) == bits(&whole));
}

#[test]
fn a_figure_that_is_not_measured_cannot_stop_a_run() {
    let (train, _) = data();
    let trainer = Trainer::new(Sgd::new(0.1).unwrap()).callback(EarlyStopping::default());
    let error = trainer.fit(&mut network(1), &MseLoss::new(), &train).unwrap_err().to_string();
    let wanted = "EarlyStopping: metric must be a figure that the run measures (train_loss), got validation_loss";
    assert_eq!(error, wanted);
}

#[test]
fn the_last_two_stay_and_the_best_when_it_is_wanted() {
    let (train, validation) = data();
    let folder = tempfile::tempdir().unwrap();
    let options = CheckpointOptions { keep_best: Some(Metric::ValidationLoss), min_seconds: 0.0, ..Default::default() };
    let mut seen = Vec::new();
    Trainer::new(Sgd::new(0.3).unwrap())
        .epochs(60)
        .batch_size(8)
        .seed(2)
        .validation(&validation)
        .callback(Weights(&mut seen))
        .callback(EarlyStopping::default().patience(4))
        .checkpoints(Checkpoints::new(folder.path()).options(options))
        .fit(&mut network(3), &MseLoss::new(), &train)
        .unwrap();
    let step = |epochs: usize| format!("step-{:010}.safetensors", epochs * train.len().div_ceil(8));
    assert_eq!(names(folder.path()), ["best.safetensors".into(), step(seen.len() - 1), step(seen.len())]);
    let best = (0..seen.len()).min_by(|&a, &b| seen[a].0.total_cmp(&seen[b].0)).unwrap();
    assert!(best + 1 < seen.len(), "a last epoch that is the best shows nothing");
    let checkpoint = Checkpoint::read(&folder.path().join("best.safetensors")).unwrap();
    assert_eq!(checkpoint.history().epochs.len(), best + 1);
    let mut network = network(1);
    Trainer::new(Sgd::new(0.3).unwrap())
        .epochs(best + 1)
        .batch_size(8)
        .seed(2)
        .resume(checkpoint)
        .fit(&mut network, &MseLoss::new(), &train)
        .unwrap();
    assert!(bits(&network) == seen[best].1);
}

#[test]
fn a_loss_that_is_no_number_leaves_the_last_good_checkpoint() {
    let (train, validation) = data();
    let folder = tempfile::tempdir().unwrap();
    // A rate at which the network overflows after some steps.
    let trainer = Trainer::new(Sgd::new(2.0).unwrap()).epochs(500).batch_size(16).seed(9).validation(&validation);
    let mut linear = Sequential::<f32>::new().push(Linear::new(2, 8)).push(Linear::new(8, 1)).seed(1);
    let checkpoints = Checkpoints::new(folder.path()).options(every_step());
    let error = trainer.checkpoints(checkpoints).fit(&mut linear, &MseLoss::new(), &train).unwrap_err();
    let Error::NotFinite { epoch, step, .. } = &error else { panic!("{error}") };
    let checkpoint = Checkpoint::read(&newest(folder.path())).unwrap();
    assert_eq!(checkpoint.steps() as usize, (epoch - 1) * STEPS_AN_EPOCH + step - 1);
}

/// A disk of 64 KiB, unmounted at the end.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// None where this user may not mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "none"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(SmallDisk(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_leaves_the_last_checkpoint_whole() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a full disk, as this user may not mount one");
        return;
    };
    let (train, validation) = data();
    let run = |epochs: usize, resume: Option<PathBuf>| {
        let mut network = network(1);
        let options = CheckpointOptions { min_seconds: 0.0, keep_last: 1, ..Default::default() };
        let checkpoints = Checkpoints::new(disk.0.path().join("checkpoints")).options(options);
        let trainer = trainer(&validation, epochs).checkpoints(checkpoints);
        let trainer = match resume {
            Some(path) => trainer.resume(Checkpoint::read(&path).unwrap()),
            None => trainer,
        };
        trainer.fit(&mut network, &MseLoss::new(), &train).map(|_| bits(&network))
    };
    run(2, None).unwrap();
    let folder = disk.0.path().join("checkpoints");
    let (before, bytes) = (names(&folder), fs::read(newest(&folder)).unwrap());
    // Fills the disk to the last byte.
    let filler = disk.0.path().join("filler");
    fs::write(&filler, vec![0; 1 << 20]).unwrap_err();
    let message = run(4, Some(newest(&folder))).unwrap_err().to_string();
    assert!(message.contains("No space left on device"), "{message}");
    assert_eq!((names(&folder), fs::read(newest(&folder)).unwrap()), (before, bytes));

    fs::remove_file(filler).unwrap();
    let mut whole = network(1);
    trainer(&validation, 4).fit(&mut whole, &MseLoss::new(), &train).unwrap();
    assert_eq!(run(4, Some(newest(&folder))).unwrap(), bits(&whole));
}

#[test]
fn a_log_of_a_run_that_goes_on_has_every_epoch_once() {
    let (train, validation) = data();
    let folder = tempfile::tempdir().unwrap();
    let (csv, json) = (folder.path().join("history.csv"), folder.path().join("history.jsonl"));
    let checkpoints = folder.path().join("checkpoints");
    let run = |network: &mut Sequential<f32>, stop: usize, resume: bool| {
        let trainer = trainer(&validation, 4)
            .callback(LineLog::csv(&csv))
            .callback(LineLog::json(&json))
            .callback(Steps(stop))
            .checkpoints(Checkpoints::new(&checkpoints));
        let trainer = if resume { trainer.resume(Checkpoint::read(&newest(&checkpoints)).unwrap()) } else { trainer };
        trainer.fit(network, &MseLoss::new(), &train).unwrap()
    };
    run(&mut network(1), 2 * STEPS_AN_EPOCH + 1, false);
    // A line of an epoch that the checkpoint does not know, as a kill between log and checkpoint leaves it.
    fs::write(&csv, fs::read_to_string(&csv).unwrap() + "3,0.1,,0.2,,0.3,0\n").unwrap();
    let history = run(&mut network(1), 1000, true);
    let text = fs::read_to_string(&csv).unwrap();
    let mut lines = text.lines();
    let head = "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds";
    assert_eq!(lines.next(), Some(head));
    let objects = fs::read_to_string(&json).unwrap();
    for ((line, object), epoch) in lines.by_ref().zip(objects.lines()).zip(&history.epochs) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!([cells[0], cells[2], cells[4], cells[5]], [&epoch.number.to_string(), "", "", "0.3"]);
        assert_eq!(cells[1].parse::<f64>().unwrap(), epoch.train.loss);
        let object: serde_json::Value = serde_json::from_str(object).unwrap();
        assert_eq!(object["epoch"], epoch.number);
        assert_eq!(object["validation_loss"].as_f64(), epoch.validation.map(|score| score.loss));
        assert!(object.get("train_accuracy").is_none());
    }
    assert_eq!((history.epochs.len(), text.lines().count(), objects.lines().count()), (4, 5, 4));
}
