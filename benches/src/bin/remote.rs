//! What driving a server costs, and what driving it well saves.
//!
//! `cargo run --release -p tts-benches --bin remote -- overhead` serves fixed answers on loopback, and gives the
//! wall time of a call on one connection: that of the client, the loopback and the little server together.
//!
//! `... --bin remote -- beam --server http://127.0.0.1:8080 [--tokenizer FOLDER]` runs a beam search without a
//! verifier on a llama-server, and then the same lines, as many tokens each, the naive way: one request a
//! line, the whole text each, all lines of a round at once. By turns, each with prompts of its own, so that
//! nothing is in a cache for either. One line of JSON for each pair, and the median of their ratios.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use serde::Serialize;
use serde_json::json;
use tts_benches::{ShuffledBeam, report};
use tts_core::{
    BoxError, Generator, NodeId, Outcome, Prompt, Request, Sampling, Search, StepRule, Trajectory,
    Tree, Until,
};
use tts_models::remote::{Logprobs, Remote, RemoteConfig};

/// What driving a server costs, and what driving it well saves.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The client's own time.
    Overhead {
        /// Folder with a `tokenizer.json` and no chat template.
        #[arg(long)]
        tokenizer: PathBuf,
        /// Tokens of the prompt.
        #[arg(long, default_value_t = 500)]
        prompt_tokens: usize,
        /// Calls.
        #[arg(long, default_value_t = 2_000)]
        calls: u64,
    },
    /// Beam search on a llama-server, and the naive way.
    Beam {
        /// Its address.
        #[arg(long)]
        server: String,
        /// GGUF file, or folder with a tokenizer; not needed where the server's file is here.
        #[arg(long)]
        tokenizer: Option<PathBuf>,
        /// Beams that are kept.
        #[arg(long, default_value_t = 16)]
        keep: usize,
        /// Continuations of each.
        #[arg(long, default_value_t = 4)]
        branch: usize,
        /// Rounds.
        #[arg(long, default_value_t = 8)]
        steps: u32,
        /// Tokens of a step.
        #[arg(long, default_value_t = 32)]
        step_tokens: u32,
        /// Pairs.
        #[arg(long, default_value_t = 5)]
        pairs: usize,
    },
}

#[derive(Debug, Serialize)]
struct Overhead {
    calls: u64,
    prompt_tokens: usize,
    milliseconds_a_call: f64,
}

#[derive(Debug, Serialize)]
struct Pair {
    tokens: u64,
    seconds: f64,
    naive_seconds: f64,
    ratio: f64,
    prompt_tokens: u64,
    cached_tokens: u64,
    naive_prompt_tokens: u64,
    naive_cached_tokens: u64,
}

#[derive(Debug, Serialize)]
struct Pairs {
    pairs: Vec<Pair>,
    median_ratio: f64,
}

/// One request of HTTP: its path and body.
fn receive(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let (mut line, mut length) = (String::new(), 0);
    (reader.read_line(&mut line).ok()? > 0).then_some(())?;
    let path = line.split(' ').nth(1)?.to_owned();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}

/// A server that always writes the same token, and knows the tokenizer's ids as the client asks for them.
fn fixed(tokenizer: &tts_models::Tokenizer, stream: &TcpStream, token: u32) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    while let Some((path, body)) = receive(&mut reader) {
        let asked: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let answer = match path.as_str() {
            "/props" => {
                json!({"total_slots": 1, "default_generation_settings": {"n_ctx": 100_000}, "model_alias": "fixed"})
            }
            "/v1/models" => json!({"data": []}),
            "/tokenize" => {
                json!({"tokens": tokenizer.encode(asked["content"].as_str()?, true).ok()?})
            }
            "/completion" => json!({
                "tokens": [token], "stop_type": "limit", "tokens_evaluated": asked["prompt"].as_array()?.len(),
                "timings/cache_n": 0, "completion_probabilities": [{"id": token, "logprob": -1.0}],
            }),
            _ => json!({"prompt": ""}),
        };
        let body = answer.to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        writer.write_all((head + &body).as_bytes()).ok()?;
    }
    Some(())
}

fn overhead(path: PathBuf, prompt_tokens: usize, calls: u64) -> Result<Overhead, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let file = if path.is_dir() { path.join("tokenizer.json") } else { path.clone() };
    let tokenizer = tts_models::Tokenizer::from_file(&file)?;
    let token = *tokenizer.encode("a", false)?.first().ok_or("no token for the letter a")?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            fixed(&tokenizer, &stream, token);
        }
    });
    let config =
        RemoteConfig { text: Some(path), self_test: false, ..RemoteConfig::server(address) };
    let remote = Remote::open(config)?;
    let prompt = std::sync::Arc::new(Prompt::text("a ".repeat(prompt_tokens / 2)));
    let request = |seed| {
        let path = Trajectory::new(std::sync::Arc::clone(&prompt), Vec::new(), 0, false);
        Request { until: Until::Tokens(1), max_tokens: 1, ..Request::new(path, vec![seed]) }
    };
    remote.generate(&[request(0)])?;
    let start = Instant::now();
    for seed in 0..calls {
        remote.generate(&[request(seed)])?.remove(0).lines.remove(0)?;
    }
    let milliseconds_a_call = start.elapsed().as_secs_f64() * 1e3 / calls as f64;
    Ok(Overhead {
        calls,
        prompt_tokens: remote.tokenizer().encode(prompt.question(), true)?.len(),
        milliseconds_a_call,
    })
}

/// The lines of a search, round by round: the text before each, and how many tokens it wrote.
fn rounds(tree: &Tree, prompt: &str) -> BTreeMap<u32, Vec<(String, u64)>> {
    let mut rounds: BTreeMap<u32, Vec<(String, u64)>> = BTreeMap::new();
    for (_, node) in tree.iter().filter(|(id, _)| *id != NodeId::ROOT) {
        let before = node.parent.map(|parent| tree.text(parent)).unwrap_or_default();
        rounds
            .entry(node.round)
            .or_default()
            .push((format!("{prompt}{before}"), node.step.generated()));
    }
    rounds
}

/// One line the naive way: what the server says that it computed and had at hand.
fn naive(server: &str, text: &str, tokens: u64, seed: u64) -> Result<(u64, u64), BoxError> {
    let host = server.trim_start_matches("http://").trim_end_matches('/');
    let body = json!({
        "prompt": text, "max_tokens": tokens, "temperature": 0.8, "seed": seed, "ignore_eos": true,
        "cache_prompt": true,
    });
    let body = body.to_string();
    let mut stream = TcpStream::connect(host)?;
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let json = answer.split_once("\r\n\r\n").ok_or("no body")?.1;
    let json = &json[json.find('{').ok_or("no JSON")?..=json.rfind('}').ok_or("no JSON")?];
    let answer: serde_json::Value = serde_json::from_str(json)?;
    let wrote = answer["usage"]["completion_tokens"].as_u64();
    if wrote != Some(tokens) {
        return Err(format!("{wrote:?} tokens, expected {tokens}: {json}").into());
    }
    let timings = &answer["timings"];
    Ok((timings["prompt_n"].as_u64().unwrap_or(0), timings["cache_n"].as_u64().unwrap_or(0)))
}

fn pair(remote: &Remote, strategy: &ShuffledBeam, number: usize) -> Result<Pair, BoxError> {
    // Every line of a prompt of its own, from the first tokens on.
    let prompt = |who: &str| {
        format!(
            "{who} {number}. Natalia sold clips to 48 of her friends in April, and then she sold half as many \
             clips in May. How many clips did Natalia sell altogether in April and May? Think step by step, \
             write every intermediate calculation on its own line, and finish with the line 'The answer is \
             N' where N is the number. Please be careful with the arithmetic and check the result before \
             answering.\n"
        )
    };
    let length = strategy.steps * strategy.step_tokens;
    let rule = StepRule {
        delimiters: Vec::new(),
        max_step_tokens: length,
        max_tokens: length,
        ..StepRule::default()
    };
    let search =
        Search::new(remote).rule(rule).sampling(Sampling::temperature(0.8)).seed(number as u64);
    let before = remote.usage();
    let start = Instant::now();
    let outcome: Outcome = search.run(strategy.clone(), Prompt::text(prompt("ours")))?;
    let seconds = start.elapsed().as_secs_f64();
    let after = remote.usage();
    let rounds = rounds(&outcome.tree, &prompt("naive"));
    let server = remote.config().servers.first().ok_or("no server")?;
    let (mut prompts, mut cached) = (0, 0);
    let start = Instant::now();
    for lines in rounds.values() {
        let done: Vec<Result<(u64, u64), BoxError>> = std::thread::scope(|scope| {
            let lines = lines.iter().enumerate().map(|(seed, (text, tokens))| {
                scope.spawn(move || naive(server, text, *tokens, seed as u64))
            });
            let lines: Vec<_> = lines.collect();
            lines.into_iter().map(|line| line.join().map_err(|_| "a thread failed")?).collect()
        });
        for line in done {
            let (computed, known) = line?;
            (prompts, cached) = (prompts + computed + known, cached + known);
        }
    }
    let naive_seconds = start.elapsed().as_secs_f64();
    Ok(Pair {
        tokens: outcome.usage.logical.generated_tokens,
        seconds,
        naive_seconds,
        ratio: seconds / naive_seconds,
        prompt_tokens: after.prompt_tokens - before.prompt_tokens,
        cached_tokens: after.cached_tokens - before.cached_tokens,
        naive_prompt_tokens: prompts,
        naive_cached_tokens: cached,
    })
}

fn pairs(remote: &Remote, strategy: &ShuffledBeam, count: usize) -> Result<Pairs, BoxError> {
    let mut pairs = Vec::with_capacity(count);
    for number in 0..count {
        let pair = pair(remote, strategy, number)?;
        writeln!(std::io::stderr(), "{}", serde_json::to_string(&pair)?)?;
        pairs.push(pair);
    }
    let mut ratios: Vec<f64> = pairs.iter().map(|pair| pair.ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let median_ratio = ratios.get(ratios.len() / 2).copied().ok_or("no pairs")?;
    Ok(Pairs { pairs, median_ratio })
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Overhead { tokenizer, prompt_tokens, calls } => {
            report("remote", overhead(tokenizer, prompt_tokens, calls).map(|all| vec![all]), None)
        }
        What::Beam { server, tokenizer, keep, branch, steps, step_tokens, pairs: count } => {
            let config = RemoteConfig {
                text: tokenizer,
                self_test: false,
                // The naive way asks for none.
                logprobs: Some(Logprobs::Off),
                ..RemoteConfig::server(server)
            };
            let strategy = ShuffledBeam::new(keep, branch, steps, step_tokens);
            let figures = Remote::open(config).map_err(Into::into);
            let figures = figures.and_then(|remote| pairs(&remote, &strategy, count));
            report("remote", figures.map(|all| vec![all]), None)
        }
    }
}
