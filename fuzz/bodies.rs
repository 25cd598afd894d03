//! What is done with bytes that nobody can trust, one function a format: used by the fuzz targets and by the property tests.
//!
//! A body must not panic, whatever the bytes, and its memory must stay within its [`Body::bound`].

use limpide::data::{Npz, images, read_idx_from, read_npy_from};
use limpide::format::safetensors::Archive;
use limpide::format::{load_archive, onnx};
use limpide::table::{CsvFile, CsvOptions, RawTable, Survey, SurveyOptions, TableFile};
use limpide::{Error, Result};
use std::path::Path;

/// A format with what is done and what it may take.
pub struct Body {
    /// The name of the fuzz target.
    pub name: &'static str,
    /// Reads the bytes as far as they make sense, and says where they make none.
    pub run: fn(&[u8]) -> Result<()>,
    /// Bytes of memory for each byte that is given.
    pub multiple: usize,
    /// Bytes of memory beside those.
    pub constant: usize,
}

impl Body {
    /// The most memory that the body may hold at once for so many bytes.
    pub fn bound(&self, length: usize) -> usize {
        self.multiple * length + self.constant
    }
}

/// What deflate can make of one byte.
const DEFLATE: usize = 1032;
const MIB: usize = 1 << 20;

/// All formats.
///
/// | format | multiple | what takes most |
/// | --- | --- | --- |
/// | idx | 2 × 1,032 | the array while it grows, behind gzip |
/// | npy | 64 | one-letter texts, each a `String` |
/// | npz | 64 × 1,032 | the same behind deflate |
/// | image | 16 × 8 × 1,032 | PNG: one-bit pixels behind deflate, made bytes in colour |
/// | csv | 128 × 1,032 | the tally of every column, behind gzip |
/// | safetensors, model | 128 | the list of tensors, a network and its copy |
/// | onnx | 256 | the graph's messages, its tensors as weights and their turned copies |
/// | toml | 1,024 | the tree of the text, and a network of at most 2¹⁶ numbers |
pub const BODIES: [Body; 9] = [
    Body { name: "idx", run: idx, multiple: 2 * DEFLATE, constant: MIB },
    Body { name: "npy", run: npy, multiple: 64, constant: MIB },
    Body { name: "npz", run: npz, multiple: 64 * DEFLATE, constant: MIB },
    Body { name: "image", run: image, multiple: 128 * DEFLATE, constant: MIB },
    Body { name: "csv", run: csv, multiple: 128 * DEFLATE, constant: 4 * MIB },
    Body { name: "safetensors", run: safetensors, multiple: 128, constant: MIB },
    Body { name: "model", run: model, multiple: 128, constant: MIB },
    Body { name: "onnx", run: onnx_graph, multiple: 256, constant: MIB },
    Body { name: "toml", run: toml, multiple: 1024, constant: 4 * MIB },
];

pub fn idx(bytes: &[u8]) -> Result<()> {
    read_idx_from(Path::new("hostile.idx"), bytes).map(drop)
}

pub fn npy(bytes: &[u8]) -> Result<()> {
    read_npy_from(Path::new("hostile.npy"), bytes)?.task();
    Ok(())
}

pub fn npz(bytes: &[u8]) -> Result<()> {
    let npz = Npz::from_bytes(Path::new("hostile.npz"), bytes.to_vec())?;
    // Names may lie on top of each other; each is read for itself.
    let read = npz.names().into_iter().take(4).map(|name| npz.array(name).map(drop));
    read.fold(Ok(()), Result::and)
}

pub fn image(bytes: &[u8]) -> Result<()> {
    let picture =
        images::decode(bytes).map_err(|problem| Error::option("an image", "whole", format!("{problem:?}")))?;
    assert_eq!(picture.pixels.len(), picture.height * picture.width * picture.channels);
    Ok(())
}

pub fn csv(bytes: &[u8]) -> Result<()> {
    let file = CsvFile::from_bytes("hostile.csv", bytes.to_vec(), &CsvOptions::default())?;
    let Some(target) = file.columns().last() else { return Ok(()) };
    RawTable::read(&file, Survey::new(&file, target, &SurveyOptions::default())?).map(drop)
}

pub fn safetensors(bytes: &[u8]) -> Result<()> {
    let archive = Archive::from_bytes("hostile.safetensors", bytes.to_vec())?;
    let read = archive.shapes().into_keys().map(|name| archive.tensor::<f32>(&name).map(drop));
    read.fold(Ok(()), Result::and)
}

pub fn model(bytes: &[u8]) -> Result<()> {
    load_archive::<f32>(&Archive::from_bytes("hostile.safetensors", bytes.to_vec())?).map(drop)
}

pub fn onnx_graph(bytes: &[u8]) -> Result<()> {
    onnx::import_bytes("hostile.onnx", bytes).map(drop)
}

pub fn toml(bytes: &[u8]) -> Result<()> {
    limpide_cli::train::check_description(bytes.to_vec(), 1 << 16)
}
