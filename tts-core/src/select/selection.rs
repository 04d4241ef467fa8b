//! How a finished tree becomes one answer: best, majority or weighted vote.
//!
//! Answers are compared after extraction by [`answer::equivalent()`]; candidates without an answer
//! never vote, and are chosen only when no candidate has one. Within the winning class the member
//! with the highest score is returned (Snell et al. 2024, section 5.1; Wang et al. 2022 for the
//! plain majority).

use serde::{Deserialize, Serialize};

use crate::drive::outcome;
use crate::select::{self, Vote, Weight};
use crate::{Aggregate, NodeId, Tree, answer};

/// Which vote decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The candidate with the highest score.
    #[default]
    Best,
    /// The answer that most candidates have.
    Majority,
    /// The answer with the highest sum of scores; for scores of at least 0, probabilities say.
    Weighted,
    /// The answer with the highest sum of `exp(score)`; for log-probabilities.
    WeightedExp,
    /// The answer with the highest sum of `1 / (1 + exp(-score))`; for raw logits.
    WeightedSigmoid,
}

/// A vote over the candidates of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Which vote decides.
    pub rule: Rule,
    /// The score of a candidate, from the scores of its steps.
    pub aggregate: Aggregate,
}

impl Selection {
    /// The highest aggregated score.
    pub fn best(aggregate: Aggregate) -> Self {
        Self { rule: Rule::Best, aggregate }
    }

    /// The chosen candidate; `None` when there is none.
    ///
    /// ```
    /// use tts_core::{Aggregate, Finish, NodeId, Prompt, Rule, Selection, Tree};
    /// let mut tree = Tree::new(Prompt::from("2 + 2?"), 0);
    /// tree.grow(NodeId::ROOT, "The answer is 5.", Finish::Stop, Some(0.9));
    /// tree.grow(NodeId::ROOT, "The answer is 4.", Finish::Stop, Some(0.5));
    /// tree.grow(NodeId::ROOT, "The answer is 4.0", Finish::Stop, Some(0.6));
    /// let pick = |rule| Selection { rule, aggregate: Aggregate::Last }.pick(&tree);
    /// assert_eq!(pick(Rule::Best), Some(NodeId(1)));
    /// assert_eq!(pick(Rule::Majority), Some(NodeId(3)));
    /// assert_eq!(pick(Rule::Weighted), Some(NodeId(3)));
    /// ```
    pub fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let candidates = outcome::candidates(tree, self.aggregate);
        let scored = candidates.iter().any(|candidate| candidate.score > f64::NEG_INFINITY);
        let weigh = |score: f64| match self.rule {
            // Without any score every vote counts the same.
            _ if !scored => 1.0,
            Rule::WeightedExp => score.exp(),
            Rule::Weighted if score == f64::NEG_INFINITY => 0.0,
            _ => score,
        };
        let votes: Vec<Vote> = candidates
            .iter()
            .map(|c| Vote { answer: c.answer.clone(), score: weigh(c.score) })
            .collect();
        let mut readings = answer::Readings::default();
        let mut same = |a: &str, b: &str| readings.equivalent(a, b);
        let winner = match self.rule {
            Rule::Best => select::best(&votes),
            Rule::Majority => select::majority(&votes, &mut same),
            Rule::Weighted | Rule::WeightedExp => select::weighted(&votes, &mut same, Weight::Raw),
            Rule::WeightedSigmoid => select::weighted(&votes, &mut same, Weight::Sigmoid),
        };
        let Some(winner) = winner else { return tree.best(self.aggregate) };
        if self.rule == Rule::Best {
            return Some(candidates[winner].node);
        }
        let class = candidates[winner].answer.as_deref()?;
        let mut best: Option<&outcome::Candidate> = None;
        for candidate in &candidates {
            let member = candidate.answer.as_deref().is_some_and(|a| same(class, a));
            if member && best.is_none_or(|best| candidate.score > best.score) {
                best = Some(candidate);
            }
        }
        best.map(|candidate| candidate.node)
    }
}
