//! Tensors that nobody reads, layers beyond those that a config counts, and configs of which hardly a tensor is there.

use super::*;

#[test]
fn what_nobody_would_read_is_refused_by_name() {
    let weights = tiny("llama", 9);
    let folder = tempfile::tempdir().unwrap();
    weights.save_safetensors(folder.path()).unwrap();
    let load = |name: &str, value: f32| {
        let mut tensors = owned(&weights);
        tensors.push((name.to_owned(), vec![8], vec![value; 8]));
        write_safetensors(&folder.path().join("model.safetensors"), &tensors);
        DecoderWeights::load(&Checkpoint::open(folder.path())?)
    };
    for name in [
        "model.layers.0.input_layernorm.bias",
        "model.layers.1.self_attn.q_norm.weight",
        "model.layers.1.self_attn.gate.weight",
        "model.layers.0.mlp.up_proj.weight_scale",
        "model.norm.bias",
        "lm_head.bias",
        "model.embed_norm.weight",
    ] {
        let error = load(name, 0.5).unwrap_err().to_string();
        let expected = format!("{name}: unsupported tensor that nothing in the family llama reads");
        assert!(error.contains(&expected), "{error}");
    }
    // What says nothing, and other parts of a model.
    for (name, value) in [
        ("model.layers.0.input_layernorm.bias", 0.0),
        ("model.layers.1.self_attn.rotary_emb.inv_freq", 0.5),
        ("model.layers.2.self_attn.rotary_emb.inv_freq", 0.5),
        ("model.layers.2.eh_proj.weight", 0.5),
        ("model.image_newline", 0.5),
        ("model.visual.norm.weight", 0.5),
        ("model.mtp_layers.0.input_layernorm.bias", 0.5),
        ("vision_tower.layers.0.norm1.bias", 0.5),
        ("visual.blk.0.norm1.bias", 0.5),
        ("v_head.summary.weight", 0.5),
        ("score.weight", 0.5),
    ] {
        assert_eq!(load(name, value).unwrap(), weights, "{name}");
    }
    // A layer more than the config counts: another model.
    let error = load("model.layers.2.input_layernorm.weight", 0.5).unwrap_err().to_string();
    let expected = "model.layers.2.input_layernorm.weight: tensor of layer 2, counted from 0, of a \
                    model of 2 layers";
    assert!(error.ends_with(expected), "{error}");
    let (tensor, bytes) = (|name: &str| format!("blk.1.{name}"), vec![0, 0, 0, 63]);
    for (name, expected) in [("attn_norm.bias", false), ("attn_rot_embd.weight", true)] {
        let mut writer = decoder_gguf(&weights);
        let like = writer.tensors.iter().find(|t| t.name == tensor("attn_norm.weight")).unwrap();
        let mut own = like.clone();
        (own.name, own.bytes) = (tensor(name), bytes.repeat(own.bytes.len() / 4));
        writer.tensors.push(own);
        let found = load_gguf(&writer).map_err(|error| error.to_string());
        match found {
            Ok(found) => assert!(expected && found == weights, "{name}"),
            Err(error) => {
                assert!(!expected && error.contains("blk.1.attn_norm.bias: un"), "{error}");
            }
        }
    }
}

/// The decoder of a model of several parts has a prefix of its own, and pictures another.
#[test]
fn what_nobody_would_read_is_refused_behind_any_prefix() {
    let weights = tiny("llama", 9);
    let folder = tempfile::tempdir().unwrap();
    weights.save_safetensors(folder.path()).unwrap();
    for (front, head) in [
        ("language_model.model.", "language_model."),
        ("model.language_model.", ""),
        ("pretrained_model.model.", "pretrained_model."),
    ] {
        let load = |name: &str| {
            let mut tensors = owned(&weights);
            for (own, ..) in &mut tensors {
                *own = match own.strip_prefix("model.") {
                    Some(rest) => format!("{front}{rest}"),
                    None => format!("{head}{own}"),
                };
            }
            tensors.push((name.to_owned(), vec![8], vec![0.5; 8]));
            write_safetensors(&folder.path().join("model.safetensors"), &tensors);
            DecoderWeights::load(&Checkpoint::open(folder.path())?)
        };
        for name in [
            format!("{front}norm.bias"),
            format!("{front}embed_norm.weight"),
            format!("{head}lm_head.bias"),
            format!("{front}layers.0.input_layernorm.bias"),
            format!("{front}layers.2.input_layernorm.bias"),
        ] {
            let error = load(&name).unwrap_err().to_string();
            let tells = ["unsupported tensor that nothing", "tensor of layer 2"];
            let told = |tells: &&str| error.contains(&format!("{name}: {tells}"));
            assert!(tells.iter().any(told), "{error}");
        }
        for name in ["vision_tower.norm.bias", "model.vision_tower.norm.bias", "visual.norm.bias"] {
            assert_eq!(load(name).unwrap(), weights, "{front} {name}");
        }
    }
}

/// As many layers and experts as a config may have, and hardly a tensor: what is missing is told before all that could be
/// there has been looked for.
#[test]
fn a_small_file_of_a_huge_config_is_refused_by_what_it_lacks() {
    let mut config = tiny_config("mixtral");
    let folder = tempfile::tempdir().unwrap();
    let text = serde_json::json!({ "model_type": "mixtral", "vocab_size": config.vocab_size,
        "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 4_096,
        "num_attention_heads": 2, "num_key_value_heads": 2, "num_local_experts": 4_096,
        "num_experts_per_tok": 2 });
    fs::write(folder.path().join("config.json"), text.to_string()).unwrap();
    config.num_hidden_layers = 1;
    let weights = DecoderWeights::random(config, 3).unwrap();
    let embedding = owned(&weights).swap_remove(0);
    write_safetensors(&folder.path().join("model.safetensors"), &[embedding]);
    let error = DecoderWeights::load(&Checkpoint::open(folder.path()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("there is no such tensor"), "{error}");
}
