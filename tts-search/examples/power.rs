//! Power sampling: the law of a chain beside the square of the model's, text by text, and beside sampling at
//! a low temperature, which is another one.
//!
//! `cargo run --release -p tts-search --example power`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use tts_core::toy::Sample;
use tts_core::{Sampling, Search, SearchError};
use tts_search::PowerSampling;

#[path = "stories/worlds/letters.rs"]
mod letters;

/// Sixteen chains of 5,000 steps.
fn chains() -> Result<BTreeMap<String, f64>, SearchError> {
    let mut visited = Vec::new();
    for chain in 0..16 {
        let mut power = PowerSampling { alpha: 2.0, steps: 5_000, ..PowerSampling::default() };
        let outcome = Search::new(letters::model()).run(&mut power, format!("chain {chain}"))?;
        let visits = power.state.visits().iter();
        visited.extend(visits.map(|&(node, steps)| (outcome.tree.text(node), f64::from(steps))));
    }
    Ok(letters::empirical(visited))
}

/// Samples at half of the temperature: each token sharpened by itself.
fn cold() -> Result<BTreeMap<String, f64>, SearchError> {
    let search = Search::new(letters::model()).sampling(Sampling::temperature(0.5));
    let tree = search.run(Sample { n: 80_000 }, "samples")?.tree;
    Ok(letters::empirical(tree.finished().map(|id| (tree.text(id), 1.0))))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let (model, exact) = (letters::power(1.0), letters::power(2.0));
    let (chain, cold) = (chains()?, cold()?);
    writeln!(out, "text   model  square  chain  temperature 1/2")?;
    for (text, square) in &exact {
        let of = |law: &BTreeMap<String, f64>| law.get(text).copied().unwrap_or_default();
        let (model, chain, cold) = (of(&model), of(&chain), of(&cold));
        writeln!(out, "{text:4}   {model:.3}   {square:.3}  {chain:.3}  {cold:.3}")?;
    }
    let off = |law| letters::total_variation(law, &exact);
    let (model, chain, cold) = (off(&model), off(&chain), off(&cold));
    writeln!(out, "off    {model:.3}          {chain:.3}  {cold:.3}")?;
    Ok(())
}
