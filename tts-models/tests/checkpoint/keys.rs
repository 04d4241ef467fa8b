//! What the keys of a GGUF file say beside its tensors: lists of factors, gates, windows, and parts that stand apart.

use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::weights::gguf::{Array, Value};
use tts_models::weights::{Dtype, RawTensor};
use tts_models::{DecoderWeights, ModelConfig, RopeScaling};

use crate::{from_gguf, load_gguf, tiny};

/// A change of a file by key.
fn with(writer: &mut GgufWriter, key: &str, value: Value) {
    writer.metadata.retain(|(other, _)| other != key);
    writer.metadata.push((key.to_owned(), value));
}

/// Lists of factors and what the keys say: as llama.cpp takes them, and refused where the two contradict.
#[test]
fn lists_of_factors_go_with_what_the_keys_say() {
    let text = |text: &str| Value::String(text.to_owned());
    let list = |name: &str, values: &[f32], shape: &[usize]| RawTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        dtype: Dtype::F32,
        bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    let (short, long) = ("rope_factors_short.weight", "rope_factors_long.weight");
    let read = |model: &str, lists: &[&str], keys: &[(&str, Value)]| {
        let mut writer = decoder_gguf(&tiny(model, 3));
        for name in lists {
            writer.tensors.push(list(name, &[1.0, 2.0, 4.0], &[3]));
        }
        with(&mut writer, &format!("{model}.rope.scaling.original_context_length"), Value::U32(32));
        for (key, value) in keys {
            with(&mut writer, &format!("{model}.rope.{key}"), value.clone());
        }
        from_gguf(&writer).map(|checkpoint| checkpoint.config().rope_scaling.clone())
    };
    let two = [short, long];
    let of_two = |attention_factor: f64| RopeScaling::LongRope {
        short_factor: vec![1.0, 2.0, 4.0],
        long_factor: vec![1.0, 2.0, 4.0],
        original_max_position_embeddings: 32.0,
        attention_factor,
    };
    let attention = ("scaling.attn_factor", Value::F32(1.25));
    let (longrope, none) = (("scaling.type", text("longrope")), ("scaling.type", text("none")));
    // Phi's converter says no type, newer ones do; without a word cosines are left alone.
    assert_eq!(read("phi3", &two, std::slice::from_ref(&attention)).unwrap(), of_two(1.25));
    assert_eq!(read("phi3", &two, &[longrope.clone(), attention.clone()]).unwrap(), of_two(1.25));
    assert_eq!(read("llama", &two, std::slice::from_ref(&longrope)).unwrap(), of_two(1.0));
    // A factor of 0 or 1 is none.
    for factor in [0.0, 1.0] {
        let factor = ("scaling.factor", Value::F32(factor));
        assert_eq!(read("phi3", &two, &[factor]).unwrap(), of_two(1.0));
    }
    let one = ["rope_freqs.weight"];
    let of_one = RopeScaling::Factors(vec![1.0, 2.0, 4.0]);
    assert_eq!(read("llama", &one, &[]).unwrap(), of_one);
    assert_eq!(read("llama", &one, std::slice::from_ref(&none)).unwrap(), of_one);
    let (yarn, four) = (("scaling.type", text("yarn")), ("scaling.factor", Value::F32(4.0)));
    let kind = "rope.scaling.type: unsupported scaling";
    for (lists, keys, expected) in [
        (&two[..], vec![yarn.clone(), four.clone()], format!("{kind} \"yarn\" beside {short}")),
        (&two, vec![none.clone()], format!("{kind} \"none\" beside {short}")),
        (
            &two,
            vec![four.clone()],
            format!("rope.scaling.factor: unsupported factor 4 beside {short}"),
        ),
        (
            &two,
            vec![longrope.clone(), ("scale_linear", Value::F32(2.0))],
            format!("rope.scaling.factor: unsupported factor 2 beside {short}"),
        ),
        (&one, vec![yarn, four.clone()], format!("{kind} \"yarn\" beside rope_freqs.weight")),
        (&one, vec![longrope.clone()], format!("{kind} \"longrope\" beside rope_freqs.weight")),
        (&one, vec![four], "unsupported factor 4 beside rope_freqs.weight".to_owned()),
        (
            &one,
            vec![attention.clone()],
            "rope.scaling.attn_factor: unsupported factor 1.25 of attention".to_owned(),
        ),
        (&[], vec![attention], "rope.scaling.attn_factor: unsupported factor 1.25".to_owned()),
        (&[], vec![longrope], format!("{kind} \"longrope\"; linear, yarn and longrope")),
        (
            &["rope_freqs.weight", long],
            vec![],
            format!("rope_freqs.weight: unsupported factors beside those of {long}"),
        ),
    ] {
        let error = read("llama", lists, &keys).unwrap_err().to_string();
        assert!(
            error.starts_with("tiny.gguf: ") && error.contains(&expected),
            "{expected}: {error}"
        );
    }
    // A row is no list.
    let mut writer = decoder_gguf(&tiny("llama", 3));
    writer.tensors.push(list("rope_freqs.weight", &[1.0; 3], &[1, 3]));
    let error = load_gguf(&writer).unwrap_err().to_string();
    assert_eq!(error, "tiny.gguf: rope_freqs.weight: shape [1, 3], expected [3]");
}

/// The config of a family's small file with other keys.
fn read(model: &str, changes: &[(&str, Value)]) -> Result<ModelConfig, String> {
    let mut writer = decoder_gguf(&tiny(model, 3));
    let architecture = writer.metadata[0].1.as_str().unwrap().to_owned();
    for (key, value) in changes {
        with(&mut writer, &format!("{architecture}.{key}"), value.clone());
    }
    from_gguf(&writer).map(|checkpoint| checkpoint.config().clone()).map_err(|e| e.to_string())
}

/// What yarn multiplies cosines and sines with: 1.2079 for eight times the context, and by what a file says.
#[test]
fn yarn_is_as_in_its_paper_or_refused() {
    let factor = |model: &str, key: &str, by: f32| {
        let changes = [
            ("rope.scaling.type", Value::String("yarn".to_owned())),
            ("rope.scaling.factor", Value::F32(8.0)),
            ("rope.scaling.original_context_length", Value::U32(32)),
            (key, Value::F32(by)),
        ];
        read(model, &changes).map(|config| match config.rope_scaling {
            RopeScaling::Yarn { attention_factor, .. } => attention_factor,
            other => panic!("{other:?}"),
        })
    };
    let (own, other, [extrapolation, attention, logarithm]) = (
        1.207_944_2,
        "rope.scaling.attn_factor",
        [
            "rope.scaling.yarn_ext_factor",
            "rope.scaling.yarn_attn_factor",
            "rope.scaling.yarn_log_multiplier",
        ],
    );
    for (model, key, by, expected) in [
        ("llama", other, 1.0, 1.207_944_154),
        ("llama", other, 0.5, 0.603_972_077),
        ("llama", other, own, 1.459_129_080),
        // Its first converter wrote Hugging Face's number, which is all of it.
        ("olmo2", other, own, 1.207_944_154),
        ("olmo2", other, 1.0, 1.207_944_154),
        ("olmo2", other, 0.5, 0.603_972_077),
        ("llama", extrapolation, 1.0, 1.207_944_154),
        ("llama", extrapolation, -1.0, 1.207_944_154),
        ("llama", attention, own, 1.207_944_154),
        // What DeepSeek-R1-0528-Qwen3-8B has for its factor: what yarn multiplies with is taken back.
        ("llama", attention, 0.827_852_84, 1.0),
        ("llama", logarithm, 0.0, 1.207_944_154),
    ] {
        let found: f64 = factor(model, key, by).unwrap();
        assert!((found - expected).abs() < 2e-7, "{model} {key} {by}: {found}");
    }
    for (key, by, expected) in [
        (extrapolation, 0.0, "unsupported part of yarn 0"),
        (extrapolation, 0.5, "unsupported part of yarn 0.5"),
        (extrapolation, f32::NAN, "unsupported part of yarn NaN"),
        (attention, 1.0, "unsupported attention factor of yarn 1, of which files do not say what"),
        (
            attention,
            f32::NAN,
            "unsupported attention factor of yarn NaN, of which files do not say",
        ),
        (attention, 0.9, "unsupported attention factor of yarn 0.8999999761581421, of which files"),
        (other, 1e30, "1.2079441723444824e30, expected 0.001 to 1000"),
        (logarithm, 1.0, "unsupported multiplier of yarn's logarithm 1"),
        (logarithm, f32::NAN, "unsupported multiplier of yarn's logarithm NaN"),
        (other, f32::NAN, "NaN, expected more than 0"),
    ] {
        let error = factor("llama", key, by).unwrap_err();
        assert!(error.starts_with(&format!("tiny.gguf: llama.{key}: {expected}")), "{error}");
    }
}

/// Converters list some numbers for every layer.
#[test]
fn numbers_of_all_layers_are_one_number() {
    let list = |numbers: &[i32]| Value::Array(Array::I32(numbers.to_vec()));
    let plain = read("granite", &[]).unwrap();
    let listed = [
        ("attention.head_count", Value::Array(Array::U64(vec![2, 2]))),
        ("attention.head_count_kv", list(&[1, 1])),
        ("feed_forward_length", Value::Array(Array::U32(vec![12, 12]))),
    ];
    assert_eq!(read("granite", &listed).unwrap(), plain);
    let expected = "values, expected an integer of each layer";
    for key in listed.map(|(key, _)| key) {
        for (value, expected) in [
            (list(&[1, 0]), "unsupported 0 in some layers and 1 in others".to_owned()),
            (list(&[1]), format!("1 {expected}")),
            (list(&[]), format!("0 {expected}")),
            (list(&[1, -1]), format!("2 {expected}")),
            (Value::Array(Array::F32(vec![1.0; 2])), format!("2 {expected}")),
            (Value::Array(Array::Bool(vec![true; 3])), format!("3 {expected}")),
        ] {
            let error = read("granite", &[(key, value)]).unwrap_err();
            assert_eq!(error, format!("tiny.gguf: granite.{key}: {expected}"));
        }
    }
}

/// 0 says nothing under these keys, and what is no number is refused by name.
#[test]
fn what_is_no_number_is_not_passed_over() {
    for (model, key, expected) in [
        ("llama", "llama.rope.scaling.factor", "NaN, expected more than 0"),
        ("llama", "llama.rope.scaling.attn_factor", "unsupported factor NaN of attention"),
        ("granite", "granite.embedding_scale", "NaN, expected more than 0"),
        ("granite", "granite.residual_scale", "NaN, expected more than 0"),
        ("granite", "granite.attention.scale", "NaN, expected more than 0"),
        ("granite", "granite.logit_scale", "NaN, expected more than 0"),
        ("olmoe", "olmoe.attention.clamp_kqv", "unsupported bound NaN of queries"),
        ("gpt_oss", "gpt-oss.rope.freq_base_swa", "unsupported base NaN of layers"),
        ("qwen3_moe", "qwen3moe.expert_weights_scale", "unsupported factor NaN of what"),
        ("glm4_moe", "glm4moe.expert_weights_scale", "NaN, expected more than 0"),
        ("granitemoe", "granitemoe.residual_scale", "NaN, expected more than 0"),
    ] {
        let (_, own) = key.split_once('.').unwrap();
        let error = read(model, &[(own, Value::F32(f32::NAN))]).unwrap_err();
        assert!(error.contains(&format!("tiny.gguf: {key}: {expected}")), "{key}: {error}");
        if !["llama", "gpt_oss"].contains(&model) {
            let zero = read(model, &[(own, Value::F32(0.0))]).unwrap();
            assert_eq!(zero, read(model, &[]).unwrap(), "{key}");
        }
    }
    let mut writer = decoder_gguf(&tiny("llama", 3));
    let bytes = [1.0_f32; 3].iter().flat_map(|value| value.to_le_bytes()).collect();
    let name = "rope_freqs.weight".to_owned();
    writer.tensors.push(RawTensor { name, shape: vec![3], dtype: Dtype::F32, bytes });
    with(&mut writer, "llama.rope.scaling.factor", Value::F32(f32::NAN));
    let error = load_gguf(&writer).unwrap_err().to_string();
    assert!(error.contains("unsupported factor NaN beside rope_freqs.weight"), "{error}");
}

/// What a file's router does, where it says so.
#[test]
fn gates_are_those_of_the_architecture() {
    let normed = |model: &str, changes: &[(&str, Value)]| {
        let mut writer = decoder_gguf(&tiny(model, 3));
        let architecture = writer.metadata[0].1.as_str().unwrap().to_owned();
        writer.metadata.retain(|(key, _)| !key.ends_with("expert_weights_norm"));
        for (key, value) in changes {
            with(&mut writer, &format!("{architecture}.{key}"), value.clone());
        }
        let config = from_gguf(&writer).map(|checkpoint| checkpoint.config().clone());
        config.map(|config| config.switches.experts.unwrap().normed).map_err(|e| e.to_string())
    };
    let gate = |gate| ("expert_gating_func", Value::U32(gate));
    let plain = ("expert_weights_norm", Value::Bool(false));
    for (model, changes, expected) in [
        ("qwen3_moe", vec![], true),
        ("qwen3_moe", vec![gate(0)], true),
        ("qwen3_moe", vec![gate(1)], true),
        ("qwen3_moe", vec![gate(1), plain.clone()], false),
        // A softmax over the chosen ones adds up to 1.
        ("qwen3_moe", vec![gate(3), plain.clone()], true),
        ("qwen2_moe", vec![], false),
        ("qwen2_moe", vec![gate(3)], true),
        ("olmoe", vec![], false),
        ("granitemoe", vec![], true),
        ("glm4_moe", vec![], false),
        ("glm4_moe", vec![gate(2), ("expert_weights_norm", Value::Bool(true))], true),
        ("gpt_oss", vec![], true),
        ("gpt_oss", vec![plain], true),
        ("gpt_oss", vec![gate(3)], true),
    ] {
        assert_eq!(normed(model, &changes).unwrap(), expected, "{model} {changes:?}");
    }
    for (model, number, expected) in [
        ("qwen3_moe", 2, "qwen3moe.expert_gating_func: unsupported gate 2 in an architecture"),
        ("gpt_oss", 2, "gpt-oss.expert_gating_func: unsupported gate 2 in an architecture"),
        ("glm4_moe", 1, "glm4moe.expert_gating_func: unsupported gate 1 in an architecture"),
        ("glm4_moe", 3, "glm4moe.expert_gating_func: unsupported gate 3 in an architecture"),
        ("glm4_moe", 4, "glm4moe.expert_gating_func: unsupported gate 4; the softmax over all"),
        ("gpt_oss", 1, "gpt-oss.expert_gating_func: unsupported gate 1 in an architecture"),
        ("mixtral", 4, "llama.expert_gating_func: unsupported gate 4"),
    ] {
        let error = normed(model, &[gate(number)]).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// GLM 4.5: layers that guess further tokens are passed over, and unsound numbers of it are refused by key.
#[test]
fn layers_without_experts_and_behind_all_are_counted() {
    let whole = tiny("glm4_moe", 3);
    let mut writer = decoder_gguf(&whole);
    // As converters write them: one block more, with tensors of its own.
    with(&mut writer, "glm4moe.block_count", Value::U32(3));
    with(&mut writer, "glm4moe.nextn_predict_layers", Value::U32(1));
    let mut guess = writer.tensors[1].clone();
    "blk.2.nextn.eh_proj.weight".clone_into(&mut guess.name);
    writer.tensors.push(guess);
    assert_eq!(load_gguf(&writer).unwrap(), whole);
    let norms = ModelConfig { qk_norm: true, ..tiny_config("glm4_moe") };
    let norms = DecoderWeights::random(norms, 3).unwrap();
    assert_eq!(load_gguf(&decoder_gguf(&norms)).unwrap(), norms);
    let without = read("glm4_moe", &[("expert_shared_count", Value::U32(0))]).unwrap();
    assert_eq!(without.switches.experts.unwrap().shared, None);
    let number = Value::U32;
    let sections = Value::Array(Array::I32(vec![2, 2, 0, 0]));
    for (key, value, expected) in [
        ("nextn_predict_layers", number(2), "2, expected less than 2 layers"),
        ("leading_dense_block_count", number(2), "2 of 2 layers, expected at most 1"),
        ("expert_shared_count", Value::U64(1 << 62), "expected 1 to 1048576"),
        ("expert_shared_count", Value::I32(-1), "expected an integer that is not negative"),
        ("expert_group_count", number(4), "unsupported 4 groups of experts"),
        ("expert_weights_scale", Value::F32(-1.0), "-1, expected more than 0"),
        ("rope.dimension_sections", sections, "unsupported positions of several kinds"),
        ("rope.dimension_count", number(5), "5 of 6, expected an even number"),
        ("expert_shared_feed_forward_length", number(24), "unsupported experts that every token"),
    ] {
        let error = read("glm4_moe", &[(key, value)]).unwrap_err();
        assert!(error.starts_with(&format!("tiny.gguf: glm4moe.{key}: ")), "{error}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
    for (name, expected) in [
        ("blk.1.exp_probs_b.bias", "blk.1.exp_probs_b.bias: there is no such tensor"),
        ("blk.1.ffn_up_shexp.weight", "blk.1.ffn_up_shexp.weight: there is no such tensor"),
        ("blk.0.ffn_gate.weight", "blk.0.ffn_gate.weight: there is no such tensor"),
    ] {
        let mut writer = decoder_gguf(&whole);
        writer.tensors.retain(|tensor| tensor.name != name);
        let error = load_gguf(&writer).unwrap_err().to_string();
        assert_eq!(error, format!("tiny.gguf: {expected}"));
    }
}

/// Granite's experts: the shared ones of its later models are refused.
#[test]
fn unsound_keys_of_granites_experts_are_refused() {
    for (key, value, expected) in [
        ("expert_used_count", Value::U32(6), "6, expected 1 to 5"),
        ("expert_shared_feed_forward_length", Value::U32(16), "unsupported experts that every"),
        ("rope.scaling.finetuned", Value::Bool(false), "unsupported heads that are not turned"),
        ("attention.sliding_window", Value::U32(20), "unsupported window of 20 tokens"),
        ("logit_scale", Value::F32(-2.0), "-2, expected more than 0"),
    ] {
        let error = read("granitemoe", &[(key, value)]).unwrap_err();
        assert!(error.starts_with(&format!("tiny.gguf: granitemoe.{key}: ")), "{error}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// Layers with windows, by a number or a list, and the base by which they are turned.
#[test]
fn windows_and_their_base_are_read() {
    let read = |model: &str, changes: &[(&str, Value)]| {
        let mut config = ModelConfig { num_hidden_layers: 4, ..tiny_config(model) };
        config.switches.layers.clear();
        let mut writer = decoder_gguf(&DecoderWeights::random(config, 3).unwrap());
        let architecture = writer.metadata[0].1.as_str().unwrap().to_owned();
        with(&mut writer, &format!("{architecture}.attention.sliding_window"), Value::U32(20));
        for (key, value) in changes {
            with(&mut writer, &format!("{architecture}.{key}"), value.clone());
        }
        from_gguf(&writer).map(|checkpoint| checkpoint.config().switches.clone())
    };
    let pattern = |list: &[bool]| {
        ("attention.sliding_window_pattern", Value::Array(Array::Bool(list.to_vec())))
    };
    let every = |every| ("attention.sliding_window_pattern", Value::U32(every));
    let base = ("rope.freq_base_swa", Value::F32(500.0));
    let (yes, no) = (true, false);
    for (model, changes, slides) in [
        ("gpt_oss", vec![], [yes, no, yes, no]),
        ("gpt_oss", vec![every(3)], [yes, yes, no, yes]),
        ("gemma2", vec![], [yes, no, yes, no]),
        ("gemma3_text", vec![], [yes; 4]),
        ("gemma3_text", vec![base.clone(), every(2)], [yes, no, yes, no]),
        ("olmo2", vec![], [yes, yes, yes, no]),
        ("olmo2", vec![pattern(&[no, yes, no, no]), base.clone()], [no, yes, no, no]),
    ] {
        let switches = read(model, &changes).unwrap();
        let found = [0, 1, 2, 3].map(|layer| switches.attends(layer).window == Some(20));
        assert_eq!(found, slides, "{model} {changes:?}");
        if changes.contains(&base) {
            assert!((switches.local_rope_theta - 500.0).abs() < 1e-9, "{model}");
        }
    }
    for (model, change, expected) in [
        (
            "gemma3_text",
            pattern(&[yes; 3]),
            "window_pattern: 3 values, expected a truth value a layer",
        ),
        (
            "gemma3_text",
            every(0),
            "gemma3.attention.sliding_window_pattern: 0, expected at least 1",
        ),
        (
            "gpt_oss",
            base.clone(),
            "gpt-oss.rope.freq_base_swa: unsupported base 500 of layers with",
        ),
        ("gemma2", base, "gemma2.rope.freq_base_swa: unsupported base 500 of layers with windows"),
        (
            "gemma3_text",
            ("rope.freq_base_swa", Value::F32(-1.0)),
            "tiny.gguf: gemma3.rope.freq_base_swa: -1, expected more than 0",
        ),
        (
            "gemma2",
            ("final_logit_softcapping", Value::F32(f32::NAN)),
            "tiny.gguf: gemma2.final_logit_softcapping: NaN, expected more than 0",
        ),
    ] {
        let error = read(model, &[change]).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// Phi's older files, whose queries, keys and values are tensors of their own.
#[test]
fn parts_may_stand_apart_where_a_family_fuses_them() {
    let weights = tiny("phi3", 3);
    let mut writer = decoder_gguf(&weights);
    let mut parts = Vec::new();
    writer.tensors.retain(|tensor| {
        let Some(front) = tensor.name.strip_suffix("attn_qkv.weight") else { return true };
        for (part, rows) in [("attn_q", 0..12), ("attn_k", 12..18), ("attn_v", 18..24)] {
            parts.push(RawTensor {
                name: format!("{front}{part}.weight"),
                shape: vec![rows.len(), 8],
                dtype: Dtype::F32,
                bytes: tensor.bytes[rows.start * 32..rows.end * 32].to_vec(),
            });
        }
        false
    });
    assert_eq!(parts.len(), 6);
    writer.tensors.extend(parts);
    assert_eq!(load_gguf(&writer).unwrap(), weights);
    writer.tensors.retain(|tensor| tensor.name != "blk.1.attn_k.weight");
    let error = load_gguf(&writer).unwrap_err().to_string();
    assert_eq!(error, "tiny.gguf: blk.1.attn_qkv.weight: there is no such tensor");
}
