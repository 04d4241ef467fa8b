//! What runs a decoder: tokens in, hidden rows and logits out, keys and values kept per sequence.
//!
//! An [`Executor`] owns the weights on one device. A `State` is the keys and values of one
//! sequence: a chain of blocks of up to [`BLOCK_TOKENS`] tokens, of which all but the last ones may
//! be shared with other sequences and with the prefix cache. A shared block is never written to, so
//! beginning a sequence from blocks copies nothing.
//!
//! Layers with windows see the last tokens only. An executor that says so ([`Executor::windows`]) holds their keys and
//! values as a second part of each block, and a sequence lets go of the second parts that lie behind the widest window
//! of its end. So it cannot be gone on from anywhere: at a position the second parts of the window before it have to be
//! there ([`Windows::reach`]). Whoever begins in the middle gets the longest beginning of which that holds, and runs the
//! rest again.

use rayon::prelude::*;
use tts_core::cost::{ModelShape, WindowShape};

use crate::{Clock, DecoderWeights, ModelConfig, ModelError, Windows};

/// Tokens of a block.
pub const BLOCK_TOKENS: usize = 16;

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

/// A block as part of a sequence.
#[derive(Debug, Clone)]
pub struct Piece<B> {
    /// Keys and values of up to [`BLOCK_TOKENS`] tokens.
    pub block: B,
    /// How many of its tokens, from the first, belong to the sequence.
    pub tokens: usize,
}

/// A part of a block that lives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPart {
    /// A number that is equal for clones of one part, and for no other part that is alive.
    pub id: usize,
    /// Its memory, in bytes.
    pub bytes: usize,
}

/// A decoder on one device.
pub trait Executor: Send + Sync {
    /// Keys and values of up to [`BLOCK_TOKENS`] tokens at some place of a sequence; a clone shares
    /// them.
    type Block: Clone + Send + Sync;

    /// Keys and values of one sequence.
    type State: Send;

    /// The shape of the decoder.
    fn config(&self) -> &ModelConfig;

    /// A sequence that begins with these pieces, and shares them. Where second parts are missing that its next token
    /// sees, [`Self::forward`] refuses it.
    fn begin(&self, pieces: &[Piece<Self::Block>]) -> Self::State;

    /// The whole sequence in pieces, which it shares from now on.
    fn pieces(&self, state: &mut Self::State) -> Vec<Piece<Self::Block>>;

    /// The parts of a block: of layers that see everything, and of layers with windows, which is `None` once it was let
    /// go of, or where there are none ([`Self::windows`]).
    fn parts(&self, block: &Self::Block) -> [Option<BlockPart>; 2];

    /// The same block without its second part.
    fn thin(&self, block: &Self::Block) -> Self::Block {
        block.clone()
    }

    /// What it lets go of; `None` where sequences keep all keys and values.
    fn windows(&self) -> Option<Windows> {
        None
    }

    /// The memory of one token's keys and values in all layers, in bytes.
    fn token_bytes(&self) -> usize;

    /// The memory of `tokens` tokens of one sequence while they are run, at most `rows` a pass, in bytes: of layers
    /// with windows the last ones only.
    fn sequence_bytes(&self, tokens: usize, rows: usize) -> usize {
        let all = tokens * self.token_bytes();
        let gone = |windows: Windows| {
            windows.bytes * tokens.saturating_sub(windows.kept().saturating_add(rows))
        };
        all - self.windows().map_or(0, gone)
    }

    /// What decides speed and memory: sizes, and the bytes of weights, keys and values as they are
    /// held. The provided one takes weights for f32.
    fn shape(&self) -> ModelShape {
        let token_bytes = self.token_bytes() as u64;
        ModelShape { token_bytes, windows: self.window_shape(), ..self.config().shape(32.0, 4) }
    }

    /// What layers with windows see, and what is kept for them here: all, where nothing is let go of.
    fn window_shape(&self) -> Option<WindowShape> {
        let seen = self.config().shape(32.0, 4).windows?;
        Some(match self.windows() {
            Some(windows) => {
                WindowShape { tokens: windows.kept() as u64, bytes: windows.bytes as u64, ..seen }
            }
            None => WindowShape { tokens: u64::MAX, ..seen },
        })
    }

    /// Number of tokens in the sequence.
    fn length(&self, state: &Self::State) -> usize;

    /// A sequence of no tokens.
    fn empty(&self) -> Self::State {
        self.begin(&[])
    }

    /// A second sequence that starts with the first `length` tokens of `state` and shares their
    /// keys and values. `length` is capped at the state's own; where `state` has let go of what stands before, the
    /// fork is the longest beginning that can be gone on from, so ask for its length.
    fn fork(&self, state: &mut Self::State, length: usize) -> Self::State {
        let mut pieces = self.pieces(state);
        keep(&mut pieces, length);
        if let Some(windows) = self.windows() {
            let (mut at, mut from, mut longest) = (0, 0, 0);
            for Piece { block, tokens } in &pieces {
                at += tokens;
                if self.parts(block)[1].is_none() {
                    from = at;
                }
                if windows.reach(from, at) {
                    longest = at;
                }
            }
            keep(&mut pieces, longest);
        }
        self.begin(&pieces)
    }

    /// Runs all spans, adds their keys and values to the states, and returns the wanted rows of
    /// the last hidden layer after the final norm, `[rows, hidden_size]`, in the order of the spans.
    ///
    /// # Errors
    /// When a token id is outside the vocabulary, a span is empty, a sequence would outgrow
    /// `max_position_embeddings`, or was begun without what its next token sees; no state has changed then.
    fn forward(&self, spans: &mut [Span<'_, Self::State>]) -> Result<Vec<f32>, ModelError>;

    /// Logits `[rows, vocab_size]` of hidden rows `[rows, hidden_size]`, into a buffer that may be
    /// used again.
    ///
    /// # Errors
    /// When `hidden` is not a whole number of rows.
    fn logits_into(&self, hidden: &[f32], logits: &mut Vec<f32>) -> Result<(), ModelError>;

    /// Logits `[rows, vocab_size]` of hidden rows `[rows, hidden_size]`.
    ///
    /// # Errors
    /// When `hidden` is not a whole number of rows.
    fn logits(&self, hidden: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut logits = Vec::new();
        self.logits_into(hidden, &mut logits)?;
        Ok(logits)
    }

    /// Takes other weights of the same shape in the place of its own, in the types that these are held in: what a
    /// policy has become that learns. Sequences of before are worthless then. The old ones are given up when the new
    /// ones are in place.
    ///
    /// # Errors
    /// When the weights have another shape, or an executor, as the provided one, cannot take any; it stays as it is.
    fn renew(&mut self, weights: DecoderWeights) -> Result<(), ModelError> {
        drop(weights);
        let problem = "this backend takes no weights in the place of its own: open the model anew";
        Err(ModelError::input("weights", problem))
    }

    /// Runs `task` for `0..count`, each once, on the executor's threads; work that stands between
    /// passes goes here, so that no other threads compete with them.
    fn parallel(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..count).into_par_iter().for_each(task);
    }

    /// What tells where the time of its threads goes; `None` of an executor without such a clock.
    fn clock(&self) -> Option<&Clock> {
        None
    }
}

/// Cuts pieces off after `length` tokens.
pub(crate) fn keep<B>(pieces: &mut Vec<Piece<B>>, length: usize) {
    let mut left = length;
    pieces.retain_mut(|piece| {
        piece.tokens = piece.tokens.min(left);
        left -= piece.tokens;
        piece.tokens > 0
    });
}

/// Refuses spans that no decoder of this shape can run.
pub(crate) fn check_spans<S>(
    config: &ModelConfig,
    spans: &[Span<'_, S>],
    length: impl Fn(&S) -> usize,
) -> Result<(), ModelError> {
    let (vocab, longest) = (config.vocab_size, config.max_position_embeddings);
    for (index, span) in spans.iter().enumerate() {
        let field = format!("spans[{index}]");
        if span.tokens.is_empty() {
            return Err(ModelError::input(field, "no tokens"));
        }
        if let Some(bad) = span.tokens.iter().find(|&&token| token as usize >= vocab) {
            let problem = format!("token {bad} is outside the vocabulary of {vocab}");
            return Err(ModelError::input(field, problem));
        }
        let length = length(span.state) + span.tokens.len();
        if length > longest {
            let problem = format!("{length} tokens, but the model knows {longest} positions");
            return Err(ModelError::input(field, problem));
        }
    }
    Ok(())
}

/// Refuses numbers that are not whole hidden rows.
pub(crate) fn check_hidden(hidden: &[f32], width: usize) -> Result<(), ModelError> {
    if hidden.len().is_multiple_of(width) {
        return Ok(());
    }
    let problem = format!("{} numbers, expected a multiple of {width}", hidden.len());
    Err(ModelError::input("hidden", problem))
}
