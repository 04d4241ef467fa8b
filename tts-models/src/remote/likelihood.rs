//! Log-probabilities of given tokens, by a server.

use std::sync::Arc;

use serde_json::Value;
use tts_core::{BoxError, Given, Likelihood, seed};

use super::one::Asker;
use super::server::{Server, Servers};
use super::{Remote, RemoteError};
use crate::ModelError;
use crate::write::Encoder;

impl Likelihood for Remote {
    /// A call a text where the server judges given tokens, a call a token where it does not (llama-server).
    ///
    /// # Errors
    /// As the trait says, and when a server cannot be used.
    fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
        let positions = self.positions();
        for (place, text) in batch.iter().enumerate() {
            let found = text.context.len() + text.tokens.len();
            if text.context.is_empty() {
                return Err(ModelError::input(format!("text {place}"), "an empty context").into());
            }
            if found > positions {
                let problem = format!("{found} tokens, the server takes {positions}");
                return Err(ModelError::input(format!("text {place}"), problem).into());
            }
        }
        let (servers, words) = (Arc::clone(&self.servers), Arc::clone(&self.words));
        let batch = batch.to_vec();
        let judged = self.runtime.wait(async move {
            let texts = batch.into_iter().map(|text| {
                let (servers, words) = (Arc::clone(&servers), Arc::clone(&words));
                tokio::spawn(async move { judge(&servers, &words, &text).await })
            });
            let texts: Vec<_> = texts.collect();
            let mut out = Vec::with_capacity(texts.len());
            for text in texts {
                let lost = |error| RemoteError::config("runtime", format!("{error}"));
                out.push(text.await.map_err(lost)??);
            }
            Ok::<_, RemoteError>(out)
        })?;
        Ok(judged?)
    }
}

async fn judge(servers: &Servers, words: &Encoder, text: &Given) -> Result<Vec<f32>, RemoteError> {
    let Given { context, tokens } = text;
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = servers.dialect()?;
    // Texts with one context keep to one server.
    let problem = context.iter().fold(0, |hash, &token| seed::mix(hash, token.into()));
    let all: Vec<u32> = context.iter().chain(tokens).copied().collect();
    let mut place = None;
    let whole = servers.all.first().and_then(|s| dialect.judge(&s.facts, context, tokens));
    if whole.is_some() {
        let make =
            |server: &Server, _| dialect.judge(&server.facts, context, tokens).unwrap_or_default();
        let read = |_: &Server, answer: Value| dialect.judged(context, tokens, &answer);
        let judged = servers.call(problem, problem, &all, &mut place, make, read).await?;
        servers.ledger.answered(all.len() as u64, 0, 0);
        return Ok(judged);
    }
    let mut out = Vec::with_capacity(tokens.len());
    for end in context.len()..all.len() {
        let behind = &all[..end];
        let asker = Asker { servers, words, problem, line: problem };
        out.push(asker.logprob(behind, all[end], 0, &mut place).await?.logprob);
    }
    if let Some(place) = &place {
        place.holds(&all);
    }
    Ok(out)
}
