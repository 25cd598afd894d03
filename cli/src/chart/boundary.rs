//! The decision boundary of a two-class model: its probability over the plane as a tint, the 0.5 contour, and points.

use super::axis::{Axis, range};
use super::contour::contours;
use super::figure::Figure;
use super::frame::{Frame, Gridlines, WIDTH};
use super::marker::legend;
use super::png::Pixels;
use super::scatter::{class_entries, draw_classes, named_with_missing};
use super::svg::{Element, Svg, number};

/// Height of the plot.
const HEIGHT: f64 = 300.0;
/// The tints of class 0 and class 1: Okabe and Ito's blue and vermillion.
const TINTS: [[u8; 3]; 2] = [[0x00, 0x72, 0xB2], [0xD5, 0x5E, 0x00]];
/// Opacity of the tint where the model is certain.
const CERTAIN: f64 = 0.38;

/// A regular grid of points over a rectangle, both edges included, row by row from the lowest y.
pub struct Grid {
    x: (f64, f64),
    y: (f64, f64),
    columns: usize,
    rows: usize,
}

impl Grid {
    /// A grid over the given ranges with at least two columns and rows.
    pub fn new(x: (f64, f64), y: (f64, f64), columns: usize, rows: usize) -> Grid {
        Grid { x, y, columns: columns.max(2), rows: rows.max(2) }
    }

    /// A grid around points with a margin of a tenth of their range, or the unit square around none.
    pub fn around<'a>(points: impl Iterator<Item = &'a (f64, f64)> + Clone, columns: usize, rows: usize) -> Grid {
        let wide = |values: Option<(f64, f64)>| match values {
            None => (0.0, 1.0),
            Some((low, high)) if low < high => (low - (high - low) * 0.1, high + (high - low) * 0.1),
            Some((low, high)) => (low - 1.0, high + 1.0),
        };
        Grid::new(wide(range(points.clone().map(|p| p.0))), wide(range(points.map(|p| p.1))), columns, rows)
    }

    /// The points at which the model is to be asked, in order.
    pub fn points(&self) -> Vec<(f64, f64)> {
        let along = |(low, high): (f64, f64), i: usize, n: usize| low + (high - low) * i as f64 / (n - 1) as f64;
        (0..self.columns * self.rows)
            .map(|i| (along(self.x, i % self.columns, self.columns), along(self.y, i / self.columns, self.rows)))
            .collect()
    }
}

/// A decision-boundary figure under construction.
pub struct Boundary {
    x_title: String,
    y_title: String,
    grid: Grid,
    probabilities: Vec<f64>,
    classes: Vec<(String, Vec<(f64, f64)>)>,
}

impl Boundary {
    /// The figure for the probability of class 1 at each of the grid's points.
    ///
    /// # Panics
    /// When there are not as many probabilities as points.
    pub fn new(x_title: &str, y_title: &str, grid: Grid, probabilities: Vec<f64>) -> Boundary {
        assert_eq!(probabilities.len(), grid.columns * grid.rows, "one probability for each point of the grid");
        Boundary { x_title: x_title.into(), y_title: y_title.into(), grid, probabilities, classes: Vec::new() }
    }

    /// Adds the points of the next class, class 0 first. Points outside the grid or not finite are left out.
    pub fn class(mut self, name: &str, points: Vec<(f64, f64)>) -> Boundary {
        let missing = points.iter().filter(|p| !(p.0.is_finite() && p.1.is_finite())).count();
        let Grid { x, y, .. } = self.grid;
        let within = |p: &(f64, f64)| (x.0..=x.1).contains(&p.0) && (y.0..=y.1).contains(&p.1);
        self.classes.push((named_with_missing(name, missing), points.into_iter().filter(within).collect()));
        self
    }

    /// Draws the figure.
    pub fn figure(&self, name: &str, alt: &str) -> Figure {
        Figure::new(name, alt, self.draw(name))
    }

    fn draw(&self, id: &str) -> Svg {
        let entries = class_entries(&self.classes);
        let above = legend(&mut Svg::new(WIDTH, 0.0), 0.0, WIDTH, &entries);
        let Grid { x, y, columns, rows } = self.grid;
        let frame = Frame::new(above, 10.0, HEIGHT, |n| Axis::tight(x, n, false), Axis::tight(y, 6, false));

        let mut svg = Svg::new(WIDTH, frame.bottom());
        legend(&mut svg, 0.0, WIDTH, &entries);
        frame.draw(&mut svg, Gridlines::None, &self.x_title, &self.y_title);
        let clip = format!("{id}-clip");
        frame.clip(&mut svg, &clip);

        // A pixel is centred on its grid point, so the image reaches half a cell beyond the plot on every side.
        let (dx, dy) = (frame.width / (columns - 1) as f64, frame.height / (rows - 1) as f64);
        let image = Element::new("image")
            .at("x", frame.left - dx / 2.0)
            .at("y", frame.top - dy / 2.0)
            .at("width", frame.width + dx)
            .at("height", frame.height + dy)
            .set("preserveAspectRatio", "none")
            .class("smooth")
            .set("href", &self.tint().to_data_uri());
        svg.push(Element::new("g").set("clip-path", &format!("url(#{clip})")).child(image));

        let mut path = String::new();
        for line in contours(&self.probabilities, columns, 0.5) {
            for (i, (column, row)) in line.into_iter().enumerate() {
                let (px, py) = (frame.left + column * dx, frame.top + frame.height - row * dy);
                path.push_str(&format!("{}{} {}", if i == 0 { 'M' } else { 'L' }, number(px), number(py)));
            }
        }
        draw_classes(&mut svg, &frame, id, &self.classes, "outline");
        if !path.is_empty() {
            svg.push(Element::new("path").set("d", &path).class("contour"));
        }
        svg
    }

    /// One pixel a grid point, top row first: the likelier class's colour, the more opaque the surer; NaN is clear.
    fn tint(&self) -> Pixels {
        let Grid { columns, rows, .. } = self.grid;
        let mut image = Pixels::new(columns, rows);
        for (i, p) in self.probabilities.iter().enumerate().filter(|(_, p)| p.is_finite()) {
            let sure = ((p - 0.5).abs() * 2.0).min(1.0);
            let [r, g, b] = TINTS[usize::from(*p >= 0.5)];
            let alpha = (sure * CERTAIN * 255.0).round() as u8;
            image.put(i % columns, rows - 1 - i / columns, [r, g, b, alpha]);
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::assert_well_formed;

    #[test]
    fn the_grid_runs_from_the_lowest_corner_and_includes_the_edges() {
        let grid = Grid::new((0.0, 2.0), (10.0, 11.0), 3, 2);
        assert_eq!(grid.points(), [(0.0, 10.0), (1.0, 10.0), (2.0, 10.0), (0.0, 11.0), (1.0, 11.0), (2.0, 11.0)]);
        let around = Grid::around([(0.0, 5.0), (10.0, 5.0)].iter(), 2, 2);
        assert_eq!((around.x, around.y), ((-1.0, 11.0), (4.0, 6.0)));
    }

    #[test]
    fn the_tint_is_upside_down_and_as_sure_as_the_model() {
        let grid = Grid::new((0.0, 1.0), (0.0, 1.0), 2, 2);
        let tint = Boundary::new("x", "y", grid, vec![0.0, 1.0, 0.5, f64::NAN]).tint();
        let full = (CERTAIN * 255.0).round() as u8;
        assert_eq!(tint.bytes[8..], [[0x00, 0x72, 0xB2, full], [0xD5, 0x5E, 0x00, full]].concat());
        assert_eq!((tint.bytes[3], tint.bytes[7]), (0, 0));
    }

    #[test]
    fn draws_the_contour_where_the_model_is_undecided() {
        let grid = Grid::new((-1.0, 1.0), (-1.0, 1.0), 21, 21);
        let probabilities = grid.points().iter().map(|p| 1.0 / (1.0 + (-5.0 * p.0).exp())).collect();
        let figure = Boundary::new("x₁", "x₂", grid, probabilities)
            .class("upper", vec![(-0.5, 0.0), (f64::NAN, 0.0), (9.0, 0.0)])
            .class("lower", vec![(0.5, 0.0)])
            .figure("b", "boundary");
        let svg = figure.inline();
        assert_well_formed(&svg);
        assert_well_formed(&figure.drawing.standalone("boundary"));
        assert!(svg.contains("class=\"contour\"") && svg.contains("upper (1 point not finite)"));
        let flat =
            Boundary::new("x", "y", Grid::new((0.0, 1.0), (0.0, 1.0), 2, 2), vec![0.1; 4]).figure("f", "f").inline();
        assert_well_formed(&flat);
        assert!(!flat.contains("class=\"contour\""));
    }
}
