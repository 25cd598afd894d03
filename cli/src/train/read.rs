//! TOML read with the place in every error, and single fields set from the command line.

use super::words::plain;
use limpide::{Error, Result};
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::path::Path;
use toml::{Table, Value};

/// One `--set key=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    path: Vec<String>,
    /// What the field is set to.
    pub value: Value,
}

impl Setting {
    /// A value for the field at a path such as `optimizer.lr`.
    pub fn new(field: &str, value: Value) -> Self {
        Setting { path: names(field), value }
    }

    /// The path of the field, names with a point in quotes.
    pub fn field(&self) -> String {
        written(&self.path)
    }

    /// The value as it is read: text without quotes.
    pub fn text(&self) -> String {
        value_text(&self.value)
    }
}

/// A value as it is read: text without quotes, and numbers far from 1 with an exponent instead of zeros.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(x) if x.is_finite() => format!("{x:?}"),
        other => other.to_string(),
    }
}

/// As it is written after `--set`.
impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.field(), self.text())
    }
}

/// `{"field": "optimizer.lr", "value": 0.01}`.
impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_struct("Setting", 2)?;
        pair.serialize_field("field", &self.field())?;
        pair.serialize_field("value", &self.value)?;
        pair.end()
    }
}

/// Reads `optimizer.lr=0.01`, `layers.0.out_features=20` or `data.columns."sepal.length"=ignore`; a value that is not TOML is
/// text.
impl std::str::FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("wants key=value, such as optimizer.lr=0.01")?;
        let path = names(key);
        if path.iter().any(String::is_empty) {
            return Err(format!("wants a key such as optimizer.lr before the `=`, got `{key}`"));
        }
        let parsed =
            toml::from_str::<Table>(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
        Ok(Setting { path, value: parsed.unwrap_or_else(|| Value::String(value.to_string())) })
    }
}

/// The names of a path such as `data.columns."sepal.length"`, as TOML reads it; what is no TOML is cut at its points.
fn names(key: &str) -> Vec<String> {
    let mut path = Vec::new();
    let mut level = toml::from_str::<Table>(&format!("{key} = 0")).ok();
    while let Some((name, value)) = level.and_then(|table| table.into_iter().next()) {
        path.push(name);
        level = value.as_table().cloned();
    }
    if path.is_empty() { key.split('.').map(|name| name.trim().to_string()).collect() } else { path }
}

/// A path as [`names`] reads it.
fn written(path: &[String]) -> String {
    let name = |name: &String| match name.contains(['.', '"', '\'']) {
        true => Value::String(name.clone()).to_string(),
        false => name.clone(),
    };
    path.iter().map(name).collect::<Vec<_>>().join(".")
}

impl Setting {
    /// The part of the description that it is in.
    pub fn part(&self) -> &str {
        &self.path[0]
    }
}

/// A description from its fields, with others set from outside.
///
/// # Errors
/// An unknown field or value, with the nearest name.
pub fn described<D: DeserializeOwned>(table: Table, settings: &[Setting]) -> Result<D> {
    let mut whole = table.clone();
    apply(&mut whole, settings)?;
    let wrong = |error: toml::de::Error| {
        let name = culprit::<D>(&table, settings, &error);
        Error::Data { path: name.into(), problem: plain(error.message()) }
    };
    of_table(&whole).map_err(wrong)
}

/// `--set KEY=VALUE` of the first setting with which a description has this error.
fn culprit<D: DeserializeOwned>(table: &Table, settings: &[Setting], error: &toml::de::Error) -> String {
    let has_error = |settings: &[Setting]| {
        let mut table = table.clone();
        apply(&mut table, settings).is_ok() && of_table::<D>(&table).is_err_and(|own| own.message() == error.message())
    };
    let first = (0..settings.len()).find(|&last| has_error(&settings[..=last]));
    first.map_or("--set".into(), |first| format!("--set {}", settings[first]))
}

/// Through text, so that the reader of descriptions is compiled for one format alone.
fn of_table<D: DeserializeOwned>(table: &Table) -> std::result::Result<D, toml::de::Error> {
    toml::from_str(&toml::to_string(table).expect("a table was text before"))
}

fn apply(table: &mut Table, settings: &[Setting]) -> Result<()> {
    for Setting { path, value } in settings {
        set(table, path, value.clone())
            .map_err(|problem| Error::option(format!("--set {}", written(path)), "the place of a field", problem))?;
    }
    Ok(())
}

/// A TOML file as a description, with fields set from outside.
///
/// # Errors
/// A file that cannot be read; TOML that is wrong, an unknown field or value, with line and column and the nearest name.
pub fn read<D: DeserializeOwned>(path: &Path, settings: &[Setting]) -> Result<D> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    parse(path, bytes, settings)
}

/// [`read`] of the bytes of a file; `path` is what errors name.
///
/// # Errors
/// Those of [`read`].
pub fn parse<D: DeserializeOwned>(path: &Path, bytes: Vec<u8>, settings: &[Setting]) -> Result<D> {
    let wrong = |problem: String| Error::Data { path: path.into(), problem };
    let text = String::from_utf8(bytes)
        .map_err(|error| wrong(format!("is not UTF-8 text (byte {})", error.utf8_error().valid_up_to())))?;
    let placed = |error: toml::de::Error| {
        let place = error.span().map(|span| place(&text, span.start));
        wrong(format!("{}{}", place.unwrap_or_default(), plain(error.message())))
    };
    if settings.is_empty() {
        return toml::from_str(&text).map_err(placed);
    }
    let table: Table = toml::from_str(&text).map_err(placed)?;
    let mut whole = table.clone();
    apply(&mut whole, settings)?;
    of_table(&whole).map_err(|error| match toml::from_str::<D>(&text) {
        // What is wrong in the file itself is told with its place.
        Err(own) if own.message() == error.message() => placed(own),
        _ => {
            let name = culprit::<D>(&table, settings, &error);
            wrong(format!("with {name}: {}", plain(error.message())))
        }
    })
}

/// `line 3, column 5: ` of a byte in a text.
fn place(text: &str, at: usize) -> String {
    let before = &text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    format!("line {line}, column {column}: ")
}

/// Puts a value at a path of names and list places; tables on the way are made.
fn set(table: &mut Table, path: &[String], value: Value) -> std::result::Result<(), String> {
    let (last, above) = path.split_last().expect("a key has a name");
    let mut place = table;
    let mut names = above.iter().peekable();
    while let Some(name) = names.next() {
        let next = place.entry(name).or_insert_with(|| Value::Table(Table::new()));
        place = match next {
            Value::Table(inner) => inner,
            Value::Array(list) => {
                let count = list.len();
                let number =
                    names.next().ok_or_else(|| format!("`{name}` is a list, and a number from 0 must follow"))?;
                let item = number.parse::<usize>().ok().and_then(|number| list.get_mut(number));
                match item {
                    Some(Value::Table(inner)) => inner,
                    Some(_) => return Err(format!("`{name}.{number}` has no fields")),
                    None => return Err(format!("`{name}` has {count} items, and no item {number}")),
                }
            }
            _ => return Err(format!("`{name}` has no fields")),
        };
    }
    place.insert(last.clone(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn set_in(text: &str, settings: &[&str]) -> std::result::Result<Table, String> {
        let mut table: Table = toml::from_str(text).unwrap();
        for setting in settings {
            let Setting { path, value } = setting.parse()?;
            set(&mut table, &path, value)?;
        }
        Ok(table)
    }

    #[test]
    fn a_field_is_set_wherever_it_stands() {
        let text = "seed = 1\n[[layers]]\nout = 1\n[[layers]]\nout = 2\n";
        let got = set_in(text, &["seed=7", "layers.1.out=3", "optimizer.lr=1e-2", "name=a b", "shape=[1, 8]"]).unwrap();
        let wanted = "seed = 7\nname = 'a b'\nshape = [1, 8]\n[optimizer]\nlr = 0.01\n[[layers]]\nout = 1\n[[layers]]\nout = 3\n";
        assert_eq!(got, toml::from_str::<Table>(wanted).unwrap());
        // A name in quotes may hold anything, and comes back as it is written after --set.
        for (setting, name) in [
            (r#"a."sepal.length"=ignore"#, "sepal.length"),
            (r#"a."say \"x\".y"=ignore"#, "say \"x\".y"),
            ("a.it's=ignore", "it's"),
            ("a.größe=ignore", "größe"),
        ] {
            let got = set_in("", &[setting]).unwrap();
            assert_eq!(got["a"].get(name).and_then(Value::as_str).map(str::trim), Some("ignore"), "{setting}");
            let again = setting.parse::<Setting>().unwrap().to_string();
            assert_eq!(set_in("", &[&again]).unwrap(), got, "{again}");
        }
    }

    #[test]
    fn a_very_large_number_is_written_with_an_exponent() {
        for (value, text) in [("1e30", "1e30"), ("2.5e-9", "2.5e-9"), ("0.05", "0.05"), ("3.0", "3.0"), ("7", "7")] {
            assert_eq!(format!("lr={value}").parse::<Setting>().unwrap().to_string(), format!("lr={text}"));
        }
    }

    #[test]
    fn a_place_that_is_not_there_is_named() {
        let text = "seed = 1\nlayers = [{ out = 1 }, 3]\n";
        for (setting, problem) in [
            ("seed", "wants key=value"),
            ("a..b=1", "wants a key"),
            ("seed.a=1", "`seed` has no fields"),
            ("layers.2.out=1", "`layers` has 2 items, and no item 2"),
            ("layers.x.out=1", "no item x"),
            ("layers.1.out=1", "`layers.1` has no fields"),
        ] {
            let error = set_in(text, &[setting]).unwrap_err();
            assert!(error.contains(problem), "{setting}: {error}");
        }
    }

    #[test]
    fn errors_have_their_place_on_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.toml");
        std::fs::write(&path, "a = 1\nä = 2\n  b = 'x'\n").unwrap();
        let error = read::<BTreeMap<String, u32>>(&path, &[]).unwrap_err().to_string();
        assert!(error.contains("line 2, column 1: ") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn of_several_settings_the_wrong_one_is_named() {
        type Numbers = BTreeMap<String, u32>;
        let settings = ["a=1", "b=x", "c=2"].map(|text| text.parse::<Setting>().unwrap());
        let error = parse::<Numbers>(Path::new("run.toml"), b"a = 3\n".to_vec(), &settings).unwrap_err().to_string();
        assert!(
            error.starts_with("run.toml: with --set b=x: wants a whole number from 0, got the text `x`"),
            "{error}"
        );
        let error = described::<Numbers>(Table::new(), &settings).unwrap_err().to_string();
        assert!(error.starts_with("--set b=x: wants a whole number from 0"), "{error}");
    }
}
