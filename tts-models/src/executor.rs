//! What runs a decoder: tokens in, hidden rows and logits out, keys and values kept per sequence.
//!
//! An [`Executor`] owns the weights on one device. A `State` is the keys and values of one
//! sequence; forking one shares what is there, so that siblings cost only what they add.

use crate::{ModelConfig, ModelError};

/// Which rows of a span come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// None: the span only fills the cache.
    Nothing,
    /// The last row.
    Last,
    /// Every row.
    All,
}

/// New tokens of one sequence.
#[derive(Debug)]
pub struct Span<'a, S> {
    /// The sequence; grows by `tokens`.
    pub state: &'a mut S,
    /// The new token ids, in order; not empty.
    pub tokens: &'a [u32],
    /// Which rows come back.
    pub want: Want,
}

/// A decoder on one device.
pub trait Executor: Send + Sync {
    /// Keys and values of one sequence.
    type State: Send;

    /// The shape of the decoder.
    fn config(&self) -> &ModelConfig;

    /// A sequence of no tokens.
    fn empty(&self) -> Self::State;

    /// Number of tokens in the sequence.
    fn length(&self, state: &Self::State) -> usize;

    /// A second sequence that starts with the first `length` tokens of `state` and shares their
    /// keys and values. `length` is capped at the state's own.
    fn fork(&self, state: &mut Self::State, length: usize) -> Self::State;

    /// The memory that a state keeps alive, as pieces that states may share: a key that is equal
    /// for the same piece, and its size in bytes. The key `None` is for what no other state shares.
    fn footprint(&self, state: &Self::State) -> Vec<(Option<usize>, usize)>;

    /// Runs all spans, adds their keys and values to the states, and returns the wanted rows of
    /// the last hidden layer after the final norm, `[rows, hidden_size]`, in the order of the spans.
    ///
    /// # Errors
    /// When a token id is outside the vocabulary, a span is empty, or a sequence would outgrow
    /// `max_position_embeddings`; no state has changed then.
    fn forward(&self, spans: &mut [Span<'_, Self::State>]) -> Result<Vec<f32>, ModelError>;

    /// Logits `[rows, vocab_size]` of hidden rows `[rows, hidden_size]`.
    ///
    /// # Errors
    /// When `hidden` is not a whole number of rows.
    fn logits(&self, hidden: &[f32]) -> Result<Vec<f32>, ModelError>;
}
