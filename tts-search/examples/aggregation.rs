//! Recursive self-aggregation: a model that knows a right solution when it sees one gets better with every
//! population, where the majority of as many samples does not.
//!
//! `cargo run --release -p tts-search --example aggregation`
//!
//! The method, with its source, is [`tts_search::Rsa`].

use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Search, SearchStrategy};
use tts_search::{Rsa, SelfConsistency};

#[path = "stories/worlds/addition.rs"]
mod addition;
#[path = "stories/worlds/sums.rs"]
mod sums;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

/// How many of 200 problems are solved.
fn solved(strategy: &(impl SearchStrategy + Clone)) -> Result<usize, Box<dyn Error>> {
    let search = Search::new(sums::Sums { skill: 0.2, eye: 0.7 });
    let mut solved = 0;
    for outcome in
        search.run_many(strategy, (0..200).map(addition::problem).collect::<Vec<Prompt>>())
    {
        let outcome = outcome?;
        let gold = addition::right(outcome.tree.prompt().question());
        solved += usize::from(outcome.answer() == Some(gold));
    }
    Ok(solved)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "lines  aggregated (K = 1)  (K = 4)  majority")?;
    for rounds in [1, 2, 4, 8] {
        let (population, n) = (8, 8 * rounds);
        let rsa = |shown| Rsa { population, shown, rounds, ..Default::default() };
        let (one, four) = (solved(&rsa(1))?, solved(&rsa(4))?);
        let majority = solved(&SelfConsistency { n, ..Default::default() })?;
        let percent = |solved| 100.0 * solved as f64 / 200.0;
        let (one, four, majority) = (percent(one), percent(four), percent(majority));
        writeln!(out, "{n:5}  {one:17.0}%  {four:6.0}%  {majority:7.0}%")?;
    }
    Ok(())
}
