//! Reward models on servers: rows of labels, or of two tokens' log-probabilities, in place of hidden rows.
//!
//! A [`RemoteRewards`] is a [`Backbone`] whose rows are what a head would make of hidden ones: the logits of a
//! classifier's labels at a token, or the log-probabilities of the two tokens that a judge answers with. So all
//! that is known about where steps are judged, and what their scores mean, holds for it, with a head that
//! changes nothing.
//!
//! Source: vLLM 0.32, `/pooling`; `SGLang` 0.5.23, `/classify`; Wang et al. 2024 (arXiv:2312.08935) for two tokens.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::cost::ModelCost;
use tts_core::{Prompt, seed};

use super::one::Asker;
use super::open::connect;
use super::runtime::Runtime;
use super::server::{Place, Server, Servers};
use super::{Facts, RemoteConfig, RemoteError, RemoteUsage};
use crate::write::Encoder;
use crate::{Backbone, ModelError, TextSide, Tokenizer, Wanted};

/// What is read at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// The logits of a token classifier: a process reward model. vLLM as `--runner pooling` with the task
    /// `token_classify`.
    Tokens,
    /// The logits of a sequence classifier, at the last token of a text: an outcome reward model. vLLM with the
    /// task `classify`, `SGLang` with `--is-embedding`.
    Last,
    /// The log-probabilities of two tokens as the next one, `wrong` first: a language model that judges. Any
    /// server.
    Pair {
        /// The token that says "wrong".
        wrong: u32,
        /// The token that says "right".
        right: u32,
    },
}

/// A reward model on servers.
#[derive(Debug)]
pub struct RemoteRewards {
    servers: Arc<Servers>,
    words: Arc<Encoder>,
    reads: Reads,
    labels: usize,
    runtime: Runtime,
}

impl RemoteRewards {
    /// Connects to servers, and has one token judged to learn how many labels there are.
    ///
    /// # Errors
    /// As [`super::Remote::open`], and when the server does not judge in this way.
    pub fn open(config: RemoteConfig, reads: Reads) -> Result<Self, RemoteError> {
        // Nothing is drawn.
        let config = RemoteConfig { unseeded: true, self_test: false, ..config };
        let (servers, words, runtime) = connect(config)?;
        let mut rewards = Self { servers, words, reads, labels: 0, runtime };
        let probe = rewards.tokenizer().encode("a", false)?;
        let last = probe.len().saturating_sub(1);
        let rows = rewards.rows(&[Wanted { tokens: probe, positions: vec![last] }])?;
        let rows: Vec<Rows> = rows.into_iter().collect::<Result<_, _>>()?;
        rewards.labels = rows.first().and_then(|rows| rows.first()).map_or(0, Vec::len);
        if rewards.labels == 0 {
            let problem = "no labels, expected at least one";
            return Err(RemoteError::answer(rewards.servers.all[0].http.base(), problem));
        }
        Ok(rewards)
    }

    /// What the first server says of itself.
    pub fn facts(&self) -> &Facts {
        &self.servers.all[0].facts
    }

    /// Text to tokens and back.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.words.text().tokenizer
    }

    /// Tokenizer and chat template.
    pub fn text(&self) -> &TextSide {
        self.words.text()
    }

    /// What it has used so far.
    pub fn usage(&self) -> RemoteUsage {
        self.servers.ledger.usage(&self.servers.config.price)
    }

    /// What its rows depend on.
    pub fn identity(&self) -> String {
        let facts = self.facts();
        let named =
            format!("remote {} {} {} {:?}", facts.kind, facts.version, facts.name(), self.reads);
        self.words.identity(named)
    }

    /// The rows of each text, or why there are none; texts are judged side by side, and none waits for another.
    fn rows(&self, texts: &[Wanted]) -> Result<Vec<Result<Rows, RemoteError>>, RemoteError> {
        let (servers, words, reads) =
            (Arc::clone(&self.servers), Arc::clone(&self.words), self.reads);
        let texts = texts.to_vec();
        self.runtime.wait(async move {
            let texts = texts.into_iter().map(|text| {
                let (servers, words) = (Arc::clone(&servers), Arc::clone(&words));
                tokio::spawn(async move { judge(&servers, &words, reads, &text).await })
            });
            let texts: Vec<_> = texts.collect();
            let mut out = Vec::with_capacity(texts.len());
            for text in texts {
                let lost = |error| RemoteError::config("runtime", format!("{error}"));
                out.push(text.await.map_err(lost)?);
            }
            Ok(out)
        })?
    }
}

/// A row for each position of a text.
type Rows = Vec<Vec<f32>>;

fn failed(error: &RemoteError) -> ModelError {
    ModelError::Device { problem: error.to_string() }
}

/// The rows of one text.
async fn judge(
    servers: &Servers,
    words: &Encoder,
    reads: Reads,
    text: &Wanted,
) -> Result<Rows, RemoteError> {
    let Wanted { tokens, positions } = text;
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = servers.dialect()?;
    // What begins alike keeps to one server.
    let start = tokens.iter().take(16);
    let problem = start.fold(0, |hash, &token| seed::mix(hash, token.into()));
    let mut place = None;
    let base = || servers.all.first().map_or("the server", |server| server.http.base());
    if let Reads::Pair { wrong, right } = reads {
        let mut rows = Vec::with_capacity(positions.len());
        for &position in positions {
            let behind = &tokens[..=position];
            rows.push(pair(servers, words, [wrong, right], behind, problem, &mut place).await?);
        }
        return Ok(rows);
    }
    if reads == Reads::Last
        && let Some(early) = positions.iter().find(|&&position| position + 1 < tokens.len())
    {
        let problem = format!("position {early} of {} is not the last", tokens.len());
        return Err(RemoteError::answer(base(), problem));
    }
    let facts = |server: &Server| server.facts.clone();
    let asked = servers.all.first().and_then(|s| dialect.rewards(&s.facts, tokens, reads));
    if asked.is_none() {
        let what = format!("it does not judge by {reads:?}");
        return Err(RemoteError::Unsupported { url: base().to_owned(), what });
    }
    let make =
        |server: &Server, _| dialect.rewards(&facts(server), tokens, reads).unwrap_or_default();
    let read = |_: &Server, answer: Value| dialect.rewarded(&answer, tokens, positions);
    let rows = servers.call(problem, problem, tokens, &mut place, make, read).await?;
    servers.ledger.answered(tokens.len() as u64, 0, 0);
    Ok(rows)
}

/// The log-probabilities of two tokens behind others, in one call where the server can.
async fn pair(
    servers: &Servers,
    words: &Encoder,
    pair: [u32; 2],
    behind: &[u32],
    problem: u64,
    place: &mut Option<Place>,
) -> Result<Vec<f32>, RemoteError> {
    let (first, dialect) = (servers.all.first(), servers.dialect()?);
    if first.and_then(|s| dialect.contrast(&s.facts, behind, pair, None)).is_some() {
        let make = |server: &Server, _| {
            dialect.contrast(&server.facts, behind, pair, servers.cold()).unwrap_or_default()
        };
        let read = |_: &Server, answer: Value| dialect.contrasted(&answer, pair);
        let (row, prompt, cached) =
            servers.call(problem, problem, behind, place, make, read).await?;
        servers.ledger.answered(prompt, cached, 1);
        return Ok(row.to_vec());
    }
    let asker = Asker { servers, words, problem, line: problem };
    let mut row = Vec::with_capacity(2);
    for token in pair {
        row.push(asker.logprob(behind, token, 0, place).await?.logprob);
    }
    if let Some(place) = place {
        place.holds(behind);
    }
    Ok(row)
}

impl Backbone for RemoteRewards {
    /// Rows `[labels]`: logits, or log-probabilities of the pair.
    fn hidden(&self, texts: &[Wanted]) -> Result<Vec<Vec<Vec<f32>>>, ModelError> {
        self.hidden_each(texts)?.into_iter().collect()
    }

    /// A text whose call is at fault has none, whatever becomes of the others. A server that is down, or refuses whoever
    /// asks, is the error of all: nothing is known of the texts then, and they can be asked for again.
    fn hidden_each(&self, texts: &[Wanted]) -> Result<Vec<Result<Rows, ModelError>>, ModelError> {
        for (place, Wanted { tokens, positions }) in texts.iter().enumerate() {
            let found = tokens.len();
            if let Some(bad) = positions.iter().find(|&&position| position >= found) {
                let problem = format!("position {bad} is outside a text of {found} tokens");
                return Err(ModelError::input(format!("texts[{place}]"), problem));
            }
        }
        let rows = self.rows(texts).map_err(|error| failed(&error))?;
        let of_all = |rows: &Result<Rows, RemoteError>| match rows {
            Err(error) if !error.is_of_the_call() => Err(failed(error)),
            _ => Ok(()),
        };
        rows.iter().try_for_each(of_all)?;
        Ok(rows.into_iter().map(|rows| rows.map_err(|error| failed(&error))).collect())
    }

    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        self.words.prompt_tokens(prompt)
    }

    fn width(&self) -> usize {
        self.labels
    }

    fn backbone_cost(&self) -> ModelCost {
        ModelCost { parameters: self.facts().parameters.unwrap_or(0), ..ModelCost::default() }
    }

    fn positions(&self) -> usize {
        self.servers.all.iter().map(|server| server.facts.positions).min().unwrap_or_default()
    }

    fn backbone_vocabulary(&self) -> Option<u64> {
        Some(self.words.vocabulary())
    }
}
