//! A model that thinks before it answers: each look at a sum may err, and the answer is what most looks
//! agree on.
//!
//! Thinking is lines of `It is 10.`, then `</think>`; how many there are is chance. One that is told to
//! wait looks again. A look is right with probability 0.5.
//!
//! Source: none; a world for tests, as [`tts_core::toy`].

use std::collections::BTreeMap;

use tts_core::seed::Rng;
use tts_core::{Generator, Prompt};

use crate::addition::right;
use crate::text_model::TextModel;

/// The text that ends thinking.
pub(crate) const CLOSE: &str = "</think>";

/// What most looks in a text say, the first of equals.
fn most(text: &str) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let looks = || text.split("It is ").skip(1).filter_map(|rest| rest.split_once('.'));
    looks().for_each(|(answer, _)| *counts.entry(answer).or_default() += 1);
    let more = |best, answer| if counts[answer] > counts[best] { answer } else { best };
    looks().map(|(answer, _)| answer).reduce(more)
}

/// The model.
pub(crate) fn thinker() -> impl Generator + Clone {
    TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let mut text = so_far.to_owned();
        if !so_far.contains(CLOSE) {
            let right = right(prompt.question());
            let mut lucky = |rate: f64| rng.uniform() < rate;
            loop {
                let slip = if lucky(0.5) { "" } else { ["1", "2"][usize::from(lucky(0.5))] };
                text.extend(["It is ", &right, slip, ".\n"]);
                if lucky(0.4) {
                    break;
                }
            }
            text += CLOSE;
        }
        let answer = most(&text).unwrap_or("unknown").to_owned();
        Ok(format!("{} The answer is {answer}.", &text[so_far.len()..]))
    })
}
