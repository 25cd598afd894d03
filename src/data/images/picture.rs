//! One image, decoded: grey or RGB, eight bits a channel.

use super::exif::upright;
use super::header::image_header;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most pixels of an image: 64 Mi, a square of 8,192.
pub const MAX_PIXELS: usize = 1 << 26;
/// The most bytes of an image file: 256 MiB.
pub const MAX_FILE_BYTES: u64 = 1 << 28;
/// The most pixels that a byte of a file can stand for: deflate reaches 1,032 bytes a byte, eight pixels each when a pixel is
/// one bit; JPEG a block of 64 pixels a bit.
const PIXELS_A_BYTE: usize = 8 * 1032;

/// Pixels row by row from the top, the channels of a pixel side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// 1 for grey, 3 for RGB.
    pub channels: usize,
    /// height × width × channels bytes.
    pub pixels: Vec<u8>,
}

/// Decodes the bytes of a PNG or JPEG file: 16 bits a channel become 8, a palette its colours; what is transparent lets
/// white through, c·α + 1 − α. A JPEG is turned and mirrored as its EXIF says (tag 0x0112), so that it is as one sees it.
///
/// Errs in words, without the file's name. What a header claims takes memory only as far as a file of that length can fill
/// it: the peak is 16 bytes for each pixel, which are at most [`MAX_PIXELS`].
pub fn decode(bytes: &[u8]) -> Result<Picture, String> {
    let header = image_header(bytes)?;
    let (height, width) = (header.height, header.width);
    if height * width > bytes.len().saturating_mul(PIXELS_A_BYTE) {
        return Err(format!("claims {height}x{width} pixels, which its {} bytes cannot hold", bytes.len()));
    }
    let picture = upright(if header.jpeg { jpeg(bytes)? } else { png(bytes)? }, header.orientation);
    if picture.height != height || picture.width != width {
        let (other, wide) = (picture.height, picture.width);
        return Err(format!("claims {height}x{width} pixels and has {other}x{wide}; it is damaged"));
    }
    Ok(picture)
}

fn png(bytes: &[u8]) -> Result<Picture, String> {
    let wrong = |error: png::DecodingError| format!("is not a whole PNG image ({error})");
    let limits = png::Limits { bytes: 8 * MAX_PIXELS };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(wrong)?;
    let size = reader.output_buffer_size().ok_or("is larger than any memory")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(wrong)?;
    // The checksums of what follows the pixels, up to the end that a whole file has.
    reader.finish().map_err(wrong)?;
    pixels.truncate(info.buffer_size());
    let (from, channels) = match info.color_type {
        png::ColorType::Grayscale => (1, 1),
        png::ColorType::GrayscaleAlpha => (2, 1),
        png::ColorType::Rgb | png::ColorType::Indexed => (3, 3),
        png::ColorType::Rgba => (4, 3),
    };
    if from != channels {
        // Over white. What is written never lies behind what is still to be read.
        for pixel in 0..pixels.len() / from {
            let alpha = u32::from(pixels[pixel * from + channels]);
            for channel in 0..channels {
                let colour = u32::from(pixels[pixel * from + channel]);
                let over = (colour * alpha + 255 * (255 - alpha) + 127) / 255;
                pixels[pixel * channels + channel] = over as u8;
            }
        }
        pixels.truncate(pixels.len() / from * channels);
        pixels.shrink_to_fit();
    }
    Ok(Picture { height: info.height as usize, width: info.width as usize, channels, pixels })
}

fn jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(1 << 16).set_max_height(1 << 16);
    let wrong = |error: &dyn std::fmt::Debug| format!("is not a whole JPEG image ({error:?})");
    // The decoder fills in what is missing at the end.
    let end = jpeg_end(bytes).ok_or("is not a whole JPEG image (there is no end of its data)")?;
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes[..end]), options);
    decoder.decode_headers().map_err(|error| wrong(&error))?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (space, channels) = if grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(|error| wrong(&error))?;
    let info = decoder.info().ok_or("has no frame")?;
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    if pixels.len() != height * width * channels {
        return Err(format!("gives {} bytes instead of {height}x{width}x{channels}", pixels.len()));
    }
    Ok(Picture { height, width, channels, pixels })
}

/// Where a JPEG image ends: behind its own mark of the end, whatever follows, such as a film or a second image (ITU T.81, B.1.1).
fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)? + 1;
        match *bytes.get(at)? {
            // Any number of fill bytes may stand before a marker.
            0xff => {}
            // Within data a 0 follows, or the number of a restart; a second start stops the decoder.
            0 | 0x01 | 0xd0..=0xd8 => at += 1,
            0xd9 => return Some(at + 1),
            // A segment with its length, which may hold a small image of its own.
            _ => at += 1 + usize::from(u16::from_be_bytes([*bytes.get(at + 1)?, *bytes.get(at + 2)?])),
        }
    }
}

impl Picture {
    /// The same in one channel: (19595 R + 38470 G + 7471 B + 32768) / 65536, ITU-R 601 as Pillow rounds it.
    pub fn grey(self) -> Picture {
        if self.channels == 1 {
            return self;
        }
        let luma = |[r, g, b]: [u8; 3]| {
            let sum = 19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + 0x8000;
            (sum >> 16) as u8
        };
        let pixels = self.pixels.as_chunks::<3>().0.iter().map(|&pixel| luma(pixel)).collect();
        Picture { channels: 1, pixels, ..self }
    }

    /// The same in three channels.
    pub fn rgb(self) -> Picture {
        if self.channels == 3 {
            return self;
        }
        let pixels = self.pixels.iter().flat_map(|&grey| [grey; 3]).collect();
        Picture { channels: 3, pixels, ..self }
    }
}
