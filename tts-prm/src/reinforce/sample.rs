//! What a policy drew, taken from the trees of a search: solutions, token for token, and who wrote which.
//!
//! A sample is the path to a leaf that nothing can follow: finished, cut by a length, or broken off. What the
//! policy generated of it is learnt; tokens that a strategy put in, or that another role wrote, are read only.
//! So a sample has *runs*, stretches of generated tokens with their log-probabilities, and those as they were drawn
//! where a sampling makes them others.
//! Leaves that a strategy left open, such as the pruned ends of a beam, are no solutions and no samples.
//!
//! The tokens are those that the engine ran, also where a strategy went on behind an end token, which it then
//! dropped.
//!
//! Source: none; the rollouts of Shao et al. 2024 (arXiv 2402.03300), section 4.1, for any search.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Finish, NodeId, NodeKind, Prompt, Tree, Verdict};

use crate::PrmError;

/// Generated tokens in a row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The place of the first one in [`Sample::tokens`].
    pub first: usize,
    /// The log-probability of each under the policy that wrote it, in nats: at temperature 1, before any truncation.
    pub logprobs: Vec<f32>,
    /// The same as it was drawn: at the temperature and after the truncation of its sampling. Empty where all are
    /// drawn at temperature 1 from all tokens, so that they are [`Run::logprobs`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<f32>,
}

impl Run {
    /// The log-probability of each token as it was drawn, in nats.
    pub fn drawn(&self) -> &[f32] {
        if self.drawn.is_empty() { &self.logprobs } else { &self.drawn }
    }

    /// Adds the tokens of a step; `drawn` is empty where nothing was noted.
    fn extend(&mut self, logprobs: &[f32], drawn: &[f32]) {
        if self.drawn.is_empty() && !drawn.is_empty() {
            self.drawn.clone_from(&self.logprobs);
        }
        if !self.drawn.is_empty() || !drawn.is_empty() {
            self.drawn.extend(if drawn.is_empty() { logprobs } else { drawn });
        }
        self.logprobs.extend(logprobs);
    }

    /// Takes the last token away.
    fn pop(&mut self) {
        self.logprobs.pop();
        self.drawn.pop();
    }
}

/// A step that was scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The place behind its last token in [`Sample::tokens`].
    pub end: usize,
    /// What the scorer says of it, on the scorer's scale.
    pub score: f64,
}

/// A node of the tree that a sample was drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Which one.
    pub node: NodeId,
    /// The place behind its last token in [`Sample::tokens`].
    pub end: usize,
    /// The place behind its last byte in [`Sample::text`].
    pub text: usize,
}

/// A solution that was drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What its writer was asked: the problem, or a question that a strategy posed.
    pub prompt: Arc<Prompt>,
    /// The end of what its writer was shown, as the model's template has it: there a part of an answer may be open
    /// already.
    pub begun: Arc<str>,
    /// What was written.
    pub text: String,
    /// Its final answer, as the task finds it, of a finished one; `None` without one.
    pub answer: Option<String>,
    /// What the task thinks of it; what was cut has no answer. `None` where nobody knows the right one.
    pub verdict: Option<Verdict>,
    /// Why it ended.
    pub finish: Finish,
    /// All tokens behind the prompt.
    pub tokens: Vec<u32>,
    /// Those that the policy generated.
    pub runs: Vec<Run>,
    /// The steps that were scored, first to last.
    pub scored: Vec<Scored>,
    /// What all of it is worth to the search that drew it, by its scorer or by a judge in it, on their scale; `None`
    /// where nobody said.
    pub value: Option<f64>,
    /// Whether it is what that search would answer with.
    pub picked: bool,
    /// The nodes that it runs through, first to last.
    pub path: Vec<Passed>,
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

    /// Its text in the steps that it was written in, without blank ones at its end.
    pub fn steps(&self) -> Vec<String> {
        let mut from = 0;
        let own = |passed: &Passed| {
            let text = self.text.get(from..passed.text).unwrap_or_default().to_owned();
            from = passed.text;
            text
        };
        let mut steps: Vec<String> = self.path.iter().map(own).collect();
        while steps.last().is_some_and(|step| step.trim().is_empty()) {
            steps.pop();
        }
        steps
    }

    /// Whether its answer is known to be right.
    pub fn is_right(&self) -> bool {
        self.verdict.is_some_and(Verdict::is_right)
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
    /// Why nothing was: all of its lines failed.
    pub(super) failed: Option<String>,
}

/// Whether a leaf is the end of a solution.
fn ends(tree: &Tree, id: NodeId) -> bool {
    let node = &tree[id];
    let leaf = node.kind == NodeKind::Committed && node.children.is_empty() && !node.is_question();
    leaf && (node.is_finished() || !node.open)
}

/// All samples of a tree, judged by its task against the right answer, unless that is blank; `best` is the choice of
/// its search.
pub(super) fn samples(
    (tree, best): (&Tree, Option<NodeId>),
    (question, gold): (&str, &str),
    end_tokens: &[u32],
) -> Result<Vec<Sample>, PrmError> {
    let leaves = tree.iter().map(|(id, _)| id).filter(|&id| ends(tree, id));
    let sample = |id| {
        let sample = sample(tree, id, (question, gold), end_tokens)?;
        Ok(Sample { picked: best == Some(id), ..sample })
    };
    leaves.map(sample).collect()
}

fn sample(
    tree: &Tree,
    id: NodeId,
    (question, gold): (&str, &str),
    end_tokens: &[u32],
) -> Result<Sample, PrmError> {
    let (mut tokens, mut runs, mut scored) = (Vec::new(), Vec::<Run>::new(), Vec::new());
    let (mut path, mut written) = (Vec::<Passed>::new(), 0);
    for at in tree.path(id) {
        let node = &tree[at];
        let step = &node.step;
        if step.given > 0 {
            reopen(&mut tokens, &mut runs, end_tokens);
            for passed in &mut path {
                passed.end = passed.end.min(tokens.len());
            }
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
            let drawn = step.drawn();
            if !drawn.is_empty() && drawn.len() != step.logprobs.len() {
                let problem = format!(
                    "{} log-probabilities as drawn, of {} tokens that were generated",
                    drawn.len(),
                    step.logprobs.len()
                );
                return Err(PrmError::reinforce(format!("node {} of {question:?}", at.0), problem));
            }
            match runs.last_mut() {
                Some(run) if run.first + run.logprobs.len() == first => {
                    run.extend(&step.logprobs, drawn);
                }
                _ => {
                    let mut run = Run { first, ..Run::default() };
                    run.extend(&step.logprobs, drawn);
                    runs.push(run);
                }
            }
        }
        written += step.text.len();
        path.push(Passed { node: at, end: tokens.len(), text: written });
        if let Some(score) = node.score {
            scored.push(Scored { end: tokens.len(), score });
        }
    }
    let finish = tree[id].finish;
    let text = tree.text(id);
    let finished = finish == Finish::Stop;
    let answer = if finished { tree.answer(id).map(str::to_owned) } else { None };
    let judged = || {
        if finished { tree.task().verdict(question, gold, &text) } else { Verdict::Unanswered }
    };
    let verdict = (!gold.trim().is_empty()).then(judged);
    let prompt = Arc::clone(tree.asked(id));
    let value = tree.score(id, Aggregate::ByScale);
    Ok(Sample {
        prompt,
        begun: "".into(),
        text,
        answer,
        verdict,
        finish,
        tokens,
        runs,
        scored,
        value,
        picked: false,
        path,
    })
}

/// Drops the end tokens that the engine drops where a finished path is taken up again.
fn reopen(tokens: &mut Vec<u32>, runs: &mut Vec<Run>, end_tokens: &[u32]) {
    while tokens.last().is_some_and(|token| end_tokens.contains(token)) {
        tokens.pop();
        if let Some(run) = runs.last_mut()
            && run.first + run.logprobs.len() > tokens.len()
        {
            run.pop();
        }
        runs.pop_if(|run| run.logprobs.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that were drawn plainly beside others: each token has the probability with which it was drawn.
    #[test]
    fn a_run_holds_how_each_of_its_tokens_was_drawn() {
        let mut run = Run::default();
        run.extend(&[-1.0, -2.0], &[]);
        assert_eq!((run.drawn.len(), run.drawn()), (0, &[-1.0, -2.0][..]));
        run.extend(&[-3.0], &[-0.5]);
        run.extend(&[-4.0], &[]);
        assert_eq!(run.logprobs, [-1.0, -2.0, -3.0, -4.0]);
        assert_eq!(run.drawn(), [-1.0, -2.0, -0.5, -4.0]);
        run.pop();
        assert_eq!((run.logprobs.len(), run.drawn()), (3, &[-1.0, -2.0, -0.5][..]));
        // What is kept to be read says of plain ones nothing twice.
        let plain = Run { first: 3, logprobs: vec![-1.0], drawn: Vec::new() };
        let json = serde_json::to_string(&plain).unwrap();
        assert_eq!(json, r#"{"first":3,"logprobs":[-1.0]}"#);
        assert_eq!(serde_json::from_str::<Run>(&json).unwrap(), plain);
    }
}
