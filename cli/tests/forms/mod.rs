//! A trained network in other forms: `export`, `import`, and `inspect` of any file.

use super::{Place, SMALL, run};
use std::fs;
use std::process::Command;

/// A run that standardises its inputs, trained.
fn trained() -> Place {
    let place = Place::new();
    let text = SMALL.replace("noise = 0.1", "noise = 0.1\nstandardize = \"feature\"");
    let file = place.file(&text);
    place.train(&file, "run", "");
    place
}

/// The weights of a file, as `inspect --json` lists them.
fn weights(path: &str) -> Vec<(String, serde_json::Value)> {
    let shown = run("inspect", path, "--json").json();
    let tensors = shown["tensors"].as_array().unwrap().clone();
    tensors
        .into_iter()
        .map(|tensor| (tensor["name"].as_str().unwrap().to_string(), tensor["statistics"].clone()))
        .collect()
}

#[test]
fn a_run_goes_to_onnx_and_back() {
    let place = trained();
    let (model, graph) = (place.path("run"), place.path("run/model.onnx"));
    let json = run("export", &model, "--format onnx --json").json();
    assert_eq!(json["input"], serde_json::json!([2]));
    assert_eq!(json["standardized"], true);
    let back = place.path("back.safetensors");
    let ran = run("import", &graph, &format!("--out {back}"));
    assert_eq!((ran.code, ran.stdout), (0, format!("{back}: Sequential(Linear(2, 2))\n")), "{}", ran.stderr);
    assert_eq!(weights(&back), weights(&format!("{model}/model.safetensors")));
    // A model file knows its standardisation, and gives it on; bare there is none.
    let again = run("export", &back, "--format onnx --json").json();
    assert_eq!((&again["standardized"], &again["input"]), (&true.into(), &serde_json::json!([2])));
    let bare = place.path("bare.onnx");
    assert_eq!(
        run("export", &back, &format!("--format onnx --bare --json --out {bare}")).json()["standardized"],
        false
    );
    assert!(fs::metadata(&bare).unwrap().len() < fs::metadata(&graph).unwrap().len());
}

#[test]
fn a_run_becomes_source_that_compiles_alone_and_predicts_the_same() {
    let place = trained();
    let source = place.path("network.rs");
    let ran = run("export", &place.path("run"), &format!("--format rust --out {source}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let main = "mod network;\nfn main() { let [a, b] = network::predict(&[0.25, -1.5]); println!(\"{a},{b}\"); }\n";
    fs::write(place.path("main.rs"), main).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let folder = place.path("");
    let compiled = Command::new(rustc).args(["--edition", "2021", "main.rs"]).current_dir(&folder).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let ran = Command::new(place.path("main")).output().unwrap();
    let probabilities: Vec<f64> =
        String::from_utf8(ran.stdout).unwrap().trim().split(',').map(|text| text.parse().unwrap()).collect();
    let rows = place.path("rows.csv");
    fs::write(&rows, "0.25,-1.5\n").unwrap();
    let answer = run("predict", &place.path("run"), &rows);
    let line = answer.stdout.lines().last().unwrap_or_else(|| panic!("{}", answer.stderr)).to_string();
    let probability: f64 = line.split(',').next_back().unwrap().parse().unwrap();
    assert!((probability - probabilities[1]).abs() < 1e-6, "{line} and {probabilities:?}");
}

#[test]
fn inspect_shows_weights_of_a_run_and_of_graphs_that_are_no_networks() {
    let place = trained();
    let shown = run("inspect", &place.path("run"), "").stdout;
    for words in ["Linear(2, 2)", "0.weight", "(2, 2)", "F32", "histogram", "2 tensors, 6 numbers, 0 not finite"] {
        assert!(shown.contains(words), "wants {words:?} in\n{shown}");
    }
    let graph = place.path("run/model.onnx");
    run("export", &place.path("run"), "--format onnx");
    let mut bytes = fs::read(&graph).unwrap();
    // The operator's name is field 4 of a node, of the length 4.
    let at = 2 + bytes.windows(6).position(|six| six == b"\x22\x04Gemm").unwrap();
    bytes[at..at + 4].copy_from_slice(b"Gums");
    fs::write(&graph, &bytes).unwrap();
    let shown = run("inspect", &graph, "").stdout;
    assert!(shown.contains("Gums") && shown.contains("no layer does this operator"), "{shown}");
    assert!(shown.contains("0.weight"), "{shown}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let place = trained();
    let model = place.path("run");
    run("export", &model, "--format safetensors").is_refused_with(&["--out", "safetensors already"]);
    run("export", &place.path("nowhere"), "--format onnx").is_refused_with(&["nowhere"]);
    run("inspect", &place.path("nowhere.onnx"), "").is_refused_with(&["nowhere.onnx"]);
    let weights = format!("{model}/model.safetensors");
    for words in ["--plan", "--set batch_size=3"] {
        let told = ["with the description of a run or its folder", "model.safetensors"];
        run("inspect", &weights, words).is_refused_with(&told);
    }
    for name in ["x.csv", "x.png", "x"] {
        fs::write(place.path(name), "a,b\n1,2\n").unwrap();
        let told = [name, "wants the description of a run (.toml), the folder of a run, safetensors or ONNX (.onnx)"];
        run("inspect", &place.path(name), "").is_refused_with(&told);
    }
    fs::write(place.path("text.safetensors"), "a,b\n1,2\n").unwrap();
    run("inspect", &place.path("text.safetensors"), "").is_refused_with(&["is not a whole safetensors file"]);
    fs::write(place.path("damaged.onnx"), b"\x08\x07:\xff\xff\xff\xff\x07").unwrap();
    run("import", &place.path("nowhere.bin"), "").is_refused_with(&["nowhere.bin"]);
    run("import", &place.path("damaged.onnx"), "").is_refused_with(&["damaged.onnx", "not a whole ONNX file"]);
    assert!(!fs::exists(place.path("damaged.safetensors")).unwrap());
    run("import", &weights, &format!("--out {}", place.path("x.safetensors"))).is_refused_with(&["--layers", "given"]);
    let layers = place.path("layers.json");
    fs::write(&layers, r#"{"type": "Linear", "in_features": 3, "out_features": 2}"#).unwrap();
    run("import", &weights, &format!("--layers {layers} --out {}", place.path("x.safetensors"))).is_refused_with(&[
        "weight (2, 3) is missing",
        "0.weight (2, 2) is extra",
        "0.bias (2,) is extra",
    ]);
    assert!(!fs::exists(place.path("x.safetensors")).unwrap());
}
