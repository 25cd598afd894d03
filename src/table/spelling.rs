//! One value in several spellings: `1` and `1.0`, `Yes` and `yes`.

use super::tally::Tally;
use crate::diagnose::count;
use std::collections::{BTreeMap, HashMap};

/// Spellings of one value that are told; others are counted.
const TOLD: usize = 3;

/// Places in a list of names by a name's text, or where none has it by the number that it is.
pub(super) struct Places<'a> {
    texts: BTreeMap<&'a str, usize>,
    numbers: BTreeMap<u64, usize>,
}

impl<'a> Places<'a> {
    pub fn new(names: &'a [String]) -> Self {
        let texts = names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let numbers = names.iter().enumerate().filter_map(|(place, name)| Some((quantity(name)?, place)));
        Places { texts, numbers: numbers.collect() }
    }

    pub fn of(&self, text: &str) -> Option<usize> {
        self.texts.get(text).or_else(|| self.numbers.get(&quantity(text)?)).copied()
    }
}

/// The place of a text in a short list of names: of the same text, or where there is none of the same number, as `1.0` is `1`.
///
/// ```
/// use limpide::table::place_among;
/// let names = ["0".to_string(), "1".into(), "yes".into()];
/// assert_eq!([place_among(&names, "1.0"), place_among(&names, "Yes")], [Some(1), None]);
/// ```
pub fn place_among(names: &[String], text: &str) -> Option<usize> {
    let same = |name: &String| quantity(name).is_some() && quantity(name) == quantity(text);
    names.iter().position(|name| name == text).or_else(|| names.iter().position(same))
}

/// What number a text is, so that equal ones are equal; none of a code such as `007`.
fn quantity(text: &str) -> Option<u64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let is_code = unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.as_bytes()[1].is_ascii_digit();
    let x = super::cell::number(text).filter(|x| x.is_finite() && !is_code)?;
    Some((x + 0.0).to_bits()) // -0 is 0
}

/// A text by which those of one value are the same: of `1` and `1.0` too.
pub(super) fn plain(text: &str) -> String {
    quantity(text).map_or_else(|| text.into(), |bits| f64::from_bits(bits).to_string())
}

impl Tally {
    /// Counts texts that are the same number as one, which has the shortest of their spellings.
    pub fn unite_numbers(&mut self) {
        let mut spellings: HashMap<u64, Vec<String>> = HashMap::new();
        for text in self.values.keys() {
            if let Some(number) = quantity(text) {
                spellings.entry(number).or_default().push(text.clone());
            }
        }
        for mut same in spellings.into_values().filter(|same| same.len() > 1) {
            same.sort_by_key(|text| (text.len(), text.clone()));
            let rows = same.iter().filter_map(|text| self.values.remove(text)).sum();
            self.values.insert(same.swap_remove(0), rows);
        }
    }

    /// What the reader of `what` should know of texts in it that differ in letter case or blanks alone.
    pub fn spellings(&self, what: &str) -> Option<String> {
        let mut alike: BTreeMap<String, Vec<(&String, usize)>> = BTreeMap::new();
        for (text, &rows) in &self.values {
            let key = text.split_whitespace().collect::<String>().to_lowercase();
            alike.entry(key).or_default().push((text, rows));
        }
        alike.retain(|_, same| same.len() > 1);
        let told = alike.values_mut().take(TOLD).map(|same| {
            same.sort_by_key(|&(text, rows)| (std::cmp::Reverse(rows), text));
            same.iter()
                .map(|(text, rows)| format!("`{text}` in {}", count(*rows, "row")))
                .collect::<Vec<_>>()
                .join(" and ")
        });
        let told = told.collect::<Vec<_>>().join("; ");
        let more = if alike.len() > TOLD { format!("; so are {} more", alike.len() - TOLD) } else { String::new() };
        (!alike.is_empty()).then(|| {
            format!("{what}: {told} are kept apart, and differ in letter case or blanks alone{more}; write what is the same alike")
        })
    }
}
