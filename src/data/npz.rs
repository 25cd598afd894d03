//! NPZ, NumPy's file of several arrays: a ZIP archive with an NPY file for each, stored or deflated.

use super::AnyArray;
use super::bounded::Problem;
use super::npy::parse;
use super::npy_header::Header;
use crate::model::nearest;
use crate::{Error, Result};
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The most bytes that one array may unpack to: 16 GiB.
pub const MAX_UNPACKED: u64 = 1 << 34;
/// The most arrays of a file.
const MAX_ARRAYS: usize = 10_000;

/// An open NPZ file; its arrays are read one by one.
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<Box<dyn ReaderAt>>,
    arrays: Vec<Packed>,
}

/// Where an array lies.
struct Packed {
    name: String,
    method: CompressionMethod,
    place: ZipArchiveEntryWayfinder,
}

impl Npz {
    /// Opens a file and reads which arrays it has.
    ///
    /// Errs when it cannot be read or is not a whole ZIP archive: the list of its arrays is at its end, so that a file which
    /// was cut short has none.
    pub fn open(path: &Path) -> Result<Npz> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let length = file.metadata().map_err(|source| Error::Io { path: path.into(), source })?.len();
        Self::from_parts(path, Box::new(rawzip::FileReader::from(file)), length)
    }

    /// [`Npz::open`] of the bytes of a file; `path` is what errors name.
    ///
    /// Errs as it does.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Npz> {
        let length = bytes.len() as u64;
        Self::from_parts(path, Box::new(bytes), length)
    }

    fn from_parts(path: &Path, reader: Box<dyn ReaderAt>, length: u64) -> Result<Npz> {
        let wrong = |problem: String| Error::Data { path: path.into(), problem };
        let damaged = |error: rawzip::Error| wrong(damage(&error));
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let located = ZipLocator::new().locate_in_reader(reader, &mut buffer, length);
        let archive = located.map_err(|(_, error)| damaged(error))?;
        let (mut arrays, mut entries) = (Vec::new(), archive.entries(&mut buffer));
        while let Some(entry) = entries.next_entry().map_err(damaged)? {
            if arrays.len() == MAX_ARRAYS {
                return Err(wrong(format!("wants at most {MAX_ARRAYS} arrays, got more")));
            }
            let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
            // NumPy adds the ending to every name.
            if let Some(name) = name.strip_suffix(".npy") {
                let (method, place) = (entry.compression_method(), entry.wayfinder());
                arrays.push(Packed { name: name.to_string(), method, place });
            }
        }
        if arrays.is_empty() {
            return Err(wrong("holds no array; wants an NPZ file with arrays such as x and y, from np.savez".into()));
        }
        Ok(Npz { path: path.into(), archive, arrays })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the arrays, in the file's order.
    pub fn names(&self) -> Vec<&str> {
        self.arrays.iter().map(|array| array.name.as_str()).collect()
    }

    /// Whether there is an array of that name.
    pub fn has(&self, name: &str) -> bool {
        self.arrays.iter().any(|array| array.name == name)
    }

    /// An array; see [`read_npy`](super::read_npy) for what it becomes.
    ///
    /// Errs when there is none of that name (with those that there are), when it is damaged or packed in another way than
    /// deflate, when it would unpack to more than [`MAX_UNPACKED`], and as [`read_npy`](super::read_npy) does.
    pub fn array(&self, name: &str) -> Result<AnyArray> {
        parse(self.reader(name)?).map_err(|problem| self.wrong(name, problem))
    }

    /// The shape of an array, and whether its entries are bytes or bools; its numbers are not read.
    ///
    /// Errs as [`Npz::array`] does.
    pub(super) fn header(&self, name: &str) -> Result<(Vec<usize>, bool)> {
        Header::read(&mut self.reader(name)?).map(Header::shape_and_bytes).map_err(|problem| self.wrong(name, problem))
    }

    /// The unpacked bytes of an array's file. The claim of their number is held to, and their checksum looked at, when the last
    /// one has been read.
    fn reader(&self, name: &str) -> Result<impl Read> {
        let wrong = |problem: String| Error::Data { path: self.path.clone(), problem };
        let Some(Packed { method, place, .. }) = self.arrays.iter().find(|array| array.name == name) else {
            let names = self.names();
            let close = nearest(name, &names).map_or("; its".into(), |close| format!("; did you mean {close}? Its"));
            return Err(wrong(format!("holds no array {name}{close} arrays are {}", names.join(", "))));
        };
        let within = |problem: String| wrong(format!("array {name}: {problem}"));
        if place.uncompressed_size_hint() > MAX_UNPACKED {
            let size = place.uncompressed_size_hint();
            return Err(within(format!("would unpack to {size} bytes; the limit is {MAX_UNPACKED}")));
        }
        let entry = self.archive.get_entry(*place).map_err(|error| within(damage(&error)))?;
        let packed = BufReader::new(entry.reader());
        let plain: Box<dyn Read + '_> = match *method {
            CompressionMethod::STORE => Box::new(packed),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed)),
            other => return Err(within(format!("is packed by {other:?}; np.savez_compressed packs by deflate"))),
        };
        Ok(BufReader::new(entry.verifying_reader(plain.take(MAX_UNPACKED + 1))))
    }

    /// The error about an array.
    fn wrong(&self, name: &str, problem: Problem) -> Error {
        let within = |problem| Error::Data { path: self.path.clone(), problem: format!("array {name}: {problem}") };
        match problem {
            Problem::Data(problem) => within(problem),
            // What the archive says of itself comes as an error of reading.
            Problem::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rawzip::Error>()) => {
                within(format!("is damaged ({error}); take another copy of the file"))
            }
            Problem::Io(source) => Error::Io { path: self.path.clone(), source },
        }
    }
}

impl std::fmt::Debug for Npz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Npz({}: {})", self.path.display(), self.names().join(", "))
    }
}

fn damage(error: &rawzip::Error) -> String {
    format!("is not a whole ZIP archive ({error}); it was cut short or is no NPZ file, take another copy")
}

#[cfg(test)]
#[path = "npz_tests.rs"]
mod tests;
