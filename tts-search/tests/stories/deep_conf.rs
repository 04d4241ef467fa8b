//! Votes of the confident.

#[path = "../../examples/stories/worlds/guesses.rs"]
mod guesses;
#[path = "../../examples/stories/deep_conf.rs"]
mod story;

use guesses::{LastLetter, model};
use story::DeepConf;
use tts_core::toy::Sample;
use tts_core::{Finish, NodeId, Outcome, Prompt, Sampling, Scripted, Search, Selection, Tree};

use crate::laws;

const STORY: DeepConf = DeepConf {
    warm_up: 8,
    batch: 4,
    most: 24,
    top: 3,
    window: 4,
    keep: 50,
    consensus: 2.0,
    weighted: true,
};

fn search() -> Search<'static> {
    Search::new(model()).task(LastLetter).sampling(Sampling::temperature(1.0))
}

fn run(story: &DeepConf, seed: u64) -> Outcome {
    search().seed(seed).run(Scripted::of(story.clone()), "a or b?").expect("runs")
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
        let outcome = run(&DeepConf { keep, ..STORY }, seed);
        let tree = &outcome.tree;
        let all: Vec<NodeId> = tree.iter().skip(1).map(|(id, _)| id).collect();
        assert_eq!((all.len(), outcome.usage.rounds), (24, 5));
        let mut warm_up: Vec<f64> = all[..8].iter().map(|&id| lowest(tree, id, 4)).collect();
        assert!(all[..8].iter().all(|&id| tree[id].is_finished()));
        warm_up.sort_by(f64::total_cmp);
        // Of eight so many lie below, rounded down.
        let below = warm_up[match keep {
            50 => 4,
            25 => 6,
            _ => 1,
        }];
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
    let majority = DeepConf { keep: 100, weighted: false, ..STORY };
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
    let right = |story: &DeepConf| {
        let outcomes: Vec<Outcome> = (0..100).map(|seed| run(story, seed)).collect();
        let tokens: u64 = outcomes.iter().map(|o| o.usage.logical.generated_tokens).sum();
        (outcomes.iter().filter(|o| o.answer().as_deref() == Some("a")).count(), tokens)
    };
    let majority = right(&DeepConf { keep: 100, weighted: false, ..STORY });
    let confident = right(&STORY);
    // Guesses are wrong in 9 of 10 cases and half of the lines: the majority is a coin.
    assert!(majority.0 < 80 && confident.0 > 90, "{majority:?} {confident:?}");
    assert!(confident.1 * 100 < majority.1 * 90, "{majority:?} {confident:?}");
}

#[test]
fn it_ends_with_consensus() {
    let (mut early, mut late) = (0, 0);
    for seed in 0..30 {
        let outcome = run(&DeepConf { consensus: 0.8, ..STORY }, seed);
        let whole = run(&STORY, seed);
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

#[test]
fn laws() {
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("problem {i}"))).collect();
    laws::hold(&search(), &Scripted::of(DeepConf { consensus: 0.9, ..STORY }), &prompts);
}
