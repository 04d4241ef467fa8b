//! `POST /v1/chat/completions`: messages in, an assistant's message out.

use serde_json::{Value, json};
use tts_core::Prompt;
use tts_core::path::{Message, Role};

use super::ask::{Ask, alternatives};
use super::fields::{Fields, wrong};
use crate::fault::Fault;
use crate::{Model, ServeConfig};

/// Reads a request.
pub(super) fn read(body: &[u8], models: &[Model], config: &ServeConfig) -> Result<Ask, Fault> {
    let mut fields = Fields::of_body(body)?;
    let messages = match fields.take("messages") {
        Some(Value::Array(messages)) if !messages.is_empty() => messages,
        Some(other) => return Err(wrong("messages", "a list of at least one message", &other)),
        None => return Err(Fault::invalid("messages", "messages are missing, expected a list")),
    };
    let messages = messages.into_iter().enumerate();
    let messages = messages.map(|(number, value)| message(value, &format!("messages[{number}]")));
    let prompt = Prompt::Chat(messages.collect::<Result<_, _>>()?);
    let mut ask = Ask::take(&mut fields, vec![prompt], models, config)?;
    ask.limit(&mut fields, &["max_completion_tokens", "max_tokens"], config)?;
    ask.logprobs = fields.flag("logprobs")?;
    alternatives("top_logprobs", fields.take("top_logprobs"))?;
    fields.end()?;
    ask.check(models, "messages")?;
    Ok(ask)
}

fn message(value: Value, path: &str) -> Result<Message, Fault> {
    let mut fields = Fields::of(value, path)?;
    let at = fields.at("role");
    let role = fields.text("role")?.unwrap_or_default();
    let role = match role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(wrong(&at, "system, developer, user or assistant", &json!(other))),
    };
    let content = match fields.take("content") {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => {
            let parts = parts.into_iter().enumerate();
            let text = |(number, value)| part(value, &format!("{path}.content[{number}]"));
            parts.map(text).collect::<Result<Vec<_>, _>>()?.concat()
        }
        None if role == Role::Assistant => String::new(),
        found => {
            let found = found.unwrap_or(Value::Null);
            return Err(wrong(&fields.at("content"), "a text, or a list of parts", &found));
        }
    };
    fields.refuse("name", &[json!("")], "templates know roles alone")?;
    fields.refuse("tool_calls", &[json!([])], "only text")?;
    fields.refuse("function_call", &[], "only text")?;
    fields.refuse("audio", &[], "only text")?;
    fields.refuse("refusal", &[json!("")], "only content")?;
    // What a client keeps of an earlier answer says nothing to the model.
    fields.take("annotations");
    fields.end()?;
    Ok(Message { role, content })
}

fn part(value: Value, path: &str) -> Result<String, Fault> {
    let mut fields = Fields::of(value, path)?;
    let at = fields.at("type");
    match fields.text("type")?.as_deref() {
        Some("text") => {}
        other => return Err(wrong(&at, "text", &json!(other)).code("unsupported_parameter")),
    }
    let text = fields.text("text")?;
    let text = text.ok_or_else(|| wrong(&fields.at("text"), "a text", &Value::Null))?;
    fields.end()?;
    Ok(text)
}
