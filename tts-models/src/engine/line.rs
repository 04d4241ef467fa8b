//! One line in flight: its state in the executor, and what writes its steps.

use tts_core::LineId;

use crate::write::Writer;

/// A line in flight.
pub(super) struct Line<S> {
    pub(super) id: LineId,
    pub(super) state: S,
    /// The token that was sampled last and has not been run yet.
    pub(super) next: u32,
    /// All tokens that the state holds, for the cache.
    pub(super) tokens: Vec<u32>,
    /// Hidden rows of some of them, by position, where a scorer has asked for such.
    pub(super) rows: Vec<(usize, Vec<f32>)>,
    pub(super) computed: u64,
    pub(super) cached: u64,
    /// Bytes that it may come to.
    pub(super) charge: usize,
    pub(super) writer: Writer,
}
