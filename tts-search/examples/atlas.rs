//! Deep research as diffusion on Atlas, a made-up world: how the draft fills as searches come in, and what it cost.
//!
//! `cargo run --release -p tts-search --example atlas`

use std::error::Error;
use std::io::Write;

use tts_core::{Scripted, Search};
use tts_search::research::atlas::{Agents, Atlas};
use tts_search::research::{Assumptions, Estimate, Page, Research};
use tts_search::retrieve::{SearchSettings, Searcher};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let world = Atlas::new(7, 1_000);
    let request = world.request(0);
    let agents = Agents { misread: 0.1, ..Agents::default() };
    let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
    let research = Research::default();
    let assumed = Assumptions { problem: request.prompt(), ..Assumptions::default() };
    let estimate = Estimate::of(&research, "search", &assumed)?;
    writeln!(out, "{}\n\n{estimate}\n", request.prompt().question())?;
    let search = Search::new(agents).role("search", searcher);
    let outcome = search.run(Scripted::of(research), request.prompt())?;
    let page = Page::of(&outcome, "search");
    for (id, text) in &page.trail().drafts {
        let round = outcome.tree[*id].round;
        writeln!(out, "round {round:4}: {} of 6 right", request.right(text))?;
    }
    writeln!(out, "\n{}\n", page.checked().text)?;
    for (number, passage) in page.trail().sources.iter() {
        if page.checked().cited().contains(&number) {
            writeln!(out, "[{number}] {}: {}", passage.id, passage.text)?;
        }
    }
    for (role, cost) in outcome.cost_by_role() {
        let role = if role.is_empty() { "writer" } else { &role };
        writeln!(out, "{role}: {} lines, {} tokens", cost.samples, cost.generated_tokens)?;
    }
    Ok(())
}
