//! Methods from the literature as stories and decorators on the core: each keeps its own numbers and
//! the laws of all searches.
//!
//! The strategies and the worlds that they run in are those of the examples.

mod ab_mcts;
mod aggregation;
mod budget_forcing;
mod chance;
mod deep_conf;
mod laws;
mod panel;
mod power;
mod research;
mod revision;
mod self_refine;

#[path = "../../examples/stories/worlds/addition.rs"]
mod addition;
#[path = "../../examples/stories/worlds/sums.rs"]
mod sums;
#[path = "../../examples/stories/worlds/text_model.rs"]
mod text_model;

use tts_core::{NodeId, Outcome, Tree};

/// Lines that a role wrote; the policy's name is empty.
fn lines(outcome: &Outcome, role: &str) -> u64 {
    outcome.tree.cost_by_role().get(role).map_or(0, |cost| cost.samples)
}

/// The questions of a tree, the problem left out.
fn questions(tree: &Tree) -> Vec<NodeId> {
    let posed = tree.iter().skip(1).filter(|(_, node)| node.is_question());
    posed.map(|(id, _)| id).collect()
}
