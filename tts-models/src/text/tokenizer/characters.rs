//! Tokenizers for models trained from scratch: one token a character, or words and parts of them.
//!
//! Written as a `tokenizer.json`: byte-pair encoding without merges over the byte-level alphabet,
//! so that other programs read it as well. Words are cut out by a regular expression and taken whole.
//!
//! Source: none; the file format of the Hugging Face `tokenizers` library.

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
    Ok(file(&vocabulary, special, &level(), false))
}

/// Everything that a text of [`words`] may hold: what can be printed, and the end of a line.
fn printable() -> impl Iterator<Item = char> {
    std::iter::once('\n').chain(' '..='~')
}

/// The `tokenizer.json` of a vocabulary of words: the special tokens, then every word without and with a blank before
/// it, the parts, and the printable characters of ASCII.
///
/// From the left a text is cut into words, with the blank before them, where no letter goes on behind; else into the
/// longest of the parts; else into characters. So a name that is no word has the same tokens wherever it stands.
///
/// ```
/// let (words, parts) = (["river", "of"].map(String::from), ["Os", "le"].map(String::from));
/// let json = tts_models::text::tokenizer::words(&words, &parts, &["<|end|>"])?;
/// let tokenizer = tts_models::Tokenizer::from_json_bytes(json.as_bytes(), "tokenizer.json".as_ref())?;
/// let cut = |text: &str| -> Result<Vec<String>, tts_models::ModelError> {
///     let ids = tokenizer.encode(text, false)?;
///     Ok(ids.iter().map(|&id| tokenizer.text(&[id])).collect())
/// };
/// assert_eq!(cut("river of Osle")?, ["river", " of", " ", "Os", "le"]);
/// assert_eq!(cut("rivers off")?[..3], ["r", "i", "v"]);
/// # Ok::<(), tts_models::ModelError>(())
/// ```
///
/// # Errors
/// When a word is not of ASCII letters alone, or a part has what cannot be printed, or nothing.
pub fn words(words: &[String], parts: &[String], special: &[&str]) -> Result<String, ModelError> {
    let wrong = |field: &str, text: &str, problem: &str| {
        Err(ModelError::input(field, format!("{text:?} {problem}")))
    };
    let lettered = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
    if let Some(word) = words.iter().find(|word| !lettered(word)) {
        return wrong("words", word, "is no word of ASCII letters");
    }
    let shown = |part: &str| !part.is_empty() && part.chars().all(|c| printable().any(|p| p == c));
    if let Some(part) = parts.iter().find(|part| !shown(part)) {
        return wrong("parts", part, "has more or less than printable characters of ASCII");
    }
    let written = byte_chars();
    let stored =
        |text: &str| -> String { text.bytes().map(|byte| written[usize::from(byte)]).collect() };
    let spaced = words.iter().flat_map(|word| [word.clone(), format!(" {word}")]);
    let tokens = spaced.chain(parts.iter().cloned()).chain(printable().map(String::from));
    let mut vocabulary = Map::new();
    let names: Vec<String> = special.iter().map(|name| (*name).to_owned()).collect();
    for name in names.into_iter().chain(tokens.map(|text| stored(&text))) {
        let id = json!(vocabulary.len());
        vocabulary.entry(name).or_insert(id);
    }
    let mut longest: Vec<&String> = parts.iter().collect();
    longest.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let mut pattern = String::new();
    if !words.is_empty() {
        pattern = format!(" ?(?:{})(?![A-Za-z])|", words.join("|"));
    }
    pattern.extend(longest.into_iter().map(|part| format!("{}|", escaped(part))));
    pattern.push_str("[\\s\\S]");
    let split = json!({
        "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false
    });
    let cut = json!({ "type": "Sequence", "pretokenizers": [split, level()] });
    Ok(file(&vocabulary, special, &cut, true))
}

/// A text as a regular expression that matches it alone.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            c if c.is_ascii_alphanumeric() || c == ' ' => out.push(c),
            c => out.extend(['\\', c]),
        }
    }
    out
}

/// Bytes as characters.
fn level() -> Value {
    json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
    })
}

/// The file of a vocabulary whose first tokens are the special ones.
fn file(
    vocabulary: &Map<String, Value>,
    special: &[&str],
    pre_tokenizer: &Value,
    whole_words: bool,
) -> String {
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
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": null, "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": level(),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "ignore_merges": whole_words, "vocab": vocabulary, "merges": []
        }
    });
    format!("{file:#}\n")
}
