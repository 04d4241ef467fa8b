//! `SGLang`, by its native `/generate`.
//!
//! Lines go one a call: with `n` all samples get the same seed, and a batch is answered when its slowest line
//! is. Seeds count only on a server that was started with `--enable-deterministic-inference`, which is asked for
//! at connection. Its log-probabilities are of the distribution at the sampling temperature.
//!
//! Source: `SGLang` 0.5.23, `python/sglang/srt`. Read, not run: it needs a GPU.

use serde_json::{Value, json};
use tts_core::Sampling;

use super::read::{highest, integer, logprob, row, short, tokens};
use super::{Dialect, Post};
use crate::remote::Reads;
use crate::remote::call::{Ask, Drawn, Ended, Reply};
use crate::remote::cold::Cold;
use crate::remote::facts::Facts;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Sglang;

impl Dialect for Sglang {
    fn check(&self, sampling: &Sampling) -> Result<(), String> {
        if sampling.min_p > 0.0 {
            return Err("SGLang stops at an assertion when min_p is used with seeds".into());
        }
        Ok(())
    }

    fn check_logprobs(&self, sampling: &Sampling) -> Result<(), String> {
        #[expect(clippy::float_cmp, reason = "exactly 1 changes nothing")]
        let plain = sampling.temperature == 1.0;
        if plain {
            return Ok(());
        }
        Err(format!(
            "SGLang gives log-probabilities at the sampling temperature {}, not those of the model: \
             start it with SGLANG_RETURN_ORIGINAL_LOGPROB=1 and set logprobs to trusted, or to off",
            sampling.temperature
        ))
    }

    fn check_cold(&self) -> Result<(), String> {
        Err("SGLang takes prefixes from its cache whatever a call says: start it with --disable-radix-cache"
            .into())
    }

    fn ask(&self, _facts: &Facts, ask: &Ask<'_>) -> Post {
        // A first token by its rank was refused before.
        let Sampling { temperature, top_k, top_p, min_p, first: _ } = ask.sampling;
        let top_k = if *top_k == 0 { -1 } else { i64::from(*top_k) };
        let body = json!({
            "input_ids": ask.tokens,
            "sampling_params": {
                "max_new_tokens": ask.most, "temperature": temperature, "top_p": top_p,
                "top_k": top_k, "min_p": min_p, "stop": ask.stops,
                "stop_token_ids": ask.stop_tokens, "no_stop_trim": true,
                "sampling_seed": super::scrambled(ask.seed) >> 1, "skip_special_tokens": false,
                "spaces_between_special_tokens": false,
            },
            "return_logprob": ask.logprobs || ask.top > 0, "logprob_start_len": -1,
            "top_logprobs_num": ask.top,
        });
        ("/generate", body)
    }

    fn reply(&self, ask: &Ask<'_>, answer: Value) -> Result<Reply, String> {
        if answer.is_array() {
            return Err(format!("{}, expected one answer", short(&answer)));
        }
        let ids = tokens(&answer["output_ids"], "output_ids")?;
        let meta = &answer["meta_info"];
        let reason = &meta["finish_reason"];
        let ended = match (reason["type"].as_str(), &reason["matched"]) {
            (Some("stop"), Value::String(text)) if text == "NaN happened" => {
                Ended::Failed("the model's numbers are not finite".into())
            }
            (Some("stop"), Value::String(_)) => Ended::Told,
            (Some("stop"), Value::Number(id))
                if id
                    .as_u64()
                    .is_some_and(|id| ask.stop_tokens.iter().any(|&t| u64::from(t) == id)) =>
            {
                Ended::Told
            }
            (Some("stop"), _) => Ended::Model,
            (Some("length"), _) => Ended::Length,
            (Some(other), _) => Ended::Failed(format!("{other}: {}", short(&reason["message"]))),
            (None, _) => Ended::Failed(format!("finish_reason {}", short(reason))),
        };
        let mut drawn: Vec<Drawn> =
            ids.iter().map(|&token| Drawn { token, logprob: None, top: Vec::new() }).collect();
        if ask.logprobs || ask.top > 0 {
            let list = triples(&meta["output_token_logprobs"], "output_token_logprobs")?;
            if list.len() != ids.len() {
                return Err(format!("{} log-probabilities of {} tokens", list.len(), ids.len()));
            }
            for (place, (drawn, (value, id))) in drawn.iter_mut().zip(list).enumerate() {
                if id != drawn.token {
                    return Err(format!(
                        "a log-probability of token {id}, expected {}",
                        drawn.token
                    ));
                }
                drawn.logprob = Some(value);
                if ask.top > 0 {
                    let top = triples(&meta["output_top_logprobs"][place], "output_top_logprobs")?;
                    drawn.top = highest(top.into_iter().map(|(value, _)| value).collect(), ask.top);
                }
            }
        }
        let prompt = integer(&meta["prompt_tokens"], "prompt_tokens")?;
        let cached = integer(&meta["cached_tokens"], "cached_tokens")?;
        Ok(Reply { drawn, ended, prompt, cached: Some(cached) })
    }

    fn judge(&self, _facts: &Facts, context: &[u32], given: &[u32]) -> Option<Post> {
        let all: Vec<u32> = context.iter().chain(given).copied().collect();
        let body = json!({
            "input_ids": all, "return_logprob": true, "logprob_start_len": context.len() - 1,
            "sampling_params": {"max_new_tokens": 0, "temperature": 1.0},
        });
        Some(("/generate", body))
    }

    fn judged(&self, _context: &[u32], given: &[u32], answer: &Value) -> Result<Vec<f32>, String> {
        let list = answer["meta_info"]["input_token_logprobs"].as_array();
        let list = list.ok_or("no meta_info.input_token_logprobs")?;
        // The first entry may be that of the last token of the context.
        let from = list
            .len()
            .checked_sub(given.len())
            .ok_or_else(|| format!("{} log-probabilities, expected {}", list.len(), given.len()))?;
        let list = triples(&Value::Array(list[from..].to_vec()), "input_token_logprobs")?;
        let fits = list.iter().map(|(_, id)| id).eq(given);
        if !fits {
            return Err("log-probabilities of other tokens than those given".into());
        }
        Ok(list.into_iter().map(|(value, _)| value).collect())
    }

    fn rewards(&self, _facts: &Facts, tokens: &[u32], reads: Reads) -> Option<Post> {
        (reads == Reads::Last).then(|| ("/classify", json!({"input_ids": tokens})))
    }

    fn rewarded(
        &self,
        answer: &Value,
        _tokens: &[u32],
        positions: &[usize],
    ) -> Result<Vec<Vec<f32>>, String> {
        let answer = answer.get(0).unwrap_or(answer);
        Ok(vec![row(&answer["embedding"], "embedding")?; positions.len()])
    }

    fn contrast(
        &self,
        _facts: &Facts,
        tokens: &[u32],
        pair: [u32; 2],
        _cold: Option<Cold>,
    ) -> Option<Post> {
        let body = json!({
            "input_ids": tokens, "return_logprob": true, "logprob_start_len": -1,
            "token_ids_logprob": pair,
            "sampling_params": {"max_new_tokens": 1, "temperature": 1.0},
        });
        Some(("/generate", body))
    }

    fn contrasted(&self, answer: &Value, pair: [u32; 2]) -> Result<([f32; 2], u64, u64), String> {
        let meta = &answer["meta_info"];
        let name = "output_token_ids_logprobs";
        let list = triples(&meta[name][0], name)?;
        let of = |token: u32| {
            let found = list.iter().find(|(_, id)| *id == token);
            found.map(|(value, _)| *value).ok_or_else(|| format!("{name}: no token {token}"))
        };
        let prompt = integer(&meta["prompt_tokens"], "prompt_tokens")?;
        let cached = integer(&meta["cached_tokens"], "cached_tokens")?;
        Ok(([of(pair[0])?, of(pair[1])?], prompt, cached))
    }
}

/// Lists of a log-probability, a token id, and its text or nothing.
fn triples(value: &Value, name: &str) -> Result<Vec<(f32, u32)>, String> {
    let list =
        value.as_array().ok_or_else(|| format!("{name}: {}, expected a list", short(value)))?;
    let pair = |entry: &Value| {
        let id = entry[1].as_u64().and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| format!("{name}: {} has no token id", short(entry)))?;
        Ok((logprob(&entry[0], name)?, id))
    };
    list.iter().map(pair).collect()
}
