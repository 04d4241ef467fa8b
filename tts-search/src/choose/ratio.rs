//! How much less the same accuracy costs: a curve of accuracy against cost beside one point of another.
//!
//! The point's accuracy, less a margin where curves are too flat to tell apart, is what the curve must reach. Its cost there is read between the levels that lie around
//! it, in a straight line, along the best that was reached for so much or less; the ratio's interval is over
//! problems, drawn anew for both sides together.
//!
//! Source: the reading of figure 4 in Snell et al. 2024 ("up to four times fewer"), made a number with an interval.

use serde::{Deserialize, Serialize};
use tts_core::seed;

use super::ChooseError;

/// What a policy does at one budget, by problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// What it got right.
    pub values: Vec<f64>,
    /// What it cost.
    pub costs: Vec<f64>,
}

/// The cost of a policy over that of a baseline, where both are equally accurate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostRatio {
    /// Over all problems; `None` where the policy never gets there.
    pub ratio: Option<f64>,
    /// Of 95 % of the draws that get there.
    pub interval: Option<[f64; 2]>,
    /// The share of draws in which the policy gets there.
    pub reached: f64,
}

/// Compares a policy at rising budgets with a baseline at one.
///
/// ```
/// use tts_search::choose::{Level, cost_ratio};
/// let level = |right: f64, cost: f64| Level { values: vec![right; 10], costs: vec![cost; 10] };
/// let policy = [level(0.2, 100.0), level(0.6, 300.0)];
/// // Half accuracy lies at 250 tokens, three quarters of the way.
/// let found = cost_ratio(&policy, &level(0.5, 1_000.0), 200, 7)?;
/// assert!((found.ratio.unwrap_or(0.0) - 0.25).abs() < 1e-9);
/// assert!(found.reached >= 1.0);
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// # Errors
/// When there are no levels, no problems, lists of different lengths, or a cost that is no positive number.
pub fn cost_ratio(
    policy: &[Level],
    baseline: &Level,
    draws: usize,
    seed: u64,
) -> Result<CostRatio, ChooseError> {
    cost_ratio_within(0.0, policy, baseline, draws, seed)
}

/// Compares likewise, with a policy that is equally accurate where it is at most `margin` below the baseline: the margin of
/// a test of non-inferiority, which has to be named before one looks.
///
/// ```
/// use tts_search::choose::{Level, cost_ratio_within};
/// let level = |right: f64, cost: f64| Level { values: vec![right; 10], costs: vec![cost; 10] };
/// let policy = [level(0.2, 100.0), level(0.6, 300.0)];
/// // 0.4 of the half that the baseline has right lies at 200 tokens.
/// let found = cost_ratio_within(0.1, &policy, &level(0.5, 1_000.0), 200, 7)?;
/// assert!((found.ratio.unwrap_or(0.0) - 0.2).abs() < 1e-9);
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// # Errors
/// As [`cost_ratio`], and when the margin is no number of at least 0.
pub fn cost_ratio_within(
    margin: f64,
    policy: &[Level],
    baseline: &Level,
    draws: usize,
    seed: u64,
) -> Result<CostRatio, ChooseError> {
    if !(margin >= 0.0 && margin.is_finite()) {
        let problem = format!("{margin}, expected a number of at least 0");
        return Err(ChooseError::input("margin", problem));
    }
    let problems = baseline.values.len();
    if policy.is_empty() || problems == 0 {
        return Err(ChooseError::input("levels", "none, expected at least one, with problems"));
    }
    for level in policy.iter().chain([baseline]) {
        if level.values.len() != problems || level.costs.len() != problems {
            let problem = format!(
                "{} values and {} costs of {problems} problems",
                level.values.len(),
                level.costs.len()
            );
            return Err(ChooseError::input("levels", problem));
        }
        let sound = level.costs.iter().all(|cost| *cost > 0.0 && cost.is_finite());
        if !(sound && level.values.iter().all(|value| value.is_finite())) {
            return Err(ChooseError::input("levels", "a cost that is not positive, or no number"));
        }
    }
    let all: Vec<usize> = (0..problems).collect();
    let mut rng = seed::rng(seed);
    let mut found = Vec::new();
    for _ in 0..draws {
        let drawn: Vec<usize> = (0..problems).map(|_| rng.below(problems)).collect();
        found.extend(ratio(policy, baseline, margin, &drawn));
    }
    let reached = if draws == 0 { 0.0 } else { found.len() as f64 / draws as f64 };
    found.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a list"
    )]
    let at = |share: f64| found[(share * (found.len() - 1) as f64).round() as usize];
    let interval = (!found.is_empty()).then(|| [at(0.025), at(0.975)]);
    Ok(CostRatio { ratio: ratio(policy, baseline, margin, &all), interval, reached })
}

/// The ratio on some problems.
fn ratio(policy: &[Level], baseline: &Level, margin: f64, problems: &[usize]) -> Option<f64> {
    let mean = |list: &[f64]| {
        problems.iter().map(|&place| list[place]).sum::<f64>() / problems.len() as f64
    };
    let (target, budget) = (mean(&baseline.values) - margin, mean(&baseline.costs));
    let mut curve: Vec<(f64, f64)> =
        policy.iter().map(|level| (mean(&level.costs), mean(&level.values))).collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut before: Option<(f64, f64)> = None;
    for (cost, accuracy) in curve {
        if accuracy >= target {
            let cost = match before {
                Some((least, below)) if accuracy > below => {
                    least + (cost - least) * (target - below) / (accuracy - below)
                }
                _ => cost,
            };
            return Some(cost / budget);
        }
        // What a dearer level loses, nobody need pay for.
        if before.is_none_or(|(_, best)| accuracy > best) {
            before = Some((cost, accuracy));
        }
    }
    None
}
