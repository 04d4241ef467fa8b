//! Self-refinement: the story of one problem, as the tree keeps it.
//!
//! `cargo run --release -p tts-search --example self_refine`
//!
//! The method, with its source, is [`tts_search::SelfRefine`].

use std::error::Error;
use std::io::Write;

use tts_core::{NodeKind, Scripted, Search};
use tts_search::SelfRefine;

#[path = "stories/worlds/addition.rs"]
mod addition;
#[path = "stories/worlds/sums.rs"]
mod sums;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let search = Search::new(sums::Sums { skill: 0.3, eye: 0.9 }).seed(1);
    let refine = SelfRefine { rounds: 4, ..Default::default() };
    let outcome = search.run(Scripted::of(refine), addition::problem(0))?;
    let tree = &outcome.tree;
    writeln!(out, "{}", tree.prompt().question())?;
    for (id, node) in tree.iter().filter(|(_, node)| !node.is_question()) {
        let aside = node.kind == NodeKind::Aside;
        let who = if aside { "  critique" } else { "attempt" };
        let chosen = if outcome.best == Some(id) { "   <- the answer" } else { "" };
        writeln!(out, "{who}: {}{chosen}", tree.text(id))?;
    }
    let candidates = tree.candidates().len();
    let lines = outcome.usage.logical.samples;
    writeln!(out, "{lines} lines, of which {candidates} are candidates")?;
    Ok(())
}
