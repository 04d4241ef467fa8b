//! A tokenizer in parts, as read from a file, and the checks before it is put together.
//!
//! Both readers fill [`Parts`]; [`Parts::build`] checks them and hands the parts to the
//! `tokenizers` crate. That crate is written for well-formed files and panics on some others (a
//! merge longer than every token, overlapping added tokens), so everything that it indexes by is
//! checked here first.
//!
//! Two encoders are built. `full` knows the special tokens. `plain` lacks them altogether: they
//! are neither matched in the text nor reachable through merges, so no text can produce one. A third
//! is for texts that go on after others, see [`super::onward`].

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::{AddedToken, NormalizerWrapper, PreTokenizerWrapper};

use super::alphabet::{Alphabet, Unmapper, byte_chars};
use super::onward::{Bare, Onward, bare};
use super::pieces::Pieces;
use super::{SpecialIds, Tokenizer, ends};
use crate::ModelError;

/// Longest token, in bytes. Real vocabularies stay below 1,024.
const MAX_TOKEN_BYTES: usize = 4096;
/// Number of token ids above which a file is refused: tables are indexed by id.
const MAX_IDS: u32 = 1 << 22;

/// A tokenizer as a file describes it.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the file format")]
pub(super) struct Parts {
    /// The file, for errors.
    pub path: PathBuf,
    /// What the file calls the tokens.
    pub tokens_field: &'static str,
    /// What the file calls the merges.
    pub merges_field: &'static str,
    /// Tokens as stored, with their ids.
    pub tokens: Vec<(String, u32)>,
    /// Merges, first to apply first.
    pub merges: Vec<(String, String)>,
    /// Tokens matched in the text before anything else, with their ids.
    pub added: Vec<(u32, AddedToken)>,
    /// How the tokens write bytes.
    pub alphabet: Alphabet,
    /// Token for characters outside the vocabulary (`SentencePiece` only).
    pub unknown: Option<String>,
    /// Whether characters outside the vocabulary become `<0x0A>` tokens.
    pub byte_fallback: bool,
    /// Whether a run of unknown characters is one unknown token.
    pub fuse_unknown: bool,
    /// Whether a word that is a token is taken whole, whatever the merges say.
    pub ignore_merges: bool,
    /// Applied to the text first.
    pub normalizer: Option<NormalizerWrapper>,
    /// Splits the text into words.
    pub pre_tokenizer: Option<PreTokenizerWrapper>,
    /// Whether encoding puts a space before the text, so that decoding takes it off.
    pub prefix_space: bool,
    /// Tokens with a role.
    pub ids: SpecialIds,
    /// A token that ends a text by the word of another file.
    pub named_end: Option<u32>,
    /// What a text starts with.
    pub begins: Vec<u32>,
    /// Whether a text ends with the EOS token.
    pub add_eos: bool,
}

impl Parts {
    /// Checks the parts and puts the tokenizer together.
    pub(super) fn build(mut self) -> Result<Tokenizer, ModelError> {
        for (_, token) in &mut self.added {
            token.special |= ends::is_control(&token.content);
        }
        let extra = self.check_tokens()?;
        self.check_merges()?;
        let special: HashMap<u32, String> = (self.added.iter())
            .filter(|(_, token)| token.special)
            .map(|(id, token)| (*id, token.content.clone()))
            .collect();
        let names: HashSet<&str> = special.values().map(String::as_str).collect();
        let pieces = Arc::new(self.pieces(&special)?);
        let missing = self.missing_bytes(&names)?;
        let full = self.encoder(&HashSet::new())?;
        let plain = if names.is_empty() { None } else { Some(self.encoder(&names)?) };
        let onward = match bare(self.normalizer.as_ref(), self.pre_tokenizer.as_ref()) {
            Some(Bare { normalizer, pre_tokenizer, behind_control }) => {
                let mut encoder = self.encoder(&names)?;
                encoder.with_normalizer(normalizer).map_err(|error| self.unbuilt(&error))?;
                encoder.with_pre_tokenizer(pre_tokenizer);
                Some(Onward { encoder, behind_control })
            }
            None => None,
        };
        Ok(Tokenizer {
            full,
            plain,
            onward,
            pieces,
            extra,
            missing,
            prefix_space: self.prefix_space,
            ids: self.ids,
            named_end: self.named_end,
            begins: self.begins,
            add_eos: self.add_eos,
        })
    }

    /// Tokens and ids are unique and bounded; every added token is also a token. Those that were not are returned.
    fn check_tokens(&mut self) -> Result<HashSet<u32>, ModelError> {
        let fail =
            |field: String, problem: String| Err(ModelError::format(&self.path, field, problem));
        if self.tokens.is_empty() {
            return fail(self.tokens_field.into(), "the vocabulary is empty".into());
        }
        let mut by_text: HashMap<String, u32> = HashMap::with_capacity(self.tokens.len());
        let mut by_id: HashSet<u32> = HashSet::with_capacity(self.tokens.len());
        let added = self.added.iter().map(|(id, token)| (&token.content, *id, true));
        let listed = self.tokens.iter().map(|(token, id)| (token, *id, false));
        let mut extra = Vec::new();
        for (token, id, is_added) in listed.chain(added) {
            let list = if is_added { "added_tokens" } else { self.tokens_field };
            let field = format!("{list}[{id}]");
            if token.len() > MAX_TOKEN_BYTES {
                let problem = format!("{} bytes long, at most {MAX_TOKEN_BYTES}", token.len());
                return fail(field, problem);
            }
            if id >= MAX_IDS {
                return fail(field, format!("id {id} is not below {MAX_IDS}"));
            }
            match by_text.get(token.as_str()) {
                Some(&other) if is_added && other == id => {}
                Some(&other) => return fail(field, format!("{token:?} is also token {other}")),
                None if !by_id.insert(id) => {
                    return fail(field, format!("id {id} of {token:?} names another token too"));
                }
                None => {
                    by_text.insert(token.clone(), id);
                    if is_added {
                        extra.push((token.clone(), id));
                    }
                }
            }
        }
        // The crate pads matches of such tokens with spaces, and panics where matches overlap.
        let strips = self.added.iter().any(|(_, t)| t.lstrip || t.rstrip);
        let spaced = (self.added.iter()).find(|(_, t)| t.content.trim() != t.content);
        if let (true, Some((id, token))) = (strips, spaced) {
            return Err(ModelError::Unsupported {
                path: self.path.clone(),
                field: format!("added_tokens[{id}]"),
                what: format!("{:?} next to tokens with lstrip or rstrip", token.content),
            });
        }
        let ids = extra.iter().map(|(_, id)| *id).collect();
        self.tokens.extend(extra);
        self.tokens.sort_unstable_by_key(|(_, id)| *id);
        Ok(ids)
    }

    /// Every merge joins two tokens to a third, and the unknown token is one.
    fn check_merges(&self) -> Result<(), ModelError> {
        let known: HashSet<&str> = self.tokens.iter().map(|(token, _)| token.as_str()).collect();
        for (i, (left, right)) in self.merges.iter().enumerate() {
            let joined = format!("{left}{right}");
            if let Some(unknown) =
                [left, right, &joined].into_iter().find(|t| !known.contains(t.as_str()))
            {
                let field = format!("{}[{i}]", self.merges_field);
                return Err(ModelError::format(
                    &self.path,
                    field,
                    format!("{unknown:?} is not a token"),
                ));
            }
        }
        match &self.unknown {
            Some(token) if !known.contains(token.as_str()) => Err(ModelError::format(
                &self.path,
                "unk_token",
                format!("{token:?} is not a token"),
            )),
            _ => Ok(()),
        }
    }

    /// The bytes of every token.
    fn pieces(&self, special: &HashMap<u32, String>) -> Result<Pieces, ModelError> {
        let unmapper = Unmapper::new(self.alphabet);
        let added: HashSet<u32> = self.added.iter().map(|(id, _)| *id).collect();
        let pieces: Vec<(u32, Vec<u8>)> = (self.tokens.iter())
            .map(|(token, id)| {
                // `SentencePiece` writes spaces its own way in these too; in byte-level vocabularies
                // they stand as they are.
                let verbatim = special.contains_key(id) || self.alphabet == Alphabet::ByteLevel;
                if verbatim && added.contains(id) {
                    return Ok((*id, token.clone().into_bytes()));
                }
                let bytes = unmapper.bytes(token, self.byte_fallback).map_err(|c| {
                    let field = format!("{}[{id}]", self.tokens_field);
                    let problem = format!("{token:?}: {c:?} is outside the byte-level alphabet");
                    ModelError::format(&self.path, field, problem)
                })?;
                Ok((*id, bytes))
            })
            .collect::<Result<_, ModelError>>()?;
        Ok(Pieces::new(pieces, special.clone()))
    }

    /// The bytes that no text may hold, because no token of `plain` stands for them alone.
    fn missing_bytes(&self, special: &HashSet<&str>) -> Result<Box<[bool; 256]>, ModelError> {
        let known: HashSet<&str> = (self.tokens.iter())
            .map(|(token, _)| token.as_str())
            .filter(|token| !special.contains(token))
            .collect();
        let mut missing = Box::new([false; 256]);
        match self.alphabet {
            Alphabet::ByteLevel => {
                for (gone, c) in missing.iter_mut().zip(byte_chars()) {
                    *gone = !known.contains(c.encode_utf8(&mut [0; 4]) as &str);
                }
            }
            Alphabet::Metaspace => {
                let complete = self.byte_fallback
                    && (0..=u8::MAX).all(|b| known.contains(format!("<0x{b:02X}>").as_str()));
                if self.unknown.is_none() && !complete {
                    let problem = "neither an unknown token nor all of <0x00> to <0xFF>";
                    return Err(ModelError::format(&self.path, self.tokens_field, problem));
                }
            }
        }
        Ok(missing)
    }

    /// What the crate says of parts that it does not take.
    fn unbuilt(&self, error: &tokenizers::Error) -> ModelError {
        ModelError::format(&self.path, self.tokens_field, error.to_string())
    }

    /// An encoder that does not know the tokens in `without`.
    fn encoder(&self, without: &HashSet<&str>) -> Result<tokenizers::Tokenizer, ModelError> {
        let fail = |error: tokenizers::Error| self.unbuilt(&error);
        let unknown = self.unknown.as_deref();
        let tokens = (self.tokens.iter())
            .filter(|(token, _)| !without.contains(token.as_str()) || unknown == Some(token))
            .cloned()
            .collect::<Vocab>();
        let merges = (self.merges.iter())
            .filter(|(left, right)| {
                without.is_empty()
                    || !(without.contains(left.as_str())
                        || without.contains(right.as_str())
                        || without.contains(format!("{left}{right}").as_str()))
            })
            .cloned()
            .collect();
        let mut model = BPE::builder()
            .vocab_and_merges(tokens, merges)
            .byte_fallback(self.byte_fallback)
            .fuse_unk(self.fuse_unknown)
            .ignore_merges(self.ignore_merges);
        if let Some(token) = unknown {
            model = model.unk_token(token.to_owned());
        }
        let mut encoder = tokenizers::Tokenizer::new(model.build().map_err(fail)?);
        encoder.with_normalizer(self.normalizer.clone()).map_err(fail)?;
        encoder.with_pre_tokenizer(self.pre_tokenizer.clone());
        let added = self.added.iter().map(|(_, token)| token.clone());
        encoder
            .add_tokens(added.filter(|token| !without.contains(token.content.as_str())))
            .map_err(fail)?;
        Ok(encoder)
    }
}
