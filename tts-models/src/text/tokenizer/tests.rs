//! Encoding and decoding against ids from other implementations, and bad files by table.

mod onward;
mod roles;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

const IM_END: u32 = 258;

/// A file of the folder `shared` beside the workspace; `None` where that is absent.
fn shared(path: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    std::fs::read_to_string(root.join("shared").join(path)).ok()
}

/// Texts that stress pre-tokenizers.
const TEXTS: &[&str] = &[
    "",
    " ",
    "   \n\n\t  x  ",
    "Hello, world! It's 12345.678 o'clock; WE'LL see\u{2019}s.",
    "fn main() {\n    println!(\"{}\", a[0] + 1e-5);\n}\r\n\r\n\tend",
    "\u{65e5}\u{672c}\u{8a9e}\u{306e}\u{30c6}\u{30ad}\u{30b9}\u{30c8}\u{3001}\u{4e2d}\u{6587}123",
    "\u{1f600}\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f1e9}\u{1f1ea}!",
    "caf\u{e9} cafe\u{301} n\u{303} \u{1e9b}\u{323} \u{fb01} \u{212b}",
    "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64a}\u{629} \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
    "\u{b2}\u{2167}\u{bd}\u{663}\u{664} \u{a0}\u{3000}\u{2003}x\u{85}y\u{2028}z",
    "a\u{0}b\u{7f}c\u{feff}d\u{ad}e",
    "<|im_start|>user\n<think>no</think><|im_end|> <|endoftext|><tool_call>",
    "$$\\frac{1}{2} \\cdot 10^{3} = \\boxed{500}$$",
];

/// Qwen3's own file, where `TTS_QWEN3_TOKENIZER` names it.
#[test]
fn qwen3_agrees_with_the_crate_and_with_its_gguf_form() {
    let Some(path) = std::env::var_os("TTS_QWEN3_TOKENIZER").map(PathBuf::from) else {
        println!("skipped: TTS_QWEN3_TOKENIZER does not name Qwen3's tokenizer.json");
        return;
    };
    let tokenizer = Tokenizer::from_file(&path).unwrap();
    let reference = tokenizers::Tokenizer::from_file(&path).unwrap();
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let mut tokens = vec![String::new(); tokenizer.vocab_size()];
    let mut token_types = vec![1; tokens.len()];
    for (token, id) in file["model"]["vocab"].as_object().unwrap() {
        token.clone_into(&mut tokens[usize::try_from(id.as_u64().unwrap()).unwrap()]);
    }
    for added in file["added_tokens"].as_array().unwrap() {
        let id = usize::try_from(added["id"].as_u64().unwrap()).unwrap();
        added["content"].as_str().unwrap().clone_into(&mut tokens[id]);
        token_types[id] = if added["special"] == true { 3 } else { 4 };
    }
    let join = |m: &Value| format!("{} {}", m[0].as_str().unwrap(), m[1].as_str().unwrap());
    let spec = GgufVocabulary {
        model: "gpt2".into(),
        pre: Some("qwen2".into()),
        merges: file["model"]["merges"].as_array().unwrap().iter().map(join).collect(),
        tokens,
        token_types,
        ..Default::default()
    };
    let rebuilt = Tokenizer::from_vocabulary(&spec, Path::new("qwen3.gguf")).unwrap();
    assert_eq!(rebuilt.digest(), tokenizer.digest());
    let rows = shared("data/tokenizer/smollm2_ids.jsonl").unwrap_or_default();
    let rows = rows.lines().map(|row| {
        let row: Value = serde_json::from_str(row).unwrap();
        row["text"].as_str().unwrap().to_owned()
    });
    for text in TEXTS.iter().map(|&t| t.to_owned()).chain(rows) {
        let expected = reference.encode(text.as_str(), false).unwrap().get_ids().to_vec();
        assert_eq!(tokenizer.encode(&text, true).unwrap(), expected, "{text:?}");
        assert_eq!(rebuilt.encode(&text, true).unwrap(), expected, "{text:?}");
        let plain = tokenizer.encode(&text, false).unwrap();
        assert_eq!(rebuilt.encode(&text, false).unwrap(), plain, "{text:?}");
        assert!(!plain.iter().any(|&id| tokenizer.is_special(id)));
        for skip in [false, true] {
            let decoded = reference.decode(&expected, skip).unwrap();
            assert_eq!(tokenizer.decode(&expected, skip), decoded);
        }
        assert_eq!(tokenizer.text(&expected), reference.decode(&expected, true).unwrap());
        // Every cut of the ids, with partial characters at its ends.
        for cut in 0..expected.len().min(40) {
            let decoded = reference.decode(&expected[cut..], true).unwrap();
            assert_eq!(tokenizer.text(&expected[cut..]), decoded);
        }
    }
}

#[test]
fn bytes_round_trip_and_hide_control_tokens() {
    let tokenizer = Tokenizer::bytes().unwrap();
    assert_eq!(tokenizer.vocab_size(), 260);
    for text in TEXTS {
        let plain = tokenizer.encode(text, false).unwrap();
        assert!(plain.iter().copied().eq(text.bytes().map(u32::from)));
        assert_eq!(tokenizer.text(&plain), *text);
        assert_eq!(tokenizer.decode(&plain, true), *text);
        let parsed = tokenizer.encode(text, true).unwrap();
        assert_eq!(tokenizer.decode(&parsed, false), *text);
    }
    assert_eq!(tokenizer.encode("a<|im_end|>", true).unwrap(), [97, IM_END]);
    assert_eq!(tokenizer.id("<|im_end|>"), Some(IM_END));
    assert_eq!(tokenizer.id("<|im_e"), None);
    assert!(tokenizer.is_special(IM_END) && !tokenizer.is_special(97));
    assert_eq!(tokenizer.token_bytes(10), b"\n");
    assert_eq!(tokenizer.token_bytes(IM_END), b"");
    assert_eq!(tokenizer.text(&[0xC3, 97, IM_END, 0xC3, 0xA9]), "\u{fffd}a\u{e9}");
    assert_eq!(tokenizer.decode(&[97, IM_END, u32::MAX], false), "a<|im_end|>");
}

#[test]
fn a_model_may_be_larger_than_its_tokenizer_and_not_smaller() {
    let tokenizer = Tokenizer::bytes().unwrap();
    let path = Path::new("config.json");
    // The last one fills batches, which no model here reads.
    for size in [259, 260, 512, 49_152] {
        assert!(tokenizer.check_vocab(size, path).is_ok());
    }
    assert_eq!(
        tokenizer.check_vocab(258, path).unwrap_err().to_string(),
        "config.json: vocab_size: 258, but the tokenizer has 260 ids: it belongs to another model"
    );
    // Control tokens without a role may lie beyond it, as an image's of a family whose small models see none.
    let with = |name: &str, kind: i32| {
        let tokens = ["a", "b", "ab", "<e>", "<i>", name].map(str::to_owned).into();
        let token_types = vec![1, 1, 1, 3, 3, kind];
        let vocabulary = GgufVocabulary { tokens, token_types, eos: Some(3), ..gpt2() };
        Tokenizer::from_vocabulary(&vocabulary, Path::new("a.gguf")).unwrap()
    };
    for (name, kind, size, fits) in
        [("<j>", 3, 4, true), ("<j>", 3, 3, false), ("c", 1, 5, false), ("c", 1, 6, true)]
    {
        let found = with(name, kind).check_vocab(size, path);
        assert_eq!(found.is_ok(), fits, "{name} {size}: {found:?}");
    }
    // What stands for nothing at the end is not drawn.
    assert_eq!((tokenizer.vocab_size(), tokenizer.drawn()), (260, 260));
    let tokens = ["a", "b", "ab", "<e>", "[PAD4]", "[PAD6]", "[PAD6]x", "[PAD7]", "[PAD8]"];
    let tokens = tokens.map(str::to_owned).into();
    let spec = GgufVocabulary { tokens, token_types: vec![1, 1, 1, 3, 5, 5, 5, 5, 5], ..gpt2() };
    let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
    assert_eq!((tokenizer.vocab_size(), tokenizer.drawn()), (9, 7));
}

/// A small `SentencePiece` vocabulary.
fn llama() -> GgufVocabulary {
    let mut list: Vec<(String, i32, f32)> =
        vec![("<unk>".into(), 2, 0.0), ("<s>".into(), 3, 0.0), ("</s>".into(), 3, 0.0)];
    list.extend((0..=u8::MAX).map(|b| (format!("<0x{b:02X}>"), 6, 0.0)));
    let pieces = [("\u{2581}a", -1.0), ("ab", -2.0), ("\u{2581}ab", -3.0), ("<0", -4.0)];
    list.extend(pieces.map(|(t, score)| (t.to_owned(), 1, score)));
    list.extend(["\u{2581}", "a", "b", "<", "0", "s", ">"].map(|t| (t.to_owned(), 1, -100.0)));
    GgufVocabulary {
        model: "llama".into(),
        tokens: list.iter().map(|(token, _, _)| token.clone()).collect(),
        token_types: list.iter().map(|(_, kind, _)| *kind).collect(),
        scores: list.iter().map(|(_, _, score)| *score).collect(),
        bos: Some(1),
        eos: Some(2),
        add_bos: true,
        ..Default::default()
    }
}

#[test]
fn sentencepiece_merges_by_score_and_falls_back_to_bytes() {
    let tokenizer = Tokenizer::from_vocabulary(&llama(), Path::new("x.gguf")).unwrap();
    let id = |token: &str| tokenizer.id(token).unwrap();
    // "\u{2581}a" scores above "ab", so "\u{2581}ab" is reached from it.
    assert_eq!(tokenizer.encode("abab", false).unwrap(), [id("\u{2581}ab"), id("ab")]);
    let fallback = tokenizer.encode("a\u{e9}", false).unwrap();
    assert_eq!(fallback, [id("\u{2581}a"), id("<0xC3>"), id("<0xA9>")]);
    assert_eq!(tokenizer.decode(&fallback, true), "a\u{e9}");
    assert_eq!(tokenizer.text(&fallback), " a\u{e9}");
    assert_eq!(tokenizer.token_bytes(fallback[2]), [0xA9]);
    assert_eq!(tokenizer.encode_with_bos("<s>ab", true).unwrap(), [1, id("\u{2581}ab")]);
    assert_eq!(tokenizer.encode_with_bos("ab", true).unwrap(), [1, id("\u{2581}ab")]);
    for name in ["<s>", "</s>", "<unk>", "<0x0A>"] {
        let plain = tokenizer.encode(name, false).unwrap();
        assert!(!plain.iter().any(|&id| tokenizer.is_special(id)), "{name}");
        assert_eq!(tokenizer.decode(&plain, false), name);
    }
    let spec = GgufVocabulary { add_space_prefix: Some(false), ..llama() };
    let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x.gguf")).unwrap();
    assert_eq!(tokenizer.encode("ab", false).unwrap(), [id("ab")]);
    assert_eq!(tokenizer.decode(&tokenizer.encode(" ab", false).unwrap(), false), " ab");
}

/// A sound byte-level vocabulary: `a`, `b`, `ab`, and `<e>` as a control token.
fn gpt2() -> GgufVocabulary {
    GgufVocabulary {
        model: "gpt2".into(),
        pre: Some("gpt-2".into()),
        tokens: ["a", "b", "ab", "<e>"].map(str::to_owned).into(),
        token_types: vec![1, 1, 1, 3],
        merges: vec!["a b".into()],
        ..Default::default()
    }
}

#[test]
fn plain_text_cannot_reach_a_control_token_by_merges() {
    let tokens = ["a", "b", "ab", "abb"].map(str::to_owned).into();
    let merges = ["a b", "ab b"].map(str::to_owned).into();
    let spec = GgufVocabulary { tokens, merges, ..gpt2() };
    let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
    assert_eq!(tokenizer.encode("abb", false).unwrap(), [2, 1]);
    assert_eq!(tokenizer.encode("abb", true).unwrap(), [3]);
    assert!(tokenizer.encode("abc", false).is_err());
}

#[test]
fn the_unknown_token_of_a_byte_level_file_is_a_control_token_like_others() {
    let mut json = file();
    let token = json!({"id": 8, "content": "abb", "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true});
    json["added_tokens"].as_array_mut().unwrap().push(token);
    json["model"]["ignore_merges"] = json!(true);
    for unknown in ["abb", "<none>"] {
        json["model"]["unk_token"] = json!(unknown);
        let bytes = json.to_string().into_bytes();
        let tokenizer = Tokenizer::from_json_bytes(&bytes, Path::new("t")).unwrap();
        assert_eq!(tokenizer.encode("abb", false).unwrap(), [2, 1]);
        assert_eq!(tokenizer.encode("abb", true).unwrap(), [8]);
    }
}

#[test]
fn a_word_that_is_a_token_is_taken_whole_where_the_family_does() {
    let whole = ["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "midm-2.0", "tekken"];
    let merged = ["gpt-2", "mellum", "a.x-4.0", "qwen2", "megrez", "kormo", "deepseek-v3"];
    for pre in whole.into_iter().chain(merged) {
        let tokens = ["a", "b", "ab", "<e>", "abb"].map(str::to_owned).into();
        let token_types = vec![1, 1, 1, 3, 1];
        let spec = GgufVocabulary { tokens, token_types, pre: Some(pre.into()), ..gpt2() };
        let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
        // No merge leads to the third.
        let expected = if whole.contains(&pre) { &[4][..] } else { &[2, 1] };
        assert_eq!(tokenizer.encode("abb", false).unwrap(), expected, "{pre}");
    }
}

#[test]
fn the_tokens_that_end_a_text_are_special_whatever_their_type() {
    type Role = fn(&mut GgufVocabulary);
    let roles: [Role; 4] = [
        |spec| spec.eos = Some(3),
        |spec| spec.eot = Some(3),
        |spec| spec.bos = Some(3),
        |spec| spec.pad = Some(3),
    ];
    for role in roles {
        let mut spec = GgufVocabulary { token_types: vec![1; 4], ..gpt2() };
        role(&mut spec);
        let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
        assert_eq!(tokenizer.encode("a<e>", true).unwrap(), [0, 3]);
        // Text of users cannot end a turn; here it has no other way to be written.
        assert!(tokenizer.encode("a<e>", false).is_err());
    }
}

#[test]
fn bad_vocabularies_name_the_field() {
    type Change = fn(&mut GgufVocabulary);
    let table: &[(Change, &str)] = &[
        (|v| v.model = "bert".into(), "tokenizer.ggml.model: unsupported \"bert\", only"),
        (
            |v| v.pre = Some("nope".into()),
            "tokenizer.ggml.pre: unsupported \"nope\"; known are gpt-2",
        ),
        (|v| v.pre = None, "tokenizer.ggml.pre: unsupported file without it"),
        (|v| v.token_types.push(1), "tokenizer.ggml.token_type: 5 entries for 4 tokens"),
        (|v| v.token_types[1] = 9, "tokenizer.ggml.token_type[1]: 9 is not a token type"),
        (|v| v.tokens[1] = "a".into(), "tokenizer.ggml.tokens[1]: \"a\" is also token 0"),
        (|v| v.tokens[1] = "b c".into(), "tokenizer.ggml.merges[0]: \"b\" is not a token"),
        (|v| v.tokens[2] = "\u{6587}".into(), "tokenizer.ggml.merges[0]: \"ab\" is not a token"),
        (|v| v.tokens.push(" ".into()), "tokenizer.ggml.token_type: 4 entries for 5 tokens"),
        (
            |v| (v.tokens.push("x y".into()), v.token_types.push(1)).1,
            "tokenizer.ggml.tokens[4]: \"x y\": ' ' is outside the byte-level alphabet",
        ),
        (|v| v.tokens[2] = "x".repeat(1_000_000), "tokenizer.ggml.tokens[2]: 1000000 bytes long"),
        (|v| v.merges[0] = "ab".into(), "tokenizer.ggml.merges[0]: \"ab\" is not two tokens"),
        (|v| v.merges[0] = "a b c".into(), "tokenizer.ggml.merges[0]: \"a b c\" is not two"),
        (|v| v.merges.push("b a".into()), "tokenizer.ggml.merges[1]: \"ba\" is not a token"),
        (|v| v.eos = Some(4), "tokenizer.ggml.eos_token_id: 4 for 4 tokens"),
        (
            |v| *v = GgufVocabulary { tokens: vec![], token_types: vec![], ..v.clone() },
            "tokenizer.ggml.tokens: the vocabulary is empty",
        ),
        (|v| v.model = "llama".into(), "tokenizer.ggml.scores: 0 entries for 4 tokens"),
        (
            |v| (v.model = "llama".into(), v.scores = vec![0.0, 0.0, f32::NAN, 0.0]).1,
            "tokenizer.ggml.scores[2]: not a number",
        ),
        (
            |v| (v.model = "llama".into(), v.scores = vec![0.0; 4]).1,
            "tokenizer.ggml.tokens: neither an unknown token nor all of <0x00> to <0xFF>",
        ),
    ];
    assert!(Tokenizer::from_vocabulary(&gpt2(), Path::new("x")).is_ok());
    for (change, expected) in table {
        let mut spec = gpt2();
        change(&mut spec);
        let error = Tokenizer::from_vocabulary(&spec, Path::new("dir/m.gguf")).unwrap_err();
        let expected = format!("dir/m.gguf: {expected}");
        assert!(error.to_string().starts_with(&expected), "{error}\n{expected}");
    }
}

/// A sound `tokenizer.json`.
fn file() -> Value {
    let added = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false, "special": true})
    };
    json!({
        "version": "1.0",
        "added_tokens": [added(3, "<s>"), added(7, "</s>")],
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "\\p{L}{1,3}"}, "behavior": "Isolated",
             "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
             "use_regex": false},
        ]},
        "post_processor": {"type": "TemplateProcessing", "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        ]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                    "use_regex": true},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
    })
}

/// Words of gpt-oss's `tokenizer.json` end before a capital and behind a contraction, its turns with `<|return|>` and
/// `<|call|>`.
#[test]
fn files_of_gpt_oss() {
    let mut file = file();
    let regex = super::split::O200K;
    file["pre_tokenizer"]["pretokenizers"][0]["pattern"] = json!({ "Regex": regex });
    let names = ["<|return|>", "<|channel|>", "<|start|>", "<|end|>", "<|message|>", "<|call|>"];
    let added: Vec<Value> = (10..)
        .zip(names)
        .map(|(id, name)| {
            json!({"id": id, "content": name, "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false, "special": true})
        })
        .collect();
    file["added_tokens"] = json!(added);
    file["post_processor"] = Value::Null;
    file["model"] = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "ignore_merges": true,
        "vocab": {"H": 0, "e": 1, "W": 2, "'": 3, "s": 4, "1": 5, "eW": 6, "e'": 7, "e's": 8, "11": 9},
        "merges": [["e", "W"], ["e", "'"], ["e'", "s"], ["1", "1"]]
    });
    let tokenizer =
        Tokenizer::from_json_bytes(file.to_string().as_bytes(), Path::new("t")).unwrap();
    let ids = |text: &str| tokenizer.encode(text, true).unwrap();
    assert_eq!(ids("HeWe's1111"), [0, 1, 2, 8, 9, 5, 5]);
    assert_eq!(ids("<|start|>He<|message|>e's<|return|>"), [12, 0, 1, 14, 8, 10]);
    assert_eq!(tokenizer.ends_named(&[]), [10, 15]);
}

#[test]
fn json_files() {
    let bytes = file().to_string().into_bytes();
    let tokenizer = Tokenizer::from_json_bytes(&bytes, Path::new("t")).unwrap();
    assert_eq!(tokenizer.encode_with_bos("abaab</s>", true).unwrap(), [3, 2, 0, 2, 7]);
    assert_eq!(tokenizer.encode_with_bos("<s>a", true).unwrap(), [3, 0]);
    assert!(tokenizer.encode("</s>", false).is_err());
    assert_eq!((tokenizer.vocab_size(), tokenizer.id("</s>")), (8, Some(7)));
    assert_eq!(tokenizer.special_ids().bos, Some(3));
    // No prefix of a file is a file.
    for end in 0..bytes.len() {
        let error = Tokenizer::from_json_bytes(&bytes[..end], Path::new("t")).unwrap_err();
        assert!(error.to_string().starts_with("t: JSON: "), "{error}");
    }
    // Corrupt bytes may still be a file, but never panic.
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut corrupt = bytes.clone();
            corrupt[at] ^= 1 << bit;
            if let Ok(tokenizer) = Tokenizer::from_json_bytes(&corrupt, Path::new("t")) {
                let _ = tokenizer.encode("ab<s> \u{e9}", true);
            }
        }
    }
}

/// As a converter writes it: ids without a token are named and unused.
#[test]
fn a_vocabulary_has_one_digest_in_either_format() {
    let json =
        Tokenizer::from_json_bytes(&file().to_string().into_bytes(), Path::new("t")).unwrap();
    let tokens = ["a", "b", "ab", "<s>", "[PAD4]", "[PAD5]", "[PAD6]", "</s>", "[PAD8]"];
    let spec = GgufVocabulary {
        tokens: tokens.map(str::to_owned).into(),
        token_types: vec![1, 1, 1, 3, 5, 5, 5, 3, 5],
        ..gpt2()
    };
    let digest =
        |spec: &GgufVocabulary| Tokenizer::from_vocabulary(spec, Path::new("x")).unwrap().digest();
    assert_eq!(digest(&spec), json.digest());
    let mut other = spec.clone();
    other.tokens.swap(3, 7);
    assert_ne!(digest(&other), json.digest());
    let sentences = digest(&llama());
    assert_ne!(sentences, json.digest());
    assert_eq!(sentences, digest(&GgufVocabulary { bos: None, add_bos: false, ..llama() }));
}

#[test]
fn bad_json_files_name_the_field() {
    type Change = fn(&mut Value);
    let table: &[(Change, &str)] = &[
        (|f| f["model"] = Value::Null, "JSON: invalid type: null"),
        (
            |f| f["model"] = json!({"type": "Unigram", "vocab": []}),
            "model.type: unsupported \"Unigram\"",
        ),
        (|f| f["model"]["vocab"] = json!({"a": -1}), "JSON: invalid value: integer `-1`"),
        (|f| f["model"]["vocab"] = json!({}), "model.vocab: the vocabulary is empty"),
        (|f| f["model"]["vocab"]["b"] = json!(0), "model.vocab[0]: id 0 of \"b\" names another"),
        (|f| f["model"]["vocab"]["b"] = json!(4_000_000_000_u32), "model.vocab[4000000000]: id"),
        (|f| f["model"]["vocab"]["x y"] = json!(9), "model.vocab[9]: \"x y\": ' ' is outside"),
        (
            |f| f["model"]["vocab"]["x".repeat(1_000_000)] = json!(9),
            "model.vocab[9]: 1000000 bytes",
        ),
        (|f| f["model"]["vocab"]["<s>"] = json!(9), "added_tokens[3]: \"<s>\" is also token 9"),
        (|f| f["model"]["merges"][0] = json!(["a", "c"]), "model.merges[0]: \"c\" is not a token"),
        (|f| f["model"]["merges"][0] = json!("ab"), "model.merges[0]: \"ab\" is not two tokens"),
        (|f| f["model"]["merges"][0] = json!(["a"]), "JSON: data did not match any variant"),
        (|f| f["model"]["dropout"] = json!(0.5), "model.dropout: unsupported dropout"),
        (|f| f["model"]["end_of_word_suffix"] = json!("</w>"), "model.continuing_subword_prefix, "),
        (
            |f| f["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!("(["),
            "pre_tokenizer: ",
        ),
        (
            |f| {
                f["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
                    json!("(?=a{999}){999}");
            },
            "pre_tokenizer.pretokenizers[0].pattern: unsupported repetition of 998001",
        ),
        (
            |f| f["pre_tokenizer"]["pretokenizers"][0]["pattern"] = json!({"String": ""}),
            "pre_tokenizer.pretokenizers[0].pattern: neither",
        ),
        (
            |f| f["pre_tokenizer"] = json!({"type": "BertPreTokenizer"}),
            "pre_tokenizer.type: unsupported",
        ),
        (|f| f["pre_tokenizer"] = json!({}), "pre_tokenizer: no type"),
        (|f| f["normalizer"] = json!({"type": "Precompiled"}), "normalizer.type: unsupported"),
        (
            |f| {
                f["normalizer"] =
                    json!({"type": "Replace", "pattern": {"Regex": "a"}, "content": "b"});
            },
            "normalizer.pattern: unsupported regular expression",
        ),
        (
            |f| (f["decoder"] = Value::Null, f["pre_tokenizer"] = Value::Null).1,
            "decoder: unsupported neither byte-level nor metaspace",
        ),
        (
            |f| f["post_processor"]["single"][0]["SpecialToken"]["id"] = json!("<x>"),
            "post_processor.single: \"<x>\" is not a token",
        ),
        (
            |f| {
                f["added_tokens"][0]["rstrip"] = json!(true);
                f["added_tokens"][1]["content"] = json!(" ");
            },
            "added_tokens[7]: unsupported \" \" next to tokens with lstrip or rstrip",
        ),
    ];
    for (change, expected) in table {
        let mut file = file();
        change(&mut file);
        let bytes = file.to_string().into_bytes();
        let error = Tokenizer::from_json_bytes(&bytes, Path::new("dir/t.json")).unwrap_err();
        let expected = format!("dir/t.json: {expected}");
        assert!(error.to_string().starts_with(&expected), "{error}\n{expected}");
    }
    let text = file().to_string().replace("\"a\":0", "\"a\":0,\"a\":5");
    let error = Tokenizer::from_json_bytes(text.as_bytes(), Path::new("t")).unwrap_err();
    assert_eq!(error.to_string(), "t: model.vocab[5]: \"a\" is also token 0");
    let error = Tokenizer::from_file("no/such/file").unwrap_err().to_string();
    assert!(error.starts_with("no/such/file: "), "{error}");
}

#[test]
fn a_million_characters_take_no_time() {
    let tokenizer = Tokenizer::from_vocabulary(&llama(), Path::new("x")).unwrap();
    for text in [" ".repeat(1_000_000), "ab".repeat(500_000)] {
        let ids = tokenizer.encode(&text, false).unwrap();
        assert_eq!(tokenizer.decode(&ids, true).len(), text.len());
    }
}

#[test]
fn names_between_bars_are_control_tokens_whatever_the_file_says() {
    let names = ["<｜User｜>", "<|im_start|>", "<end_of_turn>", "<think>"];
    let mut json = file();
    for (id, name) in (8..).zip(names) {
        let token = json!({"id": id, "content": name, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": false});
        json["added_tokens"].as_array_mut().unwrap().push(token);
    }
    let json = json.to_string().into_bytes();
    let tokenizer = Tokenizer::from_json_bytes(&json, Path::new("t")).unwrap();
    for (id, name) in (8..).zip(names) {
        let control = name != "<think>";
        assert_eq!(tokenizer.encode(name, true).unwrap(), [id]);
        assert_eq!(tokenizer.is_special(id), control, "{name}");
        assert_eq!(tokenizer.token_bytes(id), if control { b"" } else { name.as_bytes() });
        assert_eq!(tokenizer.name(id).as_deref(), Some(name));
        // This vocabulary has no other way to write them.
        assert_eq!(tokenizer.encode(name, false).is_err(), control, "{name}");
    }
    // Of a GGUF file: one marked as defined by the user, and an end that is marked as ordinary.
    let tokens = ["a", "b", "ab", "<e>", "<｜User｜>", "<|im_end|>", "<file>"];
    let tokens = tokens.map(str::to_owned).into();
    let spec = GgufVocabulary { tokens, token_types: vec![1, 1, 1, 3, 4, 1, 4], ..gpt2() };
    let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
    let special: Vec<u32> = (0..7).filter(|&id| tokenizer.is_special(id)).collect();
    assert_eq!(special, [3, 4, 5]);
    assert_eq!(tokenizer.encode("a<|im_end|><｜User｜>", true).unwrap(), [0, 5, 4]);
}

#[test]
fn whatever_a_file_names_ends_and_control_tokens_that_are_known_to() {
    let model = |ends: &[u32]| crate::ModelConfig {
        eos_token_ids: ends.to_vec(),
        ..crate::testing::byte_config("llama")
    };
    let bytes = Tokenizer::bytes().unwrap();
    assert_eq!(bytes.end_tokens(&model(&[])), [256, 258]);
    assert_eq!(bytes.end_tokens(&model(&[7, 258, 3])), [3, 7, 256, 258]);
    let names = |tokens: &[(&str, i32)]| {
        let kept = [("a", 1), ("b", 1), ("ab", 1)].iter().chain(tokens);
        let (tokens, token_types): (Vec<String>, Vec<i32>) =
            kept.map(|&(token, kind)| (token.to_owned(), kind)).unzip();
        let spec = GgufVocabulary { tokens, token_types, ..gpt2() };
        let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
        let ends = tokenizer.end_tokens(&model(&[]));
        ends.into_iter().map(|id| tokenizer.name(id).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[("<e>", 3), ("<|eot_id|>", 3), ("<|x|>", 3)]), ["<|eot_id|>"]);
    assert_eq!(names(&[("</s>", 3), ("<|im_end|>", 1)]), ["</s>", "<|im_end|>"]);
    let all = ["<|eom_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>"];
    for name in all.into_iter().chain(["<｜end▁of▁sentence｜>", "<|return|>"]) {
        assert_eq!(names(&[(name, 3)]), [name]);
    }
    // Files of code end with names that an ordinary token may have.
    assert_eq!(names(&[("<reponame>", 3)]), ["<reponame>"]);
    assert!(names(&[("<reponame>", 1)]).is_empty());
    // Messages that are parts of a turn do not end it.
    assert_eq!(names(&[("<|end|>", 3), ("<|call|>", 3)]), ["<|end|>", "<|call|>"]);
    let harmony = [("<|end|>", 3), ("<|call|>", 3), ("<|return|>", 3)];
    assert_eq!(names(&harmony), ["<|call|>", "<|return|>"]);
}
