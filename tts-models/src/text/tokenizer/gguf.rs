//! A tokenizer rebuilt from the metadata of a GGUF file.
//!
//! `gpt2` vocabularies are byte-level: merges stand in the file, and `tokenizer.ggml.pre` names
//! the rule that splits text into words. `llama` vocabularies are `SentencePiece`: merges follow
//! from the scores, a space is written U+2581, and unknown characters fall back to byte tokens.
//!
//! Source: the GGUF specification (ggml project), keys `tokenizer.ggml.*`.

use std::collections::HashMap;
use std::path::Path;

use tokenizers::normalizers::{Prepend, Replace, Sequence};
use tokenizers::{AddedToken, NormalizerWrapper};

use super::alphabet::{Alphabet, METASPACE, byte_token};
use super::merges::{MAX_PIECE_BYTES, from_scores};
use super::parts::Parts;
use super::{SpecialIds, Tokenizer, ends, split};
use crate::ModelError;

/// The `tokenizer.ggml.*` metadata of a GGUF file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GgufVocabulary {
    /// `model`: `gpt2` or `llama`.
    pub model: String,
    /// `pre`: how text is split into words (`gpt2` only).
    pub pre: Option<String>,
    /// `tokens`, by id.
    pub tokens: Vec<String>,
    /// `token_type`, by id: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    /// Empty when the file has none: all tokens are normal then.
    pub token_types: Vec<i32>,
    /// `merges`, as `"left right"` (`gpt2` only).
    pub merges: Vec<String>,
    /// `scores`, by id (`llama` only).
    pub scores: Vec<f32>,
    /// `bos_token_id`.
    pub bos: Option<u32>,
    /// `eos_token_id`.
    pub eos: Option<u32>,
    /// `eot_token_id`.
    pub eot: Option<u32>,
    /// `unknown_token_id`.
    pub unk: Option<u32>,
    /// `padding_token_id`.
    pub pad: Option<u32>,
    /// `add_bos_token`. Where the key is absent, llama.cpp takes true for `llama`, and for `tekken` and the
    /// names of Llama 3's rule in `pre`, false otherwise.
    pub add_bos: bool,
    /// `add_eos_token`.
    pub add_eos: bool,
    /// `add_space_prefix` (`llama` only); true when absent.
    pub add_space_prefix: Option<bool>,
}

const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const BYTE: i32 = 6;

impl Tokenizer {
    /// Rebuilds the tokenizer of a GGUF file; `path` names the file in errors.
    ///
    /// # Errors
    /// When the metadata contradict themselves, or `model` or `pre` is not a known one.
    pub fn from_vocabulary(spec: &GgufVocabulary, path: &Path) -> Result<Self, ModelError> {
        spec.check(path)?;
        match spec.model.as_str() {
            "gpt2" => spec.gpt2(path)?.build(),
            "llama" => spec.llama(path)?.build(),
            other => Err(ModelError::Unsupported {
                path: path.to_owned(),
                field: "tokenizer.ggml.model".into(),
                what: format!("{other:?}, only gpt2 and llama"),
            }),
        }
    }
}

impl GgufVocabulary {
    fn check(&self, path: &Path) -> Result<(), ModelError> {
        let count = self.tokens.len();
        let types = self.token_types.len();
        let fail = |field: String, problem: String| Err(ModelError::format(path, field, problem));
        if types != 0 && types != count {
            let problem = format!("{types} entries for {count} tokens");
            return fail("tokenizer.ggml.token_type".into(), problem);
        }
        if let Some(i) = self.token_types.iter().position(|kind| !(0..=6).contains(kind)) {
            let problem = format!("{} is not a token type", self.token_types[i]);
            return fail(format!("tokenizer.ggml.token_type[{i}]"), problem);
        }
        let ids = [
            ("bos", self.bos),
            ("eos", self.eos),
            ("eot", self.eot),
            ("unknown", self.unk),
            ("padding", self.pad),
        ];
        for (name, id) in ids {
            if let Some(id) = id.filter(|&id| id as usize >= count) {
                let problem = format!("{id} for {count} tokens");
                return fail(format!("tokenizer.ggml.{name}_token_id"), problem);
            }
        }
        Ok(())
    }

    fn kind(&self, id: usize) -> i32 {
        self.token_types.get(id).copied().unwrap_or(1)
    }

    /// What both models share.
    fn parts(&self, path: &Path, alphabet: Alphabet) -> Parts {
        let added = |(id, token): (u32, &String)| {
            let kind = self.kind(id as usize);
            // Some files mark the tokens that end a turn as ordinary ones, or mark nothing.
            let role = [self.bos, self.eos, self.eot, self.pad].contains(&Some(id));
            let special = role || matches!(kind, CONTROL | UNKNOWN) || ends::is_end(token);
            (special || kind == USER_DEFINED)
                .then(|| (id, AddedToken::from(token.as_str(), special).normalized(false)))
        };
        Parts {
            path: path.to_owned(),
            tokens_field: "tokenizer.ggml.tokens",
            merges_field: "tokenizer.ggml.merges",
            tokens: self.tokens.iter().cloned().zip(0..).collect(),
            merges: Vec::new(),
            added: (0..).zip(&self.tokens).filter_map(added).collect(),
            alphabet,
            unknown: None,
            byte_fallback: false,
            fuse_unknown: false,
            ignore_merges: false,
            normalizer: None,
            pre_tokenizer: None,
            prefix_space: false,
            ids: SpecialIds {
                bos: self.bos,
                eos: self.eos,
                eot: self.eot,
                unk: self.unk,
                pad: self.pad,
            },
            named_end: None,
            begins: self.bos.filter(|_| self.add_bos).into_iter().collect(),
            add_eos: self.add_eos,
        }
    }

    fn gpt2(&self, path: &Path) -> Result<Parts, ModelError> {
        let unsupported = |what: String| ModelError::Unsupported {
            path: path.to_owned(),
            field: "tokenizer.ggml.pre".into(),
            what: format!("{what}; known are {}", split::KNOWN),
        };
        let pre = (self.pre.as_deref()).ok_or_else(|| {
            unsupported("file without it, of an old conversion: convert the model again".into())
        })?;
        let rule = split::rule(pre)
            .ok_or_else(|| unsupported(format!("{pre:?}")))?
            .map_err(|error| ModelError::format(path, "tokenizer.ggml.pre", error.to_string()))?;
        let merges = (self.merges.iter().enumerate())
            .map(|(i, merge)| pair(merge).ok_or((i, merge)))
            .collect::<Result<_, _>>()
            .map_err(|(i, merge)| {
                let problem = format!("{merge:?} is not two tokens with a space between");
                ModelError::format(path, format!("tokenizer.ggml.merges[{i}]"), problem)
            })?;
        Ok(Parts {
            merges,
            ignore_merges: rule.ignore_merges,
            normalizer: rule.normalizer,
            pre_tokenizer: Some(rule.pre_tokenizer),
            ..self.parts(path, Alphabet::ByteLevel)
        })
    }

    fn llama(&self, path: &Path) -> Result<Parts, ModelError> {
        let (count, scores) = (self.tokens.len(), self.scores.len());
        if count != scores {
            let problem = format!("{scores} entries for {count} tokens");
            return Err(ModelError::format(path, "tokenizer.ggml.scores", problem));
        }
        if let Some(i) = self.scores.iter().position(|score| score.is_nan()) {
            let field = format!("tokenizer.ggml.scores[{i}]");
            return Err(ModelError::format(path, field, "not a number"));
        }
        // Only these take part in merges: a byte token stands for a byte, not for its name.
        let pieces: Vec<(&str, f32)> = (0..count)
            .filter(|&id| matches!(self.kind(id), 0 | 1) && byte_token(&self.tokens[id]).is_none())
            .map(|id| (self.tokens[id].as_str(), self.scores[id]))
            .collect();
        if let Some((piece, _)) = pieces.iter().find(|(p, _)| p.len() > MAX_PIECE_BYTES) {
            return Err(ModelError::Unsupported {
                path: path.to_owned(),
                field: "tokenizer.ggml.tokens".into(),
                what: format!("piece of {} bytes, at most {MAX_PIECE_BYTES}", piece.len()),
            });
        }
        // A piece that is listed twice would win over itself: find that before cutting.
        let mut seen = HashMap::new();
        for (id, token) in self.tokens.iter().enumerate() {
            if let Some(other) = seen.insert(token, id) {
                let field = format!("tokenizer.ggml.tokens[{id}]");
                return Err(ModelError::format(
                    path,
                    field,
                    format!("{token:?} is also token {other}"),
                ));
            }
        }
        let by_kind = |kind: i32| (0..count).find(|&id| self.kind(id) == kind);
        let unknown = self.unk.map(|id| id as usize).or_else(|| by_kind(UNKNOWN));
        let prefix_space = self.add_space_prefix.unwrap_or(true);
        let metaspace = METASPACE.to_string();
        let replace: NormalizerWrapper = Replace::new(" ", metaspace.as_str())
            .map_err(|error| ModelError::format(path, "tokenizer.ggml.model", error.to_string()))?
            .into();
        let mut steps = vec![replace];
        if prefix_space {
            steps.insert(0, Prepend::new(metaspace).into());
        }
        Ok(Parts {
            merges: from_scores(&pieces),
            unknown: unknown.map(|id| self.tokens[id].clone()),
            byte_fallback: by_kind(BYTE).is_some()
                || self.tokens.iter().any(|token| byte_token(token).is_some()),
            fuse_unknown: true,
            normalizer: Some(Sequence::new(steps).into()),
            prefix_space,
            ..self.parts(path, Alphabet::Metaspace)
        })
    }
}

/// The two sides of `"left right"`.
pub(super) fn pair(merge: &str) -> Option<(String, String)> {
    let (left, right) = merge.split_once(' ')?;
    let sound = !left.is_empty() && !right.is_empty() && !right.contains(' ');
    sound.then(|| (left.to_owned(), right.to_owned()))
}
