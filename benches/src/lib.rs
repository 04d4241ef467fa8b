//! Workloads on a real model: every line runs to its full length, whatever the model writes.
//!
//! The prompt is a chat about one problem of grade-school arithmetic, cut or filled up to the
//! wanted number of tokens. Searches go through the library's own driver.

mod account;
mod beam;
mod judged;
mod workloads;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use tts_core::BoxError;
use tts_models::{Account, InstructionSet};

use account::{Taken, limited};
pub use account::{account_csv, account_text, watch_stages};
pub use beam::ShuffledBeam;
pub use judged::{JudgedFigures, JudgedSize, judged};
pub use workloads::{beam, decode, mixed, prefill, score};

/// Writes each figure as a line of JSON, and to a file if there is one; or says what went wrong.
pub fn report<F: Serialize>(
    name: &str,
    figures: Result<Vec<F>, BoxError>,
    file: Option<&Path>,
) -> ExitCode {
    let written = figures.and_then(|figures| {
        let lines = figures.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        let text = lines.join("\n");
        writeln!(std::io::stdout(), "{text}")?;
        if let Some(path) = file {
            tts_core::files::replace(path, |out| out.write_all(text.as_bytes()))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    });
    let Err(error) = written else { return ExitCode::SUCCESS };
    // Nothing is left to do when even that cannot be written.
    let _ = writeln!(std::io::stderr(), "{name}: {error}");
    ExitCode::FAILURE
}

/// Figures of one run of a workload.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Which workload.
    pub workload: String,
    /// Tokens generated; for `prefill`, tokens read.
    pub tokens: u64,
    /// Lines that ran; 0 where a search decides.
    pub lines: u64,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// The ratio.
    pub tokens_per_second: f64,
    /// Tokens of the prompt; of all prompts together for `mixed`.
    pub prompt_tokens: u64,
    /// Tokens found in the cache.
    pub cached_tokens: u64,
    /// Most memory that the process ever held, in bytes; 0 where the system does not tell.
    pub peak_rss_bytes: u64,
    /// What kernels ran on, where that is not the largest set of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_set: Option<InstructionSet>,
    /// Where the time went, if somebody asked ([`watch_stages`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

impl Figures {
    /// Figures of a workload that has just ended.
    fn new(workload: &str, tokens: u64, taken: Taken, prompt_tokens: u64, cached: u64) -> Self {
        let Taken { seconds, account } = taken;
        Self {
            workload: workload.to_owned(),
            tokens,
            lines: 0,
            seconds,
            tokens_per_second: tokens as f64 / seconds,
            prompt_tokens,
            cached_tokens: cached,
            peak_rss_bytes: peak_rss_bytes(),
            instruction_set: limited(),
            account,
        }
    }
}

/// The most memory that this process ever held, in bytes.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
