//! Adaptive self-consistency: sample in rounds, stop when the vote would hardly change any more.
//!
//! ```text
//! round 1   12  12  15  12     P(12 stays ahead) = 0.81: go on
//! round 2   12  12  12  15     P(12 stays ahead) = 0.91: go on
//! round 3   12  12  12  12     P(12 stays ahead) = 0.99: the answer is 12, at 12 of 40 samples
//! ```
//!
//! After each round [`StopWhen`] looks at the votes so far, `v_1` for the answer ahead and `v_2` for the next:
//!
//! | rule | stops when | source |
//! |---|---|---|
//! | `Beta(c)` | `1 - I_{1/2}(v_1 + 1, v_2 + 1) >= c` | Aggarwal et al. 2023, section 3 |
//! | `Dirichlet(c)` | `P(p_1 > p_i for all i) >= c` under `Dirichlet(v + 1)` | the same |
//! | `Share(s)` | `v_1 / (v_1 + v_2 + ...) >= s` | the simplest rule |
//! | `Unanimous` | all lines of the last round have one answer | Li et al. 2024, section 3 |
//! | `Settled(k)` | the same answer was ahead after each of the last `k` rounds | convergence |
//! | `Decided` | no votes of the samples that are left could change the majority | arithmetic |
//!
//! `Decided` returns what self-consistency of [`AdaptiveConsistency::most`] samples returns; the others trade
//! some of that for samples. The answer is the majority of all samples, at any moment. A solution without an
//! answer is paid for and does not vote. How confident a posterior is says how certain the *model's* favourite is,
//! not that it is right. Looking after each round is optional stopping: with a small first round and a low
//! threshold a lucky streak ends the search.
//!
//! Cost: between `first` and `most` lines; easy problems stop in the first round or two. Fewer lines a round stop
//! sooner and take longer.
//!
//! When to use: wherever self-consistency is, on mixed problems. When not: where time to the answer counts more
//! than tokens (one round is the fastest), or the curve over fewer samples is wanted: a pool that stopped by its
//! own votes has none.
//!
//! Source: Aggarwal et al. 2023, "Let's Sample Step by Step" (arXiv 2305.11860), section 3; `Unanimous`: Li et al.
//! 2024, "Escape Sky-high Cost: Early-stopping Self-Consistency" (arXiv 2401.10480), section 3.

use serde::{Deserialize, Serialize};
use tts_core::select::{Class, Vote, Weight, tally};
use tts_core::{Expand, NodeId, Sampling, SearchStrategy, Selection, Tree, View};

use super::lines::at_least_one;
use super::{ahead_of_all, ahead_of_second};

/// When the votes say enough; see the table of the [strategy](AdaptiveConsistency).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StopWhen {
    /// The answer ahead is the more probable one of the first two, with this posterior probability.
    Beta(f64),
    /// The answer ahead is the most probable of all that were seen, with this posterior probability.
    Dirichlet(f64),
    /// The answer ahead has this share of the votes.
    Share(f64),
    /// All lines of the last round have the same answer.
    Unanimous,
    /// The same answer was ahead after this many rounds in a row.
    Settled(usize),
    /// The samples that are left could not change the majority.
    Decided,
}

/// Self-consistency that stops when the vote is clear.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::AdaptiveConsistency;
///
/// let world = ToyWorld { error: 0.05, ..ToyWorld::default() };
/// let outcome = Search::new(&world)
///     .rule(StepRule::lines())
///     .run(AdaptiveConsistency { most: 40, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// assert!(outcome.usage.logical.samples <= 12);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveConsistency {
    /// Lines of the first round.
    pub first: usize,
    /// Lines of a later round; `None` for as many as all before, so that they double.
    pub round: Option<usize>,
    /// Most lines in all.
    pub most: usize,
    /// When to stop before that.
    pub stop: StopWhen,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where an [`AdaptiveConsistency`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Lines asked for.
    asked: usize,
    /// Its finished lines.
    voters: Vec<NodeId>,
    /// How many of these there were before the last round.
    before: usize,
    /// Lines of the last round.
    window: usize,
    /// A line with the answer that was ahead last, and for how many rounds it has been.
    ahead: Option<(NodeId, usize)>,
}

impl Default for AdaptiveConsistency {
    /// Four lines a round, 40 at most, until the leader is ahead with a probability of 0.95.
    fn default() -> Self {
        Self {
            first: 4,
            round: Some(4),
            most: 40,
            stop: StopWhen::Beta(0.95),
            sampling: None,
            state: State::default(),
        }
    }
}

impl AdaptiveConsistency {
    /// At most `n` lines.
    pub fn of(n: usize) -> Self {
        Self { first: n.clamp(1, 4), most: n, ..Self::default() }
    }

    /// Early-stopping self-consistency: windows of `window` lines, until one is of a single answer.
    pub fn windows(window: usize, most: usize) -> Self {
        let (first, round) = (window, Some(window));
        Self { first, round, most, stop: StopWhen::Unanimous, ..Self::default() }
    }

    fn ask(&mut self, n: usize) -> Vec<Expand> {
        self.state.asked += n;
        self.state.window = n;
        vec![Expand { sampling: self.sampling, ..Expand::end(NodeId::ROOT, n) }]
    }

    /// The answers so far, in the order in which they were first seen.
    fn classes(&self, tree: &Tree) -> Vec<Class> {
        let vote = |&id: &NodeId| Vote { answer: tree.answer(id).map(str::to_owned), score: 1.0 };
        let votes: Vec<Vote> = self.state.voters.iter().map(vote).collect();
        let mut same = tree.task().comparer();
        tally(&votes, &mut same, Weight::Count)
    }

    /// Whether the votes say enough.
    fn is_over(&mut self, tree: &Tree) -> bool {
        let classes = self.classes(tree);
        let size = |at: usize| classes[at].members.len();
        // The first seen of the largest: `max_by_key` would take the last.
        let Some(leader) = (0..classes.len()).rev().max_by_key(|&at| size(at)) else {
            return false;
        };
        let votes = size(leader);
        let others: Vec<usize> = (0..classes.len()).filter(|&at| at != leader).map(size).collect();
        let second = others.iter().copied().max().unwrap_or(0);
        let state = &mut self.state;
        let held = state.ahead.filter(|(node, _)| {
            classes[leader].members.iter().any(|&member| state.voters[member] == *node)
        });
        let rounds = held.map_or(1, |(_, rounds)| rounds + 1);
        state.ahead = Some((state.voters[classes[leader].members[0]], rounds));
        match self.stop {
            StopWhen::Beta(confidence) => ahead_of_second(votes, second) >= confidence,
            StopWhen::Dirichlet(confidence) => ahead_of_all(votes, &others) >= confidence,
            StopWhen::Share(share) => {
                let all: usize = votes + others.iter().sum::<usize>();
                votes as f64 >= share * all as f64
            }
            StopWhen::Unanimous => {
                let fresh = |class: &Class| {
                    class.members.iter().filter(|&&member| member >= state.before).count()
                };
                classes.iter().any(|class| fresh(class) == state.window)
            }
            StopWhen::Settled(enough) => rounds >= enough,
            StopWhen::Decided => {
                let left = self.most.saturating_sub(state.asked);
                // Of equals the first seen wins, which an answer that nobody gave yet is not.
                let safe = |at: usize| {
                    let lead = votes - size(at);
                    lead > left || (lead == left && leader < at)
                };
                votes >= left && (0..classes.len()).all(|at| at == leader || safe(at))
            }
        }
    }
}

impl SearchStrategy for AdaptiveConsistency {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return self.ask(self.first.min(self.most));
        }
        let tree = view.tree();
        self.state.voters.extend(view.fresh().iter().filter(|&&id| tree[id].is_finished()));
        // What a hard budget cut is written to its end before anything is counted.
        let rest = view.open();
        if !rest.is_empty() {
            let line = |id| Expand { sampling: self.sampling, ..Expand::end(id, 1) };
            return rest.into_iter().map(line).collect();
        }
        if self.is_over(view.tree()) || self.state.asked >= self.most {
            return Vec::new();
        }
        self.state.before = self.state.voters.len();
        let round = self.round.unwrap_or(self.state.asked);
        self.ask(round.min(self.most - self.state.asked))
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        Selection::majority().pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        let name = "adaptive consistency";
        at_least_one(name, "first", self.first)?;
        at_least_one(name, "round", self.round.unwrap_or(1))?;
        if self.most < self.first {
            let (most, first) = (self.most, self.first);
            return Err(format!(
                "{name}: most is {most}, expected at least first, which is {first}"
            ));
        }
        match self.stop {
            // At one half and below the first round ends every search: somebody is ahead.
            StopWhen::Beta(c) | StopWhen::Dirichlet(c) if !(c > 0.5 && c < 1.0) => {
                Err(format!("{name}: stop asks for a confidence of {c}, expected 0.5 < c < 1"))
            }
            StopWhen::Share(share) if !(share > 0.0 && share <= 1.0) => {
                Err(format!("{name}: stop asks for a share of {share}, expected 0 < share <= 1"))
            }
            StopWhen::Settled(rounds) if rounds < 2 => {
                Err(format!("{name}: stop after {rounds} rounds ahead, expected at least 2"))
            }
            StopWhen::Unanimous if self.first == 1 || self.round == Some(1) => {
                Err(format!("{name}: a round of 1 line is always unanimous, expected at least 2"))
            }
            _ => Ok(()),
        }
    }
}
