//! Words of a full-text index: the same as those of [`super::Memory`].
//!
//! The engine's own tokenizers take a run of Chinese or Japanese characters as one word, so that nothing in it is found.
//!
//! Source: none; two neighbours as a word as in Lucene's `CJKAnalyzer`.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::passage::spans;

/// Tells words apart as the rest of this room does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Words;

/// The words of one text.
#[derive(Debug)]
pub(super) struct Stream<'t> {
    text: &'t str,
    spans: std::vec::IntoIter<(usize, usize)>,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'t> = Stream<'t>;

    fn token_stream<'t>(&'t mut self, text: &'t str) -> Stream<'t> {
        Stream { text, spans: spans(text).into_iter(), token: Token::default() }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some((from, until)) = self.spans.next() else { return false };
        self.token = Token {
            offset_from: from,
            offset_to: until,
            // A first token has the place 0, which the empty one stands before.
            position: self.token.position.wrapping_add(1),
            text: self.text[from..until].to_owned(),
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
