//! The golden cases: every family agrees in f64 and f32, and what is not supported is known by name.

use limpide::Real;
use limpide::data::Mnist;
use limpide_cli::conform::{Numbers, Report, conform, families};
use safetensors::SafeTensors;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What the library does not have yet, with the number of cases that need it. A feature that is added leaves this list.
const UNSUPPORTED: [(&str, usize); 0] = [];

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

/// Runs all families with a dump, and checks what holds in both precisions.
fn run<T: Real>() -> (Report, BTreeMap<String, Numbers>) {
    let out = tempfile::tempdir().unwrap();
    let report = conform::<T>(&cases(), None, Some(out.path())).unwrap();
    assert!(report.mismatches.is_empty(), "{report}");
    let unsupported: Vec<(&str, usize)> =
        report.unsupported.iter().map(|(name, &cases)| (name.as_str(), cases)).collect();
    assert_eq!(unsupported, UNSUPPORTED, "{report}");

    let total = report.total();
    assert_eq!((total.unsupported, total.ok + total.skipped), (0, 447), "{report}");
    // One case needs MNIST; nothing else may be left out.
    match Mnist::Digits.find(None).unwrap() {
        Some(_) => assert_eq!(report.skipped, []),
        None => {
            let skipped: Vec<&str> = report.skipped.iter().map(|finding| finding.case.as_str()).collect();
            assert_eq!(skipped, ["training_mnist/dense_784_128_10_sgd"]);
            eprintln!("skipped {}: {}", skipped[0], report.skipped[0].reason);
        }
    }
    let dumped = dumped(out.path());
    (report, dumped)
}

/// Every tensor of a dump, as `family/case/slot`.
fn dumped(out: &Path) -> BTreeMap<String, Numbers> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(out).unwrap() {
        let path = entry.unwrap().path();
        let family = path.file_stem().unwrap().to_str().unwrap().to_string();
        let bytes = fs::read(&path).unwrap();
        for (key, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
            all.insert(format!("{family}/{key}"), Numbers::read(&view).unwrap());
        }
    }
    all
}

#[test]
fn all_families_agree_in_f64() {
    let (report, dumped) = run::<f64>();
    assert_eq!(report.scalar, "f64");
    // The dump holds exactly the checked slots of the cases that ran, so the verdict elsewhere sees all of them.
    let mut keys = BTreeSet::new();
    let skipped = |case: &str| report.skipped.iter().any(|finding| finding.case == case);
    for family in families(&cases()).unwrap() {
        for case in &family.cases {
            let name = format!("{}/{}", family.name, case.name);
            let slots: Vec<String> = case.wanted(false).map(|(slot, ..)| format!("{name}/{slot}")).collect();
            let there = slots.iter().filter(|slot| dumped.contains_key(*slot)).count();
            let wanted = if skipped(&name) { 0 } else { slots.len() };
            assert_eq!(there, wanted, "checked slots of {name} in the dump");
            keys.extend(slots);
        }
    }
    assert!(dumped.keys().all(|key| keys.contains(key)));
}

#[test]
fn all_families_agree_in_f32() {
    let (report, dumped) = run::<f32>();
    assert_eq!(report.scalar, "f32");
    // It did compute in f32: every result is an f32, but for rates, which are double everywhere.
    for (key, numbers) in dumped.iter().filter(|(key, _)| !key.starts_with("schedulers/")) {
        assert!(numbers.values.iter().all(|&value| value.is_nan() || value as f32 as f64 == value), "{key}");
    }
    assert!(dumped.len() > 300, "{}", dumped.len());
}
