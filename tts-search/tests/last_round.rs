//! Decorated searches and stories whose budget runs out: each strategy sees its last round.

mod common;

use std::sync::{Arc, Mutex};

use common::{Says, line};
use tts_core::toy::{Markov, Oracle, ToyWorld};
use tts_core::*;
use tts_search::choose::ComputeOptimal;
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

#[test]
fn shares_that_come_to_the_whole_leave_the_end_to_the_budget() {
    let world = ToyWorld { error: 0.0, ..WORLD };
    let cut = Search::new(world).rule(StepRule::lines());
    let inner = SelfConsistency { n: 6, ..Default::default() };
    let budget = Budget { mode: Mode::Hard, reserve: 60, ..Budget::tokens(120) };
    let plain = cut.clone().budget(budget).run(inner, world.prompt(0)).expect("runs");
    assert_eq!(plain.answer(), Some(world.answer(0)));
    for shares in [vec![1.0], vec![0.1, 0.2, 0.7], vec![0.3, 0.7]] {
        let phases = shares
            .iter()
            .fold(Phases::<Recipe>::default(), |phases, &share| phases.then(share, inner));
        let outcome = cut.clone().budget(budget).run(phases, world.prompt(0)).expect("runs");
        assert_eq!(outcome.stop, Stop::Budget(Limit::GeneratedTokens), "{shares:?}");
        assert_eq!(outcome.answer(), Some(world.answer(0)), "{shares:?}");
    }
    // The last round takes what the limit allows, and leaves steps for the reserve to finish.
    let beam = BeamSearch { keep: 2, branch: 2, ..Default::default() };
    let soft = Budget { samples: Some(4), reserve: 60, ..Budget::default() };
    let search = cut.scorer(ORACLE).budget(soft);
    let phases = Phases::<Recipe>::default().then(1.0, beam);
    let outcome = search.run(phases, world.prompt(0)).expect("runs");
    assert_eq!(outcome.stop, Stop::Budget(Limit::Samples));
    assert_eq!(outcome.answer(), Some(world.answer(0)));
}

#[test]
fn a_phase_sees_its_last_round_and_rounds_are_counted() {
    let search = Search::new(WORLD).scorer(ORACLE).rule(StepRule::lines());
    let seen = || Seen { inner: BestOfN { n: 4, ..Default::default() }, views: Vec::new() };
    let half = |budget: Budget| {
        let mut phases = Phases::<Seen>::default().then(0.5, seen()).then(0.5, seen());
        let outcome = search.clone().budget(budget).run(&mut phases, WORLD.prompt(0));
        let outcome = outcome.expect("runs");
        let views = phases.phases.into_iter().map(|phase| phase.strategy.views);
        (views.collect::<Vec<_>>(), outcome.usage.rounds)
    };
    let (views, rounds) = half(Budget { samples: Some(8), ..Budget::default() });
    // Four lines are the first one's share; the second has four, and the budget is out.
    assert_eq!(views, [vec![(1, false), (4, true)], vec![(1, false), (4, true)]]);
    assert_eq!(rounds, 2);
    let (views, rounds) = half(Budget { rounds: Some(4), ..Budget::default() });
    let two = vec![(1, false), (4, false), (1, true)];
    assert_eq!((views, rounds), (vec![two.clone(), two], 4));
    // A retry in a phase that ends shows what it held back.
    let cut = Says(|_: &Trajectory, place| match place {
        0 => line("x", Finish::Length),
        _ => line("The answer is 7.", Finish::Stop),
    });
    let mut phases =
        Phases::<Retry<Seen>>::default().then(0.5, Retry::of(seen())).then(0.5, Retry::of(seen()));
    let search = Search::new(&cut).scorer(ORACLE);
    let budget = Budget { samples: Some(8), ..Budget::default() };
    search.budget(budget).run(&mut phases, "3 + 4?").expect("runs");
    assert_eq!(phases.phases[0].strategy.strategy.views, [(1, false), (4, true)]);
}

/// A server that is down for its first lines, whoever asks.
fn down_for(lines: usize) -> impl Generator {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Says(move |_: &Trajectory, _| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match number {
            number if number < lines => Err(LineError(format!("busy {number}"))),
            _ => line("The answer is 7.", Finish::Stop),
        }
    })
}

#[test]
fn a_retry_outlives_a_round_all_of_whose_lines_fail() {
    let inner = || SelfConsistency { n: 4, ..Default::default() };
    let run = |down, recipe: Recipe, budget| {
        Search::new(down_for(down)).budget(budget).run(recipe, "3 + 4?")
    };
    let free = Budget::default;
    let twice = || Recipe::from(Retry::of(Recipe::from(inner())));
    let outcome = run(8, twice(), free()).expect("the third round works");
    assert_eq!((outcome.answer().as_deref(), outcome.failed.len()), (Some("7"), 8));
    assert_eq!((outcome.usage.logical.samples, outcome.usage.rounds), (12, 3));
    // Who asks no more ends in the last line's error: tries are used up, or the budget is out.
    let lost = |recipe, budget, round, last: &str| {
        let error = run(99, recipe, budget).expect_err("nothing came");
        let SearchErrorKind::Run(RunError::AllLinesFailed { round: found, error }) = &error.kind
        else {
            panic!("{error}")
        };
        assert_eq!((*found, error.0.as_str()), (round, last));
    };
    lost(inner().into(), free(), 1, "busy 3");
    lost(twice(), free(), 3, "busy 11");
    let samples = |n| Budget { samples: Some(n), ..Budget::default() };
    lost(twice(), samples(4), 1, "busy 3");
    lost(twice(), samples(5), 2, "busy 7");
    lost(twice(), Budget { rounds: Some(2), ..free() }, 2, "busy 7");
    // What is wrapped around it passes that on.
    let wrapped: [Recipe; 5] = [
        Dedupe { times: 0, ..Dedupe::of(twice()) }.into(),
        Converged::of(twice()).into(),
        Forest::of(1, twice()).into(),
        Phases::<Recipe>::default().then(1.0, twice()).into(),
        Retry { times: 1, ..Retry::of(twice()) }.into(),
    ];
    for recipe in wrapped {
        let outcome = run(8, recipe.clone(), free()).expect("the third round works");
        assert_eq!(outcome.answer().as_deref(), Some("7"), "{recipe:?}");
    }
    // Beside a copy whose lines came, too.
    let pair = Forest::of(2, Retry::of(BestOfN { n: 2, ..Default::default() }));
    let open = Says(|_: &Trajectory, place| match place {
        0 | 1 => line("x", Finish::Length),
        2 | 3 => Err(LineError("busy".into())),
        _ => line("y", Finish::Step),
    });
    let search = Search::new(&open).scorer(ORACLE).budget(samples(8));
    let outcome = search.run(pair, "3 + 4?").expect("runs");
    assert_eq!((outcome.usage.logical.samples, outcome.usage.rounds), (8, 2));
}

#[test]
fn a_record_of_a_round_that_was_outlived_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let run = |down| {
        let retry = Retry::of(SelfConsistency { n: 4, ..Default::default() });
        Search::new(down_for(down)).record(&path).run(retry, "3 + 4?")
    };
    let whole = run(4).expect("runs");
    let bytes = std::fs::read(&path).expect("a record");
    let retold = Retold::parse(&bytes, &path).expect("is told without its strategy");
    assert_eq!((&retold.outcome.tree, retold.outcome.best), (&whole.tree, whole.best));
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end + 1);
    for (place, end) in ends.enumerate() {
        std::fs::write(&path, &bytes[..end]).expect("written");
        let resumed = run(if place == 0 { 4 } else { 0 }).expect("resumes");
        assert_eq!((resumed.tree, resumed.best), (whole.tree.clone(), whole.best));
        assert!(std::fs::read(&path).expect("a record") == bytes, "another record");
    }
    // The round that ends in failure is left out, so that it is tried again.
    std::fs::remove_file(&path).expect("there");
    assert!(run(99).is_err());
    assert_eq!(run(0).expect("resumes").answer().as_deref(), Some("7"));
}

#[test]
fn what_would_come_of_fewer_samples_is_not_told_of_retries() {
    let inner = SelfConsistency { n: 4, ..Default::default() };
    assert!(inner.samples().is_some() && Retry::of(inner).samples().is_none());
}

#[test]
fn what_greedy_lines_came_to_is_taken_as_it_is() {
    let cut = |finish| Says(move |_: &Trajectory, _| line("x", finish));
    let samples = |finish, sampling: Option<Sampling>, usual: Sampling| {
        let inner = SelfConsistency { n: 2, sampling, ..Default::default() };
        let search = Search::new(cut(finish)).sampling(usual);
        let budget = Budget { rounds: Some(2), ..Budget::default() };
        let outcome = search.budget(budget).run(Retry::of(inner), "3 + 4?").expect("runs");
        outcome.tree[NodeId::ROOT].children.len()
    };
    let (greedy, warm) = (Sampling::greedy(), Sampling::temperature(1.0));
    for finish in [Finish::Length, Finish::Context] {
        assert_eq!(samples(finish, None, warm), 4, "{finish:?}");
        assert_eq!(samples(finish, Some(greedy), warm), 2, "{finish:?}");
        assert_eq!(samples(finish, None, greedy), 2, "{finish:?}");
        assert_eq!(samples(finish, Some(warm), greedy), 4, "{finish:?}");
    }
    // One that failed is asked for again all the same.
    let inner = SelfConsistency { n: 4, ..Default::default() };
    let search = Search::new(down_for(2)).sampling(greedy);
    assert_eq!(search.run(Retry::of(inner), "3 + 4?").expect("runs").tree.candidates().len(), 4);
}

#[test]
fn copies_that_nobody_judged_vote() {
    // Of eight attempts the first is wrong, and five are right; every critique is content.
    let count = std::sync::atomic::AtomicUsize::new(0);
    let writer = Says(move |path: &Trajectory, _| {
        if path.prompt().question().contains("What is wrong") {
            return line("It is correct.", Finish::Stop);
        }
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let answer = if number.is_multiple_of(3) { 10 + number } else { 7 };
        line(&format!("The answer is {answer}."), Finish::Stop)
    });
    let forest = Forest::of(8, Scripted::of(SelfRefine::default()));
    let outcome = Search::new(&writer).run(forest.clone(), "3 + 4?").expect("runs");
    assert_eq!(outcome.tree.candidates().len(), 8);
    assert_eq!(outcome.answer().as_deref(), Some("7"));
    // Where somebody judges, the best of theirs is the answer.
    let judge = scorer::from_fn(|_: &Trajectory, step: &Step| {
        f64::from(u8::from(step.text.contains("13")))
    });
    let search = Search::new(&writer).scorer(judge.with_scale(Scale::PREFIX));
    assert!(search.run(forest, "3 + 4?").is_ok());
}

/// A toy world whose second line of each request fails.
struct Flaky(ToyWorld);

impl Generator for Flaky {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = self.0.generate(batch)?;
        for lines in made.iter_mut().map(|made| &mut made.lines).filter(|lines| lines.len() > 1) {
            lines[1] = Err(LineError("busy".into()));
        }
        Ok(made)
    }
}

#[test]
fn what_is_asked_for_again_is_drawn_anew() {
    let search = Search::new(Flaky(WORLD)).rule(StepRule::lines());
    let retry = Retry::of(SelfConsistency { n: 4, ..Default::default() });
    let outcome = search.run(retry, WORLD.prompt(0)).expect("runs");
    let tree = &outcome.tree;
    let children = &tree[NodeId::ROOT].children;
    let seeds: std::collections::BTreeSet<u64> = children.iter().map(|&id| tree[id].seed).collect();
    assert_eq!((children.len(), seeds.len()), (4, 4));
}

/// What is left of a budget goes on as the line was drawn: a greedy solution is one to its end.
#[test]
fn the_reserve_draws_as_the_line_was_drawn() {
    let coin = Markov::new(|path| match path.len() {
        0..12 => vec![0.6, 0.4, 0.0],
        _ => vec![0.0, 0.0, 1.0],
    });
    let text = |recipe: Recipe, seed, tokens| {
        let budget = Budget { mode: Mode::Hard, reserve: 10, ..Budget::tokens(tokens) };
        let search = Search::new(&coin).budget(budget).seed(seed);
        let outcome = search.run(recipe, "?").expect("runs");
        assert_eq!(outcome.stop, Stop::Budget(Limit::GeneratedTokens));
        outcome.text().expect("a text")
    };
    let sure = SelfCertainty { n: 1, power: None, sampling: Some(Sampling::greedy()) };
    let beam = TokenBeam { keep: 2, branch: 2, ..Default::default() };
    // The second has no room for a line but from the reserve.
    for tokens in [14, 10] {
        for recipe in [Recipe::from(ChainOfThought {}), sure.into(), beam.clone().into()] {
            let texts = [1, 2, 3].map(|seed| text(recipe.clone(), seed, tokens));
            assert!(
                texts.iter().all(|text| text.bytes().all(|b| b == b'a')),
                "{recipe:?} {texts:?}"
            );
        }
    }
    // What was drawn in the search's way goes on in it.
    let vote = || Recipe::from(SelfConsistency { n: 1, ..Default::default() });
    let texts = [1, 2, 3, 4].map(|seed| text(vote(), seed, 14));
    assert!(texts.iter().any(|text| text.contains('b')), "{texts:?}");
}

/// As [`Seen`], behind a probe: of these there are copies.
#[derive(Clone)]
struct Copied {
    first: Expand,
    views: Arc<Mutex<Vec<(usize, bool)>>>,
}

impl Copied {
    fn of(first: Expand) -> Self {
        Self { first, views: Arc::default() }
    }
}

impl SearchStrategy for Copied {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let mut views = self.views.lock().expect("nobody panics");
        views.push((view.fresh().len(), view.is_last()));
        if view.is_start() { vec![self.first.clone()] } else { Vec::new() }
    }
}

/// What an arm of six lines behind a probe of four is shown.
fn shown_behind(
    search: &Search<'_>,
    until: Until,
    reuse: bool,
) -> Result<Vec<(usize, bool)>, SearchError> {
    let arm = Copied::of(Expand { until, ..Expand::step(NodeId::ROOT, 6) });
    let views = Arc::clone(&arm.views);
    let optimal = ComputeOptimal { probe: 4, until, reuse, ..ComputeOptimal::of(vec![arm]) };
    search.run(optimal, WORLD.prompt(0))?;
    let views = views.lock().expect("nobody panics");
    Ok(views.clone())
}

#[test]
fn what_a_probe_has_drawn_is_shown_when_the_budget_is_out() {
    let search = Search::new(WORLD).scorer(ORACLE).rule(StepRule::lines());
    let views = |samples, reuse| {
        let budget = Budget { samples: Some(samples), mode: Mode::Hard, ..Budget::default() };
        let search = search.clone().budget(budget);
        shown_behind(&search, Until::End, reuse).expect("runs")
    };
    // Out behind the probe; in the arm's first round, of which one more comes; not at all.
    assert_eq!(views(4, true), [(1, true), (4, true)]);
    assert_eq!(views(5, true), [(1, false), (5, true)]);
    assert_eq!(views(9, true), [(1, false), (6, false)]);
    // An arm that starts from nothing.
    assert_eq!(views(4, false), [(1, true)]);
    assert_eq!(views(9, false), [(1, false), (5, true)]);
    // It would have gone on: four of its six lines are there, and it ends for the budget's sake.
    let budget = Budget { samples: Some(4), ..Budget::default() };
    let six = BestOfN { n: 6, ..Default::default() };
    let optimal = ComputeOptimal { probe: 4, ..ComputeOptimal::of(vec![six]) };
    let outcome = search.clone().budget(budget).run(optimal, WORLD.prompt(0)).expect("runs");
    assert_eq!(outcome.stop, Stop::Budget(Limit::Samples));
    assert_eq!(outcome.tree.candidates().len(), 4);
    // No room for the rest and its judgement: what is there is shown.
    let budget = Budget { calls: Some(3), mode: Mode::Hard, ..Budget::default() };
    let search = search.clone().budget(budget);
    let seen = shown_behind(&search, Until::End, true).expect("runs");
    assert_eq!(seen, [(1, false), (4, true)]);
}

#[test]
fn an_arm_outlives_its_first_round_by_what_its_probe_has_drawn() {
    let after = |lines: usize| {
        let count = std::sync::atomic::AtomicUsize::new(0);
        Says(move |_: &Trajectory, _| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if number < lines { line("x\n", Finish::Step) } else { Err(LineError("down".into())) }
        })
    };
    let run = |writer, reuse| {
        let search = Search::new(&writer).scorer(scorer::from_fn(|_, _| 0.5));
        shown_behind(&search.rule(StepRule::lines()), Until::Step, reuse)
    };
    assert_eq!(run(after(4), true).expect("four are there"), [(1, false), (4, false)]);
    assert_eq!(run(after(5), true).expect("five are there"), [(1, false), (5, false)]);
    assert!(run(after(4), false).is_err());
    // Of a probe that fails there is nothing.
    assert!(run(after(0), true).is_err());
}
