//! AB-MCTS, adaptive branching: at every solution, whether to write another one here (wider) or to refine
//! one of those below (deeper) is drawn from what has been seen of both.
//!
//! ```text
//! question -- GEN: a solution                    0.4
//!          `- CONT -- solution 1 -- GEN: refine  0.7
//!                                `- CONT -- ...
//! ```
//!
//! A tree of whole solutions: a child of the question answers it anew, a child of a solution refines that
//! one, which it is shown ([`AbMcts::words`]). No branching is fixed. A descent starts at the question; where
//! there are children, a mean is drawn from the posterior of each of two arms, and the higher one
//! goes (Thompson sampling):
//!
//! * GEN knows the scores of the solutions that were written here. It ends the descent: one more is.
//! * CONT knows the scores of everything further down (node aggregation: this is variant A of the
//!   paper). It goes on to a child, drawn in the same way; a child knows its own score and all below it.
//!
//! A new score is told to GEN where it was written, and to CONT and the children on the way up. Who writes, one of
//! several generators ([`AbMcts::roles`]), is drawn in the same way, from the scores of each. The
//! posteriors are in [`Prior`]: Gaussian by default, or Beta.
//!
//! [`Prior::Mixed`] is variant M: the children of a place and the one that is yet to be written are judged
//! together, by a mixed model of all scores below them ([`Mixed`]), so that how alike the children are says what to
//! expect of another one. There is one draw of all arms, GEN's among them; children below which three of
//! four solutions score the same are given up. As GEN is one among all children there, the tree has
//! much the same shape whatever refinements do: of 40 calls 9 are new solutions where they always help, and 9 where
//! they never do, in trees 4.5 and 3.8 deep; with the other priors it is 6 to 12, and 36 to 38.
//!
//! Scores must lie between 0 and 1. Probabilities do; log-odds and log-probabilities are turned into
//! probabilities, sums of logarithms into products, and rewards go through the logistic function. Scores of no
//! stated scale are taken for probabilities, and what is below 0 or above 1 is 0 or 1: a scorer of others
//! has to state its scale, or its solutions all look alike. A sum has no bounds and is refused. A solution
//! that did not finish scores 0, whatever the scorer said. One that was not judged, or failed, teaches nothing.
//!
//! **Several solutions a round** cannot know of each other; with many at a time the tree goes wide. Each
//! is drawn anew, so they spread by themselves, and there is no virtual loss.
//!
//! Cost: `calls` whole solutions, `batch` a round, each judged once. A refinement reads the solution that it
//! refines, under a question that is asked once of each. A descent draws few numbers however many children there
//! are ([`Prior::Gaussian`] with `nu` of 1, the default), but for one for each child with more than 16
//! scores; with other priors, Beta among them, one for each child, so that a call costs more the wider
//! the tree is. The mixed model costs a thousand times as many terms as there are different numbers of scores below
//! children, at each place on the way down.
//!
//! When: solutions that can be refined, with a scorer of whole solutions that can be trusted (tests of a
//! program), at budgets where it is not known whether width or depth pays. Where refinements never help it comes to
//! best-of-N. Not for steps: see [`crate::Mcts`].
//!
//! Source: Inoue et al. 2025, "Wider or Deeper? Scaling LLM Inference-Time Compute with Adaptive Branching
//! Tree Search" (arXiv 2503.04412), AB-MCTS-A, AB-MCTS-M without its Markov chains, and the form for several
//! generators.

mod arms;
mod mixed;
mod posterior;
mod race;

use arms::{Arms, Choice, PROBLEM, Place};
use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, NodeKind, Requirements, Scale, SearchStrategy, Selection, Tree,
    Unit, View,
};

pub use mixed::{Drawn, Mixed, Prune};
pub use posterior::{Beta, Gaussian, Prior, Seen};

use crate::refine::Words;
use crate::sample::lines::at_least_one;

/// A search that decides itself between width and depth.
///
/// ```
/// use tts_core::toy::Markov;
/// use tts_core::{Sampling, Scale, Search, scorer};
/// use tts_search::AbMcts;
///
/// // Says a or b; b is better.
/// let model = Markov::new(|path| if path.is_empty() { vec![0.5, 0.5, 0.0] } else { vec![0.0, 0.0, 1.0] });
/// let judge = scorer::from_fn(|_, step| if step.text == "b" { 0.9 } else { 0.1 });
/// let judge = judge.with_scale(Scale::OUTCOME);
/// let search = Search::new(&model).scorer(&judge).sampling(Sampling::temperature(1.0));
/// let outcome = search.run(AbMcts { calls: 12, batch: 2, ..Default::default() }, "a or b?")?;
/// assert_eq!((outcome.usage.logical.samples, outcome.usage.rounds), (12, 6));
/// assert_eq!(outcome.text().as_deref(), Some("b"));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AbMcts {
    /// Solutions in all.
    pub calls: usize,
    /// Solutions of a round; many at a time make the search wide.
    pub batch: usize,
    /// The generators that write, by their roles; none for the policy alone.
    pub roles: Vec<String>,
    /// What is thought of an arm that was never tried.
    pub prior: Prior,
    /// How a solution is shown to whoever refines it.
    pub words: Words,
    /// How the scores of a solution's steps become one.
    pub aggregate: Aggregate,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where an [`AbMcts`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    arms: Arms,
    /// Solutions that were asked for.
    asked: usize,
    /// What each decision of the last round was for.
    waiting: Vec<Choice>,
    /// The best solution, and its score.
    best: Option<(NodeId, f64)>,
}

impl Default for AbMcts {
    /// 32 solutions by the policy, one at a time.
    fn default() -> Self {
        Self {
            calls: 32,
            batch: 1,
            roles: Vec::new(),
            prior: Prior::default(),
            words: Words::default(),
            aggregate: Aggregate::ByScale,
            state: State::default(),
        }
    }
}

/// A score by this aggregate as one between 0 and 1.
fn unit(scale: Scale, aggregate: Aggregate, score: f64) -> f64 {
    let score = match scale.unit {
        _ if scale.resolve(aggregate) == Aggregate::SumLog => score.exp(),
        Unit::LogOdds | Unit::Reward => (1.0 + (-score).exp()).recip(),
        Unit::LogProbability => score.exp(),
        _ => score,
    };
    score.clamp(0.0, 1.0)
}

impl AbMcts {
    /// Takes in what was written.
    fn take_in(&mut self, view: &View<'_>) {
        let (tree, state) = (view.tree(), &mut self.state);
        for (&node, &origin) in view.fresh().iter().zip(view.origin()) {
            let score = view.score(node, self.aggregate);
            let Some(&choice) = state.waiting.get(origin) else { continue };
            // No score at all: the sum of logarithms may be minus infinity.
            if tree.score(node, self.aggregate).is_none() {
                continue;
            }
            let finished = tree[node].is_finished();
            let told =
                if finished { unit(tree.scale_of(node), self.aggregate, score) } else { 0.0 };
            state.arms.tell(choice, node, told);
            if finished && state.best.is_none_or(|(_, most)| score > most) {
                state.best = Some((node, score));
            }
        }
    }

    /// The decision to write one more solution where it was chosen to be.
    fn write(&mut self, view: &mut View<'_>, Choice { place, role }: Choice) -> Expand {
        let words = &self.words;
        let Place { node, question, .. } = &mut self.state.arms.places[place];
        let at = if place == PROBLEM {
            *node
        } else {
            // The words are the same each time: they are read once.
            *question.get_or_insert_with(|| {
                let tree = view.tree();
                let prompt = words.prompt(tree.prompt(), &[&tree.text(*node)]);
                view.pose(*node, prompt, NodeKind::Committed)
            })
        };
        Expand { role: self.roles.get(role).cloned(), ..Expand::end(at, 1) }
    }
}

impl SearchStrategy for AbMcts {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state =
                State { arms: Arms::new(self.prior, self.roles.len()), ..State::default() };
        } else {
            self.take_in(view);
        }
        let batch = self.batch.min(self.calls - self.state.asked);
        if batch == 0 && self.state.best.is_none() {
            // A hard budget may have cut all of them short: the rest of the last ones.
            self.state.waiting.clear();
            let tree = view.tree();
            let role = |id: NodeId| tree[id].role.as_deref().map(str::to_owned);
            let rest = |id| Expand { role: role(id), ..Expand::end(id, 1) };
            return view.open().into_iter().map(rest).collect();
        }
        self.state.asked += batch;
        self.state.waiting = (0..batch).map(|_| self.state.arms.descend(view.rng())).collect();
        let waiting = self.state.waiting.clone();
        waiting.into_iter().map(|choice| self.write(view, choice)).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let best = self.state.best.map(|(node, _)| node);
        best.or_else(|| tree.best(self.aggregate))
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("ab-mcts", "calls", self.calls)?;
        at_least_one("ab-mcts", "batch", self.batch)?;
        if self.aggregate == Aggregate::Sum {
            let expected = "by-scale, last, min, mean, product or sum-log";
            return Err(format!(
                "ab-mcts: aggregate is sum, which has no bounds, expected {expected}"
            ));
        }
        let twice = |at: usize| self.roles[..at].contains(&self.roles[at]);
        if let Some(at) = (0..self.roles.len()).find(|&at| twice(at)) {
            return Err(format!("ab-mcts: roles names {:?} twice", self.roles[at]));
        }
        let said = self.prior.check().and_then(|()| self.words.check());
        said.map_err(|problem| format!("ab-mcts: {problem}"))
    }

    fn requires(&self) -> Requirements {
        let roles = self.roles.clone();
        Requirements { roles, ..Requirements::scorer("ab-mcts", [Selection::best(self.aggregate)]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_every_scale_lie_between_0_and_1() {
        let fifth = 0.2_f64.ln();
        for (scale, aggregate, score, expected) in [
            (Scale::PREFIX, Aggregate::ByScale, 0.3, 0.3),
            (Scale::PREFIX, Aggregate::Min, 0.3, 0.3),
            (Scale::STEP, Aggregate::Product, 0.3, 0.3),
            (Scale::STEP, Aggregate::SumLog, fifth, 0.2),
            (Scale::STEP.by(Aggregate::SumLog), Aggregate::ByScale, fifth, 0.2),
            (Scale::STEP, Aggregate::SumLog, f64::NEG_INFINITY, 0.0),
            (Scale::STEP, Aggregate::SumLog, 0.0, 1.0),
            (Scale::UNSTATED, Aggregate::SumLog, fifth, 0.2),
            (Scale::UNSTATED, Aggregate::ByScale, 1.7, 1.0),
            (Scale::UNSTATED, Aggregate::Last, -1.0, 0.0),
            (Scale::LOG_ODDS, Aggregate::Mean, 0.0, 0.5),
            (Scale::REWARD, Aggregate::ByScale, 3.0_f64.ln(), 0.75),
            (Scale::LOG_PROBABILITY, Aggregate::ByScale, fifth, 0.2),
            (Scale::LOG_PROBABILITY, Aggregate::Min, fifth, 0.2),
            (Scale::LOG_PROBABILITY, Aggregate::ByScale, 0.5, 1.0),
        ] {
            let found = unit(scale, aggregate, score);
            assert!((found - expected).abs() < 1e-12, "{scale}, {aggregate:?}, {score}: {found}");
        }
    }
}
