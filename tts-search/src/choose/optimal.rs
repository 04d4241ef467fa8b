//! A strategy that samples a little, and becomes the one that is best for problems that look like this.
//!
//! ```text
//! probe of 8 -> how easy it looks -> bin 1: best-of-4, four of the 8
//!                                    bin 2: best-of-16, the 8 and 8 more
//!                                    bin 3: a beam of 16, the first steps of the 8 and of 8 more
//! ```
//!
//! The first round draws `probe` samples, which are paid for like everything else. How easy the problem looks
//! ([`Signal`], of scores by `aggregate`) decides its bin, the bin the strategy, which starts at the root. With
//! `reuse` the samples are its first lines: they are those that it would draw there, and only the rest is
//! drawn. Without, it starts as if nothing had been, with further siblings. The answer is chosen as that strategy
//! chooses, with `own` among the lines that it has asked for, so that it is right as often as it is alone, and while
//! none of them is finished among the probe's; without, among all. `until` `"step"` draws first steps alone, for
//! scores: a seventh of the tokens where solutions have seven steps, and nothing on top where the strategy draws as many
//! itself.
//!
//! Edges mean something among the scores that they were fitted on: `scorer` says whose these are, and a search by
//! another one is refused. A recipe that does not say it runs by any.
//!
//! A recipe that does not say `reuse` or `own` has none, as those that were written before there was any; the command
//! `choose` writes recipes that say it.
//!
//! Cost: the chosen strategy, and with `reuse` the part of the probe that it does not ask for: nothing where it
//! begins with as many lines to the end. Without, the whole probe besides.
//!
//! When: many problems of very different difficulty, one scorer, and results on problems like them to fit the
//! choice on ([`super::fit`], the command `choose`). When not: all problems alike, where the best fixed strategy
//! saves the probe.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 3.2, equation 1; there the difficulty is not paid for.

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, FittedTo, NodeId, Requirements, SearchStrategy, Tree, Until, View,
};

use super::probe::{is_by_scale, is_end};
use super::reuse::Behind;
use super::{Bins, Choice, ChooseError, Probe, Signal};

/// The choice of a strategy by a probe; in a recipe `arms` holds one for each bin, the easiest first.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::choose::{Bins, ComputeOptimal, Signal};
/// use tts_search::{BeamSearch, BestOfN, Recipe};
///
/// let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let easy = Recipe::from(BestOfN { n: 4, ..Default::default() });
/// let hard = Recipe::from(BeamSearch { keep: 4, branch: 4, ..Default::default() });
/// let strategy = ComputeOptimal {
///     probe: 4,
///     signal: Signal::Score,
///     bins: Bins { edges: vec![0.5] }, // half of the probe seems right
///     ..ComputeOptimal::of(vec![easy, hard])
/// };
/// let search = Search::new(&world).scorer(&oracle).rule(StepRule::lines());
/// let outcome = search.run(strategy, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>")
)]
pub struct ComputeOptimal<S> {
    /// Samples of the probe.
    pub probe: usize,
    /// What they are looked at for.
    pub signal: Signal,
    /// How the scores of a sample's steps become one.
    #[serde(skip_serializing_if = "is_by_scale")]
    pub aggregate: Aggregate,
    /// How far the samples go: to the end, or some steps.
    #[serde(skip_serializing_if = "is_end")]
    pub until: Until,
    /// Whether the samples are the first lines of the strategy that is chosen; in a recipe that does not say, not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reuse: bool,
    /// Whether the answer is chosen among the lines that the strategy asked for alone; in a recipe that does not say,
    /// among the probe's, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// On whose scores the bins were fitted; `None` for any scorer, and where agreement is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<FittedTo>,
    /// Where the bins meet.
    pub bins: Bins,
    /// A strategy for each bin, the easiest first.
    pub arms: Vec<S>,
    /// The strategy that was chosen, once one is.
    #[serde(skip)]
    pub state: Option<Chosen<S>>,
}

/// What became of a [`ComputeOptimal`].
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen<S> {
    /// How easy the problem looked.
    pub estimate: f64,
    /// The bin.
    pub bin: usize,
    arm: Behind<S>,
}

impl<S> Default for ComputeOptimal<S> {
    /// A probe of eight, and nothing to choose from.
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl<S> ComputeOptimal<S> {
    /// A probe of eight samples, which are not thrown away, before these strategies, the one for the easiest problems
    /// first; where bins meet is still to be said.
    pub fn of(arms: Vec<S>) -> Self {
        Self::by(Probe::default(), Bins { edges: Vec::new() }, arms)
    }

    fn by(probe: Probe, bins: Bins, arms: Vec<S>) -> Self {
        let Probe { samples, signal, aggregate, until } = probe;
        let (reuse, own, scorer, state) = (true, true, None, None);
        Self { probe: samples, signal, aggregate, until, reuse, own, scorer, bins, arms, state }
    }

    /// The strategies that a fit chose, of those that it was fitted on, behind the probe that it was fitted by.
    ///
    /// # Errors
    /// When the fit is of no probe ([`Choice::by`]), or chose an arm that is not there.
    pub fn fitted(choice: &Choice, arms: &[S]) -> Result<Self, ChooseError>
    where
        S: Clone,
    {
        let Some(probe) = choice.probe else {
            let problem =
                "none: estimates that no probe has made choose no strategy of a new problem";
            return Err(ChooseError::input("probe", problem));
        };
        let arm = |&place: &usize| {
            let problem = || format!("{} of them, and number {place} is chosen", arms.len());
            arms.get(place).cloned().ok_or_else(|| ChooseError::input("arms", problem()))
        };
        let arms = choice.arms.iter().map(arm).collect::<Result<_, _>>()?;
        Ok(Self::by(probe, choice.bins.clone(), arms))
    }

    /// What is drawn first, and what it is looked at for.
    pub fn probing(&self) -> Probe {
        let &Self { probe: samples, signal, aggregate, until, .. } = self;
        Probe { samples, signal, aggregate, until }
    }
}

impl<S: SearchStrategy + Clone> SearchStrategy for ComputeOptimal<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = None;
            return vec![Expand { until: self.until, ..Expand::step(NodeId::ROOT, self.probe) }];
        }
        if let Some(chosen) = &mut self.state {
            let (fresh, origin) = chosen.arm.shown(view.fresh(), view.origin());
            return chosen.arm.step(view, fresh, origin);
        }
        let estimate = self.probing().estimate(view.tree(), view.fresh());
        let bin = self.bins.bin(estimate).min(self.arms.len().saturating_sub(1));
        let Some(arm) = self.arms.get(bin).cloned() else { return Vec::new() };
        let arm = if self.reuse {
            Behind::lines(arm, view.tree(), view.fresh(), self.until)
        } else {
            Behind::nothing(arm, view.fresh())
        };
        let chosen = self.state.insert(Chosen { estimate, bin, arm });
        chosen.arm.step(view, vec![NodeId::ROOT], vec![0])
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        match &self.state {
            Some(chosen) if self.own => chosen.arm.pick(tree),
            Some(chosen) => chosen.arm.strategy.pick(tree),
            None => self.probing().select().pick(tree),
        }
    }

    fn check(&self) -> Result<(), String> {
        self.probing().check()?;
        let (arms, bins) = (self.arms.len(), self.bins.count());
        if arms != bins {
            return Err(format!("compute-optimal: {arms} arms for {bins} bins, expected one each"));
        }
        let falls = |pair: &[f64]| pair[0] > pair[1];
        let edges = &self.bins.edges;
        if edges.iter().any(|edge| edge.is_nan()) || !edges.windows(2).all(falls) {
            return Err(format!("compute-optimal: edges {edges:?}, expected falling numbers"));
        }
        self.arms.iter().try_for_each(SearchStrategy::check)
    }

    fn requires(&self) -> Requirements {
        let fitted = self.scorer.iter().filter(|_| self.signal == Signal::Score);
        let fitted = fitted.map(|scorer| ("compute-optimal: where bins meet", scorer.clone()));
        let own = Requirements { fitted: fitted.collect(), ..self.probing().requires() };
        self.arms.iter().fold(own, |all, arm| all.and(arm.requires()))
    }

    /// What is held back for a round is shown whatever becomes of the rest of it.
    fn outlives_failure(&self) -> bool {
        let lives =
            |chosen: &Chosen<S>| chosen.arm.holds() || chosen.arm.strategy.outlives_failure();
        self.state.as_ref().is_some_and(lives)
    }
}
