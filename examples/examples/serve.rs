//! Serves a model to OpenAI clients, with search: the strategy stands behind the model's name.
//!
//! `cargo run --release --example serve -- --model FILE --bind 127.0.0.1:8080`
//!
//! `--model http://HOST:PORT` searches on a server behind it (llama-server, vLLM), see `docs/remote.md`.
//! A JSON file of `--model` names engines by role, a judge say: then requests may ask for `best-by-judge` and `judged`, too.
//! `--model embedded` serves the pair that is held in the program, under its two reward models. A key in the
//! environment variable `TTS_API_KEY` is asked of every client. See `docs/serve.md`.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tts_core::{Prompt, Sampling, StepRule};
use tts_examples::engines::{Engine, Engines, model_name};
use tts_examples::files::read_json;
use tts_examples::judges;
use tts_examples::options::{ModelOptions, NamedOptions, Priced};
use tts_examples::remembering::StoreOptions;
use tts_examples::{Error, exit};
use tts_models::Tokenizer;
use tts_prm::{ScorerSpec, pair};
use tts_serve::{ApiKey, Model, ServeConfig, Words, serve, stop_signal};

/// Serves a model to OpenAI clients, with search.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    bind: String,
    /// What clients call the model; the name of its file unless said.
    #[arg(long)]
    name: Option<String>,
    /// logprob, rule, prm:PATH, orm:PATH, json:PATH or word:FILE; may be given several times, the first is the default. Without:
    /// logprob and rule.
    #[arg(long)]
    scorer: Vec<ScorerSpec>,
    #[command(flatten)]
    named: NamedOptions,
    #[command(flatten)]
    store: StoreOptions,
    /// Sampling temperature of requests that say none; 0 is greedy. Default: 0.8.
    #[arg(long)]
    temperature: Option<f32>,
    /// Text that ends a step, with \n for a line break; may be given several times. Default: a blank line.
    #[arg(long)]
    step: Vec<String>,
    /// Longest answer of requests that say none, in tokens; no more than the limit `answer_tokens`. Default: 1024, or
    /// the limit where that is less.
    #[arg(long)]
    max_tokens: Option<u32>,
    /// Money for a million tokens, such as read=0.15,generated=0.6 of the model, or scorer.NAME:scored=0.02 of a
    /// scorer; may be given several times. Servers behind state their own.
    #[arg(long)]
    price: Vec<Priced>,
    /// Limits, as JSON: the fields of `ServeConfig` that differ from its defaults.
    #[arg(long)]
    limits: Option<PathBuf>,
}

/// The text side of a model.
struct Text(&'static Engine, &'static Tokenizer);

impl Words for Text {
    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, String> {
        self.0.encode(prompt).map_err(|error| error.to_string())
    }

    fn bytes(&self, token: u32) -> Vec<u8> {
        self.1.token_bytes(token).to_vec()
    }

    fn positions(&self) -> usize {
        self.0.positions()
    }
}

/// The text side of a model.
fn text(model: &'static Engine) -> Result<Text, Error> {
    let tokenizer = model.tokenizer().ok_or("records cannot be served: they hold no tokenizer")?;
    Ok(Text(model, tokenizer))
}

impl Arguments {
    fn config(&self) -> Result<ServeConfig, Error> {
        let mut config = match &self.limits {
            None => ServeConfig { window: self.model.max_lines, ..ServeConfig::default() },
            Some(path) => read_json(path)?,
        };
        config.api_key = std::env::var("TTS_API_KEY").ok().and_then(ApiKey::new);
        config.check()?;
        Ok(config)
    }

    /// The model with its scorers. Scorers on the model's own backbone borrow it, and it is served until
    /// the process ends: it is never dropped.
    fn model(&self, config: &ServeConfig) -> Result<Model, Error> {
        let most = config.answer_tokens;
        if let Some(tokens) = self.max_tokens.filter(|&tokens| tokens > most) {
            let problem =
                format!("--max-tokens is {tokens}, above the limit answer_tokens, {most}");
            return Err(problem.into());
        }
        if self.model.model == Path::new("embedded") {
            let engine = self.model.of_embedded(&[
                ("--scorer", !self.scorer.is_empty()),
                ("--named", !self.named.named.is_empty()),
                ("--store", self.store.store.is_some()),
                ("--temperature", self.temperature.is_some()),
                ("--step", !self.step.is_empty()),
                ("--max-tokens", self.max_tokens.is_some()),
            ])?;
            let generator = pair::generator(engine)?;
            let model: &'static Engine =
                Box::leak(Box::new(Engine::Local("embedded".into(), generator)));
            let text = text(model)?;
            let name = self.name.clone().unwrap_or_else(|| "embedded".into());
            return Ok(Model::new(name, Arc::new(model.generator()))
                .scorer("prm", Arc::new(pair::process(engine)?))
                .scorer("orm", Arc::new(pair::outcome(engine)?))
                .registry(judges::registry())
                .rule(pair::rule())
                .sampling(pair::sampling())
                .words(Arc::new(text)));
        }
        let delimiters = match &self.step[..] {
            [] => vec!["\n\n".to_owned()],
            texts => texts.iter().map(|text| text.replace("\\n", "\n")).collect(),
        };
        let max_tokens = self.max_tokens.unwrap_or(most.min(1024));
        let rule = StepRule { delimiters, max_tokens, ..StepRule::default() };
        // A list of many short lines ends by its tokens, as clients expect.
        let rule = StepRule { max_steps: rule.max_steps.max(max_tokens), ..rule };
        let name = self.name.clone().unwrap_or_else(|| model_name(&self.model.model));
        // They are served until the process ends.
        let engines: &'static Engines = Box::leak(Box::new(self.store.over(self.model.open()?)?));
        let name = match (&self.name, &engines.policy) {
            (None, Engine::Remote(remote)) => remote.facts().name().to_owned(),
            _ => name,
        };
        let model = &engines.policy;
        let text = text(model)?;
        let mut served = Model::new(name, Arc::new(engines.writer()));
        for (role, price) in engines.prices() {
            served.prices.writers.insert(role.to_owned(), price);
        }
        for (role, engine) in &engines.others {
            served = served.role(role.clone(), Arc::new(engines.stored(engine)));
        }
        for (name, scorer) in self.named.open(&self.model, engines)? {
            served = served.scorer_named(name, Arc::new(scorer));
        }
        let served = served
            .registry(judges::registry())
            .rule(rule)
            .sampling(Sampling::temperature(self.temperature.unwrap_or(0.8)))
            .words(Arc::new(text));
        let scorers = match &self.scorer[..] {
            [] => vec![ScorerSpec::Logprob, ScorerSpec::Rule],
            named => named.to_vec(),
        };
        scorers.iter().try_fold(served, |served, spec| {
            let scorer = engines.judging(spec, self.model.scorer(spec, model)?)?;
            Ok(served.scorer(spec.to_string(), Arc::new(scorer)))
        })
    }
}

/// The model with the prices that were given.
fn priced(mut model: Model, given: &[Priced]) -> Result<Model, Error> {
    let prices = Priced::all(given)?;
    model.prices.writers.extend(prices.writers);
    model.prices.scorers.extend(prices.scorers);
    Ok(model)
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let config = arguments.config()?;
    // A port that is taken is found before the model is read.
    let listener = TcpListener::bind(&arguments.bind)
        .map_err(|error| format!("{}: {error}", arguments.bind))?;
    let model = priced(arguments.model(&config)?, &arguments.price)?;
    model.check()?;
    let (mut out, address) = (std::io::stdout(), listener.local_addr()?);
    let key = if config.api_key.is_some() { "asks for a key" } else { "asks for no key" };
    writeln!(out, "http://{address}/v1 serves {} and {key}", model.name)?;
    out.flush()?;
    serve(&config, vec![model], listener, stop_signal())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("serve", run(&Arguments::parse()))
}
