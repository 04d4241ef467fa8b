//! What begins and ends texts, where files of one model say different things, or a name is also a word.

use super::*;

/// [`file`] with more added tokens, of these names from id 8 on, `special` or not.
fn with_added(names: &[&str], special: bool) -> Value {
    let mut file = file();
    for (id, name) in (8..).zip(names) {
        let token = json!({"id": id, "content": name, "single_word": false, "lstrip": false,
                           "rstrip": false, "normalized": false, "special": special});
        file["added_tokens"].as_array_mut().unwrap().push(token);
    }
    file
}

fn read(file: &Value, roles: &Roles) -> Tokenizer {
    let bytes = file.to_string().into_bytes();
    Tokenizer::from_json_with_roles(&bytes, Path::new("t"), roles).unwrap()
}

/// The expected ids are those of transformers 5.24 for the same files.
#[test]
fn all_that_a_template_puts_before_a_text_is_put_there() {
    let mut file = with_added(&["[gMASK]"], true);
    let token = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let with = |single: Value, file: &mut Value| {
        file["post_processor"]["single"] = single;
        read(file, &Roles::default())
    };
    let two = with(json!([token("[gMASK]"), token("<s>"), text]), &mut file);
    let ids = |text: &str| two.encode_with_bos(text, true).unwrap();
    assert_eq!(ids("a"), [8, 3, 0]);
    assert_eq!(ids(""), [8, 3]);
    // Not twice; a part of it alone is none.
    assert_eq!(ids("[gMASK]<s>a"), [8, 3, 0]);
    assert_eq!(ids("<s>a"), [8, 3, 3, 0]);
    assert_eq!((two.special_ids().bos, two.add_bos()), (Some(8), true));
    let around = with(json!([token("<s>"), text, token("[gMASK]"), token("</s>")]), &mut file);
    assert_eq!(around.encode_with_bos("a", true).unwrap(), [3, 0]);
    let roles = around.special_ids();
    assert_eq!((roles.bos, roles.eos, around.add_eos()), (Some(3), Some(7), true));
    for nothing in [json!([text]), json!([]), json!([token("<s>")])] {
        let bare = with(nothing, &mut file);
        assert_eq!(bare.encode_with_bos("a", true).unwrap(), [0]);
        assert!(!bare.add_bos() && !bare.add_eos());
    }
}

/// As folders of `DeepSeek` are: the class of their tokenizer made a template of what `tokenizer_config.json` says.
#[test]
fn a_text_begins_as_another_file_says_where_there_is_no_template() {
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false,
                            "use_regex": true});
    let template = file()["post_processor"].clone();
    let empty = json!({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}]});
    let named = |begins: bool| Roles { begin: Some("<s>".into()), begins, ..Roles::default() };
    for (processor, begins, expected) in [
        (&byte_level, true, &[3, 0][..]),
        (&byte_level, false, &[0]),
        (&Value::Null, true, &[3, 0]),
        (&Value::Null, false, &[0]),
        // A template decides.
        (&template, true, &[3, 0]),
        (&template, false, &[3, 0]),
        (&empty, true, &[0]),
        (&json!({"type": "Sequence", "processors": [byte_level, template]}), false, &[3, 0]),
        (&json!({"type": "Sequence", "processors": [byte_level, empty]}), true, &[0]),
    ] {
        let mut file = file();
        file["post_processor"] = processor.clone();
        let tokenizer = read(&file, &named(begins));
        let ids = tokenizer.encode_with_bos("a", true).unwrap();
        assert_eq!(ids, expected, "{begins} {processor}");
        assert_eq!(tokenizer.special_ids().bos, Some(3));
    }
    let mut file = file();
    file["post_processor"] = Value::Null;
    for begin in [None, Some("<none>".to_owned())] {
        let tokenizer = read(&file, &Roles { begin, begins: true, ..Roles::default() });
        assert_eq!(tokenizer.encode_with_bos("a", true).unwrap(), [0]);
    }
}

/// Gemma's vocabulary has the tags of HTML, Qwen's a `</s>` of code.
#[test]
fn a_word_that_is_an_end_elsewhere_is_one_where_a_file_says_so() {
    let mut json = with_added(&["</b>", "[EOS]", "<EOT>"], false);
    json["added_tokens"][1]["special"] = json!(false);
    let tokenizer = read(&json, &Roles::default());
    assert_eq!(tokenizer.encode("a</s></b>[EOS]<EOT>", false).unwrap(), [0, 7, 8, 9, 10]);
    assert_eq!(tokenizer.text(&[0, 7]), "a</s>");
    assert!((7..=10).all(|id| !tokenizer.is_special(id)));
    assert!(tokenizer.ends_named(&[]).is_empty());
    for roles in [
        Roles { end: Some("</s>".into()), ..Roles::default() },
        Roles { ends: vec![0, 7], ..Roles::default() },
    ] {
        let tokenizer = read(&json, &roles);
        let special: Vec<u32> = (0..11).filter(|&id| tokenizer.is_special(id)).collect();
        assert_eq!(special, [3, 7], "no ordinary token");
        assert_eq!(tokenizer.ends_named(&[]), [7]);
        assert!(tokenizer.encode("</s>", false).is_err(), "this vocabulary has no other way");
    }
    json["added_tokens"][1]["special"] = json!(true);
    assert_eq!(read(&json, &Roles::default()).ends_named(&[]), [7]);

    let of_gguf = |kind: i32, eos: Option<u32>| {
        let tokens = ["a", "b", "ab", "</s>"].map(str::to_owned).into();
        let spec = GgufVocabulary { tokens, token_types: vec![1, 1, 1, kind], eos, ..gpt2() };
        let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
        (tokenizer.is_special(3), tokenizer.ends_named(&[]))
    };
    assert_eq!(of_gguf(1, None), (false, vec![]));
    assert_eq!(of_gguf(4, None), (false, vec![]));
    assert_eq!(of_gguf(3, None), (true, vec![3]));
    for kind in [1, 3, 4] {
        assert_eq!(of_gguf(kind, Some(3)), (true, vec![3]));
    }
}

/// A `<pad>` that was added to train with, in a model that was never resized; transformers opens it.
#[test]
fn what_was_added_may_lie_beyond_the_model_where_it_has_no_role() {
    let path = Path::new("config.json");
    let fits = |file: &Value, roles: &Roles, size: usize| {
        read(file, roles).check_vocab(size, path).map_err(|error| error.to_string())
    };
    let none = Roles::default();
    let end = |name: &str| Roles { end: Some(name.into()), ..Roles::default() };
    let begin = |name: &str| Roles { begin: Some(name.into()), ..Roles::default() };
    let refused = |size: usize, ids: usize| -> Result<(), String> {
        Err(format!(
            "config.json: vocab_size: {size}, but the tokenizer has {ids} ids: it belongs to another model"
        ))
    };
    for special in [false, true] {
        let file = with_added(&["<pad>", "<think>"], special);
        for size in [8, 9, 10] {
            assert_eq!(fits(&file, &none, size), Ok(()), "{special} {size}");
        }
        assert_eq!(fits(&file, &end("</s>"), 8), Ok(()));
        // Not what begins or ends a text.
        assert_eq!(fits(&file, &end("</s>"), 7), refused(7, 10));
        assert_eq!(fits(&file, &end("<think>"), 9), refused(9, 10));
        assert_eq!(fits(&file, &end("<think>"), 10), Ok(()));
        assert_eq!(fits(&file, &begin("<pad>"), 8), refused(8, 10));
    }
    // Nor a token of the model's own vocabulary, listed as added, too, or not.
    let mut file = with_added(&[], false);
    file["model"]["vocab"]["ba"] = json!(8);
    assert_eq!(fits(&file, &none, 8), refused(8, 9));
    assert_eq!(fits(&file, &none, 9), Ok(()));
    let mut file = with_added(&["<pad>"], false);
    file["model"]["vocab"]["<pad>"] = json!(8);
    assert_eq!(fits(&file, &none, 8), refused(8, 9));

    // Of a GGUF file, whose tokens are all in one list: control tokens, and so what fills a batch.
    let of_gguf = |kind: i32, pad: Option<u32>| {
        let tokens = ["a", "b", "ab", "<e>", "<pad>"].map(str::to_owned).into();
        let spec = GgufVocabulary { tokens, token_types: vec![1, 1, 1, 3, kind], pad, ..gpt2() };
        let tokenizer = Tokenizer::from_vocabulary(&spec, Path::new("x")).unwrap();
        tokenizer.check_vocab(4, path).is_ok()
    };
    assert!(of_gguf(3, Some(4)) && of_gguf(3, None));
    assert!(!of_gguf(1, None) && !of_gguf(4, None));
}
