//! Deep Think with Confidence: unsure samples are broken off and do not vote, which is cheaper than the
//! majority and more often right.
//!
//! `cargo run --release -p tts-search --example deep_conf`
//!
//! The method, with its source, is in `stories/deep_conf.rs`.

use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Sampling, Scripted, Search};

#[path = "stories/worlds/guesses.rs"]
mod guesses;
#[path = "stories/deep_conf.rs"]
mod story;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let model = guesses::model();
    let search = Search::new(&model).task(guesses::LastLetter).sampling(Sampling::temperature(1.0));
    let problems: Vec<Prompt> = (0..200).map(|i| Prompt::from(format!("problem {i}"))).collect();
    writeln!(out, "kept of the warm-up  consensus  right  tokens")?;
    for (keep, consensus, weighted) in
        [(100, 2.0, false), (90, 2.0, true), (50, 2.0, true), (25, 2.0, true), (50, 0.95, true)]
    {
        let story = story::DeepConf {
            warm_up: 16,
            batch: 4,
            most: 48,
            top: 3,
            window: 4,
            keep,
            consensus,
            weighted,
        };
        let (mut right, mut tokens) = (0, 0);
        for outcome in search.run_many(&Scripted::of(story), problems.clone()) {
            let outcome = outcome?;
            right += usize::from(outcome.answer().as_deref() == Some("a"));
            tokens += outcome.usage.logical.generated_tokens;
        }
        let (share, each) = (100.0 * right as f64 / 200.0, tokens / 200);
        writeln!(out, "{keep:18}%  {consensus:9}  {share:4.0}%  {each:6}")?;
    }
    Ok(())
}
