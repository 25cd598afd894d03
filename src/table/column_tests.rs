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

/// 1, 1.0 and 1e0 are one; `01` may be a code, and letter case may mean something.
#[test]
fn equal_numbers_are_one_class_and_one_category() {
    let file = file(&lines("code,x,y", 60, |i| {
        let code = if i == 0 { "a" } else { ["1", "1.0", "01", "-0.0", "0", "1e0"][i % 6] };
        format!("{code},{},{}", i * i, ["0", "1.0", "0.0", "1"][i % 4])
    }));
    let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
    let RawTarget::Classes { names, labels } = &raw.target else { panic!("classes are wanted") };
    assert_eq!((&names[..], &labels[..4]), (&["0".to_string(), "1".into()][..], &[0, 1, 0, 1][..]));
    let table = raw.fit(&(0..60).collect::<Vec<_>>()).unwrap();
    assert_eq!(table.features(), ["code=0", "code=01", "code=1", "code=a", "x"]);
    let mut rows = Rows::new(["code", "x"]);
    ["1.00", "01", "001", "a"].iter().for_each(|code| rows.push([code, "1"]).unwrap());
    let (x, unseen) = table.encode(&rows).unwrap();
    let codes: Vec<Vec<f32>> = x.outer_iter().map(|row| row.iter().take(4).copied().collect()).collect();
    let one = |place: usize| (0..4).map(|at| f32::from(u8::from(at == place))).collect::<Vec<_>>();
    assert_eq!(codes, [one(2), one(1), vec![0.0; 4], one(3)]);
    assert_eq!((unseen.len(), unseen[0].value.as_str()), (1, "001"));
}

#[test]
fn spellings_that_differ_in_case_or_blanks_are_told() {
    let notes = |word: &dyn Fn(usize) -> &'static str| {
        let text = lines("word,x,y", 40, |i| format!("{},{},{}", word(i), i * i, ["Yes", "no"][i % 2]));
        survey(&text.replace("1444,Yes", "1444,yes"), "y").unwrap().notes
    };
    assert_eq!(
        notes(&|i| ["New York", "new  york", "Rome", "New York"][i % 4]),
        [
            "column `word`: `New York` in 20 rows and `new  york` in 10 rows are kept apart, and differ in letter case or blanks \
             alone; write what is the same alike",
            "the target `y`: `Yes` in 19 rows and `yes` in 1 row are kept apart, and differ in letter case or blanks alone; write \
             what is the same alike",
        ]
    );
    let many = notes(&|i| ["a", "A", "b", "B", "c", "C", "d", "D"][i % 8]);
    assert!(
        many[0].contains("`C` in 5 rows and `c` in 5 rows are kept apart") && many[0].contains("; so are 1 more;"),
        "{many:?}"
    );
}
