//! Particle filter: a weighted population of paths, resampled by its scores from step to step.
//!
//! ```text
//! question +-- 0.9  odds 9     +--+-- . --+-- ...
//!          +-- 0.5  odds 1     |  +-- . --+-- ...     resampled: the first goes on three times,
//!          +-- 0.2  odds 0.25  |  +-- . --+-- ...     the second once
//!          +-- 0.6  odds 1.5 --+-- ...
//! ```
//!
//! Each of `n` particles is continued by one step and weighed; then `n` are drawn from them by weight, the
//! finished ones included, which keep their score, are copied without being written again, and never
//! continued. A search for the best path trusts the scorer entirely; a population drawn by weight keeps
//! some of what an imperfect scorer likes less.
//!
//! Weights are one of two ([`Weights`]), from the potential `g` of a path's score ([`Potential`]) at
//! temperature `T`:
//!
//! ```text
//! score (published)    w_t = g_t^(1/T)                   the present score is all that counts
//! ratio (exact)        w_t = w_s (g_t / g_s)^(1/T)       s: the step before; 1 / n after resampling
//! ```
//!
//! With ratios this is twisted sequential Monte Carlo: `g` of a finished solution is what is sampled
//! for, and `g` on the way there, a value estimate, only guides. Whatever it says on the way, the product
//! of mean weights is an unbiased estimate of `E[g]` under the model, and weighted particles are
//! consistent for `p(solution) g(solution)^(1/T)`. An estimate by looking ahead is put around it:
//! [`crate::Lookahead`] of [`ParticleFilter::twisted`] lets rollouts say `g`. With the published weights
//! the population is sharpened again at each step, a heuristic.
//!
//! Other than in the code that was published: [`ParticleFilter::resample_below`] can spare resampling while
//! enough particles are effective; nothing is resampled after the last step, and [`Choose::Best`]
//! chooses among all finished solutions, those that were not drawn too; the ways of resampling differ
//! by what they say ([`Resampling`]); a particle whose line fails, or that a limit closes, weighs
//! nothing and is replaced when particles are drawn.
//!
//! Cost: at most `n` lines a round, each judged once.
//!
//! When: a step scorer that is informative and errs; small models, where best-of-N needs many samples. Not
//! when the scorer judges outcomes only, or its scores are near 0 and 1 from the first step on: then
//! [`ParticleFilter::entropic`], or a higher temperature. What its annealing follows is one of three ([`Anneal::by`]): the
//! share of effective particles, `"by": "entropy"` of the weights, or the step alone, `"by": {"linear": {"from": 2.0}}`.
//!
//! Source: Puri et al. 2025, "A Probabilistic Inference Approach to Inference-Time Scaling of LLMs using
//! Particle-Based Monte Carlo Methods" (arXiv 2502.01618), algorithm 1; Zhao et al. 2024 (arXiv
//! 2404.17546) for twisting; Giannone et al. 2025, "Mitigating Premature Exploitation in Particle-based
//! Monte Carlo for Inference-Time Scaling" (arXiv 2510.05825) for entropic annealing.

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, Requirements, Rule, SearchStrategy, Selection, Tree, View,
};

use super::anneal::Anneal;
use super::cloud::Cloud;
use super::resample::Resampling;
use super::weights::Potential;
use crate::sample::lines::{at_least_one, elected};

/// What a particle weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Weights {
    /// The potential of its path, as published.
    #[default]
    Score,
    /// What it weighed before, times the ratio of its potential to that of the step before: exact. An end of
    /// which nothing was judged weighs nothing, whatever there is beside it.
    Ratio,
}

/// How one solution is chosen in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Choose {
    /// The finished solution with the highest score, among all that were made.
    #[default]
    Best,
    /// A finished particle, drawn by weight.
    Sample,
    /// The answer whose finished particles weigh most together, and the heaviest of them.
    Vote,
}

/// A population of paths, resampled by score.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::ParticleFilter;
///
/// // Half of all lines are wrong: of 16 samples perhaps none is right.
/// let world = ToyWorld { additions: 6, error: 0.5, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let search = Search::new(&world).scorer(&oracle).rule(StepRule::lines());
/// let mut filter = ParticleFilter { n: 16, ..ParticleFilter::default() };
/// let outcome = search.run(&mut filter, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// let sum: f64 = filter.state.particles().map(|(_, weight)| weight).sum();
/// assert!((sum - 1.0).abs() < 1e-9);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParticleFilter {
    /// How many particles.
    pub n: usize,
    /// The score of a path, from those of its steps.
    pub aggregate: Aggregate,
    /// What a score makes of a weight.
    pub potential: Potential,
    /// Whether a weight is the score, or goes by ratios of scores.
    pub weights: Weights,
    /// The higher, the more alike the weights; 1 takes potentials as they are.
    pub temperature: f64,
    /// A temperature that rises where the population would collapse early: for drawing only, the last
    /// weights are without it.
    pub anneal: Option<Anneal>,
    /// How particles are drawn.
    pub resampling: Resampling,
    /// Particles are drawn where less than this share of `n` is effective: 1 draws at every step,
    /// 0 never. One is effective at least: nor does a share of `1 / n` or less draw. Below 1,
    /// [`Weights::Score`] forgets what was judged at steps without a draw: only the present score counts.
    pub resample_below: f64,
    /// How one solution is chosen in the end.
    pub choose: Choose,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`ParticleFilter`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    cloud: Cloud,
    /// A number in `[0, 1)` that draws the answer.
    draw: f64,
}

impl State {
    /// The ends of the particles, with their shares of the weight; while lines are written, of those that have
    /// finished only.
    pub fn particles(&self) -> impl Iterator<Item = (NodeId, f64)> {
        self.cloud.all()
    }

    /// The logarithm of the product of mean weights; with [`Weights::Ratio`], its exponential is an
    /// unbiased estimate of the mean potential of the model's own solutions.
    pub fn log_evidence(&self) -> f64 {
        self.cloud.log_evidence
    }
}

impl Default for ParticleFilter {
    /// As published, with 16 particles: odds, drawn independently at every step.
    fn default() -> Self {
        Self {
            n: 16,
            aggregate: Aggregate::ByScale,
            potential: Potential::Odds,
            weights: Weights::Score,
            temperature: 1.0,
            anneal: None,
            resampling: Resampling::Multinomial,
            resample_below: 1.0,
            choose: Choose::Best,
            state: State::default(),
        }
    }
}

impl ParticleFilter {
    /// As published, with `n` particles.
    pub fn of(n: usize) -> Self {
        Self { n, ..Self::default() }
    }

    /// The entropic variant: as published, with a temperature that rises where less than half of the particles
    /// are effective, in the first half of a solution; drawn systematically.
    ///
    /// ```
    /// let filter = tts_search::ParticleFilter::entropic(8);
    /// assert!(filter.anneal.is_some_and(|anneal| anneal.temperature(0.125, 0.5, 10) == 6.0));
    /// ```
    pub fn entropic(n: usize) -> Self {
        let anneal = Some(Anneal::default());
        Self { n, anneal, resampling: Resampling::Systematic, ..Self::default() }
    }

    /// The exact variant, twisted by the scorer: particles in proportion to the model's probability times the
    /// score; drawn systematically where less than half of them are effective, of two where less than three
    /// quarters are. The answer is the best solution: set [`ParticleFilter::choose`] to [`Choose::Sample`] for
    /// one in proportion.
    ///
    /// ```
    /// use tts_search::{Lookahead, ParticleFilter, particle::Weights};
    /// // Rollouts of two steps estimate the value of each step.
    /// let ahead = Lookahead { depth: 2, ..Lookahead::of(ParticleFilter::twisted(8)) };
    /// assert_eq!(ahead.strategy.weights, Weights::Ratio);
    /// ```
    pub fn twisted(n: usize) -> Self {
        Self {
            n,
            potential: Potential::Probability,
            weights: Weights::Ratio,
            resampling: Resampling::Systematic,
            // A half of two would be one, and one is always effective.
            resample_below: if n > 1 { 0.5_f64.max(1.5 / n as f64) } else { 0.5 },
            ..Self::default()
        }
    }

    /// The logarithm of the potential of a path; `None` when nothing of it was judged.
    pub(super) fn potential_of(&self, tree: &Tree, node: NodeId) -> Option<f64> {
        let score = tree.score(node, self.aggregate)?;
        Some(self.potential.log(score, tree.scale_of(node), self.aggregate))
    }

    /// The choice among finished particles; where there are none, the best of what there is.
    pub(super) fn choice(
        &self,
        tree: &Tree,
        finished: &[(NodeId, f64)],
        draw: f64,
    ) -> Option<NodeId> {
        let chosen = match self.choose {
            Choose::Best => None,
            Choose::Sample => drawn(finished, draw),
            Choose::Vote => elected(tree, finished),
        };
        chosen.or_else(|| Selection::best(self.aggregate).pick(tree))
    }

    /// As [`SearchStrategy::check`], on behalf of another strategy.
    pub(super) fn check_as(&self, who: &str) -> Result<(), String> {
        at_least_one(who, "n", self.n)?;
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            let temperature = self.temperature;
            return Err(format!("{who}: temperature is {temperature}, expected a number above 0"));
        }
        if !(0.0..=1.0).contains(&self.resample_below) {
            let share = self.resample_below;
            return Err(format!("{who}: resample_below is {share}, expected 0 to 1"));
        }
        let Some(anneal) = self.anneal else { return Ok(()) };
        if self.resample_below <= 0.0 {
            return Err(format!(
                "{who}: anneal means nothing where resample_below is 0: nothing is resampled"
            ));
        }
        anneal.check().map_err(|problem| format!("{who}: {problem}"))
    }

    /// As [`SearchStrategy::requires`], on behalf of another strategy.
    pub(super) fn requires_as(&self, who: &'static str) -> Requirements {
        // An exponential of anything is a weight; odds need to know of what.
        let rule =
            if self.potential == Potential::Exponential { Rule::Best } else { Rule::Weighted };
        let probability = self.potential != Potential::Exponential;
        Requirements {
            probabilities: probability.then_some(self.aggregate).into_iter().collect(),
            ..Requirements::scorer(who, [Selection { rule, aggregate: self.aggregate }])
        }
    }
}

/// One of these, by weight.
pub(super) fn drawn(weighted: &[(NodeId, f64)], draw: f64) -> Option<NodeId> {
    let weights: Vec<f64> = weighted.iter().map(|(_, weight)| *weight).collect();
    let counts = Resampling::Multinomial.counts(&weights, 1, || draw);
    counts.iter().position(|&count| count > 0).map(|place| weighted[place].0)
}

impl SearchStrategy for ParticleFilter {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            let (cloud, wanted) = Cloud::start(self, Vec::new());
            self.state = State { cloud, draw: 0.0 };
            return wanted;
        }
        let mut cloud = std::mem::take(&mut self.state.cloud);
        let wanted = cloud.advance(self, view);
        self.state = State { cloud, draw: view.rng().uniform() };
        wanted
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.choice(tree, &self.state.cloud.finished(tree), self.state.draw)
    }

    fn check(&self) -> Result<(), String> {
        self.check_as("particle filter")
    }

    fn requires(&self) -> Requirements {
        self.requires_as("particle filter")
    }
}
