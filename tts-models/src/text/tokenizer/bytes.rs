//! A tokenizer of single bytes, for tests and examples that have no model file.

use std::path::PathBuf;

use tokenizers::AddedToken;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::alphabet::{Alphabet, byte_chars};
use super::parts::Parts;
use super::{SpecialIds, Tokenizer};
use crate::ModelError;

/// The special tokens, from id 256 on.
const SPECIAL: [&str; 4] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"];

impl Tokenizer {
    /// 260 tokens: byte `b` has id `b`, then `<|endoftext|>`, `<|im_start|>`, `<|im_end|>` (the
    /// EOS token) and `<|pad|>`.
    ///
    /// # Errors
    /// Never in practice; the signature is that of the other constructors.
    pub fn bytes() -> Result<Self, ModelError> {
        let special = (256..).zip(SPECIAL).map(|(id, s)| (id, AddedToken::from(s, true)));
        Parts {
            path: PathBuf::from("built-in byte tokenizer"),
            tokens_field: "tokens",
            merges_field: "merges",
            tokens: byte_chars().iter().map(char::to_string).zip(0..).collect(),
            merges: Vec::new(),
            added: special.collect(),
            alphabet: Alphabet::ByteLevel,
            unknown: None,
            byte_fallback: false,
            fuse_unknown: false,
            ignore_merges: false,
            normalizer: None,
            pre_tokenizer: Some(ByteLevel::new(false, true, false).into()),
            prefix_space: false,
            ids: SpecialIds {
                eos: Some(258),
                eot: Some(258),
                pad: Some(259),
                ..Default::default()
            },
            named_end: None,
            begins: Vec::new(),
            add_eos: false,
        }
        .build()
    }
}
