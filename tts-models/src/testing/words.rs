//! The text side of a model for tests, as a file.

use std::path::Path;

use serde_json::{Value, json};

/// The id of a blank line.
pub const BLANK: u32 = 256;
/// The id of what ends a text.
pub const END: u32 = 257;

/// Writes a `tokenizer.json`: bytes as tokens, a token for a blank line, one that ends a text, and `more`
/// control tokens from 258 on.
///
/// # Errors
/// When the file cannot be written.
pub fn text_side(folder: &Path, more: &[&str]) -> std::io::Result<()> {
    // The alphabet of byte-level tokenizers: printable bytes stand for themselves, others for what comes after.
    let mut vocabulary = serde_json::Map::new();
    let mut other = 256_u32;
    let mut symbols = Vec::new();
    for byte in 0..=255_u32 {
        let plain = matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
        let code = if plain {
            byte
        } else {
            other += 1;
            other - 1
        };
        let symbol = char::from_u32(code).unwrap_or_default().to_string();
        vocabulary.insert(symbol.clone(), byte.into());
        symbols.push(symbol);
    }
    let newline = symbols[usize::from(b'\n')].clone();
    vocabulary.insert(format!("{newline}{newline}"), BLANK.into());
    let added = (END..).zip(["<|im_end|>"].iter().chain(more)).map(|(id, name)| {
        json!({"id": id, "content": name, "special": true, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false})
    });
    let added: Vec<Value> = added.collect();
    let json = json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [format!("{newline} {newline}")]},
    });
    std::fs::write(folder.join("tokenizer.json"), json.to_string())
}
