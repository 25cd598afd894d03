//! Numbers and dates as people write them: with a decimal comma, digits in threes, per cent, or day and month in any order.

use super::cell::{date, number};

/// What can stand between the threes of a long number; a space may be one that keeps a line together.
const BETWEEN_THREES: [char; 6] = [',', '.', '\'', ' ', '\u{a0}', '\u{202f}'];

/// A number with a decimal comma as one with a point: `5.1` of `5,1`.
pub(super) fn pointed(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once(',')?;
    let pointed = format!("{whole}.{fraction}");
    number(&pointed).map(|_| pointed)
}

/// A number whose digits stand in threes, and what stands between them: `,` and `1234.5` of `1,234.5`.
pub(super) fn in_threes(text: &str) -> Option<(char, String)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let between = unsigned.chars().find(|letter| !letter.is_ascii_digit())?;
    let end = unsigned.find(|letter| letter != between && [',', '.'].contains(&letter)).unwrap_or(unsigned.len());
    let (whole, fraction) = unsigned.split_at(end);
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mut threes = whole.split(between);
    let first = threes.next()?;
    let sound = BETWEEN_THREES.contains(&between)
        && (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && threes.all(|three| three.len() == 3 && are_digits(three))
        && fraction.get(1..).is_none_or(|digits| !digits.is_empty() && are_digits(digits));
    sound.then(|| (between, text.replace(between, "")))
}

/// The sign before the fractions of numbers, where a cell shows it: a comma in `5,1`, a point in `5.1` and in `1,234,567`. In
/// `1.234` a point may stand between threes, so it shows nothing.
pub(super) fn decimal_sign(text: &str) -> Option<char> {
    if pointed(text).is_some() {
        return Some(',');
    }
    let shows_point = match in_threes(text) {
        Some((between, _)) => between == ',',
        None => text.contains('.') && number(text).is_some(),
    };
    shows_point.then_some('.')
}

/// What a text looks like that is no number and no date here but was meant as one, and how to write it.
pub(super) fn meant(text: &str) -> Option<String> {
    if let Some(share) = text.strip_suffix('%').map(str::trim_end) {
        let whole = in_threes(share).map(|(_, plain)| plain);
        let plain = whole.or_else(|| pointed(share)).or_else(|| number(share).map(|_| share.to_string()))?;
        return Some(format!("percentages such as `{text}`; write {plain}"));
    }
    if let Some((_, plain)) = in_threes(text) {
        return Some(format!("numbers with thousands separators such as `{text}`; write {plain}"));
    }
    if let Some(plain) = pointed(text) {
        return Some(format!(
            "numbers with a decimal comma such as `{text}`; write {plain} or say data.decimal = \",\""
        ));
    }
    (date(text).is_none() && is_other_date(text))
        .then(|| format!("dates such as `{text}`, in a form that is not read; write them as 2024-05-31"))
}

/// Whether a text is a day, a month and a year in that order or with the month first, perhaps with a time.
fn is_other_date(text: &str) -> bool {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    ['/', '.', '-'].into_iter().any(|separator| {
        let parts: Vec<&str> = day.split(separator).collect();
        let [first, second, year] = parts[..] else { return false };
        let small = |part: &str| part.parse::<u8>().ok().filter(|number| part.len() <= 2 && *number > 0);
        let sound = small(first).zip(small(second)).is_some_and(|(a, b)| a.min(b) <= 12 && a.max(b) <= 31);
        sound && [2, 4].contains(&year.len()) && year.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_comma_is_one_comma_in_a_number() {
        for (text, plain) in [("5,1", "5.1"), ("-0,25", "-0.25"), ("1,5E-3", "1.5E-3"), (",5", ".5")] {
            assert_eq!(pointed(text).as_deref(), Some(plain), "{text}");
        }
        for text in ["", ",", "5", "5.1", "1,2,3", "1.234,5", "a,b", "5,1 kg", "1,2e"] {
            assert_eq!(pointed(text), None, "{text}");
        }
    }

    #[test]
    fn digits_in_threes_are_one_number() {
        for (text, between, plain) in [
            ("10,000", ',', "10000"),
            ("-1,234,567.5", ',', "-1234567.5"),
            ("1.234,5", '.', "1234,5"),
            ("1.234", '.', "1234"),
            ("1 234 567", ' ', "1234567"),
            ("12\u{202f}345,6", '\u{202f}', "12345,6"),
            ("1'000", '\'', "1000"),
        ] {
            assert_eq!(in_threes(text), Some((between, plain.into())), "{text}");
        }
        for text in ["", "1000", "0,123", "1234,567", "1,23", "1,234,", "1,234.", "1,2345", "1,,234", "a,123", "1x234"]
        {
            assert_eq!(in_threes(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_told_of_what_looks_like_it_alone() {
        for text in ["37%", "12,5 %", "1,000", "5,1", "05/31/2024", "31/5/24 12:30", "31-05-2024", "31.05.24"] {
            assert!(
                meant(text).is_some_and(|told| told.contains(&format!("such as `{text}`; "))
                    || told.contains(&format!("such as `{text}`, "))),
                "{text}"
            );
        }
        for text in
            ["", "%", "a%", "1.2.3", "32/13/2024", "0/1/2024", "31.05.2024", "13-14-2024", "1/2", "12-34-5678", "a,b"]
        {
            assert_eq!(meant(text), None, "{text}");
        }
    }
}
