//! Rows with and without a value of the target.

use super::tests::{file, lines, survey};
use super::*;

/// Two numbers stand among what people and programs write for a missing one: what is left is a column of numbers.
#[test]
fn numbers_with_missing_values_stay_numbers() {
    for gap in ["nan", "NaN", "-", "--", ".", "n.a.", "#N/A", "<NA>", "nil"] {
        let text =
            lines("x,y", 60, |i| format!("{},{}", if i % 3 == 0 { gap.into() } else { (i * i).to_string() }, i % 2));
        let found = survey(&text, "y").unwrap();
        assert_eq!((found.kinds[0], &found.notes[..]), (Some(ColumnKind::Number), &[][..]), "{gap}");
        let file = file(&text);
        let raw = RawTable::read(&file, found).unwrap();
        assert_eq!(raw.fit(&[0, 1, 2]).unwrap().features(), ["x", "x is missing"], "{gap}");
    }
}

/// A model from before `-` was a missing value has it as a category, and still does; one without it takes it for a gap.
#[test]
fn a_category_of_an_older_model_keeps_its_place() {
    let encoded = |values: &[&str], cell: &str| {
        let encoding = Encoding::Category { values: values.iter().map(|value| value.to_string()).collect() };
        let table = Table { columns: vec![Column { name: "x".into(), encoding }], header: true };
        let mut rows = Rows::new(["x"]);
        rows.push([cell]).unwrap();
        let (x, unseen) = table.encode(&rows).unwrap();
        (x.iter().copied().collect::<Vec<_>>(), unseen.len())
    };
    assert_eq!(encoded(&["", "+", "-"], "-"), (vec![0.0, 0.0, 1.0], 0));
    assert_eq!(encoded(&["", "+"], "-"), (vec![1.0, 0.0], 0));
    assert_eq!(encoded(&["a", "+"], "-"), (vec![0.0, 0.0], 1));
}

/// The numbers of rows stay those of the file, and what is measured is the rows that are left.
#[test]
fn rows_without_a_target_are_left_out() {
    let file = file("x,y\n1,nan\n2,a\n3,\n4,b\n-,a\n,\n7,b\n");
    let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
    let note = "3 of 7 rows have no value of the target `y` and are left out; the first is row 1 (line 2), where it is `nan`; if \
                that is a class, call it otherwise";
    assert_eq!(raw.survey.notes, [note]);
    assert_eq!((raw.len(), raw.survey.task, &raw.rows[..]), (4, Task::Classification, &[2, 4, 5, 7][..]));
    assert_eq!(raw.targets(&[0, 1, 2, 3], 0.0, 1.0), crate::data::Target::classes(vec![0, 1, 0, 1]));
    let table = raw.fit(&[0, 1, 3]).unwrap();
    let std = (38.0f64 / 9.0).sqrt(); // of 2, 4 and 7, whose mean is 13/3
    let wanted = [2.0, 4.0, 13.0 / 3.0, 7.0].map(|x: f64| ((x - 13.0 / 3.0) / std) as f32);
    let got = raw.encode(&table, &[0, 1, 2, 3]);
    assert!(got.iter().zip(wanted).all(|(got, wanted)| (got - wanted).abs() < 1e-6), "{got}");
}

/// Where a number is told to be too far away, its row is the file's.
#[test]
fn a_number_too_far_away_has_its_row_in_the_file() {
    let file = file("x,y\n2e-9,\n1e-9,a\n3e-9,b\n1e30,a\n");
    let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
    let error = raw.fit(&[0, 1]).unwrap_err().to_string();
    assert!(error.contains("row 4, column `x`"), "{error}");
}

#[test]
fn words_for_nothing_are_classes_where_no_cell_is_empty() {
    let found = |roof: &dyn Fn(usize) -> &'static str| {
        let found = survey(&lines("x,y", 40, |i| format!("{},{}", i * i, roof(i))), "y").unwrap();
        (found.rows, found.task, found.tallies[1].sorted_values().join(" "), found.notes.join("\n"))
    };
    let (rows, task, classes, note) = found(&|i| ["None", "brick", "stone"][i % 3]);
    assert_eq!((rows, task, classes.as_str()), (40, Task::Classification, "None brick stone"));
    let wanted =
        "the target `y`: `None` in 14 rows is taken for a class; leave these cells empty when the value is missing";
    assert_eq!(note, wanted);
    assert_eq!(found(&|i| ["+", "-"][i % 2]).2, "+ -");
    // Beside empty cells, or in less than 5 rows, it says what they say; among numbers it is no class, and NA is none anywhere.
    let (rows, _, classes, note) = found(&|i| ["None", "brick", "stone", ""][i % 4]);
    assert_eq!((rows, classes.as_str()), (20, "brick stone"));
    assert!(
        note.contains("20 of 40 rows have no value of the target `y` and are left out; the first is row 1"),
        "{note}"
    );
    assert_eq!(found(&|i| if i < 4 { "-" } else { ["brick", "stone"][i % 2] }).0, 36);
    assert_eq!(found(&|i| ["-", "0", "1"][i % 3]).0, 26);
    assert_eq!(found(&|i| ["NA", "brick", "stone"][i % 3]).2, "brick stone");
}
