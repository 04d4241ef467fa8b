//! Lookahead, forest and DVTS stepped by hand.

mod common;

use common::{ByHand, shown};
use tts_core::*;
use tts_search::*;

#[test]
fn lookahead_judges_steps_by_the_end_of_their_rollouts() {
    let mut search = ByHand::new(Lookahead::source(3, 1, 2).expect("possible"));
    assert_eq!(search.start(), [(0, 3)]);
    let first = search.open(0, &[0.9, 0.5, 0.1]);
    let rollouts = search.decide(&first, &[0, 0, 0]);
    assert_eq!(shown(&rollouts), [(1, 1), (2, 1), (3, 1)]);
    for rollout in &rollouts {
        assert_eq!((rollout.kind, rollout.until), (NodeKind::Rollout, Until::Steps(2)));
        assert_eq!(rollout.sampling, Some(Sampling::greedy()));
    }
    // Two steps each; the first would mislead, only the last counts.
    let mut ends = Vec::new();
    for (leaf, scores) in first.iter().zip([[0.9, 0.2], [0.1, 0.8], [0.9, 0.3]]) {
        let middle = search.rollout(*leaf, Finish::Step, Some(scores[0]));
        ends.push(search.rollout(middle, Finish::Step, Some(scores[1])));
    }
    assert_eq!(search.decide(&ends, &[0, 1, 2]), [Expand::step(first[1], 3)]);
    assert_eq!(search.tree[first[0]].value, Some(0.2));
    assert_eq!(search.tree[first[0]].score, Some(0.9), "its own score is kept");
}

#[test]
fn lookahead_may_count_the_step_with_its_rollout() {
    let beam = BeamSearch { keep: 1, branch: 2, ..BeamSearch::default() };
    let aggregate = Aggregate::Product;
    let mut search = ByHand::new(Lookahead { aggregate, ..Lookahead::of(beam) });
    search.start();
    let fresh = search.open(0, &[0.1, 0.8]);
    assert_eq!(search.next(&fresh), [(1, 1), (2, 1)]);
    // What follows from a wrong step may be right in itself.
    let first = search.rollout(fresh[0], Finish::Step, Some(0.9));
    let second = search.rollout(fresh[1], Finish::Step, Some(0.5));
    let chosen = search.decide(&[first, second], &[0, 1]);
    assert_eq!(shown(&chosen), [(2, 2)]);
    assert_eq!(search.tree[fresh[1]].value, Some(0.4));
}

/// A sum of logarithms is no score that could stand in for one: its exponential is.
#[test]
fn sums_of_logarithms_look_ahead_as_their_products() {
    for inner in [Aggregate::ByScale, Aggregate::SumLog, Aggregate::Last, Aggregate::Min] {
        for aggregate in [Aggregate::Product, Aggregate::SumLog] {
            let beam = BeamSearch { keep: 3, branch: 2, aggregate: inner, ..BeamSearch::default() };
            let mut search = ByHand::new(Lookahead { aggregate, ..Lookahead::of(beam) });
            search.tree = search.tree.with_scale(Scale::STEP);
            search.start();
            let fresh = search.open(0, &[0.5, 1.0, 0.9, 0.8]);
            search.next(&fresh);
            // One is sure all the way, and one, which looked good, is wrong.
            let scores = fresh.iter().zip([0.9, 1.0, 0.0, 0.25]);
            let ends: Vec<NodeId> = scores
                .map(|(&leaf, score)| search.rollout(leaf, Finish::Step, Some(score)))
                .collect();
            let chosen = shown(&search.decide(&ends, &[0, 1, 2, 3]));
            assert_eq!(chosen, [(2, 2), (1, 2), (4, 2)], "{inner:?} {aggregate:?}");
            for (&leaf, expected) in fresh.iter().zip([0.45, 1.0, 0.0, 0.2]) {
                let value = search.tree[leaf].value.expect("a value");
                assert!((value - expected).abs() < 1e-12, "{aggregate:?}: {value}");
            }
        }
    }
}

#[test]
fn lookahead_falls_back_to_the_step_itself() {
    let mut search = ByHand::new(Lookahead::source(4, 1, 2).expect("possible"));
    search.start();
    let mut first = search.open(0, &[0.4, 0.6, 0.5]);
    first.push(search.stop(0, 0.1));
    // The finished one is not followed.
    assert_eq!(search.next(&first), [(1, 1), (2, 1), (3, 1)]);
    // Rollout 1 ends in a blank step that nobody judged: the step before it counts. Rollout 2
    // failed. Rollout 3 was not judged at all.
    let judged = search.rollout(first[0], Finish::Step, Some(0.55));
    let ends =
        [search.rollout(judged, Finish::Stop, None), search.rollout(first[2], Finish::Stop, None)];
    assert_eq!(shown(&search.decide(&ends, &[0, 2])), [(2, 4)]);
    let values: Vec<_> = first.iter().map(|&id| search.tree[id].value).collect();
    assert_eq!(values, [Some(0.55), None, None, None]);
}

#[test]
fn lookahead_goes_on_when_all_rollouts_failed() {
    let mut search = ByHand::new(Lookahead::source(2, 1, 1).expect("possible"));
    search.start();
    let first = search.open(0, &[0.4, 0.6]);
    search.next(&first);
    assert_eq!(shown(&search.decide(&[], &[])), [(2, 2)]);
    // Also when the copies of a forest look ahead.
    let mut search = ByHand::new(Forest::of(2, Lookahead::source(2, 1, 1).expect("possible")));
    assert_eq!(search.start(), [(0, 2), (0, 2)]);
    let first = search.open(0, &[0.4, 0.6, 0.9, 0.1]);
    let rollouts = shown(&search.decide(&first, &[0, 0, 1, 1]));
    assert_eq!(rollouts, [(1, 1), (2, 1), (3, 1), (4, 1)]);
    assert_eq!(shown(&search.decide(&[], &[])), [(2, 2), (3, 2)]);
}

#[test]
fn every_copy_of_a_forest_gets_its_own_rollouts() {
    let mut search = ByHand::new(Forest::of(2, Lookahead::source(2, 1, 1).expect("possible")));
    search.start();
    let first = search.open(0, &[0.4, 0.6, 0.9, 0.1]);
    search.decide(&first, &[0, 0, 1, 1]);
    let ends: Vec<NodeId> = first
        .iter()
        .zip([0.9, 0.1, 0.2, 0.8])
        .map(|(&id, score)| search.rollout(id, Finish::Step, Some(score)))
        .collect();
    // What leads on is the opposite of what looked good, in both copies.
    assert_eq!(shown(&search.decide(&ends, &[0, 1, 2, 3])), [(1, 2), (4, 2)]);
}

#[test]
fn lookahead_passes_the_origin_on() {
    // A forest inside needs to know which of its decisions led to a leaf.
    let forest = Forest::of(2, BeamSearch::source(2, 1).expect("possible"));
    let mut search = ByHand::new(Lookahead::of(forest));
    assert_eq!(search.start(), [(0, 2), (0, 2)]);
    let first = search.open(0, &[0.1, 0.2, 0.3, 0.4]);
    search.decide(&first, &[0, 0, 1, 1]);
    let ends: Vec<NodeId> =
        first.iter().map(|&id| search.rollout(id, Finish::Step, Some(0.5))).collect();
    // All are equal now: each copy keeps its first.
    assert_eq!(shown(&search.decide(&ends, &[0, 1, 2, 3])), [(1, 2), (3, 2)]);
}

#[test]
fn lookahead_does_not_follow_rollouts_of_the_inner_strategy() {
    let inner = Lookahead::source(2, 1, 1).expect("possible");
    let mut search = ByHand::new(Lookahead { depth: 3, ..Lookahead::of(inner) });
    search.start();
    let first = search.open(0, &[0.1, 0.2]);
    let outer = search.decide(&first, &[0, 0]);
    assert!(outer.iter().all(|expand| expand.until == Until::Steps(3)));
    let ends: Vec<_> =
        first.iter().map(|&id| search.rollout(id, Finish::Step, Some(0.5))).collect();
    let inner = search.decide(&ends, &[0, 1]);
    assert!(inner.iter().all(|expand| expand.until == Until::Steps(1)));
    let ends: Vec<_> =
        first.iter().map(|&id| search.rollout(id, Finish::Step, Some(0.5))).collect();
    // No third set of rollouts, from the rollouts.
    assert_eq!(search.decide(&ends, &[0, 1]), [Expand::step(first[0], 2)]);
}

#[test]
fn copies_of_a_forest_see_their_own_leaves_only() {
    let mut search = ByHand::new(Forest::of(2, BeamSearch::source(2, 1).expect("possible")));
    assert_eq!(search.start(), [(0, 2), (0, 2)]);
    // Copy 1 has the two best leaves of all, and still each copy keeps one.
    let first = search.open(0, &[0.8, 0.9, 0.1, 0.2]);
    assert_eq!(shown(&search.decide(&first, &[0, 0, 1, 1])), [(2, 2), (4, 2)]);
    // Copy 1 finishes with its best; copy 2 lost a line, and goes on.
    let ended = search.stop(2, 0.9);
    let other = search.open(2, &[0.3])[0];
    let alive = search.open(4, &[0.2])[0];
    assert_eq!(shown(&search.decide(&[ended, other, alive], &[0, 0, 1])), [(7, 2)]);
    // The one that ended stays ended; the other is decision 0 now.
    let next = search.open(7, &[0.1, 0.3]);
    assert_eq!(shown(&search.decide(&next, &[0, 0])), [(9, 2)]);
    // All of its lines failed while another copy still lived: it simply ends.
    assert_eq!(search.decide(&[], &[]), []);
}

#[test]
fn dvts_keeps_one_path_a_tree() {
    let mut search = ByHand::new(Dvts { n: 4, branch: 2, ..Default::default() });
    assert_eq!(search.start(), [(0, 2), (0, 2)]);
    let first = search.open(0, &[0.8, 0.9, 0.2, 0.1]);
    assert_eq!(shown(&search.decide(&first, &[0, 0, 1, 1])), [(2, 2), (3, 2)]);
    let second =
        [search.stop(2, 0.9), search.stop(2, 0.8), search.stop(3, 0.2), search.open(3, &[0.7])[0]];
    // Tree 1 has finished; in tree 2 a finished sibling ranks below a live one.
    assert_eq!(shown(&search.decide(&second, &[0, 0, 1, 1])), [(8, 2)]);
    // Siblings that finished are candidates as well.
    assert_eq!(search.tree.finished().count(), 3);
}

#[test]
fn settings_of_what_is_inside_are_checked() {
    let bad = BeamSearch { keep: 0, ..Default::default() };
    for (problem, expected) in [
        (Lookahead::of(bad.clone()).check(), "beam search: keep is 0"),
        (Forest::of(2, bad).check(), "beam search: keep is 0"),
        (Forest::of(0, ChainOfThought {}).check(), "forest: copies is 0"),
        (
            Lookahead { sampling: Sampling::temperature(-1.0), ..Lookahead::of(ChainOfThought {}) }
                .check(),
            "lookahead: sampling: temperature is -1",
        ),
        (
            Dvts { n: 10, branch: 4, ..Default::default() }.check(),
            "dvts: branch is 4, expected a divisor of n, which is 10",
        ),
    ] {
        let error = problem.expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
}
