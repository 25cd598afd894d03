//! Files of rows, from their form to the numbers of a network.

use super::*;
use crate::Result;
use proptest::prelude::*;

fn file(text: &str) -> CsvFile {
    CsvFile::from_bytes("test.csv", text.as_bytes().to_vec(), &CsvOptions::default()).unwrap()
}

fn survey(text: &str, target: &str) -> Result<Survey> {
    Survey::new(&file(text), target, &SurveyOptions::default())
}

fn refusal(text: &str, target: &str) -> String {
    survey(text, target).unwrap_err().to_string()
}

/// A header, then a line for each number below `rows`.
fn lines(header: &str, rows: usize, line: impl Fn(usize) -> String) -> String {
    (0..rows).fold(format!("{header}\n"), |text, row| text + &line(row) + "\n")
}

#[test]
fn delimiter_and_header_are_found() {
    for (text, delimiter, columns) in [
        ("a,b\n1,2\n", ',', &["a", "b"][..]),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ';', &["a", "b"]),
        ("a\tb b\n1\t2\n", '\t', &["a", "b b"]),
        ("a|b\n1|2\n", '|', &["a", "b"]),
        ("name,text\nx,\"1;2;3\"\ny,\"4;5;6\"\n", ',', &["name", "text"]),
        // A byte order mark, spaces, Windows line ends, a column without a name.
        ("\u{feff}a, b ,\r\n1,2,3\r\n", ',', &["a", "b", "column 3"]),
        // Nothing but numbers has no header, and names of numbers are names where one is a word over numbers.
        ("1,2\n3,4\n", ',', &["1", "2"]),
        ("5.1,setosa\n4.9,setosa\n", ',', &["1", "2"]),
        ("0,1,y\n5,6,7\n", ',', &["0", "1", "y"]),
        ("2024-01-01,a\n2024-01-02,b\n", ',', &["1", "2"]),
        ("city,country\nParis,France\n", ',', &["city", "country"]),
        ("only\n1\n2\n", ',', &["only"]),
    ] {
        let file = file(text);
        assert_eq!(
            (file.delimiter(), file.columns()),
            (Some(delimiter), &columns.iter().map(|c| c.to_string()).collect::<Vec<_>>()[..]),
            "{text}"
        );
    }
    // The name of the target settles what numbers cannot.
    let options = CsvOptions { expected: Some("2".into()), ..CsvOptions::default() };
    assert!(CsvFile::from_bytes("x", b"1,2\n3,4\n".to_vec(), &options).unwrap().has_header());
}

#[test]
fn the_kinds_of_columns_follow_from_their_cells() {
    let text = lines("number,word,day,code,same,none,count,y", 30, |i| {
        format!("{},{},2024-01-{:02},id{i},7,,{i},{}", (i * i) as f64 / 8.0, ["a", "b", "NA"][i % 3], i + 1, i % 2)
    });
    let survey = survey(&text, "y").unwrap();
    use ColumnKind::{Category, Date, Ignore, Number};
    assert_eq!(
        survey.kinds,
        [Some(Number), Some(Category), Some(Date), Some(Ignore), Some(Ignore), Some(Ignore), Some(Ignore), None]
    );
    assert_eq!((survey.rows, survey.task), (30, Task::Classification));
    assert_eq!(
        survey.notes,
        [
            "column `code` is left out: it is different text in every row, as a name or number of a thing is",
            "column `same` is left out: it is `7` in every row",
            "column `none` is left out: no row has a value",
            "column `count` is left out: it only counts the rows",
        ]
    );
}

#[test]
fn the_task_follows_from_the_target() {
    let task = |values: &dyn Fn(usize) -> String| {
        survey(&lines("x,y", 100, |i| format!("{},{}", i * 7 % 31, values(i))), "y").unwrap().task
    };
    assert_eq!(task(&|i| ["yes", "no"][i % 2].into()), Task::Classification);
    assert_eq!(task(&|i| (i % 10).to_string()), Task::Classification);
    assert_eq!(task(&|i| ["0.5", "1.5"][i % 2].into()), Task::Classification); // two values are two classes
    assert_eq!(task(&|i| (i % 25).to_string()), Task::Regression);
    assert_eq!(task(&|i| (i % 10).to_string() + ".5"), Task::Regression);
}

#[test]
fn what_cannot_be_learnt_is_told_with_its_row() {
    let text = |cell: &str| {
        lines("x,y", 100, |i| format!("{},{}", if i == 40 { cell.into() } else { (i * i).to_string() }, i % 2))
    };
    for (cell, why) in [
        ("inf", "row 41 (line 42), column `x`: `inf` is no finite number"),
        ("12O", "row 41 (line 42), column `x`: `12O` stands among numbers"),
    ] {
        let error = refusal(&text(cell), "y");
        assert!(error.contains(why), "wants {why} in {error}");
    }
    assert!(survey(&text(""), "y").is_ok());
    for (text, why) in [
        (lines("x,y", 9, |i| format!("{i},{}", ["a", ""][i / 8])), "row 9 (line 10) has no value of the target `y`"),
        (lines("x,y", 9, |i| format!("{},{}", i * i, ["2", "nan"][i / 8])), "row 9 (line 10): the target `y` is `nan`"),
        (lines("x,y", 9, |i| format!("{},a", i * i)), "`y` is `a` in all 9 rows"),
        (
            lines("x,y", 9, |i| format!("{},n{i}", i * i)),
            "`y` has 9 different values in 9 rows, too many to learn as classes; is it",
        ),
        (lines("x,y", 9, |i| format!("1,{}", i % 2)), "has nothing to tell `y` from: column `x` is left out"),
        (lines("y", 9, |i| (i % 2).to_string()), "there is no other column"),
    ] {
        let error = refusal(&text, "y");
        assert!(error.contains(why), "wants {why} in {error}");
    }
}

/// By hand: of 1, 2, 3 the mean is 2 and the deviation √(2/3); the fourth row does not train.
#[test]
fn only_the_rows_that_train_are_measured() {
    let file = file("x,colour,y\n1,red,0\n2,blue,1\n3,red,0\n100,green,1\n,red,1\n");
    let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
    let table = raw.fit(&[0, 1, 2]);
    let std = (2.0f64 / 3.0).sqrt();
    assert_eq!(table.columns[0].encoding, Encoding::Number { mean: 2.0, std, missing: false });
    assert_eq!(table.columns[1].encoding, Encoding::Category { values: vec!["blue".into(), "red".into()] });
    assert_eq!(table.columns[2].encoding, Encoding::Target);
    let z = |x: f64| ((x - 2.0) / std) as f32;
    let wanted = [z(1.0), 0.0, 1.0, z(2.0), 1.0, 0.0, z(3.0), 0.0, 1.0, z(100.0), 0.0, 0.0, 0.0, 0.0, 1.0];
    assert_eq!(raw.encode(&table, &[0, 1, 2, 3, 4]), crate::tensor(&[5, 3], wanted.to_vec()));
    assert_eq!(raw.targets(&[4, 0], 0.0, 1.0), crate::data::Target::classes(vec![1, 0]));
    // With the last row there is a value missing in training, and a number that says so.
    assert_eq!(raw.fit(&[0, 1, 4]).features(), ["x", "x is missing", "colour=blue", "colour=red"]);
    assert_eq!(raw.fit(&[0]).columns[0].encoding, Encoding::Number { mean: 1.0, std: 1.0, missing: false });
}

/// 2024-01-01 was a Monday, day 19,723: 4 days after a Thursday, and 0.4946 … of a year from where its circle begins.
#[test]
fn a_date_is_a_number_and_its_places_in_circles() {
    let encoding = Encoding::Date { mean: 19_720.0, std: 2.0, missing: true, time: false };
    let table = Table { columns: vec![Column { name: "day".into(), encoding }], header: true };
    let mut rows = Rows::new(["day"]);
    rows.push(["2024-01-01"]).unwrap();
    rows.push([""]).unwrap();
    let (x, _) = table.encode(&rows).unwrap();
    let year = std::f64::consts::TAU * (19_723.0f64 / 365.2425).fract();
    let week = std::f64::consts::TAU * 4.0 / 7.0;
    let wanted = [1.5, year.sin(), year.cos(), week.sin(), week.cos(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    for (got, wanted) in x.iter().zip(wanted) {
        assert!((f64::from(*got) - wanted).abs() < 1e-6, "{x}");
    }
    assert_eq!(table.features()[3..], ["day week sine", "day week cosine", "day is missing"]);
}

#[test]
fn rows_of_json_are_checked() {
    let rows =
        |text: &str| Rows::from_json(&serde_json::from_str::<Vec<_>>(text).unwrap()).map_err(|error| error.to_string());
    assert_eq!(rows(r#"[{"a": true, "b": 1e3}]"#).unwrap().cell(0, 0), "true");
    for (text, why) in [
        (r#"[{"a": [1]}]"#, "row 1: `a` must be a number"),
        (r#"[{"a": 1}, {"b": 1}]"#, "row 2: `b` must be a column that the first row has too"),
        (r#"[{"a": 1, "b": 2}, {"a": 1}]"#, "row 2: `b` must be there"),
    ] {
        assert!(rows(text).unwrap_err().contains(why), "{text}");
    }
    assert!(Rows::new(["a"]).push(["1", "2"]).is_err());
}

proptest! {
    /// What a file becomes on its way to training is what its rows become on their way to an answer.
    #[test]
    fn both_ways_of_reading_give_the_same_numbers(
        cells in prop::collection::vec((prop::option::of(-1e6f64..1e6), 0usize..4, 0i64..20_000, prop::bool::ANY), 6..40)
    ) {
        let mut text = "x,word,day,y\n".to_string();
        for (row, (x, word, day, y)) in cells.iter().enumerate() {
            let x = x.map_or(String::new(), |x| (x as f32).to_string());
            let date = format!("{}-{:02}-{:02}", 1970 + day / 400, 1 + day / 31 % 12, 1 + day % 28);
            text += &format!("{x},{},{date},{}\n", ["", "a", "b", "c"][*word], if row < 2 { row % 2 == 0 } else { *y });
        }
        let file = file(&text);
        let options = SurveyOptions { columns: [("x".to_string(), ColumnKind::Number), ("word".into(), ColumnKind::Category)].into(), ..Default::default() };
        let Ok(survey) = Survey::new(&file, "y", &options) else { return Ok(()) };
        let raw = RawTable::read(&file, survey).unwrap();
        let table = raw.fit(&[0, 1, 2, 3]);
        let (x, _) = table.encode(&Rows::from_csv("rows", text.as_bytes()).unwrap()).unwrap();
        let learnt = raw.encode(&table, &(0..raw.len()).collect::<Vec<_>>());
        prop_assert_eq!(x.shape(), learnt.shape());
        // What is stored has 24 bits, relative to the first row.
        let scale = 1e7;
        for (a, b) in x.iter().zip(&learnt) {
            prop_assert!((a - b).abs() <= (a.abs() + 1.0) * scale as f32 * f32::EPSILON, "{} {}", a, b);
        }
    }

    /// Any bytes are a table or an error, never a panic.
    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b';'), Just(b'1'), Just(b'a'), any::<u8>()], 0..200)) {
        if let Ok(file) = CsvFile::from_bytes("any", bytes.clone(), &CsvOptions::default()) {
            let target = file.columns().last().cloned().unwrap_or_default();
            if let Ok(survey) = Survey::new(&file, &target, &SurveyOptions::default()) {
                let raw = RawTable::read(&file, survey).unwrap();
                let table = raw.fit(&[0]);
                let encoded = raw.encode(&table, &[0]);
                prop_assert_eq!(encoded.shape(), &[1, table.width()]);
            }
        }
        let _ = Rows::from_csv("any", &bytes);
    }
}
