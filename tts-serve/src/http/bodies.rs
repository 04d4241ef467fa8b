//! Answers in the forms that OpenAI's clients read: whole bodies, chunks of streams, usage.
//!
//! What a search has to say beyond them stands in fields named `tts`, which stock clients keep or pass over.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tts_core::Cost;

use crate::engine::{Answer, Progress};
use crate::model::Words;

/// Which endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Chat,
    Text,
}

/// What all parts of one answer have in common.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) form: Form,
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
}

/// What a choice of a chunk brings.
pub(super) enum Part<'a> {
    /// The first chunk of a choice.
    Begin,
    /// More of its text.
    More(&'a str),
    /// How far its search is.
    Progress(Progress),
    /// Its end, with log-probabilities if they were asked for.
    End(&'a Answer, Value),
}

impl Head {
    /// A whole answer.
    pub(super) fn whole(&self, answers: &[(&Answer, Value)], usage: Value) -> Value {
        let choices = (0..).zip(answers).map(|(index, (answer, logprobs)): (usize, _)| {
            let mut choice = json!({
                "index": index, "logprobs": logprobs, "finish_reason": finish(answer), "tts": told(answer),
            });
            match self.form {
                Form::Chat => {
                    choice["message"] =
                        json!({"role": "assistant", "content": answer.text, "refusal": null});
                }
                Form::Text => choice["text"] = json!(answer.text),
            }
            choice
        });
        let object = match self.form {
            Form::Chat => "chat.completion",
            Form::Text => "text_completion",
        };
        self.body(object, &choices.collect::<Vec<_>>(), usage)
    }

    /// A chunk of one choice.
    pub(super) fn chunk(&self, index: usize, part: &Part<'_>) -> Value {
        let (text, logprobs, end) = match part {
            Part::Begin | Part::Progress(_) => (None, &Value::Null, Value::Null),
            Part::More(text) => (Some(*text), &Value::Null, Value::Null),
            Part::End(answer, logprobs) => (None, logprobs, json!(finish(answer))),
        };
        let mut choice = json!({"index": index, "logprobs": logprobs, "finish_reason": end});
        match (self.form, part) {
            (Form::Chat, Part::Begin) => {
                choice["delta"] = json!({"role": "assistant", "content": ""});
            }
            (Form::Chat, _) => {
                choice["delta"] = text.map_or(json!({}), |text| json!({"content": text}));
            }
            (Form::Text, _) => choice["text"] = json!(text.unwrap_or_default()),
        }
        match part {
            Part::Progress(progress) => choice["tts"] = json!({"progress": progress}),
            Part::End(answer, _) => choice["tts"] = told(answer),
            _ => {}
        }
        let object = match self.form {
            Form::Chat => "chat.completion.chunk",
            Form::Text => "text_completion",
        };
        self.body(object, &[choice], Value::Null)
    }

    /// The last chunk, with the cost of all.
    pub(super) fn last(&self, usage: Value) -> Value {
        let object = match self.form {
            Form::Chat => "chat.completion.chunk",
            Form::Text => "text_completion",
        };
        self.body(object, &[], usage)
    }

    fn body(&self, object: &str, choices: &[Value], usage: Value) -> Value {
        let mut body = json!({
            "id": self.id, "object": object, "created": self.created, "model": self.model,
            "choices": choices,
        });
        if !usage.is_null() {
            body["usage"] = usage;
        }
        body
    }

    /// The log-probabilities of an answer's tokens.
    pub(super) fn logprobs(&self, answer: &Answer, words: &dyn Words) -> Value {
        let text = |token: u32| String::from_utf8_lossy(&words.bytes(token)).into_owned();
        let tokens = &answer.tokens;
        match self.form {
            Form::Chat => {
                let entry = |&(token, logprob): &(u32, Option<f32>)| {
                    json!({
                        "token": text(token), "logprob": logprob, "bytes": words.bytes(token),
                        "top_logprobs": [],
                    })
                };
                json!({"content": tokens.iter().map(entry).collect::<Vec<_>>(), "refusal": null})
            }
            Form::Text => {
                let texts: Vec<String> = tokens.iter().map(|(token, _)| text(*token)).collect();
                let offsets = texts.iter().scan(0, |at, text| {
                    let begin = *at;
                    *at += text.chars().count();
                    Some(begin)
                });
                let offsets: Vec<usize> = offsets.collect();
                let logprobs: Vec<Option<f32>> =
                    tokens.iter().map(|(_, logprob)| *logprob).collect();
                json!({
                    "tokens": texts, "token_logprobs": logprobs, "text_offset": offsets,
                    "top_logprobs": null,
                })
            }
        }
    }
}

fn finish(answer: &Answer) -> &'static str {
    if answer.finished { "stop" } else { "length" }
}

/// What a search tells of its answer.
fn told(answer: &Answer) -> Value {
    json!({
        "answer": answer.found, "score": answer.score.filter(|score| score.is_finite()),
        "stop": answer.stop, "candidates": answer.candidates, "failed_lines": answer.failed,
        "rounds": answer.rounds,
    })
}

/// The cost of answers, `n` of them to each prompt.
pub(super) fn usage(answers: &[&Answer], n: usize) -> Value {
    let prompt: u64 = answers.iter().step_by(n.max(1)).map(|answer| answer.prompt_tokens).sum();
    let completion: u64 = answers.iter().map(|answer| answer.generated).sum();
    let cost = answers.iter().fold(Cost::default(), |mut sum, answer| {
        sum += answer.cost;
        sum
    });
    let mut usage = json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "tts": {
            "generated_tokens": cost.generated_tokens, "scored_tokens": cost.scored_tokens,
            "read_tokens": cost.read_tokens, "flops": cost.flops, "calls": cost.calls,
            "lines": cost.samples,
        },
    });
    if cost.money > 0.0 {
        usage["tts"]["money"] = json!(cost.money);
    }
    let mut roles: BTreeMap<&str, Cost> = BTreeMap::new();
    for (role, cost) in answers.iter().flat_map(|answer| &answer.roles) {
        *roles.entry(role.as_str()).or_default() += *cost;
    }
    for (role, cost) in roles {
        usage["tts"]["roles"][role] = json!({
            "generated_tokens": cost.generated_tokens, "scored_tokens": cost.scored_tokens,
            "lines": cost.samples,
        });
    }
    usage
}
