//! Texts that go on after others, and spaces of tokenizers that write them their own way.

use super::*;

/// A `tokenizer.json` of the `SentencePiece` kind, with a normalizer and a pre-tokenizer.
fn sentences(normalizer: &Value, pre_tokenizer: &Value) -> Tokenizer {
    let mut vocab = serde_json::Map::new();
    let list = ["<unk>", "<s>", "</s>", "\u{2581}", "a", "b", "\u{2581}a", "\u{2581}\u{2581}", "c"];
    for (id, token) in list.iter().enumerate() {
        vocab.insert((*token).to_owned(), json!(id));
    }
    let added = |id: u32, content: &str, special: bool| {
        // The end of a text takes the spaces before it.
        json!({"id": id, "content": content, "single_word": false, "lstrip": id == 2,
               "rstrip": false, "normalized": false, "special": special})
    };
    let json = json!({
        "added_tokens": [added(0, "<unk>", true), added(1, "<s>", true), added(2, "</s>", true),
                         added(7, "\u{2581}\u{2581}", false)],
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "vocab": vocab, "merges": [["\u{2581}", "a"]],
                  "unk_token": "<unk>", "fuse_unk": true},
    });
    Tokenizer::from_json_bytes(json.to_string().as_bytes(), Path::new("t")).unwrap()
}

#[test]
fn a_text_that_goes_on_has_no_space_that_no_one_wrote() {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"});
    let prepend = json!({"type": "Prepend", "prepend": "\u{2581}"});
    let both = json!({"type": "Sequence", "normalizers": [prepend, replace]});
    let scheme = |scheme: &str| {
        json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": scheme,
               "split": false})
    };
    // Ids are those of `encode` of the `tokenizers` package for the whole text, cut in two.
    for (normalizer, pre_tokenizer, begins, behind_control) in [
        (both.clone(), Value::Null, true, true),
        (both, scheme("first"), true, true),
        (Value::Null, scheme("always"), true, true),
        (Value::Null, scheme("first"), true, false),
        (Value::Null, scheme("never"), false, false),
        (replace, Value::Null, false, false),
    ] {
        let tokenizer = sentences(&normalizer, &pre_tokenizer);
        let a = |space: bool| if space { 6 } else { 4 };
        assert_eq!(tokenizer.encode("a", false).unwrap(), [a(begins)]);
        let after = |before: &[u32], text: &str, special: bool| {
            tokenizer.encode_after(before, text, special).unwrap()
        };
        assert_eq!(after(&[], "a", false), [a(begins)]);
        assert_eq!(after(&[5], "a", false), [4]);
        assert_eq!(after(&[5], " a", false), [6]);
        assert_eq!(after(&[0], "a", false), [4], "an unknown character is none of them");
        assert_eq!(after(&[1], "a", false), [a(behind_control)]);
        assert_eq!(after(&[5], "b</s>a", true), [5, 2, a(behind_control)]);
        assert_eq!(after(&[5], "</s>a", true), [2, a(behind_control)]);
        assert_eq!(after(&[5], "b </s>a", true), [5, 2, a(behind_control)]);
        assert_eq!(after(&[5], "?a</s>b", true)[..3], [0, 4, 2]);
        assert_eq!(after(&[5], "b</s>a", false), [5, 0, 4], "a name that users wrote is text");
        let whole = tokenizer.encode("ab</s>ac", true).unwrap();
        let parts = tokenizer.encode("a", true).unwrap();
        assert_eq!([&parts[..], &after(&parts, "b</s>ac", true)].concat(), whole);
    }
    let json = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                      "use_regex": false});
    let mut bytes = file();
    (bytes["pre_tokenizer"], bytes["model"]["vocab"]["\u{120}"]) = (json, json!(9));
    let bytes = bytes.to_string().into_bytes();
    let tokenizer = Tokenizer::from_json_bytes(&bytes, Path::new("t")).unwrap();
    assert_eq!(tokenizer.encode("a", false).unwrap(), [9, 0]);
    assert_eq!(tokenizer.encode_after(&[1], "a", false).unwrap(), [0]);
    assert_eq!(tokenizer.encode_after(&[3], "a", false).unwrap(), [9, 0]);
}

#[test]
fn spaces_of_added_tokens_are_spaces() {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"});
    let tokenizer = sentences(&replace, &Value::Null);
    assert_eq!(tokenizer.decode(&[4, 7, 5, 3], true), "a  b ");
    assert_eq!(tokenizer.text(&[7, 6]), "   a");
    assert_eq!(tokenizer.token_bytes(7), b"  ");
}
