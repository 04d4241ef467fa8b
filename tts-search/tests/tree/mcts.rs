//! Monte-Carlo tree search.

use std::collections::HashSet;

use proptest::prelude::*;
use tts_core::toy::Markov;
use tts_core::*;
use tts_search::tree::mcts::{Backup, Bound, Choice, Prior};
use tts_search::*;

use crate::common::{ByHand, shown};
use crate::{WORLD, drawn, refused, search};

pub(crate) fn mcts(simulations: usize, branch: usize) -> Mcts {
    let (bound, exploration) = (Bound::Uct, Some(1.0));
    Mcts { simulations, branch, leaves: 1, bound, exploration, ..Mcts::default() }
}

pub(crate) fn probabilities<S: SearchStrategy>(strategy: S) -> ByHand<S> {
    let mut search = ByHand::new(strategy);
    search.tree = search.tree.with_scale(Scale::PREFIX);
    search
}

/// Five simulations, of which the fourth goes to a solution again.
fn five(choice: Choice) -> (ByHand<Mcts>, Vec<(u32, usize)>) {
    let mut search = probabilities(Mcts { choice, ..mcts(5, 2) });
    assert_eq!(search.start(), [(0, 2)]);
    let first = search.open(0, &[0.6, 0.5]);
    // 0.6 + sqrt(ln 2) against 0.5 + sqrt(ln 2).
    assert_eq!(search.next(&first), [(1, 2)]);
    let second = search.open(1, &[0.1, 0.2]);
    // 0.3 + sqrt(ln 4 / 3) = 0.98 against 0.5 + sqrt(ln 4) = 1.68.
    assert_eq!(search.next(&second), [(2, 2)]);
    let third = vec![search.open(2, &[0.9])[0], search.stop(2, 0.95)];
    // 0.3 + 0.77 against 0.783 + 0.77, then 0.95 against 0.9: the solution counts again. Then 0.3 + 0.81
    // against 0.825 + 0.70, and 0.9 + sqrt(ln 4) = 2.08 against 0.95 + sqrt(ln 4 / 2) = 1.78.
    assert_eq!(search.next(&third), [(5, 2)]);
    let fourth = search.open(5, &[0.3, 0.4]);
    let last = search.next(&fourth);
    (search, last)
}

#[test]
fn stepped_by_hand() {
    // Visits: 3 against 6; 3 against 2; of equals the better one, which is written to its end.
    let (mut search, last) = five(Choice::Visits);
    assert_eq!(last, [(8, 1)]);
    // Until then the one solution is the answer.
    assert_eq!(search.pick(), Some(6));
    let end = vec![search.stop(8, 0.01)];
    assert_eq!(search.next(&end), []);
    assert_eq!(search.pick(), Some(9));
    let mut again = ByHand::new(search.strategy);
    assert_eq!(again.start(), [(0, 2)]);
    assert_eq!(again.pick(), None);
}

#[test]
fn the_answer_by_value_or_by_selection() {
    // Values: 0.3 against 0.667, then 0.533 against 0.95.
    let (search, last) = five(Choice::Value);
    assert_eq!((last, search.pick()), (vec![], Some(6)));
    let (search, last) = five(Choice::Select(Selection::best(Aggregate::Last)));
    assert_eq!((last, search.pick()), (vec![], Some(6)));
    // Where nothing has finished, the path that was visited most is.
    let mut search = probabilities(Mcts {
        choice: Choice::Select(Selection::best(Aggregate::Last)),
        ..mcts(1, 2)
    });
    search.start();
    let first = search.open(0, &[0.2, 0.3]);
    let last = search.decide(&first, &[0, 0]);
    assert_eq!((shown(&last), last[0].until), (vec![(2, 1)], Until::End));
}

#[test]
fn exploration_and_backup_move_the_choice() {
    let third = |strategy: Mcts| {
        let mut search = probabilities(strategy);
        search.start();
        let first = search.open(0, &[0.6, 0.5]);
        search.next(&first);
        let second = search.open(1, &[0.1, 0.55]);
        search.next(&second)
    };
    // Means: 0.417 against 0.5; 0.417 + sqrt(ln 4 / 3) k against 0.5 + sqrt(ln 4) k.
    assert_eq!(third(Mcts { exploration: Some(0.0), ..mcts(9, 2) }), [(2, 2)]);
    // The highest below: 0.55 against 0.5, then 0.55 against 0.1.
    let most = Mcts { backup: Backup::Max, exploration: Some(0.0), ..mcts(9, 2) };
    assert_eq!(third(most.clone()), [(4, 2)]);
    // 0.55 + 0.680 k against 0.5 + 1.177 k: equal at 0.1005.
    assert_eq!(third(Mcts { exploration: Some(0.10), ..most.clone() }), [(4, 2)]);
    assert_eq!(third(Mcts { exploration: Some(0.101), ..most }), [(2, 2)]);
    // PUCT: 0.417 + k 2 / 2 / 4 against 0.5 + k 2 / 2 / 2 for the prior 1/2.
    assert_eq!(third(Mcts { bound: Bound::Puct, exploration: Some(1.0), ..mcts(9, 2) }), [(2, 2)]);
    // The highest: 0.55 + k / 4 against 0.5 + k / 2.
    let puct = Mcts { bound: Bound::Puct, backup: Backup::Max, ..mcts(9, 2) };
    assert_eq!(third(Mcts { exploration: Some(0.19), ..puct.clone() }), [(4, 2)]);
    assert_eq!(third(Mcts { exploration: Some(0.21), ..puct.clone() }), [(2, 2)]);
    // Below the question, visited four times: ln(105 / 100) = 0.0488 more, or ln(1005 / 1000) = 0.0050.
    let grown = |growth| Mcts { exploration: Some(0.19), growth: Some(growth), ..puct.clone() };
    assert_eq!(third(grown(100.0)), [(2, 2)]);
    assert_eq!(third(grown(1000.0)), [(4, 2)]);
}

#[test]
fn virtual_losses_spread_the_leaves_of_a_round() {
    let round = |leaves: usize, values: &[f64]| {
        let mut search =
            probabilities(Mcts { leaves, exploration: Some(0.0), ..mcts(9, values.len()) });
        search.start();
        let first = search.open(0, values);
        search.next(&first)
    };
    assert_eq!(round(2, &[0.9, 0.8, 0.1]), [(1, 3), (2, 3)]);
    // There is nothing but three leaves.
    assert_eq!(round(5, &[0.1, 0.9, 0.8]), [(2, 3), (3, 3), (1, 3)]);
    // Within a subtree: half of the value of a child is lost to a visit on its way, so the other is next.
    let mut search = probabilities(Mcts { leaves: 2, exploration: Some(0.0), ..mcts(9, 2) });
    search.start();
    let first = search.open(0, &[0.9, 0.2]);
    assert_eq!(search.next(&first), [(1, 2), (2, 2)]);
    let below = [search.open(1, &[0.8, 0.7]), search.open(2, &[0.1, 0.3])].concat();
    let decided = search.decide(&below, &[0, 0, 1, 1]);
    // 0.8 x 3 / 4 = 0.6 against 0.2: twice the better half.
    assert_eq!(shown(&decided), [(3, 2), (4, 2)]);
}

#[test]
fn children_belong_to_the_leaf_they_were_written_for() {
    let mut search = probabilities(Mcts { leaves: 2, ..mcts(9, 2) });
    search.start();
    let first = search.open(0, &[0.5, 0.5]);
    assert_eq!(search.next(&first), [(1, 2), (2, 2)]);
    // All lines of the first leaf have failed, which says nothing of it.
    let below = search.open(2, &[0.1, 0.0]);
    let decided = search.decide(&below, &[1, 1]);
    // 0.5 + sqrt(ln 4) against 0.2 + sqrt(ln 4 / 3), then the better one of the second.
    assert_eq!(shown(&decided), [(1, 2), (3, 2)]);
}

#[test]
fn what_was_cut_is_neither_visited_nor_valued() {
    let mut search = probabilities(mcts(9, 2));
    search.start();
    let first = vec![search.leaf(0, Finish::Length, 0.99), search.open(0, &[0.1])[0]];
    assert_eq!(search.next(&first), [(2, 2)]);
    let second = vec![search.leaf(2, Finish::Length, 0.9), search.leaf(2, Finish::Length, 0.9)];
    // Nothing is left.
    assert_eq!(search.next(&second), []);
    // Nothing has finished: the best of what there is.
    assert_eq!(search.pick(), Some(1));
}

#[test]
fn values_go_to_the_leaf_they_were_found_below() {
    let mut search = probabilities(Mcts { leaves: 2, exploration: Some(0.0), ..mcts(9, 2) });
    search.start();
    let first = search.open(0, &[0.9, 0.1]);
    assert_eq!(search.next(&first), [(1, 2), (2, 2)]);
    let below = [search.open(1, &[0.9, 0.1]), search.open(2, &[0.5, 0.8])].concat();
    // 0.633 against 0.467; with a visit on its way 0.475.
    let decided = search.decide(&below, &[0, 0, 1, 1]);
    assert_eq!(shown(&decided), [(3, 2), (4, 2)]);
}

#[test]
fn a_cut_step_speaks_for_nobody() {
    let mut search = probabilities(Mcts { exploration: Some(0.0), ..mcts(9, 2) });
    search.start();
    let first = search.open(0, &[0.6, 0.5]);
    assert_eq!(search.next(&first), [(1, 2)]);
    // 0.35 against 0.5; with what was cut it would be 0.57.
    let second = vec![search.leaf(1, Finish::Length, 1.0), search.open(1, &[0.1])[0]];
    assert_eq!(search.next(&second), [(2, 2)]);
}

#[test]
fn of_equal_values_the_more_visited() {
    let mut search = probabilities(Mcts { choice: Choice::Value, ..mcts(2, 2) });
    search.start();
    let first = search.open(0, &[0.5, 0.5]);
    assert_eq!(search.next(&first), [(1, 2)]);
    let second = search.open(1, &[0.5, 0.5]);
    assert_eq!(search.next(&second), [(3, 1)]);
    let mut search =
        probabilities(Mcts { choice: Choice::Value, exploration: Some(0.0), ..mcts(2, 2) });
    search.start();
    let first = vec![search.leaf(0, Finish::Stop, 0.5), search.open(0, &[0.75])[0]];
    assert_eq!(search.next(&first), [(2, 2)]);
    // 0.75, 0.5 and 0.25 come to the 0.5 of the first.
    let second = search.open(2, &[0.5, 0.25]);
    assert_eq!(search.next(&second), [(3, 1)]);
}

#[test]
fn sums_of_probabilities_are_moved_too() {
    let mut search = probabilities(Mcts {
        exploration: Some(2.5),
        aggregate: Aggregate::Sum,
        backup: Backup::Max,
        ..mcts(9, 2)
    });
    search.start();
    let first = search.open(0, &[1.0, 0.0]);
    search.next(&first);
    let second = search.open(1, &[1.0, 1.0]);
    // 2, which is 1, + 0.68 x 2.5 = 2.70 against 1.18 x 2.5 = 2.94; as it was it would be 3.70.
    assert_eq!(search.next(&second), [(2, 2)]);
}

#[test]
fn what_was_not_judged_counts_as_the_least() {
    let mut search = probabilities(Mcts { exploration: Some(0.0), ..mcts(9, 2) });
    search.start();
    let unjudged = search.tree.grow(NodeId::ROOT, "a\n", Finish::Step, None);
    let judged = search.open(0, &[0.1, 0.2]);
    assert_eq!(search.next(&[unjudged, judged[0], judged[1]]), [(3, 2)]);
    // All of it unjudged: a search all the same.
    let mut search = probabilities(mcts(2, 1));
    search.start();
    let unjudged = search.tree.grow(NodeId::ROOT, "a\n", Finish::Step, None);
    assert_eq!(search.next(&[unjudged]), [(1, 1)]);
}

#[test]
fn rollouts_value_what_goes_on() {
    let mut search = probabilities(Mcts {
        rollouts: 2,
        rollout_sampling: Some(Sampling::temperature(0.5)),
        choice: Choice::Visits,
        exploration: Some(0.0),
        ..mcts(3, 3)
    });
    search.start();
    let first = vec![search.stop(0, 0.5), search.open(0, &[0.9])[0], search.open(0, &[0.3])[0]];
    let asked = search.decide(&first, &[0, 0, 0]);
    assert_eq!(shown(&asked), [(2, 2), (3, 2)]);
    for expand in &asked {
        assert_eq!((expand.kind, expand.until), (NodeKind::Rollout, Until::End));
        assert_eq!(expand.sampling, Some(Sampling::temperature(0.5)));
    }
    let mut roll = |node: NodeId, score| search.rollout(node, Finish::Stop, score);
    let ends = [roll(first[1], Some(0.35)), roll(first[1], Some(0.45)), roll(first[2], Some(0.6))];
    // 0.5, 0.4 (and not 0.8) and 0.6: a score of 0.9 is not asked.
    let decided = search.decide(&ends, &[0, 0, 1]);
    assert_eq!((shown(&decided), decided[0].kind), (vec![(3, 3)], NodeKind::Committed));
    // Rollouts that all failed leave the score: the value is 0.95.
    let below = search.open(3, &[0.95, 0.1, 0.1]);
    let asked = search.decide(&below, &[0, 0, 0]);
    assert_eq!(shown(&asked), [(7, 2), (8, 2), (9, 2)]);
    // 0.6 and 0.95, 0.1, 0.1: a mean of 0.4375, against 0.5 of the solution. It ends the last simulation,
    // and has fewer visits: 1, against 4.
    let last = search.next(&[]);
    assert_eq!(last, [(7, 1)]);
}

#[test]
fn values_on_other_scales_are_moved_between_0_and_1() {
    // -20 to -10: apart by 1, and not by 10.
    let third = |exploration| {
        let exploration = Some(exploration);
        let mut search = ByHand::new(Mcts { exploration, backup: Backup::Max, ..mcts(9, 2) });
        search.tree = search.tree.with_scale(Scale::REWARD);
        search.start();
        let first = search.open(0, &[-10.0, -20.0]);
        search.next(&first);
        let second = search.open(1, &[-10.0, -20.0]);
        search.next(&second)
    };
    // 1 + sqrt(ln 4 / 3) k against sqrt(ln 4) k: equal at 2.01.
    assert_eq!(third(2.0), [(3, 2)]);
    assert_eq!(third(2.1), [(2, 2)]);
}

#[test]
fn siblings_share_the_prior_by_their_likelihood() {
    // A step of one token: a with 0.8, b with 0.2; scores are equal.
    let next = |path: &[u32]| match path.len() {
        0..4 => vec![0.8, 0.2, 0.0],
        _ => vec![0.0, 0.0, 1.0],
    };
    let mut model = Markov::new(next);
    model.step_tokens = 1;
    let judge = scorer::from_fn(|_, _| 0.5).with_scale(Scale::PREFIX);
    let search = Search::new(&model).scorer(judge).sampling(Sampling::temperature(1.0));
    let run = |prior, seed| {
        let strategy = Mcts { bound: Bound::Puct, prior, ..mcts(2, 6) };
        search.clone().seed(seed).run(strategy, "a question").expect("runs").tree
    };
    let mut differ = 0;
    for seed in 0..10 {
        let tree = run(Prior::Likelihood, seed);
        let first = &tree[NodeId::ROOT].children;
        let expanded = first.iter().find(|&&id| tree[id].children.len() > 1).expect("one");
        let likely = first.iter().find(|&&id| tree.text(id) == "a").expect("one");
        assert_eq!(expanded, likely, "the first of the likely ones");
        let even = run(Prior::Uniform, seed);
        assert!(even[even[NodeId::ROOT].children[0]].children.len() > 1, "the first");
        differ += usize::from(tree != even);
    }
    assert!(differ > 0);
}

#[test]
fn bad_settings_are_refused() {
    let base = || mcts(4, 2);
    let sampling = Some(Sampling::greedy());
    let cold = Some(Sampling::temperature(-1.0));
    refused([
        (Mcts { simulations: 0, ..base() }.into(), "mcts: simulations is 0"),
        (Mcts { leaves: 0, ..base() }.into(), "mcts: leaves is 0"),
        (Mcts { branch: 0, ..base() }.into(), "mcts: branch is 0"),
        (Mcts { exploration: Some(-1.0), ..base() }.into(), "mcts: exploration is -1"),
        (Mcts { growth: Some(9.0), ..base() }.into(), "growth is set, and bound is uct"),
        (
            Mcts { growth: Some(0.0), bound: Bound::Puct, ..base() }.into(),
            "mcts: growth is 0, expected a number of visits above 0",
        ),
        (
            Mcts { prior: Prior::Likelihood, ..base() }.into(),
            "prior is likelihood, and bound is uct",
        ),
        (Mcts { rollout_sampling: sampling, ..base() }.into(), "rollouts is 0"),
        (
            Mcts { rollouts: 2, rollout_sampling: sampling, ..base() }.into(),
            "mcts: rollouts is 2, expected 1, for rollout_sampling is greedy: all would be the same",
        ),
        (
            Mcts { rollouts: 1, rollout_sampling: cold, ..base() }.into(),
            "mcts: sampling: temperature",
        ),
    ]);
    assert!(Mcts { exploration: Some(f64::NAN), ..base() }.check().is_err());
    let puct = Mcts { prior: Prior::Likelihood, bound: Bound::Puct, ..base() };
    assert_eq!(puct.check(), Ok(()));
    assert_eq!(Mcts { rollouts: 1, rollout_sampling: sampling, ..base() }.check(), Ok(()));
    let error = Search::new(WORLD).run(base(), WORLD.prompt(0)).expect_err("no scorer");
    assert!(error.to_string().contains("mcts needs a scorer"), "{error}");
    let vote = Selection { rule: Rule::WeightedSigmoid, aggregate: Aggregate::Last };
    let strategy = Mcts { choice: Choice::Select(vote), ..base() };
    assert!(search(0.0).run(strategy, WORLD.prompt(0)).is_err(), "a vote that means nothing");
}

#[test]
fn its_tree_in_the_toy_world() {
    let outcome = search(0.6).run(mcts(3, 2), WORLD.prompt(7)).expect("runs");
    let expected = [
        "1<0 2 + 1 = 2 0.08",
        "2<0 2 + 1 = 2 0.08",
        "3<1 2 + 5 = 7 0.19",
        "4<1 2 + 5 = 6 0.22",
        "5<2 2 + 5 = 7 0.19",
        "6<2 2 + 5 = 7 0.19",
        "7<4 The answer is 6. 0.51",
    ];
    assert_eq!(drawn(&outcome.tree), expected);
}

#[test]
fn a_budget_of_lines_a_round() {
    for n in 1..40 {
        let strategy = Mcts::of(n);
        let lines = strategy.leaves * strategy.branch;
        // Not much of it lies idle.
        assert!((n + 1 - n.isqrt()..=n).contains(&lines), "{n}: {lines}");
        let outcome = search(0.2).run(strategy, WORLD.prompt(0)).expect("runs");
        for round in 1..=outcome.usage.rounds {
            let made = outcome.tree.iter().filter(|(_, node)| node.round == round);
            assert!(made.count() <= n, "{n}: round {round}");
        }
    }
    let Mcts { simulations, branch, leaves, .. } = Mcts::of(33);
    assert_eq!((simulations, branch, leaves), (40, 6, 5));
    // One path to its end.
    let outcome = search(0.2).run(Mcts::of(1), WORLD.prompt(0)).expect("runs");
    assert!(outcome.tree.iter().all(|(_, node)| node.children.len() <= 1));
    assert_eq!(outcome.tree.finished().count(), 1);
}

#[test]
fn what_the_reserve_finishes_is_the_answer() {
    let budget = Budget { reserve: 60, ..Budget::tokens(100) };
    let outcome = search(0.0).budget(budget).run(mcts(30, 4), WORLD.prompt(1)).expect("runs");
    assert!(matches!(outcome.stop, Stop::Budget(_)));
    assert!(outcome.tree[outcome.best.expect("an answer")].is_finished());
}

/// A search that notes what it decides.
struct Noted(Mcts, Vec<Expand>);

impl SearchStrategy for Noted {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let decided = self.0.step(view);
        self.1.extend(decided.clone());
        decided
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.0.pick(tree)
    }
}

proptest! {
    #[test]
    fn lines_are_as_documented(
        simulations in 1_usize..20, branch in 1_usize..4, leaves in 1_usize..5,
        rollouts in 0_usize..2, problem in 0_u64..20, visits in any::<bool>(),
    ) {
        let choice = if visits { Choice::Visits } else { Choice::default() };
        let strategy = Mcts { simulations, branch, leaves, rollouts, choice, ..Mcts::default() };
        let mut noted = Noted(strategy, vec![]);
        let outcome = search(0.5).run(&mut noted, WORLD.prompt(problem)).expect("runs");
        let tree = &outcome.tree;
        prop_assert!(tree[outcome.best.expect("an answer")].is_finished());
        let (mut steps, mut ends, mut rolled) = (HashSet::new(), 0, HashSet::new());
        for decision in noted.1 {
            match (decision.kind, decision.until) {
                (NodeKind::Committed, Until::Step) => {
                    // Each leaf once, by as many lines as were asked for.
                    prop_assert_eq!(decision.n, branch);
                    prop_assert_eq!(tree[decision.node].children.len(), branch);
                    prop_assert!(steps.insert(decision.node));
                }
                (NodeKind::Rollout, Until::End) => {
                    prop_assert_eq!(decision.n, rollouts);
                    prop_assert!(rolled.insert(decision.node));
                }
                (_, until) => {
                    prop_assert_eq!((decision.n, until), (1, Until::End));
                    ends += 1;
                }
            }
        }
        prop_assert!(steps.len() <= simulations && ends <= 1);
        // From each child that goes on.
        let children = steps.iter().flat_map(|&leaf| &tree[leaf].children);
        let open: HashSet<NodeId> = children.copied().filter(|&child| tree[child].open).collect();
        prop_assert_eq!(rolled, if rollouts == 0 { HashSet::new() } else { open });
        for round in 1..=outcome.usage.rounds {
            let first = |node: &Node| node.parent.is_some_and(|above| tree[above].round < round);
            let made = tree.iter().filter(|(_, node)| {
                node.round == round && node.kind == NodeKind::Committed && first(node)
            });
            prop_assert!(made.count() <= branch * leaves);
        }
    }
}
