//! The k best of a list of scores, with ties that never move.
//!
//! Sorting by `argsort` and taking the tail, as public code does, lets the last of equal scores
//! win; here the lower index wins, so a search that keeps `k` states keeps the same ones on every
//! run. `NaN` ranks below every number, including negative infinity.
//!
//! Source: the greedy selection of Tree of Thoughts (Yao et al. 2023, arXiv 2305.10601,
//! Algorithm 1): a stable descending sort cut at `k`.

use std::cmp::Ordering;

/// The indices of the `k` greatest scores, descending; all of them when there are fewer than `k`.
///
/// ```
/// use tts_core::select::top;
/// assert_eq!(top(&[1.0, 3.0, f64::NAN, 3.0], 2), [1, 3]);
/// assert_eq!(top(&[1.0, f64::NAN], 9), [0, 1]);
/// ```
pub fn top(scores: &[f64], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| better_first(scores[a], scores[b]));
    order.truncate(k);
    order
}

/// Descending order of scores, `NaN` last and equal to itself.
pub(crate) fn better_first(a: f64, b: f64) -> Ordering {
    // `total_cmp` would tell -0.0 from 0.0 and put a positive NaN above infinity.
    b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_odd_numbers() {
        let nan = f64::NAN;
        let low = f64::NEG_INFINITY;
        for (scores, k, expected) in [
            (vec![], 3, vec![]),
            (vec![1.0], 0, vec![]),
            (vec![2.0, 2.0, 2.0], 2, vec![0, 1]),
            (vec![-0.0, 0.0], 1, vec![0]),
            (vec![nan, low, nan, 5.0], 4, vec![3, 1, 0, 2]),
            (vec![0.1, 0.3, 0.2, 0.3], 3, vec![1, 3, 2]),
        ] {
            assert_eq!(top(&scores, k), expected, "{scores:?}");
        }
    }
}
