//! Where the texts of a step rule end in a line: delimiters, stop texts, pause texts.
//!
//! All three may span tokens. Delimiters are looked for within a step; stop and pause texts may
//! begin in a step before, in one of the path even, or in tokens that were given.

use tts_core::StepRule;

use crate::ModelError;
use crate::text::tokenizer::{Boundary, BoundaryState, Found, Tokenizer};

/// A line's place in the texts of its rule. Cheap to clone: lines of one prefix share a beginning.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    delimiters: BoundaryState,
    stop: BoundaryState,
    pause: BoundaryState,
}

/// What ends with a token: for a stop text where it stands, for a pause text how many of the last bytes
/// reach back to where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) step: bool,
    pub(super) stop: Option<Found>,
    pub(super) pause: Option<usize>,
}

impl Texts {
    /// Takes a token of an earlier step.
    pub(super) fn pass(&mut self, token: u32) {
        self.stop.push(token);
        self.pause.push(token);
    }

    /// Takes a token of the present step.
    pub(super) fn take(&mut self, token: u32) -> Ends {
        Ends {
            step: self.delimiters.push(token),
            stop: self.stop.found(token),
            pause: self.pause.reach(token),
        }
    }

    /// Begins the next step.
    pub(super) fn next_step(&mut self) {
        self.delimiters.reset();
    }
}

impl Texts {
    /// The texts of a rule, before the first token.
    pub(super) fn new(tokenizer: &Tokenizer, rule: &StepRule) -> Result<Self, ModelError> {
        Ok(Self {
            delimiters: Boundary::new(tokenizer, &rule.delimiters)?.start(),
            stop: Boundary::stop(tokenizer, &rule.stop)?.start(),
            pause: Boundary::stop(tokenizer, &rule.pause)?.start(),
        })
    }
}

/// The fewest last tokens of a step that hold its last `reach` bytes; all of them if the step has
/// fewer.
pub(super) fn holding(tokenizer: &Tokenizer, step: &[u32], reach: usize) -> usize {
    let mut held = 0;
    let first = step.iter().rposition(|&token| {
        held += tokenizer.token_bytes(token).len();
        held >= reach
    });
    step.len() - first.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::text::tokenizer::GgufVocabulary;

    #[test]
    fn as_few_tokens_as_hold_the_text() {
        let tokens = ["x", "</", "think", ">", "\n\n</think>", "<e>"].map(str::to_owned).into();
        let spec = GgufVocabulary {
            model: "gpt2".into(),
            pre: Some("gpt-2".into()),
            tokens,
            token_types: vec![1, 1, 1, 1, 4, 3],
            ..GgufVocabulary::default()
        };
        let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).expect("sound");
        let held = |step: &[u32], reach: usize| holding(&tokenizer, step, reach);
        assert_eq!(held(&[0, 1, 2, 3], 8), 3);
        assert_eq!(held(&[0, 1, 2, 3], 7), 3, "no part of a token");
        assert_eq!(held(&[0, 1, 2, 3], 6), 2);
        assert_eq!(held(&[0, 4], 8), 1);
        assert_eq!(held(&[0, 4], 11), 2);
        // A control token within the text counts, one before it does not.
        assert_eq!(held(&[0, 5, 1, 5, 2, 3], 8), 4);
        // The text began in a step before.
        assert_eq!(held(&[2, 3], 8), 2);
        assert_eq!(held(&[5, 3], 8), 2);
    }
}
