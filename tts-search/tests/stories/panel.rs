//! Judges with votes, and who judges them.

#[path = "../../examples/stories/panel.rs"]
mod story;

use std::collections::BTreeSet;
use std::sync::Mutex;

use story::{Judged, Panel, parse};
use tts_core::seed::{self, Rng};
use tts_core::*;
use tts_search::{BeamSearch, BestOfN, Forest, Lookahead};

use crate::addition::{problem, right};
use crate::sums::Sums;
use crate::text_model::TextModel;
use crate::{laws, lines, questions};

const SOLVER: Sums = Sums { skill: 0.4, eye: 0.8 };
const N: usize = 4;

fn panel(samples: usize, keep: usize, meta: bool) -> Panel {
    Panel { judge: "judge".into(), samples, keep, meta: meta.then(|| "meta".into()) }
}

fn judged(samples: usize, keep: usize, meta: bool) -> Judged<BestOfN> {
    Judged::of(BestOfN { n: N, ..Default::default() }, panel(samples, keep, meta))
}

/// Likes a judgement by a chance that is a function of its text and of what was asked.
fn meta() -> impl StepScorer {
    scorer::from_fn(|path: &Trajectory, _: &Step| {
        let text = format!("{}{}", path.prompt().question(), path.text());
        seed::rng(seed::hash_text(1, &text)).uniform()
    })
    .with_scale(Scale::OUTCOME)
}

fn search() -> Search<'static> {
    Search::new(SOLVER).scorer(SOLVER).role("judge", SOLVER).scorer_named("meta", meta()).seed(5)
}

fn run(samples: usize, keep: usize, meta: bool, index: u64) -> Outcome {
    search().run(judged(samples, keep, meta), problem(index)).expect("runs")
}

/// The judgements of the candidates in the tree, read anew: the score of each by the meta-scorer, and
/// the votes in the order of the candidates.
fn judgements(outcome: &Outcome) -> Vec<(Option<f64>, Option<Vec<u32>>)> {
    let tree = &outcome.tree;
    let texts: Vec<String> = tree.candidates().iter().map(|&id| tree.text(id)).collect();
    let read = |question: NodeId| {
        let said = tree[question].asides[0];
        let shown = tree.asked(question).question().split("<response>\n").skip(1);
        let shown: Vec<&str> = shown.filter_map(|s| s.split("\n</response>").next()).collect();
        let scores = parse(&tree.text(said), shown.len())?;
        // Equal texts are told apart by their order alone: such problems are left out.
        let of = |text: &String| shown.iter().position(|other| other == text);
        texts.iter().map(|text| Some(scores[of(text)?])).collect::<Option<Vec<u32>>>()
    };
    let asked = questions(tree);
    asked.iter().map(|&id| (tree[tree[id].asides[0]].score, read(id))).collect()
}

fn distinct(outcome: &Outcome) -> bool {
    let tree = &outcome.tree;
    let texts: BTreeSet<String> = tree.candidates().iter().map(|&id| tree.text(id)).collect();
    texts.len() == N
}

fn values(outcome: &Outcome) -> Vec<Option<f64>> {
    outcome.tree.candidates().iter().map(|&id| outcome.tree[id].value).collect()
}

/// Problems whose candidates can be told apart by their texts.
fn problems() -> impl Iterator<Item = u64> {
    (0..200).filter(|&index| distinct(&run(0, 1, false, index))).take(12)
}

#[test]
fn scores_are_read_strictly() {
    for (said, expected) in [
        (r"\boxed{7, 8}", Some(vec![7, 8])),
        (r"First \boxed{1, 2}, but then: \boxed{ 10,1 }.", Some(vec![10, 1])),
        (r"\boxed{7, 8, 9}", None),
        (r"\boxed{7}", None),
        (r"\boxed{7, 11}", None),
        (r"\boxed{0, 7}", None),
        (r"\boxed{7.5, 8}", None),
        (r"\boxed{+7, 8}", None),
        (r"\boxed{7, }", None),
        (r"\boxed{7, 8", None),
        (r"\boxed{7, 8} or rather \boxed{none}", None),
        ("7, 8", None),
        ("", None),
    ] {
        assert_eq!(parse(said, 2), expected, "{said}");
    }
}

#[test]
fn values_are_the_sums_of_the_votes_that_the_meta_scorer_likes_most() {
    let mut filtered = 0;
    for index in problems() {
        for (samples, keep) in [(1, 1), (6, 6), (6, 3), (6, 1)] {
            let outcome = run(samples, keep, true, index);
            let mut read = judgements(&outcome);
            assert_eq!(read.len(), samples);
            let plain: Vec<u32> = sums(&read);
            read.sort_by(|a, b| b.0.expect("scored").total_cmp(&a.0.expect("scored")));
            read.truncate(keep);
            let kept = sums(&read);
            filtered += u32::from(kept.len() == N && order(&kept) != order(&plain));
            let most = f64::from(u32::try_from(10 * keep).expect("small"));
            let expected: Vec<_> = kept.iter().map(|&sum| Some(f64::from(sum) / most)).collect();
            assert_eq!(values(&outcome), expected);
        }
    }
    assert!(filtered > 0);
}

fn sums(read: &[(Option<f64>, Option<Vec<u32>>)]) -> Vec<u32> {
    let votes = || read.iter().filter_map(|(_, votes)| votes.as_ref());
    (0..N).map(|place| votes().map(|votes| votes[place]).sum()).collect()
}

fn order(sums: &[u32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by_key(|&place| std::cmp::Reverse(sums[place]));
    order
}

#[test]
fn keeping_all_is_the_plain_vote() {
    for index in 0..10 {
        let (meta, plain) = (run(5, 5, true, index), run(5, 5, false, index));
        assert_eq!((values(&meta), meta.best), (values(&plain), plain.best));
        assert_ne!(meta.usage.logical.scored_tokens, plain.usage.logical.scored_tokens);
    }
}

#[test]
fn every_judgement_has_an_order_of_its_own() {
    let mut orders = BTreeSet::new();
    for index in problems() {
        let outcome = run(8, 8, false, index);
        for question in questions(&outcome.tree) {
            let asked = outcome.tree.asked(question).question();
            let place = |&id: &NodeId| asked.find(&outcome.tree.text(id)).expect("shown");
            let places: Vec<usize> = outcome.tree.candidates().iter().map(place).collect();
            let mut order: Vec<usize> = (0..N).collect();
            order.sort_by_key(|&candidate| places[candidate]);
            orders.insert(order);
        }
    }
    // Of 24 orders 96 draws miss few.
    assert!(orders.len() > 18, "{}", orders.len());
}

#[test]
fn without_samples_it_is_the_inner_strategy() {
    for index in 0..8 {
        let search = search().rule(StepRule::lines());
        let inner = BeamSearch { keep: 2, branch: 2, ..Default::default() };
        let plain = search.run(inner.clone(), problem(index)).expect("runs");
        let none = search.run(Judged::of(inner, panel(0, 1, true)), problem(index)).expect("runs");
        assert_eq!((&none.tree, none.best), (&plain.tree, plain.best));
        assert_eq!(none.usage.logical, plain.usage.logical);
        // One that draws random numbers, too.
        let story = Scripted::of(Draws);
        let plain = search.run(story.clone(), problem(index)).expect("runs");
        let none = search.run(Judged::of(story, panel(0, 1, true)), problem(index)).expect("runs");
        assert_eq!((&none.tree, none.best), (&plain.tree, plain.best));
    }
}

/// Writes as many lines as it draws, in two rounds.
#[derive(Debug, Clone)]
struct Draws;

impl Script for Draws {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let first = desk.ask(Ask::problem().times(1 + desk.below(9))).await;
        desk.ask(Ask::problem().times(1 + desk.below(9))).await;
        Some(first.first()?.node)
    }
}

#[test]
fn a_panel_that_abstains_changes_no_choice() {
    let mumbles = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("They are all fine.".into()));
    let world = toy::ToyWorld { additions: 3, error: 0.4, seed: 1 };
    let oracle = toy::Oracle { noise: 0.5, seed: 2 };
    let search = Search::new(world).scorer(oracle).role("judge", mumbles).rule(StepRule::lines());
    for index in 0..8 {
        // Each copy must be shown its own leaves again.
        let beam = BeamSearch { keep: 2, branch: 3, ..Default::default() };
        let inner = Forest::of(3, beam);
        let plain = search.run(inner.clone(), world.prompt(index)).expect("runs");
        let judged = Judged::of(inner, panel(2, 2, false));
        let outcome = search.run(judged, world.prompt(index)).expect("runs");
        let written = |outcome: &Outcome| -> Vec<(String, u64)> {
            let committed = |node: &Node| node.kind == NodeKind::Committed && !node.is_question();
            let nodes = outcome.tree.iter().filter(|(_, node)| committed(node));
            nodes.map(|(id, node)| (outcome.tree.text(id), node.seed)).collect()
        };
        assert_eq!(written(&outcome), written(&plain));
        assert_eq!(outcome.text(), plain.text());
        assert_eq!(outcome.usage.rounds, 2 * plain.usage.rounds);
    }
}

#[test]
fn judging_changes_no_candidate() {
    for index in 0..8 {
        let (plain, judged) = (run(0, 1, false, index), run(6, 3, true, index));
        let written = |outcome: &Outcome| -> Vec<(String, u64)> {
            let tree = &outcome.tree;
            tree.candidates().iter().map(|&id| (tree.text(id), tree[id].seed)).collect()
        };
        assert_eq!(written(&plain), written(&judged));
        assert_eq!((lines(&judged, ""), lines(&judged, "judge")), (N as u64, 6));
    }
}

#[test]
fn a_judge_that_cannot_be_read_abstains_and_is_paid() {
    let mumbles = TextModel(|_: &Prompt, _: &str, rng: &mut Rng| match rng.uniform() {
        luck if luck < 0.5 => Ok(r"\boxed{7, 8, nine, 7.5}".into()),
        _ => Ok("They are all fine.".into()),
    });
    let search = search().role("judge", mumbles);
    for index in 0..4 {
        let plain = search.run(judged(0, 1, false), problem(index)).expect("runs");
        let outcome = search.run(judged(3, 2, true), problem(index)).expect("runs");
        assert_eq!(values(&outcome), [None; N]);
        // The scores of the search's own scorer stand.
        assert_eq!(outcome.best, plain.best);
        let paid = outcome.tree.cost_by_role()["judge"];
        assert_eq!((paid.samples, paid.generated_tokens > 0), (3, true));
        let more = outcome.usage.logical.generated_tokens - plain.usage.logical.generated_tokens;
        assert_eq!(more, paid.generated_tokens);
    }
}

#[test]
fn a_judge_that_fails_abstains_too() {
    let down = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Err(LineError("it is down".into())));
    let search = search().role("judge", down);
    let plain = search.run(judged(0, 1, false), problem(0)).expect("runs");
    let outcome = search.run(judged(3, 2, true), problem(0)).expect("runs");
    assert_eq!((values(&outcome), outcome.best), (vec![None; N], plain.best));
    assert_eq!((outcome.failed.len(), outcome.usage.logical.samples), (3, N as u64 + 3));
}

#[test]
fn more_judgements_and_a_good_meta_scorer_find_the_right_answer_more_often() {
    // A good one knows which judgement is right: it reads the first answer and its score.
    let good = scorer::from_fn(|path: &Trajectory, _: &Step| {
        let asked = path.prompt().question();
        let gold = format!("The answer is {}.", right(asked));
        let shown: Vec<bool> =
            asked.split("<response>").skip(1).map(|text| text.contains(&gold)).collect();
        let Some(scores) = parse(&path.text(), shown.len()) else { return 0.0 };
        let mean = |which: bool| {
            let of = || shown.iter().zip(&scores).filter(|(found, _)| **found == which);
            f64::from(of().map(|(_, score)| score).sum::<u32>()) / of().count().max(1) as f64
        };
        ((mean(true) - mean(false)) / 20.0 + 0.5).clamp(0.0, 1.0)
    });
    let good = good.with_scale(Scale::OUTCOME);
    let search = search().scorer_named("meta", good);
    let rate = |samples: usize, keep: usize| {
        let solved = |&index: &u64| {
            let outcome = search.run(judged(samples, keep, true), problem(index)).expect("runs");
            outcome.answer() == Some(right(problem(index).question()))
        };
        (0..150).filter(solved).count()
    };
    let (one, vote, filtered) = (rate(1, 1), rate(8, 8), rate(8, 2));
    assert!(one + 3 < vote && vote <= filtered, "{one} {vote} {filtered}");
}

#[test]
fn a_beam_is_judged_step_by_step() {
    // The judge likes long texts; it is asked for a judgement each round.
    let shown = Mutex::new(Vec::new());
    let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let parts: Vec<&str> = prompt.question().split("<response>\n").skip(1).collect();
        shown.lock().expect("no panic").push(parts.len());
        let scores: Vec<String> =
            parts.iter().map(|part| (part.len() % 10 + 1).to_string()).collect();
        Ok(format!("\\boxed{{{}}}", scores.join(",")))
    });
    let world = tts_core::toy::ToyWorld { additions: 3, error: 0.3, seed: 1 };
    let search = Search::new(world).role("judge", &judge).rule(StepRule::lines());
    let beam = BeamSearch { keep: 2, branch: 2, ..Default::default() };
    let outcome = search.run(Judged::of(beam, panel(2, 2, false)), world.prompt(0)).expect("runs");
    drop(search);
    assert_eq!(*shown.lock().expect("no panic"), [4; 8]);
    let tree = &outcome.tree;
    let steps = tree.iter().filter(|(_, node)| node.kind == NodeKind::Committed && node.depth > 0);
    let values: Vec<Option<f64>> = steps.map(|(_, node)| node.value).collect();
    assert!(values.len() == 16 && values.iter().all(Option::is_some), "{values:?}");
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    laws::hold(&search(), &judged(4, 2, true), &prompts);
}

#[test]
fn what_only_looks_ahead_is_not_judged() {
    let world = toy::ToyWorld { additions: 3, error: 0.4, seed: 1 };
    let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let shown = prompt.question().matches("<response>").count();
        Ok(format!("\\boxed{{{}}}", vec!["5"; shown].join(", ")))
    });
    let search = Search::new(world).scorer(toy::Oracle { noise: 0.5, seed: 2 });
    let search = search.role("judge", judge).rule(StepRule::lines());
    let ahead = Lookahead::of(BeamSearch { keep: 2, branch: 2, ..Default::default() });
    let outcome = search.run(Judged::of(ahead, panel(1, 1, false)), world.prompt(0)).expect("runs");
    let of = |kind| {
        let nodes =
            outcome.tree.iter().filter(move |(_, node)| node.kind == kind && node.depth > 0);
        nodes.map(|(_, node)| node.value.is_some()).collect::<Vec<bool>>()
    };
    assert!(of(NodeKind::Committed).iter().all(|&judged| judged));
    let rollouts = of(NodeKind::Rollout);
    assert!(rollouts.len() > 4 && rollouts.iter().all(|&judged| !judged));
}

#[test]
fn a_missing_judge_is_refused_before_anything_is_spent() {
    for (judge, meta) in [("nobody", "meta"), ("judge", "nobody")] {
        let (judge, meta) = (judge.to_owned(), Some(meta.to_owned()));
        let judged = Judged::of(BestOfN::default(), Panel { judge, samples: 1, keep: 1, meta });
        let error = search().run(judged, problem(0)).expect_err("nobody is there");
        assert!(error.to_string().contains("nobody") && error.partial.is_none(), "{error}");
    }
    let none = Judged::of(BestOfN::default(), panel(1, 0, false));
    assert!(search().run(none, problem(0)).is_err_and(|error| error.to_string().contains("keep")));
}
