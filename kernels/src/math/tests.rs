//! Every level against the plain twins: sampled over all bit patterns, at the edges, and in slices of every length.

use super::*;

/// Every 2³²/65537-th bit pattern, and the edges: zeros, ends of ranges, subnormals, infinities, NaN.
fn inputs_f32() -> Vec<f32> {
    let spread = (0..65537u64).map(|i| f32::from_bits(((i << 32) / 65537) as u32));
    let edges =
        [0.0, 1.0, 88.72284, 88.72283, 103.97207, 103.97208, 104.1, 87.33655, 9.010913, 0.9, 3.919206, 0.5493061];
    let bits = [0x1, 0x2, 0x7f_ffff, 0x80_0000, 0x80_0001, 0x7f7f_ffff, 0x7f80_0000, 0x7f80_0001, 0x7fc0_0000];
    let edges = edges.into_iter().chain(bits.map(f32::from_bits));
    let network_range = (0..20_000).map(|i| (i as f32 - 10_000.0) / 1000.0);
    spread.chain(edges.flat_map(|x| [x, -x])).chain(network_range).collect()
}

fn inputs_f64() -> Vec<f64> {
    let spread = (0..65537u128).map(|i| f64::from_bits(((i << 64) / 65537) as u64));
    let edges = [0.0, 1.0, 709.782712893384, 709.8, 745.13, 745.14, 708.39, 19.1, 6.0, 5.9, 0.5493061443340549];
    let bits = [1, 2, (1 << 52) - 1, 1 << 52, 0x7fef_ffff_ffff_ffff, 0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0000];
    let edges = edges.into_iter().chain(bits.map(f64::from_bits));
    let network_range = (0..200_000).map(|i| (f64::from(i) - 100_000.0) / 9_973.0);
    spread.chain(edges.flat_map(|x| [x, -x])).chain(network_range).collect()
}

/// Distance in representable numbers: 0 for two NaN, the maximum for one NaN or zeros of different sign.
fn distance(a: f64, b: f64, single: bool) -> u64 {
    if a.is_nan() || b.is_nan() {
        return if a.is_nan() && b.is_nan() { 0 } else { u64::MAX };
    }
    if (a == 0.0 || b == 0.0) && a.is_sign_negative() != b.is_sign_negative() {
        return u64::MAX;
    }
    let place = |x: f64| {
        let magnitude = if single { i64::from((x as f32).abs().to_bits()) } else { x.abs().to_bits() as i64 };
        if x < 0.0 { -magnitude } else { magnitude }
    };
    place(a).abs_diff(place(b))
}

fn check<T: Kernels + std::fmt::Debug>(x: &[T], limit: u64) {
    let single = size_of::<T>() == 4;
    let mut wanted = x.to_vec();
    let mut found = x.to_vec();
    for function in Function::ALL {
        elementwise_naive(function, x, &mut wanted);
        for level in Level::available() {
            function.apply(level, x, &mut found);
            for ((&x, &wanted), &found) in x.iter().zip(&wanted).zip(&found) {
                let error = distance(wanted.wide(), found.wide(), single);
                assert!(
                    error <= limit,
                    "{function:?} of {x:?}: {found:?} on {}, wanted {wanted:?}: {error} ulp",
                    level.name()
                );
            }
        }
    }
}

#[test]
fn f32_is_within_2_ulp() {
    check(&inputs_f32(), 2);
}

#[test]
fn f64_is_within_3_ulp_of_libm() {
    check(&inputs_f64(), 3);
}

/// Values known without any library.
fn check_exact_values<T: Kernels + std::fmt::Debug>() {
    const INFINITY: f64 = f64::INFINITY;
    let cases: [(Function, &[(f64, f64)]); 5] = [
        (Function::Exp, &[(0.0, 1.0), (-0.0, 1.0), (INFINITY, INFINITY), (-INFINITY, 0.0)]),
        (Function::Ln, &[(1.0, 0.0), (0.0, -INFINITY), (-0.0, -INFINITY), (-1.0, f64::NAN), (INFINITY, INFINITY)]),
        (Function::Tanh, &[(0.0, 0.0), (-0.0, -0.0), (INFINITY, 1.0), (-30.0, -1.0), (1e-40, 1e-40)]),
        (Function::Sigmoid, &[(0.0, 0.5), (-0.0, 0.5), (1e4, 1.0), (-1e4, 0.0), (-INFINITY, 0.0)]),
        (Function::Erf, &[(0.0, 0.0), (-0.0, -0.0), (INFINITY, 1.0), (-30.0, -1.0)]),
    ];
    for (function, pairs) in cases {
        for level in Level::available() {
            for &(x, wanted) in pairs.iter().chain(&[(f64::NAN, f64::NAN)]) {
                let (x, wanted) = (T::number(x), T::number(wanted).wide());
                let mut y = [T::number(7.0)];
                function.apply(level, &[x], &mut y);
                let found = y[0].wide();
                let same = found.to_bits() == wanted.to_bits() || found.is_nan() && wanted.is_nan();
                assert!(same, "{function:?} of {x:?} is {found:?} on {}, not {wanted:?}", level.name());
            }
        }
    }
}

#[test]
fn exact_values_f32() {
    check_exact_values::<f32>();
}

#[test]
fn exact_values_f64() {
    check_exact_values::<f64>();
}

#[test]
fn an_entry_has_the_same_bits_in_every_place_and_length() {
    let x: Vec<f32> = (0..75).map(|i| (i as f32 - 37.0) / 3.7).collect();
    for function in Function::ALL {
        for level in Level::available() {
            let mut whole = vec![0.0; x.len()];
            function.apply(level, &x, &mut whole);
            for start in 0..20 {
                for end in start..=x.len() {
                    let mut part = vec![0.0; end - start];
                    function.apply(level, &x[start..end], &mut part);
                    let bits = |y: &[f32]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&part), bits(&whole[start..end]), "{function:?} on {}", level.name());
                }
            }
        }
    }
}

#[test]
fn fused_levels_agree_to_the_bit() {
    let x = inputs_f32();
    let fused: Vec<Level> = Level::available().filter(|&level| level != Level::Portable).collect();
    for function in Function::ALL {
        let results = fused.iter().map(|&level| {
            let mut y = vec![0.0; x.len()];
            function.apply(level, &x, &mut y);
            y.iter().map(|y| if y.is_nan() { 0 } else { y.to_bits() }).collect::<Vec<_>>()
        });
        let results: Vec<_> = results.collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{function:?}");
    }
}

#[test]
#[should_panic(expected = "lengths of an elementwise function's input and output")]
fn lengths_must_agree() {
    Function::Exp.apply(Level::Portable, &[1.0f32, 2.0], &mut [0.0]);
}

#[test]
fn sums_and_maxima_of_every_length() {
    for length in 0..70 {
        // Small integers: every order of addition gives the same sum.
        let x: Vec<f32> = (0..length).map(|i| ((i * 37) % 101) as f32 - 90.0).collect();
        assert_eq!(sum(&x), x.iter().sum::<f32>(), "length {length}");
        assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max), "length {length}");
    }
    assert_eq!(max(&[f64::NAN, -1.0, f64::NAN]), -1.0);
    assert!(sum(&[1.0, f64::NAN]).is_nan());
}
