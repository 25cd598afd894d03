//! Files as others write them, and hostile ones.

use super::*;
use proptest::prelude::*;

/// A file with that header and that many zero bytes after it.
fn file(header: &str, data: usize) -> Vec<u8> {
    file_of_length(header.len() as u64, header, data)
}

fn file_of_length(length: u64, header: &str, data: usize) -> Vec<u8> {
    [&length.to_le_bytes(), header.as_bytes(), &vec![0; data]].concat()
}

fn refusal(bytes: Vec<u8>) -> String {
    Archive::from_bytes("model.safetensors", bytes).unwrap_err().to_string()
}

#[test]
fn the_bytes_are_those_that_the_format_prescribes() {
    let x = crate::tensor(&[2], vec![1.0f32, -2.0]);
    let bytes = encode([("x", &x)], [("author", "Ada")]);
    let header = r#"{"__metadata__":{"author":"Ada"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let length = header.len().next_multiple_of(8);
    assert_eq!(bytes[..8], (length as u64).to_le_bytes());
    assert_eq!(std::str::from_utf8(&bytes[8..8 + length]).unwrap().trim_end(), header);
    // 1 = 0x3f800000 and −2 = 0xc0000000 in IEEE 754.
    assert_eq!(bytes[8 + length..], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
}

#[test]
fn doubles_are_rounded_only_when_singles_are_asked_for() {
    let tenth = crate::tensor(&[1, 1], vec![0.1f64]);
    let archive = Archive::from_bytes("x", encode([("x", &tenth)], [])).unwrap();
    assert_eq!(archive.tensor::<f64>("x").unwrap(), tenth);
    assert_eq!(archive.tensor::<f32>("x").unwrap()[[0, 0]], 0.1f32);
}

#[test]
fn scalars_and_empty_tensors_come_back() {
    let (scalar, empty) = (crate::tensor(&[], vec![3.5f32]), crate::tensor(&[0, 4], Vec::<f32>::new()));
    let archive = Archive::from_bytes("x", encode([("scalar", &scalar), ("empty", &empty)], [])).unwrap();
    assert_eq!(archive.tensor::<f32>("scalar").unwrap(), scalar);
    assert_eq!(archive.tensor::<f32>("empty").unwrap(), empty);
}

#[test]
fn hostile_files_are_refused() {
    let whole = encode([("x", &crate::tensor(&[2], vec![1.0f32, 2.0]))], []);
    for length in 0..whole.len() {
        assert!(refusal(whole[..length].to_vec()).contains("is not a whole safetensors file"), "{length}");
    }
    let entry = |shape: &str, offsets: &str| {
        format!(r#"{{"x":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{offsets}]}}}}"#)
    };
    for (bytes, why) in [
        (file(&entry("2", "0,8"), 9), "not fully covered"),
        (file(&entry("3", "0,8"), 8), "invalid shape, data type, or offset"),
        (file(&entry("0,1099511627776,1099511627776", "0,0"), 0), "which no memory holds"),
        (file(&entry("2", "8,16"), 16), "invalid offset for tensor `x`"),
        (file(&entry("4294967296,4294967296,16", "0,8"), 8), "overflow"),
        (file(&entry("2", "0,18446744073709551615"), 8), "invalid"),
        (file(&entry("-2", "0,8"), 8), "invalid JSON"),
        (file("{", 0), "invalid JSON"),
        (file(&"[".repeat(100_000), 0), "invalid JSON"),
        (file("\u{0}", 0), "invalid JSON"),
        (file_of_length(u64::MAX, "{}", 0), "header too large"),
        (file_of_length(99_000_000, "{}", 0), "invalid header length"),
        (file(r#"{"x":{"dtype":"F31","shape":[],"data_offsets":[0,0]}}"#, 0), "invalid JSON"),
    ] {
        let message = refusal(bytes);
        assert!(message.starts_with("model.safetensors: is not a whole safetensors file"), "{message}");
        assert!(message.contains(why), "wants {why:?} in {message}");
    }
}

#[test]
fn a_tensor_of_something_else_than_numbers_is_refused_by_name() {
    let header = r#"{"steps":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#;
    let archive = Archive::from_bytes("x.safetensors", file(header, 8)).unwrap();
    let message = archive.tensor::<f32>("steps").unwrap_err().to_string();
    let wanted = "x.safetensors: steps holds C64, and F64, F32, F16, BF16, a whole number or BOOL is wanted";
    assert_eq!(message, wanted);
    assert_eq!(archive.tensor::<f32>("step").unwrap_err().to_string(), "x.safetensors: holds no tensor step");
}

#[test]
fn half_precision_and_whole_numbers_are_read() {
    // Bits by IEEE 754: 1, −2, the smallest and the largest number, ∞; for BF16 the upper half of an f32.
    let read = |dtype: &str, bytes: &[u8], count: usize| {
        let end = bytes.len();
        let header = format!(r#"{{"x":{{"dtype":"{dtype}","shape":[{count}],"data_offsets":[0,{end}]}}}}"#);
        let mut whole = file(&header, 0);
        whole.extend(bytes);
        Archive::from_bytes("x", whole).unwrap().tensor::<f64>("x").unwrap().into_iter().collect::<Vec<_>>()
    };
    let halves = [0x3c00u16, 0xc000, 0x0001, 0x7bff, 0x7c00].map(u16::to_le_bytes).concat();
    assert_eq!(read("F16", &halves, 5), [1.0, -2.0, 2f64.powi(-24), 65504.0, f64::INFINITY]);
    assert_eq!(read("BF16", &[0x80, 0x3f, 0x20, 0xc1], 2), [1.0, -10.0]);
    assert_eq!(read("I64", &(-7i64).to_le_bytes(), 1), [-7.0]);
    assert_eq!(read("U8", &[0, 255], 2), [0.0, 255.0]);
}

#[test]
fn a_count_of_batches_is_a_whole_number_as_in_pytorch() {
    let count = crate::tensor(&[], vec![5.0f32]);
    let archive = Archive::from_bytes("x", encode([("1.num_batches_tracked", &count)], [])).unwrap();
    assert_eq!(archive.type_name("1.num_batches_tracked").as_deref(), Some("I64"));
    assert_eq!(archive.tensor::<f32>("1.num_batches_tracked").unwrap(), count);
}

proptest! {
    #[test]
    fn every_number_comes_back_with_its_bits(bits: Vec<u32>, wide: Vec<u64>) {
        let single: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).filter(|x| !x.is_nan()).collect();
        let double: Vec<f64> = wide.iter().map(|&bits| f64::from_bits(bits)).collect();
        let (single, double) = (crate::tensor(&[single.len()], single), crate::tensor(&[double.len()], double));
        let read = |bytes| Archive::from_bytes("x", bytes).unwrap();
        let same: Tensor<f32> = read(encode([("x", &single)], [])).tensor("x").unwrap();
        prop_assert!(same.iter().zip(&single).all(|(a, b)| a.to_bits() == b.to_bits()));
        let same: Tensor<f64> = read(encode([("x", &double)], [])).tensor("x").unwrap();
        prop_assert!(same.iter().zip(&double).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn no_change_of_the_header_makes_the_reader_panic(place in 0usize..200, byte: u8) {
        let mut bytes = encode([("x", &crate::tensor(&[2, 2], vec![1.0f32; 4]))], [("limpide", "{}")]);
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(archive) = Archive::from_bytes("x", bytes) {
            for name in archive.shapes().keys() {
                let _ = archive.tensor::<f32>(name);
            }
        }
    }
}
