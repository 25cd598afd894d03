//! exp, ln, tanh and sigmoid over slices, one library call an entry.

macro_rules! slice_functions {
    () => {
        fn exp_slice(x: &[Self], y: &mut [Self]) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x.exp();
            }
        }
        fn ln_slice(x: &[Self], y: &mut [Self]) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x.ln();
            }
        }
        fn tanh_slice(x: &[Self], y: &mut [Self]) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x.tanh();
            }
        }
        fn sigmoid_slice(x: &[Self], y: &mut [Self]) {
            for (y, &x) in y.iter_mut().zip(x) {
                let e = (-x.abs()).exp();
                *y = if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
            }
        }
    };
}
pub(super) use slice_functions;
