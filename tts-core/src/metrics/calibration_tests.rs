//! Calibration by hand, at the edges of bins, and of scores that are probabilities.

use proptest::prelude::*;

use super::*;
use crate::seed;

#[test]
fn by_hand() {
    let scores = [0.1, 0.3, 0.8, 0.9, 0.7];
    let found = calibration(&scores, &[false, true, true, false, true], 2).unwrap();
    let [low, high] = found.bins[..] else { panic!("{found:?}") };
    assert_eq!((low.count, high.count), (2, 3));
    for (found, expected) in [
        (low.mean_score, 0.2),
        (low.share_right, 0.5),
        (high.mean_score, 0.8),
        (high.share_right, 2.0 / 3.0),
        (found.expected_error, 0.4 * 0.3 + 0.6 * (0.8 - 2.0 / 3.0)),
        (found.brier, (0.01 + 0.49 + 0.04 + 0.81 + 0.09) / 5.0),
    ] {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    assert_eq!(low.interval.map(f64::to_bits), wilson(1, 2).unwrap().map(f64::to_bits));
}

#[test]
fn an_edge_belongs_to_the_bin_below() {
    for bins in [1, 3, 7, 10, 100] {
        for edge in 0..=bins {
            let score = edge as f64 / bins as f64;
            let found = calibration(&[score], &[true], bins).unwrap().bins[0];
            let expected = [edge.max(1) - 1, edge.max(1)].map(|edge| edge as f64 / bins as f64);
            assert_eq!([found.low, found.high].map(f64::to_bits), expected.map(f64::to_bits));
        }
    }
}

#[test]
fn bad_input_is_named() {
    for (scores, right, bins, message) in [
        (vec![], vec![], 10, "`scores` is empty"),
        (vec![0.1, f64::NAN], vec![true, true], 10, "`scores[1]` is NaN"),
        (vec![1.5], vec![true], 10, "`scores[0]` is 1.5"),
        (vec![0.5, -0.5], vec![true, true], 10, "`scores[1]` is -0.5"),
        (vec![0.5], vec![], 10, "`right` has 0 entries where 1 are expected"),
        (vec![0.5], vec![true], 0, "`bins` is 0, outside 1..=1000000"),
    ] {
        assert_eq!(calibration(&scores, &right, bins).unwrap_err().to_string(), message);
    }
}

/// Scores that are the probability of being right are found to be calibrated, others are not.
///
/// 20,000 uniform scores in 10 bins of about 2,000. The error of a bin has a standard deviation of
/// about 0.009, so the expected error of calibrated scores is about 0.007; each bin stays within
/// five standard deviations (0.056) but with probability below 1e-5, and the expected error
/// within 0.02 by a far margin. Their Brier score is E[p(1-p)] = 1/6, with a standard deviation of
/// 0.0011. Scores of half the true distance from 0.5 are off by 0.125 on average: the bound of 0.1
/// is twelve standard deviations below.
#[test]
fn probabilities_are_calibrated() {
    let mut random = seed::stream(2, 0);
    let mut uniform = || random.below(1 << 30) as f64 / f64::from(1 << 30);
    let (scores, right): (Vec<f64>, Vec<bool>) = (0..20_000)
        .map(|_| {
            let score = uniform();
            (score, uniform() < score)
        })
        .unzip();
    let found = calibration(&scores, &right, Calibration::BINS).unwrap();
    assert_eq!(found.bins.len(), 10);
    for bin in &found.bins {
        assert!((bin.mean_score - bin.share_right).abs() < 0.056, "{bin:?}");
    }
    assert!(found.expected_error < 0.02, "{found:?}");
    assert!((found.brier - 1.0 / 6.0).abs() < 0.006, "{}", found.brier);
    let timid: Vec<f64> = scores.iter().map(|score| 0.25 + score / 2.0).collect();
    assert!(calibration(&timid, &right, 10).unwrap().expected_error > 0.1);
}

proptest! {
    #[test]
    fn totals_agree(
        entries in prop::collection::vec((0.0_f64..=1.0, any::<bool>()), 1..80),
        bins in 1_usize..20,
    ) {
        let (scores, right): (Vec<f64>, Vec<bool>) = entries.into_iter().unzip();
        let found = calibration(&scores, &right, bins).unwrap();
        prop_assert_eq!(found.bins.iter().map(|bin| bin.count).sum::<usize>(), scores.len());
        let weighted: f64 = found
            .bins
            .iter()
            .map(|bin| (bin.share_right - bin.mean_score).abs() * bin.count as f64)
            .sum::<f64>() / scores.len() as f64;
        prop_assert!((found.expected_error - weighted).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&found.brier));
        for bin in &found.bins {
            prop_assert!(bin.low - 1e-12 <= bin.mean_score && bin.mean_score <= bin.high + 1e-12);
            prop_assert!(bin.interval[0] <= bin.share_right && bin.share_right <= bin.interval[1]);
        }
        // One bin: the distance of the means.
        let whole = calibration(&scores, &right, 1).unwrap();
        prop_assert!(whole.expected_error <= found.expected_error + 1e-12);
        let text = serde_json::to_string(&found).unwrap();
        prop_assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), found);
    }
}
