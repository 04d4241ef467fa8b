//! Power sampling: solutions in proportion to the `alpha`-th power of their probability, by a
//! Metropolis-Hastings chain over whole texts.
//!
//! ```text
//! a b b a c c end
//!     ^ a place is drawn; from here on the text is written again:
//! a b . c a end        taken with probability min(1, ratio), else the old text stays
//! ```
//!
//! That is not sampling at temperature `1 / alpha`, which sharpens each token by itself; it is only how
//! proposals are drawn. With `p` the model, `q` the proposals, `x` the old rest, `y` the new one and `L`
//! the lengths of the whole texts,
//!
//! ```text
//! ratio = (p(y) / p(x))^alpha  x  q(x) / q(y)  x  L(x) / L(y)
//! ```
//!
//! The last factor is there because a place of a longer text is drawn less often. The released code leaves
//! it out, and compares rests of unlike lengths as far as they overlap: the law of such a chain is another.
//!
//! With [`PowerSampling::block`] the first text grows by so many tokens at a time, and the chain moves
//! `steps` times at each length, as published, so that a long text need not be found at once. It then
//! moves `steps` times more over whole texts, whose law is the one that is wanted; the published
//! method ends without these.
//!
//! The chain needs the log-probability of each token, under the model and as it was drawn: a line without
//! them fails. A proposal that failed counts as one that was not taken. A block that failed is asked for
//! again, three times at most; then the search ends with the text that it should have gone on.
//!
//! Cost: `1 + steps` lines, one after the other, each of half a text on average; with blocks as much for each
//! of them. The scorer is not asked. Several chains at once: [`crate::Forest`].
//!
//! When: a base model that can solve what it is asked, and no scorer; it gains what reinforcement learning
//! gains by sharpening. Not when latency counts, or where the likeliest solutions are wrong.
//!
//! Source: Karan and Du 2025, "Reasoning with Sampling: Your Base Model is Smarter Than You Think" (arXiv
//! 2510.14901), section 4, algorithm 1.

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, Finish, NodeId, Sampling, ScoreBy, SearchStrategy, Tree, Until, View, Watch,
};

use super::lines::{AGAIN, at_least_one, elected};

/// Which of the texts that a chain came through is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FromChain {
    /// The last one: a sample.
    #[default]
    Last,
    /// The answer at which the chain stayed longest, over all of its texts.
    Vote,
}

/// A chain of texts.
///
/// ```
/// use tts_core::{Search, toy::Markov};
/// use tts_search::PowerSampling;
///
/// // Three texts: the model says "a" with 0.6, the square of the model with 0.36 / 0.52 = 0.69.
/// let model = Markov::new(|path| if path.is_empty() { vec![0.6, 0.4, 0.0] } else { vec![0.0, 0.0, 1.0] });
/// let mut power = PowerSampling { alpha: 2.0, steps: 4_000, ..PowerSampling::default() };
/// let outcome = Search::new(&model).run(&mut power, "a or b?")?;
/// let stayed = |text: &str| -> u32 {
///     let visits = power.state.visits().iter();
///     visits.filter(|(node, _)| outcome.tree.text(*node) == text).map(|(_, steps)| steps).sum()
/// };
/// assert_eq!(stayed("a") + stayed("b"), 4_000);
/// assert!((f64::from(stayed("a")) / 4_000.0 - 0.69).abs() < 0.03);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PowerSampling {
    /// The power: 1 is the model, greater ones are sharper. `1 / alpha` is the temperature of proposals, and
    /// must be one in single precision: between about 1e-38 and 1e38.
    pub alpha: f64,
    /// Steps of the chain, at each length.
    pub steps: u32,
    /// How many tokens the first text grows by; whole from the start when `None`.
    pub block: Option<u32>,
    /// Which text is the answer.
    pub choose: FromChain,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`PowerSampling`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// Where the chain is, and what its text has of log-probabilities.
    text: Option<Text>,
    pending: Pending,
    /// Steps that were made at the present length.
    made: u32,
    /// How often, one after the other, a line that was to go on where the text ends came to nothing.
    lost: u32,
    /// The most tokens of a text for now; all when `None`.
    bound: Option<u32>,
    /// The texts of the chain, with the steps that it stayed at each.
    visits: Vec<(NodeId, u32)>,
}

impl State {
    /// The texts that the chain came through at full length, with the steps that it stayed at each: their shares
    /// are the law that it has found.
    pub fn visits(&self) -> &[(NodeId, u32)] {
        &self.visits
    }
}

/// A text of the chain.
#[derive(Debug, Clone, PartialEq)]
struct Text {
    end: NodeId,
    /// Of each token, `ln p` and `ln q`; nothing where a part of the text has none, which was not written here,
    /// and such a text is never left.
    logs: Option<Vec<(f64, f64)>>,
}

/// What the lines that are awaited are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pending {
    /// They go on where the text ends.
    #[default]
    More,
    /// They are a proposal from this token on, in the step at this place of the path.
    Proposal { place: usize, step: usize },
}

impl Default for PowerSampling {
    /// The fourth power, ten steps, whole texts.
    fn default() -> Self {
        Self {
            alpha: 4.0,
            steps: 10,
            block: None,
            choose: FromChain::Last,
            state: State::default(),
        }
    }
}

/// Log-probabilities of what was generated behind the first `skip` nodes of a path, token by token; `None`
/// where some were not noted.
fn logs(tree: &Tree, end: NodeId, skip: usize) -> Option<Vec<(f64, f64)>> {
    let mut logs = Vec::new();
    for &node in tree.path(end).iter().skip(skip) {
        let step = &tree[node].step;
        let (p, q) = (&step.logprobs, step.drawn());
        if p.len() as u64 != step.generated() || q.len() != p.len() {
            return None;
        }
        logs.extend(p.iter().zip(q).map(|(&p, &q)| (f64::from(p), f64::from(q))));
    }
    Some(logs)
}

/// How many tokens stand in a path, whoever wrote them.
fn tokens(tree: &Tree, path: &[NodeId]) -> usize {
    path.iter().map(|&node| tree[node].step.tokens.len()).sum()
}

impl PowerSampling {
    /// A chain of `n` lines, of two at least: without a step it would not be at the power.
    ///
    /// ```
    /// assert_eq!(tts_search::PowerSampling::of(11).steps, 10);
    /// assert_eq!(tts_search::PowerSampling::of(1).steps, 1);
    /// ```
    pub fn of(n: usize) -> Self {
        let steps = u32::try_from(n.saturating_sub(1)).unwrap_or(u32::MAX);
        Self { steps: steps.max(1), ..Self::default() }
    }

    /// Logarithm of `p^alpha / q`.
    fn weight(&self, logs: &[(f64, f64)]) -> f64 {
        logs.iter().map(|(p, q)| self.alpha * p - q).sum()
    }

    /// The temperature of proposals.
    #[expect(clippy::cast_possible_truncation, reason = "temperatures are f32")]
    fn temperature(&self) -> f32 {
        (1.0 / self.alpha) as f32
    }

    /// A line from here on, up to this many tokens of the whole text.
    fn write(&self, node: NodeId, keep: Option<u32>, before: usize) -> Expand {
        let left = |bound: u32| bound.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX));
        Expand {
            keep,
            until: self.state.bound.map_or(Until::End, |bound| Until::Tokens(left(bound).max(1))),
            sampling: Some(Sampling::temperature(self.temperature())),
            watch: Watch { drawn: true, ..Watch::default() },
            score: ScoreBy::Nobody,
            ..Expand::step(node, 1)
        }
    }

    /// Takes up what was written.
    fn take(&mut self, view: &mut View<'_>) {
        let tree = view.tree();
        let broken = [Finish::Context, Finish::Cancelled, Finish::Halted];
        let fresh = view.fresh().last().copied();
        let fresh = fresh.filter(|&end| !broken.contains(&tree[end].finish));
        let old = self.state.text.take();
        let Pending::Proposal { place, step } = self.state.pending else {
            let Some(end) = fresh else {
                (self.state.text, self.state.lost) = (old, self.state.lost + 1);
                return;
            };
            let skip = old.as_ref().map_or(0, |text| tree.path(text.end).len());
            let before = old.map_or(Some(Vec::new()), |text| text.logs);
            let grown = |end| Some([before?, logs(tree, end, skip)?].concat());
            (self.state.text, self.state.lost) = (Some(Text { end, logs: grown(end) }), 0);
            return;
        };
        let rest = fresh.and_then(|end| Some((end, logs(tree, end, step)?)));
        let luck = view.rng().uniform();
        self.state.text = old.map(|old| self.moved(old, place, rest, luck));
        self.state.made += 1;
        self.note();
    }

    /// Where the chain is once a text is written again from `place` on.
    fn moved(
        &self,
        old: Text,
        place: usize,
        rest: Option<(NodeId, Vec<(f64, f64)>)>,
        luck: f64,
    ) -> Text {
        let (Some((end, rest)), Some(logs)) = (rest, &old.logs) else { return old };
        let Some((kept, left)) = logs.split_at_checked(place) else { return old };
        let lengths = logs.len() as f64 / (place + rest.len()) as f64;
        let ratio = self.weight(&rest) - self.weight(left) + lengths.ln();
        if luck < ratio.exp() {
            return Text { end, logs: Some([kept, &rest].concat()) };
        }
        old
    }

    /// Notes where the chain is after a step.
    fn note(&mut self) {
        let Some(text) = self.state.text.as_ref().filter(|_| self.state.bound.is_none()) else {
            return;
        };
        match self.state.visits.last_mut() {
            Some((node, steps)) if *node == text.end => *steps += 1,
            _ => self.state.visits.push((text.end, 1)),
        }
    }

    /// Draws a place, and has the text written again from there.
    fn propose(&mut self, view: &mut View<'_>, end: NodeId) -> Vec<Expand> {
        let path = view.tree().path(end);
        let length = tokens(view.tree(), &path);
        let place = view.rng().below(length);
        let (mut step, mut before) = (0, 0);
        while step + 1 < path.len() {
            let here = tokens(view.tree(), &path[step..=step]);
            if before + here > place {
                break;
            }
            before += here;
            step += 1;
        }
        let Some(&node) = path.get(step) else { return Vec::new() };
        self.state.pending = Pending::Proposal { place, step };
        let keep = u32::try_from(place - before).unwrap_or(u32::MAX);
        vec![self.write(node, Some(keep), place)]
    }
}

impl SearchStrategy for PowerSampling {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State { bound: self.block, ..State::default() };
            return vec![self.write(NodeId::ROOT, None, 0)];
        }
        self.take(view);
        let end = self.state.text.as_ref().map(|text| text.end);
        if self.state.lost > 0 {
            let path = end.map_or_else(Vec::new, |end| view.tree().path(end));
            let before = tokens(view.tree(), &path);
            let more = self.state.lost <= AGAIN;
            return Vec::from_iter(
                more.then(|| self.write(end.unwrap_or(NodeId::ROOT), None, before)),
            );
        }
        let Some(end) = end else { return Vec::new() };
        if self.state.made < self.steps {
            return self.propose(view, end);
        }
        let (Some(block), Some(bound)) = (self.block, self.state.bound) else { return Vec::new() };
        (self.state.made, self.state.pending) = (0, Pending::More);
        let before = tokens(view.tree(), &view.tree().path(end));
        if view.tree()[end].open && before >= bound as usize {
            self.state.bound = Some(bound.saturating_add(block));
            return vec![self.write(end, None, before)];
        }
        self.state.bound = None;
        self.propose(view, end)
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let done = |node: NodeId| tree.get(node).is_some_and(tts_core::Node::is_finished);
        let text = self.state.text.iter().map(|text| text.end);
        let visits = self.state.visits.iter().map(|&(node, steps)| (node, f64::from(steps)));
        let visits: Vec<(NodeId, f64)> = visits.filter(|&(node, _)| done(node)).collect();
        let voted = match self.choose {
            FromChain::Last => None,
            FromChain::Vote => elected(tree, &visits),
        };
        let last = || text.chain(visits.iter().rev().map(|visit| visit.0)).find(|&end| done(end));
        let finished = || tree.finished().next().and_then(|_| tree.best(Aggregate::ByScale));
        // Where nothing has come to its end, that is where the chain stands.
        let stands = || self.state.text.as_ref().map(|text| text.end);
        let any = || tree.best(Aggregate::ByScale);
        voted.or_else(last).or_else(finished).or_else(stands).or_else(any)
    }

    /// A proposal that failed is not taken, a block is asked for again, and a text that does not go on is the end.
    fn outlives_failure(&self) -> bool {
        let State { text, pending, lost, .. } = &self.state;
        matches!(pending, Pending::Proposal { .. }) || *lost < AGAIN || text.is_some()
    }

    fn check(&self) -> Result<(), String> {
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            let alpha = self.alpha;
            return Err(format!("power sampling: alpha is {alpha}, expected a number above 0"));
        }
        let (alpha, temperature) = (self.alpha, self.temperature());
        if !temperature.is_normal() {
            return Err(format!(
                "power sampling: alpha is {alpha:e}, expected a number of which the inverse is a \
                 temperature in single precision"
            ));
        }
        at_least_one("power sampling", "steps", self.steps as usize)?;
        self.block.map_or(Ok(()), |block| at_least_one("power sampling", "block", block as usize))
    }
}
