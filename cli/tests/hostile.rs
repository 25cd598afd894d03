//! Valid files with damage of every kind: nothing panics, and no more memory is taken than the bodies of `fuzz/` say.
//!
//! One test at a time, because its allocator counts what the whole process takes.

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use bodies::{BODIES, Body};
use flate2::{Compression, write::GzEncoder};
use limpide::format::safetensors::encode;
use limpide::layers::{BatchNorm1d, Linear, Relu};
use limpide::{Sequential, format};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::new(());
/// How long each format is tried.
const TRIED: Duration = Duration::from_millis(250);
/// What the test itself holds beside the body: the damaged bytes and the record of a failure.
const OWN: usize = 1 << 20;

/// One change to a file.
#[derive(Clone, Debug)]
enum Damage {
    Flip {
        at: u16,
        bits: u8,
    },
    Cut {
        at: u16,
    },
    /// A part is put in another place.
    Splice {
        from: u16,
        length: u8,
        to: u16,
    },
    /// A number that is on an edge, in either byte order.
    Number {
        at: u16,
        which: u8,
        wide: bool,
        big: bool,
    },
    /// Text that means something to a parser.
    Text {
        at: u16,
        which: u8,
    },
}

const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff];
const TEXTS: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "\n",
    "-",
    "99999999999999999999",
    "1e400",
    "nan",
    "0,0,",
    "[[layers]]\n",
    "\u{fffd}",
    "\0",
];

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let place = |at: u16| usize::from(at) % (length + 1);
        match *self {
            Damage::Flip { at, bits } => {
                if let Some(byte) = bytes.get_mut(place(at)) {
                    *byte ^= bits;
                }
            }
            Damage::Cut { at } => bytes.truncate(place(at)),
            Damage::Splice { from, length, to } => {
                let from = place(from);
                let part = bytes[from..(from + usize::from(length)).min(bytes.len())].to_vec();
                let to = place(to);
                bytes.splice(to..to, part);
            }
            Damage::Number { at, which, wide, big } => {
                let number = NUMBERS[usize::from(which) % NUMBERS.len()];
                let number = match (wide, big) {
                    (true, true) => number.to_be_bytes().to_vec(),
                    (true, false) => number.to_le_bytes().to_vec(),
                    (false, true) => (number as u32).to_be_bytes().to_vec(),
                    (false, false) => (number as u32).to_le_bytes().to_vec(),
                };
                bytes.iter_mut().skip(place(at)).zip(number).for_each(|(byte, new)| *byte = new);
            }
            Damage::Text { at, which } => {
                let (at, text) = (place(at), TEXTS[usize::from(which) % TEXTS.len()]);
                bytes.splice(at..at, text.bytes());
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        4 => (any::<u16>(), 1u8..).prop_map(|(at, bits)| Damage::Flip { at, bits }),
        1 => any::<u16>().prop_map(|at| Damage::Cut { at }),
        2 => (any::<u16>(), any::<u8>(), any::<u16>()).prop_map(|(from, length, to)| Damage::Splice { from, length, to }),
        2 => (any::<u16>(), any::<u8>(), any::<bool>(), any::<bool>())
            .prop_map(|(at, which, wide, big)| Damage::Number { at, which, wide, big }),
        2 => (any::<u16>(), any::<u8>()).prop_map(|(at, which)| Damage::Text { at, which }),
    ];
    prop::collection::vec(one, 0..5)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder whose names end so.
fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(ending));
    paths.sort();
    assert!(!paths.is_empty(), "{folder}");
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn model() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let network = Sequential::<f32>::new()
        .push(Linear::new(4, 3))
        .push(BatchNorm1d::new(3))
        .push(Relu)
        .push(Linear::new(3, 2))
        .seed(1);
    format::save(&network, &path).unwrap();
    std::fs::read(path).unwrap()
}

/// Valid files of a format.
fn valid(name: &str) -> Vec<Vec<u8>> {
    match name {
        "idx" => {
            let plain = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4][..], &[7; 24]].concat();
            vec![gzip(&plain), plain]
        }
        "npy" => files("tests/reference/arrays", ".npy"),
        "npz" => files("tests/reference/arrays", ".npz"),
        "image" => {
            [".png", ".jpg", ".jpeg"].iter().flat_map(|ending| files("tests/reference/images", ending)).collect()
        }
        "csv" => {
            let plain = "day,size,\"colour, named\",kind\n2024-01-31,1.5,red,a\n2024-02-01,,\"bl\"\"ue\",b\n2024-02-02,3e2,red,a\n2024-02-03,4,red,b\n";
            vec![
                gzip(plain.as_bytes()),
                plain.into(),
                plain.replace(',', ";").into_bytes(),
                b"1\t2\n3\t4\n5\t6\n".to_vec(),
            ]
        }
        "safetensors" => {
            let (x, y) = (limpide::tensor(&[2, 2], vec![1.0f32, 2.0, 3.0, 4.0]), limpide::tensor(&[], vec![5.0f32]));
            vec![encode([("x", &x), ("y.weight", &y)], [("author", "Ada")]), model()]
        }
        "model" => vec![model()],
        "onnx" => files("tests/reference", ".onnx"),
        "toml" => files("recipes", ".toml"),
        _ => panic!("valid files of {name}"),
    }
}

/// Runs a body, and says how much memory it took at the peak.
fn peak(body: &Body, bytes: &[u8]) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let _ = (body.run)(bytes);
    MEMORY.peak_usage().saturating_sub(before)
}

#[test]
fn damaged_files_neither_panic_nor_take_memory_that_they_do_not_fill() {
    let _alone = ALONE.lock();
    for body in &BODIES {
        let seeds = valid(body.name);
        let begin = Instant::now();
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let strategy = (prop::sample::select(seeds), damage());
        while begin.elapsed() < TRIED {
            let case = strategy.new_tree(&mut runner).unwrap();
            let tried = runner.run_one(case, |(mut bytes, damage)| {
                damage.iter().for_each(|change| change.apply(&mut bytes));
                let (took, bound) = (peak(body, &bytes), body.bound(bytes.len()) + OWN);
                let length = bytes.len();
                prop_assert!(took <= bound, "{} took {took} bytes for {length}; the bound is {bound}", body.name);
                Ok(())
            });
            tried.unwrap_or_else(|error| panic!("{}: {error}", body.name));
        }
    }
}

/// What is damaged was whole: every format has a file that is read to its end. The files are written where the fuzz targets look for
/// them when asked to: `LIMPIDE_FUZZ_CORPUS=fuzz/corpus`.
#[test]
fn valid_files_are_the_seeds_of_fuzzing() {
    let _alone = ALONE.lock();
    let corpus = std::env::var_os("LIMPIDE_FUZZ_CORPUS").map(|folder| root().join(folder));
    for body in &BODIES {
        let files = valid(body.name);
        let read: Vec<limpide::Result<()>> = files.iter().map(|bytes| (body.run)(bytes)).collect();
        assert!(read.iter().any(Result::is_ok), "{}: {read:?}", body.name);
        let Some(folder) = corpus.as_ref().map(|corpus| corpus.join(body.name)) else { continue };
        std::fs::create_dir_all(&folder).unwrap();
        for (number, bytes) in files.iter().enumerate() {
            std::fs::write(folder.join(format!("valid-{number}")), bytes).unwrap();
        }
    }
}
