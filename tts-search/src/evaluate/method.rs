//! Ways from samples to an answer, and what each of them is at a budget of N.
//!
//! Greedy decoding is the baseline without search. Majority, best-of-N, the weighted vote and
//! pass@N, their bound, choose from one pool of N samples. The tree searches write N lines a round:
//!
//! | strategy  | at N                                                    |
//! |-----------|---------------------------------------------------------|
//! | beam      | keeps √N paths, continues each √N ways                  |
//! | DVTS      | √N independent trees, each keeps 1 path of √N           |
//! | lookahead | the beam, each candidate judged one greedy step ahead   |
//!
//! At N = 1 nothing is chosen, so that all of these are one sample, lookahead included, which has
//! nothing to compare. The searches choose among finished paths by the weighted vote.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 5.2, for √N and the final vote.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Rule, Selection};

use super::EvaluateError;
use crate::{BeamSearch, BestOfN, ChainOfThought, Dvts, Lookahead, Recipe, SelfConsistency};

/// A way from samples to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Method {
    /// The most probable token each time; a single solution whatever N is.
    Greedy,
    /// The answer that most samples have.
    Majority,
    /// The sample that the scorer likes most.
    BestOfN,
    /// The answer with the highest sum of scores.
    Weighted,
    /// Beam search over steps.
    Beam,
    /// Diverse verifier tree search.
    Dvts,
    /// Beam search that judges a step by the one that follows.
    Lookahead,
    /// Right if any sample is: the bound of every choice.
    PassAtN,
}

impl Method {
    /// Those that choose from one pool of samples.
    pub const POOLED: [Self; 4] = [Self::Majority, Self::BestOfN, Self::Weighted, Self::PassAtN];
    /// Those that search a tree of their own.
    pub const SEARCHED: [Self; 3] = [Self::Beam, Self::Dvts, Self::Lookahead];

    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Majority => "majority",
            Self::BestOfN => "best-of-n",
            Self::Weighted => "weighted",
            Self::Beam => "beam",
            Self::Dvts => "dvts",
            Self::Lookahead => "lookahead",
            Self::PassAtN => "pass-at-n",
        }
    }

    /// Whether it asks the scorer.
    pub fn is_scored(self) -> bool {
        !matches!(self, Self::Greedy | Self::Majority | Self::PassAtN)
    }

    /// The search at a budget of `n` lines, with scores of steps made into one by `aggregate`; for
    /// a choice from a pool, the search that samples the pool.
    ///
    /// # Errors
    /// See [`square_root`], for the tree searches.
    pub fn search(self, n: usize, aggregate: Aggregate) -> Result<Recipe, EvaluateError> {
        self.search_by(n, Selection { rule: Rule::Weighted, aggregate })
    }

    /// [`Method::search`], with another choice among finished paths.
    ///
    /// # Errors
    /// As [`Method::search`].
    pub fn search_by(self, n: usize, select: Selection) -> Result<Recipe, EvaluateError> {
        // The ranking within the beam is the ranking of the final choice. For probabilities that a
        // step is right, given that those before it are, the product is the probability that the
        // path is right so far, which is what a beam should keep; candidates of one round have
        // equally many steps, so that the product favours no length.
        let aggregate = select.aggregate;
        let beam = |root| BeamSearch {
            first: Some(n),
            keep: root,
            branch: root,
            aggregate,
            select,
            ..BeamSearch::default()
        };
        Ok(match self {
            Self::Greedy => Recipe::ChainOfThought(ChainOfThought {}),
            Self::Majority | Self::PassAtN => {
                Recipe::SelfConsistency(SelfConsistency { n, ..SelfConsistency::default() })
            }
            Self::BestOfN | Self::Weighted => Recipe::BestOfN(BestOfN { n, select }),
            Self::Beam => Recipe::BeamSearch(beam(square_root(n)?)),
            Self::Dvts => Recipe::Dvts(Dvts {
                n,
                branch: square_root(n)?,
                aggregate,
                select,
                ..Dvts::default()
            }),
            Self::Lookahead => Recipe::Lookahead(Box::new(Lookahead {
                depth: u32::from(n > 1),
                aggregate,
                ..Lookahead::of(Recipe::BeamSearch(beam(square_root(n)?)))
            })),
        })
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The square root of a budget.
///
/// # Errors
/// When the budget is not the square of a whole number of at least 1.
pub fn square_root(n: usize) -> Result<usize, EvaluateError> {
    let root = n.isqrt();
    if n == 0 || root * root != n {
        let problem = format!("N is {n}, expected a square such as 1, 4, 9 or 16: beams keep √N");
        return Err(EvaluateError::Settings(problem));
    }
    Ok(root)
}
