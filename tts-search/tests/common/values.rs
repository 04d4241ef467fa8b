//! A small language model whose texts have values: a value for each beginning of a text, and who knows them.

#[path = "../../examples/stories/worlds/letters.rs"]
pub(crate) mod letters;

use tts_core::toy::Markov;
use tts_core::*;

use letters::model;

/// A value for each beginning, with nothing of a system in it: on the way it says little of the end.
pub(crate) fn value(text: &str) -> f64 {
    match text {
        "a" => 0.9,
        "b" => 0.3,
        "aa" => 0.2,
        "ab" => 0.7,
        "ba" => 0.95,
        "bb" => 0.5,
        _ => 0.1 + 0.8 * seed::rng(seed::hash_text(1, text)).uniform(),
    }
}

/// Knows them.
pub(crate) struct Values;

impl StepScorer for Values {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let mut text: String =
                path.judged_steps().iter().map(|step| step.text.as_str()).collect();
            let scores = path.fresh_steps().iter().map(|step| {
                text.push_str(&step.text);
                value(&text)
            });
            Scored::of(scores.collect())
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn scale(&self) -> Scale {
        Scale::PREFIX
    }
}

/// Steps of one letter; the end is a step of its own, without text, and not judged.
pub(crate) fn by_letters() -> Markov {
    let mut model = model();
    model.step_tokens = 1;
    model
}
