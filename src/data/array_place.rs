//! Where an array is, and how it is opened: by the first bytes of its file.

use super::bounded::{FIRST_BYTES, read_up_to};
use super::idx::idx_shape;
use super::npy_header::Header;
use super::{AnyArray, Npz, read_idx_from, read_npy_from};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Chain, Cursor, Read, Take};
use std::path::PathBuf;

/// Where an array is: a file, or an array of an NPZ file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrayPlace {
    /// An NPY, IDX or NPZ file; its first bytes tell which.
    pub file: PathBuf,
    /// The array's name in an NPZ file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
}

impl ArrayPlace {
    /// Reads the array.
    ///
    /// Errs when the file is none of NPY, NPZ and IDX, when a name is missing or too many, and as the readers do.
    pub fn read(&self) -> Result<AnyArray> {
        match self.open()? {
            Opened::Npz(npz, name) => npz.array(name),
            Opened::Npy(reader) => read_npy_from(&self.file, reader),
            Opened::Idx(reader) => read_idx_from(&self.file, reader).map(AnyArray::Bytes),
        }
    }

    /// The shape of the array and whether its entries are bytes or bools, from the first bytes alone.
    ///
    /// Errs as [`ArrayPlace::read`] does.
    pub fn header(&self) -> Result<(Vec<usize>, bool)> {
        match self.open()? {
            Opened::Npz(npz, name) => npz.header(name),
            Opened::Npy(mut reader) => {
                Header::read(&mut reader).map(Header::shape_and_bytes).map_err(|problem| problem.of(&self.file))
            }
            Opened::Idx(reader) => idx_shape(&self.file, reader).map(|shape| (shape, true)),
        }
    }

    /// The file, opened as what its first bytes say.
    fn open(&self) -> Result<Opened<'_>> {
        let ArrayPlace { file: path, array } = self;
        let io = |source| Error::Io { path: path.into(), source };
        let wrong = |problem: &str| Err(Error::Data { path: path.into(), problem: problem.into() });
        let mut reader = BufReader::with_capacity(FIRST_BYTES, File::open(path).map_err(io)?);
        let mut magic = [0; 4];
        let got = read_up_to(&mut reader, &mut magic).map_err(io)?;
        let whole = Cursor::new(magic).take(got as u64).chain(reader);
        match (magic, array) {
            ([b'P', b'K', ..], Some(name)) => Ok(Opened::Npz(Npz::open(path)?, name)),
            ([b'P', b'K', ..], None) => wrong("is an NPZ file: wants the name of an array in it"),
            (_, Some(_)) => wrong("is no NPZ file, so that no array of it has a name"),
            ([0x93, b'N', b'U', b'M'], None) => Ok(Opened::Npy(whole)),
            ([0, 0, ..] | [0x1f, 0x8b, ..], None) if got == 4 => Ok(Opened::Idx(whole)),
            _ => wrong("is none of NPY, NPZ and IDX by its first bytes; save arrays with np.save or np.savez"),
        }
    }
}

/// A file from its first byte.
type Whole = Chain<Take<Cursor<[u8; 4]>>, BufReader<File>>;

/// An opened file by its format.
enum Opened<'a> {
    /// With the array's name.
    Npz(Npz, &'a str),
    Npy(Whole),
    Idx(Whole),
}

impl std::fmt::Display for ArrayPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.array.iter().try_for_each(|name| write!(f, ", array {name}"))
    }
}
