//! Paired differences of arms: at equal N, or at equal tokens or operations.
//!
//! At equal cost the second arm is taken at its own point that costs about as much, at most 5 % more
//! or less, and both costs are told; where it was run at no such budget there is no comparison, and an
//! error that says which one is missing. Nothing is interpolated: between points the choice of a scale
//! would decide the result. What more samples are worth is told against one sample of the second. Gains are compared as
//! differences of differences: each arm's value of a problem less that of one sample of another arm. At equal accuracy
//! costs are compared, in a table of their own ([`super::saved()`]).
//!
//! Each difference has a p-value of its own and one adjusted for the number of differences in the
//! report ([`tts_core::metrics::holm`]); what is called sure has the latter below [`SURE`].

use std::fmt;

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Paired, holm, paired_bootstrap};

use super::measure::{DRAWS, Point};
use super::recipe::{At, Comparison};
use crate::Error;

/// Below this adjusted p-value a difference is called sure.
pub const SURE: f64 = 0.05;
/// Costs that differ by at most this share count as equal.
const EQUAL: f64 = 0.05;

/// The first arm minus the second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The first.
    pub first: String,
    /// The second.
    pub second: String,
    /// Of the first.
    pub n: usize,
    /// Place of the first on the axis.
    pub x: f64,
    /// What is the same for both.
    pub at: String,
    /// The point of the second, where that is not the same N.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What both are gains over, at one sample, where gains are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<[String; 2]>,
    /// The difference of their accuracies, or of their gains.
    pub paired: Paired,
    /// Its p-value, adjusted for the number of differences in the report.
    #[serde(default)]
    pub adjusted: f64,
}

/// At which of its points a second arm was taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Of the second.
    pub n: usize,
    /// What the first costs.
    pub first: f64,
    /// What the second costs.
    pub second: f64,
}

impl Difference {
    /// What is subtracted from what, in words.
    pub fn sides(&self) -> [String; 2] {
        let Self { first, second, over, .. } = self;
        match over {
            None => [first.clone(), second.clone()],
            Some([one, other]) => [format!("{first} over {one}"), format!("{second} over {other}")],
        }
    }

    /// Whether the second was taken between two of its points, as reports did before they named the
    /// point of the second.
    pub fn is_interpolated(&self) -> bool {
        self.budget.is_none() && self.at != EQUAL_N
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([first, second], Self { n, at, .. }) = (self.sides(), self);
        write!(f, "{first} minus {second} at N = {n}, {at}")
    }
}

const EQUAL_N: &str = "equal N";

/// The differences that a recipe asks for.
///
/// # Errors
/// When values are not finite, or a second arm has no point at the budget of a first.
pub fn differences(points: &[Point], asked: &[Comparison]) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    for Comparison { first, second, at, n, over, .. } in asked {
        let of = |name: &String| {
            let own = points.iter().filter(|point| point.arm == *name);
            own.collect::<Vec<&Point>>()
        };
        for point in of(first).into_iter().filter(|point| n.is_empty() || n.contains(&point.n)) {
            let (other, at, budget) = match at {
                // Told by what it costs ([`super::saved`]).
                At::Accuracy => continue,
                At::N => {
                    let same =
                        |other: &&Point| other.n == point.n && other.x.total_cmp(&point.x).is_eq();
                    let Some(other) = of(second).into_iter().find(same) else { continue };
                    (other, EQUAL_N.to_owned(), None)
                }
                At::One => {
                    let one = |other: &&Point| other.n == 1;
                    let found = of(second).into_iter().find(one);
                    let other = found.ok_or_else(|| format!("{second:?} has no point at N = 1"))?;
                    if std::ptr::eq(other, point) {
                        continue;
                    }
                    let costs = [point.generated_tokens, other.generated_tokens];
                    let budget = Budget { n: 1, first: costs[0], second: costs[1] };
                    (other, "one sample of the second".to_owned(), Some(budget))
                }
                At::Tokens => {
                    let (other, budget) = nearest(&of(second), point, |p| p.generated_tokens)?;
                    let Budget { n, first, second } = budget;
                    (other, format!("{first:.0} and {second:.0} tokens, N = {n}"), Some(budget))
                }
                At::Operations => {
                    let (other, budget) = nearest(&of(second), point, |p| p.operations)?;
                    let Budget { n, first, second } = budget;
                    let at = format!("{first:.2e} and {second:.2e} operations, N = {n}");
                    (other, at, Some(budget))
                }
            };
            // One sample is the same sample, whoever chooses it.
            if point.n == 1 && other.values == point.values {
                continue;
            }
            found.push(Difference {
                first: first.clone(),
                second: second.clone(),
                n: point.n,
                x: point.x,
                at,
                budget,
                paired: match over {
                    None => paired_bootstrap(&point.values, &other.values, DRAWS, 0)?,
                    Some([one, another]) => {
                        let first = gain(point, &of(one))?;
                        paired_bootstrap(&first, &gain(other, &of(another))?, DRAWS, 0)?
                    }
                },
                over: over.clone(),
                adjusted: 1.0,
            });
        }
    }
    adjust(&mut found)?;
    Ok(found)
}

/// What a point gains over one sample of an arm, by problem.
fn gain(point: &Point, arm: &[&Point]) -> Result<Vec<f64>, Error> {
    let one = arm.iter().find(|other| other.n == 1);
    let one =
        one.ok_or_else(|| format!("there is no point at N = 1 that {:?} gains over", point.arm))?;
    Ok(point.values.iter().zip(&one.values).map(|(value, one)| value - one).collect())
}

/// Adjusts p-values for their number.
pub(super) fn adjust(all: &mut [Difference]) -> Result<(), Error> {
    let p_values: Vec<f64> = all.iter().map(|difference| difference.paired.p_value).collect();
    for (difference, adjusted) in all.iter_mut().zip(holm(&p_values)?) {
        difference.adjusted = adjusted;
    }
    Ok(())
}

/// The point of an arm that costs what `at` costs.
fn nearest<'p>(
    points: &[&'p Point],
    at: &Point,
    cost: impl Fn(&Point) -> f64,
) -> Result<(&'p Point, Budget), Error> {
    let wanted = cost(at);
    let off = |point: &Point| (cost(point) / wanted - 1.0).abs();
    let found = points.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
    let found = found.ok_or_else(|| format!("nothing to compare {:?} with", at.arm))?;
    if off(found) > EQUAL {
        let missing = (found.n as f64 * wanted / cost(found)).round();
        return Err(format!(
            "{:?} costs {wanted:.3e} at N = {}, and {:?} {:.3e} at N = {}, its nearest: run it at N = \
             {missing} or so, or say with `n` at which N to compare",
            at.arm,
            at.n,
            found.arm,
            cost(found),
            found.n
        )
        .into());
    }
    Ok((found, Budget { n: found.n, first: wanted, second: cost(found) }))
}

/// What an interpolated difference would be had it been interpolated in cost itself, not in its
/// logarithm; `None` where there is nothing to interpolate between.
pub(super) fn linear(points: &[Point], difference: &Difference) -> Option<f64> {
    let tokens = difference.at.ends_with("tokens");
    let cost = |point: &Point| if tokens { point.generated_tokens } else { point.operations };
    let first = points.iter().find(|point| {
        let Difference { first, n, x, .. } = difference;
        point.arm == *first && point.n == *n && point.x.total_cmp(x).is_eq()
    })?;
    let mut second: Vec<&Point> =
        points.iter().filter(|point| point.arm == difference.second).collect();
    second.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let wanted = cost(first);
    let pair = second.windows(2).find(|pair| (cost(pair[0])..=cost(pair[1])).contains(&wanted))?;
    let weight = (wanted - cost(pair[0])) / (cost(pair[1]) - cost(pair[0]));
    let [low, high] = [pair[0], pair[1]].map(|point| point.accuracy.mean);
    Some(first.accuracy.mean - low - weight * (high - low))
}
