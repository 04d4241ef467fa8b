//! Beam search stepped by hand, node by node, on handmade trees.

mod common;

use common::{ByHand, shown};
use tts_core::*;
use tts_search::*;

fn beam(completed: Completed) -> BeamSearch {
    BeamSearch { first: Some(4), keep: 2, branch: 2, completed, ..Default::default() }
}

#[test]
fn source_keeps_m_and_continues_each_n_ways() {
    let mut search = ByHand::new(BeamSearch::source(3, 2).expect("possible"));
    assert_eq!(search.start(), [(0, 3)]);
    let first = search.open(0, &[0.2, 0.9, 0.6]);
    assert_eq!(search.next(&first), [(2, 3), (3, 3)]);
    // Six candidates: nodes 4 to 6 below node 2, nodes 7 to 9 below node 3.
    let mut second = search.open(2, &[0.1, 0.8, 0.3]);
    second.extend(search.open(3, &[0.5, 0.7, 0.2]));
    assert_eq!(search.next(&second), [(5, 3), (8, 3)]);
    let mut third = search.open(5, &[0.1, 0.2]);
    third.push(search.stop(5, 0.9));
    third.extend(search.open(8, &[0.3, 0.4, 0.5]));
    // Node 12 has finished and takes its slot along: one live path is kept.
    assert_eq!(search.next(&third), [(15, 3)]);
    let last: Vec<NodeId> = [0.7, 0.95, 0.1].map(|score| search.stop(15, score)).to_vec();
    assert_eq!(search.next(&last), []);
    assert_eq!(search.pick(), Some(17));
}

#[test]
fn snell_has_a_population_of_n_in_every_round() {
    let mut search = ByHand::new(BeamSearch::snell(4, 2).expect("possible"));
    assert_eq!(search.start(), [(0, 4)]);
    let first = search.open(0, &[0.2, 0.9, 0.6, 0.1]);
    assert_eq!(search.next(&first), [(2, 2), (3, 2)]);
    let mut second = search.open(2, &[0.5, 0.4]);
    second.extend(search.open(3, &[0.3, 0.8]));
    assert_eq!(search.next(&second), [(8, 2), (5, 2)]);
    let mut third = vec![search.stop(8, 0.2), search.stop(8, 0.9)];
    third.extend(search.open(5, &[0.6, 0.7]));
    assert_eq!(search.next(&third), [(12, 2)]);
    // Node 9 finished too, but was not among the best two: still a candidate for the answer.
    assert_eq!(search.tree.finished().map(|id| id.0).collect::<Vec<_>>(), [9, 10]);
}

#[test]
fn impossible_presets_are_refused_with_a_reason() {
    for (result, expected) in [
        (BeamSearch::source(2, 4), "first is 2, expected at least keep, which is 4"),
        (BeamSearch::source(0, 0), "keep is 0"),
        (BeamSearch::source(0, 1), "branch is 0"),
        (BeamSearch::snell(10, 4), "branch is 4, expected a divisor of n, which is 10"),
        (BeamSearch::snell(2, 4), "branch is 4, expected a divisor of n, which is 2"),
        (BeamSearch::snell(4, 0), "branch is 0"),
    ] {
        let error = result.expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    let error = BeamSearch { first: Some(3), ..Default::default() }.check().expect_err("too few");
    assert!(error.contains("first is 3"), "{error}");
}

#[test]
fn free_slot_shrinks_the_beam_and_ends_it() {
    let mut search = ByHand::new(beam(Completed::FreeSlot));
    search.start();
    let mut first = search.open(0, &[0.5, 0.4]);
    first.push(search.stop(0, 0.9));
    first.push(search.stop(0, 0.3));
    // Ranked 3, 1, 2, 4: node 3 goes with its slot, node 4 ranks too low to cost one.
    assert_eq!(search.next(&first), [(1, 2)]);
    let mut second = search.open(1, &[0.6]);
    second.push(search.stop(1, 0.7));
    assert_eq!(search.next(&second), []);
    assert_eq!(search.pick(), Some(3));
}

#[test]
fn refill_keeps_the_population_while_anything_lives() {
    let mut search = ByHand::new(BeamSearch { branch: 3, ..beam(Completed::Refill) });
    search.start();
    let mut first = search.open(0, &[0.5]);
    first.extend([search.stop(0, 0.9), search.stop(0, 0.8)]);
    first.extend(search.open(0, &[0.4]));
    // Two are live, two are kept.
    assert_eq!(search.next(&first), [(1, 3), (4, 3)]);
    let mut second = search.open(1, &[0.7]);
    second.push(search.stop(4, 0.9));
    // One is live and gets all six lines.
    assert_eq!(search.next(&second), [(5, 6)]);
    let third = vec![search.stop(5, 0.9)];
    assert_eq!(search.next(&third), []);
}

#[test]
fn refill_gives_the_rest_to_the_best() {
    let refill = beam(Completed::Refill);
    let mut search = ByHand::new(BeamSearch { first: Some(6), keep: 3, branch: 3, ..refill });
    search.start();
    let mut first = search.open(0, &[0.1, 0.6]);
    first.push(search.stop(0, 0.9));
    assert_eq!(search.next(&first), [(2, 5), (1, 4)]);
}

#[test]
fn compete_holds_a_slot_until_pushed_out() {
    let mut search = ByHand::new(beam(Completed::Compete));
    search.start();
    let mut first = search.open(0, &[0.5, 0.4]);
    first.push(search.stop(0, 0.6));
    // Node 3 holds one of the two slots, and is not continued.
    assert_eq!(search.next(&first), [(1, 2)]);
    let second = search.open(1, &[0.7, 0.8]);
    // Two better live ones push it out.
    assert_eq!(search.next(&second), [(5, 2), (4, 2)]);
    let mut third = search.open(5, &[0.1]);
    third.extend([search.stop(5, 0.9), search.stop(4, 0.85)]);
    // All kept are finished.
    assert_eq!(search.next(&third), []);
    assert_eq!(search.tree.finished().map(|id| id.0).collect::<Vec<_>>(), [3, 7, 8]);
}

#[test]
fn equals_rank_in_the_order_in_which_they_were_made() {
    for completed in [Completed::FreeSlot, Completed::Refill, Completed::Compete] {
        let mut search = ByHand::new(beam(completed));
        search.start();
        let first = search.open(0, &[0.5; 4]);
        assert_eq!(search.next(&first), [(1, 2), (2, 2)], "{completed:?}");
    }
    // A finished path that holds its slot is older than its rivals.
    let mut search = ByHand::new(beam(Completed::Compete));
    search.start();
    let mut first = vec![search.stop(0, 0.5)];
    first.extend(search.open(0, &[0.5, 0.5]));
    assert_eq!(search.next(&first), [(2, 2)]);
    let second = search.open(2, &[0.5, 0.5]);
    assert_eq!(search.next(&second), [(4, 2)]);
}

#[test]
fn merged_duplicates_make_room_for_others() {
    let rank = |duplicates| {
        let mut search = ByHand::new(BeamSearch { duplicates, ..beam(Completed::FreeSlot) });
        search.start();
        let texts = [("same\n", 0.9), ("same\n", 0.9), ("other\n", 0.5), ("third\n", 0.4)];
        let grow = |(text, score)| search.tree.grow(NodeId::ROOT, text, Finish::Step, Some(score));
        let first: Vec<NodeId> = texts.map(grow).to_vec();
        search.next(&first)
    };
    assert_eq!(rank(Duplicates::Keep), [(1, 2), (2, 2)]);
    assert_eq!(rank(Duplicates::Merge), [(1, 2), (3, 2)]);
}

#[test]
fn ranking_uses_the_whole_path_by_its_aggregate() {
    let rank = |aggregate| {
        let mut search = ByHand::new(BeamSearch {
            first: Some(2),
            keep: 1,
            branch: 1,
            aggregate,
            ..Default::default()
        });
        search.start();
        search.open(0, &[0.2, 0.9]);
        let second = [search.open(1, &[0.8]), search.open(2, &[0.7])].concat();
        search.next(&second)
    };
    assert_eq!(rank(Aggregate::Last), [(3, 1)]);
    assert_eq!(rank(Aggregate::Min), [(4, 1)]);
    assert_eq!(rank(Aggregate::SumLog), [(4, 1)]);
}

#[test]
fn a_second_search_starts_anew() {
    let mut search = ByHand::new(beam(Completed::FreeSlot));
    search.start();
    let first = vec![search.stop(0, 0.9), search.stop(0, 0.8)];
    assert_eq!(search.next(&first), []);
    let mut again = ByHand::new(search.strategy);
    assert_eq!(shown(&again.decide(&[NodeId::ROOT], &[0])), [(0, 4)]);
    let first = again.open(0, &[0.1, 0.2, 0.3, 0.4]);
    assert_eq!(again.next(&first), [(4, 2), (3, 2)]);
}
