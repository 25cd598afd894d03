//! Scatter plots of classes: ten colours and ten shapes, names at the middle of each cloud, compact at 10,000 points.

use super::axis::{Axis, range};
use super::figure::Figure;
use super::frame::{Frame, Gridlines, WIDTH};
use super::marker::{Entry, Swatch, define, legend, points};
use super::svg::{Anchor, Svg, label};

/// Height of the plot.
const HEIGHT: f64 = 400.0;
/// Points drawn of a class before the next class has its turn, so that no class lies on top of all others.
const TURN: usize = 64;

/// A scatter plot under construction.
pub struct Scatter {
    x_title: String,
    y_title: String,
    name_clouds: bool,
    classes: Vec<(String, Vec<(f64, f64)>)>,
}

impl Scatter {
    /// A plot without classes; titles carry their units.
    pub fn new(x_title: &str, y_title: &str) -> Scatter {
        Scatter { x_title: x_title.into(), y_title: y_title.into(), name_clouds: false, classes: Vec::new() }
    }

    /// Adds a class of (x, y) points. Points with a coordinate that is not finite are left out and counted in the legend.
    pub fn class(mut self, name: &str, points: Vec<(f64, f64)>) -> Scatter {
        let before = points.len();
        let points: Vec<_> = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        self.classes.push((named_with_missing(name, before - points.len()), points));
        self
    }

    /// Writes each class's name over the middle (the median in both directions) of its points.
    pub fn name_clouds(mut self) -> Scatter {
        self.name_clouds = true;
        self
    }

    /// Draws the plot.
    pub fn figure(&self, name: &str, alt: &str) -> Figure {
        Figure::new(name, alt, self.draw(name))
    }

    fn draw(&self, id: &str) -> Svg {
        let all = || self.classes.iter().flat_map(|(_, points)| points.iter());
        let x_range = range(all().map(|p| p.0)).unwrap_or((0.0, 1.0));
        let y_range = range(all().map(|p| p.1)).unwrap_or((0.0, 1.0));
        let entries = class_entries(&self.classes);
        let above = legend(&mut Svg::new(WIDTH, 0.0), 0.0, WIDTH, &entries);
        let frame = Frame::new(above, 10.0, HEIGHT, |n| Axis::rounded(x_range, n), Axis::rounded(y_range, 7));

        let mut svg = Svg::new(WIDTH, frame.bottom());
        legend(&mut svg, 0.0, WIDTH, &entries);
        frame.draw(&mut svg, Gridlines::Both, &self.x_title, &self.y_title);
        draw_classes(&mut svg, &frame, id, &self.classes, "");
        if self.name_clouds {
            for (name, points) in self.classes.iter().filter(|c| !c.1.is_empty()) {
                let (x, y) = (median(points.iter().map(|p| p.0)), median(points.iter().map(|p| p.1)));
                svg.push(label(frame.x(x), frame.y(y), Anchor::Middle, "strong halo", name));
            }
        }
        if all().next().is_none() {
            frame.say_empty(&mut svg);
        }
        svg
    }
}

/// `moons (3 points not finite)`.
pub fn named_with_missing(name: &str, missing: usize) -> String {
    match missing {
        0 => name.into(),
        1 => format!("{name} (1 point not finite)"),
        _ => format!("{name} ({missing} points not finite)"),
    }
}

/// A legend entry for each class.
pub fn class_entries(classes: &[(String, Vec<(f64, f64)>)]) -> Vec<Entry<'_>> {
    classes.iter().enumerate().map(|(index, class)| Entry { index, name: &class.0, swatch: Swatch::Marker }).collect()
}

/// Draws every class's points in turns; the more there are, the smaller and the more transparent.
pub fn draw_classes(svg: &mut Svg, frame: &Frame, id: &str, classes: &[(String, Vec<(f64, f64)>)], class: &str) {
    let total: usize = classes.iter().map(|c| c.1.len()).sum();
    let (size, opacity) = match total {
        0..=300 => (8.0, 0.95),
        301..=1500 => (6.5, 0.85),
        1501..=4000 => (5.0, 0.8),
        _ => (3.8, 0.7),
    };
    let marker = |index: usize| format!("{id}-m{index}");
    for index in 0..classes.len() {
        define(svg, &marker(index), index, size, class, opacity);
    }
    let longest = classes.iter().map(|c| c.1.len()).max().unwrap_or(0);
    for start in (0..longest).step_by(TURN) {
        for (index, (_, members)) in classes.iter().enumerate() {
            let turn = &members[start.min(members.len())..(start + TURN).min(members.len())];
            let placed: Vec<_> = turn.iter().map(|&(x, y)| (frame.x(x), frame.y(y))).collect();
            points(svg, &marker(index), &placed);
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::assert_well_formed;

    /// A low-discrepancy cloud: no generator needed.
    fn cloud(n: usize, offset: f64) -> Vec<(f64, f64)> {
        (0..n).map(|i| ((i as f64 * 0.754877).fract() * 9.0 + offset, (i as f64 * 0.569840).fract() * 9.0)).collect()
    }

    #[test]
    fn ten_thousand_points_stay_compact_and_are_all_there() {
        let scatter = (0..10)
            .fold(Scatter::new("z₁", "z₂"), |s, c| s.class(&c.to_string(), cloud(1000, f64::from(c))))
            .name_clouds();
        let svg = scatter.figure("latent", "ten classes").inline();
        assert_well_formed(&svg);
        assert!(svg.len() < 200_000, "{} bytes", svg.len());
        let drawn: usize =
            svg.split("points=\"").skip(1).map(|s| s.split('"').next().unwrap().split(' ').count()).sum();
        assert_eq!(drawn, 10_000);
    }

    #[test]
    fn odd_classes_are_drawn_or_counted() {
        let scatter = Scatter::new("x", "y")
            .class("none", vec![])
            .class("one", vec![(1.0, 1.0)])
            .class("bad", vec![(f64::NAN, 0.0), (0.0, f64::INFINITY), (2.0, 2.0)])
            .name_clouds();
        let svg = scatter.figure("odd", "odd").inline();
        assert_well_formed(&svg);
        assert!(svg.contains("bad (2 points not finite)"));
        for polyline in svg.lines().filter(|l| l.starts_with("<polyline")) {
            let points = polyline.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            let (first, second) = points.split_once(' ').expect("a line of one vertex gets no marker from browsers");
            assert!(first == second && polyline.contains("marker-end=\"none\""), "one marker only: {polyline}");
        }
        let empty = Scatter::new("x", "y").figure("e", "e").inline();
        assert_well_formed(&empty);
        assert!(empty.contains("no data"));
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([5.0, 1.0, 3.0].into_iter()), 3.0);
    }
}
