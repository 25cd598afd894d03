//! Grids of small images: digits above their reconstructions, convolution filters, feature maps.

use super::figure::Figure;
use super::frame::WIDTH;
use super::png::Pixels;
use super::svg::{Anchor, Element, Svg, label, text_width};
use super::theme::LARGEST_TEXT;

/// Side of a tile in the PNG file, at least; pixels are repeated to reach it.
const TILE: usize = 48;
/// Transparent pixels between tiles.
const GAP: usize = 4;
/// A tile is drawn no wider than this.
const WIDEST: f64 = 64.0;
/// Room for a group's label above it.
const LABEL: f64 = 22.0;
/// Room for a caption below a tile.
const CAPTION: f64 = 18.0;
/// What a pixel that is not a number looks like.
const NOT_A_NUMBER: [u8; 4] = [255, 0, 255, 255];

/// How a pixel's value becomes a colour; values beyond the ends take the end's colour, NaN is magenta.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColourMap {
    /// From black at the first to white at the second value; in colour, each of red, green and blue from none to all.
    Grey(f64, f64),
    /// White at zero, vermillion up to the limit, blue down to minus the limit.
    Diverging(f64),
}

impl ColourMap {
    /// A diverging map that just holds every finite pixel of the tiles.
    pub fn diverging_for<'a>(tiles: impl IntoIterator<Item = &'a Tile>) -> ColourMap {
        let values = tiles.into_iter().flat_map(|tile| &tile.pixels);
        let limit = values.filter(|v| v.is_finite()).fold(0.0, |limit: f64, v| limit.max(v.abs()));
        ColourMap::Diverging(if limit > 0.0 { limit } else { 1.0 })
    }

    fn colour(self, value: f64) -> [u8; 4] {
        if value.is_nan() {
            return NOT_A_NUMBER;
        }
        let byte = |v: f64| (v * 255.0).round() as u8;
        match self {
            ColourMap::Grey(black, white) => {
                let v = byte(((value - black) / (white - black)).clamp(0.0, 1.0));
                [v, v, v, 255]
            }
            ColourMap::Diverging(limit) => {
                let share = (value / limit).clamp(-1.0, 1.0);
                let end = if share < 0.0 { [0x00, 0x4A, 0x80] } else { [0xB0, 0x42, 0x00] };
                // A power below one lifts small weights off the white, the same way on both sides.
                let mix = |end: u8| byte(1.0 - share.abs().powf(0.8) * (1.0 - f64::from(end) / 255.0));
                [mix(end[0]), mix(end[1]), mix(end[2]), 255]
            }
        }
    }
}

/// One small image, row by row from the top.
#[derive(Clone, Debug)]
pub struct Tile {
    width: usize,
    height: usize,
    /// A plane of values, or one each of red, green and blue.
    pixels: Vec<f64>,
    caption: String,
}

impl Tile {
    /// An image of this size: a plane of values, or one each of red, green and blue.
    ///
    /// # Panics
    /// When the pixels are not 1 or 3 × `width` × `height`.
    pub fn new(width: usize, height: usize, pixels: Vec<f64>) -> Tile {
        let plane = width * height;
        assert!([plane, 3 * plane].contains(&pixels.len()), "a value or three for each of {width} × {height} pixels");
        Tile { width, height, pixels, caption: String::new() }
    }

    /// The colour at a place.
    fn colour(&self, x: usize, y: usize, map: ColourMap) -> [u8; 4] {
        let (plane, at) = (self.width * self.height, y * self.width + x);
        match self.pixels.len() == plane {
            true => map.colour(self.pixels[at]),
            false => {
                let [red, green, blue] = [0, 1, 2].map(|channel| map.colour(self.pixels[channel * plane + at]));
                [red[0], green[1], blue[2], 255]
            }
        }
    }

    /// Writes a few characters below the tile, in one line or several: `7 → 9`.
    pub fn caption(mut self, caption: &str) -> Tile {
        self.caption = caption.into();
        self
    }
}

/// A grid of images under construction: labelled groups below each other, each of rows of `columns` tiles, or fewer where
/// their captions want the room.
pub struct ImageGrid {
    columns: usize,
    map: ColourMap,
    groups: Vec<(String, Vec<Tile>)>,
}

impl ImageGrid {
    /// A grid without images.
    pub fn new(columns: usize, map: ColourMap) -> ImageGrid {
        ImageGrid { columns: columns.max(1), map, groups: Vec::new() }
    }

    /// Adds a group of images under a label, which may be empty.
    pub fn group(mut self, label: &str, tiles: Vec<Tile>) -> ImageGrid {
        self.groups.push((label.into(), tiles));
        self
    }

    /// Draws the grid. The figure's PNG file holds the tiles alone, group below group.
    pub fn figure(&self, name: &str, alt: &str) -> Figure {
        let sheets: Vec<Pixels> =
            self.groups.iter().flat_map(|(_, tiles)| self.rows(tiles)).map(|r| self.row(r)).collect();
        let drawing = self.draw();
        Figure { name: name.into(), alt: alt.into(), drawing, pixels: Some(stack(&sheets).to_png()) }
    }

    fn rows<'a>(&self, tiles: &'a [Tile]) -> std::slice::Chunks<'a, Tile> {
        tiles.chunks(self.fitting())
    }

    /// The width that the captions want, with room between them.
    fn widest_caption(&self) -> f64 {
        let captions = self.groups.iter().flat_map(|(_, tiles)| tiles).flat_map(|tile| tile.caption.lines());
        captions.map(|line| text_width(line, LARGEST_TEXT) + 6.0).fold(0.0, f64::max)
    }

    /// The columns that fit.
    fn fitting(&self) -> usize {
        let captions = self.widest_caption();
        (1..=self.columns).rev().find(|&columns| WIDTH / columns as f64 >= captions).unwrap_or(1)
    }

    /// One row of tiles side by side, each pixel repeated until a tile is [`TILE`] wide.
    fn row(&self, tiles: &[Tile]) -> Pixels {
        let (width, height) = tile_size(tiles);
        let mut sheet = Pixels::new(self.fitting() * (width + GAP) - GAP, height);
        for (i, tile) in tiles.iter().enumerate() {
            let scale = scale(tile);
            for y in 0..tile.height * scale {
                for x in 0..tile.width * scale {
                    sheet.put(i * (width + GAP) + x, y, tile.colour(x / scale, y / scale, self.map));
                }
            }
        }
        sheet
    }

    fn draw(&self) -> Svg {
        let step = (WIDTH / self.fitting() as f64).min(WIDEST.max(self.widest_caption()));
        let mut elements = Vec::new();
        let mut y = 0.0;
        for (name, tiles) in &self.groups {
            if !name.is_empty() {
                elements.push(label(0.0, y + LABEL / 2.0 - 1.0, Anchor::Start, "", name));
                y += LABEL;
            }
            for row in self.rows(tiles) {
                let sheet = self.row(row);
                let unit = step / (tile_size(row).0 + GAP) as f64;
                let height = sheet.height as f64 * unit;
                elements.push(
                    Element::new("image")
                        .at("x", 0.0)
                        .at("y", y)
                        .at("width", sheet.width as f64 * unit)
                        .at("height", height)
                        .set("preserveAspectRatio", "none")
                        .class("pixels")
                        .set("href", &sheet.to_data_uri()),
                );
                y += height + GAP as f64 * unit;
                for (i, tile) in row.iter().enumerate() {
                    let middle = (i as f64 + 0.5) * step - GAP as f64 * unit / 2.0;
                    for (line, text) in tile.caption.lines().enumerate() {
                        let y = y + CAPTION * (line as f64 + 0.5) - 3.0;
                        elements.push(label(middle, y, Anchor::Middle, "quiet", text));
                    }
                }
                y += CAPTION * row.iter().map(|tile| tile.caption.lines().count()).max().unwrap_or(0) as f64;
            }
            y += 8.0;
        }
        if self.groups.iter().all(|(_, tiles)| tiles.is_empty()) {
            elements.push(label(0.0, y + 12.0, Anchor::Start, "quiet", "no images"));
            y += 24.0;
        }
        if let ColourMap::Diverging(limit) = self.map {
            y += 6.0;
            elements.extend(self.scale_legend(limit, y));
            y += 22.0;
        }
        let mut svg = Svg::new(WIDTH, y);
        elements.into_iter().for_each(|element| svg.push(element));
        svg
    }

    /// A strip of the colours between the values at its ends.
    fn scale_legend(&self, limit: f64, y: f64) -> Vec<Element> {
        let mut strip = Pixels::new(65, 1);
        for x in 0..65 {
            strip.put(x, 0, self.map.colour(limit * (x as f64 / 32.0 - 1.0)));
        }
        let (low, high) = (format!("−{}", short(limit)), short(limit));
        let left = text_width(&low, LARGEST_TEXT) + 8.0;
        vec![
            label(left - 8.0, y + 8.0, Anchor::End, "quiet", &low),
            Element::new("image")
                .at("x", left)
                .at("y", y + 2.0)
                .at("width", 130.0)
                .at("height", 12.0)
                .set("preserveAspectRatio", "none")
                .class("smooth")
                .set("href", &strip.to_data_uri()),
            label(left + 138.0, y + 8.0, Anchor::Start, "quiet", &high),
        ]
    }
}

/// How often a tile's pixels are repeated.
fn scale(tile: &Tile) -> usize {
    TILE.div_ceil(tile.width.max(1))
}

/// The largest tile's size in the sheet.
fn tile_size(tiles: &[Tile]) -> (usize, usize) {
    let size = |side: fn(&Tile) -> usize| tiles.iter().map(|t| side(t) * scale(t)).max().unwrap_or(0);
    (size(|t| t.width), size(|t| t.height))
}

/// Two significant digits.
fn short(value: f64) -> String {
    match value {
        v if (0.01..100.0).contains(&v) => format!("{v:.2}"),
        v => format!("{v:.1e}"),
    }
}

/// Images below each other with a gap.
fn stack(sheets: &[Pixels]) -> Pixels {
    let width = sheets.iter().map(|s| s.width).max().unwrap_or(0);
    let height = sheets.iter().map(|s| s.height + GAP).sum::<usize>().saturating_sub(GAP);
    let mut all = Pixels::new(width, height);
    let mut top = 0;
    for sheet in sheets {
        for (y, row) in sheet.bytes.chunks_exact(sheet.width * 4).enumerate() {
            let at = (top + y) * width * 4;
            all.bytes[at..at + row.len()].copy_from_slice(row);
        }
        top += sheet.height + GAP;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::{assert_well_formed, decode};

    #[test]
    fn maps_have_the_colours_they_promise() {
        let grey = ColourMap::Grey(0.0, 1.0);
        assert_eq!([grey.colour(0.0)[0], grey.colour(0.2)[1], grey.colour(7.0)[2]], [0, 51, 255]);
        let diverging = ColourMap::Diverging(2.0);
        assert_eq!(diverging.colour(0.0), [255, 255, 255, 255]);
        assert_eq!(diverging.colour(-2.0), [0x00, 0x4A, 0x80, 255]);
        assert_eq!(diverging.colour(f64::INFINITY), diverging.colour(2.0));
        assert_eq!((grey.colour(f64::NAN), diverging.colour(f64::NAN)), (NOT_A_NUMBER, NOT_A_NUMBER));
        let tile = Tile::new(2, 1, vec![-3.0, f64::NAN]);
        assert_eq!(ColourMap::diverging_for([&tile]), ColourMap::Diverging(3.0));
        assert_eq!(ColourMap::diverging_for([]), ColourMap::Diverging(1.0));
    }

    #[test]
    fn the_png_file_holds_the_tiles_in_order() {
        let tile = |v: f64| Tile::new(24, 24, vec![v; 24 * 24]);
        let grid = ImageGrid::new(2, ColourMap::Grey(0.0, 1.0))
            .group("originals", vec![tile(0.0), tile(1.0)])
            .group("reconstructions", vec![tile(0.4)]);
        let figure = grid.figure("grid", "three tiles");
        let files = figure.files();
        assert_eq!([files[0].0.as_str(), files[1].0.as_str()], ["grid.svg", "grid.png"]);
        let (width, height, bytes) = decode(&files[1].1);
        assert_eq!((width, height), (2 * 48 + GAP, 2 * 48 + GAP));
        let pixel = |x: usize, y: usize| &bytes[(y * width + x) * 4..][..4];
        assert_eq!(pixel(10, 10), [0, 0, 0, 255]);
        assert_eq!(pixel(48 + GAP, 47), [255, 255, 255, 255]);
        assert_eq!(pixel(49, 10), [0, 0, 0, 0], "the gap is transparent");
        assert_eq!(pixel(47, 48 + GAP), [102, 102, 102, 255]);
        assert_eq!(pixel(60, 60), [0, 0, 0, 0], "no tile there");
        assert_well_formed(&figure.inline());
    }

    #[test]
    fn three_planes_are_red_green_and_blue() {
        let planes = vec![1.0, 0.0, 0.5, 0.2, 0.0, 1.0];
        let tile = Tile::new(2, 1, planes);
        let map = ColourMap::Grey(0.0, 1.0);
        assert_eq!([tile.colour(0, 0, map), tile.colour(1, 0, map)], [[255, 128, 0, 255], [0, 51, 255, 255]]);
    }

    /// Eleven letters, about 91 of the 480 units, leave room for five.
    #[test]
    fn captions_have_room() {
        let grid = |caption: &str| {
            let tiles = (0..8).map(|_| Tile::new(4, 4, vec![0.0; 16]).caption(caption)).collect();
            ImageGrid::new(8, ColourMap::Grey(0.0, 1.0)).group("", tiles)
        };
        assert_eq!((grid("7 → 9").fitting(), grid("raspberries").fitting()), (8, 5));
        let lines = grid("raspberries\n→ cherries").figure("two", "two lines").inline();
        assert_eq!((lines.matches("raspberries").count(), lines.matches("→ cherries").count()), (8, 8));
    }

    #[test]
    fn odd_grids_are_drawn() {
        let tiles = vec![Tile::new(3, 3, vec![0.1; 9]).caption("<0>"), Tile::new(1, 2, vec![f64::NAN; 2])];
        let grid = ImageGrid::new(0, ColourMap::diverging_for(&tiles)).group("", tiles).group("none", vec![]);
        let svg = grid.figure("odd", "odd").inline();
        assert_well_formed(&svg);
        assert!(svg.contains("&lt;0&gt;") && svg.contains("0.10"));
        let empty = ImageGrid::new(4, ColourMap::Grey(0.0, 1.0)).figure("e", "e");
        assert_well_formed(&empty.inline());
        decode(&empty.pixels.unwrap());
    }
}
