//! Models that are known and not read, with the reason and the way out.
//!
//! A name that no row of [`super::families`] has may be that of a model with other arithmetic than a decoder of
//! attention and feed-forward layers: then the error says which. Whatever it is, a server may run it, and searches run
//! against servers.

/// Why nothing here runs a kind of model, and the types of `config.json` and architectures of GGUF of that kind.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "layers with a running state",
        &[
            "qwen3_next",
            "qwen3next",
            "qwen3_5",
            "qwen3_5_moe",
            "qwen35",
            "qwen35moe",
            "mamba",
            "mamba2",
            "jamba",
            "falcon_h1",
            "falcon-h1",
            "nemotron_h",
            "nemotron_h_moe",
            "lfm2",
            "lfm2moe",
            "granitehybrid",
            "bamba",
            "rwkv7",
            "kimi_linear",
            "kimi-linear",
            "qwen3_5_text",
            "qwen3_5_moe_text",
            "lfm2_moe",
            "falcon_mamba",
        ],
    ),
    (
        "latent attention",
        &[
            "deepseek_v2",
            "deepseek_v3",
            "deepseek_v32",
            "deepseek2",
            "deepseek_v4",
            "kimi_k25",
            "kimi_k2",
            "glm4_moe_lite",
            "minicpm3",
            "longcat_flash",
        ],
    ),
    (
        "embeddings of its own in each layer, and keys that layers share",
        &["gemma3n", "gemma3n_text", "gemma4_unified", "gemma4", "gemma4_text"],
    ),
    ("layers that attend in chunks", &["llama4", "llama4_text"]),
    (
        "norms that take the mean away",
        &[
            "olmo",
            "phi",
            "phi2",
            "phimoe",
            "gpt_neox",
            "stablelm",
            "starcoder2",
            "cohere",
            "cohere2",
        ],
    ),
    (
        "a mixture of a form of its own",
        &[
            "ernie4_5_moe",
            "ernie4_5-moe",
            "hunyuan_v1_moe",
            "hunyuan-moe",
            "deepseek",
            "dots1",
            "bailing_moe",
        ],
    ),
    (
        "a config of text and pictures in one, or experts in such a model",
        &["qwen2_vl", "qwen2_5_vl", "qwen2vl", "qwen3_vl_moe", "qwen3vlmoe"],
    ),
    ("tensors of a form of its own", &["exaone", "internlm2", "baichuan", "chatglm", "qwen"]),
    (
        "no decoder of text that goes from left to right",
        &[
            "bert",
            "modernbert",
            "modern-bert",
            "roberta",
            "xlm-roberta",
            "t5",
            "mt5",
            "llada",
            "dream",
        ],
    ),
];

/// What an error says of a name that is not known: why, where that is known, and what to do.
pub(super) fn why(name: &str, supported: &str) -> String {
    let of = |(reason, names): &(&'static str, &[&str])| names.contains(&name).then_some(*reason);
    let way =
        "a server can run it (llama-server, vLLM, SGLang), and searches run there: docs/remote.md";
    match REFUSED.iter().find_map(of) {
        Some(reason) => format!("{name:?} ({reason}); {way}"),
        None => format!("{name:?}; supported are {supported}; {way}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::families::FAMILIES;
    use super::*;

    #[test]
    fn a_refused_name_has_a_reason_and_a_way_out() {
        let all: Vec<&str> = REFUSED.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for (place, name) in all.iter().enumerate() {
            assert!(!all[..place].contains(name), "{name} twice");
            assert!(FAMILIES.iter().all(|family| family.name != *name), "{name} is read");
            let gguf = |own: &str| FAMILIES.iter().any(|f| f.gguf.is_some_and(|(g, _)| g == own));
            assert!(!gguf(name), "{name} is read from GGUF");
            let told = why(name, "llama");
            assert!(told.contains(" (") && told.contains("vLLM") && !told.contains("supported"));
        }
        let told = why("new_model", "llama, qwen2");
        assert!(told.contains("supported are llama, qwen2") && told.contains("vLLM"), "{told}");
    }
}
