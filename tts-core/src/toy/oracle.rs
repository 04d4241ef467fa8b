//! Who knows whether a line of the toy world is right.

use super::ToyWorld;
use super::state::{State, parse};
use crate::{BoxError, Scale, Scored, StepScorer, Trajectory, seed};

/// Judges lines of the toy world: 1 while every line up to here is right, 0 from the first error
/// on; with noise, something between. A score is the probability of the whole path ([`Scale::PREFIX`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Oracle {
    /// 0 for the truth; up to 1 for a score that is `noise` parts chance, a function of the path.
    pub noise: f64,
    /// Which chance.
    pub seed: u64,
}

impl Oracle {
    /// The truth about a world. (It needs nothing of the world but its prompts.)
    pub fn of(_world: &ToyWorld) -> Self {
        Self { noise: 0.0, seed: 0 }
    }

    fn judge(&self, numbers: &[i64], text: &str) -> f64 {
        let state = State::of(numbers, text);
        let right: i64 = numbers.iter().take(state.done + 1).sum();
        let lines = text.lines().filter(|line| line.contains('=')).enumerate();
        let mut sums = numbers.iter().scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        });
        let all = {
            let sums: Vec<i64> = sums.by_ref().skip(1).collect();
            lines.into_iter().all(|(index, line)| {
                let total = line.rsplit_once('=').and_then(|(_, t)| t.trim().parse().ok());
                total.is_some() && total == sums.get(index).copied()
            })
        };
        let truth = if all && state.total == right { 1.0 } else { 0.0 };
        let chance = seed::rng(seed::hash_text(self.seed, text)).uniform();
        (1.0 - self.noise) * truth + self.noise * chance
    }
}

impl StepScorer for Oracle {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let numbers = parse(path.prompt())?;
            let mut text: String =
                path.judged_steps().iter().map(|step| step.text.as_str()).collect();
            let scores = path.fresh_steps().iter().map(|step| {
                text.push_str(&step.text);
                self.judge(&numbers, &text)
            });
            Ok(Scored::of(scores.collect()))
        };
        batch.iter().map(judge).collect()
    }

    fn scale(&self) -> Scale {
        Scale::PREFIX
    }
}
