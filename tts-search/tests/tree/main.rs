//! Searches of trees, stepped by hand and in the toy world.

#[path = "../common/mod.rs"]
mod common;

mod mcts;
mod mcts_values;
mod rebase;
mod step_best_of_n;

use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;

const WORLD: ToyWorld = ToyWorld { additions: 2, error: 0.4, seed: 5 };

/// A search of the toy world, at temperature 1.
fn search(noise: f64) -> Search<'static> {
    let oracle = Oracle { noise, seed: 1 };
    Search::new(WORLD)
        .scorer(oracle)
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0))
        .seed(3)
}

/// Every node as its parent's number, its text and its score.
fn drawn(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, node) in tree.iter().skip(1) {
        let parent = node.parent.map_or(0, |parent| parent.0);
        let kind = if node.kind == NodeKind::Rollout { "~" } else { "" };
        let score = node.score.map_or("-".into(), |score| format!("{score:.2}"));
        lines.push(format!("{}<{parent}{kind} {} {score}", id.0, node.step.text.trim()));
    }
    lines
}

/// Settings that cannot work, each with what is said of it.
fn refused(cases: impl IntoIterator<Item = (tts_search::Recipe, &'static str)>) {
    for (recipe, expected) in cases {
        let error = recipe.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
        let json = serde_json::to_string(&recipe).expect("JSON");
        assert!(tts_search::Recipe::from_json(&json).is_err(), "{json}");
    }
}
