//! PNG images from RGBA pixels, as file bytes and as `data:` addresses that a page can hold.

/// RGBA pixels, row by row from the top.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Four bytes a pixel.
    pub bytes: Vec<u8>,
}

impl Pixels {
    /// A transparent image.
    pub fn new(width: usize, height: usize) -> Pixels {
        Pixels { width, height, bytes: vec![0; width * height * 4] }
    }

    /// Colours one pixel.
    pub fn put(&mut self, x: usize, y: usize, rgba: [u8; 4]) {
        let at = (y * self.width + x) * 4;
        self.bytes[at..at + 4].copy_from_slice(&rgba);
    }

    /// The image as the bytes of a PNG file.
    pub fn to_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory fails only for an image without pixels, which has no PNG; one transparent pixel stands for it.
        if self.width == 0 || self.height == 0 {
            return Pixels::new(1, 1).to_png();
        }
        let mut encoder = ::png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(::png::ColorType::Rgba);
        encoder.set_depth(::png::BitDepth::Eight);
        encoder.set_compression(::png::Compression::High);
        let mut writer = encoder.write_header().expect("a header for an image in memory");
        writer.write_image_data(&self.bytes).expect("as many bytes as the size says");
        writer.finish().expect("writing to memory");
        bytes
    }

    /// The image as an address for `href`.
    pub fn to_data_uri(&self) -> String {
        format!("data:image/png;base64,{}", base64(&self.to_png()))
    }
}

/// RFC 4648's standard alphabet, padded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |group, (i, &b)| group | u32::from(b) << (16 - 8 * i));
        for i in 0..4 {
            match i <= chunk.len() {
                true => text.push(char::from(ALPHABET[(group >> (18 - 6 * i)) as usize & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::decode;

    #[test]
    fn base64_agrees_with_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("\u{3}ÿ~", "A8O/fg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_png_decodes_to_the_pixels_put_in() {
        let mut image = Pixels::new(3, 2);
        image.put(0, 0, [255, 0, 0, 255]);
        image.put(2, 1, [1, 2, 3, 128]);
        let (width, height, bytes) = decode(&image.to_png());
        assert_eq!((width, height), (3, 2));
        assert_eq!(bytes[..4], [255, 0, 0, 255]);
        assert_eq!(bytes[20..], [1, 2, 3, 128]);
        assert_eq!(bytes, image.bytes);
        assert_eq!(decode(&Pixels::new(0, 5).to_png()).0, 1);
    }
}
