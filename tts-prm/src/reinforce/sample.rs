//! What a policy drew, taken from the trees of a search: solutions, token for token, and who wrote which.
//!
//! A sample is the path to a leaf that nothing can follow: finished, cut by a length, or broken off. What the
//! policy generated of it is learnt; tokens that a strategy put in, or that another role wrote, are read only.
//! So a sample has *runs*, stretches of generated tokens with the log-probabilities with which they were drawn.
//! Leaves that a strategy left open, such as the pruned ends of a beam, are no solutions and no samples.
//!
//! The tokens are those that the engine ran, also where a strategy went on behind an end token, which it then
//! dropped.
//!
//! Source: none; the rollouts of Shao et al. 2024 (arXiv 2402.03300), section 4.1, for any search.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{Finish, NodeId, NodeKind, Prompt, Tree, Verdict};

use crate::PrmError;

/// Generated tokens in a row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The place of the first one in [`Sample::tokens`].
    pub first: usize,
    /// The log-probability of each when it was drawn, in nats.
    pub logprobs: Vec<f32>,
}

/// A step that was scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The place behind its last token in [`Sample::tokens`].
    pub end: usize,
    /// What the scorer says of it, on the scorer's scale.
    pub score: f64,
}

/// A solution that was drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What its writer was asked: the problem, or a question that a strategy posed.
    pub prompt: Arc<Prompt>,
    /// What was written.
    pub text: String,
    /// Its final answer, as the task finds it, of a finished one; `None` without one.
    pub answer: Option<String>,
    /// What the task thinks of it; what was cut has no answer.
    pub verdict: Verdict,
    /// Why it ended.
    pub finish: Finish,
    /// All tokens behind the prompt.
    pub tokens: Vec<u32>,
    /// Those that the policy generated.
    pub runs: Vec<Run>,
    /// The steps that were scored, first to last.
    pub scored: Vec<Scored>,
}

impl Sample {
    /// Tokens that the policy generated.
    pub fn generated(&self) -> usize {
        self.runs.iter().map(|run| run.logprobs.len()).sum()
    }

    /// Whether the policy ended it, rather than a limit.
    pub fn is_finished(&self) -> bool {
        self.finish == Finish::Stop
    }

    /// Whether its answer is right.
    pub fn is_right(&self) -> bool {
        self.verdict.is_right()
    }
}

/// The samples of one problem, in the order in which the search made their ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Which of the problems.
    pub(super) problem: usize,
    /// The seed of its search.
    pub(super) seed: u64,
    /// What was drawn.
    pub(super) samples: Vec<Sample>,
}

/// Whether a leaf is the end of a solution.
fn ends(tree: &Tree, id: NodeId) -> bool {
    let node = &tree[id];
    let leaf = node.kind == NodeKind::Committed && node.children.is_empty() && !node.is_question();
    leaf && (node.is_finished() || !node.open)
}

/// All samples of a tree, judged by its task against the right answer.
pub(super) fn samples(
    tree: &Tree,
    (question, gold): (&str, &str),
    end_tokens: &[u32],
) -> Result<Vec<Sample>, PrmError> {
    let leaves = tree.iter().map(|(id, _)| id).filter(|&id| ends(tree, id));
    leaves.map(|id| sample(tree, id, (question, gold), end_tokens)).collect()
}

fn sample(
    tree: &Tree,
    id: NodeId,
    (question, gold): (&str, &str),
    end_tokens: &[u32],
) -> Result<Sample, PrmError> {
    let (mut tokens, mut runs, mut scored) = (Vec::new(), Vec::<Run>::new(), Vec::new());
    for at in tree.path(id) {
        let node = &tree[at];
        let step = &node.step;
        if step.given > 0 {
            reopen(&mut tokens, &mut runs, end_tokens);
        }
        let given = (step.given as usize).min(step.tokens.len());
        let first = tokens.len() + given;
        tokens.extend(&step.tokens);
        // What another role wrote is no choice of the policy.
        if node.role.is_none() && first < tokens.len() {
            if step.logprobs.len() != tokens.len() - first {
                let problem = format!(
                    "{} log-probabilities of {} tokens that were generated: this generator does not tell with which \
                     probability it draws",
                    step.logprobs.len(),
                    tokens.len() - first
                );
                return Err(PrmError::reinforce(format!("node {} of {question:?}", at.0), problem));
            }
            match runs.last_mut() {
                Some(run) if run.first + run.logprobs.len() == first => {
                    run.logprobs.extend(&step.logprobs);
                }
                _ => runs.push(Run { first, logprobs: step.logprobs.clone() }),
            }
        }
        if let Some(score) = node.score {
            scored.push(Scored { end: tokens.len(), score });
        }
    }
    let finish = tree[id].finish;
    let text = tree.text(id);
    let finished = finish == Finish::Stop;
    let answer = if finished { tree.answer(id).map(str::to_owned) } else { None };
    let verdict =
        if finished { tree.task().verdict(question, gold, &text) } else { Verdict::Unanswered };
    let prompt = Arc::clone(tree.asked(id));
    Ok(Sample { prompt, text, answer, verdict, finish, tokens, runs, scored })
}

/// Drops the end tokens that the engine drops where a finished path is taken up again.
fn reopen(tokens: &mut Vec<u32>, runs: &mut Vec<Run>, end_tokens: &[u32]) {
    while tokens.last().is_some_and(|token| end_tokens.contains(token)) {
        tokens.pop();
        if let Some(run) = runs.last_mut()
            && run.first + run.logprobs.len() > tokens.len()
        {
            run.logprobs.pop();
        }
        runs.pop_if(|run| run.logprobs.is_empty());
    }
}
