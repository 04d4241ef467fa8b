//! Beam search over tokens: the likeliest text under the model, for comparison with searches that are verified.
//!
//! ```text
//! question --+-- the  -0.5 --+-- cat  -1.4  <- kept         keep 2, branch 2
//!            |               +-- dog  -1.9
//!            +-- a    -1.2 --+-- bird -1.6  <- kept
//!                            +-- cat  -2.3
//! ```
//!
//! A round continues each of the `keep` likeliest beginnings by each of its `branch` likeliest tokens
//! ([`tts_core::Sampling::first`]), and of all these the likeliest are kept. Nothing is drawn. A text that ends
//! leaves the beam, and so does one that a limit of its length closes: the likeliest of those is the answer where none
//! has ended. Log-probabilities only fall, so a beginning that is less likely than a finished text is given
//! up, and the search ends when none is left: with a large enough beam that is the likeliest text of all. With a
//! [`TokenBeam::length_penalty`] texts are ranked by their log-probability over a power of their length, of which
//! nothing can be told beforehand, and the search ends when `keep` texts have that were among the `keep` likeliest
//! of their round.
//!
//! Cost: `keep x branch` lines of one token a round, as many rounds as the text has tokens; nothing is judged. It
//! takes a node for each token tried.
//!
//! When: to see what a search by likelihood alone reaches. Not to reason: the likeliest text is seldom the right
//! one, it is often short or repeats itself, and more beams make it worse; the majority of samples and verified
//! searches are ahead of it at equal cost. Servers cannot rank tokens so: it needs an engine of this library. A line
//! of which no log-probability is told fails. A token is a step, of which texts may have any number here, but for what
//! a budget's reserve writes: that keeps to the steps of the search's rule. A letter that is written in several
//! tokens is not put together again.
//!
//! Source: Lowerre 1976, "The Harpy speech recognition system"; Wu et al. 2016 (arXiv 1609.08144), section 7, for
//! the length; Stahlberg and Byrne 2019 (arXiv 1908.10090) for what more beams do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, Sampling, ScoreBy, SearchStrategy, StepRule, Tree, Until, View,
    Watch,
};

use crate::sample::lines::at_least_one;

/// The likeliest texts, token by token.
///
/// ```
/// use tts_core::{Search, toy::Markov};
/// use tts_search::TokenBeam;
///
/// // "a" is the likelier beginning, and ends in many ways; "b" has one end, the last token.
/// let model = Markov::new(|path| match path {
///     [] => vec![0.6, 0.4, 0.0],
///     [0, ..] if path.len() < 3 => vec![0.5, 0.5, 0.0],
///     _ => vec![0.0, 0.0, 1.0],
/// });
/// let text = |keep| -> Result<_, tts_core::SearchError> {
///     let beam = TokenBeam { keep, branch: 2, ..Default::default() };
///     Ok(Search::new(&model).run(beam, "?")?.text())
/// };
/// assert_eq!(text(1)?.as_deref(), Some("aaa"));
/// assert_eq!(text(2)?.as_deref(), Some("b"));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenBeam {
    /// Beginnings that are kept.
    pub keep: usize,
    /// Tokens that each is tried with.
    pub branch: u32,
    /// Texts are ranked by log-probability over their length to this power; 0 for the log-probability itself.
    pub length_penalty: f64,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`TokenBeam`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The beam, the likeliest first.
    kept: Vec<Beginning>,
    /// Texts that have ended.
    done: Vec<Beginning>,
    /// How many of these were among the likeliest of their round.
    ended: usize,
    /// The likeliest text that a limit of its length has closed.
    closed: Option<Beginning>,
    /// The search's rule, with any number of steps.
    rule: Option<Arc<StepRule>>,
}

/// A text, or its beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Beginning {
    node: NodeId,
    /// In nats.
    logprob: f64,
    /// Tokens.
    length: u32,
}

impl Default for TokenBeam {
    /// Four beginnings, each tried with four tokens, by likelihood alone.
    fn default() -> Self {
        Self { keep: 4, branch: 4, length_penalty: 0.0, state: State::default() }
    }
}

impl TokenBeam {
    /// A beam of about `n` lines a round.
    ///
    /// ```
    /// let beam = tts_search::TokenBeam::square(16);
    /// assert_eq!((beam.keep, beam.branch), (4, 4));
    /// ```
    pub fn square(n: usize) -> Self {
        let keep = n.isqrt().max(1);
        let branch = u32::try_from(n / keep).unwrap_or(u32::MAX).max(1);
        Self { keep, branch, ..Self::default() }
    }

    fn value(&self, text: &Beginning) -> f64 {
        text.logprob / f64::from(text.length.max(1)).powf(self.length_penalty)
    }

    /// The best text that has ended, the first of equals.
    fn best(&self) -> Option<&Beginning> {
        let done = self.state.done.iter().rev();
        done.max_by(|a, b| self.value(a).total_cmp(&self.value(b)))
    }

    /// Takes in the fresh tokens; the likeliest beginnings are kept.
    fn take_in(&mut self, view: &View<'_>) {
        let tree = view.tree();
        let before = std::mem::take(&mut self.state.kept);
        let mut fresh = Vec::new();
        for (&node, &origin) in view.fresh().iter().zip(view.origin()) {
            let Some(&Beginning { logprob, length, .. }) =
                before.get(origin / self.branch as usize)
            else {
                continue;
            };
            let step = &tree[node].step;
            let logprob = logprob + step.logprobs.iter().copied().map(f64::from).sum::<f64>();
            let length = length.saturating_add(u32::try_from(step.tokens.len()).unwrap_or(1));
            fresh.push(Beginning { node, logprob, length });
        }
        fresh.sort_by(|a, b| b.logprob.total_cmp(&a.logprob));
        let mut open = Vec::new();
        for (rank, text) in fresh.into_iter().enumerate() {
            if tree[text.node].is_finished() {
                self.state.done.push(text);
                // The likeliest tokens of a bad beginning may be ends: they end nothing.
                self.state.ended += usize::from(rank < self.keep);
            } else if !tree[text.node].open {
                let closed = self.state.closed.as_ref();
                if closed.is_none_or(|closed| self.value(&text) > self.value(closed)) {
                    self.state.closed = Some(text);
                }
            } else if open.len() < self.keep {
                open.push(text);
            }
        }
        let over = self.length_penalty > 0.0 && self.state.ended >= self.keep;
        let least = self.best().filter(|_| self.length_penalty <= 0.0).map(|best| best.logprob);
        open.retain(|text| !over && least.is_none_or(|least| text.logprob > least));
        self.state.kept = open;
    }
}

impl SearchStrategy for TokenBeam {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            let nothing = Beginning { node: NodeId::ROOT, logprob: 0.0, length: 0 };
            let rule = StepRule { max_steps: u32::MAX, ..(**view.rule()).clone() };
            self.state =
                State { kept: vec![nothing], rule: Some(Arc::new(rule)), ..State::default() };
        } else if view.is_last() && view.fresh().is_empty() {
            // Nothing was written since, and what is kept is what a reserve may finish.
            return Vec::new();
        } else {
            self.take_in(view);
        }
        let token = |node: NodeId, rank: u32| Expand {
            until: Until::Tokens(1),
            sampling: Some(Sampling { first: Some(rank), ..Sampling::greedy() }),
            rule: self.state.rule.clone(),
            score: ScoreBy::Nobody,
            // A line whose generator does not tell log-probabilities fails.
            watch: Watch { drawn: true, ..Watch::default() },
            ..Expand::step(node, 1)
        };
        let kept = self.state.kept.iter();
        kept.flat_map(|text| (0..self.branch).map(|rank| token(text.node, rank))).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let best = self.best().map(|text| text.node);
        // Where a budget ends it, a reserve may have written the likeliest beginning to its end.
        let led = || {
            let mut kept = self.state.kept.iter();
            kept.find_map(|text| tree.led_to(text.node, Aggregate::ByScale))
        };
        let closed = || self.state.closed.map(|text| text.node);
        best.or_else(led).or_else(closed).or_else(|| tree.best(Aggregate::ByScale))
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("token-beam", "keep", self.keep)?;
        at_least_one("token-beam", "branch", self.branch as usize)?;
        let penalty = self.length_penalty;
        if !(penalty.is_finite() && penalty >= 0.0) {
            return Err(format!(
                "token-beam: length_penalty is {penalty}, expected a number of at least 0"
            ));
        }
        Ok(())
    }
}
