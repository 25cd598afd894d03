//! The activations at the ends of their ranges, where formulas lose digits or overflow, and in slices longer than a block.

use super::*;

fn values_of(function: &impl Elementwise, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut z, mut d) = (vec![0.0; x.len()], vec![1.0; x.len()]);
    function.f(x, &mut z);
    function.times_df(x, &z, &mut d);
    (z, d)
}

#[test]
fn far_from_zero_the_smooth_ones_are_straight_lines() {
    let x = [-800.0, 800.0];
    for (name, (z, d)) in [
        ("Silu", values_of(&Silu, &x)),
        ("Gelu", values_of(&Gelu::new(), &x)),
        ("Gelu::tanh", values_of(&Gelu::tanh(), &x)),
        ("Softplus", values_of(&Softplus::default(), &x)),
        ("Softplus without end", values_of(&Softplus { beta: 1.0, threshold: 1e9 }, &x)),
        ("Hardswish", values_of(&Hardswish, &x)),
    ] {
        assert!(z[0].abs() < 1e-300 && z[1] == 800.0, "{name}: {z:?}");
        assert!(d[0].abs() < 1e-300 && d[1] == 1.0, "{name}: {d:?}");
    }
    assert_eq!(values_of(&Elu { alpha: 3.0 }, &x), (vec![-3.0, 800.0], vec![0.0, 1.0]));
}

#[test]
fn small_numbers_keep_their_digits() {
    // eˣ − 1 ≈ x + x²/2, and ln(1 + e⁻⁴⁰) ≈ e⁻⁴⁰: computed through eˣ or 1 + eˣ alone, both would be 0.
    let (z, _) = values_of(&Elu::default(), &[-1e-20]);
    assert_eq!(z, [-1e-20]);
    let (z, _) = values_of(&Softplus::default(), &[-40.0]);
    assert!((z[0] / (-40.0f64).exp() - 1.0).abs() < 1e-14, "{z:?}");
    let (z, _) = values_of(&Softplus { beta: 2.0, threshold: 20.0 }, &[-20.0]);
    assert!((z[0] / (0.5 * (-40.0f64).exp()) - 1.0).abs() < 1e-14, "{z:?}");
}

#[test]
fn nan_stays_nan() {
    let x = [f64::NAN];
    for (z, _) in [
        values_of(&Elu::default(), &x),
        values_of(&Selu, &x),
        values_of(&Hardswish, &x),
        values_of(&Silu, &x),
        values_of(&Gelu::new(), &x),
        values_of(&Softplus::default(), &x),
    ] {
        assert!(z[0].is_nan());
    }
}

#[test]
fn an_entry_has_the_same_bits_in_every_place() {
    let x: Vec<f64> = (0..2 * BLOCK + 7).map(|i| (i as f64 - BLOCK as f64) / 50.0).collect();
    let (z, d) = values_of(&Gelu::new(), &x);
    for place in [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK, 2 * BLOCK + 6] {
        assert_eq!(values_of(&Gelu::new(), &x[place..=place]), (vec![z[place]], vec![d[place]]));
    }
    assert_eq!(Gelu::new().df(x[5], z[5]), d[5]);
}
