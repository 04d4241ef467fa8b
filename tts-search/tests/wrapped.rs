//! Retry, dedupe and phases: stepped by hand, and their laws in the toy world.

mod common;

use common::{ByHand, Says, line, shown};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::decorate::*;
use tts_search::*;

const WORLD: ToyWorld = ToyWorld { additions: 4, error: 0.4, seed: 2 };
const ORACLE: Oracle = Oracle { noise: 0.3, seed: 1 };

fn search() -> Search<'static> {
    let rule = StepRule { max_steps: 8, ..StepRule::lines() };
    Search::new(WORLD).scorer(ORACLE).rule(rule).sampling(Sampling::temperature(1.0)).seed(5)
}

/// What must be equal when two searches are.
fn core(outcome: &Outcome) -> (Tree, Option<NodeId>, Stop, Cost) {
    (outcome.tree.clone(), outcome.best, outcome.stop, outcome.usage.logical)
}

fn beam(keep: usize, branch: usize) -> BeamSearch {
    BeamSearch { keep, branch, ..Default::default() }
}

#[test]
fn retry_asks_for_what_is_missing_and_shows_a_whole_round() {
    let inner = Forest::of(2, beam(1, 3));
    let mut search = ByHand::new(Retry { times: 2, ..Retry::of(inner) });
    assert_eq!(search.start(), [(0, 3), (0, 3)]);
    // Of the first decision two come, of the second one, and one that was cut.
    let mut first = search.open(0, &[0.1, 0.9, 0.2]);
    first.push(search.leaf(0, Finish::Length, 0.95));
    let more = search.decide(&first, &[0, 0, 1, 1]);
    assert_eq!(more, [Expand::step(NodeId::ROOT, 1), Expand::step(NodeId::ROOT, 2)]);
    // Only one of three comes: origins are those of what was asked last.
    let second = search.open(0, &[0.8]);
    assert_eq!(shown(&search.decide(&second, &[1])), [(0, 1), (0, 1)]);
    // Nothing more comes. The cut one stands in for the missing one, and the copies go on from their best.
    let third = search.open(0, &[0.99]);
    let next = search.decide(&third, &[0]);
    assert_eq!(shown(&next), [(6, 3), (5, 3)]);
    // A whole round passes at once, and retries are counted by round.
    let fourth = search.open(6, &[0.5, 0.6, 0.7]);
    let fifth = search.open(5, &[0.5, 0.6]);
    let all: Vec<NodeId> = fourth.iter().chain(&fifth).copied().collect();
    assert_eq!(shown(&search.decide(&all, &[0, 0, 0, 1, 1])), [(5, 1)]);
    let last = search.open(5, &[0.1]);
    assert_eq!(shown(&search.decide(&last, &[0])), [(9, 3), (11, 3)]);
}

/// Asks for two lines in each of two decisions, and keeps what it is shown.
#[derive(Default)]
struct Keeps(Vec<(Vec<NodeId>, Vec<usize>)>);

impl SearchStrategy for Keeps {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.0.push((view.fresh().to_vec(), view.origin().to_vec()));
        let two = || Expand::step(NodeId::ROOT, 2);
        if view.is_start() { vec![two(), two()] } else { Vec::new() }
    }
}

#[test]
fn what_comes_later_stands_with_the_rest_of_its_decision() {
    let mut search = ByHand::new(Retry::of(Keeps::default()));
    search.start();
    let first = search.open(0, &[0.1, 0.2, 0.3]);
    assert_eq!(shown(&search.decide(&first, &[0, 1, 1])), [(0, 1)]);
    let late = search.open(0, &[0.4]);
    assert_eq!(search.decide(&late, &[0]), []);
    let expected = (vec![first[0], late[0], first[1], first[2]], vec![0, 0, 1, 1]);
    assert_eq!(search.strategy.strategy.0[1], expected);
}

#[test]
fn cut_lines_are_taken_as_they_are_where_that_is_wanted() {
    for (cut, expected) in [(true, vec![(0, 1)]), (false, vec![])] {
        let inner = BestOfN { n: 2, ..Default::default() };
        let mut search = ByHand::new(Retry { cut, times: 1, ..Retry::of(inner) });
        assert_eq!(search.start(), [(0, 2)]);
        let whole = search.stop(0, 0.5);
        let cut = search.leaf(0, Finish::Length, 0.5);
        assert_eq!(search.next(&[whole, cut]), expected);
    }
}

#[test]
fn retries_repair_a_server_that_fails() {
    // Every second line fails, and the first of the others is cut.
    let run = |times| {
        let count = AtomicUsize::new(0);
        let server = Says(|_: &Trajectory, _| match count.fetch_add(1, Ordering::Relaxed) {
            1 => line("The", Finish::Length),
            even if even % 2 == 0 => Err(LineError("busy".into())),
            _ => line("The answer is 7.", Finish::Stop),
        });
        let inner = SelfConsistency { n: 4, ..Default::default() };
        let retry = Retry { times, ..Retry::of(inner) };
        Search::new(&server).run(retry, "3 + 4?").expect("runs")
    };
    // Lines 0 to 3 bring one, 4 to 6 another; the cut one stands in for a third, and is gone on from.
    let once = run(1);
    assert_eq!((once.tree.candidates().len(), once.usage.rounds, once.failed.len()), (3, 3, 4));
    // 7 and 8 a third, and 9 the fourth.
    let often = run(9);
    assert_eq!((often.tree.candidates().len(), often.usage.rounds, often.failed.len()), (4, 4, 5));
    assert_eq!(often.answer().as_deref(), Some("7"));
}

/// What a further round was asked for may fail; what has come is there all the same.
#[test]
fn a_retry_that_fails_leaves_what_had_come() {
    // Of every four first steps the last fails, and so do all that are asked for in its place.
    let run = |recipe: Recipe, first: usize| {
        let count = AtomicUsize::new(0);
        let server = Says(|prefix: &Trajectory, _| {
            if !prefix.steps().is_empty() {
                return line("The answer is 7.", Finish::Stop);
            }
            match count.fetch_add(1, Ordering::Relaxed) {
                place if place < first && place % 4 < 3 => line("x\n", Finish::Step),
                _ => Err(LineError("busy".into())),
            }
        });
        let judge = scorer::from_fn(|_, _| 0.5).with_scale(Scale::PREFIX);
        Search::new(&server).scorer(judge).run(recipe, "3 + 4?").expect("goes on")
    };
    let count = |outcome: &Outcome| (outcome.tree.finished().count(), outcome.failed.len());
    assert_eq!(count(&run(beam(2, 2).into(), 4)), (4, 1));
    assert_eq!(count(&run(Retry::of(Recipe::from(beam(2, 2))).into(), 4)), (4, 1 + 2));
    // A copy that keeps its lines goes on beside others that ask again.
    let copies = Forest::of(2, Recipe::from(Retry::of(Recipe::from(beam(2, 2)))));
    assert_eq!(count(&run(copies.into(), 8)), (8, 2 + 4));
}

#[test]
fn a_cut_line_stands_in_where_nothing_else_comes() {
    let count = AtomicUsize::new(0);
    let server = Says(|_: &Trajectory, _| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => line("The answer is 7.", Finish::Context),
        _ => Err(LineError("busy".into())),
    });
    let inner = SelfConsistency { n: 2, ..Default::default() };
    let outcome = Search::new(&server).run(Retry::of(inner), "3 + 4?").expect("two that were cut");
    assert_eq!((outcome.tree.candidates().len(), outcome.failed.len()), (2, 4));
    assert_eq!((outcome.stop, outcome.answer().as_deref()), (Stop::Done, Some("7")));
    // Where nothing has come at all, that is an error.
    let error = Search::new(&server).run(Retry::of(inner), "3 + 4?").expect_err("nothing came");
    assert!(error.to_string().contains("busy"), "{error}");
}

#[test]
fn replacements_that_fail_leave_what_is_different() {
    let count = AtomicUsize::new(0);
    let server = Says(|prefix: &Trajectory, _| {
        if !prefix.steps().is_empty() {
            return line("The answer is 7.", Finish::Stop);
        }
        match count.fetch_add(1, Ordering::Relaxed) {
            0 | 1 | 3 => line("x\n", Finish::Step),
            2 => line("y\n", Finish::Step),
            _ => Err(LineError("busy".into())),
        }
    });
    let judge = scorer::from_fn(|_, _| 0.5).with_scale(Scale::PREFIX);
    let search = Search::new(&server).scorer(judge);
    let outcome = search.run(Dedupe::of(beam(2, 2)), "3 + 4?").expect("goes on");
    assert_eq!((outcome.tree.finished().count(), outcome.failed.len()), (4, 2));
    let children = &outcome.tree[NodeId::ROOT].children;
    let lines = children.iter().map(|&id| outcome.tree[id].children.len());
    assert_eq!(lines.collect::<Vec<_>>(), [2, 0, 2, 0]);
}

#[test]
fn dedupe_merges_and_asks_for_others() {
    let mut search = ByHand::new(Dedupe::of(beam(2, 2)));
    assert_eq!(search.start(), [(0, 4)]);
    let say = |search: &mut ByHand<Dedupe<BeamSearch>>, parent: u32, text: &str, score: f64| {
        search.tree.grow(NodeId(parent), text, Finish::Step, Some(score))
    };
    let first = [("x\n", 0.9), ("x\n", 0.9), ("y\n", 0.2), ("x\n", 0.9)]
        .map(|(t, s)| say(&mut search, 0, t, s));
    assert_eq!(search.next(&first), [(0, 2)]);
    let second = [("y\n", 0.2), ("z\n", 0.5)].map(|(t, s)| say(&mut search, 0, t, s));
    // The two best different ones; without dedupe it would be x twice.
    assert_eq!(search.next(&second), [(1, 2), (6, 2)]);
    // The same words behind another step are another path, finished ones are left alone.
    let third = [
        say(&mut search, 1, "a\n", 0.5),
        say(&mut search, 1, "b\n", 0.4),
        say(&mut search, 6, "a\n", 0.6),
    ];
    let end = search.stop(6, 0.1);
    let fresh: Vec<NodeId> = third.into_iter().chain([end]).collect();
    let decisions = search.decide(&fresh, &[0, 0, 1, 1]);
    assert_eq!(shown(&decisions), [(9, 2), (7, 2)], "nothing was asked again");
    // With no further lines it only merges.
    let mut search = ByHand::new(Dedupe { times: 0, ..Dedupe::of(beam(2, 2)) });
    search.start();
    let first: Vec<NodeId> = ["x\n", "x\n", "x\n"]
        .map(|t| search.tree.grow(NodeId::ROOT, t, Finish::Step, Some(0.5)))
        .into();
    assert_eq!(search.next(&first), [(1, 2)]);
}

#[test]
fn dedupe_leaves_finished_solutions_rollouts_and_asides_alone() {
    let world = ToyWorld { error: 0.0, ..WORLD };
    let search = Search::new(world).scorer(ORACLE).rule(StepRule::lines());
    let vote = SelfConsistency { n: 6, ..Default::default() };
    let plain = search.run(vote, world.prompt(0)).expect("runs");
    let merged = search.run(Dedupe::of(vote), world.prompt(0)).expect("runs");
    assert!(core(&merged) == core(&plain));
    // Rollouts from different steps may well end alike; those of one step do, when greedy.
    let mut by_hand = ByHand::new(Dedupe::of(Lookahead::source(2, 1, 1).expect("possible")));
    by_hand.start();
    let first = by_hand.open(0, &[0.4, 0.6]);
    assert_eq!(by_hand.next(&first), [(1, 1), (2, 1)]);
    let ends: Vec<NodeId> =
        first.iter().map(|&id| by_hand.rollout(id, Finish::Step, Some(0.5))).collect();
    assert_eq!(shown(&by_hand.decide(&ends, &[0, 1])), [(1, 2)]);
}

/// Asks for two steps from the problem three times, in the second round for rollouts; counts what it is shown.
#[derive(Default)]
struct Steps(Vec<usize>);

impl SearchStrategy for Steps {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.0.push(view.fresh().len());
        let kind = if self.0.len() == 2 { NodeKind::Rollout } else { NodeKind::Committed };
        if self.0.len() > 3 {
            Vec::new()
        } else {
            vec![Expand { kind, ..Expand::step(NodeId::ROOT, 2) }]
        }
    }
}

#[test]
fn only_candidates_of_one_round_are_merged() {
    let mut search = ByHand::new(Dedupe { times: 0, ..Dedupe::of(Steps::default()) });
    let say = |search: &mut ByHand<Dedupe<Steps>>| {
        search.tree.grow(NodeId::ROOT, "x\n", Finish::Step, Some(0.5))
    };
    search.start();
    let first = [say(&mut search), say(&mut search)];
    search.next(&first);
    let ahead = [(); 2].map(|()| search.rollout(NodeId::ROOT, Finish::Step, None));
    search.next(&ahead);
    // What was said in an earlier round is said anew.
    let third = [say(&mut search), say(&mut search)];
    search.next(&third);
    assert_eq!(search.strategy.strategy.0, [1, 1, 2, 1]);
}

/// Asks two questions about the first step, and counts what it is shown.
#[derive(Default)]
struct Asks(Vec<usize>);

impl SearchStrategy for Asks {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.0.push(view.fresh().len());
        let first = view.fresh()[0];
        match self.0.len() {
            1 => vec![Expand::step(NodeId::ROOT, 2)],
            2 => (0..2)
                .map(|n| view.pose(first, format!("Question {n}"), NodeKind::Committed))
                .map(|question| Expand::step(question, 1))
                .collect(),
            _ => Vec::new(),
        }
    }
}

#[test]
fn the_same_words_to_two_questions_are_not_the_same() {
    let mut search = ByHand::new(Dedupe::of(Asks::default()));
    assert_eq!(search.start(), [(0, 2)]);
    let say = |search: &mut ByHand<Dedupe<Asks>>, parent: u32| {
        search.tree.grow(NodeId(parent), "x\n", Finish::Step, Some(0.5))
    };
    let first = [say(&mut search, 0), say(&mut search, 0)];
    assert_eq!(search.next(&first), [(0, 1)]);
    assert_eq!(search.next(&[]), [(3, 1), (4, 1)]);
    let second = [say(&mut search, 3), say(&mut search, 4)];
    assert_eq!(search.decide(&second, &[0, 1]), []);
    assert_eq!(search.strategy.strategy.0, [1, 1, 2]);
}

#[test]
fn a_deduped_beam_holds_different_paths() {
    let world = ToyWorld { error: 0.2, ..WORLD };
    let search = Search::new(world).scorer(ORACLE).rule(StepRule::lines()).seed(1);
    let distinct = |outcome: &Outcome| {
        let tree = &outcome.tree;
        let continued = tree.iter().filter(|(_, node)| !node.children.is_empty());
        let texts: Vec<String> = continued.map(|(id, _)| tree.text(id)).collect();
        let all = texts.len();
        (texts.into_iter().collect::<std::collections::BTreeSet<_>>().len(), all)
    };
    let beam = BeamSearch { duplicates: Duplicates::Keep, ..beam(3, 3) };
    let (plain, merged) = (beam.clone(), Dedupe { times: 2, ..Dedupe::of(beam) });
    let plain = distinct(&search.run(plain, world.prompt(0)).expect("runs"));
    let merged = distinct(&search.run(merged, world.prompt(0)).expect("runs"));
    assert!(plain.0 < plain.1 && merged.0 == merged.1, "{plain:?} {merged:?}");
}

#[test]
fn phases_end_when_their_share_is_spent_or_they_are_done() {
    let phases = |select| Phases::<Recipe> {
        select,
        ..Phases::default()
            .then(0.5, beam(2, 2))
            .then(0.25, BestOfN { n: 3, ..Default::default() })
            .then(0.25, SelfConsistency { n: 5, ..Default::default() })
    };
    let rounds = |samples: Option<u64>| {
        let search = search().budget(Budget { samples, ..Budget::default() });
        let outcome = search.run(phases(None), WORLD.prompt(0)).expect("runs");
        let children = outcome.tree[NodeId::ROOT].children.iter();
        let rounds: Vec<u32> = children.map(|&id| outcome.tree[id].round).collect();
        let count = |round: u32| rounds.iter().filter(|&&other| other == round).count();
        (rounds.last().copied().unwrap_or(0), count(1), rounds.len(), outcome)
    };
    // Without a budget each goes on until it is done: five steps of a beam, then the samples.
    let (last, first, all, outcome) = rounds(None);
    assert_eq!((last, first, all), (7, 4, 4 + 3 + 5));
    assert_eq!(outcome.usage.logical.samples, 5 * 4 + 3 + 5);
    // Of 16 lines 8 are the first phase's: two rounds. Of the next 4 three are drawn, so a round of five.
    let (last, first, all, outcome) = rounds(Some(16));
    assert_eq!((last, first, all), (4, 4, 4 + 3 + 5));
    assert_eq!(outcome.usage.logical.samples, 4 + 4 + 3 + 5);
    // The second phase's share is spent before it begins: it still has its first round.
    let (last, _, all, _) = rounds(Some(5));
    assert_eq!((last, all), (2, 4 + 3));
    // The latest phase chooses, unless a vote is named.
    let (.., outcome) = rounds(None);
    let tree = &outcome.tree;
    assert_eq!(outcome.best, SelfConsistency::default().pick(tree));
    let best = Selection::best(Aggregate::ByScale);
    let chosen = search().run(phases(Some(best)), WORLD.prompt(0)).expect("runs").best;
    assert_eq!(chosen, best.pick(tree));
}

#[test]
fn what_a_phase_may_spend_is_counted_from_the_start() {
    // A beam is five rounds of four lines: each phase has room for the whole of it, but no more.
    let mut phases = Phases::<Recipe>::default().then(0.5, beam(2, 2)).then(0.5, beam(2, 2));
    let search = search().budget(Budget { samples: Some(40), ..Budget::default() });
    let first = search.run(&mut phases, WORLD.prompt(0)).expect("runs");
    assert_eq!((first.usage.logical.samples, first.usage.rounds), (40, 10));
    // The same value searches twice.
    let again = search.run(&mut phases, WORLD.prompt(0)).expect("runs");
    assert!(core(&again) == core(&first));
}

/// A toy world with a price.
#[derive(Clone, Copy)]
struct Priced(ToyWorld);

impl Generator for Priced {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.0.generate(batch)
    }

    fn cost(&self) -> cost::ModelCost {
        cost::ModelCost { parameters: 100, layers: 2, query_width: 3, windows: None }
    }
}

#[test]
fn every_limit_ends_a_phase() {
    let rule = StepRule { max_steps: 8, ..StepRule::lines() };
    let sampling = Sampling::temperature(1.0);
    let search = || Search::new(Priced(WORLD)).scorer(ORACLE).rule(rule.clone()).sampling(sampling);
    let phases = Phases::<Recipe>::default().then(0.3, beam(2, 2)).then(0.7, ChainOfThought {});
    let whole = search().run(phases.clone(), WORLD.prompt(0)).expect("runs");
    let cost = whole.usage.logical;
    assert!(cost.flops > 0.0);
    let none = Budget::default;
    let budgets = [
        Budget { samples: Some(cost.samples), ..none() },
        Budget { generated_tokens: Some(cost.generated_tokens), ..none() },
        Budget { scored_tokens: Some(cost.scored_tokens), ..none() },
        Budget { calls: Some(cost.calls), ..none() },
        Budget { flops: Some(cost.flops), ..none() },
        Budget { rounds: Some(whole.usage.rounds), ..none() },
    ];
    for budget in budgets {
        let outcome = search().budget(budget).run(phases.clone(), WORLD.prompt(0)).expect("runs");
        assert!(outcome.usage.logical.samples < cost.samples, "{budget:?}");
        let greedy = outcome.tree[NodeId::ROOT].children.len();
        assert_eq!(greedy, 4 + 1, "{budget:?}: the second phase has begun");
    }
}

#[test]
fn bad_settings_are_named() {
    let chain = || Phases::<Recipe>::default().then(0.5, ChainOfThought {});
    let bad = BeamSearch { keep: 0, ..Default::default() };
    for (problem, expected) in [
        (Retry { times: 0, ..Retry::of(ChainOfThought {}) }.check(), "retry: times is 0"),
        (Retry::of(bad.clone()).check(), "beam search: keep is 0"),
        (Dedupe::of(bad.clone()).check(), "beam search: keep is 0"),
        (Phases::<Recipe>::default().check(), "phases: there is none"),
        (chain().then(0.0, ChainOfThought {}).check(), "phases: share is 0"),
        (chain().then(1.5, ChainOfThought {}).check(), "phases: share is 1.5"),
        (chain().then(f64::NAN, ChainOfThought {}).check(), "phases: share is NaN"),
        (chain().then(0.6, ChainOfThought {}).check(), "phases: the shares come to 1.1"),
        (chain().then(0.5, bad).check(), "beam search: keep is 0"),
    ] {
        let error = problem.expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    let needs = Phases { select: Some(Selection::weighted()), ..chain() };
    assert_eq!(needs.requires().scorer, Some("phases"));
    let inner = chain().then(0.5, BestOfN::default());
    for needs in
        [inner.requires(), Retry::of(inner.clone()).requires(), Dedupe::of(inner).requires()]
    {
        assert_eq!(needs.scorer, Some("best-of-n"));
    }
}

fn budgets() -> impl Strategy<Value = Budget> {
    let limit = |most: u64| prop::option::weighted(0.4, 1..most);
    (limit(40), limit(500), limit(500), limit(30), any::<bool>(), 0_u64..40).prop_map(
        |(samples, generated_tokens, scored_tokens, calls, hard, reserve)| Budget {
            samples,
            generated_tokens,
            scored_tokens,
            calls,
            reserve: reserve.min(generated_tokens.unwrap_or(40)),
            mode: if hard { Mode::Hard } else { Mode::Soft },
            ..Budget::default()
        },
    )
}

fn wrapped() -> impl Strategy<Value = Recipe> {
    let leaf = prop_oneof![
        (1_usize..5).prop_map(|n| BestOfN { n, ..Default::default() }.into()),
        (1_usize..4, 1_usize..4).prop_map(|(keep, branch)| beam(keep, branch).into()),
    ];
    leaf.prop_recursive(3, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), 1_usize..3)
                .prop_map(|(inner, times)| { Recipe::from(Retry { times, ..Retry::of(inner) }) }),
            (inner.clone(), 0_usize..3)
                .prop_map(|(inner, times)| { Recipe::from(Dedupe { times, ..Dedupe::of(inner) }) }),
            (inner.clone(), 1_usize..3).prop_map(|(inner, n)| Forest::of(n, inner).into()),
            inner.clone().prop_map(|inner| Lookahead::of(inner).into()),
            (inner.clone(), inner).prop_map(|(one, other)| {
                Recipe::from(Phases::<Recipe>::default().then(0.4, one).then(0.6, other))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn where_nothing_fails_a_retry_is_the_strategy_inside(
        recipe in wrapped(), problem in 0_u64..20,
    ) {
        // Enough room that nothing is cut.
        let search = search().rule(StepRule::lines());
        let plain = search.run(recipe.clone(), WORLD.prompt(problem)).expect("runs");
        let again = search.run(Retry::of(recipe.clone()), WORLD.prompt(problem)).expect("runs");
        prop_assert!(core(&again) == core(&plain));
    }

    #[test]
    fn one_phase_is_the_strategy_inside(
        recipe in wrapped(), problem in 0_u64..20, budget in budgets(),
    ) {
        let search = search().budget(budget);
        let plain = search.run(recipe.clone(), WORLD.prompt(problem)).expect("runs");
        let one = Phases::<Recipe>::default().then(1.0, recipe);
        let one = search.run(one, WORLD.prompt(problem)).expect("runs");
        prop_assert!(core(&one) == core(&plain));
    }

    #[test]
    fn laws(recipe in wrapped(), budget in budgets()) {
        let search = search().budget(budget);
        let prompts = || (0..8).map(|index| WORLD.prompt(index));
        let together = search.run_many(&recipe, prompts());
        for (prompt, outcome) in prompts().zip(together) {
            let alone = search.run(recipe.clone(), prompt).expect("runs");
            prop_assert!(core(&outcome.expect("runs")) == core(&alone));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("record.jsonl");
        let record = || search.clone().record(&path).run(recipe.clone(), WORLD.prompt(0)).expect("runs");
        let whole = record();
        let bytes = std::fs::read(&path).expect("a record");
        let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n')
            .map(|(end, _)| end + 1).collect();
        for end in ends {
            std::fs::write(&path, &bytes[..end]).expect("written");
            prop_assert!(core(&record()) == core(&whole));
        }
        let json = serde_json::to_string(&recipe).expect("JSON");
        prop_assert_eq!(Recipe::from_json(&json).expect("parses"), recipe);
    }
}
