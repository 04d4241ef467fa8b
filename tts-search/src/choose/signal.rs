//! How difficult a problem looks after a few samples.

use serde::{Deserialize, Serialize};
use tts_core::metrics::Sampled;
use tts_core::select::{Vote, Weight, tally};
use tts_core::{Aggregate, NodeId, Tree};

/// What a probe's samples are looked at for; higher is easier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// The mean of the samples' scores: predicted difficulty.
    ///
    /// Source: Snell et al. 2024, section 3.2 (there of 2,048 samples, which are not charged).
    #[default]
    Score,
    /// The share of the samples that have the most frequent answer, of all that were asked for: needs no scorer.
    Agreement,
}

impl Signal {
    /// How easy the problem looks by these samples, the last nodes of each, of `asked` that were asked for: those
    /// that failed are not in the tree. `aggregate` makes one score of those of steps. Minus infinity where the
    /// samples say nothing at all.
    pub fn estimate(
        self,
        tree: &Tree,
        samples: &[NodeId],
        asked: usize,
        aggregate: Aggregate,
    ) -> f64 {
        let sampled = |&id: &NodeId| Sampled {
            answer: tree.answer(id).map(str::to_owned),
            score: tree.score(id, aggregate),
            finished: tree[id].is_finished(),
            right: false,
        };
        let mut samples: Vec<Sampled> = samples.iter().map(sampled).collect();
        samples.resize(asked.max(samples.len()), Sampled::default());
        self.of(&samples, tree.task().comparer())
    }

    /// The same of samples of a pool, failed ones included ([`tts_core::Outcome::samples`]), with what makes two
    /// answers one. Whether they are right is not looked at.
    pub fn of(self, samples: &[Sampled], same: impl FnMut(&str, &str) -> bool) -> f64 {
        match self {
            Self::Score => {
                let scores = samples.iter().filter_map(|sample| sample.score);
                let (sum, count) =
                    scores.fold((0.0, 0.0), |(sum, n), score| (sum + score, n + 1.0));
                if count > 0.0 { sum / count } else { f64::NEG_INFINITY }
            }
            Self::Agreement => {
                let finished = samples.iter().filter(|sample| sample.finished);
                let votes: Vec<Vote> = finished
                    .filter_map(|sample| Some(Vote::new(sample.answer.as_deref()?, 0.0)))
                    .collect();
                let classes = tally(&votes, same, Weight::Count);
                let most = classes.iter().map(|class| class.members.len()).max();
                most.map_or(f64::NEG_INFINITY, |most| most as f64 / samples.len() as f64)
            }
        }
    }
}
