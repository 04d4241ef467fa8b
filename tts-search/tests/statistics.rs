//! Accuracies in the toy world against what probability says.

use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::*;

const PROBLEMS: u64 = 600;

fn accuracy(world: &ToyWorld, strategy: &Recipe) -> f64 {
    let oracle = Oracle::of(world);
    let outcomes = Search::new(world)
        .scorer(oracle)
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0))
        .seed(2)
        .run_many(strategy, (0..PROBLEMS).map(|i| world.prompt(i)));
    // Right is a path without an error: slips that cancel out do not count.
    let right = outcomes.into_iter().filter(|outcome| {
        let outcome = outcome.as_ref().expect("runs");
        let best = outcome.best.expect("an answer");
        outcome.tree.score(best, Aggregate::Min) == Some(1.0)
    });
    right.count() as f64 / PROBLEMS as f64
}

#[test]
fn best_of_n_is_right_as_often_as_one_of_n_samples() {
    // p = 0.7^3 = 0.343. Over 600 problems the standard deviation is at most 0.0204, so 4 sigma are
    // 0.08 at most: a best-of-2 that drew the same sample twice (0.343 instead of 0.568) is off by
    // 11 sigma, a best-of-4 that lost one (0.716 instead of 0.814) by 6, and a choice among 4 at
    // random (0.343) by 29. Chance alone fails one run in 5,000 with four values of n.
    let world = ToyWorld { additions: 3, error: 0.3, seed: 9 };
    let p = 0.7_f64.powi(3);
    for n in [1, 2, 4, 8] {
        let expected = 1.0 - (1.0 - p).powi(n);
        let sigma = (expected * (1.0 - expected) / PROBLEMS as f64).sqrt();
        let n = usize::try_from(n).expect("small");
        let found = accuracy(&world, &BestOfN { n, ..Default::default() }.into());
        assert!(
            (found - expected).abs() < 4.0 * sigma,
            "best of {n}: {found}, expected {expected} with a standard deviation of {sigma}"
        );
    }
}

#[test]
fn with_a_perfect_scorer_beams_beat_samples_where_errors_are_frequent() {
    // Five lines with an error in every second: a sample is right with 0.5^5 = 0.031, one of 16
    // with 0.40. A beam of 4 x 4 fails only where all 16 candidates of a round are wrong. Trees of
    // one path and 4 candidates: each is right with (1 - 0.5^4)^5 = 0.72, one of four with 0.994.
    let world = ToyWorld { additions: 5, error: 0.5, seed: 4 };
    let of = |name| accuracy(&world, &Recipe::default_of(name, 16).expect("known"));
    let (samples, beam, dvts) = (of("best-of-n"), of("beam-search"), of("dvts"));
    let expected = 1.0 - (1.0 - 0.5_f64.powi(5)).powi(16);
    assert!((samples - expected).abs() < 0.08, "{samples}, expected {expected}");
    assert!(beam > 0.99, "beam search: {beam}");
    assert!(dvts > 0.96, "dvts: {dvts}");
}

#[test]
fn the_majority_amplifies_the_mode() {
    // A single sample is right with 0.8^2 = 0.64, the mode by far: wrong answers spread over many
    // values. The majority of 20 is right almost always.
    let world = ToyWorld { additions: 2, error: 0.2, seed: 6 };
    let of = |n| accuracy(&world, &SelfConsistency { n, ..Default::default() }.into());
    let (one, many) = (of(1), of(20));
    assert!((one - 0.64).abs() < 0.08, "{one}");
    assert!(many > 0.97, "{many}");
}

#[test]
fn one_path_is_right_where_each_of_its_steps_has_a_right_candidate() {
    // Five lines with an error in every second: each step has a right one among n with 1 - 0.5^n. Over 600
    // problems the standard deviation is at most 0.0204; one candidate more or less is 16 sigma and
    // more for n of 2 and 4.
    let world = ToyWorld { additions: 5, error: 0.5, seed: 4 };
    for n in [1, 2, 4] {
        let expected = (1.0 - 0.5_f64.powi(n)).powi(5);
        let sigma = (expected * (1.0 - expected) / PROBLEMS as f64).sqrt();
        let n = usize::try_from(n).expect("small");
        let found = accuracy(&world, &StepBestOfN { n, ..Default::default() }.into());
        assert!((found - expected).abs() < 4.0 * sigma, "{n}: {found}, expected {expected}");
    }
}

#[test]
fn with_a_perfect_scorer_rebase_beats_samples_where_errors_are_frequent() {
    // As above for 16 samples, 0.40: what is wrong gets one line of 149 where anything is right.
    let world = ToyWorld { additions: 5, error: 0.5, seed: 4 };
    let rebase = accuracy(&world, &Rebase::default().into());
    // All first steps are wrong with 0.5^16, and so on.
    assert!(rebase > 0.99, "rebase: {rebase}");
}

#[test]
fn with_a_perfect_scorer_tree_search_beats_samples_at_equal_tokens() {
    // Solutions are of six lines, five of them sums: 16 samples are 96 lines, as 24 expansions by four are. One
    // of the samples is right with 1 - (1 - 0.5^5)^16 = 0.398. Of 600 problems the standard deviation is at
    // most 0.020, and four are 0.08.
    let world = ToyWorld { additions: 5, error: 0.5, seed: 4 };
    let search = Mcts { simulations: 24, branch: 4, ..Default::default() };
    let found = accuracy(&world, &search.into());
    assert!(found > 0.48, "{found}");
}

#[test]
fn tree_search_finds_what_is_there_to_be_found() {
    // In a tree of four children a node, a right path of d sums below a right node exists with q_d:
    // q_0 = 1, and of each child it does with q_{d-1} / 2, so q_d = 1 - (1 - q_{d-1} / 2)^4, and
    // q_5 = 0.9129. A search with a perfect scorer and time enough finds it where it exists, and is
    // never right elsewhere. Four standard deviations over 600 problems are 0.046.
    let mut expected: f64 = 1.0;
    for _ in 0..5 {
        expected = 1.0 - (1.0 - expected / 2.0).powi(4);
    }
    assert!((expected - 0.9129).abs() < 1e-4, "{expected}");
    let world = ToyWorld { additions: 5, error: 0.5, seed: 4 };
    let search = Mcts { simulations: 96, branch: 4, ..Default::default() };
    let found = accuracy(&world, &search.into());
    assert!((found - expected).abs() < 0.046, "{found}, expected {expected}");
}
