//! How well thinking obeys its budget, and what more of it is worth: three numbers of a method that is run at
//! several budgets.
//!
//! * Control: the share of runs whose thinking is as long as was asked for.
//! * Scaling: the mean slope of accuracy over all pairs of budgets; useful methods are above 0.
//! * Performance: the best accuracy of any budget.
//!
//! Source: Muennighoff et al. 2025, "s1: Simple test-time scaling" (arXiv 2501.19393), section 3.2.

use std::ops::RangeInclusive;

/// The share of `lengths` within the range; `None` without any.
///
/// ```
/// use tts_search::think::control;
/// assert_eq!(control(&[100, 250, 400, 512], 128..=512), Some(0.75));
/// ```
pub fn control(lengths: &[u64], wanted: RangeInclusive<u64>) -> Option<f64> {
    let within = lengths.iter().filter(|length| wanted.contains(length)).count();
    (!lengths.is_empty()).then(|| within as f64 / lengths.len() as f64)
}

/// The mean slope of accuracy between all pairs of (length, accuracy) of different lengths; `None` without such a
/// pair.
///
/// ```
/// use tts_search::think::scaling;
/// // Slopes 0.1, 0 and 0.05.
/// let mean = scaling(&[(1.0, 0.3), (2.0, 0.4), (3.0, 0.4)]).unwrap_or_default();
/// assert!((mean - 0.05).abs() < 1e-12);
/// ```
pub fn scaling(points: &[(f64, f64)]) -> Option<f64> {
    let pair = |(at, a): (usize, &(f64, f64))| {
        let slope = move |b: &(f64, f64)| {
            let run = b.0 - a.0;
            (run != 0.0).then(|| (b.1 - a.1) / run)
        };
        points[at + 1..].iter().filter_map(slope).collect::<Vec<f64>>()
    };
    let points = points.iter().enumerate();
    let slopes: Vec<f64> = points.map(|(at, a)| pair((at, a))).collect::<Vec<_>>().concat();
    (!slopes.is_empty()).then(|| slopes.iter().sum::<f64>() / slopes.len() as f64)
}

/// The best accuracy of (length, accuracy); `None` without any.
///
/// ```
/// use tts_search::think::performance;
/// assert_eq!(performance(&[(1.0, 0.3), (2.0, 0.5), (4.0, 0.4)]), Some(0.5));
/// ```
pub fn performance(points: &[(f64, f64)]) -> Option<f64> {
    points.iter().map(|point| point.1).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_of_all_pairs_whatever_their_order() {
        let close = |points: &[(f64, f64)], expected: f64| {
            let found = scaling(points).expect("pairs");
            assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
        };
        // 0.1, 0 and 0.05; the same from the back.
        close(&[(1.0, 0.3), (2.0, 0.4), (3.0, 0.4)], 0.05);
        close(&[(3.0, 0.4), (1.0, 0.3), (2.0, 0.4)], 0.05);
        // A pair of one length has no slope.
        close(&[(2.0, 0.1), (2.0, 0.9), (4.0, 0.5)], 0.0);
        close(&[(512.0, 0.5), (1024.0, 0.4)], -0.1 / 512.0);
        assert_eq!(scaling(&[(1.0, 0.5)]), None);
        assert_eq!(scaling(&[(1.0, 0.5), (1.0, 0.7)]), None);
    }

    #[test]
    fn shares_and_the_best() {
        assert_eq!(control(&[127, 128, 512, 513], 128..=512), Some(0.5));
        assert_eq!(control(&[], 0..=9), None);
        assert_eq!(performance(&[(1.0, 0.3), (2.0, 0.5), (4.0, 0.4)]), Some(0.5));
        assert_eq!(performance(&[]), None);
    }
}
