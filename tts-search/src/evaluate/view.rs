//! A search tree as text: every branch with its score, wrong steps and the chosen path marked.
//!
//! ```text
//! 47+38*3-26
//! ├─ 0.98 =47+114-26 ◀
//! │  ├─ 0.97 =161-26 ◀
//! │  │  └─ 0.99 =135 ◀ end ×2
//! │  └─ 0.31 =151-26 ✗ pruned
//! └─ 0.02 =47+104-26 ✗ pruned ×2
//! ```
//!
//! Siblings stand in the order of their scores. Those with the same text and nothing below them are
//! one line with their number. Steps that a search wrote only to look ahead are left out; their
//! verdict is in the score, which is then that of the step and its rollout together.
//!
//! Source: none; a format of this library.

use std::io::{self, Write};

use tts_core::family::{Family, lines};
use tts_core::{NodeId, NodeKind, Outcome, Tree};

/// What the marks mean, in one line.
pub const LEGEND: &str = "◀ the chosen path; ✗ a wrong step, by the exact checker; pruned: not \
                          continued; end: a finished solution; ×2: written twice";

/// The tree of a problem with what is marked in it.
#[derive(Clone, Copy)]
pub struct TreeView<'a> {
    /// Says which steps are wrong.
    pub family: &'a dyn Family,
    /// The problem.
    pub question: &'a str,
    /// What a search left.
    pub outcome: &'a Outcome,
}

impl std::fmt::Debug for TreeView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeView").field("question", &self.question).finish_non_exhaustive()
    }
}

/// Siblings that are shown as one line: the one shown, and how many they are.
type Group = (NodeId, usize);

impl TreeView<'_> {
    /// Writes the tree.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let chosen = self.outcome.best.map_or_else(Vec::new, |end| self.tree().path(end));
        writeln!(out, "{}", self.question)?;
        self.below(out, NodeId::ROOT, "", &chosen)
    }

    /// The number of lines that [`TreeView::write`] writes.
    pub fn height(&self) -> usize {
        1 + self.count(NodeId::ROOT)
    }

    /// Whether the step of this node is wrong.
    pub fn is_wrong(&self, id: NodeId) -> bool {
        let text = self.tree().text(id);
        let step = &self.tree()[id].step;
        !step.is_blank() && self.family.check(self.question, &lines(&text)).last() == Some(&false)
    }

    fn tree(&self) -> &Tree {
        &self.outcome.tree
    }

    fn count(&self, id: NodeId) -> usize {
        self.groups(id, &[]).iter().map(|&(child, _)| 1 + self.count(child)).sum()
    }

    fn below(
        &self,
        out: &mut dyn Write,
        id: NodeId,
        indent: &str,
        chosen: &[NodeId],
    ) -> io::Result<()> {
        let groups = self.groups(id, chosen);
        for (index, &(child, count)) in groups.iter().enumerate() {
            let last = index + 1 == groups.len();
            let (corner, space) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            writeln!(out, "{indent}{corner}{}", self.line(child, count, chosen))?;
            self.below(out, child, &format!("{indent}{space}"), chosen)?;
        }
        Ok(())
    }

    fn line(&self, id: NodeId, count: usize, chosen: &[NodeId]) -> String {
        let node = &self.tree()[id];
        let score = node.value.or(node.score);
        let mut line = score.map_or_else(|| "   -".to_owned(), |score| format!("{score:.2}"));
        line.push(' ');
        line.push_str(&node.step.text.trim().replace('\n', " "));
        let leaf = node.children.is_empty();
        let marks = [
            (self.is_wrong(id), "✗"),
            (chosen.contains(&id), "◀"),
            (leaf && node.is_finished(), "end"),
            (leaf && !node.is_finished(), if node.open { "pruned" } else { "cut" }),
        ];
        for (_, mark) in marks.iter().filter(|(holds, _)| *holds) {
            line.push(' ');
            line.push_str(mark);
        }
        if count > 1 { format!("{line} ×{count}") } else { line }
    }

    /// The children of a node, the best first, equal leaves together. Of these the chosen one is
    /// shown.
    fn groups(&self, id: NodeId, chosen: &[NodeId]) -> Vec<Group> {
        let tree = self.tree();
        let mut groups: Vec<Group> = Vec::new();
        for &child in &tree[id].children {
            if tree[child].kind != NodeKind::Committed {
                continue;
            }
            let equal = groups.iter_mut().find(|(other, _)| self.are_equal(*other, child));
            match equal {
                Some((shown, count)) => {
                    *count += 1;
                    if chosen.contains(&child) {
                        *shown = child;
                    }
                }
                None => groups.push((child, 1)),
            }
        }
        let score = |id: NodeId| tree[id].value.or(tree[id].score).unwrap_or(f64::NEG_INFINITY);
        groups.sort_by(|a, b| score(b.0).total_cmp(&score(a.0)));
        groups
    }

    fn are_equal(&self, a: NodeId, b: NodeId) -> bool {
        let (a, b) = (&self.tree()[a], &self.tree()[b]);
        let leaves = a.children.is_empty() && b.children.is_empty();
        leaves && a.step.text == b.step.text && a.finish == b.finish
    }
}
