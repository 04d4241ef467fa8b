//! Several strategies on the same problems, side by side: what each gets right, what it costs, and which
//! differences are more than chance.
//!
//! [`Arms`] are reports of the same problems, by name. [`Arms::compare`] makes a table of them, of the
//! differences inside each problem, with p-values adjusted for their number, and, where a pool of its own says how
//! difficult the problems are, of fifths of them ([`Compared`]). With the feature `plot`, accuracy is drawn
//! against each cost ([`CostAxis`], `Arms::chart`); [`Arms::page`] shows all of it in a browser.
//!
//! Source: [`tts_core::metrics::paired_shares`], [`tts_core::metrics::holm`]; Snell et al. 2024 (arXiv
//! 2408.03314), section 3.2, for difficulty.

mod axis;
mod compared;
mod page;
mod words;

use std::collections::BTreeSet;

pub use axis::CostAxis;
pub use compared::{ArmFigures, BinFigures, Compared, Difference};

use super::{Difficulty, EvaluateError, Report};

/// A strategy that was evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// What to call it.
    pub name: String,
    /// What came of it.
    pub report: Report,
    /// Mean wall time of a problem in seconds, in the company that it ran in, where it was measured.
    pub seconds: Option<f64>,
}

impl Arm {
    /// A report by a name, without times.
    pub fn new(name: impl Into<String>, report: Report) -> Self {
        Self { name: name.into(), report, seconds: None }
    }
}

/// Strategies that were evaluated on the same problems.
///
/// ```
/// use tts_core::toy::{Oracle, ToyWorld};
/// use tts_core::{Search, StepRule};
/// use tts_search::evaluate::{Arm, Arms, Evaluation, Item};
/// use tts_search::{BestOfN, SelfConsistency};
///
/// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let items: Vec<Item> =
///     (0..40).map(|number| Item::new(world.prompt(number).question(), world.answer(number))).collect();
/// let search = Search::new(&world).scorer(&oracle).rule(StepRule::lines());
/// let tried = Evaluation::new(search, &items);
/// let one = tried.run(&SelfConsistency { n: 1, ..Default::default() }, |_| {})?;
/// let best = tried.run(&BestOfN { n: 8, ..Default::default() }, |_| {})?;
/// let arms = Arms::new(vec![Arm::new("one", one), Arm::new("best", best)])?;
/// let compared = arms.compare(Some("one"), None)?;
/// let gain = &compared.differences[0];
/// assert_eq!((gain.first.as_str(), gain.second.as_str()), ("best", "one"));
/// assert!(gain.paired.difference > 0.0 && gain.adjusted < 0.05);
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Arms {
    arms: Vec<Arm>,
}

impl Arms {
    /// These, in this order.
    ///
    /// # Errors
    /// When they are fewer than two, two have one name or one has none, or the problems are not the same: the
    /// error names arms and problem.
    pub fn new(arms: Vec<Arm>) -> Result<Self, EvaluateError> {
        let [first, others @ ..] = &arms[..] else {
            return Err(EvaluateError::Settings("no arms, expected two or more".into()));
        };
        if others.is_empty() {
            let problem = format!("one arm, {:?}, expected two or more to compare", first.name);
            return Err(EvaluateError::Settings(problem));
        }
        let mut names = BTreeSet::new();
        for arm in &arms {
            let name = &arm.name;
            if name.trim().is_empty() {
                return Err(EvaluateError::Settings("an arm without a name".into()));
            }
            if !names.insert(name.as_str()) {
                let problem = format!("two arms are called {name:?}: give one another name");
                return Err(EvaluateError::Settings(problem));
            }
        }
        for other in others {
            let sides = [&first.name, &other.name].map(|name| format!("of {name:?}"));
            first.report.same_problems(&other.report, &sides)?;
        }
        Ok(Self { arms })
    }

    /// The arms.
    pub fn all(&self) -> &[Arm] {
        &self.arms
    }

    /// Problems of each.
    pub fn problems(&self) -> usize {
        self.arms[0].report.problems
    }

    /// The place of an arm.
    fn place(&self, name: &str) -> Result<usize, EvaluateError> {
        let found = self.arms.iter().position(|arm| arm.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.arms.iter().map(|arm| arm.name.as_str()).collect();
            let problem = format!("no arm {name:?}, expected one of: {}", names.join(", "));
            EvaluateError::Settings(problem)
        })
    }

    /// Which arms are compared, first minus second: all with one, or each later with each earlier.
    fn pairs(&self, against: Option<&str>) -> Result<Vec<[usize; 2]>, EvaluateError> {
        let count = self.arms.len();
        if let Some(name) = against {
            let second = self.place(name)?;
            return Ok((0..count).filter(|&at| at != second).map(|at| [at, second]).collect());
        }
        Ok((0..count).flat_map(|second| (second + 1..count).map(move |at| [at, second])).collect())
    }

    /// All figures: against one arm, or each with each; by difficulty where it is known.
    ///
    /// # Errors
    /// When there is no such arm, or the difficulty is of other problems.
    pub fn compare(
        &self,
        against: Option<&str>,
        difficulty: Option<&Difficulty>,
    ) -> Result<Compared, EvaluateError> {
        let pairs = self.pairs(against)?;
        let binned = difficulty.map(|known| compared::by_bins(&self.arms, &pairs, known));
        Ok(Compared {
            problems: self.problems(),
            arms: self.arms.iter().map(compared::figures).collect(),
            differences: compared::differences(&self.arms, &pairs, None)?,
            bins: binned.transpose()?.unwrap_or_default(),
        })
    }

    /// Accuracy against a cost, each arm a point with its interval; `None` where some arm's cost is not known or
    /// nothing.
    #[cfg(feature = "plot")]
    pub fn chart(&self, axis: CostAxis) -> Option<tts_core::plot::Chart> {
        axis::chart(self, axis)
    }
}

#[cfg(test)]
mod tests;
