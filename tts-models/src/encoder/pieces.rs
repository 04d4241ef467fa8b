//! Word pieces: a text as ids, between the token that begins it and the one that ends it.
//!
//! Read from a `tokenizer.json` of the BERT kind: a text is cleaned and cut into words and marks, and a word into the
//! longest pieces that the vocabulary has, from the left; one without such pieces is unknown as a whole. Anything of
//! another kind is refused by name: parts of the crate panic on what they did not expect. Names of special tokens
//! in a text are those tokens, as where such models were trained.
//!
//! Source: Wu et al. 2016 (arXiv 1609.08144), section 4.1, for word pieces; Devlin et al. 2019 (arXiv 1810.04805) for the
//! two tokens around a text.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;
use tokenizers::models::bpe::Vocab;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

use crate::text::tokenizer::Added;
use crate::{Files, ModelError};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    post_processor: Option<Value>,
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: BTreeMap<String, u32>,
}

/// The two tokens around a text, as `BertProcessing` names them.
#[derive(Deserialize)]
struct Ends {
    cls: (String, u32),
    sep: (String, u32),
}

/// Characters of a word, at most: each is looked at as often as the word is long.
const LONGEST_WORD: usize = 1_000;

/// Text to ids.
#[derive(Debug)]
pub(super) struct Pieces {
    tokenizer: Tokenizer,
    first: u32,
    last: u32,
    /// One more than the highest id.
    size: usize,
}

impl Pieces {
    /// Reads a `tokenizer.json`.
    pub(super) fn open(file: &Files) -> Result<Self, ModelError> {
        Self::read(&file.read()?, file.path())
    }

    fn read(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let wrong = |field: &str, problem: String| ModelError::format(path, field, problem);
        let other = |field: &str, found: &str, expected: &str| {
            ModelError::unsupported(path, field, format!("{found}; expected {expected}"))
        };
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| wrong("JSON", error.to_string()))?;
        // Other models have other fields: what it is says more than which of them is missing.
        let found = value.get("model").map_or("no model", kind);
        if found != "WordPiece" {
            return Err(other("model.type", found, "WordPiece, as BERT has it"));
        }
        let file: File =
            serde_json::from_value(value).map_err(|error| wrong("JSON", error.to_string()))?;
        let File { added_tokens, normalizer, pre_tokenizer, post_processor, model } = file;

        let pre = pre_tokenizer.as_ref().map_or("none", kind);
        if pre != "BertPreTokenizer" {
            return Err(other("pre_tokenizer.type", pre, "BertPreTokenizer"));
        }
        let cleaned = normalizer.as_ref().map_or("none", kind);
        if cleaned != "BertNormalizer" {
            return Err(other("normalizer.type", cleaned, "BertNormalizer"));
        }
        let normalizer: BertNormalizer = serde_json::from_value(normalizer.unwrap_or_default())
            .map_err(|error| wrong("normalizer", error.to_string()))?;

        let size = check(&model, &added_tokens).map_err(|(field, why)| wrong(&field, why))?;
        let (first, last) = ends(post_processor.as_ref(), &model)
            .map_err(|problem| wrong("post_processor", problem))?;
        let unbuilt = |error: tokenizers::Error| wrong("model", error.to_string());
        let pieces = WordPiece::builder()
            .unk_token(model.unk_token)
            .continuing_subword_prefix(model.continuing_subword_prefix)
            .max_input_chars_per_word(model.max_input_chars_per_word)
            .vocab(model.vocab.into_iter().collect::<Vocab>());
        let mut tokenizer = Tokenizer::new(pieces.build().map_err(unbuilt)?);
        tokenizer.with_normalizer(Some(normalizer)).map_err(unbuilt)?;
        tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
        tokenizer.add_tokens(added_tokens.into_iter().map(|a| a.token)).map_err(unbuilt)?;
        Ok(Self { tokenizer, first, last, size })
    }

    /// One more than the highest id.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The ids of a text with those around it, at most `most` (at least 2); whether some were left out at its end.
    pub(super) fn encode(&self, text: &str, most: usize) -> Result<(Vec<u32>, bool), ModelError> {
        let encoded = self.tokenizer.encode_fast(text, false);
        let encoded = encoded.map_err(|error| ModelError::input("text", error.to_string()))?;
        let own = encoded.get_ids();
        let room = most.saturating_sub(2);
        let mut ids = Vec::with_capacity(own.len().min(room) + 2);
        ids.push(self.first);
        ids.extend(own.iter().take(room));
        ids.push(self.last);
        Ok((ids, own.len() > room))
    }
}

/// What a part says that it is.
fn kind(part: &Value) -> &str {
    part.get("type").and_then(Value::as_str).unwrap_or("a part without a type")
}

/// Ids are unique, and the unknown and all added tokens are tokens. One more than the highest id.
fn check(model: &Model, added: &[Added]) -> Result<usize, (String, String)> {
    let mut seen = HashSet::with_capacity(model.vocab.len());
    if let Some((token, id)) = model.vocab.iter().find(|(_, id)| !seen.insert(**id)) {
        return Err((format!("model.vocab[{token:?}]"), format!("id {id} names two tokens")));
    }
    if !model.vocab.contains_key(&model.unk_token) {
        let problem = format!("{:?} is not in the vocabulary", model.unk_token);
        return Err(("model.unk_token".into(), problem));
    }
    if !(1..=LONGEST_WORD).contains(&model.max_input_chars_per_word) {
        let most = model.max_input_chars_per_word;
        let problem = format!("{most}, expected from 1 to {LONGEST_WORD}");
        return Err(("model.max_input_chars_per_word".into(), problem));
    }
    for Added { id, token } in added {
        let problem = match model.vocab.get(&token.content) {
            Some(known) if known != id => format!("{:?} is token {known}", token.content),
            None => format!("{:?} is not in the vocabulary", token.content),
            // The crate pads matches with blanks, and panics where they overlap.
            Some(_) if token.content.trim() != token.content => {
                format!("{:?} has blanks at its ends", token.content)
            }
            Some(_) => continue,
        };
        return Err((format!("added_tokens[{id}]"), problem));
    }
    Ok(seen.into_iter().max().map_or(0, |id| id as usize + 1))
}

/// The ids that stand before and after a text.
fn ends(part: Option<&Value>, model: &Model) -> Result<(u32, u32), String> {
    let expected = "expected one token before a text and one after it";
    let Some(part) = part else { return Err(format!("is missing, {expected}")) };
    let ids = match kind(part) {
        "BertProcessing" => {
            let ends: Ends = serde_json::from_value(part.clone()).map_err(|e| e.to_string())?;
            (ends.cls.1, ends.sep.1)
        }
        "TemplateProcessing" => {
            let template = part.get("single").and_then(Value::as_array);
            let Some([first, text, last]) = template.map(Vec::as_slice) else {
                return Err(format!("single has another form, {expected}"));
            };
            if text.pointer("/Sequence").is_none() {
                return Err(format!("single has no text in its middle, {expected}"));
            }
            let id = |token: &Value| {
                let name = token.pointer("/SpecialToken/id")?.as_str()?;
                let ids = part.get("special_tokens")?.get(name)?.get("ids")?.as_array()?;
                let [id] = ids.as_slice() else { return None };
                u32::try_from(id.as_u64()?).ok()
            };
            id(first).zip(id(last)).ok_or_else(|| format!("single has no such ids, {expected}"))?
        }
        other => return Err(format!("is {other}, {expected}")),
    };
    let known: HashSet<u32> = model.vocab.values().copied().collect();
    match [ids.0, ids.1].into_iter().find(|id| !known.contains(id)) {
        Some(id) => Err(format!("id {id} is not in the vocabulary")),
        None => Ok(ids),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file() -> Value {
        json!({
            "added_tokens": [{"id": 1, "content": "[CLS]", "special": true, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false}],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "riv": 3, "##er": 4, "##s": 5, "a": 6, ".": 7}}
        })
    }

    fn read(file: &Value) -> Result<Pieces, ModelError> {
        Pieces::read(file.to_string().as_bytes(), Path::new("m/tokenizer.json"))
    }

    #[test]
    fn words_are_cut_into_the_longest_pieces() {
        let pieces = read(&file()).expect("reads");
        let ids = |text: &str, most: usize| pieces.encode(text, most).expect("encodes");
        assert_eq!(ids("A RIVER. Rivérs lake", 9), (vec![1, 6, 3, 4, 7, 3, 4, 5, 2], true));
        assert_eq!(ids("river", 4), (vec![1, 3, 4, 2], false));
        assert_eq!(ids("river", 2), (vec![1, 2], true));
        assert_eq!(ids("", 9), (vec![1, 2], false));
        assert_eq!(ids("lake", 9), (vec![1, 0, 2], false));
        assert_eq!(ids(&"a".repeat(500), 9), (vec![1, 0, 2], false));
        assert_eq!(pieces.size(), 8);
    }

    #[test]
    fn what_is_no_such_file_is_refused_by_field() {
        let without = |pointer: &str, value: Value| {
            let mut file = file();
            *file.pointer_mut(pointer).expect("there") = value;
            read(&file).expect_err("refused").to_string()
        };
        let template = json!({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}]});
        for (pointer, value, expected) in [
            ("/model/type", json!("Unigram"), "model.type: unsupported Unigram"),
            ("/model/vocab", json!({"[UNK]": 0, "a": 0}), "id 0 names two tokens"),
            ("/model/unk_token", json!("<unk>"), "model.unk_token: \"<unk>\" is not in"),
            ("/model/max_input_chars_per_word", json!(0), "expected from 1 to"),
            ("/added_tokens/0/id", json!(2), "added_tokens[2]: \"[CLS]\" is token 1"),
            ("/normalizer", json!(null), "normalizer.type: unsupported none"),
            ("/normalizer/type", json!("NFC"), "normalizer.type: unsupported NFC"),
            (
                "/pre_tokenizer/type",
                json!("Metaspace"),
                "pre_tokenizer.type: unsupported Metaspace",
            ),
            ("/post_processor", json!(null), "post_processor: is missing"),
            ("/post_processor", template, "single has another form"),
            ("/post_processor/sep", json!(["[SEP]", 99]), "id 99 is not in the vocabulary"),
        ] {
            let error = without(pointer, value);
            assert!(error.contains(expected) && error.contains("m/tokenizer.json"), "{error}");
        }
        for bytes in ["", "[]", "{", "{\"model\": 3}"] {
            let error = Pieces::read(bytes.as_bytes(), Path::new("t.json")).expect_err("refused");
            assert!(error.to_string().starts_with("t.json: "), "{error}");
        }
    }
}
