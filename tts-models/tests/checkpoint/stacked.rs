//! gpt-oss's files: experts of a layer in one tensor, in floats and in four bits, and what loading refuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype as Kind, TensorView};
use serde_json::{Value as Json, json};
use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::weights::gguf::Value;
use tts_models::weights::{Dtype, RawTensor};
use tts_models::{Checkpoint, DecoderWeights, ModelConfig, ModelError};

use crate::{load_gguf, tiny};

/// Type, shape and bytes by name.
type Tensors = BTreeMap<String, (Kind, Vec<usize>, Vec<u8>)>;

/// Experts of 32 inputs, so that they can be blocks: of width 32, between rows of 32.
fn config() -> ModelConfig {
    let mut config = ModelConfig { hidden_size: 32, ..tiny_config("gpt_oss") };
    config.intermediate_size = 32;
    config.switches.experts.as_mut().unwrap().width = 32;
    config
}

fn json_of(config: &ModelConfig) -> Json {
    json!({
        "model_type": "gpt_oss", "vocab_size": 11, "hidden_size": 32, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 6,
        "rms_norm_eps": config.rms_norm_eps, "rope_theta": 10_000.0, "max_position_embeddings": 64,
        "rope_scaling": { "rope_type": "default" }, "sliding_window": 20, "num_local_experts": 5,
        "num_experts_per_tok": 2, "bos_token_id": 1, "eos_token_id": 2,
        "quantization_config": { "quant_method": "mxfp4" }
    })
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The tensors of weights as gpt-oss's files have them: experts of a layer in one, the other way round.
fn stacked(weights: &DecoderWeights) -> Tensors {
    let mut out = Tensors::new();
    for tensor in weights.tensors() {
        if !tensor.name.contains(".experts.") {
            let name = tensor.name.replace(".mlp.gate.", ".mlp.router.");
            out.insert(name, (Kind::F32, tensor.shape, bytes(tensor.values)));
        }
    }
    for (index, layer) in weights.layers.iter().enumerate() {
        let full = |name: &str| format!("model.layers.{index}.mlp.experts.{name}");
        let networks = layer.feed_forward.networks();
        let (mut gate_up, mut down, mut of_both, mut of_down) = (vec![], vec![], vec![], vec![]);
        for network in networks {
            let by_input = |matrices: &[&[f32]]| -> Vec<f32> {
                let value = |input: usize| {
                    (0..32).flat_map(move |out| matrices.iter().map(move |m| m[out * 32 + input]))
                };
                (0..32).flat_map(value).collect()
            };
            gate_up.extend(by_input(&[&network.gate, &network.up]));
            down.extend(by_input(&[&network.down]));
            let [gate, up, own] = network.biases.as_ref().unwrap();
            of_both.extend(gate.iter().zip(up).flat_map(|(gate, up)| [*gate, *up]));
            of_down.extend(own);
        }
        let mut add = |name: &str, shape: &[usize], values: &[f32]| {
            out.insert(full(name), (Kind::F32, shape.to_vec(), bytes(values)));
        };
        add("gate_up_proj", &[5, 32, 64], &gate_up);
        add("down_proj", &[5, 32, 32], &down);
        add("gate_up_proj_bias", &[5, 64], &of_both);
        add("down_proj_bias", &[5, 32], &of_down);
    }
    out
}

fn load(folder: &Path, config: &Json, tensors: &Tensors) -> Result<DecoderWeights, ModelError> {
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let views = tensors.iter().map(|(name, (kind, shape, bytes))| {
        (name, TensorView::new(*kind, shape.clone(), bytes).unwrap())
    });
    let file = safetensors::serialize(views, None).unwrap();
    fs::write(folder.join("model.safetensors"), file).unwrap();
    DecoderWeights::load(&Checkpoint::open(folder)?)
}

#[test]
fn experts_in_one_tensor_are_those_of_tensors_each() {
    let weights = DecoderWeights::random(config(), 4).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let json = json_of(&weights.config);
    assert_eq!(load(folder.path(), &json, &stacked(&weights)).unwrap(), weights);
    // Halves of floats, too.
    let mut narrow = stacked(&weights);
    for (kind, _, bytes) in narrow.values_mut() {
        *kind = Kind::BF16;
        *bytes = bytes.chunks(4).flat_map(|value| [value[2], value[3]]).collect();
    }
    let found = load(folder.path(), &json, &narrow).unwrap();
    for (found, exact) in found.tensors().iter().zip(weights.tensors()) {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= b.abs() / 128.0;
        assert!(found.values.iter().zip(exact.values).all(near), "{}", found.name);
    }
}

/// A tensor, and the type and shape that take the place of its own.
type Edit<'a> = (&'a str, Kind, &'a [usize]);

/// The experts of a layer.
const EXPERTS: [&str; 2] = ["model.layers.0.mlp.experts", "model.layers.1.mlp.experts"];

/// One layer in floats, one in blocks of 1/2 and 1 times 2^-7.
fn mixed(weights: &DecoderWeights) -> Tensors {
    let mut tensors = stacked(weights);
    for (part, outputs) in [("gate_up_proj", 64), ("down_proj", 32)] {
        let name = format!("{}.{part}", EXPERTS[1]);
        tensors.remove(&name);
        let mut add = |kind: &str, shape: Vec<usize>, byte: u8| {
            let bytes = vec![byte; shape.iter().product()];
            tensors.insert(format!("{name}{kind}"), (Kind::U8, shape, bytes));
        };
        add("_blocks", vec![5, outputs, 1, 16], 0x21);
        add("_scales", vec![5, outputs, 1], 120);
    }
    tensors
}

/// Puts zeros in the place of a tensor, or nothing where there is no shape.
fn put(tensors: &mut Tensors, name: &str, kind: Kind, shape: &[usize]) {
    tensors.remove(name);
    if !shape.is_empty() {
        let size = if kind == Kind::U8 { 1 } else { 4 };
        let bytes = vec![0; shape.iter().product::<usize>() * size];
        tensors.insert(name.to_owned(), (kind, shape.to_vec(), bytes));
    }
}

#[test]
fn blocks_and_floats_may_stand_beside_each_other() {
    let weights = DecoderWeights::random(config(), 4).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = mixed(&weights);
    let found = load(folder.path(), &json_of(&weights.config), &tensors).unwrap();
    assert_eq!(found.layers[0], weights.layers[0]);
    let up = &found.layers[1].feed_forward.networks()[4].up;
    let values = [0.5, 1.0].map(|value: f32| value / 128.0);
    assert_eq!(up.as_slice(), values.repeat(16 * 32));
    // A scale that is no number.
    let scales = format!("{}.gate_up_proj_scales", EXPERTS[1]);
    tensors.get_mut(&scales).unwrap().2[0] = 255;
    let error = load(folder.path(), &json_of(&weights.config), &tensors).unwrap_err().to_string();
    assert!(error.contains("experts.0.gate_proj.weight: value 0 is NaN"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let weights = DecoderWeights::random(config(), 4).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let json = json_of(&weights.config);
    let own = |name: &str| format!("{}.{name}", EXPERTS[1]);
    let (blocks, scales) = (own("gate_up_proj_blocks"), own("gate_up_proj_scales"));
    let first = |name: &str| format!("{}.{name}", EXPERTS[0]);
    let (blocks, scales) = (blocks.as_str(), scales.as_str());
    let sinks = "model.layers.1.self_attn.sinks";
    let (byte, float) = (Kind::U8, Kind::F32);
    let cases: &[(&[Edit<'_>], &str)] = &[
        (&[(sinks, float, &[])], "model.layers.1.self_attn.sinks: there is no such tensor"),
        (
            &[("model.layers.0.self_attn.o_proj.bias", float, &[])],
            "layers.0.self_attn.o_proj.bias: there is no such tensor",
        ),
        (
            &[("model.layers.1.self_attn.o_proj.bias", float, &[])],
            "layers.1.self_attn.o_proj.bias: there is no such tensor",
        ),
        // Shapes of nothing, whose other sizes a file may make as large as it likes.
        (
            &[(&first("gate_up_proj"), float, &[5, 0, 1 << 58])],
            "shape [0, 288230376151711744] of an expert, expected no size of 0",
        ),
        (
            &[(blocks, byte, &[5, 0, 1 << 58, 16]), (scales, byte, &[5, 0, 1 << 58])],
            "shape [0, 288230376151711744, 16] of an expert, expected no size of 0",
        ),
        (
            &[(blocks, byte, &[5, 1 << 58, 0, 16]), (scales, byte, &[5, 1 << 58, 0])],
            "shape [288230376151711744, 0, 16] of an expert, expected no size of 0",
        ),
        (
            &[(&own("gate_up_proj"), float, &[5, 32, 64])],
            "experts.gate_up_proj and in model.layers.1.mlp.experts.gate_up_proj_blocks, expected one",
        ),
        (&[(sinks, float, &[3])], "self_attn.sinks: shape [3], expected [2]"),
        (&[("model.layers.0.mlp.router.bias", float, &[])], "mlp.gate.bias: there is no such"),
        (&[(scales, byte, &[])], "gate_up_proj_scales: there is no such tensor"),
        (&[(blocks, byte, &[])], "experts.gate_up_proj: there is no such tensor"),
        (&[(&first("down_proj_bias"), float, &[])], "experts.down_proj_bias: there is no such"),
        (&[(blocks, byte, &[4, 64, 1, 16])], "shape [4, 64, 1, 16], expected 5 tensors"),
        (&[(blocks, byte, &[5, 64, 2, 8])], "blocks [64, 2, 8] of an expert, expected"),
        (&[(blocks, byte, &[5, 64, 16])], "blocks [64, 16] of an expert, expected"),
        (&[(blocks, float, &[5, 64, 1, 16])], "tensor type F32, expected U8"),
        (&[(scales, byte, &[5, 32, 1])], "scales [32, 1] for blocks [64, 1, 16]"),
        (
            &[(blocks, byte, &[5, 63, 1, 16]), (scales, byte, &[5, 63, 1])],
            "63 outputs, expected gate and up by turns",
        ),
        (
            &[(blocks, byte, &[5, 64, 2, 16]), (scales, byte, &[5, 64, 2])],
            "gate_proj.weight: shape [32, 64], expected [32, 32]",
        ),
        (
            &[(&first("gate_up_proj"), float, &[5, 64])],
            "experts.0.gate_proj.weight: shape [64] of an expert",
        ),
        (
            &[(&first("gate_up_proj_bias"), float, &[5, 32])],
            "experts.0.gate_proj.bias: shape [16], expected [32]",
        ),
    ];
    for (edits, expected) in cases {
        let mut tensors = mixed(&weights);
        for (name, kind, shape) in *edits {
            put(&mut tensors, name, *kind, shape);
        }
        let error = load(folder.path(), &json, &tensors).unwrap_err().to_string();
        let file = folder.path().display().to_string();
        assert!(error.starts_with(&file) && error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn sinks_in_a_family_without_any_are_refused() {
    let (other, folder) = (tiny("llama", 1), tempfile::tempdir().unwrap());
    other.save_safetensors(folder.path()).unwrap();
    let config = fs::read_to_string(folder.path().join("config.json")).unwrap();
    let own = other.tensors().into_iter();
    let mut tensors: Tensors =
        own.map(|tensor| (tensor.name, (Kind::F32, tensor.shape, bytes(tensor.values)))).collect();
    put(&mut tensors, "model.layers.1.self_attn.sinks", Kind::F32, &[2]);
    let config: Json = serde_json::from_str(&config).unwrap();
    let error = load(folder.path(), &config, &tensors).unwrap_err().to_string();
    assert!(error.contains("layers.1.self_attn.sinks: unsupported sinks of attention"), "{error}");
}

/// The names that converters write, as they stand in files: what writes here and what reads share a table.
#[test]
fn gguf_has_the_names_that_converters_write() {
    for (family, expected) in [
        (
            "gpt_oss",
            &[
                "blk.0.attn_norm.weight",
                "blk.0.attn_q.bias",
                "blk.0.attn_output.bias",
                "blk.0.attn_sinks.weight",
                "blk.0.post_attention_norm.weight",
                "blk.0.ffn_gate_inp.weight",
                "blk.0.ffn_gate_inp.bias",
                "blk.0.ffn_gate_exps.weight",
                "blk.0.ffn_gate_exps.bias",
                "blk.0.ffn_up_exps.bias",
                "blk.0.ffn_down_exps.weight",
                "blk.0.ffn_down_exps.bias",
            ][..],
        ),
        (
            "phi3",
            &[
                "blk.0.attn_norm.weight",
                "blk.0.attn_qkv.weight",
                "blk.0.attn_output.weight",
                "blk.0.ffn_norm.weight",
                "blk.0.ffn_up.weight",
                "blk.0.ffn_down.weight",
                "output_norm.weight",
            ],
        ),
    ] {
        let written = decoder_gguf(&tiny(family, 3));
        let names: Vec<&str> = written.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        for name in expected {
            assert!(names.contains(name), "{family}: {name} is none of {names:?}");
        }
        let other =
            if family == "phi3" { "blk.0.ffn_gate.weight" } else { "blk.0.ffn_norm.weight" };
        assert!(!names.contains(&other), "{family}: {other}");
    }
}

/// What GGUF says of gpt-oss and of Phi, and what is refused there by key and tensor.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn unsound_gguf_files_are_refused_by_key_and_tensor() {
    let changed = |model: &str, change: &dyn Fn(&mut GgufWriter)| {
        let mut writer = decoder_gguf(&tiny(model, 3));
        change(&mut writer);
        load_gguf(&writer).unwrap_err().to_string()
    };
    let set = |key: &str, value: Value| {
        let key = key.to_owned();
        move |writer: &mut GgufWriter| {
            writer.metadata.retain(|(other, _)| *other != key);
            writer.metadata.push((key.clone(), value.clone()));
        }
    };
    let without = |name: &str| {
        let name = name.to_owned();
        move |writer: &mut GgufWriter| writer.tensors.retain(|tensor| tensor.name != name)
    };
    let vector = |name: &str, values: &[f32]| {
        let (name, shape, bytes) = (name.to_owned(), vec![values.len()], bytes(values));
        move |writer: &mut GgufWriter| {
            let (name, shape, bytes) = (name.clone(), shape.clone(), bytes.clone());
            writer.tensors.retain(|tensor| tensor.name != name);
            writer.tensors.push(RawTensor { name, shape, dtype: Dtype::F32, bytes });
        }
    };
    let number = Value::U32;
    let window = "gpt-oss.attention.sliding_window";
    let original = "phi3.rope.scaling.original_context_length";
    let (short, long) = ("rope_factors_short.weight", "rope_factors_long.weight");
    let factors = |short_factors: &[f32], long_factors: &[f32], length: u32| {
        let all = (short_factors.to_vec(), long_factors.to_vec());
        changed("phi3", &move |writer| {
            vector(short, &all.0)(writer);
            vector(long, &all.1)(writer);
            set(original, number(length))(writer);
        })
    };
    for (error, expected) in [
        (
            changed("gpt_oss", &without("blk.1.attn_sinks.weight")),
            "tiny.gguf: blk.1.attn_sinks.weight: there is no such tensor",
        ),
        (
            changed("gpt_oss", &without("blk.0.attn_output.bias")),
            "tiny.gguf: blk.0.attn_output.bias: there is no such tensor",
        ),
        (
            changed("gpt_oss", &without("blk.0.ffn_up_exps.bias")),
            "tiny.gguf: blk.0.ffn_up_exps.bias: there is no such tensor",
        ),
        (
            changed("gpt_oss", &without("blk.0.ffn_gate_inp.bias")),
            "tiny.gguf: blk.0.ffn_gate_inp.bias: there is no such tensor",
        ),
        (
            changed("gpt_oss", &vector("blk.0.ffn_gate_exps.bias", &[0.0; 60])),
            "blk.0.ffn_gate_exps.bias: shape [60], expected 5 vectors",
        ),
        (
            changed("gpt_oss", &vector("blk.0.attn_sinks.weight", &[0.0; 3])),
            "tiny.gguf: blk.0.attn_sinks.weight: shape [3], expected [2]",
        ),
        (
            changed("gpt_oss", &vector("blk.0.attn_sinks.weight", &[0.0, f32::NAN])),
            "tiny.gguf: blk.0.attn_sinks.weight: value 1 is NaN",
        ),
        (
            changed("gpt_oss", &set(window, number(0))),
            "gpt-oss.attention.sliding_window: 0, expected at least 1",
        ),
        (
            changed("gpt_oss", &set("gpt-oss.attention.sliding_window_pattern", number(0))),
            "sliding_window_pattern: 0, expected at least 1",
        ),
        (
            changed("gpt_oss", &set("gpt-oss.expert_count", number(0))),
            "unsupported mixture without",
        ),
        (changed("phi3", &vector(short, &[1.0; 3])), "original_context_length: is missing"),
        (
            factors(&[1.0; 2], &[1.0; 3], 32),
            "tiny.gguf: rope_factors_short.weight: shape [2], expected [3]",
        ),
        (
            factors(&[1.0; 3], &[1.0; 4], 32),
            "tiny.gguf: rope_factors_long.weight: shape [4], expected [3]",
        ),
        (
            factors(&[1.0; 3], &[1.0, 0.0, 1.0], 32),
            "tiny.gguf: rope_factors_long.weight: number 1 is 0, expected more than 0",
        ),
        (
            factors(&[1.0, f32::NAN, 1.0], &[1.0; 3], 32),
            "tiny.gguf: rope_factors_short.weight: number 1 is NaN, expected more than 0",
        ),
        (
            factors(&[1.0; 3], &[1.0; 3], 0),
            "tiny.gguf: phi3.rope.scaling.original_context_length: 0, expected more than 1",
        ),
        (
            changed("phi3", &|writer| {
                vector(long, &[1.0; 3])(writer);
                set(original, number(32))(writer);
            }),
            "rope_factors_short.weight: there is no such tensor",
        ),
        (
            changed("phi3", &set("phi3.rope.dimension_count", number(8))),
            "tiny.gguf: phi3.rope.dimension_count: 8 of 6",
        ),
    ] {
        assert!(error.starts_with("tiny.gguf") && error.contains(expected), "{expected}: {error}");
    }
    // Another pattern of windows is read: the last of three layers would see everything.
    let mut writer = decoder_gguf(&tiny("gpt_oss", 3));
    set("gpt-oss.attention.sliding_window_pattern", number(3))(&mut writer);
    let switches = load_gguf(&writer).unwrap().config.switches;
    assert!((0..2).all(|layer| switches.attends(layer).window == Some(20)));
}
