//! The law of coverage of every curve of problems that some sample solves.
//!
//! An arm that counts a problem as solved when any of N samples is right, at three numbers of samples or more, is
//! a curve of each problem; [`Coverage`] fits one law to all. An arm on which nothing grows has none.
//!
//! Source: Brown et al. 2024 (arXiv:2407.21787), section 3.1.

use std::collections::BTreeMap;

use tts_core::metrics::{Coverage, MetricError};
use tts_search::evaluate::Method;

use super::measure::{DRAWS, Point};
use super::recipe::{Arm, Recipe};
use super::way::Way;
use crate::Error;

/// The laws by arm.
///
/// # Errors
/// When points are not of the recipe's problems.
pub(super) fn laws(recipe: &Recipe, points: &[Point]) -> Result<BTreeMap<String, Coverage>, Error> {
    let mut laws = BTreeMap::new();
    let counts = |arm: &&Arm| {
        // Attempts in turn are no independent samples.
        arm.strategy == Way::Method(Method::PassAtN) && arm.n.len() > 2 && !arm.in_turn
    };
    for arm in recipe.arms.iter().filter(counts) {
        let mut own: Vec<&Point> = points
            .iter()
            .filter(|point| point.arm == arm.name && arm.n.contains(&point.n))
            .filter(|point| !point.values.is_empty())
            .collect();
        own.sort_by_key(|point| point.n);
        let ks: Vec<usize> = own.iter().map(|point| point.n).collect();
        let problems = own.first().map_or(0, |point| point.values.len());
        let curve = |problem: usize| -> Option<Vec<f64>> {
            own.iter().map(|point| point.values.get(problem).copied()).collect()
        };
        let curves: Vec<Vec<f64>> = (0..problems).filter_map(curve).collect();
        match Coverage::of_curves(&curves, &ks, DRAWS, 0) {
            Ok(law) => drop(laws.insert(arm.name.clone(), law)),
            // Nothing grows there.
            Err(MetricError::MissingClass { .. }) => {}
            Err(error) => return Err(format!("{}: {error}", arm.name).into()),
        }
    }
    Ok(laws)
}
