//! A number of an answer, with the digits that it has.

use limpide::pipeline::Output;
use serde::{Serialize, Serializer};
use std::fmt::{self, Display, Formatter};

/// A probability or value, as CSV and JSON have it: the shortest number that gives the `f32` back, or where it was scaled, y = z · std
/// + mean, as many digits behind the point as the `f32` z has.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    y: f64,
    std: Option<f64>,
}

impl Number {
    /// The numbers of an answer.
    pub fn all<'a>(output: &'a Output, row: &'a [f64]) -> impl Iterator<Item = Number> + 'a {
        let stds = match output {
            Output::Values { std, .. } => std.as_slice(),
            Output::Classes { .. } | Output::Labels { .. } => &[],
        };
        row.iter().enumerate().map(|(place, &y)| Number { y, std: stds.get(place).copied() })
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(std) = self.std else { return (self.y as f32).fmt(f) };
        // Half a unit in the last place of a z near 1.
        let places = (-(std.abs() * 0.5f64.powi(24)).log10()).ceil().clamp(0.0, 330.0) as usize;
        let (fixed, all) = (format!("{:.places$}", self.y), self.y.to_string());
        let fixed = if places > 0 { fixed.trim_end_matches('0').trim_end_matches('.') } else { &fixed };
        match fixed {
            "-0" => f.write_str("0"),
            // The `f64` itself has no more digits.
            _ => f.write_str(if all.len() < fixed.len() { &all } else { fixed }),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.std {
            None => serializer.serialize_f32(self.y as f32),
            Some(_) => serializer.serialize_f64(self.to_string().parse().unwrap_or(self.y)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_digits_of_its_deviation() {
        // 2^-24 is 6e-8: eight digits behind the point where the deviation is 1, two where it is a million.
        for (y, std, wanted) in [
            (10_000_000.126_045_22, 1.0, "10000000.12604522"),
            (10_000_000.5, 1.0, "10000000.5"),
            (-0.25, 1.0, "-0.25"),
            (0.1, 1.0, "0.1"),
            (-1e-12, 1.0, "0"),
            (1_700_000_000.123_456, 1e6, "1700000000.12"),
            (123_456_789_010.345, 1e12, "123456789010"),
            (1.5e-30, 1e-30, "0.0000000000000000000000000000015"),
            (1.0 / 3.0, 0.0, "0.3333333333333333"),
            (f64::NAN, 1.0, "NaN"),
        ] {
            let number = Number { y, std: Some(std) };
            assert_eq!(number.to_string(), wanted);
        }
        for (y, wanted) in [(f64::from(0.1f32), "0.1"), (f64::from(1e-20f32), "0.00000000000000000001")] {
            assert_eq!(Number { y, std: None }.to_string(), wanted);
        }
        let numbers = [Number { y: f64::from(0.1f32), std: None }, Number { y: 1e9 + 0.1, std: Some(1.0) }];
        assert_eq!(serde_json::to_string(&numbers).unwrap(), "[0.1,1000000000.1]");
    }
}
