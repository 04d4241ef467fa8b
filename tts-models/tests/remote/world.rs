//! A model that is a function of its tokens and a seed, and servers of every kind that run it.

use std::sync::Arc;

use serde_json::{Value, json};
use tts_core::seed;
use tts_core::{Completion, Generator, LineError, Prompt, Request, Trajectory, Until};
use tts_models::Tokenizer;
use tts_models::remote::{Remote, RemoteConfig, ServerKind};

use tts_models::testing::fake::{Act, Seen};
use tts_models::testing::words::{BLANK, END, text_side};

/// Positions of every server.
pub(crate) const POSITIONS: usize = 4096;

/// The next token: a word's letter, a space, a blank line, or the end.
fn next(tokens: &[u32], seed: u64, greedy: bool) -> u32 {
    let hash = tokens.iter().fold(0, |hash, &token| seed::mix(hash, token.into()));
    let drawn = seed::mix(hash, if greedy { 0 } else { seed }) % 64;
    match drawn {
        0..=3 => BLANK,
        4 => END,
        5..=12 => 32,
        letter => 97 + u32::try_from(letter).expect("small") % 26,
    }
}

/// What the model gives a token, whoever draws it.
pub(crate) fn logprob(tokens: &[u32], token: u32) -> f64 {
    let hash = tokens.iter().fold(1, |hash, &token| seed::mix(hash, token.into()));
    -((seed::mix(hash, token.into()) % 1000) as f64) / 256.0
}

/// Why the model ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    End,
    Stop(String),
    Length,
}

/// What a server writes behind `tokens`.
pub(crate) fn write(
    tokens: &[u32],
    seed: u64,
    greedy: bool,
    most: usize,
    stops: &[String],
) -> (Vec<u32>, Why) {
    let most = most.min(POSITIONS - tokens.len());
    let (mut all, mut text) = (tokens.to_vec(), String::new());
    while all.len() - tokens.len() < most {
        let token = next(&all, seed, greedy);
        all.push(token);
        match token {
            END => return (all.split_off(tokens.len()), Why::End),
            BLANK => text.push_str("\n\n"),
            byte => text.push(char::from(u8::try_from(byte).expect("a byte"))),
        }
        if let Some(stop) = stops.iter().find(|stop| text.contains(stop.as_str())) {
            return (all.split_off(tokens.len()), Why::Stop(stop.clone()));
        }
    }
    (all.split_off(tokens.len()), Why::Length)
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or(16)).expect("small")
}

fn greedy(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

/// A server of a kind, without faults.
pub(crate) fn server(
    kind: ServerKind,
    tokenizer: &Arc<Tokenizer>,
) -> impl Fn(&Seen) -> Act + Send + Sync + use<> {
    let tokenizer = Arc::clone(tokenizer);
    move |seen: &Seen| {
        let encode = |text: &Value| {
            let tokens = tokenizer.encode(text.as_str().unwrap_or_default(), true).expect("bytes");
            Act::Json(json!({"tokens": tokens, "count": tokens.len()}))
        };
        let body = &seen.body;
        match (kind, seen.path.as_str()) {
            (ServerKind::Vllm, "/version") => Act::Json(json!({"version": "0.32.0"})),
            (ServerKind::Vllm, "/v1/models") => Act::Json(json!({
                "data": [{"id": "world", "root": "/nowhere/world", "max_model_len": POSITIONS}],
            })),
            (ServerKind::Sglang, "/server_info") => Act::Json(json!({
                "version": "0.5.23", "model_path": "/nowhere/world", "served_model_name": "world",
                "context_length": POSITIONS, "enable_deterministic_inference": true,
            })),
            (ServerKind::LlamaServer, "/props") => Act::Json(json!({
                "total_slots": 4, "default_generation_settings": {"n_ctx": POSITIONS},
                "model_path": "/nowhere/world.gguf", "model_alias": "world", "build_info": "b1",
            })),
            (ServerKind::LlamaServer, "/v1/models") => {
                Act::Json(json!({"data": [{"meta": {"n_params": 1000}}]}))
            }
            (ServerKind::LlamaServer, "/tokenize") => encode(&body["content"]),
            (_, "/tokenize") => encode(&body["prompt"]),
            (ServerKind::Vllm, "/v1/completions") => Act::Json(vllm(body)),
            (ServerKind::Sglang, "/generate") => sglang_within(body),
            (ServerKind::LlamaServer, "/completion") => Act::Json(llama(body)),
            _ => Act::Status(404, "", r#"{"detail":"Not Found"}"#.into()),
        }
    }
}

/// Log-probabilities along tokens.
fn along(before: &[u32], written: &[u32]) -> Vec<f64> {
    let mut all = before.to_vec();
    let one = |&token: &u32| {
        let logprob = logprob(&all, token);
        all.push(token);
        logprob
    };
    written.iter().map(one).collect()
}

fn vllm(body: &Value) -> Value {
    let prompt = ids(&body["prompt"]);
    if !body["prompt_logprobs"].is_null() {
        let entries = along(&[], &prompt).into_iter().zip(&prompt).enumerate();
        let entry = |(place, (logprob, token)): (usize, (f64, &u32))| match place {
            0 => Value::Null,
            _ => json!({token.to_string(): {"logprob": logprob, "rank": 1}}),
        };
        let list: Vec<Value> = entries.map(entry).collect();
        return json!({"choices": [{"prompt_logprobs": list}], "usage": {"prompt_tokens": prompt.len()}});
    }
    let seed = body["seed"].as_u64().unwrap_or(0);
    let (stops, most) = (texts(&body["stop"]), count(&body["max_tokens"]));
    let (written, why) = write(&prompt, seed, greedy(&body["temperature"]), most, &stops);
    let (reason, stop) = match why {
        Why::End => ("stop", Value::Null),
        Why::Stop(text) => ("stop", text.into()),
        Why::Length => ("length", Value::Null),
    };
    json!({
        "choices": [{
            "index": 0, "finish_reason": reason, "stop_reason": stop, "token_ids": written,
            "logprobs": {"token_logprobs": along(&prompt, &written)},
        }],
        "usage": {"prompt_tokens": prompt.len(), "completion_tokens": written.len(),
                  "prompt_tokens_details": {"cached_tokens": prompt.len() / 2}},
    })
}

/// A prompt within six positions of the last is refused, and an answer ends two before it.
fn sglang_within(body: &Value) -> Act {
    let mut body = body.clone();
    let prompt = ids(&body["input_ids"]).len();
    if prompt >= POSITIONS - 6 {
        return Act::Status(400, "", r#"{"error":{"message":"the input is too long"}}"#.into());
    }
    let most = &mut body["sampling_params"]["max_new_tokens"];
    *most = count(most).min(POSITIONS - 2 - prompt).into();
    Act::Json(sglang(&body))
}

fn sglang(body: &Value) -> Value {
    let prompt = ids(&body["input_ids"]);
    let sampling = &body["sampling_params"];
    let triples = |before: &[u32], written: &[u32]| -> Vec<Value> {
        let list = along(before, written).into_iter().zip(written);
        list.map(|(logprob, token)| json!([logprob, token, null])).collect()
    };
    if sampling["max_new_tokens"] == 0 {
        let from = count(&body["logprob_start_len"]);
        let list = triples(&prompt[..from], &prompt[from..]);
        return json!({"output_ids": [], "meta_info": {"input_token_logprobs": list}});
    }
    let seed = sampling["sampling_seed"].as_u64().unwrap_or(42);
    let (stops, most) = (texts(&sampling["stop"]), count(&sampling["max_new_tokens"]));
    let (written, why) = write(&prompt, seed, greedy(&sampling["temperature"]), most, &stops);
    let reason = match why {
        Why::End => json!({"type": "stop", "matched": END}),
        Why::Stop(text) => json!({"type": "stop", "matched": text}),
        Why::Length => json!({"type": "length", "length": most}),
    };
    json!({
        "output_ids": written,
        "meta_info": {"finish_reason": reason, "prompt_tokens": prompt.len(), "cached_tokens": 3,
                      "output_token_logprobs": triples(&prompt, &written)},
    })
}

fn llama(body: &Value) -> Value {
    let prompt = ids(&body["prompt"]);
    let entry = |before: &[u32], token: u32, others: Vec<Value>| json!({"id": token, "logprob": logprob(before, token), "top_logprobs": others});
    let done = |written: &[u32], why: &str, entries: Vec<Value>| {
        json!({"tokens": written, "stop_type": why, "tokens_evaluated": prompt.len(),
               "timings/cache_n": prompt.len() - 1, "completion_probabilities": entries})
    };
    if let Some(forced) = body["logit_bias"][0][0].as_u64() {
        let token = u32::try_from(forced).expect("an id");
        // Bytes that are no character have no entry of their own, but stand among the others.
        let whole = !(128..256).contains(&token);
        let others = if body["n_probs"].as_u64() > Some(64) { 0..=257_u32 } else { 0..=63 };
        let others = others.map(|id| json!({"id": id, "logprob": logprob(&prompt, id)})).collect();
        let entries = if whole { vec![entry(&prompt, token, others)] } else { Vec::new() };
        return done(&[token], "limit", entries);
    }
    let seed = body["seed"].as_u64().unwrap_or(0);
    let (stops, most) = (texts(&body["stop"]), count(&body["n_predict"]));
    let (written, why) = write(&prompt, seed, greedy(&body["temperature"]), most, &stops);
    // The entries of a stop text are cut off with it.
    let (why, kept) = match why {
        Why::End => ("eos", written.len()),
        Why::Stop(_) => ("word", written.len() - 1),
        Why::Length => ("limit", written.len()),
    };
    let mut all = prompt.clone();
    let mut entries = Vec::new();
    for &token in &written[..kept] {
        entries.push(entry(&all, token, Vec::new()));
        all.push(token);
    }
    done(&written, why, entries)
}

/// A folder with the text side, and the tokenizer in it.
pub(crate) struct Words {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) tokenizer: Arc<Tokenizer>,
}

impl Words {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        text_side(folder.path(), &[]).expect("written");
        let tokenizer = Tokenizer::from_file(folder.path().join("tokenizer.json")).expect("sound");
        Self { folder, tokenizer: Arc::new(tokenizer) }
    }

    /// Settings for a server of a kind, quick to give up.
    pub(crate) fn config(&self, address: String) -> RemoteConfig {
        RemoteConfig {
            text: Some(self.folder.path().to_owned()),
            self_test: false,
            pause_seconds: 0.01,
            connect_seconds: 2.0,
            call_seconds: 20.0,
            attempts: 3,
            ..RemoteConfig::server(address)
        }
    }
}

/// Lines to their ends.
pub(crate) fn request(question: &str, seeds: Vec<u64>) -> Request {
    let prompt = Arc::new(Prompt::text(question));
    let path = Trajectory::new(prompt, Vec::new(), 0, false);
    Request { until: Until::End, max_tokens: 200, ..Request::new(path, seeds) }
}

/// The lines of one request.
pub(crate) fn lines(remote: &Remote, request: &Request) -> Vec<Result<Completion, LineError>> {
    remote.generate(std::slice::from_ref(request)).expect("a server").remove(0).lines
}
