//! Contour lines by marching squares: where a grid of values crosses a level, joined into long lines.

use std::collections::HashMap;

/// A place where a contour crosses an edge of the grid: the edge's lower-index node and whether it runs along x.
type Crossing = (usize, bool);

/// The lines along which values (row by row, `columns` a row) cross `level`, in grid coordinates (column, row).
///
/// A closed line repeats its first point. Cells with a corner that is not finite have no contour. In a saddle (two
/// opposite corners above) the mean of the corners decides which are joined.
pub fn contours(values: &[f64], columns: usize, level: f64) -> Vec<Vec<(f64, f64)>> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let mut links: HashMap<Crossing, Vec<Crossing>> = HashMap::new();
    let mut starts = Vec::new();
    for row in 0..rows.saturating_sub(1) {
        for column in 0..columns - 1 {
            for (a, b) in cell(values, columns, row * columns + column, level) {
                links.entry(a).or_default().push(b);
                links.entry(b).or_default().push(a);
                starts.push(a);
                starts.push(b);
            }
        }
    }
    // Open lines first, from their ends; what is left are loops.
    let ends: Vec<Crossing> = starts.iter().copied().filter(|s| links[s].len() == 1).collect();
    let place = |&(node, along_x): &Crossing| {
        let other = node + if along_x { 1 } else { columns };
        let t = (level - values[node]) / (values[other] - values[node]);
        let (x, y) = ((node % columns) as f64, (node / columns) as f64);
        if along_x { (x + t, y) } else { (x, y + t) }
    };
    let mut lines = Vec::new();
    for start in ends.into_iter().chain(starts) {
        let mut line = vec![start];
        let mut at = start;
        while let Some(next) = links.get_mut(&at).and_then(Vec::pop) {
            if let Some(back) = links.get_mut(&next)
                && let Some(i) = back.iter().position(|c| *c == at)
            {
                back.swap_remove(i);
            }
            line.push(next);
            at = next;
        }
        if line.len() > 1 {
            lines.push(line.iter().map(place).collect());
        }
    }
    lines
}

/// The pieces of contour in the cell whose first corner is `node`.
fn cell(values: &[f64], columns: usize, node: usize, level: f64) -> Vec<(Crossing, Crossing)> {
    // Corners around the cell, and the edge from each corner to the next.
    let corners = [node, node + 1, node + columns + 1, node + columns].map(|i| values[i]);
    let edges = [(node, true), (node + 1, false), (node + columns, true), (node, false)];
    if corners.iter().any(|v| !v.is_finite()) {
        return Vec::new();
    }
    let above = corners.map(|v| v >= level);
    let crossed: Vec<Crossing> = (0..4).filter(|&i| above[i] != above[(i + 1) % 4]).map(|i| edges[i]).collect();
    match crossed[..] {
        [a, b] => vec![(a, b)],
        [a, b, c, d] => {
            let middle_above = corners.iter().sum::<f64>() / 4.0 >= level;
            // The first corner lies between the last edge and the first one.
            if middle_above == above[0] { vec![(a, b), (c, d)] } else { vec![(d, a), (b, c)] }
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_edge_is_one_line_at_the_interpolated_place() {
        // Values 0, 1, 2 along x on four rows cross 0.25 at column 0.25.
        let values: Vec<f64> = (0..12).map(|i| f64::from(i % 3)).collect();
        let lines = contours(&values, 3, 0.25);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].len(), 4);
        assert!(lines[0].iter().all(|p| (p.0 - 0.25).abs() < 1e-12));
    }

    #[test]
    fn a_circle_is_one_closed_line_of_the_right_radius() {
        let n = 41;
        let values: Vec<f64> =
            (0..n * n).map(|i| (((i % n) as f64 - 20.0).powi(2) + ((i / n) as f64 - 20.0).powi(2)).sqrt()).collect();
        let lines = contours(&values, n, 12.3);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|(x, y)| ((x - 20.0).hypot(y - 20.0) - 12.3).abs() < 0.02));
    }

    #[test]
    fn saddles_follow_the_mean_and_never_cross() {
        for (corner, touching) in [(2.0, true), (1.1, false)] {
            // Corners 0 and 2 above the level 1; the mean of (corner, 0, corner, 0) decides.
            let lines = contours(&[corner, 0.0, 0.0, corner], 2, 1.0);
            assert_eq!(lines.len(), 2);
            // Joined high corners leave the low ones cut off: each line has a point on the top or bottom edge beside them.
            let around_low = lines.iter().any(|l| l.iter().all(|&(x, y)| x + (1.0 - y) >= 1.0));
            assert_eq!(around_low, touching, "{lines:?}");
        }
    }

    #[test]
    fn nothing_to_cross_gives_nothing() {
        assert!(contours(&[], 0, 0.5).is_empty());
        assert!(contours(&[1.0; 9], 3, 0.5).is_empty());
        assert!(contours(&[f64::NAN, 0.0, 1.0, 1.0], 2, 0.5).is_empty());
    }
}
