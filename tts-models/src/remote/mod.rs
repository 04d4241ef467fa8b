//! Servers as engines: vLLM, `SGLang` and llama-server behind the traits of searches, token ids both ways.
//!
//! A [`Remote`] renders and encodes prompts itself, once, sends ids, takes ids back, and cuts steps on the bytes
//! of these tokens by the same rules as the engine of this crate: what a server makes of a text is never
//! trusted with a prefix. Each step is drawn with the seed of its place in the tree. Lines wait here for a place
//! on a server, so that what shares a prefix follows each other where the prefix is; calls are made again when
//! they fail in passing, elsewhere if there is another server; a call that fails for good is one failed line. At
//! connection the server is asked what it is, whether it has the same tokens, and tried out
//! ([`SelfTest`]). Servers that take text alone are driven in a weaker mode of their own ([`ServerKind`] says
//! which).
//!
//! Nothing of this needs an async runtime outside: one thread of its own waits for all connections.

mod call;
mod circuit;
mod cold;
mod config;
mod dialect;
mod error;
mod facts;
mod gate;
mod http;
mod kinds;
mod ledger;
mod likelihood;
mod line;
mod mapped;
mod one;
mod open;
mod retry;
mod rewards;
mod runtime;
mod self_test;
mod server;
mod session;
mod stream;
mod text;

use std::sync::Arc;

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Generated, Generator, LineError, Prompt, Request, Session, gather};

pub use config::{Price, RemoteConfig};
pub use error::RemoteError;
pub use facts::Facts;
pub use kinds::{Calls, Logprobs, Prefill, ServerKind, TextOnly};
pub use ledger::RemoteUsage;
pub use mapped::{Judges, MappedConfig, MappedScorer};
pub use rewards::{Reads, RemoteRewards};
pub use self_test::SelfTest;

use crate::write::Encoder;
use crate::{ModelError, Tokenizer};
use runtime::Runtime;
use server::{Servers, Speech};

/// A model on servers, as a generator.
///
/// ```no_run
/// use tts_core::toy::Sample;
/// use tts_core::{Budget, Search};
/// use tts_models::remote::{Remote, RemoteConfig};
///
/// let model = Remote::open(RemoteConfig {
///     text: Some("models/SmolLM2-135M-Instruct".into()), // tokenizer.json and tokenizer_config.json
///     ..RemoteConfig::server("http://127.0.0.1:8080")
/// })?;
/// println!("{}: {:?}", model.facts().name(), model.self_test());
/// let outcome = Search::new(&model).budget(Budget::tokens(4_000)).run(Sample { n: 8 }, "What is 17 * 24?")?;
/// println!("{:?}, {:?}", outcome.answer(), model.usage());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Remote {
    servers: Arc<Servers>,
    words: Arc<Encoder>,
    self_test: Option<SelfTest>,
    identity: Option<String>,
    // Dropped last: lines that run hold the others.
    runtime: Runtime,
}

impl Remote {
    /// Connects to servers and tries them out.
    ///
    /// # Errors
    /// When a setting is out of range, a server does not answer or is of no known kind, servers have
    /// different models, the text side is missing or has other tokens than the server, or the server does not
    /// draw by seeds.
    pub fn open(config: RemoteConfig) -> Result<Self, RemoteError> {
        open::open(config)
    }

    /// What the first server says of itself.
    ///
    /// # Panics
    /// Never: a connection has at least one server.
    pub fn facts(&self) -> &Facts {
        &self.servers.all[0].facts
    }

    /// What was seen when the server was tried out; `None` where that was not asked for.
    pub fn self_test(&self) -> Option<&SelfTest> {
        self.self_test.as_ref()
    }

    /// What it has used so far.
    pub fn usage(&self) -> RemoteUsage {
        self.servers.ledger.usage(&self.servers.config.price)
    }

    /// The settings.
    pub fn config(&self) -> &RemoteConfig {
        &self.servers.config
    }

    /// Whether the model's log-probabilities come with its lines.
    pub fn tells_logprobs(&self) -> bool {
        self.servers.wants_logprobs()
    }

    /// Text to tokens and back.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.words.text().tokenizer
    }

    /// Token ids of a prompt, as they are sent.
    ///
    /// # Errors
    /// When the template refuses the chat or the text cannot be encoded.
    pub fn prompt_tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        self.words.prompt_tokens(prompt)
    }

    /// The tokens that end a solution, in ascending order.
    pub fn end_tokens(&self) -> &[u32] {
        self.words.end_tokens()
    }

    /// Tokens of a prompt and what follows, at most: of the servers the fewest. As many as can be counted where
    /// nobody says.
    pub fn positions(&self) -> usize {
        self.servers.all.iter().map(|server| server.facts.positions).min().unwrap_or_default()
    }

    /// Refuses what the servers cannot do, before anything is sent.
    fn check(&self, request: &Request) -> Result<(), ModelError> {
        let refuse = |problem: String| Err(ModelError::input("request", problem));
        let Request { watch, sampling, .. } = request;
        if watch.certainty || watch.drawn {
            return refuse(
                "a server tells neither certainty nor log-probabilities as drawn".into(),
            );
        }
        if let Err(LineError(problem)) = sampling.draws_all("a server") {
            return refuse(problem);
        }
        let Speech::Ids(dialect) = &self.servers.speech else {
            if watch.confidence > 0 {
                return refuse("a server of text tells no confidence".into());
            }
            return Ok(());
        };
        let mut checked = dialect.check(sampling);
        let asks = self.servers.wants_logprobs() || watch.confidence > 0;
        if asks && self.servers.logprobs() != Logprobs::Trusted {
            checked = checked.and(dialect.check_logprobs(sampling));
        }
        checked.or_else(refuse)
    }
}

impl Generator for Remote {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        gather(&mut *self.session(), batch)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(session::RemoteSession::new(self))
    }

    /// Of the parameters alone, where the server tells how many; else nothing is counted.
    fn cost(&self) -> ModelCost {
        ModelCost { parameters: self.facts().parameters.unwrap_or(0), ..ModelCost::default() }
    }

    fn vocabulary(&self) -> Option<u64> {
        Some(self.words.vocabulary())
    }

    fn vocabulary_size(&self) -> Option<u32> {
        self.words.vocabulary_size()
    }

    /// What the server says that it is. `None` where it does not draw by seeds.
    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }
}
