//! Deep Think with Confidence: unsure samples are broken off and do not vote, which is cheaper than the
//! majority and more often right.
//!
//! `cargo run --release -p tts-search --example deep_conf`
//!
//! The method, with its source, is [`tts_search::DeepConfOnline`].

use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Sampling, Search};
use tts_search::DeepConfOnline;

#[path = "stories/worlds/guesses.rs"]
mod guesses;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let model = guesses::model();
    let search = Search::new(&model).task(guesses::LastLetter).sampling(Sampling::temperature(1.0));
    let problems: Vec<Prompt> = (0..200).map(|i| Prompt::from(format!("problem {i}"))).collect();
    writeln!(out, "kept of the warm-up  consensus  right  tokens")?;
    for (keep, consensus, weighted) in [
        (1.0, None, false),
        (0.9, None, true),
        (0.5, None, true),
        (0.25, None, true),
        (0.5, Some(0.95), true),
    ] {
        let strategy = DeepConfOnline {
            warm_up: 16,
            round: 4,
            most: 48,
            top: 3,
            window: 4,
            keep,
            consensus,
            weighted,
            ..Default::default()
        };
        let (mut right, mut tokens) = (0, 0);
        for outcome in search.run_many(&strategy, problems.clone()) {
            let outcome = outcome?;
            right += usize::from(outcome.answer().as_deref() == Some("a"));
            tokens += outcome.usage.logical.generated_tokens;
        }
        let (share, each) = (100.0 * right as f64 / 200.0, tokens / 200);
        let until = consensus.map_or("none".to_owned(), |share| share.to_string());
        writeln!(out, "{:18}%  {until:>9}  {share:4.0}%  {each:6}", 100.0 * keep)?;
    }
    Ok(())
}
