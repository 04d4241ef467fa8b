//! Block formats against the `gguf` Python package, and the sizes of tensors.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use serde_json::Value;
use tts_models::weights::{Dtype, RawTensor};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn golden_blocks_decode_to_the_same_bits() {
    let golden: Value = serde_json::from_str(include_str!("fixtures/quant_golden.json")).unwrap();
    for dtype in Dtype::ALL {
        let cases = golden["types"][dtype.to_string()].as_object().unwrap();
        assert!(!cases.is_empty());
        for (case, golden) in cases {
            let bytes = unhex(golden["bytes"].as_str().unwrap());
            let expected = unhex(golden["values"].as_str().unwrap());
            let expected: Vec<u32> =
                expected.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
            let tensor =
                RawTensor { name: dtype.to_string(), shape: vec![expected.len()], dtype, bytes };
            let values: Vec<u32> = tensor.to_f32().unwrap().iter().map(|x| x.to_bits()).collect();
            // The sign of a zero may depend on the order of operations.
            let positive = |bits: &[u32]| -> Vec<u32> {
                bits.iter().map(|b| if *b == 1 << 31 { 0 } else { *b }).collect()
            };
            assert_eq!(positive(&values), positive(&expected), "{dtype} {case}");
        }
    }
}

#[test]
fn many_blocks_decode_as_each_alone() {
    for dtype in Dtype::ALL {
        // More than one task of the parallel loop, and a part of one.
        let blocks = if dtype.block_len() == 1 { 70_000 } else { 600 };
        let bytes: Vec<u8> =
            (0..blocks * dtype.block_bytes()).map(|i| u8::try_from(i * 7 % 61).unwrap()).collect();
        let one = |bytes: &[u8], blocks: usize| {
            let shape = vec![blocks * dtype.block_len()];
            RawTensor { name: "x".into(), shape, dtype, bytes: bytes.to_vec() }.to_f32().unwrap()
        };
        let all = one(&bytes, blocks);
        for (i, block) in bytes.chunks(dtype.block_bytes()).enumerate() {
            let expected: Vec<u32> = one(block, 1).iter().map(|x| x.to_bits()).collect();
            let found = &all[i * dtype.block_len()..(i + 1) * dtype.block_len()];
            let found: Vec<u32> = found.iter().map(|x| x.to_bits()).collect();
            assert_eq!(found, expected, "{dtype} block {i}");
        }
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let cases = [
        (Dtype::Q4_0, vec![2, 32], 35, "takes 36"),
        (Dtype::Q4_0, vec![64, 1], 36, "whole blocks"),
        (Dtype::Q6K, vec![128, 2], 210, "whole blocks"),
        (Dtype::F32, vec![3, 0], 0, "zero dimension"),
        (Dtype::F32, vec![usize::MAX, 2], 8, "overflows"),
        (Dtype::F32, vec![usize::MAX / 2], 8, "overflows"),
        (Dtype::Q8_0, vec![1 << 40, 1 << 40], 8, "overflows"),
    ];
    for (dtype, shape, bytes, expected) in cases {
        let tensor = RawTensor { name: "w".into(), shape, dtype, bytes: vec![0; bytes] };
        let error = tensor.to_f32().unwrap_err().to_string();
        assert!(error.starts_with("w: ") && error.contains(expected), "{error}");
    }
}
