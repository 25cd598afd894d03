//! The comparison rule: same shape, NaN and infinities in the same places, the rest within an absolute tolerance.

use super::kinds::Stop;
use super::manifest::Case;
use super::numbers::Numbers;
use limpide::Real;
use limpide::tensor::shape_text;
use std::collections::BTreeMap;

/// Compares what a case gave with what it should give.
pub fn results<T: Real>(case: &Case, results: &BTreeMap<String, Numbers>) -> Result<(), Stop> {
    // Kinds that check properties give no results; for the others a case that checks nothing must not pass.
    if case.wanted(false).next().is_none() && !results.is_empty() {
        return Err(Stop::Failed("the manifest checks none of the results".to_string()));
    }
    for (slot, want, tolerance) in case.wanted(T::NAME == "f32") {
        let got = results.get(slot).ok_or_else(|| Stop::Failed(format!("gives no `{slot}`")))?;
        if let Some(tolerance) = tolerance {
            difference(got, want, tolerance).map_err(|problem| Stop::Failed(format!("{slot}: {problem}")))?;
        }
    }
    Ok(())
}

/// What is wrong with `got`, if anything.
fn difference(got: &Numbers, want: &Numbers, tolerance: f64) -> Result<(), String> {
    if got.shape != want.shape {
        return Err(format!("wants shape {}, got {}", shape_text(&want.shape), shape_text(&got.shape)));
    }
    let mut worst = (0.0, 0);
    for (index, (&got, &want)) in got.values.iter().zip(&want.values).enumerate() {
        let alike = if want.is_finite() { got.is_finite() } else { got == want || got.is_nan() && want.is_nan() };
        if !alike {
            return Err(format!("wants {want:e} at {index}, got {got:e}"));
        }
        if want.is_finite() && (got - want).abs() > worst.0 {
            worst = ((got - want).abs(), index);
        }
    }
    let (distance, index) = worst;
    if distance <= tolerance {
        return Ok(());
    }
    let ratio = distance / tolerance;
    let (got, want) = (got.values[index], want.values[index]);
    Err(format!("off by {ratio:.3} × the tolerance {tolerance:.2e} at {index}: wants {want:e}, got {got:e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(got: &[f64], want: &[f64]) -> Result<(), String> {
        difference(&Numbers::new(&[got.len()], got.to_vec()), &Numbers::new(&[want.len()], want.to_vec()), 0.5)
    }

    #[test]
    fn the_rule_of_the_golden_cases() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for (got, want) in [(1.0, 1.5), (nan, nan), (inf, inf), (-inf, -inf)] {
            assert_eq!(compared(&[got], &[want]), Ok(()), "{got} for {want}");
        }
        for (got, want) in
            [(1.0, 1.6), (nan, 1.0), (1.0, nan), (inf, -inf), (inf, 1.0), (1.0, inf), (nan, inf), (inf, nan)]
        {
            assert!(compared(&[0.0, got], &[0.0, want]).is_err(), "{got} for {want}");
        }
        let shape = difference(&Numbers::new(&[1, 2], vec![0.0; 2]), &Numbers::new(&[2, 1], vec![0.0; 2]), 1.0);
        assert_eq!(shape, Err("wants shape (2, 1), got (1, 2)".to_string()));
        let worst = compared(&[0.0, 3.0, 1.0], &[0.0, 2.0, 0.0]).unwrap_err();
        assert!(worst.starts_with("off by 2.000 × the tolerance 5.00e-1 at 1: wants 2e0, got 3e0"), "{worst}");
    }
}
