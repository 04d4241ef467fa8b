//! search-and-learn: best-of-N, beam search and DVTS with `n` and `beam_width` as their recipes name them.
//!
//! | there | here |
//! |---|---|
//! | the `n // m` best beams are kept, all beams are made up to `n` lines again | `first: n`, `keep: n / m`, `branch: m`, `completed: refill` |
//! | where fewer live than are kept, the first of the list get more lines | the best do |
//! | `n` below `m` keeps everything | an error |
//! | the first `n` beams to finish are the candidates | all that finish |
//! | lookahead of beams is paid for and not looked at | [`crate::Lookahead`] around any of these |
//!
//! Source: github.com/huggingface/search-and-learn, commit 6f81cac, `src/sal/search` and `src/sal/config.py`.

use tts_core::{Aggregate, Sampling, Selection, StepRule};

use crate::{BeamSearch, BestOfN, Completed, Duplicates, Dvts};

/// How they choose: the best by the score of the last step.
fn best() -> Selection {
    Selection::best(Aggregate::Last)
}

/// Where steps end: behind a blank line, after 2,048 tokens at most, 40 steps in all.
pub fn rule() -> StepRule {
    StepRule {
        delimiters: vec!["\n\n".to_owned()],
        max_step_tokens: 2048,
        max_steps: 40,
        max_tokens: 2048 * 40,
        ..StepRule::default()
    }
}

/// How tokens are drawn: at temperature 0.8.
pub fn sampling() -> Sampling {
    Sampling::temperature(0.8)
}

/// `approach: best_of_n`; `pred_weighted` is `select: Selection::weighted()`.
pub fn best_of_n(n: usize) -> BestOfN {
    BestOfN { n, select: best() }
}

/// `approach: beam_search`, with `filter_duplicates`, as their recipes have it.
///
/// ```
/// use tts_search::{Completed, compat::search_and_learn};
/// let beam = search_and_learn::beam_search(16, 4)?;
/// assert_eq!((beam.first, beam.keep, beam.branch), (Some(16), 4, 4));
/// assert_eq!(beam.completed, Completed::Refill);
/// assert!(search_and_learn::beam_search(2, 4).is_err());
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// When `beam_width` does not divide `n`, or either is 0.
pub fn beam_search(n: usize, beam_width: usize) -> Result<BeamSearch, String> {
    Ok(BeamSearch {
        aggregate: Aggregate::Last,
        completed: Completed::Refill,
        duplicates: Duplicates::Merge,
        select: best(),
        ..BeamSearch::snell(n, beam_width)?
    })
}

/// `approach: dvts`.
///
/// # Errors
/// When `beam_width` does not divide `n`, or either is 0.
pub fn dvts(n: usize, beam_width: usize) -> Result<Dvts, String> {
    use tts_core::SearchStrategy as _;
    let dvts = Dvts {
        n,
        branch: beam_width,
        aggregate: Aggregate::Last,
        select: best(),
        ..Dvts::default()
    };
    dvts.check().map(|()| dvts)
}
