//! Sequential or parallel: 32 attempts at every split between the number of chains and their length.
//!
//! `cargo run --release -p tts-search --example revision`
//!
//! The method, with its source, is in `stories/revision.rs`.

use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Scripted, Search, Selection};

#[path = "stories/worlds/addition.rs"]
mod addition;
#[path = "stories/revision.rs"]
mod story;
#[path = "stories/worlds/sums.rs"]
mod sums;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let solver = sums::Sums { skill: 0.1, eye: 0.6 };
    let problems: Vec<Prompt> = (0..200).map(addition::problem).collect();
    writeln!(out, "chains  length  over chains  flat majority")?;
    for chains in [32, 16, 8, 4, 2, 1] {
        let length = 32 / chains;
        let story = Scripted::of(story::Revision { chains, length, shown: 4 });
        let (mut hierarchical, mut flat) = (0, 0);
        for outcome in Search::new(solver).scorer(solver).run_many(&story, problems.clone()) {
            let outcome = outcome?;
            let tree = &outcome.tree;
            let gold = addition::right(tree.prompt().question());
            hierarchical += usize::from(outcome.answer().as_ref() == Some(&gold));
            let majority = Selection::majority().pick(tree).and_then(|id| tree.answer(id));
            flat += usize::from(majority == Some(&gold));
        }
        let percent = |solved| 100.0 * solved as f64 / 200.0;
        let (hierarchical, flat) = (percent(hierarchical), percent(flat));
        writeln!(out, "{chains:6}  {length:6}  {hierarchical:10.0}%  {flat:12.0}%")?;
    }
    Ok(())
}
