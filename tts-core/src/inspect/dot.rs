//! A tree in the language of Graphviz.
//!
//! Source: Gansner, Koutsofios and North 2015, Drawing graphs with dot.

use std::fmt::Write;

use super::excerpt::{Drawn, Excerpt};
use super::{Case, Fate};
use crate::NodeKind;

/// A search as a Graphviz file of at most `most` nodes; what is left out is counted in it.
///
/// Questions are boxes, rollouts dashed, asides dotted, finished solutions have two lines around them, the
/// chosen path is bold, and what was pruned is grey. `dot -Tsvg` draws it.
///
/// ```
/// use tts_core::inspect::{Case, dot};
/// use tts_core::toy::{Sample, ToyWorld};
/// use tts_core::Search;
/// let world = ToyWorld::default();
/// let outcome = Search::new(&world).run(Sample { n: 4 }, world.prompt(0))?;
/// let drawn = dot(&Case::of("four samples", outcome), 8);
/// assert!(drawn.starts_with("digraph search {") && drawn.contains("nodes are left out"));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
pub fn dot(case: &Case, most: usize) -> String {
    let excerpt = Excerpt::of(case, most);
    let mut text = String::from(
        "digraph search {\n  rankdir=TB; nodesep=0.15; ranksep=0.35;\n  \
         node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=10, margin=\"0.08,0.04\"];\n  \
         edge [arrowsize=0.5, color=\"#888888\"];\n",
    );
    let note = excerpt.note();
    if !note.is_empty() {
        let _ = writeln!(text, "  label=\"{}\"; labelloc=b; fontsize=9;", quoted(&note));
    }
    for node in &excerpt.nodes {
        let lines: Vec<String> = node.lines.iter().map(|line| quoted(line)).collect();
        let _ = writeln!(text, "  n{} [label=\"{}\"{}];", node.id.0, lines.join("\\n"), look(node));
        if let Some(parent) = node.parent {
            let bold = if node.chosen { " [penwidth=2, color=black]" } else { "" };
            let _ = writeln!(text, "  n{} -> n{}{bold};", parent.0, node.id.0);
        }
        if node.left_out > 0 {
            let (id, more) = (node.id.0, node.left_out);
            let _ = writeln!(
                text,
                "  m{id} [label=\"{more} more\", shape=plaintext, fontcolor=\"#777777\"];"
            );
            let _ = writeln!(text, "  n{id} -> m{id} [style=dotted, arrowhead=none];");
        }
    }
    text.push_str("}\n");
    text
}

/// The attributes of a node beside its label.
fn look(node: &Drawn) -> String {
    let mut look = String::new();
    let style = match node.kind {
        NodeKind::Committed if node.question => "filled",
        NodeKind::Committed => "rounded",
        NodeKind::Rollout => "rounded,dashed",
        NodeKind::Aside => "rounded,dotted",
    };
    let _ = write!(look, ", style=\"{style}\"");
    if node.question {
        look.push_str(", fillcolor=\"#ece6f8\"");
    }
    if node.chosen {
        look.push_str(", penwidth=2");
    }
    match node.fate {
        Fate::Finished => look.push_str(", peripheries=2"),
        Fate::Pruned(_) | Fate::Cut(_) => {
            look.push_str(", color=\"#aaaaaa\", fontcolor=\"#777777\"");
        }
        _ => {}
    }
    look
}

/// Text within quotes.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
