//! SmolLM2-135M-Instruct as a `Q4_1` GGUF, where `TTS_SMOLLM2_GGUF` names the file.

use std::time::Instant;

use tts_models::weights::Dtype;
use tts_models::{Checkpoint, DecoderWeights};

#[test]
fn smollm2_loads() {
    let Some(path) = std::env::var_os("TTS_SMOLLM2_GGUF") else {
        println!("TTS_SMOLLM2_GGUF is not set: skipped");
        return;
    };
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
