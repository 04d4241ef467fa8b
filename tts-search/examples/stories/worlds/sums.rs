//! Sums whose solver reads prose: it solves, looks at what others wrote, criticises and judges.
//!
//! A solution ends with `The answer is 10.` and is right with probability
//! `skill`; a right answer that the prompt shows is recognised with probability `eye`. Asked what is
//! wrong with an attempt it says so, or that nothing is, with the same eye; asked for `\boxed` scores it
//! gives right responses more than wrong ones, but for chance. As a scorer it is right more often than
//! not, by a chance that is a function of the text.
//!
//! Source: none; a world for tests, as [`tts_core::toy`].

use tts_core::seed::{self, Rng};
use tts_core::{
    BoxError, Generated, Generator, LineError, Prompt, Request, Scale, Scored, StepScorer,
    Trajectory, cost::ModelCost,
};

use crate::addition::right;
use crate::text_model::TextModel;

/// Who solves sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    /// How often a solution is right.
    pub(crate) skill: f64,
    /// How often right and wrong are told apart.
    pub(crate) eye: f64,
}

fn below(rng: &mut Rng, most: f64) -> f64 {
    (rng.uniform() * most).floor()
}

/// The answers that a text gives, in order.
fn answers(text: &str) -> impl Iterator<Item = &str> {
    text.split("The answer is ").skip(1).filter_map(|rest| rest.split_once('.').map(|(a, _)| a))
}

impl Sums {
    fn write(self, prompt: &Prompt, rng: &mut Rng) -> String {
        let question = prompt.question();
        let right = right(question);
        let mut luck = |rate: f64| rng.uniform() < rate;
        let found = answers(question).any(|answer| answer == right);
        if question.contains("What is wrong") {
            let said = if luck(self.eye) == found { "It is correct." } else { "The sum is off." };
            return said.into();
        }
        if question.contains("\\boxed") {
            let mut score = |answer: &str| {
                let base = if answer == right { 4.0 } else { 2.0 };
                format!("{:.0}", base + below(rng, 7.0))
            };
            let scores: Vec<String> = answers(question).map(&mut score).collect();
            return format!("Criteria: the sum. \\boxed{{{}}}", scores.join(", "));
        }
        let answer = if (found && luck(self.eye)) || luck(self.skill) {
            right
        } else {
            format!("{:.0}", right.parse().unwrap_or(0.0) + 1.0 + below(rng, 4.0))
        };
        format!("I add them up. The answer is {answer}.")
    }
}

impl Generator for Sums {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let write = |prompt: &Prompt, so_far: &str, rng: &mut Rng| match so_far {
            "" => Ok::<_, LineError>(self.write(prompt, rng)),
            _ => Ok(String::new()),
        };
        TextModel(write).generate(batch)
    }

    fn cost(&self) -> ModelCost {
        ModelCost { parameters: 1_000, layers: 2, query_width: 8, windows: None }
    }
}

impl StepScorer for Sums {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let (question, text) = (path.prompt().question(), path.text());
            let chance = seed::rng(seed::hash_text(3, &format!("{question}{text}"))).uniform();
            let sound = answers(&text).last() == Some(&right(question));
            let score = if sound == (chance < self.eye) { 0.6 } else { 0.2 } + 0.3 * chance;
            Scored::of(vec![score; path.fresh_steps().len()])
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn scale(&self) -> Scale {
        Scale::OUTCOME
    }

    fn cost(&self) -> ModelCost {
        ModelCost { parameters: 300, layers: 1, query_width: 8, windows: None }
    }
}
