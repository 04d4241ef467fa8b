//! What a research did, told from its tree: searches, answers, drafts, and the way to the report.
//!
//! Each step hangs from the one before, so no strategy has to keep a diary: a tree that was read from a record, or is
//! still growing, tells the same. Of an answer that no draft was written on, the first variant is told.
//!
//! Source: none.

use tts_core::{NodeId, NodeKind, Tree};

use super::notes::Sources;
use crate::retrieve::Found;

/// A search and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The line of the search.
    pub search: NodeId,
    /// What was searched for.
    pub question: String,
    /// Numbers of what was found, the best first.
    pub found: Vec<u32>,
    /// What was made of it, if anything was.
    pub answer: Option<String>,
    /// The draft that was written on it.
    pub draft: Option<NodeId>,
}

/// A research as its tree tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trail {
    /// All that was found, by number.
    pub sources: Sources,
    /// Searches, in order.
    pub exchanges: Vec<Exchange>,
    /// Texts that led to the answer, the answer last: the first draft, those after it, the report, and what it was
    /// rewritten to.
    pub drafts: Vec<(NodeId, String)>,
}

impl Trail {
    /// The way to `best`, or to the latest draft where nothing was chosen; `search` is the role that searches.
    pub fn of(tree: &Tree, best: Option<NodeId>, search: &str) -> Self {
        let is_line = |id: NodeId| !tree[id].is_question();
        let committed =
            |id: NodeId| is_line(id) && id != NodeId::ROOT && tree[id].kind == NodeKind::Committed;
        let latest = || tree.iter().rev().map(|(id, _)| id).find(|&id| committed(id));
        let up = |from: NodeId| std::iter::successors(Some(from), |&id| tree[id].parent);
        let mut drafts: Vec<(NodeId, String)> = Vec::new();
        let mut question = None;
        // A draft of several steps is one text: the last node of each question on the way.
        for id in best.or_else(latest).into_iter().flat_map(up).filter(|&id| committed(id)) {
            if question.replace(tree.question(id)) != Some(tree.question(id)) {
                drafts.push((id, tree.text(id)));
            }
        }
        drafts.reverse();
        let mut sources = Sources::default();
        let mut exchanges = Vec::new();
        for (id, node) in tree.iter() {
            if !is_line(id) || node.role.as_deref() != Some(search) {
                continue;
            }
            let Some(found) = Found::read(&tree.text(id)) else { continue };
            let (answer, draft) = Self::answered(tree, id);
            let question = tree.asked(id).question().to_owned();
            let found = sources.add(&found);
            exchanges.push(Exchange { search: id, question, found, answer, draft });
        }
        Self { sources, exchanges, drafts }
    }

    /// The answer to a search, and the draft that was written on it.
    fn answered(tree: &Tree, search: NodeId) -> (Option<String>, Option<NodeId>) {
        // A line of several steps is told by its last.
        let next = |&id: &NodeId| tree[id].children.first().or(tree[id].asides.first()).copied();
        let end = |first: NodeId| std::iter::successors(Some(first), next).last().unwrap_or(first);
        let mut below = vec![search];
        let mut first = None;
        while let Some(id) = below.pop() {
            for &question in tree[id].questions.iter().rev() {
                let node = &tree[question];
                if node.kind == NodeKind::Committed {
                    let draft = node.children.first().map(|&first| end(first));
                    return (Some(tree.text(id)).filter(|_| id != search), draft);
                }
                let lines = node.asides.iter().copied();
                // Behind another search it is another exchange.
                let own: Vec<NodeId> = lines
                    .filter(|&line| tree[line].role.as_deref() != tree[search].role.as_deref())
                    .collect();
                below.extend(own.iter().rev());
            }
            below.extend(tree[id].asides.iter().filter(|_| id != search));
            if id != search && first.is_none() {
                first = Some(tree.text(end(id)));
            }
        }
        (first, None)
    }

    /// The report, or whatever comes nearest to one.
    pub fn report(&self) -> Option<&str> {
        self.drafts.last().map(|(_, text)| text.as_str())
    }
}
