//! Any bytes as `tokenizer.json`: an error, or a tokenizer that encodes and decodes.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tts_models::Tokenizer;

fuzz_target!(|data: &[u8]| {
    let Ok(tokenizer) = Tokenizer::from_json_bytes(data, Path::new("tokenizer.json")) else {
        return;
    };
    for text in ["Natalia sold 48 clips.\n\n", "é 12 — <|im_end|>"] {
        for special in [false, true] {
            if let Ok(ids) = tokenizer.encode(text, special) {
                let _ = tokenizer.text(&ids);
            }
        }
    }
});
