//! A finished figure: its name, its drawing, and the files it becomes beside the page.

use super::svg::Svg;

/// A drawing with a name and words for those who cannot see it.
pub struct Figure {
    /// File stem, unique on its page: `moons-loss`.
    pub name: String,
    /// What the figure shows, in a sentence.
    pub alt: String,
    /// The drawing.
    pub drawing: Svg,
    /// The pixels alone, as a PNG file, for figures made of images.
    pub pixels: Option<Vec<u8>>,
}

impl Figure {
    /// A figure that is a drawing only.
    pub fn new(name: &str, alt: &str, drawing: Svg) -> Figure {
        Figure { name: name.into(), alt: alt.into(), drawing, pixels: None }
    }

    /// The figure inside a page.
    pub fn inline(&self) -> String {
        self.drawing.inline(&self.alt)
    }

    /// File names and contents beside the page: `NAME.svg`, and `NAME.png` for figures made of images.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let svg = (format!("{}.svg", self.name), self.drawing.standalone(&self.alt).into_bytes());
        let png = self.pixels.as_ref().map(|bytes| (format!("{}.png", self.name), bytes.clone()));
        std::iter::once(svg).chain(png).collect()
    }
}
