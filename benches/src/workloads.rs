//! The workloads themselves.

use std::sync::Arc;

use tts_core::{
    BoxError, Outcome, Prompt, Request, Sampling, Search, StepRule, StepScorer, Trajectory, Until,
};
use tts_models::LanguageModel;
use tts_prm::{HeadConfig, Linear, ProcessHead, RewardHead};

use crate::account::{Taken, Watch};
use crate::{Figures, ShuffledBeam};

/// The problem, as a chat in the form of `SmolLM2`'s template.
const TEXT: &str = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by \
    Hugging Face<|im_end|>\n<|im_start|>user\nNatalia sold clips to 48 of her friends in April, \
    and then she sold half as many clips in May. How many clips did Natalia sell altogether in \
    April and May? Think step by step, write every intermediate calculation on its own line, and \
    finish with the line 'The answer is N' where N is the number. Please be careful with the \
    arithmetic and check the result before answering.<|im_end|>\n<|im_start|>assistant\n";

/// For models that cannot write the text above: problems of the embedded family.
const CHAIN: &str = "12+3*4-5+67*2-8+9*3+41-6*7+";

/// The prompt as `tokens` token ids: cut, or filled up with its middle token.
pub(crate) fn ids(model: &dyn LanguageModel, tokens: Option<usize>) -> Result<Vec<u32>, BoxError> {
    let known = model.encode(&Prompt::text(TEXT));
    let mut ids = known.or_else(|_| model.encode(&Prompt::text(CHAIN)))?;
    if let Some(tokens) = tokens {
        let middle = ids.len() / 2;
        let missing = tokens.saturating_sub(ids.len());
        ids.splice(middle..middle, std::iter::repeat_n(ids[middle], missing));
        ids.truncate(tokens);
    }
    Ok(ids)
}

/// A prompt of as many tokens, by default as many as the text has.
fn prompt(model: &dyn LanguageModel, tokens: Option<usize>) -> Result<Prompt, BoxError> {
    Ok(Prompt::text(model.tokenizer().decode(&ids(model, tokens)?, false)))
}

/// Steps end by their length alone.
pub(crate) fn rule(tokens: u32) -> StepRule {
    StepRule {
        delimiters: Vec::new(),
        max_step_tokens: tokens,
        max_tokens: tokens,
        ..StepRule::default()
    }
}

/// `lines` continuations of one prompt, `new_tokens` each. With `read_before` the prompt is read
/// before the clock starts.
///
/// # Errors
/// When the model fails.
pub fn decode(
    model: &dyn LanguageModel,
    name: &str,
    lines: u64,
    prompt_tokens: Option<usize>,
    new_tokens: u32,
    sampling: Sampling,
    read_before: bool,
) -> Result<Figures, BoxError> {
    let prompt = prompt(model, prompt_tokens)?;
    let mut request = Request {
        until: Until::Tokens(new_tokens),
        sampling,
        rule: Arc::new(rule(new_tokens)),
        max_tokens: new_tokens,
        ..Request::new(
            Trajectory::new(Arc::new(prompt), Vec::new(), 0, false),
            (0..lines).collect(),
        )
    };
    if read_before {
        request.until = Until::Tokens(1);
        model.generate(std::slice::from_ref(&request))?;
        request.until = Until::Tokens(new_tokens);
    }
    let watch = Watch::start(model);
    let generated = model.generate(&[request])?.remove(0);
    let taken = watch.stop();
    let (mut tokens, mut prompt_tokens) = (0, 0);
    for line in generated.lines {
        let line = line?;
        tokens += line.generated();
        prompt_tokens = line.prompt_tokens;
    }
    let figures = Figures::new(name, tokens, taken, prompt_tokens, generated.cached_tokens);
    Ok(Figures { lines, ..figures })
}

/// Reads a prompt of `prompt_tokens` tokens.
///
/// # Errors
/// When the model fails.
pub fn prefill(model: &dyn LanguageModel, prompt_tokens: usize) -> Result<Figures, BoxError> {
    let tokens = ids(model, Some(prompt_tokens))?;
    let watch = Watch::start(model);
    model.next_logits(&tokens)?;
    let taken = watch.stop();
    let count = tokens.len() as u64;
    Ok(Figures::new("prefill", count, taken, count, 0))
}

/// Figures of searches that started together.
fn searched(name: &str, taken: Taken, prompts: u64, outcomes: &[Outcome]) -> Figures {
    let tokens = outcomes.iter().map(|outcome| outcome.usage.logical.generated_tokens).sum();
    let cached = outcomes.iter().map(|outcome| outcome.usage.measured.cached_tokens).sum();
    Figures::new(name, tokens, taken, prompts, cached)
}

/// Beam search over one prompt, without a verifier.
///
/// # Errors
/// When the model fails.
pub fn beam(
    model: &dyn LanguageModel,
    strategy: ShuffledBeam,
    prompt_tokens: Option<usize>,
    sampling: Sampling,
) -> Result<Figures, BoxError> {
    run(model, "beam", None, strategy, prompt_tokens, sampling)
}

/// The same beam search with a random head on the model's own backbone that scores every step.
///
/// # Errors
/// When the model fails.
pub fn score(
    model: &dyn LanguageModel,
    strategy: ShuffledBeam,
    prompt_tokens: Option<usize>,
    sampling: Sampling,
) -> Result<Figures, BoxError> {
    let width = model.width();
    let weight = (0..2 * width).map(|i| (i as f32 * 1.7).sin() * 0.05).collect();
    let layer = Linear { weight, bias: None, outputs: 2, inputs: width };
    let head = RewardHead::new(vec![layer], HeadConfig::default())?;
    let scorer = ProcessHead::new(model, head)?;
    run(model, "score", Some(&scorer), strategy, prompt_tokens, sampling)
}

fn run(
    model: &dyn LanguageModel,
    name: &str,
    scorer: Option<&dyn StepScorer>,
    strategy: ShuffledBeam,
    prompt_tokens: Option<usize>,
    sampling: Sampling,
) -> Result<Figures, BoxError> {
    let prompt = prompt(model, prompt_tokens)?;
    let length = strategy.steps * strategy.step_tokens;
    let mut search = Search::new(model).rule(rule(length)).sampling(sampling).seed(7);
    if let Some(scorer) = scorer {
        search = search.scorer(scorer);
    }
    let prompts = model.encode(&prompt)?.len() as u64;
    let watch = Watch::start(model);
    let outcome = search.run(strategy, prompt)?;
    Ok(searched(name, watch.stop(), prompts, &[outcome]))
}

/// Beam search over `problems` problems at once, of uneven lengths: prompts of 40 to 235 tokens, 3 to
/// 9 steps of 12 to 40 tokens, 16 beams.
///
/// # Errors
/// When the model fails.
pub fn mixed(
    model: &dyn LanguageModel,
    problems: usize,
    sampling: Sampling,
) -> Result<Figures, BoxError> {
    let mut searches = Vec::new();
    let mut prompts = 0;
    for index in 0..problems {
        let small = u32::try_from(index).unwrap_or(u32::MAX);
        let text = model.tokenizer().decode(&ids(model, Some(40 + 65 * index % 196))?, false);
        // A prompt of its own for each problem, from the first token on.
        let prompt = Prompt::text(format!("{}{text}", index % 10));
        prompts += model.encode(&prompt)?.len() as u64;
        searches.push((prompt, ShuffledBeam::new(4, 4, 3 + small * 5 % 7, 12 + small * 11 % 29)));
    }
    let longest = searches.iter().map(|(_, s)| s.steps * s.step_tokens).max().unwrap_or(1);
    let search = Search::new(model).rule(rule(longest)).sampling(sampling).seed(7);
    let watch = Watch::start(model);
    let mut pool = search.pool();
    for (prompt, strategy) in searches {
        pool.submit(strategy, prompt, None)?;
    }
    let mut outcomes = Vec::new();
    while let Some((_, outcome)) = pool.poll() {
        outcomes.push(outcome?);
    }
    Ok(searched("mixed", watch.stop(), prompts, &outcomes))
}
