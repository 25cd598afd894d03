//! How a JPEG file says its image lies, and the image as it is to be seen.

use super::Picture;

/// The segment APP1 of EXIF begins so.
const START: &[u8] = b"Exif\0\0";
/// The tag of the orientation.
const ORIENTATION: u16 = 0x0112;

/// The orientation, 1 to 8, in what a segment APP1 holds, when it is of EXIF and has one.
///
/// Source: [EXIF 2.3](https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf), 4.5.2 and 4.6.4: a TIFF header, which says in
/// which order the bytes of numbers lie, and a list of entries of 12 bytes: tag, type, count, value.
pub(super) fn orientation(segment: &[u8]) -> Option<u8> {
    let tiff = segment.strip_prefix(START)?;
    let little = tiff.starts_with(b"II*\0");
    if !little && !tiff.starts_with(b"MM\0*") {
        return None;
    }
    let bytes = |at: usize| tiff.get(at..)?.first_chunk::<4>().copied();
    let long = |at: usize| bytes(at).map(|own| if little { u32::from_le_bytes(own) } else { u32::from_be_bytes(own) });
    let short = |at: usize| {
        let own = *tiff.get(at..)?.first_chunk::<2>()?;
        Some(if little { u16::from_le_bytes(own) } else { u16::from_be_bytes(own) })
    };
    let list = long(4)? as usize;
    let count = usize::from(short(list)?);
    let entry = (0..count).map(|number| list + 2 + 12 * number).find(|&at| short(at) == Some(ORIENTATION))?;
    short(entry + 8).filter(|value| (1..=8).contains(value)).map(|value| value as u8)
}

/// Whether an orientation exchanges height and width.
pub(super) fn is_on_its_side(orientation: u8) -> bool {
    orientation >= 5
}

/// The image as it is to be seen.
///
/// | orientation | the pixel (row, column) is, of the h × w stored, |
/// | --- | --- |
/// | 1, 2 | (row, column), (row, w−1−column) |
/// | 3, 4 | (h−1−row, w−1−column), (h−1−row, column) |
/// | 5, 6 | (column, row), (h−1−column, row) |
/// | 7, 8 | (h−1−column, w−1−row), (column, w−1−row) |
pub(super) fn upright(picture: Picture, orientation: u8) -> Picture {
    if orientation == 1 {
        return picture;
    }
    let Picture { height: h, width: w, channels, pixels: stored } = picture;
    let (height, width) = if is_on_its_side(orientation) { (w, h) } else { (h, w) };
    let mut pixels = Vec::with_capacity(stored.len());
    for row in 0..height {
        for column in 0..width {
            let (from_row, from_column) = match orientation {
                2 => (row, w - 1 - column),
                3 => (h - 1 - row, w - 1 - column),
                4 => (h - 1 - row, column),
                5 => (column, row),
                6 => (h - 1 - column, row),
                7 => (h - 1 - column, w - 1 - row),
                8 => (column, w - 1 - row),
                _ => (row, column),
            };
            let at = (from_row * w + from_column) * channels;
            pixels.extend_from_slice(&stored[at..at + channels]);
        }
    }
    Picture { height, width, channels, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows `abc` and `def`, as EXIF's drawings show them: where the first row and the first column of the file lie.
    #[test]
    fn two_rows_of_three_are_seen_eight_ways() {
        let ways = [
            "abc def",  // row at the top, column at the left
            "cba fed",  // top, right
            "fed cba",  // bottom, right
            "def abc",  // bottom, left
            "ad be cf", // left, top
            "da eb fc", // right, top
            "fc eb da", // right, bottom
            "cf be ad", // left, bottom
        ];
        for (orientation, wanted) in (1..).zip(ways) {
            let rows: Vec<&str> = wanted.split(' ').collect();
            let grey = Picture { height: 2, width: 3, channels: 1, pixels: b"abcdef".to_vec() };
            let seen = upright(grey, orientation);
            assert_eq!((seen.height, seen.width), (rows.len(), rows[0].len()), "{orientation}");
            assert_eq!(String::from_utf8(seen.pixels).unwrap(), rows.concat(), "{orientation}");
            let colour = Picture { height: 2, width: 3, channels: 3, pixels: b"a12b12c12d12e12f12".to_vec() };
            let letters: String = rows.concat().chars().map(|letter| format!("{letter}12")).collect();
            assert_eq!(String::from_utf8(upright(colour, orientation).pixels).unwrap(), letters, "{orientation}");
        }
    }
}
