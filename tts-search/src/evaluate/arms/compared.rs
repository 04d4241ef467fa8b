//! The figures of arms side by side, as data.
//!
//! Differences are taken inside each problem. Their p-values are adjusted for all of one table: those over all
//! problems are one, those in bins of difficulty another.

use serde::Serialize;
use tts_core::metrics::{Accuracy, Paired, accuracy_interval, holm, paired_shares};

use super::super::against::DRAWS;
use super::super::{Bin, Difficulty, EvaluateError, Means};
use super::Arm;

/// Arms on the same problems.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Compared {
    /// Number of problems.
    pub problems: usize,
    /// The arms, in their order.
    pub arms: Vec<ArmFigures>,
    /// The differences.
    pub differences: Vec<Difference>,
    /// Bins of difficulty, the easiest first; none where it is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bins: Vec<BinFigures>,
}

/// What an arm gets right, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArmFigures {
    /// Its name.
    pub name: String,
    /// Over all problems, with the 95 % Wilson interval.
    pub accuracy: Accuracy,
    /// Problems whose search failed, which count as wrong.
    pub failed: usize,
    /// Mean cost of a problem.
    pub per_problem: Means,
    /// Mean wall time of a problem, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// The first arm minus the second.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The first.
    pub first: String,
    /// The second.
    pub second: String,
    /// The difference of their accuracies, with its interval and p-value.
    pub paired: Paired,
    /// The p-value, adjusted for the number of differences of the table by Holm's procedure.
    pub adjusted: f64,
    /// Tokens that the first generates for each of the second; `None` where the second generates none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<f64>,
}

/// The arms on problems of about one difficulty.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BinFigures {
    /// How difficult they are, by the pool.
    #[serde(flatten)]
    pub bin: Bin,
    /// What each arm gets right, in the order of the arms, with the 95 % Wilson interval.
    pub accuracies: Vec<Accuracy>,
    /// The differences, adjusted for all of all bins.
    pub differences: Vec<Difference>,
}

pub(super) fn figures(arm: &Arm) -> ArmFigures {
    ArmFigures {
        name: arm.name.clone(),
        accuracy: arm.report.accuracy,
        failed: arm.report.failed,
        per_problem: arm.report.per_problem.clone(),
        seconds: arm.seconds,
    }
}

/// The differences of these pairs, over all problems or those at some places, adjusted for their number.
pub(super) fn differences(
    arms: &[Arm],
    pairs: &[[usize; 2]],
    places: Option<&[usize]>,
) -> Result<Vec<Difference>, EvaluateError> {
    let mut found = unadjusted(arms, pairs, places)?;
    adjust(&mut found.iter_mut().collect::<Vec<_>>())?;
    Ok(found)
}

fn unadjusted(
    arms: &[Arm],
    pairs: &[[usize; 2]],
    places: Option<&[usize]>,
) -> Result<Vec<Difference>, EvaluateError> {
    let of = |pair: &[usize; 2]| -> Result<Difference, EvaluateError> {
        let [first, second] = pair.map(|at| &arms[at]);
        let [here, there] = [first, second].map(|arm| picked(&arm.report.values(), places));
        let [some, other] = [first, second].map(|arm| {
            let tokens = arm.report.rows.iter().map(|row| row.cost.generated_tokens as f64);
            picked(&tokens.collect::<Vec<f64>>(), places).iter().sum::<f64>()
        });
        Ok(Difference {
            first: first.name.clone(),
            second: second.name.clone(),
            paired: paired_shares(&here, &there, DRAWS, 0)?,
            adjusted: 1.0,
            tokens: (other > 0.0).then(|| some / other),
        })
    };
    pairs.iter().map(of).collect()
}

fn picked(values: &[f64], places: Option<&[usize]>) -> Vec<f64> {
    places.map_or_else(|| values.to_vec(), |places| places.iter().map(|&at| values[at]).collect())
}

/// Adjusts p-values for their number.
fn adjust(all: &mut [&mut Difference]) -> Result<(), EvaluateError> {
    let p_values: Vec<f64> = all.iter().map(|difference| difference.paired.p_value).collect();
    for (difference, adjusted) in all.iter_mut().zip(holm(&p_values)?) {
        difference.adjusted = adjusted;
    }
    Ok(())
}

/// The arms in each bin.
pub(super) fn by_bins(
    arms: &[Arm],
    pairs: &[[usize; 2]],
    difficulty: &Difficulty,
) -> Result<Vec<BinFigures>, EvaluateError> {
    let problems = arms.first().map_or(0, |arm| arm.report.rows.len());
    let binned: usize = difficulty.bins.iter().map(|bin| bin.places.len()).sum();
    let beyond = difficulty.bins.iter().flat_map(|bin| &bin.places).any(|&at| at >= problems);
    if beyond || binned != problems {
        let problem = format!("difficulty of {binned} problems, expected that of {problems}");
        return Err(EvaluateError::Settings(problem));
    }
    let of = |bin: &Bin| -> Result<BinFigures, EvaluateError> {
        let accuracies = arms.iter().map(|arm| -> Result<Accuracy, EvaluateError> {
            let right = bin.places.iter().map(|&at| arm.report.rows[at].correct);
            Ok(accuracy_interval(&right.collect::<Vec<bool>>())?)
        });
        Ok(BinFigures {
            bin: bin.clone(),
            accuracies: accuracies.collect::<Result<_, _>>()?,
            differences: unadjusted(arms, pairs, Some(&bin.places))?,
        })
    };
    let mut bins = difficulty.bins.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    adjust(&mut bins.iter_mut().flat_map(|bin| &mut bin.differences).collect::<Vec<_>>())?;
    Ok(bins)
}
