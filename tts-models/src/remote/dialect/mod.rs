//! How each kind of server is spoken to: paths, bodies, answers.
//!
//! A dialect is data in, data out: it makes the body of a call and reads an answer, and does no I/O. All of
//! them take token ids and give token ids; texts are never sent where a path goes on.

mod llama;
mod read;
mod sglang;
mod vllm;

use serde_json::{Value, json};
use tts_core::{Message, Sampling};

use super::Reads;
use super::call::{Ask, Reply};
use super::cold::Cold;
use super::facts::Facts;

pub(super) use llama::LlamaServer;
pub(super) use read::{integer, short, tokens};
pub(super) use sglang::Sglang;
pub(super) use vllm::Vllm;

/// A path and a body.
pub(super) type Post = (&'static str, Value);

/// What a kind of server understands.
pub(super) trait Dialect: Send + Sync + std::fmt::Debug {
    /// Whether slots keep prefixes of their own.
    fn has_slots(&self) -> bool {
        false
    }

    /// # Errors
    /// A sentence where the server does not do what is asked, and would not say so.
    fn check(&self, _sampling: &Sampling) -> Result<(), String> {
        Ok(())
    }

    /// # Errors
    /// A sentence where its log-probabilities are not those of the model at temperature 1.
    fn check_logprobs(&self, _sampling: &Sampling) -> Result<(), String> {
        Ok(())
    }

    /// # Errors
    /// A sentence where a call cannot make it compute a prefix that it has in its cache.
    fn check_cold(&self) -> Result<(), String> {
        Ok(())
    }

    /// A call for tokens.
    fn ask(&self, facts: &Facts, ask: &Ask<'_>) -> Post;

    /// The answer to it.
    ///
    /// # Errors
    /// A sentence that says what was found, and what was expected.
    fn reply(&self, ask: &Ask<'_>, answer: Value) -> Result<Reply, String>;

    /// A call that draws `token` behind `tokens`, and nothing else, with log-probabilities; `None` where one call
    /// gives those of all. Its answer is read as that of a call for one token.
    fn force(
        &self,
        _tokens: &[u32],
        _token: u32,
        _top: u32,
        _cache: bool,
        _slot: Option<usize>,
    ) -> Option<Post> {
        None
    }

    /// A call that draws `anchor` behind `tokens`, whose answer names the `count` most probable tokens in its
    /// place: for a token whose bytes are no whole character, which [`Self::force`] says nothing of.
    fn among(
        &self,
        _tokens: &[u32],
        _anchor: u32,
        _count: usize,
        _cache: bool,
        _slot: Option<usize>,
    ) -> Option<Post> {
        None
    }

    /// The answer to it: the log-probability of `token`, if it is one of them, and prompt and cached tokens.
    ///
    /// # Errors
    /// A sentence that says what was found, and what was expected.
    fn found(&self, _token: u32, _answer: &Value) -> Result<(Option<f32>, u64, u64), String> {
        Err("the server does not name the most probable tokens".into())
    }

    /// A call for the log-probabilities of `given` behind `context`.
    fn judge(&self, _facts: &Facts, _context: &[u32], _given: &[u32]) -> Option<Post> {
        None
    }

    /// The answer to it: one for each of the `given` tokens.
    ///
    /// # Errors
    /// A sentence that says what was found, and what was expected.
    fn judged(
        &self,
        _context: &[u32],
        _given: &[u32],
        _answer: &Value,
    ) -> Result<Vec<f32>, String> {
        Err("the server does not judge given tokens".into())
    }

    /// A call that has a text judged.
    fn rewards(&self, _facts: &Facts, _tokens: &[u32], _reads: Reads) -> Option<Post> {
        None
    }

    /// The answer to it: a row of logits for each position.
    ///
    /// # Errors
    /// A sentence that says what was found, and what was expected.
    fn rewarded(
        &self,
        _answer: &Value,
        _tokens: &[u32],
        _positions: &[usize],
    ) -> Result<Vec<Vec<f32>>, String> {
        Err("the server does not judge texts".into())
    }

    /// A call for the log-probabilities of two tokens behind others.
    fn contrast(
        &self,
        _facts: &Facts,
        _tokens: &[u32],
        _pair: [u32; 2],
        _cold: Option<Cold>,
    ) -> Option<Post> {
        None
    }

    /// The answer to it, and prompt and cached tokens.
    ///
    /// # Errors
    /// A sentence that says what was found, and what was expected.
    fn contrasted(&self, _answer: &Value, _pair: [u32; 2]) -> Result<([f32; 2], u64, u64), String> {
        Err("the server does not compare tokens".into())
    }

    /// A call for the token ids of a text, control tokens by name included.
    fn tokenize(&self, facts: &Facts, text: &str, start: bool) -> Post {
        let body = json!({"model": facts.model, "prompt": text, "add_special_tokens": start});
        ("/tokenize", body)
    }

    /// A call that gives a chat as token ids, or as text.
    fn render(&self, facts: &Facts, messages: &[Message], arguments: &Value) -> Post {
        let body = json!({
            "model": facts.model, "messages": self::messages(messages),
            "add_generation_prompt": true, "chat_template_kwargs": arguments,
        });
        ("/tokenize", body)
    }
}

/// A seed whose every bit depends on all of ours: servers take only some of them.
fn scrambled(seed: u64) -> u64 {
    tts_core::seed::mix(seed, 0)
}

/// Messages as servers read them.
pub(super) fn messages(messages: &[Message]) -> Value {
    let messages = messages.iter();
    let message = |m: &Message| json!({"role": m.role.as_str(), "content": m.content});
    messages.map(message).collect()
}
