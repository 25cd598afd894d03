//! Numbers, times and dates as people write them: with a decimal comma, digits in threes, per cent, a unit, or day and month in
//! any order.

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
        let plain = any_number(share)?;
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
    if let Some(hours) = hours(text) {
        return Some(format!(
            "times such as `{text}`; write one number, such as the hours {hours}, or a date before it"
        ));
    }
    (date(text, None).is_none() && (is_other_date(text) || is_month(text) || has_month_name(text)))
        .then(|| format!("dates such as `{text}`, in a form that is not read; write them as 2024-05-31"))
}

/// A number in any of the forms above, as it is to be written.
fn any_number(text: &str) -> Option<String> {
    let whole = in_threes(text).map(|(_, plain)| plain);
    whole.or_else(|| pointed(text)).or_else(|| number(text).map(|_| text.to_string()))
}

/// Signs of money, which may stand before a number too.
const MONEY: [char; 6] = ['$', '€', '£', '¥', '₹', '₩'];

/// A number with one unit before or behind it, and that unit: `1306.50` and `$` of `$1,306.50`, `12` and `km` of `12 km`.
pub(super) fn with_unit(text: &str) -> Option<(String, &str)> {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    if let Some(letter) = rest.chars().next().filter(|letter| MONEY.contains(letter)) {
        let (unit, amount) = rest.split_at(letter.len_utf8());
        return Some((sign.to_string() + &any_number(amount.trim_start())?, unit));
    }
    let end = text.rfind(|letter: char| letter.is_ascii_digit())? + 1;
    let unit = text[end..].trim_start();
    let is_unit =
        |letter: char| letter.is_alphabetic() || MONEY.contains(&letter) || ['°', '²', '³', '/'].contains(&letter);
    let sound = !unit.is_empty() && unit.chars().all(is_unit) && !text.starts_with(char::is_alphabetic);
    any_number(&text[..end]).filter(|_| sound).map(|plain| (plain, unit))
}

/// The hours of `10:30`, `75:30:15` or `1:05 pm`, in at most four digits behind the point.
fn hours(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let half = ["am", "pm"].into_iter().find(|half| lower.ends_with(half));
    let parts: Vec<&str> = lower.trim_end_matches(half.unwrap_or_default()).trim_end().split(':').collect();
    let whole = |part: &str| part.parse::<u32>().ok().filter(|_| part.len() <= 3);
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (whole(hour)?, whole(minute)?, 0.0),
        [hour, minute, second] if second.starts_with(|c: char| c.is_ascii_digit()) => {
            (whole(hour)?, whole(minute)?, second.parse::<f64>().ok()?)
        }
        _ => return None,
    };
    let hour = match half {
        None => hour,
        Some(half) => hour % 12 + if half == "pm" { 12 } else { 0 },
    };
    let hours = f64::from(hour) + f64::from(minute) / 60.0 + second / 3600.0;
    (minute < 60 && (0.0..61.0).contains(&second)).then(|| (1e4 * hours).round() / 1e4)
}

/// Whether a text is a year and a month: `2024-05`.
fn is_month(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(['-', '/']).is_some_and(|(year, month)| {
        year.len() == 4 && month.len() == 2 && digits(year) && digits(month) && ("01"..="12").contains(&month)
    })
}

/// Months in full; three letters stand for each as well.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Whether a text is a month by name with a day, a year, or both: `5 Jan 2024`, `January 5, 2024`, `05-Jan-24`.
fn has_month_name(text: &str) -> bool {
    let parts: Vec<String> =
        text.split([' ', '-', '/', '.', ',']).filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    let is_name = |part: &String| part.len() >= 3 && MONTHS.iter().any(|month| month.starts_with(part.as_str()));
    let is_number = |part: &String| [1, 2, 4].contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (2..=3).contains(&parts.len())
        && parts.iter().filter(|part| is_name(part)).count() == 1
        && parts.iter().all(|part| is_name(part) || is_number(part))
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
        for text in [
            "37%",
            "12,5 %",
            "1,000",
            "5,1",
            "05/31/2024",
            "31/5/24 12:30",
            "31-05-2024",
            "31.05.24",
            "2000-01",
            "10:30",
            "12:34:56",
            "75:30",
            "9:05 PM",
            "5 Jan 2024",
            "January 5, 2024",
            "05-Sept-24",
        ] {
            assert!(
                meant(text).is_some_and(|told| told.contains(&format!("such as `{text}`; "))
                    || told.contains(&format!("such as `{text}`, "))),
                "{text}"
            );
        }
        for text in [
            "",
            "%",
            "a%",
            "1.2.3",
            "32/13/2024",
            "0/1/2024",
            "31.05.2024",
            "13-14-2024",
            "1/2",
            "12-34-5678",
            "a,b",
            "2000-13",
            "10:75",
            "a:b",
            "may",
            "5 jam 2024",
            "1:2:3:4",
            "12 km",
        ] {
            assert_eq!(meant(text), None, "{text}");
        }
    }

    #[test]
    fn a_unit_stands_before_or_behind_one_number() {
        for (text, plain, unit) in [
            ("$1,306.50", "1306.50", "$"),
            ("$-7", "-7", "$"),
            ("-€ 5", "-5", "€"),
            ("12 km", "12", "km"),
            ("5.00 €", "5.00", "€"),
            ("3kg", "3", "kg"),
            ("-3,5 °C", "-3.5", "°C"),
            ("70 km/h", "70", "km/h"),
        ] {
            assert_eq!(with_unit(text), Some((plain.into(), unit)), "{text}");
        }
        for text in ["", "$", "km", "id5", "A12b", "4x4", "12", "1-2 km", "12 km 5", "$a"] {
            assert_eq!(with_unit(text), None, "{text}");
        }
    }

    /// 12 h + 34 min + 56 s = 45,296 s, a 3,600th of which is 12.58222….
    #[test]
    fn times_are_told_as_hours() {
        for (text, wanted) in
            [("10:30", 10.5), ("12:34:56", 12.5822), ("75:15", 75.25), ("1:30 pm", 13.5), ("12:15AM", 0.25)]
        {
            assert_eq!(hours(text), Some(wanted), "{text}");
        }
    }
}
