//! Columns by which rows are divided.

use super::tests::{file, lines};
use super::*;

fn divided(text: &str, by: SplitBy) -> crate::Result<RawTable> {
    let options = SurveyOptions { split_by: Some(by), ..SurveyOptions::default() };
    let file = file(text);
    RawTable::read(&file, Survey::new(&file, "y", &options)?)
}

fn keys(text: &str, by: SplitBy) -> SplitKeys {
    divided(text, by).unwrap().keys.unwrap()
}

#[test]
fn groups_are_the_values_of_a_column_that_is_left_out() {
    // A row without a target is no row here; `2.0` is `2`, and what is missing is one group.
    let text = "who,x,y\n1,0.5,a\n2,0.6,b\n,0.7,a\n2.0,0.8,b\n1,0.9,\nNA,1.5,a\n3,1.6,b\n1,1.7,a\n";
    let raw = divided(text, SplitBy::Group("who".into())).unwrap();
    assert_eq!(raw.keys, Some(SplitKeys::Groups(vec![0, 1, 2, 1, 2, 3, 0])));
    assert_eq!(raw.survey.kinds[0], Some(ColumnKind::Ignore));
    let note = "rows with the same `who` (3 values) stay together when they are divided, and it is left out of the \
                inputs; 2 rows without a value stay together too";
    assert_eq!(raw.survey.notes[0], note);
    // Who asks for it has it as an input all the same.
    let columns = [("who".to_string(), ColumnKind::Category)].into();
    let options = SurveyOptions { split_by: Some(SplitBy::Group("who".into())), columns, ..Default::default() };
    let survey = Survey::new(&file(text), "y", &options).unwrap();
    assert_eq!(survey.kinds[0], Some(ColumnKind::Category));
    assert!(survey.notes[0].contains("are divided; 2 rows"), "{:?}", survey.notes);
}

/// 2024-01-01 is the day 19,723.
#[test]
fn an_order_is_of_numbers_or_dates() {
    let days = lines("when,x,y", 24, |i| format!("2024-01-{:02},{},{}", 24 - i, i * i, i % 2));
    let wanted = (0..24).map(|i| 19_723.0 + 23.0 - f64::from(i)).collect();
    assert_eq!(keys(&days, SplitBy::Order("when".into())), SplitKeys::Order(wanted));
    // A column that counts the rows is no input and can order them.
    let counts = lines("row,x,y", 24, |i| format!("{},{},{}", i + 1, i * i % 7, i % 2));
    let raw = divided(&counts, SplitBy::Order("row".into())).unwrap();
    assert_eq!(raw.keys, Some(SplitKeys::Order((1..=24).map(f64::from).collect())));
    assert_eq!(raw.survey.kinds[0], Some(ColumnKind::Ignore));
    assert!(raw.survey.notes.iter().any(|note| note.contains("by their order in `row`: its largest values")));
    for (text, by, wanted) in [
        (days.replace("2024-01-20", ""), SplitBy::Order("when".into()), "row 5 (line 6), column `when` wants a date"),
        (days.replace("-01-", " week "), SplitBy::Order("when".into()), "column `when` wants a number or a date"),
        (days.clone(), SplitBy::Order("wen".into()), "did you mean `when`?"),
        (days, SplitBy::Group("y".into()), "is to be divided by `y`, which is the target; name another column"),
    ] {
        let error = divided(&text, by).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
