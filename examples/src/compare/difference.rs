//! Paired differences: at equal N, and at equal generated tokens.
//!
//! A search that spends more than N samples' tokens is compared with the other strategy at the
//! tokens it really spent. Best-of-N and the weighted vote have a curve over every number of
//! samples up to the size of the pool: the two neighbouring numbers of samples between which the
//! tokens lie are mixed, linearly in the logarithm of tokens, problem by problem. A beam is mixed
//! likewise between the two neighbouring budgets that were run. Where the tokens lie beyond what was
//! run there is no such comparison.

use serde::Serialize;
use tts_core::metrics::{Paired, paired_bootstrap};

use super::measure::{DRAWS, Measured, Methods};
use crate::Error;
use crate::judge::Judge;
use crate::lineup::Strategy::{self, Beam, BestOfN, Dvts, Greedy, Lookahead, Majority, Weighted};
use crate::report::thousands;

/// The first method minus the second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The first.
    pub first: String,
    /// The second.
    pub second: String,
    /// What is the same for both.
    pub equal: String,
    /// The difference of their accuracies.
    pub paired: Paired,
    /// By problem.
    #[serde(skip)]
    pub values: Vec<f64>,
}

impl Difference {
    fn new(first: &Measured, second: &Other) -> Result<Self, Error> {
        let paired = paired_bootstrap(&first.values, &second.values, DRAWS, 0)?;
        let values = first.values.iter().zip(&second.values).map(|(a, b)| a - b).collect();
        let (second, equal) = (second.name.clone(), second.equal.clone());
        Ok(Self { first: first.name(), second, equal, paired, values })
    }
}

/// What a method is compared with.
struct Other {
    name: String,
    equal: String,
    values: Vec<f64>,
}

impl Other {
    fn at_equal_n(method: &Measured) -> Self {
        let equal = if method.strategy == Greedy { "problems" } else { "N" };
        Self { name: method.name(), equal: equal.to_owned(), values: method.values.clone() }
    }

    /// Between two methods, at `tokens`, which lie between theirs.
    fn between(low: &Measured, high: &Measured, tokens: f64) -> Self {
        let span = (high.generated_tokens / low.generated_tokens).ln();
        let weight = if span > 0.0 { (tokens / low.generated_tokens).ln() / span } else { 0.0 };
        let mix = |(a, b): (&f64, &f64)| a + weight * (b - a);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and far below 2^64"
        )]
        let tokens = thousands(tokens.round() as u64);
        Self {
            name: low.name_at(&format!("{}..{}", low.n, high.n)),
            equal: format!("{tokens} tokens"),
            values: low.values.iter().zip(&high.values).map(mix).collect(),
        }
    }
}

impl Methods {
    /// A choice from a pool at this many generated tokens.
    fn pooled_at(
        &self,
        strategy: Strategy,
        judge: Judge,
        tokens: f64,
    ) -> Result<Option<Other>, Error> {
        let samples = tokens / self.tokens_of_a_sample();
        let low = (1..self.pool()).rev().find(|&n| n as f64 <= samples);
        let Some(low) = low.filter(|_| samples <= self.pool() as f64) else { return Ok(None) };
        let low = self.pooled(strategy, low, Some(judge))?;
        let high = self.pooled(strategy, low.n + 1, Some(judge))?;
        Ok(Some(Other::between(&low, &high, tokens)))
    }

    /// Beam search at this many generated tokens.
    fn beam_at(&self, judge: Judge, tokens: f64) -> Option<Other> {
        let is_beam = |m: &&Measured| m.strategy == Beam && m.scorer == Some(judge);
        let beams: Vec<&Measured> = self.all.iter().filter(is_beam).collect();
        let between = |pair: &&[&Measured]| {
            (pair[0].generated_tokens..=pair[1].generated_tokens).contains(&tokens)
        };
        let pair = beams.windows(2).find(between)?;
        Some(Other::between(pair[0], pair[1], tokens))
    }
}

/// All differences that the methods allow, for these budgets and scorers.
///
/// # Errors
/// When a method was not measured.
pub fn differences(
    methods: &Methods,
    budgets: &[usize],
    judges: &[Judge],
) -> Result<Vec<Difference>, Error> {
    let get = |strategy: Strategy, n: usize, judge: Option<Judge>| {
        let found = methods.get(strategy, n, judge);
        found.ok_or_else(|| format!("{strategy} at {n} was not measured"))
    };
    let greedy = Other::at_equal_n(get(Greedy, 1, None)?);
    let mut all = Vec::new();
    // With one sample there is nothing to choose from.
    for &n in budgets.iter().filter(|&&n| n > 1) {
        let majority = get(Majority, n, None)?;
        all.push(Difference::new(majority, &greedy)?);
        for &judge in judges {
            let best = get(BestOfN, n, Some(judge))?;
            let weighted = get(Weighted, n, Some(judge))?;
            all.push(Difference::new(weighted, &Other::at_equal_n(best))?);
            all.push(Difference::new(best, &Other::at_equal_n(majority))?);
            all.push(Difference::new(weighted, &Other::at_equal_n(majority))?);
        }
        if judges.contains(&Judge::Prm) && judges.contains(&Judge::Orm) {
            for strategy in [BestOfN, Weighted] {
                let process = get(strategy, n, Some(Judge::Prm))?;
                let outcome = get(strategy, n, Some(Judge::Orm))?;
                all.push(Difference::new(process, &Other::at_equal_n(outcome))?);
            }
        }
        for &judge in judges.iter().filter(|judge| judge.guides()) {
            let [best, weighted, beam, dvts, lookahead] = [
                get(BestOfN, n, Some(judge))?,
                get(Weighted, n, Some(judge))?,
                get(Beam, n, Some(judge))?,
                get(Dvts, n, Some(judge))?,
                get(Lookahead, n, Some(judge))?,
            ];
            let mut at_equal_n = |first: &Measured, second: &Measured| {
                all.push(Difference::new(first, &Other::at_equal_n(second))?);
                Ok::<(), Error>(())
            };
            at_equal_n(beam, best)?;
            at_equal_n(beam, weighted)?;
            at_equal_n(dvts, beam)?;
            at_equal_n(dvts, weighted)?;
            at_equal_n(lookahead, beam)?;
            for first in [beam, lookahead] {
                for strategy in [BestOfN, Weighted] {
                    let other = methods.pooled_at(strategy, judge, first.generated_tokens)?;
                    if let Some(other) = other {
                        all.push(Difference::new(first, &other)?);
                    }
                }
            }
            if let Some(other) = methods.beam_at(judge, lookahead.generated_tokens) {
                all.push(Difference::new(lookahead, &other)?);
            }
        }
    }
    Ok(all)
}
