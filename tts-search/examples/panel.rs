//! A panel of judges: best-of-4 by one judgement, by the votes of many, and by those that a meta-scorer
//! likes.
//!
//! `cargo run --release -p tts-search --example panel`
//!
//! The method, with its source, is in `stories/panel.rs`.

use std::error::Error;
use std::io::Write;

use tts_core::{Prompt, Scale, Search, Step, Trajectory, scorer};
use tts_search::BestOfN;

#[path = "stories/worlds/addition.rs"]
mod addition;
#[path = "stories/panel.rs"]
mod story;
#[path = "stories/worlds/sums.rs"]
mod sums;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

/// Knows a good judgement: right responses have more points than wrong ones on average.
fn margin(path: &Trajectory, _: &Step) -> f64 {
    let asked = path.prompt().question();
    let gold = format!("The answer is {}.", addition::right(asked));
    let right: Vec<bool> = asked.split("<response>").skip(1).map(|r| r.contains(&gold)).collect();
    let scores = story::parse(&path.text(), right.len()).unwrap_or_default();
    let mean = |which: bool| {
        let of = || right.iter().zip(&scores).filter(|(right, _)| **right == which);
        f64::from(of().map(|(_, score)| score).sum::<u32>()) / of().count().max(1) as f64
    };
    (0.5 + (mean(true) - mean(false)) / 20.0).clamp(0.0, 1.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let solver = sums::Sums { skill: 0.4, eye: 0.8 };
    let search = Search::new(solver)
        .role("judge", solver)
        .scorer_named("meta", scorer::from_fn(margin).with_scale(Scale::OUTCOME));
    let problems: Vec<Prompt> = (0..300).map(addition::problem).collect();
    writeln!(out, "judgements  that count  right  tokens of the judge")?;
    for (samples, keep) in [(1, 1), (2, 2), (4, 4), (8, 8), (16, 16), (4, 2), (8, 4), (16, 8)] {
        let (judge, meta) = ("judge".to_owned(), Some("meta".to_owned()));
        let panel = story::Panel { judge, samples, keep, meta };
        let judged = story::Judged::of(BestOfN { n: 4, ..Default::default() }, panel);
        let (mut right, mut tokens) = (0, 0);
        for outcome in search.run_many(&judged, problems.clone()) {
            let outcome = outcome?;
            let gold = addition::right(outcome.tree.prompt().question());
            right += usize::from(outcome.answer() == Some(gold));
            tokens += outcome.tree.cost_by_role()["judge"].generated_tokens;
        }
        let (share, each) = (100.0 * right as f64 / 300.0, tokens / 300);
        writeln!(out, "{samples:10}  {keep:10}  {share:4.0}%  {each:19}")?;
    }
    Ok(())
}
