//! Power sampling: the law of a chain beside the square of the model's, text by text, with the factor of
//! the lengths and without.
//!
//! `cargo run --release -p tts-search --example power`
//!
//! The method, with its source, is in `stories/power.rs`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Scripted, Search, SearchError, Tree};

#[path = "stories/worlds/letters.rs"]
mod letters;
#[path = "stories/power.rs"]
mod story;

/// Sixteen chains of 5,000 steps.
fn chains(length_factor: bool) -> Result<BTreeMap<String, f64>, SearchError> {
    let story = story::PowerSampling { alpha: 2.0, steps: 5_000, length_factor };
    let prompts = (0..16).map(|chain| Prompt::from(format!("chain {chain}")));
    let outcomes = Search::new(letters::model()).run_many(&Scripted::of(story), prompts);
    let trees: Vec<Tree> = outcomes
        .into_iter()
        .map(|outcome| Ok(outcome?.tree))
        .collect::<Result<_, SearchError>>()?;
    Ok(letters::empirical(&trees))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let (model, exact) = (letters::power(1.0), letters::power(2.0));
    let (with, without) = (chains(true)?, chains(false)?);
    writeln!(out, "text   model  square  chain  without the factor")?;
    for (text, square) in &exact {
        let of = |law: &BTreeMap<String, f64>| law.get(text).copied().unwrap_or_default();
        let (model, with, without) = (of(&model), of(&with), of(&without));
        writeln!(out, "{text:4}   {model:.3}   {square:.3}  {with:.3}  {without:.3}")?;
    }
    let off = |law| letters::total_variation(law, &exact);
    let (model, with, without) = (off(&model), off(&with), off(&without));
    writeln!(out, "off    {model:.3}          {with:.3}  {without:.3}")?;
    Ok(())
}
