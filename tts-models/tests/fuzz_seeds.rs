//! Seeds of the fuzz targets, written to `target/tmp/corpus`; each must be a file that is accepted.

use std::fs;
use std::path::Path;

use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::weights::gguf::{Array, Value};
use tts_models::weights::safetensors::SafetensorsFile;
use tts_models::weights::{Dtype, Gguf, RawTensor};
use tts_models::{DecoderWeights, ModelConfig, RopeScaling, Tokenizer};

#[test]
fn write_seeds() {
    let corpus = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(corpus.join(target)).unwrap();
        let file = corpus.join(target).join(name);
        fs::write(&file, bytes).unwrap();
        let accepted = match target {
            "gguf" => Gguf::open(&file).err(),
            "safetensors" => SafetensorsFile::open(&file).err(),
            "tokenizer" => Tokenizer::from_file(&file).err(),
            _ => ModelConfig::from_json(&file).err(),
        };
        assert!(accepted.is_none(), "{target}/{name}: {accepted:?}");
    };
    let folder = tempfile::tempdir().unwrap();
    for architecture in ["llama", "qwen2", "qwen3"] {
        let config = ModelConfig {
            num_hidden_layers: 1,
            tie_word_embeddings: true,
            rope_scaling: RopeScaling::Llama3 {
                factor: 8.0,
                low_freq_factor: 1.0,
                high_freq_factor: 4.0,
                original_max_position_embeddings: 32.0,
            },
            ..tiny_config(architecture)
        };
        let weights = DecoderWeights::random(config, 1).unwrap();
        weights.save_safetensors(folder.path()).unwrap();
        write("gguf", architecture, &decoder_gguf(&weights).finish());
        for (target, file) in [("config", "config.json"), ("safetensors", "model.safetensors")] {
            write(target, architecture, &fs::read(folder.path().join(file)).unwrap());
        }
    }
    let nested = Array::Array(vec![Array::U8(vec![1]), Array::Bool(vec![true])]);
    let mut blocks = GgufWriter::default()
        .with("nested", Value::Array(nested))
        .with("i64", Value::I64(-1))
        .with("texts", Value::Array(Array::String(vec!["a".to_owned()])));
    blocks.tensors = Dtype::ALL
        .into_iter()
        .map(|dtype| RawTensor {
            name: dtype.to_string(),
            shape: vec![1, dtype.block_len()],
            dtype,
            bytes: vec![1; dtype.block_bytes()],
        })
        .collect();
    write("gguf", "blocks", &blocks.finish());
    let mixed = r#"{"__metadata__":{"format":"pt"},
        "a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},
        "b":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]}}"#;
    let length = (mixed.len() as u64).to_le_bytes();
    write("safetensors", "mixed", &[&length[..], mixed.as_bytes(), &[0; 8]].concat());
    let rope = br#"{"model_type":"llama","vocab_size":10,"hidden_size":8,"intermediate_size":8,
        "num_hidden_layers":1,"num_attention_heads":2,"eos_token_id":[1,2],
        "rope_parameters":{"rope_type":"linear","factor":2.0,"rope_theta":1e4}}"#;
    write("config", "rope", rope);
    let tokenizer = br#"{"version":"1.0","added_tokens":[{"id":4,"content":"<end>","special":true,
        "single_word":false,"lstrip":false,"rstrip":false,"normalized":false}],"normalizer":null,
        "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,
        "use_regex":true},"post_processor":null,"decoder":{"type":"ByteLevel",
        "add_prefix_space":true,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE",
        "vocab":{"a":0,"b":1,"ab":2,"1":3},"merges":["a b"]}}"#;
    write("tokenizer", "bpe", tokenizer);
}
