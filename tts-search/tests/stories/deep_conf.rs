//! Votes of the confident.

#[path = "../../examples/stories/worlds/guesses.rs"]
mod guesses;

use guesses::{LastLetter, model};
use tts_core::toy::Sample;
use tts_core::{
    Finish, NodeId, Notes, Outcome, Prompt, Sampling, Search, SearchStrategy, Selection, Step,
    Tree, Watch,
};
use tts_search::{DeepConf, DeepConfOnline, Measure};

use crate::laws;

fn online() -> DeepConfOnline {
    DeepConfOnline {
        warm_up: 8,
        round: 4,
        most: 24,
        top: 3,
        window: 4,
        keep: 0.5,
        consensus: None,
        ..Default::default()
    }
}

fn search() -> Search<'static> {
    Search::new(model()).task(LastLetter).sampling(Sampling::temperature(1.0))
}

fn run(strategy: &(impl SearchStrategy + Clone), seed: u64) -> Outcome {
    search().seed(seed).run(strategy.clone(), "a or b?").expect("runs")
}

/// The lowest mean of a window in a node's notes, computed anew.
fn lowest(tree: &Tree, id: NodeId, window: usize) -> f64 {
    let noted = tree[id].step.confidence();
    let mean = |at: usize| {
        let window = &noted[at..(at + window).min(noted.len())];
        window.iter().map(|&c| f64::from(c)).sum::<f64>() / window.len() as f64
    };
    (0..=noted.len().saturating_sub(window)).map(mean).fold(f64::INFINITY, f64::min)
}

#[test]
fn later_lines_are_halted_where_a_window_falls_below_the_warm_up() {
    let (mut halted, mut whole) = (0, 0);
    for (seed, keep) in (0..30).zip([50, 25, 80].into_iter().cycle()) {
        let outcome = run(&DeepConfOnline { keep: f64::from(keep) / 100.0, ..online() }, seed);
        let tree = &outcome.tree;
        let all: Vec<NodeId> = tree.iter().skip(1).map(|(id, _)| id).collect();
        assert_eq!((all.len(), outcome.usage.rounds), (24, 5));
        let mut warm_up: Vec<f64> = all[..8].iter().map(|&id| lowest(tree, id, 4)).collect();
        assert!(all[..8].iter().all(|&id| tree[id].is_finished()));
        warm_up.sort_by(f64::total_cmp);
        // Between which two of eight the percentile lies, and how far.
        let (at, share) = match keep {
            50 => (3, 0.5),
            25 => (5, 0.25),
            _ => (1, 0.4),
        };
        let below = warm_up[at] * (1.0 - share) + warm_up[at + 1] * share;
        for &id in &all[8..] {
            let low = lowest(tree, id, 4);
            if tree[id].finish == Finish::Halted {
                // But for the rounding of sums of four numbers.
                assert!(low < below + 1e-6, "{low} {below}");
                // Broken off at the first such window, and charged up to there.
                let noted = tree[id].step.confidence();
                let before = &noted[..noted.len() - 1];
                let means = before.windows(4).map(|w| w.iter().sum::<f32>() / 4.0);
                assert!(means.map(f64::from).all(|mean| mean > below - 1e-6));
                assert_eq!(tree[id].cost.generated_tokens, noted.len() as u64);
                assert!(!tree[id].open);
                halted += 1;
            } else {
                assert!(low > below - 1e-6, "{low} {below}");
                whole += 1;
            }
        }
        // What was halted, or is as low as that, has no vote.
        let best = outcome.best.expect("an answer");
        assert!(tree[best].is_finished() && lowest(tree, best, 4) > below - 1e-6);
    }
    assert!(halted > 80 && whole > 80, "{halted} {whole}");
}

#[test]
fn keeping_all_with_weights_of_one_is_the_majority() {
    let majority = DeepConfOnline { keep: 1.0, weighted: false, ..online() };
    for seed in 0..30 {
        let outcome = run(&majority, seed);
        let pool = search().seed(seed).run(Sample { n: 24 }, "a or b?").expect("runs");
        let texts = |outcome: &Outcome| -> Vec<String> {
            outcome.tree.iter().map(|(id, _)| outcome.tree.text(id)).collect()
        };
        assert_eq!(texts(&outcome), texts(&pool));
        assert_eq!(outcome.best, Selection::majority().pick(&pool.tree));
        assert_eq!(outcome.usage.logical.generated_tokens, pool.usage.logical.generated_tokens);
    }
}

#[test]
fn confidence_finds_what_the_majority_misses_and_costs_less() {
    let right = |strategy: &DeepConfOnline| {
        let outcomes: Vec<Outcome> = (0..100).map(|seed| run(strategy, seed)).collect();
        let tokens: u64 = outcomes.iter().map(|o| o.usage.logical.generated_tokens).sum();
        (outcomes.iter().filter(|o| o.answer().as_deref() == Some("a")).count(), tokens)
    };
    let majority = right(&DeepConfOnline { keep: 1.0, weighted: false, ..online() });
    let confident = right(&online());
    // Guesses are wrong in 9 of 10 cases and half of the lines: the majority is a coin.
    assert!(majority.0 < 80 && confident.0 > 90, "{majority:?} {confident:?}");
    assert!(confident.1 * 100 < majority.1 * 90, "{majority:?} {confident:?}");
}

#[test]
fn it_ends_with_consensus() {
    let (mut early, mut late) = (0, 0);
    for seed in 0..30 {
        let outcome = run(&DeepConfOnline { consensus: Some(0.8), ..online() }, seed);
        let whole = run(&online(), seed);
        let shorter = outcome.tree.len() < whole.tree.len();
        early += u32::from(shorter);
        late += u32::from(!shorter);
        // Stopping changes no line.
        for (id, node) in outcome.tree.iter() {
            assert_eq!(node.step, whole.tree[id].step);
        }
    }
    assert!(early > 15 && late > 0, "{early} {late}");
}

fn offline(keep: f64) -> DeepConf {
    DeepConf { n: 24, top: 3, window: 4, keep, measure: Measure::Lowest, ..Default::default() }
}

/// Solutions with these answers and confidences of their tokens.
fn handmade(lines: &[(&str, &[f32])]) -> Tree {
    let mut tree = Tree::new(Prompt::from("a or b?"), 0).with_task(std::sync::Arc::new(LastLetter));
    for (answer, confidence) in lines {
        let notes = Notes { confidence: confidence.to_vec(), ..Notes::default() };
        // The answer of this task stands behind 17 letters.
        let text = match *answer {
            "-" => "x".to_owned(),
            answer => format!("{}{answer}", "x".repeat(17)),
        };
        let notes = (!confidence.is_empty()).then(|| Box::new(notes));
        let step = Step { text, notes, ..Step::default() };
        let finish = if answer.is_empty() { Finish::Halted } else { Finish::Stop };
        let open = false;
        let node =
            tts_core::Node { finish, open, depth: 1, ..tts_core::Node::new(NodeId::ROOT, step) };
        tree.push(node);
    }
    tree
}

#[test]
fn offline_the_unsure_are_filtered_and_the_sure_weigh_their_confidence() {
    // The first two are the majority with the two that follow.
    let tree = handmade(&[
        ("a", &[1.0, 1.0, 1.0]),
        ("a", &[1.0, 1.0, 1.0]),
        ("b", &[3.0, 1.0, 2.0]),
        ("a", &[0.5, 0.5, 0.5]),
        ("b", &[2.0, 2.0, 2.0]),
        ("", &[9.0, 9.0, 9.0]),
    ]);
    let pick = |keep, weighted, measure| {
        DeepConf { window: 1, keep, weighted, measure, ..offline(1.0) }.pick(&tree).map(|id| id.0)
    };
    // 2.5 against 4; the confident one of equals is the first.
    assert_eq!(pick(1.0, true, Measure::Mean), Some(3));
    assert_eq!(pick(1.0, false, Measure::Mean), Some(1));
    // Sorted 0.5, 1, 1, 2, 2: the threshold is 1 with three quarters kept, and 2 with a quarter; what equals
    // it votes.
    assert_eq!(pick(0.75, false, Measure::Mean), Some(1));
    assert_eq!(pick(0.25, false, Measure::Mean), Some(3));
    // By the lowest token 1, 1, 1, 0.5, 2.
    assert_eq!(pick(1.0, true, Measure::Lowest), Some(5));
    assert_eq!(pick(0.1, true, Measure::Lowest), Some(5));
    // By the last token the second b is as sure as the first.
    assert_eq!(pick(1.0, true, Measure::Tail), Some(3));
    // Who is done without an answer sets no threshold: it is 1 without him, 1.5 with him.
    let silent = handmade(&[("a", &[1.0]), ("a", &[1.0]), ("b", &[2.0]), ("-", &[9.0])]);
    let half = DeepConf { weighted: false, ..offline(0.5) };
    assert_eq!(half.pick(&silent), Some(NodeId(1)));
    // Without notes it is the majority; without an end nobody votes.
    let bare = handmade(&[("b", &[]), ("a", &[]), ("a", &[])]);
    assert_eq!(offline(0.5).pick(&bare), Some(NodeId(2)));
    assert_eq!(online().pick(&bare), Some(NodeId(2)));
}

#[test]
fn offline_all_kept_with_weights_of_one_is_the_majority() {
    for seed in 0..20 {
        let outcome = run(&DeepConf { weighted: false, ..offline(1.0) }, seed);
        let pool = search().seed(seed).run(Sample { n: 24 }, "a or b?").expect("runs");
        assert_eq!(outcome.best, Selection::majority().pick(&pool.tree));
        assert_eq!(outcome.usage.rounds, 1);
    }
}

#[test]
fn offline_finds_what_the_majority_misses() {
    let right = |strategy: &DeepConf| {
        let outcomes = (0..100).map(|seed| run(strategy, seed));
        outcomes.filter(|outcome| outcome.answer().as_deref() == Some("a")).count()
    };
    let majority = right(&DeepConf { weighted: false, ..offline(1.0) });
    let confident = right(&offline(0.3));
    assert!(majority < 80 && confident > 90, "{majority} {confident}");
}

#[test]
fn confidence_over_few_tokens_of_a_small_vocabulary_is_upside_down() {
    // (.7, .1, .1, .1) against the uniform distribution of four.
    let of = |peaked: bool, top| {
        let odds = if peaked { vec![0.7, 0.1, 0.1, 0.1] } else { vec![0.25; 4] };
        let model = tts_core::toy::Markov::new(move |_| odds.clone());
        let strategy = DeepConf { n: 1, top, ..offline(1.0) };
        let outcome = Search::new(&model).run(strategy, "?").expect("runs");
        outcome.tree[NodeId(1)].step.confidence()[0]
    };
    for (top, expected) in [(1, 0.357), (2, 1.330), (4, 1.816)] {
        assert!((of(true, top) - expected).abs() < 5e-4, "{top}");
        assert!((of(false, top) - 1.386).abs() < 5e-4, "{top}");
    }
}

/// The trap above, where the generator says how small its vocabulary is.
#[test]
fn few_tokens_of_a_small_vocabulary_are_refused() {
    let of = |size, top| {
        let mut model = tts_core::toy::Markov::new(|path| match path.len() {
            0 => vec![0.7, 0.1, 0.1, 0.1],
            _ => vec![0.0, 0.0, 0.0, 1.0],
        });
        model.size = size;
        let (model, strategy) = (Box::new(model), DeepConf { n: 1, top, ..offline(1.0) });
        let alone = Search::new(&model).run(strategy, "?").map(|outcome| outcome.tree.len());
        let halting = DeepConfOnline { top, ..online() };
        let wrapped = tts_search::Forest::of(2, halting);
        assert_eq!(alone.is_ok(), Search::new(&model).run(wrapped, "?").is_ok(), "{size:?} {top}");
        alone.map_err(|error| error.to_string())
    };
    for (size, top) in [(Some(4), 1), (Some(4), 2), (Some(4), 3), (Some(255), 254)] {
        let error = of(size, top).expect_err("upside down");
        let named = format!("over the {top} most probable of {} tokens (top)", size.unwrap_or(0));
        assert!(error.contains(&named), "{error}");
        assert!(error.contains("top must be as large as the vocabulary"), "{error}");
    }
    for (size, top) in [(Some(4), 4), (Some(4), 20), (Some(256), 2), (None, 2)] {
        assert_eq!(of(size, top), Ok(2), "{size:?} {top}");
    }
}

/// A strategy that is shown these lines of a tree.
fn shown(
    strategy: &mut DeepConfOnline,
    tree: &mut Tree,
    fresh: &[NodeId],
) -> Vec<tts_core::Expand> {
    let (cost, budget) = (tts_core::Cost::default(), tts_core::Budget::default());
    let (mut rng, origin) = (tts_core::seed::rng(0), vec![0; fresh.len()]);
    let mut view = tts_core::View::new(tree, fresh, &origin, &cost, &budget, &mut rng);
    strategy.step(&mut view)
}

#[test]
fn what_is_asked_for() {
    let mut tree = Tree::new(Prompt::from("?"), 0);
    let mut strategy = DeepConfOnline { most: 14, ..online() };
    let first = shown(&mut strategy, &mut tree, &[NodeId::ROOT]);
    assert_eq!((first[0].n, first[0].watch), (8, Watch { confidence: 3, ..Watch::default() }));
    let line = |tree: &mut Tree, confidence: f32, finish, open| {
        let notes = Notes { confidence: vec![confidence; 6], ..Notes::default() };
        let text = "The answer is 4.".to_owned();
        let step = Step { text, notes: Some(Box::new(notes)), ..Step::default() };
        tree.push(tts_core::Node { finish, open, ..tts_core::Node::new(NodeId::ROOT, step) })
    };
    let mut fresh: Vec<NodeId> =
        (1..7_u8).map(|c| line(&mut tree, f32::from(c), Finish::Stop, false)).collect();
    // One that its length closed counts for the threshold.
    fresh.push(line(&mut tree, 7.0, Finish::Length, false));
    // What was cut is written to its end first, without a threshold yet.
    fresh.push(line(&mut tree, 8.0, Finish::Length, true));
    let rest = shown(&mut strategy, &mut tree, &fresh);
    assert_eq!((rest.len(), rest[0].node, rest[0].n), (1, fresh[7], 1));
    assert!(rest[0].watch.halt.is_none());
    let end = line(&mut tree, 8.0, Finish::Stop, false);
    for n in [4, 2] {
        let later = shown(&mut strategy, &mut tree, &[end]);
        let halt = later[0].watch.halt.expect("a threshold");
        assert_eq!((later[0].node, later[0].n), (NodeId::ROOT, n));
        assert_eq!((halt.window, halt.below), (4, 4.5));
    }
    assert_eq!(shown(&mut strategy, &mut tree, &[]), []);
    for (n, warm_up) in [(1, 1), (5, 2), (64, 16), (100, 16)] {
        let of = DeepConfOnline::of(n);
        assert_eq!((of.warm_up, of.round, of.most), (warm_up, warm_up, n));
    }
}

#[test]
fn who_lies_below_the_threshold_has_no_vote() {
    // The percentile of a half lies at 1.2: the last two vote, though the first two were seen first.
    let mut tree = handmade(&[("a", &[1.0]), ("a", &[1.1]), ("b", &[1.3]), ("b", &[1.4])]);
    let fresh: Vec<NodeId> = (1..5).map(NodeId).collect();
    let mut strategy = DeepConfOnline { warm_up: 4, weighted: false, ..online() };
    shown(&mut strategy, &mut tree, &[NodeId::ROOT]);
    assert_eq!(strategy.pick(&tree), Some(NodeId(1)));
    shown(&mut strategy, &mut tree, &fresh);
    assert_eq!(strategy.pick(&tree), Some(NodeId(3)));
}

#[test]
fn the_share_that_ends_it_is_of_all_weights() {
    for (consensus, ends) in [(0.75, true), (0.76, false)] {
        let mut tree = handmade(&[("a", &[1.0]), ("a", &[1.0]), ("b", &[1.0]), ("a", &[1.0])]);
        let fresh: Vec<NodeId> = (1..5).map(NodeId).collect();
        let consensus = Some(consensus);
        let mut strategy = DeepConfOnline { warm_up: 4, consensus, keep: 1.0, ..online() };
        shown(&mut strategy, &mut tree, &[NodeId::ROOT]);
        let next = shown(&mut strategy, &mut tree, &fresh);
        assert_eq!(next.is_empty(), ends);
        assert!(next.iter().all(|expand| expand.watch.halt.is_none()));
    }
}

#[test]
fn bad_settings_are_refused() {
    for (strategy, expected) in [
        (DeepConf { n: 0, ..offline(0.5) }, "deep-conf: n is 0"),
        (DeepConf { top: 0, ..offline(0.5) }, "deep-conf: top is 0"),
        (DeepConf { window: 0, ..offline(0.5) }, "deep-conf: window is 0"),
        (offline(0.0), "deep-conf: keep is 0, expected 0 < keep <= 1"),
        (offline(1.1), "keep is 1.1"),
        (offline(f64::NAN), "keep is NaN"),
    ] {
        let error = strategy.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    for (strategy, expected) in [
        (DeepConfOnline { warm_up: 0, ..online() }, "warm_up is 0"),
        (DeepConfOnline { round: 0, ..online() }, "round is 0"),
        (
            DeepConfOnline { most: 7, ..online() },
            "most is 7, expected at least warm_up, which is 8",
        ),
        (DeepConfOnline { consensus: Some(0.0), ..online() }, "consensus is 0"),
        (DeepConfOnline { consensus: Some(1.5), ..online() }, "consensus is 1.5"),
        (DeepConfOnline { keep: -0.1, ..online() }, "keep is -0.1"),
        (DeepConfOnline { top: 0, ..online() }, "deep-conf-online: top is 0"),
    ] {
        let error = strategy.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    assert!(online().check().is_ok() && offline(1.0).check().is_ok());
    let whole = DeepConfOnline { most: 8, consensus: Some(1.0), keep: 1.0, ..online() };
    assert!(whole.check().is_ok());
}

#[test]
fn laws() {
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("problem {i}"))).collect();
    laws::hold(&search(), &DeepConfOnline { consensus: Some(0.9), ..online() }, &prompts);
    laws::hold(&search(), &offline(0.5), &prompts);
}
