//! What is known of the whole path to a node, beside the node itself.

use std::sync::{Arc, OnceLock};

pub(super) use crate::path::aggregate::Running;
use crate::path::trajectory::Link;
use crate::{Node, NodeId};

/// What follows from the nodes before.
#[derive(Debug, Clone)]
pub(super) struct Along {
    /// What it answers.
    pub(super) question: NodeId,
    /// Tokens from the question on.
    pub(super) tokens: u64,
    /// Those of them that were generated.
    pub(super) generated: u64,
    /// Of the scores on the path, the node's own included.
    pub(super) scores: Running,
    /// Questions about it so far: those for candidates, and asides.
    pub(super) asked: [u32; 2],
    /// The steps up to here; made when something continues the node.
    pub(super) link: OnceLock<Arc<Link>>,
    /// The final answer of the text up to here.
    pub(super) answer: OnceLock<Option<Arc<str>>>,
}

impl Default for Along {
    /// Of a root.
    fn default() -> Self {
        Self {
            question: NodeId::ROOT,
            tokens: 0,
            generated: 0,
            scores: Running::default(),
            asked: [0; 2],
            link: OnceLock::new(),
            answer: OnceLock::new(),
        }
    }
}

impl Along {
    /// Of a node that is about to get the number `id`.
    pub(super) fn of(node: &Node, id: NodeId, nodes: &[Node], along: &[Self]) -> Self {
        let parent = node.parent.filter(|_| !node.is_question());
        let Some(above) = parent.and_then(|parent| along.get(parent.index())) else {
            return Self { question: id, ..Self::default() };
        };
        debug_assert_eq!(nodes.len(), along.len());
        Self {
            question: above.question,
            tokens: above.tokens + node.step.tokens.len() as u64,
            generated: above.generated + node.step.generated() + u64::from(node.kept),
            scores: above.scores.with(node.score),
            ..Self::default()
        }
    }
}
