//! `limpide train`, `resume` and `eval` as a user runs them.

mod arrays;
mod changed;
mod divided;
mod files;
mod forms;
mod names;
mod refused;
mod scores;
mod shell;
mod start;
mod tables;

use shell::{Ran, limpide, limpide_with};
use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn recipe(name: &str) -> String {
    root().join(format!("recipes/{name}.toml")).to_str().unwrap().to_string()
}

/// `limpide COMMAND PATH` with more words.
fn run(command: &str, path: &str, words: &str) -> Ran {
    limpide_with(&[&[command, path], &words.split_whitespace().collect::<Vec<_>>()[..]].concat())
}

/// A folder for runs and descriptions.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_string()
    }

    /// A description in a file.
    fn file(&self, text: &str) -> String {
        let path = self.path("own.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// Trains and expects success.
    fn train(&self, file: &str, out: &str, words: &str) -> Ran {
        let ran = run("train", file, &format!("--out {} {words}", self.path(out)));
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        ran
    }
}

const SMALL: &str = r#"epochs = 2

[data]
name = "moons"
samples = 60
noise = 0.1

[loss]
name = "CrossEntropyLoss"

[optimizer]
type = "SGD"
lr = 0.1

[[layers]]
type = "Linear"
in_features = 2
out_features = 2
"#;

#[test]
fn a_recipe_reaches_what_it_asks_for_and_leaves_a_whole_folder() {
    let place = Place::new();
    let json = place.train(&recipe("moons"), "moons", "--json").json();
    assert_eq!((&json["seed"], &json["interrupted"], &json["passed"]), (&1.into(), &false.into(), &true.into()));
    assert!(json["test"]["accuracy"].as_f64() >= Some(0.95), "{json}");
    let history = fs::read_to_string(place.path("moons/history.csv")).unwrap();
    assert_eq!(history.lines().count() as u64, json["epochs"].as_u64().unwrap() + 1);
    for file in ["run.toml", "model.safetensors", "result.json", "checkpoints"] {
        assert!(Path::new(&place.path(&format!("moons/{file}"))).exists(), "{file}");
    }
}

#[test]
fn the_description_in_the_folder_is_complete_and_gives_the_same_run() {
    let place = Place::new();
    place.train(&place.file(SMALL), "first", "--set seed=7 --set optimizer.lr=0.2");
    let text = fs::read_to_string(place.path("first/run.toml")).unwrap();
    for line in
        ["seed = 7", "lr = 0.2", "momentum = 0.0", "batch_size = 32", "keep_last = 2", "csv = true", "bias = true"]
    {
        assert!(text.lines().any(|own| own == line), "wants the line {line} in\n{text}");
    }
    place.train(&place.path("first/run.toml"), "second", "");
    let [first, second] =
        ["first", "second"].map(|run| fs::read(place.path(&format!("{run}/model.safetensors"))).unwrap());
    assert!(first == second);
    assert_eq!(fs::read_to_string(place.path("second/run.toml")).unwrap(), text);
}

#[test]
fn threads_change_nothing_and_a_seed_does() {
    let place = Place::new();
    let file = place.file(SMALL);
    let model = |out: &str, words: &str| {
        place.train(&file, out, words);
        fs::read(place.path(&format!("{out}/model.safetensors"))).unwrap()
    };
    let one = model("one", "--threads 1");
    assert!(one == model("two", "--threads 2"));
    assert!(one != model("three", "--set seed=2"));
}

#[test]
fn a_dry_run_says_what_would_happen_and_leaves_nothing() {
    let place = Place::new();
    let out = place.path("none");
    let ran = run("train", &recipe("digits"), &format!("--dry-run --out {out}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for words in
        ["train 1258, validation 180, test 359", "Linear(64, 64)", "AdamW(0.003)", "at most 100, 40 steps each"]
    {
        assert!(ran.stdout.contains(words), "wants {words} in\n{}", ran.stdout);
    }
    assert!(!Path::new(&out).exists());
}

#[test]
fn what_is_wrong_with_a_set_up_is_said_with_advice() {
    let place = Place::new();
    let softmax = SMALL.to_string() + "\n[[layers]]\ntype = \"Softmax\"\n";
    let relu = SMALL.to_string() + "\n[[layers]]\ntype = \"ReLU\"\n";
    let ran = place.train(&place.file(&relu), "relu", "--json");
    assert!(ran.stderr.contains("limpide: warning: layer 1, Relu"), "{}", ran.stderr);
    assert_eq!(ran.json()["findings"][0]["severity"], "warning");
    // What cannot do what it should is not trained.
    for (file, words, told) in [
        (place.file(&softmax), "", "limpide: error: layer 1, Softmax(-1): softmax is taken twice"),
        (recipe("regression"), "--set loss.name=CrossEntropyLoss", "over one class every probability is 1"),
        (recipe("regression"), "--set loss.name=FocalLoss", "over one class every probability is 1"),
        (recipe("regression"), "--set loss.name=BCEWithLogitsLoss", "or MSELoss for values"),
    ] {
        for more in ["", "--dry-run"] {
            let ran = run("train", &file, &format!("--out {} {words} {more}", place.path("hopeless")));
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{words}: {}", ran.stderr);
            assert!(ran.stderr.contains(told), "wants {told} in {}", ran.stderr);
            assert!(!Path::new(&place.path("hopeless")).exists(), "{words}");
        }
    }
}

#[test]
fn what_came_of_a_run_is_told_at_its_end() {
    let place = Place::new();
    let words = "--set epochs=20 --set split.validation=0.3 --set data.samples=200";
    let slow = place.train(&place.file(SMALL), "slow", &format!("{words} --set optimizer.lr=1e-6"));
    assert!(slow.stderr.contains("raise the learning rate (--set optimizer.lr=…)"), "{}", slow.stderr);
    // Trained for long, a linear network gets no better: patience runs out, and the figures are of one network.
    let words = "--set epochs=500 --set split.validation=0.3 --set early_stopping={patience=2} --set optimizer.lr=3";
    let stopped = place.train(&place.file(SMALL), "stopped", words);
    let json = run("resume", &place.path("stopped"), "--json").json();
    let (epochs, weights) = (json["epochs"].as_u64().unwrap(), json["weights"].as_u64().unwrap());
    assert_eq!(epochs, weights + 2);
    let told =
        [format!("stopped early after {epochs} of 500 epochs"), format!(", with the weights of epoch {weights}")];
    let page = fs::read_to_string(place.path("stopped/report.html")).unwrap();
    assert!(page.contains(&told.concat()));
    assert!(told.iter().all(|told| stopped.stdout.contains(told)), "wants {told:?} in {}", stopped.stdout);
    let history = fs::read_to_string(place.path("stopped/history.csv")).unwrap();
    let row: Vec<&str> = history.lines().nth(weights as usize).unwrap().split(',').collect();
    assert!(row.contains(&json["train"]["loss"].to_string().as_str()), "{} in {row:?}", json["train"]);
}

/// One cell of a column of a thousand: with its name, its row and the value as it stands in the file.
#[test]
fn a_slip_of_the_pen_is_told_before_training() {
    let place = Place::new();
    let rows: Vec<String> = (0..1000)
        .map(|i| {
            let a = if i == 500 { "1e9".into() } else { (i % 7).to_string() };
            format!("{},{a},{}\n", i % 11, (i % 7) as f64 + 0.1 * (i % 3) as f64 + if i == 20 { 1e6 } else { 0.0 })
        })
        .collect();
    fs::write(place.path("slip.csv"), format!("b,a,y\n{}", rows.concat())).unwrap();
    let words = "--target y --set epochs=1 --set split.validation=0.001 --set split.test=0";
    let ran = place.train(&place.path("slip.csv"), "slip", words);
    for told in ["a = 1e9 in row 501 is", "y = 1e6 in row 21 is"] {
        assert!(ran.stderr.contains(told), "wants {told} in {}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches("standard deviations from the mean").count(), 2, "{}", ran.stderr);
}

#[test]
fn augmentation_mixup_and_standardisation_are_parts_of_a_description() {
    let place = Place::new();
    let text = r#"epochs = 1
data = { name = "digits", limit = 200, standardize = "feature" }
loss = { name = "CrossEntropyLoss" }
optimizer = { type = "SGD", lr = 0.05 }
split = { validation = 0.2 }
layers = [{ type = "Flatten" }, { type = "Linear", in_features = 64, out_features = 10 }]
"#;
    let extra = "mixup = { alpha = 0.4 }\naugmentation = [{ type = \"RandomAffine\", translate = [-0.2, 0.2] }]\n";
    let file = place.file(&(text.to_string() + extra));
    let both = place.train(&file, "both", "--json").json();
    let written = fs::read_to_string(place.path("both/run.toml")).unwrap();
    for line in ["[[augmentation]]", "translate = [-0.2, 0.2]", "degrees = [0.0, 0.0]", "standardize = \"feature\""] {
        assert!(written.lines().any(|own| own == line), "wants the line {line} in\n{written}");
    }
    // What is scored is neither augmented nor mixed, but standardised.
    let eval = run("eval", &place.path("both"), "--json");
    assert_eq!(eval.json()["loss"], both["validation"]["loss"], "{}", eval.stderr);
    let plain = place.train(&place.file(text), "plain", "--json").json();
    assert_ne!(plain["train"]["loss"], both["train"]["loss"]);
    let flat = text.replace("limit = 200", "limit = 200, shape = [64]");
    let refused = run("train", &place.file(&(flat + extra)), &format!("--out {}", place.path("flat")));
    refused.is_refused_with(&["augmentation wants images (n, c, h, w)", "Flatten"]);
    assert!(!Path::new(&place.path("flat")).exists());
}

#[test]
fn a_model_by_name_is_written_out_in_the_folder() {
    let place = Place::new();
    let text = r#"epochs = 1
model = "report-autoencoder"
data = { name = "digits", shape = [64], targets = "inputs", limit = 100 }
loss = { name = "MSELoss" }
optimizer = { type = "Adam" }
split = { test = 0.5 }
test = { max_loss = 1.0 }
logging = { json = true, tensorboard = true }
"#;
    let json = place.train(&place.file(text), "auto", "--json").json();
    assert!(json["test"]["loss"].as_f64() < Some(1.0) && json["test"]["accuracy"].is_null(), "{json}");
    let written = fs::read_to_string(place.path("auto/run.toml")).unwrap();
    assert!(written.contains("type = \"AutoEncoder\"") && !written.contains("report-autoencoder"), "{written}");
    assert_eq!(fs::read_to_string(place.path("auto/history.jsonl")).unwrap().lines().count(), 1);
    assert_eq!(fs::read_dir(place.path("auto/tensorboard")).unwrap().count(), 1);
}

#[test]
fn a_test_that_misses_exits_with_1_and_no_test_is_no_figure() {
    let place = Place::new();
    let file = place.file(SMALL);
    let words = format!("--set split.test=0.5 --set test.max_loss=0.0 --out {}", place.path("missed"));
    let ran = run("train", &file, &words);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("MISSES"), "{}", ran.stdout);
    assert!(place.train(&file, "untested", "--set split.test=0.5 --json").json()["test"].is_null());
}

#[test]
fn a_finished_run_is_scored_and_resumed_without_change() {
    let place = Place::new();
    let words = "--set split.validation=0.2 --set split.test=0.2 --set test.max_loss=9 --json";
    let trained = place.train(&place.file(SMALL), "run", words).json();
    let path = place.path("run");
    for (part, samples) in [("validation", 12), ("test", 12)] {
        let ran = run("eval", &path, &format!("--part {part} --json"));
        assert_eq!((&ran.json()["samples"], &ran.json()["loss"]), (&samples.into(), &trained[part]["loss"]));
    }
    let before = fs::read(place.path("run/model.safetensors")).unwrap();
    let resumed = run("resume", &path, "--json");
    assert_eq!((resumed.code, resumed.json()), (0, trained), "{}", resumed.stderr);
    assert!(fs::read(place.path("run/model.safetensors")).unwrap() == before);
}

#[test]
fn no_run_writes_over_another_or_over_other_files() {
    let place = Place::new();
    let file = place.file(SMALL);
    place.train(&file, "run", "");
    let before = fs::read(place.path("run/model.safetensors")).unwrap();
    let again = run("train", &file, &format!("--out {} --set seed=5", place.path("run")));
    again.is_refused_with(&["holds a run; `limpide resume"]);
    assert!(fs::read(place.path("run/model.safetensors")).unwrap() == before);
    fs::create_dir(place.path("photos")).unwrap();
    fs::write(place.path("photos/cat.png"), b"").unwrap();
    run("train", &file, &format!("--out {}", place.path("photos"))).is_refused_with(&["is not empty"]);
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused_and_stays() {
    let place = Place::new();
    place.train(&place.file(SMALL), "run", "--set checkpoints.keep_last=1");
    let checkpoints = place.path("run/checkpoints");
    let newest = fs::read_dir(&checkpoints).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| path.extension().is_some()).max().unwrap();
    let description = fs::read_to_string(place.path("run/run.toml")).unwrap();
    let (whole, model) = (fs::read(&newest).unwrap(), fs::read(place.path("run/model.safetensors")).unwrap());
    let resumed = |text: &str, bytes: &[u8]| {
        fs::write(place.path("run/run.toml"), text).unwrap();
        fs::write(&newest, bytes).unwrap();
        let ran = run("resume", &place.path("run"), "");
        assert!(fs::read(&newest).unwrap() == bytes && fs::read(place.path("run/model.safetensors")).unwrap() == model);
        ran
    };
    resumed(&description, &whole[..whole.len() - 3]).is_refused_with(&["is not a whole safetensors file"]);
    let wider = description.replace("out_features = 2", "out_features = 3");
    resumed(&wider, &whole).is_refused_with(&["is of another model", "0.weight wants (3, 2), got (2, 2)"]);
    let seeded = description.replace("seed = 1", "seed = 2");
    resumed(&seeded, &whole).is_refused_with(&["is of another run: seed 1 there, 2 here"]);
    let momentum = description.replace("momentum = 0.0", "momentum = 0.5");
    resumed(&momentum, &whole).is_refused_with(&["optimizer Sgd(0.1) there, Sgd(0.1).momentum(0.5) here"]);
    let faster = description.replace("lr = 0.1", "lr = 0.2");
    resumed(&faster, &whole).is_refused_with(&["is of another run: optimizer Sgd(0.1) there, Sgd(0.2) here"]);
    let smoothed = description.replace("label_smoothing = 0.0", "label_smoothing = 0.1");
    let wanted = "loss CrossEntropyLoss(Mean) there, CrossEntropyLoss(Mean).label_smoothing(0.1) here";
    resumed(&smoothed, &whole).is_refused_with(&[wanted]);
    let clipped = description.replace("[step]", "[step]\nclip_grad_norm = 0.5");
    resumed(&clipped, &whole).is_refused_with(&[r#"step {} there, {"clip_grad_norm":0.5} here"#]);
    fs::remove_file(place.path("run/model.safetensors")).unwrap();
    run("eval", &place.path("run"), "").is_refused_with(&["the run is not finished", "limpide resume"]);
}

#[test]
fn a_loss_that_is_no_number_names_the_last_good_checkpoint() {
    let place = Place::new();
    let text = SMALL.replace("lr = 0.1", "lr = 1e20").replace("CrossEntropyLoss\"", "MSELoss\"");
    let text = text.replace("noise = 0.1", "noise = 0.1\ntargets = \"one-hot\"");
    let words = "--set epochs=50 --set checkpoints.every_steps=1 --set checkpoints.min_seconds=0.0 --set batch_size=8";
    let ran = run("train", &place.file(&text), &format!("--out {} {words}", place.path("bad")));
    ran.is_refused_with(&["the loss became", "the last good checkpoint is", "step-00000"]);
}

#[test]
fn help_has_an_example() {
    let commands = subcommands("");
    assert!(["train", "sweep", "data", "data fetch"].iter().all(|own| commands.iter().any(|all| all == own)));
    for command in commands {
        let help = limpide(&format!("{command} --help")).stdout;
        let example = help.split_once("Example").is_some_and(|(_, end)| end.contains(&format!("limpide {command} ")));
        assert!(example, "{command}: {help}");
    }
}

/// Every command below this one, as its help lists them.
fn subcommands(above: &str) -> Vec<String> {
    let ran = limpide(&format!("{above} --help"));
    assert_eq!(ran.code, 0, "{above}: {}", ran.stderr);
    let listed = ran.stdout.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let all = names.map(|name| format!("{above} {name}").trim().to_string());
    all.flat_map(|command| [vec![command.clone()], subcommands(&command)].concat()).collect()
}

#[test]
fn inspect_shows_the_layers_and_the_plan() {
    let ran = run("inspect", &recipe("digits"), "--plan --json --set batch_size=32");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(shown["input"][0], 32);
    let layers = shown["layers"].as_array().unwrap();
    // Every layer is the work of one step, and the steps' bytes are those of the batch.
    let steps = shown["plan"].as_array().unwrap();
    let all: Vec<&str> = steps.iter().map(|step| step["modules"].as_str().unwrap()).collect();
    for layer in layers {
        let named = format!("{} {}", layer["name"].as_str().unwrap(), layer["module"].as_str().unwrap());
        assert_eq!(all.join(", ").matches(&named).count(), 1, "{named} in {all:?}");
    }
    let last = steps.last().unwrap();
    assert_eq!(last["bytes"], 32 * 10 * 4);
    let ran = run("inspect", &recipe("digits"), "--plan");
    assert!(ran.stdout.contains("layout") && ran.stdout.contains("FLOPs"), "{}", ran.stdout);
    assert_eq!(run("inspect", "nowhere.toml", "").code, 2);
    // A name in capitals is no other kind of file.
    let place = Place::new();
    fs::write(place.path("OWN.TOML"), SMALL).unwrap();
    let ran = run("inspect", &place.path("OWN.TOML"), "");
    assert!(ran.stdout.contains("Linear(2, 2)"), "{}{}", ran.stdout, ran.stderr);
}

/// A rate from the range test must be one that learns: far better than the first rate that was tried.
#[test]
fn a_range_test_draws_its_curve_and_suggests_a_rate_that_learns() {
    let place = Place::new();
    let (file, page) = (place.file(SMALL), place.path("rates.html"));
    let ran = run("train", &file, &format!("--range-test {page} --json"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let json = ran.json();
    let points: Vec<[f64; 2]> = serde_json::from_value(json["points"].clone()).unwrap();
    let factor = 1e7f64.powf(1.0 / 99.0);
    assert!(points[0][0] == 1e-6 && points.windows(2).all(|two| (two[1][0] / two[0][0] / factor - 1.0).abs() < 1e-9));
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("smoothed loss"), "{html}");
    let rate = json["suggestion"].as_f64().expect("the loss falls somewhere");
    let loss = |rate: f64| {
        let out = format!("rate-{rate}");
        let json = place.train(&file, &out, &format!("--json --set optimizer.lr={rate} --set epochs=5")).json();
        json["train"]["loss"].as_f64().unwrap()
    };
    assert!(loss(rate) < 0.8 * loss(1e-6), "{rate}");
    // A loss that is no number at the first rate already is told, and draws no page.
    let text =
        SMALL.replace("CrossEntropyLoss\"", "MSELoss\"").replace("noise = 0.1", "noise = 0.1\ntargets = \"one-hot\"");
    let text = text.replace("epochs = 2", "epochs = 2\ninit = { type = \"constant\", value = 1e38 }");
    let (endless, none) = (place.file(&text), place.path("none.html"));
    let ran = run("train", &endless, &format!("--range-test {none}"));
    ran.is_refused_with(&["the loss became inf at epoch 1, step 1"]);
    assert!(!Path::new(&none).exists());
    let file = place.file(SMALL);
    // Nothing is left behind but the page, and a page that cannot be written is told.
    assert!(run("train", &file, "--range-test x.html --dry-run").code == 2);
    run("train", &file, &format!("--range-test {}", place.path("no/where.html"))).is_refused_with(&["no/where.html"]);
}

#[test]
fn a_dry_run_counts_the_steps_that_a_run_takes() {
    let place = Place::new();
    let file = place.file(SMALL);
    for (words, steps) in [("", "2 steps each"), ("--set drop_last=true", "1 step each")] {
        let told = run("train", &file, &format!("--dry-run --set batch_size=40 {words}"));
        assert!(told.stdout.contains(steps), "{}{}", told.stdout, told.stderr);
    }
}

#[test]
fn a_damaged_checkpoint_is_told_and_the_one_before_it_taken() {
    let place = Place::new();
    let file = place.file(&format!("{SMALL}\n[checkpoints]\nmin_seconds = 0.0\n"));
    let whole = place.train(&file, "run", "--json").json();
    let mut all: Vec<_> = fs::read_dir(place.path("run/checkpoints")).unwrap().map(|own| own.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|end| end == "safetensors"));
    all.sort();
    assert_eq!(all.len(), 2, "{all:?}");
    let newest = all.last().unwrap();
    fs::write(newest, &fs::read(newest).unwrap()[..100]).unwrap();
    let ran = run("resume", &place.path("run"), "--json");
    let before = all[0].file_name().unwrap().to_str().unwrap();
    assert!(ran.stderr.contains("the one before it is taken") && ran.stderr.contains(before), "{}", ran.stderr);
    assert_eq!(ran.json()["train"], whole["train"]);
    for path in &all {
        fs::write(path, b"damaged").unwrap();
    }
    run("resume", &place.path("run"), "").is_refused_with(&[newest.file_name().unwrap().to_str().unwrap()]);
}

/// What is piped on, or written to a full disk.
#[cfg(target_os = "linux")]
#[test]
fn nobody_who_reads_is_no_error_and_no_room_is_one() {
    use std::process::{Command, Stdio};
    let check = |stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_limpide"));
        command.args(["gradcheck", "Linear", "--all"]).stdout(stdout).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let full = check(fs::File::options().write(true).open("/dev/full").unwrap().into()).wait_with_output().unwrap();
    let told = String::from_utf8(full.stderr).unwrap();
    assert!(told.contains("limpide: standard output: No space left") && !told.contains("panicked"), "{told}");
    assert_eq!(full.status.code(), Some(2));
    let mut gone = check(Stdio::piped());
    drop(gone.stdout.take());
    let gone = gone.wait_with_output().unwrap();
    let told = String::from_utf8(gone.stderr).unwrap();
    assert!(gone.status.success() && !told.contains("panicked") && !told.contains("Broken pipe"), "{told}");
}
