//! The law of coverage on points that lie on it, and on problems whose coverage is known.

use super::*;
use crate::select::Vote;

/// Pools with so many right samples of `n`.
fn pools(n: usize, right: impl IntoIterator<Item = usize>) -> Vec<Pool> {
    let pool = |right: usize| {
        let correct: Vec<bool> = (0..n).map(|sample| sample < right).collect();
        Pool::new(&vec![Vote::new("1", 0.5); n], &correct, |a, b| a == b).unwrap()
    };
    right.into_iter().map(pool).collect()
}

/// Coverage by `k` samples where a sample is right with a probability of Beta(1/2, 1):
/// `1 - prod j / (j + 1/2)` over `j` from 1 to `k`.
fn of_beta(k: usize) -> f64 {
    1.0 - (1..=k).map(|j| j as f64 / (j as f64 + 0.5)).product::<f64>()
}

#[test]
fn points_on_a_law_are_that_law() {
    for (a, b) in [(-2.0, -0.3), (-0.7, -0.5), (-6.0, -0.1), (-0.05, -1.2)] {
        let points: Vec<(f64, f64)> =
            [1.0, 2.0, 5.0, 16.0, 64.0].map(|k| (k, law(a, b, k))).to_vec();
        let found = least_squares(&points).unwrap();
        assert!((found.0 - a).abs() < 1e-9 && (found.1 - b).abs() < 1e-9, "{a} {b}: {found:?}");
    }
}

/// No law near by has smaller squares, and the line that it starts from has greater ones.
#[test]
fn the_fit_has_the_least_squares() {
    let points: Vec<(f64, f64)> = [1, 2, 4, 8, 16, 32].map(|k| (k as f64, of_beta(k))).to_vec();
    let (a, b) = least_squares(&points).unwrap();
    let least = squares(&points, a, b);
    for (by_a, by_b) in [(1e-4, 0.0), (-1e-4, 0.0), (0.0, 1e-4), (0.0, -1e-4), (1e-4, 1e-4)] {
        assert!(squares(&points, a + by_a, b + by_b) > least);
    }
    // As the fit of another implementation has it (scipy 1.17.1, `curve_fit` on these points).
    assert!((a + 1.103_769_70).abs() < 1e-7 && (b + 0.542_724_65).abs() < 1e-7, "{a} {b}");
}

/// For large `k` the law's exponent is that of the density of hard problems.
#[test]
fn the_exponent_is_that_of_the_hard_problems() {
    let points: Vec<(f64, f64)> = [256, 1024, 4096, 16384].map(|k| (k as f64, of_beta(k))).to_vec();
    let (_, b) = least_squares(&points).unwrap();
    assert!((b + 0.5).abs() < 0.01, "{b}");
}

/// 1,000 problems of Beta(1/2, 1) with 64 samples each.
fn drawn(problems: usize) -> Vec<Pool> {
    let mut random = seed::stream(3, 0);
    let right = (0..problems).map(|_| {
        let p = random.uniform().powi(2);
        (0..64).filter(|_| random.uniform() < p).count()
    });
    pools(64, right.collect::<Vec<_>>())
}

#[test]
fn samples_lead_to_the_law_of_their_problems() {
    let ks = [1, 2, 4, 8, 16, 32];
    let exact: Vec<(f64, f64)> = ks.map(|k| (k as f64, of_beta(k))).to_vec();
    let exact = least_squares(&exact).unwrap();
    let found = Coverage::fit(&drawn(1000), &ks, 400, 1).unwrap();
    let [a, b] = found.intervals;
    assert!(a[0] < exact.0 && exact.0 < a[1], "{a:?} {exact:?}");
    assert!(b[0] < exact.1 && exact.1 < b[1], "{b:?} {exact:?}");
    assert!(a[0] < found.a && found.a < a[1] && b[0] < found.b && found.b < b[1]);
    for &(k, share) in &found.points {
        // Four standard errors of a mean over 1,000 problems, none of which spreads wider than 1/2.
        assert!((share - of_beta(k)).abs() < 4.0 * 0.5 / 1000.0_f64.sqrt());
        assert!((found.at(k as f64) - share).abs() < 3.0 * found.error);
    }
    // A quarter of the problems, twice the width.
    let few = Coverage::fit(&drawn(250), &ks, 400, 1).unwrap().intervals;
    let width = |of: [f64; 2]| of[1] - of[0];
    let ratio = width(few[1]) / width(b);
    assert!((1.4..2.8).contains(&ratio), "{ratio}");
}

#[test]
fn the_same_seed_is_the_same_law() {
    let pools = drawn(50);
    let fit = |seed| Coverage::fit(&pools, &[4, 1, 2, 4], 50, seed).unwrap();
    assert_eq!(fit(1), fit(1));
    assert_ne!(fit(1).intervals, fit(2).intervals);
    assert_eq!(fit(1).points.iter().map(|point| point.0).collect::<Vec<_>>(), [1, 2, 4]);
}

/// The mean squared difference is over the points, and pools too small for the largest `k` are none.
#[test]
fn small_pools_are_left_out() {
    let large = pools(16, [0, 1, 3, 9]);
    let mut mixed = large.clone();
    mixed.extend(pools(8, [8, 8]));
    let fit = |pools: &[Pool]| Coverage::fit(pools, &[1, 4, 16], 10, 0).unwrap();
    assert_eq!(fit(&large), fit(&mixed));
    let law = fit(&large);
    let squared: f64 =
        law.points.iter().map(|&(k, share)| (share - law.at(k as f64)).powi(2)).sum();
    assert!((law.error - (squared / 3.0).sqrt()).abs() < 1e-15);
}

#[test]
fn what_cannot_be_fitted_is_named() {
    let fit = |pools: &[Pool], ks: &[usize], draws| Coverage::fit(pools, ks, draws, 0).unwrap_err();
    let some = pools(8, [1, 4]);
    assert_eq!(fit(&[], &[1, 2, 4], 9), MetricError::Empty { field: "pools" });
    assert_eq!(fit(&some, &[1, 2, 16], 9), MetricError::Empty { field: "pools" });
    let two = MetricError::Length { field: "ks", expected: 3, found: 2 };
    assert_eq!(fit(&some, &[1, 2, 2], 9), two);
    assert!(matches!(fit(&some, &[0, 1, 2], 9), MetricError::OutOfRange { field: "k", .. }));
    assert!(matches!(fit(&some, &[1, 2, 4], 0), MetricError::OutOfRange { field: "draws", .. }));
    for all in [0, 8] {
        let same = fit(&pools(8, [all, all]), &[1, 2, 4], 9);
        assert!(matches!(same, MetricError::MissingClass { field: "pools", .. }), "{same}");
    }
}
