//! Problems of adding numbers, `3 + 5 + 2 + 14 = ?`.
//!
//! Source: none; problems for tests, as [`tts_core::toy`].

use tts_core::{Prompt, seed};

/// Problem number `index`.
pub(crate) fn problem(index: u64) -> Prompt {
    let mut rng = seed::rng(seed::mix(11, index));
    let mut number = || format!("{:.0}", (rng.uniform() * 30.0).floor());
    Prompt::text(format!("{} + {} + {} + {} = ?", number(), number(), number(), number()))
}

/// The right answer to the sum on the first line of a question.
pub(crate) fn right(question: &str) -> String {
    let sum = question.lines().next().unwrap_or_default().trim_end_matches(" = ?");
    sum.split(" + ").filter_map(|number| number.parse::<i64>().ok()).sum::<i64>().to_string()
}
