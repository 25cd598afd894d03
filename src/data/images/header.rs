//! What an image file says about its size, read from its first bytes alone.

use super::exif::{is_on_its_side, orientation};
use super::picture::MAX_PIXELS;
use std::io::{ErrorKind, Read};

/// Format, size and colours of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// Whether it is a JPEG; else a PNG.
    pub jpeg: bool,
    /// Rows, of the image as it is to be seen.
    pub height: usize,
    /// Pixels in a row, as it is to be seen.
    pub width: usize,
    /// How the pixels lie in the file, as EXIF numbers it: 1 as they are seen, up to 8. A PNG's always lie so.
    pub orientation: u8,
    /// Whether it has colours, or a palette, which may have.
    pub color: bool,
}

/// The header of a PNG or JPEG file.
///
/// Errs in words, without the file's name: not an image, cut short, or larger than [`MAX_PIXELS`].
pub fn image_header(mut reader: impl Read) -> Result<ImageHeader, String> {
    let header = parse(&mut reader).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => "ends within its header; it was cut short".to_string(),
        ErrorKind::InvalidData => error.to_string(),
        _ => format!("cannot be read ({error})"),
    })?;
    let ImageHeader { height, width, .. } = header;
    if height.checked_mul(width).is_none_or(|pixels| pixels > MAX_PIXELS) {
        return Err(format!("has {height}x{width} pixels; the limit is {MAX_PIXELS} in all"));
    }
    Ok(header)
}

fn wrong(problem: &str) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, problem)
}

fn parse(reader: &mut impl Read) -> std::io::Result<ImageHeader> {
    let mut start = [0; 2];
    reader.read_exact(&mut start).map_err(|_| wrong("is empty or a single byte; wants a PNG or JPEG image"))?;
    let header = match start {
        [0x89, b'P'] => png(reader)?,
        [0xff, 0xd8] => jpeg(reader)?,
        _ => return Err(wrong("is neither PNG nor JPEG by its first bytes")),
    };
    if header.height == 0 || header.width == 0 {
        return Err(wrong("has no pixels"));
    }
    Ok(header)
}

/// PNG (ISO 15948, 11.2.2): after the signature comes the chunk IHDR with width, height, depth, colour type.
fn png(reader: &mut impl Read) -> std::io::Result<ImageHeader> {
    let mut rest = [0; 24];
    reader.read_exact(&mut rest)?;
    if rest[..6] != *b"NG\r\n\x1a\n" || rest[10..14] != *b"IHDR" {
        return Err(wrong("begins like a PNG image and has no header"));
    }
    let number = |at: usize| u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]) as usize;
    let color = rest[23] & 2 != 0;
    Ok(ImageHeader { jpeg: false, width: number(14), height: number(18), orientation: 1, color })
}

/// JPEG (ITU T.81, B.2.2): segments, each a marker and a length, up to the frame with height, width and components. The
/// segment APP1 of EXIF, which says how the image lies, is the first of them.
fn jpeg(reader: &mut impl Read) -> std::io::Result<ImageHeader> {
    let mut lies = None;
    loop {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        if byte != [0xff] {
            return Err(wrong("is damaged before its frame"));
        }
        while byte == [0xff] {
            reader.read_exact(&mut byte)?; // any number of fill bytes
        }
        let mut length = [0; 2];
        match byte[0] {
            // Without a length: TEM, RSTn.
            0x01 | 0xd0..=0xd7 => continue,
            0xd9 | 0xda => return Err(wrong("has no frame before its data")),
            // A frame, and not DHT, JPG, DAC, which lie among them.
            0xc0..=0xcf if !matches!(byte[0], 0xc4 | 0xc8 | 0xcc) => {
                let mut frame = [0; 8];
                reader.read_exact(&mut frame)?;
                let number = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]) as usize;
                let (orientation, color) = (lies.unwrap_or(1), frame[7] != 1);
                let (height, width) = match is_on_its_side(orientation) {
                    true => (number(5), number(3)),
                    false => (number(3), number(5)),
                };
                return Ok(ImageHeader { jpeg: true, height, width, orientation, color });
            }
            _ => reader.read_exact(&mut length)?,
        }
        let behind = u64::from(u16::from_be_bytes(length)).checked_sub(2);
        let behind = behind.ok_or_else(|| wrong("has a segment of no length"))?;
        let mut segment = Vec::new();
        if (reader.by_ref().take(behind).read_to_end(&mut segment)? as u64) < behind {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if byte[0] == 0xe1 {
            lies = lies.or(orientation(&segment));
        }
    }
}
