//! A tree as a Mermaid flowchart, for READMEs and papers in Markdown.
//!
//! Source: Mermaid's documentation, flowcharts, "Entity codes to escape characters".

use std::fmt::Write;

use super::excerpt::{Drawn, Excerpt};
use super::{Case, Fate};
use crate::NodeKind;

/// A search as a Mermaid flowchart of at most `most` nodes; what is left out is counted in it.
///
/// ```
/// use tts_core::inspect::{Case, mermaid};
/// use tts_core::toy::{Sample, ToyWorld};
/// use tts_core::Search;
/// let world = ToyWorld::default();
/// let outcome = Search::new(&world).run(Sample { n: 4 }, world.prompt(0))?;
/// let drawn = mermaid(&Case::of("four samples", outcome), 8);
/// assert!(drawn.starts_with("flowchart TD\n") && drawn.contains("nodes are left out"));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
pub fn mermaid(case: &Case, most: usize) -> String {
    let excerpt = Excerpt::of(case, most);
    let mut text = String::from("flowchart TD\n");
    let mut edges = 0;
    let mut bold = Vec::new();
    for node in &excerpt.nodes {
        let lines: Vec<String> = node.lines.iter().map(|line| label(line)).collect();
        let [open, close] = match (node.question, &node.fate) {
            (true, _) => ["{{", "}}"],
            (_, Fate::Finished) => ["[[", "]]"],
            _ => ["(", ")"],
        };
        let id = node.id.0;
        let _ = writeln!(text, "  n{id}{open}\"{}\"{close}:::{}", lines.join("<br/>"), class(node));
        if let Some(parent) = node.parent {
            let _ = writeln!(text, "  n{} --> n{id}", parent.0);
            if node.chosen {
                bold.push(edges.to_string());
            }
            edges += 1;
        }
        if node.left_out > 0 {
            let _ = writeln!(text, "  n{id} -.- m{id}[\"{} more\"]:::more", node.left_out);
            edges += 1;
        }
    }
    let note = excerpt.note();
    if !note.is_empty() {
        let _ = writeln!(text, "  note[\"{note}\"]:::more");
    }
    if !bold.is_empty() {
        let _ = writeln!(text, "  linkStyle {} stroke-width:3px", bold.join(","));
    }
    text.push_str(
        "  classDef step fill:#ffffff,stroke:#555555\n  \
         classDef chosen fill:#dbe8ff,stroke:#1f5fbf,stroke-width:2px\n  \
         classDef question fill:#ece6f8,stroke:#555555\n  \
         classDef rollout fill:#ffffff,stroke:#555555,stroke-dasharray:5 3\n  \
         classDef aside fill:#e3f1ee,stroke:#555555,stroke-dasharray:2 2\n  \
         classDef pruned fill:#ffffff,stroke:#bbbbbb,color:#777777\n  \
         classDef more fill:none,stroke:none,color:#777777\n",
    );
    text
}

fn class(node: &Drawn) -> &'static str {
    match (&node.fate, node.kind) {
        _ if node.chosen => "chosen",
        (_, NodeKind::Rollout) => "rollout",
        (_, NodeKind::Aside) => "aside",
        _ if node.question => "question",
        (Fate::Pruned(_) | Fate::Cut(_), _) => "pruned",
        _ => "step",
    }
}

/// Text within quotes: whatever may mean something to Mermaid, Markdown or HTML is written by its number.
fn label(text: &str) -> String {
    let mut label = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // A point within a number begins no list.
        let within = c == '.' && chars.peek().is_some_and(char::is_ascii_digit);
        if c.is_ascii() && !(within || c.is_ascii_alphanumeric() || " +=,/:'?%".contains(c)) {
            let _ = write!(label, "#{};", u32::from(c));
        } else {
            label.push(c);
        }
    }
    label
}
