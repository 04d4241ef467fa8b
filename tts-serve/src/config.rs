//! What the server allows: limits of requests, of what runs at a time, and who may ask.
//!
//! Every limit has a default that fits a small model on one machine. What exceeds one is refused with an
//! error that names it; nothing is cut in silence.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// A secret that requests have to show. It is not printed, and compared in constant time.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key; `None` of an empty text, which would let everybody in.
    pub fn new(key: impl Into<String>) -> Option<Self> {
        let key = key.into();
        (!key.is_empty()).then_some(Self(key))
    }

    /// Whether it is this one. How long that takes tells nothing but the length.
    pub(crate) fn is(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Limits and defaults of a server.
///
/// ```
/// use tts_serve::ServeConfig;
/// let config = ServeConfig { in_flight: 8, ..ServeConfig::default() };
/// assert!(config.check().is_ok());
/// assert!(ServeConfig { in_flight: 0, ..config }.check().is_err());
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Searches that run at a time.
    pub in_flight: usize,
    /// Searches that wait behind them; more are refused with 429.
    pub queue: usize,
    /// What `Retry-After` says then, in seconds.
    pub retry_seconds: u64,
    /// Lines that a generator writes together: searches take turns for them. As many as the model's
    /// engine has room for.
    pub window: usize,
    /// Largest body of a request, in bytes.
    pub body_bytes: usize,
    /// Longest time that a body may take to arrive, in seconds.
    pub read_seconds: f64,
    /// Longest time of a request, waiting included, in seconds.
    pub request_seconds: f64,
    /// Tokens that a request may generate, all its searches together. Looked at between rounds.
    pub request_tokens: u64,
    /// Largest `max_tokens`.
    pub answer_tokens: u32,
    /// Most answers of a request: `n` times its prompts.
    pub answers: usize,
    /// Most lines that a search may ask for at once, and most that any number in a recipe may be.
    pub lines: usize,
    /// N of a strategy that is named without one.
    pub default_n: usize,
    /// How often a stream tells progress at most, in seconds between.
    pub progress_seconds: f64,
    /// How long running requests may go on after the server was told to stop, in seconds.
    pub shutdown_seconds: f64,
    /// What `Authorization: Bearer` has to show; `None` lets everybody in.
    #[serde(skip)]
    pub api_key: Option<ApiKey>,
}

impl Default for ServeConfig {
    /// 64 searches at a time and 256 that wait; requests of 1 MiB, 10 minutes and 262,144 tokens.
    fn default() -> Self {
        Self {
            in_flight: 64,
            queue: 256,
            retry_seconds: 2,
            window: 64,
            body_bytes: 1 << 20,
            read_seconds: 30.0,
            request_seconds: 600.0,
            request_tokens: 1 << 18,
            answer_tokens: 4096,
            answers: 64,
            lines: 1024,
            default_n: 8,
            progress_seconds: 0.1,
            shutdown_seconds: 30.0,
            api_key: None,
        }
    }
}

impl ServeConfig {
    /// # Errors
    /// A sentence that names the field when a limit is 0 or not a number.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("in_flight", self.in_flight as u64),
            ("window", self.window as u64),
            ("body_bytes", self.body_bytes as u64),
            ("request_tokens", self.request_tokens),
            ("answer_tokens", u64::from(self.answer_tokens)),
            ("answers", self.answers as u64),
            ("lines", self.lines as u64),
            ("default_n", self.default_n as u64),
        ] {
            if value == 0 {
                return Err(format!("server: {name} is 0, expected at least 1"));
            }
        }
        for (name, value) in [
            ("read_seconds", self.read_seconds),
            ("request_seconds", self.request_seconds),
            ("progress_seconds", self.progress_seconds),
            ("shutdown_seconds", self.shutdown_seconds),
        ] {
            // A year is for ever, and no duration overflows.
            if !(0.0..=31_536_000.0).contains(&value) {
                return Err(format!("server: {name} is {value}, expected 0 to 31536000"));
            }
        }
        let room = self.in_flight.saturating_add(self.queue);
        if self.answers > room {
            return Err(format!(
                "server: answers is {}, more than the {room} searches of in_flight and queue",
                self.answers
            ));
        }
        Ok(())
    }
}
