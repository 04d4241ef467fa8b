//! Solutions that are nothing but their quality, so that a search shows what it searches for.
//!
//! A solution is a number from 0 to 1, which is its score. A new one has the quality `fresh`, a refined
//! one that of the solution shown and `gain`, both but for a little chance.
//!
//! Source: none; a world for tests, as [`tts_core::toy`].

use tts_core::seed::Rng;
use tts_core::{Generator, Prompt, Scale, Step, StepScorer, Trajectory, scorer};

use crate::text_model::TextModel;

/// A writer of numbers.
pub(crate) fn writer(fresh: f64, gain: f64) -> impl Generator + Clone {
    TextModel(move |prompt: &Prompt, _: &str, rng: &mut Rng| {
        let shown = prompt.question().split("<solution>").nth(1);
        let shown = shown.and_then(|rest| rest.split_once("</solution>"));
        let base = shown.and_then(|(text, _)| text.trim().parse::<f64>().ok());
        let chance = 0.1 * (rng.uniform() - 0.5);
        Ok(format!("{:.3}", (base.map_or(fresh, |base| base + gain) + chance).clamp(0.0, 1.0)))
    })
}

/// The number itself.
pub(crate) fn reader() -> impl StepScorer {
    let read = |_: &Trajectory, step: &Step| step.text.parse().unwrap_or(0.0);
    scorer::from_fn(read).with_scale(Scale::OUTCOME)
}
