//! Quantised weights stay as they are stored: the numbers of the same weights in f32.

use std::io::Cursor;

use tts_models::exec::Runtime;
use tts_models::testing::decoder_gguf;
use tts_models::weights::{Dtype, Gguf};
use tts_models::{Checkpoint, Executor, Gpu, ModelConfig, WeightFormat};

use super::executor::{bits, close, tokens, whole};
use super::{config, on_each_runtime, weights};

on_each_runtime!(quantised_weights_are_exact, types_may_differ_from_tensor_to_tensor);

/// A checkpoint of which every matrix is of the type that `dtype` names for it.
fn checkpoint(architecture: &str, dtype: impl Fn(&str) -> Dtype) -> Checkpoint {
    let mut config =
        ModelConfig { hidden_size: 256, intermediate_size: 512, ..config(architecture) };
    if let Some(experts) = &mut config.switches.experts {
        experts.width = 256;
    }
    let config = ModelConfig { num_attention_heads: 4, head_dim: 64, ..config };
    let mut writer = decoder_gguf(&weights(config));
    let mut rng = tts_core::seed::rng(5);
    // All but routers, which are always in f32.
    for tensor in &mut writer.tensors {
        if tensor.shape.len() < 2 || tensor.name.contains("_inp") {
            continue;
        }
        let dtype = dtype(&tensor.name);
        let halves: &[usize] = match dtype {
            Dtype::Q4_1 | Dtype::Q4K => &[0, 2],
            Dtype::Q6K => &[208],
            Dtype::MXFP4 => &[],
            _ => &[0],
        };
        let count = tensor.shape.iter().product::<usize>() / dtype.block_len();
        let mut bytes = Vec::new();
        for _ in 0..count {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
            let any = (0..dtype.block_bytes()).map(|_| (rng.uniform() * 256.0) as u8);
            let mut block: Vec<u8> = any.collect();
            if dtype == Dtype::MXFP4 {
                block[0] = 118; // 2^-9 as well
            }
            for &at in halves {
                // 2^-9, so that activations stay near 1.
                block[at..at + 2].copy_from_slice(&0x1800_u16.to_le_bytes());
            }
            bytes.extend(block);
        }
        (tensor.dtype, tensor.bytes) = (dtype, bytes);
    }
    let file = Gguf::from_reader(Cursor::new(writer.finish()), "own.gguf").unwrap();
    Checkpoint::from_gguf(file).unwrap()
}

fn quantised_weights_are_exact<R: Runtime>(device: &R::Device) {
    for dtype in [Dtype::Q8_0, Dtype::Q4_0, Dtype::Q4_1] {
        for architecture in ["qwen2", "qwen3_moe"] {
            quantised_weights_of::<R>(architecture, dtype, device);
        }
    }
    quantised_weights_of::<R>("gpt_oss", Dtype::MXFP4, device);
}

fn quantised_weights_of<R: Runtime>(architecture: &str, dtype: Dtype, device: &R::Device) {
    let checkpoint = checkpoint(architecture, |_| dtype);
    let load = |format| Gpu::<R>::load(&checkpoint, format, device).unwrap();
    let (own, wide) = (load(WeightFormat::Stored), load(WeightFormat::F32));
    let text = tokens(70, 3);
    let (found, expected) = (whole(&own, &text), whole(&wide, &text));
    assert!(expected.iter().all(|x| x.is_finite()), "{dtype}");
    assert_eq!(bits(&found), bits(&expected), "{dtype}");
    let logits = [&own, &wide].map(|gpu| bits(&gpu.logits(&found).unwrap()));
    assert_eq!(logits[0], logits[1], "{dtype}");
}

/// As files have them whose queries are in four bits and values in six.
fn types_may_differ_from_tensor_to_tensor<R: Runtime>(device: &R::Device) {
    let mixed = checkpoint("qwen2", |name| match name {
        _ if name.contains("attn_v") => Dtype::Q8_0,
        _ if name.contains("ffn_down") => Dtype::Q4_1,
        _ => Dtype::Q4K,
    });
    let load = |format| Gpu::<R>::load(&mixed, format, device).unwrap();
    close(&load(WeightFormat::Stored), &load(WeightFormat::F32), 40, "Q4_K beside Q8_0");
}
