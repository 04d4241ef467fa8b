//! Solutions sampled from a generator, judged step by step by a problem family.
//!
//! What comes out depends on model, problems and seed alone. [`Attempts`] are lines of JSONL, one
//! problem each.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::family::{Family, Problem};
use tts_core::{
    Generator, NodeId, Prompt, Sampling, Search, Step, StepRule, StepScorer, Trajectory, Tree,
};
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
    /// Tokens that were generated.
    #[serde(default)]
    pub generated: u64,
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

    /// The scores of the steps of each.
    ///
    /// # Errors
    /// When the scorer fails.
    pub fn scores<F: Family + ?Sized>(
        &self,
        family: &F,
        scorer: &dyn StepScorer,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let prompt = Arc::new(family.prompt(&self.question));
        let path =
            |attempt: &Attempt| trajectory(&prompt, attempt.steps.iter().map(String::as_str));
        let paths: Vec<Trajectory> = self.attempts.iter().map(path).collect();
        Ok(scorer.score(&paths)?.into_iter().map(|scored| scored.scores).collect())
    }
}

/// Problems in flight at a time.
const CONCURRENCY: usize = 64;

/// The longest solutions of the families here stay well below this many tokens.
pub fn rule() -> StepRule {
    StepRule { max_step_tokens: 64, max_tokens: 224, ..StepRule::lines() }
}

/// How solutions are sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Solutions of each problem.
    pub samples: usize,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Where all randomness comes from.
    pub seed: u64,
}

impl Setting {
    /// Samples solutions of questions, each asked by a prompt; `done` is told after each.
    ///
    /// # Errors
    /// When the generator fails, or fails to write any solution of a problem.
    pub fn sample<F: Family + ?Sized>(
        &self,
        generator: &dyn Generator,
        family: &F,
        asked: &[(&str, String)],
        mut done: impl FnMut(),
    ) -> Result<Vec<Attempts>, Error> {
        let search = Search::new(generator)
            .rule(rule())
            .sampling(self.sampling)
            .seed(self.seed)
            .concurrency(CONCURRENCY);
        let strategy = SelfConsistency { n: self.samples, ..SelfConsistency::default() };
        let prompt = |(_, prompt): &(&str, String)| (strategy, Prompt::text(prompt.as_str()));
        let outcomes = search.run_each(asked.iter().map(prompt), |_, _| done());
        let mut all = Vec::with_capacity(asked.len());
        for (&(question, _), outcome) in asked.iter().zip(outcomes) {
            let outcome = outcome?;
            if let Some(failed) = outcome.failed.first() {
                return Err(format!("{question:?}: {}", failed.error).into());
            }
            let tree = &outcome.tree;
            let first = tree[NodeId::ROOT].children.iter();
            let attempts = first.map(|&first| attempt(family, question, tree, first)).collect();
            all.push(Attempts { question: question.to_owned(), attempts });
        }
        Ok(all)
    }
}

/// Samples `n` solutions of each problem, problems in the order given; `done` is told after each.
///
/// # Errors
/// As [`Setting::sample`].
pub fn sample<F: Family + ?Sized>(
    generator: &dyn Generator,
    family: &F,
    problems: &[Problem],
    n: usize,
    temperature: f32,
    seed: u64,
    done: impl FnMut(),
) -> Result<Vec<Attempts>, Error> {
    let sampling = Sampling::temperature(temperature);
    let asked: Vec<(&str, String)> = problems
        .iter()
        .map(|problem| {
            let question = problem.question.as_str();
            (question, family.prompt(question).question().to_owned())
        })
        .collect();
    Setting { samples: n, sampling, seed }.sample(generator, family, &asked, done)
}

/// The sample whose first node is `first`.
fn attempt<F: Family + ?Sized>(family: &F, question: &str, tree: &Tree, first: NodeId) -> Attempt {
    let line = std::iter::successors(Some(first), |&id| tree[id].children.first().copied());
    let line: Vec<NodeId> = line.collect();
    let generated = line.iter().map(|&id| tree[id].step.generated()).sum();
    if !line.last().is_some_and(|&end| tree[end].is_finished()) {
        return Attempt { generated, ..Attempt::default() };
    }
    let texts = line.iter().map(|&id| tree[id].step.text.clone());
    let steps: Vec<String> = texts.filter(|text| !text.trim().is_empty()).collect();
    Attempt { generated, ..judge(family, question, steps) }
}

fn judge<F: Family + ?Sized>(family: &F, question: &str, steps: Vec<String>) -> Attempt {
    let texts: Vec<&str> = steps.iter().map(String::as_str).collect();
    let right = family.check(question, &texts);
    let solved = family.solved(question, &texts);
    Attempt { steps, right, solved, generated: 0 }
}

/// A path of these steps, finished, all of it to be judged.
pub fn trajectory<'t>(
    prompt: &Arc<Prompt>,
    steps: impl IntoIterator<Item = &'t str>,
) -> Trajectory {
    let step = |text: &str| Arc::new(Step { text: text.to_owned(), ..Step::default() });
    let steps: Vec<Arc<Step>> = steps.into_iter().map(step).collect();
    let fresh = steps.len();
    Trajectory::new(Arc::clone(prompt), steps, fresh, true)
}
