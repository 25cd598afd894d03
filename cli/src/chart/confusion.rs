//! Confusion matrices: a row for each true class, a column for each prediction, the count in every cell.

use super::figure::Figure;
use super::frame::WIDTH;
use super::svg::{Anchor, Element, Svg, label, rect, text_width};
use super::theme::LARGEST_TEXT;

/// A confusion matrix to draw.
pub struct Confusion {
    labels: Vec<String>,
    counts: Vec<Vec<u64>>,
}

/// The opacity of a cell with this share (0 to 1) of the fullest: between 0.5 and 0.86 neither text colour reads well, so
/// no cell takes those tones.
pub fn opacity(share: f64) -> f64 {
    if share <= 0.5 { 0.06 + share * 0.8 } else { 0.86 + (share - 0.5) * 0.28 }
}

/// Whether a cell of this opacity wants the text colour that reads on a full tone.
pub fn on_fill(opacity: f64) -> bool {
    opacity > 0.5
}

impl Confusion {
    /// Counts by true class (row) and predicted class (column).
    ///
    /// # Panics
    /// When there is not a row and a column for each label.
    pub fn new<S: AsRef<str>>(labels: &[S], counts: Vec<Vec<u64>>) -> Confusion {
        let n = labels.len();
        assert!(counts.len() == n && counts.iter().all(|row| row.len() == n), "a row and a column for each label");
        Confusion { labels: labels.iter().map(|l| l.as_ref().to_string()).collect(), counts }
    }

    /// Draws the matrix: right answers shaded by the share of their row, errors by their share of the worst cell, and at
    /// the end of each row the share that was correct.
    pub fn figure(&self, name: &str, alt: &str) -> Figure {
        Figure::new(name, alt, self.draw())
    }

    fn draw(&self) -> Svg {
        let n = self.labels.len();
        let label_width = self.labels.iter().map(|l| text_width(l, LARGEST_TEXT)).fold(0.0, f64::max).min(130.0);
        let (left, right, top) = (label_width + 34.0, 66.0, 46.0);
        let cell = ((WIDTH - left - right) / n.max(1) as f64).min(64f64.max(label_width + 10.0));
        let side = cell * n as f64;
        let mut svg = Svg::new(WIDTH, top + side.max(cell) + 6.0);
        svg.push(label(left + side / 2.0, 10.0, Anchor::Middle, "", "predicted"));
        svg.push(
            label(0.0, 0.0, Anchor::Middle, "", "true")
                .set("transform", &format!("translate(10 {:.1}) rotate(-90)", top + side / 2.0)),
        );
        if n == 0 {
            svg.push(label(left, top + 20.0, Anchor::Start, "quiet", "no data"));
            return svg;
        }
        svg.push(label(left + side + right, 10.0, Anchor::End, "quiet", "correct"));
        let errors = (0..n).flat_map(|i| (0..n).filter(move |j| *j != i).map(move |j| self.counts[i][j]));
        let longest = self.labels.iter().max_by(|a, b| text_width(a, 1.0).total_cmp(&text_width(b, 1.0))).cloned();
        let longest = longest.unwrap_or_default();
        let worst = errors.max().unwrap_or(0).max(1) as f64;
        for (i, name) in self.labels.iter().enumerate() {
            let middle = (i as f64 + 0.5) * cell;
            svg.push(fitted(label(left - 8.0, top + middle, Anchor::End, "", name), cell, ""));
            svg.push(fitted(label(left + middle, top - 12.0, Anchor::Middle, "", name), cell, &longest));
            let total: u64 = self.counts[i].iter().sum();
            let right_share = self.counts[i][i] as f64 / total.max(1) as f64;
            let text = if total == 0 { "–".into() } else { format!("{:.1} %", right_share * 100.0) };
            svg.push(fitted(label(left + side + right, top + middle, Anchor::End, "quiet", &text), cell, ""));
            for (j, &count) in self.counts[i].iter().enumerate() {
                let (class, share) =
                    if i == j { ("right", right_share) } else { ("wrong", count as f64 / worst * 0.5) };
                let (x, y) = (left + j as f64 * cell, top + i as f64 * cell);
                if count == 0 {
                    svg.push(rect(x, y, cell, cell, "frame"));
                    svg.push(label(x + cell / 2.0, y + cell / 2.0, Anchor::Middle, "quiet", "·"));
                    continue;
                }
                let opacity = opacity(share);
                let told = format!("true {name}, predicted {}: {count}", self.labels[j]);
                let title = Element::new("title").text(&told);
                let square = rect(x, y, cell, cell, class).set("fill-opacity", &format!("{opacity:.3}"));
                svg.push(square.child(title));
                svg.push(rect(x, y, cell, cell, "frame"));
                let class = if on_fill(opacity) { "on-fill" } else { "" };
                let text = count.to_string();
                let number = label(x + cell / 2.0, y + cell / 2.0, Anchor::Middle, class, &text);
                svg.push(fitted(number, cell, &text));
            }
        }
        svg
    }
}

/// Caps the text's size so that a text as wide as `like` fits across a cell, and any text into its height.
fn fitted(text: Element, cell: f64, like: &str) -> Element {
    let largest = (cell * 0.92 / text_width(like, 1.0).max(0.01)).min(cell * 0.8);
    if largest >= LARGEST_TEXT {
        text
    } else {
        text.set("style", &format!("font-size:min(var(--text-size),{largest:.1}px)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::assert_well_formed;

    #[test]
    fn rows_are_the_truth_and_columns_the_prediction() {
        let figure = Confusion::new(&["cat", "<dog>"], vec![vec![90, 10], vec![0, 7]]).figure("c", "cats and dogs");
        let svg = figure.inline();
        assert_well_formed(&svg);
        assert_well_formed(&figure.drawing.standalone("x"));
        assert!(svg.contains("true cat, predicted &lt;dog&gt;: 10"), "{svg}");
        assert!(svg.contains("90.0 %") && svg.contains("100.0 %"));
        // The error stands in the first row, right of the diagonal: same y as the 90, larger x.
        let place = |count: &str| {
            let text = svg.lines().find(|l| l.ends_with(&format!(">{count}</text>"))).unwrap();
            let of = |key: &str| text.split(key).nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap();
            (of(" x=\""), of(" y=\""))
        };
        assert!(place("10").0 > place("90").0 && place("10").1 == place("90").1);
    }

    #[test]
    fn any_size_and_any_count_is_drawn() {
        assert_well_formed(&Confusion::new::<&str>(&[], vec![]).figure("c", "none").inline());
        assert_well_formed(&Confusion::new(&["a"], vec![vec![0]]).figure("c", "one empty").inline());
        let labels: Vec<String> = (0..40).map(|i| i.to_string()).collect();
        let counts = vec![vec![123_456; 40]; 40];
        assert_well_formed(&Confusion::new(&labels, counts).figure("c", "forty").inline());
    }
}
