//! Descriptions and words that `limpide train` refuses, as a user meets it.

use super::{Place, SMALL, recipe, run};
use std::path::Path;

#[test]
fn what_is_wrong_in_a_description_is_told_with_its_place() {
    let place = Place::new();
    for (from, to, told) in [
        ("epochs = 2", "epoch = 2", &["line 1, column 1", "unknown field `epoch`", "did you mean `epochs`?"][..]),
        ("epochs = 2", "epochs = \"many\"", &["line 1, column 10", "wants a whole number from 0, got the text `many`"]),
        ("epochs = 2", "epochs = 0", &["epochs must be at least 1, got 0"]),
        ("epochs = 2", "epochs = 2\nepochs = 3", &["line 2", "duplicate key"]),
        ("epochs = 2", "", &["the field `epochs` is missing"]),
        ("epochs = 2", "epochs = 2\nbatch_size = 0", &["batch_size must be at least 1, got 0"]),
        ("epochs = 2", "epochs = 2\nthreads = 0", &["threads must be from 1 to 1024, got 0"]),
        ("[[layers]]", "[checkpoints]\nkeep_last = 0\n[[layers]]", &["Checkpoints: keep_last must be at least 1"]),
        ("\"moons\"", "\"mnits\"", &["line 3", "unknown value `mnits`", "did you mean `mnist`?"]),
        ("noise = 0.1", "nose = 0.1", &["unknown field `nose`", "did you mean `noise`?"]),
        ("noise = 0.1", "noise = -1", &["moons: noise"]),
        ("noise = 0.1", "noise = 0.1\nshape = [3]", &["sample shape must be 2 numbers"]),
        ("noise = 0.1", "noise = 0.1\ntargets = \"hot\"", &["unknown value `hot`", "did you mean `one-hot`?"]),
        ("\"SGD\"", "\"SDG\"", &["there is no optimizer `SDG`; did you mean `SGD`?", "AdamW"]),
        ("lr = 0.1", "lr = -1", &["SGD: lr"]),
        ("lr = 0.1", "lr = 0.1\nmomentun = 0.9", &["unknown field `momentun`", "did you mean `momentum`?"]),
        ("\"CrossEntropyLoss\"", "\"CrossEntropy\"", &["there is no loss `CrossEntropy`", "`CrossEntropyLoss`"]),
        (
            "\"CrossEntropyLoss\"",
            "\"MSELoss\"",
            &["MseLoss(Mean) takes target values", "use a loss over classes such as CrossEntropyLoss"],
        ),
        ("out_features = 2", "out_features = 1", &["over one class", "give the network one output a class"]),
        ("\"Linear\"", "\"Liner\"", &["there is no layer type `Liner`; did you mean `Linear`?"]),
        ("in_features = 2", "in_features = 3", &["layer 0: Linear(3, 2) wants (n, 3), got (60, 2)"]),
        ("[[layers]]", "[test]\n[[layers]]", &["asks for a test", "split.test"]),
        ("[[layers]]", "[early_stopping]\npatience = 0\n[[layers]]", &["EarlyStopping: patience must be at least 1"]),
        ("[[layers]]", "[step]\nl1 = -1\n[[layers]]", &["l1 must be a finite number above 0, or left out, got -1"]),
        ("[[layers]]", "[step]\nema = 1\n[[layers]]", &["EMA: decay must be from 0 to below 1"]),
        (
            "[[layers]]",
            "[schedule]\ntype = \"OneCycleLR\"\nmax_lr = 0.1\n[[layers]]",
            &["OneCycleLR: cycle_momentum must be false with Sgd(0.1), or its momentum above 0"],
        ),
        (
            "epochs = 2",
            "epochs = 2\ninit = { type = \"normal\", std = -1 }",
            &["init: normal: std must be a finite number, 0 or more, got -1"],
        ),
        ("[[layers]]", "[[layer]]", &["unknown field `layer`", "did you mean `layers`?"]),
    ] {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL);
        let ran = run("train", &place.file(&text), &format!("--out {}", place.path("refused")));
        ran.is_refused_with(told);
        let message: Vec<&str> = ran.stderr.lines().filter(|line| !line.contains("debug build")).collect();
        assert_eq!(message.len(), 1, "one line: {message:?}");
        assert!(!Path::new(&place.path("refused")).exists(), "{to}: a folder was made");
    }
}

#[test]
fn what_is_wrong_on_the_command_line_is_told() {
    let place = Place::new();
    let file = place.file(SMALL);
    for (words, told) in [
        ("--set epochs", "wants key=value"),
        ("--set epochs=many", "--set epochs=many: wants a whole number from 0, got the text `many`"),
        ("--set optimizer.lr=nan", "--set optimizer.lr=nan: wants a number, got nan"),
        ("--set mixup=0.2", "wants a table such as { alpha = 0.2 }, got 0.2"),
        ("--set schedule=StepLR", "wants a table such as { type = \"StepLR\", step_size = 10 }"),
        ("--set data.limit=0", "data.limit must be at least 1"),
        ("--set early_stopping.metric=val_loss", "did you mean `validation_loss`?"),
        ("--range-test rates.png", "--range-test must be a name that ends in .html, got rates.png"),
        ("--set epoch=3", "did you mean `epochs`?"),
        ("--set layers.4.out_features=3", "no item 4"),
        ("--threads 0", "--threads"),
        ("--data no/such/folder", "no/such/folder"),
    ] {
        run("train", &file, words).is_refused_with(&[told]);
    }
    run("train", &place.path("none.toml"), "").is_refused_with(&["has no none.toml, but "]);
    run("resume", &place.path("none"), "").is_refused_with(&["is not the folder of a run"]);
    run("eval", &place.path("none"), "").is_refused_with(&["is not the folder of a run"]);
    run("train", &recipe("mnist-dense"), "").is_refused_with(&["limpide data fetch mnist"]);
}

#[test]
fn what_no_machine_has_room_for_is_refused_before_any_work() {
    let place = Place::new();
    let file = place.file(SMALL);
    for (setting, words) in [
        ("threads=40000", &["threads must be from 1 to 1024, got 40000"][..]),
        ("data.samples=1000000000000", &["data.samples must be from 1 to", "got 1000000000000"]),
        ("data.samples=0", &["data.samples must be from 1 to", "got 0"]),
        ("test={min_accuracy=95} split.test=0.2", &["test.min_accuracy must be a share from 0 to 1, got 95"]),
    ] {
        let words_set: Vec<String> = setting.split(' ').map(|one| format!("--set {one}")).collect();
        run("train", &file, &format!("--dry-run {}", words_set.join(" "))).is_refused_with(words);
    }
}
