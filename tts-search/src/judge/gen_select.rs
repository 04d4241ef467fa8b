//! `GenSelect`: a model reads several solutions at once and names the best; of many, in a bracket of groups.
//!
//! ```text
//! 8 solutions -- group of 4: "Best: 2" --+-- group of 2: "Best: 1" --> the answer
//!             `- group of 4: "Best: 3" --'
//! ```
//!
//! A group is asked about `votes` times, each time in an order by chance, so that no place is favoured; most
//! votes win, the earlier sample of equals. What cannot be read, or was cut, is no vote, was paid for, and is among
//! [`tts_core::Outcome::unscored`]; a group without a vote is settled by its majority. Marks of the question and of the choice
//! that stand in a solution are shown with a space in them. A group whose members have one answer is not asked about, and
//! neither is a solution that was cut, or that has no answer where others have one.
//!
//! Cost: `n` lines and `votes` for each group: of 16 in groups of four, 4 groups and one more. A verdict
//! reads a whole group.
//!
//! When: a model that judges better than it solves, answers that cannot be voted on (texts, code), few
//! samples. Beside a trained scorer it costs far more, and the majority of more samples is often as good.
//! Over a stored pool: with a [`tts_core::Store`] before the generator, samples that were drawn before are
//! read, not drawn; over texts of others with [`tts_core::GivenTexts`] as the generator and a role as the judge
//! (`--model given:FILE`).
//!
//! Source: Toshniwal et al. 2025, "`GenSelect`: A Generative Approach to Best-of-N" (arXiv 2507.17797);
//! Moshkov et al. 2025 (arXiv 2504.16891), on selection by a model.

use serde::{Deserialize, Deserializer, Serialize};
use tts_core::judge::shown;
use tts_core::{Ask, Desk, NodeId, Requirements, Script, all};

use super::pool::{self, Solution};
use super::reading;
use crate::refine::{Words, words};
use crate::sample::lines::at_least_one;

/// A model's choice among samples.
///
/// ```
/// use tts_core::toy::{Markov, ToyWorld};
/// use tts_core::{Scripted, Search, StepRule};
/// use tts_search::GenSelect;
/// // A judge that writes one token, "b", and is asked to mark its choice by nothing else.
/// let judge = Markov::new(|path| if path.is_empty() { vec![0.0, 1.0, 0.0] } else { vec![0.0, 0.0, 1.0] });
/// let world = ToyWorld { error: 0.6, ..ToyWorld::default() };
/// let search = Search::new(&world).role("judge", &judge).rule(StepRule::lines());
/// let select = GenSelect { n: 4, group: 4, judge: Some("judge".into()), ..Default::default() };
/// let outcome = search.run(Scripted::of(select), world.prompt(0))?;
/// // It cannot be read ("b" is no "Best: 2"), so the majority stands.
/// assert_eq!(outcome.usage.logical.samples, 4 + 1);
/// assert!(outcome.answer().is_some());
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenSelect {
    /// How many samples.
    pub n: usize,
    /// Most solutions that are shown at once.
    pub group: usize,
    /// How often a group is asked about.
    pub votes: usize,
    /// The role that chooses; `None` for the model itself.
    pub judge: Option<String>,
    /// How solutions are shown; each by its `{number}`.
    #[serde(deserialize_with = "read_words")]
    pub words: Words,
    /// What stands before the number that is chosen.
    pub marker: String,
}

fn default_words() -> Words {
    Words {
        each: "<solution {number}>\n{attempt}\n</solution {number}>\n".into(),
        ask: "{question}\n\nHere are solutions, some of which may be wrong:\n{attempts}\
              Compare them, and name the one that is most likely right in a last line of `Best:` and its number."
            .into(),
    }
}

fn read_words<'de, D: Deserializer<'de>>(from: D) -> Result<Words, D::Error> {
    words::or(from, default_words())
}

impl Default for GenSelect {
    /// 16 samples in groups of eight, one vote a group.
    fn default() -> Self {
        Self {
            n: 16,
            group: 8,
            votes: 1,
            judge: None,
            words: default_words(),
            marker: "Best:".into(),
        }
    }
}

impl GenSelect {
    /// `n` samples.
    pub fn of(n: usize) -> Self {
        Self { n, ..Self::default() }
    }

    /// One vote: a place in the group.
    async fn vote(&self, desk: &Desk, group: &[Solution]) -> Option<usize> {
        let order = pool::shuffled(desk, group.len());
        let marks = [self.marker.clone()];
        let text = |&place: &usize| shown(&group[place].line.text(), &marks, usize::MAX);
        let texts: Vec<String> = order.iter().map(text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let ask = Ask::of(self.words.prompt(&desk.problem(), &texts)).aside();
        let said = desk.line(pool::to(ask, self.judge.as_ref())).await?;
        let read = || {
            let (marker, n) = (&self.marker, order.len());
            let missing = || format!("no {marker:?} with one number from 1 to {n} behind it");
            reading::choice(&said.text(), marker, n).ok_or_else(missing)
        };
        pool::heard(desk, &said, read).map(|chosen| order[chosen])
    }

    /// The winner of a group.
    async fn choose(&self, desk: &Desk, mut group: Vec<Solution>) -> Option<Solution> {
        let usual = pool::usual(&group);
        let label = group.first()?.label;
        let one = label.is_some() && group.iter().all(|solution| solution.label == label);
        if group.len() < 2 || one {
            return group.into_iter().next();
        }
        let votes = all((0..self.votes).map(|_| self.vote(desk, &group))).await;
        let mut count = vec![0_usize; group.len()];
        votes.into_iter().flatten().for_each(|place| count[place] += 1);
        let most = count.iter().max().copied().unwrap_or(0);
        let winner = if most == 0 { None } else { count.iter().position(|&votes| votes == most) };
        Some(group.swap_remove(winner.unwrap_or(usual)))
    }
}

impl Script for GenSelect {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let mut left = pool::sample(&desk, self.n).await;
        while left.len() > 1 {
            // The answer so far, should the budget run out.
            desk.prefer(left[pool::usual(&left)].line.node);
            let groups = pool::groups(left, self.group);
            let winners = all(groups.into_iter().map(|group| self.choose(&desk, group))).await;
            left = winners.into_iter().flatten().collect();
        }
        left.first().map(|solution| solution.line.node)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("gen-select", "n", self.n)?;
        at_least_one("gen-select", "votes", self.votes)?;
        if self.group < 2 {
            return Err(format!("gen-select: group is {}, expected at least 2", self.group));
        }
        if self.marker.trim().is_empty() {
            return Err("gen-select: marker is blank, expected the words before a choice".into());
        }
        if !self.words.ask.contains(&self.marker) {
            let marker = &self.marker;
            return Err(format!("gen-select: words.ask does not say {marker:?}, which marker is"));
        }
        // A judge that repeats its question would have voted.
        if reading::choice(&self.words.ask, &self.marker, usize::MAX).is_some() {
            return Err(
                "gen-select: words.ask holds a choice as it is read, expected one in words".into(),
            );
        }
        let words = self.words.check();
        words
            .and_then(|()| words::holds("each", &self.words.each, &["{number}"]))
            .map_err(|problem| format!("gen-select: {problem}"))
    }

    fn requires(&self) -> Requirements {
        Requirements { roles: self.judge.iter().cloned().collect(), ..Requirements::default() }
    }
}
