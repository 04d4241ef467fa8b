//! What a remote engine is told: where its servers are, and how it may use them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Calls, Logprobs, RemoteError, ServerKind, TextOnly};

/// Money for a million tokens, in whatever currency.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// Prompt tokens that the server computed.
    pub prompt: f64,
    /// Prompt tokens that it had at hand.
    pub cached: f64,
    /// Tokens that it generated.
    pub generated: f64,
}

/// Settings of a [`Remote`](super::Remote) engine.
///
/// ```
/// use tts_models::remote::RemoteConfig;
/// let config: RemoteConfig = serde_json::from_str(
///     r#"{"servers": ["http://127.0.0.1:8080"], "calls": "lines", "lines": 32}"#,
/// )?;
/// assert!(config.check().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteConfig {
    /// Base addresses, `http://host:port`, of servers with the same model. A problem keeps to one of them,
    /// whose cache then knows its prefixes, as long as that one answers.
    pub servers: Vec<String>,
    /// Which kind they are.
    pub kind: ServerKind,
    /// The model, by the name that the server knows it by; `None` for the only one.
    pub model: Option<String>,
    /// GGUF file, or folder with `tokenizer.json` and `tokenizer_config.json`, of the same model: weights
    /// are not read. `None` where the server names files that are on this machine. Of servers that take
    /// text, whatever tokens are counted by; `bytes` for none at all: each byte is a token then.
    pub text: Option<PathBuf>,
    /// The environment variable that holds the API key, sent as `Authorization: Bearer`.
    pub key_variable: Option<String>,
    /// Variables of the chat template, `enable_thinking` say.
    pub template: BTreeMap<String, serde_json::Value>,
    /// Lines in flight for each server; 0 for its slots, or 64 where it has none.
    pub lines: usize,
    /// Tokens of a prompt and what follows, at most, where that is less than the server says, or where it
    /// says nothing; 0 for what it says. ollama makes room for as many; for 4,096, if neither this nor the file
    /// of the model says how many.
    pub positions: usize,
    /// What is asked in one call; `None` for a step, or for a line of a server that takes text.
    pub calls: Option<Calls>,
    /// Whether prefixes may come from the server's cache. On llama-server a line then depends on what
    /// happened to be cached. `SGLang` cannot be told otherwise by a call, nor can servers of text.
    pub cache: bool,
    /// Which log-probabilities steps have; `None` for those of the model, or for none of a server that takes
    /// text. Where a server leaves some out they are asked for one by one.
    pub logprobs: Option<Logprobs>,
    /// Goes on with a server that does not draw by seeds: nothing can be repeated or resumed then.
    pub unseeded: bool,
    /// Whether the server is tried out at connection, see [`SelfTest`](super::SelfTest).
    pub self_test: bool,
    /// How often a call is made before its line fails, at least 1.
    pub attempts: u32,
    /// Seconds before the first repetition; they double, up to 30, and vary by half. A server's
    /// `Retry-After` counts where it is longer; longer than `call_seconds` it is not waited for.
    pub pause_seconds: f64,
    /// Seconds to connect.
    pub connect_seconds: f64,
    /// Seconds for a call, from its start to its last byte.
    pub call_seconds: f64,
    /// What tokens cost.
    pub price: Price,
    /// How a server that takes text is spoken to.
    pub text_only: TextOnly,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            kind: ServerKind::Auto,
            model: None,
            text: None,
            key_variable: None,
            template: BTreeMap::new(),
            lines: 0,
            positions: 0,
            calls: None,
            cache: true,
            logprobs: None,
            unseeded: false,
            self_test: true,
            attempts: 4,
            pause_seconds: 0.25,
            connect_seconds: 5.0,
            call_seconds: 600.0,
            price: Price::default(),
            text_only: TextOnly::default(),
        }
    }
}

impl RemoteConfig {
    /// One server, everything else by default.
    pub fn server(address: impl Into<String>) -> Self {
        Self { servers: vec![address.into()], ..Self::default() }
    }

    /// What a model's name says of servers: an address, or a JSON file with settings. `None` where it names
    /// something else.
    ///
    /// # Errors
    /// When it is a JSON file with `servers` whose settings cannot be read.
    pub fn named(name: &std::path::Path) -> Result<Option<Self>, RemoteError> {
        if let Some(address) = name.to_str()
            && (address.starts_with("http://") || address.starts_with("https://"))
        {
            return Ok(Some(Self::server(address)));
        }
        if name.extension().is_none_or(|ending| ending != "json") {
            return Ok(None);
        }
        // What cannot be read here is said by whoever reads it as something else.
        let json = std::fs::read(name).ok();
        let json = json.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
        match json {
            Some(json) if json.get("servers").is_some() => {
                let bad = |error: serde_json::Error| {
                    RemoteError::config(name.display().to_string(), error.to_string())
                };
                serde_json::from_value(json).map(Some).map_err(bad)
            }
            _ => Ok(None),
        }
    }

    /// # Errors
    /// When no server is named, an address is none of HTTP, or a number is out of range.
    pub fn check(&self) -> Result<(), RemoteError> {
        let bad = |field: &str, problem: String| Err(RemoteError::config(field, problem));
        if self.servers.is_empty() {
            return bad("servers", "none, expected at least one address".into());
        }
        for address in &self.servers {
            match reqwest::Url::parse(address) {
                Ok(url) if url.scheme() == "https" && cfg!(not(feature = "https")) => {
                    return bad(
                        "servers",
                        format!("{address}: needs the feature `https` (--features https)"),
                    );
                }
                Ok(url) if url.scheme() == "http" || url.scheme() == "https" => {}
                Ok(url) => {
                    let scheme = url.scheme();
                    return bad("servers", format!("{address}: {scheme} is not http or https"));
                }
                Err(error) => return bad("servers", format!("{address}: {error}")),
            }
        }
        if self.attempts == 0 {
            return bad("attempts", "0, expected at least 1".into());
        }
        let seconds = [
            ("pause_seconds", self.pause_seconds),
            ("connect_seconds", self.connect_seconds),
            ("call_seconds", self.call_seconds),
        ];
        for (field, value) in seconds {
            let least = if field == "pause_seconds" { 0.0 } else { f64::MIN_POSITIVE };
            if !(value >= least && Duration::try_from_secs_f64(value).is_ok()) {
                return bad(field, format!("{value}, expected a number of seconds"));
            }
        }
        let prices = [self.price.prompt, self.price.cached, self.price.generated];
        if prices.iter().any(|price| !price.is_finite() || *price < 0.0) {
            return bad("price", "a price is negative or not a number".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_settings_are_named() {
        let good = RemoteConfig::server("http://127.0.0.1:1");
        assert!(good.check().is_ok());
        let price = |prompt: f64| Price { prompt, ..Price::default() };
        let bad = [
            (RemoteConfig { servers: Vec::new(), ..good.clone() }, "servers: none"),
            (RemoteConfig::server("127.0.0.1:8080"), "servers: 127.0.0.1:8080"),
            (RemoteConfig::server("ftp://x"), "ftp is not http or https"),
            (RemoteConfig { attempts: 0, ..good.clone() }, "attempts: 0"),
            (RemoteConfig { pause_seconds: -1.0, ..good.clone() }, "pause_seconds: -1"),
            (RemoteConfig { call_seconds: 0.0, ..good.clone() }, "call_seconds: 0"),
            (RemoteConfig { connect_seconds: f64::NAN, ..good.clone() }, "connect_seconds: NaN"),
            (RemoteConfig { price: price(-1.0), ..good.clone() }, "price"),
            (RemoteConfig { price: price(f64::INFINITY), ..good.clone() }, "price"),
        ];
        for (config, expected) in bad {
            let error = config.check().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(RemoteConfig { pause_seconds: 0.0, ..good }.check().is_ok());
        let secure = RemoteConfig::server("https://example.org").check();
        assert_eq!(secure.is_ok(), cfg!(feature = "https"), "{secure:?}");
    }
}
