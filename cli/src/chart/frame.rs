//! The plot area that charts share: axes with gridlines, tick labels and titles around it.

use super::axis::Axis;
use super::svg::{Anchor, Element, Svg, label, line, text_width};
use super::theme::LARGEST_TEXT;

/// The width of every drawing, in user units.
pub const WIDTH: f64 = 480.0;
/// Room below the plot for tick labels and the title of the horizontal axis.
const BELOW: f64 = 46.0;
/// Room above the plot for the title of the vertical axis.
const TITLE: f64 = 28.0;

/// Which ticks run through the plot as thin lines.
#[derive(Clone, Copy, PartialEq)]
pub enum Gridlines {
    /// None, where something is painted over the whole plot.
    None,
    /// Those of the vertical axis.
    Horizontal,
    /// Those of both axes.
    Both,
}

/// A rectangle of the drawing and the two axes that span it.
pub struct Frame {
    /// Left edge of the plot.
    pub left: f64,
    /// Top edge of the plot.
    pub top: f64,
    /// Width of the plot.
    pub width: f64,
    /// Height of the plot.
    pub height: f64,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
}

impl Frame {
    /// Fits a plot of the given height below `above` (a legend's height), leaving `right` for labels beside it.
    /// `x_axis` makes the horizontal axis with at most so many steps; the most that have room are taken.
    pub fn new(above: f64, right: f64, height: f64, x_axis: impl Fn(usize) -> Axis, y: Axis) -> Frame {
        let widest = |axis: &Axis| axis.ticks.iter().map(|t| text_width(&t.label, LARGEST_TEXT)).fold(0.0, f64::max);
        let left = widest(&y) + 8.0;
        let mut width = WIDTH - left - right;
        let fits = |axis: &Axis| (widest(axis) + 14.0) * axis.ticks.len() as f64 <= width;
        let x = (1..=8).rev().map(&x_axis).find(fits).unwrap_or_else(|| x_axis(1));
        // The last tick label must not be cut at the right edge.
        let overhang = x
            .ticks
            .last()
            .map_or(0.0, |t| text_width(&t.label, LARGEST_TEXT) / 2.0 - (1.0 - x.place(t.value)) * width - right);
        width -= overhang.max(0.0);
        Frame { left, top: above + TITLE, width, height, x, y }
    }

    /// The height of a drawing that ends with this frame.
    pub fn bottom(&self) -> f64 {
        self.top + self.height + BELOW
    }

    /// Where a horizontal value is drawn.
    pub fn x(&self, value: f64) -> f64 {
        self.left + self.x.place(value) * self.width
    }

    /// Where a vertical value is drawn.
    pub fn y(&self, value: f64) -> f64 {
        self.top + (1.0 - self.y.place(value)) * self.height
    }

    /// Draws gridlines, ticks and titles.
    pub fn draw(&self, svg: &mut Svg, gridlines: Gridlines, x_title: &str, y_title: &str) {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        for tick in &self.y.ticks {
            let y = self.y(tick.value);
            if gridlines != Gridlines::None {
                svg.push(line(self.left, y, right, y, "grid"));
            }
            svg.push(label(self.left - 6.0, y, Anchor::End, "quiet", &tick.label));
        }
        for tick in &self.x.ticks {
            let x = self.x(tick.value);
            match gridlines {
                Gridlines::Both => svg.push(line(x, self.top, x, bottom, "grid")),
                _ => svg.push(line(x, bottom, x, bottom + 4.0, "axis")),
            }
            svg.push(label(x, bottom + 13.0, Anchor::Middle, "quiet", &tick.label));
        }
        svg.push(line(self.left, bottom, right, bottom, "axis"));
        svg.push(label(0.0, self.top - 19.0, Anchor::Start, "", y_title));
        svg.push(label(self.left + self.width / 2.0, bottom + 34.0, Anchor::Middle, "", x_title));
    }

    /// Says in the middle of the plot that there is nothing to show.
    pub fn say_empty(&self, svg: &mut Svg) {
        let (x, y) = (self.left + self.width / 2.0, self.top + self.height / 2.0);
        svg.push(label(x, y, Anchor::Middle, "quiet halo", "no data"));
    }

    /// Defines a clip path of the plot area under `id`.
    pub fn clip(&self, svg: &mut Svg, id: &str) {
        let area = super::svg::rect(self.left, self.top, self.width, self.height, "");
        svg.push(Element::new("clipPath").set("id", id).child(area));
    }
}
