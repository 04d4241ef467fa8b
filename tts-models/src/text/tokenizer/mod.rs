//! Text to token ids and back.
//!
//! A [`Tokenizer`] comes from a `tokenizer.json`, from the metadata of a GGUF file, or needs no
//! file at all ([`Tokenizer::bytes`]). Encoding runs byte-pair merges in the `tokenizers` crate;
//! decoding joins the raw bytes of the tokens. Special tokens (`<|im_end|>`) are matched in a text
//! only when the caller asks for it: text of users must not be able to end a turn.
//!
//! Source: byte-pair encoding (Sennrich et al. 2016), byte-level as in GPT-2 (Radford et al. 2019)
//! or on characters with byte fallback as in `SentencePiece` (Kudo and Richardson 2018).

mod alphabet;
pub mod boundary;
mod bytes;
mod characters;
mod ends;
mod gguf;
mod json;
mod merges;
mod onward;
mod parts;
mod pieces;
mod split;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

pub use boundary::{Boundary, BoundaryState, Found};
pub use characters::{characters, words};
pub use gguf::GgufVocabulary;
pub(crate) use json::{Added, Roles};
pub(crate) use split::begins_texts;

use crate::{Files, ModelError};
use onward::Onward;
use pieces::Pieces;

/// Text to token ids and back. Cheap to share behind an `Arc`; not cheap to clone, hence not `Clone`.
pub struct Tokenizer {
    /// Knows the special tokens.
    full: tokenizers::Tokenizer,
    /// Does not; `None` when there are none.
    plain: Option<tokenizers::Tokenizer>,
    /// For texts that go on; `None` where no space is put before a text.
    onward: Option<Onward>,
    pieces: Arc<Pieces>,
    /// Added tokens that the model's own vocabulary has not.
    extra: HashSet<u32>,
    /// Bytes that no token stands for.
    missing: Box<[bool; 256]>,
    prefix_space: bool,
    ids: SpecialIds,
    /// What ends a text by the word of another file.
    named_end: Option<u32>,
    /// Put before each text.
    begins: Vec<u32>,
    add_eos: bool,
}

/// Tokens with a role, where the file names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpecialIds {
    /// Starts a text.
    pub bos: Option<u32>,
    /// Ends a text.
    pub eos: Option<u32>,
    /// Ends a turn of a chat.
    pub eot: Option<u32>,
    /// Stands for what the vocabulary lacks.
    pub unk: Option<u32>,
    /// Fills a batch.
    pub pad: Option<u32>,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("ids", &self.ids)
            .field("begins", &self.begins)
            .finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// When the file cannot be read, is not of that format, or is not byte-pair encoding.
    pub fn from_file(file: impl Into<Files>) -> Result<Self, ModelError> {
        Self::from_files(&file.into())
    }

    fn from_files(file: &Files) -> Result<Self, ModelError> {
        Self::from_json_bytes(&file.read()?, file.path())
    }

    /// The token ids of a text, with nothing added.
    ///
    /// Without `parse_special`, a special token's name in the text is text like any other. Added
    /// tokens that are not special (`<think>` of Qwen3) are matched either way. Added tokens whose
    /// names stand between bars (`<|user|>`, `<｜User｜>`) are special, whatever the file says.
    ///
    /// # Errors
    /// When the text holds a byte that the vocabulary cannot express; some byte-level vocabularies
    /// lack rare control characters.
    pub fn encode(&self, text: &str, parse_special: bool) -> Result<Vec<u32>, ModelError> {
        let encoder = match &self.plain {
            Some(plain) if !parse_special => plain,
            _ => &self.full,
        };
        self.encode_by(encoder, text)
    }

    fn encode_by(
        &self,
        encoder: &tokenizers::Tokenizer,
        text: &str,
    ) -> Result<Vec<u32>, ModelError> {
        let input = |problem: String| ModelError::Input { field: "text".into(), problem };
        let encoding = encoder.encode_fast(text, false).map_err(|e| input(e.to_string()))?;
        let ids = encoding.get_ids().to_vec();
        // The crate drops such bytes in silence. They are sound within the name of a special token.
        if let Some(at) = text.bytes().position(|b| self.missing[usize::from(b)])
            && self.decode(&ids, false) != text
        {
            let byte = text.as_bytes()[at];
            let written = text.char_indices().take_while(|(start, _)| *start <= at);
            let character = written.last().map_or('\u{FFFD}', |(_, character)| character);
            return Err(input(format!(
                "byte 0x{byte:02X} at offset {at} has no token: the model's vocabulary cannot write {character:?}"
            )));
        }
        Ok(ids)
    }

    /// [`encode`](Self::encode), after what the file puts before each text: its BOS token, in most files
    /// that ask for any, or several, as `[gMASK]<sop>` of GLM-4. Not where the text starts with them already,
    /// as text from a chat template may.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_with_bos(&self, text: &str, parse_special: bool) -> Result<Vec<u32>, ModelError> {
        let mut ids = self.encode(text, parse_special)?;
        if !ids.starts_with(&self.begins) {
            ids.splice(..0, self.begins.iter().copied());
        }
        Ok(ids)
    }

    /// The text of token ids, with U+FFFD where the bytes are not UTF-8. Takes off the space that
    /// encoding put before the text. Unknown ids are skipped.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let mut bytes = Vec::new();
        for &id in ids {
            match self.pieces.special(id) {
                Some(name) if !skip_special => bytes.extend_from_slice(name.as_bytes()),
                _ => bytes.extend_from_slice(self.pieces.bytes(id)),
            }
        }
        let start = usize::from(self.prefix_space && bytes.first() == Some(&b' '));
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }

    /// The text of tokens in the middle of a sequence: their bytes joined, special tokens skipped,
    /// U+FFFD where the bytes are not UTF-8. Keeps a leading space, unlike [`decode`](Self::decode).
    pub fn text(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.token_bytes(id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes that a token adds to the text; none for special tokens and unknown ids.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.pieces.bytes(id)
    }

    /// Whether a token is a control token rather than text.
    pub fn is_special(&self, id: u32) -> bool {
        self.pieces.special(id).is_some()
    }

    /// One more than the highest token id. The model's own `vocab_size` may be larger.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// How many of the first ids may be drawn: those after them, up to [`Self::vocab_size`] and the
    /// model's own, stand for nothing, or are named as padding.
    pub fn drawn(&self) -> usize {
        self.pieces.used()
    }

    /// The id of a token as the vocabulary stores it: `<|im_end|>`, or `Ġthe` in a byte-level one.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.full.token_to_id(token)
    }

    /// The token of an id as the vocabulary stores it, the reverse of [`id`](Self::id): what to print
    /// where a token has no text, such as one that ends a turn.
    pub fn name(&self, id: u32) -> Option<String> {
        self.full.id_to_token(id)
    }

    /// Tokens with a role, where the file names them.
    pub fn special_ids(&self) -> SpecialIds {
        self.ids
    }

    /// Whether the file asks for a BOS token before each text.
    pub fn add_bos(&self) -> bool {
        !self.begins.is_empty()
    }

    /// What is put before each text, see [`encode_with_bos`](Self::encode_with_bos).
    #[cfg(feature = "remote")]
    pub(crate) fn begins(&self) -> &[u32] {
        &self.begins
    }

    /// Whether the file asks for an EOS token after each text.
    pub fn add_eos(&self) -> bool {
        self.add_eos
    }

    /// A digest of the vocabulary: which id stands for which bytes or control token. It is the same in
    /// every run, and for every copy of a tokenizer, in whatever format; padding does not count.
    pub fn digest(&self) -> u64 {
        self.pieces.digest()
    }

    /// Checks that a model of `config_vocab_size` ids knows every token of text, and those with a role. More ids are fine:
    /// models are padded, and what stands for nothing is never drawn ([`Self::drawn`]). So are control tokens beyond them, which
    /// tokenizers of a family with other senses have (`<image_soft_token>` of Gemma 3, whose small models read text
    /// alone), and tokens that were added to the tokenizer's own vocabulary, as the `<pad>` of many a fine-tune of Llama 2:
    /// these are never drawn either, and refused in a prompt. What fills a batch has no role here. `path` is the
    /// model's file.
    ///
    /// # Errors
    /// When the tokenizer has other ids that the model lacks.
    pub fn check_vocab(&self, config_vocab_size: usize, path: &Path) -> Result<(), ModelError> {
        let size = self.vocab_size();
        let SpecialIds { bos, eos, eot, unk, .. } = self.ids;
        let roles = [bos, eos, eot, unk, self.named_end].into_iter().flatten();
        let roles: Vec<u32> = roles.chain(self.begins.iter().copied()).collect();
        let idle = |id: usize| {
            let id = u32::try_from(id).ok().filter(|id| !roles.contains(id));
            id.is_some_and(|id| self.is_special(id) || self.extra.contains(&id))
        };
        if (config_vocab_size..size).all(idle) {
            return Ok(());
        }
        let problem = format!(
            "{config_vocab_size}, but the tokenizer has {size} ids: it belongs to another model"
        );
        Err(ModelError::format(path, "vocab_size", problem))
    }
}

#[cfg(test)]
mod tests;
