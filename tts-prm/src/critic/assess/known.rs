//! What is known of an item that was judged: which response is best, a label, or the first wrong step.
//!
//! Source: none.

use serde::{Deserialize, Serialize};
use tts_core::{Prompt, seed};

use super::super::ballot::Ballot;
use super::graded::Graded;
use super::preference::Preference;
use super::step_cases::StepCase;

/// An item, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Known {
    /// Responses of which one is best.
    Preference(Preference),
    /// A response with a label.
    Graded(Graded),
    /// A solution whose first wrong step is known.
    Steps(StepCase),
}

impl Known {
    /// The question.
    pub fn prompt(&self) -> &Prompt {
        match self {
            Self::Preference(Preference { prompt, .. })
            | Self::Graded(Graded { prompt, .. })
            | Self::Steps(StepCase { prompt, .. }) => prompt,
        }
    }

    /// The part of the data that it is from.
    pub fn subset(&self) -> Option<&str> {
        match self {
            Self::Preference(Preference { subset, .. })
            | Self::Graded(Graded { subset, .. })
            | Self::Steps(StepCase { subset, .. }) => subset.as_deref(),
        }
    }

    /// How many responses it has.
    pub fn responses(&self) -> usize {
        match self {
            Self::Preference(preference) => preference.responses.len(),
            Self::Graded(_) | Self::Steps(_) => 1,
        }
    }

    /// Whether these totals of its responses say nothing of what is asked.
    pub fn abstains(&self, totals: &[Option<f64>]) -> bool {
        match self {
            Self::Preference(preference) => Ballot::abstains(totals, preference.best),
            Self::Graded(_) | Self::Steps(_) => totals.iter().all(Option::is_none),
        }
    }
}

/// Something that judges are measured on.
pub trait Measured {
    /// The item and what is known of it, mixed into a number.
    fn mixed(&self, hash: u64) -> u64;
}

impl Measured for Preference {
    fn mixed(&self, hash: u64) -> u64 {
        let hash = seed::hash_text(seed::mix(hash, self.best as u64), self.prompt.question());
        self.responses.iter().fold(hash, |hash, response| seed::hash_text(hash, response))
    }
}

impl Measured for Graded {
    fn mixed(&self, hash: u64) -> u64 {
        let hash = seed::hash_text(seed::mix(hash, self.label.to_bits()), self.prompt.question());
        seed::hash_text(hash, &self.response)
    }
}

impl Measured for StepCase {
    fn mixed(&self, hash: u64) -> u64 {
        let first = self.first_error.map_or(0, |first| first as u64 + 1);
        let hash = seed::hash_text(seed::mix(hash, first), self.prompt.question());
        self.steps.iter().fold(hash, |hash, step| seed::hash_text(hash, step))
    }
}
