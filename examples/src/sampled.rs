//! Solutions sampled from a generator, judged step by step by a problem family.
//!
//! What comes out depends on model, problems and seed alone. [`Attempts`] are lines of JSONL, one
//! problem each.

use serde::{Deserialize, Serialize};
use tts_core::family::{Family, Problem};
use tts_core::{Generator, Sampling, Search, StepRule};
use tts_search::SelfConsistency;

use crate::Error;

/// One sampled solution. What was cut at the token limit counts as not solved and has no steps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attempt {
    /// The text of each step.
    pub steps: Vec<String>,
    /// Whether each step is right.
    pub right: Vec<bool>,
    /// Whether it ended with the right answer.
    pub solved: bool,
}

/// The solutions sampled for one problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// The problem.
    pub question: String,
    /// In the order of their seeds.
    pub attempts: Vec<Attempt>,
}

impl Attempts {
    /// How many are right.
    pub fn solved(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.solved).count()
    }
}

/// The longest solutions of the families here stay well below this many tokens.
pub fn rule() -> StepRule {
    StepRule { max_step_tokens: 64, max_tokens: 224, ..StepRule::lines() }
}

/// Samples `n` solutions of each problem, problems in the order given; `done` is told after each.
///
/// # Errors
/// When the generator fails, or fails to write any solution of a problem.
pub fn sample<F: Family + ?Sized>(
    generator: &dyn Generator,
    family: &F,
    problems: &[Problem],
    n: usize,
    temperature: f32,
    seed: u64,
    mut done: impl FnMut(),
) -> Result<Vec<Attempts>, Error> {
    let mut search = Search::new(generator)
        .rule(rule())
        .sampling(Sampling::temperature(temperature))
        .seed(seed)
        .concurrency(32);
    let strategy = SelfConsistency { n, ..SelfConsistency::default() };
    let searches = problems.iter().map(|problem| (strategy, family.prompt(&problem.question)));
    let outcomes = search.run_each(searches, |_, _| done());
    let mut all = Vec::with_capacity(problems.len());
    for (problem, outcome) in problems.iter().zip(outcomes) {
        let outcome = outcome?;
        if let Some(failed) = outcome.failed.first() {
            return Err(format!("{:?}: {}", problem.question, failed.error).into());
        }
        let attempts = outcome.tree.finished().map(|end| {
            let path = outcome.tree.path(end);
            let texts = path.iter().map(|&id| outcome.tree[id].step.text.clone());
            let steps: Vec<String> = texts.filter(|text| !text.trim().is_empty()).collect();
            judge(family, &problem.question, steps)
        });
        let mut attempts: Vec<Attempt> = attempts.collect();
        attempts.resize(n, Attempt::default());
        all.push(Attempts { question: problem.question.clone(), attempts });
    }
    Ok(all)
}

fn judge<F: Family + ?Sized>(family: &F, question: &str, steps: Vec<String>) -> Attempt {
    let texts: Vec<&str> = steps.iter().map(String::as_str).collect();
    let right = family.check(question, &texts);
    let solved = family.solved(question, &texts);
    Attempt { steps, right, solved }
}
