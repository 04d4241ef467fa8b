//! Every family from its own files: logits of tiny checkpoints against transformers, and bits against themselves.
//!
//! `tests/fixtures/families_golden.py` made the numbers; a checkpoint is written here from the names, shapes and
//! formula that stand there.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;

use burn::tensor::{Int, Tensor};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tts_models::testing::{decoder_gguf, tiny_config};
use tts_models::weights::config::{Attends, Rotation};
use tts_models::weights::{Dtype, Gguf};
use tts_models::{
    Checkpoint, Cpu, DecoderWeights, Executor, ModelConfig, Native, Plain, RopeScaling, Span, Want,
    WeightFormat,
};

use crate::common::uniform;

#[derive(Deserialize)]
struct Golden {
    tokens: Vec<u32>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    families: BTreeMap<String, Family>,
}

#[derive(Deserialize)]
struct Family {
    config: Value,
    /// The same as transformers 4 wrote it.
    old: Option<Value>,
    /// For how many tokens it is opened; 0 for all.
    #[serde(default)]
    positions: usize,
    /// Name, shape, and what is added to the values.
    tensors: Vec<(String, Vec<usize>, f32)>,
    logits: Vec<Vec<f64>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../fixtures/families_golden.json")).unwrap()
}

impl Family {
    /// The checkpoint of a folder, as it is to be opened.
    fn open(&self, folder: &Path) -> Checkpoint {
        Checkpoint::open(folder).unwrap().within(self.positions)
    }
}

/// The integer behind a value of the formula.
fn integer(place: u64, index: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "24 bits")]
    let integer = ((uniform(place, index) + 0.25) * 33_554_432.0) as u32;
    integer
}

/// The bytes of a value, by the name of its tensor, and their type.
fn value(name: &str, place: u64, index: u64, offset: f32) -> (Vec<u8>, &'static str) {
    if name.ends_with("_blocks") {
        (vec![integer(place, index).to_le_bytes()[0]], "U8")
    } else if name.ends_with("_scales") {
        (vec![(119 + integer(place, index) % 5).to_le_bytes()[0]], "U8")
    } else {
        ((offset + uniform(place, index)).to_le_bytes().to_vec(), "F32")
    }
}

/// Writes a checkpoint as transformers would.
fn write(family: &Family, config: &Value, folder: &Path) {
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (place, (name, shape, offset)) in (0..).zip(&family.tensors) {
        let (begin, mut kind) = (data.len(), "F32");
        for index in 0..shape.iter().product::<usize>() as u64 {
            let (bytes, own) = value(name, place, index, *offset);
            kind = own;
            data.extend(bytes);
        }
        let entry = json!({ "dtype": kind, "shape": shape, "data_offsets": [begin, data.len()] });
        header.insert(name.clone(), entry);
    }
    let header = Value::Object(header).to_string();
    let mut file = std::fs::File::create(folder.join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.write_all(&data).unwrap();
}

fn rows<E: Executor>(executor: &E, tokens: &[u32]) -> Vec<f32> {
    let mut state = executor.empty();
    executor.forward(&mut [Span { state: &mut state, tokens, want: Want::All }]).unwrap()
}

fn close(name: &str, golden: &Golden, logits: &[f32]) {
    let (family, vocab) = (&golden.families[name], 97);
    for (row, expected) in golden.rows.iter().zip(&family.logits) {
        for (column, expected) in golden.columns.iter().zip(expected) {
            let found = f64::from(logits[row * vocab + column]);
            let bound = 1e-4 * expected.abs().max(1.0);
            assert!((found - expected).abs() < bound, "{name} {row} {column}: {found}, {expected}");
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Alone and token by token, beside another sequence, and from a fork: the same bits.
fn same_bits<E: Executor>(name: &str, executor: &E, tokens: &[u32], all: &[f32]) {
    let width = executor.config().hidden_size;
    let (mut state, mut other) = (executor.empty(), executor.empty());
    let mut single = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let tokens = std::slice::from_ref(token);
        let mut spans = vec![Span { state: &mut state, tokens, want: Want::All }];
        if place % 3 == 0 {
            spans.push(Span { state: &mut other, tokens: &[5, 7], want: Want::Nothing });
        }
        single.extend(executor.forward(&mut spans).unwrap());
    }
    assert_eq!(bits(&single), bits(all), "{name}: token by token");
    let mut fork = executor.fork(&mut state, 21);
    // Behind windows less may be left than was asked for.
    let length = executor.length(&fork);
    assert!(length == 21 || (length < 21 && executor.windows().is_some()), "{name}: {length}");
    let mut spans = [Span { state: &mut fork, tokens: &tokens[length..], want: Want::All }];
    let forked = executor.forward(&mut spans).unwrap();
    assert_eq!(bits(&forked), bits(&all[length * width..]), "{name}: from a fork");
}

#[test]
fn logits_are_those_of_transformers() {
    let golden = golden();
    assert!(golden.families.len() >= 59);
    let (mut old, mut less, mut refused) = (0, 0, 0);
    for (name, family) in &golden.families {
        let folder = tempfile::tempdir().unwrap();
        write(family, &family.config, folder.path());
        let checkpoint = family.open(folder.path());
        let weights = DecoderWeights::load(&checkpoint).unwrap();
        let plain = Plain::<Cpu>::new(weights.clone()).unwrap();
        let all = rows(&plain, &golden.tokens);
        close(name, &golden, &plain.logits(&all).unwrap());
        same_bits(name, &plain, &golden.tokens, &all);
        let native = Native::load(&checkpoint, WeightFormat::F32, 2).unwrap();
        let all = rows(&native, &golden.tokens);
        close(name, &golden, &native.logits(&all).unwrap());
        same_bits(name, &native, &golden.tokens, &all);
        // What it was made of comes back from Burn's module.
        let back = plain.decoder().weights(weights.config.clone()).unwrap();
        assert_eq!(back, weights, "{name}");
        // A parameter is a value of some tensor: counts are those of the files.
        if name != "gpt_oss_mxfp4" {
            let beside = ["embed_tokens", "lm_head", "vision", "visual", "projector"];
            let own = |name: &str| !beside.iter().any(|part| name.contains(part));
            let tensors = family.tensors.iter().filter(|(name, _, _)| own(name));
            let count: usize = tensors.map(|(_, shape, _)| shape.iter().product::<usize>()).sum();
            assert_eq!(weights.config.shape(8.0, 1).layer_bytes, count as u64, "{name}");
        }
        match from_gguf(name, family, &weights, (&golden.tokens[..], &all[..])) {
            FromGguf::Same => {}
            FromGguf::Less => less += 1,
            FromGguf::Refused => refused += 1,
        }
        if let Some(config) = &family.old {
            write(family, config, folder.path());
            let again = family.open(folder.path());
            assert_eq!(again.config(), checkpoint.config(), "{name} as transformers 4 wrote it");
            old += 1;
        }
    }
    assert_eq!((old, less, refused), (9, 21, 5));
}

/// Biases of families whose architecture in llama.cpp has none of the output projection.
const NOT_IN_GGUF: [&str; 5] =
    ["gemma2_biased", "gemma3_text_biased", "olmo2_biased", "olmo3_biased", "olmoe_biased"];

/// What becomes of a model in GGUF.
enum FromGguf {
    /// All of it stands there.
    Same,
    /// It is another model, as [`told_by_gguf`] says.
    Less,
    /// It is not read, [`NOT_IN_GGUF`].
    Refused,
}

/// Weights from a GGUF file have the bits of those that were written to it, so far as it tells their config.
fn from_gguf(
    name: &str,
    family: &Family,
    weights: &DecoderWeights,
    (tokens, all): (&[u32], &[f32]),
) -> FromGguf {
    let told = DecoderWeights { config: told_by_gguf(&weights.config), ..weights.clone() };
    let file = Cursor::new(decoder_gguf(&told).finish());
    let gguf = Gguf::from_reader(file, "own.gguf").unwrap();
    let stored = Checkpoint::from_gguf(gguf).unwrap().within(family.positions);
    if NOT_IN_GGUF.contains(&name) {
        let error = DecoderWeights::load(&stored).unwrap_err().to_string();
        let expected = "blk.0.attn_output.bias: unsupported bias other than zero";
        assert!(error.ends_with(expected), "{name}: {error}");
        return FromGguf::Refused;
    }
    assert_eq!(DecoderWeights::load(&stored).unwrap(), told, "{name}");
    let of_file = Native::load(&stored, WeightFormat::F32, 1).unwrap();
    let found = bits(&rows(&of_file, tokens));
    if told.config == weights.config {
        assert_eq!(found, bits(all), "{name} from GGUF");
        return FromGguf::Same;
    }
    let of_weights = Native::new(told, 1).unwrap();
    assert_eq!(found, bits(&rows(&of_weights, tokens)), "{name} from GGUF");
    FromGguf::Less
}

/// What a GGUF file can say of a config: what it has no word for is as in published models.
fn told_by_gguf(config: &ModelConfig) -> ModelConfig {
    let mut config = config.clone();
    // The converter writes a tensor of factors, which is not written here.
    if matches!(config.rope_scaling, RopeScaling::Llama3 { .. }) {
        config.rope_scaling = RopeScaling::None;
    }
    // The factor of attention is that of yarn's paper.
    if config.architecture != "ministral3"
        && let RopeScaling::Yarn { factor, attention_factor, truncate, .. } =
            &mut config.rope_scaling
    {
        *attention_factor = 0.1 * factor.ln() + 1.0;
        *truncate = config.architecture != "gpt_oss";
    }
    let switches = &mut config.switches;
    match config.architecture.as_str() {
        // Their windows stand in no key.
        "llama" | "qwen2" | "qwen3" | "mixtral" | "ministral3" => switches.layers.clear(),
        // Under its older name, which turns every head.
        "granitemoehybrid" => {
            "granite".clone_into(&mut config.architecture);
            switches.layers.clear();
        }
        // Under its older name.
        "olmo3" => "olmo2".clone_into(&mut config.architecture),
        "gpt_oss" => switches.activation = tiny_config("gpt_oss").switches.activation,
        "gemma2" | "gemma3_text" => {
            switches.attention_scale = Some(1.0 / (config.head_dim as f64).sqrt());
        }
        "smollm3" => {
            for (index, layer) in switches.layers.iter_mut().enumerate() {
                let rotation = if index == 3 { Rotation::None } else { Rotation::Global };
                *layer = Attends { rotation, window: None };
            }
        }
        _ => {}
    }
    config
}

/// A factor of attention of a config's own, as converters write it.
#[test]
fn own_factors_of_yarn_are_refused_in_gguf() {
    let golden = golden();
    let family = &golden.families["llama_yarn"];
    let folder = tempfile::tempdir().unwrap();
    write(family, &family.config, folder.path());
    let weights = DecoderWeights::load(&family.open(folder.path())).unwrap();
    let file = Cursor::new(decoder_gguf(&weights).finish());
    let gguf = Gguf::from_reader(file, "own.gguf").unwrap();
    let error = Checkpoint::from_gguf(gguf).unwrap_err().to_string();
    let expected = "own.gguf: llama.rope.scaling.yarn_attn_factor: unsupported attention factor of \
                    yarn 1.25, of which";
    assert!(error.starts_with(expected), "{error}");
}

/// A model of several parts by the names that transformers 4 gave its tensors, and a decoder that is passed over in none.
#[test]
fn decoders_of_models_of_several_parts_are_found_by_either_name() {
    let golden = golden();
    for name in ["gemma3", "mistral3", "mistral3_ministral3", "qwen3_vl"] {
        let family = &golden.families[name];
        let folder = tempfile::tempdir().unwrap();
        write(family, &family.config, folder.path());
        let weights = DecoderWeights::load(&family.open(folder.path())).unwrap();
        let older = |name: &String| match name.strip_prefix("model.language_model.") {
            Some(rest) => format!("language_model.model.{rest}"),
            None if name.starts_with("lm_head.") => format!("language_model.{name}"),
            None => name.clone(),
        };
        let tensors = family
            .tensors
            .iter()
            .map(|(name, shape, offset)| (older(name), shape.clone(), *offset));
        let renamed = Family {
            config: family.config.clone(),
            old: None,
            positions: family.positions,
            tensors: tensors.collect(),
            logits: Vec::new(),
        };
        write(&renamed, &family.config, folder.path());
        let again = DecoderWeights::load(&family.open(folder.path())).unwrap();
        assert_eq!(again, weights, "{name}");
    }
}

/// Layers that guess further tokens are passed over, and what a whole model says holds for its text.
#[test]
fn configs_of_other_names_are_those_of_their_decoders() {
    let read = |config: &Value| {
        ModelConfig::from_json_slice(config.to_string().as_bytes(), "config.json").unwrap()
    };
    let golden = golden();
    let mut config = golden.families["qwen2"].config.clone();
    let expected = read(&config);
    config["model_type"] = "mimo".into();
    config["num_nextn_predict_layers"] = 1.into();
    assert_eq!(read(&config), expected);
    // Of a published config: what it leaves out is its class's.
    let gemma = read(&json!({
        "model_type": "gemma3", "eos_token_id": [1, 106], "boi_token_index": 255_999,
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 2_560, "intermediate_size": 10_240,
            "num_hidden_layers": 34, "sliding_window": 1_024,
            "rope_scaling": { "factor": 8.0, "rope_type": "linear" },
        },
    }));
    assert_eq!((gemma.num_attention_heads, gemma.num_key_value_heads, gemma.head_dim), (8, 4, 256));
    assert_eq!((gemma.vocab_size, gemma.num_hidden_layers), (262_208, 34));
    assert_eq!((gemma.eos_token_ids.as_slice(), gemma.tie_word_embeddings), (&[1, 106][..], true));
    assert_eq!(gemma.rope_scaling, RopeScaling::Linear { factor: 8.0 });
    let windows = gemma.switches.layers.iter().filter(|layer| layer.window == Some(1_024)).count();
    assert_eq!(windows, 29);
}

/// gguf-py's names, by which converters go: what writes here and what reads share a table.
#[derive(Deserialize)]
struct GgufNames {
    families: BTreeMap<String, GgufFamily>,
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct GgufFamily {
    architecture: String,
    tensors: Vec<String>,
}

/// `tests/fixtures/gguf_names.py` made them.
#[test]
fn names_in_gguf_are_those_of_its_own_library() {
    let golden = golden();
    let names: GgufNames =
        serde_json::from_str(include_str!("../fixtures/gguf_names.json")).unwrap();
    assert!(names.families.len() >= 17);
    for (name, expected) in &names.families {
        let family = &golden.families[name];
        let folder = tempfile::tempdir().unwrap();
        write(family, &family.config, folder.path());
        let weights = DecoderWeights::load(&family.open(folder.path())).unwrap();
        let told = DecoderWeights { config: told_by_gguf(&weights.config), ..weights };
        let written = decoder_gguf(&told);
        let all = || written.tensors.iter().map(|tensor| tensor.name.as_str());
        let has = |name: &str| all().any(|other| other == name);
        // Of the last layer what the first has not: some have experts behind it alone.
        let own = |name: &&str| match name.strip_prefix("blk.3.") {
            Some(part) => !has(&format!("blk.0.{part}")),
            None => !name.starts_with("blk.") || name.starts_with("blk.0."),
        };
        let mut tensors: Vec<&str> = all().filter(own).collect();
        tensors.sort_unstable();
        assert_eq!(tensors, expected.tensors, "{name}");
        let architecture = &expected.architecture;
        for (key, value) in &written.metadata {
            if key == "general.architecture" {
                assert_eq!(value.as_str(), Some(architecture.as_str()), "{name}");
            }
            let Some(key) = key.strip_prefix(&format!("{architecture}.")) else { continue };
            assert!(names.keys.iter().any(|known| known == key), "{name}: {key}");
        }
    }
}

/// Experts in four bits: the same floats as blocks and as numbers, exact in integers, and in every type of weights the
/// same bits alone, token by token and from a fork.
#[test]
fn experts_in_four_bits_are_held_exactly() {
    let golden = golden();
    let family = &golden.families["gpt_oss_mxfp4"];
    let folder = tempfile::tempdir().unwrap();
    write(family, &family.config, folder.path());
    let checkpoint = family.open(folder.path());
    let name = |part: &str| format!("model.layers.2.mlp.experts.3.{part}.weight");
    for (part, shape) in [("gate_proj", [64, 32]), ("up_proj", [64, 32]), ("down_proj", [32, 64])]
        .map(|(p, s)| (name(p), s))
    {
        assert!(checkpoint.contains(&part));
        let raw = checkpoint.tensor(&part).unwrap();
        assert_eq!((raw.dtype, raw.shape), (Dtype::MXFP4, shape.to_vec()), "{part}");
    }
    // Integers with f16's scales: what is stored in four bits is held as it is.
    let weights = DecoderWeights::load(&checkpoint).unwrap();
    let stored = Native::load(&checkpoint, WeightFormat::Stored, 2).unwrap();
    let bytes =
        |format| Native::load(&checkpoint, format, 1).unwrap().shape().experts.unwrap().bytes;
    assert!(3 * bytes(WeightFormat::Stored) < bytes(WeightFormat::F32));
    assert_eq!(bytes(WeightFormat::Stored), bytes(WeightFormat::Int8));
    let mut writer = decoder_gguf(&weights);
    for stack in writer.tensors.iter_mut().filter(|stack| stack.name.ends_with("_exps.weight")) {
        let (layer, kind) = stack.name[4..].split_once('.').unwrap();
        let part = kind.replace("ffn_", "").replace("_exps.weight", "_proj.weight");
        stack.dtype = Dtype::MXFP4;
        stack.bytes = (0..5)
            .flat_map(|expert| {
                let name = format!("model.layers.{layer}.mlp.experts.{expert}.{part}");
                checkpoint.tensor(&name).unwrap().bytes
            })
            .collect();
    }
    let gguf = Gguf::from_reader(Cursor::new(writer.finish()), "four.gguf").unwrap();
    let four = Checkpoint::from_gguf(gguf).unwrap();
    assert_eq!(DecoderWeights::load(&four).unwrap(), weights);
    for format in [WeightFormat::Stored, WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8]
    {
        let native = Native::load(&checkpoint, format, 2).unwrap();
        let all = rows(&native, &golden.tokens);
        same_bits(&format!("in {format}"), &native, &golden.tokens, &all);
        let other = Native::load(&four, format, 1).unwrap();
        assert_eq!(bits(&rows(&other, &golden.tokens)), bits(&all), "{format} from GGUF");
    }
    // Inputs are rounded to bytes, weights are not.
    let (exact, rounded) =
        (rows(&Native::new(weights, 1).unwrap(), &golden.tokens), rows(&stored, &golden.tokens));
    let size: f32 = exact.iter().map(|x| x * x).sum();
    let far: f32 = exact.iter().zip(&rounded).map(|(a, b)| (a - b).powi(2)).sum();
    assert!((far / size).sqrt() < 0.05, "{}", (far / size).sqrt());
}

/// A batch at once, as training runs it, has the bits of sequences one by one.
#[test]
fn batches_have_the_bits_of_sequences() {
    let golden = golden();
    let device = burn::backend::ndarray::NdArrayDevice::default();
    for (name, family) in &golden.families {
        let folder = tempfile::tempdir().unwrap();
        write(family, &family.config, folder.path());
        let checkpoint = family.open(folder.path());
        let plain = Plain::<Cpu>::new(DecoderWeights::load(&checkpoint).unwrap()).unwrap();
        let (first, second) = (&golden.tokens[..20], &golden.tokens[20..]);
        let ids = Tensor::<Cpu, 1, Int>::from_ints(golden.tokens.as_slice(), &device);
        let hidden = plain.decoder().forward(ids.reshape([2, 20]));
        let found = hidden.into_data().into_vec::<f32>().unwrap();
        let expected = [rows(&plain, first), rows(&plain, second)].concat();
        assert_eq!(bits(&found), bits(&expected), "{name}");
    }
}

/// They set no switch: what is stretched is written, and the text of a whole model as a model of text.
const SAVED: [&str; 6] =
    ["llama_dynamic", "llama_scaled", "llama_yarn", "qwen3", "qwen3_vl", "qwen3_yarn"];

/// Files that are not written yet, and executors without arithmetic for a switch, are refused by name.
#[test]
fn what_cannot_be_done_is_refused() {
    let golden = golden();
    for (name, family) in &golden.families {
        let folder = tempfile::tempdir().unwrap();
        write(family, &family.config, folder.path());
        let weights = DecoderWeights::load(&family.open(folder.path())).unwrap();
        let out = folder.path().join("out");
        let saved = weights.save_safetensors(&out);
        if SAVED.contains(&name.as_str()) {
            saved.unwrap();
            let again = DecoderWeights::load(&Checkpoint::open(&out).unwrap()).unwrap();
            assert_eq!(again, weights);
            continue;
        }
        let error = saved.unwrap_err().to_string();
        assert!(error.starts_with("model: the writer of checkpoints"), "{name}: {error}");
        let experts = weights.config.switches.experts.is_some();
        assert_eq!(error.contains("a mixture of experts"), experts, "{name}: {error}");
        if name == "phi3" {
            let mut config = family.config.clone();
            config["intermediate_size"] = json!(47);
            write(family, &config, folder.path());
            let fused = Checkpoint::open(folder.path()).unwrap();
            let error = DecoderWeights::load(&fused).unwrap_err().to_string();
            assert!(error.contains("mlp.gate_up_proj.weight: 96 rows, expected 94"), "{error}");
        }
    }
}
