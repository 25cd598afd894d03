//! Archives that NumPy wrote (`tests/reference/arrays.py`), whole and damaged.

use super::*;

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/arrays").join(name)).unwrap()
}

/// The message about the first thing that is wrong, from opening to the last array.
fn problem(bytes: Vec<u8>) -> Option<String> {
    let read_all = |npz: Npz| npz.names().into_iter().try_for_each(|name| npz.array(name).map(drop));
    Npz::from_bytes(Path::new("data.npz"), bytes).and_then(read_all).err().map(|error| error.to_string())
}

#[test]
fn stored_and_deflated_arrays_are_the_same() {
    let plain = Npz::from_bytes(Path::new("plain.npz"), bytes("plain.npz")).unwrap();
    assert_eq!(plain.names(), ["x", "y"]);
    let AnyArray::Integers(y) = plain.array("y").unwrap() else { panic!("int64") };
    assert_eq!(y, crate::tensor(&[30], (0..30).map(|i| i % 3).collect()));
    let tested = Npz::from_bytes(Path::new("tested.npz"), bytes("tested.npz")).unwrap();
    assert_eq!(tested.names(), ["x", "y", "x_test", "y_test"]);
    let (AnyArray::Reals(all), AnyArray::Reals(first)) = (plain.array("x").unwrap(), tested.array("x").unwrap()) else {
        panic!("float32")
    };
    assert_eq!((all.shape(), first.shape()), (&[30, 4][..], &[24, 4][..]));
    assert_eq!(all.as_slice().unwrap()[..96], *first.as_slice().unwrap());
}

#[test]
fn a_file_on_disk_is_read_like_bytes_and_a_missing_array_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.npz");
    std::fs::write(&path, bytes("keras.npz")).unwrap();
    let npz = Npz::open(&path).unwrap();
    assert_eq!(npz.array("x_test").unwrap().shape(), [6, 4]);
    let error = npz.array("x_tset").unwrap_err().to_string();
    assert!(error.contains("holds no array x_tset; did you mean x_test? Its arrays are x_train"), "{error}");
}

#[test]
fn a_file_that_was_cut_short_or_damaged_is_refused() {
    for name in ["plain.npz", "tested.npz"] {
        let whole = bytes(name);
        assert_eq!(problem(whole.clone()), None);
        for length in 0..whole.len() {
            let error = problem(whole[..length].to_vec()).unwrap_or_else(|| panic!("{name} cut to {length} bytes"));
            assert!(error.contains("not a whole ZIP archive") && error.contains("data.npz"), "{length}: {error}");
        }
        // The middle of the first array: the checksum or the unpacking sees it.
        let mut damaged = whole;
        damaged[300] ^= 0x10;
        let error = problem(damaged).unwrap();
        assert!(error.contains("array x: ") && error.contains("damaged"), "{error}");
    }
}

#[test]
fn what_is_no_archive_of_arrays_is_refused() {
    assert!(problem(b"hello".to_vec()).unwrap().contains("not a whole ZIP archive"));
    // An archive without entries.
    let empty = [b"PK\x05\x06".to_vec(), vec![0; 18]].concat();
    assert!(problem(empty).unwrap().contains("holds no array"));
    // The claim of the unpacked size, in the list at the end: 32 bits for the size behind the packed one.
    let mut claims = bytes("tested.npz");
    let at = claims.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    claims[at + 24..at + 28].copy_from_slice(&7u32.to_le_bytes());
    assert!(problem(claims).unwrap().contains("array x: "));
}
