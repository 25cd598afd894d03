//! What the tests of several drawings share: an XML check and reading a PNG back.

use std::collections::HashSet;

use quick_xml::Reader;
use quick_xml::events::Event;

/// Panics unless `xml` is one well-formed element: tags match, attributes are quoted and unique, ids too, text is escaped,
/// and no coordinate is NaN or infinite.
pub fn assert_well_formed(xml: &str) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut depth, mut roots, mut ids) = (0usize, 0, HashSet::new());
    loop {
        let event = reader.read_event().unwrap_or_else(|e| panic!("{e} at {}", reader.error_position()));
        if let Event::Start(tag) | Event::Empty(tag) = &event {
            for attribute in tag.attributes() {
                let attribute = attribute.expect("attribute");
                let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).expect("value");
                let key = attribute.key.as_ref().to_string();
                assert!(key != "id" || ids.insert(value.to_string()), "id {value} twice");
                let numeric =
                    ["x", "y", "x1", "y1", "x2", "y2", "width", "height", "points", "d"].contains(&key.as_str());
                assert!(!numeric || !(value.contains("NaN") || value.contains("inf")), "{key}={value}");
            }
        }
        match event {
            Event::Start(_) => {
                roots += usize::from(depth == 0);
                depth += 1;
            }
            Event::Empty(_) => roots += usize::from(depth == 0),
            Event::End(_) => depth -= 1,
            Event::Text(text) => {
                let raw = text.to_string();
                assert!(depth > 0 || raw.trim().is_empty(), "text outside the root: {raw}");
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!((depth, roots), (0, 1), "one closed root element");
}

/// Width, height and RGBA bytes of a PNG.
pub fn decode(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG header");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    assert_eq!(info.color_type, ::png::ColorType::Rgba);
    (info.width as usize, info.height as usize, pixels)
}
