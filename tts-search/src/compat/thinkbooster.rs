//! `ThinkBooster`: its beam search.
//!
//! | there | here |
//! |---|---|
//! | where fewer paths live than are kept, each has its candidates | the lines of a round are shared out among them |
//! | all problems go on in step with each other | each goes on by itself |
//! | a solution ends at its first `\boxed` | where the model ends it |
//! | two characters of Chinese, Japanese or Korean, or an emoji, end a path as garbage | they are text |
//! | optionally the mean of the last few steps alone | of all |
//!
//! Source: `ThinkBooster` (github.com/IINemo/thinkbooster), its strategy of beams.

use tts_core::{Aggregate, Selection};

use super::Steps;
use crate::{BeamSearch, Completed};

/// Ten steps. What ends a step, and how long it is, is a detector's to say there.
pub fn steps() -> Steps {
    Steps { max_steps: Some(10), ..Steps::default() }
}

/// Beam search by the mean score of steps: five beams of three candidates there. Paths that end are set aside.
///
/// ```
/// use tts_search::compat::thinkbooster;
/// let beam = thinkbooster::beam_search(5, 3);
/// assert_eq!((beam.first, beam.keep, beam.branch), (None, 5, 3));
/// ```
pub fn beam_search(beams: usize, candidates: usize) -> BeamSearch {
    BeamSearch {
        keep: beams,
        branch: candidates,
        aggregate: Aggregate::Mean,
        completed: Completed::Refill,
        select: Selection::best(Aggregate::Mean),
        ..BeamSearch::default()
    }
}
