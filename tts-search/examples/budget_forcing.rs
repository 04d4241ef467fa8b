//! Budget forcing: one who must look again is right more often, up to a point, and pays for it.
//!
//! `cargo run --release -p tts-search --example budget_forcing`
//!
//! The method, with its source, is [`tts_search::BudgetForcing`].

use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Search};
use tts_search::BudgetForcing;
use tts_search::think::{performance, scaling};

#[path = "stories/worlds/addition.rs"]
mod addition;
#[path = "stories/worlds/recheck.rs"]
mod recheck;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let problems: Vec<Prompt> = (0..300).map(addition::problem).collect();
    let mut points = Vec::new();
    writeln!(out, "most tokens  waits  right  tokens written")?;
    for (most, waits) in
        [(1000, 0), (1000, 1), (1000, 2), (1000, 4), (1000, 8), (40, 8), (80, 8), (160, 8)]
    {
        let (wait, force) = ("Wait. ".to_owned(), recheck::CLOSE.to_owned());
        let strategy = BudgetForcing { waits, most, wait, force, ..Default::default() };
        let (mut right, mut tokens) = (0, 0);
        let search = Search::new(recheck::thinker());
        for outcome in search.run_many(&strategy, problems.iter().cloned()) {
            let outcome = outcome?;
            let gold = addition::right(outcome.tree.prompt().question());
            right += usize::from(outcome.answer() == Some(gold));
            tokens += outcome.usage.logical.generated_tokens;
        }
        let (share, each) = (100.0 * right as f64 / 300.0, tokens / 300);
        writeln!(out, "{most:11}  {waits:5}  {share:4.0}%  {each:14}")?;
        if most == 1000 {
            points.push((each as f64, share));
        }
    }
    let (slope, best) = (scaling(&points), performance(&points));
    let (slope, best) = (slope.unwrap_or_default(), best.unwrap_or_default());
    writeln!(out, "waiting: {slope:.2} points a token, {best:.0}% at best")?;
    Ok(())
}
