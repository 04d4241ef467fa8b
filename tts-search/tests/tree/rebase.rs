//! REBASE.

use proptest::prelude::*;
use tts_core::*;
use tts_search::*;

use crate::common::ByHand;
use crate::{WORLD, drawn, refused, search};

fn rebase(width: usize) -> Rebase {
    Rebase { width, ..Rebase::default() }
}

#[test]
fn stepped_by_hand() {
    let mut search = ByHand::new(rebase(8));
    assert_eq!(search.start(), [(0, 8)]);
    let mut first = search.open(0, &[0.5, 0.9, 0.1]);
    first.push(search.stop(0, 0.95));
    first.push(search.leaf(0, Finish::Length, 0.99));
    // One has finished and one was cut: 6 are left. 6 / 1.1537 = 5.2.
    assert_eq!(search.next(&first), [(2, 6)]);
    let mut second = search.open(2, &[0.7, 0.7, 0.6]);
    second.extend([search.stop(2, 0.2), search.stop(2, 0.3), search.stop(2, 0.4)]);
    // 3 / (2 + exp(-0.5)) = 1.15, then 1: what ranks last gets nothing.
    assert_eq!(search.next(&second), [(6, 2), (7, 1)]);
    let third: Vec<NodeId> = vec![search.stop(6, 0.1), search.stop(6, 0.1), search.stop(7, 0.1)];
    assert_eq!(search.next(&third), []);
    // The weighted vote: all say nothing that is an answer, so each stands alone.
    assert_eq!(search.pick(), Some(4));
    // Another search starts with the whole width.
    let mut again = ByHand::new(search.strategy);
    assert_eq!(again.start(), [(0, 8)]);
}

#[test]
fn the_score_is_that_of_its_aggregate() {
    let next = |aggregate| {
        let mut search =
            ByHand::new(Rebase { aggregate, width: 3, temperature: 0.01, ..Rebase::default() });
        search.start();
        search.open(0, &[0.2, 0.9]);
        let second = [search.open(1, &[0.8]), search.open(2, &[0.7])].concat();
        search.next(&second)
    };
    assert_eq!(next(Aggregate::Last), [(3, 3)]);
    assert_eq!(next(Aggregate::Min), [(4, 3)]);
}

#[test]
fn lines_that_fail_cost_no_width() {
    let mut search = ByHand::new(rebase(4));
    search.start();
    let first = search.open(0, &[0.5]);
    assert_eq!(search.next(&first), [(1, 4)]);
    assert_eq!(search.next(&[]), []);
}

#[test]
fn bad_settings_are_refused() {
    refused([
        (rebase(0).into(), "rebase: width is 0"),
        (Rebase { temperature: 0.0, ..rebase(2) }.into(), "rebase: temperature is 0"),
        (Rebase { temperature: -0.2, ..rebase(2) }.into(), "rebase: temperature is -0.2"),
    ]);
    for temperature in [f64::NAN, f64::INFINITY] {
        assert!(Rebase { temperature, ..rebase(2) }.check().is_err());
    }
    let error = Search::new(WORLD).run(rebase(2), WORLD.prompt(0)).expect_err("no scorer");
    assert!(error.to_string().contains("rebase needs a scorer"), "{error}");
}

#[test]
fn its_tree_in_the_toy_world() {
    let outcome = search(0.6).run(rebase(4), WORLD.prompt(7)).expect("runs");
    let expected = [
        "1<0 2 + 1 = 2 0.08",
        "2<0 2 + 1 = 2 0.08",
        "3<0 2 + 1 = 3 0.84",
        "4<0 2 + 1 = 3 0.84",
        "5<3 3 + 5 = 10 0.49",
        "6<3 3 + 5 = 7 0.32",
        "7<4 3 + 5 = 10 0.49",
        "8<4 3 + 5 = 8 0.64",
        "9<8 The answer is 8. 0.88",
        "10<8 The answer is 8. 0.88",
        "11<5 The answer is 10. 0.39",
        "12<7 The answer is 10. 0.39",
    ];
    assert_eq!(drawn(&outcome.tree), expected);
}

proptest! {
    #[test]
    fn as_many_paths_end_as_the_width(width in 1_usize..20, problem in 0_u64..20) {
        let outcome = search(0.5).run(rebase(width), WORLD.prompt(problem)).expect("runs");
        prop_assert_eq!(outcome.tree.finished().count(), width);
        let tree = &outcome.tree;
        for round in 1..=outcome.usage.rounds {
            let made = tree.iter().filter(|(_, node)| node.round == round).count();
            let ended = tree.finished().filter(|&id| tree[id].round < round).count();
            prop_assert_eq!(made, width - ended);
        }
    }
}
