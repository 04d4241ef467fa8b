//! llama-server of llama.cpp, by its native `/completion`.
//!
//! It gives every sampled token, but not the log-probability of each: those of a stop text's tokens are
//! cut off with the text, and tokens inside of a character have none. Which ones are left follows from the
//! bytes; the others are asked for one by one ([`Dialect::force`]): a bias makes the server draw the token that
//! is wanted, while what it reports is the model's own distribution, before any bias. The same gives it
//! log-probabilities of given tokens, for which it has no interface.
//!
//! Source: llama.cpp b11549, `tools/server`.

use serde_json::{Value, json};
use tts_core::{Message, Sampling};

use super::read::{highest, integer, logprob, short, tokens};
use super::{Dialect, Post};
use crate::remote::call::{Ask, Drawn, Ended, Reply};
use crate::remote::facts::Facts;

/// A bias that no logit comes up to.
const FORCED: f64 = 1e6;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct LlamaServer;

/// The fields of an answer that are read: the rest repeats the request.
const FIELDS: [&str; 7] = [
    "tokens",
    "stop_type",
    "truncated",
    "tokens_evaluated",
    "timings/cache_n",
    "completion_probabilities",
    "id_slot",
];

/// Seeds are 32 bits there, and the highest means a random one. Two seeds of ours are one there with a chance
/// of one in four thousand million.
fn seed(seed: u64) -> u32 {
    u32::try_from(super::scrambled(seed) >> 32).unwrap_or_default().min(u32::MAX - 1)
}

impl Dialect for LlamaServer {
    fn has_slots(&self) -> bool {
        true
    }

    fn ask(&self, _facts: &Facts, ask: &Ask<'_>) -> Post {
        // A first token by its rank was refused before.
        let Sampling { temperature, top_k, top_p, min_p, first: _ } = ask.sampling;
        // 0 asks for no probabilities at all.
        let probabilities = if ask.logprobs || ask.top > 0 { ask.top.max(1) } else { 0 };
        let mut body = json!({
            "prompt": ask.tokens, "n_predict": ask.most, "seed": seed(ask.seed),
            "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
            "repeat_penalty": 1.0, "samplers": ["temperature", "top_k", "top_p", "min_p"],
            "stop": ask.stops, "n_probs": probabilities, "return_tokens": true,
            "cache_prompt": ask.cold.is_none(), "response_fields": FIELDS,
        });
        if let Some(slot) = ask.slot {
            body["id_slot"] = slot.into();
        }
        ("/completion", body)
    }

    fn reply(&self, ask: &Ask<'_>, answer: Value) -> Result<Reply, String> {
        if answer.is_array() {
            return Err(format!("{}, expected one answer", short(&answer)));
        }
        let ids = tokens(&answer["tokens"], "tokens")?;
        let ended = match answer["stop_type"].as_str() {
            Some("eos") => Ended::Model,
            Some("word") => Ended::Told,
            Some("limit") if answer["truncated"] == true => Ended::Context,
            Some("limit") => Ended::Length,
            _ => Ended::Failed(format!("stop_type {}", short(&answer["stop_type"]))),
        };
        let prompt = integer(&answer["tokens_evaluated"], "tokens_evaluated")?;
        let cached = integer(&answer["timings/cache_n"], "timings/cache_n")?;
        let mut drawn: Vec<Drawn> =
            ids.iter().map(|&token| Drawn { token, logprob: None, top: Vec::new() }).collect();
        if ask.logprobs || ask.top > 0 {
            align(&mut drawn, &answer["completion_probabilities"], ask.top)?;
        }
        Ok(Reply { drawn, ended, prompt, cached: Some(cached) })
    }

    fn force(
        &self,
        tokens: &[u32],
        token: u32,
        top: u32,
        cache: bool,
        slot: Option<usize>,
    ) -> Option<Post> {
        Some(forced(tokens, token, top.max(1) as usize, cache, slot))
    }

    fn among(
        &self,
        tokens: &[u32],
        anchor: u32,
        count: usize,
        cache: bool,
        slot: Option<usize>,
    ) -> Option<Post> {
        Some(forced(tokens, anchor, count, cache, slot))
    }

    fn found(&self, token: u32, answer: &Value) -> Result<(Option<f32>, u64, u64), String> {
        let entries = answer["completion_probabilities"][0]["top_logprobs"].as_array();
        let entries = entries.ok_or("no top_logprobs of the one token that was drawn")?;
        let entry = entries.iter().find(|entry| entry["id"].as_u64() == Some(token.into()));
        let found = entry.map(|entry| logprob(&entry["logprob"], "logprob")).transpose()?;
        let prompt = integer(&answer["tokens_evaluated"], "tokens_evaluated")?;
        Ok((found, prompt, integer(&answer["timings/cache_n"], "timings/cache_n")?))
    }

    fn tokenize(&self, _facts: &Facts, text: &str, start: bool) -> Post {
        ("/tokenize", json!({"content": text, "add_special": start, "parse_special": true}))
    }

    fn render(&self, _facts: &Facts, messages: &[Message], arguments: &Value) -> Post {
        let messages = super::messages(messages);
        ("/apply-template", json!({"messages": messages, "chat_template_kwargs": arguments}))
    }
}

/// A call that draws one token whatever the model thinks of it, and says what the model thinks of the `count`
/// most probable ones, and of that one.
fn forced(tokens: &[u32], token: u32, count: usize, cache: bool, slot: Option<usize>) -> Post {
    let mut body = json!({
        "prompt": tokens, "n_predict": 1, "temperature": 0.0, "n_probs": count,
        "samplers": ["temperature"], "logit_bias": [[token, FORCED]], "return_tokens": true,
        "cache_prompt": cache, "response_fields": FIELDS,
    });
    if let Some(slot) = slot {
        body["id_slot"] = slot.into();
    }
    ("/completion", body)
}

/// Puts the entries that there are where they belong: each names its token, and they are in order. Where an
/// entry may belong to several equal tokens it is left out, and asked for again with the missing ones.
fn align(drawn: &mut [Drawn], entries: &Value, top: u32) -> Result<(), String> {
    let entries = match entries {
        // A server that wrote nothing has none.
        Value::Null => &[][..],
        Value::Array(entries) => &entries[..],
        other => {
            return Err(format!("completion_probabilities: {}, expected a list", short(other)));
        }
    };
    let names = |entry: &Value, drawn: &Drawn| entry["id"].as_u64() == Some(drawn.token.into());
    let (mut earliest, mut place) = (Vec::with_capacity(entries.len()), 0);
    for entry in entries {
        let found = drawn.iter().skip(place).position(|drawn| names(entry, drawn));
        let Some(found) = found else {
            let id = short(&entry["id"]);
            return Err(format!("a log-probability of token {id}, which was not drawn there"));
        };
        earliest.push(place + found);
        place += found + 1;
    }
    let mut end = drawn.len();
    for (entry, earliest) in entries.iter().zip(earliest).rev() {
        let latest = drawn[..end].iter().rposition(|drawn| names(entry, drawn));
        let latest = latest.unwrap_or(earliest);
        end = latest;
        if latest != earliest {
            continue;
        }
        drawn[earliest].logprob = Some(logprob(&entry["logprob"], "logprob")?);
        let others = entry["top_logprobs"].as_array().map_or(&[][..], Vec::as_slice);
        let others: Result<Vec<f32>, String> =
            others.iter().map(|other| logprob(&other["logprob"], "top_logprobs")).collect();
        drawn[earliest].top = highest(others?, top);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids, entries, and what each id gets.
    type Case<'a> = (&'a [u32], &'a [(u32, f64)], &'a [Option<f32>]);

    fn aligned(ids: &[u32], entries: &[(u32, f64)]) -> Result<Vec<Option<f32>>, String> {
        let drawn = ids.iter().map(|&token| Drawn { token, logprob: None, top: Vec::new() });
        let mut drawn: Vec<Drawn> = drawn.collect();
        let entry = |&(id, logprob): &(u32, f64)| json!({"id": id, "logprob": logprob});
        let entries: Vec<Value> = entries.iter().map(entry).collect();
        align(&mut drawn, &Value::Array(entries), 0)?;
        Ok(drawn.into_iter().map(|drawn| drawn.logprob).collect())
    }

    #[test]
    fn entries_go_where_they_must_belong() {
        let (a, b, c) = (Some(-1.0), Some(-2.0), Some(-3.0));
        let cases: [Case<'_>; 6] = [
            (&[5, 6, 7], &[(5, -1.0), (6, -2.0), (7, -3.0)], &[a, b, c]),
            // A stop text's token at the end, or one within a character, has none.
            (&[5, 6, 7], &[(5, -1.0), (6, -2.0)], &[a, b, None]),
            (&[5, 6, 7], &[(5, -1.0), (7, -3.0)], &[a, None, c]),
            // Either of two equal tokens may be meant.
            (&[5, 5, 7], &[(5, -1.0), (7, -3.0)], &[None, None, c]),
            (&[5, 5, 7], &[(5, -1.0), (5, -2.0), (7, -3.0)], &[a, b, c]),
            (&[5], &[], &[None]),
        ];
        for (ids, entries, expected) in cases {
            assert_eq!(aligned(ids, entries).as_deref(), Ok(expected), "{ids:?} {entries:?}");
        }
        for entries in [&[(9, -1.0)][..], &[(6, -1.0), (5, -1.0)], &[(5, 2.0)]] {
            assert!(aligned(&[5, 6], entries).is_err(), "{entries:?}");
        }
    }

    #[test]
    fn seeds_near_each_other_stay_apart() {
        let mut seeds: Vec<u32> = (0..2_000_u64).flat_map(|s| [seed(s), seed(s << 32)]).collect();
        seeds.sort_unstable();
        seeds.dedup();
        // 0 stands twice in the list.
        assert_eq!(seeds.len(), 3_999);
        assert!(seeds.iter().all(|&seed| seed < u32::MAX));
    }
}
