//! What `limpide conform` finds in cases made here: wrong answers, panics, manifests that are broken.

use limpide_cli::conform::conform;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Writes a family of cases: name, entry without slots, and slots as (name, shape, values, tolerance of a result).
struct Made {
    folder: TempDir,
    cases: Vec<Value>,
    tensors: Vec<(String, Vec<usize>, Vec<u8>)>,
}

type Slot<'a> = (&'a str, &'a [usize], &'a [f64], Option<f64>);

impl Made {
    fn new() -> Self {
        Made { folder: tempfile::tempdir().unwrap(), cases: Vec::new(), tensors: Vec::new() }
    }

    fn case(mut self, name: &str, mut entry: Value, slots: &[Slot]) -> Self {
        let mut described = serde_json::Map::new();
        for &(slot, shape, values, tolerance) in slots {
            let mut entry = json!({"shape": shape, "dtype": "F64"});
            if let Some(tolerance) = tolerance {
                entry["check"] = json!(true);
                entry["atol_f64"] = json!(tolerance);
                entry["atol_f32"] = json!(tolerance);
            }
            described.insert(slot.to_string(), entry);
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.tensors.push((format!("{name}/{slot}"), shape.to_vec(), bytes));
        }
        entry["name"] = json!(name);
        entry["slots"] = Value::Object(described);
        self.cases.push(entry);
        self
    }

    fn written(self) -> TempDir {
        let manifest = json!({"schema": 1, "family": "made", "tensors": "made.safetensors", "cases": self.cases});
        fs::write(self.folder.path().join("made.json"), manifest.to_string()).unwrap();
        let views = self
            .tensors
            .iter()
            .map(|(name, shape, bytes)| (name.clone(), TensorView::new(Dtype::F64, shape.clone(), bytes).unwrap()));
        fs::write(self.folder.path().join("made.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
        self.folder
    }
}

fn relu() -> Value {
    json!({"kind": "layer", "op": "ReLU", "config": {}})
}

/// A case that agrees.
const GOOD: [Slot; 2] =
    [("input", &[1, 3], &[-1.0, 0.0, 2.0], None), ("output", &[1, 3], &[0.0, 0.0, 2.0], Some(1e-9))];

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_limpide")).arg("conform").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_wrong_answer_is_a_mismatch_that_names_the_place() {
    let dir = Made::new()
        .case("good", relu(), &GOOD)
        .case("bad", relu(), &[GOOD[0], ("output", &[1, 3], &[0.0, 0.0, 2.5], Some(0.1))])
        .written();
    let report = conform::<f64>(dir.path(), None, None).unwrap();
    assert_eq!((report.total().ok, report.total().mismatch), (1, 1));
    assert_eq!(report.mismatches[0].case, "made/bad");
    let reason = &report.mismatches[0].reason;
    assert!(reason.starts_with("output: off by 5.000 × the tolerance 1.00e-1 at 2: wants 2.5e0, got 2e0"), "{reason}");

    let output = command(&[dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("MISMATCH  made/bad: output: off by 5"), "{}", text(&output.stdout));
}

#[test]
fn nothing_passes_for_lack_of_something_to_check() {
    let dir = Made::new()
        .case("unchecked", relu(), &GOOD[..1])
        .case("not_given", relu(), &[GOOD[0], GOOD[1], ("grad_input", &[1, 3], &[0.0; 3], Some(1e-9))])
        .case("no_input", relu(), &GOOD[1..])
        .case("odd_kind", json!({"kind": "riddle"}), &GOOD)
        .written();
    let report = conform::<f32>(dir.path(), None, None).unwrap();
    let reasons: Vec<&str> = report.mismatches.iter().map(|finding| finding.reason.as_str()).collect();
    let wanted = ["the manifest checks none of the results", "gives no `grad_input`", "the case has no slot `input`"];
    assert_eq!(reasons, wanted);
    assert_eq!(report.unsupported.keys().collect::<Vec<_>>(), ["riddle"]);
}

#[test]
fn a_panic_is_a_mismatch_of_its_case_alone() {
    let linear =
        json!({"kind": "layer", "op": "Linear", "config": {"in_features": 1, "out_features": 2, "bias": false}});
    let dir = Made::new()
        .case(
            "delta_of_a_wrong_shape",
            linear,
            &[
                ("input", &[3, 1], &[1.0, 2.0, 3.0], None),
                ("param.weight", &[2, 1], &[1.0, 1.0], None),
                ("grad_output", &[1, 1], &[1.0], None),
                ("grad_input", &[3, 1], &[0.0; 3], Some(1e-9)),
            ],
        )
        .case("good", relu(), &GOOD)
        .written();
    let report = conform::<f64>(dir.path(), None, None).unwrap();
    assert_eq!((report.total().ok, report.total().mismatch), (1, 1), "{report}");
    assert!(report.mismatches[0].reason.starts_with("panicked: "), "{report}");
    let output = command(&[dir.path().to_str().unwrap()]);
    assert!(!text(&output.stderr).contains("panicked"), "the panic belongs into the report alone");
}

#[test]
fn options_that_the_library_refuses_are_mismatches_with_its_words() {
    let config = |value| json!({"kind": "layer", "op": "Linear", "config": value});
    let dir = Made::new()
        .case("zero", config(json!({"in_features": 0, "out_features": 2})), &GOOD)
        .case("extra", config(json!({"in_features": 1, "out_features": 2, "gain": 2})), &GOOD)
        .case(
            "shape",
            config(json!({"in_features": 1, "out_features": 2, "bias": false})),
            &[GOOD[0], GOOD[1], ("param.weight", &[1, 2], &[1.0, 1.0], None)],
        )
        .written();
    let report = conform::<f64>(dir.path(), None, None).unwrap();
    let reasons: Vec<&str> = report.mismatches.iter().map(|finding| finding.reason.as_str()).collect();
    assert_eq!(reasons[0], "Linear: in_features must be at least 1, got 0");
    assert!(reasons[1].contains("unknown field `gain`"), "{}", reasons[1]);
    assert_eq!(reasons[2], "the parameter weight has shape (2, 1), the case gives (1, 2)");
}

#[test]
fn the_exit_code_says_what_happened_and_json_is_one_object() {
    let dir = Made::new().case("good", relu(), &GOOD).written();
    let path = dir.path().to_str().unwrap();
    let out = dir.path().join("results/f32");
    let output = command(&[path, "--f32", "--json", "--dump", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["scalar"], "f32");
    assert_eq!(report["families"]["made"], json!({"ok": 1, "mismatch": 0, "unsupported": 0, "skipped": 0}));
    assert!(out.join("made.safetensors").is_file());

    let output = command(&[dir.path().join("nowhere").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nowhere"), "{}", text(&output.stderr));
    let output = command(&[path, "--data", "/no/such/folder"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/no/such/folder"), "{}", text(&output.stderr));
}

/// The error for a folder after something was done to good cases in it.
fn refusal(spoil: impl FnOnce(&Path)) -> String {
    let dir = Made::new().case("good", relu(), &GOOD).written();
    spoil(dir.path());
    conform::<f64>(dir.path(), None, None).expect_err("must be refused").to_string()
}

/// The error for good cases with a changed manifest.
fn refused_manifest(change: impl FnOnce(&mut Value)) -> String {
    refusal(|dir| {
        let path = dir.join("made.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut manifest);
        fs::write(path, manifest.to_string()).unwrap();
    })
}

#[test]
fn broken_manifests_are_refused_by_name() {
    let empty = refusal(|dir| fs::remove_file(dir.join("made.json")).unwrap());
    assert!(empty.contains("wants manifests of cases (*.json)"), "{empty}");
    let no_json = refusal(|dir| fs::write(dir.join("made.json"), "{").unwrap());
    assert!(no_json.contains("made.json: is not a manifest of cases"), "{no_json}");
    let schema = refused_manifest(|manifest| manifest["schema"] = json!(2));
    assert!(schema.contains("wants schema 1, got 2"), "{schema}");
    // Names go into paths, also of what is written.
    let family = refused_manifest(|manifest| manifest["family"] = json!("../made"));
    assert!(family.contains("wants the family of the file's name, made, got ../made"), "{family}");
    let elsewhere = refused_manifest(|manifest| manifest["tensors"] = json!("../made.safetensors"));
    assert!(elsewhere.contains("wants tensors in made.safetensors"), "{elsewhere}");
    let twice = refused_manifest(|manifest| {
        manifest["cases"][0]["slots"] = json!({});
        let case = manifest["cases"][0].clone();
        manifest["cases"].as_array_mut().unwrap().push(case);
    });
    assert!(twice.contains("case 1: there is another case good"), "{twice}");
}

#[test]
fn manifests_and_numbers_that_contradict_each_other_are_refused() {
    let missing =
        refused_manifest(|manifest| manifest["cases"][0]["slots"]["more"] = json!({"shape": [], "dtype": "F64"}));
    assert!(missing.contains("case 0: `good/more` is not among the stored tensors"), "{missing}");
    let shape = refused_manifest(|manifest| manifest["cases"][0]["slots"]["input"]["shape"] = json!([3, 1]));
    assert!(shape.contains("`good/input` wants (3, 1) F64, got (1, 3) F64"), "{shape}");
    let kind = refused_manifest(|manifest| manifest["cases"][0]["slots"]["input"]["dtype"] = json!("I64"));
    assert!(kind.contains("wants (1, 3) I64"), "{kind}");
    let absent = refusal(|dir| fs::remove_file(dir.join("made.safetensors")).unwrap());
    assert!(absent.contains("made.safetensors"), "{absent}");
    for length in [0, 7, 8, 40] {
        let cut = refusal(|dir| {
            let path = dir.join("made.safetensors");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..length]).unwrap();
        });
        assert!(cut.contains("made.safetensors: is not a safetensors file"), "{cut}");
    }
    let huge = refusal(|dir| fs::write(dir.join("made.safetensors"), [0xff; 64]).unwrap());
    assert!(huge.contains("is not a safetensors file"), "{huge}");
}
