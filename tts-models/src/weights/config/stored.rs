//! What a model's files say beside the shape that it is run with.
//!
//! A model is opened for fewer positions than it knows, or without an output head: it runs in that shape, and what is
//! saved of it, or refused, follows from what was stored.
//!
//! Source: none.

use crate::ModelError;

/// What the files of a model say that the shape of the opened one does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// The longest sequence, in tokens, of a model that was opened for a shorter one. It is the same model within
    /// fewer positions, and saved as one of all. `None` where they are all, or where windows were left out for being
    /// wider than those: beyond them it would be another model.
    pub positions: Option<usize>,
    /// Whether they have no output head, and a config that says that the embedding is none: the backbone of a reward
    /// model, say. The embedding stands in its place, hidden rows are right, and nothing can be written.
    pub headless: bool,
    /// Whether nothing says if the embedding is the output head, so that it is where the files have no other: a config of a
    /// model of several parts. Once weights are read, it is said.
    pub ties_by_head: bool,
}

impl Stored {
    /// Refuses a model without an output head, for somebody who needs logits.
    pub(crate) fn check_head(self) -> Result<(), ModelError> {
        if !self.headless {
            return Ok(());
        }
        let problem = "there is none, and tie_word_embeddings is false: the model has hidden rows for reward heads, \
                       and writes nothing (is it a reward model, or are some of its files missing?)";
        Err(ModelError::input("lm_head.weight", problem))
    }
}
