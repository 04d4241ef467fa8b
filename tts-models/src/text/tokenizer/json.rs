//! A tokenizer read from a `tokenizer.json`.
//!
//! Only byte-pair encoding is read, with the normalizers and pre-tokenizers that language models
//! use. Everything else is refused by name rather than handed to the `tokenizers` crate, parts of
//! which panic on malformed input; see [`super::parts`] for the checks on tokens and merges.
//! Post-processing is reduced to the tokens that its template puts before and after a text. Where there is no
//! template, `add_bos_token` of `tokenizer_config.json` decides ([`Roles`]): Hugging Face's class for Llama made the
//! template of that until version 5, and files that rely on it have none.
//!
//! Source: the file format of the Hugging Face `tokenizers` library.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tokenizers::AddedToken;

use super::alphabet::{Alphabet, METASPACE};
use super::gguf::pair;
use super::parts::Parts;
use super::{SpecialIds, Tokenizer};
use crate::ModelError;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    post_processor: Option<Value>,
    decoder: Option<Value>,
    model: Model,
}

/// A token that no text is cut into, with its id.
#[derive(Deserialize)]
pub(crate) struct Added {
    pub(crate) id: u32,
    #[serde(flatten)]
    pub(crate) token: AddedToken,
}

/// What other files of a folder say of a tokenizer's tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    /// The name of the token that begins a text.
    pub(crate) begin: Option<String>,
    /// Whether it is put before each text, where `tokenizer.json` has no template.
    pub(crate) begins: bool,
    /// The name of the token that ends a text.
    pub(crate) end: Option<String>,
    /// Tokens that end what the model writes.
    pub(crate) ends: Vec<u32>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    dropout: Option<f32>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    fuse_unk: Option<bool>,
    byte_fallback: Option<bool>,
    ignore_merges: Option<bool>,
    vocab: Vocab,
    merges: Vec<Merge>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Text(String),
    Pair(String, String),
}

/// The vocabulary as a list, so that a token listed twice is noticed.
struct Vocab(Vec<(String, u32)>);

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vocab;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from tokens to ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    list.push(entry);
                }
                Ok(Vocab(list))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Normalizers that are handed on; `Replace` only with a plain string.
const NORMALIZERS: &[&str] = &["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend"];
/// Pre-tokenizers that are handed on; `Split` only after a look at its pattern.
const PRE_TOKENIZERS: &[&str] =
    &["ByteLevel", "Metaspace", "Digits", "Punctuation", "Whitespace", "WhitespaceSplit"];
/// Longest regular expression, in bytes.
const MAX_PATTERN_BYTES: usize = 4096;
/// Largest product of the repetition counts of a regular expression, which bounds its program.
const MAX_REPETITION: u64 = 10_000;

impl Tokenizer {
    /// Reads the bytes of a `tokenizer.json`; `path` names the file in errors.
    ///
    /// # Errors
    /// When the bytes are not of that format, or the tokenizer is not byte-pair encoding.
    pub fn from_json_bytes(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        Self::from_json_with_roles(bytes, path, &Roles::default())
    }

    /// [`Self::from_json_bytes`], with what other files say of its tokens.
    pub(crate) fn from_json_with_roles(
        bytes: &[u8],
        path: &Path,
        roles: &Roles,
    ) -> Result<Self, ModelError> {
        let file: File = serde_json::from_slice(bytes).map_err(|error| {
            // Other models have other fields: say so rather than name one that is missing.
            let kind = serde_json::from_slice::<Value>(bytes)
                .ok()
                .and_then(|v| Some(v.get("model")?.get("type")?.as_str()?.to_owned()));
            match kind.filter(|kind| kind != "BPE") {
                Some(kind) => unsupported(path, "model.type", format!("{kind:?}, only BPE")),
                None => ModelError::format(path, "JSON", error.to_string()),
            }
        })?;
        file.parts(path, roles)?.build()
    }
}

impl File {
    fn parts(mut self, path: &Path, roles: &Roles) -> Result<Parts, ModelError> {
        // Text of users must not be able to write what begins or ends a turn.
        for Added { id, token } in &mut self.added_tokens {
            let named =
                [&roles.begin, &roles.end].map(|name| name.as_ref() == Some(&token.content));
            token.special |= named.contains(&true) || roles.ends.contains(id);
        }
        self.model.check(path)?;
        let (normalizer, pre_tokenizer) = (self.normalizer.as_ref(), self.pre_tokenizer.as_ref());
        let decoder = self.decoder.as_ref();
        check_component(path, "normalizer", normalizer, "normalizers", NORMALIZERS)?;
        check_component(path, "pre_tokenizer", pre_tokenizer, "pretokenizers", PRE_TOKENIZERS)?;
        let found = |parts: &[Option<&Value>], name: &str| {
            parts.iter().flatten().find_map(|part| find(part, name)).cloned()
        };
        let alphabet = if found(&[decoder, pre_tokenizer], "ByteLevel").is_some() {
            Alphabet::ByteLevel
        } else if ["Metaspace", "ByteFallback", "Replace"]
            .iter()
            .any(|name| found(&[decoder], name).is_some())
        {
            Alphabet::Metaspace
        } else {
            return Err(unsupported(path, "decoder", "neither byte-level nor metaspace".into()));
        };
        let metaspace = found(&[decoder], "Metaspace");
        let prefix_space = alphabet == Alphabet::Metaspace
            && match &metaspace {
                Some(part) => {
                    part.get("prepend_scheme").and_then(Value::as_str) != Some("never")
                        && part.get("add_prefix_space").and_then(Value::as_bool) != Some(false)
                }
                None => found(&[decoder], "Strip").is_some(),
            };
        let template = self.post_processor.as_ref().and_then(|p| find(p, "TemplateProcessing"));
        let Around { before, after } = template.map(around).unwrap_or_default();
        let id = |name: &str| {
            let added = (self.added_tokens.iter())
                .find(|added| added.token.content == name)
                .map(|added| added.id);
            added.or_else(|| self.model.vocab.0.iter().find(|(t, _)| t == name).map(|(_, id)| *id))
        };
        let known = |name: &&str| {
            let problem = || format!("{name:?} is not a token");
            id(name).ok_or_else(|| ModelError::format(path, "post_processor.single", problem()))
        };
        let mut begins: Vec<u32> = before.iter().map(known).collect::<Result<_, _>>()?;
        let eos = after.last().map(known).transpose()?;
        let begin = roles.begin.as_deref().and_then(id);
        if template.is_none() && roles.begins {
            begins.extend(begin);
        }
        let bos = begin.or(begins.first().copied());
        let unk = self.model.unk_token.as_deref().and_then(id);
        let named_end = roles.end.as_deref().and_then(id);
        let read = |field: &str, error: serde_json::Error| {
            ModelError::format(path, field.to_owned(), error.to_string())
        };
        let merges = merges(path, self.model.merges)?;
        Ok(Parts {
            path: path.to_owned(),
            tokens_field: "model.vocab",
            merges_field: "model.merges",
            tokens: self.model.vocab.0,
            merges,
            added: self.added_tokens.into_iter().map(|added| (added.id, added.token)).collect(),
            alphabet,
            // Byte-level text needs none, and it is often a control token.
            unknown: self.model.unk_token.filter(|_| alphabet == Alphabet::Metaspace),
            byte_fallback: self.model.byte_fallback.unwrap_or(false),
            fuse_unknown: self.model.fuse_unk.unwrap_or(false),
            ignore_merges: self.model.ignore_merges.unwrap_or(false),
            normalizer: (self.normalizer.map(serde_json::from_value).transpose())
                .map_err(|e| read("normalizer", e))?,
            pre_tokenizer: (self.pre_tokenizer.map(serde_json::from_value).transpose())
                .map_err(|e| read("pre_tokenizer", e))?,
            prefix_space,
            ids: SpecialIds { bos, eos, unk, ..Default::default() },
            named_end,
            begins,
            add_eos: eos.is_some(),
        })
    }
}

impl Model {
    fn check(&self, path: &Path) -> Result<(), ModelError> {
        let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if let Some(kind) = self.kind.as_ref().filter(|kind| *kind != "BPE") {
            return Err(unsupported(path, "model.type", format!("{kind:?}, only BPE")));
        }
        if self.dropout.is_some_and(|p| p != 0.0) {
            let what = "dropout: encoding would be random".into();
            return Err(unsupported(path, "model.dropout", what));
        }
        if set(&self.continuing_subword_prefix) || set(&self.end_of_word_suffix) {
            let field = "model.continuing_subword_prefix, model.end_of_word_suffix";
            return Err(unsupported(path, field, "affixes".into()));
        }
        Ok(())
    }
}

fn unsupported(path: &Path, field: &str, what: String) -> ModelError {
    ModelError::Unsupported { path: path.to_owned(), field: field.to_owned(), what }
}

fn merges(path: &Path, list: Vec<Merge>) -> Result<Vec<(String, String)>, ModelError> {
    let split = |(i, merge)| match merge {
        Merge::Pair(left, right) => Ok((left, right)),
        Merge::Text(text) => pair(&text).ok_or_else(|| {
            let problem = format!("{text:?} is not two tokens with a space between");
            ModelError::format(path, format!("model.merges[{i}]"), problem)
        }),
    };
    list.into_iter().enumerate().map(split).collect()
}

/// The first component of type `name`, looking into sequences.
fn find<'a>(component: &'a Value, name: &str) -> Option<&'a Value> {
    if component.get("type").and_then(Value::as_str) == Some(name) {
        return Some(component);
    }
    let children = ["normalizers", "pretokenizers", "decoders", "processors"];
    (children.iter().filter_map(|key| component.get(key)?.as_array()).flatten())
        .find_map(|child| find(child, name))
}

/// The names of the tokens that a template puts before and after a text.
#[derive(Default)]
struct Around<'a> {
    before: Vec<&'a str>,
    after: Vec<&'a str>,
}

fn around(template: &Value) -> Around<'_> {
    let items = template.get("single").and_then(Value::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    let Some(text) = items.iter().position(|item| item.get("Sequence").is_some()) else {
        return Around::default();
    };
    let (before, after) = items.split_at(text);
    Around { before: names(before), after: names(after) }
}

/// The names of the special tokens of a template's part.
fn names(items: &[Value]) -> Vec<&str> {
    let tokens = items.iter().filter_map(|item| item.get("SpecialToken"));
    tokens.filter_map(|token| token.get("id")?.as_str()).collect()
}

/// Refuses components that are unknown or that the crate would panic on.
fn check_component(
    path: &Path,
    field: &str,
    component: Option<&Value>,
    children: &str,
    known: &[&str],
) -> Result<(), ModelError> {
    let Some(component) = component.filter(|component| !component.is_null()) else {
        return Ok(());
    };
    let Some(kind) = component.get("type").and_then(Value::as_str) else {
        return Err(ModelError::format(path, field, "no type"));
    };
    if kind == "Sequence" {
        let Some(list) = component.get(children).and_then(Value::as_array) else {
            return Err(ModelError::format(path, format!("{field}.{children}"), "not a list"));
        };
        return (list.iter().enumerate()).try_for_each(|(i, child)| {
            let field = format!("{field}.{children}[{i}]");
            check_component(path, &field, Some(child), children, known)
        });
    }
    let splits = field.starts_with("pre_tokenizer") && kind == "Split";
    if splits || (field.starts_with("normalizer") && kind == "Replace") {
        let pattern = component.get("pattern");
        let part = |name: &str| pattern.and_then(|pattern| pattern.get(name)?.as_str());
        let field = format!("{field}.pattern");
        return match (part("String"), part("Regex")) {
            (Some(text), None) if !text.is_empty() => Ok(()),
            (None, Some(regex)) if splits => check_regex(path, &field, regex),
            (None, Some(_)) => Err(unsupported(path, &field, "regular expression".into())),
            _ => Err(ModelError::format(path, field, "neither a non-empty String nor a Regex")),
        };
    }
    if kind == "Metaspace"
        && component.get("replacement").and_then(Value::as_str) != Some(&METASPACE.to_string())
    {
        return Err(unsupported(path, &format!("{field}.replacement"), "replacement".into()));
    }
    if known.contains(&kind) {
        return Ok(());
    }
    Err(unsupported(path, &format!("{field}.type"), format!("{kind:?}")))
}

/// Bounds the size of the compiled pattern; whether it is sound, the engine says.
fn check_regex(path: &Path, field: &str, regex: &str) -> Result<(), ModelError> {
    if regex.len() > MAX_PATTERN_BYTES {
        let what = format!("pattern of {} bytes, at most {MAX_PATTERN_BYTES}", regex.len());
        return Err(unsupported(path, field, what));
    }
    let counts = regex.split('{').skip(1).filter_map(|rest| {
        let inside = rest.split_once('}')?.0;
        inside.split(',').filter_map(|n| n.trim().parse::<u64>().ok()).max()
    });
    let product = counts.fold(1_u64, |product, count| product.saturating_mul(count.max(1)));
    if product > MAX_REPETITION {
        return Err(unsupported(path, field, format!("repetition of {product} altogether")));
    }
    Ok(())
}
