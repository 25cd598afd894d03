//! What the numbers of a tensor are like.

use serde::Serialize;

/// How many parts a histogram has.
const BINS: usize = 24;

/// The numbers of a tensor in a few figures. Those that are not finite are counted, and in no other figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// How many numbers there are.
    pub count: usize,
    /// The least; none when there is none that is finite, as for the next three.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Their standard deviation, divided by n.
    pub std: Option<f64>,
    /// The share of numbers that are 0.
    pub zeros: f64,
    /// How many are NaN or infinite.
    pub non_finite: usize,
    /// How many lie in each of equal parts from the least to the largest.
    pub histogram: Vec<usize>,
}

impl Statistics {
    /// Of these numbers.
    pub fn of(numbers: &[f64]) -> Self {
        let finite: Vec<f64> = numbers.iter().copied().filter(|x| x.is_finite()).collect();
        let n = finite.len() as f64;
        let some = |value: f64| (!finite.is_empty()).then_some(value);
        let mean = finite.iter().sum::<f64>() / n;
        let square = finite.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let (min, max) = finite.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        let mut histogram = vec![0; if finite.is_empty() { 0 } else { BINS }];
        for x in &finite {
            // Halves, since the distance of the largest numbers is more than any.
            let place = if max > min { (x / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0) * BINS as f64 } else { 0.0 };
            histogram[(place as usize).min(BINS - 1)] += 1;
        }
        let zeros = numbers.iter().filter(|x| **x == 0.0).count() as f64 / numbers.len().max(1) as f64;
        let non_finite = numbers.len() - finite.len();
        let (min, max, mean, std) = (some(min), some(max), some(mean), some(square.sqrt()));
        Statistics { count: numbers.len(), min, max, mean, std, zeros, non_finite, histogram }
    }

    /// The histogram in a line of bars; the least that is not empty has the lowest bar.
    pub fn bars(&self) -> String {
        const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.histogram.iter().copied().max().unwrap_or(0).max(1);
        self.histogram.iter().map(|&count| BARS[(count * 8).div_ceil(most)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let statistics = Statistics::of(&[0.0, 2.0, 4.0, f64::NAN, f64::INFINITY]);
        assert_eq!((statistics.min, statistics.max, statistics.mean), (Some(0.0), Some(4.0), Some(2.0)));
        // (4 + 0 + 4) / 3.
        assert_eq!(statistics.std, Some((8.0f64 / 3.0).sqrt()));
        assert_eq!((statistics.count, statistics.zeros, statistics.non_finite), (5, 0.2, 2));
        let wanted = [vec![1], vec![0; 11], vec![1], vec![0; 10], vec![1]].concat();
        assert_eq!(statistics.histogram, wanted);
        assert_eq!(statistics.bars(), "█           █          █");
    }

    #[test]
    fn none_one_and_the_largest_of_numbers() {
        assert_eq!(Statistics::of(&[]).mean, None);
        assert_eq!(Statistics::of(&[f64::NAN]).histogram, Vec::<usize>::new());
        let one = Statistics::of(&[3.0]);
        assert_eq!((one.std, one.histogram[0], one.histogram.iter().sum::<usize>()), (Some(0.0), 1, 1));
        let far = Statistics::of(&[f64::MIN, f64::MAX]);
        assert_eq!((far.histogram[0], far.histogram[BINS - 1]), (1, 1));
    }
}
