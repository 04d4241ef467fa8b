//! What a probe draws, and what its samples are looked at for: what a fit was made of and its strategy repeats.
//!
//! Bins hold numbers, and a number means nothing without where it is from: a mean of scores by products beside
//! edges that were fitted to shares of agreement chooses at random, without an error. So a [`Probe`] goes with the
//! [`super::Choice`] that was fitted on it, into the [`super::ComputeOptimal`] that is made of that.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 3.2; the probe by first steps is own.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, NodeId, Requirements, Selection, Tree, Until};

use super::Signal;
use crate::sample::lines::at_least_one;

/// A probe: samples, and how they become an estimate of how easy the problem is.
///
/// ```
/// use tts_search::choose::{Probe, Signal};
/// let probe: Probe = serde_json::from_str(r#"{"samples": 16, "signal": "agreement"}"#)?;
/// assert_eq!(probe, Probe { samples: 16, signal: Signal::Agreement, ..Probe::default() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Probe {
    /// How many are drawn.
    pub samples: usize,
    /// What they are looked at for.
    pub signal: Signal,
    /// How the scores of a sample's steps become one.
    #[serde(skip_serializing_if = "is_by_scale")]
    pub aggregate: Aggregate,
    /// How far they go: to the end, or some steps, which cost less and have scores, but no answers.
    #[serde(skip_serializing_if = "is_end")]
    pub until: Until,
}

impl Default for Probe {
    /// Eight whole samples, by the mean of their scores.
    fn default() -> Self {
        let (signal, aggregate) = (Signal::Score, Aggregate::ByScale);
        Self { samples: 8, signal, aggregate, until: Until::End }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(super) fn is_by_scale(aggregate: &Aggregate) -> bool {
    *aggregate == Aggregate::ByScale
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(super) fn is_end(until: &Until) -> bool {
    *until == Until::End
}

impl Probe {
    /// How easy the problem looks by the last nodes of the samples that came; see [`Signal::estimate`].
    pub fn estimate(self, tree: &Tree, samples: &[NodeId]) -> f64 {
        self.signal.estimate(tree, samples, self.samples, self.aggregate)
    }

    /// How an answer is chosen while there is nothing but the probe.
    pub fn select(self) -> Selection {
        match self.signal {
            Signal::Score => Selection::best(self.aggregate),
            Signal::Agreement => Selection::majority(),
        }
    }

    /// Looks at the settings.
    ///
    /// # Errors
    /// A sentence that names the field and what it should be.
    pub fn check(self) -> Result<(), String> {
        at_least_one("compute-optimal", "probe", self.samples)?;
        let bad = |problem: String| Err(format!("compute-optimal: {problem}"));
        match (self.until, self.signal) {
            (Until::End, _) | (Until::Step, Signal::Score) => Ok(()),
            (_, Signal::Agreement) => bad(
                "the signal is agreement, and a probe that does not go to the end has no answers"
                    .into(),
            ),
            (Until::Steps(steps), Signal::Score) if steps > 0 => Ok(()),
            (until, Signal::Score) => bad(format!(
                "until is {until:?}, expected \"end\", \"step\" or {{\"steps\": 1}} and more"
            )),
        }
    }

    /// What it needs of a search.
    pub fn requires(self) -> Requirements {
        match self.signal {
            Signal::Score => Requirements::scorer("compute-optimal", [self.select()]),
            Signal::Agreement => Requirements::vote("compute-optimal", self.select()),
        }
    }
}
