//! Bodies and events of the interfaces of text: completions, chats, ollama's own.
//!
//! Source: the API reference of `OpenAI` (completions, chat completions, streaming), ollama's `docs/api.md`.

use serde_json::{Value, json};
use tts_core::Sampling;

use super::Said;
use crate::remote::call::Ended;
use crate::remote::dialect::messages;
use crate::remote::facts::Facts;
use crate::remote::{Prefill, RemoteError, ServerKind, TextOnly};

/// See the [module](self).
#[derive(Debug)]
pub(in crate::remote) struct Interface {
    kind: ServerKind,
    options: TextOnly,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) said: &'a Said,
    /// Tokens, at most.
    pub(super) most: u32,
    pub(super) seed: u64,
    pub(super) sampling: &'a Sampling,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Event {
    pub(super) text: String,
    pub(super) ended: Option<Ended>,
    pub(super) used: Option<Used>,
}

/// Tokens, by the server's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Used {
    pub(super) prompt: u64,
    pub(super) cached: u64,
    pub(super) generated: u64,
}

/// Seeds are signed 32 bits for some.
fn seed(seed: u64) -> u32 {
    u32::try_from(tts_core::seed::mix(seed, 0) >> 33).unwrap_or_default()
}

impl Interface {
    pub(in crate::remote) fn new(kind: ServerKind, options: TextOnly) -> Result<Self, RemoteError> {
        if kind != ServerKind::Chat && options.prefill != Prefill::None {
            let problem = format!(
                "{:?}, but a server of kind {kind} takes paths as they are",
                options.prefill
            );
            return Err(RemoteError::config("text_only.prefill", problem));
        }
        if kind == ServerKind::Ollama && options.limit.is_some() {
            return Err(RemoteError::config(
                "text_only.limit",
                "ollama has one name for it, num_predict",
            ));
        }
        Ok(Self { kind, options })
    }

    /// Whether a line may begin behind what the model has said already.
    pub(super) fn continues(&self) -> bool {
        self.kind != ServerKind::Chat || self.options.prefill != Prefill::None
    }

    /// Whether it takes chats, rather than texts.
    pub(super) fn chats(&self) -> bool {
        self.kind == ServerKind::Chat
    }

    /// What lines depend on besides the model.
    pub(in crate::remote) fn identity(&self) -> String {
        let TextOnly { prefill, body, .. } = &self.options;
        let body = if body.is_empty() { String::new() } else { format!(" {}", json!(body)) };
        format!(" text {prefill:?}{body}")
    }

    /// Where it is asked.
    pub(super) fn path(&self) -> &'static str {
        match self.kind {
            ServerKind::Ollama => "/api/generate",
            ServerKind::Chat => "/v1/chat/completions",
            _ => "/v1/completions",
        }
    }

    pub(super) fn body(&self, facts: &Facts, wanted: &Wanted<'_>) -> Value {
        let Wanted { said, most, seed: asked, sampling } = wanted;
        // A first token by its rank was refused before.
        let Sampling { temperature, top_k, top_p, min_p, first: _ } = sampling;
        let mut body = if self.kind == ServerKind::Ollama {
            let options = json!({
                "num_predict": most, "seed": seed(*asked), "temperature": temperature, "top_k": top_k,
                "top_p": top_p, "min_p": min_p, "repeat_penalty": 1.0, "stop": [],
                "num_ctx": facts.positions,
            });
            // Without a word it would leave out the beginning of what is too long, and of what becomes so.
            json!({
                "model": facts.model, "raw": true, "stream": true, "truncate": false, "shift": false,
                "options": options,
            })
        } else {
            let limit = self.options.limit.as_deref().unwrap_or("max_tokens");
            let mut body = json!({
                "model": facts.model, "stream": true, "stream_options": {"include_usage": true},
                "seed": seed(*asked), "temperature": temperature, "top_p": top_p, (limit): most,
            });
            // Many servers refuse the names of what they do not have.
            if *top_k > 0 {
                body["top_k"] = (*top_k).into();
            }
            if *min_p > 0.0 {
                body["min_p"] = (*min_p).into();
            }
            body
        };
        match said {
            Said::Raw(text) => body["prompt"] = text.as_str().into(),
            Said::Chat(chat, path) => body["messages"] = self.chat(chat, path, &mut body),
        }
        for (name, value) in &self.options.body {
            match value {
                Value::Null => drop(body.as_object_mut().and_then(|body| body.remove(name))),
                value => body[name] = value.clone(),
            }
        }
        body
    }

    /// The messages of a chat; what makes the server go on with the last one goes into the body.
    fn chat(&self, chat: &[tts_core::Message], path: &str, body: &mut Value) -> Value {
        let mut all = messages(chat);
        if let (false, Some(list)) = (path.is_empty(), all.as_array_mut()) {
            let mut last = json!({"role": "assistant", "content": path});
            match self.options.prefill {
                Prefill::None | Prefill::Message => {}
                Prefill::Prefix => last["prefix"] = true.into(),
                Prefill::Continue => {
                    body["continue_final_message"] = true.into();
                    body["add_generation_prompt"] = false.into();
                }
            }
            list.push(last);
        }
        all
    }

    /// Whether nothing comes behind the event that ends an answer.
    pub(super) fn ends_at_once(&self) -> bool {
        self.kind == ServerKind::Ollama
    }

    /// Refuses an answer to less than what was sent.
    ///
    /// # Errors
    /// A sentence that says how much the server read.
    pub(super) fn check_read(&self, facts: &Facts, used: Option<Used>) -> Result<(), String> {
        let Some(Used { prompt, .. }) = used.filter(|_| self.kind == ServerKind::Ollama) else {
            return Ok(());
        };
        let positions = facts.positions;
        if prompt < positions as u64 {
            return Ok(());
        }
        Err(format!("it read {prompt} tokens and has {positions} positions: the prompt was cut"))
    }

    /// Reads a piece of an answer, or the whole of one that was not streamed.
    ///
    /// # Errors
    /// A sentence that says what was found, and what was expected.
    pub(super) fn event(&self, event: &Value) -> Result<Event, String> {
        let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if self.kind == ServerKind::Ollama {
            let done = event["done"].as_bool().ok_or("no `done` in an event of ollama")?;
            let count = |name: &str| event[name].as_u64().unwrap_or_default();
            let used = Used {
                prompt: count("prompt_eval_count"),
                cached: 0,
                generated: count("eval_count"),
            };
            return Ok(Event {
                text: string(&event["response"]),
                ended: done.then(|| ended(&event["done_reason"])),
                used: done.then_some(used),
            });
        }
        let choices = event["choices"].as_array().ok_or("no `choices`, expected a list")?;
        let count = |value: &Value| value.as_u64().unwrap_or_default();
        let usage = &event["usage"];
        let used = usage.is_object().then(|| Used {
            prompt: count(&usage["prompt_tokens"]),
            cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
            generated: count(&usage["completion_tokens"]),
        });
        let choice = match &choices[..] {
            // The last event tells nothing but usage.
            [] => return Ok(Event { used, ..Event::default() }),
            [choice] => choice,
            more => return Err(format!("{} choices, expected 1", more.len())),
        };
        let places = [&choice["text"], &choice["delta"]["content"], &choice["message"]["content"]];
        let text =
            places.into_iter().find(|place| place.is_string()).map(string).unwrap_or_default();
        let reason = &choice["finish_reason"];
        Ok(Event { text, ended: (!reason.is_null()).then(|| ended(reason)), used })
    }
}

fn ended(reason: &Value) -> Ended {
    match reason.as_str() {
        Some("stop" | "eos") => Ended::Model,
        Some("length") => Ended::Length,
        Some("repetition") => Ended::Repetition,
        _ => Ended::Failed(format!("finish reason {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(kind: ServerKind) -> Interface {
        Interface::new(kind, TextOnly::default()).expect("sound")
    }

    #[test]
    fn events_of_all_interfaces_are_read() {
        let (chat, plain) = (interface(ServerKind::Chat), interface(ServerKind::Completions));
        let ollama = interface(ServerKind::Ollama);
        let used = |prompt, cached, generated| Some(Used { prompt, cached, generated });
        let cases = [
            (&chat, json!({"choices": [{"delta": {"role": "assistant"}}]}), "", None, None),
            (&chat, json!({"choices": [{"delta": {"content": "4"}}]}), "4", None, None),
            (
                &chat,
                json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": null}),
                "",
                Some(Ended::Model),
                None,
            ),
            (
                &chat,
                json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4,
                    "prompt_tokens_details": {"cached_tokens": 8}}}),
                "",
                None,
                used(9, 8, 4),
            ),
            (
                &chat,
                json!({"choices": [{"message": {"content": "whole"}, "finish_reason": "length"}]}),
                "whole",
                Some(Ended::Length),
                None,
            ),
            (&plain, json!({"choices": [{"text": "x", "finish_reason": null}]}), "x", None, None),
            (&ollama, json!({"response": "a", "done": false}), "a", None, None),
            (
                &ollama,
                json!({"response": "", "done": true, "done_reason": "length", "prompt_eval_count": 3,
                    "eval_count": 2}),
                "",
                Some(Ended::Length),
                used(3, 0, 2),
            ),
        ];
        for (interface, event, text, ended, used) in cases {
            let expected = Event { text: text.into(), ended, used };
            assert_eq!(interface.event(&event), Ok(expected), "{event}");
        }
        let filtered = json!({"choices": [{"text": "", "finish_reason": "content_filter"}]});
        let filtered = plain.event(&filtered).expect("an event");
        assert!(matches!(filtered.ended, Some(Ended::Failed(_))));
        for (interface, event) in
            [(&plain, json!({})), (&chat, json!({"choices": [{}, {}]})), (&ollama, json!({"x": 1}))]
        {
            assert!(interface.event(&event).is_err(), "{event}");
        }
    }

    #[test]
    fn seeds_fit_signed_numbers() {
        assert!((0..1000_u64).all(|n| i32::try_from(seed(n)).is_ok() && seed(n) != seed(n + 1000)));
    }
}
