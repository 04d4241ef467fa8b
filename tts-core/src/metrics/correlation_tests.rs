//! Rank correlation against pairs counted one by one, and its laws.

use proptest::prelude::*;

use super::*;

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

/// By its definition: every pair is looked at.
fn by_definition(scores: &[f64], truth: &[f64]) -> Option<f64> {
    let (mut sum, mut scored, mut known) = (0.0, 0.0, 0.0);
    for i in 0..scores.len() {
        for j in 0..i {
            let sign = |a: f64, b: f64| if same(a, b) { 0.0 } else { (a - b).signum() };
            let (score, worth) = (sign(scores[i], scores[j]), sign(truth[i], truth[j]));
            sum += score * worth;
            scored += score.abs();
            known += worth.abs();
        }
    }
    let scale = f64::sqrt(scored * known);
    (scale > 0.0).then(|| sum / scale)
}

/// The first is the example in the documentation of `scipy.stats.kendalltau`.
#[test]
fn it_is_that_of_the_definition_in_known_cases() {
    for (scores, truth, expected) in [
        (
            &[12.0, 2.0, 1.0, 12.0, 2.0][..],
            &[1.0, 4.0, 7.0, 1.0, 0.0][..],
            -0.471_404_520_791_031_7,
        ),
        (&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0], 1.0),
        (&[1.0, 2.0, 3.0, 4.0], &[4.0, 3.0, 2.0, 1.0], -1.0),
        (&[1.0, 1.0, 2.0, 2.0], &[1.0, 2.0, 1.0, 2.0], 0.0),
        (&[1.0, 2.0], &[3.0, 5.0], 1.0),
        (&[-0.0, 0.0, 1.0], &[1.0, 1.0, 2.0], 1.0),
    ] {
        close(rank_correlation(scores, truth).expect("ordered"), expected);
    }
}

#[test]
fn what_orders_nothing_has_no_correlation() {
    let missing = |scores: &[f64], truth: &[f64]| match rank_correlation(scores, truth) {
        Err(MetricError::MissingClass { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(&[1.0, 1.0], &[1.0, 2.0]), "scores");
    assert_eq!(missing(&[1.0, 2.0], &[1.0, 1.0]), "truth");
    assert_eq!(missing(&[1.0], &[1.0]), "scores");
    assert_eq!(rank_correlation(&[], &[]), Err(MetricError::Empty { field: "scores" }));
    let bad = rank_correlation(&[1.0, 2.0], &[1.0, f64::NAN]).expect_err("not a number");
    assert!(matches!(bad, MetricError::BadNumber { field: "truth", index: 1, .. }), "{bad}");
    let short = rank_correlation(&[1.0, 2.0], &[1.0]).expect_err("short");
    assert!(matches!(short, MetricError::Length { field: "truth", expected: 2, found: 1 }));
    let within = |problems: &[usize]| {
        rank_correlation_within_problems(&[1.0, 2.0], &[3.0, 3.0], problems, 10, 1)
    };
    assert!(matches!(within(&[0, 0]), Err(MetricError::MissingClass { field: "truth", .. })));
    assert!(matches!(within(&[0]), Err(MetricError::Length { field: "problems", .. })));
    let none = rank_correlation_over_problems(&[1.0, 2.0], &[1.0, 2.0], &[0, 1], 0, 1);
    assert!(matches!(none, Err(MetricError::OutOfRange { field: "draws", .. })));
}

#[test]
fn whoever_does_not_choose_is_not_right_about_the_order() {
    // Three problems: in order, out of order by a tie of the judge, and one whose entries are equal.
    let scores = [2.0, 1.0, 5.0, 5.0, 9.0, 1.0];
    let truth = [7.0, 3.0, 2.0, 1.0, 4.0, 4.0];
    let problems = [3, 3, 8, 8, 1, 1];
    let found = rank_correlation_within_problems(&scores, &truth, &problems, 200, 5).expect("two");
    close(found.tau, 0.5);
    assert_eq!((found.entries, found.problems), (4, 2));
    assert!(found.interval[0] < 0.5 && found.interval[1] > 0.5, "{found:?}");
}

#[test]
fn a_coin_has_an_interval_around_nothing_and_a_judge_one_above() {
    let mut rng = seed::rng(11);
    let (mut coin, mut judge, mut truth, mut problems) = (vec![], vec![], vec![], vec![]);
    for problem in 0..200 {
        for _ in 0..3 {
            let worth = rng.uniform();
            truth.push(worth);
            coin.push(rng.uniform());
            judge.push(worth + rng.uniform());
            problems.push(problem);
        }
    }
    for of in [rank_correlation_within_problems, rank_correlation_over_problems] {
        let coin = of(&coin, &truth, &problems, 200, 3).expect("ordered");
        assert!(coin.interval[0] < 0.0 && coin.interval[1] > 0.0, "{coin:?}");
        let judge = of(&judge, &truth, &problems, 200, 3).expect("ordered");
        assert!(judge.interval[0] > 0.2 && judge.interval[1] < 0.8, "{judge:?}");
        assert!((judge.interval[0]..judge.interval[1]).contains(&judge.tau), "{judge:?}");
        assert_eq!((judge.entries, judge.problems), (600, 200));
    }
}

proptest! {
    #[test]
    fn counting_by_sorting_is_looking_at_each_pair(
        pairs in prop::collection::vec((0..6_i32, 0..6_i32), 2..40),
    ) {
        let scores: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.0)).collect();
        let truth: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.1)).collect();
        let found = rank_correlation(&scores, &truth).ok();
        let expected = by_definition(&scores, &truth);
        prop_assert_eq!(found.is_some(), expected.is_some());
        if let (Some(found), Some(expected)) = (found, expected) {
            prop_assert!((found - expected).abs() < 1e-12);
            // The other way round it is the same, and of what is turned about the opposite.
            let back = rank_correlation(&truth, &scores).expect("ordered");
            prop_assert!((back - found).abs() < 1e-12);
            let turned: Vec<f64> = scores.iter().map(|score| -score).collect();
            let turned = rank_correlation(&turned, &truth).expect("ordered");
            prop_assert!((turned + found).abs() < 1e-12);
        }
    }
}
