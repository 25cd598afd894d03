//! Line charts: named series over a common axis, for losses and accuracies by epoch.

use super::axis::{Axis, Scale, digits, range};
use super::figure::Figure;
use super::frame::{Frame, Gridlines, WIDTH};
use super::marker::{Entry, Swatch, legend, single};
use super::svg::{Anchor, Element, Svg, label, line, number, text_width};
use super::theme::{LARGEST_TEXT, series_class};

/// Points a series keeps at most: about two to a pixel column of the widest drawing.
const MOST_POINTS: usize = 400;
/// Up to so many points each get a marker.
const FEW_POINTS: usize = 15;
/// Height of the plot.
const HEIGHT: f64 = 210.0;
/// Up to so many series are named at their right end; more go into a legend.
const DIRECT_LABELS: usize = 6;
/// Up to which share of the plot's width a series that ends before the right edge is named there still: a longer line to its
/// name would look like data.
const NEAR_RIGHT: f64 = 0.95;
/// A direct label wider than this would squeeze the plot.
const WIDEST_LABEL: f64 = 130.0;
/// Distance between direct labels.
const LABEL_GAP: f64 = 16.5;

/// A line chart under construction.
pub struct LineChart {
    x_title: String,
    y_title: String,
    x_scale: Scale,
    y_scale: Scale,
    series: Vec<Series>,
    references: Vec<(String, f64)>,
}

struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    /// Decides colour and shape.
    index: usize,
    dashed: bool,
}

impl Series {
    /// The last point that has a place.
    fn end(&self, y: &Axis) -> Option<(f64, f64)> {
        self.points.iter().rev().copied().find(|point| y.has_place(point.1))
    }
}

/// Values with their numbers from 1, as (epoch, value) points.
pub fn numbered(values: &[f64]) -> Vec<(f64, f64)> {
    values.iter().enumerate().map(|(i, &value)| ((i + 1) as f64, value)).collect()
}

impl LineChart {
    /// A chart without series; titles carry their units: `epoch`, `accuracy (%)`.
    pub fn new(x_title: &str, y_title: &str) -> LineChart {
        let (series, references) = (Vec::new(), Vec::new());
        let (x_scale, y_scale) = (Scale::Linear, Scale::Linear);
        LineChart { x_title: x_title.into(), y_title: y_title.into(), x_scale, y_scale, series, references }
    }

    /// Makes the horizontal axis logarithmic; every x must be above 0.
    pub fn log_x(mut self) -> LineChart {
        self.x_scale = Scale::Log10;
        self
    }

    /// Makes the vertical axis logarithmic.
    pub fn log_y(mut self) -> LineChart {
        self.y_scale = Scale::Log10;
        self
    }

    /// Adds a series of (x, y) points in ascending x. The line breaks at values that have no place on the axis (NaN,
    /// infinities, and on a log axis zero and below), and a cross at the upper edge marks where.
    pub fn series(mut self, name: &str, points: Vec<(f64, f64)>) -> LineChart {
        let index = self.series.last().map_or(0, |last| last.index + 1);
        self.push(name, points, index, false);
        self
    }

    /// Adds a series that belongs to the one before, as validation does to training: dashed, in the same colour.
    pub fn companion(mut self, name: &str, points: Vec<(f64, f64)>) -> LineChart {
        let index = self.series.last().map_or(0, |last| last.index);
        self.push(name, points, index, true);
        self
    }

    fn push(&mut self, name: &str, points: Vec<(f64, f64)>, index: usize, dashed: bool) {
        let points = points.into_iter().filter(|(x, _)| x.is_finite()).collect();
        self.series.push(Series { name: name.into(), points, index, dashed });
    }

    /// Adds a dashed horizontal line with a label: `the report: 97.82 %`.
    pub fn reference(mut self, name: &str, value: f64) -> LineChart {
        self.references.push((name.into(), value));
        self
    }

    /// Draws the chart.
    pub fn figure(&self, name: &str, alt: &str) -> Figure {
        Figure::new(name, alt, self.draw())
    }

    fn y_axis(&self) -> Axis {
        let placed = |v: &f64| v.is_finite() && (self.y_scale == Scale::Linear || *v > 0.0);
        let values = self.series.iter().flat_map(|s| s.points.iter().map(|p| p.1));
        let values = range(values.chain(self.references.iter().map(|r| r.1)).filter(placed));
        match self.y_scale {
            Scale::Linear => Axis::rounded(values.unwrap_or((0.0, 1.0)), 5),
            Scale::Log10 => Axis::log10(values.unwrap_or((0.1, 1.0))),
        }
    }

    fn draw(&self) -> Svg {
        let y = self.y_axis();
        let bad = self.series.iter().any(|s| s.points.iter().any(|p| !y.has_place(p.1)));
        let x_values = || self.series.iter().flat_map(|s| s.points.iter().map(|p| p.0));
        let whole = x_values().all(|x| x.fract() == 0.0);
        let x_range = range(x_values()).unwrap_or((0.0, 1.0));
        let x_axis = |count| match self.x_scale {
            Scale::Linear => Axis::tight(x_range, count, whole),
            Scale::Log10 => Axis::log10(x_range),
        };
        let across = x_axis(1);
        let widest = self.series.iter().map(|s| text_width(&s.name, LARGEST_TEXT)).fold(0.0, f64::max);
        let ends_near = self.series.iter().filter_map(|s| s.end(&y)).all(|end| across.place(end.0) >= NEAR_RIGHT);
        let direct = self.series.len() <= DIRECT_LABELS && widest <= WIDEST_LABEL && ends_near;

        // The legend's height decides the drawing's, so it is laid out on a sheet that is thrown away.
        let mut sheet = Svg::new(WIDTH, 0.0);
        let mut above = if direct { 0.0 } else { legend(&mut sheet, 0.0, WIDTH, &self.entries()) };
        let notice = above;
        above += if bad { 19.0 } else { 0.0 };

        let right = if direct && !self.series.is_empty() { widest + 20.0 } else { 10.0 };
        let frame = Frame::new(above, right, HEIGHT, x_axis, y);

        let mut svg = Svg::new(WIDTH, frame.bottom());
        if !direct {
            legend(&mut svg, 0.0, WIDTH, &self.entries());
        }
        if bad {
            let text = match self.y_scale {
                Scale::Linear => "not a finite number",
                Scale::Log10 => "zero, negative or not a finite number",
            };
            svg.push(cross(5.0, notice + 9.0));
            svg.push(label(14.0, notice + 9.0, Anchor::Start, "quiet", text));
        }
        frame.draw(&mut svg, Gridlines::Horizontal, &self.x_title, &self.y_title);
        for (_, value) in &self.references {
            if frame.y.has_place(*value) {
                let y = frame.y(*value);
                svg.push(line(frame.left, y, frame.left + frame.width, y, "reference"));
            }
        }
        for series in &self.series {
            draw_series(&mut svg, &frame, series);
        }
        self.label_references(&mut svg, &frame);
        if direct {
            self.label_ends(&mut svg, &frame);
        }
        if self.series.iter().all(|s| s.points.is_empty()) {
            frame.say_empty(&mut svg);
        }
        svg
    }

    fn entries(&self) -> Vec<Entry<'_>> {
        let swatch = |s: &Series| match (s.points.len(), s.dashed) {
            (1, _) => Swatch::Marker,
            (_, true) => Swatch::DashedLine,
            (_, false) => Swatch::Line,
        };
        self.series.iter().map(|s| Entry { index: s.index, name: &s.name, swatch: swatch(s) }).collect()
    }

    /// Names the references where the fewest lines pass: above or below, at the left, in the middle or at the right.
    fn label_references(&self, svg: &mut Svg, frame: &Frame) {
        for (name, value) in self.references.iter().filter(|r| frame.y.has_place(r.1)) {
            let (y, width) = (frame.y(*value), text_width(name, LARGEST_TEXT));
            let room = (frame.width - width - 12.0).max(0.0);
            let places = [(0.0, -10.0), (0.0, 11.0), (1.0, -10.0), (1.0, 11.0), (0.5, -10.0), (0.5, 11.0)]
                .map(|(share, dy)| (frame.left + 6.0 + share * room, y + dy))
                .into_iter()
                .filter(|(_, y)| (frame.top + 4.0..frame.top + frame.height - 4.0).contains(y));
            let crossings = |&(x, y): &(f64, f64)| {
                self.series.iter().map(|s| segments_within(frame, &s.points, (x, x + width), (y - 8.0, y + 8.0))).sum()
            };
            let best = places.min_by_key(|place| -> usize { crossings(place) });
            let (x, y) = best.unwrap_or((frame.left + 6.0, y - 10.0));
            svg.push(label(x, y, Anchor::Start, "quiet halo", name));
        }
    }

    /// Names every series at its last point; labels that would overlap move apart and get a dotted line to their end.
    fn label_ends(&self, svg: &mut Svg, frame: &Frame) {
        let right = frame.left + frame.width;
        let mut ends: Vec<(&str, f64, f64)> = (self.series.iter())
            .filter_map(|s| s.end(&frame.y).map(|(x, y)| (s.name.as_str(), frame.x(x), frame.y(y))))
            .collect();
        ends.sort_by(|a, b| a.2.total_cmp(&b.2));
        let wanted: Vec<f64> = ends.iter().map(|end| end.2).collect();
        let placed = spread(&wanted, frame.top, frame.top + frame.height);
        for ((name, x, y), at) in ends.into_iter().zip(placed) {
            if (at - y).abs() > 3.0 || right - x > 6.0 {
                svg.push(line(x + 5.0, y, right + 12.0, at, "leader"));
            }
            svg.push(label(right + 14.0, at, Anchor::Start, "", name));
        }
    }
}

/// Moves ascending positions apart to at least [`LABEL_GAP`], staying between the ends as far as there is room.
fn spread(wanted: &[f64], low: f64, high: f64) -> Vec<f64> {
    let mut placed = Vec::with_capacity(wanted.len());
    let mut next = low;
    for &want in wanted {
        placed.push(want.max(next));
        next = placed[placed.len() - 1] + LABEL_GAP;
    }
    let mut most = high;
    for at in placed.iter_mut().rev() {
        *at = at.min(most);
        most = *at - LABEL_GAP;
    }
    placed
}

fn cross(x: f64, y: f64) -> Element {
    let (x0, y0, x1, y1) = (number(x - 3.5), number(y - 3.5), number(x + 3.5), number(y + 3.5));
    Element::new("path").set("d", &format!("M{x0} {y0}L{x1} {y1}M{x0} {y1}L{x1} {y0}")).class("bad")
}

/// The curve, in pieces between values that have no place; the last value is told on hovering.
fn draw_series(svg: &mut Svg, frame: &Frame, series: &Series) {
    let Series { name, points, index, dashed } = series;
    let mut path = String::new();
    let has_place = |p: &(f64, f64)| frame.y.has_place(p.1);
    for run in points.chunk_by(|a, b| has_place(a) == has_place(b)) {
        if !has_place(&run[0]) {
            svg.push(cross(frame.x(run[0].0), frame.top));
            continue;
        }
        let share = (MOST_POINTS * run.len()).div_ceil(points.len()).max(4);
        for (i, (x, y)) in thinned(run, share).into_iter().enumerate() {
            let verb = if i == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{verb}{} {}", number(frame.x(x)), number(frame.y(y))));
        }
        // A line needs two ends to be seen.
        if run.len() == 1 {
            path.push_str("h0");
        }
    }
    if path.is_empty() {
        return;
    }
    let last = series.end(&frame.y).map_or(String::new(), |p| format!(": {} at the end", digits(p.1, 5)));
    svg.push(
        Element::new("path")
            .set("d", &path)
            .class(&format!("curve {}{}", series_class(*index), if *dashed { " dashed" } else { "" }))
            .child(Element::new("title").text(&format!("{name}{last}"))),
    );
    // The last point always has its marker, so that a line can be told by its shape too.
    let marked = if points.len() <= FEW_POINTS { points.len() } else { 1 };
    for (x, y) in points.iter().rev().filter(|p| has_place(p)).take(marked) {
        svg.push(single(*index, frame.x(*x), frame.y(*y), 7.5));
    }
}

/// How many pieces of the line touch a box, told by the boxes around the pieces.
fn segments_within(frame: &Frame, points: &[(f64, f64)], x: (f64, f64), y: (f64, f64)) -> usize {
    let touches = |low: f64, high: f64, range: (f64, f64)| low <= range.1 && high >= range.0;
    let crosses = |pair: &&[(f64, f64)]| {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]].map(|p| (frame.x(p.0), frame.y(p.1)));
        touches(x0.min(x1), x0.max(x1), x) && touches(y0.min(y1), y0.max(y1), y)
    };
    points
        .windows(2)
        .filter(|pair| frame.y.has_place(pair[0].1) && frame.y.has_place(pair[1].1))
        .filter(crosses)
        .count()
}

/// At most `most` of the points: the first, the last, and of every stretch between the lowest and the highest, so that
/// no peak is lost.
fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most || points.len() < 4 {
        return points.to_vec();
    }
    let inner = &points[1..points.len() - 1];
    let stretch = inner.len().div_ceil(((most - 2) / 2).max(1));
    let mut kept = vec![points[0]];
    for piece in inner.chunks(stretch) {
        let by_height = |&i: &usize, &j: &usize| piece[i].1.total_cmp(&piece[j].1);
        let (Some(low), Some(high)) = ((0..piece.len()).min_by(by_height), (0..piece.len()).max_by(by_height)) else {
            continue;
        };
        kept.push(piece[low.min(high)]);
        if low != high {
            kept.push(piece[low.max(high)]);
        }
    }
    kept.push(points[points.len() - 1]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::assert_well_formed;

    fn inline(chart: &LineChart) -> String {
        let svg = chart.figure("name", "a chart").inline();
        assert_well_formed(&svg);
        svg
    }

    #[test]
    fn thinning_keeps_ends_and_peaks() {
        let mut points = numbered(&(0..10_000).map(|i| (f64::from(i) * 0.01).sin()).collect::<Vec<_>>());
        points[4321].1 = 9.0;
        points[7777].1 = -9.0;
        let kept = thinned(&points, 400);
        assert!(kept.len() <= 400 && kept.len() > 300, "{}", kept.len());
        assert!(kept.contains(&points[4321]) && kept.contains(&points[7777]));
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[9999]));
        assert!(kept.windows(2).all(|w| w[0].0 < w[1].0), "in order");
        assert_eq!(thinned(&points[..400], 400), &points[..400]);
    }

    #[test]
    fn few_series_are_named_at_their_ends_and_many_in_a_legend() {
        let make = |n: usize| {
            (0..n).fold(LineChart::new("epoch", "loss"), |c, i| c.series(&format!("<s{i}>"), numbered(&[1.0, 2.0])))
        };
        for n in [1, 3, 12] {
            let svg = inline(&make(n));
            for i in 0..n {
                assert!(svg.contains(&format!(">&lt;s{i}&gt;</text>")), "series {i} of {n} is named");
            }
        }
    }

    /// A line from an early end to the right edge would say that the loss stayed there.
    #[test]
    fn a_series_that_ends_early_is_named_in_a_legend_and_a_short_line_to_a_label_is_grey() {
        let epochs = |n: usize| numbered(&vec![1.0; n]);
        let chart = |short| LineChart::new("epoch", "loss").series("full", epochs(400)).series("early", epochs(short));
        let legend = inline(&chart(40));
        assert!(!legend.contains("leader") && legend.contains(">early</text>"), "{legend}");
        let mark = LineChart::new("rate", "loss").log_x().series("loss", vec![(1e-6, 2.0), (10.0, 3.0)]);
        assert!(!inline(&mark.series("0.039", vec![(0.039, 1.7)])).contains("leader"));
        let direct = inline(&chart(395));
        assert!(direct.contains("class=\"leader\"") && !direct.contains("leader c"), "{direct}");
    }

    #[test]
    fn labels_move_apart_and_stay_inside() {
        assert_eq!(spread(&[10.0, 100.0], 0.0, 200.0), [10.0, 100.0]);
        for wanted in [[195.0, 196.0, 199.0], [1.0, 2.0, 5.0], [90.0, 90.0, 90.0]] {
            let crowded = spread(&wanted, 0.0, 200.0);
            assert!(crowded.windows(2).all(|w| w[1] - w[0] >= LABEL_GAP - 1e-9), "{crowded:?}");
            assert!(crowded[0] >= 0.0 && crowded[2] <= 200.0, "{crowded:?}");
        }
    }

    #[test]
    fn series_that_cannot_be_drawn_are_said_not_hidden() {
        assert!(inline(&LineChart::new("x", "y")).contains("no data"));
        assert!(inline(&LineChart::new("x", "y").series("empty", vec![])).contains("no data"));
        let diverged = LineChart::new("x", "y").series("s", numbered(&[1.0, 2.0, f64::NAN, f64::INFINITY]));
        let svg = inline(&diverged);
        assert!(svg.contains("not a finite number"));
        // One cross in the legend, one where the run of bad values begins.
        assert_eq!(svg.matches("class=\"bad\"").count(), 2, "{svg}");
        assert!(inline(&diverged.log_y()).contains("zero, negative"));
        inline(&LineChart::new("x", "y").series("only NaN", numbered(&[f64::NAN; 3])));
        inline(&LineChart::new("x", "y").series("constant", numbered(&[0.25; 50])));
        inline(&LineChart::new("x", "y").log_y().series("zeros", numbered(&[0.0; 50])).reference("r", -1.0));
        inline(&LineChart::new("x", "y").series("one", vec![(3.0, 1e300)]).reference("r", -1e300));
        assert!(!inline(&LineChart::new("x", "y").series("fine", numbered(&[1.0, 2.0]))).contains("finite"));
    }

    #[test]
    fn a_companion_is_dashed_in_the_colour_of_its_series() {
        let curve = |v| numbered(&[v, v + 1.0]);
        let chart = LineChart::new("x", "y").series("a", curve(0.0)).series("b", curve(1.0)).companion("c", curve(2.0));
        let svg = inline(&chart);
        assert_eq!(svg.matches("\"curve c1\"").count(), 1);
        assert_eq!(svg.matches("\"curve c1 dashed\"").count(), 1);
        assert!(!svg.contains("\"curve c2"));
    }

    #[test]
    fn a_reference_is_named_where_no_line_passes() {
        // In one half the line runs up and down across the reference, in the other far above it.
        let x = |rising: Vec<f64>| LineChart::new("x", "y").series("s", numbered(&rising)).reference("here", 10.0);
        let place = |chart: &LineChart| -> f64 {
            let svg = inline(chart);
            let text = svg.lines().find(|l| l.ends_with(">here</text>")).unwrap();
            text.split(" x=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let wave = |i: i32| if i % 2 == 0 { 8.0 } else { 12.0 };
        let left = place(&x((0..100).map(|i| if i < 50 { 50.0 } else { wave(i) }).collect()));
        let right = place(&x((0..100).map(|i| if i < 50 { wave(i) } else { 50.0 }).collect()));
        assert!(left < 100.0 && right > 300.0, "{left} {right}");
    }

    #[test]
    fn a_reference_widens_the_axis() {
        let chart = LineChart::new("epoch", "accuracy (%)").series("test", numbered(&[91.0, 92.0]));
        let with = chart.reference("the report: 97.82 %", 97.82);
        assert_eq!(with.y_axis().ticks.last().unwrap().label, "98");
        assert!(inline(&with).contains("the report: 97.82 %</text>"));
    }
}
