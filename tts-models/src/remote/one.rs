//! The log-probability of one token, from a server that has no interface for it.
//!
//! The server is made to draw the token, and reports what the model thought of it. Of a token whose bytes are no
//! whole character it reports nothing: there a token of letters is drawn in its stead, and the wanted one looked
//! for among the most probable ones, more and more of them.

use super::RemoteError;
use super::call::{Ask, Drawn};
use super::server::{Place, Server, Servers};
use crate::write::Encoder;

/// How many of the most probable tokens are looked at, one after the other; all of them at last.
const COUNTS: [usize; 3] = [64, 2_048, usize::MAX];

/// Asks on behalf of a line.
pub(super) struct Asker<'a> {
    pub(super) servers: &'a Servers,
    pub(super) words: &'a Encoder,
    pub(super) problem: u64,
    pub(super) line: u64,
}

/// What is known of one token.
pub(super) struct One {
    /// In nats, of the model at temperature 1.
    pub(super) logprob: f32,
    /// Those of the most probable tokens, the highest first.
    pub(super) top: Vec<f32>,
    /// Tokens that the server computed for it.
    pub(super) computed: u64,
}

impl Asker<'_> {
    /// The log-probability of `token` behind `tokens`, and those of the `top` most probable ones.
    pub(super) async fn logprob(
        &self,
        tokens: &[u32],
        token: u32,
        top: u32,
        place: &mut Option<Place>,
    ) -> Result<One, RemoteError> {
        let tokenizer = &self.words.text().tokenizer;
        if std::str::from_utf8(tokenizer.token_bytes(token)).is_ok() {
            return self.force(tokens, token, top, place).await;
        }
        let letters = |id: &u32| {
            let bytes = tokenizer.token_bytes(*id);
            !bytes.is_empty() && bytes.iter().all(u8::is_ascii_alphabetic)
        };
        let size = tokenizer.vocab_size();
        let anchor = (0..u32::try_from(size).unwrap_or(u32::MAX)).find(letters);
        let anchor = anchor.ok_or_else(|| self.silent(token))?;
        let dialect = self.servers.dialect()?;
        let mut computed = 0;
        let cache = self.servers.config.cache;
        for count in COUNTS.map(|count| count.min(size)) {
            let make = |_: &Server, slot| {
                dialect.among(tokens, anchor, count, cache, slot).unwrap_or_default()
            };
            let read = |_: &Server, answer| dialect.found(token, &answer);
            let (found, prompt, known) =
                self.servers.call(self.problem, self.line, tokens, place, make, read).await?;
            self.servers.ledger.answered(prompt, known, 1);
            computed += prompt - known.min(prompt) + 1;
            if let Some(logprob) = found {
                let one = self.force(tokens, anchor, top, place).await?;
                return Ok(One { logprob, top: one.top, computed: computed + one.computed });
            }
        }
        Err(self.silent(token))
    }

    fn silent(&self, token: u32) -> RemoteError {
        let base = self.servers.all.first().map_or("the server", |server| server.http.base());
        RemoteError::answer(base, format!("it gives no log-probability of token {token}"))
    }

    async fn force(
        &self,
        tokens: &[u32],
        token: u32,
        top: u32,
        place: &mut Option<Place>,
    ) -> Result<One, RemoteError> {
        let (servers, sampling) = (self.servers, tts_core::Sampling::greedy());
        let (cache, dialect) = (servers.config.cache, servers.dialect()?);
        if dialect.force(tokens, token, top, cache, None).is_none() {
            return Err(self.silent(token));
        }
        let ask = Ask {
            tokens,
            most: 1,
            seed: 0,
            sampling: &sampling,
            stops: &[],
            stop_tokens: &[],
            logprobs: true,
            top,
            slot: None,
            cold: None,
        };
        let make =
            |_: &Server, slot| dialect.force(tokens, token, top, cache, slot).unwrap_or_default();
        let read = |_: &Server, answer| {
            let reply = dialect.reply(&ask, answer)?;
            match &reply.drawn[..] {
                [Drawn { token: drawn, logprob: Some(logprob), top }] if *drawn == token => {
                    let known = reply.cached.unwrap_or(0).min(reply.prompt);
                    Ok((*logprob, top.clone(), reply.prompt, known))
                }
                other => Err(format!("{other:?}, expected token {token} with its log-probability")),
            }
        };
        let (logprob, top, prompt, known) =
            servers.call(self.problem, self.line, tokens, place, make, read).await?;
        servers.ledger.answered(prompt, known, 1);
        Ok(One { logprob, top, computed: prompt - known + 1 })
    }
}
