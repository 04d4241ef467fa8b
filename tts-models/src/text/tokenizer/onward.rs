//! Encoding a text that goes on where others end, rather than one that begins.
//!
//! Tokenizers of the `SentencePiece` kind put a space before a text, some byte-level ones too. In a text
//! that goes on after another that space would be one that no one wrote. So such tokenizers have one
//! more encoder, which lacks whatever puts the space. It serves for the words up to the first control
//! token; what comes after that is encoded as in a whole text, where some put the space behind every
//! control token, others at the very beginning alone.
//!
//! Source: `Prepend`, `Metaspace` and `ByteLevel` of the Hugging Face `tokenizers` library.

use tokenizers::normalizers::Sequence as Normalizers;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::PrependScheme;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper};

use super::Tokenizer;
use crate::ModelError;

/// The encoder for texts that go on.
pub(super) struct Onward {
    /// As the one that does not know the control tokens, and puts no space before a text.
    pub(super) encoder: tokenizers::Tokenizer,
    /// Whether the others put a space behind control tokens, too.
    pub(super) behind_control: bool,
}

impl Tokenizer {
    /// [`encode`](Self::encode) of a text that goes on after other tokens: without the space that
    /// some tokenizers put before a text, as if all had been encoded at once.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_after(
        &self,
        before: &[u32],
        text: &str,
        parse_special: bool,
    ) -> Result<Vec<u32>, ModelError> {
        let (Some(onward), Some(&last)) = (&self.onward, before.last()) else {
            return self.encode(text, parse_special);
        };
        let control = self.is_special(last) && self.ids.unk != Some(last);
        if control && onward.behind_control {
            return self.encode(text, parse_special);
        }
        let at = if parse_special { self.first_special(text)? } else { text.len() };
        let (words, rest) = text.split_at(at);
        let mut ids = self.encode_by(&onward.encoder, words)?;
        if !rest.is_empty() {
            ids.extend(self.encode(rest, true)?);
        }
        Ok(ids)
    }

    /// Where the first name of a control token stands; the end of the text if there is none.
    fn first_special(&self, text: &str) -> Result<usize, ModelError> {
        let encoding =
            self.full.encode(text, false).map_err(|e| ModelError::input("text", e.to_string()))?;
        let mut tokens = encoding.get_ids().iter().zip(encoding.get_offsets());
        // Unknown characters are control tokens too, but not by their name.
        let named = |id: u32, start: usize, end: usize| {
            let name = self.pieces.special(id)?;
            text.get(start..end).filter(|written| written.trim() == name.trim())
        };
        let first = tokens.find_map(|(&id, &(start, end))| named(id, start, end).map(|_| start));
        Ok(first.unwrap_or(text.len()))
    }
}

/// Normalizer and pre-tokenizer without what puts a space before a text; `None` if nothing does.
pub(super) fn bare(
    normalizer: Option<&NormalizerWrapper>,
    pre_tokenizer: Option<&PreTokenizerWrapper>,
) -> Option<Bare> {
    let mut spaces = Spaces::None;
    let normalizer = normalizer.and_then(|part| without_prepend(part, &mut spaces));
    let pre_tokenizer = pre_tokenizer.map(|part| without_space(part, &mut spaces));
    let behind_control = spaces == Spaces::BehindControl;
    (spaces != Spaces::None).then_some(Bare { normalizer, pre_tokenizer, behind_control })
}

/// What [`bare`] leaves.
pub(super) struct Bare {
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: Option<PreTokenizerWrapper>,
    pub(super) behind_control: bool,
}

/// Where a space was put.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Spaces {
    None,
    First,
    BehindControl,
}

fn without_prepend(part: &NormalizerWrapper, spaces: &mut Spaces) -> Option<NormalizerWrapper> {
    match part {
        NormalizerWrapper::Prepend(_) => {
            *spaces = Spaces::BehindControl;
            None
        }
        NormalizerWrapper::Sequence(list) => {
            let kept = list.as_ref().iter().filter_map(|part| without_prepend(part, spaces));
            Some(Normalizers::new(kept.collect()).into())
        }
        other => Some(other.clone()),
    }
}

fn without_space(part: &PreTokenizerWrapper, spaces: &mut Spaces) -> PreTokenizerWrapper {
    match part {
        PreTokenizerWrapper::Metaspace(part) if part.prepend_scheme != PrependScheme::Never => {
            let always = part.prepend_scheme == PrependScheme::Always;
            let found = if always { Spaces::BehindControl } else { Spaces::First };
            *spaces = if *spaces > found { *spaces } else { found };
            let mut part = part.clone();
            part.set_prepend_scheme(PrependScheme::Never);
            part.into()
        }
        PreTokenizerWrapper::ByteLevel(part) if part.add_prefix_space => {
            *spaces = Spaces::BehindControl;
            ByteLevel::new(false, part.trim_offsets, part.use_regex).into()
        }
        PreTokenizerWrapper::Sequence(list) => {
            let kept = list.as_ref().iter().map(|part| without_space(part, spaces));
            PreTokenizers::new(kept.collect()).into()
        }
        other => other.clone(),
    }
}
