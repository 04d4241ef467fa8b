//! What a sequence can let go of where layers see the last tokens only, and where it can be gone on from then.
//!
//! The widest window decides for all: a narrower one sees a part of what it sees. Keys and values come in blocks of
//! [`BLOCK_TOKENS`] tokens, and a block goes when all of it lies before the window of the next token, and before a few
//! tokens that stay besides.
//!
//! Source: Beltagy et al. 2020 (arXiv:2004.05150), section 3.1, for windows; Jiang et al. 2023 (arXiv:2310.06825),
//! section 2, for keys and values of so many tokens.

use tts_core::cost::WindowShape;

use crate::BLOCK_TOKENS;

/// What an executor lets go of: keys and values of layers with windows, behind the widest of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// How many of the last tokens the widest window shows, the one that looks included.
    pub tokens: usize,
    /// The memory of one token's keys and values in layers with windows, in bytes.
    pub bytes: usize,
}

impl Windows {
    /// Tokens before the window that stay: a line may be gone on from a little before its end.
    const SPARE: usize = BLOCK_TOKENS;

    /// Tokens whose keys and values are there after a pass, at most.
    pub fn kept(&self) -> usize {
        // One less than the window before the next token, and what the oldest block holds besides.
        (self.tokens + Self::SPARE + BLOCK_TOKENS).saturating_sub(2)
    }

    /// The first position that the token at position `at` sees.
    pub fn first(&self, at: usize) -> usize {
        (at + 1).saturating_sub(self.tokens)
    }

    /// Whether a sequence of `at` tokens can be gone on from if its second parts are there from position `from` on.
    ///
    /// ```
    /// use tts_models::Windows;
    /// let windows = Windows { tokens: 8, bytes: 0 };
    /// // The next token is at position 20 and sees those from 13 on.
    /// assert!(windows.reach(13, 20) && !windows.reach(14, 20));
    /// // Before the window is full, everything has to be there.
    /// assert!(windows.reach(0, 5) && !windows.reach(1, 5));
    /// ```
    pub fn reach(&self, from: usize, at: usize) -> bool {
        from <= self.first(at)
    }

    /// What the law of inference knows of it, and of how many layers it is.
    pub(crate) fn shape(self, layers: usize) -> WindowShape {
        WindowShape {
            tokens: self.kept() as u64,
            bytes: self.bytes as u64,
            layers: layers as u64,
            seen: self.tokens as u64,
        }
    }

    /// Before which position a sequence of `at` tokens lets go of second parts.
    pub(crate) fn behind(&self, at: usize) -> usize {
        self.first(at).saturating_sub(Self::SPARE)
    }
}
