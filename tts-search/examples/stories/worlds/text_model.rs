//! A language model given as a function: from the prompt, the text so far and chance to the text that
//! follows.
//!
//! Tokens are bytes, and one end token. The function says all that it would write up to its end; the
//! model cuts that at delimiters, stop and pause texts and limits, and asks the function anew, with the
//! next seed, for each step. So a line written in one go is the line written step by step.
//!
//! Source: none; a test double.

use tts_core::cost::ModelCost;
use tts_core::seed::{self, Rng};
use tts_core::toy::END;
use tts_core::{
    BoxError, Completion, Finish, Generated, Generator, LineError, Prompt, Request, Step, Until,
};

/// A model that writes what `write(prompt, so far, chance)` says, or fails a line with its error.
#[derive(Clone)]
pub(crate) struct TextModel<F>(pub(crate) F);

impl<F> TextModel<F>
where
    F: Fn(&Prompt, &str, &mut Rng) -> Result<String, LineError> + Send + Sync,
{
    fn line(&self, request: &Request, mut seed: u64) -> Result<Completion, LineError> {
        request.sampling.draws_all("this model")?;
        let prompt = request.prefix.prompt();
        let (mut text, mut left) = (request.prefix.text(), request.max_tokens);
        if let Until::Tokens(tokens) = request.until {
            left = left.min(tokens);
        }
        let words = request.append.iter().flat_map(|words| words.bytes());
        let mut given: Vec<u32> =
            request.given.iter().copied().chain(words.map(u32::from)).collect();
        let mut steps = Vec::new();
        loop {
            let mut step = Step { given: count(given.len()), ..Step::default() };
            step.tokens = std::mem::take(&mut given);
            step.text = step.tokens.iter().copied().filter_map(letter).collect();
            text.push_str(&step.text);
            let next = (self.0)(prompt, &text, &mut seed::rng(seed))?;
            let mut next = next.bytes().map(u32::from).chain([END]);
            let finish = loop {
                let token = next.next().unwrap_or(END);
                step.tokens.push(token);
                step.text.extend(letter(token));
                text.extend(letter(token));
                left -= 1;
                let ended = |texts: &[String]| {
                    let ended = texts.iter().filter(|ending| text.ends_with(ending.as_str()));
                    ended.map(|ending| count(ending.len())).max()
                };
                let rule = &request.rule;
                let (ending, finish) = if token == END {
                    (Some(1), Finish::Stop)
                } else if let Some(length) = ended(&rule.stop) {
                    (Some(length), Finish::Stop)
                } else {
                    (ended(&rule.pause), Finish::Pause)
                };
                if let Some(length) = ending {
                    step.closing = length.min(count(step.tokens.len()) - step.given);
                    break Some(finish);
                }
                if left == 0 {
                    let counted = matches!(request.until, Until::Tokens(_));
                    break Some(if counted { Finish::Step } else { Finish::Length });
                }
                let full = step.generated() >= u64::from(rule.max_step_tokens);
                if full || (ended(&rule.delimiters).is_some() && !step.is_blank()) {
                    break None;
                }
            };
            steps.push(step);
            let prompt_tokens = prompt.question().len() as u64;
            let boundary = (steps.len() >= request.until.most_steps()).then_some(Finish::Step);
            if let Some(finish) = finish.or(boundary) {
                return Ok(Completion { steps, finish, prompt_tokens });
            }
            seed = seed::child(seed, 0);
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn letter(token: u32) -> Option<char> {
    u8::try_from(token).ok().map(char::from)
}

impl<F> Generator for TextModel<F>
where
    F: Fn(&Prompt, &str, &mut Rng) -> Result<String, LineError> + Send + Sync,
{
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, seed| self.line(request, seed)))
    }

    fn cost(&self) -> ModelCost {
        ModelCost { parameters: 1_000, layers: 2, query_width: 8, windows: None }
    }
}
