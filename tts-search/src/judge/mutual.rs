//! Mutual verification: a second model finishes the beginning of each solution, and solutions count whose
//! finishing comes to the same answer.
//!
//! ```text
//! solution   step 1 -- step 2 -- step 3 -- step 4    24
//!            step 1 -- step 2 -- the verifier goes on -- . 24     agrees: it is kept
//! ```
//!
//! A solution of `m` steps, blank ones at its end not counted, is cut behind step `c`, drawn evenly from
//! `ceil(least m)` to `floor(most m)`, and the verifier, another model by its role, finishes it `times` times
//! without having seen the rest. Kept is what at least `agree` of these come to; only a finishing that has
//! ended counts, by the answer in what the verifier itself wrote. The vote is held over what is kept, over all
//! where nothing is. A solution of one step has no beginning and is not kept, so the step rule has to split.
//!
//! The verifier is asked the problem anew, in an aside about the solution, and is given the first steps as
//! text: it may have another vocabulary. Finishings are asides: counted, never candidates.
//!
//! Cost: `n` lines, then `times` for each finished solution of two steps or more, each shorter by what it was
//! given, which the verifier reads.
//!
//! When: two models of like strength and different errors, no scorer. A verifier that shares the errors
//! agrees with them, and one that is weaker throws right solutions away.
//!
//! Source: Qi et al. 2024, "Mutual Reasoning Makes Smaller LLMs Stronger Problem-Solvers" (rStar, arXiv
//! 2408.06195), on mutual consistency, with 20 to 80 % of the steps given. Solutions are samples here, not
//! the leaves of a tree search; there a solution is masked at several points, here cut at one, with `agree`
//! of `times`; and the answer there is the one of greatest reward times confidence, here the vote.

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
    cuts: Vec<Cut>,
}

/// A solution that the verifier was given the beginning of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cut {
    solution: NodeId,
    /// Where it was asked to go on.
    question: NodeId,
    /// The beginning.
    given: String,
}

impl Cut {
    /// What the verifier's finishings that have ended come to.
    fn answers(&self, tree: &Tree) -> Vec<String> {
        let lines = tree.get(self.question).map_or(&[][..], |question| &question.asides);
        let answer = |&first: &NodeId| {
            let next = |&id: &NodeId| tree[id].asides.first().copied();
            let end = std::iter::successors(Some(first), next).last()?;
            let said = tree[end].is_finished().then(|| tree.text(end))?;
            let own = said.strip_prefix(&self.given);
            // A vocabulary may begin every text with a space.
            let own = own.or_else(|| said.trim_start().strip_prefix(self.given.trim_start()));
            tree.task().answer(own?)
        };
        lines.iter().filter_map(answer).collect()
    }
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
        for cut in &self.state.cuts {
            let Some(own) = tree.answer(cut.solution) else { continue };
            let mut agrees =
                |answer: &String| answer == own || same(answer, own) || same(own, answer);
            if cut.answers(tree).iter().filter(|answer| agrees(answer)).count() >= self.agree {
                kept.push(cut.solution);
            }
        }
        kept
    }

    /// Cuts a finished solution of two steps or more, and asks the verifier to finish it.
    fn cut(&mut self, view: &mut View<'_>, solution: NodeId) -> Option<Expand> {
        let tree = view.tree();
        if !tree[solution].is_finished() {
            return None;
        }
        let steps = tree.path(solution);
        let said = steps.iter().rposition(|&id| !tree[id].step.is_blank())? + 1;
        let (low, high) = self.range(said)?;
        let place = low + view.rng().below(high - low + 1) - 1;
        let given = view.tree().text(steps[place]);
        let prompt = (**view.tree().prompt()).clone();
        let question = view.pose(solution, prompt, NodeKind::Aside);
        self.state.cuts.push(Cut { solution, question, given: given.clone() });
        Some(Expand {
            kind: NodeKind::Aside,
            append: Some(given),
            role: Some(self.verifier.clone()),
            score: ScoreBy::Nobody,
            ..Expand::end(question, self.times)
        })
    }
}

impl SearchStrategy for MutualVerification {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return vec![Expand::end(NodeId::ROOT, self.n)];
        }
        if !self.state.cuts.is_empty() {
            return Vec::new();
        }
        let fresh = view.fresh();
        if !fresh.iter().any(|&id| view.tree()[id].is_finished()) {
            // A hard budget has cut all: the first that can be is finished, from its reserve if need be.
            return view.open().into_iter().take(1).map(|id| Expand::end(id, 1)).collect();
        }
        fresh.iter().filter_map(|&solution| self.cut(view, solution)).collect()
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
