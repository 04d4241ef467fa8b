//! Solutions sampled from a generator, judged step by step by a problem family.
//!
//! What comes out depends on model, problems and seed alone. [`Attempts`] are lines of JSONL, one
//! problem each.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::family::{Family, Problem};
use tts_core::{NodeId, Prompt, Search, Step, StepScorer, Trajectory, Tree};

use super::EvaluateError;
use crate::SelfConsistency;

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
    ) -> Result<Vec<Vec<f64>>, EvaluateError> {
        let prompt = Arc::new(family.prompt(&self.question));
        let path =
            |attempt: &Attempt| trajectory(&prompt, attempt.steps.iter().map(String::as_str));
        let paths: Vec<Trajectory> = self.attempts.iter().map(path).collect();
        Ok(scorer
            .score(&paths)
            .map_err(EvaluateError::Scorer)?
            .into_iter()
            .map(|scored| scored.scores)
            .collect())
    }
}

/// Samples `n` solutions of each problem with a search that has all else, problems in the order given;
/// `done` is told after each.
///
/// # Errors
/// When the generator fails, or fails to write any solution of a problem.
pub fn sample<F: Family + ?Sized>(
    search: &Search<'_>,
    family: &F,
    problems: &[Problem],
    n: usize,
    mut done: impl FnMut(),
) -> Result<Vec<Attempts>, EvaluateError> {
    let strategy = SelfConsistency { n, ..SelfConsistency::default() };
    let prompts = problems.iter().map(|problem| (strategy, family.prompt(&problem.question)));
    let outcomes = search.run_each(prompts, |_, _| done());
    let mut all = Vec::with_capacity(problems.len());
    for (Problem { question, .. }, outcome) in problems.iter().zip(outcomes) {
        let outcome = outcome.map_err(|error| EvaluateError::search(question, error))?;
        if let Some(failed) = outcome.failed.first() {
            let (question, source) = (question.clone(), failed.error.clone().into());
            return Err(EvaluateError::Search { question, source });
        }
        let tree = &outcome.tree;
        let first = tree[NodeId::ROOT].children.iter();
        let attempts = first.map(|&first| Attempt::of(family, question, tree, first)).collect();
        all.push(Attempts { question: question.to_owned(), attempts });
    }
    Ok(all)
}

impl Attempt {
    /// The sample whose first node is `first`, up to where its line ends.
    pub fn of<F: Family + ?Sized>(family: &F, question: &str, tree: &Tree, first: NodeId) -> Self {
        let line = std::iter::successors(Some(first), |&id| tree[id].children.first().copied());
        let line: Vec<NodeId> = line.collect();
        let generated = line.iter().map(|&id| tree[id].step.generated()).sum();
        if !line.last().is_some_and(|&end| tree[end].is_finished()) {
            return Self { generated, ..Self::default() };
        }
        let texts = line.iter().map(|&id| tree[id].step.text.clone());
        let steps: Vec<String> = texts.filter(|text| !text.trim().is_empty()).collect();
        Self { generated, ..judge(family, question, steps) }
    }
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
