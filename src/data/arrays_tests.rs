//! Arrays as inputs and targets.

use super::*;
use crate::tensor;

fn place(name: &str, array: Option<&str>) -> ArrayPlace {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/arrays");
    ArrayPlace { file: folder.join(name), array: array.map(String::from) }
}

fn anywhere() -> ArrayPlace {
    ArrayPlace { file: "y.npy".into(), array: None }
}

fn integers(values: &[i64]) -> AnyArray {
    AnyArray::Integers(tensor(&[values.len()], values.to_vec()))
}

fn inputs(samples: usize) -> Inputs<f32> {
    Inputs::Real(crate::zeros(&[samples, 2]))
}

fn error_of<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn a_place_reads_what_its_first_bytes_say() {
    assert_eq!(place("u1.npy", None).read().unwrap().shape(), [2, 2]);
    assert_eq!(place("plain.npz", Some("y")).read().unwrap(), integers(&(0..30).map(|i| i % 3).collect::<Vec<_>>()));
    let folder = tempfile::tempdir().unwrap();
    let idx = ArrayPlace { file: folder.path().join("labels"), array: None };
    std::fs::write(&idx.file, [0, 0, 8, 1, 0, 0, 0, 2, 7, 9]).unwrap();
    assert_eq!(idx.read().unwrap(), AnyArray::Bytes(tensor(&[2], vec![7, 9])));
    assert!(error_of(place("plain.npz", None).read()).contains("wants the name of an array"));
    assert!(error_of(place("u1.npy", Some("x")).read()).contains("no NPZ file"));
    std::fs::write(&idx.file, "a,b\n1,2\n").unwrap();
    assert!(error_of(idx.read()).contains("none of NPY, NPZ and IDX"));
    std::fs::write(&idx.file, "").unwrap();
    assert!(idx.read().is_err());
}

#[test]
fn the_type_of_the_targets_says_the_task() {
    let of = |array: AnyArray| array.task();
    assert_eq!(of(AnyArray::Texts(tensor(&[2], vec!["a".into(), "b".into()]))), ArrayTask::Classes);
    assert_eq!(of(AnyArray::Bools(tensor(&[2, 1], vec![0, 1]))), ArrayTask::Classes);
    assert_eq!(of(integers(&[0, 1, 2, 0, 1, 2, 0, 1, 2])), ArrayTask::Classes);
    // 214 of scikit-learn's 442 diabetes targets differ.
    assert_eq!(of(integers(&(0..442).map(|i| i % 214).collect::<Vec<_>>())), ArrayTask::Values);
    assert_eq!(of(integers(&(0..50_000).map(|i| i % 100).collect::<Vec<_>>())), ArrayTask::Classes);
    assert_eq!(of(AnyArray::Reals(tensor(&[3], vec![0.0, 1.0, 0.0]))), ArrayTask::Values);
    assert_eq!(of(place("one-hot.npy", None).read().unwrap()), ArrayTask::Classes);
    assert_eq!(of(AnyArray::Reals(tensor(&[2, 2], vec![1.0, 0.0, 1.0, 1.0]))), ArrayTask::Values);
    assert_eq!(of(AnyArray::Bytes(tensor(&[2, 2], vec![1, 3, 0, 1]))), ArrayTask::Values);
    assert_eq!(of(AnyArray::Bools(tensor(&[2, 2], vec![1, 0, 0, 1]))), ArrayTask::Classes);
    assert_eq!(of(AnyArray::Bools(tensor(&[2, 2], vec![1, 1, 0, 1]))), ArrayTask::Values);
}

#[test]
fn classes_are_numbered_in_their_order() {
    let of = |array: AnyArray, names: Option<&[String]>| {
        let samples = array.shape()[0];
        array_dataset(inputs(samples), (&anywhere(), array), ArrayTask::Classes, names)
    };
    let (data, names) = of(integers(&[10, -2, 9, 10]), None).unwrap();
    assert_eq!(names, ["-2", "9", "10"]);
    assert_eq!((data.targets.labels().unwrap(), data.classes), (vec![2, 0, 1, 2], 3));
    let (data, names) = of(place("one-hot.npy", None).read().unwrap(), None).unwrap();
    assert_eq!((data.targets.labels().unwrap(), names.len()), (vec![2, 0, 1, 1], 3));
    let (data, names) = of(AnyArray::Bools(tensor(&[2, 3], vec![0, 0, 1, 1, 0, 0])), None).unwrap();
    assert_eq!((data.targets.labels().unwrap(), names), (vec![1, 0], vec!["0".to_string(), "2".to_string()]));
    // A test part has the classes of the training part, even where it lacks one.
    let known = ["bright", "dark", "grey"].map(String::from);
    let words = |words: [&str; 2]| AnyArray::Texts(tensor(&[2], words.map(String::from).to_vec()));
    let (data, _) = of(words(["grey", "bright"]), Some(&known)).unwrap();
    assert_eq!((data.targets.labels().unwrap(), data.classes), (vec![2, 0], 3));
    let error = error_of(of(words(["grey", "drak"]), Some(&known)));
    assert!(error.contains("row 2 is of class drak") && error.contains("the nearest is dark"), "{error}");
}

#[test]
fn images_with_channels_last_are_turned() {
    let pixels = AnyArray::Bytes(tensor(&[1, 2, 2, 3], (0..12).collect()));
    let turned = pixels.clone().inputs(&anywhere(), true).unwrap();
    let Inputs::Bytes { values, divisor } = turned else { panic!("bytes") };
    assert_eq!((values, divisor), (tensor(&[1, 3, 2, 2], vec![0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]), 255.0));
    assert!(error_of(integers(&[1, 2]).inputs(&anywhere(), true)).contains("wants images (n, h, w, c)"));
    let Inputs::Bytes { divisor, .. } =
        AnyArray::Bools(tensor(&[2, 1], vec![0, 1])).inputs(&anywhere(), false).unwrap()
    else {
        panic!("bytes")
    };
    assert_eq!(divisor, 1.0);
}

#[test]
fn values_may_have_several_columns() {
    let rows = AnyArray::Reals(tensor(&[2, 2], vec![0.5, 1.0, 2.0, 3.0]));
    let (data, names) = array_dataset(inputs(2), (&anywhere(), rows), ArrayTask::Values, None).unwrap();
    assert!(names.is_empty() && data.classes == 0);
    assert_eq!(data.gather(&[1]).1, Target::Values(tensor(&[1, 2], vec![2.0, 3.0])));
    let (data, _) = array_dataset(inputs(3), (&anywhere(), integers(&[1, 2, 3])), ArrayTask::Values, None).unwrap();
    assert_eq!(data.gather(&[2]).1, Target::Values(tensor(&[1, 1], vec![3.0])));
    // Digits behind the 24 bits of an `f32` are there for who scales first; so are classes beyond them.
    let far = AnyArray::Doubles(tensor(&[2], vec![1e9 + 0.25, 16_777_217.0]));
    assert_eq!(far.values(), Some(tensor(&[2, 1], vec![1e9 + 0.25, 16_777_217.0])));
    let close = AnyArray::Doubles(tensor(&[2], vec![16_777_216.0, 16_777_217.0]));
    let (_, names) = array_dataset(inputs(2), (&anywhere(), close), ArrayTask::Classes, None).unwrap();
    assert_eq!(names, ["16777216", "16777217"]);
}

#[test]
fn what_does_not_fit_is_told_with_the_row() {
    let classes = |samples, array: AnyArray| {
        error_of(array_dataset(inputs(samples), (&anywhere(), array), ArrayTask::Classes, None))
    };
    let error = classes(3, integers(&[0, 1]));
    assert_eq!(error, "y.npy: wants (3, …), one target for each of the 3 inputs, got (2,)");
    assert!(classes(2, integers(&[4, 4])).contains("has one class, 4, and at least two are wanted"));
    assert!(classes(2, AnyArray::Reals(tensor(&[2], vec![0.5, 1.0]))).contains("wants one class a sample"));
    assert!(classes(1, AnyArray::Reals(tensor(&[], vec![1.0]))).contains("got ()"));
    let nan = AnyArray::Reals(tensor(&[2, 2], vec![0.0, 1.0, f32::NAN, 0.0]));
    let error = error_of(nan.clone().inputs(&ArrayPlace { file: "d.npz".into(), array: Some("x".into()) }, false));
    assert!(error.starts_with("d.npz: array x row 2 holds NaN, and every input must be finite"), "{error}");
    assert!(
        error_of(array_dataset(inputs(2), (&anywhere(), nan), ArrayTask::Values, None)).contains("row 2 holds NaN")
    );
    let words = AnyArray::Texts(tensor(&[1], vec!["a".into()]));
    assert!(error_of(words.clone().inputs(&anywhere(), false)).contains("holds text"));
    assert!(error_of(array_dataset(inputs(1), (&anywhere(), words), ArrayTask::Values, None)).contains("holds text"));
    assert!(error_of(AnyArray::Reals(tensor(&[0, 3], vec![])).inputs(&anywhere(), false)).contains("got (0, 3)"));
}

#[test]
fn numbers_mean_to_a_model_what_they_meant_in_training() {
    let bytes = || ArcArray::from_shape_vec(IxDyn(&[2, 2]), vec![0u8, 51, 255, 1]).unwrap();
    let read = |array: AnyArray, divisor| {
        let inputs = array.inputs_for(&anywhere(), false, divisor).unwrap();
        crate::tensor::values(&inputs.gather(&(0..inputs.len()).collect::<Vec<_>>())).to_vec()
    };
    // As they were, for a model of numbers; divided, for one of bytes, whatever type they are stored in.
    let whole = [0.0, 51.0, 255.0, 1.0];
    let divided = whole.map(|byte| byte / 255.0);
    assert_eq!(read(AnyArray::Bytes(bytes()), None), whole);
    assert_eq!(read(integers(&[0, 51, 255, 1]), None), whole);
    assert_eq!(read(AnyArray::Bytes(bytes()), Some(255.0)), divided);
    assert_eq!(read(integers(&[0, 51, 255, 1]), Some(255.0)), divided);
    let reals = |values: Vec<f32>| AnyArray::Reals(crate::tensor(&[2, 2], values));
    assert_eq!(read(reals(divided.to_vec()), Some(255.0)), divided);
    assert_eq!(read(integers(&[4, 16]), Some(16.0)), [0.25, 1.0]);
    for (array, row) in [(reals(vec![0.0, 1.0, 0.5, 51.0]), 2), (integers(&[0, 1, 256]), 3), (integers(&[-1]), 1)] {
        let error = error_of(array.inputs_for(&anywhere(), false, Some(255.0)));
        assert!(error.contains(&format!("row {row} does not hold what the model was trained on")), "{error}");
    }
}
