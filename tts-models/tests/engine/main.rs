//! The engine on small random models: bits that do not depend on company, steps, the cache.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod account;
mod backbone;
mod experts;
mod given;
mod identity;
mod invariance;
mod lines;
mod native;
mod pause;
mod renewal;
mod sessions;
mod texts;
mod watch;
mod windows;

use std::path::Path;
use std::sync::Arc;

use tts_core::{
    Completion, Generator, Prompt, Request, Sampling, Step, StepRule, Trajectory, Until,
};
pub(crate) use tts_models::testing::byte_config as config;
use tts_models::testing::{byte_config, lively_weights};
use tts_models::text::tokenizer::characters;
use tts_models::{
    ChatTemplate, DecoderWeights, Engine, EngineConfig, ModelConfig, Native, Tokenizer,
};

/// Random weights over [`byte_config`].
pub(crate) fn weights(architecture: &str) -> DecoderWeights {
    lively_weights(byte_config(architecture)).unwrap()
}

/// An engine on a small random model with a chat template.
pub(crate) fn engine(config: EngineConfig) -> Engine<Native> {
    engine_of("qwen3", config)
}

/// [`engine`] of another architecture.
pub(crate) fn engine_of(architecture: &str, config: EngineConfig) -> Engine<Native> {
    let native = Native::new(weights(architecture), config.threads).unwrap();
    let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
    let template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
                    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    let template = ChatTemplate::new(template, "", "<|im_end|>").unwrap();
    Engine::new(native, tokenizer, Some(template), config).unwrap()
}

/// The letters of [`letters`].
pub(crate) const ALPHABET: &str = "abcdefghijklmnopqrst.\n ";

/// The end token of [`letters`].
pub(crate) const END: u32 = 0;

/// An engine on a small random model of 23 characters and an end token, each of which it writes
/// often.
pub(crate) fn letters(config: EngineConfig) -> Engine<Native> {
    letters_of(config, vec![END])
}

/// [`letters`] with other tokens that end a solution.
pub(crate) fn letters_of(config: EngineConfig, ends: Vec<u32>) -> Engine<Native> {
    let model = ModelConfig { vocab_size: 24, eos_token_ids: ends, ..byte_config("qwen3") };
    let native = Native::new(lively_weights(model).unwrap(), config.threads).unwrap();
    let json = characters(ALPHABET, &["<|end|>"]).unwrap();
    let tokenizer = Tokenizer::from_json_bytes(json.as_bytes(), Path::new("letters")).unwrap();
    Engine::new(native, Arc::new(tokenizer), None, config).unwrap()
}

/// The token ids of a text of [`letters`].
pub(crate) fn ids(text: &str) -> Vec<u32> {
    let place = |c: char| u32::try_from(ALPHABET.find(c).unwrap() + 1).unwrap();
    text.chars().map(place).collect()
}

/// A path of steps of these texts of [`letters`] behind a prompt.
pub(crate) fn path(prompt: &str, steps: &[&str]) -> Trajectory {
    let step = |text: &&str| {
        Arc::new(Step { text: (*text).to_owned(), tokens: ids(text), ..Step::default() })
    };
    Trajectory::new(Arc::new(Prompt::text(prompt)), steps.iter().map(step).collect(), 0, false)
}

/// Whole solutions at temperature 1.
pub(crate) fn request(prompt: Prompt, seeds: Vec<u64>) -> Request {
    Request {
        until: Until::End,
        sampling: Sampling::temperature(1.0),
        rule: Arc::new(StepRule {
            delimiters: vec!["a".into(), "e".into()],
            ..StepRule::default()
        }),
        max_tokens: 40,
        ..Request::new(Trajectory::new(Arc::new(prompt), Vec::new(), 0, false), seeds)
    }
}

/// The lines of one request.
pub(crate) fn lines(engine: &dyn Generator, request: &Request) -> Vec<Completion> {
    let made = engine.generate(std::slice::from_ref(request)).unwrap().remove(0);
    made.lines.into_iter().map(|line| line.unwrap()).collect()
}

/// The first line of one request.
pub(crate) fn one(engine: &dyn Generator, request: &Request) -> Completion {
    lines(engine, request).remove(0)
}

/// The generated tokens of a line.
pub(crate) fn generated(line: &Completion) -> Vec<u32> {
    line.steps.iter().flat_map(|step| &step.tokens[step.given as usize..]).copied().collect()
}

/// The bits of the log-probabilities of a line.
pub(crate) fn bits(line: &Completion) -> Vec<u32> {
    line.steps.iter().flat_map(|step| &step.logprobs).map(|logprob| logprob.to_bits()).collect()
}
