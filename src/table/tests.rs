//! Files of rows, from their form to the numbers of a network.

use super::*;
use crate::Result;
use proptest::prelude::*;

pub(super) fn file(text: &str) -> CsvFile {
    CsvFile::from_bytes("test.csv", text.as_bytes().to_vec(), &CsvOptions::default()).unwrap()
}

pub(super) fn survey(text: &str, target: &str) -> Result<Survey> {
    Survey::new(&file(text), target, &SurveyOptions::default())
}

pub(super) fn refusal(text: &str, target: &str) -> String {
    survey(text, target).unwrap_err().to_string()
}

/// A header, then a line for each number below `rows`.
pub(super) fn lines(header: &str, rows: usize, line: impl Fn(usize) -> String) -> String {
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
            "column `code` is left out: it is different text in every row, as a name or number of a thing is; \
             data.columns.code = \"category\" keeps it",
            "column `same` is left out: it is `7` in every row",
            "column `none` is left out: no row has a value",
            "column `count` is left out: it only counts the rows; data.columns.count = \"number\" keeps it",
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
        // Finite in 8 bytes and not in the 4 of a network.
        ("1e39", "row 41 (line 42), column `x`: `1e39` is too large"),
        ("12O", "row 41 (line 42), column `x`: `12O` stands among numbers"),
    ] {
        let error = refusal(&text(cell), "y");
        assert!(error.contains(why), "wants {why} in {error}");
    }
    assert!(survey(&text(""), "y").is_ok());
    for (text, why) in [
        (
            lines("x,y", 9, |i| format!("{i},{}", ["a", ""][usize::from(i > 3)])),
            "5 of 9 rows have no value of the target `y`; the first is row 5 (line 6); fill them in",
        ),
        (lines("x,y", 9, |i| format!("{},{}", i * i, ["2", "inf"][i / 8])), "row 9 (line 10): the target `y` is `inf`"),
        (
            lines("x,y", 9, |i| format!("{},{}", i * i, ["2", "-1e39"][i / 8])),
            "row 9 (line 10): the target `y` is `-1e39`, which is too large",
        ),
        (lines("x,y", 9, |i| format!("{},a", i * i)), "`y` is `a` in all 9 rows"),
        (lines("x,y", 1, |i| format!("{i},a")), "`y` is `a` in the only row"),
        (
            lines("x,y", 9, |i| format!("{},n{i}", i * i)),
            "`y` has 9 different values in 9 rows, too many to learn as classes; is it",
        ),
        // A name that TOML wants in quotes.
        (
            lines("x.é,y", 99, |i| format!("{},{}", if i == 5 { "l".into() } else { i.to_string() }, i % 2)),
            "`l` stands among numbers; correct it, leave the cell empty when the value is missing, or say what the column is: \
             data.columns.\"x.é\" = ",
        ),
        (lines("x,y", 9, |i| format!("1,{}", i % 2)), "has nothing to tell `y` from: column `x` is left out"),
        (lines("y", 9, |i| (i % 2).to_string()), "there is no other column"),
    ] {
        let error = refusal(&text, "y");
        assert!(error.contains(why), "wants {why} in {error}");
    }
}

/// `5,1` where a comma is no delimiter is what `5.1` is elsewhere, in the survey, in training and in rows to answer.
#[test]
fn decimal_commas_are_read_as_points() {
    let text = lines("x;word;y", 200, |i| format!("{},{};w{};{},5", i % 50, i * 7 % 10, i % 3, 100 + i * 37 % 150));
    let (comma, point) = (file(&text), file(&text.replace(',', ".")));
    let [comma_table, point_table] = [&comma, &point].map(|file| {
        let survey = Survey::new(file, "y", &SurveyOptions::default()).unwrap();
        assert_eq!(survey.task, Task::Regression);
        RawTable::read(file, survey).unwrap()
    });
    let all: Vec<usize> = (0..200).collect();
    let table = point_table.fit(&all).unwrap();
    assert_eq!(comma_table.fit(&all).unwrap(), table);
    assert_eq!(comma_table.targets(&all, 0.0, 1.0), point_table.targets(&all, 0.0, 1.0));
    assert_eq!(comma_table.survey.notes, ["numbers are written with a decimal comma"]);
    assert!(point_table.survey.notes.is_empty());
    let [rows, same] = ["x;word\n5,1;w0\n-2;w1\n", "x;word\n5.1;w0\n-2;w1\n"]
        .map(|text| table.encode(&Rows::from_csv("rows", text.as_bytes()).unwrap()).unwrap());
    assert_eq!(rows, same);
}

#[test]
fn which_sign_parts_a_fraction_is_found() {
    for (text, delimiter, header, cells) in [
        // Without a header each comma could be a delimiter as well.
        ("5,1;3;a\n4,9;2;b\n", ';', false, &["5.1", "3", "a"][..]),
        ("5,1\t3,5e-2\n-4,9\t2\n", '\t', false, &["5.1", "3.5e-2"]),
        // Points that part fractions, and commas that part thousands, leave the commas as they are.
        ("a;b\n5,1;2.5\n", ';', true, &["5,1", "2.5"]),
        ("a;b\n10,000;1,234,567\n", ';', true, &["10,000", "1,234,567"]),
        ("a;b\n0.123;1,2\n", ';', true, &["0.123", "1,2"]),
        // No number is what has a comma too many, or letters.
        ("a;b;c\n5,1;1,2,3;a,b\n", ';', true, &["5.1", "1,2,3", "a,b"]),
        // Days have points too.
        ("a;b\n5,1;31.12.2024\n", ';', true, &["5.1", "31.12.2024"]),
        ("a,b\n\"5,1\",2\n", ',', true, &["5,1", "2"]),
    ] {
        let file = file(text);
        let mut first = None;
        file.each(&mut |_, row| {
            first.get_or_insert_with(|| row.iter().map(str::to_string).collect::<Vec<_>>());
            Ok(())
        })
        .unwrap();
        assert_eq!((file.delimiter(), file.has_header()), (Some(delimiter), header), "{text}");
        assert_eq!(first.unwrap(), cells, "{text}");
    }
    // What is asked for is not looked for.
    for (text, asked, cell) in
        [("a;b\n5,1;2.5\n", ',', "5.1"), ("a;b\n5,1;2\n", '.', "5,1"), ("a,b\n\"5,1\",2\n", ',', "5.1")]
    {
        let options = CsvOptions { decimal: Some(asked), ..CsvOptions::default() };
        let rows = CsvFile::from_bytes("x", text.as_bytes().to_vec(), &options).unwrap();
        assert_eq!(rows.decimal(), Some(asked));
        rows.each(&mut |_, row| {
            assert_eq!(&row[0], cell, "{text}");
            Ok(())
        })
        .unwrap();
    }
    let options = CsvOptions { decimal: Some(';'), ..CsvOptions::default() };
    let error = CsvFile::from_bytes("x", b"a\n1\n".to_vec(), &options).unwrap_err().to_string();
    assert!(error.contains("the decimal sign must be `.` or `,`, got `;`"), "{error}");
    // A point may part thousands where a comma parts fractions.
    let error = refusal("x;y\n5,1;a\n7,25;b\n1.234;a\n", "y");
    assert!(error.contains("row 3 (line 4), column `x`: `1.234`") && error.contains("write 1234 or 1,234"), "{error}");
}

type Cell = fn(usize) -> String;

/// A column that is taken for something else than its writer meant says so, with the cell that is why.
#[test]
fn cells_that_were_meant_as_numbers_or_dates_are_told() {
    let told = |cell: Cell| {
        let text = lines("x;z;y", 100, |i| format!("{};{};{}", cell(i), i * 31 % 97, ["no", "yes"][i % 2]));
        survey(&text, "y").map_or_else(|error| error.to_string(), |survey| survey.notes.join("\n"))
    };
    fn slip(i: usize, count: usize) -> String {
        if i == 60 { "abc".into() } else { (i * i % count).to_string() }
    }
    let cases: [(Cell, &[&str]); 20] = [
        (
            |i| format!("{},{i:03},000", 1 + i),
            &["column `x` is left out", "numbers with thousands separators such as `1,000,000`; write 1000000"],
        ),
        (|i| format!("1.{i:03},5"), &["thousands separators such as `1.000,5`; write 1000,5"]),
        (|i| format!("{i}.5%"), &["column `x` is left out", "percentages such as `0.5%`; write 0.5"]),
        (|i| format!("{} %", i % 9), &["column `x` is taken for categories", "percentages such as `0 %`; write 0"]),
        (|i| format!("{}/{}/2024", 1 + i / 12, 1 + i % 12), &["such as `1/1/2024`, all of which", "as 2024-05-31"]),
        (|i| format!("{}.{}.24", 1 + i % 28, 1 + i / 28), &["dates such as `1.1.24`"]),
        (
            |i| format!("${}.{:02}", 1 + i * 13, i),
            &["column `x` is left out", "numbers with a unit such as `$1.00`; write 1.00"],
        ),
        (|i| format!("{} km", i * i), &["column `x` is left out", "numbers with a unit such as `0 km`; write 0"]),
        (|i| format!("{}kg", i % 9), &["column `x` is taken for categories", "numbers with a unit such as `0kg`"]),
        (
            |i| format!("{}-{:02}", 2000 + i / 12, 1 + i % 12),
            &["left out", "dates such as `2000-01`", "write them as 2024-05-31"],
        ),
        (
            |i| format!("{:02}:30", i % 24),
            &["column `x` is taken for categories", "times such as `00:30`", "the hours 0.5"],
        ),
        (|i| format!("{}:{:02}:15", i / 60, i % 60), &["column `x` is left out", "times such as `0:00:15`"]),
        (|i| format!("{} Jan 2024", 1 + i % 28), &["column `x` is taken for categories", "dates such as `1 Jan 2024`"]),
        (
            |i| format!("{:05}", i * 7 % 50),
            &["column `x` is taken for numbers: `00000` has zeros", "data.columns.x = "],
        ),
        // More different numbers than codes have: a slip, however few they are.
        (|i| slip(i, 47), &["row 61 (line 62), column `x`: `abc` stands among numbers", "data.columns.x = "]),
        (
            |i| if i == 60 { "1.5.2024".into() } else { (i * i).to_string() },
            &["row 61 (line 62), column `x`: `1.5.2024` stands among numbers; correct it"],
        ),
        (
            |i| if i == 60 { "?!".into() } else { format!("2024-01-{:02}", 1 + i % 28) },
            &["column `x` is taken for categories: `?!` in row 61 (line 62) stands among dates; correct it"],
        ),
        // Few could be codes.
        (
            |i| slip(i, 7),
            &[
                "column `x` is taken for categories: `abc` in row 61 (line 62) stands among numbers",
                "data.columns.x = ",
            ],
        ),
        (|i| if i % 3 == 0 { "n.d.".into() } else { (i * i).to_string() }, &["is left out: `n.d.` in row 1 (line 2)"]),
        (|i| if i == 60 { "12,5%".into() } else { i.to_string() + ".5" }, &["row 61 (line 62), column `x`: `12,5%`"]),
    ];
    for (cell, words) in cases {
        let told = told(cell);
        for words in words {
            assert!(told.contains(words), "wants {words} in {told}");
        }
    }
    // Of a target it is said too.
    let text =
        lines("x,y", 100, |i| format!("{},{}", i * i % 89, if i == 3 { "l".into() } else { (i % 7).to_string() }));
    let note =
        "the target `y` is taken for classes: `l` in row 4 (line 5) stands among numbers; correct it, or say data.task";
    assert!(survey(&text, "y").unwrap().notes[0].starts_with(note));
    // Texts with a number here and there are what they are, and so are codes with letters.
    assert_eq!(told(|i| ["1a", "2b", "3c"][i % 3].into()), "");
    assert_eq!(told(|i| ["0", "0.5", "10"][i % 3].into()), "");
    assert_eq!(told(|i| ["a", "b", "7"][i % 3].into()), "");
}

#[test]
fn many_numbers_as_classes_are_better_numbers() {
    let options = SurveyOptions { task: Some(Task::Classification), ..SurveyOptions::default() };
    let error = Survey::new(&file(&lines("x,y", 9, |i| format!("{},{i}", i * i))), "y", &options).unwrap_err();
    assert!(error.to_string().ends_with("; data.task = \"regression\" takes them as numbers"), "{error}");
}

#[test]
fn the_form_of_a_file_is_told_where_it_is_wrong() {
    let quoted = |cell: &str| lines("x,y,z", 9, |i| if i == 6 { cell.into() } else { format!("{i},{},w", i * i) });
    for (text, words) in [
        ("x,y,x\n1,2,3\n".to_string(), &["two columns `x`", "no header: data.header = false"][..]),
        ("1,2\n3,4\n".into(), &["`1`, `2`, which are called by numbers", "has no header", "data.header = true"]),
        ("x,y\n1,2\n3\n".into(), &["row 2 (line 3) has 1 cell, and the header has 2"]),
        ("x,y\r\n1,2\r\n3\r\n".into(), &["row 2 (line 3) has 1 cell"]),
        ("x,y\r\n1,2\r\n3,inf\r\n".into(), &["row 2 (line 3)", "`inf`"]),
        // What stands behind a quote that is not closed is one cell.
        (format!("sep=,\n{}", quoted("6")), &["row 7 (line 9) has 1 cell, "]),
        (quoted("6,\"a,w"), &["row 7 (line 8) has 2 cells", "a quote `\"` opened in it and not closed"]),
        (quoted("6,36,\"w"), &["row 7 (line 8) has rows in its last cell", "a quote `\"` opened in it and not closed"]),
    ] {
        let options = CsvOptions { expected: Some("y".into()), ..CsvOptions::default() };
        let file = CsvFile::from_bytes("test.csv", text.clone().into_bytes(), &options);
        let error = file.and_then(|file| Survey::new(&file, "y", &SurveyOptions::default())).unwrap_err().to_string();
        for words in words {
            assert!(error.contains(words), "wants {words} in {error}");
        }
    }
    // Who does not train has no `data.header`.
    let twice = CsvFile::from_bytes("test.csv", b"x,y,x\n1,2,3\n".to_vec(), &CsvOptions::default()).unwrap_err();
    assert!(twice.to_string().ends_with("two columns `x`; rename one"), "{twice}");
    // A cell of several lines is none, nor one that ends in a line end and holds no rows.
    assert!(survey(&(quoted("6,36,\"w\nw\"") + "9,81,\"w\n\n\"\n"), "y").is_ok());
}

#[test]
fn a_first_line_may_name_the_delimiter() {
    for text in ["sep=;\na;b\n1,5;x\n", "\u{feff}\"sep=;\"\r\na;b\r\n1,5;x\r\n", "SEP=;\r\na;b\n1,5;x\n"] {
        let file = file(text);
        assert_eq!((file.columns(), file.delimiter()), (&["a".to_string(), "b".into()][..], Some(';')), "{text}");
        let mut cells = Vec::new();
        file.each(&mut |row, record| {
            assert_eq!(row, 1);
            cells.extend(record.iter().map(str::to_string));
            Ok(())
        })
        .unwrap();
        assert_eq!(cells, ["1.5", "x"], "{text}");
    }
    let file = CsvFile::from_bytes("x", b"sep=;\n".to_vec(), &CsvOptions::default());
    assert!(file.unwrap_err().to_string().contains("is empty"));
}

/// 10³⁰ is a number of 4 bytes, but not when it is divided by a deviation of 10⁻⁹.
#[test]
fn numbers_that_are_too_far_from_the_others_are_told() {
    let file = file("x,y\n1e-9,a\n3e-9,b\n1e30,a\n");
    let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
    let error = raw.fit(&[0, 1]).unwrap_err().to_string();
    assert!(error.contains("row 3, column `x` must be a number nearer to those of the rows that train"), "{error}");
    let encoding = Encoding::Number { mean: 2e-9, std: 1e-9, missing: false };
    let table = Table { columns: vec![Column { name: "x".into(), encoding }], header: true };
    for (cell, wanted) in [("1e30", "a number nearer to"), ("-1e39", "a number of at most 1e38"), ("1e400", "a finite")]
    {
        let mut rows = Rows::new(["x"]);
        rows.push([cell]).unwrap();
        let error = table.encode(&rows).unwrap_err().to_string();
        assert!(error.contains(&format!("row 1, column `x` must be {wanted}")), "{error}");
    }
}

/// By hand: of 1, 2, 3 the mean is 2 and the deviation √(2/3); the fourth row does not train.
#[test]
fn only_the_rows_that_train_are_measured() {
    let file = file("x,colour,y\n1,red,0\n2,blue,1\n3,red,0\n100,green,1\n,red,1\n");
    let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
    let table = raw.fit(&[0, 1, 2]).unwrap();
    let std = (2.0f64 / 3.0).sqrt();
    assert_eq!(table.columns[0].encoding, Encoding::Number { mean: 2.0, std, missing: false });
    assert_eq!(table.columns[1].encoding, Encoding::Category { values: vec!["blue".into(), "red".into()] });
    assert_eq!(table.columns[2].encoding, Encoding::Target);
    let z = |x: f64| ((x - 2.0) / std) as f32;
    let wanted = [z(1.0), 0.0, 1.0, z(2.0), 1.0, 0.0, z(3.0), 0.0, 1.0, z(100.0), 0.0, 0.0, 0.0, 0.0, 1.0];
    assert_eq!(raw.encode(&table, &[0, 1, 2, 3, 4]), crate::tensor(&[5, 3], wanted.to_vec()));
    assert_eq!(raw.targets(&[4, 0], 0.0, 1.0), crate::data::Target::classes(vec![1, 0]));
    // With the last row there is a value missing in training, and a number that says so.
    assert_eq!(raw.fit(&[0, 1, 4]).unwrap().features(), ["x", "x is missing", "colour=blue", "colour=red"]);
    assert_eq!(raw.fit(&[0]).unwrap().columns[0].encoding, Encoding::Number { mean: 1.0, std: 1.0, missing: false });
}

/// Shop `i` has 100 − i rows up to the 97th; below 5 rows a shop has no input where there are more than 64.
#[test]
fn categories_with_enough_rows_have_an_input_each() {
    let table = |shops: usize, rows: &dyn Fn(usize) -> usize| {
        let text: String = (0..shops).flat_map(|shop| vec![format!("s{shop},{}\n", shop % 2); rows(shop)]).collect();
        let file = file(&format!("shop,y\n{text}"));
        let raw = RawTable::read(&file, Survey::new(&file, "y", &SurveyOptions::default()).unwrap()).unwrap();
        let all: Vec<usize> = (0..raw.len()).collect();
        let table = raw.fit(&all).unwrap();
        let notes = raw.notes(&table, &all);
        (table, notes)
    };
    let (fitted, notes) = table(100, &|shop| 100 - shop);
    assert_eq!(fitted.width(), 96);
    // 4 + 3 + 2 + 1 of 5,050 rows.
    assert_eq!(
        notes,
        [
            "column `shop`: 4 of 100 categories, 0.2 % of the rows that train, count as none; the 96 most frequent have an input each"
        ]
    );
    let mut rows = Rows::new(["shop"]);
    rows.push(["s99"]).unwrap();
    assert_eq!(fitted.encode(&rows).unwrap().1.len(), 1);
    assert!(!fitted.columns[0].encoding.has_all_categories());
    let (fitted, notes) = table(60, &|shop| 1 + shop % 3);
    assert_eq!((fitted.width(), notes.len()), (60, 0));
    assert!(fitted.columns[0].encoding.has_all_categories());
    assert_eq!(table(600, &|_| 5).0.width(), 512);
}

/// A gap where training had none is told of every kind of column.
#[test]
fn a_gap_that_is_new_is_told() {
    let columns = [
        ("x", Encoding::Number { mean: 2.0, std: 1.0, missing: false }),
        ("known", Encoding::Number { mean: 2.0, std: 1.0, missing: true }),
        ("day", Encoding::Date { mean: 2.0, std: 1.0, missing: false, time: false, day_first: None }),
        ("word", Encoding::Category { values: vec!["a".into()] }),
    ];
    let columns = columns.map(|(name, encoding)| Column { name: name.into(), encoding }).to_vec();
    let mut rows = Rows::new(["x", "known", "day", "word"]);
    rows.push(["NA", "", "", "?"]).unwrap();
    let (_, unseen) = Table { columns, header: true }.encode(&rows).unwrap();
    let told = |column: &str| Unseen { row: 0, column: column.into(), value: String::new() };
    assert_eq!(unseen, ["x", "day", "word"].map(told));
}

/// 2024-01-01 was a Monday, day 19,723: 4 days after a Thursday, and 0.4946 … of a year from where its circle begins.
#[test]
fn a_date_is_a_number_and_its_places_in_circles() {
    let encoding = Encoding::Date { mean: 19_720.0, std: 2.0, missing: true, time: false, day_first: None };
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
        let table = raw.fit(&[0, 1, 2, 3]).unwrap();
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
                let table = raw.fit(&[0]).unwrap();
                let encoded = raw.encode(&table, &[0]);
                prop_assert_eq!(encoded.shape(), &[1, table.width()]);
            }
        }
        let _ = Rows::from_csv("any", &bytes);
    }
}
