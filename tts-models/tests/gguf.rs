//! The GGUF reader: what it reads back, and what it refuses.

use std::io::Cursor;

use tts_core::seed;
use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::weights::gguf::{Array, Value};
use tts_models::weights::{Dtype, Gguf, RawTensor};
use tts_models::{Checkpoint, DecoderWeights, ModelError};

const PATH: &str = "dir/hostile.gguf";

fn open(bytes: Vec<u8>) -> Result<Gguf, ModelError> {
    Gguf::from_reader(Cursor::new(bytes), PATH)
}

/// Opens, reads every tensor, the config and the weights; errors must name the file.
fn exhaust(bytes: Vec<u8>) -> bool {
    let result = open(bytes).and_then(|gguf| {
        for name in gguf.tensor_names() {
            gguf.read(name)?.to_f32()?;
        }
        DecoderWeights::load(&Checkpoint::from_gguf(gguf)?)
    });
    if let Err(error) = &result {
        assert!(error.to_string().starts_with(PATH), "{error}");
    }
    result.is_ok()
}

fn tensor(name: &str, shape: &[usize]) -> RawTensor {
    let bytes = vec![0; 4 * shape.iter().product::<usize>()];
    RawTensor { name: name.to_owned(), shape: shape.to_vec(), dtype: Dtype::F32, bytes }
}

/// One of every type of value, and two tensors.
fn everything() -> GgufWriter {
    let nested = Array::Array(vec![Array::U8(vec![1, 2]), Array::Bool(vec![true, false])]);
    let mut writer = GgufWriter::default()
        .with("u8", Value::U8(200))
        .with("i8", Value::I8(-3))
        .with("u16", Value::U16(60_000))
        .with("i16", Value::I16(-300))
        .with("u32", Value::U32(4_000_000_000))
        .with("i32", Value::I32(-5))
        .with("f32", Value::F32(1.5))
        .with("bool", Value::Bool(true))
        .with("string", Value::String("naïve ▁".to_owned()))
        .with("u64", Value::U64(1 << 60))
        .with("i64", Value::I64(-(1 << 60)))
        .with("f64", Value::F64(0.1))
        .with("tokens", Value::Array(Array::String(vec!["a".into(), String::new()])))
        .with("scores", Value::Array(Array::F32(vec![-1.0, 2.5])))
        .with("types", Value::Array(Array::I32(vec![1, 3])))
        .with("empty", Value::Array(Array::U64(Vec::new())))
        .with("nested", Value::Array(nested));
    writer.tensors = vec![tensor("a", &[2, 3]), tensor("b", &[5])];
    writer.tensors[1].bytes[0] = 7;
    writer
}

#[test]
fn everything_reads_back() {
    for version in [2, 3] {
        let writer = GgufWriter { version, ..everything() };
        let gguf = open(writer.finish()).unwrap();
        assert_eq!(gguf.version(), version);
        assert_eq!(gguf.metadata().len(), writer.metadata.len());
        for (key, value) in &writer.metadata {
            assert_eq!(&gguf.metadata()[key], value);
        }
        assert_eq!(gguf.tensor_names().collect::<Vec<_>>(), ["a", "b"]);
        for tensor in &writer.tensors {
            assert_eq!(&gguf.read(&tensor.name).unwrap(), tensor);
        }
        assert_eq!(gguf.texts("tokens").unwrap().unwrap(), ["a", ""]);
        assert_eq!(gguf.integer("u64").unwrap(), Some(1 << 60));
        assert_eq!(gguf.text("absent").unwrap(), None);
        let error = gguf.integer("i8").unwrap_err().to_string();
        assert_eq!(error, format!("{PATH}: i8: is i8, expected an integer that is not negative"));
        let error = gguf.read("c").unwrap_err().to_string();
        assert!(error.contains(": c: "), "{error}");
    }
}

#[test]
fn other_alignments_are_followed() {
    let mut writer = everything().with("general.alignment", Value::U32(64));
    writer.alignment = 64;
    assert_eq!(open(writer.finish()).unwrap().read("b").unwrap(), writer.tensors[1]);
    for bad in [Value::U32(0), Value::U32(48), Value::U64(1 << 40), Value::I32(-32)] {
        let error = open(everything().with("general.alignment", bad).finish()).unwrap_err();
        assert!(error.to_string().contains("general.alignment"), "{error}");
    }
}

#[test]
fn broken_structures_are_refused_by_name() {
    let huge = (1u64 << 60).to_le_bytes();
    let patched = |at: usize, patch: &[u8]| {
        let mut bytes = everything().finish();
        bytes[at..at + patch.len()].copy_from_slice(patch);
        bytes
    };
    let find = |needle: &[u8]| {
        let bytes = everything().finish();
        bytes.windows(needle.len()).position(|w| w == needle).unwrap()
    };
    let metadata = |key: &str, value| everything().with(key, value).finish();
    let with_tensor = |t: RawTensor| {
        let mut writer = everything();
        writer.tensors.push(t);
        writer.finish()
    };
    let tensor_a = find(b"a\x02\0\0\0");
    let tensor_b = find(b"b\x01\0\0\0");
    let tokens = find(b"tokens") + 6;
    let nested = (0..6).fold(Array::U8(vec![1]), |inner, _| Array::Array(vec![inner]));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "magic"),
        ("magic", patched(0, b"GGML"), "magic"),
        ("version 1", patched(4, &1u32.to_le_bytes()), "version: unsupported version 1"),
        ("big endian", patched(4, &3u32.to_be_bytes()), "big endian"),
        ("tensor count", patched(8, &huge), "tensor count"),
        ("pair count", patched(16, &huge), "metadata count"),
        ("pair count that wraps", patched(16, &[0xff; 8]), "metadata count"),
        ("key length", patched(24, &huge), "metadata key 0"),
        ("value type", patched(34, &13u32.to_le_bytes()), "u8: 13 is not a value type"),
        ("truth value", patched(find(b"bool") + 8, &[2]), "bool: 2 is not a truth value"),
        ("not UTF-8", patched(find("ï".as_bytes()), &[0xff]), "string: the text is not UTF-8"),
        ("string length", patched(find(b"string") + 10, &huge), "string: "),
        ("array type", patched(tokens + 4, &99u32.to_le_bytes()), "tokens: 99 is not"),
        ("array length", patched(tokens + 8, &huge), "tokens: "),
        ("string in array", patched(tokens + 16, &huge), "tokens: "),
        ("numbers", patched(find(b"scores") + 14, &huge), "scores: "),
        ("deep arrays", metadata("deep", Value::Array(nested)), "deep: arrays nested"),
        ("key twice", metadata("u8", Value::U8(1)), "u8: this key appears twice"),
        ("tensor twice", with_tensor(tensor("a", &[1])), "a: this tensor is described twice"),
        ("rank 0", patched(tensor_a + 1, &0u32.to_le_bytes()), "a: 0 dimensions"),
        ("rank 5", with_tensor(tensor("c", &[1; 5])), "c: 5 dimensions"),
        ("zero dimension", patched(tensor_a + 5, &[0; 8]), "a: shape [2, 0] has a zero"),
        ("huge dimension", patched(tensor_a + 5, &huge), "a: "),
        ("dimensions that wrap", patched(tensor_a + 5, &[0xff; 16]), "a: shape"),
        ("tensor type", patched(tensor_a + 21, &16u32.to_le_bytes()), "tensor type 16 (IQ (imp"),
        ("broken block", patched(tensor_a + 21, &2u32.to_le_bytes()), "a: rows of 3 values"),
        ("offset past the end", patched(tensor_a + 25, &huge), "a: 24 bytes at offset"),
        ("offset that wraps", patched(tensor_a + 25, &(u64::MAX - 31).to_le_bytes()), "a: 24"),
        ("overlap", patched(tensor_b + 17, &[0; 8]), "overlaps"),
        (
            "unaligned",
            patched(tensor_b + 17, &24u64.to_le_bytes()),
            "b: offset 24 is not a multiple of 32",
        ),
    ];
    for (case, bytes, expected) in cases {
        let error = open(bytes).expect_err(case).to_string();
        assert!(error.starts_with(PATH) && error.contains(expected), "{case}: {error}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    let (bytes, marks) = everything().finish_marked();
    let mut rng = seed::rng(1);
    let random = (0..200).map(|_| rng.next_u32() as usize % bytes.len());
    for end in marks.into_iter().filter(|end| *end < bytes.len()).chain(random) {
        let error = open(bytes[..end].to_vec()).expect_err("truncated").to_string();
        assert!(error.starts_with(PATH), "{error}");
    }
    // The loader on top of the reader too, tokenizer arrays included.
    let weights = DecoderWeights::random(tiny_config("qwen2"), 3).unwrap();
    let (bytes, marks) = decoder_gguf(&weights).finish_marked();
    assert!(exhaust(bytes.clone()));
    for end in marks.into_iter().filter(|end| *end < bytes.len()) {
        assert!(!exhaust(bytes[..end].to_vec()));
    }
}

#[test]
fn flipped_bits_never_panic() {
    let weights = DecoderWeights::random(tiny_config("llama"), 3).unwrap();
    let plain = decoder_gguf(&weights);
    // Positions in the header, where a flip can do harm.
    let header = {
        let (bytes, _) = plain.finish_marked();
        bytes.len()
            - plain.tensors.iter().map(|t| t.bytes.len().next_multiple_of(32)).sum::<usize>()
    };
    let mut rng = seed::rng(2);
    for (bytes, header) in [(plain.finish(), header), (everything().finish(), 600)] {
        let mut sound = 0;
        for _ in 0..4_000 {
            let mut flipped = bytes.clone();
            for _ in 0..=rng.next_u32() % 2 {
                flipped[rng.next_u32() as usize % header] ^= 1 << (rng.next_u32() % 8);
            }
            sound += usize::from(exhaust(flipped));
        }
        assert!(sound < 4_000);
    }
}
