//! Answers on the way: as a shorter search would have had them, by hand, resumed, and refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::Recipe;
use tts_search::evaluate::{Anytime, Evaluation, Item, Report};

fn world() -> ToyWorld {
    ToyWorld { error: 0.3, ..ToyWorld::default() }
}

fn search(world: &ToyWorld) -> Search<'_> {
    Search::new(world).scorer(Oracle { noise: 0.5, seed: 3 }).rule(StepRule::lines())
}

fn items(world: &ToyWorld, count: u64) -> Vec<Item> {
    (0..count)
        .map(|number| Item::new(world.prompt(number).question(), world.answer(number)))
        .collect()
}

/// After each round, the answer is that of a search which had so many rounds.
#[test]
fn the_answer_on_the_way_is_that_of_a_shorter_search() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    for name in ["beam-search", "dvts", "adaptive-consistency"] {
        let recipe = Recipe::default_of(name, 9).unwrap();
        let path = folder.path().join(format!("{name}.jsonl"));
        let whole = search(&world).record(&path).run(recipe.clone(), world.prompt(2)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let read = || {
            Picks::read(&path, recipe.clone(), world.prompt(2), search(&world).settings()).unwrap()
        };
        let picks = read();
        assert_eq!(picks.all.last().unwrap().round, whole.usage.rounds, "{name}");
        assert_eq!(picks.all.last().unwrap().best, whole.best, "{name}");
        assert_eq!(picks.outcome.tree, whole.tree, "{name}");
        assert!(picks.all.len() > 1, "{name}");
        for pick in &picks.all {
            let budget = Budget { rounds: Some(pick.round), ..Budget::default() };
            let shorter = search(&world).budget(budget).run(recipe.clone(), world.prompt(2));
            let shorter = shorter.unwrap();
            assert_eq!(shorter.usage.logical, pick.cost, "{name}, round {}", pick.round);
            assert_eq!(shorter.best, pick.best, "{name}, round {}", pick.round);
        }
        // A record that ends early is told as far as it goes, and none is written to.
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        std::fs::write(&path, lines[..3].concat()).unwrap();
        assert_eq!(read().all, picks.all[..1], "{name}");
        assert_eq!(std::fs::read(&path).unwrap(), lines[..3].concat(), "{name}");
    }
}

/// Solutions one after the other, of which the latest is the answer.
#[derive(Clone, Debug, serde::Serialize)]
struct Latest {
    rounds: u32,
}

impl SearchStrategy for Latest {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let more = view.rounds() < self.rounds;
        more.then(|| Expand::end(NodeId::ROOT, 1)).into_iter().collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        tree.candidates().last().copied()
    }
}

#[test]
fn the_curve_is_that_of_the_latest_solution_within_so_many_tokens() {
    let world = world();
    let items = items(&world, 8);
    let place = tempfile::tempdir().unwrap();
    let strategy = Latest { rounds: 4 };
    let tried = Evaluation::new(search(&world), &items).keep(place.path(), &strategy).unwrap();
    let (mut report, outcomes) = tried.run_keeping(&strategy, |_| {}).unwrap();
    let marks = [1, 40, 80, 120, 160, 10_000];
    // In any order, and twice, they are the same.
    let asked = [marks.as_slice(), &[80]].concat().into_iter().rev().collect::<Vec<u64>>();
    tried.anytime(&strategy, &mut report, &asked).unwrap();
    let expected = marks.map(|mark| {
        let (mut right, mut spent, mut over) = (0, 0, 0);
        for (outcome, item) in outcomes.iter().zip(&items) {
            let tree = &outcome.as_ref().unwrap().tree;
            let (mut tokens, mut now) = (0, false);
            for end in tree.candidates() {
                if tokens + tree.generated(end) > mark {
                    break;
                }
                tokens += tree.generated(end);
                now = tree.verdict(end, &item.gold).is_right();
            }
            right += usize::from(now);
            spent += tokens;
            over += usize::from(tokens == outcome.as_ref().unwrap().usage.logical.generated_tokens);
        }
        (mark, right, spent, over)
    });
    let problems = items.len() as f64;
    let found: Vec<_> = report.anytime.iter().collect();
    assert_eq!(found.len(), marks.len());
    for (found, (mark, right, spent, over)) in found.into_iter().zip(expected) {
        assert_eq!((found.tokens, found.over), (mark, over));
        assert!((found.accuracy.mean - right as f64 / problems).abs() < 1e-12, "{found:?}");
        assert!((found.generated_tokens - spent as f64 / problems).abs() < 1e-9, "{found:?}");
        assert!(found.generated_tokens <= mark as f64);
    }
    let last = &report.anytime[5];
    assert_eq!((last.accuracy, last.over), (report.accuracy, 8));
    // Somewhere on the way it was different, or the test says nothing.
    assert!(report.anytime[1..5].iter().any(|point| point.accuracy != last.accuracy));
    let costs: Vec<f64> = report.anytime.iter().map(|point| point.generated_tokens).collect();
    assert!(costs.is_sorted() && costs[0] < costs[5], "{costs:?}");
    let mut text = Vec::new();
    report.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("accuracy of the answer by then"), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["anytime"][5]["over"], 8);
}

fn beam() -> Recipe {
    Recipe::default_of("beam-search", 9).unwrap()
}

fn curve(report: &mut Report, tried: &Evaluation<'_>) -> Vec<Anytime> {
    tried.anytime(&beam(), report, &[20, 100, 400]).unwrap();
    report.anytime.clone()
}

/// A run that was stopped and gone on with has the same curve, and no byte of a folder changes for it.
#[test]
fn a_resumed_run_has_the_same_curve() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let world = world();
    let items = items(&world, 6);
    let place = tempfile::tempdir().unwrap();
    let kept = |name: &str| {
        let tried = Evaluation::new(search(&world).concurrency(2), &items);
        tried.keep(place.path().join(name), &beam()).unwrap()
    };
    let whole = kept("whole");
    let mut report = whole.run(&beam(), |_| {}).unwrap();
    let files = || {
        let all = std::fs::read_dir(place.path().join("whole")).unwrap().map(|file| {
            let path = file.unwrap().path();
            (path.clone(), std::fs::read(path).unwrap())
        });
        all.collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = files();
    let expected = curve(&mut report, &whole);
    assert_eq!(files(), before);
    let go = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 3;
    kept("stopped").while_true(go).run(&beam(), |_| {}).unwrap_err();
    let resumed = kept("stopped");
    let mut report = resumed.run(&beam(), |_| {}).unwrap();
    assert_eq!(curve(&mut report, &resumed), expected);
}

#[test]
fn what_cannot_be_told_is_refused() {
    let world = world();
    let items = items(&world, 2);
    let place = tempfile::tempdir().unwrap();
    let tried = Evaluation::new(search(&world), &items);
    let mut report = tried.run(&beam(), |_| {}).unwrap();
    let error = tried.anytime(&beam(), &mut report, &[1]).unwrap_err().to_string();
    assert!(error.contains("no folder of records"), "{error}");
    let kept = tried.keep(place.path(), &beam()).unwrap();
    let mut report = kept.run(&beam(), |_| {}).unwrap();
    let error = kept.anytime(&beam(), &mut report, &[5, 0]).unwrap_err().to_string();
    assert_eq!(error, "answers within 0 tokens, expected at least 1");
    let other = Recipe::default_of("beam-search", 4).unwrap();
    let error = kept.anytime(&other, &mut report, &[5]).unwrap_err().to_string();
    assert!(error.contains("00000.jsonl") && error.contains("other lines"), "{error}");
    std::fs::remove_file(place.path().join("00001.jsonl")).unwrap();
    let error = kept.anytime(&beam(), &mut report, &[5]).unwrap_err().to_string();
    assert!(error.contains("00001.jsonl"), "{error}");
    assert!(report.anytime.is_empty());
    // A search that failed has no right answer at any moment.
    report.rows[0].error = Some("gone".into());
    report.rows[1].error = Some("gone".into());
    kept.anytime(&beam(), &mut report, &[5]).unwrap();
    assert!(report.anytime[0].accuracy.mean < 1e-12 && report.anytime[0].generated_tokens <= 5.0);
}
