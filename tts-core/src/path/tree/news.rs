//! What a decision did to a tree besides asking for lines: questions posed, values set, lines refused.
//!
//! A record tells it, so that the tree can be built again without its strategy.

use super::{Node, NodeId, Tree};

/// What was done since the last decision began.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// The number of the decision, from 1; 0 before the first.
    decision: u32,
    /// The nodes that were there when it began.
    from: usize,
    /// The nodes that were given values, as often as they were.
    valued: Vec<NodeId>,
    /// The lines that could not be read, by their last nodes, and why.
    refused: Vec<(NodeId, String)>,
}

impl Tree {
    /// A decision begins.
    pub(crate) fn begin_decision(&mut self) {
        let News { decision, .. } = self.news;
        let from = self.nodes.len();
        self.news = News { decision: decision + 1, from, ..News::default() };
    }

    /// Puts a better estimate in place of a node's score.
    pub(crate) fn set_value(&mut self, id: NodeId, value: f64) {
        self.nodes[id.index()].value = Some(value);
        self.news.valued.push(id);
    }

    /// Notes that a line could not be read.
    pub(crate) fn note_refused(&mut self, id: NodeId, why: String) {
        self.news.refused.push((id, why));
    }

    /// The lines that the last decision refused, and why, in its order.
    pub(crate) fn refused(&self) -> &[(NodeId, String)] {
        &self.news.refused
    }

    /// The number of the last decision, from 1.
    pub(crate) fn decision(&self) -> u32 {
        self.news.decision
    }

    /// The questions that the last decision posed, in order, until something is written behind them.
    pub(crate) fn posed(&self) -> &[Node] {
        self.nodes.get(self.news.from..).unwrap_or_default()
    }

    /// The nodes that the last decision gave values, with these.
    pub(crate) fn valued(&self) -> Vec<(NodeId, f64)> {
        let mut nodes = self.news.valued.clone();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.into_iter().filter_map(|id| Some((id, self[id].value?))).collect()
    }
}
