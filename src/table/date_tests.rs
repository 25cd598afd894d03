//! Dates that end in their year.

use super::tests::{file, lines};
use super::*;

fn surveyed(text: &str, day_first: Option<bool>) -> crate::Result<Survey> {
    Survey::new(&file(text), "y", &SurveyOptions { day_first, ..SurveyOptions::default() })
}

/// Rows `when,x,y` of 60 days.
fn rows(cell: &dyn Fn(usize) -> String) -> String {
    lines("when,x,y", 60, |i| format!("{},{},{}", cell(i), i * i, i % 2))
}

/// Day and month of a row; the first day above 12 is the 16th, in row 4.
fn of(i: usize) -> (usize, usize) {
    (1 + i * 5 % 28, 1 + i * 7 % 12)
}

fn by_day(i: usize) -> String {
    format!("{:02}/{}/2020", of(i).0, of(i).1)
}

/// 2020-12-25 is the day 18,621.
#[test]
fn what_comes_first_is_read_from_the_whole_column_and_kept() {
    let by_month = |i: usize| format!("{}-{:02}-2020 06:00", of(i).1, of(i).0);
    for (first, cell, own, other, word) in [
        (true, &by_day as &dyn Fn(usize) -> String, "25/12/2020", "12/25/2020", "day"),
        (false, &by_month, "12/25/2020", "25/12/2020", "month"),
    ] {
        let text = rows(cell);
        // What the cells show counts more than what is asked for where they show nothing.
        let found = surveyed(&text, Some(!first)).unwrap();
        assert_eq!(found.kinds[0], Some(ColumnKind::Date));
        let note = format!(
            "column `when` is taken for dates with the {word} first, as `{}` in row 4 (line 5) has it",
            cell(3)
        );
        assert_eq!(found.notes, [note]);
        let raw = RawTable::read(&file(&text), found).unwrap();
        let all: Vec<usize> = (0..60).collect();
        let table = raw.fit(&all).unwrap();
        // What is kept with the model is read again, and reads as training did.
        let table: Table = serde_json::from_str(&serde_json::to_string(&table).unwrap()).unwrap();
        let Encoding::Date { mean, std, day_first, .. } = table.columns[0].encoding else { panic!("a date is wanted") };
        assert_eq!(day_first, Some(first));
        let (x, _) = table.encode(&Rows::from_csv("rows", text.as_bytes()).unwrap()).unwrap();
        assert!(x.iter().zip(&raw.encode(&table, &all)).all(|(a, b)| (a - b).abs() < 1e-4));
        let mut new = Rows::new(["when", "x"]);
        [own, "2020-12-25"].iter().for_each(|day| new.push([day, "1"]).unwrap());
        let (x, _) = table.encode(&new).unwrap();
        let z = |row: usize| f64::from(x[[row, 0]]);
        assert!([z(0), z(1)].iter().all(|z| (z - (18_621.0 - mean) / std).abs() < 1e-4), "{x}");
        let mut new = Rows::new(["when", "x"]);
        new.push([other, "1"]).unwrap();
        let error = table.encode(&new).unwrap_err().to_string();
        let example = if first { "31/05/2024" } else { "05/31/2024" };
        assert!(error.contains(&format!("column `when` must be a date such as {example}")), "{error}");
    }
}

#[test]
fn what_no_cell_shows_is_asked_for() {
    let text = rows(&|i| format!("01/{:02}/{}", 1 + i % 12, 2015 + i / 12));
    let found = surveyed(&text, None).unwrap();
    assert_eq!(found.kinds[0], Some(ColumnKind::Ignore));
    let words = "column `when` is left out: it looks like dates such as `01/01/2015`, all of which could have the day or the \
                 month first; say which: data.day_first = true or false, or write them as 2024-05-31";
    assert!(found.notes[0].starts_with(words), "{:?}", found.notes);
    // The second row is the 1st of February or the 2nd of January: 31 days or one behind the first.
    for (day_first, days) in [(true, 31.0), (false, 1.0)] {
        let found = surveyed(&text, Some(day_first)).unwrap();
        let note = format!("first, as data.day_first = {day_first} says");
        assert!(found.notes[0].ends_with(&note), "{:?}", found.notes);
        let raw = RawTable::read(&file(&text), found).unwrap();
        let table = raw.fit(&(0..60).collect::<Vec<_>>()).unwrap();
        let Encoding::Date { std, .. } = table.columns[0].encoding else { panic!("a date is wanted") };
        let x = raw.encode(&table, &[0, 1]);
        assert!((f64::from(x[[1, 0]] - x[[0, 0]]) * std - days).abs() < 1e-3);
    }
    let columns = [("when".to_string(), ColumnKind::Date)].into();
    let error =
        Survey::new(&file(&text), "y", &SurveyOptions { columns, ..Default::default() }).unwrap_err().to_string();
    assert!(
        error.contains("got `01/01/2015` in row 1 (line 2); it looks like") && error.contains("data.day_first"),
        "{error}"
    );
}

#[test]
fn cells_that_disagree_are_no_dates_and_both_are_named() {
    let text = rows(&|i| if i == 50 { "12/25/2020".into() } else { by_day(i) });
    for asked in [None, Some(true)] {
        let found = surveyed(&text, asked).unwrap();
        let words =
            "of which `16/10/2020` in row 4 (line 5) has the day first and `12/25/2020` in row 51 (line 52) the month";
        assert!(found.kinds[0] != Some(ColumnKind::Date) && found.notes[0].contains(words), "{:?}", found.notes);
    }
}

#[test]
fn rows_can_be_put_in_their_order() {
    let options = SurveyOptions { split_by: Some(SplitBy::Order("when".into())), ..Default::default() };
    let text = rows(&by_day);
    let raw = RawTable::read(&file(&text), Survey::new(&file(&text), "y", &options).unwrap()).unwrap();
    let Some(SplitKeys::Order(keys)) = raw.keys else { panic!("an order is wanted") };
    // From 01/1/2020 to 06/8/2020: 31 + 29 + 31 + 30 + 31 + 30 + 31 days to August and five more.
    assert_eq!(keys[1] - keys[0], 218.0);
}

#[test]
fn a_first_row_of_dates_is_no_header() {
    let rows: String = (0..60).map(|i| format!("{},{}\n", by_day(i), ["a", "b"][i % 2])).collect();
    assert!(!file(&rows).has_header());
}
