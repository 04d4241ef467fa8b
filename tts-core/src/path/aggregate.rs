//! From step scores to one score of a path.
//!
//! Which one fits depends on what the scorer was trained to predict (Lightman et al. 2023,
//! section 2.6; Snell et al. 2024, section 5.1): for labels "is this step right", the product, the
//! sum of logs or the minimum; for a value function (Monte-Carlo returns), the last. The textbook
//! form of best-of-N ranks by the cumulative score: [`Aggregate::Sum`], which rewards length, or
//! for probabilities [`Aggregate::SumLog`], which does not. [`Aggregate::ByScale`], the default, leaves
//! the choice to the scorer.

use serde::{Deserialize, Serialize};

/// How step scores `r_1..r_T` become one number. All sums run in f64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Aggregate {
    /// What the scorer's [`crate::Scale`] says; the last of a scorer that does not say.
    #[default]
    ByScale,
    /// `r_T`.
    Last,
    /// `min r_t`.
    Min,
    /// `sum r_t / T`.
    Mean,
    /// `product r_t`.
    Product,
    /// `sum r_t`.
    Sum,
    /// `sum ln r_t`; minus infinity when a score is 0 or less.
    SumLog,
}

impl Aggregate {
    /// The score of a path; `None` when no step of it was scored.
    ///
    /// ```
    /// use tts_core::Aggregate;
    /// let scores = [0.5, 0.25, 1.0];
    /// assert_eq!(Aggregate::Min.apply(scores), Some(0.25));
    /// assert_eq!(Aggregate::Product.apply(scores), Some(0.125));
    /// assert_eq!(Aggregate::Last.apply([]), None);
    /// ```
    pub fn apply(self, scores: impl IntoIterator<Item = f64>) -> Option<f64> {
        let scores = scores.into_iter();
        match self {
            Self::ByScale | Self::Last => scores.last(),
            Self::Min => scores.reduce(f64::min),
            Self::Product => scores.reduce(|a, b| a * b),
            Self::Sum => scores.reduce(|a, b| a + b),
            Self::SumLog => scores
                .map(|score| if score > 0.0 { score.ln() } else { f64::NEG_INFINITY })
                .reduce(|a, b| a + b),
            Self::Mean => {
                let (sum, count) = scores.fold((0.0, 0_u32), |(s, n), score| (s + score, n + 1));
                (count > 0).then(|| sum / f64::from(count))
            }
        }
    }
}

/// The scores of a path so far, in the numbers that every aggregate needs: one more step costs the
/// same however long the path is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Running {
    count: u32,
    last: f64,
    min: f64,
    sum: f64,
    product: f64,
    sum_log: f64,
}

impl Running {
    /// With the score of one more step.
    pub(crate) fn with(self, score: Option<f64>) -> Self {
        let Some(score) = score else { return self };
        let log = if score > 0.0 { score.ln() } else { f64::NEG_INFINITY };
        if self.count == 0 {
            return Self {
                count: 1,
                last: score,
                min: score,
                sum: score,
                product: score,
                sum_log: log,
            };
        }
        Self {
            count: self.count + 1,
            last: score,
            min: self.min.min(score),
            sum: self.sum + score,
            product: self.product * score,
            sum_log: self.sum_log + log,
        }
    }

    /// As [`Aggregate::apply`] of all scores.
    pub(crate) fn get(self, aggregate: Aggregate) -> Option<f64> {
        (self.count > 0).then(|| match aggregate {
            Aggregate::ByScale | Aggregate::Last => self.last,
            Aggregate::Min => self.min,
            Aggregate::Mean => self.sum / f64::from(self.count),
            Aggregate::Product => self.product,
            Aggregate::Sum => self.sum,
            Aggregate::SumLog => self.sum_log,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Aggregate; 7] = [
        Aggregate::ByScale,
        Aggregate::Last,
        Aggregate::Min,
        Aggregate::Mean,
        Aggregate::Product,
        Aggregate::Sum,
        Aggregate::SumLog,
    ];

    /// The least score stands first, in the middle and last, so that neither end passes for it.
    #[test]
    fn by_hand_at_once_and_step_by_step() {
        let low = f64::NEG_INFINITY;
        let eighth = 0.125_f64.ln();
        for (scores, expected) in [
            (vec![0.25, 0.5, 1.0], [1.0, 1.0, 0.25, 1.75 / 3.0, 0.125, 1.75, eighth]),
            (vec![0.5, 0.25, 1.0], [1.0, 1.0, 0.25, 1.75 / 3.0, 0.125, 1.75, eighth]),
            (vec![0.5, 1.0, 0.25], [0.25, 0.25, 0.25, 1.75 / 3.0, 0.125, 1.75, eighth]),
            (vec![0.0, 0.5], [0.5, 0.5, 0.0, 0.25, 0.0, 0.5, low]),
            (vec![-2.0], [-2.0, -2.0, -2.0, -2.0, -2.0, -2.0, low]),
        ] {
            let running = scores.iter().fold(Running::default(), |path, &s| path.with(Some(s)));
            for (aggregate, expected) in ALL.into_iter().zip(expected) {
                for found in [aggregate.apply(scores.iter().copied()), running.get(aggregate)] {
                    let found = found.unwrap();
                    let same = found <= expected + 1e-12 && found >= expected - 1e-12;
                    assert!(same, "{aggregate:?} of {scores:?}: {found}");
                }
            }
        }
    }

    #[test]
    fn a_step_without_a_score_changes_nothing() {
        for aggregate in ALL {
            let path = Running::default().with(None);
            assert_eq!(path.get(aggregate), None);
            assert_eq!(aggregate.apply([]), None);
            assert_eq!(path.with(Some(0.5)).with(None).get(Aggregate::Last), Some(0.5));
        }
    }
}
