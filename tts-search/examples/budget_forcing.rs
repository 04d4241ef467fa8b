//! Budget forcing: one who must look again is right more often, up to a point, and pays for it.
//!
//! `cargo run --release -p tts-search --example budget_forcing`
//!
//! The method, with its source, is in `stories/budget_forcing.rs`.

use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Scripted, Search};

#[path = "stories/worlds/addition.rs"]
mod addition;
#[path = "stories/worlds/recheck.rs"]
mod recheck;
#[path = "stories/budget_forcing.rs"]
mod story;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let problems: Vec<Prompt> = (0..300).map(addition::problem).collect();
    writeln!(out, "most tokens  waits  right  tokens written")?;
    for (most, waits) in
        [(1000, 0), (1000, 1), (1000, 2), (1000, 4), (1000, 8), (40, 8), (80, 8), (160, 8)]
    {
        let (wait, close) = ("Wait. ".to_owned(), recheck::CLOSE.to_owned());
        let story = story::BudgetForcing { waits, most, wait, close };
        let (mut right, mut tokens) = (0, 0);
        let search = Search::new(recheck::thinker());
        for outcome in search.run_many(&Scripted::of(story), problems.iter().cloned()) {
            let outcome = outcome?;
            let gold = addition::right(outcome.tree.prompt().question());
            right += usize::from(outcome.answer() == Some(gold));
            tokens += outcome.usage.logical.generated_tokens;
        }
        let (share, each) = (100.0 * right as f64 / 300.0, tokens / 300);
        writeln!(out, "{most:11}  {waits:5}  {share:4.0}%  {each:14}")?;
    }
    Ok(())
}
