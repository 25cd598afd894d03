//! What a column is taken for, and what is told of that.

use super::tests::{file, lines, survey};
use super::*;

/// 37 and 200 have no common divisor: i·37 modulo 200 is every number below 200 once.
#[test]
fn a_shuffled_column_of_row_numbers_is_left_out() {
    let found = |name: &str, cell: &dyn Fn(usize) -> usize| {
        let found =
            survey(&lines(&format!("{name},x,y"), 200, |i| format!("{},{},{}", cell(i), i * i, i % 2)), "y").unwrap();
        (found.kinds[0].unwrap(), found.notes.join(" "))
    };
    let shuffled = |i: usize| 1000 + i * 37 % 200;
    for name in ["id", "ID", "user_id", "PassengerId", "customerID", "uuid", "Index", "Unnamed: 0", ""] {
        let (kind, note) = found(name, &shuffled);
        assert_eq!(kind, ColumnKind::Ignore, "{name}");
        assert!(note.contains("is left out: it numbers the rows"), "{note}");
    }
    assert!(found("user_id", &shuffled).1.ends_with("data.columns.user_id = \"number\" keeps it"));
    // With gaps, as where a part of the rows went elsewhere.
    assert_eq!(found("id", &|i| 3 * (i * 37 % 200) / 2).0, ColumnKind::Ignore);
    for name in ["x2", "paid", "PAID", "grid", "humidity", "price"] {
        assert_eq!(found(name, &shuffled).0, ColumnKind::Number, "{name}");
    }
    // Numbers that come twice, or lie far apart, may mean something.
    assert_eq!(found("id", &|i| (i * 37 % 200).max(1)).0, ColumnKind::Number);
    assert_eq!(found("index", &|i| 5 * (i * 37 % 200)).0, ColumnKind::Number);
    let options = SurveyOptions { columns: [("id".into(), ColumnKind::Number)].into(), ..Default::default() };
    let text = lines("id,x,y", 200, |i| format!("{},{},{}", shuffled(i), i * i, i % 2));
    assert_eq!(Survey::new(&file(&text), "y", &options).unwrap().kinds[0], Some(ColumnKind::Number));
}
