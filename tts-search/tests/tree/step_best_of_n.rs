//! Step-level best-of-N.

use proptest::prelude::*;
use tts_core::*;
use tts_search::*;

use crate::common::ByHand;
use crate::{WORLD, drawn, refused, search};

fn strategy(n: usize) -> StepBestOfN {
    StepBestOfN { n, ..StepBestOfN::default() }
}

#[test]
fn stepped_by_hand() {
    let mut search = ByHand::new(strategy(3));
    assert_eq!(search.start(), [(0, 3)]);
    let first = search.open(0, &[0.2, 0.9, 0.9]);
    // The first of equals.
    assert_eq!(search.next(&first), [(2, 3)]);
    assert_eq!(search.pick(), Some(2));
    // What goes on beats what has finished; a cut candidate is passed over.
    let second =
        vec![search.stop(2, 0.6), search.leaf(2, Finish::Length, 0.99), search.open(2, &[0.7])[0]];
    assert_eq!(search.next(&second), [(6, 3)]);
    // While the path that is followed has no end, the finished one is the best there is.
    assert_eq!(search.pick(), Some(4));
    let third = vec![search.open(6, &[0.1])[0], search.stop(6, 0.2), search.stop(6, 0.15)];
    assert_eq!(search.next(&third), []);
    // Not the best of all finished paths.
    assert_eq!(search.pick(), Some(8));
    let mut again = ByHand::new(search.strategy);
    assert_eq!(again.start(), [(0, 3)]);
    assert_eq!(again.pick(), None);
}

#[test]
fn the_newest_step_decides_on_any_scale() {
    for scale in [Scale::STEP, Scale::PREFIX, Scale::LOG_PROBABILITY.by(Aggregate::Min)] {
        let mut search = ByHand::new(strategy(2));
        search.tree = search.tree.with_scale(scale);
        search.start();
        let first = search.open(0, &[0.0, -1.0]);
        assert_eq!(search.next(&first), [(1, 2)]);
        // By the minimum or the product of the path both would be equal.
        let second = search.open(1, &[0.3, 0.4]);
        assert_eq!(search.next(&second), [(4, 2)]);
    }
}

#[test]
fn a_path_that_only_leads_to_cuts_ends() {
    let mut search = ByHand::new(strategy(2));
    search.start();
    let first = search.open(0, &[0.5, 0.4]);
    search.next(&first);
    let second = vec![search.leaf(1, Finish::Length, 0.9), search.leaf(1, Finish::Length, 0.8)];
    assert_eq!(search.next(&second), []);
    assert_eq!(search.pick(), Some(1));
}

#[test]
fn what_the_reserve_finishes_is_the_answer() {
    let budget = Budget { reserve: 60, ..Budget::tokens(100) };
    let search = search(0.0).budget(budget);
    let outcome = search.run(strategy(4), WORLD.prompt(1)).expect("runs");
    assert!(matches!(outcome.stop, Stop::Budget(_)));
    let best = outcome.best.expect("an answer");
    assert!(outcome.tree[best].is_finished());
}

#[test]
fn bad_settings_are_refused() {
    refused([(strategy(0).into(), "step-best-of-n: n is 0")]);
    let error = Search::new(WORLD).run(strategy(2), WORLD.prompt(0)).expect_err("no scorer");
    assert!(error.to_string().contains("step-best-of-n needs a scorer"), "{error}");
}

#[test]
fn its_tree_in_the_toy_world() {
    let outcome = search(0.6).run(strategy(2), WORLD.prompt(7)).expect("runs");
    let expected = [
        "1<0 2 + 1 = 2 0.08",
        "2<0 2 + 1 = 2 0.08",
        "3<1 2 + 5 = 7 0.19",
        "4<1 2 + 5 = 6 0.22",
        "5<4 The answer is 6. 0.51",
        "6<4 The answer is 6. 0.51",
    ];
    assert_eq!(drawn(&outcome.tree), expected);
}

proptest! {
    #[test]
    fn it_writes_what_a_beam_of_one_path_writes(n in 1_usize..7, problem in 0_u64..30) {
        let beam = BeamSearch { keep: 1, branch: n, ..Default::default() };
        let run = |recipe: Recipe| search(0.3).run(recipe, WORLD.prompt(problem)).expect("runs");
        let (own, beam) = (run(strategy(n).into()), run(beam.into()));
        prop_assert_eq!(own.tree, beam.tree);
        prop_assert_eq!(own.best, beam.best);
    }
}
