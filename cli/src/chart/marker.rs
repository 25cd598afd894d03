//! Marker shapes, one a class, and legends made of them.
//!
//! Points are the vertices of an invisible polyline whose marker is the shape: about ten bytes a point.

use super::svg::{Anchor, Element, Svg, label, line, number, text_width};
use super::theme::{LARGEST_TEXT, series_class};

/// Ten shapes of about equal weight in a box from −5 to 5, told apart without colour.
const SHAPES: [&str; 10] = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",                          // disc
    "M0-4.8L4.6 3.4H-4.6z",                                        // triangle
    "M-3.6-3.6H3.6V3.6H-3.6z",                                     // square
    "M0-5L5 0L0 5L-5 0z",                                          // diamond
    "M-1.4-4.8H1.4V-1.4H4.8V1.4H1.4V4.8H-1.4V1.4H-4.8V-1.4H-1.4z", // plus
    "M0 4.8L4.6-3.4H-4.6z",                                        // triangle, point down
    "M-4.4-2.6L-2.6-4.4L0-1.8L2.6-4.4L4.4-2.6L1.8 0L4.4 2.6L2.6 4.4L0 1.8L-2.6 4.4L-4.4 2.6L-1.8 0z", // cross
    "M-4.4 0a4.4 4.4 0 1 0 8.8 0a4.4 4.4 0 1 0-8.8 0zM-2 0a2 2 0 1 1 4 0a2 2 0 1 1-4 0z", // ring
    "M0-5L1.4-1.6L5-1.4L2.2 .9L3.2 4.4L0 2.4L-3.2 4.4L-2.2 .9L-5-1.4L-1.4-1.6z", // star
    "M-4.8-1.9H4.8V1.9H-4.8z",                                     // bar
];

/// The shape of class `index`; another than before when the colours come round again.
fn shape(index: usize) -> &'static str {
    SHAPES[(index + index / SHAPES.len()) % SHAPES.len()]
}

/// One marker of class `index`, `size` units wide, drawn on its own.
pub fn single(index: usize, x: f64, y: f64, size: f64) -> Element {
    Element::new("path")
        .set("d", shape(index))
        .set("transform", &format!("translate({} {}) scale({:.2})", number(x), number(y), size / 10.0))
        .class(&series_class(index))
}

/// Defines the marker of class `index` under `id`, for [`points`].
pub fn define(svg: &mut Svg, id: &str, index: usize, size: f64, class: &str, opacity: f64) {
    let path = Element::new("path")
        .set("d", shape(index))
        .class(format!("{} {class}", series_class(index)).trim())
        .set("fill-opacity", &format!("{opacity:.2}"));
    let marker = Element::new("marker")
        .set("id", id)
        .set("viewBox", "-6 -6 12 12")
        .at("markerWidth", size * 1.2)
        .at("markerHeight", size * 1.2)
        .set("markerUnits", "userSpaceOnUse")
        .child(path);
    svg.push(Element::new("defs").child(marker));
}

/// Draws the marker defined under `id` at every point.
pub fn points(svg: &mut Svg, id: &str, at: &[(f64, f64)]) {
    if at.is_empty() {
        return;
    }
    let mut list: Vec<String> = at.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
    // Browsers draw no marker on a line of one vertex, so a lone point is a line to itself that is marked at its start.
    if let [lone] = &list[..] {
        list.push(lone.clone());
    }
    let reference = format!("url(#{id})");
    svg.push(
        Element::new("polyline")
            .set("points", &list.join(" "))
            .set("fill", "none")
            .set("marker-start", &reference)
            .set("marker-mid", &reference)
            .set("marker-end", if at.len() > 1 { &reference } else { "none" }),
    );
}

/// Height of a legend row.
const ROW: f64 = 19.0;
/// Room between a legend and what follows.
const BELOW: f64 = 6.0;

/// What stands before a name in a legend.
#[derive(Clone, Copy, PartialEq)]
pub enum Swatch {
    /// The class's marker.
    Marker,
    /// A piece of the series' line with its marker.
    Line,
    /// A piece of the series' dashed line with its marker.
    DashedLine,
}

/// A line of a legend.
pub struct Entry<'a> {
    /// The index that decides colour and shape.
    pub index: usize,
    /// The name.
    pub name: &'a str,
    /// What stands before it.
    pub swatch: Swatch,
}

/// Lays out a legend in rows within `width`; draws it from `top` and returns its height.
pub fn legend(svg: &mut Svg, top: f64, width: f64, entries: &[Entry]) -> f64 {
    let (mut x, mut y) = (0.0, top + ROW / 2.0);
    for Entry { index, name, swatch } in entries {
        let sample = if *swatch == Swatch::Marker { 8.0 } else { 26.0 };
        let wanted = sample + 5.0 + text_width(name, LARGEST_TEXT) + 14.0;
        if x > 0.0 && x + wanted > width {
            (x, y) = (0.0, y + ROW);
        }
        if *swatch != Swatch::Marker {
            let dashed = if *swatch == Swatch::DashedLine { " dashed" } else { "" };
            svg.push(line(x, y, x + sample, y, &format!("curve {}{dashed}", series_class(*index))));
        }
        svg.push(single(*index, x + sample / 2.0, y, 8.0));
        svg.push(label(x + sample + 5.0, y, Anchor::Start, "", name));
        x += wanted;
    }
    if entries.is_empty() { 0.0 } else { y + ROW / 2.0 + BELOW - top }
}
