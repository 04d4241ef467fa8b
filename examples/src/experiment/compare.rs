//! Paired differences of arms: at equal N, or at equal tokens or operations.
//!
//! At equal cost the second arm is taken between its two neighbouring points, problem by problem,
//! linearly in the logarithm of the cost; where the cost lies beyond its points there is no
//! comparison.

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Paired, paired_bootstrap};

use super::measure::{DRAWS, Point};
use super::recipe::{At, Comparison};
use crate::Error;

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
    /// The difference of their accuracies.
    pub paired: Paired,
}

/// The differences that a recipe asks for.
///
/// # Errors
/// When values are not finite.
pub fn differences(points: &[Point], asked: &[Comparison]) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    for Comparison { first, second, at } in asked {
        let of = |name: &String| {
            let own = points.iter().filter(|point| point.arm == *name);
            own.collect::<Vec<&Point>>()
        };
        for point in of(first) {
            let second_values = match at {
                At::N => {
                    let same = of(second)
                        .into_iter()
                        .find(|other| other.n == point.n && other.x.total_cmp(&point.x).is_eq());
                    same.map(|other| other.values.clone())
                }
                At::Tokens => between(of(second), point, |point| point.generated_tokens),
                At::Operations => between(of(second), point, |point| point.operations),
            };
            let Some(values) = second_values else { continue };
            // One sample is the same sample, whoever chooses it.
            if point.n == 1 && values == point.values {
                continue;
            }
            found.push(Difference {
                first: first.clone(),
                second: second.clone(),
                n: point.n,
                x: point.x,
                at: match at {
                    At::N => "equal N".to_owned(),
                    At::Tokens => format!("{:.0} tokens", point.generated_tokens),
                    At::Operations => format!("{:.2e} operations", point.operations),
                },
                paired: paired_bootstrap(&point.values, &values, DRAWS, 0)?,
            });
        }
    }
    Ok(found)
}

/// Values by problem at the cost of `at`.
fn between(mut points: Vec<&Point>, at: &Point, cost: impl Fn(&Point) -> f64) -> Option<Vec<f64>> {
    points.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let wanted = cost(at);
    let pair = points.windows(2).find(|pair| (cost(pair[0])..=cost(pair[1])).contains(&wanted))?;
    let span = (cost(pair[1]) / cost(pair[0])).ln();
    let weight = if span > 0.0 { (wanted / cost(pair[0])).ln() / span } else { 0.0 };
    let mix = |(low, high): (&f64, &f64)| low + weight * (high - low);
    Some(pair[0].values.iter().zip(&pair[1].values).map(mix).collect())
}
