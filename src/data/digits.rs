//! The UCI handwritten digits, 1,797 real images of 8×8 pixels, embedded in the library so that there is always data.
//!
//! E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits* (the test part), UCI Machine Learning
//! Repository, 1998, doi 10.24432/C50P49, licensed CC BY 4.0; the set that scikit-learn serves as `load_digits`.

use super::{Dataset, Inputs, Target};
use crate::tensor::Real;
use std::io::Read;

/// The number of images.
const COUNT: usize = 1797;
/// Pixels of an image, row by row.
const PIXELS: usize = 64;
/// The 64 pixel columns and the label column, one after the other, in zlib's format; `tools/digits.py` made it.
const PACKED: &[u8] = include_bytes!("digits.bin");

/// The UCI handwritten digits: inputs (1797, 1, 8, 8), pixels 0 to 16 divided by 16; classes 0 to 9.
///
/// ```
/// let digits = limpide::data::digits::<f32>();
/// assert_eq!((digits.len(), digits.sample_shape()), (1797, &[1, 8, 8][..]));
/// ```
pub fn digits<T: Real>() -> Dataset<T> {
    let columns = columns();
    let pixels = (0..COUNT).flat_map(|image| (0..PIXELS).map(move |pixel| pixel * COUNT + image));
    let values = crate::tensor(&[COUNT, 1, 8, 8], pixels.map(|at| columns[at]).collect());
    let labels = columns[PIXELS * COUNT..].iter().map(|&label| label as i64).collect();
    let inputs = Inputs::Bytes { values, divisor: T::of(16.0) };
    Dataset { name: "digits".into(), inputs, targets: Target::classes(labels).into(), classes: 10 }
}

/// The embedded columns: byte `column * COUNT + image`.
fn columns() -> Vec<u8> {
    let mut columns = Vec::with_capacity((PIXELS + 1) * COUNT);
    flate2::read::ZlibDecoder::new(PACKED).read_to_end(&mut columns).expect("the embedded file is whole");
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    /// The hash of the rows as published, one image a line: 64 pixels and the label.
    #[test]
    fn the_published_rows_come_back() {
        let data = digits::<f64>();
        let (x, target) = data.gather(&(0..COUNT).collect::<Vec<_>>());
        let mut text = String::new();
        for (image, label) in x.outer_iter().zip(target.labels().unwrap()) {
            for pixel in image {
                text.push_str(&format!("{},", pixel * 16.0));
            }
            text.push_str(&format!("{label}\n"));
        }
        let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8");
    }

    #[test]
    fn the_file_stays_small() {
        assert!(PACKED.len() < 45_000, "{} bytes", PACKED.len());
    }
}
