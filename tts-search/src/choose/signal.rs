//! How difficult a problem looks after a few samples.

use serde::{Deserialize, Serialize};
use tts_core::select::{Weight, tally};
use tts_core::{Aggregate, NodeId, Tree};

/// What a probe's samples are looked at for; higher is easier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// The mean of the samples' scores, by the scorer's scale: predicted difficulty.
    ///
    /// Source: Snell et al. 2024, section 3.2 (there of 2,048 samples, which are not charged).
    #[default]
    Score,
    /// The share of the samples that have the most frequent answer: needs no scorer.
    Agreement,
}

impl Signal {
    /// How easy the problem looks by these samples; minus infinity where they say nothing at all.
    pub fn estimate(self, tree: &Tree, samples: &[NodeId]) -> f64 {
        match self {
            Self::Score => {
                let scores = samples.iter().filter_map(|&id| tree.score(id, Aggregate::ByScale));
                let (sum, count) =
                    scores.fold((0.0, 0.0), |(sum, n), score| (sum + score, n + 1.0));
                if count > 0.0 { sum / count } else { f64::NEG_INFINITY }
            }
            Self::Agreement => {
                let votes: Vec<_> = samples
                    .iter()
                    .filter(|&&id| tree[id].is_finished())
                    .filter_map(|&id| Some(tts_core::select::Vote::new(tree.answer(id)?, 0.0)))
                    .collect();
                let classes = tally(&votes, tree.task().comparer(), Weight::Count);
                let most = classes.iter().map(|class| class.members.len()).max();
                most.map_or(f64::NEG_INFINITY, |most| most as f64 / samples.len() as f64)
            }
        }
    }
}
