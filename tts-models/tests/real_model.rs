//! SmolLM2-135M-Instruct as a `Q4_1` GGUF against other implementations.
//!
//! The file is found in `models/`, where `scripts/fetch-smollm2.sh` puts it, or under the name that
//! `TTS_SMOLLM2_GGUF` gives; golden values in the folder `shared` beside the workspace. What is not
//! there is skipped, with the reason printed. Published templates and vocabularies are in `published`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

#[path = "real_model/published.rs"]
mod published;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use tts_core::toy::Sample;
use tts_core::{Given, Prompt, Sampling, Search, StepRule};
use tts_models::text::template::Message;
use tts_models::weights::Dtype;
use tts_models::{
    Backend, Checkpoint, Cpu, DecoderWeights, Engine, EngineConfig, LanguageModel, Plain, TextSide,
    WeightFormat,
};

fn model() -> Option<PathBuf> {
    let fetched =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/SmolLM2-135M-Instruct.Q4_1.gguf");
    let path = std::env::var_os("TTS_SMOLLM2_GGUF").map_or(fetched, PathBuf::from);
    if !path.exists() {
        println!("skipped: no {}; scripts/fetch-smollm2.sh fetches it", path.display());
        return None;
    }
    Some(path)
}

fn shared(path: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    let text = std::fs::read_to_string(&root).ok();
    if text.is_none() {
        println!("skipped: no {}", root.display());
    }
    text
}

fn ids(row: &Value) -> Vec<u32> {
    serde_json::from_value(row.clone()).unwrap()
}

#[test]
fn token_ids_equal_the_reference() {
    let (Some(path), Some(rows)) = (model(), shared("data/tokenizer/smollm2_ids.jsonl")) else {
        return;
    };
    let TextSide { tokenizer, .. } = TextSide::open(&Checkpoint::open(path).unwrap()).unwrap();
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let (text, expected) = (row["text"].as_str().unwrap(), ids(&row["ids"]));
        assert_eq!(tokenizer.encode(text, false).unwrap(), expected, "{text}");
        assert_eq!(tokenizer.decode(&expected, false), text);
        assert_eq!(tokenizer.text(&expected), text);
    }
    // The vocabulary lacks this byte.
    let error = tokenizer.encode("ab\u{4}", true).unwrap_err().to_string();
    let expected =
        "text: byte 0x04 at offset 2 has no token: the model's vocabulary cannot write '\\u{4}'";
    assert_eq!(error, expected);
}

#[test]
fn chats_are_rendered_as_the_reference_prompts() {
    let (Some(path), Some(anchors)) = (model(), shared("anchors/smollm2_reference.json")) else {
        return;
    };
    let TextSide { template, .. } = TextSide::open(&Checkpoint::open(path).unwrap()).unwrap();
    let anchors: Value = serde_json::from_str(&anchors).unwrap();
    let prompts =
        anchors["cases"].as_array().unwrap().iter().map(|c| c["prompt"].as_str().unwrap());
    let mut chats = 0;
    for prompt in prompts.filter(|p| p.starts_with("<|im_start|>")) {
        let user = prompt.split("<|im_start|>user\n").nth(1).unwrap();
        let user = Message::new("user", user.split("<|im_end|>").next().unwrap());
        assert_eq!(template.as_ref().unwrap().render(&[user], true).unwrap(), prompt);
        chats += 1;
    }
    assert!(chats >= 3);
}

/// Top logits within 0.02 and the whole greedy continuation, for as many prompts as asked for.
fn check_reference(model: &dyn LanguageModel, anchors: &str, prompts: usize) {
    let anchors: Value = serde_json::from_str(anchors).unwrap();
    for case in anchors["cases"].as_array().unwrap().iter().take(prompts) {
        let prompt = Prompt::text(case["prompt"].as_str().unwrap());
        let tokens = model.encode(&prompt).unwrap();
        assert_eq!(tokens, ids(&case["prompt_tokens"]));
        let logits = model.next_logits(&tokens).unwrap();
        let rule = StepRule {
            delimiters: Vec::new(),
            max_step_tokens: 64,
            max_tokens: 64,
            ..StepRule::default()
        };
        let outcome = Search::new(model)
            .rule(rule)
            .sampling(Sampling::greedy())
            .run(Sample { n: 1 }, prompt)
            .unwrap();
        let greedy: Vec<u32> =
            outcome.tree.iter().flat_map(|(_, node)| node.step.tokens.clone()).collect();
        for engine in ["transformers_f32_dequantised", "llamacpp_f32_dequantised"] {
            let reference = &case[engine];
            for top in reference["top5"].as_array().unwrap() {
                let id = usize::try_from(top["id"].as_u64().unwrap()).unwrap();
                let expected = top["logit"].as_f64().unwrap();
                let far = (f64::from(logits[id]) - expected).abs();
                assert!(far < 0.02, "{engine}: token {id} is off by {far}");
            }
            assert_eq!(greedy, ids(&reference["greedy"]), "{engine}");
        }
    }
}

#[test]
fn logits_and_greedy_continuations_equal_the_reference() {
    let (Some(path), Some(anchors)) = (model(), shared("anchors/smollm2_reference.json")) else {
        return;
    };
    let exact = EngineConfig { weights: WeightFormat::F32, ..EngineConfig::default() };
    let native = tts_models::open(&path, Backend::Native, exact).unwrap();
    check_reference(native.as_ref(), &anchors, usize::MAX);
}

#[test]
fn burns_own_operations_agree_with_the_reference_too() {
    let (Some(path), Some(anchors)) = (model(), shared("anchors/smollm2_reference.json")) else {
        return;
    };
    let checkpoint = Checkpoint::open(&path).unwrap();
    let TextSide { tokenizer, template } = TextSide::open(&checkpoint).unwrap();
    let plain = Plain::<Cpu>::new(DecoderWeights::load(&checkpoint).unwrap()).unwrap();
    let config = EngineConfig::default();
    let engine = Engine::new(plain, tokenizer, template, config).unwrap();
    // The slow executor: one prompt.
    check_reference(&engine, &anchors, 1);
}

#[test]
fn smollm2_loads() {
    let Some(path) = model() else { return };
    let start = Instant::now();
    let checkpoint = Checkpoint::open(&path).unwrap();
    let opened = start.elapsed();
    let weights = DecoderWeights::load(&checkpoint).unwrap();
    println!("header in {opened:?}, with all weights in {:?}", start.elapsed());

    let config = &weights.config;
    assert_eq!(
        (config.vocab_size, config.hidden_size, config.num_hidden_layers),
        (49_152, 576, 30)
    );
    assert_eq!(
        (config.num_attention_heads, config.num_key_value_heads, config.head_dim),
        (9, 3, 64)
    );
    assert!(config.tie_word_embeddings && weights.head.is_none());
    assert_eq!((config.bos_token_id, &config.eos_token_ids[..]), (Some(1), &[2][..]));
    let total: usize = weights.tensors().iter().map(|t| t.values.len()).sum();
    assert_eq!(total, 134_515_008);
    let gguf = checkpoint.gguf().unwrap();
    assert_eq!(gguf.texts("tokenizer.ggml.tokens").unwrap().unwrap().len(), 49_152);
    assert_eq!(gguf.read("blk.0.attn_q.weight").unwrap().dtype, Dtype::Q4_1);

    // Bits of values by `gguf.quants.dequantize` of the Python package, with rows as llama.cpp's
    // converter received them: the inverse of its `permute`.
    let spots: &[(&str, usize, u32)] = &[
        ("model.embed_tokens.weight", 641_347, 0x3bfa_0000),
        ("model.embed_tokens.weight", 18_991_107, 0x3dfd_c500),
        ("model.embed_tokens.weight", 22_790_882, 0x3eb4_1000),
        ("model.layers.0.self_attn.q_proj.weight", 155_553, 0xbd72_0000),
        ("model.layers.0.self_attn.q_proj.weight", 170_972, 0x3bd8_0000),
        ("model.layers.0.self_attn.q_proj.weight", 268_055, 0xbece_9000),
        ("model.layers.17.self_attn.k_proj.weight", 31607, 0xbdfa_8000),
        ("model.layers.17.self_attn.k_proj.weight", 69698, 0x3cc4_0000),
        ("model.layers.17.self_attn.k_proj.weight", 108_327, 0x3dcd_1000),
        ("model.layers.29.mlp.down_proj.weight", 47714, 0x3dff_8000),
        ("model.layers.29.mlp.down_proj.weight", 245_889, 0xbca0_0000),
        ("model.layers.29.mlp.down_proj.weight", 339_180, 0xbeb5_0000),
        ("model.layers.3.input_layernorm.weight", 75, 0x3e75_0000),
        ("model.layers.3.input_layernorm.weight", 235, 0x3e9c_0000),
        ("model.layers.3.input_layernorm.weight", 329, 0x3ebd_0000),
        ("model.layers.11.self_attn.v_proj.weight", 112, 0xbe19_0000),
        ("model.layers.11.self_attn.v_proj.weight", 5007, 0x3d58_c000),
        ("model.layers.11.self_attn.v_proj.weight", 5392, 0xbd86_d000),
        ("model.norm.weight", 85, 0x3fe8_0000),
        ("model.norm.weight", 110, 0x3fe0_0000),
        ("model.norm.weight", 575, 0x3ffe_0000),
    ];
    let tensors = weights.tensors();
    for (name, index, expected) in spots.iter().copied() {
        let tensor = tensors.iter().find(|t| t.name == name).unwrap();
        assert_eq!(tensor.values[index].to_bits(), expected, "{name} {index}");
    }
}

/// Quantised weights, multiplied as integers, against the same weights in f32: the
/// log-probabilities of the reference continuations differ by little on average.
#[test]
fn integer_arithmetic_costs_little() {
    let (Some(path), Some(anchors)) = (model(), shared("anchors/smollm2_reference.json")) else {
        return;
    };
    let anchors: Value = serde_json::from_str(&anchors).unwrap();
    let given: Vec<Given> = anchors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| Given {
            context: ids(&case["prompt_tokens"]),
            tokens: ids(&case["transformers_f32_dequantised"]["greedy"]),
        })
        .collect();
    let nats = |weights| {
        let config = EngineConfig { weights, ..EngineConfig::default() };
        let model = tts_models::open(&path, Backend::Native, config).unwrap();
        let logprobs = model.logprobs(&given).unwrap().concat();
        -logprobs.iter().map(|&x| f64::from(x)).sum::<f64>() / logprobs.len() as f64
    };
    let (exact, stored) = (nats(WeightFormat::F32), nats(WeightFormat::Stored));
    println!("{exact} nats a token in f32, {stored} as stored");
    assert!((stored - exact).abs() < 0.03 && stored.to_bits() != exact.to_bits());
}

/// Gemma 3 270M, where `scripts/fetch-gemma3.sh` has put it, against llama.cpp's tokens and transformers' numbers
/// (`scripts/golden/gemma3.py`). One text is longer than its windows.
mod gemma3 {
    use tts_models::{Executor, Native, Span, Want};

    use super::*;

    #[derive(serde::Deserialize)]
    struct Row {
        text: String,
        tokens: Vec<u32>,
        greedy: Vec<u32>,
        top: Vec<(u32, f64)>,
    }

    fn rows() -> Option<(Checkpoint, Vec<Row>)> {
        let fetched =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/gemma-3-270m.Q4_K_M.gguf");
        let path = std::env::var_os("TTS_GEMMA3_GGUF").map_or(fetched, PathBuf::from);
        if !path.exists() {
            println!("skipped: no {}; scripts/fetch-gemma3.sh fetches it", path.display());
            return None;
        }
        let rows = serde_json::from_str(include_str!("fixtures/gemma3_golden.json")).unwrap();
        Some((Checkpoint::open(path).unwrap(), rows))
    }

    #[test]
    fn tokens_equal_those_of_llama_cpp() {
        let Some((checkpoint, rows)) = rows() else { return };
        let TextSide { tokenizer, .. } = TextSide::open(&checkpoint).unwrap();
        for Row { text, tokens, .. } in &rows {
            // The first is the beginning of a text.
            assert_eq!(tokenizer.encode(text, false).unwrap(), tokens[1..], "{text}");
            // The mark stands for a space.
            assert_eq!(tokenizer.text(&tokens[1..]), text.replace('▁', " "));
        }
    }

    /// With weights in f32 and as they are stored, whose products round their inputs to 8 bits.
    #[test]
    fn next_tokens_equal_those_of_transformers() {
        let Some((checkpoint, rows)) = rows() else { return };
        for (format, bound) in [(WeightFormat::F32, 5e-3), (WeightFormat::Stored, 0.3)] {
            let native = Native::load(&checkpoint, format, 0).unwrap();
            for Row { text, tokens, greedy, top } in &rows {
                let mut state = native.empty();
                let mut next = |tokens: &[u32]| {
                    let mut spans = [Span { state: &mut state, tokens, want: Want::Last }];
                    native.logits(&native.forward(&mut spans).unwrap()).unwrap()
                };
                let mut logits = next(tokens);
                let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = logits.iter().map(|x| f64::from(x - most).exp()).sum();
                for &(token, expected) in top {
                    let found = f64::from(logits[token as usize] - most) - sum.ln();
                    let far = (found - expected).abs();
                    assert!(far < bound, "{format} {text:.20} {token}: {found}, {expected}");
                }
                if format != WeightFormat::F32 {
                    continue;
                }
                for &expected in greedy {
                    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let token = logits.iter().position(|&x| x >= most).unwrap();
                    assert_eq!(u32::try_from(token).unwrap(), expected, "{text:.20}");
                    logits = next(&[expected]);
                }
            }
        }
    }
}
