//! Recursive self-aggregation (RSA): each member of the next population is written in sight of a few of
//! the last.
//!
//! ```text
//! question --> N solutions --> N times: draw K, "combine these" --> N solutions --> ... --> majority, or one
//! ```
//!
//! `P_1` is N samples; each of the N members of `P_t` is one line that answers the problem and K members of
//! `P_(t-1)`, drawn without replacement. The answer is the vote over `P_T`, or a member of it at random
//! ([`RsaAnswer::Member`]), whose accuracy is the mean of the population. Whole solutions are shown, not
//! their answers alone; members that were cut are shown as far as they went, and vote only where none of their
//! population has finished. One round is
//! the pool of best-of-N, and with one solution shown it is N self-refinements side by side.
//!
//! Cost: `population x rounds` lines, a batch of `population` a round; each aggregation reads `shown`
//! solutions.
//!
//! When: no scorer, a model that sees which of several solutions is right, problems worth many rounds. A
//! model that cannot tell gains nothing over the majority of as many samples, and populations that are
//! small beside `rounds` end up with one opinion.
//!
//! Source: Venkatraman et al. 2025, "Recursive Self-Aggregation Unlocks Deep Thinking in Large Language
//! Models" (arXiv 2509.26626), section 3; N = 16, K = 4, T = 10 there.

use serde::{Deserialize, Deserializer, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, NodeKind, Requirements, SearchStrategy, Selection, Tree, View,
};

use super::{Words, words};
use crate::sample::lines::at_least_one;

/// A population that is aggregated again and again.
///
/// ```
/// use tts_core::toy::Markov;
/// use tts_core::{Sampling, Search};
/// use tts_search::Rsa;
/// let model = Markov::new(|path| if path.is_empty() { vec![0.5, 0.5, 0.0] } else { vec![0.0, 0.0, 1.0] });
/// let rsa = Rsa { population: 4, shown: 2, rounds: 3, ..Default::default() };
/// let search = Search::new(&model).sampling(Sampling::temperature(1.0));
/// let outcome = search.run(rsa, "a or b?")?;
/// assert_eq!((outcome.usage.logical.samples, outcome.usage.rounds), (12, 3));
/// // The last member was written in sight of two.
/// let last = outcome.tree.candidates()[11];
/// assert_eq!(outcome.tree.asked(last).question().matches("<solution>").count(), 2);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rsa {
    /// Members of a population (N).
    pub population: usize,
    /// Solutions that one aggregation is shown (K).
    pub shown: usize,
    /// Populations, that of the first samples included (T).
    pub rounds: usize,
    /// How solutions are shown.
    #[serde(deserialize_with = "read_words")]
    pub words: Words,
    /// Whose answer it is.
    pub answer: RsaAnswer,
    /// The vote over the last population.
    pub select: Selection,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Whose answer a [`Rsa`] takes of its last population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RsaAnswer {
    /// That of the vote.
    #[default]
    Vote,
    /// That of one member, each as likely: of those that have finished, where any has.
    Member,
}

/// Where a [`Rsa`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The populations so far: the leaves that its own decisions led to.
    populations: Vec<Vec<NodeId>>,
    /// What picks a member, in `[0, 1)`.
    draw: f64,
}

fn default_words() -> Words {
    Words {
        each: "<solution>\n{attempt}\n</solution>\n".into(),
        ask: "{question}\n\nHere are solutions, some of which may be wrong:\n{attempts}\
              Combine them into one right solution, or start anew."
            .into(),
    }
}

fn read_words<'de, D: Deserializer<'de>>(from: D) -> Result<Words, D::Error> {
    words::or(from, default_words())
}

impl Default for Rsa {
    /// Ten populations of 16, of which four are shown, and the majority of the last.
    fn default() -> Self {
        Self {
            population: 16,
            shown: 4,
            rounds: 10,
            words: default_words(),
            answer: RsaAnswer::Vote,
            select: Selection::majority(),
            state: State::default(),
        }
    }
}

impl Rsa {
    /// About as many rounds as members of a population, `n` lines at most; four are shown.
    pub fn square(n: usize) -> Self {
        let rounds = n.isqrt().max(1);
        let population = (n / rounds).max(1);
        Self { population, rounds, shown: population.min(4), ..Self::default() }
    }

    /// A further member, from K of the last population.
    fn aggregate(&self, view: &mut View<'_>, population: &[NodeId]) -> Option<Expand> {
        let mut left = population.to_vec();
        let count = self.shown.min(left.len());
        let drawn: Vec<NodeId> =
            (0..count).map(|_| left.swap_remove(view.rng().below(left.len()))).collect();
        let tree = view.tree();
        let texts: Vec<String> = drawn.iter().map(|&member| tree.text(member)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prompt = self.words.prompt(tree.prompt(), &texts);
        let about = *drawn.first()?;
        Some(Expand::end(view.pose(about, prompt, NodeKind::Committed), 1))
    }
}

impl SearchStrategy for Rsa {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            let draw = if self.answer == RsaAnswer::Member { view.rng().uniform() } else { 0.0 };
            self.state = State { draw, ..State::default() };
            return vec![Expand::end(NodeId::ROOT, self.population)];
        }
        let population = view.fresh().to_vec();
        if population.is_empty() {
            return Vec::new();
        }
        self.state.populations.push(population.clone());
        if self.state.populations.len() >= self.rounds {
            return Vec::new();
        }
        (0..self.population).filter_map(|_| self.aggregate(view, &population)).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let ends = |members: &Vec<NodeId>| -> Vec<NodeId> {
            let known = members.iter().filter(|&&member| tree.get(member).is_some());
            let mut ends: Vec<NodeId> = known
                .map(|&member| tree.led_to(member, Aggregate::ByScale).unwrap_or(member))
                .collect();
            if ends.iter().any(|&end| tree[end].is_finished()) {
                ends.retain(|&end| tree[end].is_finished());
            }
            ends
        };
        let populations: Vec<Vec<NodeId>> = self.state.populations.iter().map(ends).collect();
        let answers = |members: &&Vec<NodeId>| members.iter().any(|&id| tree.answer(id).is_some());
        // A budget may have cut the last population short: then the one before says more.
        match populations.iter().rev().find(answers).or(populations.last()) {
            Some(members) if self.answer == RsaAnswer::Member => {
                // A uniform number below 1 times a length is below the length, but for rounding.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a place among members"
                )]
                let place = (self.state.draw * members.len() as f64) as usize;
                members.get(place).or(members.last()).copied()
            }
            Some(members) => self.select.pick_among(tree, members),
            None => self.select.pick(tree),
        }
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("rsa", "population", self.population)?;
        at_least_one("rsa", "shown", self.shown)?;
        at_least_one("rsa", "rounds", self.rounds)?;
        let Self { population, shown, .. } = *self;
        if shown > population {
            return Err(format!(
                "rsa: shown is {shown}, expected at most population, which is {population}"
            ));
        }
        if self.answer == RsaAnswer::Member && self.select != Selection::majority() {
            return Err(
                "rsa: select is a vote, and the answer that of a member: no vote is held".into()
            );
        }
        self.words.check().map_err(|problem| format!("rsa: {problem}"))
    }

    fn requires(&self) -> Requirements {
        match self.answer {
            RsaAnswer::Vote => Requirements::vote("rsa", self.select),
            RsaAnswer::Member => Requirements::default(),
        }
    }
}
