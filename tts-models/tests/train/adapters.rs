//! Adapters in files, and runs of them that stop.

use std::fs;
use std::io::Cursor;
use std::ops::ControlFlow;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::train::{
    Adapter, AdapterConfig, Example, LabelHead, Model, Site, TrainConfig, Trainer,
};
use tts_models::weights::Gguf;
use tts_models::weights::config::NormPlace;
use tts_models::{
    Backend, Checkpoint, DecoderWeights, EngineConfig, LanguageModel, ModelConfig, Switches, open,
    open_adapted,
};

use crate::{config, counting, model, shape};

fn adapted() -> Model {
    let sites = vec![Site::Down, Site::Query, Site::Value];
    let adapter = Adapter::initial(AdapterConfig { rank: 2, alpha: 4.0, sites }, &shape(), 3);
    Model { adapter: Some(adapter.unwrap()), ..model(1) }
}

#[test]
fn a_stopped_run_of_adapters_goes_on_to_the_same_bits() {
    let unbroken = Trainer::new(config(12)).train(adapted(), &counting()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stopped = Trainer::new(config(12))
        .checkpoints(folder.path())
        .watch(|progress| {
            if progress.update.step == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .train(adapted(), &counting())
        .unwrap();
    assert!(!stopped.complete);
    let resumed =
        Trainer::new(config(12)).checkpoints(folder.path()).train(adapted(), &counting()).unwrap();
    assert_eq!(resumed.model, unbroken.model);
    assert_eq!(resumed.history, unbroken.history);
    // The checkpoint of an adapter is small, and refused by a run of the whole.
    let error = Trainer::new(config(12)).checkpoints(folder.path()).train(model(1), &counting());
    assert!(error.is_err());
    // Nor does a run of another adapter go on from it, be it of the same size.
    let numbers =
        AdapterConfig { rank: 2, alpha: 4.0, sites: vec![Site::Down, Site::Query, Site::Value] };
    for (config, seed) in [(numbers.clone(), 4), (AdapterConfig { alpha: 5.0, ..numbers }, 3)] {
        let adapter = Some(Adapter::initial(config, &shape(), seed).unwrap());
        let other = Model { adapter, ..model(1) };
        let run = Trainer::new(self::config(12)).checkpoints(folder.path());
        let error = run.train(other, &counting()).unwrap_err().to_string();
        assert!(error.contains("other settings"), "{error}");
    }
}

#[test]
fn an_adapters_frozen_layers_keep_their_bits() {
    // Neither factor is zero any more, and what decays shows in each of them.
    let begun = Trainer::new(config(3)).train(adapted(), &counting()).unwrap().model;
    let before = begun.adapter.clone().unwrap();
    let layers = shape().num_hidden_layers;
    for frozen in 0..=layers {
        let settings =
            TrainConfig { frozen_layers: frozen, weight_decay: 0.1, seed: 5, ..config(2) };
        // A head of labels learns on, above layers of which none does.
        let label = Some(LabelHead::zero(shape().hidden_size));
        let model = Model { label, ..begun.clone() };
        let labelled = Example::labelled(vec![1, 2, 3], [(1, 1.0), (2, 0.0)]);
        let trained = Trainer::new(settings).train(model, &vec![labelled]).unwrap().model;
        let after = trained.adapter.unwrap();
        for layer in 0..layers {
            let factors = before.layer(layer).unwrap().iter().zip(after.layer(layer).unwrap());
            for (old, new) in factors {
                assert_eq!(old == new, layer < frozen, "layer {layer} of {frozen} frozen");
            }
        }
        assert_ne!(trained.label, Some(LabelHead::zero(shape().hidden_size)));
    }
}

#[test]
fn adapters_come_back_from_their_files() {
    let trained = Trainer::new(config(5)).train(adapted(), &counting()).unwrap();
    let adapter = trained.model.adapter.unwrap();
    assert_eq!(adapter.config().sites, [Site::Query, Site::Value, Site::Down]);
    let folder = tempfile::tempdir().unwrap();
    adapter.save(folder.path().join("adapter")).unwrap();
    let read = Adapter::load(folder.path().join("adapter"), &shape()).unwrap();
    assert_eq!(read, adapter);
    let weights: usize =
        (0..).map_while(|layer| read.layer(layer)).flatten().map(|f| f.a.len() + f.b.len()).sum();
    assert_eq!(read.parameters(), weights);
}

/// GLM's files have the rows of queries and keys in another order than weights that were read: those of Llama have not.
#[test]
fn adapters_are_merged_into_the_rows_that_their_files_mean() {
    const SITES: [(&str, &str, usize); 3] =
        [("q_proj", "attn_q", 12), ("k_proj", "attn_k", 6), ("v_proj", "attn_v", 6)];
    const RANK: usize = 2;
    const INPUTS: usize = 8;
    let loaded = |file: &GgufWriter| {
        let gguf = Gguf::from_reader(Cursor::new(file.finish()), "tiny.gguf").unwrap();
        DecoderWeights::load(&Checkpoint::from_gguf(gguf).unwrap()).unwrap()
    };
    let glm = Switches {
        norm_place: NormPlace::Around,
        rotary_dim: Some(4),
        ..tiny_config("glm4").switches
    };
    for (family, switches) in [("glm4", glm), ("qwen3", tiny_config("qwen3").switches)] {
        let config = ModelConfig { switches, ..tiny_config(family) };
        let mut file = decoder_gguf(&DecoderWeights::random(config.clone(), 3).unwrap());
        let mut base = loaded(&file);
        let numbers = |count: usize, of: usize| -> Vec<f32> {
            (0..count).map(|i| ((i * 7 + of * 3) as f32 * 0.7).sin()).collect()
        };
        let mut stored = Vec::new();
        for layer in 0..config.num_hidden_layers {
            for (of, (site, tensor, rows)) in SITES.into_iter().enumerate() {
                let (a, b) = (numbers(RANK * INPUTS, of + layer), numbers(rows * RANK, of + 5));
                // Alpha is twice the rank.
                let name = format!("blk.{layer}.{tensor}.weight");
                let base = file.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap();
                for (at, value) in base.bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                    let (row, column) = (at / INPUTS, at % INPUTS);
                    let products =
                        (0..RANK).map(|r| (b[row * RANK + r] * 2.0) * a[r * INPUTS + column]);
                    *value =
                        products.fold(f32::from_le_bytes(*value), |sum, x| sum + x).to_le_bytes();
                }
                let front = format!("base_model.model.model.layers.{layer}.self_attn.{site}");
                stored.push((format!("{front}.lora_A.weight"), [RANK, INPUTS], a));
                stored.push((format!("{front}.lora_B.weight"), [rows, RANK], b));
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<Vec<u8>> = stored
            .iter()
            .map(|(_, _, values)| values.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let views = stored.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            (name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
        });
        let tensors = safetensors::serialize(views, None).unwrap();
        fs::write(folder.path().join("adapter_model.safetensors"), tensors).unwrap();
        let peft = r#"{"peft_type": "LORA", "r": 2, "lora_alpha": 4,
            "target_modules": ["q_proj", "k_proj", "v_proj"]}"#;
        fs::write(folder.path().join("adapter_config.json"), peft).unwrap();
        let adapter = Adapter::load(folder.path(), &config).unwrap();
        adapter.merge(&mut base).unwrap();
        assert!(base == loaded(&file), "{family}");
        // What is written is what was read.
        let again = folder.path().join("again");
        adapter.save(&again).unwrap();
        let written = fs::read(again.join("adapter_model.safetensors")).unwrap();
        let written = SafeTensors::deserialize(&written).unwrap();
        for ((name, ..), bytes) in stored.iter().zip(&bytes) {
            assert_eq!(written.tensor(name).unwrap().data(), bytes, "{family}: {name}");
        }
        assert_eq!(Adapter::load(&again, &config).unwrap(), adapter);
        // Another family of the same sizes has other rows.
        let llama = DecoderWeights::random(tiny_config("llama"), 3).unwrap();
        let merged = adapter.merge(&mut llama.clone());
        match family {
            "glm4" => assert!(merged.unwrap_err().to_string().contains("in another order")),
            _ => merged.unwrap(),
        }
    }
}

#[test]
fn adapters_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    adapted().adapter.unwrap().save(folder.path()).unwrap();
    let path = folder.path().join("adapter_config.json");
    let good = fs::read_to_string(&path).unwrap();
    let table = [
        ("\"LORA\"", "\"IA3\"", "peft_type"),
        ("\"none\"", "\"all\"", "bias"),
        ("{", "{\"use_dora\": true,", "use_dora"),
        ("{", "{\"lora_bias\": true,", "lora_bias"),
        ("{", "{\"modules_to_save\": [\"lm_head\"],", "modules_to_save"),
        ("{", "{\"rank_pattern\": {\"q_proj\": 3},", "rank_pattern"),
        ("{", "{\"trainable_token_indices\": [7],", "trainable_token_indices"),
        ("{", "{\"init_lora_weights\": \"pissa\",", "init_lora_weights"),
        ("\"q_proj\"", "\"wq\"", "wq"),
        ("\"q_proj\"", "\"v_proj\"", "twice"),
        ("\"q_proj\"", "\"k_proj\"", "k_proj.lora_A.weight"),
        ("\"r\": 2", "\"r\": 0", "rank"),
        ("\"r\": 2", "\"r\": 3", "shape [2,"),
        ("\"lora_alpha\": 4.0", "\"lora_alpha\": \"4\"", "adapter"),
    ];
    for (from, to, expected) in table {
        assert!(good.contains(from), "{from}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let error = Adapter::load(folder.path(), &shape()).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    // What PEFT writes besides changes nothing.
    let usual = "{\"use_dora\": false, \"modules_to_save\": null, \"rank_pattern\": {}, \
                 \"init_lora_weights\": true, \"peft_version\": \"0.21.2\",";
    fs::write(&path, good.replacen('{', usual, 1)).unwrap();
    assert_eq!(Adapter::load(folder.path(), &shape()).unwrap(), adapted().adapter.unwrap());
    // Rank-stabilised adapters count more.
    fs::write(&path, good.replace("\"use_rslora\": false", "\"use_rslora\": true")).unwrap();
    let stable = Adapter::load(folder.path(), &shape()).unwrap();
    assert!((stable.config().alpha - 4.0 * 2.0_f64.sqrt()).abs() < 1e-12);
    fs::write(&path, &good).unwrap();
    let weights = folder.path().join("adapter_model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    assert!(Adapter::load(folder.path(), &shape()).is_err());
    let last = bytes.len() - 4;
    let broken = [&bytes[..last], &f32::NAN.to_le_bytes()].concat();
    fs::write(&weights, broken).unwrap();
    let error = Adapter::load(folder.path(), &shape()).unwrap_err().to_string();
    assert!(error.contains("NaN"), "{error}");
    // What is trained besides is not left out, be it of a layer that the decoder lacks.
    fs::write(&weights, &bytes).unwrap();
    let shallow = ModelConfig { num_hidden_layers: 1, ..shape() };
    let error = Adapter::load(folder.path(), &shallow).unwrap_err().to_string();
    assert!(error.contains("layers.1.") && error.contains("no site"), "{error}");
    assert!(Adapter::load(folder.path().join("nowhere"), &shape()).is_err());
    for config in [
        AdapterConfig { rank: 0, ..AdapterConfig::default() },
        AdapterConfig { alpha: f64::NAN, ..AdapterConfig::default() },
        AdapterConfig { sites: Vec::new(), ..AdapterConfig::default() },
        AdapterConfig { sites: vec![Site::Up, Site::Up], ..AdapterConfig::default() },
    ] {
        assert!(Adapter::initial(config, &shape(), 1).is_err());
    }
}

/// Whether a GPU runtime has a device here.
#[cfg(feature = "wgpu")]
fn available<R: tts_models::exec::Runtime>() -> bool {
    tts_models::Gpu::<R>::available(&R::Device::default()).is_ok()
}

#[test]
fn a_model_opened_with_an_adapter_is_the_merged_one() {
    let folder = tempfile::tempdir().unwrap();
    let (base, merged) = (folder.path().join("base"), folder.path().join("merged"));
    let json = tts_models::text::tokenizer::characters("0123456", &["<|end|>"]).unwrap();
    let config = ModelConfig { vocab_size: 8, eos_token_ids: vec![0], ..shape() };
    let mut decoder = DecoderWeights::random(config.clone(), 5).unwrap();
    decoder.save_safetensors(&base).unwrap();
    let data = vec![Example::continuation(vec![1, 2, 3, 4, 5, 6, 7], 1)];
    let adapter = Adapter::initial(AdapterConfig::default(), &config, 1).unwrap();
    let model = Model { adapter: Some(adapter), ..Model::from(decoder.clone()) };
    let settings = TrainConfig { batch: 1, ..crate::config(10) };
    let adapter = Trainer::new(settings).train(model, &data).unwrap().model.adapter.unwrap();
    adapter.save(folder.path().join("adapter")).unwrap();
    adapter.merge(&mut decoder).unwrap();
    decoder.save_safetensors(&merged).unwrap();
    for folder in [&base, &merged] {
        fs::write(folder.join("tokenizer.json"), &json).unwrap();
    }
    let engine = EngineConfig::default;
    let adapter = folder.path().join("adapter");
    for backend in [Backend::Native, Backend::Ndarray] {
        let adapted = open_adapted(&base, &adapter, backend, engine()).unwrap();
        let whole = open(&merged, backend, engine()).unwrap();
        let plain = open(&base, backend, engine()).unwrap();
        let logits = |model: &dyn LanguageModel| model.next_logits(&[1, 2, 3]).unwrap();
        assert_eq!(logits(&*adapted), logits(&*whole));
        assert_ne!(logits(&*adapted), logits(&*plain));
    }
    #[cfg(not(feature = "cuda"))]
    {
        let refused = open_adapted(&base, &adapter, Backend::Cuda, engine()).err();
        assert!(refused.unwrap().to_string().contains("needs the feature `cuda`"));
    }
    #[cfg(feature = "wgpu")]
    if available::<tts_models::exec::WgpuRuntime>() {
        let [adapted, whole] = [
            open_adapted(&base, &adapter, Backend::Wgpu, engine()).unwrap(),
            open(&merged, Backend::Wgpu, engine()).unwrap(),
        ]
        .map(|model| model.next_logits(&[1, 2, 3]).unwrap());
        assert_eq!(adapted, whole);
    }
    assert!(open_adapted(&base, folder.path(), Backend::Native, engine()).is_err());
}
