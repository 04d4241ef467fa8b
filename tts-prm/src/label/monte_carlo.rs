//! Monte-Carlo labels: solutions are sampled, and every prefix of each is finished many times.
//!
//! ```text
//! question - step 1 - step 2 - step 3 = 41        wrong: the last label is 0
//!               |        `- 16 rollouts: 0 right      0
//!               `- 16 rollouts: 9 right               0.56
//! ```
//!
//! The share of rollouts that end right estimates the policy's value of the prefix. Prefixes with the
//! same content are rolled out once. The last step needs no rollouts: its label is whether the
//! solution is right. The value of the prompt is the share of solutions that are right, where these
//! are drawn as rollouts are; where somebody else wrote them, or they are drawn otherwise, their luck
//! is not the policy's, and the prompt is rolled out like every prefix. Solutions without an answer that can be graded are
//! dropped. As a search strategy it is two rounds; whatever the driver does for searches (batching
//! across problems, budgets, records, seeds by path) holds here too.
//!
//! Source: Wang et al. 2023, "Math-Shepherd" (arXiv:2312.08935), section 3.2; soft labels, 16
//! solutions and 16 rollouts, and the dropping of solutions without answer: Snell et al. 2024
//! (arXiv:2408.03314), appendix D.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, NodeKind, Sampling, SearchStrategy, Tree, View};

use super::rollouts::{Firsts, estimate, is_right};
use super::{Grade, LabelledSolution, LabelledStep};

/// How many solutions and rollouts, and who writes them.
///
/// A solution of another writer is labelled by what the search's own generator makes of its prefixes:
///
/// ```
/// use std::sync::Arc;
/// use tts_core::family::{Chain, Family, Slipping};
/// use tts_core::{GivenTexts, Search, StepRule};
/// use tts_prm::label::{InFamily, MonteCarlo};
///
/// let question = "47+38*3-26";
/// let prompt = Chain::default().prompt(question);
/// let mut given = GivenTexts::default();
/// given.add(prompt.question(), "a solution", ["=47+114-26\n=151-26\n=125"]);
/// let completer = Slipping { error: 0.0 };
/// let method = MonteCarlo { solutions: 1, writer: Some("given".into()), ..MonteCarlo::default() };
/// let grade = Arc::new(InFamily { family: Chain::default(), question: question.into() });
/// let search = Search::new(&completer).role("given", &given).rule(StepRule::lines());
/// let outcome = search.run(method.search(grade.clone()), prompt)?;
/// let labelled = method.labelled(&outcome.tree, grade.as_ref());
/// assert_eq!(labelled[0].steps.iter().map(|s| s.value).collect::<Vec<_>>(), [1.0, 0.0, 0.0].map(Some));
/// // The prompt's value is the completer's, who never errs: not that of the one who wrote this.
/// assert_eq!(labelled[0].start, Some(1.0));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonteCarlo {
    /// Solutions of each problem.
    pub solutions: usize,
    /// Rollouts of each prefix.
    pub rollouts: usize,
    /// The role that writes solutions ([`tts_core::Search::role`]), [`tts_core::GivenTexts`] for
    /// instance, so that those of other writers are labelled; `None` for the search's own generator.
    pub writer: Option<String>,
    /// The role that writes rollouts; `None` for the search's own generator.
    pub completer: Option<String>,
    /// How rollouts are drawn; `None` for the search's own sampling.
    pub sampling: Option<Sampling>,
}

impl Default for MonteCarlo {
    /// 16 solutions and 16 rollouts, as Snell et al.
    fn default() -> Self {
        Self { solutions: 16, rollouts: 16, writer: None, completer: None, sampling: None }
    }
}

impl MonteCarlo {
    /// The strategy for a problem with this grade.
    pub fn search(&self, grade: Arc<dyn Grade>) -> MonteCarloSearch {
        MonteCarloSearch { config: self.clone(), grade, rolled_out: false }
    }

    /// Whether solutions are drawn as rollouts are, so that they tell the value of the prompt.
    fn draws_alike(&self) -> bool {
        self.writer == self.completer && self.sampling.is_none()
    }

    /// The rollouts of a prefix.
    fn rollouts_of(&self, node: NodeId) -> Expand {
        Expand {
            kind: NodeKind::Rollout,
            role: self.completer.clone(),
            sampling: self.sampling,
            ..Expand::end(node, self.rollouts)
        }
    }

    /// The labels in the tree that the strategy has left.
    pub fn labelled(&self, tree: &Tree, grade: &dyn Grade) -> Vec<LabelledSolution> {
        let mut firsts = Firsts::default();
        let mut right = 0;
        let mut solutions = Vec::new();
        for end in tree.finished() {
            let Some(solved) = grade.grade(&tree.text(end)) else { continue };
            right += u32::from(solved);
            let path = judged(tree, end);
            let step = |(place, &id): (usize, &NodeId)| {
                let step = &tree[id].step;
                let (value, rollouts) = if place + 1 == path.len() {
                    (Some(f64::from(u8::from(solved))), 0)
                } else {
                    let of = estimate(tree, firsts.of(tree, id), grade);
                    (of.share(), of.rollouts)
                };
                let (text, tokens) = (step.text.clone(), step.tokens.clone());
                LabelledStep { text, tokens, value, rollouts }
            };
            let steps: Vec<LabelledStep> = path.iter().enumerate().map(step).collect();
            if !steps.is_empty() {
                let prompt = tree.prompt().as_ref().clone();
                solutions.push(LabelledSolution { prompt, start: None, steps, solved });
            }
        }
        let start = if self.draws_alike() {
            // As among rollouts, what was cut off or has no answer is not right.
            let lines = tree[NodeId::ROOT].children.len();
            (lines > 0).then(|| f64::from(right) / lines as f64)
        } else {
            estimate(tree, NodeId::ROOT, grade).share()
        };
        for solution in &mut solutions {
            solution.start = start;
        }
        solutions
    }
}

/// The nodes of a path that are steps: a blank one at the end, an end token alone, is none.
fn judged(tree: &Tree, end: NodeId) -> Vec<NodeId> {
    let mut path = tree.path(end);
    while path.last().is_some_and(|&id| tree[id].step.is_blank()) {
        path.pop();
    }
    path
}

/// The strategy behind [`MonteCarlo`].
#[derive(Clone)]
pub struct MonteCarloSearch {
    config: MonteCarlo,
    grade: Arc<dyn Grade>,
    rolled_out: bool,
}

impl std::fmt::Debug for MonteCarloSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MonteCarloSearch").field("config", &self.config).finish_non_exhaustive()
    }
}

impl SearchStrategy for MonteCarloSearch {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.fresh() == [NodeId::ROOT] {
            self.rolled_out = false;
            let MonteCarlo { solutions, writer, .. } = &self.config;
            let role = writer.clone();
            let mut first = vec![Expand { role, ..Expand::end(NodeId::ROOT, *solutions) }];
            if !self.config.draws_alike() {
                first.push(self.config.rollouts_of(NodeId::ROOT));
            }
            return first;
        }
        if std::mem::replace(&mut self.rolled_out, true) {
            return Vec::new();
        }
        let tree = view.tree();
        let mut firsts = Firsts::default();
        let mut prefixes = Vec::new();
        for end in tree.finished().filter(|&end| self.grade.grade(&tree.text(end)).is_some()) {
            let path = judged(tree, end);
            let Some((_, before)) = path.split_last() else { continue };
            let first = |&id: &NodeId| firsts.of(tree, id) == id && tree[id].open;
            prefixes.extend(before.iter().copied().filter(first));
        }
        prefixes.into_iter().map(|id| self.config.rollouts_of(id)).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let grade = self.grade.as_ref();
        let ends: Vec<NodeId> = tree.finished().collect();
        ends.iter().copied().find(|&end| is_right(tree, end, grade)).or(ends.first().copied())
    }

    fn check(&self) -> Result<(), String> {
        for (field, value) in
            [("solutions", self.config.solutions), ("rollouts", self.config.rollouts)]
        {
            if value == 0 {
                return Err(format!("Monte-Carlo labels: {field} is 0, expected at least 1"));
            }
        }
        Ok(())
    }
}
