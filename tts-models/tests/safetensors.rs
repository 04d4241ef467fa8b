//! The safetensors reader: single and sharded files, and what it refuses.

use std::fs;
use std::io::Cursor;

use tts_core::seed;
use tts_models::ModelError;
use tts_models::weights::Dtype;
use tts_models::weights::safetensors::{SafetensorsFile, Shards};

const PATH: &str = "dir/hostile.safetensors";

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), data].concat()
}

fn open(bytes: Vec<u8>) -> Result<SafetensorsFile, ModelError> {
    SafetensorsFile::from_reader(Cursor::new(bytes), PATH)
}

const SOUND: &str = r#"{"__metadata__":{"format":"pt"},
    "b":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]},
    "a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},
    "c":{"dtype":"F32","shape":[],"data_offsets":[8,12]},
    "d":{"dtype":"I64","shape":[1],"data_offsets":[12,20]}}"#;

#[test]
fn types_and_shapes_read_back() {
    let data: Vec<u8> = [0x80, 0x3f, 0x00, 0xc0, 0x00, 0x3c, 0x00, 0xc0]
        .into_iter()
        .chain(0.25f32.to_le_bytes())
        .chain([0; 8])
        .collect();
    let file = open(file(SOUND, &data)).unwrap();
    assert_eq!(file.tensor_names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    let cases = [
        ("a", Dtype::BF16, vec![2], vec![1.0, -2.0]),
        ("b", Dtype::F16, vec![2, 1], vec![1.0, -2.0]),
        ("c", Dtype::F32, vec![], vec![0.25]),
    ];
    for (name, dtype, shape, values) in cases {
        let tensor = file.read(name).unwrap();
        assert_eq!((tensor.dtype, &tensor.shape), (dtype, &shape));
        assert_eq!(tensor.to_f32().unwrap(), values);
    }
    let error = file.read("d").unwrap_err().to_string();
    assert!(error.starts_with(PATH) && error.contains("d: unsupported tensor type I64"), "{error}");
    assert!(file.read("e").unwrap_err().to_string().contains(": e: "));
}

#[test]
fn broken_files_are_refused_by_name() {
    let one = |shape: &str, offsets: &str| {
        format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let sound = file(&one("[2]", "[0,8]"), &[0; 8]);
    assert!(open(sound.clone()).is_ok());
    let length = |n: u64| [&n.to_le_bytes()[..], &sound[8..]].concat();
    let two = r#"{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
        "w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    let cases = [
        ("empty", Vec::new(), "header length"),
        ("seven bytes", vec![0; 7], "header length"),
        ("2^60", length(1 << 60), "header length"),
        ("all ones", length(u64::MAX), "header length"),
        ("past the end", length(1_000), "header: 1000 bytes"),
        ("not JSON", file("{", &[]), "header: "),
        ("not an object", file("[]", &[]), "header: "),
        ("deep", file(&"[".repeat(100_000), &[]), "header: "),
        ("not UTF-8", file("{\"\u{80}", &[]), "header: "),
        ("unknown type", file(&one("[2]", "[0,8]").replace("F32", "F33"), &[0; 8]), "header: "),
        ("negative", file(&one("[-2]", "[0,8]"), &[0; 8]), "header: "),
        ("truncated", sound[..sound.len() - 1].to_vec(), "w: data range 0..8, but the file has 7"),
        ("trailing", [&sound[..], &[0]].concat(), "data: 9 bytes, but the tensors take 8"),
        ("gap", file(&one("[2]", "[4,12]"), &[0; 12]), "w: data range 4..12"),
        ("backwards", file(&one("[2]", "[0,8]").replace("[0,8]", "[8,0]"), &[0; 8]), "w: data"),
        ("overlap", file(two, &[0; 12]), "w: data range 4..12, expected it to start at 8"),
        ("size", file(&one("[3]", "[0,8]"), &[0; 8]), "w: 8 bytes for F32 of shape [3]"),
        ("overflow", file(&one("[4611686018427387904,4]", "[0,0]"), &[]), "w: 0 bytes"),
        ("2^60 range", file(&one("[2]", "[0,1152921504606846976]"), &[0; 8]), "w: data range"),
        ("range that wraps", file(&one("[0]", "[0,18446744073709551615]"), &[]), "w: data range"),
    ];
    for (case, bytes, expected) in cases {
        let error = open(bytes).expect_err(case).to_string();
        assert!(error.starts_with(PATH) && error.contains(expected), "{case}: {error}");
    }
}

#[test]
fn truncated_and_flipped_files_never_panic() {
    let sound = file(SOUND, &[1; 20]);
    for end in 0..sound.len() {
        let error = open(sound[..end].to_vec()).expect_err("truncated").to_string();
        assert!(error.starts_with(PATH), "{error}");
    }
    let mut rng = seed::rng(4);
    for _ in 0..5_000 {
        let mut flipped = sound.clone();
        flipped[rng.next_u32() as usize % sound.len()] ^= 1 << (rng.next_u32() % 8);
        let result = open(flipped).and_then(|file| {
            file.tensor_names().try_for_each(|name| file.read(name)?.to_f32().map(|_| ()))
        });
        if let Err(error) = result {
            let error = error.to_string();
            // A tensor of no values is found out when it is converted.
            assert!(error.starts_with(PATH) || error.contains("zero dimension"), "{error}");
        }
    }
}

#[test]
fn shards_are_found_and_kept_inside_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let one = |name: &str, value: f32| {
        let header = format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
        file(&header, &value.to_le_bytes())
    };
    let at = |name: &str| folder.path().join(name);
    fs::write(at("1.safetensors"), one("a", 1.0)).unwrap();
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("sub/2.safetensors"), one("b", 2.0)).unwrap();
    let index = |map: &str| {
        let text = format!(r#"{{"metadata":{{"total_size":8}},"weight_map":{map}}}"#);
        fs::write(at("model.safetensors.index.json"), text).unwrap();
        Shards::open(folder.path())
    };
    let shards = index(r#"{"a":"1.safetensors","b":"sub/2.safetensors"}"#).unwrap();
    assert_eq!(shards.tensor_names().collect::<Vec<_>>(), ["a", "b"]);
    let b = shards.file("b").unwrap().read("b").unwrap().to_f32().unwrap();
    assert_eq!(b, [2.0]);
    let outside = at("1.safetensors").display().to_string();
    let cases = [
        (r#"{"a":"../1.safetensors"}"#.to_owned(), "a: file \"../1.safetensors\" is not inside"),
        (format!(r#"{{"a":"{outside}"}}"#), "is not inside"),
        (r#"{"a":"./1.safetensors"}"#.to_owned(), "is not inside"),
        (r#"{"a":"sub/../1.safetensors"}"#.to_owned(), "is not inside"),
        (r#"{"a":""}"#.to_owned(), "is not inside"),
        (r#"{"z":"1.safetensors"}"#.to_owned(), "z: file \"1.safetensors\" has no such tensor"),
        (r#"{"a":"3.safetensors"}"#.to_owned(), "3.safetensors"),
        (r#"{"a":3}"#.to_owned(), "weight_map: "),
        ("[]".to_owned(), "weight_map: "),
    ];
    for (map, expected) in cases {
        let error = index(&map).unwrap_err().to_string();
        let folder = folder.path().display().to_string();
        assert!(error.starts_with(&folder) && error.contains(expected), "{map}: {error}");
    }
}
