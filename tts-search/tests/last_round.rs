//! Decorated searches and stories whose budget runs out: each strategy sees its last round.

mod common;

use common::{Says, line};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::decorate::*;
use tts_search::*;

const WORLD: ToyWorld = ToyWorld { additions: 4, error: 0.4, seed: 2 };
const ORACLE: Oracle = Oracle { noise: 0.3, seed: 1 };

/// Keeps the fresh leaves of each view, and whether it was the last.
#[derive(Default)]
struct Seen {
    inner: BestOfN,
    views: Vec<(usize, bool)>,
}

impl SearchStrategy for Seen {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.views.push((view.fresh().len(), view.is_last()));
        if view.is_start() { self.inner.step(view) } else { vec![Expand::end(NodeId::ROOT, 1)] }
    }
}

#[test]
fn what_is_held_back_is_shown_when_the_budget_is_out() {
    // Of eight lines the first is cut, and there is no ninth.
    let writer = Says(|_: &Trajectory, place| match place {
        0 => line("The answer is 9.", Finish::Length),
        1 => line("The answer is 8.", Finish::Stop),
        _ => line("The answer is 7.", Finish::Stop),
    });
    let search = Search::new(&writer).budget(Budget { samples: Some(8), ..Budget::default() });
    let select = Scripted::of(GenSelect::of(8));
    let plain = search.run(select.clone(), "3 + 4?").expect("runs");
    let again = search.run(Retry::of(select), "3 + 4?").expect("runs");
    assert_eq!(plain.answer().as_deref(), Some("7"));
    assert_eq!((again.answer(), again.usage.logical), (plain.answer(), plain.usage.logical));
    // Duplicates are merged then, but not replaced; and rollouts are not asked for.
    let same = Says(|_: &Trajectory, _| line("x\n", Finish::Step));
    let search = Search::new(&same).scorer(ORACLE).rule(StepRule::lines());
    let soft = Budget { samples: Some(4), ..Budget::default() };
    let seen = || Seen { inner: BestOfN { n: 4, ..Default::default() }, views: Vec::new() };
    let search = search.budget(soft);
    let mut dedupe = Dedupe::of(seen());
    search.run(&mut dedupe, "3 + 4?").expect("runs");
    assert_eq!(dedupe.strategy.views, [(1, false), (1, true)]);
    let mut lookahead = Lookahead::of(seen());
    search.run(&mut lookahead, "3 + 4?").expect("runs");
    assert_eq!(lookahead.strategy.views, [(1, false), (4, true)]);
    // The driver cannot tell beforehand that a line and its judgement are a call too many.
    let calls = Budget { calls: Some(3), mode: Mode::Hard, ..Budget::default() };
    let mut retry = Retry::of(seen());
    let busy = Says(|_: &Trajectory, place| match place {
        0 => Err(LineError("busy".into())),
        _ => line("x\n", Finish::Step),
    });
    let search = Search::new(&busy).scorer(ORACLE).rule(StepRule::lines()).budget(calls);
    let outcome = search.run(&mut retry, "3 + 4?").expect("runs");
    assert_eq!(retry.strategy.views, [(1, false), (3, true)]);
    assert_eq!((outcome.usage.logical.calls, outcome.stop), (2, Stop::Budget(Limit::Calls)));
}

/// Prefers its first line, whether it was cut or not, and asks for more until the budget is out.
#[derive(Clone)]
struct First;

impl Script for First {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let first = desk.line(Ask::problem()).await?;
        desk.prefer(first.node);
        desk.line(Ask::of(desk.problem()).about(first.node).times(2)).await?;
        None
    }
}

#[test]
fn what_the_reserve_finishes_is_the_answer_of_a_script() {
    let world = ToyWorld { error: 0.0, ..WORLD };
    let budget = Budget { mode: Mode::Hard, reserve: 60, ..Budget::tokens(80) };
    let search = Search::new(world).rule(StepRule::lines()).budget(budget);
    let outcome = search.run(Scripted::of(First), world.prompt(0)).expect("runs");
    let tree = &outcome.tree;
    let first = tree[NodeId::ROOT].children[0];
    assert!(!tree[first].is_finished() && outcome.usage.logical.generated_tokens <= 80);
    let best = outcome.best.expect("a path");
    assert!(tree[best].is_finished() && tree.path(best).contains(&first));
    assert_eq!(outcome.answer(), Some(world.answer(0)));
}

#[test]
fn a_pool_whose_lines_were_all_cut_is_finished_from_the_reserve() {
    let world = ToyWorld { error: 0.0, ..WORLD };
    let budget = Budget { mode: Mode::Hard, reserve: 60, ..Budget::tokens(120) };
    let recipes: [Recipe; 4] = [
        Scripted::of(GenSelect::of(6)).into(),
        Scripted::of(GenSynthesis::of(6)).into(),
        Scripted::of(Tournament::of(6)).into(),
        MutualVerification { n: 6, ..Default::default() }.into(),
    ];
    for recipe in recipes {
        let search = Search::new(world).role("verifier", world).rule(StepRule::lines());
        let outcome = search.budget(budget).run(recipe.clone(), world.prompt(0)).expect("runs");
        assert_eq!(outcome.stop, Stop::Budget(Limit::GeneratedTokens), "{recipe:?}");
        assert_eq!(outcome.answer(), Some(world.answer(0)), "{recipe:?}");
        assert!(outcome.usage.logical.generated_tokens <= 120, "{recipe:?}");
        assert_eq!(outcome.tree[NodeId::ROOT].children.len(), 6, "{recipe:?}");
    }
}
