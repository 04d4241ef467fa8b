//! What a search leaves behind: the whole tree, the answer, the cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::metrics::Sampled;
use crate::{Aggregate, Cost, Limit, LineError, NodeId, Stop, Tree, Usage, Verdict};

/// A line that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedLine {
    /// What it should have continued.
    pub node: NodeId,
    /// The node that its cost is charged to, for want of one of its own.
    pub parent: NodeId,
    /// The role that should have written it; `None` for the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
    /// The round of generation.
    pub round: u32,
    /// What it cost: a sample, and the call if all lines of it failed.
    pub cost: Cost,
    /// Why.
    pub error: LineError,
}

/// A path that its scorer could not judge, or a line that its strategy could not read ([`crate::View::refuse`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unscored {
    /// Its last node.
    pub node: NodeId,
    /// The round of generation.
    pub round: u32,
    /// Why, as the scorer or the strategy says.
    pub why: String,
}

/// What a limit of the budget took from the lines of a search that asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curtailed {
    /// Which limit.
    pub limit: Limit,
    /// Lines that were asked for, and of which nothing was written.
    pub unwritten: u64,
    /// Lines that were ended before their end: by their share of what was left, or by the time.
    pub cut: u64,
}

/// A finished search of one problem. Every selection rule can be applied to it again, at no cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Everything that was generated.
    pub tree: Tree,
    /// The strategy's choice.
    pub best: Option<NodeId>,
    /// Why it ended.
    pub stop: Stop,
    /// What it cost.
    pub usage: Usage,
    /// Tokens of the rendered problem, as the policy counts them; 0 when it wrote nothing, or cannot tell.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Lines that failed.
    pub failed: Vec<FailedLine>,
    /// Paths that could not be judged, and judgements that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unscored: Vec<Unscored>,
    /// What the budget took from lines, whatever the search ended by: a strategy may be done with what it was left.
    /// Only a hard budget takes something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curtailed: Vec<Curtailed>,
}

/// One finished solution (or, when none finished, an unfinished one).
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its last node.
    pub node: NodeId,
    /// The final answer found in its text.
    pub answer: Option<String>,
    /// The score of its path; minus infinity when it was not judged.
    pub score: f64,
}

impl Outcome {
    /// The text of the chosen solution.
    pub fn text(&self) -> Option<String> {
        self.best.map(|id| self.tree.text(id))
    }

    /// The final answer of the chosen solution, as the search's task finds it. Where nothing came to its
    /// end, that is what a cut path says so far: a guess, which [`Outcome::verdict`] does not count.
    pub fn answer(&self) -> Option<String> {
        self.best.and_then(|id| self.tree.answer(id)).map(str::to_owned)
    }

    /// The task's verdict on the chosen solution, where the right answer is known. What was not finished
    /// has no answer yet.
    pub fn verdict(&self, gold: &str) -> Verdict {
        self.best.map_or(Verdict::Unanswered, |best| self.tree.verdict(best, gold))
    }

    /// The samples of the problem, each as what became of it: lines that were cut, failed or could not be
    /// judged are samples too. For strategies whose samples are independent lines from the problem.
    ///
    /// ```
    /// use tts_core::toy::{Oracle, Sample, ToyWorld};
    /// use tts_core::{Aggregate, Search, StepRule};
    /// let world = ToyWorld::default();
    /// let rule = StepRule { max_tokens: 40, ..StepRule::lines() };
    /// let search = Search::new(&world).scorer(Oracle::of(&world)).rule(rule);
    /// let outcome = search.run(Sample { n: 4 }, world.prompt(0))?;
    /// let samples = outcome.samples(Aggregate::ByScale, &world.answer(0));
    /// assert_eq!(samples.len(), 4);
    /// assert!(samples.iter().all(|sample| !sample.finished && !sample.right));
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    pub fn samples(&self, aggregate: Aggregate, gold: &str) -> Vec<Sampled> {
        let tree = &self.tree;
        let sample = |&first: &NodeId| {
            let line = std::iter::successors(Some(first), |&id| tree[id].children.first().copied());
            let end = line.last().unwrap_or(first);
            Sampled {
                answer: tree.answer(end).map(str::to_owned),
                score: tree.score(end, aggregate),
                finished: tree[end].is_finished(),
                right: tree.verdict(end, gold).is_right(),
            }
        };
        let lost = self.failed.iter().filter(|failed| failed.node == NodeId::ROOT);
        let made = tree[NodeId::ROOT].children.iter().map(sample);
        made.chain(lost.map(|_| Sampled::default())).collect()
    }

    /// What each role cost, failed lines and judging included; the policy's name is empty.
    pub fn cost_by_role(&self) -> BTreeMap<String, Cost> {
        let mut costs = self.tree.cost_by_role();
        for failed in &self.failed {
            let charged = self.tree[failed.parent].role.as_deref().unwrap_or_default();
            if let Some(cost) = costs.get_mut(charged) {
                cost.samples -= failed.cost.samples;
                cost.calls -= failed.cost.calls;
            }
            let role = failed.role.as_deref().unwrap_or_default();
            *costs.entry(role.to_owned()).or_default() += failed.cost;
        }
        costs
    }

    /// All candidates with their answers and scores.
    pub fn candidates(&self, aggregate: Aggregate) -> Vec<Candidate> {
        let candidate = |node| Candidate {
            node,
            answer: self.tree.answer(node).map(str::to_owned),
            score: self.tree.score(node, aggregate).unwrap_or(f64::NEG_INFINITY),
        };
        self.tree.candidates().into_iter().map(candidate).collect()
    }
}
