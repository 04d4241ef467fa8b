//! `POST /v1/completions`: raw text in, what follows out.

use serde_json::{Value, json};
use tts_core::Prompt;

use super::ask::{Ask, alternatives};
use super::fields::{Fields, wrong};
use crate::fault::Fault;
use crate::{Model, ServeConfig};

/// Reads a request.
pub(super) fn read(body: &[u8], models: &[Model], config: &ServeConfig) -> Result<Ask, Fault> {
    let mut fields = Fields::of_body(body)?;
    let prompts = prompts(fields.take("prompt"))?;
    let mut ask = Ask::take(&mut fields, prompts, models, config)?;
    ask.limit(&mut fields, &["max_tokens"], config)?;
    let logprobs = fields.take("logprobs").filter(|value| *value != json!(false));
    ask.logprobs = logprobs.is_some();
    alternatives("logprobs", logprobs)?;
    fields.refuse("echo", &[json!(false)], "the answer alone is sent")?;
    fields.refuse("suffix", &[json!("")], "text is written from the left")?;
    let all = [json!(ask.n)];
    fields.refuse("best_of", &all, "ask for a search: MODEL+best-of-n-8, say")?;
    fields.end()?;
    ask.check(models, "prompt")?;
    Ok(ask)
}

fn prompts(prompt: Option<Value>) -> Result<Vec<Prompt>, Fault> {
    let expected = "a text, or a list of texts";
    let ids = "token ids are not taken: another tokenizer's mean something else here, and paths begin \
               with a prompt's text; send the text";
    match prompt {
        Some(Value::String(text)) => Ok(vec![Prompt::text(text)]),
        Some(Value::Array(list)) if !list.is_empty() => {
            let text = |(number, value): (usize, Value)| match value {
                Value::String(text) => Ok(Prompt::text(text)),
                Value::Number(_) | Value::Array(_) => {
                    Err(Fault::invalid("prompt", ids).code("unsupported_parameter"))
                }
                other => Err(wrong(&format!("prompt[{number}]"), "a text", &other)),
            };
            list.into_iter().enumerate().map(text).collect()
        }
        other => Err(wrong("prompt", expected, &other.unwrap_or(Value::Null))),
    }
}
