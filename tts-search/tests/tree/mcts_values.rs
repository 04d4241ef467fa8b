//! What Monte-Carlo tree search makes of scores: missing, logarithmic, of cut paths, and the highest of them.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::tree::mcts::Backup;
use tts_search::*;

use crate::common::{ByHand, Fails, shown};
use crate::mcts::{mcts, probabilities};
use crate::{WORLD, search};

#[test]
fn sums_of_logarithms_search_as_their_products() {
    for rollouts in [0, 4] {
        for problem in 0..20 {
            let run = |aggregate| {
                let strategy = Mcts { aggregate, rollouts, ..mcts(6, 3) };
                search(0.0).run(strategy, WORLD.prompt(problem)).expect("runs").tree
            };
            let (logs, product) = (run(Aggregate::SumLog), run(Aggregate::Product));
            assert!(logs == product, "problem {problem}, {rollouts} rollouts");
        }
    }
}

/// The leaf after three children of the problem with these scores.
fn after(strategy: Mcts, scale: Scale, scores: [Option<f64>; 3]) -> Vec<(u32, usize)> {
    let mut search = ByHand::new(strategy);
    search.tree = search.tree.with_scale(scale);
    search.start();
    let grow = |score| search.tree.grow(NodeId::ROOT, "a\n", Finish::Step, score);
    let first = scores.map(grow);
    search.next(&first)
}

#[test]
fn what_was_not_judged_is_never_the_best() {
    let greedy = || Mcts { exploration: Some(0.0), ..mcts(9, 3) };
    let scores = [None, Some(-10.0), Some(-20.0)];
    assert_eq!(after(greedy(), Scale::REWARD, scores), [(2, 3)]);
    let scores = [None, Some(-20.0), Some(-10.0)];
    assert_eq!(after(greedy(), Scale::REWARD, scores), [(3, 3)]);
    // Nor where scores come later: what was not judged counts as -20 then, and not as anything above.
    let mut search = ByHand::new(Mcts { exploration: Some(0.0), ..mcts(9, 2) });
    search.tree = search.tree.with_scale(Scale::REWARD);
    search.start();
    let first = [0; 2].map(|_| search.tree.grow(NodeId::ROOT, "a\n", Finish::Step, None));
    assert_eq!(search.next(&first), [(1, 2)]);
    // A mean of -16.7 against -20.
    let second = search.open(1, &[-20.0, -10.0]);
    assert_eq!(search.next(&second), [(4, 2)]);
}

#[test]
fn a_rollout_that_was_wrong_or_cut_counts_in_full() {
    // Four rollouts each from two children: the first is right once, the second twice.
    let decided = |aggregate, scale, scores: [(Finish, f64); 8]| {
        let mut search =
            ByHand::new(Mcts { aggregate, rollouts: 4, exploration: Some(0.0), ..mcts(9, 2) });
        search.tree = search.tree.with_scale(scale);
        search.start();
        let grow = |_| search.tree.grow(NodeId::ROOT, "a\n", Finish::Step, None);
        let first: Vec<NodeId> = (0..2).map(grow).collect();
        let asked = search.decide(&first, &[0, 0]);
        assert_eq!(shown(&asked), [(1, 4), (2, 4)]);
        let mut ends = Vec::new();
        for (number, (finish, score)) in scores.into_iter().enumerate() {
            ends.push(search.rollout(first[number / 4], finish, Some(score)));
        }
        let origin: Vec<usize> = (0..8).map(|number| number / 4).collect();
        shown(&search.decide(&ends, &origin))
    };
    let right = |right: [f64; 8]| right.map(|score| (Finish::Stop, score));
    let scores = right([1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    for aggregate in [Aggregate::Product, Aggregate::SumLog] {
        assert_eq!(decided(aggregate, Scale::STEP, scores), [(2, 2)], "{aggregate:?}");
    }
    // What was cut counts as 0: a mean of 0.2 against 0.25.
    let mut cut = right([0.8, 0.9, 0.9, 0.9, 0.25, 0.25, 0.25, 0.25]);
    for (finish, _) in &mut cut[1..4] {
        *finish = Finish::Length;
    }
    assert_eq!(decided(Aggregate::Last, Scale::PREFIX, cut), [(2, 2)]);
    // Not below 0.25 where the other is: 0.2 against 0.19.
    for (_, score) in &mut cut[4..8] {
        *score = 0.19;
    }
    assert_eq!(decided(Aggregate::Last, Scale::PREFIX, cut), [(1, 2)]);
    // Of rewards the least: (-1 - 3 x 9) / 4 = -7 against (-3 x 3 - 9) / 4 = -4.5.
    let mut cut = right([-1.0, 0.0, 0.0, 0.0, -3.0, -3.0, -3.0, -9.0]);
    for (finish, _) in &mut cut[1..4] {
        *finish = Finish::Length;
    }
    assert_eq!(decided(Aggregate::Last, Scale::REWARD, cut), [(2, 2)]);
}

#[test]
fn the_highest_is_of_what_is_below_and_no_longer_of_itself() {
    let mut search =
        probabilities(Mcts { backup: Backup::Max, exploration: Some(0.0), ..mcts(9, 2) });
    search.start();
    let first = search.open(0, &[0.9, 0.5]);
    assert_eq!(search.next(&first), [(1, 2)]);
    // It has promised 0.9, and all that follows is worse than 0.5.
    let second = search.open(1, &[0.6, 0.2]);
    assert_eq!(search.next(&second), [(3, 2)]);
    let third = search.open(3, &[0.4, 0.3]);
    // 0.4, through both of those above, against 0.5.
    assert_eq!(search.next(&third), [(2, 2)]);
}

#[test]
fn lines_that_failed_leave_a_leaf() {
    let mut search = probabilities(Mcts { exploration: Some(0.0), ..mcts(3, 2) });
    search.start();
    let first = search.open(0, &[0.9, 0.5]);
    assert_eq!(search.next(&first), [(1, 2)]);
    // A passing reason: it is asked again, and has its simulation still.
    assert_eq!(search.next(&[]), [(1, 2)]);
    let second = search.open(1, &[0.8, 0.7]);
    assert_eq!(search.next(&second), [(3, 2)]);
    // Three times; then what there is, is written to its end.
    for _ in 0..3 {
        assert_eq!(search.next(&[]), [(3, 2)]);
    }
    let last = search.decide(&[], &[]);
    assert_eq!((shown(&last), last[0].until), (vec![(3, 1)], Until::End));
}

/// A passing fault of a generator, before anything has finished.
#[test]
fn a_request_that_fails_ends_no_search() {
    // The first, a later one, and the last of all expansions.
    for (request, simulations) in [(0, 8), (1, 8), (2, 8), (1, 2)] {
        let world = Fails::of(WORLD, request);
        let search = Search::new(&world)
            .scorer(Oracle { noise: 0.3, seed: 1 })
            .rule(StepRule::lines())
            .sampling(Sampling::temperature(1.0));
        let outcome = search.run(mcts(simulations, 2), WORLD.prompt(0)).expect("goes on");
        assert_eq!(outcome.failed.len(), 2, "{request} of {simulations}");
        assert!(outcome.best.is_some_and(|best| outcome.tree[best].is_finished()));
    }
}

/// Of as many steps that six simulations finish nothing.
const DEEP: ToyWorld = ToyWorld { additions: 9, ..WORLD };

/// A server that is down while `down` holds the number of the request.
struct Down(Range<usize>, AtomicUsize);

impl Generator for Down {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = DEEP.generate(batch)?;
        for generated in &mut made {
            if self.0.contains(&self.1.fetch_add(1, Ordering::Relaxed)) {
                generated.lines.fill(Err(LineError("refused".into())));
            }
        }
        Ok(made)
    }
}

#[test]
fn an_outage_ends_a_search_soon_and_costs_no_simulation() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let run = |down: Range<usize>| {
        let world = Down(down, AtomicUsize::new(0));
        let search = Search::new(&world)
            .scorer(Oracle { noise: 0.3, seed: 1 })
            .rule(StepRule::lines())
            .sampling(Sampling::temperature(1.0))
            .record(&path);
        let found = search.run(mcts(6, 2), DEEP.prompt(0));
        (found, world.1.load(Ordering::Relaxed))
    };
    // Six expansions by two, and one line to the end.
    let (whole, _) = run(0..0);
    assert_eq!(whole.expect("runs").usage.logical.samples, 13);
    for from in [0, 2] {
        std::fs::remove_file(&path).expect("a record");
        let (error, asked) = run(from..usize::MAX);
        let error = error.expect_err("down");
        assert!(error.to_string().contains("every line of round"), "{error}");
        assert_eq!(asked, from + 4);
        // Still down: nothing more is used up.
        let record = std::fs::read(&path).expect("a record");
        assert_eq!(run(0..usize::MAX).1, 1);
        assert_eq!(std::fs::read(&path).expect("a record"), record);
        let (resumed, _) = run(0..0);
        let resumed = resumed.expect("goes on");
        assert_eq!((resumed.stop, resumed.failed.len()), (Stop::Done, 6));
        assert_eq!(resumed.usage.logical.samples, 13 + 6);
    }
}

/// What was cut is worth the least that is ever seen, where values are no probabilities.
#[test]
fn what_was_cut_is_never_the_best_on_other_scales() {
    let steps = |search: &mut ByHand<Mcts>, parent: u32| {
        [(); 2].map(|()| search.tree.grow(NodeId(parent), "a\n", Finish::Step, None))
    };
    for scale in [Scale::LOG_PROBABILITY, Scale::LOG_ODDS, Scale::REWARD] {
        let strategy = Mcts { rollouts: 1, exploration: Some(0.0), ..mcts(9, 2) };
        let mut search = ByHand::new(strategy);
        search.tree = search.tree.with_scale(scale);
        search.start();
        let first = steps(&mut search, 0);
        assert_eq!(search.next(&first), [(1, 1), (2, 1)]);
        // The first rollouts are cut: nothing is known of either.
        let cut = first.map(|leaf| search.rollout(leaf, Finish::Length, Some(-0.1)));
        assert_eq!(shown(&search.decide(&cut, &[0, 1])), [(1, 2)]);
        let second = steps(&mut search, 1);
        assert_eq!(search.next(&second), [(5, 1), (6, 1)]);
        let ends = [(second[0], -3.0), (second[1], -2.0)];
        let ends = ends.map(|(leaf, value)| search.rollout(leaf, Finish::Stop, Some(value)));
        // A mean of (-3 - 3 - 2) / 3 against -3, which the other counts as.
        assert_eq!(shown(&search.decide(&ends, &[0, 1])), [(6, 2)], "{scale:?}");
    }
    // Half of what one came to was cut: (-1 - 17) / 2 against -17.
    let strategy = Mcts { rollouts: 2, exploration: Some(0.0), ..mcts(9, 2) };
    let mut search = ByHand::new(strategy);
    search.tree = search.tree.with_scale(Scale::REWARD);
    search.start();
    let first = steps(&mut search, 0);
    search.next(&first);
    let mut roll = |leaf, finish, value| search.rollout(leaf, finish, Some(value));
    let ends = [
        roll(first[0], Finish::Stop, -1.0),
        roll(first[0], Finish::Length, -1.0),
        roll(first[1], Finish::Stop, -17.0),
        roll(first[1], Finish::Stop, -17.0),
    ];
    assert_eq!(shown(&search.decide(&ends, &[0, 0, 1, 1])), [(1, 2)]);
    let second = steps(&mut search, 1);
    search.next(&second);
    let ends = [(0, -40.0), (0, -40.0), (1, -1.0), (1, -1.0)];
    let ends = ends.map(|(at, value)| search.rollout(second[at], Finish::Stop, Some(value)));
    // -40 is less than what it counted as: now (-1 - 40) / 2, and with what is below -20.5 on average, against
    // -17. At -9 it would be -16.7.
    assert_eq!(shown(&search.decide(&ends, &[0, 0, 1, 1])), [(2, 2)]);
}

#[test]
fn of_equal_siblings_the_first() {
    let decided = |duplicates| {
        let strategy = Mcts { leaves: 3, exploration: Some(0.0), duplicates, ..mcts(9, 3) };
        let mut search = probabilities(strategy);
        search.start();
        let grow = |text| search.tree.grow(NodeId::ROOT, text, Finish::Step, Some(0.5));
        let first = ["a\n", "a\n", "b\n"].map(grow);
        search.next(&first)
    };
    assert_eq!(decided(Duplicates::Keep), [(1, 3), (2, 3), (3, 3)]);
    assert_eq!(decided(Duplicates::Merge), [(1, 3), (3, 3)]);
}

#[test]
fn the_answer_is_the_best_solution_wherever_it_was_found() {
    let mut search = probabilities(Mcts { exploration: Some(0.0), ..mcts(2, 2) });
    search.start();
    let first = vec![search.stop(0, 0.7), search.open(0, &[0.8])[0]];
    assert_eq!(search.next(&first), [(2, 2)]);
    let second = vec![search.open(2, &[0.96])[0], search.stop(2, 0.95)];
    // The most visited path goes on. What it would come to is not asked for: there are solutions.
    assert_eq!(search.next(&second), []);
    assert_eq!(search.pick(), Some(4));
}
