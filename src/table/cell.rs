//! One cell of a table: missing, a number, a date, or text.

/// What stands for a value that is not there, besides an empty cell, as people, NumPy, pandas, R and Excel write it; letter case
/// does not matter.
const MISSING: [&str; 15] =
    ["na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "nil", "none", "?", "-", "--", "."];

/// Whether a cell, without blanks around it, says that its value is not there: it is empty, or NA, NaN, null, none, a dash and
/// the like.
pub fn is_missing(text: &str) -> bool {
    text.is_empty() || (text.len() <= 4 && MISSING.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

/// The largest size of a number: how far two are apart still fits 4 bytes.
pub(super) const LARGEST: f64 = 1e38;

/// A cell as a number; NaN and infinities are numbers too, for the caller to refuse.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Days since 1970-01-01 of `2024-05-01`, `2024/05/01` or `01.05.2024`, and where it is known whether the day comes first of
/// `01/05/2024` or `01-05-2024`; alone or with a time behind a space or a `T`:
/// `12:30`, `12:30:15`, `12:30:15.5`, and a `Z` or how far the clock is ahead of it: `+02:00`, `+0200`, `+02`. Zones by name
/// are not read: they would be guesses.
pub(super) fn date(text: &str, day_first: Option<bool>) -> Option<f64> {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => match time.rfind(['+', '-']) {
            Some(at) => (day, clock(time[..at].trim_end())? - ahead(&time[at..])?),
            None => (day, clock(time.strip_suffix('Z').unwrap_or(time))?),
        },
        None => (text, 0.0),
    };
    let separator = ['-', '/', '.'].into_iter().find(|&separator| day.contains(separator))?;
    let mut parts = day.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match (separator, day_first) {
        ('.', _) => (third, second, first),
        (_, Some(true)) if first.len() < 4 => (third, second, first),
        (_, Some(false)) if first.len() < 4 => (third, first, second),
        _ => (first, second, third),
    };
    if year.len() != 4 {
        return None;
    }
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let longest = *length.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    (1..=longest).contains(&day).then(|| days(year, month, day) as f64 + time)
}

/// The part of a day by which a clock is ahead of universal time: `+02:00`, `-0530`, `+02`.
fn ahead(text: &str) -> Option<f64> {
    let (sign, digits_of) = (if text.starts_with('-') { -1.0 } else { 1.0 }, text[1..].replacen(':', "", 1));
    let (hours, minutes) = digits_of.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2).filter(|_| minutes.len() == 2)? };
    let hours = digits(hours, 2)?;
    (hours <= 14 && minutes < 60).then(|| sign * (hours * 60 + minutes) as f64 / 1440.0)
}

/// The part of a day that has passed at `12:30`, `12:30:15` or `12:30:15.5`.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second: f64 = match parts.next() {
        Some(second) if second.starts_with(|c: char| c.is_ascii_digit()) => second.parse().ok()?,
        Some(_) => return None,
        None => 0.0,
    };
    let sound = parts.next().is_none() && hour < 24 && minute < 60 && (0.0..61.0).contains(&second);
    sound.then(|| (hour * 3600 + minute * 60) as f64 / 86400.0 + second / 86400.0)
}

/// A whole number of one to `most` digits.
fn digits(text: &str, most: usize) -> Option<i64> {
    let sound = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if sound { text.parse().ok() } else { None }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
///
/// Source: Hinnant, *chrono-compatible low-level date algorithms*: years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole days are those of Python's `datetime.date.toordinal() - 719163`.
    #[test]
    fn dates_are_days_since_1970() {
        for (text, days) in [
            ("1970-01-01", 0.0),
            ("1969-12-31", -1.0),
            ("2024-02-29", 19_782.0),
            ("29.2.2024", 19_782.0),
            ("2024/03/01", 19_783.0),
            ("1900-03-01", -25_508.0),
            ("2000-01-01T12:00", 10_957.5),
            ("2000-01-01 06:00:00Z", 10_957.25),
            // Noon where the clock is 6 hours ahead is 6 o'clock of universal time.
            ("2000-01-01 12:00:00+06:00", 10_957.25),
            ("2000-01-01T12:00:00.0-0600", 10_957.75),
            ("2000-01-01 12:00 +12", 10_957.0),
        ] {
            assert_eq!(date(text, None), Some(days), "{text}");
        }
        // 19,783 is 2024-03-01, and 2024-01-03 is 58 days before it.
        for (text, by_day, by_month) in [("1/3/2024", 19_783.0, 19_725.0), ("01-03-2024 12:00", 19_783.5, 19_725.5)] {
            assert_eq!([date(text, Some(true)), date(text, Some(false))], [Some(by_day), Some(by_month)], "{text}");
        }
        assert_eq!(date("2024/03/01", Some(true)), Some(19_783.0));
        assert_eq!(date("1.3.2024", Some(false)), Some(19_783.0));
        assert_eq!(date("2000-01-01 00:00:43.2", None), Some(10_957.0 + 0.0005));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-32",
            "24-1-1",
            "1.2.3",
            "1-2",
            "1.5",
            "2024-01-01T",
            "a-b-c",
        ] {
            assert_eq!(date(text, None), None, "{text}");
        }
        // Day or month first? A guess would be wrong half of the time.
        assert_eq!(date("05/06/2024", None), None);
        assert_eq!(date("31/12/2024", Some(false)), None);
        assert_eq!(date("12-31-2024", Some(true)), None);
        assert_eq!(date("1/1/24", Some(true)), None);
        for text in [
            "2024-01-01T25:00",
            "2024-01-01 10:00+2",
            "2024-01-01 10:00+25:00",
            "2024-01-01 10:00+é",
            "2024-01-01 +02:00",
        ] {
            assert_eq!(date(text, None), None, "{text}");
        }
    }

    #[test]
    fn missing_values_have_names() {
        for text in ["", "NA", "n/a", "NULL", "None", "?", "NaN", "-", "--", ".", "N.A.", "#N/A", "nil", "<NA>"] {
            assert!(is_missing(text), "{text}");
        }
        for text in ["0", "no", "-1", "---", "inf", "nano"] {
            assert!(!is_missing(text), "{text}");
        }
    }
}
