//! A character whose bytes are tokens of two steps stands in the step that completes it.
//!
//! Byte-level vocabularies write rare characters as two or three tokens, and a step that is cut by a
//! number of tokens may end between them. What such a step leaves unfinished, three bytes at most, is kept
//! back for the step after it, so that the texts of a path, one behind the other, are the text of its tokens.
//!
//! Source: the Unicode Standard, section 3.9, table 3-7 (well-formed UTF-8).

use std::sync::Arc;

use tts_core::Step;

use crate::Tokenizer;

/// The last bytes of a text that begin a character and do not complete it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unfinished(Vec<u8>);

impl Unfinished {
    /// What the steps of a path leave unfinished. A step that ended its line has kept nothing back.
    pub(super) fn behind(tokenizer: &Tokenizer, steps: &[Arc<Step>]) -> Self {
        let open = steps.iter().rev().take_while(|step| step.closing == 0);
        let tokens = open.flat_map(|step| step.tokens.iter().rev());
        let bytes = tokens.flat_map(|&token| tokenizer.token_bytes(token).iter().rev());
        let mut last: Vec<u8> = bytes.take(3).copied().collect();
        last.reverse();
        let from = last.len() - unfinished(&last);
        Self(last.split_off(from))
    }

    /// The text of a step's bytes behind what was kept back. What they leave unfinished is kept back, or,
    /// with `last`, is text: U+FFFD, as all that is no UTF-8.
    pub(super) fn text(&mut self, bytes: impl IntoIterator<Item = u8>, last: bool) -> String {
        let mut all = std::mem::take(&mut self.0);
        all.extend(bytes);
        if !last {
            self.0 = all.split_off(all.len() - unfinished(&all));
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// How many of the last bytes begin a character that more bytes would complete.
fn unfinished(bytes: &[u8]) -> usize {
    let begins = |&length: &usize| {
        let last = bytes.len().checked_sub(length).and_then(|from| bytes.get(from..));
        let error = last.and_then(|last| std::str::from_utf8(last).err());
        error.is_some_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=3).find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn beginnings_of_characters_are_kept_back() {
        for (bytes, expected) in [
            (&b""[..], 0),
            (b"a", 0),
            (b"a\xC3", 1),
            (b"a\xE2\x88", 2),
            (b"\xF0\x9F\x91", 3),
            ("\u{1F44D}".as_bytes(), 0),
            // Nothing completes these: a byte that begins nothing, a form that is too long, a surrogate,
            // a number above all characters.
            (b"\x88", 0),
            (b"\xE0\x80", 0),
            (b"\xED\xA0", 0),
            (b"\xF4\x90", 0),
            (b"\xC3a", 0),
        ] {
            assert_eq!(unfinished(bytes), expected, "{bytes:X?}");
        }
    }

    /// Bytes that often begin, go on with or break a character.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte =
            prop::sample::select(b"a\x80\x88\x9F\xA0\xBF\xC3\xE0\xE2\xED\xF0\xF4\xFF".to_vec());
        prop::collection::vec(byte, 0..12)
    }

    proptest! {
        #[test]
        fn texts_of_parts_are_the_text(bytes in bytes(), cuts in prop::collection::vec(0..4_usize, 12)) {
            let tokenizer = Tokenizer::bytes().expect("built in");
            let mut rest = &bytes[..];
            let (mut kept, mut said, mut steps) = (Unfinished::default(), String::new(), Vec::new());
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                let text = kept.text(part.iter().copied(), false);
                said.push_str(&text);
                let tokens = part.iter().copied().map(u32::from).collect();
                steps.push(Arc::new(Step { text, tokens, ..Step::default() }));
                // Whoever goes on from here knows the path alone.
                prop_assert_eq!(&Unfinished::behind(&tokenizer, &steps), &kept);
                rest = after;
            }
            said.push_str(&kept.text(rest.iter().copied(), true));
            prop_assert_eq!(said, String::from_utf8_lossy(&bytes));
        }
    }
}
