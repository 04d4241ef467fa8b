//! What a policy solves of problems that it does not learn from, as it learns.
//!
//! The same seeds at every measurement: what changes between two of them is the policy alone. A problem all of whose
//! lines failed counts as one that was not solved, and is told apart; where nothing can be drawn of any, there is no
//! measurement.
//!
//! Source: Chen et al. 2021 (arXiv 2107.03374) for pass@k; here of as many samples as are drawn.

use tts_core::metrics::{self, MetricError};
use tts_core::{Generator, Sampling, Search, Task};

use super::rollout::rollouts;
use super::sampler::Plain;
use super::{
    Asked, Independent, Majority, Measured, Measuring, Problem, ReinforceConfig, Reward, Sample,
};
use crate::PrmError;

/// Problems that are drawn together.
const TOGETHER: usize = 64;

/// Resampled means of an interval.
const DRAWS: usize = 1_000;

/// Apart from all seeds of learning.
const HELD_OUT: u64 = 0x4e1d_0075;

/// Measures a policy after a step.
pub(super) fn measure(
    policy: &dyn Generator,
    task: &std::sync::Arc<dyn Task>,
    config: &ReinforceConfig,
    problems: &[Problem],
    step: usize,
) -> Result<Measured, PrmError> {
    let Measuring { samples, temperature, .. } = config.measure;
    let search = Search::new(policy)
        .rule(config.rule.clone())
        .shared_task(std::sync::Arc::clone(task))
        .sampling(Sampling::temperature(temperature));
    let sampler = Plain::new(Independent { n: samples }, true).begun(&config.begin);
    let places: Vec<usize> = (0..problems.len()).collect();
    let (mut shares, mut majority, mut any, mut tokens, mut count) = (Vec::new(), 0, 0, 0, 0);
    let (mut failed, mut why) = (0, None);
    for (number, places) in places.chunks(TOGETHER).enumerate() {
        let seed = tts_core::seed::mix(config.seed ^ HELD_OUT, number as u64);
        for group in rollouts(&search, &sampler, (problems, places), seed, &[])? {
            if let Some(reason) = group.failed {
                failed += 1;
                why.get_or_insert((group.problem, reason));
                shares.push(0.0);
                continue;
            }
            let samples = &group.samples;
            let right = samples.iter().filter(|sample| sample.is_right()).count();
            shares.push(right as f64 / samples.len().max(1) as f64);
            any += usize::from(right > 0);
            let problem = &problems[group.problem];
            let asked = Asked::new(problem, &**task, samples, group.seed);
            let votes = Majority {}.rewards(&asked);
            let winner = votes.iter().position(|vote| *vote > 0.0);
            majority += usize::from(winner.is_some_and(|place| samples[place].is_right()));
            tokens += samples.iter().map(Sample::generated).sum::<usize>();
            count += samples.len();
        }
    }
    if let Some((first, reason)) = why.filter(|_| failed == problems.len()) {
        let problem = format!("nothing could be drawn of any problem: {reason}");
        return Err(PrmError::reinforce(format!("held out[{first}], after {step} steps"), problem));
    }
    let wrong = |error: MetricError| PrmError::reinforce("held out", error.to_string());
    let accuracy = metrics::share_interval(&shares, DRAWS, HELD_OUT).map_err(wrong)?;
    let share = |count: usize| count as f64 / problems.len().max(1) as f64;
    Ok(Measured {
        step,
        problems: problems.len(),
        samples,
        pass: accuracy.mean,
        interval: accuracy.interval,
        majority: share(majority),
        any: share(any),
        tokens: tokens as f64 / count.max(1) as f64,
        failed,
    })
}
