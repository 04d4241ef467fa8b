//! What a score is: its unit, and how the scores of steps become that of a path.
//!
//! A number alone does not say how it may be used. Probabilities that single steps are right
//! multiply; the value of a state stands for all before it; log-probabilities are averaged, and vote
//! by their exponential; a reward without bounds ranks, and votes by a softmax. A scorer states its
//! [`Scale`] ([`crate::StepScorer::scale`]), and from there on everything follows in this one place:
//! the aggregate where none is named ([`Aggregate::ByScale`]), the weight of a vote (never negative),
//! and which settings mean nothing together.
//!
//! Source: Lightman et al. 2023 (arXiv 2305.20050), section 2.6, for the product over steps; Snell et
//! al. 2024 (arXiv 2408.03314), section 5.1, for the last value; Wang et al. 2022 (arXiv
//! 2203.11171), table 1, for mean log-probabilities as weights.

use serde::{Deserialize, Serialize};

use crate::select::{Weight, weigh};
use crate::{Aggregate, Rule, Selection};

/// What one score is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unit {
    /// Higher is better, and nothing else is known: scores rank, and do not vote by weight.
    #[default]
    Unstated,
    /// From 0 to 1.
    Probability,
    /// In nats, usually at most 0.
    LogProbability,
    /// `ln(p / (1 - p))` of the probability that something is right: unbounded, 0 at one half.
    LogOdds,
    /// Unbounded, such as the output of a Bradley-Terry model: only differences mean something.
    Reward,
}

/// What a scorer's numbers are.
///
/// ```
/// use tts_core::{Aggregate, Rule, Scale, Selection};
/// assert_eq!(Scale::STEP.resolve(Aggregate::ByScale), Aggregate::Product);
/// assert_eq!(Scale::STEP.resolve(Aggregate::Min), Aggregate::Min);
/// let vote = Selection { rule: Rule::Weighted, aggregate: Aggregate::Product };
/// assert!(Scale::STEP.check(vote).is_ok());
/// assert!(Scale::LOG_PROBABILITY.check(vote).unwrap_err().contains("product"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// What a score is measured in.
    pub unit: Unit,
    /// How the scores of steps become that of a path, where nobody says; never
    /// [`Aggregate::ByScale`].
    pub aggregate: Aggregate,
}

impl Default for Scale {
    fn default() -> Self {
        Self::UNSTATED
    }
}

impl Scale {
    /// Nothing is known but that higher is better.
    pub const UNSTATED: Self = Self { unit: Unit::Unstated, aggregate: Aggregate::Last };
    /// The probability that a step is right, if those before it are: steps multiply.
    pub const STEP: Self = Self { unit: Unit::Probability, aggregate: Aggregate::Product };
    /// The value of the state after a step, a probability: the last says all.
    pub const PREFIX: Self = Self { unit: Unit::Probability, aggregate: Aggregate::Last };
    /// The probability that a finished solution is right; it stands at the last step.
    pub const OUTCOME: Self = Self::PREFIX;
    /// Log-probabilities of steps, in nats: the mean over steps.
    pub const LOG_PROBABILITY: Self =
        Self { unit: Unit::LogProbability, aggregate: Aggregate::Mean };
    /// Log-odds that a step is right, in nats: the last.
    pub const LOG_ODDS: Self = Self { unit: Unit::LogOdds, aggregate: Aggregate::Last };
    /// A reward without bounds, at the last step.
    pub const REWARD: Self = Self { unit: Unit::Reward, aggregate: Aggregate::Last };

    /// This scale with another default aggregate.
    #[must_use]
    pub const fn by(self, aggregate: Aggregate) -> Self {
        Self { aggregate, ..self }
    }

    /// The aggregate that is meant.
    pub fn resolve(self, aggregate: Aggregate) -> Aggregate {
        match aggregate {
            Aggregate::ByScale if self.aggregate == Aggregate::ByScale => Aggregate::Last,
            Aggregate::ByScale => self.aggregate,
            named => named,
        }
    }

    /// Whether a score can be one of this scale; what is not finite never can. A rounding error above
    /// 1 is a probability still.
    pub fn holds(self, score: f64) -> bool {
        match self.unit {
            Unit::Probability => (-1e-6..=1.0 + 1e-6).contains(&score),
            _ => score.is_finite(),
        }
    }

    /// Refuses an aggregate that means nothing on this scale.
    ///
    /// # Errors
    /// A sentence that names aggregate and scale.
    pub fn check_aggregate(self, aggregate: Aggregate) -> Result<(), String> {
        let aggregate = self.resolve(aggregate);
        let multiplies = matches!(aggregate, Aggregate::Product | Aggregate::SumLog);
        let bounded = matches!(self.unit, Unit::Probability | Unit::Unstated);
        if multiplies && !bounded {
            return Err(format!(
                "the aggregate {} means nothing for {}, expected last, min, mean or sum",
                name(aggregate),
                self.unit.plural()
            ));
        }
        Ok(())
    }

    /// Refuses an aggregate of probabilities that is none itself, where one is needed; on other scales there
    /// is nothing to refuse.
    ///
    /// ```
    /// use tts_core::{Aggregate, Scale};
    /// assert!(Scale::PREFIX.check_probability(Aggregate::Sum).is_err());
    /// assert!(Scale::LOG_ODDS.check_probability(Aggregate::Sum).is_ok());
    /// ```
    ///
    /// # Errors
    /// A sentence that names the aggregate.
    pub fn check_probability(self, aggregate: Aggregate) -> Result<(), String> {
        let aggregate = self.resolve(aggregate);
        if self.unit == Unit::Probability && aggregate == Aggregate::Sum {
            return Err(format!(
                "the aggregate {} of probabilities is none, expected last, min, mean, product or sum-log",
                name(aggregate)
            ));
        }
        Ok(())
    }

    /// Refuses a vote that means nothing on this scale.
    ///
    /// # Errors
    /// A sentence that names rule, aggregate and scale.
    pub fn check(self, select: Selection) -> Result<(), String> {
        if select.rule == Rule::Majority {
            return Ok(());
        }
        self.check_aggregate(select.aggregate)?;
        let logs = self.resolve(select.aggregate) == Aggregate::SumLog;
        let expected = match (select.rule, self.unit) {
            (Rule::Weighted, Unit::Unstated) => {
                return Err(
                    "the rule weighted needs to know what a score is: the scorer does not \
                            state its scale (StepScorer::scale)"
                        .into(),
                );
            }
            (Rule::WeightedExp, Unit::Probability) if !logs => "weighted",
            (Rule::WeightedExp, Unit::LogOdds) => "weighted or weighted-sigmoid",
            (Rule::WeightedSigmoid, Unit::Probability | Unit::LogProbability) => "weighted",
            _ => return Ok(()),
        };
        Err(format!(
            "the rule {} means nothing for {}, expected {expected}",
            name(select.rule),
            self.unit.plural()
        ))
    }

    /// What candidates with these scores weigh in a vote, at least 0 each; `None`, a candidate that
    /// was not judged, weighs nothing, unless nobody was: then all weigh the same.
    ///
    /// [`Rule::Weighted`] takes probabilities as they are, the exponential of log-probabilities and of
    /// sums of logarithms, the probability of log-odds, and a softmax at temperature 1 over rewards.
    pub fn weights(self, select: Selection, scores: &[Option<f64>]) -> Vec<f64> {
        let judged = || scores.iter().flatten().copied();
        if judged().next().is_none() || matches!(select.rule, Rule::Majority) {
            return vec![1.0; scores.len()];
        }
        let logs = self.resolve(select.aggregate) == Aggregate::SumLog;
        let exponential = match select.rule {
            Rule::WeightedExp => true,
            Rule::Weighted => logs || matches!(self.unit, Unit::LogProbability | Unit::Reward),
            _ => false,
        };
        let odds = self.unit == Unit::LogOdds || select.rule == Rule::WeightedSigmoid;
        if odds && !exponential {
            let scores = scores.iter().map(|score| score.unwrap_or(f64::NEG_INFINITY));
            return weigh(Weight::Sigmoid, scores);
        }
        let most = judged().fold(f64::NEG_INFINITY, f64::max);
        // Only ratios count: moved where the exponential would leave the range of numbers.
        let shift = if most.is_finite() && most.abs() > 500.0 { most } else { 0.0 };
        let weigh = |score: f64| {
            if exponential { (score - shift).exp() } else { score.max(0.0) }
        };
        scores.iter().map(|score| score.map_or(0.0, weigh)).collect()
    }
}

/// What it is measured in, and how the scores of steps become that of a path, by their names in settings.
impl std::fmt::Display for Scale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; a path by {}", name(self.unit).replace('-', " "), name(self.aggregate))
    }
}

impl Unit {
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Unstated => "scores of no stated scale",
            Self::Probability => "probabilities",
            Self::LogProbability => "log-probabilities",
            Self::LogOdds => "log-odds",
            Self::Reward => "unbounded rewards",
        }
    }
}

impl Aggregate {
    /// The name that it has in a recipe.
    pub(crate) fn word(self) -> String {
        name(self)
    }
}

/// The name that a setting has in a recipe.
fn name(setting: impl Serialize) -> String {
    match serde_json::to_value(setting) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rule; 5] =
        [Rule::Best, Rule::Majority, Rule::Weighted, Rule::WeightedExp, Rule::WeightedSigmoid];

    #[test]
    fn what_means_nothing_is_refused() {
        let probability = [true, true, true, false, false];
        let log = [true, true, true, true, false];
        let odds = [true, true, true, false, true];
        let reward = [true, true, true, true, true];
        let unstated = [true, true, false, true, true];
        for (scale, expected) in [
            (Scale::STEP, probability),
            (Scale::PREFIX, probability),
            (Scale::LOG_PROBABILITY, log),
            (Scale::LOG_ODDS, odds),
            (Scale::REWARD, reward),
            (Scale::UNSTATED, unstated),
        ] {
            for (rule, expected) in RULES.into_iter().zip(expected) {
                let select = Selection { rule, aggregate: Aggregate::ByScale };
                assert_eq!(scale.check(select).is_ok(), expected, "{rule:?} {scale:?}");
            }
        }
        let logs = Selection { rule: Rule::WeightedExp, aggregate: Aggregate::SumLog };
        assert!(Scale::STEP.check(logs).is_ok());
        for aggregate in [Aggregate::Product, Aggregate::SumLog] {
            assert!(Scale::REWARD.check_aggregate(aggregate).is_err());
            assert!(Scale::LOG_PROBABILITY.check_aggregate(aggregate).is_err());
            assert!(Scale::STEP.check_aggregate(aggregate).is_ok());
        }
    }

    #[test]
    fn a_rounding_error_beyond_the_ends_is_a_probability_still() {
        for (score, holds) in [
            (0.0, true),
            (1.0, true),
            (1.0 + 1e-7, true),
            (-1e-7, true),
            (1.0 + 1e-5, false),
            (-1e-5, false),
            (f64::NAN, false),
        ] {
            assert_eq!(Scale::STEP.holds(score), holds, "{score}");
        }
        assert!(Scale::REWARD.holds(-7.0) && !Scale::REWARD.holds(f64::INFINITY));
    }

    #[test]
    fn weights_by_scale() {
        let weighted = |aggregate| Selection { rule: Rule::Weighted, aggregate };
        let close = |found: Vec<f64>, expected: [f64; 2]| {
            let ratio = found[0] / found[1];
            assert!((ratio - expected[0] / expected[1]).abs() < 1e-12, "{found:?}");
        };
        let by = weighted(Aggregate::ByScale);
        close(Scale::PREFIX.weights(by, &[Some(0.9), Some(0.3)]), [0.9, 0.3]);
        let logs = [Some(0.5_f64.ln()), Some(0.25_f64.ln())];
        close(Scale::LOG_PROBABILITY.weights(by, &logs), [0.5, 0.25]);
        close(Scale::STEP.weights(weighted(Aggregate::SumLog), &logs), [0.5, 0.25]);
        close(Scale::REWARD.weights(by, &[Some(-1.0), Some(-2.0)]), [1.0_f64.exp(), 1.0]);
        let thrice = [Some(3.0_f64.ln()), Some(0.0)];
        close(Scale::LOG_ODDS.weights(by, &thrice), [0.75, 0.5]);
        // Far out of the range of the exponential.
        close(Scale::REWARD.weights(by, &[Some(5001.0), Some(5000.0)]), [1.0_f64.exp(), 1.0]);
        // And of the logistic function, which is the exponential there: of a path by its sum, say.
        for (scale, rule) in
            [(Scale::LOG_ODDS, Rule::Weighted), (Scale::UNSTATED, Rule::WeightedSigmoid)]
        {
            let by = Selection { rule, aggregate: Aggregate::Sum };
            for low in [-720.0, -5001.0] {
                let found = scale.weights(by, &[Some(low), None, Some(low + 1.0)]);
                close(vec![found[2], found[0]], [1.0_f64.exp(), 1.0]);
                assert!(found[1].abs() < f64::MIN_POSITIVE && found[0] > 0.0, "{found:?}");
            }
        }
        // Never negative; the unjudged weigh nothing, unless all are.
        assert_eq!(Scale::UNSTATED.weights(by, &[Some(-2.0), None, Some(1.0)]), [0.0, 0.0, 1.0]);
        assert_eq!(Scale::PREFIX.weights(by, &[None, None]), [1.0, 1.0]);
    }
}
