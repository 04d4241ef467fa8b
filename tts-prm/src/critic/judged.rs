//! A judge as the scorer of a search: whatever a strategy finds is judged before the strategy sees it.
//!
//! ```text
//! inner strategy: "continue these" -> leaves -> the jury's judgements, as asides -> values of the leaves
//!                        ^-----------------------------------------------------------------------'
//! ```
//!
//! It decorates any strategy, as `Lookahead` does: best-of-N by a judge, a beam by a judge of steps. The
//! leaves of a round are judged together where the judge takes several, each by itself where it takes one;
//! their values lie between 0 and 1 ([`Jury::values`]), and stand for the score of the whole path. A leaf
//! that no judgement could be read about keeps no value, and ranks below those that have one. With no
//! samples it is the inner strategy. Shares of wins ([`Vote::Winners`]) are values among the leaves of one round alone, so
//! they are refused of a strategy of several.
//!
//! The judge stands in the place of the search's scorer, which is then not asked about the inner strategy's
//! candidates; with `finished` it judges finished solutions alone, and the scorer the others. Their scores are then
//! ranked together, which means something only where the scorer's are probabilities, as the judge's values are; this is
//! not checked.
//!
//! A judge of turns ([`super::Template::has_turns`]) goes on where it was: what each of its samples has said of the steps of a
//! leaf's path stands for what grows behind them, so it is asked about new steps alone, and about none behind one that it has
//! called wrong. With `anew` it judges the whole path each time, as other judges do.
//!
//! Cost: one more round for each of the inner strategy's, of `samples` lines for each leaf or group of leaves; of a judge
//! of turns `samples` lines for each step of a leaf that it has not judged, in as many rounds, and with `anew` for each step of
//! its path.
//!
//! Source: Khalifa et al. 2025 (arXiv 2504.16828), section 4, for verifiers that think within best-of-N and beam
//! search.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{
    Desk, Expand, NodeId, NodeKind, Requirements, ScoreBy, Script, Scripted, SearchStrategy, Tree,
    View, passes_on,
};

use super::ballot::{Ballot, Vote};
use super::jury::Jury;
use super::response::Response;
use super::turns::{Past, Turns};

/// A strategy whose leaves a jury judges, see the [module](self).
///
/// ```
/// use tts_core::toy::{Sample, ToyWorld, Voice};
/// use tts_core::{Search, StepRule};
/// use tts_prm::critic::{Judge, Judged, Jury};
///
/// // A judge that likes short responses.
/// let judge = Voice::new(|asked, _, _| {
///     let response = asked.question().split("[Begin of Response]").nth(1).unwrap_or_default();
///     format!("{{\"score\": {}}}", if response.len() < 600 { 7 } else { 3 })
/// });
/// let world = ToyWorld::default();
/// let search = Search::new(&world).role("judge", &judge).rule(StepRule::lines());
/// let judged = Judged::of(Sample { n: 2 }, Jury::of(Judge::published("score")?, 3));
/// let outcome = search.run(judged, world.prompt(0))?;
/// assert_eq!(outcome.tree.cost_by_role()["judge"].samples, 6);
/// assert_eq!(outcome.tree[outcome.best.expect("a sample")].value, Some((7.0 - 1.0) / 9.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged<S> {
    /// What is decorated; `inner` in a recipe.
    #[serde(rename = "inner")]
    pub strategy: S,
    /// Who judges.
    #[serde(default)]
    pub jury: Jury,
    /// Whether finished solutions alone are judged, and all others by the search's scorer.
    #[serde(default)]
    pub finished: bool,
    /// Whether a judge of turns judges each path from its beginning, not from what it has said of it already.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anew: bool,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if takes a reference"
)]
fn is_false(set: &bool) -> bool {
    !*set
}

/// Where a [`Judged`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    judging: Option<Judging>,
    /// What the samples of a judge of turns have said of paths, by their ends.
    said: BTreeMap<NodeId, BTreeMap<usize, Turns>>,
}

/// Leaves that wait for their judgements.
#[derive(Debug, PartialEq)]
struct Judging {
    story: Scripted<Story>,
    /// What the inner strategy is shown afterwards.
    fresh: Vec<NodeId>,
    /// Which of its decisions led there.
    origin: Vec<usize>,
}

/// One round of judging.
#[derive(Debug, Clone, PartialEq)]
struct Story {
    jury: Arc<Jury>,
    responses: Arc<[Response]>,
    /// What a judge of turns has said of them.
    past: Arc<Past>,
}

impl Clone for Judging {
    /// A copy starts anew, and hears nothing of what this one does.
    fn clone(&self) -> Self {
        let Story { jury, responses, .. } = self.story.script.clone();
        Self {
            story: Scripted::of(Story { jury, responses, past: Arc::default() }),
            fresh: self.fresh.clone(),
            origin: self.origin.clone(),
        }
    }
}

impl Script for Story {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        // Batch after batch: should the budget run out, those judgements count that were made.
        let heard = |ballot: &Ballot| self.jury.value(&desk, &self.responses, ballot);
        self.jury.ballot_after(&desk, &self.responses, &self.past, heard).await;
        None
    }
}

impl<S> Judged<S> {
    /// The leaves of `strategy`, judged by a jury.
    pub fn of(strategy: S, jury: Jury) -> Self {
        Self { strategy, jury, finished: false, anew: false, state: State::default() }
    }
}

impl<S: SearchStrategy> Judged<S> {
    /// What the inner strategy decides; its candidates are not scored by others.
    fn inner(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let mut wanted = self.strategy.step(view);
        if self.jury.samples > 0 && !self.finished {
            for expand in &mut wanted {
                if expand.kind == NodeKind::Committed && expand.score == ScoreBy::Kind {
                    expand.score = ScoreBy::Nobody;
                }
            }
        }
        wanted
    }

    /// The leaves that are to be judged.
    fn leaves(&self, view: &View<'_>) -> Arc<[Response]> {
        let tree = view.tree();
        let wanted = |id: &&NodeId| {
            let node = &tree[**id];
            node.kind == NodeKind::Committed
                && !node.is_question()
                && (node.is_finished() || !self.finished)
        };
        view.fresh().iter().filter(wanted).map(|&id| Response::of(tree, id)).collect()
    }
}

impl<S> Judged<S> {
    /// What a judge of turns has said of the paths that lead to these leaves.
    fn past(&self, tree: &Tree, responses: &[Response]) -> Past {
        let past = Past::default();
        if self.state.said.is_empty() {
            return past;
        }
        for (place, response) in responses.iter().enumerate() {
            let mut known = BTreeSet::new();
            // The nearest first; a sample that has said nothing there may have further up.
            let up = std::iter::successors(Some(response.node), |&node| tree[node].parent);
            for node in up {
                if known.len() >= self.jury.samples {
                    break;
                }
                for (&sample, turns) in self.state.said.get(&node).into_iter().flatten() {
                    if known.insert(sample) {
                        past.keep(place, sample, turns.clone());
                    }
                }
            }
        }
        past
    }

    /// Keeps what was said of leaves.
    fn keep(&mut self, story: &Scripted<Story>) {
        if self.anew || !self.jury.judge.template.has_turns() {
            return;
        }
        let Story { responses, past, .. } = &story.script;
        for ((place, sample), turns) in past.all() {
            if let Some(response) = responses.get(place) {
                self.state.said.entry(response.node).or_default().insert(sample, turns);
            }
        }
    }
}

impl<S: SearchStrategy> SearchStrategy for Judged<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return self.inner(view);
        }
        if let Some(mut judging) = self.state.judging.take() {
            let wanted = judging.story.step(view);
            if !wanted.is_empty() && !view.is_last() {
                self.state.judging = Some(judging);
                return wanted;
            }
            self.keep(&judging.story);
            let Judging { fresh, origin, .. } = judging;
            return self.inner(&mut view.with_fresh(&fresh, &origin));
        }
        let responses = self.leaves(view);
        if responses.is_empty() || self.jury.samples == 0 || view.is_last() {
            return self.inner(view);
        }
        let jury = Arc::new(self.jury.clone());
        let past = Arc::new(self.past(view.tree(), &responses));
        let mut story = Scripted::of(Story { jury, responses, past });
        let wanted = story.step(&mut view.with_fresh(&[NodeId::ROOT], &[0]));
        if wanted.is_empty() {
            self.keep(&story);
            return self.inner(view);
        }
        let (fresh, origin) = (view.fresh().to_vec(), view.origin().to_vec());
        self.state.judging = Some(Judging { story, fresh, origin });
        wanted
    }

    passes_on!(self => self.strategy; pick, outlives_failure);

    fn check(&self) -> Result<(), String> {
        self.jury.check()?;
        let least = self.jury.takes()[0];
        if least > 1 && self.jury.samples > 0 {
            return Err(format!(
                "judge: a judgement is about at least {least} responses, and a round may have one leaf: expected a judge \
                 of one response, or of any number"
            ));
        }
        let winners = self.jury.vote == Vote::Winners && self.jury.samples > 0;
        if winners && self.strategy.samples().is_none() {
            return Err(
                "judge: vote is winners, and a share of wins among the leaves of one round is not comparable with one of \
                 another: expected mean"
                    .into(),
            );
        }
        self.strategy.check()
    }

    /// A scorer is none of its needs, unless some leaves are left to one.
    fn requires(&self) -> Requirements {
        let inner = self.strategy.requires();
        if self.jury.samples == 0 {
            return inner;
        }
        let own = self.jury.requires();
        if self.finished { inner.and(own) } else { Requirements { scorer: None, ..inner }.and(own) }
    }
}
