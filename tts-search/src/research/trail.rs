//! What a research did, told from its tree: searches, answers, drafts, and the way to the report.
//!
//! Each step hangs from the one before, so no strategy has to keep a diary: a tree that was read from a record, or is
//! still growing, tells the same. The line that an answer came to, of all its variants, has a value that says so.
//!
//! Source: none.

use tts_core::{NodeId, NodeKind, Tree};

use super::cite;
use super::said::said;
use super::sources::Sources;
use crate::retrieve::Found;

/// The value of the line that an answer came to.
pub(super) const TOLD: f64 = 1.0;

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
    /// The draft that was written on it; of several variants the first.
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
    /// How many of the sources had been found when the last of the drafts was written: what it may cite.
    pub known: usize,
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
                drafts.push((id, said(&tree.text(id)).to_owned()));
            }
        }
        drafts.reverse();
        let report = drafts.last().map(|(id, _)| tree.question(*id));
        let (mut sources, mut known) = (Sources::default(), 0);
        let mut exchanges = Vec::new();
        for (id, node) in tree.iter() {
            if report.is_some_and(|report| id <= report) {
                known = sources.len();
            }
            if !is_line(id) || node.role.as_deref() != Some(search) {
                continue;
            }
            let Some(found) = Found::read(&tree.text(id)) else { continue };
            let answer = Self::answer(tree, id);
            let draft = Self::draft(tree, answer.unwrap_or(id));
            let question = tree.asked(id).question().to_owned();
            let found = sources.add(&found);
            // What it cites and was not shown went no further.
            let answer = answer.map(|answer| {
                cite::only(said(&tree.text(answer)), |number| found.contains(&number))
            });
            exchanges.push(Exchange { search: id, question, found, answer, draft });
        }
        Self { sources, exchanges, drafts, known }
    }

    /// The line that the answer to a search came to.
    fn answer(tree: &Tree, search: NodeId) -> Option<NodeId> {
        let mut below: Vec<NodeId> = tree[search].questions.clone();
        while let Some(id) = below.pop() {
            let node = &tree[id];
            // Behind another search it is another exchange, and behind a draft another step.
            if node.kind != NodeKind::Aside || node.role == tree[search].role && !node.is_question()
            {
                continue;
            }
            if node.value == Some(TOLD) {
                return Some(id);
            }
            below.extend(node.questions.iter().chain(&node.asides));
        }
        None
    }

    /// The draft that was written on an answer.
    fn draft(tree: &Tree, answer: NodeId) -> Option<NodeId> {
        // A line of several steps is told by its last.
        let next = |&id: &NodeId| tree[id].children.first().copied();
        let questions = tree[answer].questions.iter();
        let first = questions
            .filter(|&&question| tree[question].kind == NodeKind::Committed)
            .find_map(|&question| tree[question].children.first().copied())?;
        std::iter::successors(Some(first), next).last()
    }

    /// The sources that the report may cite: those that had been found when it was written.
    pub fn citable(&self) -> Sources {
        self.sources.first(self.known)
    }

    /// The report, or whatever comes nearest to one.
    pub fn report(&self) -> Option<&str> {
        self.drafts.last().map(|(_, text)| text.as_str())
    }
}
