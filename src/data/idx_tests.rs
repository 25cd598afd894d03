//! Whole, damaged and hostile IDX files.

use super::*;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;

fn idx(kind: u8, sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, kind, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(data);
    file
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn read(content: &[u8]) -> Result<ArcArray<u8, IxDyn>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file-idx-ubyte");
    std::fs::write(&path, content).unwrap();
    read_idx(&path)
}

fn problem(content: &[u8]) -> String {
    read(content).unwrap_err().to_string()
}

#[test]
fn plain_and_gzip_files_give_the_same_array() {
    let file = idx(8, &[2, 1, 3], &[1, 2, 3, 4, 5, 255]);
    let want = crate::tensor(&[2, 1, 3], vec![1, 2, 3, 4, 5, 255]);
    assert_eq!(read(&file).unwrap(), want);
    assert_eq!(read(&gzip(&file)).unwrap(), want);
    assert_eq!(read(&idx(8, &[0, 28, 28], &[])).unwrap().shape(), &[0, 28, 28]);
}

/// A folder of hostile files, and the words that tell each of them apart.
#[test]
fn every_hostile_file_is_refused_for_its_own_reason() {
    let good = idx(8, &[2, 2], &[1, 2, 3, 4]);
    let zipped = gzip(&good);
    let mut wrong_sum = zipped.clone();
    let crc = wrong_sum.len() - 8;
    wrong_sum[crc] ^= 1;
    let bomb = gzip(&vec![0; 1 << 20]);
    let bomb_after_header = gzip(&[idx(8, &[2, 2], &[]), vec![0; 1 << 20]].concat());
    let big = u32::MAX;
    let files: [(&str, Vec<u8>, &str); 17] = [
        ("empty", vec![], "shorter than the 4 bytes"),
        ("half a magic number", vec![0, 0, 8], "shorter than the 4 bytes"),
        ("text", b"5,3,0,0\n".to_vec(), "begin with the bytes 0 0, got 53 44"),
        ("floats", idx(0x0d, &[1], &[0; 4]), "unsigned bytes (0x08), got 32-bit floats (0x0d)"),
        ("no such type", idx(0x0a, &[1], &[0]), "an unknown type (0x0a)"),
        ("no axis", idx(8, &[], &[0]), "1 to 8 axes, got 0"),
        ("200 axes", idx(8, &[1; 200], &[0]), "1 to 8 axes, got 200"),
        ("half a header", good[..9].to_vec(), "ends before the sizes of its 2 axes"),
        ("cut short", good[..good.len() - 1].to_vec(), "(2, 2) = 4 bytes of data, the file has 3"),
        ("trailing byte", [&good[..], &[9]].concat(), "the file has more"),
        ("claims 4 GiB", idx(8, &[big], &[1]), "(4294967295,) bytes of data; the limit is 1073741824"),
        ("product overflows", idx(8, &[big; 8], &[1]), "the limit is 1073741824"),
        ("nothing, of a size that overflows", idx(8, &[0, big, big, big], &[]), "the limit is 1073741824"),
        ("gzip cut short", zipped[..zipped.len() - 9].to_vec(), "compressed data ends early"),
        ("gzip with a wrong checksum", wrong_sum, "compressed data is damaged"),
        ("gzip of zeros", bomb, "unknown type (0x00)"),
        ("gzip bomb after a small header", bomb_after_header, "(2, 2) = 4 bytes of data, the file has more"),
    ];
    for (name, content, words) in files {
        let got = problem(&content);
        assert!(got.contains(words), "{name}: wants {words:?} in {got:?}");
    }
    assert!(problem(&[&zipped[..], b"behind the gzip stream"].concat()).contains("compressed data is damaged"));
    assert!(matches!(read_idx(Path::new("no/such/file")), Err(Error::Io { .. })));
}

/// Half a gigabyte claimed, a thousand bytes there: no more than the first buffer is taken.
#[test]
fn a_lying_length_takes_no_memory() {
    let mut values = Vec::new();
    read_values(&mut &[7u8; 1000][..], 1 << 29, &mut values).unwrap();
    assert_eq!(values.len(), 1000);
    assert!(values.capacity() <= FIRST_BYTES, "{}", values.capacity());
}

#[test]
fn whole_data_takes_exactly_its_size() {
    let mut values = Vec::new();
    read_values(&mut &vec![7u8; 300_000][..], 300_000, &mut values).unwrap();
    assert_eq!((values.len(), values.capacity()), (300_000, 300_000));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&content[..]);
        let _ = parse(MultiGzDecoder::new(&content[..]));
    }

    /// Bytes behind a valid start reach the deeper code: they are an array exactly when the sizes agree with the length.
    #[test]
    fn sizes_decide(sizes in prop::collection::vec(0u32..6, 1..4), data in prop::collection::vec(any::<u8>(), 0..40)) {
        let want = sizes.iter().product::<u32>() as usize == data.len();
        prop_assert_eq!(parse(&idx(8, &sizes, &data)[..]).is_ok(), want);
    }

    #[test]
    fn memory_follows_what_arrives(arrives in 0usize..400_000, claimed in 0usize..MAX_BYTES) {
        let mut values = Vec::new();
        read_values(&mut std::io::repeat(1).take(arrives as u64), claimed, &mut values).unwrap();
        prop_assert_eq!(values.len(), arrives.min(claimed));
        prop_assert!(values.capacity() <= (2 * arrives).max(FIRST_BYTES).min(claimed));
    }

    #[test]
    fn a_damaged_byte_never_panics(at in 0usize..60, bits in 1u8..=255) {
        let mut content = gzip(&idx(8, &[3, 5], &[3; 15]));
        let at = at % content.len();
        content[at] ^= bits;
        let _ = parse(MultiGzDecoder::new(&content[..]));
    }
}
