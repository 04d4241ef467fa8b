//! Experts in checkpoints: stacks of GGUF, tensors of their own in safetensors, and what loading refuses.

use std::fs;

use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::weights::gguf::Value;
use tts_models::weights::{Dtype, RawTensor};
use tts_models::{Checkpoint, DecoderWeights, Executor, ModelConfig, Native, WeightFormat};

use crate::{Owned, from_gguf, load_gguf, owned, tiny, write_safetensors};

#[test]
fn unsound_mixtures_in_gguf_are_refused_by_key() {
    let number = Value::U32;
    let cases = [
        (
            "qwen3moe",
            "expert_count",
            number(0),
            "expert_count: unsupported mixture without experts",
        ),
        (
            "qwen3moe",
            "expert_count",
            Value::U64(1 << 40),
            "expert_count: 1099511627776, expected 1",
        ),
        ("qwen3moe", "expert_count", Value::I32(-2), "expected an integer that is not negative"),
        (
            "qwen3moe",
            "expert_count",
            number(4),
            "blk.0.ffn_gate_exps.weight: shape [5, 12, 8], expected 4 matrices",
        ),
        ("qwen3moe", "expert_used_count", number(0), "expert_used_count: 0, expected 1 to 5"),
        ("qwen3moe", "expert_used_count", number(6), "expert_used_count: 6, expected 1 to 5"),
        ("qwen3moe", "expert_feed_forward_length", number(0), "length: 0, expected 1 to 1048576"),
        (
            "qwen3moe",
            "expert_feed_forward_length",
            number(11),
            "blk.0.ffn_gate_exps.weight: shape [12, 8], expected [11, 8]",
        ),
        ("qwen3moe", "expert_shared_count", number(1), "unsupported experts that every token"),
        ("qwen3moe", "expert_gating_func", number(2), "expert_gating_func: unsupported gate 2"),
        ("qwen3moe", "expert_group_count", number(4), "expert_group_count: unsupported 4 groups"),
        ("qwen3moe", "expert_weights_scale", Value::F32(2.5), "expert_weights_scale: unsupported"),
        ("qwen3moe", "leading_dense_block_count", number(1), "dense_block_count: unsupported 1"),
        ("qwen3moe", "interleave_moe_layer_step", number(2), "interleave_moe_layer_step: uns"),
        (
            "qwen2moe",
            "expert_shared_feed_forward_length",
            number(0),
            "expert_shared_feed_forward_length: 0, expected 1 to 1048576",
        ),
        (
            "qwen2moe",
            "expert_shared_feed_forward_length",
            number(15),
            "blk.0.ffn_gate_shexp.weight: shape [14, 8], expected [15, 8]",
        ),
        ("qwen2", "expert_count", number(8), "unsupported mixture of 8 experts in this"),
        ("llama", "expert_used_count", number(9), "expert_used_count: 9, expected 1 to 5"),
    ];
    for (architecture, key, value, expected) in cases {
        let model = match architecture {
            "llama" => "mixtral",
            "qwen2moe" => "qwen2_moe",
            "qwen3moe" => "qwen3_moe",
            other => other,
        };
        let mut writer = decoder_gguf(&tiny(model, 3));
        let key = format!("{architecture}.{key}");
        writer.metadata.retain(|(other, _)| *other != key);
        let error = load_gguf(&writer.with(&key, value)).unwrap_err().to_string();
        assert!(error.starts_with("tiny.gguf: ") && error.contains(expected), "{key}: {error}");
    }
    let changed = |change: &dyn Fn(&mut GgufWriter)| {
        let mut writer = decoder_gguf(&tiny("mixtral", 3));
        change(&mut writer);
        load_gguf(&writer).unwrap_err().to_string()
    };
    let vector = |name: &str| RawTensor {
        name: name.to_owned(),
        shape: vec![5],
        dtype: Dtype::F32,
        bytes: vec![0; 20],
    };
    for name in ["blk.0.ffn_gate.0.weight", "blk.0.ffn_gate_inp.bias", "blk.0.ffn_up_shexp.weight"]
    {
        let error = changed(&|writer| writer.tensors.push(vector(name)));
        assert!(error.contains(&format!("{name}: unsupported ")), "{error}");
    }
    let missing = changed(&|writer| {
        writer.tensors.retain(|tensor| tensor.name != "blk.1.ffn_up_exps.weight");
    });
    assert!(missing.contains("blk.1.ffn_up_exps.weight: there is no such tensor"), "{missing}");
    let flat = changed(&|writer| {
        let stack = writer.tensors.iter_mut().find(|t| t.name == "blk.1.ffn_down_exps.weight");
        stack.unwrap().shape = vec![5 * 8, 12];
    });
    assert!(flat.contains("blk.1.ffn_down_exps.weight: shape [40, 12], expected 5"), "{flat}");
}

/// Each expert is its own part of a stack of blocks; the router is never rounded.
#[test]
fn quantised_experts_are_parts_of_their_stack() {
    let config = ModelConfig { hidden_size: 64, ..tiny_config("qwen3_moe") };
    let weights = DecoderWeights::random(config, 7).unwrap();
    let mut writer = decoder_gguf(&weights);
    let stack = writer.tensors.iter_mut().find(|t| t.name == "blk.1.ffn_up_exps.weight").unwrap();
    // Rows of expert e hold scale e + 1 and ones.
    stack.dtype = Dtype::Q8_0;
    stack.bytes = (0..5u8)
        .flat_map(|expert| {
            let scale = half::f16::from_f32(f32::from(expert + 1)).to_le_bytes();
            [&scale[..], &[1; 32]].concat().repeat(12 * 2)
        })
        .collect();
    let checkpoint = from_gguf(&writer).unwrap();
    for expert in 0..5u8 {
        let name = format!("model.layers.1.mlp.experts.{expert}.up_proj.weight");
        assert!(checkpoint.contains(&name));
        let raw = checkpoint.tensor(&name).unwrap();
        assert_eq!((raw.dtype, raw.shape.clone()), (Dtype::Q8_0, vec![12, 64]));
        assert_eq!(raw.to_f32().unwrap(), vec![f32::from(expert + 1); 12 * 64]);
    }
    let router = checkpoint.tensor("model.layers.1.mlp.gate.weight").unwrap();
    assert_eq!((router.dtype, router.shape), (Dtype::F32, vec![5, 64]));
    // As many bytes in every type: router, and what else is read in f32.
    let shape = |format| Native::load(&checkpoint, format, 1).unwrap().shape();
    let (exact, rounded) = (shape(WeightFormat::F32), shape(WeightFormat::Int8));
    let of_experts = |shape: &tts_core::cost::ModelShape| shape.experts.unwrap().bytes;
    assert!(of_experts(&rounded) * 2 < of_experts(&exact));
    // Two layers of routers of 16 padded outputs in f32.
    assert!(rounded.layer_bytes - of_experts(&rounded) > 2 * 16 * 64 * 4);
}

/// What experts may have beside them in safetensors, and this decoder has no place for.
#[test]
fn what_stands_beside_experts_is_refused_by_name() {
    let weights = tiny("mixtral", 9);
    let folder = tempfile::tempdir().unwrap();
    let json = serde_json::json!({
        "model_type": "mixtral", "vocab_size": 11, "hidden_size": 8, "intermediate_size": 12,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 6,
        "rms_norm_eps": 0.000_976_562_5, "rope_theta": 10_000.0, "max_position_embeddings": 64,
        "num_local_experts": 5, "num_experts_per_tok": 2, "bos_token_id": 1, "eos_token_id": 2
    });
    fs::write(folder.path().join("config.json"), json.to_string()).unwrap();
    let load = |change: &dyn Fn(&mut Vec<Owned>)| {
        let mut tensors = owned(&weights);
        for tensor in &mut tensors {
            // As Mixtral's files call them.
            tensor.0 = tensor.0.replace(".mlp.", ".block_sparse_moe.");
            for (own, stored) in [("gate_proj", "w1"), ("up_proj", "w3"), ("down_proj", "w2")] {
                tensor.0 = tensor.0.replace(own, stored);
            }
        }
        change(&mut tensors);
        write_safetensors(&folder.path().join("model.safetensors"), &tensors);
        DecoderWeights::load(&Checkpoint::open(folder.path())?)
    };
    assert_eq!(load(&|_| {}).unwrap(), weights);
    let add = |name: &str| {
        let name = format!("model.layers.1.block_sparse_moe.{name}");
        load(&move |t| t.push((name.clone(), vec![5], vec![0.0; 5]))).unwrap_err().to_string()
    };
    for (name, expected) in [
        ("gate.bias", "mlp.gate.bias: unsupported bias"),
        ("experts.3.w2.bias", "experts.3.down_proj.bias: unsupported bias"),
        ("experts.gate_up_proj", "experts.gate_up_proj: unsupported tensor of all experts"),
        ("shared_expert.w1.weight", "shared_expert.gate_proj.weight: unsupported expert"),
    ] {
        let error = add(name);
        assert!(error.contains(expected), "{name}: {error}");
    }
    let short = load(&|t| t.retain(|t| !t.0.contains("layers.1.block_sparse_moe.experts.4.w3")));
    let error = short.unwrap_err().to_string();
    assert!(error.contains("layers.1.mlp.experts.4.up_proj.weight: there is no"), "{error}");
    let wide = load(&|t| {
        let router = t.iter_mut().find(|t| t.0.ends_with("layers.0.block_sparse_moe.gate.weight"));
        router.unwrap().1.reverse();
    });
    let error = wide.unwrap_err().to_string();
    assert!(error.contains("layers.0.mlp.gate.weight: shape [8, 5], expected [5, 8]"), "{error}");
}
