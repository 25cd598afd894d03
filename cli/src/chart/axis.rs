//! Axes: where a value stands between 0 and 1, linear or logarithmic, and ticks at round numbers with their labels.

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Equal steps are equal distances.
    Linear,
    /// Equal ratios are equal distances; only positive values have a place.
    Log10,
}

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where it stands.
    pub value: f64,
    /// What is written there.
    pub label: String,
}

/// A range of values with its ticks.
#[derive(Clone, Debug)]
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// The ticks from low to high.
    pub ticks: Vec<Tick>,
}

/// The least and greatest finite value, `None` without any.
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|v| v.is_finite())
        .fold(None, |seen, v| Some(seen.map_or((v, v), |(low, high): (f64, f64)| (low.min(v), high.max(v)))))
}

/// A range with a width: a single value is put in the middle of one, and the ends stay where differences are finite.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    let (low, high) = (low.clamp(-1e300, 1e300), high.clamp(-1e300, 1e300));
    let size = low.abs().max(high.abs());
    if size < 1e-290 {
        (-1.0, 1.0)
    } else if high - low <= size * 1e-9 {
        (low - size * 0.1, high + size * 0.1)
    } else {
        (low, high)
    }
}

/// The smallest of 1, 2, 5 times a power of ten that cuts `span` into at most `count` steps.
fn round_step(span: f64, count: usize) -> f64 {
    let raw = span / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|step| *step >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

impl Axis {
    /// A linear axis that ends where the data ends, with at most `count` steps, of whole numbers where `whole` says so.
    pub fn tight(range: (f64, f64), count: usize, whole: bool) -> Axis {
        let (low, high) = widened(range);
        let step = round_step(high - low, count);
        let step = if whole { step.max(1.0) } else { step };
        Axis { scale: Scale::Linear, low, high, ticks: linear_ticks(low, high, step) }
    }

    /// A linear axis that begins and ends on a tick.
    pub fn rounded(range: (f64, f64), count: usize) -> Axis {
        let (low, high) = widened(range);
        let step = round_step(high - low, count);
        let (low, high) = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
        Axis { scale: Scale::Linear, low, high, ticks: linear_ticks(low, high, step) }
    }

    /// A logarithmic axis over a positive range, widened to whole decades, or to 1, 2, 5 when there are few.
    pub fn log10((low, high): (f64, f64)) -> Axis {
        let low = low.max(1e-300);
        let high = high.clamp(low, 1e300);
        let (first, last) = ((low.log10() + 1e-9).floor() as i32, (high.log10() - 1e-9).ceil() as i32);
        let (first, last) = if first >= last { (first - 1, first + 1) } else { (first, last) };
        if last - first > 2 {
            let stride = ((last - first) as usize).div_ceil(7);
            let exponents: Vec<i32> = (first..=last).step_by(stride).collect();
            let short = exponents.iter().all(|e| (-3..=5).contains(e));
            let label = |&e: &i32| Tick {
                value: power(e),
                label: if short { plain(power(e), (-e).max(0) as usize) } else { format!("10{}", superscript(e)) },
            };
            let ticks = exponents.iter().map(label).collect();
            return Axis { scale: Scale::Log10, low: power(first), high: power(last), ticks };
        }
        let candidates: Vec<(f64, i32)> =
            (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| (m * power(e), e))).collect();
        let from = candidates.iter().rposition(|(v, _)| *v <= low * (1.0 + 1e-9)).unwrap_or(0);
        let to = candidates.iter().position(|(v, _)| *v >= high * (1.0 - 1e-9)).unwrap_or(candidates.len() - 1);
        // A single value falls on one candidate: give it room to both sides.
        let (from, to) =
            if from >= to { (from.saturating_sub(1), (from + 1).min(candidates.len() - 1)) } else { (from, to) };
        let short = |e: i32| (-4..=5).contains(&e);
        let label = |&(value, e): &(f64, i32)| Tick {
            value,
            label: if short(e) {
                plain(value, (-e).max(0) as usize)
            } else {
                format!("{}×10{}", (value / power(e)).round(), superscript(e))
            },
        };
        let ticks: Vec<Tick> = candidates[from..=to].iter().map(label).collect();
        Axis { scale: Scale::Log10, low: candidates[from].0, high: candidates[to].0, ticks }
    }

    /// Whether the value has a place: it is finite, and positive on a logarithmic axis.
    pub fn has_place(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }

    /// 0 at the low end, 1 at the high end; values beyond an end are put on it.
    pub fn place(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log10 => (value / self.low).log10() / (self.high / self.low).log10(),
        }
    }
}

/// Ten to a whole power, correctly rounded, which `powi` is not.
fn power(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().expect("a number")
}

fn linear_ticks(low: f64, high: f64, step: f64) -> Vec<Tick> {
    let (first, last) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    let count = (last - first).clamp(0.0, 100.0) as usize;
    let largest = low.abs().max(high.abs());
    (0..=count)
        .map(|k| {
            // The nearest number to the decimal that the label shows.
            let i = first + k as f64;
            let value = if step < 1.0 { i / (1.0 / step).round() } else { i * step };
            let value = if value.is_finite() && step > 1e-15 { value } else { i * step };
            Tick { value, label: linear_label(value, step, largest) }
        })
        .collect()
}

fn linear_label(value: f64, step: f64, largest: f64) -> String {
    let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    if (1e-3..1e6).contains(&largest) {
        return plain(value, decimals);
    }
    if value.abs() < step * 0.5 {
        return "0".into();
    }
    let exponent = (largest.log10() + 1e-9).floor() as i32;
    let digits = (f64::from(exponent) - (step.log10() + 1e-9).floor()).clamp(0.0, 15.0) as usize;
    format!("{}×10{}", plain(value / power(exponent), digits), superscript(exponent))
}

/// A number with its decimals, a true minus sign, and commas between thousands.
pub fn plain(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let is_zero = text.chars().all(|c| c == '0' || c == '.');
    format!("{}{grouped}{rest}", if value < 0.0 && !is_zero { "−" } else { "" })
}

/// A number in at most so many significant digits, without zeros at its end, and with an exponent where it is very large or
/// small: `0.00024`, `92.338`, `2.5343e28`.
pub fn digits(value: f64, most: usize) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let (number, exponent) = match (1e-4..1e6).contains(&size) {
        true => {
            let decimals = (most as i32 - 1 - size.log10().floor() as i32).max(0) as usize;
            (format!("{value:.decimals$}"), String::new())
        }
        false => {
            let text = format!("{value:.*e}", most - 1);
            let (number, exponent) = text.split_once('e').expect("Rust writes one");
            (number.to_string(), format!("e{exponent}"))
        }
    };
    let short = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{short}{exponent}").replace('-', "−")
}

/// A count, with commas between thousands.
pub fn count(value: u64) -> String {
    plain(value as f64, 0)
}

fn superscript(number: i32) -> String {
    number
        .to_string()
        .chars()
        .map(|c| match c.to_digit(10) {
            Some(d) => "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(d as usize).unwrap_or(c),
            None => '⁻',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn rounded_ticks_are_round_and_cover_the_range() {
        for (low, high) in
            [(0.0, 1.0), (0.13, 0.97), (-3.2, 7.9), (1.0, 2000.0), (97.1, 98.02), (-1e-3, -2e-4), (0.0, 3e7)]
        {
            let axis = Axis::rounded((low, high), 5);
            let values: Vec<f64> = axis.ticks.iter().map(|t| t.value).collect();
            assert!((3..=7).contains(&values.len()), "{values:?}");
            let step = values[1] - values[0];
            assert!(values[0] <= low && low < values[0] + step * 1.001, "{low} in {values:?}");
            assert!(values[values.len() - 1] >= high, "{high} in {values:?}");
            let mantissa = step / 10f64.powf((step.log10() + 1e-9).floor());
            assert!([1.0, 2.0, 5.0].iter().any(|m| (mantissa - m).abs() < 1e-6), "step {step}");
            assert!((axis.place(values[0])).abs() < 1e-12 && (axis.place(*values.last().unwrap()) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn labels_have_the_decimals_of_the_step() {
        assert_eq!(labels(&Axis::rounded((0.0, 1.0), 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::rounded((-2.0, 2.0), 4)), ["−2", "−1", "0", "1", "2"]);
        assert_eq!(labels(&Axis::tight((1.0, 2000.0), 4, true)), ["500", "1,000", "1,500", "2,000"]);
        assert_eq!(labels(&Axis::tight((1.0, 3.0), 8, true)), ["1", "2", "3"]);
        assert_eq!(labels(&Axis::rounded((0.0, 4e-5), 4)), ["0", "1×10⁻⁵", "2×10⁻⁵", "3×10⁻⁵", "4×10⁻⁵"]);
        assert_eq!(labels(&Axis::rounded((0.0, 2e7), 2)), ["0", "1×10⁷", "2×10⁷"]);
        assert_eq!(plain(-0.04, 1), "0.0");
        assert_eq!(plain(-1234567.5, 1), "−1,234,567.5");
    }

    #[test]
    fn numbers_have_few_digits_whatever_their_size() {
        for (value, text) in [
            (92.33833333333334, "92.338"),
            (0.00024, "0.00024"),
            (2.4e-5, "2.4e−5"),
            (-0.1127, "−0.1127"),
            (2.5343450301950045e28, "2.5343e28"),
            (1e30, "1e30"),
            (123456.7, "123457"),
            (0.0, "0"),
            (9.99999, "10"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(digits(value, 5), text);
        }
    }

    #[test]
    fn a_log_axis_ticks_at_decades() {
        let axis = Axis::log10((3e-4, 0.7));
        assert_eq!(labels(&axis), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]);
        assert_eq!(labels(&Axis::log10((0.002, 9.0))), ["0.001", "0.01", "0.1", "1", "10"]);
        assert!((axis.place(1e-2) - 0.5).abs() < 1e-12);
        assert!((axis.place(1e-4)).abs() < 1e-12 && (axis.place(1.0) - 1.0).abs() < 1e-12);
        assert!(!axis.has_place(0.0) && !axis.has_place(-1.0) && axis.has_place(1e-9));
        // Thirteen decades: every second one, and both ends still within.
        assert_eq!(labels(&Axis::log10((1e-12, 10.0))).len(), 7);
        // Within two decades: 1, 2, 5.
        assert_eq!(labels(&Axis::log10((0.3, 0.9))), ["0.2", "0.5", "1"]);
        assert_eq!(labels(&Axis::log10((3e-7, 9e-7))), ["2×10⁻⁷", "5×10⁻⁷", "1×10⁻⁶"]);
    }

    #[test]
    fn odd_ranges_still_give_an_axis() {
        for range in [(0.0, 0.0), (5.0, 5.0), (-1e308, 1e308), (1.0, 1.0 + 1e-15), (0.0, 5e-324), (1e15, 1e15 + 1.0)] {
            for axis in [Axis::rounded(range, 5), Axis::tight(range, 5, true), Axis::log10(range)] {
                assert!(axis.low < axis.high, "{range:?} {axis:?}");
                assert!(
                    axis.ticks.iter().all(|t| t.value.is_finite() && !t.label.contains("NaN")),
                    "{range:?} {axis:?}"
                );
                assert!(axis.ticks.len() < 20 && axis.place(range.0).is_finite(), "{range:?} {axis:?}");
            }
        }
        assert_eq!(range([f64::NAN, f64::INFINITY]), None);
        assert_eq!(range([2.0, f64::NAN, -1.0]), Some((-1.0, 2.0)));
    }
}
