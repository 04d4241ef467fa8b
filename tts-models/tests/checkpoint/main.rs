//! Whole checkpoints: the same weights whatever the format, and what loading refuses.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod experts;
mod keys;
mod stacked;
mod stored;
mod unread;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::weights::gguf::Value;
use tts_models::weights::{Dtype, Gguf, RawTensor};
use tts_models::{
    Checkpoint, DecoderWeights, Executor, ModelConfig, ModelError, Native, RopeScaling, Span, Want,
    WeightFormat,
};

/// Name, shape and values.
type Owned = (String, Vec<usize>, Vec<f32>);

fn tiny(architecture: &str, seed: u64) -> DecoderWeights {
    DecoderWeights::random(tiny_config(architecture), seed).unwrap()
}

fn from_gguf(writer: &GgufWriter) -> Result<Checkpoint, ModelError> {
    Checkpoint::from_gguf(Gguf::from_reader(Cursor::new(writer.finish()), "tiny.gguf")?)
}

fn load_gguf(writer: &GgufWriter) -> Result<DecoderWeights, ModelError> {
    DecoderWeights::load(&from_gguf(writer)?)
}

/// Writes one-file safetensors of f32 tensors.
fn write_safetensors(path: &Path, tensors: &[Owned]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|t| t.2.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let dtype = safetensors::Dtype::F32;
        (name, safetensors::tensor::TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn owned(weights: &DecoderWeights) -> Vec<Owned> {
    weights.tensors().into_iter().map(|t| (t.name, t.shape, t.values.to_vec())).collect()
}

#[test]
fn hugging_face_folders_round_trip_bit_for_bit() {
    let scalings = [
        RopeScaling::None,
        RopeScaling::Linear { factor: 2.5 },
        RopeScaling::Llama3 {
            factor: 32.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8_192.0,
        },
        RopeScaling::Factors(vec![1.0, 1.7, 32.0]),
    ];
    for architecture in ["llama", "qwen2", "qwen3"] {
        for (seed, scaling) in scalings.iter().enumerate() {
            let config = ModelConfig {
                rope_scaling: scaling.clone(),
                tie_word_embeddings: seed % 2 == 1,
                ..tiny_config(architecture)
            };
            let weights = DecoderWeights::random(config, seed as u64).unwrap();
            let folder = tempfile::tempdir().unwrap();
            weights.save_safetensors(folder.path()).unwrap();
            for entry in ["", "config.json", "model.safetensors"] {
                let checkpoint = Checkpoint::open(folder.path().join(entry)).unwrap();
                assert_eq!(DecoderWeights::load(&checkpoint).unwrap(), weights);
                assert_eq!(
                    checkpoint.folder().path().canonicalize().unwrap(),
                    folder.path().canonicalize().unwrap()
                );
            }
        }
    }
}

#[test]
fn gguf_files_give_the_weights_they_were_made_of() {
    for architecture in [
        "llama",
        "qwen2",
        "qwen3",
        "qwen2_moe",
        "qwen3_moe",
        "mixtral",
        "gpt_oss",
        "phi3",
        "granitemoe",
        "glm4_moe",
    ] {
        for tied in [false, true] {
            let config = ModelConfig {
                tie_word_embeddings: tied,
                rope_scaling: RopeScaling::Linear { factor: 4.0 },
                ..tiny_config(architecture)
            };
            let weights = DecoderWeights::random(config, 5).unwrap();
            assert_eq!(load_gguf(&decoder_gguf(&weights)).unwrap(), weights);
        }
    }
    // Ends of texts, of turns and of messages, each under a key of its own.
    let config = ModelConfig { eos_token_ids: vec![2, 5, 3], ..tiny_config("llama") };
    let weights = DecoderWeights::random(config, 5).unwrap();
    assert_eq!(load_gguf(&decoder_gguf(&weights)).unwrap(), weights);
    // Biases of a llama are rows of rotary heads too.
    let config = ModelConfig { attention_bias: true, ..tiny_config("llama") };
    let weights = DecoderWeights::random(config, 6).unwrap();
    assert_eq!(load_gguf(&decoder_gguf(&weights)).unwrap(), weights);
}

#[test]
fn positions_are_scaled_by_whichever_key_says_so() {
    let scaling = |keys: &[(&str, Value)]| {
        let mut writer = decoder_gguf(&tiny("llama", 4));
        for (key, value) in keys {
            writer = writer.with(&format!("llama.rope.{key}"), value.clone());
        }
        from_gguf(&writer).map(|checkpoint| checkpoint.config().rope_scaling.clone())
    };
    let text = |text: &str| Value::String(text.to_owned());
    let (two, four) = (Value::F32(2.0), Value::F32(4.0));
    for (keys, factor) in [
        (vec![("scale_linear", four.clone())], Some(4.0)),
        (vec![("scaling.factor", two.clone())], Some(2.0)),
        // The newer key goes before.
        (vec![("scale_linear", four.clone()), ("scaling.factor", two)], Some(2.0)),
        (vec![("scaling.factor", four.clone()), ("scaling.type", text("none"))], None),
        (vec![("scaling.factor", Value::F32(0.0)), ("scaling.type", text("linear"))], None),
    ] {
        let expected = factor.map_or(RopeScaling::None, |factor| RopeScaling::Linear { factor });
        assert_eq!(scaling(&keys).unwrap(), expected, "{keys:?}");
    }
    let yarn = [("scaling.factor", four.clone()), ("scaling.type", text("yarn"))];
    let RopeScaling::Yarn { factor, original_max_position_embeddings, attention_factor, .. } =
        scaling(&yarn).unwrap()
    else {
        panic!("no yarn");
    };
    // Without a word, the context is that of the training.
    assert_eq!((factor, original_max_position_embeddings), (4.0, 64.0));
    assert!((attention_factor - (0.1 * 4.0_f64.ln() + 1.0)).abs() < 1e-12);
    let error = scaling(&[("scaling.factor", four), ("scaling.type", text("longrope"))]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("rope.scaling.type: unsupported scaling \"longrope\""), "{error}");
}

#[test]
fn quantised_rotary_rows_move_as_blocks() {
    let config = ModelConfig { hidden_size: 64, ..tiny_config("llama") };
    let weights = DecoderWeights::random(config, 7).unwrap();
    let mut writer = decoder_gguf(&weights);
    let query = writer.tensors.iter_mut().find(|t| t.name == "blk.0.attn_q.weight").unwrap();
    // Row r of the file holds scale r + 1 and ones: which row went where shows.
    query.dtype = Dtype::Q8_0;
    query.bytes = (0..12u8)
        .flat_map(|row| {
            let scale = half::f16::from_f32(f32::from(row + 1)).to_le_bytes();
            [&scale[..], &[1; 32]].concat().repeat(2)
        })
        .collect();
    let checkpoint = from_gguf(&writer).unwrap();
    let raw = checkpoint.tensor("model.layers.0.self_attn.q_proj.weight").unwrap();
    assert_eq!((raw.dtype, raw.bytes.len()), (Dtype::Q8_0, 12 * 68));
    let rows: Vec<f32> = raw.to_f32().unwrap().chunks(64).map(|row| row[63]).collect();
    assert_eq!(rows, [1., 3., 5., 2., 4., 6., 7., 9., 11., 8., 10., 12.]);
    // By its stored name the tensor comes as stored.
    let stored = checkpoint.tensor("blk.0.attn_q.weight").unwrap();
    assert_eq!(stored.to_f32().unwrap()[64..128], [2.0; 64]);
}

#[test]
fn backbones_without_prefix_or_head_load() {
    let weights = tiny("qwen2", 8);
    let folder = tempfile::tempdir().unwrap();
    weights.save_safetensors(folder.path()).unwrap();
    let mut tensors = owned(&weights);
    tensors.retain(|t| t.0 != "lm_head.weight");
    for tensor in &mut tensors {
        tensor.0 = tensor.0.replace("model.", "");
    }
    tensors.push(("score.weight".to_owned(), vec![1, 8], vec![0.5; 8]));
    write_safetensors(&folder.path().join("model.safetensors"), &tensors);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let loaded = DecoderWeights::load(&checkpoint).unwrap();
    assert_eq!(loaded.layers, weights.layers);
    assert!(loaded.head.is_none() && loaded.config.tie_word_embeddings);
    assert!(loaded.config.stored.headless);
    assert_eq!(checkpoint.tensor("score.weight").unwrap().shape, [1, 8]);
    assert!(!checkpoint.contains("v_head.weight"));
}

#[test]
fn a_wrapper_with_a_value_head_loads() {
    let weights = tiny("llama", 8);
    let folder = tempfile::tempdir().unwrap();
    weights.save_safetensors(folder.path()).unwrap();
    let mut tensors = owned(&weights);
    for tensor in &mut tensors {
        tensor.0.insert_str(0, "pretrained_model.");
    }
    tensors.push(("v_head.summary.weight".to_owned(), vec![1, 8], vec![0.5; 8]));
    write_safetensors(&folder.path().join("model.safetensors"), &tensors);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(DecoderWeights::load(&checkpoint).unwrap(), weights);
    assert!(checkpoint.contains("v_head.summary.weight"));
}

#[test]
fn quantised_vectors_of_rotary_heads_are_refused() {
    let shape = tiny_config("llama");
    let heads = shape.num_attention_heads;
    let config = ModelConfig { attention_bias: true, head_dim: 32, ..shape };
    let mut writer = decoder_gguf(&DecoderWeights::random(config, 7).unwrap());
    let bias = writer.tensors.iter_mut().find(|t| t.name == "blk.0.attn_q.bias").unwrap();
    // A block holds the rows of several pairs, which cannot be moved apart.
    (bias.dtype, bias.bytes) = (Dtype::Q8_0, [&[0, 0x3c][..], &[1; 32]].concat().repeat(heads));
    let error = load_gguf(&writer).unwrap_err().to_string();
    let rows = 32 * heads;
    assert!(error.contains(&format!("{rows} rows of Q8_0 as vector")), "{error}");
}

#[test]
fn wrong_tensors_are_refused_by_name() {
    let weights = tiny("llama", 9);
    let folder = tempfile::tempdir().unwrap();
    weights.save_safetensors(folder.path()).unwrap();
    let load = |change: &dyn Fn(&mut Vec<Owned>)| {
        let mut tensors = owned(&weights);
        change(&mut tensors);
        write_safetensors(&folder.path().join("model.safetensors"), &tensors);
        DecoderWeights::load(&Checkpoint::open(folder.path())?)
    };
    let name = "model.layers.1.mlp.up_proj.weight";
    let up = weights.tensors().iter().position(|t| t.name == name).unwrap();
    let bias = |part: &str, value: f32| {
        let name = format!("model.layers.1.{part}.bias");
        move |t: &mut Vec<_>| t.push((name.clone(), vec![8], vec![value; 8]))
    };
    let errors = [
        (load(&|t| t.iter_mut().for_each(|t| t.1.reverse())), "shape [8, 11], expected [11, 8]"),
        (load(&|t| drop(t.remove(up))), "up_proj.weight: there is no such tensor"),
        (load(&|t| t[up].2[5] = f32::NAN), "up_proj.weight: value 5 is NaN"),
        (load(&|t| t[up].2[6] = f32::INFINITY), "up_proj.weight: value 6 is inf"),
        (load(&bias("self_attn.o_proj", 1.0)), "o_proj.bias: unsupported bias"),
        (load(&bias("self_attn.q_proj", -1.0)), "q_proj.bias: unsupported bias"),
        (load(&bias("mlp.down_proj", f32::NAN)), "down_proj.bias: unsupported bias"),
    ];
    for (result, expected) in errors {
        let error = result.unwrap_err().to_string();
        let file = folder.path().display().to_string();
        assert!(error.starts_with(&file) && error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(load(&bias("self_attn.o_proj", 0.0)).unwrap(), weights);
}

#[test]
fn a_second_tensor_of_a_name_is_not_written() {
    let weights = tiny("llama", 9);
    let folder = tempfile::tempdir().unwrap();
    let again = weights.tensors().pop().unwrap();
    let error =
        weights.save_as(folder.path(), Dtype::F32, std::slice::from_ref(&again)).unwrap_err();
    let expected = format!("{}: a second tensor of this name", again.name);
    assert!(error.to_string().contains(&expected), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn rope_factors_come_from_the_file() {
    let weights = tiny("llama", 10);
    let with_factors = |factors: &[f32]| {
        let mut writer = decoder_gguf(&weights);
        writer.tensors.push(RawTensor {
            name: "rope_freqs.weight".to_owned(),
            shape: vec![factors.len()],
            dtype: Dtype::F32,
            bytes: factors.iter().flat_map(|x| x.to_le_bytes()).collect(),
        });
        from_gguf(&writer).map(|checkpoint| checkpoint.config().clone())
    };
    let config = with_factors(&[1.0, 2.0, 32.0]).unwrap();
    let plain = tiny_config("llama").rope_frequencies();
    let scaled = config.rope_frequencies();
    assert_eq!(scaled, [plain[0], plain[1] / 2.0, plain[2] / 32.0]);
    for (bad, expected) in [
        (&[1.0, 2.0][..], "shape [2], expected [3]"),
        (&[1.0, 0.0, 1.0], "number 1 is 0, expected more than 0"),
        (&[1.0, f32::NAN, 1.0], "number 1 is NaN, expected more than 0"),
    ] {
        let error = with_factors(bad).unwrap_err().to_string();
        assert_eq!(error, format!("tiny.gguf: rope_freqs.weight: {expected}"));
    }
}

#[test]
fn unsupported_gguf_models_are_refused_by_key() {
    let weights = tiny("llama", 11);
    let set = |key: &str, value: Value| {
        let mut writer = decoder_gguf(&weights);
        writer.metadata.retain(|(k, _)| k != key);
        writer.metadata.push((key.to_owned(), value));
        from_gguf(&writer)
    };
    let text = |s: &str| Value::String(s.to_owned());
    let number = Value::U32;
    let cases = [
        ("general.architecture", text("mamba"), "unsupported architecture \"mamba\""),
        ("general.architecture", number(3), "expected a string"),
        ("llama.rope.scaling.type", text("longrope"), "unsupported scaling \"longrope\""),
        ("llama.rope.scaling.type", text("yarn"), "rope.scaling.factor: None, expected more"),
        // With experts it is a Mixtral.
        ("llama.expert_count", number(8), "llama.expert_used_count: is missing"),
        ("llama.attention.sliding_window", number(7), "unsupported window of 7"),
        ("llama.attention.causal", Value::Bool(false), "unsupported attention in both"),
        ("llama.rope.dimension_count", number(4), "unsupported width 4 in heads of 6"),
        ("llama.attention.value_length", number(8), "unsupported width 8"),
        ("llama.block_count", number(0), "tiny.gguf: llama.block_count: 0"),
        ("llama.attention.head_count", Value::U64(1 << 60), "llama.attention.head_count: 1"),
        ("llama.attention.head_count_kv", number(0), "llama.attention.head_count_kv: 0"),
        ("llama.attention.key_length", number(5), "llama.attention.key_length: 5 is odd"),
        ("llama.embedding_length", Value::I32(-8), "expected an integer that is not negative"),
        (
            "llama.attention.layer_norm_rms_epsilon",
            Value::F32(f32::NAN),
            "layer_norm_rms_epsilon: NaN",
        ),
        ("llama.rope.freq_base", Value::F32(f32::INFINITY), "llama.rope.freq_base: inf"),
        ("tokenizer.ggml.eos_token_id", Value::U64(1 << 40), "is not a token id"),
    ];
    for (key, value, expected) in cases {
        // A head width that differs from the values' is reported there.
        let value_is = set(key, value).map(|c| DecoderWeights::load(&c).map(|_| ()));
        let error = value_is.and_then(|r| r).unwrap_err().to_string();
        assert!(error.starts_with("tiny.gguf") && error.contains(expected), "{key}: {error}");
    }
    let mut writer = decoder_gguf(&weights);
    writer.metadata.retain(|(k, _)| k != "llama.context_length");
    let error = from_gguf(&writer).unwrap_err().to_string();
    assert_eq!(error, "tiny.gguf: llama.context_length: is missing");
}

#[test]
fn random_weights_are_reproducible_and_small() {
    let (a, b, c) = (tiny("qwen3", 1), tiny("qwen3", 1), tiny("qwen3", 2));
    assert_eq!(a, b);
    assert_ne!(a.embedding, c.embedding);
    let big = ModelConfig { vocab_size: 4_000, ..tiny_config("llama") };
    let values = DecoderWeights::random(big, 3).unwrap().embedding;
    let n = values.len() as f32;
    let mean = values.iter().sum::<f32>() / n;
    let deviation = (values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n).sqrt();
    assert!(mean.abs() < 0.001 && (deviation - 0.02).abs() < 0.001, "{mean} {deviation}");
    let bad = ModelConfig { head_dim: 3, ..tiny_config("llama") };
    assert_eq!(DecoderWeights::random(bad, 1).unwrap_err().to_string(), "head_dim: 3 is odd");
}

#[test]
fn progress_counts_all_values() {
    let weights = tiny("qwen3", 4);
    let checkpoint = from_gguf(&decoder_gguf(&weights)).unwrap();
    let mut seen = Vec::new();
    DecoderWeights::load_with(&checkpoint, |p| seen.push((p.tensor.to_owned(), p.values))).unwrap();
    let names: Vec<String> = weights.tensors().into_iter().map(|t| t.name).collect();
    assert_eq!(seen.iter().map(|s| s.0.clone()).collect::<Vec<_>>(), names);
    let total: usize = weights.tensors().iter().map(|t| t.values.len()).sum();
    assert_eq!(seen.last().unwrap().1, total);
}

#[test]
fn paths_that_are_no_checkpoint_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.bin"), "x").unwrap();
    for (path, expected) in [
        ("", "config.json"),
        ("absent.gguf", "absent.gguf"),
        ("absent.safetensors", "config.json"),
        ("x.bin", "unsupported kind of file"),
    ] {
        let error = Checkpoint::open(folder.path().join(path)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn readers_cross_threads() {
    fn crosses<T: Send + Sync + std::fmt::Debug>() {}
    crosses::<Checkpoint>();
    crosses::<Gguf>();
    crosses::<RawTensor>();
    crosses::<DecoderWeights>();
    crosses::<ModelError>();
}

/// Programs differ in which of the two they run, so neither is taken for granted.
#[test]
fn a_head_that_the_config_denies_must_be_the_embedding() {
    let weights = tiny("qwen3", 4);
    let folder = tempfile::tempdir().unwrap();
    let load = |config: &ModelConfig, tensors: &[Owned]| {
        fs::write(folder.path().join("config.json"), config.to_json()).unwrap();
        write_safetensors(&folder.path().join("model.safetensors"), tensors);
        DecoderWeights::load(&Checkpoint::open(folder.path()).unwrap())
    };
    let tied = ModelConfig { tie_word_embeddings: true, ..weights.config.clone() };
    let mut tensors = owned(&weights);
    let error = load(&tied, &tensors).unwrap_err().to_string();
    assert!(
        error.contains("lm_head.weight: differs from model.embed_tokens.weight, but tie_word"),
        "{error}"
    );
    assert_eq!(load(&weights.config, &tensors).unwrap(), weights);
    let embedding = weights.embedding.clone();
    let head = tensors.iter_mut().find(|(name, ..)| name == "lm_head.weight").unwrap();
    head.2.clone_from(&embedding);
    assert!(load(&tied, &tensors).unwrap().head.is_none());
    let head = tensors.iter_mut().find(|(name, ..)| name == "lm_head.weight").unwrap();
    head.1.reverse();
    assert!(load(&tied, &tensors).is_err(), "the same numbers in another shape");
    let head = tensors.iter_mut().find(|(name, ..)| name == "lm_head.weight").unwrap();
    head.1.reverse();
    head.2[5] += 0.5;
    assert!(load(&tied, &tensors).is_err());
    // The same numbers in another type.
    let rounded: Vec<half::bf16> = embedding.iter().map(|&x| half::bf16::from_f32(x)).collect();
    let wide: Vec<u8> = rounded.iter().flat_map(|x| x.to_f32().to_le_bytes()).collect();
    let narrow: Vec<u8> = rounded.iter().flat_map(|x| x.to_le_bytes()).collect();
    let shape = vec![tied.vocab_size, tied.hidden_size];
    let view =
        |dtype, bytes| safetensors::tensor::TensorView::new(dtype, shape.clone(), bytes).unwrap();
    let path = folder.path().join("head.safetensors");
    let views = [
        ("model.embed_tokens.weight", view(safetensors::Dtype::BF16, &narrow)),
        ("lm_head.weight", view(safetensors::Dtype::F32, &wide)),
    ];
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    // All that it lacks is what comes after the two.
    let error = DecoderWeights::load(&Checkpoint::open(path).unwrap()).unwrap_err().to_string();
    assert!(error.contains("layers.0") && error.contains("no such tensor"), "{error}");
}

/// Weights take the room of their type, and only where asked for that of another.
#[test]
fn weights_are_held_as_they_are_stored() {
    let shape = ModelConfig {
        hidden_size: 32,
        intermediate_size: 64,
        head_dim: 16,
        ..tiny_config("llama")
    };
    let weights = DecoderWeights::random(shape, 3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    weights.save_as(folder.path(), Dtype::BF16, &[]).unwrap();
    let brain = Checkpoint::open(folder.path()).unwrap();
    let mut writer = decoder_gguf(&weights);
    for tensor in writer.tensors.iter_mut().filter(|tensor| tensor.shape.len() == 2) {
        // Blocks of ones, with a scale of one.
        let count = tensor.bytes.len() / 4 / 32;
        (tensor.dtype, tensor.bytes) =
            (Dtype::Q8_0, [&[0, 0x3c][..], &[1; 32]].concat().repeat(count));
    }
    let blocks = from_gguf(&writer).unwrap();
    let run = |checkpoint: &Checkpoint, format| {
        let native = Native::load(checkpoint, format, 1).unwrap();
        let mut state = native.empty();
        let span = Span { state: &mut state, tokens: &[3, 5, 4], want: Want::All };
        let rows = native.forward(&mut [span]).unwrap();
        let bits: Vec<u32> = rows.iter().map(|row| row.to_bits()).collect();
        (native.shape().layer_bytes, bits)
    };
    for (checkpoint, as_stored, other) in [
        (&brain, WeightFormat::Bf16, WeightFormat::F32),
        (&blocks, WeightFormat::Int8, WeightFormat::F32),
    ] {
        let stored = run(checkpoint, WeightFormat::Stored);
        assert_eq!(stored.0, run(checkpoint, as_stored).0);
        assert!(stored.0 * 10 < run(checkpoint, other).0 * 6, "{as_stored}");
    }
    assert_eq!(run(&brain, WeightFormat::Stored), run(&brain, WeightFormat::Bf16));
}

#[test]
fn positions_may_be_fewer_than_files_say_and_never_more() {
    let checkpoint = || from_gguf(&decoder_gguf(&tiny("llama", 4))).unwrap();
    for (positions, expected) in [(0, 64), (16, 16), (64, 64), (4_096, 64)] {
        let config = checkpoint().within(positions).config().clone();
        assert_eq!(config.max_position_embeddings, expected, "{positions}");
    }
}
