//! Writes a model with what an adapter has learnt, as one folder that needs the adapter no more.
//!
//! `cargo run --release --example fuse -- --model FOLDER --adapter runs/adapter --out runs/fused`
//!
//! For engines that take no adapters, `--backend cuda` and `wgpu` among them. The folder has the base's tokenizer and
//! template, and weights in BF16, or as `--dtype` says: in f32 it writes, bit for bit, what the base with the adapter
//! does. The base is a folder; a GGUF file has no tokenizer that another model could be written with.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tts_examples::training::{copy_text_side, has_text_side};
use tts_examples::{Error, exit, hub};
use tts_models::train::Adapter;
use tts_models::weights::Dtype;
use tts_models::{Checkpoint, DecoderWeights};

/// Writes a model with what an adapter has learnt.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder that the adapter learnt on: config.json, tokenizer.json and safetensors; with the feature `hub`, an
    /// address such as `hf://OWNER/NAME`.
    #[arg(long)]
    model: PathBuf,
    /// The adapter's folder, as `finetune`, `reinforce` or PEFT writes them.
    #[arg(long)]
    adapter: PathBuf,
    /// Most positions of the model; 0 for as many as its file says. A model with windows is written within them, as an
    /// adapter learns there (`finetune --positions`).
    #[arg(long, default_value_t = 0)]
    positions: usize,
    /// The type that weights are written in.
    #[arg(long, default_value = "bf16")]
    dtype: Kind,
    /// Where the model goes: a folder that does not exist, or is empty.
    #[arg(long)]
    out: PathBuf,
}

/// A type of weights.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    F32,
    F16,
    Bf16,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { model, adapter, positions, dtype, out } = arguments;
    let at = |error: std::io::Error| format!("{}: {error}", out.display());
    if out.exists() && out.read_dir().map_err(at)?.next().is_some() {
        return Err(format!("{}: there is something in it already", out.display()).into());
    }
    let model = &hub::model(model)?;
    has_text_side(model)?;
    let checkpoint = Checkpoint::open(model)?.within(*positions);
    let head = checkpoint.tensor_names().into_iter().find(|name| name.starts_with("score."));
    if head.is_some() || model.join("head.json").is_file() {
        let problem =
            "a reward model, whose head would be lost: only models that write are put together";
        return Err(format!("{}: {problem}", model.display()).into());
    }
    let learnt = Adapter::load(adapter, checkpoint.config())?;
    let mut decoder = DecoderWeights::load(&checkpoint)?;
    learnt.merge(&mut decoder)?;
    let dtype = match dtype {
        Kind::F32 => Dtype::F32,
        Kind::F16 => Dtype::F16,
        Kind::Bf16 => Dtype::BF16,
    };
    // It refuses what it cannot write before there is a folder.
    decoder.save_as(out, dtype, &[])?;
    copy_text_side(model, out)?;
    writeln!(std::io::stdout(), "{}", out.display())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("fuse", run(&Arguments::parse()))
}
