//! Checkpoints that are not for a run, and folders that a run does not write to.

use super::*;

#[test]
fn a_checkpoint_without_the_states_that_a_run_wants_is_refused() {
    let (train, validation) = data();
    let folder = tempfile::tempdir().unwrap();
    let options = trainer(&validation, 1).checkpoints(Checkpoints::new(folder.path()));
    options.fit(&mut network(1), &MseLoss::new(), &train).unwrap();
    let refusal = |trainer: Trainer<'_, f32>| {
        let trainer = trainer.resume(Checkpoint::read(&newest(folder.path())).unwrap());
        trainer.fit(&mut network(1), &MseLoss::new(), &train).unwrap_err().to_string()
    };
    let error = refusal(with_plateau(&validation, 2));
    assert!(error.ends_with("is of another run: without a schedule there, with one here"), "{error}");
    let error = refusal(trainer(&validation, 2).ema(0.9));
    assert!(error.ends_with("is of another run: without an average of the parameters there, with one here"), "{error}");
    // One that does not say what moved it is held against the state alone.
    forget_settings(&newest(folder.path()));
    let momentum = Trainer::new(Sgd::new(0.3).unwrap().momentum(0.9)).epochs(2).batch_size(16).seed(9);
    let error = refusal(momentum);
    assert!(error.contains("the state does not fit Sgd(0.3).momentum(0.9): "), "{error}");
    assert!(error.contains("0.weight.momentum_buffer is missing"), "{error}");
}
/// A folder with the checkpoint of two epochs.
fn two_epochs() -> tempfile::TempDir {
    let (train, validation) = data();
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path()).options(every_step());
    trainer(&validation, 2).checkpoints(checkpoints).fit(&mut network(1), &MseLoss::new(), &train).unwrap();
    folder
}

#[test]
fn a_checkpoint_of_another_model_or_run_is_refused_with_what_differs() {
    let folder = two_epochs();
    let (train, validation) = data();
    let refusal = |trainer: Trainer<f32>, network: &mut Sequential<f32>| {
        let before = bits(network);
        let trainer = trainer.resume(Checkpoint::read(&newest(folder.path())).unwrap());
        let error = trainer.fit(network, &MseLoss::new(), &train).unwrap_err();
        assert!(bits(network) == before && matches!(error, Error::Data { .. }), "{error}");
        error.to_string()
    };
    let mut wide = Sequential::new().push(Linear::new(2, 9)).push(Tanh).push(Linear::new(9, 1).without_bias());
    let message = refusal(trainer(&validation, 4), &mut wide);
    let wanted = "is of another model: 0.weight wants (9, 2), got (8, 2); 0.bias wants (9,), got (8,); 2.weight wants \
                  (1, 9), got (1, 8); 2.bias (1,) is extra";
    assert!(message.ends_with(wanted), "{message}");
    let mut other = Sequential::new().push(Linear::new(2, 8)).push(Relu).push(Linear::new(8, 1));
    let message = refusal(trainer(&validation, 4), &mut other);
    assert!(message.contains("it has Sequential(Linear(2, 8), Tanh, Linear(8, 1)), and this network is"), "{message}");
    let message = refusal(trainer(&validation, 4).batch_size(20).seed(1), &mut network(1));
    assert!(message.ends_with("is of another run: batch_size 16 there, 20 here; seed 9 there, 1 here"), "{message}");

    let mut double = Sequential::<f64>::new().push(Linear::new(2, 8)).push(Tanh).push(Linear::new(8, 1));
    let data = regression::<f64>(70, -1.0..1.0, 1).unwrap();
    let error = Trainer::new(Sgd::new(0.1).unwrap())
        .resume(Checkpoint::read(&newest(folder.path())).unwrap())
        .fit(&mut double, &MseLoss::new(), &data)
        .unwrap_err();
    assert!(error.to_string().ends_with("holds f32 numbers, and this network has f64"), "{error}");
}

#[test]
fn a_damaged_or_newer_checkpoint_is_refused() {
    let folder = two_epochs();
    let path = newest(folder.path());
    let whole = fs::read(&path).unwrap();
    let refusal = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        Checkpoint::read(&path).unwrap_err().to_string()
    };
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        assert!(refusal(&whole[..length]).contains("is not a whole safetensors file"), "cut at {length}");
    }
    let place = whole.windows(12).position(|bytes| bytes == br#"\"version\":1"#.as_slice().get(..12).unwrap()).unwrap();
    let mut newer = whole.clone();
    newer[place + 12] = b'7';
    let message = refusal(&newer);
    assert!(message.contains("is a checkpoint of version 7, and this limpide reads up to 1"), "{message}");
}

#[test]
fn a_new_run_does_not_write_over_an_old_one_and_two_do_not_share_a_folder() {
    let folder = two_epochs();
    let (train, validation) = data();
    let before = names(folder.path());
    let start = |resume: bool| {
        let trainer = trainer(&validation, 4).checkpoints(Checkpoints::new(folder.path()));
        let newest = newest(folder.path());
        let trainer = if resume { trainer.resume(Checkpoint::read(&newest).unwrap()) } else { trainer };
        trainer.fit(&mut network(1), &MseLoss::new(), &train)
    };
    let message = start(false).unwrap_err().to_string();
    assert!(message.contains("is a checkpoint of an earlier run"), "{message}");
    assert_eq!(names(folder.path()), before);

    let mut messages = Vec::new();
    trainer(&validation, 4)
        .checkpoints(Checkpoints::new(folder.path()))
        .resume(Checkpoint::read(&newest(folder.path())).unwrap())
        .on_epoch(|_, _| {
            messages.push(start(true).unwrap_err().to_string());
            Flow::Continue
        })
        .fit(&mut network(1), &MseLoss::new(), &train)
        .unwrap();
    assert!(messages.iter().all(|message| message.contains("is in use by another run")), "{messages:?}");
    assert_eq!(messages.len(), 2);
}
