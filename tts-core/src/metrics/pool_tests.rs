//! Metrics at k against the public selectors run on every subset.

use proptest::prelude::*;

use super::*;
use crate::select::{best, weighted};

const METRICS: [Metric; 5] = [
    Metric::Pass,
    Metric::Best,
    Metric::Vote(Weight::Count),
    Metric::Vote(Weight::Raw),
    Metric::Vote(Weight::Sigmoid),
];

fn exact(a: &str, b: &str) -> bool {
    a == b
}

/// Candidates with few answers and few scores, so that ties abound; "a" is right.
fn votes(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vote>> {
    let vote = (0_usize..4, 0_i32..4).prop_map(|(answer, score)| Vote {
        answer: ["a", "b", "c"].get(answer).map(ToString::to_string),
        score: f64::from(score) - 1.0,
    });
    prop::collection::vec(vote, sizes)
}

fn graded(votes: &[Vote]) -> Pool {
    Pool::new(votes, &correct(votes), exact).unwrap()
}

fn correct(votes: &[Vote]) -> Vec<bool> {
    votes.iter().map(|vote| vote.parsed() == Some("a")).collect()
}

/// The metric as the mean over all subsets of the public selectors' results.
fn enumerated(votes: &[Vote], metric: Metric, k: u32) -> f64 {
    let mut outcomes = Vec::new();
    for mask in 0_u32..1 << votes.len() {
        if mask.count_ones() != k {
            continue;
        }
        let subset: Vec<Vote> =
            (0..votes.len()).filter(|i| mask >> i & 1 == 1).map(|i| votes[i].clone()).collect();
        let correct = correct(&subset);
        let right = |chosen: Option<usize>| chosen.is_some_and(|i| correct[i]);
        outcomes.push(match metric {
            Metric::Pass => correct.contains(&true),
            Metric::Best => right(best(&subset)),
            Metric::Vote(weight) => right(weighted(&subset, exact, weight)),
            Metric::Weighted => right(weighted(&subset, exact, Weight::Raw)),
        });
    }
    outcomes.iter().filter(|&&right| right).count() as f64 / outcomes.len() as f64
}

/// What was cut neither outvotes nor outranks what was finished, however it scores.
#[test]
fn cut_samples_wait_for_the_finished_ones() {
    let sample = |answer: &str, score, finished| Sampled {
        answer: Some(answer.into()),
        score: Some(score),
        finished,
        right: answer == "a",
    };
    let samples = [sample("b", 0.9, false), sample("a", 0.2, true), sample("b", 0.8, false)];
    let pool = Pool::of_samples(&samples, Scale::PREFIX, Aggregate::ByScale, exact).unwrap();
    for metric in [Metric::Best, Metric::Weighted, Metric::Vote(Weight::Count)] {
        let found = pool.at_k(metric, 3, 10, 0).unwrap();
        assert!((found.value - 1.0).abs() < 1e-12, "{metric:?}: {found:?}");
    }
}

/// Answers that count as one need not all be right: a vote is worth what a search returns, the best of them.
#[test]
fn a_vote_returns_the_best_of_those_who_gave_the_answer() {
    let sample =
        |score, right| Sampled { answer: Some("132".into()), score, finished: true, right };
    for (scores, k, expected) in [
        ([Some(0.2), Some(0.9)], 2, 1.0),
        ([Some(0.9), Some(0.2)], 2, 0.0),
        ([Some(0.2), Some(0.9)], 1, 0.5),
        // Of equals the first.
        ([Some(0.5), Some(0.5)], 2, 0.0),
        ([None, None], 2, 0.0),
        ([None, Some(0.1)], 2, 1.0),
    ] {
        let samples = [sample(scores[0], false), sample(scores[1], true)];
        let pool = Pool::of_samples(&samples, Scale::PREFIX, Aggregate::ByScale, exact).unwrap();
        for metric in [Metric::Weighted, Metric::Vote(Weight::Count)] {
            let found = pool.at_k(metric, k, 10, 0).unwrap().value;
            assert!((found - expected).abs() < 1e-12, "{metric:?} {scores:?} {k}: {found}");
        }
    }
}

proptest! {
    #[test]
    fn every_metric_is_the_mean_over_all_subsets(votes in votes(1..9)) {
        let pool = graded(&votes);
        for metric in METRICS {
            for (size, k) in (1..=votes.len()).zip(1..) {
                let found = pool.at_k(metric, size, 1_000, 0).unwrap();
                let expected = enumerated(&votes, metric, k);
                prop_assert!(found.exact);
                prop_assert!((found.value - expected).abs() < 1e-12, "{metric:?} {k}: {found:?} {expected}");
            }
        }
    }

    #[test]
    fn the_whole_pool_gives_the_selector_itself(votes in votes(1..40)) {
        let pool = graded(&votes);
        let right = |chosen: Option<usize>| chosen.is_some_and(|i| votes[i].parsed() == Some("a"));
        let at_n = |metric| pool.at_k(metric, votes.len(), 1, 0).unwrap().value.to_bits();
        let truth = |right: bool| f64::from(u8::from(right)).to_bits();
        prop_assert_eq!(at_n(Metric::Best), truth(right(best(&votes))));
        for weight in [Weight::Count, Weight::Raw, Weight::Sigmoid] {
            prop_assert_eq!(at_n(Metric::Vote(weight)), truth(right(weighted(&votes, exact, weight))));
        }
    }

    #[test]
    fn no_metric_beats_pass(votes in votes(1..30)) {
        let pool = graded(&votes);
        for k in 1..=votes.len() {
            let bound = pool.at_k(Metric::Pass, k, 1, 0).unwrap().value;
            let best = pool.at_k(Metric::Best, k, 1, 0).unwrap().value;
            prop_assert!(best <= bound + 1e-12);
        }
    }

    #[test]
    fn an_oracle_score_makes_best_pass(mut votes in votes(1..30)) {
        for vote in &mut votes {
            vote.score = f64::from(u8::from(vote.parsed() == Some("a")));
        }
        let pool = graded(&votes);
        for k in 1..=votes.len() {
            let pass = pool.at_k(Metric::Pass, k, 1, 0).unwrap().value;
            let best = pool.at_k(Metric::Best, k, 1, 0).unwrap().value;
            prop_assert!((pass - best).abs() < 1e-12);
        }
    }
}

#[test]
fn sampling_agrees_with_enumeration() {
    let votes: Vec<Vote> = (0..16)
        .map(|i| Vote::new(["a", "b", "a", "c", "d"][i % 5], [0.2, 0.9, 0.5][i % 3]))
        .collect();
    let pool = graded(&votes);
    for weight in [Weight::Count, Weight::Raw] {
        let all = pool.at_k(Metric::Vote(weight), 8, 12_870, 3).unwrap();
        let some = pool.at_k(Metric::Vote(weight), 8, 12_869, 3).unwrap();
        assert!(all.exact && !some.exact);
        let far = (all.value - some.value).abs();
        assert!(far < 4.0 * some.standard_error, "{all:?} {some:?}");
        assert_eq!(some, pool.at_k(Metric::Vote(weight), 8, 12_869, 3).unwrap());
    }
}

#[test]
fn bad_input_is_named() {
    let votes = [Vote::new("a", 1.0), Vote::new("b", f64::NAN)];
    assert_eq!(Pool::new(&[], &[], exact).unwrap_err(), MetricError::Empty { field: "votes" });
    assert_eq!(
        Pool::new(&votes, &[true], exact).unwrap_err(),
        MetricError::Length { field: "correct", expected: 2, found: 1 }
    );
    assert_eq!(
        Pool::new(&votes, &[true, false], exact).unwrap_err().to_string(),
        "`scores[1]` is NaN"
    );
    let pool = Pool::new(&votes[..1], &[true], exact).unwrap();
    for (metric, k, draws, field) in [
        (Metric::Best, 0, 1, "k"),
        (Metric::Pass, 2, 1, "k"),
        (Metric::Vote(Weight::Raw), 1, 0, "draws"),
    ] {
        let error = pool.at_k(metric, k, draws, 0).unwrap_err();
        assert!(error.to_string().starts_with(&format!("`{field}` is")), "{error}");
    }
}
