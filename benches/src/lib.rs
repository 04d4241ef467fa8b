//! Workloads on a real model: every line runs to its full length.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tts_core::{BoxError, Prompt, Request, Sampling, StepRule, Trajectory, Until};
use tts_models::LanguageModel;

/// Figures of one run of a workload.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Which workload.
    pub workload: String,
    /// Tokens generated; for `prefill`, tokens read.
    pub tokens: u64,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// The ratio.
    pub tokens_per_second: f64,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens found in the cache.
    pub cached_tokens: u64,
    /// Most memory that the process ever held, in bytes; 0 where the system does not tell.
    pub peak_rss_bytes: u64,
}

/// The most memory that this process ever held, in bytes.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// `lines` continuations of one prompt of `prompt_tokens` tokens, `new_tokens` each.
///
/// # Errors
/// When the model fails.
pub fn decode(
    model: &dyn LanguageModel,
    name: &str,
    lines: u64,
    prompt_tokens: usize,
    new_tokens: u32,
    sampling: Sampling,
) -> Result<Figures, BoxError> {
    let prompt = Prompt::text(text_of(model, prompt_tokens)?);
    let rule = StepRule {
        delimiters: Vec::new(),
        max_step_tokens: new_tokens,
        max_tokens: new_tokens,
        ..StepRule::default()
    };
    let request = Request {
        prefix: Trajectory::new(Arc::new(prompt), Vec::new(), 0, false),
        append: None,
        seeds: (0..lines).collect(),
        until: Until::Tokens(new_tokens),
        sampling,
        rule: Arc::new(rule),
        max_tokens: new_tokens,
    };
    let start = Instant::now();
    let generated = model.generate(&[request])?.remove(0);
    let seconds = start.elapsed().as_secs_f64();
    let mut tokens = 0;
    let mut prompt_tokens = 0;
    for line in generated.lines {
        let line = line?;
        tokens += line.generated();
        prompt_tokens = line.prompt_tokens;
    }
    Ok(Figures {
        workload: name.to_owned(),
        tokens,
        seconds,
        tokens_per_second: tokens as f64 / seconds,
        prompt_tokens,
        cached_tokens: generated.cached_tokens,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

/// Reads a prompt of `prompt_tokens` tokens.
///
/// # Errors
/// When the model fails.
pub fn prefill(model: &dyn LanguageModel, prompt_tokens: usize) -> Result<Figures, BoxError> {
    let tokens = model.encode(&Prompt::text(text_of(model, prompt_tokens)?))?;
    let start = Instant::now();
    model.next_logits(&tokens)?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Figures {
        workload: "prefill".into(),
        tokens: tokens.len() as u64,
        seconds,
        tokens_per_second: tokens.len() as f64 / seconds,
        prompt_tokens: tokens.len() as u64,
        cached_tokens: 0,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

/// A text of as many tokens.
fn text_of(model: &dyn LanguageModel, tokens: usize) -> Result<String, BoxError> {
    let seed = "Natalia sold clips to 48 of her friends in April, and then she sold half as many \
                clips in May. How many clips did Natalia sell altogether in April and May? ";
    let ids = model.encode(&Prompt::text(seed.repeat(1 + tokens / 20)))?;
    let count = tokens.min(ids.len());
    Ok(model.tokenizer().text(&ids[..count]))
}
