//! vLLM, by `/v1/completions` with token ids both ways.
//!
//! Never by chat: there a reasoning parser moves tokens elsewhere. The model's `generation_config.json` fills
//! whatever is not sent, so everything is. Unknown fields are ignored in silence: that ids came back shows that
//! the server is new enough.
//!
//! Source: vLLM 0.32, `vllm/entrypoints/openai`.

use serde_json::{Map, Value, json};
use tts_core::Sampling;

use super::read::{highest, integer, logprob, row, rows, short, tokens};
use super::{Dialect, Post};
use crate::remote::Reads;
use crate::remote::call::{Ask, Drawn, Ended, Reply};
use crate::remote::cold::Cold;
use crate::remote::facts::Facts;

/// The server refuses more stop texts.
const STOPS: usize = 4;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Vllm;

/// Seeds are signed there, and -1 means none.
fn seed(seed: u64) -> u64 {
    super::scrambled(seed) >> 1
}

impl Dialect for Vllm {
    fn check(&self, sampling: &Sampling) -> Result<(), String> {
        if sampling.min_p > 0.0 && (sampling.top_p < 1.0 || sampling.top_k > 0) {
            return Err(
                "vLLM applies min_p before top_k and top_p, not after them: use one of them".into(),
            );
        }
        Ok(())
    }

    fn ask(&self, facts: &Facts, ask: &Ask<'_>) -> Post {
        // A first token by its rank was refused before.
        let Sampling { temperature, top_k, top_p, min_p, first: _ } = ask.sampling;
        let stops = &ask.stops[..ask.stops.len().min(STOPS)];
        let mut body = json!({
            "model": facts.model, "prompt": ask.tokens, "max_tokens": ask.most, "seed": seed(ask.seed),
            "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
            "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
            "stop": stops, "stop_token_ids": ask.stop_tokens, "include_stop_str_in_output": true,
            "return_token_ids": true, "skip_special_tokens": false,
            "spaces_between_special_tokens": false,
        });
        if ask.logprobs || ask.top > 0 {
            body["logprobs"] = ask.top.into();
            // By their texts two of the most probable tokens may be one.
            body["return_tokens_as_token_ids"] = (ask.top > 0).into();
        }
        if let Some(cold) = ask.cold {
            // Prefixes are shared among requests with the same salt.
            body["cache_salt"] = cold.to_string().into();
        }
        ("/v1/completions", body)
    }

    fn reply(&self, ask: &Ask<'_>, answer: Value) -> Result<Reply, String> {
        let choice = only_choice(&answer)?;
        let ids = match &choice["token_ids"] {
            Value::Null => {
                return Err("no token_ids: the server is older than vLLM 0.10.2, or none".into());
            }
            ids => tokens(ids, "token_ids")?,
        };
        let ended = match (choice["finish_reason"].as_str(), &choice["stop_reason"]) {
            (Some("stop"), Value::Null) => Ended::Model,
            (Some("stop"), _) => Ended::Told,
            (Some("length"), _) => Ended::Length,
            (Some("repetition"), _) => Ended::Repetition,
            (reason, _) => Ended::Failed(format!("finish_reason {}", reason.unwrap_or("null"))),
        };
        let logprobs = if ask.logprobs || ask.top > 0 {
            let list = choice["logprobs"]["token_logprobs"].as_array();
            let list = list.ok_or("no logprobs.token_logprobs")?;
            if list.len() != ids.len() {
                return Err(format!("{} log-probabilities of {} tokens", list.len(), ids.len()));
            }
            list.iter().map(|value| logprob(value, "token_logprobs").map(Some)).collect()
        } else {
            Ok(vec![None; ids.len()])
        };
        let tops = &choice["logprobs"]["top_logprobs"];
        let mut drawn = Vec::with_capacity(ids.len());
        for (place, (token, logprob)) in ids.into_iter().zip(logprobs?).enumerate() {
            let top = if ask.top > 0 { ranked(&tops[place], ask.top)? } else { Vec::new() };
            drawn.push(Drawn { token, logprob, top });
        }
        let usage = &answer["usage"];
        let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
        let prompt = integer(&usage["prompt_tokens"], "usage.prompt_tokens")?;
        Ok(Reply { drawn, ended, prompt, cached })
    }

    fn judge(&self, facts: &Facts, context: &[u32], given: &[u32]) -> Option<Post> {
        let all: Vec<u32> = context.iter().chain(given).copied().collect();
        let body = json!({
            "model": facts.model, "prompt": all, "max_tokens": 1, "temperature": 0.0, "seed": 0,
            "prompt_logprobs": 0,
        });
        Some(("/v1/completions", body))
    }

    fn judged(&self, context: &[u32], given: &[u32], answer: &Value) -> Result<Vec<f32>, String> {
        let list = only_choice(answer)?["prompt_logprobs"].as_array();
        let list = list.ok_or("no prompt_logprobs")?;
        let expected = context.len() + given.len();
        if list.len() != expected || !list.first().is_some_and(Value::is_null) {
            return Err(format!(
                "prompt_logprobs of {} tokens, expected {expected} with none for the first",
                list.len()
            ));
        }
        let of = |(entry, token): (&Value, &u32)| {
            logprob(&entry[token.to_string()]["logprob"], "prompt_logprobs")
        };
        list[context.len()..].iter().zip(given).map(of).collect()
    }

    fn rewards(&self, facts: &Facts, tokens: &[u32], reads: Reads) -> Option<Post> {
        let task = match reads {
            Reads::Tokens => "token_classify",
            Reads::Last => "classify",
            Reads::Pair { .. } => return None,
        };
        // `softmax` is ignored by now; without this there would be probabilities.
        let body = json!({
            "model": facts.model, "input": tokens, "task": task, "use_activation": false,
        });
        Some(("/pooling", body))
    }

    fn rewarded(
        &self,
        answer: &Value,
        tokens: &[u32],
        positions: &[usize],
    ) -> Result<Vec<Vec<f32>>, String> {
        let data = &answer["data"][0]["data"];
        if data[0].is_number() {
            // One row for the whole text.
            let row = row(data, "data")?;
            return Ok(vec![row; positions.len()]);
        }
        rows(data, tokens, positions, "data")
    }

    fn contrast(
        &self,
        facts: &Facts,
        tokens: &[u32],
        pair: [u32; 2],
        cold: Option<Cold>,
    ) -> Option<Post> {
        let mut body = json!({
            "model": facts.model, "prompt": tokens, "max_tokens": 1, "temperature": 0.0, "seed": 0,
            "logprobs": 0, "logprob_token_ids": pair, "return_tokens_as_token_ids": true,
        });
        if let Some(cold) = cold {
            body["cache_salt"] = cold.to_string().into();
        }
        Some(("/v1/completions", body))
    }

    fn contrasted(&self, answer: &Value, pair: [u32; 2]) -> Result<([f32; 2], u64, u64), String> {
        let entry = &only_choice(answer)?["logprobs"]["top_logprobs"][0];
        let of = |token: u32| logprob(&entry[format!("token_id:{token}")], "top_logprobs");
        let usage = &answer["usage"];
        let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
        let prompt = integer(&usage["prompt_tokens"], "usage.prompt_tokens")?;
        Ok(([of(pair[0])?, of(pair[1])?], prompt, cached))
    }
}

fn only_choice(answer: &Value) -> Result<&Value, String> {
    match answer["choices"].as_array().map(Vec::as_slice) {
        Some([choice]) => Ok(choice),
        Some(choices) => Err(format!("{} choices, expected 1", choices.len())),
        None => Err(format!("choices: {}, expected a list", short(&answer["choices"]))),
    }
}

/// Log-probabilities of the most probable tokens, of a map that may also name the drawn one.
fn ranked(entry: &Value, top: u32) -> Result<Vec<f32>, String> {
    let map: &Map<String, Value> = entry
        .as_object()
        .ok_or_else(|| format!("top_logprobs: {}, expected a map", short(entry)))?;
    let all: Result<Vec<f32>, String> =
        map.values().map(|value| logprob(value, "top_logprobs")).collect();
    let all = highest(all?, top);
    if all.len() < top as usize {
        return Err(format!("{} top_logprobs, expected {top}", all.len()));
    }
    Ok(all)
}
