//! Mutual verification: a second model finishes the beginning of each solution, and solutions count whose
//! finishing comes to the same answer.
//!
//! ```text
//! solution   step 1 -- step 2 -- step 3 -- step 4    24
//!                        `- the verifier goes on -- . 24     agrees: it is kept
//! ```
//!
//! A solution of `m` steps is cut behind step `c`, drawn evenly from `ceil(least m)` to `floor(most m)`, and
//! the verifier, another model by its role, finishes it `times` times without having seen the rest. Kept is
//! what at least `agree` of these come to; the vote is held over what is kept, over all where nothing is. A
//! solution of one step has no beginning and is not kept, so the step rule has to split. Finishings are
//! rollouts: counted, never candidates.
//!
//! Cost: `n` lines, then `times` for each finished solution of two steps or more, each shorter by what it was
//! given.
//!
//! When: two models of like strength and different errors, no scorer. A verifier that shares the errors
//! agrees with them, and one that is weaker throws right solutions away.
//!
//! Source: Qi et al. 2024, "Mutual Reasoning Makes Smaller LLMs Stronger Problem-Solvers" (rStar, arXiv
//! 2408.06195), on mutual consistency, with 20 to 80 % of the steps given; solutions are samples here, not
//! the leaves of a tree search.

use serde::{Deserialize, Serialize};
use tts_core::{
    Expand, NodeId, NodeKind, Requirements, ScoreBy, SearchStrategy, Selection, Tree, View,
};

use crate::sample::lines::at_least_one;

/// Solutions that another model finishes likewise.
///
/// ```
/// use tts_core::{Sampling, Search, StepRule, toy::ToyWorld};
/// use tts_search::MutualVerification;
/// let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
/// // A verifier that makes no errors.
/// let verifier = ToyWorld { error: 0.0, ..world };
/// let search = Search::new(&world).role("verifier", &verifier).rule(StepRule::lines());
/// let outcome = search.seed(3).run(MutualVerification { n: 8, ..Default::default() }, world.prompt(1))?;
/// assert_eq!(outcome.answer(), Some(world.answer(1)));
/// assert_eq!(outcome.tree.cost_by_role()["verifier"].samples, 8);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MutualVerification {
    /// How many samples.
    pub n: usize,
    /// The role that finishes them.
    pub verifier: String,
    /// How often each is finished.
    pub times: usize,
    /// How many of these have to agree.
    pub agree: usize,
    /// Least share of the steps that is given.
    pub least: f64,
    /// Most.
    pub most: f64,
    /// The vote over what is kept.
    pub select: Selection,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`MutualVerification`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Solutions, and the last step of each that the verifier was given.
    cuts: Vec<(NodeId, NodeId)>,
    asked: bool,
}

impl Default for MutualVerification {
    /// 16 samples, each finished once from 20 to 80 % of its steps, and the majority of what agrees.
    fn default() -> Self {
        Self {
            n: 16,
            verifier: "verifier".into(),
            times: 1,
            agree: 1,
            least: 0.2,
            most: 0.8,
            select: Selection::majority(),
            state: State::default(),
        }
    }
}

impl MutualVerification {
    /// The fewest and the most of `steps` that are given; `None` when there is nothing to give or to finish.
    fn range(&self, steps: usize) -> Option<(usize, usize)> {
        let most = steps.checked_sub(1).filter(|&most| most > 0)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of them"
        )]
        let part = |share: f64| share as usize;
        let low = part((self.least * steps as f64).ceil()).clamp(1, most);
        Some((low, part((self.most * steps as f64).floor()).clamp(low, most)))
    }

    /// The solutions that enough finishings agree with.
    fn kept(&self, tree: &Tree) -> Vec<NodeId> {
        let mut same = tree.task().comparer();
        let mut kept = Vec::new();
        for &(solution, cut) in &self.state.cuts {
            let ends = tree.get(cut).map_or(&[][..], |node| &node.rollouts);
            let answers = ends.iter().map(|&first| tree.answer(end(tree, first)));
            let agreeing = answers.filter(|answer| match (answer, tree.answer(solution)) {
                (Some(one), Some(other)) => *one == other || same(one, other) || same(other, one),
                _ => false,
            });
            if agreeing.count() >= self.agree {
                kept.push(solution);
            }
        }
        kept
    }
}

/// The end of a line that begins with `first`.
fn end(tree: &Tree, first: NodeId) -> NodeId {
    let next = |&id: &NodeId| tree[id].rollouts.first().copied();
    std::iter::successors(Some(first), next).last().unwrap_or(first)
}

impl SearchStrategy for MutualVerification {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return vec![Expand::end(NodeId::ROOT, self.n)];
        }
        if std::mem::replace(&mut self.state.asked, true) {
            return Vec::new();
        }
        for &solution in view.fresh() {
            let steps = view.tree().path(solution);
            if !view.tree()[solution].is_finished() {
                continue;
            }
            if let Some((low, high)) = self.range(steps.len()) {
                let given = low + view.rng().below(high - low + 1);
                self.state.cuts.push((solution, steps[given - 1]));
            }
        }
        let finish = |&(_, cut): &(NodeId, NodeId)| Expand {
            kind: NodeKind::Rollout,
            role: Some(self.verifier.clone()),
            score: ScoreBy::Nobody,
            ..Expand::end(cut, self.times)
        };
        self.state.cuts.iter().map(finish).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let kept = self.kept(tree);
        let all = || self.select.pick(tree);
        if kept.is_empty() { all() } else { self.select.pick_among(tree, &kept) }
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("mutual-verification", "n", self.n)?;
        at_least_one("mutual-verification", "times", self.times)?;
        let Self { times, agree, least, most, .. } = *self;
        if self.verifier.is_empty() {
            return Err("mutual-verification: verifier is empty, expected a role".into());
        }
        if agree == 0 || agree > times {
            return Err(format!(
                "mutual-verification: agree is {agree}, expected 1 to times, which is {times}"
            ));
        }
        if !(0.0 <= least && least <= most && most <= 1.0) {
            return Err(format!(
                "mutual-verification: least is {least} and most is {most}, expected 0 to 1 in order"
            ));
        }
        Ok(())
    }

    fn requires(&self) -> Requirements {
        let roles = vec![self.verifier.clone()];
        Requirements { roles, ..Requirements::vote("mutual-verification", self.select) }
    }
}
