//! One call for tokens, and what came back, whatever the server.

use tts_core::Sampling;

use super::cold::Cold;

/// What is asked of a server: tokens behind a prefix, from one seed.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// Prompt, steps, and what the line has written, as ids.
    pub(super) tokens: &'a [u32],
    /// Tokens to generate, at most.
    pub(super) most: u32,
    pub(super) seed: u64,
    pub(super) sampling: &'a Sampling,
    /// Texts at which the server may end, to save work: where a step ends is decided here.
    pub(super) stops: &'a [String],
    /// The same of tokens.
    pub(super) stop_tokens: &'a [u32],
    /// Whether log-probabilities are wanted.
    pub(super) logprobs: bool,
    /// How many of the most probable tokens' log-probabilities are wanted for each token.
    pub(super) top: u32,
    /// Where to run, on a server with slots.
    pub(super) slot: Option<usize>,
    /// The mark of a call whose prefix must not come from the server's cache; `None` where it may.
    pub(super) cold: Option<Cold>,
}

/// Why the server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// The model said that it is done: the last token is one that ends a text.
    Model,
    /// A text or token that it was to end at.
    Told,
    /// So many tokens as were asked for, or as the server allows in one answer: a line may go on from there.
    Length,
    /// There is no position left on the server.
    Context,
    /// It broke the text off by itself, because that only repeats what it has said.
    Repetition,
    /// Something went wrong.
    Failed(String),
}

/// A token that was drawn, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    pub(super) token: u32,
    /// `None` where the server left it out.
    pub(super) logprob: Option<f32>,
    /// Log-probabilities of the most probable tokens, the highest first, where asked for.
    pub(super) top: Vec<f32>,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) drawn: Vec<Drawn>,
    pub(super) ended: Ended,
    /// Tokens of the prefix, by the server's count.
    pub(super) prompt: u64,
    /// How many of them it had at hand; `None` where it does not say.
    pub(super) cached: Option<u64>,
}
