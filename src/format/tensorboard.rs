//! TensorBoard's event files: the curves of a run, written so that TensorBoard itself shows them.
//!
//! A file is a row of records (TFRecord): length, its checksum, an `Event`, its checksum. The few fields of the protocol
//! buffers `Event` and `Summary` that scalars need are written by hand.

use crate::{Error, Result};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// An event file under construction.
///
/// ```
/// use limpide::format::tensorboard::EventFile;
/// let folder = std::env::temp_dir().join("limpide-events-example");
/// let mut events = EventFile::create(&folder, 1)?;
/// events.scalars(1, &[("loss/train", 0.5), ("loss/validation", 0.75)])?;
/// # Ok::<(), limpide::Error>(())
/// ```
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// A new file in a folder, which is created. `next` is the first step that it will hold: a run that goes on starts a
    /// file of its own, and TensorBoard then forgets what older files of the folder say about that step and later ones.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(folder: &Path, next: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
        let now = now();
        // TensorBoard reads the files of a folder in the order of their names, and knows them by `tfevents`.
        let name = (0..).map(|n| format!("events.out.tfevents.{:010}.{n:04}.limpide", now as u64));
        for name in name {
            let path = folder.join(name);
            match File::create_new(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(Error::Io { path, source }),
                Ok(file) => {
                    let mut events = EventFile { path, file };
                    events.write(&event(now, 0, FILE_VERSION, b"brain.Event:2"))?;
                    events.write(&event(now, next, SESSION_LOG, &SESSION_START))?;
                    return Ok(events);
                }
            }
        }
        unreachable!("there is always a next name")
    }

    /// Adds the values of curves at a step. A slash in a curve's name groups it with others.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn scalars(&mut self, step: u64, curves: &[(&str, f64)]) -> Result<()> {
        let mut summary = Vec::new();
        for (name, value) in curves {
            let mut curve = Vec::new();
            put_bytes(&mut curve, VALUE_TAG, name.as_bytes());
            put_key(&mut curve, VALUE_SIMPLE, FOUR_BYTES);
            curve.extend((*value as f32).to_le_bytes());
            put_bytes(&mut summary, SUMMARY_VALUE, &curve);
        }
        self.write(&event(now(), step, SUMMARY, &summary))
    }

    fn write(&mut self, event: &[u8]) -> Result<()> {
        self.file.write_all(&record(event)).map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

// Field numbers of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.
const WALL_TIME: u8 = 1;
const STEP: u8 = 2;
const FILE_VERSION: u8 = 3;
const SUMMARY: u8 = 5;
const SESSION_LOG: u8 = 7;
const SUMMARY_VALUE: u8 = 1;
const VALUE_TAG: u8 = 1;
const VALUE_SIMPLE: u8 = 2;
/// A `SessionLog` whose field 1, the status, is 1: START.
const SESSION_START: [u8; 2] = [1 << 3, 1];

// Wire types of the encoding.
const VARINT: u8 = 0;
const EIGHT_BYTES: u8 = 1;
const LENGTH_AND_BYTES: u8 = 2;
const FOUR_BYTES: u8 = 5;

/// An `Event` whose content is one field of bytes.
fn event(seconds: f64, step: u64, field: u8, content: &[u8]) -> Vec<u8> {
    let mut event = Vec::new();
    put_key(&mut event, WALL_TIME, EIGHT_BYTES);
    event.extend(seconds.to_le_bytes());
    put_key(&mut event, STEP, VARINT);
    put_varint(&mut event, step);
    put_bytes(&mut event, field, content);
    event
}

fn put_key(out: &mut Vec<u8>, field: u8, wire_type: u8) {
    out.push(field << 3 | wire_type);
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_key(out, field, LENGTH_AND_BYTES);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Seven bits a byte, the lowest first; the top bit says that more follow.
fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A TFRecord: length, masked checksum of the length, data, masked checksum of the data.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(crc32c(&length)).to_le_bytes(), data, &masked(crc32c(data)).to_le_bytes()].concat()
}

/// TFRecord's mask: a checksum of data that holds checksums would be weak.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: events are short and few.
fn crc32c(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogue of CRC algorithms, and the vectors of RFC 3720, B.4.
    #[test]
    fn the_checksum_gives_the_known_answers() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    }

    #[test]
    fn an_event_is_encoded_as_protocol_buffers_prescribe() {
        // 300 = 0b10_0101100, the example of the encoding's documentation.
        let mut varint = Vec::new();
        put_varint(&mut varint, 300);
        assert_eq!(varint, [0xac, 0x02]);
        let wanted = [&[0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xac, 0x02, 0x1a, 2][..], b"hi"].concat();
        assert_eq!(event(1.0, 300, FILE_VERSION, b"hi"), wanted);
    }

    /// The data of a file's records; asserts that lengths and checksums hold.
    fn records(path: &Path) -> Vec<Vec<u8>> {
        let bytes = std::fs::read(path).unwrap();
        let (mut rest, mut records) = (&bytes[..], Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<8>() {
            let data = after[4..4 + u64::from_le_bytes(*length) as usize].to_vec();
            assert_eq!(after[..4], masked(crc32c(length)).to_le_bytes());
            assert_eq!(after[4 + data.len()..8 + data.len()], masked(crc32c(&data)).to_le_bytes());
            rest = &after[8 + data.len()..];
            records.push(data);
        }
        records
    }

    #[test]
    fn a_run_that_goes_on_starts_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        EventFile::create(folder.path(), 1).unwrap().scalars(1, &[("loss/train", 0.25)]).unwrap();
        EventFile::create(folder.path(), 2).unwrap().scalars(2, &[("loss/train", 0.125)]).unwrap();
        let mut paths: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert_eq!(paths.len(), 2);
        for (path, step, value) in [(&paths[0], 1, 0.25f32), (&paths[1], 2, 0.125)] {
            let records = records(path);
            assert!(records[0].ends_with(b"brain.Event:2"));
            assert!(records[1].ends_with(&[0x10, step, 0x3a, 2, 8, 1]), "the start of a session at step {step}");
            assert!(records[2].ends_with(&[&b"loss/train\x15"[..], &value.to_le_bytes()].concat()));
            assert_eq!(records.len(), 3);
        }
    }
}
