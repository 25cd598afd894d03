//! Files that NumPy wrote (`tests/reference/arrays.py`), whole, damaged and hostile.

use super::*;
use crate::tensor;

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/arrays").join(name)
}

fn read(name: &str) -> AnyArray {
    read_npy(&file(&format!("{name}.npy"))).unwrap()
}

fn problem(bytes: &[u8]) -> String {
    read_npy_from(Path::new("x.npy"), bytes).unwrap_err().to_string()
}

#[test]
fn every_dtype_is_what_numpy_saved() {
    let table = AnyArray::Reals(tensor(&[2, 3], vec![1.5, -2.0, 3.0, 4.0, 5.0, 6.25]));
    assert_eq!(read("f4-big-endian"), table);
    let table = AnyArray::Doubles(tensor(&[2, 3], vec![1.5, -2.0, 3.0, 4.0, 5.0, 6.25]));
    for name in ["f8", "f8-fortran"] {
        assert_eq!(read(name), table, "{name}");
    }
    let AnyArray::Reals(halves) = read("f2") else { panic!("reals") };
    let finite = [0.0, 1.0, -2.5, 65504.0, 5.960_464_5e-8, f32::INFINITY];
    assert_eq!(halves.as_slice().unwrap()[..6], finite);
    assert!(halves[6].is_nan());
    assert_eq!(read("u1"), AnyArray::Bytes(tensor(&[2, 2], vec![0, 1, 128, 255])));
    for (name, wanted) in [
        ("i1", [-128, 127]),
        ("u2", [0, 65535]),
        ("u4", [0, 4_294_967_295]),
        ("i8-big-endian", [-5, 1_099_511_627_776]),
    ] {
        assert_eq!(read(name), AnyArray::Integers(tensor(&[2], wanted.to_vec())), "{name}");
    }
    assert_eq!(read("i4-fortran"), AnyArray::Integers(tensor(&[2, 3, 4], (0..24).collect())));
    assert_eq!(read("bool"), AnyArray::Bools(tensor(&[3], vec![1, 0, 1])));
    let words = AnyArray::Texts(tensor(&[3], ["chat", "été", ""].map(String::from).to_vec()));
    assert_eq!((read("str"), read("str-big-endian")), (words.clone(), words));
    assert_eq!(read("bytes"), AnyArray::Texts(tensor(&[2], ["cat", "dog"].map(String::from).to_vec())));
    assert_eq!(read("scalar"), AnyArray::Doubles(tensor(&[], vec![7.5])));
    assert_eq!(read("empty"), AnyArray::Reals(tensor(&[0, 3], vec![])));
}

#[test]
fn what_cannot_be_read_is_refused_with_what_to_save_instead() {
    for (name, words) in [
        ("object", "holds Python objects (dtype=object), which are pickles"),
        ("records", "save each field as an array of its own"),
        ("complex", "got the dtype <c16: complex numbers"),
        ("dates", "dates; save days"),
        ("u8-large", "uint64 numbers of 2^63 and more"),
    ] {
        let error = read_npy(&file(&format!("{name}.npy"))).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&format!("{name}.npy: ")), "{name}: {error}");
    }
    assert!(matches!(read_npy(Path::new("no/such.npy")), Err(Error::Io { .. })));
}

#[test]
fn a_file_that_is_shorter_or_longer_than_it_says_is_refused() {
    let whole = std::fs::read(file("f8.npy")).unwrap();
    for length in 0..whole.len() {
        let error = problem(&whole[..length]);
        let words = match length {
            0..8 => "not an NPY file",
            8..128 => "ends within the header",
            _ => "the header claims (2, 3) = 6 entries of 8 bytes, and the file has",
        };
        assert!(error.contains(words), "{length} bytes: {error}");
    }
    let longer = problem(&[&whole[..], &[0]].concat());
    assert!(longer.contains("6 entries of 8 bytes and the file has more"), "{longer}");
}

/// A header in front of `body`.
fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), body].concat()
}

#[test]
fn what_a_header_claims_takes_no_memory() {
    let huge = problem(&npy("<f8", "(1000000000000,)", &[0; 80]));
    assert!(huge.contains("1000000000000 entries of 8 bytes, and the file has 10"), "{huge}");
    for shape in ["(9223372036854775807, 9223372036854775807)", "(0, 9223372036854775807, 9223372036854775807)"] {
        let error = problem(&npy("|u1", shape, &[]));
        assert!(error.contains("more than any memory holds"), "{error}");
    }
    let error = problem(&[b"\x93NUMPY\x02\x00", &u32::MAX.to_le_bytes()[..]].concat());
    assert!(error.contains("a header of at most 65536 bytes, got 4294967295"), "{error}");
    assert!(problem(b"\x93NUMPY\x09\x00\x01\x00").contains("got version 9"));
}

#[test]
fn text_that_is_none_is_refused() {
    assert!(problem(&npy("<U1", "(1,)", &[0, 0, 0xd8, 0])).contains("not Unicode"));
    assert!(problem(&npy("|S2", "(1,)", &[0xc3, 0x28])).contains("not Unicode"));
}

#[test]
fn long_arrays_come_whole_through_the_chunks() {
    let numbers: Vec<f32> = (0..50_000).map(|i| i as f32 * 0.5).collect();
    let body: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let got = read_npy_from(Path::new("x.npy"), &npy("<f4", "(50000,)", &body)[..]).unwrap();
    assert_eq!(got, AnyArray::Reals(tensor(&[50_000], numbers)));
}
