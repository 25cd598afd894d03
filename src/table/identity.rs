//! Columns that say which row it is and nothing about it.

use super::tally::Tally;

/// Whether a column is called as one that numbers rows is: `id`, `user_id`, `PassengerId`, `uuid`, `index`, or by the names that
/// pandas and this reader give to one that has none.
fn is_called_so(name: &str) -> bool {
    let lower = name.to_lowercase();
    let begins_a_word =
        |before: &str| before.ends_with(|letter: char| letter.is_lowercase() || letter.is_ascii_digit());
    ["id", "uuid", "index", "column 1"].contains(&lower.as_str())
        || lower.starts_with("unnamed: ")
        || lower.strip_suffix("id").is_some_and(|before| before.ends_with(['_', '-', ' ', '.']))
        || ["Id", "ID"].iter().any(|id| name.strip_suffix(id).is_some_and(begins_a_word))
}

impl Tally {
    /// Whether a column of numbers that is called like one of numbers of rows is one: whole numbers, none twice, that take up at
    /// least half of the room between the least and the most. Of very many only the first are known to be different.
    pub fn numbers_rows(&self, name: &str) -> bool {
        let room = self.most - self.least + 1.0;
        self.whole
            && self.numbers > 2
            && room <= 2.0 * self.numbers as f64
            && self.values.values().all(|&rows| rows == 1)
            && is_called_so(name)
    }
}
