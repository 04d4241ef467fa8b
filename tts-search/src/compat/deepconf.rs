//! Deep Think with Confidence with the numbers of its paper: the 20 most probable tokens, groups of 2,048.
//!
//! | there | here |
//! |---|---|
//! | traces are drawn until enough of the weight agrees | in rounds of as many as the warm-up |
//! | a percentile of the warm-up's lowest groups | the same |
//! | vocabularies of some hundred thousand tokens | of fewer than 256 tokens, 20 of them are refused |
//!
//! Source: Fu et al. 2025, "Deep Think with Confidence" (arXiv 2508.15260), section 3.

use crate::sample::Measure;
use crate::{DeepConf, DeepConfOnline};

/// The share of traces that DeepConf-low keeps: the stronger filter, which amplifies majorities that are confidently wrong.
pub const LOW: f64 = 0.1;
/// The share of traces that DeepConf-high keeps.
pub const HIGH: f64 = 0.9;

/// Offline: `n` traces, of which this share votes, by the mean of its tenth of lowest groups.
///
/// ```
/// use tts_search::compat::deepconf;
/// let vote = deepconf::offline(512, deepconf::LOW);
/// assert_eq!((vote.n, vote.top, vote.window, vote.keep), (512, 20, 2_048, 0.1));
/// ```
pub fn offline(n: usize, keep: f64) -> DeepConf {
    DeepConf {
        n,
        top: 20,
        window: 2_048,
        measure: Measure::Bottom,
        keep,
        weighted: true,
        sampling: None,
    }
}

/// Online: 16 traces to warm up, then up to `most` in all, broken off below the threshold, until 0.95 of the weight agrees.
///
/// ```
/// use tts_search::compat::deepconf;
/// let search = deepconf::online(512, deepconf::HIGH);
/// assert_eq!((search.warm_up, search.most, search.consensus), (16, 512, Some(0.95)));
/// ```
pub fn online(most: usize, keep: f64) -> DeepConfOnline {
    DeepConfOnline {
        warm_up: 16,
        round: 16,
        most,
        top: 20,
        window: 2_048,
        keep,
        consensus: Some(0.95),
        weighted: true,
        ..DeepConfOnline::default()
    }
}
