//! Adaptive branching: the shape of the search follows from what helps, and so does who writes.
//!
//! `cargo run --release -p tts-search --example ab_mcts`
//!
//! The method, with its source, is [`tts_search::AbMcts`].

use std::error::Error;
use std::io::Write;

use tts_core::{NodeId, Search, Tree};
use tts_search::AbMcts;
use tts_search::refine::Words;

#[path = "stories/worlds/quality.rs"]
mod quality;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

/// Writes what was written about a node: the solutions, each below the one that it refines.
fn show(out: &mut impl Write, tree: &Tree, at: NodeId, depth: usize) -> std::io::Result<()> {
    for &line in &tree[at].children {
        let role = tree[line].role.as_deref().unwrap_or("policy");
        writeln!(out, "{:indent$}{} {role}", "", tree.text(line), indent = 2 * depth)?;
        for &question in &tree[line].questions {
            show(out, tree, question, depth + 1)?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for (what, first, second) in [
        ("refinements never help; the second writer is better", (0.4, -0.3), (0.6, -0.3)),
        ("refinements always help; the first writer refines better", (0.2, 0.15), (0.2, 0.0)),
    ] {
        let (one, two) = (quality::writer(first.0, first.1), quality::writer(second.0, second.1));
        let search = Search::new(one.clone()).role("one", one).role("two", two);
        let roles = vec!["one".to_owned(), "two".to_owned()];
        let words = Words {
            each: "<solution>\n{attempt}\n</solution>\n".into(),
            ask: "{question}\n\n{attempts}Write a better one.".into(),
        };
        let strategy = AbMcts { calls: 24, roles, words, ..AbMcts::default() };
        let outcome = search.scorer(quality::reader()).run(strategy, "a problem")?;
        writeln!(out, "{what}: {}", outcome.text().unwrap_or_default())?;
        show(&mut out, &outcome.tree, NodeId::ROOT, 1)?;
    }
    Ok(())
}
