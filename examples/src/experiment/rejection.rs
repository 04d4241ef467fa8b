//! Arms that draw again until a sample is short enough: solutions of a set length, without telling the writer.
//!
//! Each of a policy's samples that has at most `N` tokens is kept as often as it is drawn, so that the accuracy is the
//! share of right ones among those of the pool that fit. What it costs is what is written until one fits: on average
//! the tokens of a sample over the share that fits. Where none of the pool fits, the problem is not answered, and the
//! whole pool was paid for.
//!
//! Source: Muennighoff et al. 2025, "s1: Simple test-time scaling" (arXiv:2501.19393), section 5.2 (rejection
//! sampling), which finds longer solutions less often right.

use serde::{Deserialize, Serialize};
use tts_search::evaluate::attempts::Attempts;

use super::measure::Run;
use super::recipe::Arm;
use super::workshop::Workshop;
use crate::Error;

/// Drawing again, as a recipe says it: `{ "reject": "longer" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// What is drawn again.
    pub reject: Rejected,
}

/// What is drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rejected {
    /// A sample of more than N tokens.
    Longer,
}

impl Rejection {
    /// The share right of what is kept at a bound of so many tokens, and the tokens that are written until then.
    fn of_pool(pool: &Attempts, most: usize) -> (f64, f64) {
        let all = &pool.attempts;
        let written: u64 = all.iter().map(|attempt| attempt.generated).sum();
        let fits = all.iter().filter(|attempt| attempt.generated <= most as u64);
        let (kept, right) = fits.fold((0_u32, 0_u32), |(kept, right), attempt| {
            (kept + 1, right + u32::from(attempt.solved))
        });
        if kept == 0 {
            return (0.0, written as f64);
        }
        // A sample costs `written / all` on average, and `all / kept` are drawn.
        (f64::from(right) / f64::from(kept), written as f64 / f64::from(kept))
    }
}

impl Workshop<'_> {
    /// An arm that draws again, at all of its bounds.
    pub(super) fn rejected(&self, arm: &Arm, seed: u64) -> Result<Vec<Run>, Error> {
        let pools = self.pool(&arm.policy, seed)?;
        let at = |&most: &usize| {
            let found = pools.iter().map(|pool| Rejection::of_pool(pool, most));
            let (values, tokens) = found.unzip();
            Run::unjudged(values, tokens)
        };
        Ok(arm.n.iter().map(at).collect())
    }
}

#[cfg(test)]
mod tests {
    use tts_search::evaluate::attempts::Attempt;

    use super::*;

    #[test]
    fn a_pool_by_hand() {
        let attempt = |generated: u64, solved: bool| Attempt {
            steps: vec!["=1".into()],
            right: vec![solved],
            solved,
            generated,
        };
        let attempts =
            vec![attempt(10, true), attempt(20, false), attempt(30, true), attempt(40, true)];
        let pool = Attempts { question: "?".into(), attempts };
        for (most, right, tokens) in [
            // None fits: all hundred tokens were written.
            (9, 0.0, 100.0),
            // One in four: four draws of 25 tokens.
            (10, 1.0, 100.0),
            (20, 0.5, 50.0),
            (39, 2.0 / 3.0, 100.0 / 3.0),
            (40, 0.75, 25.0),
        ] {
            let found = Rejection::of_pool(&pool, most);
            assert!(
                (found.0 - right).abs() < 1e-12 && (found.1 - tokens).abs() < 1e-12,
                "{most}: {found:?}"
            );
        }
    }
}
