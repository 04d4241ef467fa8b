//! Sequential revision: chains of attempts, each written in sight of the latest ones before it.
//!
//! ```text
//! question -+- attempt -- attempt -- attempt    each chain: a vote, the best of the winner
//!           +- attempt -- attempt -- attempt    across the chains: a vote of these
//! ```
//!
//! Nobody tells the model which attempts are right. A revision model turns a good part of its right answers
//! wrong again, so the last attempt is never simply returned: the vote is held over all of them. How a
//! budget of lines is split between chains and their length is the balance of parallel and sequential
//! search ([`super::Ratio`]): `N` lines are `p` chains of `s`, `s p = N`, in the ratio `s:p`:
//!
//! | N | ratios, from all side by side to all in turn |
//! | ---: | --- |
//! | 4 | 1:4, 1:1, 4:1 |
//! | 8 | 1:8, 1:2, 2:1, 8:1 |
//! | 16 | 1:16, 1:4, 1:1, 4:1, 16:1 |
//! | 64 | 1:64, 1:16, 1:4, 1:1, 4:1, 16:1, 64:1 |
//!
//! `Revision::at` makes the strategy of a ratio, `Revision::ratios` all of a budget. An attempt that was cut is shown as far as it went; a line that failed ends its chain.
//!
//! Cost: `chains x length` lines, a batch of `chains` a round. An attempt reads up to `shown` others.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 6: the latest four attempts, and the
//! hierarchical choice.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, NodeKind, Requirements, SearchStrategy, Selection, Tree, View};

use super::Words;
use crate::sample::lines::at_least_one;

/// Chains of revisions.
///
/// ```
/// use tts_core::toy::Markov;
/// use tts_core::{NodeId, Sampling, Search, Selection};
/// use tts_search::refine::Revision;
/// let model = Markov::new(|path| if path.is_empty() { vec![0.5, 0.5, 0.0] } else { vec![0.0, 0.0, 1.0] });
/// let revision = Revision { chains: 2, length: 3, select: Selection::majority(), ..Default::default() };
/// let search = Search::new(&model).sampling(Sampling::temperature(1.0));
/// let outcome = search.run(revision, "a or b?")?;
/// assert_eq!((outcome.usage.logical.samples, outcome.usage.rounds), (6, 3));
/// let last = outcome.tree.candidates()[5];
/// let chain = Revision::chain(&outcome.tree, last);
/// let asked = outcome.tree.asked(last).question();
/// assert!(chain.len() == 3 && asked.contains(&outcome.tree.text(chain[1])));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Revision {
    /// Chains, side by side.
    pub chains: usize,
    /// Attempts in each.
    pub length: usize,
    /// Most attempts that a revision is shown: the latest.
    pub shown: usize,
    /// How the problem is asked again.
    pub words: Words,
    /// The vote.
    pub select: Selection,
    /// Whether the vote is held within each chain first; else over all attempts of all chains at once,
    /// which suits the majority.
    pub by_chain: bool,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`Revision`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Whether there is an attempt.
    attempted: bool,
}

impl Default for Revision {
    /// One chain of eight, four of them shown, by the weighted vote.
    fn default() -> Self {
        Self {
            chains: 1,
            length: 8,
            shown: 4,
            words: Words::default(),
            select: Selection::weighted(),
            by_chain: true,
            state: State::default(),
        }
    }
}

impl Revision {
    /// About as many chains as attempts in each, `n` lines at most; [`Revision::at`] takes other ratios.
    pub fn square(n: usize) -> Self {
        let chains = n.isqrt().max(1);
        Self { chains, length: (n / chains).max(1), ..Self::default() }
    }

    /// The ends of the attempts of the chain that ends at `end`, the first of them first.
    pub fn chain(tree: &Tree, end: NodeId) -> Vec<NodeId> {
        let before = |&end: &NodeId| {
            let question = tree.question(end);
            tree.get(question).and_then(|node| node.parent)
        };
        let mut chain: Vec<NodeId> = std::iter::successors(Some(end), before).collect();
        chain.reverse();
        chain
    }

    /// What is asked behind the chain that ends at `end`, or nothing when it is long enough.
    fn next(&self, view: &mut View<'_>, end: NodeId) -> Option<Expand> {
        let tree = view.tree();
        let chain = Self::chain(tree, end);
        if chain.len() >= self.length {
            return None;
        }
        let texts: Vec<String> = chain[chain.len().saturating_sub(self.shown)..]
            .iter()
            .map(|&attempt| tree.text(attempt))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prompt = self.words.prompt(tree.prompt(), &texts);
        Some(Expand::end(view.pose(end, prompt, NodeKind::Committed), 1))
    }
}

impl SearchStrategy for Revision {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return vec![Expand::end(NodeId::ROOT, self.chains)];
        }
        self.state.attempted |= !view.fresh().is_empty();
        let ends = view.fresh().to_vec();
        ends.into_iter().filter_map(|end| self.next(view, end)).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let attempts = tree.candidates();
        if !self.by_chain {
            return self.select.pick_among(tree, &attempts);
        }
        // In the order of their first attempts.
        let mut chains: Vec<Vec<NodeId>> = Vec::new();
        let mut places: HashMap<NodeId, usize> = HashMap::new();
        for attempt in attempts {
            let first = Self::chain(tree, attempt).first().copied().unwrap_or(attempt);
            let place = *places.entry(first).or_insert(chains.len());
            if place == chains.len() {
                chains.push(Vec::new());
            }
            chains[place].push(attempt);
        }
        let delegates = chains.iter().filter_map(|chain| self.select.pick_among(tree, chain));
        self.select.pick_among(tree, &delegates.collect::<Vec<_>>())
    }

    /// A chain ends where its line fails, and what it holds by then votes.
    fn outlives_failure(&self) -> bool {
        self.state.attempted
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("revision", "chains", self.chains)?;
        at_least_one("revision", "length", self.length)?;
        at_least_one("revision", "shown", self.shown)?;
        self.words.check().map_err(|problem| format!("revision: {problem}"))
    }

    fn requires(&self) -> Requirements {
        Requirements::vote("revision", self.select)
    }
}
