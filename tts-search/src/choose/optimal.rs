//! A strategy that samples a little, and becomes the one that is best for problems that look like this.
//!
//! The first round draws `probe` samples, which are paid for like everything else. How easy the problem looks
//! ([`Signal`]) decides its bin, the bin the strategy, which starts at the root as if nothing had been; the
//! probe's samples stay candidates, and the answer is chosen as that strategy chooses.
//!
//! Cost: the probe, and the chosen strategy.
//!
//! When: many problems of very different difficulty, one scorer, and results on problems like them to fit the
//! choice on ([`super::fit`]). When not: all problems alike, where the best fixed strategy saves the probe.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 3.2, equation 1; there the difficulty is not paid for.

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, Requirements, SearchStrategy, Selection, Tree, View};

use super::{Bins, Choice, Signal};
use crate::sample::lines::at_least_one;

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
    strategy: S,
}

impl<S> Default for ComputeOptimal<S> {
    /// A probe of eight, and nothing to choose from.
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl<S> ComputeOptimal<S> {
    /// A probe of eight samples before these strategies, the one for the easiest problems first; where bins
    /// meet is still to be said.
    pub fn of(arms: Vec<S>) -> Self {
        let bins = Bins { edges: Vec::new() };
        Self { probe: 8, signal: Signal::Score, bins, arms, state: None }
    }

    /// The strategies that a fit chose, of those that it was fitted on.
    pub fn fitted(choice: &Choice, arms: &[S]) -> Option<Self>
    where
        S: Clone,
    {
        let arms: Option<Vec<S>> = choice.arms.iter().map(|&arm| arms.get(arm).cloned()).collect();
        Some(Self { bins: choice.bins.clone(), ..Self::of(arms?) })
    }
}

impl<S: SearchStrategy + Clone> SearchStrategy for ComputeOptimal<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = None;
            return vec![Expand::end(NodeId::ROOT, self.probe)];
        }
        if let Some(chosen) = &mut self.state {
            return chosen.strategy.step(view);
        }
        let estimate = self.signal.estimate(view.tree(), view.fresh(), self.probe);
        let bin = self.bins.bin(estimate).min(self.arms.len().saturating_sub(1));
        let Some(arm) = self.arms.get(bin) else { return Vec::new() };
        let chosen = self.state.insert(Chosen { estimate, bin, strategy: arm.clone() });
        chosen.strategy.step(&mut view.with_fresh(&[NodeId::ROOT], &[0]))
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        match &self.state {
            Some(chosen) => chosen.strategy.pick(tree),
            None => self.own().pick(tree),
        }
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("compute-optimal", "probe", self.probe)?;
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
        let own = match self.signal {
            Signal::Score => Requirements::scorer("compute-optimal", [self.own()]),
            Signal::Agreement => Requirements::vote("compute-optimal", self.own()),
        };
        self.arms.iter().fold(own, |all, arm| all.and(arm.requires()))
    }

    fn outlives_failure(&self) -> bool {
        self.state.as_ref().is_some_and(|chosen| chosen.strategy.outlives_failure())
    }
}

impl<S> ComputeOptimal<S> {
    /// How the answer is chosen while there is only the probe.
    fn own(&self) -> Selection {
        match self.signal {
            Signal::Score => Selection::best(tts_core::Aggregate::ByScale),
            Signal::Agreement => Selection::majority(),
        }
    }
}
