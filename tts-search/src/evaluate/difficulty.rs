//! How difficult the problems are: five bins by the share of right samples.
//!
//! The share is measured on samples of their own, from another seed, so that a bin is not chosen by
//! the luck of the samples that are then compared in it. Bins are of equal size, for which problems with equal shares stay
//! in their order ([`Difficulty::by_shares`]); or no bin ends among problems with equal shares, which nothing
//! tells apart, for which sizes differ and there may be fewer ([`Difficulty::apart`]).
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 3.2.

use serde::{Deserialize, Serialize};
use tts_core::metrics::{self, Accuracy, MetricError};

use super::{EvaluateError, Graded, Report};

/// How many bins.
const BINS: usize = 5;

/// Draws of a bootstrap.
const DRAWS: usize = 2_000;

/// Problems of about one difficulty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The share of all problems.
    pub share: f64,
    /// The mean share of right samples.
    pub pass_at_1: f64,
    /// The least and the greatest share of right samples.
    pub range: [f64; 2],
    /// The share of problems with any right sample.
    pub solvable: f64,
    /// The problems.
    #[serde(skip)]
    pub places: Vec<usize>,
}

/// The problems as the generator finds them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difficulty {
    /// Samples a problem.
    pub samples: usize,
    /// The mean share of right samples.
    pub pass_at_1: Accuracy,
    /// The share of problems with any right sample.
    pub pass_at_samples: Accuracy,
    /// The bins, the easiest first.
    pub bins: Vec<Bin>,
}

impl Difficulty {
    /// The bins of the problems of a pool, without any that ends among equals: a report of independent samples, from a seed that nothing has which is
    /// compared in the bins.
    ///
    /// ```
    /// use tts_core::{Search, StepRule, toy::ToyWorld};
    /// use tts_search::SelfConsistency;
    /// use tts_search::evaluate::{Difficulty, Evaluation, Item};
    ///
    /// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
    /// let items: Vec<Item> =
    ///     (0..20).map(|number| Item::new(world.prompt(number).question(), world.answer(number))).collect();
    /// let search = Search::new(&world).rule(StepRule::lines()).seed(7);
    /// let pool = SelfConsistency { n: 16, ..Default::default() };
    /// let difficulty = Difficulty::of(&Evaluation::new(search, &items).run(&pool, |_| {})?)?;
    /// assert_eq!(difficulty.samples, 16);
    /// // What is in another bin has another share.
    /// assert!(difficulty.bins.windows(2).all(|two| two[0].range[0] > two[1].range[1]));
    /// # Ok::<(), tts_search::evaluate::EvaluateError>(())
    /// ```
    ///
    /// # Errors
    /// When a problem has no samples, because its search failed: the error names it.
    pub fn of(pool: &Report) -> Result<Self, EvaluateError> {
        let shares = Self::shares(pool)?;
        let samples = pool.rows.iter().map(|row| row.candidates.len()).max().unwrap_or(0);
        Self::apart(samples, &shares)
    }

    /// The share of right samples of each problem of a pool.
    ///
    /// # Errors
    /// As [`Difficulty::of`].
    pub fn shares(pool: &Report) -> Result<Vec<f64>, EvaluateError> {
        let share = |row: &Graded| {
            let right = row.candidates.iter().filter(|sample| sample.right).count();
            let all = row.candidates.len();
            (all > 0).then(|| right as f64 / all as f64).ok_or_else(|| {
                let problem = format!("problem {} has no samples to be called hard by", row.name());
                EvaluateError::Settings(problem)
            })
        };
        pool.rows.iter().map(share).collect()
    }

    /// The bins of problems with these shares of right samples, all of one size.
    ///
    /// # Errors
    /// When there are no problems.
    pub fn by_shares(samples: usize, shares: &[f64]) -> Result<Self, EvaluateError> {
        let edges: Vec<usize> = (0..=BINS).map(|edge| edge * shares.len() / BINS).collect();
        Self::between(samples, shares, &easiest_first(shares), &edges)
    }

    /// The bins of problems with these shares of right samples, where each ends at the end of equals that is nearest to
    /// where it would by its size, the first of two as near; bins that are left with nothing are none.
    ///
    /// ```
    /// use tts_search::evaluate::Difficulty;
    /// // Six of ten problems were never solved: they are one bin, and not three.
    /// let shares = [0.9, 0.0, 0.5, 0.0, 0.0, 0.2, 0.0, 0.7, 0.0, 0.0];
    /// let found = Difficulty::apart(32, &shares)?;
    /// let sizes: Vec<usize> = found.bins.iter().map(|bin| bin.places.len()).collect();
    /// assert_eq!(sizes, [2, 2, 6]);
    /// # Ok::<(), tts_search::evaluate::EvaluateError>(())
    /// ```
    ///
    /// # Errors
    /// When there are no problems.
    pub fn apart(samples: usize, shares: &[f64]) -> Result<Self, EvaluateError> {
        let order = easiest_first(shares);
        // Where a share ends and another begins; both ends of the list, too.
        let differ = |at: &usize| shares[order[at - 1]].total_cmp(&shares[order[*at]]).is_ne();
        let mut ends = vec![0];
        ends.extend((1..order.len()).filter(differ));
        ends.push(order.len());
        let nearest = |edge: usize| {
            let wanted = edge * order.len() / BINS;
            ends.iter().copied().min_by_key(|end| end.abs_diff(wanted)).unwrap_or(wanted)
        };
        let mut edges: Vec<usize> = (0..=BINS).map(nearest).collect();
        edges.dedup();
        Self::between(samples, shares, &order, &edges)
    }

    fn between(
        samples: usize,
        shares: &[f64],
        order: &[usize],
        edges: &[usize],
    ) -> Result<Self, EvaluateError> {
        let any: Vec<bool> = shares.iter().map(|&share| share > 0.0).collect();
        let bin = |edge: &[usize]| {
            let mut places = order[edge[0]..edge[1]].to_vec();
            places.sort_unstable();
            let size = places.len().max(1) as f64;
            let of = || places.iter().map(|&place| shares[place]);
            Bin {
                share: places.len() as f64 / order.len() as f64,
                pass_at_1: of().sum::<f64>() / size,
                range: [of().fold(1.0, f64::min), of().fold(0.0, f64::max)],
                solvable: of().filter(|&share| share > 0.0).count() as f64 / size,
                places,
            }
        };
        Ok(Self {
            samples,
            pass_at_1: metrics::bootstrap_interval(shares, DRAWS, 0)?,
            pass_at_samples: metrics::accuracy_interval(&any)?,
            bins: edges.windows(2).map(bin).filter(|bin| !bin.places.is_empty()).collect(),
        })
    }
}

/// Problems by their shares, equals in their order.
fn easiest_first(shares: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
    order
}

impl Bin {
    /// The mean of values by problem over the problems of the bin, with its interval.
    ///
    /// # Errors
    /// When there is no value for a problem.
    pub fn mean(&self, values: &[f64]) -> Result<Accuracy, EvaluateError> {
        let of: Option<Vec<f64>> =
            self.places.iter().map(|&place| values.get(place).copied()).collect();
        let of = of.ok_or(MetricError::Length {
            field: "values",
            expected: self.places.len(),
            found: values.len(),
        })?;
        Ok(metrics::bootstrap_interval(&of, DRAWS, 0)?)
    }
}
