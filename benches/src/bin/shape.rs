//! Decodes on random weights of a model's true shape, beside what the machine could do at most.
//!
//! `cargo run --release -p tts-benches --bin shape -- benches/shapes/qwen3-30b-a3b.json --layers 4 --lines 1,8,64`.
//! A shape is a `config.json`; of its layers the first `--layers` are made up, on weights that no file holds
//! ([`tts_models::testing::random_model`]), as many as memory has room for, and the line printed says so. What a pass
//! reads and computes is that of [`Passes`](tts_core::cost::Passes): of a mixture the experts that so many rows go to, if each
//! goes to any alike. Divided by the time these are the rates reached; with the machine's own (`--bandwidth`,
//! `--operations`) the line has the limit, the slower of both, and the share of it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use tts_benches::{Figures, decode, report};
use tts_core::{BoxError, Sampling};
use tts_models::testing::random_model;
use tts_models::weights::Dtype;
use tts_models::{EngineConfig, KeyValues, LanguageModel, ModelConfig, WeightFormat};

/// In what the made-up file stores matrices.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Blocks {
    F32,
    Bf16,
    #[value(name = "q8_0")]
    Q8,
    #[value(name = "q4_0")]
    Q4,
    Mxfp4,
}

impl Blocks {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::Bf16 => Dtype::BF16,
            Self::Q8 => Dtype::Q8_0,
            Self::Q4 => Dtype::Q4_0,
            Self::Mxfp4 => Dtype::MXFP4,
        }
    }
}

/// Decodes on random weights of a model's shape.
#[derive(Debug, Parser)]
struct Arguments {
    /// A `config.json`, or a folder of such.
    shape: PathBuf,
    /// How many of its layers; 0 for all.
    #[arg(long, default_value_t = 4)]
    layers: usize,
    /// In what matrices are stored.
    #[arg(long, default_value = "q4_0")]
    blocks: Blocks,
    /// In what they are held and multiplied: stored, f32, bf16 or int8.
    #[arg(long, default_value = "stored")]
    weights: WeightFormat,
    /// In what keys and values are held: auto, f32, f16 or int8.
    #[arg(long, default_value = "auto")]
    key_values: KeyValues,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Lines; each number is run by itself.
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    lines: Vec<u64>,
    /// Tokens of the prompt, which all lines share.
    #[arg(long, default_value_t = 64)]
    prompt_tokens: usize,
    /// New tokens of each line.
    #[arg(long, default_value_t = 64)]
    new_tokens: u32,
    /// How often each is run; the round of median time is printed.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// What the machine reads from memory, in gigabytes a second.
    #[arg(long)]
    bandwidth: Option<f64>,
    /// What it computes in this type, in billions of operations a second (a product and a sum are two).
    #[arg(long)]
    operations: Option<f64>,
    /// Writes the lines here as well.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One number of lines.
#[derive(Debug, Serialize)]
struct Reached {
    shape: String,
    /// Layers that were made up, and those of the model.
    layers: usize,
    of_layers: usize,
    weights: String,
    /// Bytes of all weights as they are held.
    held_bytes: u64,
    /// Bytes that a pass reads: of weights, and of keys and values.
    pass_bytes: f64,
    /// Operations of a pass.
    pass_operations: f64,
    pass_milliseconds: f64,
    gigabytes_per_second: f64,
    giga_operations_per_second: f64,
    /// What the machine would make at its own rates, where they were told, and how much of that was reached.
    limit_tokens_per_second: Option<f64>,
    share_of_limit: Option<f64>,
    #[serde(flatten)]
    figures: Figures,
}

/// The config with as many layers, and how many it has.
fn shape(path: &Path, layers: usize) -> Result<(ModelConfig, usize), BoxError> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut json: Value =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let whole = ModelConfig::from_json_slice(text.as_bytes(), path)?.num_hidden_layers;
    let layers = if layers == 0 { whole } else { layers.min(whole) };
    json["num_hidden_layers"] = layers.into();
    for list in ["layer_types", "no_rope_layers"] {
        if let Some(list) = json.get_mut(list).and_then(Value::as_array_mut) {
            list.truncate(layers);
        }
    }
    Ok((ModelConfig::from_json_slice(json.to_string().as_bytes(), path)?, whole))
}

fn run(arguments: &Arguments) -> Result<Vec<Reached>, BoxError> {
    if !arguments.shape.is_dir() {
        return each(arguments, &arguments.shape);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&arguments.shape)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    let mut all = Vec::new();
    for file in files {
        eprintln!("{}", file.display());
        // What is too large for this machine takes no others with it.
        match each(arguments, &file) {
            Ok(reached) => all.extend(reached),
            Err(error) => eprintln!("shape: left out: {error}"),
        }
    }
    if all.is_empty() {
        return Err(format!("{}: nothing was measured", arguments.shape.display()).into());
    }
    Ok(all)
}

/// A shape with each number of lines.
fn each(arguments: &Arguments, path: &Path) -> Result<Vec<Reached>, BoxError> {
    let (config, whole) = shape(path, arguments.layers)?;
    let most = arguments.lines.iter().filter_map(|&lines| usize::try_from(lines).ok()).max();
    let engine = EngineConfig {
        threads: arguments.threads,
        weights: arguments.weights,
        key_values: arguments.key_values,
        max_lines: most.unwrap_or(1).max(1),
        ignore_end: true,
        ..EngineConfig::default()
    };
    let model = random_model(&config, arguments.blocks.dtype(), engine)?;
    let one = |&lines: &u64| one(arguments, (path, whole), model.as_ref(), lines);
    arguments.lines.iter().map(one).collect()
}

/// The round of median time of a number of lines.
fn one(
    arguments: &Arguments,
    (path, of_layers): (&Path, usize),
    model: &dyn LanguageModel,
    lines: u64,
) -> Result<Reached, BoxError> {
    let Arguments { prompt_tokens, new_tokens, rounds, .. } = *arguments;
    let sampling = Sampling { top_k: 40, ..Sampling::temperature(0.8) };
    let mut all = Vec::new();
    for _ in 0..rounds {
        model.forget();
        all.push(decode(model, "decode", lines, Some(prompt_tokens), new_tokens, sampling, true)?);
    }
    all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let figures = all.swap_remove((all.len() - 1) / 2);
    let held = model.shape();
    let work = held.decode(lines, figures.prompt_tokens, 0, u64::from(new_tokens)).work(&held);
    let bytes = work.weight_bytes + work.key_value_bytes;
    let operations = work.products + work.attention;
    let slowest = [
        arguments.bandwidth.map(|rate| bytes / (rate * 1e9)),
        arguments.operations.map(|rate| operations / (rate * 1e9)),
    ];
    let least = slowest.into_iter().flatten().reduce(f64::max);
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Reached {
        shape: name,
        layers: model.model_config().num_hidden_layers,
        of_layers,
        weights: format!("{:?} held as {}", arguments.blocks.dtype(), arguments.weights),
        held_bytes: held.memory(0, 0),
        pass_bytes: bytes / work.passes,
        pass_operations: operations / work.passes,
        pass_milliseconds: 1e3 * figures.seconds / work.passes,
        gigabytes_per_second: bytes / figures.seconds / 1e9,
        giga_operations_per_second: operations / figures.seconds / 1e9,
        limit_tokens_per_second: least.map(|seconds| figures.tokens as f64 / seconds),
        share_of_limit: least.map(|seconds| seconds / figures.seconds),
        figures,
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    report("shape", run(&arguments), arguments.json.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters in millions, worked out by hand from the sizes in the files, not taken from model cards, which round
    /// and count differently: all but those of an embedding that is no output head, and those that a token runs through.
    const EXPECTED: [(&str, f64, f64); 20] = [
        ("exaone-4.0-1.2b", 1_280.0, 1_280.0),
        ("gemma-2-2b", 2_614.0, 2_614.0),
        ("gemma-3-270m", 268.0, 268.0),
        ("glm-4-9b-0414", 8_780.0, 8_780.0),
        ("glm-4.5-air", 106_200.0, 12_800.0),
        ("gpt-oss-20b", 20_300.0, 3_600.0),
        ("granite-3.1-1b-a400m", 1_330.0, 430.0),
        ("granite-3.3-2b", 2_530.0, 2_530.0),
        ("mistral-7b-v0.1", 7_110.0, 7_110.0),
        ("mixtral-8x7b", 46_570.0, 12_750.0),
        ("olmo-2-1b", 1_280.0, 1_280.0),
        ("olmo-3-7b", 6_890.0, 6_890.0),
        ("olmoe-1b-7b", 6_820.0, 1_180.0),
        ("phi-4-mini", 3_840.0, 3_840.0),
        ("qwen1.5-moe-a2.7b", 14_000.0, 2_380.0),
        ("qwen3-0.6b", 596.0, 596.0),
        ("qwen3-30b-a3b", 30_200.0, 3_040.0),
        ("seed-oss-36b", 35_360.0, 35_360.0),
        ("smollm2-135m", 134.5, 134.5),
        ("smollm3-3b", 3_075.0, 3_075.0),
    ];

    #[test]
    fn every_shape_has_the_parameters_that_its_sizes_make_and_two_of_its_layers_are_a_config() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes");
        let mut found = 0;
        for entry in std::fs::read_dir(&folder).expect("shapes") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let Some((_, all, active)) = EXPECTED.iter().find(|(of, ..)| *of == name) else {
                panic!("{name} has no number of parameters here");
            };
            let (config, layers) = shape(&path, 0).expect("a config");
            assert_eq!(config.num_hidden_layers, layers);
            let bytes = config.shape(8.0, 1);
            for (of, expected, counted) in [
                ("all", all, (bytes.layer_bytes + bytes.head_bytes) as f64 / 1e6),
                ("active", active, config.active_parameters() as f64 / 1e6),
            ] {
                let off = (counted / expected - 1.0).abs();
                assert!(off < 0.05, "{name}, {of}: {counted:.0} million, expected {expected}");
            }
            let (cut, _) = shape(&path, 2).expect("a config of two layers");
            assert_eq!(cut.num_hidden_layers, 2, "{name}");
            found += 1;
        }
        assert_eq!(found, EXPECTED.len());
    }
}
