//! Methods from the literature as stories and decorators on the core: each keeps its own numbers and
//! the laws of all searches.
//!
//! The strategies and the worlds that they run in are those of the examples.

mod ab_mcts;
mod budget_forcing;
mod chance;
mod choose;
mod deep_conf;
mod gen_select;
mod gen_synthesis;
mod laws;
mod mutual;
mod panel;
mod power;
mod quoting;
mod revision;
mod rsa;
mod self_refine;
mod tournament;

#[path = "../../examples/stories/worlds/addition.rs"]
mod addition;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../examples/stories/worlds/sums.rs"]
mod sums;
#[path = "../../examples/stories/worlds/text_model.rs"]
mod text_model;

use tts_core::{NodeId, NodeKind, Outcome, Tree};

/// Lines that a role wrote; the policy's name is empty.
fn lines(outcome: &Outcome, role: &str) -> u64 {
    outcome.tree.cost_by_role().get(role).map_or(0, |cost| cost.samples)
}

/// The questions of a tree, the problem left out.
fn questions(tree: &Tree) -> Vec<NodeId> {
    let posed = tree.iter().skip(1).filter(|(_, node)| node.is_question());
    posed.map(|(id, _)| id).collect()
}

/// A tree as one line a node: its number, what it is (`?` a question, `+` a candidate's, `~` an aside, `>` a
/// rollout), its parent, who wrote it and the end of its text; the answer has a star.
fn picture(outcome: &Outcome) -> String {
    let tree = &outcome.tree;
    let node = |(id, node): (NodeId, &tts_core::Node)| {
        let kind = match (node.is_question(), node.kind) {
            (true, NodeKind::Aside) => "?~",
            (true, _) => "?",
            (false, NodeKind::Committed) => "+",
            (false, NodeKind::Aside) => "~",
            (false, _) => ">",
        };
        let parent = node.parent.map_or(0, |parent| parent.0);
        let text = node.step.text.trim_end().rsplit("The answer is ").next().unwrap_or_default();
        let role = node.role.as_deref().map_or(String::new(), |role| format!(" [{role}]"));
        let star = if outcome.best == Some(id) { " *" } else { "" };
        format!("{} {kind} {parent} {text}{role}{star}", id.0).trim_end().to_owned()
    };
    tree.iter().skip(1).map(node).collect::<Vec<_>>().join("\n")
}
