//! A tokenizer of one token a character, for models trained from scratch.
//!
//! Written as a `tokenizer.json`: byte-pair encoding without merges over the byte-level alphabet,
//! so that other programs read it as well.

use serde_json::{Map, Value, json};

use super::alphabet::byte_chars;
use crate::ModelError;

/// The `tokenizer.json` of a vocabulary: the special tokens `special`, in order, then one token for
/// each character of `alphabet`, in order.
///
/// ```
/// let json = tts_models::text::tokenizer::characters("ab\n", &["<|end|>"])?;
/// let file = std::env::temp_dir().join("characters-of-a-doctest.json");
/// std::fs::write(&file, json).unwrap();
/// let tokenizer = tts_models::Tokenizer::from_file(&file)?;
/// assert_eq!(tokenizer.encode("ba\n", false)?, [2, 1, 3]);
/// # std::fs::remove_file(file).unwrap();
/// # Ok::<(), tts_models::ModelError>(())
/// ```
///
/// # Errors
/// When a character is not ASCII or stands twice.
pub fn characters(alphabet: &str, special: &[&str]) -> Result<String, ModelError> {
    let written = byte_chars();
    let mut vocabulary = Map::new();
    for name in special {
        vocabulary.insert((*name).to_owned(), json!(vocabulary.len()));
    }
    for character in alphabet.chars() {
        let wrong =
            |problem: &str| ModelError::input("alphabet", format!("{character:?} {problem}"));
        let byte = u8::try_from(character).ok().filter(u8::is_ascii);
        let byte = byte.ok_or_else(|| wrong("is not ASCII"))?;
        let name = written[usize::from(byte)].to_string();
        let id = vocabulary.len();
        if vocabulary.insert(name, json!(id)).is_some() {
            return Err(wrong("stands twice"));
        }
    }
    let added: Vec<Value> = special
        .iter()
        .enumerate()
        .map(|(id, name)| {
            json!({
                "id": id, "content": name, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true
            })
        })
        .collect();
    let level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
    });
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": null, "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "ignore_merges": false, "vocab": vocabulary, "merges": []
        }
    });
    Ok(format!("{file:#}\n"))
}
