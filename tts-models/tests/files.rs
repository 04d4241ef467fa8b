//! Models in memory are models on disk, whatever they are made of; and memory alone is read.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tts_models::testing::{GgufWriter, byte_config, decoder_gguf, tiny_config};
use tts_models::text::tokenizer::characters;
use tts_models::train::{Adapter, AdapterConfig};
use tts_models::weights::gguf::Value;
use tts_models::weights::safetensors::SafetensorsFile;
use tts_models::{
    Backend, ChatTemplate, Checkpoint, DecoderWeights, EngineConfig, Files, LanguageModel,
    ModelConfig, ModelError, TextSide, Tokenizer, open, open_adapted,
};

/// Opens something, and says whether it could.
type Opened = fn(Files) -> Result<(), ModelError>;

/// All files of a folder on disk, in memory, under a path of their own.
fn in_memory(name: &str, folder: &Path) -> Files {
    Files::in_memory(name, &contents(folder))
}

fn contents(folder: &Path) -> Vec<(&'static str, &'static [u8])> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = |path: PathBuf| -> (&'static str, &'static [u8]) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name.leak(), std::fs::read(path).unwrap().leak())
    };
    entries.filter(|path| path.is_file()).map(file).collect()
}

fn config() -> ModelConfig {
    ModelConfig { vocab_size: 4, eos_token_ids: vec![0], ..byte_config("qwen3") }
}

/// A folder with a small model of three letters.
fn save(folder: &Path) -> DecoderWeights {
    let weights = DecoderWeights::random(config(), 5).unwrap();
    weights.save_safetensors(folder).unwrap();
    std::fs::write(folder.join("tokenizer.json"), characters("abc", &["<|end|>"]).unwrap())
        .unwrap();
    weights
}

fn engine() -> EngineConfig {
    EngineConfig { threads: 1, ..EngineConfig::default() }
}

/// What says that two models are the same: names, and logits bit for bit.
fn of(model: &dyn LanguageModel) -> (String, u64, Vec<u32>) {
    let logits = model.next_logits(&[1, 3, 2]).unwrap();
    let bits = logits.iter().map(|logit| logit.to_bits()).collect();
    (model.identity().unwrap(), model.vocabulary().unwrap(), bits)
}

#[test]
fn a_model_in_memory_is_the_one_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("model");
    let weights = save(&at);
    let mut seen = std::collections::HashSet::new();
    let mut same = |what: &str| {
        let kept = in_memory("kept/model", &at);
        for backend in [Backend::Native, Backend::Ndarray] {
            let stored = of(&*open(&at, backend, engine()).unwrap());
            assert_eq!(of(&*open(&kept, backend, engine()).unwrap()), stored, "{what}");
            for entry in ["config.json", "model.safetensors"] {
                if kept.join(entry).exists() {
                    let model = open(kept.join(entry), backend, engine()).unwrap();
                    assert_eq!(of(&*model), stored, "{what}: {entry}");
                }
            }
            assert!(seen.insert(stored.0), "{what}");
        }
    };
    same("plain");
    // Each of these decides lines or prompts, so each must be found.
    std::fs::write(at.join("generation_config.json"), r#"{"eos_token_id": [0, 2]}"#).unwrap();
    same("end tokens");
    std::fs::write(at.join("tokenizer_config.json"), r#"{"chat_template": "abc"}"#).unwrap();
    same("a template");
    std::fs::write(at.join("chat_template.jinja"), "cba").unwrap();
    same("another template");
    // The same tensors under another name are found by the index.
    std::fs::rename(at.join("model.safetensors"), at.join("part.safetensors")).unwrap();
    let map: serde_json::Map<String, serde_json::Value> =
        weights.tensors().into_iter().map(|t| (t.name, "part.safetensors".into())).collect();
    let index = serde_json::json!({ "weight_map": map }).to_string();
    std::fs::write(at.join("model.safetensors.index.json"), index).unwrap();
    let shards = Checkpoint::open(in_memory("kept", &at)).unwrap();
    assert_eq!(DecoderWeights::load(&shards).unwrap().layers, weights.layers);
    let index = in_memory("kept", &at).join("model.safetensors.index.json");
    assert_eq!(
        DecoderWeights::load(&Checkpoint::open(index).unwrap()).unwrap().layers,
        weights.layers
    );
}

#[test]
fn a_model_has_the_positions_that_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let all = save(folder.path()).config.max_position_embeddings;
    for (positions, expected) in [(0, all), (16, 16), (all + 1, all)] {
        let config = EngineConfig { positions, ..engine() };
        let model = open(folder.path(), Backend::Native, config).unwrap();
        assert_eq!(model.model_config().max_position_embeddings, expected);
        assert!(model.next_logits(&vec![1; expected + 1]).is_err());
    }
}

#[test]
fn adapters_and_gguf_files_may_be_in_memory_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    save(&at("model"));
    let adapter = Adapter::initial(AdapterConfig::default(), &config(), 1).unwrap();
    adapter.save(at("adapter")).unwrap();
    let [kept, learnt] = ["model", "adapter"].map(|name| in_memory(name, &at(name)));
    assert_eq!(Adapter::load(&learnt, &config()).unwrap(), adapter);
    let opened = |model: Files, adapter: Files| {
        of(&*open_adapted(model, adapter, Backend::Native, engine()).unwrap())
    };
    let stored = opened(Files::from(&at("model")), Files::from(&at("adapter")));
    assert_eq!(opened(kept.clone(), learnt.clone()), stored);
    assert_ne!(stored.0, of(&*open(&kept, Backend::Native, engine()).unwrap()).0);
    let error = open_adapted(&kept, learnt.join("none"), Backend::Native, engine()).err().unwrap();
    let expected = "adapter/none/adapter_config.json: no such file in memory";
    assert_eq!(error.to_string(), expected);

    let weights = DecoderWeights::random(tiny_config("llama"), 3).unwrap();
    std::fs::create_dir(at("gguf")).unwrap();
    std::fs::write(at("gguf/tiny.gguf"), decoder_gguf(&weights).finish()).unwrap();
    let file = in_memory("kept", &at("gguf")).join("tiny.gguf");
    let checkpoint = Checkpoint::open(&file).unwrap();
    assert_eq!(DecoderWeights::load(&checkpoint).unwrap(), weights);
    assert_eq!(checkpoint.path(), Path::new("kept/tiny.gguf"));
    // What lies beside it is in memory as well.
    assert!(checkpoint.folder().is_folder() && checkpoint.folder().join("tiny.gguf").exists());
    assert_eq!(checkpoint.folder().path(), Path::new("kept"));
}

#[test]
fn what_memory_lacks_is_missing_whatever_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    save(at);
    let all = contents(at);
    // Under the path that they have on disk, without one of them.
    let without = |name: &str| {
        let kept: Vec<_> = all.iter().copied().filter(|(known, _)| *known != name).collect();
        Files::in_memory(at, &kept)
    };
    for (name, reads) in
        [("config.json", true), ("model.safetensors", true), ("tokenizer.json", false)]
    {
        let error = open(without(name), Backend::Native, engine()).err().unwrap();
        let ModelError::Io { path, source } = &error else { panic!("{error}") };
        assert_eq!(
            (path.as_path(), source.kind()),
            (&*at.join(name), std::io::ErrorKind::NotFound)
        );
        assert!(error.to_string().ends_with(&format!("{name}: no such file in memory")));
        assert_eq!(Checkpoint::open(without(name)).is_err(), reads, "{name}");
    }
    // Templates need not be there; that on disk is not taken.
    std::fs::write(at.join("chat_template.jinja"), "abc").unwrap();
    std::fs::write(at.join("generation_config.json"), r#"{"eos_token_id": 1}"#).unwrap();
    let checkpoint = Checkpoint::open(without("none")).unwrap();
    assert!(TextSide::open(&checkpoint).unwrap().template.is_none());
    assert_eq!(checkpoint.config().eos_token_ids, [0]);
    assert!(TextSide::open(&Checkpoint::open(at).unwrap()).unwrap().template.is_some());
}

#[test]
fn damaged_and_missing_files_are_named_whatever_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path());
    let all = contents(folder.path());
    let model: Opened = |files| open(files, Backend::Native, engine()).map(|_| ());
    let damaged = |name: &'static str, bytes: &'static [u8]| {
        let kept = all.iter().copied().filter(|(known, _)| *known != name);
        Files::in_memory("kept", &kept.chain([(name, bytes)]).collect::<Vec<_>>())
    };
    let weights = all.iter().find(|(name, _)| *name == "model.safetensors").unwrap().1;
    for (name, bytes, problem) in [
        ("config.json", &b"{"[..], "JSON: "),
        ("config.json", b"{}", "model_type: "),
        ("generation_config.json", b"[", "JSON: "),
        ("model.safetensors", &weights[..weights.len() - 1], ""),
        (
            "model.safetensors",
            &weights[..7],
            "header length: 8 bytes from byte 0 on, but the file has 7",
        ),
        ("model.safetensors", b"", "header length: "),
        ("tokenizer.json", b"{\"model\": 1}", "JSON: "),
        ("tokenizer_config.json", b"no", "JSON: "),
        ("chat_template.jinja", b"{% if", "line 1: "),
        ("chat_template.jinja", b"\xff", "text: invalid utf-8"),
    ] {
        let error = model(damaged(name, bytes)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("kept/{name}: {problem}")), "{error}");
    }
    for (file, open) in [
        ("x.gguf", model),
        ("x.safetensors", |files| SafetensorsFile::open(files).map(|_| ())),
        ("tokenizer.json", |files| Tokenizer::from_file(files).map(|_| ())),
        ("config.json", |files| ModelConfig::from_json(files).map(|_| ())),
    ] as [(&str, Opened); 4]
    {
        let error = open(Files::in_memory("none", &[]).join(file)).unwrap_err().to_string();
        assert_eq!(error, format!("none/{file}: no such file in memory"));
    }
    let error = ChatTemplate::from_folder(Files::in_memory("none", &[])).unwrap_err().to_string();
    assert!(error.starts_with("none/tokenizer_config.json: chat_template: neither"), "{error}");
    for (files, problem) in [
        (Files::in_memory("none", &[]), "there is no such file or folder"),
        (Files::in_memory("none", &[("weights", b"pickled")]), "unsupported kind of file"),
    ] {
        let error = Checkpoint::open(files.join("weights")).unwrap_err().to_string();
        assert!(error.contains(&format!("none/weights: path: {problem}")), "{error}");
    }
}

#[test]
fn folders_in_memory_are_those_that_names_speak_of() {
    let files = Files::in_memory("all", &[("readme", b"hi"), ("a/one", b"1"), ("a/b/two", b"2")]);
    let state = |name: &str| {
        let file = files.join(name);
        (file.exists(), file.is_folder(), file.folder().path().to_owned())
    };
    assert!(files.is_folder() && files.exists());
    for (name, exists, is_folder, folder) in [
        ("", true, true, "all"),
        ("readme", true, false, "all"),
        ("a", true, true, "all/a"),
        ("a/one", true, false, "all/a"),
        ("a/b", true, true, "all/a/b"),
        ("a/b/two", true, false, "all/a/b"),
        ("a/o", false, false, "all/a"),
        ("other", false, false, "all"),
        ("readme/x", false, false, "all/readme"),
        ("../all/readme", false, false, "all/../all"),
        ("/etc/hosts", false, false, "/etc"),
    ] {
        assert_eq!(state(name), (exists, is_folder, PathBuf::from(folder)), "{name}");
    }
    assert_eq!(files.join("a").join("b").join("two").read().unwrap(), b"2");
    assert_eq!(files.join("a/one").folder().join("b/two").read().unwrap(), b"2");
    assert_eq!(files.join("readme").read_if_there().unwrap().as_deref(), Some(&b"hi"[..]));
    assert_eq!(files.join("a").read_if_there().unwrap(), None);
    // Without a name for the folder, a file's folder is still in memory.
    let bare = Files::in_memory("", &[("one", b"1")]);
    assert_eq!(bare.join("one").folder().join("one").read().unwrap(), b"1");
    // No one wants to see weights.
    let shown = format!("{files:?}");
    assert!(shown.contains("a/b/two") && !shown.contains("50"), "{shown}");
}

#[test]
fn paths_of_every_kind_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one");
    std::fs::write(&file, "1").unwrap();
    let text = file.to_str().unwrap();
    for files in [
        Files::from(text),
        Files::from(text.to_owned()),
        Files::from(&text.to_owned()),
        Files::from(file.as_path()),
        Files::from(&file.as_path()),
        Files::from(&file),
        Files::from(file.clone()),
        Files::from(OsStr::new(text)),
        Files::from(&Files::from(&file)),
    ] {
        assert_eq!((files.path(), &*files.read().unwrap()), (&*file, &b"1"[..]));
        assert_eq!(files.folder().path(), folder.path());
        assert!(files.exists() && !files.is_folder() && files.folder().is_folder());
    }
    assert_eq!(Files::from("one").folder().path(), Path::new("."));
    let missing = Files::from(folder.path()).join("none");
    assert_eq!((missing.exists(), missing.read_if_there().unwrap()), (false, None));
    assert!(missing.read().unwrap_err().to_string().starts_with(missing.path().to_str().unwrap()));
    // What is there and cannot be read is not taken for missing.
    assert!(Files::from(folder.path()).read_if_there().is_err());
}

/// A GGUF file with metadata and every other tensor in a second part.
fn parts(change: impl Fn(&mut [GgufWriter; 2])) -> (DecoderWeights, Vec<Vec<u8>>) {
    let weights = DecoderWeights::random(tiny_config("llama"), 3).unwrap();
    let whole = decoder_gguf(&weights);
    let count = u32::try_from(whole.tensors.len()).unwrap();
    let second = GgufWriter {
        tensors: whole.tensors.iter().skip(1).step_by(2).cloned().collect(),
        ..GgufWriter::default()
    };
    let first = GgufWriter { tensors: whole.tensors.iter().step_by(2).cloned().collect(), ..whole };
    let mut parts = [(first, 0), (second, 1)].map(|(writer, number)| {
        writer
            .with("split.no", Value::U16(number))
            .with("split.count", Value::U16(2))
            .with("split.tensors.count", Value::U32(count))
    });
    change(&mut parts);
    (weights, parts.iter().map(GgufWriter::finish).collect())
}

#[test]
fn a_gguf_file_in_parts_opens_by_any_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |(weights, files): (DecoderWeights, Vec<Vec<u8>>)| {
        std::fs::write(at("m-00001-of-00002.gguf"), &files[0]).unwrap();
        std::fs::write(at("m-00002-of-00002.gguf"), &files[1]).unwrap();
        std::fs::write(at("alone.gguf"), &files[0]).unwrap();
        weights
    };
    let weights = put(parts(|_| {}));
    for name in ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"] {
        let checkpoint = Checkpoint::open(at(name)).unwrap();
        assert_eq!(DecoderWeights::load(&checkpoint).unwrap(), weights);
        assert!(checkpoint.tensor_names().is_sorted());
    }
    let error = |name: &str| Checkpoint::open(at(name)).unwrap_err().to_string();
    assert!(
        error("alone.gguf").contains("split.count: 2 parts, but the name"),
        "{}",
        error("alone.gguf")
    );
    std::fs::copy(at("m-00001-of-00002.gguf"), at("m-00003-of-00002.gguf")).unwrap();
    assert!(error("m-00003-of-00002.gguf").contains("but the name does not end in"));
    let set = |parts: &mut [GgufWriter; 2], part: usize, key: &str, value: Value| {
        parts[part].metadata.iter_mut().find(|(known, _)| known == key).unwrap().1 = value;
    };
    put(parts(|parts| set(parts, 1, "split.no", Value::U16(0))));
    assert!(error("m-00001-of-00002.gguf").contains("00002.gguf: split.no: not part 2 of 2"));
    put(parts(|parts| set(parts, 0, "split.no", Value::U16(1))));
    assert!(
        error("m-00001-of-00002.gguf").contains("m-00001-of-00002.gguf: split.no: not part 1 of 2")
    );
    put(parts(|parts| set(parts, 0, "split.tensors.count", Value::U32(99))));
    assert!(error("m-00001-of-00002.gguf").contains("split.tensors.count: 99, but all parts hold"));
    put(parts(|parts| {
        let twice = parts[0].tensors[0].clone();
        parts[1].tensors.push(twice);
    }));
    assert!(error("m-00001-of-00002.gguf").contains("this tensor is in an earlier part"));
    // One part is a whole, under any name.
    let one =
        decoder_gguf(&weights).with("split.no", Value::U16(0)).with("split.count", Value::U16(1));
    std::fs::write(at("one.gguf"), one.finish()).unwrap();
    let one = Checkpoint::open(at("one.gguf")).unwrap();
    assert_eq!(DecoderWeights::load(&one).unwrap(), weights);
    std::fs::remove_file(at("m-00002-of-00002.gguf")).unwrap();
    assert!(error("m-00001-of-00002.gguf").contains("m-00002-of-00002.gguf: "));
}

#[test]
fn files_that_are_no_model_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
    let weights = DecoderWeights::random(tiny_config("llama"), 3).unwrap();
    // Its first bytes say what it is, not its name.
    for name in ["tiny.GGUF", "tiny.bin", "blob"] {
        std::fs::write(at(name), decoder_gguf(&weights).finish()).unwrap();
        let checkpoint = Checkpoint::open(at(name)).unwrap();
        assert_eq!(DecoderWeights::load(&checkpoint).unwrap(), weights, "{name}");
    }
    let model = |path: &Path| open(path, Backend::Native, engine()).err().unwrap().to_string();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    for name in ["p.gguf", "p", "p.safetensors"] {
        put(name, pointer);
    }
    std::fs::write(at("config.json"), weights.config.to_json()).unwrap();
    for name in ["p.gguf", "p", "p.safetensors"] {
        let error = model(&at(name));
        assert!(error.contains("content: a Git LFS pointer"), "{error}");
    }
    put("model.safetensors", pointer);
    assert!(model(folder.path()).contains("model.safetensors: content: a Git LFS pointer"));
    std::fs::remove_file(at("model.safetensors")).unwrap();
    put("pytorch_model.bin", "");
    assert!(
        model(folder.path()).contains("model.safetensors: unsupported pytorch_model.bin without")
    );
    std::fs::remove_file(at("config.json")).unwrap();
    put("adapter_config.json", "{}");
    assert!(model(folder.path()).contains("path: is an adapter, not a model"));

    // A model is one whatever else lies in its folder.
    let whole = save(&at("whole"));
    put("whole/adapter_config.json", "{}");
    put("whole/pytorch_model.bin", "");
    let loads = || {
        let checkpoint = Checkpoint::open(at("whole")).unwrap();
        assert_eq!(DecoderWeights::load(&checkpoint).unwrap().layers, whole.layers);
    };
    loads();
    std::fs::rename(at("whole/model.safetensors"), at("whole/part.safetensors")).unwrap();
    let map: serde_json::Map<String, serde_json::Value> =
        whole.tensors().into_iter().map(|t| (t.name, "part.safetensors".into())).collect();
    let index = serde_json::json!({ "weight_map": map }).to_string();
    put("whole/model.safetensors.index.json", &index);
    loads();

    save(&at("model"));
    std::fs::remove_file(at("model/tokenizer.json")).unwrap();
    assert!(model(&at("model")).ends_with(&std::io::Error::from_raw_os_error(2).to_string()));
    put("model/tokenizer.model", "");
    assert!(
        model(&at("model")).contains("tokenizer.json: path: is missing beside tokenizer.model")
    );
    put("model/tokenizer.json", pointer);
    assert!(model(&at("model")).contains("tokenizer.json: content: a Git LFS pointer"));

    for name in ["Qwen/Qwen3-0.6B", "HuggingFaceTB/SmolLM2-135M-Instruct"] {
        let error = model(Path::new(name));
        assert!(error.starts_with(&format!("{name}: path: there is no such")), "{error}");
        assert!(error.contains("nothing is downloaded"), "{error}");
    }
    assert!(model(Path::new("a/b/c")).ends_with("path: there is no such file or folder"));
    put("page.txt", "words");
    assert!(model(&at("page.txt")).contains("unsupported kind of file"));
}
