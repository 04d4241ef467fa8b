//! How a finished tree becomes one answer: best, majority or weighted vote.
//!
//! Answers are found and compared by the tree's [`crate::Task`]; candidates without an answer never
//! vote, and are chosen only when no candidate has one. What a vote weighs follows from what the scores
//! are ([`crate::Scale::weights`]). Within the winning class the member with the highest score is
//! returned (Snell et al. 2024, section 5.1; Wang et al. 2022 for the plain majority).

use serde::{Deserialize, Serialize};

use super::{Vote, Weight};
use crate::{Aggregate, NodeId, Tree};

/// Which vote decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The candidate with the highest score.
    #[default]
    Best,
    /// The answer that most candidates have.
    Majority,
    /// The answer with the highest sum of weights: probabilities as they are, the exponential of
    /// log-probabilities, the probability of log-odds, a softmax over rewards.
    Weighted,
    /// The answer with the highest sum of `exp(score)`; for log-probabilities and rewards.
    WeightedExp,
    /// The answer with the highest sum of `1 / (1 + exp(-score))`; for raw logits.
    WeightedSigmoid,
}

/// A vote over the candidates of a tree; by default the best of them, scored as the scorer's scale says.
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

    /// The weighted vote, by what the scorer's scale says.
    pub fn weighted() -> Self {
        Self { rule: Rule::Weighted, aggregate: Aggregate::ByScale }
    }

    /// The majority.
    pub fn majority() -> Self {
        Self { rule: Rule::Majority, aggregate: Aggregate::ByScale }
    }

    /// The chosen candidate; `None` when there is none.
    ///
    /// ```
    /// use tts_core::{Aggregate, Finish, NodeId, Prompt, Rule, Scale, Selection, Tree};
    /// let mut tree = Tree::new(Prompt::from("2 + 2?"), 0).with_scale(Scale::PREFIX);
    /// tree.grow(NodeId::ROOT, "The answer is 5.", Finish::Stop, Some(0.9));
    /// tree.grow(NodeId::ROOT, "The answer is 4.", Finish::Stop, Some(0.5));
    /// tree.grow(NodeId::ROOT, "The answer is 4.0", Finish::Stop, Some(0.6));
    /// let pick = |rule| Selection { rule, aggregate: Aggregate::Last }.pick(&tree);
    /// assert_eq!(pick(Rule::Best), Some(NodeId(1)));
    /// assert_eq!(pick(Rule::Majority), Some(NodeId(3)));
    /// assert_eq!(pick(Rule::Weighted), Some(NodeId(3)));
    /// ```
    pub fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.pick_among(tree, &tree.candidates())
    }

    /// The choice among these nodes, each as often as it is listed (a particle that was drawn twice
    /// votes twice); nodes that the tree lacks are left out.
    ///
    /// ```
    /// use tts_core::{Finish, NodeId, Prompt, Selection, Tree};
    /// let mut tree = Tree::new(Prompt::from("2 + 2?"), 0);
    /// let five = tree.grow(NodeId::ROOT, "The answer is 5.", Finish::Stop, None);
    /// let four = tree.grow(NodeId::ROOT, "The answer is 4.", Finish::Stop, None);
    /// assert_eq!(Selection::majority().pick_among(&tree, &[five, four, four]), Some(four));
    /// ```
    pub fn pick_among(&self, tree: &Tree, nodes: &[NodeId]) -> Option<NodeId> {
        let nodes: Vec<NodeId> =
            nodes.iter().copied().filter(|&id| tree.get(id).is_some()).collect();
        let scores: Vec<Option<f64>> =
            nodes.iter().map(|&id| tree.score(id, self.aggregate)).collect();
        let low = |score: Option<f64>| score.unwrap_or(f64::NEG_INFINITY);
        let answers = nodes.iter().map(|&id| tree.answer(id).map(str::to_owned));
        let by_score = || tree.best_of(nodes.iter().copied(), self.aggregate);
        if self.rule == Rule::Best {
            let votes = answers.zip(&scores);
            let votes = votes.map(|(answer, &score)| Vote { answer, score: low(score) });
            return super::best(&votes.collect::<Vec<_>>()).map(|winner| nodes[winner]);
        }
        let weights = tree.scale().weights(*self, &scores);
        let votes: Vec<Vote> =
            answers.zip(weights).map(|(answer, score)| Vote { answer, score }).collect();
        let mut same = tree.task().comparer();
        let tally = super::tally(&votes, &mut same, Weight::Raw);
        let heaviest = tally.iter().min_by(|a, b| super::better_first(a.weight, b.weight));
        let Some(class) = heaviest else { return by_score() };
        let mut best: Option<usize> = None;
        for &member in &class.members {
            if best.is_none_or(|best| low(scores[member]) > low(scores[best])) {
                best = Some(member);
            }
        }
        best.map(|member| nodes[member])
    }
}
