//! Deep research as diffusion: how the draft fills as searches come in, and who wrote how much.
//!
//! `cargo run --release -p tts-search --example research`
//!
//! The method, with its source, is in `stories/research.rs`.

use std::error::Error;
use std::io::Write;

use tts_core::{NodeKind, Scripted, Search, StepRule};

#[path = "stories/worlds/atlas.rs"]
mod atlas;
#[path = "stories/research.rs"]
mod story;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let search = Search::new(atlas::writer())
        .role("judge", atlas::judge())
        .role("search", atlas::search())
        .rule(StepRule { delimiters: Vec::new(), max_step_tokens: 1024, ..StepRule::default() });
    let research = Scripted::of(story::Research::default());
    let outcome = search.run(research, "How long are the rivers?")?;
    let tree = &outcome.tree;
    let texts = tree.candidates();
    writeln!(
        out,
        "round of the search, and how many of {} lengths a draft has right:",
        atlas::RIVERS
    )?;
    for &text in &texts {
        let (round, covered) = (tree[text].round, atlas::covered(&tree.text(text)));
        writeln!(out, "{round:4}  {}", "#".repeat(covered))?;
    }
    for (role, cost) in tree.cost_by_role() {
        let role = if role.is_empty() { "writer" } else { &role };
        writeln!(out, "{role}: {} lines, {} tokens", cost.samples, cost.generated_tokens)?;
    }
    let asides = tree.iter().filter(|(_, node)| node.kind == NodeKind::Aside).count();
    writeln!(out, "{} nodes, of which {asides} are asides", tree.len())?;
    Ok(())
}
